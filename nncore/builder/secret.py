"""The secret of which servers of one user make their tokens: one that is started anew knows the pages of the last one.

It lies in a file that nobody else may read, and for no longer than a day after a server was started with it.
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

SIZE = 32  # bytes
A_DAY = 24 * 60 * 60  # seconds
NAME = "builder-secret"


def kept() -> bytes:
    """Return the secret of this user, made and kept if there is none; where it cannot be kept, one for this time."""
    from platformdirs import user_state_path  # here: only the extra has it

    try:
        return kept_in(user_state_path("nncore", appauthor=False))
    except OSError:
        return secrets.token_bytes(SIZE)


def kept_in(folder: Path) -> bytes:
    """Return the secret that lies in a folder; one that others could know, or that is old, is replaced.

    Raises
    ------
    OSError
        If it cannot be read or written.
    """
    file = folder / NAME
    found = _read(file)
    if found is not None:
        os.utime(file)
        return found
    folder.mkdir(0o700, parents=True, exist_ok=True)
    return _written(file, secrets.token_bytes(SIZE))


def _read(file: Path) -> bytes | None:
    try:
        with open(file, "rb") as stream:
            facts, content = os.fstat(stream.fileno()), stream.read(SIZE + 1)
    except FileNotFoundError:
        return None
    private = os.name == "nt" or (facts.st_uid == os.getuid() and not facts.st_mode & 0o077)
    young = time.time() - facts.st_mtime < A_DAY
    return content if private and young and len(content) == SIZE else None


def _written(file: Path, content: bytes) -> bytes:
    """Put a file in place that was never readable for others."""
    beside = file.with_name(f"{NAME}.{secrets.token_hex(8)}")
    try:
        with open(beside, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as stream:
            stream.write(content)
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)
    return content
