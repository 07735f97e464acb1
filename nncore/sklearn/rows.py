"""What scikit-learn hands over, checked by its own rules and made into what ``Sequential.fit`` takes."""

from __future__ import annotations

import numbers
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.validation import validate_data

from nncore.arrays.inputs import sample_weights
from nncore.base import checks, memory
from nncore.base.tables import refuse_without_values
from nncore.base.typing import Array
from nncore.model.definition import parted

FLOATS = (np.float64, np.float32)
"""What is computed in what it comes in; anything else becomes the first."""
FLOAT64 = np.dtype("float64")
BLOCK = 2**25
"""How many bytes of a sparse X are made dense at once to predict."""


class Rows(NamedTuple):
    """Rows to train on or to validate with.

    Attributes
    ----------
    X : ndarray of shape (n, n_features)
    target : ndarray of shape (n,) or (n, n_outputs)
        As the network reads it.
    weight : ndarray of shape (n,), or None
        As the user means it: what is learned follows from their shares, and how much a penalty weighs beside it.
    """

    X: Array
    target: Array
    weight: Array | None

    def take(self, index: Array) -> Rows:
        """Return some of the rows."""
        return Rows(self.X[index], self.target[index], None if self.weight is None else self.weight[index])

    @property
    def mean_weight(self) -> float:
        return 1.0 if self.weight is None else float(self.weight.mean())

    def scaled(self, factor: float) -> Array | None:
        """Return the sample weights for ``Sequential.fit``, of mean `factor`; None where all are 1.

        nncore divides the loss of a batch by its rows, scikit-learn by the sum of their weights. These are the same
        where a batch has all rows; where it has not, they are the same in the mean: a batch that happens to hold the
        heavier rows makes the longer step, as it does in Keras.
        """
        if self.weight is not None:
            return self.weight * (factor / self.mean_weight)
        return None if factor == 1 else np.full(len(self.X), factor)


def checked(estimator: Any, X: Any, y: Any, *, anew: bool, numeric: bool, dtype: Any) -> tuple[Array, Any]:
    """Return X, dense, and y, as scikit-learn checks them; the estimator keeps or compares names and numbers."""
    options = {"accept_sparse": "csr", "dtype": FLOATS if dtype is None else parted(dtype)[0], "reset": anew}
    for values, name in ((X, "X"), (y, "y")):
        refuse_masked(values, name)
    X, y = validate_data(estimator, X, y, multi_output=True, y_numeric=numeric, **options)
    return _dense(X), y.toarray() if issparse(y) else y


def refuse_masked(values: Any, name: str) -> None:
    """Raise ValueError for masked values, of which scikit-learn would take what the mask hides."""
    if not issparse(values):
        refuse_without_values(values, name)


def _dense(X: Any) -> Array:
    """Return a sparse X as an array: training goes through its rows in any order, again and again.

    Raises
    ------
    MemoryError
        If there is not enough memory.
    """
    if not issparse(X):
        return np.asarray(X)
    needed, limit = X.shape[0] * X.shape[1] * X.dtype.itemsize, memory.available()
    if needed > limit:
        raise MemoryError(
            f"X is sparse, and as the dense array that a network trains on it has {memory.readable(needed)}, but this "
            f"process may use {memory.readable(limit)} of memory; leave columns out, for instance with "
            "sklearn.decomposition.TruncatedSVD, or train on parts with partial_fit"
        )
    return np.asarray(X.toarray(order="C"))


def blocks(estimator: Any, X: Any) -> Iterator[Array]:
    """Check an X to predict for, and yield it dense: a sparse one in blocks of some megabytes."""
    refuse_masked(X, "X")
    X = validate_data(estimator, X, accept_sparse="csr", dtype=FLOATS, reset=False)
    if not issparse(X):
        yield X
        return
    height = max(1, BLOCK // max(1, X.shape[1] * X.dtype.itemsize))
    for start in range(0, X.shape[0], height):
        yield X[start : start + height].toarray(order="C")


def weights(sample_weight: Any, class_weight: Any, y: Any) -> Array | None:
    """Return the weight of every row, that of its class included, (n,) float64; None if all are 1.

    Raises
    ------
    TypeError, ValueError
        If one is negative or not finite, or all are zero, or a class is unknown.
    """
    if isinstance(sample_weight, numbers.Real):  # of all
        sample_weight = np.full(y.shape[0], sample_weight)
    own = sample_weights(sample_weight, y.shape[0], FLOAT64)
    if class_weight is None:
        return own
    _check_class_weight(class_weight, y.ndim)
    of_classes = compute_sample_weight(class_weight, y)
    return sample_weights(of_classes if own is None else own * of_classes, len(of_classes), FLOAT64)


def _check_class_weight(value: Any, n_dimensions: int) -> None:
    """Raise TypeError or ValueError for what scikit-learn would speak of by other names than `class_weight`."""
    several = n_dimensions > 1 and isinstance(value, list)
    tables = value if several else [value]
    if not (isinstance(value, str) and value == "balanced") and not all(isinstance(table, Mapping) for table in tables):
        what = "'balanced', None or a " + ("dict" if n_dimensions == 1 else "list of a dict for each label")
        raise TypeError(f"class_weight must be {what}, got {checks.described(value)}")
    for table in tables if isinstance(tables[0], Mapping) else ():
        for label, weight in table.items():
            checks.real(0)(f"class_weight[{label!r}]", weight)
