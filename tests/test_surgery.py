"""Layers put in, taken out and moved: which weights stay, what begins anew, and that errors change nothing."""

import copy
import pickle

import numpy as np
import pytest

from nncore import (
    SGD,
    STOP,
    Activation,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    Residual,
    Sequential,
    SurgeryReport,
    load,
)
from nncore.base import memory
from nncore.initializers import initialize
from nncore.program.naming import in_depth, layer_name

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 4))
Y = X[:, :3] ** 2


def trained(layers, **options):
    model = Sequential(layers, **{"seed": 3, **options})
    model.fit(X, Y[:, : model.layers[-1].units], epochs=2)
    return model


def deep():
    return trained([Dense(8, "relu"), Residual([BatchNorm(), Dense(8, "tanh")]), Dense(8), Dense(3)])


def state(model):
    """Everything that training changes, per block: the parameters with their slots, and the statistics."""
    network = model._state.network
    flat, statistics, slots, iterations = network.state()
    everything = np.vstack([flat, slots])
    blocks = [(b.layer, everything[:, b.offset : b.offset + b.size]) for b in network.program.parameters]
    blocks += [(b.layer, statistics[b.offset : b.offset + b.size]) for b in network.program.statistics]
    return blocks, iterations


def of_layer(model, number):
    return [values.tobytes() for layer, values in state(model)[0] if layer == number]


def names(model):
    return [layer_name(layer, number) for number, (_, layer) in enumerate(in_depth(model.layers))]


# ---- what stays


def test_a_layer_put_in_leaves_the_others_their_weights():
    model = deep()
    before = [of_layer(model, number) for number in range(6)]
    iterations = state(model)[1]
    report = model.insert(1, Dense(8, "relu"))
    assert [of_layer(model, number) for number in (0, 2, 3, 4, 5, 6)] == before
    assert state(model)[1] == iterations > 0
    assert report.kept == ("dense_0", "batch_norm_3", "dense_4", "dense_5", "dense_6")
    assert report.new == ("dense_1",) and report.changed == () and report.loss is None
    assert report.renamed["batch_norm_3"] == "batch_norm_2"
    assert names(model) == [layer_name(layer, i) for i, (_, layer) in enumerate(in_depth(model.layers))]


def drawn(model, name, stream):
    """What the seed gives a parameter whose layer draws from that stream."""
    block = next(block for block in model.program.parameters if block.name == name)
    values = initialize(block.initializer, block.activation, block.shape, model.seed, stream)
    return values.ravel().astype(model.dtype)


def test_a_new_layer_begins_as_the_seed_says_and_without_memory():
    model = deep()
    model.insert(1, Dense(8, "relu"))
    parameters, _, slots, _ = model._state.network.state()
    block = next(block for block in model.program.parameters if block.layer == 1)
    part = slice(block.offset, block.offset + block.size)
    assert np.array_equal(parameters[part], drawn(model, block.name, 6))  # there were six layers: 0 to 5
    assert not slots[:, part].any() and slots.any()


def repeated(model):
    """Return the pairs of weights that hold the same values, scaled or not."""
    weights = {block.name: block.of(model.parameters) for block in model.program.parameters if len(block.shape) == 2}
    flat = [(name, np.sort(weight.ravel() / abs(weight).max())) for name, weight in weights.items()]
    return [(a, b) for i, (a, x) in enumerate(flat) for b, y in flat[:i] if np.array_equal(x, y)]


def two_put_in(model):
    model.insert(1, Dense(8))
    model.insert(1, Dense(8))


def taken_out_and_put_in(model):
    model.remove(1)
    model.insert(2, Dense(8))


def another_width_and_back(model):
    model.replace(1, Dense(5))
    model.replace(1, Dense(8))


@pytest.mark.parametrize(
    "operate",
    [
        lambda model: model.insert(1, Dense(8)),
        lambda model: model.insert(0, Dense(8)),
        lambda model: model.insert(3, Dense(8)),
        lambda model: model.insert(1, Residual([Dense(8), Dense(8)])),
        lambda model: model.replace(1, Residual([Dense(8)])),
        two_put_in,
        taken_out_and_put_in,
        another_width_and_back,
    ],
)
@pytest.mark.parametrize("kept", ["as it is", "pickle", "copy", "file"])
def test_no_layer_begins_with_the_weights_of_another(operate, kept, tmp_path):
    model = Sequential([Dense(8), Dense(8), Dense(8), Dense(8)])
    model.build(8)
    once = {weight.tobytes() for weight in model.get_weights() if weight.ndim == 2}
    operate(model)
    if kept == "file":
        model.save(tmp_path / "m.safetensors")
        model = load(tmp_path / "m.safetensors")
    elif kept != "as it is":
        model = pickle.loads(pickle.dumps(model)) if kept == "pickle" else copy.deepcopy(model)
    report = model.insert(1, Dense(8))
    assert report.new == ("dense_1",) and not repeated(model)
    assert model.get_weights()[2].tobytes() not in once


