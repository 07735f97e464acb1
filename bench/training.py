"""Training: the time of one step, as part of whole epochs with shuffling and batching, nncore's beside its peers'.

For each case, every contender trains with each number of threads, in turn, and so does the floor (see `bench.floor`).
Ratios are taken within a round. The contender "1 thread" among those with more threads is nncore with one: the ratio of
its time is nncore's speed-up.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench import report
from bench.cases import Case, select
from bench.floor import Floor
from bench.record import FIRST, Result, Roof, Run, machine, results_of
from bench.runners import RUNNERS
from bench.timing import Contender, Protocol, Slot, compare, take_turns
from bench.workers import Worker, chosen, workers

STEP, FLOOR, ONE_THREAD = report.STEP, report.FLOOR, report.ONE_THREAD
INCLUDED = (FIRST, "NumPy")
"""Whose versions the description of the machine holds anyway."""

LOSS_TOLERANCE, LOSS_TOLERANCE_AS_TIMED = 1e-6, 1e-3
"""How far apart, relatively, losses may be after one epoch from the same weights in the same order: of `Case.exact`,
and of the case as it is timed, where rounding spreads."""

NO_EXCEPTIONS: Mapping[str, float] = {}

QUICK_CASES = ("2-8-8-2", "13-64-64-2", "784-128-10", "13-37-3", "4-16-16-3-float64")
SLOW_TO_PREPARE = ("PyTorch compiled",)
QUICK_CASES_OF_THE_SLOW = ("13-64-64-2",)
"""Compiling takes up to a minute for each case, dtype and number of threads."""


def run(
    quick: bool,
    thread_counts: list[int],
    peers: list[str] | None,
    cases: list[str] | None = None,
    clock: str = "wall",
) -> dict[str, Any]:
    """Time training.

    Parameters
    ----------
    quick : bool
        A few cases, unless they are named, and few and short rounds.
    thread_counts : list of int
        Everyone trains with each of them.
    peers : list of str, optional
        By default all that are installed.
    cases : list of str, optional
    clock : {"wall", "cpu"}

    Returns
    -------
    dict
        What `Run.to_dict` returns.

    Raises
    ------
    AssertionError
        If losses differ: someone would be timed doing something else.
    RuntimeError
        If a worker died.
    ValueError
        If a case or peer is unknown, or a peer's package missing.
    """
    selected = select(list(QUICK_CASES) if quick and cases is None else cases)
    contenders, protocol = chosen(peers, RUNNERS), Protocol.of(quick, clock, max(thread_counts))
    results: list[Result] = []
    losses: dict[str, dict[str, float]] = {}
    roofs: list[Roof] = []
    with workers(contenders, thread_counts, Worker) as started:
        versions = {w.contender: w.ask("version") for w in started if w.contender not in INCLUDED}
        for case in selected:
            print(f"training {case.name}", file=sys.stderr, flush=True)
            present = [worker for worker in started if _takes_part(worker, case, quick)]
            losses[case.name] = first_losses("check", case, present, LOSS_TOLERANCE)
            floors = [Floor(case, threads) for threads in thread_counts]
            results += _timings(case, present, floors, protocol)
            roofs += [floor.roof(protocol.rounds) for floor in floors]
    return Run("training", machine(**versions), protocol, results, losses, roofs).to_dict()


def _takes_part(worker: Worker, case: Case, quick: bool) -> bool:
    if quick and worker.contender in SLOW_TO_PREPARE and case.name not in QUICK_CASES_OF_THE_SLOW:
        return False
    return bool(worker.ask("supports", case.name))


def first_losses(
    request: str,
    case: Case,
    present: Sequence[Worker],
    tolerance: float,
    exceptions: Mapping[str, float] = NO_EXCEPTIONS,
) -> dict[str, float]:
    """Return everyone's loss, with the first number of threads; but all numbers of threads are checked.

    `exceptions` are tolerances by contender.
    """
    losses: dict[str, float] = {}
    for worker in present:
        loss = worker.ask(request, case.name)
        if loss is not None:
            losses.setdefault(worker.contender, loss)
            allowed = exceptions.get(worker.contender, tolerance)
            check_loss(case.name, worker.contender, loss, losses[FIRST], allowed)
    return losses


def check_loss(case: str, contender: str, loss: float, own: float, tolerance: float = LOSS_TOLERANCE) -> None:
    """Make sure that a contender trained the same network on the same rows as nncore.

    Raises
    ------
    AssertionError
        If its loss is further from nncore's than the tolerance, relatively.
    """
    difference = abs(loss / own - 1)
    if not difference <= tolerance:
        raise AssertionError(
            f"{case}: after one epoch from the same weights in the same order, {contender}'s loss is {loss:.8g}, "
            f"nncore's {own:.8g}: {difference:.1e} apart; expected at most {tolerance:g}"
        )


def _timings(case: Case, present: list[Worker], floors: list[Floor], protocol: Protocol) -> list[Result]:
    first_losses("prepare", case, present, LOSS_TOLERANCE_AS_TIMED)
    return timed_steps(case, present, floors, protocol)


def timed_steps(case: Case, present: Sequence[Worker], floors: list[Floor], protocol: Protocol) -> list[Result]:
    """Time steps of those who are prepared for the case, and of the floors, in turns."""
    # What is to be compared most closely has its turns next to each other.
    contenders: dict[tuple[str, int], Contender] = {(FLOOR, floor.threads): floor for floor in floors}
    contenders |= {(worker.contender, worker.threads): worker.timed() for worker in present}
    slots = take_turns(contenders, protocol)
    for (contender, _), turns in slots.items():
        if contender != FLOOR:  # workers count in epochs
            turns[:] = [Slot(slot.wall / case.steps_per_epoch, slot.cpu / case.steps_per_epoch) for slot in turns]
    return compared(case.name, STEP, slots, protocol.clock)


def compared(case: str, measure: str, slots: dict[tuple[str, int], list[Slot]], clock: str) -> list[Result]:
    """Return the results, by contender and threads of the turns; ratios are to nncore with as many threads."""
    counts = dict.fromkeys(threads for _, threads in slots)
    return [result for threads in counts for result in _with_threads(case, measure, slots, threads, clock)]


def _with_threads(
    case: str, measure: str, slots: dict[tuple[str, int], list[Slot]], threads: int, clock: str
) -> list[Result]:
    own = slots[FIRST, threads]
    turns = {FIRST: own}
    turns |= {name: theirs for (name, n), theirs in slots.items() if n == threads}
    if threads > 1 and (FIRST, 1) in slots:
        turns[ONE_THREAD] = slots[FIRST, 1]
    return results_of(case, measure, {name: compare(theirs, own, clock) for name, theirs in turns.items()}, threads)


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return the figures that have bounds: the best peer's time over nncore's, share of the floor, and speed-up."""
    table: dict[tuple[str, int], dict[str, float]] = {}
    for result in Run.from_dict(data).results:
        table.setdefault((result.case, result.threads), {})[result.contender] = result.timing.ratio.median
    found = {}
    for (case, threads), by_contender in table.items():
        where = f"{case}, {report.in_threads(threads)}"
        peers = [ratio for name, ratio in by_contender.items() if name not in (FIRST, FLOOR, ONE_THREAD)]
        if peers:
            found[f"train, {where}"] = min(peers)
        found[f"share of the floor, {where}"] = by_contender[FLOOR]
        if ONE_THREAD in by_contender:
            found[f"speed-up, {where}"] = by_contender[ONE_THREAD]
    return found


def markdown(data: dict[str, Any]) -> str:
    """Return tables, one per number of threads: see `bench.report`."""
    return report.markdown(Run.from_dict(data))
