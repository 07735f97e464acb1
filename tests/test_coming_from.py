"""The guide's page "Coming from Keras, PyTorch or scikit-learn": a test for every row, named by its first column.

What other packages compute is written out here by hand, from their documentation.
"""

import contextlib
import dataclasses
import inspect
import io
import re
from pathlib import Path

import numpy as np
import pytest

from nncore import (
    SGD,
    Activation,
    Adagrad,
    Adam,
    AdamW,
    BatchNorm,
    Constant,
    CosineDecay,
    CosineDecayRestarts,
    Dense,
    EarlyStopping,
    ExponentialDecay,
    ExponentialMovingAverage,
    GaussianNegativeLogLikelihood,
    InverseTimeDecay,
    LayerNorm,
    LearningRateScheduler,
    Lion,
    MeanSquaredError,
    Nadam,
    Normalization,
    OneCycle,
    Parallel,
    PiecewiseConstant,
    Pinball,
    Poisson,
    PolynomialDecay,
    PReLU,
    ReduceLROnPlateau,
    RMSNorm,
    RMSprop,
    Sequential,
    SparseCategoricalCrossentropy,
    StepDecay,
    callbacks,
    kernels,
    metrics,
    reference,
)
from nncore.initializers import RandomUniform, initialize
from nncore.program import lower
from nncore.schedules import SCHEDULES
from nncore.solvers import LBFGS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "coming_from.md"
X = np.random.default_rng(0).normal(size=(32, 3))
Y = X[:, :1] - X[:, 1:2] ** 2
CLASSES = (X[:, 0] > 0).astype(int)
GRADIENTS = np.random.default_rng(1).normal(size=(6, 4))
TESTS = {}


def row(name):
    """Register a function as the test of a row."""

    def register(function):
        assert name not in TESTS
        TESTS[name] = function
        return function

    return register


