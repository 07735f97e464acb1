"""The oracle: by hand, against finite differences, and as a trainer."""

import numpy as np
import pytest

from nncore import losses, reference
from nncore.activations import ACTIVATIONS
from nncore.base.random import permutation
from nncore.initializers import initialize
from nncore.layers import Activation, Dense
from nncore.losses import LOSSES, TARGETS_OF_KERNEL
from nncore.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
from nncore.program import lower

ACTIVATION_NAMES = sorted({row.name for row in ACTIVATIONS.values()} - {"exponential"})  # two in a row are too steep
LOSS_NAMES = sorted({cls.name for cls in LOSSES.values()})
OPTIMIZERS = [SGD(0.1), SGD(0.1, 0.9), SGD(0.1, 0.9, True), RMSprop(0.01), RMSprop(0.01, momentum=0.5), Adam(0.01)]
OPTIMIZERS += [AdamW(0.01, weight_decay=0.1), Adagrad(0.1), Nadam(0.01), Lion(0.01, weight_decay=0.1)]


def start(program, seed=0, dtype=np.float64):
    """Return first values of the flat parameter vector, biases included, so that none is a special zero."""
    blocks = [initialize("normal", "relu", block.shape, seed, i) for i, block in enumerate(program.parameters)]
    return np.concatenate([10 * block.ravel() for block in blocks]).astype(dtype)


def slots_of(optimizer, program, dtype=np.float64):
    return [np.zeros(program.n_parameters, dtype) for _ in range(optimizer.n_slots)]


def target_for(program, n, rng):
    if program.loss == "sparse_softmax_crossentropy":
        return rng.integers(program.n_outputs, size=n).astype(np.int32)
    target = rng.random((n, program.n_targets))
    if "hinge" in program.loss:
        return np.round(target)
    return target / target.sum(axis=1, keepdims=True) if _kind(program) == "softmax_crossentropy" else target


def _kind(program):
    return TARGETS_OF_KERNEL[program.loss]


def test_one_neuron_by_hand():
    """x = (1, 2), weight = (3, -1), bias = 0.5: z = 1.5; squared error against 1: 0.25, slope 2 * 0.5 = 1."""
    program = lower([Dense(1)], 2, "mse")
    parameters, X, target = np.array([3.0, -1.0, 0.5]), np.array([[1.0, 2.0]]), np.array([[1.0]])
    assert reference.forward(program, parameters, X) == 1.5
    value, gradient = reference.loss_and_gradient(program, parameters, X, target)
    assert value == reference.loss(program, parameters, X, target) == 0.25
    assert gradient.tolist() == [1.0, 2.0, 1.0]


def test_two_layers_by_hand():
    """Backpropagation through relu: hidden z = (3, -1), y = (3, 0); output 2 * 3 + 5 * 0 + 1 = 7, error 7 - 6 = 1."""
    program = lower([Dense(2, "relu"), Dense(1)], 1, "mse")
    parameters = np.array([2.0, -3.0, 1.0, 2.0, 2.0, 5.0, 1.0])  # weight (1, 2), bias (2,), weight (2, 1), bias (1,)
    value, gradient = reference.loss_and_gradient(program, parameters, np.array([[1.0]]), np.array([[6.0]]))
    assert value == 1.0
    assert gradient.tolist() == [4.0, 0.0, 4.0, 0.0, 6.0, 0.0, 2.0]


def test_xor_by_hand():
    """OR minus AND, with steps made of steep sigmoids, is XOR."""
    program = lower([Dense(2, "sigmoid"), Dense(1, "sigmoid")], 2, "binary_crossentropy")
    parameters = np.array([40.0, 40.0, 40.0, 40.0, -20.0, -60.0, 40.0, -40.0, -20.0])
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(reference.forward(program, parameters, X), [[0], [1], [1], [0]], atol=1e-8)


def test_link_is_applied_on_request():
    program = lower([Dense(3, "softmax")], 2, "sparse_categorical_crossentropy")
    parameters, X = start(program), np.ones((2, 2))
    raw = reference.forward(program, parameters, X, link=False)
    expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(reference.forward(program, parameters, X), expected, rtol=1e-14)


