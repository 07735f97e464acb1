"""What is shown of many trainings at once: one bar for all, or a line for each that has ended; and the word to stop."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nncore.training.progress import INTERVAL, LINES, ProgressBar

if TYPE_CHECKING:
    from nncore.history import History

BAR = "{desc}{percentage:3.0f}%|{bar:20}| [{elapsed}<{remaining}]{postfix}"


class Progress:
    """How far many trainings have come. All threads tell it; whoever comes when it is time draws.

    Parameters
    ----------
    verbose : "auto", True, False or `LINES`
        As `nncore.training.progress.check_verbose` returns it.
    work : sequence of float
        What each training takes, in any unit.

    Attributes
    ----------
    stopped : BaseException or None
        Why all of them are to end now: each does so within a thirtieth of a second.
    shown : bool
        Whether anything is.
    """

    def __init__(self, verbose: bool | str, work: Sequence[float]) -> None:
        self.stopped: BaseException | None = None
        self._lines = verbose == LINES and sys.stderr is not None
        wanted = not self._lines and verbose and sys.stderr is not None
        self.shown = bool(wanted and (verbose is True or sys.stderr.isatty()))
        self._work, self._whole = work, max(sum(work), 1e-9)
        self._did, self._n, self._best = 0.0, 0, ""
        self._best_value = float("inf")
        self._lock, self._drawn, self._bar = threading.Lock(), 0.0, None

    def __enter__(self) -> Progress:
        if self.shown:
            from tqdm import tqdm  # here, not at the top: few ever see it

            bar: Any = tqdm(total=100, file=sys.stderr, bar_format=BAR, dynamic_ncols=True)
            self._bar = bar
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.close()
            self._bar = None

    def did(self, work: float) -> None:
        """Take note of so much more work."""
        if self._bar is None:
            return
        with self._lock:
            self._did += work
        self.look()

    def look(self) -> None:
        """Draw if it is time, and nobody else does."""
        if self._bar is not None and time.perf_counter() - self._drawn >= INTERVAL and self._lock.acquire(False):
            try:
                self._draw()
            finally:
                self._lock.release()

    def ended(self, index: int, history: History, error: BaseException | None, rest: float = 0.0) -> None:
        """Take note that training number `index` has ended, by an error or not, with `rest` of its work left undone."""
        if self._bar is None and not self._lines:
            return
        name = "val_loss" if "val_loss" in history.history else "loss"
        value = min(history[name], default=float("inf")) if name in history.history else float("inf")
        with self._lock:
            self._n, self._did = self._n + 1, self._did + rest
            if value < self._best_value:
                self._best_value, self._best = value, f"best {name} {value:.4g} (models[{index}])"
            if self._lines:
                how = repr(error) if error is not None else repr(history)
                print(f"models[{index}] ({self._n}/{len(self._work)}): {how}", file=sys.stderr, flush=True)
        self.look()

    def _draw(self) -> None:
        self._drawn = time.perf_counter()
        bar: Any = self._bar
        bar.n = min(100.0, 100 * self._did / self._whole)
        told = [f"{self._n}/{len(self._work)} networks", *([self._best] if self._best else [])]
        bar.set_postfix_str(", ".join(told), refresh=False)
        bar.refresh()


class Part(ProgressBar):
    """What one ``fit`` of many takes for its bar: it passes on what it hears, and ends when all are to end.

    Parameters
    ----------
    whole : Progress
    work : float
        What this training takes.
    epochs : int
    watches : bool
        Whether it wants to hear amid an epoch, too: where nobody else would hear that all are to end.
    """

    def __init__(self, whole: Progress, work: float, epochs: int, watches: bool) -> None:
        self._whole, self._share = whole, work / epochs
        self._watches = watches
        self._told = 0.0  # epochs, parts of them included
        self._done = 0

    @property
    def shown(self) -> bool:
        return self._watches

    def __enter__(self) -> Part:
        return self

    def __exit__(self, *error: object) -> None:
        """The whole goes on."""

    def update(self, epochs: int, logs: object) -> None:
        self._done += epochs
        self._tell(self._done)

    def advance(self, share: float, loss: float) -> None:
        self._tell(self._done + share)

    def wait(self, share: float) -> None:
        """What waits for data, a stream, is not trained with others."""

    def _tell(self, epochs: float) -> None:
        self._whole.did((epochs - self._told) * self._share)
        self._told = epochs
        if self._whole.stopped is not None:
            raise KeyboardInterrupt  # what fit knows how to end by

    def rest(self, epochs: int) -> float:
        """Return the work that was not done of so many epochs."""
        return max(0.0, epochs - self._told) * self._share
