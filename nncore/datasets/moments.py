"""Means and deviations of columns, of rows that come part by part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

EPS = float(np.finfo(np.float64).eps)
ROUNDING = {name: float(np.finfo(name).eps) for name in ("float16", "float32")}
FEW = 10  # rows or fewer: values that went through several operations differ in more than the last bit

Parts = Callable[[], Iterable[tuple[np.ndarray, np.ndarray | None]]]
"""What yields all rows, X (n, n_features) of floats and their weights (n,) or None, each time that it is called."""


class Moments(NamedTuple):
    """Of columns.

    Attributes
    ----------
    n : int
        Rows.
    mean, deviation : ndarray of shape (n_features,), float64
        The deviation is that of the population; infinite where squares overflow.
    constant : ndarray of bool, shape (n_features,)
        Whether all values are the same, which the mean then is.
    """

    n: int
    mean: np.ndarray
    deviation: np.ndarray
    constant: np.ndarray

    def scale(self, rounding: Any) -> np.ndarray:
        """Return what to divide the columns by: 1 for one that is constant, or whose values differ by rounding alone.

        `rounding` is eps of the type in which the values came, 0 of float64.
        """
        rounding = np.maximum(rounding, max(self.n, FEW) * EPS)  # of the values, or of sums over them
        return np.where(self.constant | (self.deviation <= rounding * np.abs(self.mean)), 1.0, self.deviation)


def moments(parts: Parts) -> Moments | None:
    """Sum up part by part, in float64: first the values, then the squares of their distances from the mean.

    Rows of weight 0 do not count. None if there is no row at all.

    Examples
    --------
    >>> X, weight = np.array([[1.0, 5.0], [4.0, 5.0], [9.0, 0.0]]), np.array([2.0, 1.0, 0.0])
    >>> moments(lambda: [(X, weight)])
    Moments(n=2, mean=array([2., 5.]), deviation=array([1.41421356, 0.        ]), constant=array([False,  True]))
    """
    n, weights = 0, 0.0
    total = low = high = np.zeros(())
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for X, weight in _counted(parts):
            least, most = X.min(axis=0), X.max(axis=0)
            low, high = (np.minimum(low, least), np.maximum(high, most)) if n else (least, most)
            n, weights = n + len(X), weights + (len(X) if weight is None else float(weight.sum(dtype=np.float64)))
            total = total + (X.sum(axis=0, dtype=np.float64) if weight is None else _weighted(X, weight))
        if not n:
            return None
        mean = np.where(low == high, low, total / weights)  # so a constant becomes 0, not 1e-17
        squares = sum(_weighted(np.square(X - mean), weight) for X, weight in _counted(parts))
        return Moments(n, mean, np.sqrt(squares / weights), low == high)


def _weighted(X: np.ndarray, weight: np.ndarray | None) -> Any:
    return X.sum(axis=0) if weight is None else (X * weight.astype(np.float64)[:, None]).sum(axis=0)


def _counted(parts: Parts) -> Iterable[tuple[np.ndarray, np.ndarray | None]]:
    """Yield the rows that weigh something."""
    for X, weight in parts():
        if weight is not None and not weight.all():
            X, weight = X[weight > 0], weight[weight > 0]
        if len(X):
            yield X, weight
