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
        self._curves = -1  # and which curves: they ask for what is new of them
        self._requests: deque[tuple[Request, Future[Any]]] = deque()
        self._come = threading.Condition()  # guards what is above and below
        self._ending = False
        self._at_work: list[Future[Any]] = []  # what is being carried out, the one within the other
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
        """While an epoch runs: answer what leaves it alone, and wait for as long as it is paused.

        Return whether anything waits that is in a hurry.
        """
        while True:
            with self._come:
                if self._session.held:
                    self._come.wait_for(self._waiting)
                item = None if self._ending else self._next_within()
            if item is None:
                break
            self._carry_out(*item)
            if self._session.held:  # whoever waits for the end of the epoch hears where it stands instead
                self._answer_early()
            self._guarded(self._publish_state)
        with self._come:
            return self._ending or any(TYPES[request.type].in_a_hurry for request, _ in self._requests)

    def _next_within(self) -> tuple[Request, Future[Any]] | None:
        """Take the first request that can be answered within an epoch, but none that came after an edit."""
        for index, (request, _) in enumerate(self._requests):
            message = TYPES[request.type]
            if message.in_a_hurry:
                return None
            if message.at_once or self._session.held:
                item = self._requests[index]
                del self._requests[index]
                return item
        return None

    def _answer_early(self) -> None:
        for future in self._at_work:
            if not future.done():
                future.set_result({"epoch": self._session.run.model.epoch})

    def _publish_state(self) -> None:
        if self._published != self._session.version:
            self._published = self._session.version
            known, self._curves = self._curves, self._session.curves_id
            state = self._session.state(curves=known != self._curves)
            self._session.publish("state", encode({"type": "state", "state": state}))

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
        self._at_work.append(future)
        try:
            result = carry_out(self._session, request)
            if not future.done():
                future.set_result(result)
        except Refusal as refusal:
            _fail(future, refusal)
        except (TypeError, ValueError, ArithmeticError, MemoryError, RuntimeError) as error:
            _fail(future, Refusal(str(error) or type(error).__name__))
        except BaseException as error:  # a mistake of ours: the server answers, and logs it
            _fail(future, error)
        finally:
            self._at_work.remove(future)


def _fail(future: Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
