"""Layers that training leaves as they are, and layers with a learning rate of their own."""

import copy
import json
import pickle

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Lion,
    Nadam,
    Residual,
    RMSprop,
    Sequential,
    fit_many,
    layers,
    reference,
)

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 5)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2] + X[:, 2:3]).astype(np.float32)
DEEP = [
    Dense(9, "relu", l2=0.01, max_norm=0.9),
    BatchNorm(),
    Residual([Dense(7, "tanh"), LayerNorm(), Dense(9, weight_decay=0.1)], name="block"),
    Dropout(0.2),
    Dense(6, "gelu"),
    BatchNorm(),
    Dense(1),
]


def built(layers=DEEP, optimizer=None, dtype="float32", seed=3):
    model = Sequential(layers, seed=seed, dtype=dtype)
    model.compile(optimizer or Adam(0.01))
    model.build(5)
    return model


def weights_of(model, name):
    return [w.copy() for w in model.get_weights(name)]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, momentum=0.9), Adam(0.01), AdamW(0.01), Lion(0.001), RMSprop(clip_norm=1.0)]
)
@pytest.mark.parametrize("frozen", ["dense_0", "batch_norm_1", "block", "layer_norm_4", "batch_norm_8", "dense_9"])
def test_what_is_frozen_stays_and_all_else_learns(frozen, optimizer):
    model = built(optimizer=optimizer)
    model.fit(X, Y, epochs=2)
    inside = {"block": ["block", "dense_3", "layer_norm_4", "dense_5"]}.get(frozen, [frozen])
    names = [
        "dense_0",
        "batch_norm_1",
        "block",
        "dense_3",
        "layer_norm_4",
        "dense_5",
        "dense_7",
        "batch_norm_8",
        "dense_9",
    ]
    before = {name: weights_of(model, name) for name in names}
    model.freeze(frozen)
    model.fit(X, Y, epochs=2)
    model.train_on_batch(X, Y)
    step = model.stepper()
    for _ in range(3):
        step(X, Y)
    for name in names:
        assert not before[name] or equal(before[name], model.get_weights(name)) is (name in inside), name
    assert frozen.split("_")[0] != "dense" or model.history.layers[frozen]["gradient_norm"].size
    model.unfreeze(frozen)
    model.fit(X, Y)
    assert not equal(before[frozen], model.get_weights(frozen)) or not before[frozen]


def test_the_optimizers_numbers_of_a_frozen_layer_rest_too():
    model = built()
    model.fit(X, Y)
    before = model._state.network.state()
    model.freeze("dense_0")
    model.fit(X, Y)
    after = model._state.network.state()
    n = 5 * 9 + 9
    assert np.array_equal(before[2][:, :n], after[2][:, :n]) and not np.array_equal(before[2][:, n:], after[2][:, n:])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, momentum=0.9, nesterov=True), Adam(0.01, clip_norm=0.5), Nadam(0.01), AdamW(0.01)]
)
def test_as_the_oracle_trains(optimizer, dtype):
    spec = [
        Dense(8, "tanh", trainable=False, l2=0.1),
        BatchNorm(learning_rate_multiplier=3.0),
        Dense(6, "relu", learning_rate_multiplier=0.1, weight_decay=0.5),
        BatchNorm(trainable=False),
        LayerNorm(learning_rate_multiplier=2.0),
        Dense(4, "tanh", trainable=False),
        Dense(1, max_norm=0.7, l1=0.001),
    ]
    model = built(spec, optimizer, dtype)
    model.set_weights(
        [RANDOM.uniform(0.5, 2.0, w.shape) for w in model.get_weights("batch_norm_3")], layer="batch_norm_3"
    )
    network = model._state.network
    parameters, statistics, slots, _ = (
        part.copy() if isinstance(part, np.ndarray) else part for part in network.state()
    )
    x, y = X.astype(dtype), Y.astype(dtype)
    losses = reference.train(
        model.program, optimizer, parameters, list(slots), x, y, epochs=3, batch_size=32, shuffle=True, seed=3,
        statistics=statistics,
    )  # fmt: skip
    history = model.fit(x, y, epochs=3)
    tolerance = 1e-9 if dtype == "float64" else 2e-3
    np.testing.assert_allclose(history.loss, losses, rtol=tolerance)
    np.testing.assert_allclose(model.parameters, parameters, rtol=tolerance, atol=tolerance / 10)


