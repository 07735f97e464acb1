"""How far predicted numbers are from true ones."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from nncore.base import callers
from nncore.metrics.checked import mean, same_shape, weights


def mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of (y_true - y_pred)^2 over all samples and outputs; rows weigh `sample_weight`.

    Examples
    --------
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    true, pred = same_shape(y_true, y_pred)
    return mean(np.square(true - pred), sample_weight)


def mean_absolute_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of abs(y_true - y_pred) over all samples and outputs; rows weigh `sample_weight`.

    Examples
    --------
    >>> mean_absolute_error([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    true, pred = same_shape(y_true, y_pred)
    return mean(np.abs(true - pred), sample_weight)


def r2_score(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination, 1 - residual / total sum of squares, averaged over outputs.

    An output whose true values are all equal scores 1 if predicted exactly, else 0. Fewer than two samples give NaN
    and a warning.

    Examples
    --------
    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    true, pred = same_shape(y_true, y_pred)
    if len(true) < 2:
        warnings.warn("r2_score is not defined for fewer than two samples", RuntimeWarning, stacklevel=callers.level())
        return float("nan")
    weight = weights(sample_weight, len(true))
    share = 1.0 if weight is None else weight[:, None]
    residual = (share * np.square(true - pred)).sum(axis=0)
    total = (share * np.square(true - np.average(true, axis=0, weights=weight))).sum(axis=0)
    constant = total == 0
    score = 1 - residual / np.where(constant, 1, total)
    return float(np.where(constant, residual == 0, score).mean())


def root_mean_squared_error(y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Root of the mean of (y_true - y_pred)^2 over samples, averaged over outputs: in the units of the targets.

    Examples
    --------
    >>> root_mean_squared_error([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    true, pred = same_shape(y_true, y_pred)
    weight = weights(sample_weight, len(true))
    return float(np.sqrt(np.average(np.square(true - pred), axis=0, weights=weight)).mean())


def mean_absolute_percentage_error(
    y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of abs((y_true - y_pred) / y_true) over all samples and outputs: a fraction, where Keras has percent.

    A true value of 0 counts as 2.2e-16, as in scikit-learn, and makes the mean huge.

    Examples
    --------
    >>> mean_absolute_percentage_error([1.0, 2.0], [1.0, 4.0])
    0.5
    """
    true, pred = same_shape(y_true, y_pred)
    return mean(np.abs(pred - true) / np.maximum(np.abs(true), np.finfo(np.float64).eps), sample_weight)
