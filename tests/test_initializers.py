"""First values: statistics, independence, determinism and refusals."""

import json
import math

import numpy as np
import pytest

from nncore import Dense, layers
from nncore.initializers import (
    INITIALIZERS,
    KINDS,
    Constant,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    initialize,
)

SHAPE = (300, 200)
# variance of what is left within two standard deviations: 1 - 2 * 2 * pdf(2) / (2 * cdf(2) - 1), as Keras has it
CUT = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))
# initializer, variance, largest value that can occur
RANDOM = [
    ("glorot_uniform", 2 / 500, math.sqrt(6 / 500)),
    ("glorot_normal", 2 / 500, math.inf),
    ("he_uniform", 2 / 300, math.sqrt(6 / 300)),
    ("he_normal", 2 / 300, math.inf),
    ("lecun_normal", 1 / 300, math.inf),
    ("lecun_uniform", 1 / 300, math.sqrt(3 / 300)),
    ("orthogonal", 1 / 300, math.inf),
    ("truncated_normal", (CUT * 0.05) ** 2, 0.1),
    ("normal", 0.05**2, math.inf),
    ("uniform", 0.05**2 / 3, 0.05),
    (RandomNormal(2.0), 4.0, math.inf),
    (RandomUniform(2.0), 4 / 3, 2.0),
    (TruncatedNormal(2.0), (CUT * 2) ** 2, 4.0),
    (Orthogonal(3.0), 9 / 300, math.inf),
]
CONSTANT = [("zeros", 0.0), ("ones", 1.0), ("constant", 0.0), (Constant(-2.5), -2.5)]


def draw(initializer, shape=SHAPE, *, activation="relu", seed=0, layer=0):
    return initialize(initializer, activation, shape, seed, layer)


def test_every_name_is_tested():
    assert {row[0] for row in RANDOM + CONSTANT if isinstance(row[0], str)} | {"auto"} == INITIALIZERS


@pytest.mark.parametrize(("initializer", "variance", "limit"), RANDOM, ids=repr)
def test_statistics(initializer, variance, limit):
    values = draw(initializer)
    assert values.shape == SHAPE and values.dtype == np.float64
    assert abs(values.mean()) < 4 * math.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.03)
    assert 0.99 * min(limit, math.sqrt(variance)) < np.abs(values).max() <= limit


@pytest.mark.parametrize(("initializer", "expected"), CONSTANT, ids=repr)
def test_constants(initializer, expected):
    np.testing.assert_array_equal(draw(initializer), np.full(SHAPE, expected))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "swish", "softplus"])
def test_auto_is_he_in_front_of_the_relu_family(activation):
    np.testing.assert_array_equal(draw("auto", activation=activation), draw("he_uniform"))


def test_auto_is_lecuns_in_front_of_selu():
    np.testing.assert_array_equal(draw("auto", activation="selu"), draw("lecun_normal"))


@pytest.mark.parametrize("activation", ["identity", "linear", "sigmoid", "tanh", "softmax"])
def test_auto_is_glorot_elsewhere(activation):
    np.testing.assert_array_equal(draw("auto", activation=activation), draw("glorot_uniform"))


@pytest.mark.parametrize("initializer", [row[0] for row in RANDOM], ids=repr)
def test_same_seed_same_values(initializer):
    np.testing.assert_array_equal(draw(initializer), draw(initializer))
    assert (draw(initializer) != draw(initializer, seed=1)).any()
    assert (draw(initializer) != draw(initializer, layer=1)).any()


@pytest.mark.filterwarnings("error")
def test_every_seed_has_its_own_stream():
    seeds = [0, 1, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 1]
    assert len({tuple(draw("normal", (2, 3), seed=seed).ravel()) for seed in seeds}) == len(seeds)


def test_streams_of_layers_and_of_weight_and_bias_are_unrelated():
    weight, other = draw("normal", (1, 5000)).ravel(), draw("normal", (1, 5000), layer=1).ravel()
    bias = draw("normal", (5000,))
    correlations = np.corrcoef([weight, other, bias])[np.triu_indices(3, 1)]
    assert np.abs(correlations).max() < 0.06


