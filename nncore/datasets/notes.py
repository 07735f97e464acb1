"""What a model file notes of the data: how they are prepared, and which rows the training has never seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from nncore.base import strict_json
from nncore.datasets.preparation import Preparation
from nncore.datasets.split import split_by_class, train_test_split


@dataclass(frozen=True)
class Split:
    """How the rows for the test were held out.

    Attributes
    ----------
    data : str
        The DATA of the training.
    n_samples : int
        Its number of rows.
    test : float
        The share held out; 0 if none was, or if there was a test set besides.
    seed : int
    stratify : bool
    last : bool
        Whether the last rows were held out, as they stood: of rows that were streamed.
    """

    data: str
    n_samples: int
    test: float
    seed: int
    stratify: bool
    last: bool = False

    @property
    def n_last(self) -> int:
        """How many rows are held out if they are the last."""
        return round(self.n_samples * self.test)

    def rows(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the training rows and of the test rows for the target `y`."""
        everything = np.arange(len(y))
        if not self.test:
            return everything, everything[:0]
        if self.last:
            n = len(y) - self.n_last
            return everything[:n], everything[n:]
        if self.stratify:
            return split_by_class(y, self.test, self.seed)
        train, test = train_test_split(everything, test_size=self.test, seed=self.seed)
        return train, test


def written(preparation: Preparation, split: Split) -> dict[str, str]:
    """Return the notes, as the metadata of a model holds them."""
    fields = asdict(split)
    if not split.last:  # then versions before it can read the file
        del fields["last"]
    return {"preparation": preparation.to_json(), "split": json.dumps(fields)}


def read(metadata: Mapping[str, str]) -> tuple[Preparation, Split] | None:
    """Return what `written` noted; None if the model was saved by other means."""
    try:
        preparation = Preparation.from_json(metadata["preparation"])
        return preparation, Split(**strict_json.loads(metadata["split"]))
    except (KeyError, ValueError, TypeError, RecursionError):
        return None