def rows():
    """Return the first column of the page's tables, without signs of code."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert all(line.count("|") == 5 for line in lines)
    return [re.split(r"\s*\|\s*", line)[1].replace("`", "") for line in lines if not line.startswith("| What |")]


def test_every_row_has_a_test_and_every_test_a_row():
    assert sorted(rows()) == sorted(TESTS)


@pytest.mark.parametrize("name", rows())
def test_row(name):
    TESTS[name]()


def linear(units=1, **options):
    """A layer, and nothing else, with weights that are not 0."""
    model = Sequential([Dense(units, **options)], dtype="float64", seed=2)
    model.build(3)
    return model


def shown(layer):
    """A model that answers what a layer without weights of its own makes of its input."""
    model = Sequential([layer, Dense(3, use_bias=False)], dtype="float64")
    model.build(3)
    model.set_weights([*model.get_weights()[:-1], np.eye(3)])
    return model


def run(optimizer, gradients=GRADIENTS, start=1.0):
    """Return the parameters after an update for each gradient."""
    w = np.full(gradients.shape[1], start)
    slots = [np.zeros_like(w) for _ in range(optimizer.n_slots)]
    for t, g in enumerate(gradients, start=1):
        reference.update(optimizer, w, g.copy(), slots, t, np.zeros_like(w))
    return w


def default(cls, field):
    return inspect.signature(cls).parameters[field].default


# ---- layers


@row("BatchNorm(momentum)")
def _():
    for layer, kept in ((BatchNorm(), 0.9), (BatchNorm(momentum=0.99), 0.99), (BatchNorm(momentum=1 - 0.1), 1 - 0.1)):
        model = Sequential([layer, Dense(1)], dtype="float64")
        model.compile(SGD(0))
        model.fit(X, Y, batch_size=32)
        np.testing.assert_allclose(model.get_weights()[-2], kept * 0 + (1 - kept) * X.mean(axis=0), rtol=1e-12)


@row("BatchNorm(epsilon)")
def _():
    for layer, epsilon in ((BatchNorm(), 1e-5), (BatchNorm(epsilon=1e-3), 1e-3)):
        program = lower([layer, Dense(3, use_bias=False)], 3, "mse")
        parameters = np.r_[np.ones(3), np.zeros(3), np.eye(3).ravel()]
        found, _ = reference.loss_and_gradient(program, parameters, X, np.zeros((32, 3)), None, seed=0)
        expected = np.mean(((X - X.mean(axis=0)) / np.sqrt(X.var(axis=0) + epsilon)) ** 2)
        assert found == pytest.approx(expected, rel=1e-12)


@row("running variance of BatchNorm")
def _():
    model = Sequential([BatchNorm(momentum=0.0), Dense(1)], dtype="float64")
    model.compile(SGD(0))
    model.fit(X, Y, batch_size=32)
    np.testing.assert_allclose(model.get_weights()[-1], X.var(axis=0, ddof=1), rtol=1e-12)  # PyTorch
    np.testing.assert_allclose(model.get_weights()[-1], X.var(axis=0) * 32 / 31, rtol=1e-12)  # Keras', and 3 %


@row("Normalization()")
def _():
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    for adapt in (lambda model: model.adapt(X), lambda model: model.fit(X, Y, epochs=1)):
        model = Sequential([Normalization(), Dense(1)], dtype="float64")
        adapt(model)
        np.testing.assert_allclose(model.activations(X, 0), scaled, rtol=1e-12, atol=1e-14)


@row("LayerNorm(epsilon)")
def _():
    for layer, epsilon in ((LayerNorm(), 1e-5), (LayerNorm(epsilon=1e-3), 1e-3)):
        model = shown(layer)
        expected = (X - X.mean(axis=1, keepdims=True)) / np.sqrt(X.var(axis=1, keepdims=True) + epsilon)
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)


@row("RMSNorm(epsilon)")
def _():
    for layer, epsilon in ((RMSNorm(), 1e-5), (RMSNorm(epsilon=1e-6), 1e-6)):
        expected = X / np.sqrt((X**2).mean(axis=1, keepdims=True) + epsilon)
        np.testing.assert_allclose(shown(layer).predict(X), expected, rtol=1e-12)


@row("slopes of PReLU")
def _():
    for layer, slope in ((PReLU(), 0.0), (PReLU(Constant(0.25)), 0.25)):
        np.testing.assert_allclose(shown(layer).predict(X), np.where(X > 0, X, slope * X), rtol=1e-15)


@row("penalties of outputs")
def _():
    model = Sequential([Dense(1, activity_l2=0.5, use_bias=False, weight_initializer="ones")], dtype="float64")
    model.compile(SGD(1.0), loss="mse")
    assert model.train_on_batch([[2.0], [0.0]], [[2.0], [0.0]]) == 0.0
    assert model.get_weights()[0].item() == 1 - 2 * 0.5 * 2 * 2 / 2


@row("slope of leaky_relu below 0")
def _():
    for layer, slope in (
        (Activation("leaky_relu"), 0.01),
        (Activation("leaky_relu", negative_slope=0.2), 0.2),
        (Activation("leaky_relu", negative_slope=0.3), 0.3),
    ):
        model = shown(layer)
        np.testing.assert_allclose(model.predict(X), np.where(X > 0, X, slope * X), rtol=1e-15)


@row("first weights of Dense")
def _():
    he, glorot, torch = np.sqrt(6 / 100), np.sqrt(6 / (100 + 200)), 100**-0.5
    both, sklearn = RandomUniform(100**-0.5), RandomUniform((6 / (100 + 200)) ** 0.5)
    for options, limit, of_bias in (
        ({"activation": "relu"}, he, 0),
        ({"activation": "tanh"}, glorot, 0),
        ({"activation": "relu", "weight_initializer": "glorot_uniform"}, glorot, 0),
        ({"activation": "relu", "weight_initializer": both, "bias_initializer": both}, torch, torch),
        ({"activation": "relu", "weight_initializer": sklearn, "bias_initializer": sklearn}, glorot, glorot),
    ):
        model = Sequential([Dense(200, **options)])
        model.build(100)
        weight, bias = model.get_weights()
        assert 0.99 * limit < abs(weight).max() <= limit * (1 + 1e-6)
        assert 0.9 * of_bias <= abs(bias).max() <= of_bias * (1 + 1e-6)


@row("he_normal, glorot_normal, lecun_normal, normal")
def _():
    for name, deviation in (
        ("he_normal", np.sqrt(2 / 300)),
        ("glorot_normal", np.sqrt(2 / (300 + 400))),
        ("lecun_normal", np.sqrt(1 / 300)),
        ("normal", 0.05),
    ):
        weight = initialize(name, "relu", (300, 400), seed=0, layer=0)
        assert weight.std() == pytest.approx(deviation, rel=0.01)
        assert np.mean(abs(weight) > 2 * deviation) == pytest.approx(0.0455, abs=0.005)  # of a whole normal


@row("cross-entropy from logits")
def _():
    model = Sequential([Dense(3, "softmax")], dtype="float64")
    model.build(3)
    weight, bias = model.get_weights()
    logits = X @ weight + bias
    expected = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(32), CLASSES])
    assert model.evaluate(X, CLASSES)["loss"] == pytest.approx(expected, rel=1e-12)
    as_there = Sequential([Dense(3)], dtype="float64")
    as_there.compile(loss=SparseCategoricalCrossentropy(from_logits=True))
    as_there.build(3)
    as_there.set_weights([weight, bias])
    assert as_there.evaluate(X, CLASSES) == model.evaluate(X, CLASSES)
    np.testing.assert_allclose(as_there.predict(X), logits, rtol=1e-12)
    np.testing.assert_allclose(model.predict(X), np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), rtol=1e-12)
    model.set_weights([1e4 * weight, bias])  # where the logarithm of a probability would be infinite
    assert np.isfinite(model.evaluate(X, CLASSES)["loss"])


# ---- losses

Z = np.random.default_rng(2).normal(size=(6, 2))


@row("Poisson")
def _():
    counts = np.random.default_rng(3).poisson(2, (6, 2)).astype(float)
    value, _ = kernels.loss(Poisson(log_input=True), Z, counts)  # PyTorch's default
    np.testing.assert_allclose(value, (np.exp(Z) - counts * Z).mean(axis=1), rtol=1e-12)
    mu = np.exp(Z)
    np.testing.assert_allclose(value, (mu - counts * np.log(mu + 1e-7)).mean(axis=1), atol=1e-5)  # Keras
    assert default(Poisson, "log_input") is False


@row("log_cosh near 0")
def _():
    d = np.array([[1e-5]])
    assert kernels.loss("log_cosh", d, 0 * d)[0][0] == pytest.approx(d[0, 0] ** 2 / 2, rel=1e-9)
    keras = d + np.log1p(np.exp(-2 * d)) - np.log(2)
    assert abs(keras[0, 0] / (d[0, 0] ** 2 / 2) - 1) > 1e-8


@row("slope of hinge at the margin, of mae and quantiles at 0")
def _():
    one = np.array([[1.0]])
    for loss in ("hinge", "mae", Pinball(0.9)):
        assert kernels.loss(loss, one, one)[1] == 0


@row("GaussianNegativeLogLikelihood")
def _():
    target = Z[:, :1] + 0.5
    value, _ = kernels.loss(GaussianNegativeLogLikelihood(), Z, target)
    variance = np.maximum(np.exp(Z[:, 1:]) + 1e-6, 1e-6)
    pytorch = 0.5 * (np.log(variance) + (Z[:, :1] - target) ** 2 / variance)
    np.testing.assert_allclose(value, pytorch[:, 0], rtol=1e-9)


@row("loss_weights")
def _():
    value, _ = kernels.loss(MeanSquaredError(output_weights=[1, 0.2]), Z, 0 * Z)
    np.testing.assert_allclose(value, (1 * Z[:, 0] ** 2 + 0.2 * Z[:, 1] ** 2) / 2, rtol=1e-12)


@row("one loss for several outputs")
def _():
    outputs, y = Parallel([[Dense(1)], [Dense(2)]]), [Y, X[:, :2]]
    together, each = Sequential([outputs]), Sequential([outputs])
    together.compile(loss="mse"), each.compile(loss=["mse", "mse"])
    together.fit(X, np.hstack(y)), each.fit(X, y)
    found = [part - true for part, true in zip(each.predict(X), y, strict=True)]
    keras = sum((part**2).mean() for part in found)
    np.testing.assert_allclose(each.evaluate(X, y)["loss"], keras, rtol=1e-6)
    d = together.predict(X) - np.hstack(y)
    np.testing.assert_allclose(together.evaluate(X, np.hstack(y))["loss"], (d**2).mean(), rtol=1e-6)


@row("label smoothing")
def _():
    labels = np.arange(6) % 2
    value, _ = kernels.loss(SparseCategoricalCrossentropy(label_smoothing=0.1), Z, labels)
    smooth = np.eye(2)[labels] * 0.9 + 0.1 / 2
    keras, _ = kernels.loss("categorical_crossentropy", Z, smooth)
    np.testing.assert_allclose(value, keras, rtol=1e-12)


@row("targets of hinge losses")
def _():
    seen, signs = [], 2 * CLASSES - 1
    model = Sequential([Dense(1)], seed=0)
    model.compile(loss="hinge", metrics=["accuracy", lambda y_true, y_pred: seen.append(y_true) or 0.0])
    model.build(3)
    scores = model.evaluate(X, signs)
    assert set(np.unique(seen[-1])) == {0, 1}
    assert scores["accuracy"] == pytest.approx(((model.predict(X)[:, 0] > 0) == CLASSES).mean())


@row("missing targets")
def _():
    holes = np.where(np.arange(6)[:, None] < 3, np.nan, 1.0) * np.ones(2)
    value, gradient = kernels.loss(MeanSquaredError(mask_missing=True), Z, holes)
    assert not value[:3].any() and not gradient[:3].any()
    np.testing.assert_allclose(value[3:], ((Z[3:] - 1) ** 2).mean(axis=1), rtol=1e-12)


# ---- optimizers


@row("rate of SGD")
def _():
    assert default(SGD, "learning_rate") == 0.01
    np.testing.assert_allclose(run(SGD(0.001)), 1 - 0.001 * GRADIENTS.sum(axis=0), rtol=1e-12)


@row("velocity of SGD(momentum)")
def _():
    inside, outside, w, u = np.zeros(4), np.zeros(4), np.ones(4), np.ones(4)
    for g in GRADIENTS:
        inside, outside = 0.9 * inside - 0.1 * g, 0.9 * outside + g
        w, u = w + inside, u - 0.1 * outside
    np.testing.assert_allclose(run(SGD(0.1, momentum=0.9)), w, rtol=1e-12)
    np.testing.assert_allclose(w, u, rtol=1e-12)
    changed, slots = np.zeros(1), [np.zeros(1)]
    for t, rate in ((1, 0.1), (2, 0.01)):
        reference.update(SGD(rate, momentum=0.9), changed, np.ones(1), slots, t, np.zeros(1))
    assert changed[0] == pytest.approx(-0.1 - (0.9 * 0.1 + 0.01))  # PyTorch: -0.1 - 0.01 * 1.9


def adam(gradients, epsilon, corrected, rate=0.001):
    """Keras has epsilon beside the uncorrected root, and both corrections in the rate."""
    m, v, w = 0.0, 0.0, 1.0
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        root = np.sqrt(1 - 0.999**t)
        step = m / (1 - 0.9**t) / (np.sqrt(v) / root + epsilon) if corrected else m / (np.sqrt(v) + epsilon)
        w = w - rate * (step if corrected else step * root / (1 - 0.9**t))
    return w


@row("epsilon of Adam, AdamW, Nadam")
def _():
    assert [default(cls, "epsilon") for cls in (Adam, AdamW, Nadam)] == [1e-8] * 3
    np.testing.assert_allclose(run(Adam()), adam(GRADIENTS, 1e-8, corrected=True), rtol=1e-12)
    assert Adam(epsilon=1e-7).epsilon == 1e-7
    small = 1e-6 * GRADIENTS
    keras, here = adam(small, 1e-7, corrected=False), run(Adam(epsilon=1e-7), small)
    assert (abs(keras - 1) < 0.9 * abs(here - 1)).all()  # theirs counts for more
    late = np.full((9000, 1), 1e-6)
    moved = [run(Adam(epsilon=1e-7), late[:n]) - adam(late[:n], 1e-7, corrected=False) for n in (8000, 9000)]
    assert abs(moved[1] - moved[0]) < 1e-6 * 1000  # of 1000 steps of about 0.001


@row("RMSprop")
def _():
    def rmsprop(rate, rho, epsilon, inside, gradients=GRADIENTS):
        v, w = 0.0, 1.0
        for g in gradients:
            v = rho * v + (1 - rho) * g**2
            w = w - rate * g / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon)
        return w

    np.testing.assert_allclose(run(RMSprop()), rmsprop(0.001, 0.9, 1e-7, False), rtol=1e-12)
    np.testing.assert_allclose(run(RMSprop(0.01, rho=0.99, epsilon=1e-8)), rmsprop(0.01, 0.99, 1e-8, False), rtol=1e-12)
    np.testing.assert_allclose(run(RMSprop()), rmsprop(0.001, 0.9, 1e-7, True), rtol=1e-5)
    small = 1e-4 * GRADIENTS
    assert (abs(rmsprop(0.001, 0.9, 1e-7, True, small) - run(RMSprop(), small)) > 1e-5).any()


@row("Adagrad")
def _():
    def adagrad(rate, start, epsilon, inside):
        v, w = start, 1.0
        for g in GRADIENTS:
            v = v + g**2
            w = w - rate * g / (np.sqrt(v + epsilon) if inside else np.sqrt(v) + epsilon)
        return w

    np.testing.assert_allclose(run(Adagrad()), adagrad(0.01, 0.0, 1e-7, False), rtol=1e-12)
    np.testing.assert_allclose(run(Adagrad(epsilon=1e-10)), adagrad(0.01, 0.0, 1e-10, False), rtol=1e-12)
    assert (abs(run(Adagrad(0.001)) - adagrad(0.001, 0.1, 1e-7, True)) > 1e-5).any()


@row("Nadam")
def _():
    def nadam(momentum, gradients):
        """Dozat's, with the momentum of every step."""
        m, v, w, product = 0.0, 0.0, 1.0, 1.0
        for t, g in enumerate(gradients, start=1):
            now, ahead = momentum(t), momentum(t + 1)
            product *= now
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            look = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
            w = w - 0.001 * look / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return w

    np.testing.assert_allclose(run(Nadam()), nadam(lambda t: 0.9, GRADIENTS), rtol=1e-12)
    assert default(Nadam, "learning_rate") == 0.001
    for slowness, steps in ((1, 100), (250, 25_000)):  # Keras, PyTorch

        def theirs(t, slowness=slowness):
            return 0.9 * (1 - 0.5 * 0.96 ** (t / slowness))

        assert theirs(1) < 0.47 and theirs(steps) == pytest.approx(0.9, rel=0.01)
        assert (abs(run(Nadam()) - nadam(theirs, GRADIENTS)) > 1e-5).any()


