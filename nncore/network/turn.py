"""Who may use a model now: one thread at a time; while one trains, the others get an error."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress

WAIT = "wait until it is trained, or work on a copy made before: copy.deepcopy(model)"
AFTER = "do it after fit, which model.stop_training = True ends, or to a copy: copy.deepcopy(model)"
FORK_WAITS = 0.5  # seconds for models that others train to come to the end of an epoch
_alive: weakref.WeakSet[Turn] = weakref.WeakSet()
_forking: set[int] = set()  # threads that are about to fork
_held = threading.local()  # `turns` that this thread holds over its fork
meets = threading.local()  # `aside`, where this thread meets others: a block in which these do without it


class Turn:
    """The lock of a model, and of all networks made for it.

    Attributes
    ----------
    lock : threading.RLock
        Held for every operation, and for an epoch together with the record of it.
    trainer : int or None
        The thread that trains, from the first epoch of a ``fit`` to the last.
    computing : bool
        Whether the engine is in the middle of an epoch: it can be asked for its weights and nothing else.
    record : callable or None
        While an epoch is trained and recorded, what records it if it is finished: for a child process, where nobody
        else will.

    Examples
    --------
    >>> turn = Turn()
    >>> with turn.training():
    ...     with turn.changing():
    ...         pass
    Traceback (most recent call last):
        ...
    RuntimeError: model is being trained: a callback cannot train or change the model that called it; do it \
after fit, which model.stop_training = True ends, or to a copy: copy.deepcopy(model)
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.trainer: int | None = None
        self.computing = False
        self.record: Callable[[], None] | None = None
        _alive.add(self)

    def check(self) -> None:
        """Raise RuntimeError while another thread trains. Ask before the lock, so that nobody waits to hear it."""
        if self.trainer is not None and self.trainer != threading.get_ident():
            raise RuntimeError(f"model is being trained in another thread; {WAIT}")

    def check_not_training(self) -> None:
        """Raise RuntimeError while anybody trains."""
        self.check()
        if self.trainer is not None:
            raise RuntimeError(
                f"model is being trained: a callback cannot train or change the model that called it; {AFTER}"
            )

    def check_computing(self) -> None:
        """Raise RuntimeError where the thread that trains asks for more than weights in the middle of an epoch."""
        if self.computing:
            raise RuntimeError(
                "model is in the middle of an epoch: on_progress and on_batch_end can read its weights, and nothing "
                "else; do the rest in on_epoch_end"
            )

    @contextmanager
    def using(self) -> Iterator[None]:
        """Keep others away until the block ends: what is read and written in it belongs together."""
        self.check()
        if _forking:
            _let_forks_pass()
        with self.lock:
            self.check()  # again: a training may have begun while this thread waited
            yield

    @contextmanager
    def changing(self) -> Iterator[None]:
        """As `using`, for what a callback must not do to the model that called it."""
        with self.using():
            self.check_not_training()
            yield

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keep other threads, and callbacks of the same thread, from training and changing until the block ends."""
        began = False
        try:
            with self.changing():
                began = True  # first, for a signal that strikes now
                self.trainer = threading.get_ident()
            yield
        finally:
            if began:
                self.trainer = None

    def forget_other_threads(self) -> bool:
        """In a child process after a fork only the forking thread lives on; return whether another was at work."""
        lost = not self.lock.acquire(blocking=False)
        self.lock = threading.RLock()
        if self.trainer != threading.get_ident():
            self.trainer, self.computing = None, False
        return lost

    def record_what_is_finished(self) -> None:
        """After `forget_other_threads`: do what the other thread will not, once its networks have let go of it."""
        record, self.record = self.record, None
        if record is not None:
            with suppress(Exception):  # the other thread may have been in the middle of doing it
                record()


def alive() -> list[Turn]:
    """Return all there are, those of models that have no network yet included."""
    return list(_alive)


def _let_forks_pass() -> None:
    """Wait while another thread is about to fork, so that its child finds a finished epoch.

    Those whom this thread meets go on without it: they hold what the fork waits for.
    """
    deadline, own = time.monotonic() + FORK_WAITS, threading.get_ident()
    aside = getattr(meets, "aside", None) or nullcontext
    with aside():
        while _forking - {own} and time.monotonic() < deadline:
            time.sleep(1e-4)


def _before_fork() -> None:
    deadline = time.monotonic() + FORK_WAITS
    turns: list[Turn] = []
    _held.turns = turns
    _forking.add(threading.get_ident())
    for turn in alive():
        if turn.lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            turns.append(turn)


def _release() -> None:
    _forking.discard(threading.get_ident())
    for turn in getattr(_held, "turns", ()):
        turn.lock.release()
    _held.turns = []


def _in_child() -> None:
    _forking.clear()
    _release()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(before=_before_fork, after_in_parent=_release, after_in_child=_in_child)
