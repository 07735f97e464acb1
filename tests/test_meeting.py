"""Fits in threads that meet in the engine: each model as after its own fit, with its history, callbacks and errors."""

import threading
import time

import numpy as np
import pytest

from nncore import Adam, Dense, Dropout, EarlyStopping, Sequential, TrainingDiverged
from nncore.engine import lanes
from nncore.network.meeting import Meeting

rng = np.random.default_rng(0)
X = rng.standard_normal((90, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


@pytest.fixture(params=["where it pays", "always"], autouse=True)
def share(request, monkeypatch):
    """In lanes, or where these are for so few networks slower, one after the other."""
    if request.param == "always":
        monkeypatch.setattr(lanes, "share", lambda *_: 0.0)


def model_for(k):
    layers = [Dense(6, "tanh", l2=0.001 * (k % 2)), Dropout(0.1), Dense(2, "softmax")]
    model = Sequential(layers, seed=k)
    model.compile(Adam(0.01 + 0.001 * k, clip_norm=1.0 if k == 5 else None), metrics=["accuracy"])
    model.build(4)
    return model


def options_for(k):
    options = {"epochs": 3 + k % 4, "batch_size": [16, 32][k % 8 == 7], "verbose": False}
    if k % 3 == 1:
        options["validation_data"] = X[60:], Y[60:]
        options["callbacks"] = EarlyStopping("val_loss", patience=1, restore_best_weights=True)
    return options


def fitted_together(models, fit, n=None):
    """Fit each in a thread of its own; return what was raised."""
    meeting, errors = Meeting(n or len(models)), [None] * len(models)

    def run(k):
        try:
            with meeting.attended():
                fit(k, models[k])
        except BaseException as error:
            errors[k] = error

    threads = []
    for k, model in enumerate(models):
        model._state.network.meeting = meeting
        threads.append(threading.Thread(target=run, args=(k,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return errors


def check_same(one, other):
    assert one.parameters.tobytes() == other.parameters.tobytes()
    a, b = (model.history.to_dict() for model in (one, other))
    for history in (a, b):
        history.pop("seconds", None)
    np.testing.assert_equal(a, b)


@pytest.mark.parametrize("n", [1, 2, 20])
def test_each_is_as_after_its_own_fit(n):
    together, alone = ([model_for(k) for k in range(n)] for _ in range(2))
    fit = lambda k, model: model.fit(X[:60], Y[:60], **options_for(k))  # noqa: E731
    for k, model in enumerate(alone):
        fit(k, model)
    assert fitted_together(together, fit) == [None] * n
    for one, other in zip(alone, together, strict=True):
        check_same(one, other)


def test_errors_are_those_of_their_own_model():
    class BadError(Exception):
        pass

    def fail(model, epoch, logs):
        if epoch == 2:
            raise BadError

    def fit(k, model):
        options = options_for(k)
        if k == 3:
            options["callbacks"] = fail
        targets = np.where(np.arange(60) < 30, np.finfo(np.float32).max, 0) if k == 2 else X[:60, 0]
        model.fit(X[:60], targets, **options)

    def make():
        models = [Sequential([Dense(5, "relu"), Dense(1)], seed=k) for k in range(6)]
        for model in models:
            model.compile(Adam(0.01), loss="mse")
            model.build(4)
        return models

    together, alone = make(), make()
    expected = []
    for k, model in enumerate(alone):
        try:
            fit(k, model)
            expected.append(None)
        except Exception as error:
            expected.append(error)
    errors = fitted_together(together, fit)
    assert [type(e) for e in errors] == [type(e) for e in expected]
    assert isinstance(errors[2], TrainingDiverged) and isinstance(errors[3], BadError)
    assert str(errors[2]) == str(expected[2])
    for one, other in zip(alone, together, strict=True):
        check_same(one, other)


def test_a_callback_looks_at_its_own_model_in_its_own_thread():
    seen = {}

    def fit(k, model):
        thread = threading.get_ident()

        def look(model, epoch, logs):
            assert threading.get_ident() == thread
            seen.setdefault(k, []).append(model.predict(X[:1]).tobytes())

        model.fit(X[:60], Y[:60], epochs=3, batch_size=16, callbacks=look, verbose=False)

    models = [model_for(k) for k in range(4)]
    assert fitted_together(models, fit) == [None] * 4
    assert sorted(map(len, seen.values())) == [3] * 4


def test_who_watches_an_epoch_hears_how_far_it_is():
    """In lanes it would not: such a network is trained alone, where its weights can be read, too."""
    rows, seen = np.tile(np.arange(90), 5000), {0: [], 1: []}

    class Watcher:
        def on_progress(self, model, epoch, logs):
            seen[model.seed].append((logs["batch"], logs["loss"], model.get_weights()[0].tobytes()))

    def fit(k, model):
        model.fit(X[rows], Y[rows], batch_size=2, callbacks=Watcher(), verbose=False)

    assert fitted_together([model_for(k) for k in range(2)], fit) == [None] * 2
    for heard in seen.values():
        batches, losses, weights = zip(*heard, strict=True)
        assert 0 < batches[0] < batches[-1] and np.isfinite(losses).all() and len(set(weights)) == len(heard)


def test_one_runs_at_a_time_and_nobody_is_waited_for_once_it_is_closed():
    """Callbacks between the calls of the engine do not meet; a meeting of three that only two come to is closed."""
    running, most, meeting = [], [], Meeting(3)

    def note(model, epoch, logs):
        running.append(model)
        most.append(len(running))
        time.sleep(0.001)
        running.remove(model)

    def run(model):
        with meeting.attended():
            model.fit(X[:60], Y[:60], epochs=3, callbacks=note, verbose=False)

    models = [model_for(k) for k in range(2)]
    threads = [threading.Thread(target=run, args=(model,)) for model in models]
    for model, thread in zip(models, threads, strict=True):
        model._state.network.meeting = meeting
        thread.start()
    time.sleep(0.1)
    assert all(thread.is_alive() for thread in threads)
    meeting.close()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert most == [1] * 6
    for k, model in enumerate(models):
        other = model_for(k)
        other.fit(X[:60], Y[:60], epochs=3, verbose=False)
        assert model.parameters.tobytes() == other.parameters.tobytes()