@row("rate of Lion")
def _():
    assert default(Lion, "learning_rate") == 1e-4
    assert run(Lion(1e-3), np.ones((1, 1)))[0] == pytest.approx(1 - 1e-3)


@row("weight_decay of AdamW")
def _():
    assert (AdamW().weight_decay, AdamW(weight_decay=0.01).weight_decay) == (0.004, 0.01)


@row("what decays with AdamW, Lion")
def _():
    program = lower([Dense(2), BatchNorm(), Dense(1)], 1, "mse")
    weights = [1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0]
    for optimizer in (AdamW(weight_decay=0.5), Lion(weight_decay=0.5)):
        assert reference.decay_rates(program, optimizer).tolist() == [0.5 * w for w in weights]
        everything = dataclasses.replace(optimizer, decay_bias=True)
        assert reference.decay_rates(program, everything).tolist() == [0.5] * len(weights)


@row("weight_decay of PyTorch's SGD, Adam")
def _():
    model = linear(l2=0.3 / 2)
    model.compile(SGD(0.1))
    (weight, bias) = model.get_weights()
    error = 2 * (X @ weight + bias - Y) / 32
    model.fit(X, Y)
    np.testing.assert_allclose(model.get_weights()[0], weight - 0.1 * (X.T @ error + 0.3 * weight), rtol=1e-10)
    np.testing.assert_allclose(model.get_weights()[1], bias - 0.1 * error.sum(axis=0), rtol=1e-10)


