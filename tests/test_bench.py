"""The benchmark: its cases are trained here as well, it is timed itself, and its commands run."""

import dataclasses
import json
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

from nncore import reference

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, peers, record, runners, timing, training, worker, workers  # noqa: E402
from bench.__main__ import main, prefer_installed_nncore  # noqa: E402
from bench.cases import CASES, SEED, select  # noqa: E402
from bench.timing import Protocol, Slot, Summary, Timing  # noqa: E402

# By (dtype, whether the activation has a kink): how far apart losses may be, relatively, and parameters on average, in
# lengths of a step. In float32 it happens that a relu whose argument is within rounding of 0 is open in one network and
# shut in the other; Adam, whose first steps are of equal length for all gradients, spreads it from there.
TOLERANCE = {("float64", False): (1e-12, 1e-12), ("float64", True): (1e-12, 1e-12)}
TOLERANCE |= {("float32", False): (1e-6, 1e-5), ("float32", True): (1e-4, 2e-2)}


# --------------------------------------------------------------------------------------------------------- the cases


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.dtype == "float32"])
def test_engine_and_reference_train_every_case_alike(name, dtype):
    """Two full steps and a smaller one."""
    case = dataclasses.replace(CASES[name], dtype=dtype)
    of_loss, of_step = TOLERANCE[dtype, case.activation == "relu"]
    n_rows = min(3 * case.batch_size - 1, case.n_rows)
    X, y = case.data(n_rows)
    model = case.model()
    parameters = model.parameters.copy()
    slots = [np.zeros_like(parameters) for _ in range(case.optimizer.n_slots)]
    step = {"epochs": 1, "batch_size": case.batch_size, "shuffle": True}
    history = model.fit(X, y, verbose=False, **step)
    losses = reference.train(model.program, case.optimizer, parameters, slots, X, y, seed=SEED, **step)
    assert history["loss"] == pytest.approx(losses, rel=of_loss)
    assert abs(model.parameters - parameters).mean() <= of_step * case.optimizer.learning_rate


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_case_describes_its_network(case):
    model = case.model()
    assert model.n_parameters == case.n_parameters
    assert model.program.n_features == case.sizes[0] and model.program.n_outputs == case.sizes[-1]
    assert model.dtype == case.dtype == case.data(1)[0].dtype
    assert case.steps_per_epoch >= 1 and case.batch_size <= case.n_rows


def test_data_and_weights_are_the_same_every_time():
    case = CASES["4-16-16-3"]
    assert all(np.array_equal(a, b) for a, b in zip(case.data(), case.data(), strict=True))
    weights = zip(case.initial_weights(), case.initial_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in weights)
    assert set(case.data()[1]) == set(range(3))


def test_flops_of_a_known_network():
    """4-32-16-4: 704 weights, 128 of them in the first layer; 2 * (704 + 704 + 576) per row."""
    assert CASES["4-32-16-4"].flops_per_step == 10_000 * 2 * (704 + 704 + 576)


def test_select_names_the_unknown_case():
    with pytest.raises(ValueError, match="unknown case '3-3'; known: 2-8-8-2"):
        select(["2-8-8-2", "3-3"])
    assert select(None) == list(CASES.values())


def test_a_case_named_twice_is_timed_once():
    assert [case.name for case in select(["4-16-16-3", "2-8-8-2", "4-16-16-3"])] == ["4-16-16-3", "2-8-8-2"]
    assert workers.chosen(["NumPy", "NumPy"], runners.RUNNERS) == ["nncore", "NumPy"]


# -------------------------------------------------------------------------------------------------------- the timing


def pretend(seconds_per_call, log=None, name=""):
    """Return a contender on a clock that is always right."""

    def contend(repeats):
        if log is not None:
            log.append(name)
        return Slot(repeats * seconds_per_call, repeats * seconds_per_call / 2)

    return contend


def test_interleave_takes_turns_and_compares_within_a_round():
    log = []
    contenders = {name: pretend(seconds, log, name) for name, seconds in (("a", 0.5), ("b", 1.0), ("c", 2.0))}
    timings = timing.interleave(contenders, Protocol(rounds=3, seconds=0.1))
    assert log[-9:] == list("abcbcacab")
    assert [timings[name].seconds.median for name in "abc"] == [0.5, 1.0, 2.0]
    assert [timings[name].ratio.median for name in "abc"] == [1.0, 2.0, 4.0]
    assert timings["a"].cpu_share == 0.5


