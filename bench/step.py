"""nncore against its NumPy reference: one training step, one epoch, and predictions."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.cases import Array, Case
from bench.record import FIRST, Result, Run, machine, results_of
from bench.runners.oracle import Train as Oracle
from bench.timing import Protocol, interleave, timed
from nncore import Sequential

Pair = tuple[Callable[[], object], Callable[[], object]]
"""The same work, done by nncore and by the reference."""


def measures(case: Case) -> dict[str, Pair]:
    """Return what is timed, by name."""
    model, oracle, (X, y), batch_size = case.model(), Oracle(case), case.data(), case.batch_size
    batch = X[:batch_size], y[:batch_size]
    return {
        "training step": (lambda: model.train_on_batch(*batch), lambda: oracle.train_on(*batch)),
        "epoch": (lambda: model.fit(X, y, batch_size=batch_size, verbose=False), lambda: oracle.train(1)),
        "predict 1 row": _predictions(model, oracle, X[:1]),
        "predict 1,024 rows": _predictions(model, oracle, case.data(1024)[0]),
    }


def _predictions(model: Sequential, oracle: Oracle, X: Array) -> Pair:
    return lambda: model.predict(X), lambda: oracle.predict(X)


def run(cases: list[Case], protocol: Protocol) -> Run:
    """Time all measures of the cases."""
    results: list[Result] = []
    for case in cases:
        print(case.name, file=sys.stderr, flush=True)
        for measure, (own, numpy) in measures(case).items():
            timings = interleave({FIRST: timed(own), "NumPy": timed(numpy)}, protocol)
            results += results_of(case.name, measure, timings)
    return Run("step", machine(), protocol, results)
