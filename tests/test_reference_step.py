"""The oracle's step: penalties, clipping, decay and norms, in closed form and in their order."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from engine_networks import LAYERED, data, layered_network, parameters

from nncore import reference
from nncore.layers import BatchNorm, Dense, Residual
from nncore.optimizers import SGD, Adam, AdamW, RMSprop
from nncore.program import lower
from nncore.program.checked import OPS
from nncore.reference.rows import weight_of

OPTIMIZERS = [SGD(0.1), SGD(0.1, 0.9), SGD(0.1, 0.9, True), RMSprop(0.1), RMSprop(0.1, momentum=0.5), Adam(0.1)]
OPTIMIZERS += [AdamW(0.1, weight_decay=0.25)]
STEP = {"epochs": 2, "batch_size": 4, "shuffle": True, "seed": 0}


def train(program, optimizer, X, target, **options):
    """Return parameters and losses after two epochs from the usual start."""
    w = parameters(program, "float64")
    slots = [np.zeros_like(w) for _ in range(optimizer.n_slots)]
    return w, reference.train(program, optimizer, w, slots, X, target, **STEP, **options)


# ------------------------------------------------------------------------------------------------------- penalties


def test_penalty_counts_dense_weights_by_their_own_layer():
    program = lower([Dense(1, l1=2.0), BatchNorm(), Residual([Dense(2, l2=3.0)])], 2, "mse")
    w = np.arange(1.0, 12.0)  # weight 1 2, bias 3, gamma 4, beta 5, weight 6 7, bias 8 9, projection 10 11
    assert reference.penalty(program, w) == 2 * (1 + 2) + 3 * (36 + 49)


def test_gradient_of_the_penalty():
    """By finite differences; and nothing for biases, gamma, beta, or a weight of 0."""
    program = layered_network("penalties")
    w = parameters(program, "float64")
    gradient, h = np.zeros_like(w), 1e-5
    reference.penalise(program, w, gradient)
    steps = h * np.eye(len(w))
    numeric = [(reference.penalty(program, w + s) - reference.penalty(program, w - s)) / (2 * h) for s in steps]
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)
    reference.penalise(program, np.zeros_like(w), zero := np.zeros_like(w))
    assert not zero.any() and gradient.any()


def test_penalties_are_no_part_of_the_loss():
    plain, penalised = lower([Dense(2)], 3, "mse"), lower([Dense(2, l1=5.0, l2=5.0)], 3, "mse")
    w, (X, target) = parameters(plain, "float64"), data(plain, 5, "float64")
    expected = reference.loss_and_gradient(plain, w, X, target)
    value, gradient = reference.loss_and_gradient(penalised, w, X, target)
    assert value == expected[0] == reference.loss(penalised, w, X, target)
    np.testing.assert_array_equal(gradient, expected[1])


def test_training_minimises_loss_plus_penalty():
    """Ridge regression has a closed form; the reported loss there is that of the data alone."""
    l2, n = 0.3, 40
    program = lower([Dense(1, use_bias=False, l2=l2)], 3, "mse")
    X, target = data(program, n, "float64")
    w, slots = parameters(program, "float64"), []
    options = {"epochs": 400, "batch_size": n, "shuffle": False, "seed": 0}
    losses = reference.train(program, SGD(0.2), w, slots, X, target, **options)
    ridge = np.linalg.solve(X.T @ X / n + l2 * np.eye(3), X.T @ target / n).ravel()
    np.testing.assert_allclose(w, ridge, rtol=1e-10)
    assert losses[-1] == pytest.approx(((X @ w[:, None] - target) ** 2).mean(), rel=1e-9)


# -------------------------------------------------------------------------------------------------------- clipping


@dataclass(frozen=True)
class Clipped(SGD):
    """Plain descent with the two limits that clipping reads."""

    clip_value: float | None = None
    clip_norm: float | None = None


def test_clip_by_value_and_by_norm():
    gradient = np.array([1.0, -2.0, 0.5, 30.0])
    reference.clip(gradient, 1.5, None)
    assert gradient.tolist() == [1, -1.5, 0.5, 1.5]
    reference.clip(gradient, None, 10.0)
    assert gradient.tolist() == [1, -1.5, 0.5, 1.5]
    direction = gradient / np.linalg.norm(gradient)
    reference.clip(gradient, None, 0.125)
    np.testing.assert_allclose(gradient, 0.125 * direction, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_keeps_precision_and_nothing(dtype):
    gradient = np.array([3e30, 4e30], dtype)  # whose squares float32 cannot hold
    reference.clip(gradient, None, 5.0)
    np.testing.assert_allclose(gradient, [3, 4], rtol=1e-6)
    assert gradient.dtype == dtype
    zero = np.zeros(3, dtype)
    reference.clip(zero, 1.0, 1.0)
    assert not zero.any()


@pytest.mark.parametrize("limits", [{"clip_norm": 0.01}, {"clip_value": 0.02}])
def test_penalties_enter_before_clipping(limits):
    program = lower([Dense(2, l1=0.5), Dense(2)], 3, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 4, "float64")
    _, gradient = reference.loss_and_gradient(program, w, X, target)
    reference.penalise(program, w, gradient)
    reference.clip(gradient, limits.get("clip_value"), limits.get("clip_norm"))
    expected = w - gradient
    options = {"epochs": 1, "batch_size": 4, "shuffle": False, "seed": 0}
    reference.train(program, Clipped(1.0, **limits), w, [], X, target, **options)
    np.testing.assert_array_equal(w, expected)


def test_no_step_is_longer_than_clip_norm_allows():
    program = layered_network("nested residuals")
    X, target = data(program, 4, "float64")
    w = parameters(program, "float64")
    before, options = w.copy(), {"epochs": 1, "batch_size": 4, "shuffle": False, "seed": 0}
    reference.train(program, Clipped(0.5, clip_norm=0.1), w, [], X, target, **options)
    assert np.linalg.norm(w - before) == pytest.approx(0.05, rel=1e-12)


# ----------------------------------------------------------------------------------------------------------- decay


def test_a_layer_s_decay_goes_before_the_optimizer_s():
    layers = [Dense(1, weight_decay=0.5), BatchNorm(), Dense(2), Residual([Dense(1, weight_decay=0.0)])]
    rates = reference.decay_rates(lower(layers, 2, "mse"), AdamW(weight_decay=0.25))
    projection = [0.25] * 2
    assert rates.tolist() == [0.5, 0.5, 0, 0, 0, 0.25, 0.25, 0, 0, 0, 0, 0, *projection]
    rates = reference.decay_rates(lower(layers, 2, "mse"), AdamW(weight_decay=0.25, decay_bias=True))
    assert rates.tolist() == [0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.25, 0.25, 0, 0, 0, *projection]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_decay_is_the_same_for_every_rule(optimizer):
    """Without a gradient nothing but the decay moves a weight, and it moves no slot."""
    w, slots = np.array([2.0, 2.0]), [np.zeros(2) for _ in range(optimizer.n_slots)]
    for t in range(1, 4):
        reference.update(optimizer, w, np.zeros(2), slots, t, np.array([0.5, 0.0]))
    np.testing.assert_allclose(w, [2 * 0.95**3, 2], rtol=1e-14)
    assert not np.any(slots)


def test_decay_of_every_layer_is_the_optimizer_s():
    decayed, plain = ([Dense(4, "tanh", weight_decay=rate), Dense(2, weight_decay=rate)] for rate in (0.25, None))
    X, target = data(lower(plain, 3, "mse"), 9, "float64")
    one, _ = train(lower(decayed, 3, "mse"), Adam(0.1), X, target)
    other, _ = train(lower(plain, 3, "mse"), AdamW(0.1, weight_decay=0.25), X, target)
    np.testing.assert_array_equal(one, other)


# -------------------------------------------------------------------------------------------------------- max norm


def test_max_norm_scales_only_columns_that_are_too_long():
    program = lower([Dense(3, max_norm=2.0), Dense(1)], 2, "mse")
    w = np.array([3.0, 0.5, 0.0, 4.0, 0.5, 2.0, 7.0, 7.0, 7.0, 9.0, 9.0, 9.0, 9.0])
    reference.limit_norms(program, w)
    np.testing.assert_allclose(w[:6].reshape(2, 3), [[1.2, 0.5, 0], [1.6, 0.5, 2]], rtol=1e-15)
    assert w[6:].tolist() == [7, 7, 7, 9, 9, 9, 9]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_max_norm_holds_after_training(optimizer):
    """Targets that ask for longer weights than the limit allows, in two blocks of a residual."""
    block = [Dense(3, "tanh", max_norm=0.5), Dense(2, max_norm=0.75)]
    program = lower([Residual(block)], 2, "mse")
    X, _ = data(program, 8, "float64")
    w, _ = train(program, optimizer, X, 100 * X)
    for row in program.rows[:2]:
        norms = np.linalg.norm(weight_of(row, w), axis=0)
        assert (norms < row.max_norm * (1 + 1e-14)).all()
        assert norms.max() > row.max_norm * (1 - 1e-14)


# --------------------------------------------------------------------------------------------------- learning rates


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_update_has_its_own_learning_rate(optimizer):
    program = layered_network("penalties")
    X, target = data(program, 9, "float64")
    constant, losses = train(program, replace(optimizer, learning_rate=0.05), X, target)
    same, same_losses = train(program, optimizer, X, target, learning_rates=np.full(6, 0.05))
    np.testing.assert_array_equal(same, constant)
    np.testing.assert_array_equal(same_losses, losses)
    stopped, _ = train(program, optimizer, X, target, learning_rates=np.array([0.05, 0.05, 0.05, 0, 0, 0]))
    moving, _ = train(program, optimizer, X, target, learning_rates=np.array([0.05, 0.05, 0.05, 0.01, 0, 0]))
    assert not np.array_equal(stopped, moving)


def test_learning_rates_begin_with_the_first_update_of_the_call():
    program = layered_network("residual")
    X, target = data(program, 8, "float64")
    whole, _ = train(program, SGD(0.1), X, target, learning_rates=np.array([0.1, 0.2, 0.3, 0.4]))
    w, options = parameters(program, "float64"), {"epochs": 1, "batch_size": 4, "shuffle": True, "seed": 0}
    for epoch, rates in enumerate(([0.1, 0.2], [0.3, 0.4])):
        where = {"first_epoch": epoch, "t": 2 * epoch, "learning_rates": np.array(rates)}
        reference.train(program, SGD(9.0), w, [], X, target, **options, **where)
    np.testing.assert_array_equal(w, whole)


def test_the_list_of_networks_has_every_operation():
    rows = [row for name in LAYERED for row in layered_network(name).rows]
    assert {row.op for row in rows} == set(OPS)
    assert {row.skip == -1 for row in rows if row.op == "add"} == {True, False}
    assert {row.skip == -1 for row in rows if row.op == "concat"} == {True, False}