def network(activation, loss_name, *, use_bias=True):
    """A chain in which the activation stands fused, alone, and (where the loss lets it) last."""
    loss = losses.get(loss_name)
    last = loss.activation or ("identity" if loss.last else activation)
    return lower([Dense(5, activation), Activation(activation), Dense(loss.outputs_for(3), last, use_bias)], 4, loss)


def clear_of_kinks(program, parameters, X, target, margin=0.01):
    """Return which rows of the batch come nowhere near a point where a function has no derivative."""
    clear = np.ones(len(X), dtype=bool)
    for row, (_, z, _) in zip(program.rows, reference.tape(program, parameters, X), strict=True):
        if row.activation in ("relu", "leaky_relu", "elu"):
            clear &= ((np.abs(z) > margin) | (z == 0)).all(axis=1)  # an exact 0 is a silent relu's, and stays one
    if "hinge" in program.loss:
        z = reference.forward(program, parameters, X)
        clear &= (np.abs(1 - (2 * target - 1) * z) > margin).all(axis=1)
    if program.loss in ("absolute_error", "huber", "pinball"):
        d = np.abs(reference.forward(program, parameters, X, link=False) - target)
        clear &= ((d > margin) & (np.abs(d - program.loss_parameter) > margin)).all(axis=1)
    return clear


def batch_for(program, parameters, n, seed):
    """Return X, target and sample weights of n rows at which the loss is smooth."""
    rng = np.random.default_rng(seed)
    X, target = rng.normal(size=(50 * n, program.n_features)), target_for(program, 50 * n, rng)
    rows = np.flatnonzero(clear_of_kinks(program, parameters, X, target))[:n]
    assert len(rows) == n
    return X[rows], target[rows], rng.random(n)


def central_differences(f, parameters, h=1e-4):
    """Derivative of f by every parameter, with an error of order h**4."""
    gradient = np.empty_like(parameters)
    for i in range(parameters.size):
        step = h * np.eye(parameters.size)[i]
        near, far = (f(parameters + k * step) - f(parameters - k * step) for k in (1, 2))
        gradient[i] = (8 * near - far) / (12 * h)
    return gradient


@pytest.mark.parametrize("loss_name", LOSS_NAMES)
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_gradient_agrees_with_central_differences(activation, loss_name):
    program = network(activation, loss_name, use_bias=activation != "tanh")
    parameters = start(program)
    X, target, weight = batch_for(program, parameters, 6, seed=1)
    value, gradient = reference.loss_and_gradient(program, parameters, X, target, weight)
    numeric = central_differences(lambda p: reference.loss(program, p, X, target, weight), parameters)
    assert value == reference.loss(program, parameters, X, target, weight)
    assert np.abs(gradient).max() > 1e-3
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("loss_name", LOSS_NAMES)
def test_float32_gradient_is_float32_and_near(loss_name):
    program = network("tanh", loss_name)
    parameters = start(program)
    X, target, _ = batch_for(program, parameters, 6, seed=2)
    _, exact = reference.loss_and_gradient(program, parameters, X, target)
    _, single = reference.loss_and_gradient(program, parameters.astype(np.float32), X.astype(np.float32), target)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, exact, rtol=1e-3, atol=1e-5)


def test_sample_weights_scale_rows_but_not_the_divisor():
    program = network("tanh", "mse")
    parameters = start(program)
    X, target, _ = batch_for(program, parameters, 4, seed=3)
    first = reference.loss_and_gradient(program, parameters, X[:1], target[:1])
    weighted = reference.loss_and_gradient(program, parameters, X, target, np.array([2.0, 0, 0, 0]))
    assert weighted[0] == pytest.approx(first[0] / 2, rel=1e-14)
    np.testing.assert_allclose(weighted[1], first[1] / 2, rtol=1e-12, atol=1e-16)


def test_row_losses_average_to_the_batch_loss():
    program = network("gelu", "huber")
    parameters = start(program)
    X, target, _ = batch_for(program, parameters, 5, seed=4)
    single = [reference.loss(program, parameters, X[i : i + 1], target[i : i + 1]) for i in range(5)]
    assert reference.loss(program, parameters, X, target) == pytest.approx(np.mean(single), rel=1e-13)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logit", [1e4, 3e38])
