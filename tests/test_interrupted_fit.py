"""Ctrl-C at any line of the loop of ``fit``; and nothing that a training made outlives it."""

import gc
import linecache
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore import Dense, EarlyStopping, Sequential

TRAINING = tuple(str(Path(nncore.__file__).parent / room) for room in ("training", "solvers"))
EPOCHS = 3
X = np.random.default_rng(0).normal(size=(16, 3))
Y = 2 * X[:, :1]
SOLVERS = [None, "lbfgs", "lm"]


def new_model():
    model = Sequential([Dense(4, "tanh"), Dense(1)], seed=1, dtype="float64")
    model.compile("sgd", metrics="mae")
    model.fit(X, Y, epochs=1)
    return model


def leaves_block(frame, last):
    """Tell whether a ``with`` is about to be left, of a lock say: no handler of a signal runs there."""
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    return last > frame.f_lineno and line.lstrip().startswith("with ")


def strike_at(number):
    """Return a trace function that interrupts before the line that is run `number`-th, and the list of those seen."""
    seen, lines = [], {}

    def trace(frame, event, argument):
        if not frame.f_code.co_filename.startswith(TRAINING):
            return None
        if event == "line":
            seen.append((frame.f_code.co_filename, frame.f_lineno))
            last, lines[frame] = lines.get(frame, 0), frame.f_lineno
            if len(seen) == number and not leaves_block(frame, last):
                raise KeyboardInterrupt
        return trace

    return trace, seen


def fit(model, solver, number, within=False):
    """Train, interrupted before line `number`; return the lines seen. `within`: in one call of the engine."""
    trace, seen = strike_at(number)
    sys.settrace(trace)
    try:
        hears = EarlyStopping("loss") if within else lambda model, epoch, logs: None
        model.fit(X, Y, epochs=EPOCHS, solver=solver, validation_data=(X, Y), callbacks=[hears])
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
    return seen


@pytest.mark.parametrize(("solver", "within"), [*((solver, False) for solver in SOLVERS), (None, True)])
def test_whatever_line_it_strikes_at_the_epochs_told_are_those_trained(solver, within):
    whole = new_model()
    lines = fit(whole, solver, -1, within)
    first_passes = [number for number, line in enumerate(lines, 1) if line not in lines[: number - 1]]
    later_passes = range(len(lines) // 2, len(lines) // 2 + len(lines) // EPOCHS, 2)
    for number in sorted({*first_passes, *later_passes}):
        model = new_model()
        fit(model, solver, number, within)
        assert model.epoch == len(model.history), lines[number - 1]
        assert np.array_equal(model.history.loss, whole.history.loss[: model.epoch]), lines[number - 1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_of_a_training_waits_for_the_garbage_collector(solver):
    class Callback:
        def on_epoch_end(self, model, epoch, logs):
            pass

    model, callback = new_model(), Callback()
    known = weakref.ref(callback)
    gc.disable()
    try:
        model.fit(X, Y, epochs=2, solver=solver, callbacks=[callback], validation_data=(X, Y))
        del callback
        assert known() is None
    finally:
        gc.enable()