@row("clipping")
def _():
    for options in ({"clip_norm": 0.01}, {"clip_value": 0.01}):
        model = linear()
        model.compile(SGD(1.0, **options))
        before = model.get_weights()
        error = 2 * (X @ before[0] + before[1] - Y) / 32
        gradients = [X.T @ error, error.sum(axis=0)]
        norm = np.sqrt(sum((g**2).sum() for g in gradients))  # of all together
        model.fit(X, Y)
        for old, new, g in zip(before, model.get_weights(), gradients, strict=True):
            expected = g * 0.01 / norm if "clip_norm" in options else np.clip(g, -0.01, 0.01)
            np.testing.assert_allclose(old - new, expected, rtol=1e-8)


# what torch.optim made of 1.0 under the gradients 1, -2, 0.5, 0.1, 0.05, at a rate of 0.1
SEVERAL = np.array([[1.0], [-2.0], [0.5], [0.1], [0.05]])


@row("Adam(amsgrad=True)")
def _():
    found = run(Adam(0.1, beta_2=0.5, amsgrad=True), SEVERAL)
    assert found[0] == pytest.approx(0.9552180473450101, rel=1e-12)
    w, decayed, slots = np.ones(1), AdamW(0.1, beta_2=0.5, amsgrad=True), [np.zeros(1) for _ in range(3)]
    for t, g in enumerate(SEVERAL, start=1):
        reference.update(decayed, w, g, slots, t, np.array([0.25]))
    assert w[0] == pytest.approx(0.84278344043481, rel=1e-12)


