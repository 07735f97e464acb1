"""The oracle under mixed_bfloat16: what is rounded and what is not, by hand, and every layer and every optimizer."""

import numpy as np
import pytest
from engine_networks import LAYERED, RULES, data, layered_network, mixed_network, parameters, statistics

from nncore import reference
from nncore.layers import Activation, BatchNorm, Dense, Residual
from nncore.optimizers import SGD, Adam
from nncore.program import lower
from nncore.reference import Predicting, Training, bfloat16_product, round_to_bfloat16
from nncore.reference.rows import BACKWARD, FORWARD, bias_of, weight_of

MIXED = "mixed_bfloat16"
LAYERS = {**LAYERED, "every activation": None}


def program_of(name):
    return mixed_network() if name == "every activation" else layered_network(name)


def integers(rng, shape, most=2):
    return rng.integers(-most, most + 1, shape).astype(np.float32)


def start(program):
    """Return parameters, slots of two, statistics, X and target of 11 rows, in float32."""
    w = parameters(program, "float32")
    return w, [np.zeros_like(w) for _ in range(2)], statistics(program, "float32"), *data(program, 11, "float32")


# ----------------------------------------------------------------------------------------------------- a dense row


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("n", [1, 5, 256, 257, 520, 1100])
def test_a_dense_row_is_three_products_in_bits(n, use_bias):
    program, rng = lower([Dense(3, use_bias=use_bias)], 37, "mse"), np.random.default_rng(n)
    (row,), w = program.rows, parameters(program, "float32")
    x, dz = (rng.standard_normal((n, width), np.float32) for width in (37, 3))
    gradient, mode = np.full_like(w, np.nan), Training(precision=MIXED)
    z, dx = FORWARD["dense"](row, w, x, mode), BACKWARD["dense"](row, w, x, dz, mode, gradient)
    weight, bias = weight_of(row, w), bias_of(row, w) if use_bias else 0.0
    np.testing.assert_array_equal(z, bfloat16_product(x, weight, bias))
    np.testing.assert_array_equal(z, FORWARD["dense"](row, w, x, Predicting(precision=MIXED)))
    np.testing.assert_array_equal(dx, bfloat16_product(dz, weight.T))
    g = [bfloat16_product(x[i : i + 256].T, dz[i : i + 256]) for i in range(0, n, 256)]
    whole = (g[0] + g[1]) + (g[2] + g[3]) + g[4] if len(g) == 5 else sum(g[1:], g[0])
    np.testing.assert_array_equal(weight_of(row, gradient), whole)
    if use_bias:
        exact = dz.astype(np.float64).sum(axis=0)
        np.testing.assert_allclose(bias_of(row, gradient), exact, rtol=0, atol=1e-6 * abs(dz).sum())
        assert abs(round_to_bfloat16(dz).astype(np.float64).sum(axis=0) - exact).max() > 1e-6 * abs(dz).sum()
    for array in (z, dx, gradient):
        assert array.dtype == np.float32 and np.isfinite(array).all()


def test_sums_of_groups_that_cancel_to_a_subnormal_number_are_zero():
    program = lower([Dense(1, use_bias=False)], 1, "mse")
    (row,), w, gradient = program.rows, np.ones(1, np.float32), np.ones(1, np.float32)
    x, dz = np.zeros((300, 1), np.float32), np.full((300, 1), 2.0**-100, np.float32)
    x[0], x[299] = 1.5 * 2.0**-26, -1.25 * 2.0**-26
    BACKWARD["dense"](row, w, x, dz, Training(precision=MIXED), gradient)
    assert gradient == 0
    BACKWARD["dense"](row, w, x, dz, Training(), gradient)
    assert gradient == np.float32(2.0**-128)


def test_the_bias_is_not_rounded():
    program = lower([Dense(2)], 3, "mse")
    w = np.array([0, 0, 0, 0, 0, 0, 1 + 2.0**-23, -1 / 3], np.float32)
    np.testing.assert_array_equal(
        reference.forward(program, w, np.ones((1, 3), np.float32), precision=MIXED), w[None, 6:]
    )


def test_rounded_operands_give_the_same_forward_pass():
    program, rng = lower([Dense(4)], 50, "mse"), np.random.default_rng(0)
    w, x = parameters(program, "float32"), rng.standard_normal((7, 50), np.float32)
    rounded = w.copy()
    rounded[:200] = round_to_bfloat16(w[:200])
    z = reference.forward(program, w, x, precision=MIXED)
    np.testing.assert_array_equal(reference.forward(program, rounded, round_to_bfloat16(x), precision=MIXED), z)
    assert (rounded != w).any() and (z != reference.forward(program, w, x)).any()


# ----------------------------------------------------------------------------------------------------- whole networks


