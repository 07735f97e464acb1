"""explain_step: the numbers of one step are those of training, bit for bit, and fit together as the formulas say."""

import numpy as np
import pytest
from bfloat16_values import same
from engine_networks import LAYERED, inputs, statistics

from nncore import (
    SGD,
    Activation,
    Adam,
    BatchNorm,
    Dense,
    NotBuiltError,
    Sequential,
    TrainingDiverged,
    kernels,
    reference,
)
from nncore.losses import get
from nncore.reference import Training

rng = np.random.default_rng(0)


def model_of(name, dtype="float64", optimizer=None):
    layers, n_features, loss = LAYERED[name]
    model = Sequential(layers, seed=7, dtype=dtype)
    model.compile(optimizer or Adam(0.01), get(loss))
    model.build(n_features)
    X = inputs(model.program, rng.standard_normal((12, n_features)))
    n_outputs = model.program.n_outputs
    if "categorical" in loss:
        y = rng.integers(n_outputs, size=12)
        y = np.eye(n_outputs)[y] if not loss.startswith("sparse") else y
    else:
        y = rng.random((12, n_outputs))
    return model, X, y


def state(model):
    return b"".join(part.tobytes() for part in model.get_weights())


@pytest.mark.parametrize("dtype", ["float32", "float64", "mixed_bfloat16"])
@pytest.mark.parametrize("name", LAYERED)
def test_it_is_the_step_that_training_makes(name, dtype):
    model, X, y = model_of(name, dtype, SGD(0.05, momentum=0.9, clip_norm=0.5))
    weights = rng.random(12)
    for _ in range(3):
        before, held = state(model), model.parameters
        step = model.explain_step(X, y, weights)
        assert state(model) == before
        assert held is model.parameters
        for block in model.program.parameters:
            layer = next(
                layer
                for layer in step.layers
                if block.name.rsplit(".", 1)[1] in layer.parameters and block.name.startswith(layer.name + ".")
            )
            parameter = layer.parameters[block.name.rsplit(".", 1)[1]]
            assert parameter.before.tobytes() == block.of(model.parameters).tobytes()
        assert model.train_on_batch(X, y, weights) == step.loss
        after = {block.name: block.of(model.parameters) for block in model.program.parameters}
        moved = {f"{layer.name}.{name}": p.after for layer in step.layers for name, p in layer.parameters.items()}
        for name_, value in after.items():
            assert value.tobytes() == moved[name_.replace(".projection", "")].tobytes()


@pytest.mark.parametrize("name", LAYERED)
def test_its_parts_are_those_of_the_oracle(name):
    model, X, y = model_of(name)
    step, program = model.explain_step(X, y), model.program
    target, moments = y.astype(np.int32) if y.ndim == 1 else y, statistics(program, "float64")
    loss, gradient = reference.loss_and_gradient(program, model.parameters, X, target, seed=7, statistics=moments)
    np.testing.assert_allclose(step.loss, loss, rtol=1e-12)
    tape = reference.tape(program, model.parameters, X, Training(7, 0, statistics=moments))
    for layer in step.layers:
        rows = [i for i, row in enumerate(program.rows) if row.layer == int(_number(model, layer))]
        x, z, a = tape[rows[-1]]
        if layer.activation != program.link:
            np.testing.assert_allclose(layer.a, a, atol=1e-12)
        if program.rows[rows[-1]].op == "dense":
            np.testing.assert_allclose(layer.x, x, atol=1e-12)
            np.testing.assert_allclose(layer.z, z, atol=1e-12)
        for block in program.parameters:
            if block.layer == int(_number(model, layer)):
                found = layer.parameters[block.name.rsplit(".", 1)[1]].gradient
                np.testing.assert_allclose(found, block.of(gradient), atol=1e-12)


def _number(model, layer):
    from nncore.program.naming import in_depth, layer_name

    names = [layer_name(spec, number) for number, (_, spec) in enumerate(in_depth(model.layers))]
    return names.index(layer.name)


@pytest.mark.parametrize("name", LAYERED)
def test_the_chain_rule_holds_between_its_parts(name):
    """Of every dense layer: dW = x' dz and db = the sum of dz; through an elementwise activation, dz = da * slope."""
    model, X, y = model_of(name)
    for layer in model.explain_step(X, y).layers:
        if layer.kind != "Dense":
            continue
        np.testing.assert_allclose(layer.parameters["weight"].gradient, layer.x.T @ layer.dz, atol=1e-12)
        if "bias" in layer.parameters:
            np.testing.assert_allclose(layer.parameters["bias"].gradient, layer.dz.sum(axis=0), atol=1e-12)
        if layer.activation == "tanh":
            np.testing.assert_allclose(layer.dz, layer.da * (1 - layer.a**2), atol=1e-12)


@pytest.mark.parametrize("name", LAYERED)
def test_in_mixed_bfloat16_it_shows_what_is_multiplied(name):
    model, X, y = model_of(name, "mixed_bfloat16")
    step = model.explain_step(X, y)
    for layer in step.layers:
        weight, bias = layer.parameters.get("weight"), layer.parameters.get("bias")
        multiplied = weight is not None and layer.kind != "Embedding"
        assert ("products of bfloat16" in str(layer)) == multiplied == bool(layer.rounded)
        if not multiplied:
            continue
        for name_, exact in {"x": layer.x, "weight": weight.before, "dz": layer.dz}.items():
            assert same(layer.rounded[name_], reference.round_to_bfloat16(exact))
        x, w, dz = layer.rounded.values()
        assert same(weight.gradient, reference.bfloat16_product(x.T, dz))
        if layer.kind == "Dense":
            assert same(layer.z, reference.bfloat16_product(x, w, 0.0 if bias is None else bias.before))
    model, X, y = model_of(name, "float32")
    assert not any(layer.rounded for layer in model.explain_step(X, y).layers)


