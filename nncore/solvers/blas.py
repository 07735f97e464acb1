"""How many threads SciPy's linear algebra may use while a solver runs.

The number is one for the whole process. So those who run beside each other, in threads, share it: the smallest that one
of them asks for holds, and what was before comes back with the last. A sum that BLAS divides among threads has other
bits with another number of them.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nncore import engine


class _Asked:
    """Somebody who is within, for as long as there is somebody: an interrupt may strike on the way out."""


_lock = threading.Lock()
_held: weakref.WeakKeyDictionary[_Asked, int] = weakref.WeakKeyDictionary()  # what those who are within have asked for
_before: list[int] = []  # threads of each library before the first of them came, until they are given back


@contextmanager
def limited(most: int | None = None) -> Iterator[None]:
    """Hold BLAS to `most` threads, never above nncore's own limit, until the block ends.

    Where the package threadpoolctl is not installed, it does nothing: ``OPENBLAS_NUM_THREADS`` is the way then. Numbers
    below that are set already stay. BLAS's threads spin while they wait, which costs all others on a busy machine, and
    themselves: Levenberg-Marquardt with 81 parameters took twenty times as long with two of them as with one.

    Examples
    --------
    >>> with limited(1):
    ...     pass
    """
    limit, own = engine.get_num_threads() if most is None else min(most, engine.get_num_threads()), _Asked()
    try:
        with _lock:
            if not _before:
                _before[:] = [library.num_threads for library in _libraries()]
            _held[own] = limit
            _apply()
        yield
    finally:
        with _lock:
            _held.pop(own, None)  # it is not there if an interrupt struck before, or in a process forked meanwhile
            _apply()


@functools.cache
def _libraries() -> tuple[Any, ...]:
    """Return the libraries that NumPy and SciPy compute with; to look for them takes milliseconds."""
    import scipy.linalg  # which loads its own  # noqa: F401

    try:
        from threadpoolctl import ThreadpoolController
    except ImportError:
        return ()
    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


def _apply() -> None:
    for library, before in zip(_libraries(), _before, strict=False):
        wanted = min([before, *_held.values()])
        if library.num_threads != wanted:
            release = getattr(library, "clear_controlling_thread", _nothing)
            release(force=True)  # threadpoolctl 3.8 lets one thread set them; here all that have the lock
            library.set_num_threads(wanted)
            release(force=True)
    if not _held:
        _before.clear()


def _nothing(force: bool) -> None:
    pass


def _in_child() -> None:
    global _lock
    _lock = threading.Lock()
    if _held:  # by threads that are no more
        _held.clear()
        _apply()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_in_child)
