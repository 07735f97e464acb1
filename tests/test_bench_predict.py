"""The benchmark of predictions: who takes part, that outputs are compared, and what its tables say."""

import dataclasses
import doctest
import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import accuracy, predict, predict_table, workers  # noqa: E402
from bench.cases import CASES  # noqa: E402
from bench.predictors import PREDICTORS, server  # noqa: E402
from bench.timing import Protocol  # noqa: E402

INSTALLED = [name for name, entry in PREDICTORS.items() if entry.available]


# ----------------------------------------------------------------------------------------------------- the contenders


@pytest.mark.parametrize("n_rows", [1, 5])
@pytest.mark.parametrize("case", ["2-8-8-2", "13-37-3"])
@pytest.mark.parametrize("contender", ["nncore", "NumPy", "scikit-learn"])
def test_every_way_gives_the_outputs_of_the_reference(contender, case, n_rows):
    """Two classes are one output in scikit-learn."""
    if contender not in INSTALLED:
        pytest.skip(f"{contender} is not installed")
    served = server.Server("predict", contender, 1)
    ways = served.prepare((case, n_rows))
    assert ways
    for way in ways:
        served.check(way)


def test_nncore_predicts_one_row_in_every_way_that_it_has():
    served = server.Server("predict", "nncore", 1)
    assert served.prepare(("2-8-8-2", 1)) == ["predictor()", "predictor(), out", "predict"]
    assert served.prepare(("2-8-8-2", 2)) == ["predict"]


def test_other_outputs_are_refused():
    case = CASES["2-8-8-2"]
    X, _ = case.data(3)
    right = case.model().predict(X)
    server.check_outputs(case, X, "right", right)
    with pytest.raises(AssertionError, match="2-8-8-2, 3 rows, wrong: other outputs"):
        server.check_outputs(case, X, "wrong", right + 1e-3)
    with pytest.raises(AssertionError, match="other outputs"):
        server.check_outputs(case, X, "wrong", np.full_like(right, np.nan))


def test_single_calls_are_timed_without_the_clock(monkeypatch):
    calls = []
    clock = itertools.count(step=7)
    monkeypatch.setattr(server.time, "perf_counter_ns", lambda: next(clock))

    def call():
        calls.append([next(clock) for _ in range(10)])  # each is 7 ns more

    assert server.latencies(call, 50).tolist() == [70.0] * 50 and len(calls) == 50


def test_turn_of_single_calls_ends_when_threads_sleep(monkeypatch):
    rests = []
    monkeypatch.setattr(server, "rest", lambda: rests.append(1))
    served = server.Server("predict", "nncore", 1)
    served.prepare(("2-8-8-2", 1))
    served.latencies(("predictor()", 3))
    assert len(rests) == 1


def test_nncore_competes_first():
    assert workers.chosen(["NumPy"], PREDICTORS) == ["nncore", "NumPy"]
    assert workers.chosen(None, PREDICTORS) == INSTALLED and INSTALLED[:2] == ["nncore", "NumPy"]
    with pytest.raises(ValueError, match="unknown peer 'Excel'; known: nncore, NumPy"):
        workers.chosen(["Excel"], PREDICTORS)


def test_missing_packages_are_named():
    entry = dataclasses.replace(PREDICTORS["ONNX Runtime"], packages=("numpy", "no_such_package"))
    said = "peer 'ONNX Runtime' needs the package 'numpy' and the package 'no_such_package', which is not installed"
    with pytest.raises(ValueError, match=said):
        workers.chosen(["ONNX Runtime"], {"ONNX Runtime": entry})


# --------------------------------------------------------------------------------------------------- the measurements


@pytest.mark.parametrize("module", [predict, predict_table, accuracy], ids=lambda module: module.__name__)
def test_doctests(module):
    done = doctest.testmod(module)
    assert done.attempted and not done.failed


class Clockwork:
    """A worker whose calls take what they should."""

    def __init__(self, seconds, log):
        self.seconds, self.log = seconds, log

    def ask(self, request, argument):
        assert request == "latencies"
        self.log.append(argument)
        return [self.seconds * 1e9, self.seconds * 3e9]


def test_single_calls_take_turns():
    log = []
    started = {"nncore": Clockwork(1e-6, log), "Slow": Clockwork(8e-6, log)}
    calls = {predict.Turn("nncore", "a"): 10, predict.Turn("Slow", "b"): 20}
    found = predict.single_calls(started, Protocol(rounds=2, seconds=0.1), calls)
    assert log == [["a", 10], ["b", 20], ["b", 20], ["a", 10]]
    slow = found[predict.Turn("Slow", "b")]
    assert slow == pytest.approx({"median": 8e-6, "p99": 24e-6, "ratio": 8.0, "calls": 40})