def test_its_products_in_mixed_bfloat16_are_those_of_the_kernels():
    model = Sequential([Dense(40, "tanh"), Dense(33, "relu"), Dense(2)], seed=1, dtype="mixed_bfloat16")
    model.build(70)
    step = model.explain_step(rng.standard_normal((9, 70)), rng.standard_normal((9, 2)))
    passed_back = [None, *(layer.da for layer in step.layers[:-1])]
    for layer, dx in zip(step.layers, passed_back, strict=True):
        weight, bias = layer.parameters["weight"], layer.parameters["bias"]
        for x, w, dz in ((layer.x, weight.before, layer.dz), layer.rounded.values()):
            z = kernels.dense_forward(x, w, bias.before, precision="mixed_bfloat16")
            found = kernels.dense_backward(x, w, dz, precision="mixed_bfloat16")
            assert same(z, layer.z) and same(found[1], weight.gradient)
            assert dx is None or same(found[0], dx)
        assert same(kernels.dense_backward(layer.x, weight.before, layer.dz, "mixed_bfloat16")[2], bias.gradient)


def test_the_last_layer_shows_the_prediction_and_its_logits():
    model, X, y = model_of("batch norm")
    step = model.explain_step(X, y)
    last = step.layers[-1]
    np.testing.assert_allclose(last.a, np.exp(last.z) / np.exp(last.z).sum(axis=1, keepdims=True))
    assert last.activation == "softmax"
    assert last.da is None
    assert last.a is step.prediction
    np.testing.assert_allclose(last.dz, (last.a - np.eye(3)[y]) / 12, atol=1e-15)


def test_before_the_first_layer_that_learns_there_are_no_deltas():
    step = (lambda found: found[0].explain_step(*found[1:]))(model_of("dropout first"))
    assert step["dropout_0"].dz is None
    assert step["dense_1"].dz is not None


def test_it_prints_a_table_and_finds_layers_by_name():
    model, X, y = model_of("residual of everything")
    step = model.explain_step(X, y)
    lines = str(step).splitlines()
    assert lines[0].startswith("loss ")
    assert "learning rate 0.01" in lines[0]
    for layer in step.layers:
        assert any(line.startswith(f"{layer.name}: {layer.kind}") for line in lines)
    with pytest.raises(KeyError, match="no layer 'dense'; layers: dense_0, block"):
        step["dense"]


def test_more_rows_than_a_segment_of_training():
    model = Sequential([Dense(40, "tanh"), Dense(1)], seed=1)
    X = rng.standard_normal((9000, 30)).astype("float32")
    y = X[:, 0]
    model.build(30)
    step = model.explain_step(X, y)
    assert step["dense_0"].z.shape == (9000, 40)
    assert model.train_on_batch(X, y) == step.loss
    assert model.parameters.tobytes() == b"".join(
        p.after.tobytes() for layer in step.layers for p in layer.parameters.values()
    )


def test_bad_input_is_refused():
    model = Sequential([Dense(2), BatchNorm(), Dense(1)])
    with pytest.raises(NotBuiltError):
        model.explain_step([[1.0]], [1.0])
    model.build(1)
    with pytest.raises(ValueError, match="X has 2 features, but the model expects 1"):
        model.explain_step([[1.0, 2.0]], [1.0])


def test_an_activation_of_its_own_is_a_layer_of_its_own():
    model = Sequential([Dense(4), Activation("relu"), Dense(3), BatchNorm(), Activation("softmax")], seed=1)
    model.build(2)
    X, y = rng.standard_normal((9, 2)), rng.integers(3, size=9)
    step = model.explain_step(X, y)
    assert [layer.name for layer in step.layers] == [
        "dense_0",
        "activation_1",
        "dense_2",
        "batch_norm_3",
        "activation_4",
    ]
    assert [layer.activation for layer in step.layers] == ["identity", "relu", "identity", "identity", "softmax"]
    assert step["activation_1"].a.tobytes() == np.maximum(step["dense_0"].a, 0).tobytes()
    assert step["batch_norm_3"].a.tobytes() == step["activation_4"].z.tobytes()
    assert step["activation_4"].a is step.prediction


def test_a_step_that_diverges_is_no_step():
    model = Sequential([Dense(2), Dense(1)], seed=1)
    model.compile(SGD(1e38), loss="mse")
    model.build(2)
    X, y = 1e6 * rng.standard_normal((9, 2)), rng.standard_normal(9)
    with pytest.raises(TrainingDiverged, match="no longer finite"):
        model.explain_step(X, y)
    with pytest.raises(TrainingDiverged, match="no longer finite"):
        model.train_on_batch(X, y)


def test_a_batch_that_training_would_refuse():
    model = Sequential([Dense(2), BatchNorm(), Dense(1)])
    model.build(1)
    with pytest.raises(ValueError, match="batch_size is 1 row"):
        model.explain_step([[1.0]], [1.0])
