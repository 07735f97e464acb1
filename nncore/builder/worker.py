"""The one thread that trains: whatever touches the model is carried out here, one thing after the other."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from nncore.builder.edits import EDITS
from nncore.builder.messages import Refusal, Request, encode

log = logging.getLogger("nncore.builder")

AT_ONCE = ("schema", "state")
"""Requests that can be answered while an epoch runs."""

HURRIED = (*EDITS, "undo", "redo", "pause")
"""Requests for which an epoch that takes long is given up: most would begin it anew in any case."""

Publish = Callable[[str, str], None]
"""Called with the kind of a message, state, frame or notice, and its text; returns at once."""


class Trainable(Protocol):
    """What the thread needs of a session."""

    version: int
    playing: bool
    publish: Publish
    hurried: Callable[[], bool]

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
        self._requests: deque[tuple[Request, Future[Any]]] = deque()
        self._come = threading.Condition()  # guards what is above and below
        self._ending = False
        session.hurried = self._hurried
        self._thread = threading.Thread(target=self._run, name="nncore builder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread, at the latest after the epoch that is being trained."""
        with self._come:
            self._ending = True
            self._come.notify()
        self._thread.join()

    def submit(self, request: Request) -> Future[Any]:
        """Have a request carried out; the future holds its result, or the `Refusal`."""
        future: Future[Any] = Future()
        with self._come:
            self._requests.append((request, future))
            self._come.notify()
        return future

    def _run(self) -> None:
        while not self._ending:
            self._guarded(self._publish_state)
            if self._session.playing and not self._waiting():
                self._guarded(lambda: self._session.play(self._waiting))
                continue
            with self._come:
                self._come.wait_for(self._waiting)
                request = self._requests.popleft() if self._requests else None
            if request is not None:
                self._carry_out(*request)

    def _waiting(self) -> bool:
        return self._ending or bool(self._requests)

    def _hurried(self) -> bool:
        """Answer what can be answered while an epoch runs; return whether anything waits that is in a hurry."""
        with self._come:
            waiting = list(self._requests)
            self._requests = deque(item for item in waiting if item[0].type not in AT_ONCE)
        for request, future in waiting:
            if request.type in AT_ONCE:
                self._carry_out(request, future)
        return self._ending or any(request.type in HURRIED for request, _ in waiting)

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
