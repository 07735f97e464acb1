"""The benchmark of layers: its networks are what their names say, it is timed fairly, and its command runs."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT))  # last, so that the nncore under test stays the installed one

from bench import bounds, layers, record  # noqa: E402
from bench.__main__ import main  # noqa: E402
from bench.cases import CASES, SEED  # noqa: E402
from bench.timing import Protocol, Summary, Timing  # noqa: E402

SMALL = CASES["2-8-8-2"]
DENSE = "Dense(8, 'tanh')"
EACH = {
    "plain": f"[{DENSE}, {DENSE}, ",
    "batch norm": f"[{DENSE}, BatchNorm(), {DENSE}, BatchNorm(), ",
    "dropout": f"[{DENSE}, Dropout(rate=0.2), {DENSE}, Dropout(rate=0.2), ",
    "residual": f"[{DENSE}, Residual([{DENSE}]), ",
    "clip norm": f"[{DENSE}, {DENSE}, ",
    "everything": f"[{DENSE}, BatchNorm(), Dropout(rate=0.2), Residual([{DENSE}, BatchNorm(), Dropout(rate=0.2)]), ",
    "records": f"[{DENSE}, {DENSE}, ",
}


def test_doctests():
    done = doctest.testmod(layers)
    assert done.attempted and not done.failed


@pytest.mark.parametrize("name", layers.VARIATIONS)
def test_networks_hold_what_their_names_say(name):
    model = layers.VARIATIONS[name].model(SMALL)
    assert repr(model).startswith(f"Sequential({EACH[name]}Dense(2, 'softmax')]")
    assert model.optimizer.clip_norm == (1.0 if name in ("clip norm", "everything") else None)


@pytest.mark.parametrize("name", layers.VARIATIONS)
def test_what_is_timed_is_what_fit_does(name):
    """Two epochs, in two turns: the weights are those of `Sequential.fit`, the records those of every epoch."""
    variation = layers.VARIATIONS[name]
    training, model = layers.Training(SMALL, variation, 1), variation.model(SMALL)
    for _ in range(2):
        training(1)
    model.fit(*SMALL.data(), epochs=2, batch_size=SMALL.batch_size, verbose=False)
    parameters = np.empty_like(model.parameters)
    training.plan.get_parameters(parameters)
    assert model.seed == SEED and parameters.tobytes() == model.parameters.tobytes()
    assert training.plan.result.recorded.tolist() == ([0] if name == "records" else [])


def test_divergence_is_an_error(monkeypatch):
    training = layers.Training(SMALL, layers.Variation(), 1)
    training.X = training.X * np.float32(np.nan)
    with pytest.raises(RuntimeError, match="2-8-8-2 diverged in epoch 0"):
        training(1)


def test_networks_need_two_hidden_layers():
    assert [case.name for case in layers.choose(["2-8-8-2", "2-8-8-2"])] == ["2-8-8-2"]
    with pytest.raises(
        ValueError, match="case '784-128-10' has 1 hidden layer; name one with 2, such as 80-256-256-10"
    ):
        layers.choose(["784-128-10"])
    with pytest.raises(ValueError, match="unknown case '9'"):
        layers.choose(["9"])


def a_run(case, everything):
    """What a run finds with one thread: every ratio 1, but that of everything together."""
    factors = dict.fromkeys(layers.VARIATIONS, 1.0) | {"everything": everything}
    timings = {
        name: Timing(Summary(*[1e-3 * factor] * 3), Summary(*[factor] * 3), 1.0) for name, factor in factors.items()
    }
    return record.Run("layers", record.machine(), Protocol(3, 0.1), record.results_of(case, "training step", timings))


@pytest.mark.parametrize(("everything", "met"), [(1.5, True), (1.51, False), (float("nan"), False)])
def test_bounds(everything, met, capsys):
    figures = layers.ratios(a_run("80-256-256-10", everything))
    assert bounds.report(figures) is met
    shown = capsys.readouterr().out
    missed = f"everything, 80-256-256-10, 1 thread: {everything:.3g}, expected at most 1.5\n"
    assert shown == ("2 of 2 bounds met\n" if met else f"1 of 2 bounds met\n{missed}")


def test_table():
    lines = layers.markdown(a_run("80-256-256-10", 1.25)).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")]
    assert cells[0] == ["", "80-256-256-10 relu, 64, 1 thread"] and [row[0] for row in cells[2:]] == list(EACH)
    assert cells[2][1] == "1.00 ms (1.00 to 1.00)" and cells[7][1] == "1.25x (1.25 to 1.25)"


def test_command(tmp_path):
    """In a process of its own, with one thread and two."""
    command = [sys.executable, "-m", "bench", "layers", "--quick", "--cases", "2-8-8-2", "--threads", "1", "2"]
    done = subprocess.run([*command, "--output", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    run = record.Run.from_dict(json.loads((tmp_path / "layers.json").read_text()))
    found = [(result.case, result.threads, result.contender) for result in run.results]
    assert found == [("2-8-8-2", threads, name) for threads in (1, 2) for name in layers.VARIATIONS]
    assert all(result.timing.seconds.median > 0 for result in run.results)
    text = (tmp_path / "layers.md").read_text()
    assert text.startswith("# What layers cost\n") and done.stdout == text + "\n"
    assert re.search(r"\| plain +\| +[\d.]+ us \(.*\| +[\d.]+ us \(", text)


def test_check_fails_where_nothing_has_a_bound(capsys):
    command = ["layers", "--quick", "--cases", "2-8-8-2", "--threads", "1", "--clock", "cpu"]
    assert main([*command, "--check"]) == 1
    shown = capsys.readouterr().out
    assert "medians of processor time" in shown and "nothing was compared" in shown