def test_a_smaller_shape_draws_the_beginning_of_the_same_stream():
    for name in ("uniform", "truncated_normal"):
        np.testing.assert_array_equal(draw(name, (2, 3)).ravel(), draw(name, (40, 3)).ravel()[:6])


def test_a_truncated_normal_is_a_normal_without_its_tails():
    drawn = draw(RandomNormal(1), (1, 4000)).ravel()
    np.testing.assert_array_equal(draw(TruncatedNormal(1), (1, 3000)).ravel(), drawn[abs(drawn) <= 2][:3000])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (40, 40), (90, 31), (31, 90)])
def test_orthogonal_columns_or_rows(shape):
    weight = draw(Orthogonal(2.5), shape)
    fewer = weight.T @ weight if shape[0] >= shape[1] else weight @ weight.T
    np.testing.assert_allclose(fewer, 2.5**2 * np.eye(min(shape)), atol=1e-13)
    assert weight.shape == shape and weight.flags.c_contiguous


def test_orthogonal_is_what_a_qr_decomposition_gives():
    """As in Keras and PyTorch: Q of a normal matrix, with the signs that make the diagonal of R positive."""
    rng = np.random.Generator(np.random.Philox(key=[0, 1], counter=[0, 0, 0, 0]))
    first = rng.standard_normal(50)
    np.testing.assert_allclose(draw(Orthogonal(), (50, 20))[:, 0], first / np.linalg.norm(first), atol=1e-15)
    signs = np.array([np.sign(draw(Orthogonal(), (3, 3), seed=seed)) for seed in range(400)])
    assert (
        np.abs(signs.mean(axis=0)).max() < 0.2
    )  # uniform: no entry leans to a side, and turns are as likely as mirrors
    turns = [np.linalg.det(draw(Orthogonal(), (3, 3), seed=seed)) for seed in range(400)]
    assert abs(np.mean(turns)) < 0.2 and np.abs(turns) == pytest.approx(1)
    corner = np.array([draw(Orthogonal(), (3, 3), seed=seed) for seed in range(400)])
    np.testing.assert_allclose((corner**2).mean(axis=0), 1 / 3, atol=0.06)


@pytest.mark.parametrize("kind", KINDS.values())
def test_layers_with_it_go_to_files_and_come_back(kind):
    layer = Dense(3, weight_initializer=kind(0.25))
    assert layers.from_dict(json.loads(json.dumps(layers.to_dict(layer)))) == layer


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Constant(float("nan")), ValueError, "value must be a finite number, got nan"),
        (lambda: Constant("0"), TypeError, "value must be a finite number, got '0' of type str"),
        (lambda: RandomNormal(-1), ValueError, "stddev must be a finite number >= 0, got -1.0"),
        (lambda: RandomUniform(-1), ValueError, "limit must be a finite number >= 0 and <= 8e.307, got -1.0"),
        (lambda: RandomUniform(True), TypeError, "limit must be .* got True of type bool"),
        (lambda: draw("he_unifrom"), ValueError, "unknown initializer 'he_unifrom'; did you mean 'he_uniform'"),
        (lambda: draw("auto", (3,)), ValueError, "initializer 'auto' scales with the fan-in of a weight"),
        (lambda: TruncatedNormal(-1), ValueError, "stddev must be a finite number >= 0, got -1.0"),
        (lambda: Orthogonal(math.inf), ValueError, "gain must be a finite number >= 0, got inf"),
        (
            lambda: draw("orthogonal", (3,)),
            ValueError,
            "initializer 'orthogonal' needs the rows and columns of a weigh",
        ),
        (
            lambda: Dense(3, bias_initializer=Orthogonal()),
            ValueError,
            r"bias_initializer Orthogonal\(gain=1.0\) needs the rows and columns of a weight; a vector takes one of co",
        ),
        (lambda: draw("auto", activation="rleu"), ValueError, "unknown activation 'rleu'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
