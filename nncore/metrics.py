"""How good predictions are: pure functions of (y_true, y_pred), defined as in scikit-learn.

Each returns a float; `METRICS` finds them by name for ``Sequential.compile(metrics=[...])``. A metric of your own is
any function of the same form.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.base import callers, elsewhere, lazy
from nncore.base.tables import refuse_without_values
from nncore.base.typing import Array

Metric = Callable[..., float]
MOST_CLASSES = 2**24  # of a confusion matrix: the square of more overflows, or no memory holds it

SHARE_TOLERANCE = 1e-2  # soft targets stored as float16 miss 1 by that much


def accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of samples whose class is right.

    Parameters
    ----------
    y_true : array-like of shape (n,), (n, 1) or (n, k)
        Class indices, or one row of class shares each (the largest counts). Where `y_pred` is (n, 1), 0 or 1.
    y_pred : array-like of shape (n,), (n, 1) or (n, k)
        Class indices (n,), the probability of class 1 (n, 1), or one score per class (n, k).

    Returns
    -------
    float
        In 0..1.

    Raises
    ------
    ValueError
        If the lengths differ, y_pred is (n,) and holds fractions, y_true is no class index, not one of the columns of
        y_pred, no shares that sum to 1, or neither 0 nor 1 where y_pred is (n, 1).

    Examples
    --------
    >>> accuracy([0, 2], [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3]])
    0.5
    """
    true, pred = _array(y_true, "y_true"), _array(y_pred, "y_pred")
    if pred.ndim == 2 and pred.shape[1] == 1:
        _check_lengths(true, pred)
        _indices(true, "y_true")
        return binary_accuracy(_classes(true), pred)
    if pred.ndim == 2:
        _check_lengths(true, pred)
        return _share_equal(_right_classes(true, pred.shape[1]), pred.argmax(axis=1))
    if pred.ndim == 1 and pred.dtype.kind == "f" and (pred != np.floor(pred)).any():
        found = pred[pred != np.floor(pred)][0]
        raise ValueError(f"y_pred must hold class indices, got {found}; probabilities of class 1 go in shape (n, 1)")
    if true.ndim == 1 and true.dtype.kind == "f" and (true != np.floor(true)).any():
        raise ValueError(f"y_true must hold class indices, got {true[true != np.floor(true)][0]}")
    if (true.dtype.kind in "SU") != (pred.dtype.kind in "SU"):
        raise ValueError(f"y_true and y_pred must be alike, and one holds {true.dtype}, the other {pred.dtype}")
    return _share_equal(_right_classes(true) if true.ndim == 2 else _classes(true), _classes(pred))


