"""The spec language: normal forms, refusals, and the wire form."""

import dataclasses
import fractions
import json
import pickle

import numpy as np
import pytest

from nncore import initializers, layers
from nncore.activations import ACTIVATIONS
from nncore.initializers import Constant, RandomNormal, RandomUniform
from nncore.layers import Activation, Dense, Residual
from nncore.program.rows import Rows

ALL = [
    Dense(1),
    Dense(64, "relu", use_bias=False, name="hidden é 1"),
    Dense(3, Activation("leaky_relu", negative_slope=0.2), weight_initializer="he_normal"),
    Dense(3, Activation("elu", alpha=1 / 3), True, RandomNormal(0.1), RandomUniform(0.1)),
    Dense(2**31 - 1, "softmax", bias_initializer=Constant(-1)),
    Activation(),
    Activation("leaky_relu"),
    Activation("elu", alpha=2),
    Activation("softmax"),
]


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_wire_form_round_trips(layer):
    assert layers.from_dict(json.loads(json.dumps(layers.to_dict(layer)))) == layer


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_layers_are_values(layer):
    assert pickle.loads(pickle.dumps(layer)) == layer
    assert hash(dataclasses.replace(layer)) == hash(layer)
    assert eval(repr(layer), vars(layers) | initializers.KINDS) == layer


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation_can_be_used_by_name(name):
    row = ACTIVATIONS[name]
    assert Dense(2, name).activation == Activation(name)
    assert Activation(name).name == row.name
    assert Activation(name).parameter == row.default


def test_aliases_and_defaults_have_one_form():
    assert Activation("swish") == Activation("silu")
    assert Dense(2) == Dense(np.int64(2), "linear", np.True_)
    assert Activation("leaky_relu") == Activation("leaky_relu", negative_slope=0.01)
    assert Activation("elu").alpha == 1.0
    assert Activation("relu").alpha is None


def test_numbers_become_plain_python_numbers():
    assert type(Dense(np.uint8(3)).units) is int
    assert type(Dense(3, use_bias=np.False_).use_bias) is bool
    assert type(Activation("elu", alpha=np.float32(0.5)).alpha) is float
    assert Activation("elu", alpha=fractions.Fraction(1, 2)).alpha == 0.5


def test_layers_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Dense(3).units = 4


