"""The oracle's normalisation, dropout and skip connections: against finite differences, and in closed form."""

import numpy as np
import pytest
from engine_networks import LAYERED, data, layered_network, parameters, statistics

from nncore import reference
from nncore.base.random import dropout_mask
from nncore.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, Residual
from nncore.optimizers import SGD, Adam
from nncore.program import lower
from nncore.reference import Predicting, Training

KINKED = ("relu", "leaky_relu", "elu")


def smooth_problem(program, n, mode, margin=0.005):
    """Draw parameters, data and sample weights until no kink is near, in the given mode of training."""
    mode = mode._replace(statistics=statistics(program, "float64"))
    for seed in range(100):
        w, (X, target) = parameters(program, "float64", seed=seed), data(program, n, "float64", seed + 1)
        records = reference.tape(program, w, X, mode)
        distances = [abs(z) for row, (_, z, _) in zip(program.rows, records, strict=True) if row.activation in KINKED]
        if program.loss in ("absolute_error", "huber"):
            error = abs(records[-1][2] - target)
            distances += [error, abs(error - program.loss_parameter)]
        if all(distance.min() > margin for distance in distances):
            return w, X, target, np.random.default_rng(seed).random(n)
    raise AssertionError("no smooth problem found")


MOST = 800
"""Parameters whose differences are taken; of a larger network a part of them, from everywhere."""


def central_differences(f, w, h=1e-4):
    """Return the places in w whose differences were taken, and these."""
    places = np.unique(np.linspace(0, w.size - 1, min(w.size, MOST)).astype(int))
    gradient = np.empty(places.size)
    for number, place in enumerate(places):
        step = np.zeros_like(w)
        step[place] = h
        near, far = (f(w + k * step) - f(w - k * step) for k in (1, 2))
        gradient[number] = (8 * near - far) / (12 * h)
    return places, gradient


@pytest.mark.parametrize("name", LAYERED)
def test_gradient_agrees_with_central_differences(name):
    program = layered_network(name)
    draws = {"seed": 11, "iteration": 2, "statistics": statistics(program, "float64")}
    w, X, target, sample_weight = smooth_problem(program, 6, Training(**draws))
    value, gradient = reference.loss_and_gradient(program, w, X, target, sample_weight, **draws)

    def objective(p):
        """The loss, and the penalties of outputs, which are not part of it."""
        if name != "activity":
            return reference.training_loss(program, p, X, target, sample_weight, **draws)
        rows = zip(program.rows, reference.tape(program, p, X, Training(**draws)), strict=True)
        of_outputs = sum(row.activity_l1 * abs(y).sum() + row.activity_l2 * (y**2).sum() for row, (_, _, y) in rows)
        return reference.training_loss(program, p, X, target, sample_weight, **draws) + of_outputs / len(X)

    places, numeric = central_differences(objective, w)
    assert value == reference.training_loss(program, w, X, target, sample_weight, **draws)
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(gradient[places], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["batch norm", "batch norms in a row"])
def test_gradient_of_a_batch_of_one_row(name):
    """Behind batch norm nothing of the row is left; what it writes is beta."""
    program = layered_network(name)
    w, X, target, _ = smooth_problem(program, 1, Training(), margin=0)
    _, gradient = reference.loss_and_gradient(program, w, X, target)
    places, numeric = central_differences(lambda p: reference.training_loss(program, p, X, target), w)
    np.testing.assert_allclose(gradient[places], numeric, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", LAYERED)
def test_float32_stays_float32_and_is_near(name):
    program = layered_network(name)
    w, X, target, _ = smooth_problem(program, 6, Training())
    single = [a.astype(np.float32) if a.dtype == np.float64 else a for a in (w, X, target)]
    averages = statistics(program, np.float32)
    exact = reference.loss_and_gradient(program, w, X, target, statistics=statistics(program, "float64"))
    value, gradient = reference.loss_and_gradient(program, *single, statistics=averages)
    assert gradient.dtype == np.float32
    assert value == pytest.approx(exact[0], rel=1e-5)
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-3, atol=1e-4)
    records = reference.tape(program, *single[:2], Predicting(averages))
    assert {y.dtype for _, _, y in records} == {np.dtype(np.float32)}


# ------------------------------------------------------------------------------------------------------ batch norm


