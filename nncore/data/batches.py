"""Rows that come one part after the other: what a function yields, and streams of Arrow's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nncore.base import checks
from nncore.base.source import Chunk, Source
from nncore.data import arrow

ITEM = "a batch must be X, (X, y) or (X, y, weight)"


class Batches(Source):
    """What an iterator yields: parts of any size, from wherever they come.

    They are read once for each call of ``fit``, ``evaluate`` or ``predict``, and put into a temporary file where they
    can be reached in any order: in the folder that ``tempfile.gettempdir()`` names, four bytes for each value.

    Parameters
    ----------
    make : callable, or stream
        Without arguments, returns a fresh iterator at each call. It yields X of shape (n, n_features), or tuples
        (X, y) or (X, y, weight), or with a `target` tables; y as ``fit`` takes it of these rows, of several outputs
        with a loss each a list of arrays or a dict of them. Or an object with ``__arrow_c_stream__``, such as a table
        or a reader of PyArrow, Polars or DuckDB, which needs ``pip install pyarrow``.
    n_rows : int, optional
        How many there are to be in all: other numbers are an error.
    target : str, optional
        The column of each table that is y; the others are X.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Dense, Sequential
    >>> def make():
    ...     for day in range(7):
    ...         X = np.random.default_rng(day).normal(size=(100, 3))
    ...         yield X, X.sum(axis=1)
    >>> model = Sequential([Dense(1)], seed=0)
    >>> history = model.fit(Batches(make, n_rows=700), epochs=20)
    >>> bool(history["loss"][-1] < history["loss"][0])
    True
    """

    def __init__(self, make: Callable[[], Any] | Any, n_rows: int | None = None, *, target: str | None = None) -> None:
        if not callable(make) and not hasattr(make, "__arrow_c_stream__"):
            raise TypeError(
                "Batches takes a function that returns a fresh iterator, for each call needs one, or an object with "
                f"__arrow_c_stream__, got {checks.described(make)}"
            )
        self.make = make
        self.n_rows = checks.optional(checks.integer(1, checks.COUNT))("n_rows", n_rows)
        self.target = target

    def chunks(self) -> Iterator[Chunk]:
        items = self.make() if callable(self.make) else arrow.batches(self.make)
        if not hasattr(items, "__iter__"):
            raise TypeError(f"make() must return an iterator of batches, got {checks.described(items)}")
        n = 0
        for number, item in enumerate(items):
            chunk = self._chunk(item, f"batch {number}")
            yield chunk
            n += len(chunk.X)  # who took it has looked at it
        if self.n_rows is not None and n != self.n_rows:
            again = "; did it return an iterator that was used before?" if not n else ""
            raise ValueError(f"make() gave {n:,} rows, n_rows={self.n_rows:,} promised another number{again}")
        if not n:
            raise ValueError("make() gave no rows: at each call it must return a fresh iterator of one batch or more")

    def _chunk(self, item: Any, where: str) -> Chunk:
        if isinstance(item, (tuple, list)):
            if not (isinstance(item, tuple) and 1 <= len(item) <= 3):
                raise ValueError(f"{where}: {ITEM}, got a {type(item).__name__} of {len(item)}")
            X, y, weight = (*item, None, None)[:3]
            return Chunk(X, y, weight, where)
        if hasattr(item, "schema") or self.target is not None:
            return Chunk(*arrow.parted(item, self.target, where), None, where)
        if not hasattr(item, "shape"):
            raise TypeError(f"{where}: {ITEM}, got {checks.described(item)}")
        return Chunk(item, where=where)
