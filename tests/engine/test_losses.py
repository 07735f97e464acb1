"""Loss kernels against the oracle, against mpmath at extreme logits, and their properties."""

import mpmath
import numpy as np
import pytest

from nncore import Dense, losses
from nncore.program import lower
from nncore.reference.losses import LOSS, LOSS_GRADIENT, OF_EACH
from nncore.reference.targets import row_losses, slopes

ELEMENTWISE = [*OF_EACH]
CHOICES = ["softmax_crossentropy", "sparse_softmax_crossentropy", "softmax_focal", "kl_divergence"]
ALL = [*ELEMENTWISE, *CHOICES]  # a gaussian has other numbers of targets: see test_targets_are_read
TOLERANCE = {"float32": {"rtol": 3e-6, "atol": 3e-7}, "float64": {"rtol": 1e-13, "atol": 1e-15}}
DELTA = 0.75


def targets(name, rng, n, n_outputs, dtype):
    if name == "sparse_softmax_crossentropy":
        return rng.integers(n_outputs, size=n).astype(np.int32)
    t = rng.random((n, n_outputs))
    if "hinge" in name:
        return np.round(t).astype(dtype)
    return (t / t.sum(axis=1, keepdims=True) if name in CHOICES else t).astype(dtype)


@pytest.mark.parametrize("name", ALL)
def test_agrees_with_the_oracle(variant, name):
    rng = np.random.default_rng(1)
    for n in (0, 1, 3, 4, 5, 15, 16, 17, 33):
        for n_outputs in (1, 2, 4, 7, 8, 16, 17, 33, 70):
            z = (3 * rng.standard_normal((n, n_outputs))).astype(variant.DTYPE)
            t = targets(name, rng, n, n_outputs, variant.DTYPE)
            values, gradient = variant.loss(name, z, t, DELTA)
            exact, target = z.astype(np.float64), t if t.dtype == np.int32 else t.astype(np.float64)
            tolerance = TOLERANCE[variant.DTYPE.name]
            np.testing.assert_allclose(values, LOSS[name](exact, target, DELTA), **tolerance)
            np.testing.assert_allclose(gradient, LOSS_GRADIENT[name](exact, target, DELTA), **tolerance)


READ = [
    losses.BinaryCrossentropy(
        True, label_smoothing=0.1, pos_weight=3, output_weights=[1, 2, 0, 0.5], mask_missing=True
    ),
    losses.BinaryFocalCrossentropy(True, gamma=0.5, apply_class_balancing=True),
    losses.CategoricalFocalCrossentropy(True, alpha=[1, 2, 3, 4], label_smoothing=0.2),
    losses.SparseCategoricalCrossentropy(True, label_smoothing=0.1),
    losses.Pinball([0.1, 0.9], mask_missing=True),
    losses.Huber(0.5, output_weights=[1, 2, 3, 4]),
    losses.GaussianNegativeLogLikelihood(epsilon=0.1, output_weights=[2, 3], mask_missing=True),
]


@pytest.mark.parametrize("loss", READ, ids=lambda loss: loss.name)
def test_targets_are_read(variant, loss):
    program, rng = lower([Dense(4)], 1, loss), np.random.default_rng(2)
    for n in (1, 15, 17, 33):
        z = (2 * rng.standard_normal((n, 4))).astype(variant.DTYPE)
        t = targets(losses.TARGETS_OF_KERNEL[loss.kernel], rng, n, program.n_targets, variant.DTYPE)
        if program.reading.missing:
            t[rng.random(t.shape) < 0.3] = np.nan
        values, gradient = variant.loss(loss.kernel, z, t, loss.parameter, program.reading)
        exact, target = z.astype(np.float64), t if t.dtype == np.int32 else t.astype(np.float64)
        tolerance = TOLERANCE[variant.DTYPE.name]
        np.testing.assert_allclose(values, row_losses(program, exact, target), **tolerance)
        np.testing.assert_allclose(gradient, slopes(program, exact, target), **tolerance)


LOGITS = [0.0, 1e-40, 1e-7, 1.0, 20.0, 88.0, 104.0, 1e4, 1e30, 3e38]


def softplus(z):
    return z + mpmath.log1p(mpmath.exp(-z)) if z > 0 else mpmath.log1p(mpmath.exp(z))


