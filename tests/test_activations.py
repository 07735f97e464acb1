"""The activation table, and the oracle's activations against closed forms and identities."""

import dataclasses
import math

import numpy as np
import pytest

from nncore import activations
from nncore.activations import ACTIVATIONS
from nncore.reference.formulas import ACTIVATION, DERIVATIVE, SLOPE

NAMES = sorted({row.name for row in ACTIVATIONS.values()})
DEFAULT = {row.name: row.default for row in ACTIVATIONS.values()}
LOG2 = math.log(2)

# name, x, y, dy/dx; the parameter is the default
CLOSED_FORMS = [
    ("identity", -1.5, -1.5, 1.0),
    ("sigmoid", 0.0, 0.5, 0.25),
    ("sigmoid", math.log(3), 0.75, 0.1875),
    ("sigmoid", -math.log(3), 0.25, 0.1875),
    ("tanh", math.log(2), 0.6, 0.64),
    ("tanh", -math.log(3), -0.8, 0.36),
    ("relu", 2.0, 2.0, 1.0),
    ("relu", -2.0, 0.0, 0.0),
    ("relu", 0.0, 0.0, 0.0),
    ("leaky_relu", 2.0, 2.0, 1.0),
    ("leaky_relu", -2.0, -0.02, 0.01),
    ("leaky_relu", 0.0, 0.0, 0.01),
    ("elu", 2.0, 2.0, 1.0),
    ("elu", -LOG2, -0.5, 0.5),
    ("elu", 0.0, 0.0, 1.0),
    ("softplus", 0.0, LOG2, 0.5),
    ("softplus", LOG2, math.log(3), 2 / 3),
    ("gelu", 0.0, 0.0, 0.5),
    ("gelu", 1.0, 0.8413447460685429, 0.8413447460685429 + math.exp(-0.5) / math.sqrt(2 * math.pi)),
    ("silu", 0.0, 0.0, 0.5),
    ("exponential", LOG2, 2.0, 2.0),
    ("silu", math.log(3), 0.75 * math.log(3), 0.75 + 0.1875 * math.log(3)),
    # the constants that PyTorch and Keras have
    ("selu", 2.0, 2.1014019747109610, 1.0507009873554805),
    ("selu", -LOG2, -0.8790496704236884, 0.8790496704236884),
    ("selu", 0.0, 0.0, 1.7580993408473769),
    ("mish", 0.0, 0.0, 0.6),
    ("mish", LOG2, 0.8 * LOG2, 0.8 + 0.24 * LOG2),
    ("hard_sigmoid", 0.0, 0.5, 1 / 6),
    ("hard_sigmoid", -1.5, 0.25, 1 / 6),
    ("hard_sigmoid", 3.0, 1.0, 0.0),
    ("hard_sigmoid", -3.0, 0.0, 0.0),
    ("hard_tanh", 0.5, 0.5, 1.0),
    ("hard_tanh", 1.0, 1.0, 0.0),
    ("hard_tanh", -1.5, -1.0, 0.0),
    ("hard_swish", 1.5, 1.125, 1.0),
    ("hard_swish", -3.0, 0.0, 0.0),
    ("hard_swish", 3.0, 3.0, 1.0),
    ("hard_swish", 4.0, 4.0, 1.0),
    ("softsign", 3.0, 0.75, 0.0625),
    ("softsign", -1.0, -0.5, 0.25),
    ("celu", 2.0, 2.0, 1.0),
    ("celu", -LOG2, -0.5, 0.5),
    ("celu", 0.0, 0.0, 1.0),
    ("relu6", 3.0, 3.0, 1.0),
    ("relu6", 6.0, 6.0, 0.0),
    ("relu6", -1.0, 0.0, 0.0),
]


def test_rows_are_named_by_their_keys_but_for_aliases():
    assert {key: row.name for key, row in ACTIVATIONS.items() if key != row.name} == {
        "linear": "identity",
        "swish": "silu",
        "hard_silu": "hard_swish",
    }