@row("RMSprop(centered=True)")
def _():
    found = run(RMSprop(0.1, rho=0.75, centered=True), SEVERAL)
    assert found[0] == pytest.approx(0.8904473677959845, rel=1e-9)
    found = run(RMSprop(0.1, rho=0.75, momentum=0.5, centered=True), SEVERAL)
    assert found[0] == pytest.approx(0.797001375014182, rel=1e-9)
    v, m, keras = 0.0, 0.0, 1.0
    for g in SEVERAL:
        v, m = 0.75 * v + 0.25 * g**2, 0.75 * m + 0.25 * g
        keras = keras - 0.1 * g / np.sqrt(v - m**2 + 1e-7)
    assert run(RMSprop(0.1, rho=0.75, centered=True), SEVERAL)[0] == pytest.approx(keras[0], rel=1e-5)


@row("weight_decay of SGD, RMSprop, Adagrad, Nadam")
def _():
    for kind in (SGD, RMSprop, Adagrad, Nadam):
        model, plain = linear(), linear()
        before = model.get_weights()[0]
        model.compile(kind(0.1, weight_decay=0.5))
        plain.compile(kind(0.1))
        for each in (model, plain):
            each.fit(X, Y)
        shrunk = 0.1 * 0.5 * before  # w -= learning_rate * weight_decay * w, beside the rule's own step
        np.testing.assert_allclose(plain.get_weights()[0] - model.get_weights()[0], shrunk, rtol=1e-9)
        assert np.array_equal(plain.get_weights()[1], model.get_weights()[1])


@row("averages of weights")
def _():
    each_step, each_epoch = 0.0, ExponentialMovingAverage(0.99**4)
    model = linear()
    model.compile(SGD(0.01))
    seen = []
    model.fit(
        X, Y, epochs=400, batch_size=8, callbacks=[lambda m, e, logs: seen.append(m.parameters.copy()), each_epoch]
    )
    for w in seen:
        each_step = 0.99**4 * each_step + (1 - 0.99**4) * w  # theirs, where weights stand still within an epoch
    np.testing.assert_allclose(model.parameters, each_step, rtol=1e-3)
    other = linear()
    other.compile(SGD(0.01))
    other.fit(X, Y, epochs=400, batch_size=8, callbacks=ExponentialMovingAverage(0.99, every="batch"))
    np.testing.assert_allclose(other.parameters, each_step, rtol=1e-2)  # within an epoch they do move


@row("compile again")
def _():
    def last(again):
        model = linear()
        model.compile(Adam(0.1))
        model.fit(X, Y, epochs=3)
        again(model)
        model.fit(X, Y)
        return model.parameters.tolist()

    kept = last(lambda model: None)
    assert last(lambda model: model.compile(Adam(0.1))) != kept
    assert last(lambda model: model.compile(Adam(0.1), keep_state=True)) == kept
    assert last(lambda model: setattr(model, "optimizer", Adam(0.1))) == kept


# ---- schedules


@row("boundaries of PiecewiseConstant")
def _():
    boundaries, values, n_batches = [5, 11], [0.3, 0.2, 0.1], 4
    keras = [values[sum(step > b for b in boundaries)] for step in range(16)]
    schedule = PiecewiseConstant(values, [(b + 1) / n_batches for b in boundaries])
    assert schedule.of_steps(0, 4, n_batches).tolist() == keras
    assert PiecewiseConstant(values, boundaries)([4.9, 5, 11]).tolist() == [0.3, 0.2, 0.1]


STEPS = np.arange(24)  # six epochs of four batches


