"""Threads beside the one that calls, whose end can be waited for amid signals."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable

from nncore.many.progress import Progress

LOOK = 1.0  # seconds that an end can stay unseen at most, where a signal has struck just then


class Helper(threading.Thread):
    """A thread that does some work and is waited for by `wait_for`.

    After Ctrl-C has struck in its ``join``, a thread passes for one that has ended while it goes on, up to Python 3.12
    (what bpo-45274 led to).

    Parameters
    ----------
    work : callable
    """

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(name="nncore.many", daemon=True)
        self._work, self._process = work, os.getpid()
        self._began = self._over = False
        self._end = threading.Lock()
        self._end.acquire()

    def start(self) -> None:
        """Begin; where a signal strikes in it, the thread may still run."""
        super().start()
        self._began = True

    def run(self) -> None:
        """Do the work; threading calls it."""
        self._began = True  # already: a signal may have struck in `start`
        try:
            self._work()
        finally:
            self._over = True
            self._end.release()

    @property
    def works(self) -> bool:
        """Whether it has begun and not ended; in a forked child no thread works but the one that forked."""
        return self._began and not self._over and os.getpid() == self._process

    def wait(self) -> None:
        """Wait for its end; a signal may strike in it, and it be called again."""
        while self.works:
            self._end.acquire(timeout=LOOK)
        if self._over:
            self.join()


def start(helpers: list[Helper], n: int, work: Callable[[], None], miss: Callable[[], None]) -> None:
    """Set `n` threads to work, or as many as the system gives, and put them among the `helpers`; `miss` the others."""
    for _ in range(n):
        helper = Helper(work)
        helpers.append(helper)  # first, for a signal that strikes now
        try:
            helper.start()
        except RuntimeError:
            miss()


def wait_for(helpers: Iterable[Helper], progress: Progress) -> None:
    """Wait for the end of all; what strikes meanwhile, also again and again, has them end after an epoch."""
    while True:
        try:
            for helper in helpers:
                helper.wait()
            return
        except BaseException as error:
            progress.stopped = progress.stopped or error
