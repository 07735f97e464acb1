"""A source that has been looked through: X as training takes it, read and converted part by part."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nncore.arrays import categories, inputs
from nncore.base import memory
from nncore.base.source import Chunk, Source
from nncore.base.tables import column_names
from nncore.base.typing import Array
from nncore.data.rows import Rows, let_go, named
from nncore.data.spool import Spool
from nncore.data.stored import Stored
from nncore.data.table import in_order, named_as, names_of
from nncore.program import Head, Program

NEAR, GATHERED = 16, 4096  # rows: those so near are read with what lies between them, so many at once

Stamp = tuple[int, int]
"""Size of a file, and when it was written."""


class Streamed:
    """Rows of arrays that lie one below the other, in the model's dtype; it can be cut, and its rows be asked for.

    Parameters
    ----------
    parts : sequence of arrays
        Of shape (n, n_features) each.
    dtype : numpy.dtype
    transform : callable or None
        As of `Rows`.
    n_features : int
        Behind it.

    Attributes
    ----------
    shape : tuple of int
    size : int
    kept : numpy.dtype
        What the engine is to be given rows in: narrower numbers than `dtype`, where all parts are of such.
    is_plain : bool
        Whether all parts are arrays and files: what else has slices may not be read by several threads at a time, nor
        give numbers of the dtype that it names.
    """

    def __init__(self, parts: Sequence[Any], dtype: np.dtype, transform: Any, n_features: int) -> None:
        self.dtype, self._parts, self._transform = dtype, tuple(parts), transform
        self.is_plain = transform is None and all(isinstance(part, (np.ndarray, Stored)) for part in self._parts)
        self.kept = _kept(self._parts, dtype) if self.is_plain else dtype
        self._ends = np.cumsum([part.shape[0] for part in self._parts])
        self._stamps = {name: _stamp(name) for name in map(_file, self._parts) if name is not None}
        self._begin, self._n = 0, int(self._ends[-1])
        self._n_features = n_features

    @property
    def shape(self) -> tuple[int, int]:
        return self._n, self._n_features

    @property
    def size(self) -> int:
        return self._n * self._n_features

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Any:
        """Return fewer of the rows: still unread for a slice without steps, else read."""
        if not isinstance(rows, slice):
            return self._gathered(np.asarray(rows))
        start, stop, step = rows.indices(self._n)
        if step != 1:
            return self._gathered(np.arange(start, stop, step))
        other = object.__new__(Streamed)
        other.__dict__.update(self.__dict__, _begin=self._begin + start, _n=max(0, stop - start))
        return other

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Read all rows."""
        needed = self.size * self.dtype.itemsize
        if needed > memory.available():
            raise MemoryError(f"{self._n:,} rows take {memory.readable(needed)}, more than there is memory")
        return self._gathered(np.arange(self._n))

    def read(self, first: int, out: Array) -> None:
        """Write the rows from number `first` on to `out` (n, n_features), of `dtype` or of `kept`.

        Raises
        ------
        ValueError
            If there are fewer, or of another shape than when the source was looked through.
        """
        first, done = first + self._begin, 0
        while done < len(out):
            k = int(np.searchsorted(self._ends, first + done, side="right"))
            part = self._parts[k]
            begin = first + done - (int(self._ends[k]) - part.shape[0])
            end = min(part.shape[0], begin + len(out) - done)
            here, done = out[done : done + end - begin], done + end - begin
            if self._transform is None and isinstance(part, Stored) and part.dtype == out.dtype:
                part.read_into(begin, here)
                continue
            rows = part[begin:end]
            rows = rows if self._transform is None else self._transform(rows)
            if np.shape(rows) != (end - begin, self._n_features):
                raise ValueError(
                    f"{named(part)}: rows {begin} to {end - 1} came with shape {np.shape(rows)}, expected "
                    f"{(end - begin, self._n_features)}"
                )
            np.copyto(here, rows, casting="unsafe")
            let_go(part)

    def unchanged(self) -> None:
        """Raise ValueError if a file has been written to since it was looked through: rows may lie elsewhere now."""
        for name, before in self._stamps.items():
            try:
                now = _stamp(name)
            except OSError as error:
                raise ValueError(f"{name} is gone while it is being read: {error}") from error
            if now != before:
                raise ValueError(
                    f"{name} was changed while it was being read: it had {before[0]:,} bytes, and has {now[0]:,} now; "
                    "leave it alone meanwhile, or give a copy"
                )

    def _gathered(self, rows: NDArray[np.int64]) -> Array:
        """Return copies of rows by number."""
        out = np.empty((len(rows), self._n_features), self.dtype)
        self.unchanged()
        order = np.argsort(rows, kind="stable")
        ascending = rows[order]
        far = np.flatnonzero(np.diff(ascending) > NEAR) + 1
        for group in np.split(np.arange(len(rows)), far):
            for at in np.split(group, range(GATHERED, len(group), GATHERED)):
                if len(at):
                    low, high = int(ascending[at[0]]), int(ascending[at[-1]])
                    there = np.empty((high - low + 1, self._n_features), self.dtype)
                    self.read(low, there)
                    out[order[at]] = there[ascending[at] - low]
        return out


