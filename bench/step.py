"""nncore against its NumPy reference: one training step, one epoch, and predictions."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.cases import OPTIMIZER, SEED, Case
from bench.record import FIRST, Result, Run, machine, results_of
from bench.timing import interleave, timed
from nncore import reference

PREDICTED_ROWS = (1, 1024)
Pair = tuple[Callable[[], object], Callable[[], object]]
"""The same work, done by nncore and by the reference."""


class NumPyNetwork:
    """A case as the reference trains it."""

    def __init__(self, case: Case) -> None:
        model = case.model()
        self.program = model.program
        self.parameters = model.parameters.copy()
        self.slots = [np.zeros_like(self.parameters) for _ in range(OPTIMIZER.n_slots)]
        self.t = 0
        self.rng = np.random.default_rng(SEED)

    def train(self, X: Any, y: Any, batch_size: int) -> None:
        options = {"epochs": 1, "batch_size": batch_size, "shuffle": False, "seed": SEED, "t": self.t}
        reference.train(self.program, OPTIMIZER, self.parameters, self.slots, X, y, **options)
        self.t += -(-len(X) // batch_size)

    def epoch(self, X: Any, y: Any, batch_size: int) -> None:
        # Shuffled by NumPy: the reference's own shuffle repeats the engine's, number by number, in a Python loop.
        order = self.rng.permutation(len(X))
        self.train(X[order], y[order], batch_size)

    def predict(self, X: Any) -> Any:
        return reference.forward(self.program, self.parameters, X)


def measures(case: Case) -> dict[str, Pair]:
    """Return what is timed, by name."""
    model, oracle, (X, y), batch_size = case.model(), NumPyNetwork(case), case.data(), case.batch_size
    batch = X[:batch_size], y[:batch_size]
    pairs: dict[str, Pair] = {
        "training step": (lambda: model.train_on_batch(*batch), lambda: oracle.train(*batch, batch_size)),
        "epoch": (
            lambda: model.fit(X, y, batch_size=batch_size, verbose=False),
            lambda: oracle.epoch(X, y, batch_size),
        ),
    }
    for n in PREDICTED_ROWS:
        pairs[f"predict {n:,} row{'s' if n > 1 else ''}"] = _predictions(model, oracle, case.data(n)[0])
    return pairs


def _predictions(model: Any, oracle: NumPyNetwork, X: Any) -> Pair:
    return lambda: model.predict(X), lambda: oracle.predict(X)


def run(cases: list[Case], *, rounds: int, seconds: float) -> Run:
    """Time all measures of the cases; `rounds` and `seconds` per turn are those of `bench.timing.interleave`."""
    results: list[Result] = []
    for case in cases:
        print(case.name, file=sys.stderr, flush=True)
        for measure, (own, numpy) in measures(case).items():
            timings = interleave({FIRST: timed(own), "NumPy": timed(numpy)}, rounds, seconds)
            results += results_of(case.name, measure, timings)
    return Run("step", machine(), {"rounds": rounds, "seconds_per_turn": seconds}, results)
