"""The other end of `bench.predict.Worker`: one contender that does what it is asked, a line of JSON at a time.

Requests are ``[name, argument]``:

=========  ====================  ==================================================================================
name       argument              answer
=========  ====================  ==================================================================================
version    null                  the version of the contender's package
prepare    [case's name, rows]   the names of the ways to predict so many rows
check      way                   null, if the outputs are those of the reference
time       [way, calls]          seconds by the wall clock, and of the processors' time, that so many calls took
latencies  [way, calls]          nanoseconds of each of so many calls, the clock's own taken off: median and p99
=========  ====================  ==================================================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from bench import distributions
from bench.cases import CASES, Array, Case
from bench.predictors import TABLES, Ways
from bench.timing import rest, timed
from nncore import reference

TOLERANCES = {"predict": (1e-4, 1e-6), "bfloat16": (0.0, 2e-2)}
"""How far outputs, probabilities, may be from those of the reference in float32: relatively and absolutely."""


class Server:
    """Answers requests; one method per request."""

    def __init__(self, section: str, contender: str, threads: int) -> None:
        self.entry, self.threads = TABLES[section][contender], threads
        self.tolerance = TOLERANCES[section]
        self.case: Case | None = None
        self.X = np.empty(0)
        self.ways: Ways = {}

    def version(self, _: None) -> str:
        return distributions.version(self.entry.distribution)

    def prepare(self, argument: tuple[str, int]) -> list[str]:
        name, n_rows = argument
        self.ways = {}  # frees the memory of the case before
        self.case = CASES[name]
        self.X, _ = self.case.data(n_rows)
        self.ways = self.entry.ways()(self.case, self.threads, self.X)
        return list(self.ways)

    def check(self, way: str) -> None:
        if self.case is None:
            raise RuntimeError("no case is prepared")
        check_outputs(self.case, self.X, way, self.ways[way](), self.tolerance)

    def time(self, argument: tuple[str, int]) -> list[float]:
        way, calls = argument
        slot = timed(self.ways[way])(calls)
        rest()
        return list(slot)

    def latencies(self, argument: tuple[str, int]) -> list[float]:
        way, calls = argument
        taken = latencies(self.ways[way], calls)
        rest()
        return [float(np.median(taken)), float(np.percentile(taken, 99))]


def check_outputs(
    case: Case, X: Array, way: str, outputs: Array, tolerance: tuple[float, float] = TOLERANCES["predict"]
) -> None:
    """Make sure that the outputs are those of the network: the reference is the same judge for everyone.

    Raises
    ------
    AssertionError
        If an output is further from the reference's than the tolerances, relative and absolute, allow.
    """
    model = case.model()
    expected = reference.forward(model.program, model.parameters, X)
    rows = np.reshape(outputs, (len(X), -1))  # a predictor's row has one axis
    np.testing.assert_allclose(rows, expected, *tolerance, err_msg=f"{case.name}, {len(X)} rows, {way}: other outputs")


def latencies(call: Callable[[], object], calls: int) -> Array:
    """Return the nanoseconds of each call; what reading the clock takes is measured too, and taken off."""
    clock = time.perf_counter_ns
    taken: list[int] = []
    empty: list[int] = []
    for _ in range(calls):
        start = clock()
        call()
        taken.append(clock() - start)
    for _ in range(calls):
        start = clock()
        empty.append(clock() - start)
    own: Array = np.maximum(np.array(taken) - np.median(empty), 0.0)
    return own
