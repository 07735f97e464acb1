"""What stands beside the training of a run: it shows pages how far that is, and gives way to what they ask for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from nncore.builder import frames
from nncore.builder.run import Run, Within
from nncore.builder.wire import Publish, encode, notify
from nncore.callbacks import STOP

SECONDS_PER_FRAME = 1 / 30
SECONDS_PER_COUNT = 0.2  # between two frames that differ in the batch alone
LONGEST = 4.0  # seconds between two frames, however long one takes
LARGEST_SHARE = 0.015  # of the time of training that frames may take
LONG = 0.3  # seconds: epochs that take longer are shown while they run
PATIENCE = 1.0  # seconds: who waits for more than the rest of an epoch gets its turn at once
LOOK = 0.01  # seconds between two looks for requests, where training is slowed down
DRAWN = 0.5  # of the time of a paced epoch: frames that take no more are shown of every one


def nobody() -> bool:
    """Say that nobody waits."""
    return False


class Pace:
    """When the next epoch may begin: it outlives the calls of ``fit``, each of which a request may end.

    Parameters
    ----------
    rate : float, optional
        Epochs per second at most; by default as many as there are.

    Attributes
    ----------
    due : float
        When the next epoch may begin, in seconds of ``time.monotonic``.
    took : float
        Seconds that the latest frame took.
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.due = self.took = 0.0

    def set(self, rate: float | None) -> None:
        """Take another rate; what was to come after a longer pause comes as soon as the new one allows."""
        self.rate = rate
        self.due = min(self.due, time.monotonic() + self.seconds)

    @property
    def seconds(self) -> float:
        """From one epoch to the next."""
        return 1 / self.rate if self.rate else 0.0

    def begin(self) -> None:
        """Note that an epoch begins. One that is late by less than an epoch does not move those that follow."""
        now = time.monotonic()
        self.due = (self.due if now - self.due < self.seconds else now) + self.seconds

    def wait(self, waiting: Callable[[], bool]) -> bool:
        """Wait until the next epoch may begin; return whether somebody came meanwhile."""
        while not (come := waiting()) and (left := self.due - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
        return come


class Watching:
    """A callback of ``fit``, for one call.

    Parameters
    ----------
    run : Run
        That is trained.
    version : callable
        Returns that of the state that frames belong to.
    publish : function of (kind, text)
        Sends frames and notices to all pages.
    next_frame : float
        When the next frame is due, in seconds of ``time.monotonic``.
    pace : Pace, optional
        By default there are as many epochs as there can be.
    waiting : callable
        Tells whether a page asks for something, which gets its turn between two epochs.
    hurried : callable
        Called while a long epoch runs: answers what leaves the training alone, returns no sooner than it is to go on,
        and tells whether something waits that should not have to wait for the end of the epoch.

    Attributes
    ----------
    next_frame : float
        As above, for whoever watches after this call.
    given_up : str
        What was told of an epoch that was given up; empty if none was.
    """

    def __init__(
        self,
        run: Run,
        version: Callable[[], int],
        publish: Publish,
        *,
        next_frame: float = 0.0,
        pace: Pace | None = None,
        waiting: Callable[[], bool] = nobody,
        hurried: Callable[[], bool] = nobody,
    ) -> None:
        self._run, self._version, self._publish = run, version, publish
        self._pace, self._waiting, self._hurried = pace or Pace(), waiting, hurried
        self.next_frame, self.given_up = next_frame, ""
        self._began = self._next_count = self._idle = 0.0
        self._frame: dict[str, Any] | None = None

    def on_epoch_begin(self, model: Any, epoch: int) -> None:
        self._began, self._idle = time.monotonic(), 0.0
        self._pace.begin()

    def on_progress(self, model: Any, epoch: int, logs: Mapping[str, float]) -> Any:
        """Show a long epoch. For somebody in a hurry it is given up, unless it is all but done: it will begin anew."""
        gone = time.monotonic() - self._began - self._idle
        if gone < LONG:
            return None
        batch, n_batches = int(logs["batch"]), int(logs["n_batches"])
        rest = gone * (n_batches - batch) / batch if batch else math.inf
        self._run.within = Within(self._run, batch, logs["loss"], rest)
        try:
            self._show()
            asked = time.monotonic()
            hurried = self._hurried()
            self._idle += time.monotonic() - asked
        finally:
            self._run.within = None
        if not hurried or rest < PATIENCE:
            return None
        self.given_up = f"epoch {epoch + 1} begins anew later on: {batch:,} of its {n_batches:,} batches were done"
        notify(self._publish, self.given_up)
        return STOP

    def on_epoch_end(self, model: Any, epoch: int, logs: Mapping[str, float]) -> Any:
        self._run.idle = (epoch, self._idle)
        self._show(always=self._pace.took < DRAWN * self._pace.seconds)
        return STOP if self._pace.wait(self._waiting) else None

    def _show(self, always: bool = False) -> None:
        """Publish a frame if it is due, or in any case; the next one is due the later, the longer this one took.

        It is this thread's own time that counts: where browsers keep the processors busy, waiting costs no training.
        """
        started = time.monotonic()
        if started < self.next_frame and not always:
            self._count(started)
            return
        busy = time.thread_time()
        self._send(frames.frame(self._run, self._version()), started)
        self._pace.took = time.thread_time() - busy
        self.next_frame = started + min(max(SECONDS_PER_FRAME, self._pace.took / LARGEST_SHARE), LONGEST)

    def _count(self, now: float) -> None:
        """Within a long epoch, publish at least how far it is, beside weights and gradients of a moment ago."""
        within, frame = self._run.within, self._frame
        if within is not None and frame is not None and now >= self._next_count:
            count = {"batch": within.batch, "running_loss": frames.number(within.loss), "version": self._version()}
            self._send({**frame, **count}, now)

    def _send(self, frame: dict[str, Any], now: float) -> None:
        self._frame = frame
        self._publish("frame", encode({"type": "frame", "frame": frame}))
        self._next_count = now + SECONDS_PER_COUNT