@row("StepDecay(initial_rate, factor, every)")
def _():
    epochs = STEPS // 4  # what PyTorch's scheduler has counted at each step
    np.testing.assert_allclose(StepDecay(0.3, 0.5, 2).of_steps(0, 6, 4), 0.3 * 0.5 ** (epochs // 2), rtol=1e-12)
    np.testing.assert_allclose(StepDecay(0.3, 0.9, 1).of_steps(0, 6, 4), 0.3 * 0.9**epochs, rtol=1e-12)


@row("ExponentialDecay(initial_rate, factor, every)")
def _():
    smooth, stairs = (cls(0.3, 0.96, 6 / 4).of_steps(0, 6, 4) for cls in (ExponentialDecay, StepDecay))
    np.testing.assert_allclose(smooth, 0.3 * 0.96 ** (STEPS / 6), rtol=1e-12)
    np.testing.assert_allclose(stairs, 0.3 * 0.96 ** np.floor(STEPS / 6), rtol=1e-12)
    with pytest.raises(ValueError, match=r"got 100\.0; factor comes before every here, which is counted in epochs"):
        ExponentialDecay(0.1, 100, 0.96)  # in the order of Keras


def cosine(steps, rate, decay_steps, alpha=0.0):
    """Keras' decay."""
    return rate * ((1 - alpha) * 0.5 * (1 + np.cos(np.pi * np.minimum(steps, decay_steps) / decay_steps)) + alpha)


@row("CosineDecay(peak_rate, epochs)")
def _():
    found = CosineDecay(0.3, 20 / 4, final_rate=0.1 * 0.3).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, cosine(STEPS, 0.3, 20, 0.1), rtol=1e-12)
    torch = 0.03 + (0.3 - 0.03) * (1 + np.cos(np.pi * np.arange(11) / 5)) / 2  # of epochs; T_max is 5
    own = CosineDecay(0.3, 5, final_rate=0.03)(np.arange(11))
    np.testing.assert_allclose(own[:6], torch[:6], rtol=1e-12)
    assert own[10] == 0.03 and torch[10] == pytest.approx(0.3)


@row("warm-up of CosineDecay")
def _():
    found = CosineDecay(0.3, (6 + 12) / 4, 6 / 4, initial_rate=0.01).of_steps(0, 6, 4)
    keras = np.where(STEPS < 6, 0.01 + (0.3 - 0.01) * STEPS / 6, cosine(STEPS - 6, 0.3, 12))
    np.testing.assert_allclose(found, keras, rtol=1e-12, atol=1e-17)


@row("OneCycle(peak_rate, epochs)")
def _():
    total, start, end = 24, 0.3 / 25, 0.3 / 25 / 1e4
    top = 0.25 * total - 1
    up = start + (0.3 - start) * (1 - np.cos(np.pi * STEPS / top)) / 2
    down = end + (0.3 - end) * (1 + np.cos(np.pi * (STEPS - top) / (total - 1 - top))) / 2
    found = OneCycle(0.3, (total - 1) / 4, (0.25 * total - 1) / (total - 1)).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, np.where(top > STEPS, up, down), rtol=1e-9)


@row("CosineDecayRestarts(peak_rate, epochs, t_mul, m_mul)")
def _():
    expected = np.empty(24)  # of Keras' steps: periods of 6 and 12, the rest of one of 24
    for begin, length, peak in ((0, 6, 1), (6, 12, 0.5), (18, 24, 0.25)):
        share = (STEPS[begin : begin + length] - begin) / length
        expected[begin : begin + length] = 0.3 * (0.9 * peak * (1 + np.cos(np.pi * share)) / 2 + 0.1)
    found = CosineDecayRestarts(0.3, 6 / 4, 2, 0.5, final_rate=0.1 * 0.3).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@row("PolynomialDecay(initial_rate, epochs)")
def _():
    found = PolynomialDecay(0.3, 20 / 4, 0.01, power=0.5).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, 0.29 * (1 - np.minimum(STEPS, 20) / 20) ** 0.5 + 0.01, rtol=1e-12)
    linear_lr = 0.3 * (1 + (0.1 - 1) * np.minimum(STEPS, 20) / 20)
    found = PolynomialDecay(0.3, 20 / 4, 0.1 * 0.3).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, linear_lr, rtol=1e-12)


@row("InverseTimeDecay(initial_rate, decay_rate, every)")
def _():
    found = InverseTimeDecay(0.3, decay_rate=0.5, every=10 / 4).of_steps(0, 6, 4)
    np.testing.assert_allclose(found, 0.3 / (1 + 0.5 * STEPS / 10), rtol=1e-12)


@row("other schedules")
def _():
    assert len(SCHEDULES) == 8
    model = linear()
    model.compile(SGD(0.1))
    history = model.fit(X, Y, epochs=4, callbacks=LearningRateScheduler(lambda epoch: 0.1 / (1 + epoch % 2)))
    assert history.learning_rate.tolist() == [0.1, 0.05, 0.1, 0.05]


# ---- training


@row("rows per batch")
def _():
    many, count = np.zeros((401, 3)), []
    for options in ({}, {"batch_size": 200}):
        model = linear()
        model.fit(many, many[:, :1], **options)
        count.append(model._state.network.iterations)
    assert count == [13, 3]


@row("epochs")
def _():
    assert len(linear().fit(X, Y)) == 1 and len(linear().fit(X, Y, epochs=200)) == 200
    stopping = EarlyStopping("loss", min_delta=1e-4)
    assert stopping.patience == 10 and len(linear().fit(X, Y, epochs=20_000, callbacks=stopping)) < 20_000


@row("gradients of several batches, one update")
def _():
    model, large = linear(), linear()
    gradients = [model.loss_and_gradient(X[rows], Y[rows])[1] for rows in np.split(np.arange(32), 4)]
    for each in (model, large):
        each.compile(SGD(0.1))
    before = model.parameters.copy()
    large.fit(X, Y, batch_size=4 * 8)
    np.testing.assert_allclose(large.parameters, before - 0.1 * np.mean(gradients, axis=0), rtol=1e-12)


