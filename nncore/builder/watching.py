"""What stands beside the training of a run: it shows pages how far that is, and gives way to what they ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nncore.builder import frames
from nncore.builder.messages import encode
from nncore.builder.run import Within
from nncore.callbacks import STOP

if TYPE_CHECKING:
    from nncore.builder.session import Session

SECONDS_PER_FRAME = 1 / 30
SECONDS_PER_COUNT = 0.2  # between two frames that differ in the batch alone
LONGEST = 4.0  # seconds between two frames, however long one takes
LARGEST_SHARE = 0.015  # of the time of training that frames may take
LONG = 0.3  # seconds: epochs that take longer are shown while they run
PATIENCE = 1.0  # seconds: who waits for more than the rest of an epoch gets its turn at once
LOOK = 0.01  # seconds between two looks for requests, where training is slowed down


def nobody() -> bool:
    """Say that nobody waits."""
    return False


class Watching:
    """A callback of ``fit``.

    Parameters
    ----------
    session : Session
    waiting : callable
        Tells whether a page asks for something, which gets its turn between two epochs.
    """

    def __init__(self, session: Session, waiting: Callable[[], bool] = nobody) -> None:
        self._session, self._waiting = session, waiting
        self._began = self._next_count = 0.0
        self._frame: dict[str, Any] = {}

    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        self._began = time.monotonic()

    def on_progress(self, model: Any, epoch: int, logs: Mapping[str, float]) -> Any:
        """Show a long epoch. For somebody in a hurry it is given up, unless it is all but done: it will begin anew."""
        gone, batch, n_batches = time.monotonic() - self._began, int(logs["batch"]), int(logs["n_batches"])
        if gone < LONG:
            return None
        run = self._session.run
        run.within = Within(model, batch, logs["loss"])
        try:
            self._show()
            hurried = self._session.hurried()
        finally:
            run.within = None
        rest = gone * (n_batches - batch) / batch if batch else math.inf
        if not hurried or rest < PATIENCE:
            return None
        self._session.tell(f"epoch {epoch + 1} begins anew later on: {batch:,} of its {n_batches:,} batches were done")
        return STOP

    def on_epoch_end(self, model: Any, epoch: int, logs: Mapping[str, float]) -> Any:
        self._show()
        return STOP if self._waiting() or self._paced() else None

    def _show(self) -> None:
        """Publish a frame if it is due; the next one is due the later, the longer this one took.

        It is this thread's own time that counts: where browsers keep the processors busy, waiting costs no training.
        """
        session, started = self._session, time.monotonic()
        if started < session.next_frame:
            if session.run.within is not None:
                self._count(started)
            return
        busy = time.thread_time()
        self._frame = frames.frame(session.run, session.version)
        self._publish(started)
        took = time.thread_time() - busy
        session.next_frame = started + min(max(SECONDS_PER_FRAME, took / LARGEST_SHARE), LONGEST)

    def _count(self, now: float) -> None:
        """Within a long epoch, publish at least how far it is, beside weights and gradients of a moment ago."""
        within, frame = self._session.run.within, self._frame
        if within is None or now < self._next_count or frame.get("version") != self._session.version:
            return
        self._frame = {**frame, "batch": within.batch, "running_loss": frames.number(within.loss)}
        self._publish(now)

    def _publish(self, now: float) -> None:
        self._session.publish("frame", encode({"type": "frame", "frame": self._frame}))
        self._next_count = now + SECONDS_PER_COUNT

    def _paced(self) -> bool:
        """Wait until the next epoch may begin; return whether somebody came meanwhile."""
        pace = self._session.pace if self._session.playing else None
        end = time.monotonic() + (1 / pace if pace else 0)
        while time.monotonic() < end:
            time.sleep(min(LOOK, max(0.0, end - time.monotonic())))
            if self._waiting():
                return True
        return False