def test_sigmoid_crossentropy_of_extreme_logits(variant):
    z = np.array([s * a for a in LOGITS for s in (1, -1)], variant.DTYPE)[:, None]
    for t in (0.0, 1.0):
        values, gradient = variant.loss("sigmoid_crossentropy", z, np.full_like(z, t), 0.0)
        for value, slope, logit in zip(values, gradient[:, 0], z[:, 0].tolist(), strict=True):
            exact = softplus(mpmath.mpf(logit)) - t * mpmath.mpf(logit)
            assert value == pytest.approx(float(exact), rel=1e-6)
            assert slope == pytest.approx(float(1 / (1 + mpmath.exp(-mpmath.mpf(logit))) - t), rel=3e-6, abs=1e-6)
            assert -1 <= slope <= 1


def test_softmax_crossentropy_of_extreme_logits(variant):
    pairs = [(s * a, r * b) for a in LOGITS for b in LOGITS for s in (1, -1) for r in (1, -1)]
    z = np.array(pairs, variant.DTYPE)
    labels = np.zeros(len(z), np.int32)
    one_hot = np.tile(np.array([1, 0], variant.DTYPE), (len(z), 1))
    for target, name in ((labels, "sparse_softmax_crossentropy"), (one_hot, "softmax_crossentropy")):
        values, gradient = variant.loss(name, z, target, 0.0)
        for value, slope, (a, b) in zip(values, gradient, z.tolist(), strict=True):
            exact = float(softplus(mpmath.mpf(b) - mpmath.mpf(a)))
            assert value == pytest.approx(exact, rel=1e-6, abs=float(np.finfo(variant.DTYPE).smallest_subnormal))
            assert np.all(abs(slope) <= 1)


@pytest.mark.parametrize("name", ["softmax_crossentropy", "sparse_softmax_crossentropy"])
def test_the_largest_logits(variant, name):
    big = np.finfo(variant.DTYPE).max * 0.99
    z = np.array([[big, -big]], variant.DTYPE)
    target = np.array([0], np.int32) if name.startswith("sparse") else np.array([[1, 0]], variant.DTYPE)
    value, gradient = variant.loss(name, z, target, 0.0)
    assert value.tolist() == [0.0] and not gradient.any()


def test_gradients_close_to_the_target_keep_their_digits(variant):
    for z in (12.0, 20.0, 40.0):
        exact = float(1 / (1 + mpmath.exp(z)))
        logit, one = np.array([[z]], variant.DTYPE), np.ones((1, 1), variant.DTYPE)
        assert variant.loss("sigmoid_crossentropy", logit, one, 0.0)[1][0, 0] == pytest.approx(-exact, rel=1e-6)
        assert variant.loss("sigmoid_crossentropy", -logit, one - 1, 0.0)[1][0, 0] == pytest.approx(exact, rel=1e-6)
        pair, one_hot = np.array([[z, 0]], variant.DTYPE), np.array([[1, 0]], variant.DTYPE)
        gradient = variant.loss("softmax_crossentropy", pair, one_hot, 0.0)[1][0]
        assert gradient.tolist() == pytest.approx([-exact, exact], rel=1e-6)


def test_a_confident_right_answer_keeps_its_tiny_loss(variant):
    """log1p of what is left, not log of a probability rounded to 1."""
    z = np.array([[30.0, 0.0, 0.0]], variant.DTYPE)
    value, gradient = variant.loss("sparse_softmax_crossentropy", z, np.array([0], np.int32), 0.0)
    assert value[0] == pytest.approx(2 * np.exp(-30), rel=1e-6)
    assert gradient[0, 0] == pytest.approx(-2 * np.exp(-30), rel=1e-6)


def test_ties_count_every_maximum(variant):
    value, gradient = variant.loss(
        "sparse_softmax_crossentropy", np.zeros((1, 5), variant.DTYPE), np.array([3], np.int32), 0.0
    )
    assert value[0] == pytest.approx(np.log(5), rel=1e-7)
    np.testing.assert_allclose(gradient[0], [0.2, 0.2, 0.2, -0.8, 0.2], rtol=1e-6)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber"])
def test_perfect_prediction_costs_nothing(variant, name):
    z = np.array([[1.5, -2.0, 0.0]], variant.DTYPE)
    value, gradient = variant.loss(name, z, z, DELTA)
    assert value.tolist() == [0.0] and np.all(gradient == 0)


def test_squared_error_beyond_the_range_of_float32(variant):
    z = np.array([[2e38]], variant.DTYPE)
    value, _ = variant.loss("squared_error", z, -z, 0.0)
    assert value[0] == pytest.approx(16e76, rel=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_nan_shows(variant, name):
    z = np.array([[0.0, np.nan, 1.0]], variant.DTYPE)
    t = np.array([0], np.int32) if name.startswith("sparse") else np.full_like(z, 1 / 3)
    value, gradient = variant.loss(name, z, t, DELTA)
    assert np.isnan(value[0])
    assert np.isnan(gradient[0, 1])