@row("last batch")
def _():
    rows, targets = np.vstack([X, X[:5]]), np.vstack([Y, Y[:5]])
    model = linear()
    model.compile(SGD(0))
    history = model.fit(rows, targets)
    assert model._state.network.iterations == 2
    assert history.loss[0] == pytest.approx(model.evaluate(rows, targets)["loss"], rel=1e-12)  # the mean over rows
    n = len(rows) // 32 * 32
    model.fit(rows[:n], targets[:n])
    assert model._state.network.iterations == 3


@row("seed")
def _():
    first, second, other = Sequential([Dense(2)]), Sequential([Dense(2)]), Sequential([Dense(2)], seed=None)
    for model in (first, second, other):
        model.build(3)
    assert first.parameters.tolist() == second.parameters.tolist() != other.parameters.tolist()


@row("mixed precision")
def _():
    model = Sequential([Dense(8, "relu"), Dense(1)], dtype="mixed_bfloat16")
    model.fit(X, Y)
    assert (model.dtype_policy, model.dtype, model.parameters.dtype) == ("mixed_bfloat16", np.float32, np.float32)
    x, (weight, *_) = X.astype(np.float32), model.get_weights()
    step = model.explain_step(x, Y)
    assert np.array_equal(
        step["dense_0"].z, reference.bfloat16_product(x, weight, step["dense_0"].parameters["bias"].before)
    )


@row("sample_weight, class_weight")
def _():
    weight = np.linspace(0.1, 3, 32)
    model = linear()
    losses = ((model.predict(X) - Y) ** 2)[:, 0]
    assert model.evaluate(X, Y, sample_weight=weight)["loss"] == pytest.approx(np.sum(weight * losses) / 32, rel=1e-12)
    by_sum = model.evaluate(X, Y, sample_weight=weight * len(weight) / weight.sum())["loss"]
    assert by_sum == pytest.approx(np.average(losses, weights=weight), rel=1e-12)


@row("penalties in the reported loss")
def _():
    model = linear(l2=0.1)
    model.compile(SGD(0))
    history = model.fit(X, Y)
    weight, bias = model.get_weights()
    mean = np.mean((X @ weight + bias - Y) ** 2)
    assert history.loss[0] == pytest.approx(mean, rel=1e-12)
    assert (history.loss + history.penalty)[0] == pytest.approx(mean + 0.1 * (weight**2).sum(), rel=1e-12)


@row("penalties of a bias")
def _():
    model = linear(bias_l2=0.01)
    model.compile(SGD(0.1))
    (weight, bias) = model.set_weights([model.get_weights()[0], np.ones(1)]) or model.get_weights()
    error = 2 * (X @ weight + bias - Y) / 32
    model.fit(X, Y)
    assert model.get_weights()[1] == pytest.approx(bias - 0.1 * (error.sum(axis=0) + 2 * 0.01 * bias), rel=1e-12)
    assert reference.penalty(model.program, model.parameters) == pytest.approx(0.01 * model.get_weights()[1][0] ** 2)


@row("l2 and scikit-learn's alpha")
def _():
    alpha, n = 0.5, 32
    model = linear(l2=alpha / n)
    model.fit(X, Y, solver=LBFGS(tol=0), epochs=500)
    weight, bias = model.get_weights()
    error = X @ weight + bias - Y  # the derivative of sum(error**2) / (2 n) + alpha / (2 n) * sum(w**2)
    np.testing.assert_allclose(X.T @ error / n + alpha / n * weight, 0, atol=1e-8)
    classes = Sequential([Dense(2, "softmax", l2=alpha / (2 * n))], dtype="float64")
    classes.fit(X, CLASSES, solver=LBFGS(tol=0), epochs=500)
    error = classes.predict_proba(X) - np.eye(2)[CLASSES]
    np.testing.assert_allclose(X.T @ error / n + alpha / n * classes.get_weights()[0], 0, atol=1e-8)


@row('solver="lbfgs"')
def _():
    def steps(solver):
        return len(Sequential([Dense(9, "tanh"), Dense(1)], dtype="float64").fit(X, Y, solver=solver, epochs=2000))

    assert steps(LBFGS(tol=1e-4)) < steps("lbfgs") == steps(LBFGS()) < steps(LBFGS(tol=0))


@row("what fit shows")
def _():
    class Sink(io.StringIO):
        def __init__(self, terminal):
            super().__init__()
            self.isatty = lambda: terminal

    def shown(terminal, **options):
        with contextlib.redirect_stderr(Sink(terminal)) as sink:
            linear().fit(X, Y, epochs=3, **options)
        return sink.getvalue()

    assert shown(False) == "" and "3/3 epochs" in shown(True)
    assert "3/3 epochs" in shown(False, verbose=True) and len(shown(False, verbose=2).splitlines()) == 3


@row("what train_on_batch returns")
def _():
    model = linear()
    model.compile(SGD(0), metrics=["mae"])
    loss = model.train_on_batch(X, Y)
    assert type(loss) is float and model.evaluate(X, Y, return_dict=False)[0] == pytest.approx(loss, rel=1e-12)


@row("class_weight of train_on_batch")
def _():
    weights, models = {0: 1.0, 1: 3.0}, [Sequential([Dense(2, "softmax")], dtype="float64") for _ in range(2)]
    models[0].train_on_batch(X, CLASSES, sample_weight=[weights[c] for c in CLASSES])
    models[1].fit(X, CLASSES, class_weight=weights, shuffle=False)
    assert models[0].parameters.tolist() == models[1].parameters.tolist()


