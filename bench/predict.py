"""Predictions of nncore against others': each in a process of its own, asked in turn to predict for a while.

``python -m bench peers --sections predict [--quick] [--threads N ...] [--peers NAME ...]``
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, NamedTuple

from bench.predict_table import PEAK, count_rows, flops, markdown, ratios
from bench.predictors import PREDICTORS
from bench.record import FIRST, machine
from bench.report import in_threads
from bench.timing import Contender, Protocol, Slot, Summary, compare, take_turns
from bench.workers import Worker as Process
from bench.workers import chosen, workers
from nncore import engine

__all__ = ["markdown", "ratios", "run"]

SIZES = (
    *("2-8-8-2", "4-16-16-3", "13-37-3", "8-64-64-4", "13-64-64-2", "17-256-256-6"),
    *("784-128-10", "784-512-512-10", "1024-1024-1024-10"),
)
ROWS = (1, 32, 1024, 65_536)
QUICK_SIZES, QUICK_ROWS = ("2-8-8-2", "13-64-64-2", "784-128-10"), (1, 1024)
MOST_FLOPS = 2e10
"""Beyond this, a call lasts so long that nothing is learned from it but the speed of a matrix product."""

SLOW_TO_START = {"compiled"}
"""Ways that a quick run does without: their compilers take ten seconds for each network."""

ROUNDS, SECONDS_PER_TURN = 9, 0.05
QUICK_ROUNDS, QUICK_SECONDS_PER_TURN = 5, 0.02
CALLS, QUICK_CALLS = 5_000, 1_000
"""Single calls that are timed in a turn; fewer where they would take longer than `LONGEST_TURN`."""
LONGEST_TURN = 0.25


class Worker(Process):
    """A process that predicts with one contender's network when asked: see `bench.predictors.server`."""

    COMMAND = ("bench.predictors", "predict")

    def timed_at(self, way: str) -> Contender:
        return lambda calls: Slot(*self.ask("time", [way, calls]))


class Peak:
    """A contender that does only the multiply-adds of a prediction, in this process, and in registers."""

    def __init__(self, n_flops: int, threads: int) -> None:
        self.n_flops, self.threads = n_flops, threads
        self.pool = ThreadPoolExecutor(threads)
        self.multiply_adds: Callable[[int], int] = engine.load("float32")._multiply_adds

    def __call__(self, calls: int) -> Slot:
        cpu, start = time.process_time(), time.perf_counter()
        share = calls * self.n_flops // self.threads
        for done in [self.pool.submit(self.multiply_adds, share) for _ in range(self.threads)]:
            done.result()
        return Slot(time.perf_counter() - start, time.process_time() - cpu)


class Turn(NamedTuple):
    """Who predicts, and how."""

    contender: str
    way: str


def workloads(quick: bool, cases: list[str] | None = None) -> list[tuple[str, int]]:
    """Return the networks and numbers of rows that are timed: of `SIZES` those named, by default all or the quick ones.

    Examples
    --------
    >>> workloads(quick=True)[:3]
    [('2-8-8-2', 1), ('2-8-8-2', 1024), ('13-64-64-2', 1)]
    >>> workloads(quick=True, cases=["13-37-3", "101-77-53-7"])
    [('13-37-3', 1), ('13-37-3', 1024)]
    """
    rows = QUICK_ROWS if quick else ROWS
    sizes = [name for name in SIZES if name in (cases or (QUICK_SIZES if quick else SIZES))]
    pairs = [(name, n_rows) for name in sizes for n_rows in rows]
    return [(name, n_rows) for name, n_rows in pairs if flops(name, n_rows) <= MOST_FLOPS]


def single_calls(started: Mapping[str, Worker], protocol: Protocol, calls: Mapping[Turn, int]) -> dict[Turn, Any]:
    """Time calls one by one, in turns; the first to go changes from round to round.

    Parameters
    ----------
    started : dict of str to Worker
    protocol : Protocol
    calls : dict of Turn to int
        Who gets a turn, and how many calls in it; the first one is what the ratios refer to.

    Returns
    -------
    dict of Turn to dict
        ``median`` and ``p99`` in seconds: of the calls of a round, then the median of the rounds. ``ratio``: the
        median of the rounds' ratios of medians.
    """
    turns = list(calls)
    found: dict[Turn, list[list[float]]] = {turn: [] for turn in turns}
    for i in range(protocol.rounds):
        first = i % len(turns)
        for turn in turns[first:] + turns[:first]:
            found[turn].append(started[turn.contender].ask("latencies", [turn.way, calls[turn]]))
    own = [median for median, _ in found[turns[0]]]
    described = {}
    for turn, pairs in found.items():
        medians, tails = zip(*pairs, strict=True)
        ratios = [median / other for median, other in zip(medians, own, strict=True)]
        described[turn] = {
            "median": Summary.of(list(medians)).median * 1e-9,
            "p99": Summary.of(list(tails)).median * 1e-9,
            "ratio": Summary.of(ratios).median,
            "calls": calls[turn] * protocol.rounds,
        }
    return described