@pytest.mark.parametrize("n", [1, 8, 512])
def test_small_integers_are_exact(n):
    """Nothing is rounded where all values are integers of few bits: the bits are those of float32."""
    layers = [Dense(6, "relu"), Activation("leaky_relu", negative_slope=0.5), Residual([Dense(6)]), Dense(4)]
    program, rng = lower(layers, 5, "mse"), np.random.default_rng(n)
    w, X, target = integers(rng, program.n_parameters, 1), integers(rng, (n, 5), 1), integers(rng, (n, 4))
    for f in (reference.loss, reference.training_loss):
        assert f(program, w, X, target, precision=MIXED) == f(program, w, X, target) > 0
    value, gradient = reference.loss_and_gradient(program, w, X, target, precision=MIXED)
    expected = reference.loss_and_gradient(program, w, X, target)
    assert value == expected[0] and gradient.any()
    np.testing.assert_array_equal(gradient, expected[1])


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_trains_nearly_as_in_float32(name):
    """The weights end elsewhere, but by less than a tenth of the way that they went."""
    program, ends = program_of(name), []
    for precision in (None, MIXED):
        w, _, averages, X, target = start(program)
        before, options = w.copy(), {"epochs": 2, "batch_size": 4, "shuffle": True, "seed": 5, "precision": precision}
        losses = reference.train(program, SGD(0.02), w, [], X, target, statistics=averages, **options)
        assert w.dtype == averages.dtype == np.float32
        ends.append(np.concatenate([w - before, averages, losses]))
    exact, rounded = ends
    assert np.isfinite(rounded).all()
    moved = program.n_parameters
    assert 0 < np.linalg.norm((rounded - exact)[:moved]) < 0.1 * np.linalg.norm(exact[:moved])
    np.testing.assert_allclose(rounded[moved:], exact[moved:], rtol=0.05, atol=0.05)


@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_every_optimizer_steps_from_the_rounded_gradient(optimizer):
    """Two batches of a training are two gradients and two steps; everything but the products stays in float32."""
    program = layered_network("residual of everything")
    decay, options = reference.decay_rates(program, optimizer), {"seed": 3, "precision": MIXED}
    w, slots, averages, X, target = start(program)
    slots = slots[: optimizer.n_slots]
    expected, kept = w.copy(), [slot.copy() for slot in slots]
    step = {"epochs": 1, "batch_size": 6, "shuffle": False, "statistics": averages}
    losses = reference.train(program, optimizer, w, slots, X, target, **step, **options)
    total = 0.0
    for i, rows in enumerate((slice(0, 6), slice(6, 11))):
        value, gradient = reference.loss_and_gradient(program, expected, X[rows], target[rows], iteration=i, **options)
        reference.step(program, optimizer, expected, gradient, kept, i + 1, decay)
        total += value * len(X[rows]) / 11
    np.testing.assert_array_equal(w, expected)
    np.testing.assert_array_equal(slots, kept)
    assert losses.tolist() == [total]
    assert {array.dtype for array in (w, *slots, gradient)} == {np.dtype(np.float32)}
    plain = start(program)
    reference.train(program, optimizer, plain[0], plain[1][: optimizer.n_slots], X, target, **step, seed=3)
    assert (plain[0] != w).any()


def test_training_learns():
    program = lower(
        [Dense(12), BatchNorm(), Activation("relu"), Dense(3, "softmax")], 5, "sparse_categorical_crossentropy"
    )
    w, slots, averages, *_ = start(program)
    X, _ = data(program, 60, "float32")
    labels = X[:, :3].argmax(axis=1)
    options = {"epochs": 40, "batch_size": 20, "shuffle": True, "seed": 0, "statistics": averages, "precision": MIXED}
    losses = reference.train(program, Adam(0.02), w, slots, X, labels, **options)
    assert losses[-1] < 0.3 * losses[0]
    prediction = reference.forward(program, w, X, statistics=averages, precision=MIXED)
    assert (prediction.argmax(axis=1) == labels).mean() > 0.9
    assert reference.loss(program, w, X, labels, statistics=averages, precision=MIXED) < 0.4 * losses[0]


# ------------------------------------------------------------------------------------------------------- refused


def test_a_precision_that_there_is_not_is_refused():
    program = lower([Dense(1)], 1, "mse")
    w, X, options = np.zeros(2, np.float32), np.zeros((1, 1), np.float32), {"precision": "float16"}
    train = {"epochs": 1, "batch_size": 1, "shuffle": False, "seed": 0, **options}
    for call in (
        lambda: reference.forward(program, w, X, **options),
        lambda: reference.loss(program, w, X, X, **options),
        lambda: reference.training_loss(program, w, X, X, **options),
        lambda: reference.loss_and_gradient(program, w, X, X, **options),
        lambda: reference.train(program, SGD(0.1), w, [], X, X, **train),
    ):
        with pytest.raises(ValueError, match="precision must be None or \"mixed_bfloat16\", got 'float16'"):
            call()


def test_mixed_precision_needs_float32():
    program = lower([Dense(1)], 1, "mse")
    with pytest.raises(ValueError, match="must be arrays of float32, got float64; use astype"):
        reference.forward(program, np.zeros(2), np.zeros((1, 1)), precision=MIXED)