def binary_accuracy(y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5) -> float:
    """Share of entries on the right side of `threshold`, over all samples and outputs.

    Parameters
    ----------
    y_true, y_pred : array-like of the same number of entries
        Labels 0 or 1, and the predicted probability of 1.
    threshold : float
        A prediction above it counts as 1.

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither 0 nor 1.

    Examples
    --------
    >>> binary_accuracy([0, 1, 1, 1], [0.1, 0.9, 0.5, 0.7])
    0.75
    """
    true, pred = _same_shape(y_true, y_pred)
    labels = true > 0.5
    if (wrong := true != labels).any():  # NaN as well
        raise ValueError(f"y_true must hold labels 0 and 1, got {true[wrong][0]:g}")
    return _share_equal(labels, pred > threshold)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of samples whose largest score is at the true class.

    Parameters
    ----------
    y_true : array-like of shape (n,), (n, 1) or (n, k)
        Class indices, or one row of class shares each (the largest counts).
    y_pred : array-like of shape (n, k)
        One score per class; of equal scores the first counts.

    Raises
    ------
    ValueError
        If the lengths differ, y_pred is not (n, k), or y_true is no class index below k, nor shares that sum to 1.

    Examples
    --------
    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """
    pred = _array(y_pred, "y_pred")
    if pred.ndim != 2:
        raise ValueError(f"y_pred must have shape (n_samples, n_classes), got {pred.shape}")
    if pred.shape[1] == 1:
        raise ValueError("y_pred has one column, whose largest score is always the first; use binary_accuracy")
    true = _array(y_true, "y_true")
    _check_lengths(true, pred)
    return _share_equal(_right_classes(true, pred.shape[1]), pred.argmax(axis=1))


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of (y_true - y_pred)^2 over all samples and outputs.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    true, pred = _same_shape(y_true, y_pred)
    return float(np.mean(np.square(true - pred)))


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Mean of abs(y_true - y_pred) over all samples and outputs.

    Examples
    --------
    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    true, pred = _same_shape(y_true, y_pred)
    return float(np.mean(np.abs(true - pred)))


def r2_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Coefficient of determination, 1 - residual / total sum of squares, averaged over outputs.

    An output whose true values are all equal scores 1 if predicted exactly, else 0. Fewer than two samples give NaN
    and a warning.

    Examples
    --------
    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    true, pred = _same_shape(y_true, y_pred)
    if len(true) < 2:
        warnings.warn("r2_score is not defined for fewer than two samples", RuntimeWarning, stacklevel=callers.level())
        return float("nan")
    residual = np.square(true - pred).sum(axis=0)
    total = np.square(true - true.mean(axis=0)).sum(axis=0)
    constant = total == 0
    score = 1 - residual / np.where(constant, 1, total)
    return float(np.where(constant, residual == 0, score).mean())


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, n_classes: int | None = None) -> NDArray[np.int64]:
    """Count the samples of each (true class, predicted class).

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,), (n, 1) or (n, k)
        Class indices, or one score per class.
    n_classes : int or None
        Size of the matrix; None takes the number of scores or the largest index + 1.

    Returns
    -------
    ndarray of shape (n_classes, n_classes), int64
        Row: true class. Column: predicted class.

    Raises
    ------
    ValueError
        If a label is negative, has a fraction, or is not below `n_classes`.

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0])
    array([[1, 0],
           [1, 1]])
    """
    given = _array(y_true, "y_true"), _array(y_pred, "y_pred")
    scores = [a.shape[1] for a in given if a.ndim == 2 and a.shape[1] > 1]
    true, pred = _indices(given[0], "y_true"), _indices(given[1], "y_pred")
    _check_lengths(true, pred)
    size = int(max([*scores, *(int(a.max()) + 1 for a in (true, pred) if a.size)], default=0))
    if size > MOST_CLASSES:
        raise ValueError(
            f"labels must be class indices 0, 1, 2..., got {size - 1}; number them: "
            "names, y = numpy.unique(labels, return_inverse=True)"
        )
    if n_classes is None:
        n_classes = size
    elif size > n_classes:
        raise ValueError(f"n_classes is {n_classes}, but the labels need at least {size}")
    return np.bincount(true * n_classes + pred, minlength=n_classes**2).reshape(n_classes, n_classes)


def _array(values: ArrayLike, name: str, dtype: type[np.float64] | None = None) -> Array:
    """Return an array of `values`; TypeError or ValueError if they are sparse or masked, which NumPy would not see."""
    refuse_without_values(values, name)
    found = np.asarray(values)
    if dtype is not None and found.dtype.kind in "SU":
        raise ValueError(f"{name} must hold numbers, got {found.ravel()[:1].tolist()}")
    return np.asarray(found, dtype=dtype)


def _classes(labels: Array) -> Array:
    """Class indices from indices (n,), (n, 1) or rows of scores (n, k)."""
    if labels.ndim == 1:
        return labels
    if labels.ndim == 2:
        return labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    raise ValueError(f"labels must be (n_samples,) or (n_samples, n_classes), got shape {labels.shape}")


def _indices(labels: Array, name: str) -> NDArray[np.int64]:
    found = _classes(labels)
    if found.dtype.kind not in "biuf":
        how = "number them: names, y = numpy.unique(labels, return_inverse=True)"
        raise ValueError(f"{name} must hold class indices 0, 1, 2...; got {found.ravel()[:1].tolist()}; {how}")
    with np.errstate(invalid="ignore"):  # NaN and infinity are named below
        indices = found.astype(np.int64)
    wrong = (indices != found) | (indices < 0)
    if wrong.any():
        mend = "; model.predict_classes(X) makes classes of outputs" if name == "y_pred" else ""
        raise ValueError(f"{name} must hold class indices 0, 1, 2...; got {found[wrong][0]}{mend}")
    return indices


def _right_classes(labels: Array, n_classes: int | None = None) -> NDArray[np.int64]:
    """Class indices from `y_true`; ValueError if they are none, not below `n_classes`, or of rows of no shares."""
    indices = _indices(labels, "y_true")
    if labels.ndim == 2 and labels.shape[1] > 1:
        inside = ((labels >= 0) & (labels <= 1)).all(axis=1)
        wrong = ~(inside & (np.abs(labels.sum(axis=1, dtype=np.float64) - 1) <= SHARE_TOLERANCE))
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"y_true must hold one-hot rows, or shares of classes that sum to 1, got {labels[row]} at row {row}; "
                "where several may be 1, binary_accuracy tells"
            )
    if n_classes is not None and (large := indices >= n_classes).any():
        raise ValueError(f"y_true holds the class {indices[large][0]}, but y_pred has {n_classes} columns")
    return indices


def _share_equal(true: Array, pred: Array) -> float:
    _check_lengths(true, pred)
    return float(np.mean(true == pred))


def _check_lengths(true: Array, pred: Array) -> None:
    if len(true) != len(pred):
        raise ValueError(f"y_true and y_pred have different lengths: {len(true)} and {len(pred)}")
    if not len(true):
        raise ValueError("y_true and y_pred are empty")


def _same_shape(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both as float64 of shape (n, k), where (n,) means (n, 1)."""
    true, pred = _array(y_true, "y_true", np.float64), _array(y_pred, "y_pred", np.float64)
    if true.ndim not in (1, 2) or pred.ndim not in (1, 2):
        raise ValueError(f"y_true and y_pred must be 1-D or 2-D, got shapes {true.shape} and {pred.shape}")
    true, pred = true.reshape(len(true), -1), pred.reshape(len(pred), -1)
    _check_lengths(true, pred)
    if true.shape != pred.shape:
        raise ValueError(f"y_true and y_pred have different numbers of outputs: {true.shape[1]} and {pred.shape[1]}")
    return true, pred


