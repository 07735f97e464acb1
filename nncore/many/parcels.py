"""Data for other processes: written to a file once, which each of them maps into its memory, or sent along."""

from __future__ import annotations

import io
import mmap
import os
import pickle
import tempfile
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

SMALL = 2**20  # bytes that may travel with every chunk: to write a file and map it takes as long
ALIGNMENT = 64  # bytes: of arrays within the file


class Parcel(NamedTuple):
    """What stands for the data where they are needed.

    Attributes
    ----------
    key : str
        Tells parcels apart.
    path : str
        Of the file, or empty.
    content : bytes
        What describes the data; or, where there is no file, all of them.
    places : tuple of (int, int)
        Where in the file each array begins, and how long it is.
    """

    key: str
    path: str
    content: bytes
    places: tuple[tuple[int, int], ...] = ()


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        """Let a memory map travel as its path: whoever gets it reads the file that it is of."""
        if type(value) is np.memmap and value.filename and value.flags.c_contiguous and type(value.base) is mmap.mmap:
            place = os.path.abspath(value.filename), value.dtype, "r", value.offset, value.shape
            return np.memmap, place
        return NotImplemented


def packed(data: Any) -> Parcel:
    """Return a parcel of `data`: with a temporary file, which `thrown_away` removes, unless they are small."""
    buffers: list[pickle.PickleBuffer] = []
    content = _pickled(data, buffers)
    key = os.urandom(16).hex()
    if sum(buffer.raw().nbytes for buffer in buffers) <= SMALL:
        return Parcel(key, "", _pickled(data, None))
    descriptor, path = tempfile.mkstemp(prefix="nncore-", suffix=".data")
    places, end = [], 0
    with os.fdopen(descriptor, "wb") as file:
        for buffer in buffers:
            raw = buffer.raw()
            file.write(bytes(-end % ALIGNMENT))
            end += -end % ALIGNMENT
            places.append((end, raw.nbytes))
            end += file.write(raw)
    return Parcel(key, path, content, tuple(places))


def whole(data: Any, parcel: Parcel) -> Parcel:
    """Return a parcel of the same data that needs no file, of theirs or of a memory map: for who does not see it."""
    return Parcel(parcel.key, "", pickle.dumps(data, protocol=5))


def _pickled(data: Any, buffers: list[pickle.PickleBuffer] | None) -> bytes:
    stream = io.BytesIO()
    keep = None if buffers is None else buffers.append
    _Pickler(stream, protocol=5, buffer_callback=keep).dump(data)
    return stream.getvalue()


def thrown_away(parcel: Parcel) -> None:
    """Remove the file, if there is one; who has it open reads on."""
    if parcel.path:
        with suppress(OSError):
            os.unlink(parcel.path)


def opened(parcel: Parcel) -> Any:
    """Return the data; arrays of a file are read-only and take memory as they are read.

    Raises
    ------
    OSError
        If the file, or that of a memory map, cannot be seen from here.

    Examples
    --------
    >>> parcel = packed({"X": np.ones(300_000)})
    >>> data = opened(parcel)
    >>> thrown_away(parcel)
    >>> data["X"].sum()
    np.float64(300000.0)
    """
    if not parcel.path:
        return pickle.loads(parcel.content)
    with open(parcel.path, "rb") as file:
        mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return pickle.loads(parcel.content, buffers=[mapped[begin : begin + n] for begin, n in parcel.places])
