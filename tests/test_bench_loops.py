"""The benchmark of loops of one's own: what is timed learns, and its command runs."""

import doctest
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, loops, record, report  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402
from nncore import set_num_threads  # noqa: E402


def test_what_is_timed_learns():
    """A policy that has learned nothing lets the pole fall after some 20 steps."""
    play, lengths = loops.own_reinforce(), []
    pole = next(cell.cell_contents for cell in play.__closure__ if isinstance(cell.cell_contents, loops.Pole))
    reset = pole.reset
    pole.reset = lambda: (lengths.append(pole.steps), reset())
    for _ in range(150):
        play()
    assert sum(lengths[:20]) / 20 < 40 < sum(lengths[-20:]) / 20
    play = loops.own_dqn()
    play()


def test_its_table_and_bounds():
    times = {"nncore": 1.0, "PyTorch": 12.0, "PyTorch, as in its examples": 30.0}
    results = [
        record.Result(loop, "steps", who, Timing(Summary.of([t]), Summary.of([t]), 1.0))
        for loop in loops.LOOPS
        for who, t in times.items()
    ]
    run = record.Run("loops", record.machine(), Protocol.of(True), results)
    assert report.TITLES["loops"] in loops.markdown(run)
    assert "256" in loops.markdown(run)
    ratios = loops.ratios(run)
    tuned = {f"steps of a pole, {loop}, 1 thread": 12.0 for loop in loops.LOOPS}
    assert ratios == tuned | {f"steps of a pole as in examples, {loop}, 1 thread": 30.0 for loop in loops.LOOPS}
    assert bounds.least("steps of a pole, REINFORCE, 1 thread") == 8.0
    assert bounds.least("steps of a pole as in examples, REINFORCE, 1 thread") == 20.0
    assert bounds.least("steps of a pole as in examples, DQN, 1 thread") is None


@pytest.fixture(autouse=True)
def threads():
    yield
    set_num_threads()


def test_doctests():
    assert not doctest.testmod(loops).failed