def test_loss_of_huge_logits_is_true(dtype, logit):
    """A network of one weight, whose logits are x and 0: the loss of the wrong class is x, of the right one 0."""
    logit = dtype(logit)
    program = lower([Dense(2, "softmax", use_bias=False)], 1, "sparse_categorical_crossentropy")
    parameters, X = np.array([1, 0], dtype), np.array([[logit]])
    assert reference.loss(program, parameters, X, np.array([0])) == 0
    assert reference.loss(program, parameters, X, np.array([1])) == float(logit)
    assert reference.loss(program, parameters, -X, np.array([0])) == float(logit)
    assert reference.loss_and_gradient(program, parameters[::-1].copy(), X, np.array([1]))[1].tolist() == [0, 0]


def problem(optimizer, dtype=np.float64):
    """Return a small classification task: program, parameters, slots, X, target."""
    program = lower([Dense(6, "tanh"), Dense(3, "softmax")], 4, "sparse_categorical_crossentropy")
    X = np.random.default_rng(5).normal(size=(23, 4)).astype(dtype)
    return program, start(program, dtype=dtype), slots_of(optimizer, program, dtype), X, (X[:, :3].argmax(axis=1))


@pytest.mark.parametrize("shuffle", [False, True])
def test_train_is_a_loop_of_updates_over_batches(shuffle):
    optimizer = SGD(0.1)
    program, parameters, slots, X, target = problem(optimizer)
    expected, epoch_losses = parameters.copy(), []
    for epoch in range(2):
        order = permutation(9, epoch, 23) if shuffle else np.arange(23)
        values = []
        for rows in (order[:10], order[10:20], order[20:]):
            value, gradient = reference.loss_and_gradient(program, expected, X[rows], target[rows])
            expected -= 0.1 * gradient
            values.append(value)
        epoch_losses.append((10 * values[0] + 10 * values[1] + 3 * values[2]) / 23)
    result = reference.train(
        program, optimizer, parameters, slots, X, target, epochs=2, batch_size=10, shuffle=shuffle, seed=9
    )
    np.testing.assert_array_equal(parameters, expected)
    np.testing.assert_allclose(result, epoch_losses, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_in_two_parts_is_training_in_one(optimizer, dtype):
    program, parameters, slots, X, target = problem(optimizer, dtype)
    whole, whole_slots, step = parameters.copy(), slots_of(optimizer, program, dtype), {"batch_size": 7, "seed": 2}
    losses_whole = reference.train(program, optimizer, whole, whole_slots, X, target, epochs=6, shuffle=True, **step)
    first = reference.train(program, optimizer, parameters, slots, X, target, epochs=4, shuffle=True, **step)
    updates = 4 * 4
    second = reference.train(
        program, optimizer, parameters, slots, X, target, epochs=2, shuffle=True, first_epoch=4, t=updates, **step
    )
    np.testing.assert_array_equal(parameters, whole)
    np.testing.assert_array_equal(slots, whole_slots)
    np.testing.assert_array_equal(np.concatenate([first, second]), losses_whole)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_learns(optimizer):
    program, parameters, slots, X, target = problem(optimizer)
    history = reference.train(
        program, optimizer, parameters, slots, X, target, epochs=150, batch_size=8, shuffle=True, seed=0
    )
    assert history[-1] < 0.25 * history[0]
    assert (reference.forward(program, parameters, X).argmax(axis=1) == target).mean() > 0.9


def test_sample_weight_zero_is_absence():
    optimizer = SGD(0.1)
    program, parameters, slots, X, target = problem(optimizer)
    other, wrong, weight = parameters.copy(), target.copy(), np.ones(23)
    wrong[5:9], weight[5:9] = (target[5:9] + 1) % 3, 0
    step = {"epochs": 3, "batch_size": 8, "shuffle": True, "seed": 1, "sample_weight": weight}
    reference.train(program, optimizer, parameters, slots, X, target, **step)
    reference.train(program, optimizer, other, slots, X, wrong, **step)
    np.testing.assert_array_equal(parameters, other)


def test_decay_touches_weights_only():
    program = lower([Dense(2), Activation("relu"), Dense(1, use_bias=False)], 3, "mse")
    assert reference.decay_rates(program, AdamW(weight_decay=0.25)).tolist() == [0.25] * 6 + [0] * 2 + [0.25] * 2
    assert not reference.decay_rates(program, Adam()).any()
