"""Rows of numbers whose columns have names, as tables of other packages do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nncore.arrays.several import names_of_heads, of_head, places, targets_of_heads
from nncore.base.names import did_you_mean
from nncore.base.source import Chunk
from nncore.base.tables import column_names, order_for
from nncore.base.typing import Array
from nncore.program import Head


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


def names_of(y: Any, heads: Sequence[Head]) -> tuple[str, ...] | None:
    """Return what the columns of y are called in the first rows, where there are several."""
    if y is None:
        return None
    if heads:
        return names_of_heads(None, y, heads)
    names = column_names(y)
    return None if names is None or len(names) < 2 else names


def in_order(chunk: Chunk, names: tuple[str, ...] | None, heads: Sequence[Head], n: int, dtype: np.dtype) -> Chunk:
    """Return a chunk of n rows with the columns of y as `names`; the targets of several outputs are one array."""
    if chunk.y is None:
        return chunk
    try:
        if heads:
            return chunk._replace(y=targets_of_heads(chunk.y, heads, n, dtype, names))
        order = None if names is None else order_for(names, chunk.y, "y", "the first rows")
        return chunk if order is None else chunk._replace(y=np.asarray(chunk.y)[:, order])
    except (TypeError, ValueError) as error:
        raise type(error)(f"{chunk.where}: {error}") from error


def named_as(y: Any, names: tuple[str, ...] | None, heads: Sequence[Head]) -> Any:
    """Return y of all rows as tables, where its columns have names; of several outputs a list of them."""
    if y is None:
        return None
    if not heads:
        return y if names is None else Table(y, names)
    found = []
    for head, _, where in places(heads):
        own = () if names is None else names[where]
        part = of_head(head, y[:, where])
        found.append(Table(part, own) if any(own) else part)
    return found
