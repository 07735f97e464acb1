"""The progress bar of ``fit``: epoch, loss, metrics, speed and time left, on stderr."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from nncore.base.recorded import NOT_IN_PROGRESS

INTERVAL = 0.1  # seconds between two drawings: fast enough for the eye, too slow to be felt by a tiny network
NOTHING: Mapping[str, float] = {}
BAR = "{desc}|{bar:20}| {n_fmt}/{total_fmt} epochs [{elapsed}<{remaining}]{postfix}"


def check_verbose(verbose: bool | int | str) -> bool | str:
    """Return `verbose` as `ProgressBar` knows it: ``"auto"``, True or False; 0, 1 and 2 mean what they do in Keras.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if verbose == "auto" if isinstance(verbose, str) else verbose in (0, 1, 2):
        return verbose if isinstance(verbose, str) else bool(verbose)
    raise ValueError(f"verbose must be 'auto', True, False, 0, 1 or 2, got {verbose!r}")


class ProgressBar:
    """Show how training goes; silent if not wanted.

    Parameters
    ----------
    verbose : {"auto", True, False}
        ``"auto"`` shows the bar only where stderr is a terminal.
    epochs : int
        How many this ``fit`` will run.
    n_samples : int
        Training samples per epoch, for the speed.
    """

    def __init__(self, verbose: bool | str, epochs: int, n_samples: int) -> None:
        shown = verbose and sys.stderr is not None and (verbose is True or sys.stderr.isatty())
        self._bar = _open_bar(epochs) if shown else None
        self._n_samples = n_samples
        self._drawn = self._started = time.perf_counter()
        self._epochs = 0
        self._logs: Mapping[str, float] = {}

    def update(self, epochs: int, logs: Mapping[str, float]) -> None:
        """Take note of `epochs` more finished epochs, the last of which gave `logs`."""
        if self._bar is None:
            return
        self._epochs += epochs
        self._logs = logs
        now = time.perf_counter()
        if now - self._drawn >= INTERVAL:
            self._draw(now)

    @property
    def shown(self) -> bool:
        return self._bar is not None

    def advance(self, share: float, loss: float) -> None:
        """Take note that `share` of the next epoch is done, with this mean loss, NaN if it is not known yet."""
        now = time.perf_counter()
        if self._bar is not None and now - self._drawn >= INTERVAL:
            self._draw(now, share, {} if math.isnan(loss) else {"loss": loss})

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.refresh()  # a first epoch may take minutes
        return self

    def __exit__(self, *error: object) -> None:
        """Draw the last state and leave it standing."""
        if self._bar is not None:
            self._draw(time.perf_counter())
            self._bar.close()
            self._bar = None

    def _draw(self, now: float, share: float = 0, running: Mapping[str, float] = NOTHING) -> None:
        """Draw; within an epoch with what is known of it, lest one that takes minutes looks like a standstill."""
        bar = self._bar
        assert bar is not None
        self._drawn = now
        logs = {**self._logs, **running}
        values = [f"{name} {value:.4g}" for name, value in logs.items() if name not in NOT_IN_PROGRESS]
        speed = (self._epochs + share) * self._n_samples / max(now - self._started, 1e-9)
        bar.set_postfix_str(", ".join([*values, f"{_rounded(speed)} samples/s"]), refresh=False)
        bar.n = round(self._epochs + share, 2) if share else self._epochs
        bar.refresh()


def _open_bar(epochs: int) -> Any:
    from tqdm import tqdm  # here, not at the top: it would slow `import nncore` for those who never see it

    return tqdm(total=epochs, file=sys.stderr, bar_format=BAR, dynamic_ncols=True, miniters=1, mininterval=INTERVAL)


def _rounded(number: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"