def test_interleave_by_processor_time():
    timings = timing.interleave({"a": pretend(1.0)}, Protocol(rounds=1, seconds=0.1, clock="cpu"))
    assert timings["a"].seconds.median == 0.5
    with pytest.raises(ValueError, match="2 threads"):
        Protocol(1, 0.1, "cpu", threads=2)


def test_ratios_can_be_to_another_contender():
    """As that of one thread to two: from the same rounds."""
    slots = timing.take_turns({("a", 1): pretend(3.0), ("a", 2): pretend(1.5)}, Protocol(rounds=2, seconds=0.1))
    assert slots == {("a", 1): [(3.0, 1.5)] * 2, ("a", 2): [(1.5, 0.75)] * 2}
    assert timing.compare(slots["a", 1], slots["a", 2], "wall").ratio.median == 2.0


def test_turns_are_as_long_as_asked():
    assert timing.calibrated(pretend(1e-3), 0.1) in range(100, 120)
    assert timing.calibrated(pretend(1.0), 0.1) == 1


def test_timing_of_a_part():
    whole = Timing(Summary(10.0, 8.0, 12.0), Summary(2.0, 1.0, 3.0), 1.0)
    assert whole.divided_by(10) == Timing(Summary(1.0, 0.8, 1.2), whole.ratio, 1.0)


# -------------------------------------------------------------------------------------------------------- who competes


def test_nncore_competes_first():
    everyone = workers.chosen(None, runners.RUNNERS)
    assert workers.chosen(["NumPy"], runners.RUNNERS) == ["nncore", "NumPy"]
    assert everyone[0] == "nncore" and "NumPy" in everyone
    with pytest.raises(ValueError, match="unknown peer 'Excel'; known: nncore, JAX"):
        workers.chosen(["Excel"], runners.RUNNERS)


def test_missing_peer_is_named():
    missing = dataclasses.replace(runners.RUNNERS["JAX"], package="no_such_package")
    known = {**runners.RUNNERS, "JAX": missing}
    with pytest.raises(ValueError, match="peer 'JAX' needs the package 'no_such_package', which is not"):
        workers.chosen(["JAX"], known)
    assert "JAX" not in workers.chosen(None, known)


def test_compiling_needs_a_compiler():
    entry = dataclasses.replace(runners.RUNNERS["PyTorch compiled"], package="numpy", program="no-such-compiler")
    assert not entry.available
    with pytest.raises(ValueError, match="the package 'numpy' and the program 'no-such-compiler', which is not"):
        workers.chosen(["PyTorch compiled"], {"PyTorch compiled": entry})
    assert dataclasses.replace(entry, program=None).available


@pytest.mark.parametrize("loss", [1.001, float("nan")])
def test_different_losses_are_refused(loss):
    training.check_loss("case", "other", 1.0 + 1e-9, own=1.0)
    with pytest.raises(AssertionError, match="other's loss"):
        training.check_loss("case", "other", loss, own=1.0)


class Wrong:
    """A worker that trains right in float64 only."""

    threads = 1

    def __init__(self, contender, loss):
        self.contender, self.loss = contender, loss

    def ask(self, request, name):
        return self.loss if request == "prepare" else 1.0


def test_what_is_timed_is_checked_too():
    present = [Wrong("nncore", 1.0), Wrong("other", 1.002)]
    with pytest.raises(AssertionError, match=r"other's loss is 1\.002"):
        training._timings(CASES["2-8-8-2"], present, [], Protocol(1, 0.01))


def test_preparing_trains_the_case_that_is_timed():
    served = worker.Server("training", "NumPy", 1), worker.Server("training", "nncore", 1)
    losses = [server.prepare("13-37-3") for server in served]
    assert losses[0] == pytest.approx(losses[1], rel=training.LOSS_TOLERANCE_AS_TIMED)
    assert all(weight.dtype == np.float32 for server in served for weight in server.runner.weights())