def test_activation_parameters_are_keywords():
    with pytest.raises(TypeError, match=r"Activation takes name by place; give 0.5 by name"):
        Activation("elu", 0.5)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Dense(), TypeError, "units"),
        (lambda: Dense(0), ValueError, "units must be an integer from 1 to 2147483647, got 0"),
        (lambda: Dense(-3), ValueError, "units .* got -3"),
        (lambda: Dense(2**31), ValueError, "units .* got 2147483648"),
        (lambda: Dense(10**5000), ValueError, "units .* got an integer of 16610 bits"),
        (lambda: Dense(-(10**400)), ValueError, "units .* got a negative integer of 1329 bits$"),
        (lambda: Dense([10**5000]), TypeError, "units .* got a value too long to print of type list$"),
        (lambda: Dense(2.0), TypeError, "units must be an integer .* got 2.0 of type float"),
        (lambda: Dense(True), TypeError, "units must be an integer .* got True of type bool"),
        (lambda: Dense("64"), TypeError, "units must be an integer .* got '64' of type str"),
        (lambda: Dense(None), TypeError, "units must be an integer .* got None of type NoneType"),
        (lambda: Dense([3] * 1000), TypeError, r"units must be an integer .* got \[3, 3.*\.\.\. of type list"),
        (lambda: Dense(3, "rleu"), ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        (lambda: Dense(3, 5), TypeError, r"activation must be a name \(str\), got 5"),
        (lambda: Dense(3, Activation), TypeError, "activation must be a name"),
        (lambda: Dense(3, use_bias=1), TypeError, "use_bias must be True or False, got 1 of type int"),
        (lambda: Dense(3, use_bias="no"), TypeError, "use_bias must be True or False, got 'no'"),
        (lambda: Dense(3, weight_initializer="he_norml"), ValueError, "unknown weight_initializer .* 'he_normal'"),
        (lambda: Dense(3, weight_initializer=0.1), TypeError, "weight_initializer must be a name"),
        (lambda: Dense(3, bias_initializer="zero"), ValueError, "unknown bias_initializer .* 'zeros'"),
        (lambda: Dense(3, bias_initializer="auto"), ValueError, "bias_initializer 'auto' scales with the fan-in"),
        (lambda: Dense(3, name=""), ValueError, "name must have 1 to 200 printable characters, got ''"),
        (lambda: Dense(3, name="a\nb"), ValueError, "name must have .* got 'a\\\\nb'"),
        (lambda: Dense(3, name="x" * 201), ValueError, "name must have 1 to 200"),
        (lambda: Dense(3, name=7), TypeError, "name must be a str or None, got 7 of type int"),
        (lambda: Activation("soft max"), ValueError, "unknown activation 'soft max'; did you mean 'softmax'"),
        (lambda: Activation(3), TypeError, "activation must be a name"),
        (
            lambda: Activation("relu", alpha=1.0),
            ValueError,
            "alpha is a parameter of elu and celu, not of relu",
        ),
        (lambda: Activation("elu", negative_slope=0.1), ValueError, "negative_slope is a parameter of leaky_relu, not"),
        (lambda: Activation("elu", alpha=0), ValueError, "alpha must be a finite number > 0, got 0.0"),
        (lambda: Activation("elu", alpha=float("inf")), ValueError, "alpha must be a finite number > 0, got inf"),
        (lambda: Activation("elu", alpha="1"), TypeError, "alpha must be .* got '1' of type str"),
        (lambda: Activation("leaky_relu", negative_slope=-0.1), ValueError, "negative_slope must be .* got -0.1"),
        (lambda: Activation("leaky_relu", negative_slope=1.5), ValueError, "negative_slope must be .* <= 1, got 1.5"),
        (lambda: Activation("leaky_relu", negative_slope=True), TypeError, "negative_slope must be .* got True"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ([], TypeError, r"layer must be described by a dict, got \[\]"),
        ({}, ValueError, "layer has no key 'type'; expected one of Activation, BatchNorm, C"),
        ({"type": "Dens", "units": 3}, ValueError, "unknown layer type 'Dens'; did you mean 'Dense'"),
        ({"type": "Constant", "value": 3}, ValueError, "unknown layer type 'Constant'"),
        ({"type": 3}, TypeError, "layer type must be a name"),
        ({"type": "Dense"}, ValueError, "layer of type Dense has no key 'units'"),
        ({"type": "Dense", "unit": 3}, ValueError, "unknown key of Dense 'unit'; did you mean 'units'"),
        ({"type": "Dense", "units": 0}, ValueError, "units must be an integer"),
        ({"type": "Dense", "units": 3.0}, TypeError, "units must be an integer"),
        ({"type": "Dense", "units": {"type": "Activation"}}, TypeError, "units must be an integer"),
        ({"type": "Dense", "units": 3, 4: 5}, TypeError, r"key of Dense must be a name \(str\), got 4"),
        ({"type": "Dense", "units": 3, "activation": {"type": "Huber"}}, ValueError, "unknown activation type"),
        ({"type": "Dense", "units": 3, "activation": {"type": "Dense", "units": 1}}, TypeError, "activation must be"),
        ({"type": "Dense", "units": 3, "activation": {"type": "Constant"}}, TypeError, "activation must be a name"),
        ({"type": "Activation", "name": "relu", "_": 1}, ValueError, "unknown key of Activation '_'"),
        ({"type": "Activation", "name": "relu", "alpha": 1.0}, ValueError, "alpha is a parameter of elu"),
    ],
)
def test_bad_wire_form_is_named(data, error, message):
    with pytest.raises(error, match=message):
        layers.from_dict(data)


@pytest.mark.parametrize("layer", ["relu", Constant(), None, Dense])
def test_only_layers_have_a_wire_form(layer):
    with pytest.raises(TypeError, match="layer must be one of Dense, Activation"):
        layers.to_dict(layer)


def test_blocks_can_be_nested_only_so_deep():
    """Deeper ones ended in a RecursionError somewhere between building and saving."""
    layer = Dense(4)
    for _ in range(32):
        layer = Residual([layer])
    assert layers.from_dict(json.loads(json.dumps(layers.to_dict(layer)))) == layer
    assert Rows(4).add([layer]) is None
    with pytest.raises(ValueError, match="nested 33 deep, expected at most 32"):
        Residual([Dense(4), layer])
    described = layers.to_dict(Dense(4))
    for n in range(5000):
        described = {**layers.to_dict(Residual([Dense(4)])), "layers": [described]}
        if n in (32, 299, 4999):
            with pytest.raises(ValueError, match=r"nested (33|too) deep, expected at most 32"):
                layers.from_dict(described)