def normalised(x, axis, epsilon):
    return (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(x.var(axis=axis, keepdims=True) + epsilon)


def test_batch_norm_gives_columns_of_mean_0_and_variance_1():
    program = lower([BatchNorm(epsilon=1e-12), Dense(1)], 4, "mse")
    X = np.random.default_rng(0).normal(3, [1, 10, 100, 0], size=(30, 4))
    y = reference.tape(program, np.concatenate([np.ones(4), np.zeros(9)]), X, Training())[0][2]
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(y.var(axis=0), [1, 1, 1, 0], rtol=1e-10)


@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_by_its_definition(affine):
    program = lower([BatchNorm(epsilon=0.25, affine=affine), Dense(2)], 3, "mse")
    w, (X, _) = parameters(program, "float64"), data(program, 7, "float64")
    gamma, beta = (w[:3], w[3:6]) if affine else (1, 0)
    y = reference.tape(program, w, X, Training())[0][2]
    np.testing.assert_allclose(y, gamma * normalised(X, 0, 0.25) + beta, rtol=1e-12)
    averages = np.array([1.0, 2.0, 3.0, 0.75, 3.75, 8.75])
    y = reference.tape(program, w, X, Predicting(averages))[0][2]
    np.testing.assert_allclose(y, gamma * (X - [1, 2, 3]) / [1, 2, 3] + beta, rtol=1e-12)


def test_batch_norm_ignores_sample_weights():
    program = lower([Dense(3), BatchNorm(), Dense(1)], 2, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 5, "float64")
    whole = reference.tape(program, w, X, Training())[-1][2]
    value = reference.training_loss(program, w, X, target, np.array([0, 0, 1.0, 0, 0]))
    assert value == pytest.approx(((whole - target)[2] ** 2).item() / 5, rel=1e-14)


def test_one_row_gives_beta_and_leaves_the_averages_alone():
    program = lower([BatchNorm(), Dense(1)], 3, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 1, "float64")
    records, averages = reference.tape(program, w, X, Training()), statistics(program, "float64")
    np.testing.assert_array_equal(records[0][2], [w[3:6]])
    reference.average_statistics(program, records, averages)
    np.testing.assert_array_equal(averages, [0, 0, 0, 1, 1, 1])
    _, gradient = reference.loss_and_gradient(program, w, X, target)
    assert not gradient[:3].any() and gradient[3:6].all()


def test_batch_norm_cannot_predict_without_statistics():
    program = lower([BatchNorm(), Dense(1)], 3, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 4, "float64")
    for call in (lambda: reference.forward(program, w, X), lambda: reference.loss(program, w, X, target)):
        with pytest.raises(ValueError, match=r"statistics must be an array of shape .* got None"):
            call()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_training_averages_what_the_batches_were(momentum):
    """The layer stands first, so that what it reads is known: two epochs of batches of 4, 4 and 1 rows."""
    program = lower([BatchNorm(momentum=momentum), Dense(1)], 3, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 9, "float64")
    averages, mean, variance = statistics(program, "float64"), np.zeros(3), np.ones(3)
    step = {"epochs": 2, "batch_size": 4, "shuffle": False, "seed": 0}
    reference.train(program, SGD(0.1), w, [], X, target, statistics=averages, **step)
    for batch in (X[:4], X[4:8]) * 2:
        mean = momentum * mean + (1 - momentum) * batch.mean(axis=0)
        variance = momentum * variance + (1 - momentum) * batch.var(axis=0, ddof=1)
    np.testing.assert_allclose(averages, np.concatenate([mean, variance]), rtol=1e-13)


def test_averages_of_two_layers_lie_in_their_own_places():
    program = lower([Dense(2, "tanh"), BatchNorm(momentum=0), Residual([Dense(4), BatchNorm(momentum=0)])], 3, "mse")
    w, (X, _) = parameters(program, "float64"), data(program, 8, "float64")
    records, averages = reference.tape(program, w, X, Training()), statistics(program, "float64")
    reference.average_statistics(program, records, averages)
    read = [x for row, (x, _, _) in zip(program.rows, records, strict=True) if row.op == "batchnorm"]
    expected = [moment for x in read for moment in (x.mean(axis=0), x.var(axis=0, ddof=1))]
    np.testing.assert_allclose(averages, np.concatenate(expected), rtol=1e-13)


# ------------------------------------------------------------------------------------------------------ layer norm


@pytest.mark.parametrize("affine", [True, False])
def test_layer_norm_by_its_definition_in_both_modes(affine):
    program = lower([LayerNorm(epsilon=0.25, affine=affine), Dense(2)], 5, "mse")
    w, (X, _) = parameters(program, "float64"), data(program, 7, "float64")
    gamma, beta = (w[:5], w[5:10]) if affine else (1, 0)
    for mode in (Training(), Predicting()):
        y = reference.tape(program, w, X, mode)[0][2]
        np.testing.assert_allclose(y, gamma * normalised(X, 1, 0.25) + beta, rtol=1e-12)


# --------------------------------------------------------------------------------------------------------- dropout


def test_dropout_multiplies_by_its_mask_in_training_only():
    program = lower([Activation("tanh"), Dropout(0.25), Dense(1)], 20, "mse")
    w, (X, _) = parameters(program, "float64"), data(program, 6, "float64")
    dropped = reference.tape(program, w, X, Training(seed=5, iteration=9))[1]
    np.testing.assert_array_equal(dropped[2], dropped[0] * dropout_mask(5, 9, 1, 6, 20, 0.25))
    without = lower([Activation("tanh"), Dense(1)], 20, "mse")
    np.testing.assert_array_equal(reference.forward(program, w, X), reference.forward(without, w, X))


def test_dropout_is_right_on_average():
    """A linear network: the mean of its outputs over many masks is its prediction."""
    program = lower([Dropout(0.5), Dense(1)], 8, "mse")
    w, (X, _) = parameters(program, "float64"), data(program, 3, "float64")
    outputs = [reference.tape(program, w, X, Training(seed=1, iteration=i))[-1][2] for i in range(4000)]
    error = np.mean(outputs, axis=0) - reference.forward(program, w, X)
    assert (abs(error) < 4 * np.std(outputs, axis=0) / np.sqrt(4000)).all()


def test_each_update_drops_others_whatever_the_epoch_and_the_shuffle():
    """Rows are counted in the batch: training is a loop over updates 0, 1, 2..., of which each has its own mask."""
    program = lower([Dense(6, "tanh"), Dropout(0.5), Dense(1)], 4, "mse")
    w, (X, target) = parameters(program, "float64"), data(program, 10, "float64")
    expected, iteration = w.copy(), 0
    for _ in range(2):
        for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):
            draws = {"seed": 3, "iteration": iteration}
            expected -= 0.1 * reference.loss_and_gradient(program, expected, X[rows], target[rows], **draws)[1]
            iteration += 1
    reference.train(program, SGD(0.1), w, [], X, target, epochs=2, batch_size=4, shuffle=False, seed=3)
    np.testing.assert_array_equal(w, expected)


