"""The floor under a training step: it does the work of steps, all of it, and is below what they take."""

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import record, report, timing  # noqa: E402
from bench.cases import CASES  # noqa: E402
from bench.floor import Floor  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402


def test_floor_and_table_count_the_last_batch_as_what_it_is():
    """1,121 rows are 30 batches of 37 and one of 11."""
    case = CASES["13-37-3"]
    flops = 2 * 1121 * (3 * (13 * 37 + 37 * 3) - 13 * 37)
    assert case.mean_flops_per_step * 31 == pytest.approx(flops, rel=1e-12)
    floor, done = Floor(case, 1), []
    floor.engine = SimpleNamespace(_multiply_adds=done.append)
    floor(31)
    assert done == [flops]
    timings = {"nncore": Timing(Summary(1e-6, 1e-6, 1e-6), Summary(1.0, 1.0, 1.0), 1.0)}
    results = record.results_of(case.name, report.STEP, timings)
    for benchmark, counted in {"training": flops / 31, "step": case.flops_per_step}.items():
        run = record.Run(benchmark, {}, Protocol(1, 0.1), results)
        row = report.Table(run, report.STEP, 1).full().splitlines()[-1]
        assert row.split("|")[4].strip() == report.three_digits(counted * 1e-3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_floor_does_the_work_of_steps(dtype, threads):
    floor = Floor(dataclasses.replace(CASES["13-64-64-2"], dtype=dtype), threads)
    size = np.dtype(dtype).itemsize
    assert floor.bytes_per_step == 6 * size * 5186  # read and write parameters and two slots
    assert all(seconds > 0 for seconds in floor(1)) and floor(1000).wall > 0
    roof = floor.roof(rounds=1)
    assert roof.flops_per_second > 1e8 and roof.bytes_per_second > 1e8
    assert roof.flops_per_second == floor.flops_per_second[-1]


def test_floor_is_below_training():
    """A step of nncore cannot be shorter than the floor beneath it; if it is, the floor is measured wrongly."""
    case = CASES["17-256-256-6"]
    model, (X, y) = case.model(), case.data()
    fit = timing.timed(lambda: model.fit(X, y, batch_size=case.batch_size, verbose=False))

    def seconds():
        slots = timing.take_turns({"nncore": fit, "floor": Floor(case, 1)}, Protocol(3, 0.01))
        floor, own = (min(slot.cpu for slot in slots[name]) for name in ("floor", "nncore"))
        return floor * case.steps_per_epoch, own

    assert any(floor < own for floor, own in (seconds() for _ in range(5))), "five times it was"


def test_loops_of_the_roof_are_not_optimized_away(variant):
    """A hundred times the work takes several times as long; the shortest of some tries: others use the machine too."""

    def seconds(loop, n):
        return min(timing.timed(lambda: loop(n))(1).cpu for _ in range(5))

    assert 10_000 <= variant._multiply_adds(10_000) < 11_000
    variant._State(0).sweep(1)
    for loop, n in ((variant._multiply_adds, 10**6), (variant._State(1000).sweep, 10**2)):
        assert seconds(loop, 100 * n) > 4 * seconds(loop, n)
