"""The oracle's losses: the value of each row, and its derivative by the raw prediction z, as a textbook writes them.

Written in plain NumPy and independently of the compiled kernels, as `nncore.reference.formulas` is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nncore.reference.formulas import Array, sigmoid, softmax, softplus


def _huber(d: Array, delta: float) -> Array:
    """d**2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); in one expression, whose square cannot overflow."""
    near = np.minimum(np.abs(d), delta)
    return near * (np.abs(d) - near / 2)


def _times(target: Array, value: Array) -> Array:
    """target * value, where a target of 0 makes 0 of anything: the limit of p log p at 0."""
    return np.where(target == 0, 0, target * value)


def _sigmoid_crossentropy(z: Array, target: Array) -> Array:
    """-log(sigmoid(z)) is softplus(-z) and -log(1 - sigmoid(z)) is softplus(z): exact where a rounded 1 - p is not."""
    return _times(target, softplus(-z)) + _times(1 - target, softplus(z))


def _minus_log_softmax(z: Array) -> Array:
    """log(sum_j exp(z_j)) - z, the largest logit taken out of the sum, so that its own small value is exact."""
    top = z.argmax(axis=1)[:, None]
    highest = np.take_along_axis(z, top, axis=1)
    e = np.exp(z - highest)
    np.put_along_axis(e, top, 0, axis=1)
    losses: Array = (highest - z) + np.log1p(e.sum(axis=1, keepdims=True))
    return losses


def _one_hot(target: Array, n_classes: int) -> Array:
    return np.where(target[:, None] == np.arange(n_classes), 1.0, 0.0)


def _softmax_crossentropy(z: Array, target: Array) -> Array:
    losses: Array = _times(target, _minus_log_softmax(z)).sum(axis=1)
    return losses


def _softmax_crossentropy_gradient(z: Array, target: Array) -> Array:
    dz: Array = softmax(z) * target.sum(axis=1, keepdims=True) - target
    return dz


def _log_cosh(d: Array) -> Array:
    """log(1 + 2 sinh(d/2)**2) near 0, where cosh(d) rounds to 1; else |d| + log((1 + exp(-2 |d|)) / 2)."""
    size = np.abs(d)
    near = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
    found: Array = np.where(size < 1, near, size + np.log1p(np.exp(-2 * size)) - math.log(2))
    return found


def _missing(z: Array, target: Array) -> Array:
    """What is missing to a margin of 1."""
    missing: Array = np.maximum(0, 1 - (2 * target - 1) * z)
    return missing


def _power(x: Array, exponent: Array | float) -> Array:
    return np.where(x == 0, np.where(np.equal(exponent, 0), 1.0, 0.0), np.where(x == 0, 1, x) ** exponent)


def _wrong(z: Array, target: Array) -> Array:
    """1 - p of a right yes, p of a right no: how wrong an answer is."""
    wrong: Array = target * sigmoid(-z) + (1 - target) * sigmoid(z)
    return wrong


def _sigmoid_focal_slope(z: Array, target: Array, gamma: Array | float) -> Array:
    p, rest, wrong = sigmoid(z), sigmoid(-z), _wrong(z, target)
    relative = np.where(wrong == 0, 0, p * rest * (1 - 2 * target) / np.where(wrong == 0, 1, wrong))
    slope: Array = ((1 - target) * p - target * rest) + gamma * relative * _sigmoid_crossentropy(z, target)
    found: Array = _power(wrong, gamma) * slope
    return found


def _pinball_slope(d: Array, quantile: Array | float) -> Array:
    return np.where(d > 0, -np.asarray(quantile), np.where(d < 0, 1 - np.asarray(quantile), d))


OF_EACH: dict[str, Callable[[Array, Array, Any], Array]] = {
    "squared_error": lambda z, target, _: (z - target) ** 2,
    "absolute_error": lambda z, target, _: np.abs(z - target),
    "huber": lambda z, target, delta: _huber(z - target, delta),
    "sigmoid_crossentropy": lambda z, target, _: _sigmoid_crossentropy(z, target),
    "log_cosh": lambda z, target, _: _log_cosh(z - target),
    "poisson": lambda z, target, _: np.exp(z) - target * z,
    "hinge": lambda z, target, _: _missing(z, target),
    "squared_hinge": lambda z, target, _: _missing(z, target) ** 2,
    "sigmoid_focal": lambda z, t, gamma: _power(_wrong(z, t), gamma) * _sigmoid_crossentropy(z, t),
    "pinball": lambda z, target, quantile: (quantile - (target < z)) * (target - z),
}
"""``OF_EACH[kernel](z, target, parameter)`` (n, n_outputs), of the losses that are means over the outputs."""

SLOPE_OF_EACH: dict[str, Callable[[Array, Array, Any], Array]] = {
    "squared_error": lambda z, target, _: 2 * (z - target),
    "absolute_error": lambda z, target, _: np.sign(z - target),
    "huber": lambda z, target, delta: np.clip(z - target, -delta, delta),
    "sigmoid_crossentropy": lambda z, target, _: sigmoid(z) - target,
    "log_cosh": lambda z, target, _: np.tanh(z - target),
    "poisson": lambda z, target, _: np.exp(z) - target,
    "hinge": lambda z, target, _: np.where(_missing(z, target) > 0, 1 - 2 * target, 0 * z),
    "squared_hinge": lambda z, target, _: 2 * (1 - 2 * target) * _missing(z, target),
    "sigmoid_focal": _sigmoid_focal_slope,
    "pinball": lambda z, target, quantile: _pinball_slope(target - z, quantile),
}
"""The derivatives of `OF_EACH` by z."""


def _softmax_focal(z: Array, target: Array, gamma: float) -> Array:
    log_p = -_minus_log_softmax(z)
    losses: Array = _times(target, -_power(_all_but(z), gamma) * log_p).sum(axis=1)
    return losses


def _all_but(z: Array) -> Array:
    """1 - softmax(z): of the largest the sum of all others, not what is left of a rounded 1."""
    p, top = softmax(z), z.argmax(axis=1)[:, None]
    rest, others = 1 - p, p.copy()
    np.put_along_axis(others, top, 0, axis=1)
    np.put_along_axis(rest, top, others.sum(axis=1, keepdims=True), axis=1)
    return rest


def _softmax_focal_gradient(z: Array, target: Array, gamma: float) -> Array:
    """The derivative by p, times p, and then through the softmax."""
    p, rest, log_p = softmax(z), _all_but(z), -_minus_log_softmax(z)
    steepness = np.where(rest == 0, -1, log_p / np.where(rest == 0, 1, rest))
    by_p = target * _power(rest, gamma) * (gamma * p * steepness - 1)
    total = by_p.sum(axis=1, keepdims=True)
    dz: Array = by_p * rest - p * (total - by_p)
    return dz


def _entropy(target: Array) -> Array:
    entropy: Array = -_times(target, np.log(np.where(target > 0, target, 1))).sum(axis=1)
    return entropy


def gaussian(z: Array, target: Array, floor: float) -> tuple[Array, Array, Array]:
    """Return minus the log likelihood of each target (n, m), and its slopes by means and by s; z (n, 2 m) is both."""
    mean, s = np.hsplit(z, 2)
    log_variance, d = np.logaddexp(s, floor), mean - target
    by_mean = d * np.exp(-log_variance)
    return (log_variance + d * by_mean) / 2, by_mean, (1 - d * by_mean) * sigmoid(s - floor) / 2


def _mean(of_each: Callable[[Array, Array, Any], Array]) -> Callable[[Array, Array, float], Array]:
    return lambda z, target, parameter: of_each(z, target, parameter).mean(axis=1)


def _share(slope: Callable[[Array, Array, Any], Array]) -> Callable[[Array, Array, float], Array]:
    return lambda z, target, parameter: slope(z, target, parameter) / z.shape[1]


LOSS: dict[str, Callable[[Array, Array, float], Array]] = {
    **{name: _mean(of_each) for name, of_each in OF_EACH.items()},
    "softmax_crossentropy": lambda z, target, _: _softmax_crossentropy(z, target),
    "sparse_softmax_crossentropy": lambda z, target, _: _softmax_crossentropy(z, _one_hot(target, z.shape[1])),
    "softmax_focal": _softmax_focal,
    "kl_divergence": lambda z, target, _: _softmax_crossentropy(z, target) - _entropy(target),
    "gaussian": lambda z, target, floor: gaussian(z, target, floor)[0].mean(axis=1),
}
"""``LOSS[kernel](z, target, parameter) -> l`` (n,), the loss of each row; z (n, n_outputs)."""

LOSS_GRADIENT: dict[str, Callable[[Array, Array, float], Array]] = {
    **{name: _share(slope) for name, slope in SLOPE_OF_EACH.items()},
    "softmax_crossentropy": lambda z, target, _: _softmax_crossentropy_gradient(z, target),
    "sparse_softmax_crossentropy": lambda z, target, _: _softmax_crossentropy_gradient(z, _one_hot(target, z.shape[1])),
    "softmax_focal": _softmax_focal_gradient,
    "kl_divergence": lambda z, target, _: _softmax_crossentropy_gradient(z, target),
    "gaussian": lambda z, target, floor: np.hstack(gaussian(z, target, floor)[1:]) / target.shape[1],
}
"""``LOSS_GRADIENT[kernel](z, target, parameter) -> dl/dz`` (n, n_outputs)."""
