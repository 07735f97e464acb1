"""One network, many parameter vectors."""

import threading

import numpy as np
import pytest

import nncore
from nncore import BatchNorm, Dense, Sequential, predict_many
from nncore.many import population
from nncore.network import Network

RNG = np.random.default_rng(0)


@pytest.fixture(params=["float32", "float64"])
def model(request):
    model = Sequential([Dense(9, "tanh"), BatchNorm(), Dense(2)], dtype=request.param)
    model.fit(RNG.normal(size=(50, 4)), RNG.normal(size=(50, 2)), epochs=2)
    return model


@pytest.mark.parametrize("n", [1, 7, 3000])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_bits(model, n, own, threads):
    nncore.set_num_threads(threads)
    try:
        flat = RNG.normal(size=(20, model.n_parameters))
        X = RNG.normal(size=(20, n, 4) if own else (n, 4)).astype(model.dtype)
        before = model.parameters.copy()
        found = predict_many(model, flat, X)
        assert found.shape == (20, n, 2) and np.array_equal(before, model.parameters)
        assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit() == threads
        for k in range(20):
            model.parameters[:] = flat[k]
            assert np.array_equal(found[k], model.predict(X[k] if own else X))
        model.parameters[:] = before
    finally:
        nncore.set_num_threads()


def test_nobody_and_no_rows(model):
    assert predict_many(model, np.empty((0, model.n_parameters)), np.empty((5, 4))).shape[0] == 0
    assert predict_many(model, np.ones((3, model.n_parameters)), np.empty((0, 4))).shape == (3, 0, 2)


@pytest.mark.parametrize(
    ("shape", "X", "message"),
    [
        ((20,), np.ones((5, 4)), r"parameters must have shape \(K, \d+\), got \(20,\)"),
        ((3, 7), np.ones((5, 4)), r"parameters must have shape \(K, \d+\), got \(3, 7\)"),
        (None, np.ones((5, 3)), "X has 3 features, but the model expects 4"),
        (None, np.ones((2, 5, 4)), r"X must have shape \(n, 4\) or \(3, n, 4\), got \(2, 5, 4\)"),
        (None, np.full((5, 4), np.nan), "Input X contains NaN"),
        (None, np.full((3, 5, 4), np.inf), "Input X contains infinity"),
    ],
)
def test_what_is_wrong(model, shape, X, message):
    with pytest.raises(ValueError, match=message):
        predict_many(model, np.zeros(shape or (3, model.n_parameters)), X)


def test_what_else_is_wrong(model):
    with pytest.raises(ValueError, match="Input parameters contains NaN"):
        predict_many(model, np.full((1, model.n_parameters), np.nan), np.ones((5, 4)))
    with pytest.raises(nncore.NotBuiltError):
        predict_many(Sequential([Dense(1)]), [[1.0]], [[1.0]])
    with pytest.raises(TypeError, match="model must be a Sequential"):
        predict_many(3, [[1.0]], [[1.0]])


def test_an_error_in_another_thread_is_raised(monkeypatch):
    """It used to be printed, and the rows that the thread was to fill held whatever the memory did."""
    model = Sequential([Dense(3)])
    model.build(2)
    predict = Network.predict

    def short_of_memory(self, X):
        if threading.current_thread() is not threading.main_thread():
            raise MemoryError("mine")
        return predict(self, X)

    monkeypatch.setattr(Network, "predict", short_of_memory)
    monkeypatch.setattr(population, "WORTH_A_THREAD", 1)
    nncore.set_num_threads(2)
    try:
        with pytest.raises(MemoryError, match="mine"):
            predict_many(model, np.ones((4, 9)), np.ones((5, 2)))
    finally:
        nncore.set_num_threads()
