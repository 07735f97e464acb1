"""What every loader, reader and generator returns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from nncore.datasets.schema import Schema


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """A table of numbers with a target column.

    ``X, y = dataset`` unpacks it, as scikit-learn's ``return_X_y=True`` would.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), float64 or float32
        Inputs, not standardised.
    y : ndarray of shape (n_samples,)
        int64 class indices (classification) or float64 values (regression).
    feature_names : tuple of str
        One name per column of `X`.
    target_names : tuple of str or None
        Name of each class, in the order of the indices in `y`; None for regression.
    name : str
        Short name, for messages.
    description : str
        What the figures are and where they come from.
    schema : Schema or None
        How the columns of a text table became `X` and `y`; None if there was no such table.

    Raises
    ------
    ValueError
        If the shapes of `X`, `y` and `feature_names` do not fit together.

    Examples
    --------
    >>> import numpy as np
    >>> dataset = Dataset(np.zeros((3, 2)), np.array([0, 1, 1]), ("a", "b"), ("no", "yes"), "toy")
    >>> X, y = dataset
    >>> dataset
    <Dataset toy: 3 rows, 2 features, 2 classes>
    """

    X: np.ndarray
    y: np.ndarray
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...] | None
    name: str
    description: str = ""
    schema: Schema | None = None

    def __post_init__(self) -> None:
        if self.X.ndim != 2 or self.y.ndim != 1 or len(self.X) != len(self.y):
            raise ValueError(
                f"data set {self.name!r}: X must be (n_samples, n_features) and y (n_samples,), "
                f"got {self.X.shape} and {self.y.shape}"
            )
        if len(self.feature_names) != self.X.shape[1]:
            raise ValueError(
                f"data set {self.name!r}: {self.X.shape[1]} columns in X, but {len(self.feature_names)} feature_names"
            )

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter((self.X, self.y))

    def __len__(self) -> int:
        return len(self.X)

    def __repr__(self) -> str:
        return f"<Dataset {self.name}: {self.n_samples} rows, {self.n_features} features, {self.task_in_words}>"

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def n_features(self) -> int:
        """Number of columns of `X`."""
        return int(self.X.shape[1])

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "regression" if self.target_names is None else "classification"

    @property
    def task_in_words(self) -> str:
        """``"3 classes"``, or ``"regression"``."""
        return "regression" if self.target_names is None else f"{len(self.target_names)} classes"

    def rows(self, rows: np.ndarray | slice) -> Dataset:
        """Return the data set of some rows alone (an index array, a mask or a slice)."""
        return replace(self, X=self.X[rows], y=self.y[rows])