# -------------------------------------------------------------------------------------------------------- residual


def test_a_residual_by_hand():
    """y = x + (a * x + b), then c * y + d, at x = 2: y = 2 + 7 = 9, output 28, error 1, slope 2."""
    program = lower([Residual([Dense(1)]), Dense(1)], 1, "mse")
    w, X, target = np.array([3.0, 1.0, 3.0, 1.0]), np.array([[2.0]]), np.array([[27.0]])
    value, gradient = reference.loss_and_gradient(program, w, X, target)
    assert value == 1
    assert gradient.tolist() == [2 * 3 * 2, 2 * 3, 2 * 9, 2]


def test_a_projection_by_hand():
    """From one column to two: the block gives (2, 3) * x + (1, 1), the projection adds (10, 20) * x, without a bias."""
    program = lower([Residual([Dense(2)])], 1, "mse")
    w = np.array([2.0, 3.0, 1.0, 1.0, 10.0, 20.0])
    assert reference.forward(program, w, np.array([[1.0], [-1.0]])).tolist() == [[13, 24], [-11, -22]]


def test_what_several_rows_read_collects_their_gradients():
    """h = a * x is read by both skips: y = h + (b * h + c * (h + ...)): the derivative by a counts every path."""
    inner = Residual([Dense(1, use_bias=False)])  # h * (1 + b)
    layers = [Dense(1, use_bias=False), Residual([inner, Dense(1, use_bias=False)])]  # h * (1 + (1 + b) * c)
    program, (a, b, c) = lower(layers, 1, "mse"), (2.0, 3.0, 5.0)
    value, gradient = reference.loss_and_gradient(program, np.array([a, b, c]), np.array([[1.0]]), np.array([[41.0]]))
    assert value == (a * (1 + (1 + b) * c) - 41) ** 2 == 1
    assert gradient.tolist() == [2 * (1 + (1 + b) * c), 2 * a * c, 2 * a * (1 + b)]


# -------------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("name", LAYERED)
def test_training_in_two_parts_is_training_in_one(name):
    program, optimizer = layered_network(name), Adam(0.01)
    X, target = data(program, 11, "float64")
    options = {"batch_size": 4, "shuffle": True, "seed": 2}

    def trained(*parts):
        w, averages = parameters(program, "float64"), statistics(program, "float64")
        slots, losses, done = [np.zeros_like(w) for _ in range(2)], [], 0
        for epochs in parts:
            state = program, optimizer, w, slots, X, target
            where = {"epochs": epochs, "first_epoch": done, "t": 3 * done, "statistics": averages}
            losses.extend(reference.train(*state, **where, **options))
            done += epochs
        return np.concatenate([w, *slots, averages, losses])

    whole = trained(5)
    assert np.isfinite(whole).all()
    np.testing.assert_array_equal(trained(2, 3), whole)


@pytest.mark.parametrize("name", ["batch norm", "layer norm", "residual with projection", "nested residuals"])
def test_training_learns(name):
    program, optimizer = layered_network(name), Adam(0.02)
    w, averages = parameters(program, "float64"), statistics(program, "float64")
    X, _ = data(program, 60, "float64")
    labels = X[:, :3].argmax(axis=1)
    target = labels if program.loss.startswith("sparse") else np.eye(3)[labels]
    step = {"epochs": 60, "batch_size": 20, "shuffle": True, "seed": 0, "statistics": averages}
    losses = reference.train(program, optimizer, w, [np.zeros_like(w) for _ in range(2)], X, target, **step)
    assert losses[-1] < 0.3 * losses[0]
    prediction = reference.forward(program, w, X, statistics=averages)
    assert (prediction.argmax(axis=1) == labels).mean() > 0.9
    assert reference.loss(program, w, X, target, statistics=averages) < 0.4 * losses[0]