class _Row(NamedTuple):
    """A metric: its function, by whose name it is known; a short name; whether class indices mean nothing to it."""

    function: Metric
    alias: str | None
    larger_is_better: bool
    needs_columns: bool

    @property
    def names(self) -> tuple[str, ...]:
        return (self.function.__name__, *([self.alias] if self.alias else []))


_ROWS = (
    _Row(accuracy, "acc", larger_is_better=True, needs_columns=False),
    _Row(binary_accuracy, None, larger_is_better=True, needs_columns=True),
    _Row(categorical_accuracy, None, larger_is_better=True, needs_columns=False),
    _Row(mean_squared_error, "mse", larger_is_better=False, needs_columns=True),
    _Row(mean_absolute_error, "mae", larger_is_better=False, needs_columns=True),
    _Row(r2_score, "r2", larger_is_better=True, needs_columns=True),
)

METRICS: Mapping[str, Metric] = MappingProxyType({name: row.function for row in _ROWS for name in row.names})
CLASSIFYING = (accuracy, binary_accuracy, categorical_accuracy)
MEASURING = (mean_squared_error, mean_absolute_error, r2_score)
NEEDS_COLUMNS = frozenset(row.function for row in _ROWS if row.needs_columns)
LARGER_IS_BETTER = frozenset(row.function for row in _ROWS if row.larger_is_better)


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_A_KIND["metric"])
