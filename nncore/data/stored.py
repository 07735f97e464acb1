"""Tables in files, whose rows are read: quicker than by a memory map, and a file that is cut short is no crash."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np

from nncore.base.reading import of_numpy
from nncore.base.typing import Array


class Stored:
    """A table in a .npy file: ``stored[a:b]`` reads these rows.

    Parameters
    ----------
    path : str

    Attributes
    ----------
    filename : str
    shape : tuple of two int
    dtype : numpy.dtype

    Raises
    ------
    ValueError
        If it is no such file, or no table.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "X.npy")
    >>> np.save(path, np.arange(6).reshape(3, 2))
    >>> Stored(path)[1:].tolist()
    [[2, 3], [4, 5]]
    """

    def __init__(self, path: str) -> None:
        with of_numpy(f"{path}: not a readable .npy file"):
            found: Any = np.load(path, mmap_mode="r", allow_pickle=False)
            if isinstance(found, np.lib.npyio.NpzFile):
                found.close()
                raise ValueError("an archive of arrays; name it .npz")
        if found.ndim != 2 or not found.flags.c_contiguous:
            order = "" if found.ndim != 2 else " in the order of Fortran: save numpy.ascontiguousarray of it"
            raise ValueError(f"{path}: expected a table (n_samples, n_columns), got shape {found.shape}{order}")
        self._take(path, found, found.offset)

    @classmethod
    def of(cls, array: Any) -> Any:
        """Return what reads a memory map's rows from its file, if it is one of a file that is only read; else `array`.

        Examples
        --------
        >>> Stored.of([1.0])
        [1.0]
        """
        plain = isinstance(array, np.memmap) and array.ndim == 2 and array.size and array.flags.c_contiguous
        if not plain or array.mode != "r" or array.filename is None or array._mmap is None:
            return array
        stored, pages = cls.__new__(cls), np.frombuffer(array._mmap, np.uint8)
        mapped = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # from where on the file is in memory
        stored._take(os.fspath(array.filename), array, mapped + array.ctypes.data - pages.ctypes.data)
        return stored if stored._holds(array) else array

    def _holds(self, array: Any) -> bool:
        """Tell whether this is a memory map's file still: another may have been put in its place, under its name."""
        n = len(array)
        try:
            same = os.stat(self.filename).st_size == array._mmap.size()
            return same and all(self[k : k + 1].tobytes() == array[k : k + 1].tobytes() for k in (0, n // 2, n - 1))
        except (OSError, ValueError):
            return False

    def _take(self, path: str, array: Any, begin: int) -> None:
        self.filename, self.shape, self.dtype = path, array.shape, array.dtype
        self._begin = begin

    def __getitem__(self, rows: slice) -> Array:
        start, stop, _ = rows.indices(self.shape[0])
        out: Array = np.empty((max(0, stop - start), self.shape[1]), self.dtype)
        self.read_into(start, out)
        return out

    def read_into(self, first: int, out: Array) -> None:
        """Write rows from number `first` on to `out` (n, n_columns), of the file's own dtype and contiguous."""
        left = memoryview(out.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        with open(self.filename, "rb", buffering=0) as file:
            file.seek(self._begin + first * self.shape[1] * self.dtype.itemsize)
            while len(left):
                n = file.readinto(left)
                if not n:
                    last = first + len(out) - 1
                    raise ValueError(
                        f"{self.filename} ends before row {last}: it was cut short while it was being read"
                    )
                left = left[n:]
