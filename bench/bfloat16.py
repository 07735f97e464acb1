"""mixed_bfloat16: training steps and predictions beside float32 and what peers make of bfloat16, and its accuracy.

The contender "nncore" has ``dtype="mixed_bfloat16"``: ratios refer to its time. The accuracy (`bench.precision`) is
part of this section, and so of the same commit on the same machine: without it, the speed would be worth nothing.

``python -m bench peers --sections bfloat16 [--quick] [--threads N ...] [--peers NAME ...] [--cases NAME ...]``
"""

from __future__ import annotations

import sys
import textwrap
from typing import Any

from bench import precision, predict, report
from bench.cases import CASES, Case, select
from bench.predict_table import count_rows
from bench.record import FIRST, Result, Run, machine
from bench.report import FLOAT32, ONE_THREAD, STEP
from bench.runners import BFLOAT16 as RUNNERS
from bench.timing import Contender, Protocol, Slot, Summary, take_turns
from bench.training import compared, first_losses, timed_steps
from bench.workers import Worker as Process
from bench.workers import chosen, workers
from nncore import engine

__all__ = ["markdown", "ratios", "run"]

NETWORKS = ("13-64-64-2", "376-256-256-17", "784-128-10", "784-512-512-10", "1024-1024-1024-10")
QUICK_NETWORKS = ("784-128-10",)
POSSIBLE = tuple(name for name, case in CASES.items() if case.dtype == "float32")

LOSS_TOLERANCE, LOSS_TOLERANCES = 1e-2, {"PyTorch bfloat16": 0.2}
"""How far apart, relatively, losses may be after one epoch from the same weights in the same order: parameters that are
themselves in bfloat16 lose small updates."""

ROWS = 1024
PREDICT = f"predict {count_rows(ROWS)}"

WHO = (
    f'{FIRST} has `dtype="mixed_bfloat16"`, and "float32" is the multiple of its time that {FIRST} takes in float32. '
    'PyTorch, eager where it trains: medium: `set_float32_matmul_precision("medium")`, which allows products to round '
    "their operands, and PyTorch decides by the processor; autocast to bfloat16; bfloat16: all of it, parameters and "
    "Adam too, whose loss is worse for it. JAX: products of rounded operands, summed in float32, those of the gradient "
    "too. Predictions: from NumPy array to NumPy array, PyTorch eager or compiled, whichever is faster."
)


class Trainer(Process):
    """A process that trains one contender's networks when asked: see `bench.worker`."""

    COMMAND = ("bench", "worker", "bfloat16")


class Predictor(predict.Worker):
    """One that predicts with them: see `bench.predictors.server`."""

    COMMAND = ("bench.predictors", "bfloat16")


def run(
    quick: bool,
    thread_counts: list[int],
    peers: list[str] | None,
    cases: list[str] | None = None,
    clock: str = "wall",
) -> dict[str, Any]:
    """Time training and predictions, and compare accuracies.

    Parameters
    ----------
    quick : bool
        One case, unless they are named, few and short rounds, and one seed.
    thread_counts : list of int
        Everyone trains and predicts with each of them.
    peers : list of str, optional
        By default all that are installed. The first word of a contender's name counts: "PyTorch", "JAX".
    cases : list of str, optional
        Those of `POSSIBLE` among them.
    clock : {"wall", "cpu"}

    Returns
    -------
    dict
        What `Run.to_dict` returns, and ``accuracy``: what `bench.precision.run` returns.

    Raises
    ------
    AssertionError
        If losses differ: someone would be timed doing something else.
    RuntimeError
        If a worker died; because its outputs are other than the reference's, for example.
    """
    selected = [case for case in select(None) if case.name in (cases or (QUICK_NETWORKS if quick else NETWORKS))]
    selected = [case for case in selected if case.name in POSSIBLE]
    contenders, protocol = _contenders(peers), Protocol.of(quick, clock, max(thread_counts))
    results: list[Result] = []
    losses: dict[str, dict[str, float]] = {}
    with workers(contenders, thread_counts, Trainer) as started:
        others = {w.contender.split()[0]: w for w in started if not w.contender.startswith(FIRST)}
        versions = {name: worker.ask("version") for name, worker in others.items()}
        for case in selected:
            print(f"bfloat16, training {case.name}", file=sys.stderr, flush=True)
            losses[case.name] = first_losses("prepare", case, started, LOSS_TOLERANCE, LOSS_TOLERANCES)
            results += timed_steps(case, started, [], protocol)
    with workers(contenders, thread_counts, Predictor) as predicting:
        for case in selected:
            print(f"bfloat16, {PREDICT}, {case.name}", file=sys.stderr, flush=True)
            results += _predictions(case, predicting, protocol, quick)
    found = Run("bfloat16", machine(**versions, isa=isa()), protocol, results, losses)
    return {**found.to_dict(), "accuracy": precision.run(quick)}


