"""Shift and scale columns to mean 0 and standard deviation 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.source import Source
from nncore.base.tables import column_names, names_to_keep, order_for, refuse_without_values
from nncore.datasets.moments import ROUNDING, Moments, moments


class Standardizer:
    """``(x - mean) / standard deviation`` of each column, learnt from the training rows alone.

    The deviation is that of the population (divided by n, as in scikit-learn's StandardScaler). A constant column is
    only shifted: its scale is 1. So is one whose values differ by nothing but rounding, as 0.3 and 0.1 + 0.2 do: a
    deviation of at most ``n * eps * abs(mean)`` is rounding (as in scikit-learn, for 10 rows or more), where eps is
    2.2e-16, and for a column of float32 one of 1.2e-7 * abs(mean), too, of float16 one of 1e-3 * abs(mean), for they
    hold no more digits. Works on ``X`` of shape (n_samples, n_features) and on a target of shape (n_samples,). One that
    was fitted on such a target also takes a column of shape (n_samples, 1), as ``model.predict`` returns; what comes
    out has the shape of what came in.

    Attributes
    ----------
    mean_, scale_ : ndarray of shape (n_features,), float64
        Set by `fit`; of shape () for a target.
    feature_names_ : tuple of str, or None
        What the columns are called, if `fit` got a table with names, such as a pandas frame. Those of a table are then
        taken by name, in this order; other names are an error. What comes out is an array.

    Examples
    --------
    >>> standardizer = Standardizer()
    >>> standardizer.fit_transform([[0.0, 7.0], [2.0, 7.0]]).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    >>> standardizer.transform([[4.0, 8.0]]).tolist()
    [[3.0, 1.0]]
    """

    mean_: np.ndarray | None = None
    scale_: np.ndarray | None = None
    feature_names_: tuple[str, ...] | None = None

    def fit(self, X: Any) -> Standardizer:
        """Learn mean and scale of each column of `X` and return the standardizer.

        `X` may be a source of `nncore.data`, which is read twice; mean and scale then agree with those of all rows at
        once to rounding.

        Raises
        ------
        ValueError
            If `X` has no row, holds NaN or infinity, or spreads too wide for float64.
        """
        if isinstance(X, Source):
            return self._fit_source(X)
        names, rounding = names_to_keep(X, "X"), _rounding_of(X)
        X = as_float(X)
        if X.ndim not in (1, 2) or not len(X):
            raise ValueError(f"X must be (n_samples, n_features) or (n_samples,) with a row or more, got {X.shape}")
        _refuse_gaps(X)
        low = X.min(axis=0)
        constant = low == X.max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean = np.where(constant, low, X.mean(axis=0, dtype=np.float64))  # so a constant becomes 0, not 1e-17
            deviation = X.std(axis=0, dtype=np.float64)
        return self._learnt(names, Moments(len(X), mean, deviation, constant), rounding)

    def _learnt(self, names: Any, found: Moments, rounding: Any) -> Standardizer:
        if not np.isfinite(found.deviation).all():
            column = int(np.isfinite(found.deviation).argmin())
            raise ValueError(f"X spreads too wide in column {column}: the squares of its values overflow float64")
        self.mean_, self.feature_names_, self.scale_ = found.mean, names, found.scale(rounding)
        return self

    def _fit_source(self, source: Source) -> Standardizer:
        names: tuple[str, ...] | None = None
        width, rounding = 0, np.zeros(())

        def parts() -> Iterator[tuple[np.ndarray, None]]:
            nonlocal names, width, rounding
            for where, X, found, eps in _chunks(source):
                if width and X.shape[1] != width:
                    raise ValueError(f"{where}: X has {X.shape[1]} columns, {width} in the rows before")
                names, width, rounding = found, X.shape[1], np.maximum(rounding, eps)
                yield X, None

        found = moments(parts)
        if found is None:
            raise ValueError("X has no row to learn from")
        return self._learnt(names if names is not None and len(names) == width else None, found, rounding)

    def transform(self, X: Any) -> np.ndarray:
        """Return ``(X - mean_) / scale_``: float32 for float32 input, else float64.

        Raises
        ------
        ValueError
            If the standardizer is not fitted, or `X` has another number of columns.
        """
        X, mean, scale = self._checked(X)
        return np.asarray((X - mean) / scale, X.dtype)

    def fit_transform(self, X: Any) -> np.ndarray:
        """Return ``fit(X).transform(X)``."""
        return self.fit(X).transform(X)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return ``X * scale_ + mean_``, the original units; raises as `transform` does."""
        X, mean, scale = self._checked(X)
        return np.asarray(X * scale + mean, X.dtype)

    def to_dict(self) -> dict[str, Any]:
        """Return mean and scale as plain numbers, ready for JSON; `from_dict` restores them exactly."""
        if self.mean_ is None or self.scale_ is None:
            raise ValueError("the standardizer is not fitted; call fit first")
        state: dict[str, Any] = {"mean": self.mean_.tolist(), "scale": self.scale_.tolist()}
        return state if self.feature_names_ is None else state | {"feature_names": list(self.feature_names_)}

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Standardizer:
        """Return the standardizer that `to_dict` described.

        Raises
        ------
        ValueError
            If mean and scale are not finite numbers of one shape, or a scale is not positive.
        """
        standardizer = cls()
        mean = np.asarray(state["mean"], dtype=np.float64)
        scale = np.asarray(state["scale"], dtype=np.float64)
        if mean.shape != scale.shape or not np.isfinite(mean).all() or not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError("standardizer: mean and scale must be finite and of one shape, and scale positive")
        standardizer.mean_, standardizer.scale_ = mean, scale
        if "feature_names" in state:
            standardizer.feature_names_ = tuple(
                map(str, checks.items("feature_names", state["feature_names"], mean.size))
            )
        return standardizer

    def _checked(self, X: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.mean_ is None or self.scale_ is None:
            raise ValueError("the standardizer is not fitted; call fit first")
        order, X = order_for(self.feature_names_, X, "X", "the standardizer"), as_float(X)
        X = X if order is None else X[:, order]
        of_values = self.mean_.ndim == 0
        if X.ndim == 0 or X.shape[1:] not in ([(), (1,)] if of_values else [self.mean_.shape]):
            fitted = "values of shape (n_samples,)" if of_values else f"columns {self.mean_.shape}"
            raise ValueError(f"X has shape {X.shape}, but the standardizer was fitted on {fitted}")
        return X, self.mean_, self.scale_


def _rounding_of(X: Any) -> Any:
    """Return eps of the type of each column's values as they came, however wide they are made; 0 where that is wide."""
    types: Any = getattr(X, "dtypes", None)  # of a table, which becomes one array of its widest type
    if hasattr(types, "__iter__"):
        return np.array([ROUNDING.get(str(one).lower(), 0.0) for one in types])
    return ROUNDING.get(str(getattr(X, "dtype", "")).lower(), 0.0)


def _refuse_gaps(X: np.ndarray, what: str = "X", first: int = 0) -> None:
    if not np.isfinite(X).all():
        where = np.argwhere(~np.isfinite(X))[0]
        numbers = (first + where[0], *where[1:])
        place = ", ".join(f"{axis} {i}" for axis, i in zip(("row", "column"), numbers, strict=False))
        raise ValueError(f"{what} holds {X[tuple(where)]} in {place}; standardising needs finite numbers")


def _chunks(source: Source) -> Iterator[tuple[str, np.ndarray, tuple[str, ...] | None, Any]]:
    """Yield whence a chunk is, its values, the names of the first one's columns, in whose order all come, and eps."""
    names, first = None, True
    for chunk in source.chunks():
        names, first = names_to_keep(chunk.X, "X") if first else names, False
        rows = chunk.rows(names, f"the rows before {chunk.where}")
        X = as_float(rows)
        if X.ndim != 2:
            raise ValueError(f"{chunk.where}: X must be (n_samples, n_features), got shape {X.shape}")
        _refuse_gaps(X, chunk.where, chunk.first)
        if len(X):
            yield chunk.where, X, names, _rounding_of(rows)


def as_float(X: Any) -> np.ndarray:
    """Return `X` as float32 if it is that already, else as float64; `X` itself if nothing is to be converted.

    Raises
    ------
    TypeError, ValueError
        If it holds anything but numbers, is sparse or masked.
    """
    refuse_without_values(X, "X")
    values = np.asarray(X)
    if values.dtype.kind in "cmMV":  # of which NumPy would take the real part, or what clocks count
        raise TypeError(f"X must hold real numbers, got dtype {values.dtype}")
    try:
        return np.asarray(values, np.float32 if values.dtype == np.float32 else np.float64)
    except (TypeError, ValueError) as error:
        for column, name in enumerate(column_names(X) or ()):
            try:
                np.asarray(values[:, column], np.float64)
            except (TypeError, ValueError) as why:
                raise type(why)(f"X holds no numbers in column {column} ({name!r}): {why}") from error
        raise
