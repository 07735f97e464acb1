"""The one thread that trains: whatever touches the model is carried out here, one thing after the other."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from nncore.builder.messages import Refusal, Request, encode

log = logging.getLogger("nncore.builder")

Publish = Callable[[str, str], None]
"""Called with the kind of a message, state, frame or notice, and its text; returns at once."""


class Trainable(Protocol):
    """What the thread needs of a session."""

    version: int
    playing: bool
    publish: Publish

    def handle(self, request: Request) -> Any:
        """Carry out what a page asks for; return the result."""
        ...

    def play(self, waiting: Callable[[], bool]) -> None:
        """Train until somebody is waiting, or the training has ended."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what every page shows."""
        ...


class Worker:
    """Runs a session in a thread of its own.

    Parameters
    ----------
    session : Trainable
    """

    def __init__(self, session: Trainable) -> None:
        self._session = session
        self._published = -1  # version of the state that pages have
        self._requests: queue.SimpleQueue[tuple[Request, Future[Any]] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="nncore builder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the epoch that is being trained."""
        self._requests.put(None)
        self._thread.join()

    def submit(self, request: Request) -> Future[Any]:
        """Have a request carried out; the future holds its result, or the `Refusal`."""
        future: Future[Any] = Future()
        self._requests.put((request, future))
        return future

    def _run(self) -> None:
        while True:
            self._guarded(self._publish_state)
            if self._session.playing and self._requests.empty():
                self._guarded(lambda: self._session.play(lambda: not self._requests.empty()))
                continue
            waiting = self._requests.get()
            if waiting is None:
                return
            self._carry_out(*waiting)

    def _publish_state(self) -> None:
        if self._published != self._session.version:
            self._published = self._session.version
            self._session.publish("state", encode({"type": "state", "state": self._session.state()}))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what nobody waits for. The thread must outlive its errors: pages hear of them, and can undo or reset."""
        try:
            work()
        except Exception as error:
            self._session.version += self._session.playing
            self._session.playing = False
            log.exception("training stopped")
            self._session.publish("notice", encode({"type": "notice", "text": f"training stopped: {error}"}))

    def _carry_out(self, request: Request, future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():  # its page has gone
            return
        try:
            future.set_result(self._session.handle(request))
        except Refusal as refusal:
            future.set_exception(refusal)
        except (TypeError, ValueError, ArithmeticError, MemoryError, RuntimeError) as error:
            future.set_exception(Refusal(str(error) or type(error).__name__))
        except BaseException as error:  # a mistake of ours: the server answers, and logs it
            future.set_exception(error)
