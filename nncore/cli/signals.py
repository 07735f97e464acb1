"""SIGTERM and SIGHUP end a command as Ctrl-C does: by an exception, so that what was learnt is saved."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from nncore.cli.errors import INTERRUPTED

NAMES = ("SIGTERM", "SIGHUP")


class Terminated(KeyboardInterrupt):
    """A signal asks the process to end; the exit code is the shell's: 128 and the number of the signal."""

    def __init__(self, number: int) -> None:
        self.code = 128 + number
        super().__init__(f"terminated by {signal.Signals(number).name}")


def described(error: KeyboardInterrupt) -> tuple[str, int]:
    """Return in words what ended a command, and its exit code.

    Examples
    --------
    >>> described(KeyboardInterrupt()), described(Terminated(15))
    (('interrupted', 130), ('terminated by SIGTERM', 143))
    """
    return (str(error), error.code) if isinstance(error, Terminated) else ("interrupted", INTERRUPTED)


@contextmanager
def raised() -> Iterator[None]:
    """Let the first of these signals raise `Terminated` inside the block; while it is dealt with, others are ignored.

    A signal that is ignored already stays so: ``nohup`` means it. Outside the main thread nothing is changed.
    """
    found = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]  # Windows has no SIGHUP
    ours = [number for number in found if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        ours = []

    def end(number: int, frame: FrameType | None) -> NoReturn:
        for each in ours:  # a session that ends sends one after the other
            signal.signal(each, signal.SIG_IGN)
        raise Terminated(number)

    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