def test_inside_a_residual_that_grew_no_layer_has_the_weights_of_another():
    model = Sequential([Residual([Dense(8)]), Dense(8), Dense(1)])
    model.build(8)
    report = model.replace(0, Residual([Dense(8), Dense(8)]))
    assert report.new == ("dense_2",) and report.kept == ("dense_1", "dense_3", "dense_4")
    assert report.renamed == {"dense_3": "dense_2", "dense_4": "dense_3"}
    assert not repeated(model)


def test_inside_a_residual_only_layers_of_one_kind_stand_for_each_other():
    model = Sequential([Residual([LayerNorm(), Dense(8)]), Dense(1)])
    model.build(8)
    report = model.replace(0, Residual([BatchNorm(), Dense(8)]))
    assert report.new == ("batch_norm_1",) and report.kept == ("dense_2", "dense_3")


def test_a_model_that_was_never_changed_is_saved_as_ever(tmp_path):
    model = deep()
    model.save(tmp_path / "a")
    assert b'\\"format_version\\": 1' in (tmp_path / "a").read_bytes()
    model.insert(0, Dense(4))
    model.remove(0)
    model.save(tmp_path / "b")
    content = (tmp_path / "b").read_bytes()
    assert b'\\"format_version\\": 2' in content and b'\\"drawn\\": 7' in content
    load(tmp_path / "b").save(tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == content


def test_what_no_longer_fits_begins_anew():
    model = deep()
    first = of_layer(model, 0)
    report = model.insert(1, Dense(5))
    assert of_layer(model, 0) == first
    assert report.changed == ("residual_2", "batch_norm_3", "dense_4")  # the first for its new projection
    assert report.kept == ("dense_0", "dense_5", "dense_6")
    assert model.layers[1] == Dense(5)
    fresh = Sequential(model.layers, seed=3)
    fresh.build(4)
    statistics = model._state.network.get_statistics()
    assert np.array_equal(statistics, fresh._state.network.get_statistics())
    numbers = {block.name: block for block in model.program.parameters}
    anew = ("residual_2.projection.weight", "batch_norm_3.gamma", "dense_4.weight", "dense_4.bias")
    for name, stream in zip(anew, (7, 8, 9, 9), strict=True):  # 6 is that of the new layer
        part = slice(numbers[name].offset, numbers[name].offset + numbers[name].size)
        assert np.array_equal(model.parameters[part], drawn(model, name, stream))


def test_a_residual_that_now_needs_a_projection():
    model = trained([Dense(8), Residual([Dense(8)]), Dense(3)])
    report = model.insert(0, Dense(6))
    assert report.changed == ("dense_1",) and report.kept == ("dense_3", "dense_4")
    report = model.remove(1)
    assert report.changed == ("residual_1", "dense_2")  # 6 inputs, 8 outputs
    assert "residual_1.projection.weight" in [block.name for block in model.program.parameters]


def test_taking_out():
    model = deep()
    before = [of_layer(model, number) for number in range(6)]
    report = model.remove(1)
    assert [of_layer(model, number) for number in range(3)] == [before[0], before[4], before[5]]
    assert report.kept == ("dense_0", "dense_1", "dense_2") and not report.new and not report.changed
    assert report.renamed == {"dense_1": "dense_4", "dense_2": "dense_5"}


def test_moving():
    model = deep()
    before = [of_layer(model, number) for number in range(6)]
    report = model.move(2, 1)
    assert [of_layer(model, number) for number in range(6)] == [before[i] for i in (0, 4, 1, 2, 3, 5)]
    assert not report.new and not report.changed
    assert [type(layer) for layer in model.layers] == [Dense, Dense, Residual, Dense]
    model.move(1, 2)
    assert [of_layer(model, number) for number in range(6)] == before


@pytest.mark.parametrize("operate", [lambda m: m.insert(1, Dropout(0.5)), lambda m: m.insert(1, Activation("tanh"))])
def test_layers_without_weights(operate):
    """An activation may even become part of the layer before it."""
    model = trained([Dense(8), Dense(3)])
    before = [of_layer(model, 0), of_layer(model, 1)]
    report = operate(model)
    assert [of_layer(model, 0), of_layer(model, 2)] == before
    assert len(report.new) == 1 and not report.changed
    model.remove(1)
    assert [of_layer(model, 0), of_layer(model, 1)] == before


def test_nothing_moved_changes_no_prediction():
    model = deep()
    before = model.predict(X)
    model.move(1, 1)
    assert np.array_equal(model.predict(X), before)


def test_an_identity_put_in_changes_no_prediction():
    """A Residual whose last layer begins at zero adds nothing: growing a network without forgetting."""
    model = deep()
    before = model.predict(X)
    model.insert(3, Residual([Dense(8, "relu"), Dense(8, weight_initializer="zeros")]))
    np.testing.assert_allclose(model.predict(X), before, rtol=1e-6)


@pytest.mark.parametrize("optimizer", [SGD(0.01), SGD(0.01, momentum=0.9), Adam(0.01)])
def test_training_goes_on(optimizer):
    model = Sequential([Dense(8, "relu"), Dense(3)], seed=1)
    model.compile(optimizer)
    model.fit(X, Y, epochs=5)
    model.insert(1, LayerNorm())
    history = model.fit(X, Y, epochs=200)
    assert history.epochs[0] == 5 and model.epoch == 205
    assert history.loss[-1] < history.loss[0]


def test_records_go_on_under_the_names_that_layers_have_now():
    model = Sequential([Dense(8, "relu"), Dropout(0.1), Dense(8, "relu"), Dense(1)])
    model.fit(X, Y[:, :1], epochs=2)
    before = model.history.layers
    model.insert(1, Dense(8, "relu"))  # dense_1: of the kind that dense_2 was
    after = model.history.layers
    assert [
        after[now] is before[then]
        for now, then in [
            ("dense_0", "dense_0"),
            ("dropout_2", "dropout_1"),
            ("dense_3", "dense_2"),
            ("dense_4", "dense_3"),
        ]
    ] == [True] * 4
    model.fit(X, Y[:, :1], epochs=1)
    layers = model.history.layers
    assert {name: layer.epochs[[0, -1]].tolist() for name, layer in layers.items()} == {
        "dense_0": [0, 2],
        "dense_1": [2, 2],
        "dropout_2": [0, 2],
        "dense_3": [0, 2],
        "dense_4": [0, 2],
    }
    assert list(layers) == names(model)
    model.remove(0)
    model.move(2, 1)
    model.fit(X, Y[:, :1], epochs=1)
    layers = model.history.layers
    assert {name: layer.epochs[[0, -1]].tolist() for name, layer in layers.items()} == {
        "dense_0": [2, 3],
        "dense_1": [0, 3],
        "dropout_2": [0, 3],
        "dense_3": [0, 3],
        "dense_0 (to epoch 2)": [0, 2],
    }
    assert [layer.name for layer in layers.values()] == list(layers)


def test_records_of_a_layer_taken_out_are_not_continued_by_another_of_its_name():
    model = trained([Dense(8, "relu"), Dense(8, "relu"), Dense(3)])
    model.remove(1)
    model.insert(1, Dense(8, "relu"))
    assert list(model.history.layers) == ["dense_0", "dense_2", "dense_1 (to epoch 1)"]
    model.fit(X, Y)
    assert model.history.layers["dense_1"].epochs.tolist() == [2]
    assert list(model.history.layers) == ["dense_0", "dense_1", "dense_2", "dense_1 (to epoch 1)"]


def test_what_was_symmetric_has_its_new_name():
    model = trained([Dense(4, "tanh", weight_initializer="zeros"), Dense(3, weight_initializer="zeros")])
    model.insert(0, LayerNorm())
    assert model.history.symmetric == ("dense_1",)
    model.remove(1)
    assert model.history.symmetric == ()


def test_a_model_file_keeps_the_new_layers(tmp_path):
    from nncore import load

    model = trained([Dense(8, "relu"), Dense(3)])
    model.insert(1, Dense(7, "tanh"))
    model.save(tmp_path / "model.safetensors")
    other = load(tmp_path / "model.safetensors")
    assert other.layers == model.layers
    assert np.array_equal(other.predict(X), model.predict(X))


def test_another_head():
    """Three classes become five: the new head behind the old one, then the old one goes."""
    model = Sequential([Dense(8, "relu"), Dense(3, "softmax")], seed=1)
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, np.arange(40) % 3)
    first = of_layer(model, 0)
    model.insert(2, Dense(5, "softmax"))
    report = model.remove(1)
    assert report.kept == ("dense_0",) and report.changed == ("dense_1",)
    assert of_layer(model, 0) == first
    model.fit(X, np.arange(40) % 5)


