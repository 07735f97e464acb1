"""Models to and from files, and as plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import BinaryIO

from nncore.base import checks
from nncore.model import checkpoint, storage
from nncore.model.checkpoint import Snapshot
from nncore.model.sequential import Sequential


def load(path: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO) -> Sequential:
    """Read a model that `Sequential.save` wrote. Training goes on exactly where it stopped.

    Nothing in the file is executed, and every field is checked; a file that is damaged in any bit is refused.

    Parameters
    ----------
    path : str, path-like, binary file or bytes
        A file that is open for reading bytes is read to its end; bytes are what ``model.to_bytes()`` returned.

    Returns
    -------
    Sequential

    Raises
    ------
    ModelFileError
        If the file is not a model, damaged, or of a newer format.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from nncore import Dense, Sequential, load
    >>> model = Sequential([Dense(1)])
    >>> model.build(3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/line.safetensors")
    ...     load(f"{folder}/line.safetensors").n_parameters
    4
    """
    return restored(checkpoint.load(path))


load = checks.explaining("load", load)


def snapshot(model: Sequential, metadata: Mapping[str, str] | None = None) -> Snapshot:
    """Return all that a file of the model holds as plain data, with these notes."""
    return storage.snapshot(model._state, {} if metadata is None else metadata)


def restored(kept: Snapshot) -> Sequential:
    """Return a model in the state that `snapshot` described."""
    model = Sequential()
    model._state = storage.restored(kept)
    return model
