"""The benchmark: its cases are trained here as well, and what it writes is read back."""

import dataclasses
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import numpy as np
import pytest

from nncore import reference

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import peers, record, report, timing  # noqa: E402
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


def test_turns_are_as_long_as_asked():
    assert timing.calibrated(pretend(1e-3), 0.1) in range(100, 120)
    assert timing.calibrated(pretend(1.0), 0.1) == 1


def test_timing_of_a_part():
    whole = Timing(Summary(10.0, 8.0, 12.0), Summary(2.0, 1.0, 3.0), 1.0)
    assert whole.divided_by(10) == Timing(Summary(1.0, 0.8, 1.2), whole.ratio, 1.0)


# -------------------------------------------------------------------------------------------------------- the tables

MACHINE = {"cpu": "Analytical Engine", "isa": "base", "platform": "Steam brass", "python": "3.11", "threads": 1}
MACHINE |= {"nncore": "1.0", "numpy": "2.0", "date": "1843-07-10", "commit": "abc"}


def timing_of(seconds, ratio, cpu_share=1.0):
    return Timing(Summary(seconds, seconds / 2, seconds * 2), Summary(ratio, ratio / 2, ratio * 2), cpu_share)


@pytest.fixture
def run():
    both = {"nncore": timing_of(2e-6, 1.0), "Slow": timing_of(3e-3, 1500.0)}
    results = record.results_of("2-8-8-2", report.STEP, both)
    results += record.results_of("13-37-3", report.STEP, {"nncore": timing_of(8e-6, 1.0)})
    return record.Run("peers", MACHINE, Protocol(5, 0.1), results, {"2-8-8-2": {"nncore": 1.0, "Slow": 1.00001}})


FULL = """\
| network          | parameters |                 nncore | GFLOP/s |                   Slow |         Slow / nncore |
| ---------------- | ---------: | ---------------------: | ------: | ---------------------: | --------------------: |
| 2-8-8-2 tanh, 32 |        114 | 2.00 us (1.00 to 4.00) |    8.70 | 3.00 ms (1.50 to 6.00) | 1,500x (750 to 3,000) |
| 13-37-3 relu, 37 |        632 | 8.00 us (4.00 to 16.0) |    12.0 |                      - |                     - |"""

SHORT = """\
| network, batch size |  nncore |             Slow |
| ------------------- | ------: | ---------------: |
| 2-8-8-2 tanh, 32    | 2.00 us | 3.00 ms (1,500x) |
| 13-37-3 relu, 37    | 8.00 us |                - |"""


def test_tables(run):
    table = report.Table(run, report.STEP)
    assert table.full() == FULL
    assert table.short() == SHORT


def test_markdown_says_how_it_was_measured(run):
    text = report.markdown(run)
    for part in (
        "Analytical Engine (base), 1 thread",
        "commit abc",
        "medians of wall-clock time over 5 interleaved rounds",
        "1.0e-05 apart",
    ):
        assert part in text
    assert "busy" not in text and "Not compared" not in text


def test_markdown_says_whose_loss_was_not_compared(run):
    assert "Not compared: Slow in 2-8-8-2" in report.markdown(
        dataclasses.replace(run, losses={"2-8-8-2": {"nncore": 1.0}})
    )


def test_markdown_says_if_the_machine_was_busy(run):
    busy = dataclasses.replace(run.results[0], timing=timing_of(2e-6, 1.0, cpu_share=0.5))
    assert "only 50% of the time" in report.markdown(dataclasses.replace(run, results=[busy]))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9994e-3, "999 us"), (0.9996e-3, "1.00 ms"), (5e-9, "0.01 us"), (1234.0, "1,234 s")]
)
def test_duration(seconds, text):
    assert report.duration(seconds) == text


def test_run_survives_its_file(run, tmp_path):
    report.save(run, tmp_path / "new")
    assert record.Run.from_json((tmp_path / "new" / "peers.json").read_text()) == run
    assert (tmp_path / "new" / "peers.md").read_text() == report.markdown(run)


