"""Paths as a caller gives them."""

from __future__ import annotations

import os


def expanded(path: str | os.PathLike[str]) -> str:
    """Return a path as text, a ``~`` or ``~user`` at its beginning replaced by the home directory, as a shell does it.

    A folder that is really called so is ``./~``.

    Examples
    --------
    >>> expanded("~/m") == os.path.join(os.path.expanduser("~"), "m"), expanded("./~/m")
    (True, './~/m')
    """
    return os.path.expanduser(os.fsdecode(path))
