"""The one thread that trains: whatever touches the model is carried out here, one thing after the other."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from nncore.builder.messages import TYPES, Request, carry_out
from nncore.builder.refusal import Refusal
from nncore.builder.session import Session
from nncore.builder.wire import encode

log = logging.getLogger("nncore.builder")


class Worker:
    """Runs a session in a thread of its own.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
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
            self._requests = deque(item for item in waiting if not TYPES[item[0].type].at_once)
        for request, future in waiting:
            if TYPES[request.type].at_once:
                self._carry_out(request, future)
        return self._ending or any(TYPES[request.type].in_a_hurry for request, _ in waiting)

    def _publish_state(self) -> None:
        if self._published != self._session.version:
            self._published = self._session.version
            self._session.publish("state", encode({"type": "state", "state": self._session.state()}))

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what nobody waits for. The thread must outlive its errors: pages hear of them, and can undo or reset."""
        try:
            work()
        except Exception as error:
            log.exception("training stopped")
            self._session.stop(f"training stopped: {error}")

    def _carry_out(self, request: Request, future: Future[Any]) -> None:
        if not future.set_running_or_notify_cancel():  # its page has gone
            return
        try:
            future.set_result(carry_out(self._session, request))
        except Refusal as refusal:
            future.set_exception(refusal)
        except (TypeError, ValueError, ArithmeticError, MemoryError, RuntimeError) as error:
            future.set_exception(Refusal(str(error) or type(error).__name__))
        except BaseException as error:  # a mistake of ours: the server answers, and logs it
            future.set_exception(error)
