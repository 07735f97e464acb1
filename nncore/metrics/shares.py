"""Shares of right classes, and the counts behind them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.metrics.checked import array, check_lengths, classes, indices, right_classes, same_shape, share_equal

MOST_CLASSES = 2**24  # of a confusion matrix: the square of more overflows, or no memory holds it


def accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of samples whose class is right.

    Parameters
    ----------
    y_true : array-like of shape (n,), (n, 1) or (n, k)
        Class indices, or one row of class shares each (the largest counts). Where `y_pred` is (n, 1), 0 or 1.
    y_pred : array-like of shape (n,), (n, 1) or (n, k)
        Class indices (n,), the probability of class 1 (n, 1), or one score per class (n, k).
    sample_weight : array-like of shape (n,), optional
        How much each sample counts.

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
    true, pred = array(y_true, "y_true"), array(y_pred, "y_pred")
    if pred.ndim == 2 and pred.shape[1] == 1:
        check_lengths(true, pred)
        indices(true, "y_true")
        return binary_accuracy(classes(true), pred, sample_weight=sample_weight)
    if pred.ndim == 2:
        check_lengths(true, pred)
        return share_equal(right_classes(true, pred.shape[1]), pred.argmax(axis=1), sample_weight)
    if pred.ndim == 1 and pred.dtype.kind == "f" and (pred != np.floor(pred)).any():
        found = pred[pred != np.floor(pred)][0]
        raise ValueError(f"y_pred must hold class indices, got {found}; probabilities of class 1 go in shape (n, 1)")
    if true.ndim == 1 and true.dtype.kind == "f" and (true != np.floor(true)).any():
        raise ValueError(f"y_true must hold class indices, got {true[true != np.floor(true)][0]}")
    if (true.dtype.kind in "SU") != (pred.dtype.kind in "SU"):
        raise ValueError(f"y_true and y_pred must be alike, and one holds {true.dtype}, the other {pred.dtype}")
    return share_equal(right_classes(true) if true.ndim == 2 else classes(true), classes(pred), sample_weight)


def binary_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5, sample_weight: ArrayLike | None = None
) -> float:
    """Share of entries on the right side of `threshold`, over all samples and outputs.

    Parameters
    ----------
    y_true, y_pred : array-like of the same number of entries
        Labels 0 or 1, and the predicted probability of 1.
    threshold : float
        A prediction above it counts as 1.
    sample_weight : array-like of shape (n,), optional
        How much each sample counts.

    Raises
    ------
    ValueError
        If the shapes differ, or a label is neither 0 nor 1.

    Examples
    --------
    >>> binary_accuracy([0, 1, 1, 1], [0.1, 0.9, 0.5, 0.7])
    0.75
    """
    true, pred = same_shape(y_true, y_pred)
    labels = true > 0.5
    if (wrong := true != labels).any():  # NaN as well
        raise ValueError(f"y_true must hold labels 0 and 1, got {true[wrong][0]:g}")
    return share_equal(labels, pred > threshold, sample_weight)


def categorical_accuracy(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Share of samples whose largest score is at the true class.

    Parameters
    ----------
    y_true : array-like of shape (n,), (n, 1) or (n, k)
        Class indices, or one row of class shares each (the largest counts).
    y_pred : array-like of shape (n, k)
        One score per class; of equal scores the first counts.
    sample_weight : array-like of shape (n,), optional
        How much each sample counts.

    Raises
    ------
    ValueError
        If the lengths differ, y_pred is not (n, k), or y_true is no class index below k, nor shares that sum to 1.

    Examples
    --------
    >>> categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]])
    0.5
    """
    pred = array(y_pred, "y_pred")
    if pred.ndim != 2:
        raise ValueError(f"y_pred must have shape (n_samples, n_classes), got {pred.shape}")
    if pred.shape[1] == 1:
        raise ValueError("y_pred has one column, whose largest score is always the first; use binary_accuracy")
    true = array(y_true, "y_true")
    check_lengths(true, pred)
    return share_equal(right_classes(true, pred.shape[1]), pred.argmax(axis=1), sample_weight)


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
    given = array(y_true, "y_true"), array(y_pred, "y_pred")
    scores = [a.shape[1] for a in given if a.ndim == 2 and a.shape[1] > 1]
    true, pred = indices(given[0], "y_true"), indices(given[1], "y_pred")
    check_lengths(true, pred)
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
