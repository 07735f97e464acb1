"""A temporary file for rows that come in their order alone, so that they can be reached in any other."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from nncore.base.typing import Array


class Spool:
    """A file of rows without a name, gone when nobody reads it any more.

    Parameters
    ----------
    dtype : numpy.dtype
        Of the rows.

    Examples
    --------
    >>> with Spool(np.dtype("float32")) as spool:
    ...     spool.write(np.ones((2, 3), np.float32))
    ...     spool.write(np.zeros((1, 3), np.float32))
    ...     rows = spool.rows(3, 3)
    >>> rows.sum()
    np.float32(6.0)
    """

    def __init__(self, dtype: np.dtype) -> None:
        self._dtype = dtype
        self._file: Any = None

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()  # a memory map keeps what it needs

    def write(self, X: Array) -> None:
        """Put rows (n, n_features) behind those that are there; an OSError says where if there is no room."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0, prefix="nncore-")  # noqa: SIM115 -- closed by __exit__
        try:
            left = memoryview(X.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
            while len(left):  # unlike X.tofile, this raises wherever something is lost
                left = left[self._file.write(left) :]
        except OSError as error:
            mend = f"rows of a source go to {tempfile.gettempdir()}; set TMPDIR to a folder with more room"
            raise OSError(error.errno, f"{error.strerror or error}: {mend}") from error

    def rows(self, n: int, n_features: int) -> Array:
        """Return all rows as a memory map."""
        found: Any = np.memmap(self._file, self._dtype, mode="r", shape=(n, n_features))
        found.filename = None  # that of an open file is its number
        kept: Array = found
        return kept