def _contenders(peers: list[str] | None) -> list[str]:
    """Return who takes part: those of peers that are named, or installed, and nncore's float32 in any case."""
    named = None if peers is None else [FLOAT32, *(name for name in RUNNERS if name.split()[0] in peers)]
    return chosen(named, RUNNERS)


def isa() -> str:
    """Return what nncore multiplies bfloat16 by here: "amx" or "avx512bf16", or instructions that stand for these.

    Examples
    --------
    >>> isa() in ("amx", "avx512bf16", "avx512", "avx2", "base")
    True
    """
    program = CASES[QUICK_NETWORKS[0]].model("mixed_bfloat16").program
    return engine.load_for(program, "float32").__name__.rpartition("_")[2]


def _predictions(case: Case, started: list[Predictor], protocol: Protocol, quick: bool) -> list[Result]:
    """Time predictions, of each contender by its fastest way."""
    turns: dict[tuple[str, int, str], Contender] = {}
    for worker in started:
        for way in predict.ready(worker, case.name, ROWS, quick):
            turns[worker.contender, worker.threads, way] = worker.timed_at(way)
    fastest: dict[tuple[str, int], list[Slot]] = {}
    for (contender, threads, _), slots in take_turns(turns, protocol).items():
        fastest[contender, threads] = min(fastest.get((contender, threads), slots), slots, key=_median_wall)
    return compared(case.name, PREDICT, fastest, protocol.clock)


def _median_wall(slots: list[Slot]) -> float:
    return Summary.of([slot.wall for slot in slots]).median


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return by name the best peer's time, and that of float32, over nncore's, and what bfloat16 costs in points."""
    found_by, found = Run.from_dict(data), {}
    table: dict[tuple[str, str, int], dict[str, float]] = {}
    for result in found_by.results:
        table.setdefault((result.measure, result.case, result.threads), {})[result.contender] = (
            result.timing.ratio.median
        )
    for (measure, case, threads), by_contender in table.items():
        by = f"bfloat16 by {found_by.machine['isa']}"
        where = f"{'train' if measure == STEP else measure}, {case}, {report.in_threads(threads)}"
        peers = [ratio for name, ratio in by_contender.items() if name not in (FIRST, FLOAT32, ONE_THREAD)]
        if peers:
            found[f"{by}, {where}"] = min(peers)
        found[f"{by} over float32, {where}"] = by_contender[FLOAT32]
    return {**found, **precision.ratios(data["accuracy"])}


def markdown(data: dict[str, Any]) -> str:
    """Return tables, one per measure and number of threads, and that of the accuracies."""
    found = Run.from_dict(data)
    parts = [*report.introduction(found), WHO, *report.tables(found), precision.markdown(data["accuracy"])]
    return "\n\n".join(parts) + "\n"


def short(data: dict[str, Any]) -> str:
    """Return the time of a training step for the README, with the first number of threads, and the conditions."""
    found = Run.from_dict(data)
    threads = report.thread_counts(found)[0]
    explained = (
        f'{FIRST}: `dtype="mixed_bfloat16"`; float32: {FIRST}\'s own; PyTorch, JAX: their ways to compute in bfloat16. '
        f"Accuracy in bfloat16 less that in float32, in points: {precision.summary(data['accuracy'])}. "
        f"{report.conditions(found)}; for all others the multiple of {FIRST}'s time."
    )
    title = f"Training step in bfloat16 with {report.in_threads(threads)}:"
    return "\n\n".join([title, report.Table(found, STEP, threads).short(), textwrap.fill(explained, 120)])