class Opened(NamedTuple):
    """A source that has been looked through.

    Attributes
    ----------
    X : Streamed
    y, weight : ndarray, or None
        Of all rows; y of several outputs with a loss each is a list of arrays.
    """

    X: Streamed
    y: Any
    weight: Array | None


def opened(
    source: Source,
    dtype: np.dtype,
    n_features: int | None,
    names: tuple[str, ...] | None,
    program_for: Callable[[int], Program] | None = None,
) -> Opened:
    """Look through a source once: check every value of X, count the rows, and gather y and weights.

    What can be reached in its order alone goes to a temporary file on the way.

    Parameters
    ----------
    source : Source
    dtype : numpy.dtype
        The model's.
    n_features : int or None
        How many columns it expects.
    names : tuple of str or None
        What they are called: see `nncore.arrays.inputs.features`.
    program_for : callable, optional
        Returns the program that is to run on so many features, which may expect categories in some columns.

    Raises
    ------
    TypeError, ValueError
        If a part is not what the model can read; the message says where.
    """
    random, n, n_chunks = isinstance(source, Rows), 0, 0
    targets, weights = list[Any](), list[Any]()
    program, heads, y_names = None, tuple[Head, ...](), None
    with Spool(dtype) as spool:
        for chunk in source.chunks():
            found = column_names(chunk.X) if not n_chunks else None
            names = names or found
            X = _checked(chunk, dtype, n_features, names, narrow=random)
            if program_for is not None:
                program = program or program_for(X.shape[1])
                _check_categories(program, X, chunk, names if X.shape[1] == len(names or ()) else None)
            if not n_chunks:  # what a transform makes of other columns has no names
                source.column_names = found if found and len(found) == X.shape[1] else None
            n_chunks, n_features = n_chunks + 1, X.shape[1]
            if not random:
                spool.write(X)
                before, heads = n, () if program is None else program.heads
                n = _gather_columns(in_order(chunk, y_names, heads, len(X), dtype), len(X), n, targets, weights)
                y_names = y_names if before else names_of(chunk.y, heads)
        if isinstance(source, Rows):
            if n_features is None:
                raise ValueError("Rows has no row")
            source.named_y = source.y
            X_all = Streamed(source.parts, dtype, source.transform, n_features)
            return Opened(X_all, source.y, source.weight)
        if n_features is None:
            raise ValueError(f"{type(source).__name__} has no row")
        rows = Streamed([spool.rows(n, n_features)], dtype, None, n_features)
    y, weight = (np.concatenate(found) if found else None for found in (targets, weights))
    source.named_y = named_as(None if y is None else y[:0], y_names, heads)
    return Opened(rows, named_as(y, y_names, heads), weight)


def _checked(
    chunk: Chunk, dtype: np.dtype, n_features: int | None, names: tuple[str, ...] | None, narrow: bool
) -> Array:
    try:
        rows = chunk.rows(names)
        known = names if chunk.transform is None else None
        X = inputs.features(rows, dtype, n_features, known, empty=True, check_finite=False, narrow=narrow)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{chunk.where}, rows from {chunk.first} on: {error}") from error
    if not inputs.all_finite(X):
        row, column = np.argwhere(~np.isfinite(X))[0]
        what = "NaN" if np.isnan(X[row, column]) else f"infinity or a value too large for {dtype}"
        own = names if column_names(chunk.X) is not None and len(names or ()) == X.shape[1] else None
        place = f"column {column}" if own is None else f"column {own[column]!r}"
        raise ValueError(f"{chunk.where} contains {what} at row {chunk.first + row}, {place}")
    return X


def _check_categories(program: Program, X: Array, chunk: Chunk, names: tuple[str, ...] | None) -> None:
    try:
        categories.check(program, X, names)
    except ValueError as error:
        raise ValueError(f"{chunk.where}, rows from {chunk.first} on: {error}") from None


def _gather_columns(chunk: Chunk, rows: int, n: int, targets: list[Any], weights: list[Any]) -> int:
    """Keep y and weights of a chunk of so many rows, n of which came before; return how many there are now."""
    for name, values, kept in (("y", chunk.y, targets), ("weight", chunk.weight, weights)):
        if (values is None) == bool(kept) and n:
            raise ValueError(f"{chunk.where}: either all batches have {name}, or none")
        if values is not None:
            if len(values) != rows:
                raise ValueError(f"{chunk.where}: {rows} rows of X and {len(values)} of {name}")
            own = np.array(values)  # a view would keep all of its table, and a generator may use its array again
            if kept and own.shape[1:] != kept[0].shape[1:]:
                raise ValueError(f"{chunk.where}: {name} has shape {own.shape}, and {kept[0].shape} in the first rows")
            kept.append(own)
    return n + rows


def _kept(parts: Sequence[Any], dtype: np.dtype) -> np.dtype:
    """Return the narrow dtype of all parts, arrays and files of such; else the model's."""
    found = {part.dtype.newbyteorder("=") for part in parts}
    return found.pop() if len(found) == 1 and found <= {*inputs.NARROW} else dtype


def _file(part: Any) -> str | None:
    name = getattr(part, "filename", None) if isinstance(part, (np.memmap, Stored)) else None
    return None if name is None else os.fspath(name)


def _stamp(name: str) -> Stamp:
    found = os.stat(name)
    return found.st_size, found.st_mtime_ns
