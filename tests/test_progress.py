"""The progress bar: where it shows, what it says, and that it does not slow training."""

import io
import re
import sys

import numpy as np
import pytest

from nncore import Dense, Sequential
from nncore.training import progress

X = np.random.default_rng(0).normal(size=(50, 3))
Y = X[:, :1]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def written(monkeypatch, stream, **options):
    monkeypatch.setattr(sys, "stderr", stream)
    model = Sequential([Dense(1)])
    model.compile(metrics=["mae"])
    model.fit(X, Y, validation_split=0.2, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "verbose", "shown"),
    [
        (Terminal, "auto", True),
        (Terminal, True, True),
        (Terminal, False, False),
        (io.StringIO, "auto", False),
        (io.StringIO, True, True),
        (io.StringIO, False, False),
        (Terminal, 1, True),
        (Terminal, 0, False),
        (Terminal, np.True_, True),
    ],
)
def test_where_it_shows(monkeypatch, stream, verbose, shown):
    assert bool(written(monkeypatch, stream(), epochs=3, verbose=verbose)) is shown


def test_what_it_says(monkeypatch):
    last = written(monkeypatch, Terminal(), epochs=7).split("\r")[-1]
    number = r"-?[\d.e+-]+"
    pattern = rf"7/7 epochs \[00:00<00:00\], loss {number}, mae {number}, val_loss {number}, val_mae {number}, "
    assert re.search(pattern + r"[\d.]+[kMG]? samples/s", last), last


def test_nothing_breaks_without_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    Sequential([Dense(1)]).fit(X, Y)


def test_it_is_drawn_at_most_ten_times_a_second(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = progress.ProgressBar(True, 1000, 10)
    drawn = []
    monkeypatch.setattr(bar, "_draw", lambda now, *_: (drawn.append(now), setattr(bar, "_drawn", now)))
    for _ in range(1000):
        clock[0] += 0.003
        bar.update(1, {"loss": 1.0})
    assert 25 <= len(drawn) <= 30
    for step in range(1000):
        clock[0] += 0.003
        bar.advance(step / 1000, 1.0)
    assert 50 <= len(drawn) <= 60


def test_within_a_long_epoch_it_says_how_much_is_done(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = progress.ProgressBar(True, 10, 1000)
    for share, loss in ((0.1, float("nan")), (0.4567, 0.25)):
        clock[0] += 1
        bar.advance(share, loss)
    unknown, last = sys.stderr.getvalue().split("\r")[-2:]
    assert "0.1/10 epochs" in unknown
    assert "loss" not in unknown
    assert "0.46/10 epochs" in last
    assert "loss 0.25, 228 samples/s" in last


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (12.34, "12.3"), (1234, "1.23k"), (5e6, "5M"), (2.5e9, "2.5G")])
def test_speeds_are_rounded(number, text):
    assert progress._rounded(number) == text
