"""Rows that can be reached at any place: arrays, memory maps, and whatever has slices."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.source import Chunk, Source
from nncore.base.tables import column_names
from nncore.data.stored import Stored

CHUNK_VALUES = 2**21  # looked at together: 8 MB of float32


class Rows(Source):
    """Rows of an array that are read, and converted, part by part: a memory map, or anything with ``X[a:b]``.

    What is read is converted to the model's dtype part by part.

    Parameters
    ----------
    X : array, or list of them
        Of shape (n_samples, n_features): NumPy's arrays and memory maps, or what else has a shape and slices, as
        h5py's and zarr's data sets have. Several count as one below the other.
    y, weight : array-like, optional
        Of all rows, as ``fit`` takes them; they are kept in memory.
    transform : callable, optional
        What to make of rows (n, n_features) when they are read, row by row: `Standardizer.transform`, say.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Dense, Sequential
    >>> pixels = np.random.default_rng(0).integers(256, size=(1000, 64), dtype=np.uint8)
    >>> model = Sequential([Dense(1)], seed=0)
    >>> history = model.fit(Rows(pixels, pixels.mean(axis=1), transform=lambda X: X / 255), epochs=2)
    >>> model.predict(Rows(pixels)).shape
    (1000, 1)
    """

    def __init__(
        self, X: Any, y: Any = None, weight: Any = None, *, transform: Callable[[Any], Any] | None = None
    ) -> None:
        parts = list(X) if isinstance(X, (list, tuple)) else [X]
        for part in parts:
            _check_part(part)
        if not parts:
            raise ValueError("Rows needs an array or more, got an empty list")
        self.parts: Sequence[Any] = [Stored.of(part) for part in parts]
        self.y, self.weight, self.transform = y, weight, transform

    def chunks(self) -> Iterator[Chunk]:
        for part in self.parts:
            n, step = part.shape[0], max(1, CHUNK_VALUES // max(1, part.shape[1]))
            for first in range(0, n, step):
                rows = part[first : first + step]
                yield Chunk(rows if self.transform is None else self.transform(rows), where=named(part), first=first)
                let_go(part)

    def __repr__(self) -> str:
        return f"<Rows of {', '.join(str(tuple(part.shape)) for part in self.parts)}>"


def named(part: Any) -> str:
    """Return what errors call an array: its file, if it has one.

    Examples
    --------
    >>> named([[1.0]])
    'X'
    """
    return f"{getattr(part, 'filename', None) or 'X'}"


def let_go(*parts: Any) -> None:
    """Give pages of memory maps back, which count as this program's memory; not of copies on write, which are its own.

    Examples
    --------
    >>> let_go([1.0])
    """
    for part in parts:
        pages = getattr(part, "_mmap", None) if isinstance(part, np.memmap) and part.mode in ("r", "r+") else None
        if pages is not None and hasattr(mmap, "MADV_DONTNEED"):
            pages.madvise(mmap.MADV_DONTNEED)


def _check_part(part: Any) -> None:
    shape = getattr(part, "shape", None)
    if shape is None or not hasattr(part, "__getitem__"):
        raise TypeError(f"Rows takes arrays, or what has a shape and slices as they have, got {checks.described(part)}")
    if column_names(part) is not None:
        raise TypeError(f"Rows takes arrays; a {type(part).__name__} is in memory already: give it to fit itself")
    if len(shape) != 2 or not shape[1]:
        raise ValueError(f"Rows takes arrays of shape (n_samples, n_features), got shape {tuple(shape)}")
