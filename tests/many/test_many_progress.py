"""What is shown of many trainings: one bar for all, a line for each, or nothing."""

import re

import numpy as np
import pytest

import nncore
from nncore import SGD, Dense, EarlyStopping, Sequential, fit_many
from nncore.many.progress import Part, Progress

X = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
Y = X[:, 0]


def models(n=4):
    return [Sequential([Dense(3, "tanh"), Dense(1)], seed=seed) for seed in range(n)]


@pytest.fixture(params=[1, 3])
def threads(request):
    nncore.set_num_threads(request.param)
    yield request.param
    nncore.set_num_threads()


def test_a_bar(threads, capsys):
    histories = fit_many(models(), X, Y, epochs=5, validation_data=(X, Y), verbose=True)
    shown = capsys.readouterr().err.split("\r")[-1]
    best = min(range(4), key=lambda k: histories[k].val_loss.min())
    assert "100%|" in shown and "4/4 networks" in shown
    assert f"best val_loss {histories[best].val_loss.min():.4g} (models[{best}])" in shown


def test_it_is_full_whatever_ends_a_training(capsys):
    some = models()
    some[1].compile(SGD(1e6))
    stopping = [EarlyStopping("loss", patience=1, min_delta=9), None, None, None]
    fit_many(some, X, Y, epochs=50, callbacks=stopping, verbose=1, on_error="keep")
    assert "100%|" in capsys.readouterr().err.split("\r")[-1]


def test_a_line_for_each(threads, capsys):
    some = models()
    some[2].compile(SGD(1e6))
    fit_many(some, X, Y, epochs=30, verbose=2, on_error="keep")
    lines = capsys.readouterr().err.splitlines()
    assert sorted(re.findall(r"^models\[(\d)\]", line)[0] for line in lines) == list("0123")
    assert [re.findall(r"\((\d)/4\)", line)[0] for line in lines] == list("1234")
    (failed,) = [line for line in lines if line.startswith("models[2]")]
    assert "TrainingDiverged" in failed


@pytest.mark.parametrize("verbose", ["auto", 0, False])
def test_silence(verbose, capsys):
    fit_many(models(), X, Y, epochs=2, verbose=verbose)
    assert capsys.readouterr() == ("", "")


def test_a_part_counts_what_is_done_and_ends_when_all_are_to_end():
    whole = Progress(False, [8.0, 2.0])
    part = Part(whole, 8.0, epochs=4, watches=True)
    assert part.shown and not Part(whole, 2.0, 1, watches=False).shown
    part.update(1, {})
    part.advance(0.5, 0.1)
    assert part.rest(4) == 5.0
    whole.stopped = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        part.advance(0.75, 0.1)