def test_the_gradient_is_that_of_finite_differences_and_zero_where_frozen():
    model = built(
        [Dense(5, "tanh"), BatchNorm(trainable=False), Dense(4, "tanh", trainable=False), Dense(1)], dtype="float64"
    )
    model.set_weights([RANDOM.uniform(0.5, 2.0, w.shape) for w in model.get_weights(1)], layer=1)
    _, gradient = model.loss_and_gradient(X, Y)
    flat = model.parameters
    frozen = np.concatenate(
        [np.arange(b.offset, b.offset + b.size) for b in model.program.parameters if b.layer in (1, 2)]
    )
    assert not gradient[frozen].any()
    for k in [place for place in range(0, len(flat), 3) if place not in frozen]:
        steps = []
        for h in (1e-6, -1e-6):
            flat[k] += h
            steps.append(model.loss_and_gradient(X, Y)[0])
            flat[k] -= h
        assert gradient[k] == pytest.approx((steps[0] - steps[1]) / 2e-6, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
def test_threads_change_no_bit(dtype):
    x, y = np.tile(X, (40, 1)), np.tile(Y, (40, 1))
    found = []
    for n in (1, 2, 3):
        nncore.set_num_threads(n)
        try:
            model = built(
                [Dense(64, "relu", trainable=False), Dense(64, "relu", learning_rate_multiplier=0.5), Dense(1)],
                dtype=dtype,
            )
            model.fit(x, y, epochs=2, batch_size=1800)
        finally:
            nncore.set_num_threads(2)
        found.append(model.parameters.copy())
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_a_multiplier_is_a_rate_of_its_own():
    slow = built([Dense(1, learning_rate_multiplier=0.25)], SGD(0.4))
    plain = built([Dense(1)], SGD(0.1))
    slow.fit(X, Y, epochs=3)
    plain.fit(X, Y, epochs=3)
    assert np.array_equal(slow.parameters, plain.parameters)
    one = built([Dense(4, "tanh", learning_rate_multiplier=1.0), Dense(1)])
    two = built([Dense(4, "tanh"), Dense(1)])
    assert one.layers == two.layers
    with pytest.raises(ValueError, match="at most 1"):
        built([Dense(1, learning_rate_multiplier=300.0)], AdamW(0.01, weight_decay=1.0)).fit(X, Y)


def test_a_frozen_batchnorm_trains_on_single_rows():
    model = built([Dense(4), BatchNorm(trainable=False), Dense(1)])
    model.fit(X, Y, batch_size=1)
    with pytest.raises(ValueError, match="batch_norm_1"):
        built([Dense(4), BatchNorm(), Dense(1)]).fit(X, Y, batch_size=1)


def test_files_pickles_and_copies_keep_it_and_others_are_as_they_were(tmp_path):
    assert layers.to_dict(Dense(3)).keys() == {
        "type",
        "units",
        "activation",
        "use_bias",
        "weight_initializer",
        "bias_initializer",
        "l1",
        "l2",
    }
    assert "trainable" not in json.dumps(layers.to_dict(Residual([Dense(3), BatchNorm(), LayerNorm()])))
    model = built([Dense(4, "tanh", learning_rate_multiplier=0.5), BatchNorm(), Residual([Dense(4)]), Dense(1)])
    model.freeze("dense_0", "residual_2")
    for other in (
        nncore.load(model.to_bytes()),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        model.clone(),
    ):
        assert other.layers == model.layers
        assert other.program == model.program
    other.fit(X, Y)
    model.fit(X, Y)
    assert np.array_equal(model.parameters, other.parameters)
    assert "Dense, frozen" in model.summary() and "44 of them frozen" in model.summary()


def test_beside_others_and_by_solvers():
    models = [built([Dense(4, "tanh", trainable=k % 2 == 0), Dense(1)], seed=k) for k in range(6)]
    alone = [model.clone() for model in models]
    fit_many(models, X, Y, epochs=3)
    for model, other in zip(models, alone, strict=True):
        other.fit(X, Y, epochs=3)
        assert np.array_equal(model.parameters, other.parameters)
    model = built([Dense(4, "tanh", trainable=False, l2=0.1), Dense(1)], dtype="float64")
    before = model.get_weights(0)
    model.fit(X, Y, epochs=20, solver="lbfgs")
    assert equal(before, model.get_weights(0))
    with pytest.raises(ValueError, match="unfreeze"):
        model.fit(X, Y, solver="lm")
    model = built([Dense(4, "tanh", trainable=False, weight_decay=0.1), BatchNorm(trainable=False), Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(X, Y, epochs=20, solver="lbfgs").loss  # a frozen batchnorm does not look at the batch
    assert losses[-1] < losses[0] and losses[-1] == pytest.approx(model.evaluate(X, Y)["loss"])


def test_an_explained_step_leaves_out_what_is_not_computed():
    model = built([Dense(4, "tanh", trainable=False), Dense(3, "relu"), Dense(1)])
    step = model.explain_step(X, Y)
    assert step["dense_0"].dz is None and step["dense_1"].dz is not None
    moved = step["dense_0"].parameters["weight"]
    assert np.array_equal(moved.before, moved.after) and not moved.gradient.any()


def test_what_cannot_be_frozen():
    model = built()
    for names, said in (
        (["dropout_6"], "no parameters"),
        (["dens_0"], "did you mean"),
        ([17], "layer"),
        ([1.5], "layer"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            model.freeze(*names)
    assert model.layers == tuple(DEEP)
    model.freeze()
    with pytest.raises(ValueError, match="every layer is frozen"):
        model.fit(X, Y)
    with pytest.raises(ValueError, match="'block', which is frozen"):
        model.unfreeze("dense_3")
    model.unfreeze("block", "dense_3")
    before = {name: weights_of(model, name) for name in ("dense_0", "dense_3", "dense_5")}
    model.fit(X, Y)
    assert [equal(before[name], model.get_weights(name)) for name in before] == [True, False, True]
    model.unfreeze()
    assert all(getattr(layer, "trainable", True) for layer in model.layers)
    with pytest.raises(RuntimeError, match="train"):
        model.fit(X, Y, callbacks=lambda model, epoch, logs: model.freeze("dense_0"))
    for wrong, error in (({"trainable": 1}, TypeError), ({"learning_rate_multiplier": 0}, ValueError)):
        with pytest.raises(error):
            Dense(1, **wrong)
