"""``nncore train --plot``."""

import sys

import numpy as np
import pytest
from pictures import labels

from nncore import History, Sequential, load
from nncore.cli import main
from nncore.cli.plot import FORMATS, write_plot
from nncore.plots import canvas

TRAIN = ["train", "iris", "--epochs", "3", "--layers", "4", "--quiet"]
BEGINNINGS = {"png": b"\x89PNG\r\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def figures(monkeypatch):
    """The figures that are made."""
    made, new_figure = [], canvas.new_figure
    monkeypatch.setattr(canvas, "new_figure", lambda size: made.append(new_figure(size)) or made[-1])
    return made


@pytest.mark.parametrize("ending", FORMATS)
def test_train_draws_its_history(folder, figures, ending):
    assert main([*TRAIN, "--val", "0.2", "--plot", f"run.{ending}", "--history", "run.json"]) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(["run.json", f"run.{ending}"])
    assert (folder / f"run.{ending}").read_bytes().startswith(BEGINNINGS[ending])
    (figure,) = figures
    loss, accuracy = figure.axes[:2]
    history = History.load("run.json")
    np.testing.assert_array_equal(loss.lines[0].get_ydata(), history.loss)
    np.testing.assert_array_equal(accuracy.lines[1].get_ydata(), history.val_accuracy)


def test_gradients_stand_beside_the_curves(folder, figures, history):
    write_plot("run.png", history)
    (figure,) = figures
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "accuracy", "norm of the gradient"]
    assert labels(figure.axes[2]) == ["dense_0", "dense_2"]


def test_a_picture_is_replaced_only_if_told_to(folder, capsys):
    (folder / "run.png").write_text("older")
    assert main([*TRAIN, "--plot", "run.png"]) == 2
    assert (
        "run.png exists already; name another file with --plot, or overwrite it with --force" in capsys.readouterr().err
    )
    assert (folder / "run.png").read_text() == "older"
    assert main([*TRAIN, "--plot", "run.png", "--force"]) == 0
    assert (folder / "run.png").read_bytes().startswith(BEGINNINGS["png"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--plot", "run.bmp"], "--plot: the name of a picture must end in one of .png, .svg, .pdf, got run.bmp"),
        (["--plot", "run"], "must end in one of .png, .svg, .pdf, got run"),
        (["--plot", "missing/run.png"], "the folder missing of the output does not exist"),
        (["--plot", "a.png", "-o", "a.png"], "-o and --plot both name a.png; give each a file of its own"),
        (["--plot", "a.png", "--history", "./a.png"], "--history and --plot both name ./a.png"),
    ],
)
def test_what_cannot_be_written_is_refused_before_training(folder, capsys, monkeypatch, options, message):
    monkeypatch.setattr("nncore.model.Sequential.fit", None)
    assert main([*TRAIN, *options]) == 2
    assert message in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_missing_matplotlib_is_noticed_before_training(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("nncore.model.Sequential.fit", None)
    assert main([*TRAIN, "--plot", "run.png"]) == 2
    assert (
        "nncore: --plot: nncore.plots needs matplotlib; install it with: pip install matplotlib\n"
        in capsys.readouterr().err
    )


def test_an_interrupted_training_is_drawn(folder, figures, monkeypatch):
    fit = Sequential.fit

    def interrupt(model, epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    def interrupted(self, *data, **options):
        return fit(self, *data, **{**options, "callbacks": interrupt})

    monkeypatch.setattr(Sequential, "fit", interrupted)
    assert main([*TRAIN, "--plot", "run.png", "-o", "m.safetensors"]) == 130
    assert load("m.safetensors").epoch == 2
    assert figures[0].axes[0].lines[0].get_xdata().tolist() == [0, 1]


def test_a_full_disk_is_reported(folder, history, monkeypatch):
    from nncore.base import atomic
    from nncore.cli.errors import OutputError

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write", full)
    with pytest.raises(OutputError, match=r"cannot write run\.png: No space left on device"):
        write_plot("run.png", history)
