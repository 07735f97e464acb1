"""Rows of numbers whose columns have names, as tables of other packages do."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.base.names import did_you_mean
from nncore.base.typing import Array


class Table:
    """Values (n, n_columns), and what the columns are called.

    Examples
    --------
    >>> table = Table(np.zeros((3, 2)), ("age", "height"))
    >>> table.shape, len(table), np.asarray(table).tolist()[0]
    ((3, 2), 3, [0.0, 0.0])
    """

    def __init__(self, values: Array, columns: tuple[str, ...]) -> None:
        self._values, self.columns, self.shape = values, columns, values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.asarray(self._values, dtype)

    def __len__(self) -> int:
        return len(self._values)


def without_target(values: Array, names: list[str] | None, target: str | int | None, where: str) -> tuple[Any, Any]:
    """Return X, with its names, and y of a table that holds both; y is None without a target.

    Examples
    --------
    >>> X, y = without_target(np.array([[1.0, 2.0]]), ["age", "price"], "price", "sales.csv")
    >>> X.columns, y.tolist()
    (('age',), [2.0])
    """
    if isinstance(target, str):
        if target not in (names or ()):
            raise ValueError(f"{where}: there is no column {target!r} for a target{did_you_mean(target, names or ())}")
        assert names is not None, "it has that one"
        target = names.index(target)
    n = values.shape[1]
    if target is not None and not -n <= target < n:
        raise ValueError(f"{where}: target={target} is no column of {n}")
    kept = [k for k in range(n) if target is None or k != target % n]
    X, y = values[:, kept], None if target is None else values[:, target]
    return X if names is None else Table(X, tuple(names[k] for k in kept)), y