def test_table_and_oracle_know_the_same_names():
    assert NAMES == sorted(ACTIVATION) == sorted(DERIVATIVE)


def test_elementwise_rows_are_those_with_a_slope():
    assert sorted(SLOPE) == [name for name in NAMES if not ACTIVATIONS[name].rowwise]


def test_only_those_that_turn_keep_their_input():
    assert {name for name in NAMES if ACTIVATIONS[name].keeps_input} == {"gelu", "silu", "mish", "hard_swish"}


def test_relu_family_begins_with_he():
    family = {name for name in NAMES if ACTIVATIONS[name].initializer == "he_uniform"}
    assert family == {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "mish", "hard_swish", "relu6", "celu"}
    assert {name for name in NAMES if ACTIVATIONS[name].initializer == "lecun_normal"} == {"selu"}


def test_rows_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ACTIVATIONS["relu"].keeps_input = True


@pytest.mark.parametrize("name", ["rleu", "RELU", "", "relu "])
def test_unknown_name_lists_the_known(name):
    with pytest.raises(ValueError, match=r"unknown activation .*Known: celu, elu, exponential, gelu"):
        activations.get(name)


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'softplus'"):
        activations.get("softpuls")


def test_name_must_be_a_string():
    with pytest.raises(TypeError, match=r"activation must be a name \(str\), got 3 of type int"):
        activations.get(3)


@pytest.mark.parametrize(("name", "x", "y", "slope"), CLOSED_FORMS)
def test_closed_form(name, x, y, slope):
    point = np.array([x])
    assert ACTIVATION[name](point, DEFAULT[name])[0] == pytest.approx(y, rel=1e-15, abs=1e-16)
    assert DERIVATIVE[name](point, np.ones(1), DEFAULT[name])[0] == pytest.approx(slope, rel=1e-15)


# x is -3.5, -2, -0.5, 0.25, 2.5, 4, 7: y, then dy/dx, as torch.nn.functional 2 has them in float64
AS_PYTORCH = {
    "selu": (
        (
            -1.705009340957283,
            -1.5201664685956948,
            -0.6917581878028713,
            0.2626752468388701,
            2.626752468388701,
            4.202803949421922,
            7.354906911488364,
        ),
        (0.05308999989009366, 0.2379328722516818, 1.0663411530445053, *[1.0507009873554805] * 4),
    ),
    "mish": (
        (
            -0.10409575448637122,
            -0.2525014826957089,
            -0.22074377465173,
            0.1695724096638176,
            2.471392304557881,
            3.9974128069762385,
            6.999988379809741,
        ),
        (
            -0.07276041344326706,
            -0.1083550924203939,
            0.28951067791351226,
            0.7541726677205928,
            1.041129530131353,
            1.0044328769037503,
            1.000021559160889,
        ),
    ),
    "hard_sigmoid": ([0, 1 / 6, 5 / 12, 13 / 24, 11 / 12, 1, 1], [0, 1 / 6, 1 / 6, 1 / 6, 1 / 6, 0, 0]),
    "hard_tanh": ([-1, -1, -0.5, 0.25, 1, 1, 1], [0, 0, 1, 1, 0, 0, 0]),
    "hard_swish": ([0, -1 / 3, -5 / 24, 13 / 96, 55 / 24, 4, 7], [0, -1 / 6, 1 / 3, 7 / 12, 4 / 3, 1, 1]),
    "softsign": (
        [-7 / 9, -2 / 3, -1 / 3, 1 / 5, 5 / 7, 4 / 5, 7 / 8],
        [4 / 81, 1 / 9, 4 / 9, 0.64, 4 / 49, 0.04, 1 / 64],
    ),
    "relu6": ([0, 0, 0, 0.25, 2.5, 4, 6], [0, 0, 0, 1, 1, 1, 0]),
}