def test_turn_ends_when_threads_sleep(monkeypatch):
    """As OpenBLAS' threads do a while after their work."""
    spent, slept = iter([0.0, 0.1, 0.1, 0.2, 0.2, 0.2]), []
    monkeypatch.setattr(timing.time, "process_time", lambda: next(spent))
    monkeypatch.setattr(timing.time, "sleep", slept.append)
    timing.rest()
    assert len(slept) == 3


# --------------------------------------------------------------------------------------------------- the whole command


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_step_command(tmp_path):
    done = bench("--quick", "--cases", "2-8-8-2", "13-37-3", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    run = record.Run.from_dict(json.loads((tmp_path / "step.json").read_text()))
    assert [result.case for result in run.results] == ["2-8-8-2"] * 8 + ["13-37-3"] * 8
    measures = ["training step", "epoch", "predict 1 row", "predict 1,024 rows"]
    assert list(dict.fromkeys(result.measure for result in run.results)) == measures
    assert run.machine["threads"] == 1 and done.stdout.startswith("# nncore and its NumPy reference")


def test_peers_command(tmp_path):
    """Of three classes, with a last batch that is smaller: everyone's losses are compared."""
    arguments = ["--quick", "--sections", "training", "--cases", "13-37-3", "--output", str(tmp_path)]
    done = bench("peers", *arguments, "--peers", "scikit-learn", "--threads", "1", "2")
    assert done.returncode == 0, done.stderr
    run = record.Run.from_dict(peers.stored(tmp_path / "peers.json")["training"])
    assert list(run.losses["13-37-3"]) == ["nncore", "scikit-learn"]
    one = ["nncore", "floor", "scikit-learn"]
    assert [(r.contender, r.threads) for r in run.results] == [
        *((name, 1) for name in one),
        *((name, 2) for name in [*one, "1 thread"]),
    ]
    assert [roof.threads for roof in run.roofs] == [1, 2]
    assert "### training step, 2 threads" in done.stdout


def test_check_fails_a_run_that_is_too_slow(monkeypatch, capsys):
    """By processor time; nobody is as fast as the bound asks here."""
    monkeypatch.setattr(bounds, "TRAINING", {1e9: 1e9})
    command = ["--quick", "--sections", "training", "--cases", "13-37-3", "--peers", "NumPy", "--clock", "cpu"]
    assert main(["peers", *command, "--check"]) == 1
    shown = capsys.readouterr().out
    assert "medians of processor time" in shown and "0 of 1 bounds met\ntrain, 13-37-3, 1 thread: " in shown


@pytest.mark.parametrize(
    "arguments",
    [["--cases", "9"], ["peers", "--peers", "Excel"], ["peers", "--sections", "all"], ["--threads", "0"], ["dance"]],
)
def test_mistakes_are_usage_errors(arguments):
    done = bench(*arguments)
    assert done.returncode == 2 and "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["abc", "0", "-1", "1.5", "", "\u0661"])
def test_threads_are_a_positive_integer(text, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["step", f"--threads={text}"])
    said = capsys.readouterr().err.splitlines()[-1]
    assert stop.value.code == 2 and said.endswith(f"--threads: must be an integer of at least 1, got {text!r}")


def test_worker_that_dies_is_named():
    said = "NumPy failed to answer 'time'"
    with workers.workers(["NumPy"], [1], workers.Worker) as (started,), pytest.raises(RuntimeError, match=said):
        started.ask("time", 1)  # nothing is prepared


def test_source_folder_does_not_hide_the_installed_package(monkeypatch, tmp_path):
    source, installed = tmp_path / "source", tmp_path / "installed"
    (source / "nncore" / "_engine").mkdir(parents=True)
    monkeypatch.setattr("bench.__main__.ROOT", source)
    monkeypatch.setattr(sys, "path", [str(source), str(installed)])
    prefer_installed_nncore()
    assert sys.path == [str(installed)]
    (source / "nncore" / "_engine" / f"runtime{EXTENSION_SUFFIXES[0]}").touch()
    monkeypatch.setattr(sys, "path", [str(source), str(installed)])
    prefer_installed_nncore()
    assert sys.path == [str(source), str(installed)]
