"""Lowering: rows, offsets, fusion, link, and every error about shapes."""

import pickle

import pytest

from nncore.base import memory
from nncore.layers import Activation, Dense, Residual
from nncore.losses import (
    LOSSES,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nncore.program import Row, lower

MSE = MeanSquaredError()


def rows(layers, n_features=4, loss=MSE):
    return lower(layers, n_features, loss).rows


def test_shapes_and_offsets():
    p = lower([Dense(8, "tanh"), Dense(5, use_bias=False), Activation("softmax"), Dense(2)], 4, "mse")
    assert p.rows == (
        Row("dense", 0, 4, 8, "tanh", 0.0, weight=0, bias=32),
        Row("dense", 1, 8, 5, "softmax", 0.0, weight=40, bias=-1, source=0),
        Row("dense", 3, 5, 2, "identity", 0.0, weight=80, bias=90, source=1),
    )
    assert (p.n_features, p.n_outputs, p.n_parameters) == (4, 2, 92)
    assert (p.loss, p.loss_parameter, p.link) == ("squared_error", 0.0, "identity")


def test_parameter_blocks_tile_the_flat_vector():
    p = lower([Dense(8, "relu", name="hidden"), Activation("tanh"), Dense(2, weight_initializer="ones")], 4, MSE)
    blocks = [(b.name, b.layer, b.shape, b.offset, b.size, b.initializer, b.activation) for b in p.parameters]
    assert blocks == [
        ("hidden.weight", 0, (4, 8), 0, 32, "auto", "relu"),
        ("hidden.bias", 0, (8,), 32, 8, "zeros", "relu"),
        ("dense_2.weight", 2, (8, 2), 40, 16, "ones", "identity"),
        ("dense_2.bias", 2, (2,), 56, 2, "zeros", "identity"),
    ]
    assert p.n_parameters == 58


def test_one_feature_one_unit():
    assert rows([Dense(1)], 1) == (Row("dense", 0, 1, 1, weight=0, bias=1),)


def test_fused_and_separate_activation_lower_alike():
    assert rows([Dense(3), Activation("elu", alpha=2)]) == rows([Dense(3, Activation("elu", alpha=2))])


def test_fused_activation_decides_the_initializer():
    assert lower([Dense(3), Activation("relu")], 4, MSE).parameters[0].activation == "relu"


@pytest.mark.parametrize(
    ("layers", "ops"),
    [
        ([Dense(3, "relu"), Activation("tanh")], ["dense", "activation"]),
        ([Dense(3), Activation("tanh"), Activation("relu")], ["dense", "activation"]),
        ([Activation("tanh"), Dense(3)], ["activation", "dense"]),
        ([Activation("linear"), Dense(3, "relu"), Activation("linear")], ["dense"]),
        ([Dense(3), Activation("linear"), Activation("relu")], ["dense"]),
    ],
    ids=repr,
)
def test_activations_have_a_row_only_where_no_dense_can_apply_them(layers, ops):
    assert [row.op for row in rows(layers)] == ops


def test_activation_row_keeps_its_width_parameter_and_layer():
    lowered = rows([Activation("leaky_relu", negative_slope=0.2), Dense(3)])
    assert lowered[0] == Row("activation", 0, 4, 4, "leaky_relu", 0.2, weight=-1, bias=-1)
    assert lowered[1].layer == 1


@pytest.mark.parametrize(
    ("layers", "loss", "link"),
    [
        ([Dense(3, "sigmoid")], BinaryCrossentropy(), "sigmoid"),
        ([Dense(3), Activation("sigmoid")], BinaryCrossentropy(), "sigmoid"),
        ([Dense(3, "relu"), Activation("sigmoid")], BinaryCrossentropy(), "sigmoid"),
        ([Dense(3, "softmax"), Activation("identity")], CategoricalCrossentropy(), "softmax"),
        ([Dense(3, "softmax")], SparseCategoricalCrossentropy(), "softmax"),
        ([Dense(3)], BinaryCrossentropy(from_logits=True), "identity"),
        ([Dense(3)], CategoricalCrossentropy(from_logits=True), "identity"),
        ([Dense(3)], SparseCategoricalCrossentropy(from_logits=True), "identity"),
    ],
    ids=repr,
)
def test_crossentropies_read_logits(layers, loss, link):
    p = lower(layers, 4, loss)
    assert p.link == link
    assert p.loss == loss.kernel
    assert [row.op for row in p.rows] == ["dense"]
    assert p.rows[-1].activation == ("relu" if layers[0].activation.name == "relu" else "identity")


@pytest.mark.parametrize("activation", ["sigmoid", "softmax", "tanh", "identity"])
@pytest.mark.parametrize("loss", ["mse", "mae", "huber"])
def test_other_losses_keep_the_last_activation(activation, loss):
    p = lower([Dense(3, activation)], 4, loss)
    assert (p.link, p.rows[-1].activation) == ("identity", activation)


def test_every_loss_lowers_by_name():
    for name, cls in LOSSES.items():
        layers = [Dense(cls().outputs_for(3), cls.activation or "identity")]
        assert lower(layers, 2, name) == lower(layers, 2, cls())


def test_loss_parameter():
    assert lower([Dense(1)], 2, Huber(2.5)).loss_parameter == 2.5


def test_programs_are_values():
    p = lower([Dense(3, "relu"), Dense(2)], 4, MSE)
    assert p == lower((Dense(3, "relu"), Dense(2)), 4, "mse")
    assert p != lower([Dense(3, "tanh"), Dense(2)], 4, MSE)
    assert pickle.loads(pickle.dumps(p)) == p
    assert hash(p) == hash(pickle.loads(pickle.dumps(p)))


def test_printed_table_is_aligned():
    p = lower([Activation("elu"), Dense(300, Activation("leaky_relu", negative_slope=0.2)), Dense(1)], 4, Huber(2))
    assert str(p).splitlines() == [
        "row          op  reads  layer  n_in  n_out       activation  weight  bias",
        "  0  activation      X      0     4      4           elu(1)       -     -",
        "  1       dense      0      1     4    300  leaky_relu(0.2)       0  1200",
        "  2       dense      1      2   300      1         identity    1500  1800",
        "link identity, loss huber(2), 1801 parameters",
    ]


@pytest.mark.parametrize(
    ("layers", "n_features", "loss", "error", "message"),
    [
        ([], 4, MSE, ValueError, "layers must hold at least one Dense layer, got an empty list"),
        ([Activation("relu")], 4, MSE, ValueError, "must hold at least one Dense layer, got .*Activation"),
        ([Dense(3), "relu"], 4, MSE, TypeError, r"layers\[1\] must be .* got 'relu' of type str"),
        ([Dense], 4, MSE, TypeError, r"layers\[0\] must be one of Dense, Activation"),
        (Dense(3), 4, MSE, TypeError, "layers must be a list of layers, got Dense"),
        ("relu", 4, MSE, TypeError, "layers must be a list of layers, got 'relu'"),
        ([Dense(3)], 0, MSE, ValueError, "n_features must be an integer from 1 to 2147483647, got 0"),
        ([Dense(3)], 2**31, MSE, ValueError, "n_features must be .* got 2147483648"),
        ([Dense(3)], 4.0, MSE, TypeError, "n_features must be an integer .* got 4.0 of type float"),
        ([Dense(3)], True, MSE, TypeError, "n_features must be an integer .* got True"),
        ([Dense(3)], 4, "msee", ValueError, "unknown loss 'msee'; did you mean 'mse'"),
        ([Dense(3)], 4, None, TypeError, "loss must be a name"),
        ([Dense(3, name="a"), Dense(3, name="a")], 4, MSE, ValueError, "layers 0 and 1 are both named 'a'"),
        ([Dense(3), Dense(3, name="dense_0")], 4, MSE, ValueError, "layers 0 and 1 are both named 'dense_0'"),
        ([Dense(1, "softmax")], 4, MSE, ValueError, r"layers\[0\]: softmax over 1 output .* use sigmoid"),
        ([Dense(1), Activation("softmax"), Dense(2)], 4, MSE, ValueError, "softmax over 1 output .* use sigmoid"),
        ([Activation("softmax"), Dense(2)], 1, MSE, ValueError, "softmax over 1 output .* use sigmoid"),
        ([Dense(1)], 4, CategoricalCrossentropy(True), ValueError, "over 1 output is always 0; use BinaryCross"),
        ([Dense(3)], 4, BinaryCrossentropy(), ValueError, "to be 'sigmoid', got 'identity'; set activation='sigmoid'"),
        ([Dense(3, "softmax")], 4, BinaryCrossentropy(), ValueError, "to be 'sigmoid', got 'softmax'"),
        ([Dense(3, "sigmoid")], 4, CategoricalCrossentropy(), ValueError, "to be 'softmax', got 'sigmoid'"),
        (
            [Residual([Dense(4, "softmax")])],
            4,
            SparseCategoricalCrossentropy(),
            ValueError,
            r"the last layer is a Residual, .*; put Activation\('softmax'\) or another Dense behind it",
        ),
        ([Dense(3)], 4, SparseCategoricalCrossentropy(), ValueError, "to be 'softmax', .* or .*[(]from_logits=True"),
        ([Dense(3, "sigmoid")], 4, BinaryCrossentropy(True), ValueError, "no activation, got 'sigmoid'; remove the"),
        ([Dense(3, "softmax")], 4, CategoricalCrossentropy(True), ValueError, "no activation, got 'softmax'"),
    ],
)
def test_bad_input_is_named(layers, n_features, loss, error, message):
    with pytest.raises(error, match=message):
        lower(layers, n_features, loss)


@pytest.mark.parametrize("layers", [[Dense(2**31 - 1)], [Dense(10**6), Dense(10**9)], [Dense(2**31 - 1)] * 3])
def test_absurd_sizes_are_refused_in_bytes(layers):
    with pytest.raises(ValueError, match=r"needs at least [\d.e+]+ TB .* this process may use [\d.e+]+ [GT]B"):
        lower(layers, 2**20, MSE)


def test_size_limit_is_the_machines_memory(monkeypatch):
    n_bytes = 8 * (10 * 5 + 5) + 8 * 5
    monkeypatch.setattr(memory, "available", lambda: n_bytes)
    lower([Dense(5)], 10, MSE)
    monkeypatch.setattr(memory, "available", lambda: n_bytes - 1)
    with pytest.raises(ValueError, match=f"at least {n_bytes:,} bytes .55 parameters.*may use {n_bytes - 1:,} bytes"):
        lower([Dense(5)], 10, MSE)


def test_sizes_past_64_bits_are_refused_where_memory_is_unknown(monkeypatch):
    def no_such_name(name):
        raise ValueError(name)

    monkeypatch.setattr(memory.os, "sysconf", no_such_name, raising=False)
    assert memory.physical() == 2**62
    with pytest.raises(ValueError, match="needs at least"):
        lower([Dense(2**31 - 1)], 2**31 - 1, MSE)
