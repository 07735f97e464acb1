"""nncore against others: each in a process of its own, asked in turn to train for a while."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench.cases import Case
from bench.record import FIRST, ROOT, Result, Run, machine, results_of
from bench.runners import RUNNERS, available
from bench.timing import Contender, Protocol, Slot, interleave

INCLUDED = (FIRST, "NumPy")
"""Whose versions the description of the machine holds anyway."""

LOSS_TOLERANCE = 1e-6
"""How far apart, relatively, losses may be after one epoch from the same weights in the same order: see `Case.exact`.
"""


class Worker:
    """A process that trains one contender's networks when asked: see `bench.worker`.

    Its own process gives each library the thread settings that it reads when imported, and keeps the threads of one
    out of the others' way.
    """

    def __init__(self, contender: str, threads: int) -> None:
        self.contender = contender
        command = [sys.executable, "-m", "bench", "worker", contender, str(threads)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str, argument: Any = None) -> Any:
        """Send a request, return the answer.

        Raises
        ------
        RuntimeError
            If the process has died; its own words stand on stderr.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([request, argument]) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            answer = ""
        else:
            answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.contender} failed to answer {request!r} ({argument!r}); its error is above")
        return json.loads(answer)

    def close(self) -> None:
        """End the process: it stops when there is nothing more to read."""
        with self._process:
            assert self._process.stdin is not None
            self._process.stdin.close()

    def timed(self) -> Contender:
        return lambda repeats: Slot(*self.ask("time", repeats))


@contextmanager
def workers(contenders: list[str], threads: int) -> Iterator[dict[str, Worker]]:
    """Start a worker for each contender, and end them all in the end."""
    with ExitStack() as stack:
        started = {}
        for contender in contenders:
            started[contender] = Worker(contender, threads)
            stack.callback(started[contender].close)
        yield started


def chosen(names: list[str] | None) -> list[str]:
    """Return who takes part: nncore first, then those asked for, or everyone who is installed.

    Raises
    ------
    ValueError
        If a name is unknown or its package missing.
    """
    for name in names or []:
        if name not in RUNNERS:
            raise ValueError(f"unknown peer {name!r}; known: {', '.join(RUNNERS)}")
        if not available(name):
            raise ValueError(f"peer {name!r} needs the package {RUNNERS[name].package!r}, which is not installed")
    everyone = [name for name in RUNNERS if available(name)] if names is None else names
    return [FIRST, *(name for name in everyone if name != FIRST)]


def check_losses(case: str, losses: dict[str, float]) -> None:
    """Make sure that everyone trained the same network on the same rows.

    Raises
    ------
    AssertionError
        If a loss is further from nncore's than `LOSS_TOLERANCE`, relatively.
    """
    for contender, loss in losses.items():
        difference = abs(loss / losses[FIRST] - 1)
        if not difference <= LOSS_TOLERANCE:
            raise AssertionError(
                f"{case}: after one epoch from the same weights in the same order, {contender}'s loss is {loss:.8g}, "
                f"nncore's {losses[FIRST]:.8g}: {difference:.1e} apart; expected at most {LOSS_TOLERANCE:g}"
            )


def _one_case(case: Case, started: dict[str, Worker], protocol: Protocol) -> tuple[list[Result], dict[str, float]]:
    present = {name: worker for name, worker in started.items() if worker.ask("supports", case.name)}
    answers = {name: worker.ask("check", case.name) for name, worker in present.items()}
    losses = {name: loss for name, loss in answers.items() if loss is not None}
    check_losses(case.name, losses)
    for worker in present.values():
        worker.ask("prepare", case.name)
    # Workers count in epochs; the table is about steps.
    timings = interleave({name: worker.timed() for name, worker in present.items()}, protocol)
    per_step = {name: timing.divided_by(case.steps_per_epoch) for name, timing in timings.items()}
    return results_of(case.name, "training step", per_step), losses


def run(cases: list[Case], contenders: list[str], protocol: Protocol) -> Run:
    """Time one training step, as part of whole epochs with shuffling and batching.

    Raises
    ------
    AssertionError
        If losses differ: someone would be timed doing something else.
    RuntimeError
        If a worker died.
    """
    results: list[Result] = []
    losses: dict[str, dict[str, float]] = {}
    with workers(contenders, protocol.threads) as started:
        versions = {name: worker.ask("version") for name, worker in started.items() if name not in INCLUDED}
        for case in cases:
            print(case.name, file=sys.stderr, flush=True)
            found, losses[case.name] = _one_case(case, started, protocol)
            results += found
    return Run("peers", machine(**versions), protocol, results, losses)
