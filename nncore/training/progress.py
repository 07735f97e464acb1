"""What ``fit`` shows on stderr: a progress bar with epoch, loss, metrics, speed and time left, or a line an epoch."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from nncore.base.recorded import NOT_IN_PROGRESS

INTERVAL = 0.1  # seconds between two drawings: fast enough for the eye, too slow to be felt by a tiny network
NOTHING: Mapping[str, float] = {}
BAR = "{desc}|{bar:20}| {n_fmt}/{total_fmt} epochs [{elapsed}<{remaining}]{postfix}"


LINES = "lines"


def check_verbose(verbose: bool | int | str) -> bool | str:
    """Return `verbose` as `progress` knows it: ``"auto"``, True, False or `LINES`; 0, 1 and 2 are those of Keras.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    if verbose == "auto" if isinstance(verbose, str) else verbose in (0, 1, 2):
        return verbose if isinstance(verbose, str) else LINES if verbose == 2 else bool(verbose)
    raise ValueError(f"verbose must be 'auto', True, False, 0, 1 or 2, got {verbose!r}")


def progress(
    verbose: bool | str, epochs: int, n_samples: int, logs: Callable[[int], Mapping[str, float]]
) -> ProgressBar:
    """Return what shows how training goes.

    Parameters
    ----------
    verbose, epochs, n_samples
        As of `ProgressBar`; or `LINES`.
    logs : callable
        What an epoch of this ``fit`` recorded, the last being -1; it has them before they are shown.
    """
    return EpochLines(epochs, logs) if verbose == LINES else ProgressBar(verbose, epochs, n_samples)


class ProgressBar:
    """Show how training goes; silent if not wanted.

    Parameters
    ----------
    verbose : {"auto", True, False}
        ``"auto"`` shows the bar only where stderr is a terminal, or in a notebook.
    epochs : int
        How many this ``fit`` will run.
    n_samples : int
        Training samples per epoch, for the speed.
    """

    def __init__(self, verbose: bool | str, epochs: int, n_samples: int) -> None:
        seen = verbose is True or (sys.stderr is not None and sys.stderr.isatty()) or in_notebook()
        shown = verbose and sys.stderr is not None and seen
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
        self._logs = {**self._logs, **logs}  # scores that not every epoch has stay until there are new ones
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

    def wait(self, share: float) -> None:
        """Say that training waits for data behind `share` of the next epoch: nothing else is heard of it meanwhile."""
        if self._bar is not None:
            self._draw(time.perf_counter(), share, waiting=True)

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

    def _draw(
        self, now: float, share: float = 0, running: Mapping[str, float] = NOTHING, waiting: bool = False
    ) -> None:
        """Draw; within an epoch with what is known of it, lest one that takes minutes looks like a standstill."""
        bar = self._bar
        assert bar is not None
        self._drawn = now
        logs = {**self._logs, **running}
        speed = (self._epochs + share) * self._n_samples / max(now - self._started, 1e-9)
        pace = "waiting for data" if waiting else f"{_rounded(speed)} samples/s"
        bar.set_postfix_str(", ".join([*_values(logs), pace]), refresh=False)
        bar.n = round(self._epochs + share, 2) if share else self._epochs
        bar.refresh()


class EpochLines(ProgressBar):
    """Print a line for each epoch instead of a bar, for logs."""

    def __init__(self, epochs: int, logs: Callable[[int], Mapping[str, float]]) -> None:
        super().__init__(False, epochs, 0)
        self._of, self._logs_of = epochs, logs

    def update(self, epochs: int, logs: Mapping[str, float]) -> None:
        for i in range(-epochs, 0):
            self._epochs += 1
            if sys.stderr is not None:
                row = dict(self._logs_of(i))
                if math.isnan(row.get("penalty", 0.0)):  # it is not worked out for every epoch
                    del row["penalty"]
                print(f"epoch {self._epochs}/{self._of}: {', '.join(_values(row))}", file=sys.stderr, flush=True)


def _values(logs: Mapping[str, float]) -> list[str]:
    return [f"{name} {value:.4g}" for name, value in logs.items() if name not in NOT_IN_PROGRESS]


def in_notebook() -> bool:
    """Tell whether this is a notebook's kernel: what is written there is seen, though it goes to no terminal."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _open_bar(epochs: int) -> Any:
    """tqdm is imported here, not at the top: it would slow `import nncore` for those who never see it."""
    if in_notebook():
        with suppress(ImportError):  # without ipywidgets a notebook shows the bar that terminals show
            import ipywidgets  # noqa: F401
            from tqdm.notebook import tqdm as widget

            return widget(total=epochs, bar_format=BAR.replace(":20", ""), miniters=1, mininterval=INTERVAL)
    from tqdm import tqdm

    return tqdm(total=epochs, file=sys.stderr, bar_format=BAR, dynamic_ncols=True, miniters=1, mininterval=INTERVAL)


def _rounded(number: float) -> str:
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{suffix}"
    return f"{number:.3g}"
