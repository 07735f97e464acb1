"""A model file of the command line: the model, how its data are prepared, and which rows it has never seen."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

import numpy as np

from nncore.cli.errors import OutputError, UsageError
from nncore.datasets.preparation import Preparation
from nncore.datasets.split import train_test_split
from nncore.model import Sequential
from nncore.model import load as load_model


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
    """

    data: str
    n_samples: int
    test: float
    seed: int
    stratify: bool

    def rows(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the indices of the training rows and of the test rows for the target `y`."""
        everything = np.arange(len(y))
        if not self.test:
            return everything, everything[:0]
        train, test = train_test_split(
            everything, test_size=self.test, seed=self.seed, stratify=y if self.stratify else False
        )
        return train, test


def save(path: str, model: Sequential, preparation: Preparation, split: Split) -> None:
    """Write the model with its preparation to `path`.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    metadata = {"preparation": preparation.to_json(), "split": json.dumps(asdict(split))}
    try:
        model.save(path, metadata)
    except OSError as error:
        raise OutputError(f"cannot save the model to {path}: {error.strerror or error}") from error


def load(path: str) -> tuple[Sequential, Preparation, Split]:
    """Read what `save` wrote.

    Raises
    ------
    ModelFileError, OSError
        If the file is no model, or cannot be read.
    UsageError
        If it is a model that was not saved by the command line.
    """
    model = load_model(path)
    notes = training_notes(model)
    if notes is None:
        raise UsageError(
            f"{path} does not say how to prepare its data, so it was not saved by 'nncore train'; "
            "use it from Python: nncore.load(path).predict(X)"
        )
    return model, *notes


def training_notes(model: Sequential) -> tuple[Preparation, Split] | None:
    """Return what `save` noted beside the model; None if it was saved by other means."""
    try:
        preparation = Preparation.from_json(model.metadata["preparation"])
        return preparation, Split(**json.loads(model.metadata["split"]))
    except (KeyError, ValueError, TypeError):
        return None
