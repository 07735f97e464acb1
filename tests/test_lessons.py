"""The lessons in docs/lessons: each runs, draws its figure, and the claims of its text hold for the numbers it gets."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "lessons"
LESSONS = sorted(path.stem for path in FOLDER.glob("[0-9]*.py"))
NO_MORE_THAN_ROUNDING = 1e-12
LABELLED = ("labelbottom", "labelleft", "labeltop", "labelright")  # sides of an axis


@pytest.fixture
def lesson(tmp_path, monkeypatch, request, capsys):
    """The numbers of the lesson that the test is named after; also checks that it prints, and draws with labels."""
    monkeypatch.syspath_prepend(FOLDER)
    (name,) = [name for name in LESSONS if name[3:] == request.node.name.removeprefix("test_")]
    module, figures = importlib.import_module(name), []
    save = module.save
    monkeypatch.setattr(module, "save", lambda figure, *where: (figures.append(figure), save(figure, *where)))
    numbers = module.main(tmp_path)
    assert f"figure: {name}.png" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [f"{name}.png"]
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000
    (figure,) = figures
    for axes in figure.axes:
        assert_says_what_it_shows(axes)
    return numbers


def assert_says_what_it_shows(axes):
    """Every scale with numbers has a label, and what has one has a title, but for the bars that explain colours."""
    scales = [axis for axis in (axes.xaxis, axes.yaxis) if len(axis.get_ticklocs())]
    scales = [axis for axis in scales if any(map(axis.get_tick_params().get, LABELLED))]
    assert axes.get_title() or axes.get_label() == "<colorbar>" or not scales
    assert all(axis.get_label_text() for axis in scales)


def falls(values):
    return bool((np.diff(values) < 0).all())


def rises(values):
    return bool((np.diff(values) > 0).all())


# ------------------------------------------------------------------------------------------------------- the lessons


def test_neuron(lesson):
    assert lesson["accuracy"] > 0.98
    assert max(lesson["hand_against_engine"], lesson["undecided"], lesson["opposite"]) < NO_MORE_THAN_ROUNDING


def test_perceptron(lesson):
    assert lesson["converged"] == {"AND": True, "OR": True, "XOR": False}
    assert lesson["separable"] == {"AND": True, "OR": True, "XOR": False}
    assert 0 < lesson["mistakes"] <= lesson["bound"]
    assert lesson["penguins_wrong"] == 0
    assert lesson["network"] == [0, 1, 1, 0]


def test_activations(lesson):
    assert lesson["sigmoid_slope"] == 0.25
    left, near, right = ({name: slopes[i] for name, slopes in lesson["slopes"].items()} for i in range(3))
    assert max(left["sigmoid"], right["sigmoid"], left["tanh"], right["tanh"]) < 0.01
    assert near["relu"] == 0 and min(abs(near[name]) for name in ("leaky_relu", "elu", "gelu")) > 0
    assert left["leaky_relu"] == near["leaky_relu"] > 0 and max(abs(left[name]) for name in ("elu", "gelu")) < 0.01
    assert lesson["difference"] < NO_MORE_THAN_ROUNDING
    assert lesson["linear"] < 0.5 and abs(lesson["linear"] - lesson["single"]) < 0.05
    assert lesson["relu"] > 0.95


def test_width_and_depth(lesson):
    assert falls(lesson["constructed"]) and falls(lesson["trained"])
    assert lesson["trained"][-1] < lesson["trained"][0] / 20
    ratios = np.divide(lesson["constructed"][2:-1], lesson["constructed"][3:])  # once there is a knot for each swing
    assert ((ratios > 3.5) & (ratios < 4.5)).all()
    assert lesson["pieces"] == {1: 2, 2: 4, 4: 16, 8: 256}
    assert lesson["wide_pieces"] == 16


def test_forward(lesson):
    assert max(lesson["answers"], lesson["difference"]) < NO_MORE_THAN_ROUNDING
    assert lesson["same_bits"]


def test_backpropagation(lesson):
    assert lesson["engine_error"] < NO_MORE_THAN_ROUNDING
    best = int(np.argmin(lesson["errors"]))  # for steps 1e-12, 1e-11, ...
    assert falls(lesson["errors"][: best + 1]) and rises(lesson["errors"][best:])
    assert lesson["errors"][best] > 100 * lesson["engine_error"]
    assert falls(lesson["losses"])
    assert lesson["same_weights"] < NO_MORE_THAN_ROUNDING


def test_initialization(lesson):
    last = {key: deviations[-1] for key, deviations in lesson["deviations"].items()}
    for activation in ("tanh", "relu"):
        assert last[activation, "zeros"] == 0
        assert last[activation, "too small"] < 1e-9
    assert lesson["saturated"]["tanh", "too large"] > 0.5 > 0.05 > lesson["saturated"]["tanh", "Glorot"]
    assert last["relu", "too large"] > 1e4
    assert 0.1 < last["tanh", "Glorot"] < 1
    assert 0.3 < last["relu", "He"] < 3 and last["relu", "Glorot"] < last["relu", "He"] / 10
    accuracy = lesson["accuracy"]
    assert max(accuracy["zeros"], accuracy["too small"]) < 0.15
    assert min(accuracy["Glorot"], accuracy["He"]) > 0.99
    assert lesson["units"] == {"all weights 0.1": 1, "Glorot": 20}


def test_vanishing_gradients(lesson):
    ratio = {name: norms[0] / norms[-1] for name, norms in lesson["norms"].items()}
    assert ratio["sigmoid"] < 1e-6 and rises(lesson["norms"]["sigmoid"])
    for name in ("sigmoid, BatchNorm", "relu", "relu, Residual"):
        assert 0.01 < ratio[name] < 100
        assert lesson["accuracy"][name] > 0.9
    assert lesson["accuracy"]["sigmoid"] < 0.2
    assert lesson["norms"]["relu, weights doubled"][0] > 1e4 * lesson["norms"]["relu"][0]
    assert lesson["without_clipping"] == []  # diverged in the first epoch
    assert len(lesson["clipped"]) == 50 and lesson["clipped"][-1] < lesson["clipped"][0] / 1000


def test_batch_normalization(lesson):
    without, with_norm, small_batch = lesson["good"]
    assert len(with_norm) >= 2 * len(without) > 0
    assert max(with_norm) >= 4 * max(without)
    assert len(small_batch) < len(without)
    epochs_without, epochs_with, _ = lesson["soonest"]
    assert epochs_with < epochs_without
    assert max(lesson["normalised"]) < 1e-4 and lesson["off"] < 1e-5
    assert lesson["mean_off"] < 0.1 and lesson["variance_off"] < 0.25


def test_learning_curves(lesson):
    assert lesson["healthy"] == []
    for name, finding in {
        "learning rate too high": "learning_rate_too_high",
        "learning rate too low": "learning_rate_too_low",
        "large network, 100 rows": "overfitting",
        "20 sigmoid layers": "vanishing_gradients",
        "raw inputs": "unscaled_inputs",
    }.items():
        assert finding in lesson[name]


def test_features(lesson):
    assert lesson["accuracy"] > 0.95
    ratios, shares = zip(*lesson["separations"], strict=True)
    assert rises(ratios) and rises(shares)


def test_solvers(lesson):
    epochs, losses = ({name: run[i] for name, run in lesson["swing"].items()} for i in range(2))
    assert epochs == {"Levenberg-Marquardt": 300, "L-BFGS": 3_000, "Adam": 100_000}, "no clock decides"
    assert losses["Levenberg-Marquardt"] < min(losses["L-BFGS"], losses["Adam"]) / 20
    assert losses["L-BFGS"] < 1e-4
    (lm_epochs, lm), (lbfgs_epochs, lbfgs), (adam_epochs, adam) = lesson["teacher"].values()
    assert max(lm, lbfgs) < 1e-20 and adam > 1e-14
    assert lm_epochs < 300 and lbfgs_epochs < 3_000 and adam_epochs == 100_000, "the solvers ended by themselves"


def test_ensembles(lesson):
    along, gap, outside = lesson["spread"].values()
    assert min(gap, outside) > 2 * along
    assert abs(lesson["members"] - lesson["mean"] - lesson["between"]) < NO_MORE_THAN_ROUNDING
    assert lesson["mean"] < lesson["members"]
    errors = lesson["errors"]
    assert falls(list(errors.values()))
    assert errors[1] - errors[10] > 0.8 * (errors[1] - errors[30]), "most of it with the first ten"


# ---------------------------------------------------------------------------------------------- all lessons together


def test_every_lesson_is_tested():
    assert [f"{number:02d}_{name[3:]}" for number, name in enumerate(LESSONS, 1)] == LESSONS
    assert all(f"test_{name[3:]}" in globals() for name in LESSONS)


def test_a_lesson_is_a_script(tmp_path):
    command = [sys.executable, FOLDER / f"{LESSONS[0]}.py"]  # without a folder: the figure goes where we are
    printed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert f"figure: {LESSONS[0]}.png" in printed
    assert (tmp_path / f"{LESSONS[0]}.png").is_file()


@pytest.mark.parametrize("name", LESSONS)
def test_texts_hold_no_results(name):
    """What a lesson finds it prints; a figure with decimals in its text would be true on one machine only."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8").split('"""')[1]
    assert text.startswith("# ")
    assert re.findall(r"\d+\.\d+|\d+(?:\.\d+)?e-?\d+", text) == []