def test_no_workload_is_hopeless():
    """The largest network is not asked for 65,536 rows, every network for one."""
    pairs = predict.workloads(quick=False)
    assert ("1024-1024-1024-10", 65_536) not in pairs and ("17-256-256-6", 65_536) in pairs
    assert {name for name, n_rows in pairs if n_rows == 1} == set(predict.SIZES)
    assert set(predict.workloads(quick=True)) <= set(pairs)


def test_cases_choose_the_networks():
    assert predict.workloads(True, ["784-128-10", "13-37-3", "13-37-3"]) == [
        (name, n_rows) for name in ("13-37-3", "784-128-10") for n_rows in predict.QUICK_ROWS
    ]


def result(contender, way, seconds, ratio, single_calls=None, rows=1024):
    own = {"case": "2-8-8-2", "rows": rows, "threads": 1, "contender": contender, "way": way}
    return {**own, "seconds": {"median": seconds}, "ratio": {"median": ratio}, "single_calls": single_calls}


@pytest.fixture
def data():
    """Slow has a way that is quick on many rows."""
    results = [
        result("nncore", "predict", 2e-5, 1.0),
        result("Slow", "plain", 1e-3, 50.0),
        result("Slow", "compiled", 1e-4, 5.0),
        result("peak", "multiply-adds", 1e-5, 0.5),
        result("nncore", "predictor()", 9e-7, 1.0, {"median": 5e-7, "p99": 2e-6, "ratio": 1.0}, rows=1),
        result("nncore", "predictor(), out", 8e-7, 0.9, {"median": 4e-7, "p99": 1e-6, "ratio": 0.8}, rows=1),
        result("nncore", "predict", 3e-6, 3.0, {"median": 2e-6, "p99": 3e-6, "ratio": 4.0}, rows=1),
        result("Slow", "plain", 4e-6, 5.0, {"median": 3e-6, "p99": 4e-6, "ratio": 6.0}, rows=1),
    ]
    return {"results": results}


def test_ratios_are_to_the_best_way_of_the_best_peer(data):
    """For one row, from nncore's way that returns a new array."""
    assert predict.ratios(data) == pytest.approx(
        {
            "predict 1,024 rows, 2-8-8-2, 1 thread": 5.0,
            "share of the peak, predict 1,024 rows, 2-8-8-2, 1 thread": 0.5,
            "predict 1 row, 2-8-8-2, 1 thread": 6.0,
            "microseconds of nncore, 1 row, 2-8-8-2, 1 thread": 0.5,
        }
    )


def test_ratios_without_peers_are_left_out(data):
    alone = {"results": [result for result in data["results"] if result["contender"] == "nncore"]}
    assert list(predict.ratios(alone)) == ["microseconds of nncore, 1 row, 2-8-8-2, 1 thread"]


def test_table_shows_the_fastest_way(data):
    cells = [[cell.strip() for cell in line.split("|")] for line in predict.markdown(data).splitlines()]
    others = ["nncore into out", "nncore predict"]
    assert ["", "network", "rows", "nncore", "GFLOP/s", "of the peak", "Slow", *others, ""] in cells
    assert ["", "2-8-8-2", "1,024", "20.0 us", "9.83", "50%", "100 us (5.00x)", "-", "-", ""] in cells
    one_row = ["0.50 us, 2.00 us", "0.38", "-", "3.00 us, 4.00 us (6.00x)"]
    one_row += ["0.40 us, 1.00 us (0.80x)", "2.00 us, 3.00 us (4.00x)"]
    assert ["", "2-8-8-2", "1", *one_row, ""] in cells


# -------------------------------------------------------------------------------------------------- the whole section


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(predict, "QUICK_ROWS", (1, 32))
    monkeypatch.setattr(predict, "QUICK_SECONDS_PER_TURN", 1e-3)
    monkeypatch.setattr(predict, "QUICK_CALLS", 100)


def test_section(small):
    peers = [name for name in ("NumPy", "scikit-learn") if name in INSTALLED]
    data = json.loads(json.dumps(predict.run(True, [1], peers, ["13-37-3"])))
    contenders = {result["contender"] for result in data["results"]}
    assert contenders == {"nncore", "peak", *peers}
    one_row = [result for result in data["results"] if result["rows"] == 1]
    assert all(0 < result["single_calls"]["median"] <= result["single_calls"]["p99"] for result in one_row)
    assert all(result["seconds"]["median"] > 0 for result in data["results"])
    names = ["predict 1 row", "microseconds of nncore, 1 row", "predict 32 rows", "share of the peak, predict 32 rows"]
    assert list(predict.ratios(data)) == [f"{name}, 13-37-3, 1 thread" for name in names]
    assert "### 1 thread" in predict.markdown(data) and "13-37-3" in predict.markdown(data)


def test_worker_that_dies_is_named():
    said = "NumPy failed to answer 'time'"
    with workers.workers(["NumPy"], [1], predict.Worker) as (started,), pytest.raises(RuntimeError, match=said):
        started.ask("time", ["reference", 1])  # nothing is prepared
