"""How much memory a network may take."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from pathlib import Path

from nncore.base import control_groups

LARGEST_OBJECT = 2**62  # bytes; past it, sizes no longer fit the signed 64-bit integers they are kept in


def available() -> int:
    """Return the memory that this process may use, in bytes: the machine's, cut to the limits of its control groups.

    Where the system does not tell, the largest size that can be counted.

    Examples
    --------
    >>> 0 < available() <= LARGEST_OBJECT
    True
    """
    return min(LARGEST_OBJECT, physical(), _of_groups(os.getpid(), int(time.monotonic())))


def physical() -> int:
    """Return this machine's memory in bytes."""
    try:
        n_pages, page_size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf; others may not know the names
        return LARGEST_OBJECT
    return n_pages * page_size if n_pages > 0 else LARGEST_OBJECT  # -1 stands for an answer without a number


@lru_cache(maxsize=1)
def _of_groups(process: int, second: int) -> int:
    """Ask anew once a second, and after a fork: reading files takes longer than all else that adds a layer."""
    limit = control_groups.limit("memory", _limit_v2, _limit_v1)
    return LARGEST_OBJECT if limit is None else limit


def _limit_v2(group: Path) -> int:
    return int((group / "memory.max").read_text(encoding="ascii"))  # "max" is no number


def _limit_v1(group: Path) -> int:
    return int((group / "memory.limit_in_bytes").read_text(encoding="ascii"))


def readable(n_bytes: int) -> str:
    """Return a size as people read it: exact while it is small, else to three digits.

    Examples
    --------
    >>> readable(4040), readable(48_000_000_032), readable(2**62)
    ('4,040 bytes', '48 GB', '4.61e+06 TB')
    """
    for unit, size in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.3g} {unit}"
    return f"{n_bytes:,} bytes"
