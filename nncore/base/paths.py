"""Paths as a caller gives them."""

from __future__ import annotations

import os
from pathlib import Path


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path as text, a ``~`` or ``~user`` at its beginning replaced by the home directory, as a shell does it.

    A folder that is really called so is ``./~``.

    Examples
    --------
    >>> expanded("~/m") == os.path.join(os.path.expanduser("~"), "m"), expanded("./~/m")
    (True, './~/m')
    """
    return os.path.expanduser(os.fsdecode(path))


def check_no_pipe(path: Path) -> None:
    """Refuse a named pipe as a log: opening it would wait for a reader, to whom each row would be the end.

    Raises
    ------
    ValueError
        If it is one.

    Examples
    --------
    >>> check_no_pipe(Path("log.csv"))
    """
    if path.is_fifo():
        raise ValueError(f"{str(path)!r} is not a regular file but a named pipe; write to a file")
