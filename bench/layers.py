"""What layers other than `Dense`, clipping and records cost: training steps with them, beside the same network without.

``python -m bench layers [--cases NAME ...] [--threads N ...] [--quick] [--check]``
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np

from bench import report
from bench.cases import SEED, Case, select
from bench.record import Result, Run, machine, results_of
from bench.timing import Contender, Protocol, Slot, compare, rest, take_turns, timed
from nncore import BatchNorm, Dense, Dropout, Residual, Sequential, engine, set_num_threads
from nncore.layers import Layer

NAMES = ("80-256-256-10", "17-256-256-6")
"""Cases that are timed by default."""

RATE, NORM = 0.2, 1.0
"""Of `Dropout`, and of ``clip_norm``."""

LEGEND = (
    "A training step of whole epochs of the plain network, and the multiple of its time in the same round: with "
    f"BatchNorm, or with Dropout({RATE}), after each hidden layer; with Residual around the second; with clip_norm; "
    "everything: all of these; records: the plain network, its layers recorded after every epoch."
)


@dataclass(frozen=True)
class Variation:
    """What a case's network is trained with besides.

    Attributes
    ----------
    batch_norm, dropout : bool
        A layer of this kind after each hidden one, its activation included; the normalising one first.
    residual : bool
        A skip connection around the second hidden layer and what comes after it.
    clip_norm : bool
        Whether the optimizer clips by norm.
    records : bool
        Whether the layers are recorded after every epoch.
    """

    batch_norm: bool = False
    dropout: bool = False
    residual: bool = False
    clip_norm: bool = False
    records: bool = False

    def model(self, case: Case) -> Sequential:
        """Return the built model; the same weights at every call."""
        hidden = [self._hidden(Dense(units, case.activation)) for units in case.sizes[1:-1]]
        if self.residual:
            hidden[1] = [Residual(tuple(hidden[1]))]
        layers = [layer for group in hidden for layer in group]
        model = Sequential([*layers, Dense(case.sizes[-1], "softmax")], seed=SEED, dtype=case.dtype)
        optimizer = replace(case.optimizer, clip_norm=NORM) if self.clip_norm else case.optimizer
        model.compile(optimizer, "sparse_categorical_crossentropy")
        model.build(case.sizes[0])
        return model

    def _hidden(self, dense: Dense) -> list[Layer]:
        return [dense, *([BatchNorm()] if self.batch_norm else []), *([Dropout(RATE)] if self.dropout else [])]


PLAIN = "plain"
VARIATIONS = {
    PLAIN: Variation(),
    "batch norm": Variation(batch_norm=True),
    "dropout": Variation(dropout=True),
    "residual": Variation(residual=True),
    "clip norm": Variation(clip_norm=True),
    "everything": Variation(batch_norm=True, dropout=True, residual=True, clip_norm=True),
    "records": Variation(records=True),
}
"""By the names of the table; ratios are to the first one."""


class Training:
    """A contender (see `bench.timing`) that trains epochs in the engine alone: ``fit`` decides itself what it records.

    Parameters
    ----------
    case : Case
    variation : Variation
    threads : int
        How many it may use.
    """

    def __init__(self, case: Case, variation: Variation, threads: int) -> None:
        model = variation.model(case)
        self.case, self.records, self.threads = case, variation.records, threads
        self.plan = engine.load_for(model.program, case.dtype).Plan(model.program)
        self.plan.set_parameters(model.parameters)
        self.plan.set_optimizer(model.optimizer)
        self.X, self.y = case.data()
        self.epoch = 0

    def __call__(self, epochs: int) -> Slot:
        """Train so many epochs.

        Raises
        ------
        RuntimeError
            If the loss is no longer finite.
        """
        set_num_threads(self.threads)
        slot = timed(lambda: self._train(epochs))(1)
        rest()
        if self.plan.result.diverged:
            raise RuntimeError(f"{self.case.name} diverged in epoch {self.epoch + self.plan.result.epoch}")
        self.epoch += epochs
        return slot

    def _train(self, epochs: int) -> None:
        recorded = np.arange(epochs) if self.records else None
        order = {"first_epoch": self.epoch, "batch_size": self.case.batch_size, "seed": SEED}
        self.plan.train(self.X, self.y, epochs=epochs, recorded=recorded, **order)


def choose(names: list[str] | None) -> list[Case]:
    """Return the cases of these names, each once, or the default ones.

    Raises
    ------
    ValueError
        If a name is unknown, or a network has no second hidden layer.

    Examples
    --------
    >>> [case.name for case in choose(None)]
    ['80-256-256-10', '17-256-256-6']
    """
    cases = select(names or list(NAMES))
    for case in cases:
        if len(case.sizes) < 4:
            raise ValueError(f"case {case.name!r} has 1 hidden layer; name one with 2, such as {NAMES[0]}")
    return cases


def run(cases: list[Case], thread_counts: list[int], protocol: Protocol) -> Run:
    """Time all variations of the cases with each number of threads, in turn."""
    results: list[Result] = []
    try:
        for case in cases:
            print(f"layers {case.name}", file=sys.stderr, flush=True)
            results += _results(case, thread_counts, protocol)
    finally:
        set_num_threads()
    return Run("layers", machine(), protocol, results)


def _results(case: Case, thread_counts: list[int], protocol: Protocol) -> list[Result]:
    # What is to be compared most closely has its turns next to each other.
    contenders: dict[tuple[int, str], Contender] = {
        (threads, name): Training(case, variation, threads)
        for threads in thread_counts
        for name, variation in VARIATIONS.items()
    }
    slots = take_turns(contenders, protocol)
    results: list[Result] = []
    for threads in thread_counts:
        plain = slots[threads, PLAIN]
        timings = {name: compare(slots[threads, name], plain, protocol.clock) for name in VARIATIONS}
        per_step = {name: timing.divided_by(case.steps_per_epoch) for name, timing in timings.items()}
        results += results_of(case.name, report.STEP, per_step, threads)
    return results


def ratios(run: Run) -> dict[str, float]:
    """Return every variation's time over the plain network's, by name: "everything, 80-256-256-10, 1 thread"."""
    return {
        f"{result.contender}, {result.case}, {report.in_threads(result.threads)}": result.timing.ratio.median
        for result in run.results
        if result.contender != PLAIN
    }


def markdown(run: Run) -> str:
    """Return the run as a table: a row per variation, a column per case and number of threads."""
    columns: dict[tuple[str, int], dict[str, str]] = {}
    for result in run.results:
        column = columns.setdefault((result.case, result.threads), {})
        plain = result.contender == PLAIN
        column[result.contender] = report.spread(result.timing.seconds) if plain else report.factor_spread(result)
    header = ["", *(f"{report.network(case)}, {report.in_threads(threads)}" for case, threads in columns)]
    rows = [[name, *(column[name] for column in columns.values())] for name in VARIATIONS]
    return "\n\n".join([*report.introduction(run), LEGEND, report.aligned([header, *rows])]) + "\n"