def test_readme_gets_the_table(run, tmp_path):
    report.save(run, tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n")
    command = ["readme", "--readme", str(readme), "--results", str(tmp_path / "peers.json")]
    assert main(command) == main(command) == 0  # a second time changes nothing
    text = readme.read_text()
    assert text.startswith("before\n\n<!-- bench:begin -->\n| network, batch size |") and text.endswith("\n\nafter\n")
    assert "3.00 ms (1,500x)" in text and "old" not in text


@pytest.mark.parametrize("text", ["", f"{report.END}{report.BEGIN}", f"{report.BEGIN}{report.BEGIN}{report.END}"])
def test_readme_without_markers_stays_as_it_is(run, tmp_path, text, capsys):
    report.save(run, tmp_path)
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(SystemExit) as stop:
        main(["readme", "--readme", str(readme), "--results", str(tmp_path / "peers.json")])
    assert stop.value.code == 2 and "bench:begin" in capsys.readouterr().err
    assert readme.read_text() == text


# -------------------------------------------------------------------------------------------------------- who competes


def test_nncore_competes_first():
    assert peers.chosen(["NumPy"]) == ["nncore", "NumPy"]
    assert peers.chosen(None)[:2] == ["nncore", "NumPy"]
    with pytest.raises(ValueError, match="unknown peer 'Excel'; known: nncore, NumPy"):
        peers.chosen(["Excel"])


def test_missing_peer_is_named(monkeypatch):
    monkeypatch.setattr(peers, "available", lambda name: name != "JAX")
    with pytest.raises(ValueError, match="peer 'JAX' needs the package 'jax'"):
        peers.chosen(["JAX"])
    assert "JAX" not in peers.chosen(None)


@pytest.mark.parametrize("loss", [1.001, float("nan")])
def test_different_losses_are_refused(loss):
    peers.check_losses("case", {"nncore": 1.0, "other": 1.0 + 1e-9})
    with pytest.raises(AssertionError, match="other's loss"):
        peers.check_losses("case", {"nncore": 1.0, "other": loss})


# --------------------------------------------------------------------------------------------------- the whole command


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )


def test_step_command(tmp_path):
    done = bench("--quick", "--cases", "2-8-8-2", "13-37-3", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    run = record.Run.from_json((tmp_path / "step.json").read_text())
    assert [result.case for result in run.results] == ["2-8-8-2"] * 8 + ["13-37-3"] * 8
    measures = ["training step", "epoch", "predict 1 row", "predict 1,024 rows"]
    assert list(dict.fromkeys(result.measure for result in run.results)) == measures
    assert run.machine["threads"] == 1 and done.stdout.startswith("# nncore and its NumPy reference")


def test_peers_command(tmp_path):
    """Of three classes, with a last batch that is smaller: everyone's losses are compared."""
    arguments = ["--quick", "--cases", "13-37-3", "--clock", "cpu", "--output", str(tmp_path)]
    done = bench("peers", *arguments, "--peers", "NumPy", "scikit-learn")
    assert done.returncode == 0, done.stderr
    run = record.Run.from_json((tmp_path / "peers.json").read_text())
    assert list(run.losses["13-37-3"]) == ["nncore", "NumPy", "scikit-learn"]
    assert run.protocol.clock == "cpu" and "medians of processor time" in done.stdout


@pytest.mark.parametrize("arguments", [["--cases", "9"], ["peers", "--peers", "Excel"], ["--threads", "0"], ["dance"]])
def test_mistakes_are_usage_errors(arguments):
    done = bench(*arguments)
    assert done.returncode == 2 and "Traceback" not in done.stderr


def test_worker_that_dies_is_named():
    said = "NumPy failed to answer 'time'"
    with peers.workers(["NumPy"], threads=1) as started, pytest.raises(RuntimeError, match=said):
        started["NumPy"].ask("time", 1)  # nothing is prepared


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