@pytest.mark.parametrize("name", AS_PYTORCH)
def test_values_of_pytorch(name):
    x = np.array([-3.5, -2, -0.5, 0.25, 2.5, 4, 7])
    y, slope = AS_PYTORCH[name]
    np.testing.assert_allclose(ACTIVATION[name](x, 0.0), y, rtol=1e-14)
    np.testing.assert_allclose(DERIVATIVE[name](x, np.ones(7), 0.0), slope, rtol=1e-14)


def test_softmax_closed_form():
    y = ACTIVATION["softmax"](np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]]), 0.0)
    np.testing.assert_allclose(y, [[0.125, 0.25, 0.625], [1 / 3, 1 / 3, 1 / 3]], rtol=1e-15)


def test_softmax_derivative_is_the_jacobian():
    x, dy = np.log([[1.0, 2.0, 5.0]]), np.array([[1.0, 0.0, 0.0]])
    expected = [[0.125 * 0.875, -0.125 * 0.25, -0.125 * 0.625]]
    np.testing.assert_allclose(DERIVATIVE["softmax"](x, dy, 0.0), expected, rtol=1e-14)


def test_softmax_ignores_a_shift_and_sums_to_one():
    x = np.random.default_rng(0).normal(size=(20, 7))
    y = ACTIVATION["softmax"](x, 0.0)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(ACTIVATION["softmax"](x + 100, 0.0), y, rtol=1e-12)


@pytest.mark.parametrize("name", ["gelu", "silu", "softplus", "relu"])
def test_positive_minus_mirrored_is_x(name):
    x = np.linspace(-20, 20, 101)
    f = ACTIVATION[name]
    np.testing.assert_allclose(f(x, 0.0) - f(-x, 0.0), x, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("sigmoid", -100.0, math.exp(-100)),
        ("softplus", -100.0, math.exp(-100)),
        ("elu", -1e-20, -1e-20),
        ("silu", -100.0, -100 * math.exp(-100)),
        ("mish", -100.0, -100 * math.exp(-100)),
        ("selu", -1e-20, -1.7580993408473769e-20),
        ("gelu", -10.0, -10 * 7.61985302416052606597e-24),
    ],
)
def test_tails_keep_their_relative_accuracy(name, x, y):
    assert ACTIVATION[name](np.array([x]), DEFAULT[name])[0] == pytest.approx(y, rel=1e-14)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_any_finite_input_gives_a_finite_result_of_its_own_dtype(name, dtype):
    x = np.array([[0.0, -0.0, 1e-30, -1e-30, 80, -80, 1e4, -1e4, 1.5e38, -1.5e38]], dtype=dtype)
    if name == "exponential":
        x = x[:, :6]  # beyond, it is infinite
    with np.errstate(under="ignore"):
        y = ACTIVATION[name](x, DEFAULT[name])
        dx = DERIVATIVE[name](x, np.ones_like(x), DEFAULT[name])
    assert y.dtype == dx.dtype == dtype
    assert y.shape == dx.shape == x.shape
    assert np.isfinite(y).all() and np.isfinite(dx).all()


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", NAMES)
def test_nan_propagates(name):
    x = np.array([[np.nan, 1.0]])
    assert np.isnan(ACTIVATION[name](x, DEFAULT[name])[0, 0])
    if name != "identity":  # whose derivative does not look at x
        assert np.isnan(DERIVATIVE[name](x, np.ones_like(x), DEFAULT[name])[0, 0])


@pytest.mark.parametrize("name", sorted(SLOPE))
def test_slope_agrees_with_central_differences(name):
    x = np.concatenate([np.linspace(-5.95, -0.05, 60), np.linspace(0.05, 5.95, 60)])
    parameter, h = 0.3, 1e-3

    def f(step):
        return ACTIVATION[name](x + step * h, parameter)

    numeric = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * h)
    np.testing.assert_allclose(SLOPE[name](x, parameter), numeric, rtol=1e-8, atol=1e-11)
