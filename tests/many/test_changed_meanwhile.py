"""A model that somebody changes between `fit_many`'s first look at it and its turn: an error, and no mixture."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nncore
from nncore import Dense, Sequential, fit_many
from nncore.many import remote

X = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
Y = X[:, :1] ** 2


@pytest.fixture
def one_thread():
    nncore.set_num_threads(1)
    yield
    nncore.set_num_threads()


def models(built):
    """Return two, of which the first is the first to be trained."""
    found = [Sequential([Dense(40, "tanh"), Dense(40, "tanh"), Dense(1)], seed=0), Sequential([Dense(4), Dense(1)])]
    if built:
        found[1].build(3)
    return found


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize(
    "change", [lambda m: m.insert(1, Dense(4, "tanh")), lambda m: m.compile("sgd", "mae"), lambda m: m.remove(0)]
)
def test_a_callback_changes_a_model_that_waits(change, built):
    first, second = models(built)

    def meddle(model, epoch, logs):
        if model is first and epoch == 0:
            change(second)

    histories = fit_many([first, second], X, Y, epochs=2, callbacks=meddle, on_error="keep")
    assert histories[0].error is None and first.epoch == 2
    assert "the layers or the loss of the model were changed after fit_many had looked" in str(histories[1].error)
    assert second.epoch == len(second.history) == 0 and second.built == built
    second.fit(X, Y)


@pytest.mark.usefixtures("one_thread")
def test_a_callback_trains_a_model_that_waits():
    """That is no mixture: it goes on from there."""
    first, second = models(True)

    def train(model, epoch, logs):
        if model is first and epoch == 0:
            second.fit(X, Y)

    assert [len(history) for history in fit_many([first, second], X, Y, epochs=2, callbacks=train)] == [2, 2]
    assert second.epoch == len(second.history) == 3


def test_a_model_changes_before_its_copy_goes_elsewhere(monkeypatch):
    first, second = models(False)
    executors = remote._executors
    monkeypatch.setattr(remote, "_executors", lambda given: (second.insert(1, Dense(4)), executors(given))[1])
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(RuntimeError, match=r"models\[1\]: the layers or the loss of"),
    ):
        fit_many([first, second], X, Y, executor=executor)
    assert not first.built and not second.built
    second.fit(X, Y)
