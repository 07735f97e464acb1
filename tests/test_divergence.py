"""TrainingDiverged names what stopped being finite, where, and for which rows."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from nncore import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    Lion,
    Nadam,
    RMSprop,
    Sequential,
    TrainingDiverged,
)
from nncore.base.random import permutation
from nncore.network import Network

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((50, 3)), rng.standard_normal(50)
LARGE = 3e38  # of float32: the sum of two is not finite


def diverging(layers, optimizer, y=Y, dtype="float32", **options):
    model = Sequential(layers, seed=4, dtype=dtype)
    model.compile("adam", loss="mse")
    model.fit(X, Y, epochs=1, batch_size=8)
    model.compile(optimizer, loss="mse")
    before = [weight.tobytes() for weight in model.get_weights()]
    with pytest.raises(TrainingDiverged) as caught:
        model.fit(options.pop("X", X), y, batch_size=8, epochs=3, **options)
    assert [weight.tobytes() for weight in model.get_weights()] == before
    return caught.value, model


@pytest.mark.parametrize("shuffle", [True, False])
def test_one_row_with_too_large_a_target(shuffle):
    y = Y.copy()
    y[37] = 1e300
    error, model = diverging([Dense(4, "tanh"), Dropout(0.2), Dense(1)], Adam(0.01), y, "float64", shuffle=shuffle)
    order = permutation(model.seed, 1, 50) if shuffle else np.arange(50)
    place = order.tolist().index(37)
    assert (error.epoch, error.batch) == (1, place // 8)
    assert (error.layer, error.tensor) == (None, "loss")
    assert set(error.rows) == set(order[place // 8 * 8 :][:8].tolist())
    assert "the loss (rows" in str(error)


def test_the_order_of_many_rows_is_the_one_they_were_visited_in():
    n = 400_000
    many, y = rng.standard_normal((n, 2), np.float32), np.zeros(n, np.float32)
    y[[123_456, 321_098]] = LARGE
    model = Sequential([Dense(1)], seed=7)
    model.compile(SGD(1e-3), loss="mse")
    with pytest.raises(TrainingDiverged) as caught:
        model.fit(many, y, epochs=1, batch_size=32)
    order = permutation(7, 0, n)
    place = np.flatnonzero(np.isin(order, [123_456, 321_098])).min()
    assert (caught.value.batch, caught.value.rows) == (place // 32, (order[place],))


def test_one_row_with_too_large_an_input():
    large = X.copy()
    large[11] = LARGE
    layers = [Dense(4, "tanh"), Dense(4, weight_initializer="ones", name="wide"), Dense(1)]
    error, _ = diverging([layers[1], layers[0], layers[2]], SGD(1e-3), X=large)
    assert (error.layer, error.tensor, error.rows) == ("wide", "output", (11,))
    assert "the output of layer 'wide' (row 11 of X) is no longer finite" in str(error)


def test_a_learning_rate_that_overflows_the_weights():
    error, model = diverging([Dense(4), BatchNorm(), Dense(1)], SGD(3e38, momentum=0.5))
    order = permutation(model.seed, 1, 50)
    assert (error.tensor, error.batch) == ("weight", 0)
    assert set(error.rows) == set(order[:8].tolist())
    assert error.learning_rate == 3e38
    assert "a weight is no longer finite" in str(error)


def test_train_on_batch_names_it_too():
    model = Sequential([Dense(2, name="first"), Dense(1)], seed=4)
    model.compile("sgd", loss="mse")
    model.build(3)
    large = X[:5].copy()
    large[3] = LARGE
    with pytest.raises(TrainingDiverged) as caught:
        model.train_on_batch(large, Y[:5])
    assert caught.value.rows == (3,)


SQUARING = [Adagrad(0.1), Adam(0.1), AdamW(0.1, decay_bias=True), Nadam(0.1), RMSprop(0.1), RMSprop(0.1, momentum=0.5)]
STEEP = np.array([[1.0, 1e24], [1.0, 0.0]])  # of float32, whose squares end at 3e38


def flat_model(optimizer, dtype="float32"):
    """A model whose outputs are 0, whatever it reads."""
    model = Sequential([Dense(1, weight_initializer="zeros", name="flat")], dtype=dtype)
    model.compile(optimizer, loss="mae")
    model.build(2)
    return model


@pytest.mark.parametrize("way", ["fit", "train_on_batch", "stepper"])
@pytest.mark.parametrize("optimizer", SQUARING, ids=repr)
def test_a_gradient_whose_square_is_not_finite(optimizer, way):
    """Loss, gradient and weights are finite, but what steps are divided by would be infinite, and the weight stand."""
    model = flat_model(optimizer)
    model.fit([[1.0, 1.0]], [2.0], epochs=3)
    before = [array.tobytes() for array in model._state.network.state()[:3]]
    X, y = STEEP.astype(np.float32), np.ones((2, 1), np.float32)
    with pytest.raises(TrainingDiverged, match="the squared gradient of layer 'flat' is no longer finite") as caught:
        {"fit": model.fit, "train_on_batch": model.train_on_batch, "stepper": model.stepper()}[way](X, y)
    error = caught.value
    assert (error.layer, error.tensor, error.broken_before) == ("flat", "squared gradient", False)
    assert sorted(error.rows) == [0, 1] and np.isfinite(error.last_finite_loss)
    assert [array.tobytes() for array in model._state.network.state()[:3]] == before
    with pytest.raises(TrainingDiverged, match="the squared gradient of layer 'flat' is no longer finite"):
        model.explain_step(X, y)


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, momentum=0.9), Lion(0.1), *SQUARING], ids=repr)
def test_a_gradient_whose_square_is_of_no_matter(optimizer):
    """Of rules without squares; of double precision; where it is clipped."""
    squaring = any(optimizer is one for one in SQUARING)
    for changes, dtype in (({"clip_norm": 1.0}, "float32"), ({"clip_value": 1.0}, "float32"), ({}, "float64")):
        model = flat_model(replace(optimizer, **changes) if squaring else optimizer, dtype)
        model.train_on_batch(STEEP, np.ones(2))
        assert all(np.isfinite(array).all() for array in model._state.network.state()[:3])


def test_squares_of_many_steps_that_add_up():
    X, y = np.full((1, 2), 1.5e19, np.float32), np.ones((1, 1), np.float32)  # of which one square is 2.25e38
    model = flat_model(Adagrad(1e-30))
    model.train_on_batch(X, y)
    with pytest.raises(TrainingDiverged, match="the squared gradient of layer 'flat' is no longer finite"):
        model.train_on_batch(X, y)


def test_an_optimizer_that_is_broken_already():
    """As an old pickle may hold it."""
    model = flat_model(Adam(0.1))
    model._state.network.set_optimizer_state(np.full((2, 3), np.inf, np.float32), 5)
    with pytest.raises(TrainingDiverged, match=r"hold NaN or infinity already: .*, compile anew, or") as caught:
        model.fit(X[:, :2], Y)
    assert caught.value.broken_before
    model.compile(Adam(0.1), loss="mae")
    model.fit(X[:, :2], Y)


def test_it_survives_pickling():
    error = TrainingDiverged(3, 4, 0.5, 0.1, False, "dense_0", "output", (7, 8, 9, 10))
    assert "the output of layer 'dense_0' (rows 7, 8, 9 and 1 more of X) is no longer finite" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_memory_that_is_not_there_does_not_hide_the_divergence(monkeypatch):
    def explain(*_, **__):
        raise MemoryError("nncore needs more bytes than there are")

    monkeypatch.setattr(Network, "explain", explain)
    y = Y.copy()
    y[37] = 1e300
    error, _ = diverging([Dense(4, "tanh"), Dense(1)], Adam(0.01), y, "float64")
    assert (error.layer, error.tensor) == (None, None)
    assert "the loss or a weight is no longer finite" in str(error)