def _turns(name: str, n_rows: int, started: Mapping[str, Worker], quick: bool) -> list[Turn]:
    """Let everyone prepare; return who is to predict, and how: all have shown that their outputs are right."""
    turns = []
    for contender, worker in started.items():
        turns += [Turn(contender, way) for way in ready(worker, name, n_rows, quick)]
    return turns


def ready(worker: Worker, name: str, n_rows: int, quick: bool) -> list[str]:
    """Let a contender prepare; return its ways to predict, after each has shown that its outputs are right."""
    ways = [way for way in worker.ask("prepare", [name, n_rows]) if not (quick and way in SLOW_TO_START)]
    for way in ways:
        worker.ask("check", way)
    return ways


def _timed(
    turns: list[Turn], workload: dict[str, Any], started: Mapping[str, Worker], protocol: Protocol, calls: int
) -> list[dict[str, Any]]:
    contenders: dict[Turn, Contender] = {turn: started[turn.contender].timed_at(turn.way) for turn in turns}
    if workload["rows"] > 1:  # of one row, the products are not what takes the time
        contenders[Turn(PEAK, "multiply-adds")] = Peak(flops(workload["case"], workload["rows"]), protocol.threads)
    slots = take_turns(contenders, protocol)
    timings = {turn: compare(own, slots[turns[0]], protocol.clock) for turn, own in slots.items()}
    singles: dict[Turn, Any] = {}
    if workload["rows"] == 1:
        fitting = {turn: int(LONGEST_TURN / timing.seconds.median) for turn, timing in timings.items()}
        singles = single_calls(started, protocol, {turn: max(1, min(calls, fitting[turn])) for turn in turns})
    return [
        {**workload, **turn._asdict(), **asdict(timing), "single_calls": singles.get(turn)}
        for turn, timing in timings.items()
    ]


def run(
    quick: bool, thread_counts: list[int], peers: list[str] | None, cases: list[str] | None = None
) -> dict[str, Any]:
    """Time the predictions.

    Parameters
    ----------
    quick : bool
        Fewer networks, unless they are named, fewer and shorter rounds.
    thread_counts : list of int
        How many threads everyone may use: all is timed with each.
    peers : list of str, optional
        Against whom; by default all that are installed.
    cases : list of str, optional
        Those of `SIZES` among them are timed.

    Returns
    -------
    dict
        ``results`` has a dict per network, number of rows, number of threads, contender and way to call it.

    Raises
    ------
    ValueError
        If a peer is unknown or not installed.
    RuntimeError
        If a worker died; because its outputs are other than the reference's, for example.
    """
    rounds, seconds, calls = (ROUNDS, SECONDS_PER_TURN, CALLS)
    if quick:
        rounds, seconds, calls = (QUICK_ROUNDS, QUICK_SECONDS_PER_TURN, QUICK_CALLS)
    contenders, results = chosen(peers, PREDICTORS), []
    for threads in thread_counts:
        protocol = Protocol(rounds, seconds, threads=threads)
        with workers(contenders, [threads], Worker) as those:
            started = {worker.contender: worker for worker in those}
            versions = {name: worker.ask("version") for name, worker in started.items() if name != FIRST}
            for name, n_rows in workloads(quick, cases):
                print(f"predict {count_rows(n_rows)}, {name}, {in_threads(threads)}", file=sys.stderr, flush=True)
                workload = {"case": name, "rows": n_rows, "threads": threads}
                turns = _turns(name, n_rows, started, quick)
                results += _timed(turns, workload, started, protocol, calls)
    return {
        "machine": machine(**versions),
        "protocol": {"rounds": rounds, "seconds": seconds},
        "results": results,
    }