def test_the_inferred_loss_follows_and_is_reported():
    model = Sequential([Dense(8, "relu"), Dense(3, "softmax")])
    model.fit(X, np.arange(40) % 3)
    report = model.insert(2, Dense(1))
    assert report.loss == model.loss.name == "mean_squared_error" and model.program.loss == "squared_error"
    assert str(report).splitlines()[-1] == "loss     mean_squared_error, inferred from the last layer"
    model.fit(X, Y[:, :1])


def test_a_vector_from_before_belongs_to_nobody():
    model = trained([Dense(8), Dense(3)])
    old = model.parameters
    model.insert(1, Activation("tanh"))
    before = model.predict(X)
    old[:] = 0
    assert np.array_equal(model.predict(X), before)
    model.parameters[:] = 0
    assert not model.predict(X).any()


def test_a_model_without_weights_just_changes():
    model = Sequential()
    for index, layer in enumerate([Dense(4, "relu"), Dense(2)]):
        assert model.insert(index, layer) == SurgeryReport()
    assert str(model.insert(1, Dropout(0.1))) == "no layer has weights yet"
    model.move(1, 0)
    model.remove(1)
    assert model.layers == (Dropout(0.1), Dense(2)) and not model.built


def test_metrics_are_bound_anew():
    model = Sequential([Dense(8), Dense(1, "sigmoid")])
    model.compile(metrics=["accuracy"])
    model.fit(X, np.arange(40) % 2)
    model.insert(2, Dense(2, "softmax"))
    assert 0 <= model.evaluate(X, np.arange(40) % 2)["accuracy"] <= 1


