"""What it costs the training that pages watch: epochs in the builder with pages of every speed, beside nobody.

``python -m bench builder [--cases NAME ...] [--quick] [--check]``
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from bench import report
from bench.record import ROOT, Result, Run, machine, results_of
from bench.timing import Contender, Protocol, Slot, interleave, rest, timed
from nncore.builder.messages import Request
from nncore.builder.presets import PRESETS, setup_of
from nncore.builder.server import Server
from nncore.builder.session import Session

STARTS = ("digits", "spiral")
"""Starting points that are timed by default."""

NOBODY = "nobody"
PAGES = {"no page": None, "a page": "all", "5 frames a second": "5", "a page that never reads": "none"}
"""Who watches, and how much of what comes that page reads: see `bench.builder_page`."""

LEGEND = (
    "An epoch of a starting point of the builder, trained without it and shown to nobody, and the multiple of its time "
    "in the same round: in the builder, up to 30 frames a second being made, with no page, one that reads all of them, "
    "one that reads 5 a second, and one that reads nothing. Pages are processes of their own that draw nothing."
)
LONGER = 6
"""Turns than those of other benchmarks: they have to hold some 18 frames."""


class Unwatched:
    """A contender (see `bench.timing`) that trains epochs as the builder does, but makes no frames.

    Parameters
    ----------
    start : str
        The starting point; every turn begins with its first weights.
    """

    def __init__(self, start: str) -> None:
        self.session = TimedSession(setup_of(start))

    def __call__(self, epochs: int) -> Slot:
        """Train so many epochs."""
        self.session.begin(self.session.run.setup)
        slot = timed(lambda: self.session.run.fit(epochs, lambda *_: None))(1)
        rest()
        return slot


class TimedSession(Session):
    """A session that says what its last training took.

    Attributes
    ----------
    slot : Slot
    played : threading.Event
        Set when a training is over.
    """

    slot: Slot
    played: threading.Event

    def play(self, waiting: Callable[[], bool]) -> None:
        """Train, and take the time."""
        self.slot = timed(lambda: Session.play(self, waiting))(1)
        self.played.set()


class Watched(Unwatched):
    """A contender that trains in a builder with a server; use it as a context manager.

    Parameters
    ----------
    start : str
    reads : {None, "all", "5", "none"}
        How much a page reads, if there is one.
    """

    def __init__(self, start: str, reads: str | None) -> None:
        super().__init__(start)
        self.session.played = threading.Event()
        self.reads, self.server = reads, Server(self.session)
        self.pages: Any = self.session.publish.__self__  # type: ignore[attr-defined]
        self.thread = threading.Thread(target=self.server.run)

    def __enter__(self) -> Watched:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.thread.join()

    def __call__(self, epochs: int) -> Slot:
        """Train so many epochs, watched."""
        with self._page():
            self._ask("reset")
            self.session.played.clear()
            self._ask("train", epochs=epochs, epochs_per_second=None)
            self.session.played.wait()
            rest()
        return self.session.slot

    def _ask(self, kind: str, **fields: Any) -> None:
        self.pages.worker.submit(Request(None, kind, fields)).result()

    @contextlib.contextmanager
    def _page(self) -> Iterator[None]:
        """Have a page read while a turn lasts."""
        if self.reads is None:
            yield
            return
        command = [sys.executable, "-m", "bench.builder_page", self.server.address, self.reads]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as page:
            try:
                if page.stdout is None or page.stdout.readline() != "ready\n":
                    raise RuntimeError("the page did not open; its error is above")
                yield
            finally:
                page.terminate()


def choose(names: list[str] | None) -> list[str]:
    """Return these starting points, each once, or the default ones.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> choose(["xor", "xor"])
    ['xor']
    >>> choose(["and"])
    Traceback (most recent call last):
        ...
    ValueError: unknown starting point 'and'; known: xor, spiral, vanishing_gradient, overfitting, digits, ...
    """
    unknown = [name for name in names or [] if name not in PRESETS]
    if unknown:
        raise ValueError(f"unknown starting point {unknown[0]!r}; known: {', '.join(PRESETS)}")
    return list(dict.fromkeys(names or STARTS))


def run(starts: list[str], protocol: Protocol) -> Run:
    """Time the training of each starting point with every page, in turn."""
    protocol = replace(protocol, seconds=LONGER * protocol.seconds)
    results: list[Result] = []
    for start in starts:
        print(f"builder {start}", file=sys.stderr, flush=True)
        with contextlib.ExitStack() as servers:
            contenders: dict[str, Contender] = {NOBODY: Unwatched(start)}
            for name, reads in PAGES.items():
                contenders[name] = servers.enter_context(Watched(start, reads))
            results += results_of(start, "epoch", interleave(contenders, protocol))
    return Run("builder", machine(), protocol, results)


def ratios(run: Run) -> dict[str, float]:
    """Return the multiples of the time of training for nobody, by name: "watched by a page, digits"."""
    return {
        f"watched by {result.contender}, {result.case}": result.timing.ratio.median
        for result in run.results
        if result.contender != NOBODY
    }


def markdown(run: Run) -> str:
    """Return the run as a table: a row per page, a column per starting point."""
    columns: dict[str, dict[str, str]] = {}
    for result in run.results:
        shown = report.spread(result.timing.seconds) if result.contender == NOBODY else report.factor_spread(result)
        columns.setdefault(result.case, {})[result.contender] = shown
    rows = [[name, *(column[name] for column in columns.values())] for name in (NOBODY, *PAGES)]
    return "\n\n".join([*report.introduction(run), LEGEND, report.aligned([["", *columns], *rows])]) + "\n"