# ---- using a model


@row("what evaluate returns")
def _():
    model = linear()
    alone = model.evaluate(X, Y)
    assert isinstance(alone, dict) and alone["loss"] == model.evaluate(X, Y, return_dict=False)
    with pytest.raises(TypeError, match="scores are no number"):
        float(alone)
    model.compile(metrics=["mae"])
    loss, mae = scores = model.evaluate(X, Y)
    assert [loss, mae] == model.evaluate(X, Y, return_dict=False) and scores[1] == mae


@row("what predict returns")
def _():
    model = Sequential([Dense(3, "softmax")])
    model.build(3)
    assert (
        model.predict(X).shape == (32, 3) and model.predict_classes(X).tolist() == model.predict(X).argmax(1).tolist()
    )
    assert linear().predict(X).shape == (32, 1)


@row("predict_proba")
def _():
    for units, activation, shape in ((3, "softmax", (32, 3)), (1, "sigmoid", (32, 2))):
        model = Sequential([Dense(units, activation)], dtype="float64")
        model.build(3)
        found = model.predict_proba(X)
        np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-12)
        assert found.shape == shape and found[:, -units:].tolist() == model.predict(X).tolist()


@row("summary")
def _():
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        text = linear().summary()
    assert printed.getvalue() == "" and isinstance(text, str) and "parameters: 4" in text


# ---- callbacks and metrics


@row("patience of EarlyStopping")
def _():
    assert EarlyStopping().patience == 10 and EarlyStopping(patience=0).patience == 0


@row("restore_best_weights")
def _():
    for options, restored in (({}, True), ({"restore_best_weights": False}, False)):
        model = linear()
        model.compile(SGD(5.0))  # which diverges: the first epoch is the best
        first = linear()
        first.compile(SGD(5.0))
        first.fit(X, Y)
        model.fit(X, Y, epochs=9, callbacks=EarlyStopping("loss", patience=2, **options))
        assert model.epoch == 3 and (model.parameters.tolist() == first.parameters.tolist()) is restored


def first_lowered(patience, values):
    """Return after how many epochs a plateau lowers the rate."""
    history = linear_with_values(values, callbacks.ReduceLROnPlateau("v", mode="min", patience=patience))
    return int(np.flatnonzero(history < 1)[0]) if (history < 1).any() else None


def linear_with_values(values, callback):
    """Return the rates before every epoch of a model whose epochs have given values."""

    class Played:
        optimizer = SGD(1.0)

    model, rates = Played(), []
    callback.on_train_begin(model)
    for epoch, value in enumerate(values):
        rates.append(model.optimizer.rate)
        callback.on_epoch_end(model, epoch, {"v": value})
    return np.array([*rates, model.optimizer.rate])


@row("patience of ReduceLROnPlateau")
def _():
    flat = [1.0] * 30  # the first is a gain
    assert ReduceLROnPlateau().patience == 10
    assert first_lowered(10, flat) == 11
    assert first_lowered(11, flat) == 12  # PyTorch's patience of 10 lowers after more than 10 epochs without gain


@row("threshold of ReduceLROnPlateau")
def _():
    assert ReduceLROnPlateau().min_delta == ReduceLROnPlateau(min_delta=1e-4).min_delta == 1e-4
    falling = [1e-3 - 5e-5 * i for i in range(20)]  # PyTorch counts each as a gain: more than 1e-4 of the best
    assert first_lowered(1, falling) == 2
    assert first_lowered(1, [10 * value for value in falling]) is None


@row("NaN in the first epoch")
def _():
    stopping = EarlyStopping("v", mode="min", patience=9, restore_best_weights=False)
    stopping.on_train_begin(linear())
    for epoch, value in enumerate([np.nan, 2.0, 3.0]):
        stopping.on_epoch_end(linear(), epoch, {"v": value})
    assert stopping.best == 2.0


@row("accuracy's threshold")
def _():
    p = np.array([0.2, 0.5, 0.6, 0.8])
    assert metrics.binary_accuracy([0, 0, 1, 1], p) == 1.0  # 0.5 is not above 0.5
    assert metrics.binary_accuracy([0, 0, 0, 1], p, threshold=0.7) == 1.0
    with pytest.raises(ValueError, match="labels 0 and 1, got 2"):
        metrics.binary_accuracy([0, 2, 1, 1], p)


@row("a loss of your own")
def test_own_loss():
    def squares(y_true, y_pred):
        return ((y_pred - y_true) ** 2).sum(axis=1), 2 * (y_pred - y_true)

    own, built_in = linear(), linear()
    own.compile("sgd", loss=squares)
    built_in.compile("sgd", loss="mse")
    own.fit(X, Y, epochs=2)
    built_in.fit(X, Y, epochs=2)
    assert own.parameters.tobytes() == built_in.parameters.tobytes()


@row("steps of your own")
def test_own_steps():
    by_hand, by_method = linear(), linear()
    for model in (by_hand, by_method):
        model.compile(Adam(0.1), loss="mse")
    for _ in range(2):  # nothing is left over from the step before
        gradient = by_hand.backward(X, 2 * (by_hand.predict(X) - Y) / len(X))
        by_hand.apply_gradient(gradient)
        by_method.train_on_batch(X, Y)
    assert np.allclose(by_hand.parameters, by_method.parameters, rtol=1e-12)