# ---- errors change nothing

BAD = [
    (lambda m: m.insert(5, Dense(3)), ValueError, "index must be an integer from 0 to 4, got 5"),
    (lambda m: m.insert(-1, Dense(3)), ValueError, "index must be an integer from 0 to 4, got -1"),
    (lambda m: m.insert("1", Dense(3)), TypeError, "index must be an integer from 0 to 4, got '1'"),
    (lambda m: m.insert(1, "relu"), TypeError, "layer must be one of Dense, Activation"),
    (lambda m: m.insert(1, Dense), TypeError, "layer must be one of Dense, Activation"),
    (lambda m: m.remove(4), ValueError, "index must be an integer from 0 to 3, got 4"),
    (lambda m: m.move(4, 0), ValueError, "from_index must be an integer from 0 to 3, got 4"),
    (lambda m: m.move(0, 4), ValueError, "to_index must be an integer from 0 to 3, got 4"),
    (lambda m: m.insert(4, Dropout(0.5)), ValueError, "Dropout as the last layer would drop predictions; remove it"),
    (lambda m: m.insert(4, Dense(1, "softmax")), ValueError, "softmax over 1 output is always 1; use sigmoid"),
    (lambda m: m.insert(1, Dense(8, name="dense_0")), ValueError, "both named 'dense_0'; expected different names"),
    (
        lambda m: m.insert(1, Residual([Dense(3)], projection=False)),
        ValueError,
        r"cannot add its 8 inputs to the 3 outputs .*; give its last Dense layer 8 units",
    ),
]


@pytest.mark.parametrize(("operate", "error", "message"), BAD)
def test_errors_change_nothing(operate, error, message):
    model = deep()
    before = (model.layers, model._state.network, state(model)[1], model.program)
    with pytest.raises(error, match=message):
        operate(model)
    assert before == (model.layers, model._state.network, state(model)[1], model.program)


def test_a_loss_that_was_chosen_stays():
    model = Sequential([Dense(8), Dense(3, "softmax")])
    model.compile(loss="sparse_categorical_crossentropy")
    model.build(4)
    with pytest.raises(ValueError, match="expects the last layer's activation to be 'softmax'"):
        model.insert(2, Dense(3))
    with pytest.raises(ValueError, match="expects the last layer's activation to be 'softmax'"):
        model.remove(1)
    assert len(model.layers) == 2


def test_a_metric_that_no_longer_suits():
    model = Sequential([Dense(8), Dense(3)])
    model.compile(metrics=["r2"])
    model.build(4)
    with pytest.raises(ValueError, match="metric 'r2' cannot compare"):
        model.insert(2, Dense(3, "softmax"))
    assert len(model.layers) == 2


def test_the_last_layer_cannot_go():
    model = Sequential([Dense(1)])
    model.build(1)
    with pytest.raises(ValueError, match="layers must hold at least one Dense layer, got an empty list"):
        model.remove(0)
    with pytest.raises(ValueError, match="index is 0, but the model has no layers; add some first"):
        Sequential().remove(0)


def test_a_network_that_memory_cannot_hold(monkeypatch):
    model = trained([Dense(8), Dense(3)])
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    with pytest.raises(ValueError, match="the network needs at least"):
        model.insert(1, Dense(10**5))
    assert len(model.layers) == 2


def test_not_while_it_trains():
    def operate(model, epoch, logs):
        with pytest.raises(RuntimeError, match="a callback cannot train or change"):
            model.remove(0)
        return STOP

    model = trained([Dense(8), Dense(3)])
    model.fit(X, Y, callbacks=operate)
    assert len(model.layers) == 2
