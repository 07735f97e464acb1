"""How many threads of the engine a network may use, where several threads of Python train one each.

The pool serves one caller at a time; who finds it busy computes alone. So those that share get an equal part each, and
the last of them all. No result depends on it.
"""

from __future__ import annotations

import os
import threading

from nncore._engine import runtime

_lock = threading.Lock()
_most = 1  # that nncore may use in all
_sharers: dict[object, int] = {}  # by who brought them: threads of Python that train beside each other


def most() -> int:
    """Return how many threads nncore may use in all."""
    return _most


def set_most(n: int) -> None:
    """Let nncore use `n` threads in all, as far as the pool can have so many."""
    global _most
    with _lock:
        _most = min(n, runtime.MAX_THREADS)
        _divide()


def share(who: object, n: int) -> None:
    """Note that `n` threads of Python, which `who` stands for, are going to train; they `leave`, or `who` ends it."""
    with _lock:
        _sharers[who] = n
        _divide()


def leave(who: object) -> None:
    """Leave the part of one thread to the others, from their next calls of the engine on."""
    with _lock:
        _sharers[who] = max(0, _sharers.get(who, 0) - 1)
        _divide()


def end(who: object) -> None:
    """Leave the parts of all that `who` stands for; doing it twice is doing it once."""
    with _lock:
        _sharers.pop(who, None)
        _divide()


def _divide() -> None:
    runtime.set_thread_limit(max(1, _most // max(1, sum(_sharers.values()))))


def _in_child() -> None:
    global _lock
    _lock = threading.Lock()
    _sharers.clear()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_in_child)
