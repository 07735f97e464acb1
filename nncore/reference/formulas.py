"""The oracle's formulas: activations and losses with their derivatives, and update rules, as a textbook writes them.

Written in plain NumPy and independently of the compiled kernels, so that each can be tested against the other;
derivatives are taken from x, not from y as the kernels do. Everything keeps the precision of its input. Any finite
input gives the true value: where the plain formula would overflow or cancel, it is rearranged and the code says how.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from nncore.optimizers import SGD, Adagrad, Adam, Lion, Nadam, RMSprop

Array = npt.NDArray[Any]

# Activations: y from x, and dx from dy.


def _sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with an exponential that cannot overflow."""
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, e) / (1 + e)
    return y


def _softplus(x: Array) -> Array:
    """log(exp(x) + exp(0)), its exponentials never formed."""
    return np.logaddexp(x, 0).astype(x.dtype)


def _softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    y: Array = e / e.sum(axis=-1, keepdims=True)
    return y


def _normal_cdf(x: Array) -> Array:
    """P(Z <= x) for a standard normal Z; erfc rather than 1 + erf, which would lose the tail."""
    p: Array = np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)), otypes=[float])(x)
    return p


def _normal_pdf(x: Array) -> Array:
    far = 40  # exp(-40**2 / 2) is 0 in float64, and the square of more may overflow
    return np.exp(-(np.minimum(np.abs(x), far) ** 2) / 2) / math.sqrt(2 * math.pi)


def _step(x: Array, left: Array | float) -> Array:
    """1 where x > 0, else `left`; a NaN stays one, so that no derivative hides it."""
    return np.where(np.isnan(x), x, np.where(x > 0, 1, left)).astype(x.dtype)


ACTIVATION: dict[str, Callable[[Array, float], Array]] = {
    "identity": lambda x, _: x,
    "sigmoid": lambda x, _: _sigmoid(x),
    "tanh": lambda x, _: np.tanh(x),
    "relu": lambda x, _: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "softmax": lambda x, _: _softmax(x),
    "softplus": lambda x, _: _softplus(x),
    "gelu": lambda x, _: (x * _normal_cdf(x)).astype(x.dtype),
    "silu": lambda x, _: x * _sigmoid(x),
}
"""``ACTIVATION[name](x, parameter) -> y``; for softmax over the last axis."""

SLOPE: dict[str, Callable[[Array, float], Array]] = {
    "identity": lambda x, _: np.ones_like(x),
    "sigmoid": lambda x, _: _sigmoid(x) * _sigmoid(-x),
    "tanh": lambda x, _: (1 - np.tanh(x)) * (1 + np.tanh(x)),
    "relu": lambda x, _: _step(x, 0),
    "leaky_relu": lambda x, slope: _step(x, slope),
    "elu": lambda x, alpha: _step(x, alpha * np.exp(np.minimum(x, 0))),
    "softplus": lambda x, _: _sigmoid(x),
    "gelu": lambda x, _: (_normal_cdf(x) + x * _normal_pdf(x)).astype(x.dtype),
    "silu": lambda x, _: _sigmoid(x) * (1 + x * _sigmoid(-x)),
}
"""``SLOPE[name](x, parameter) -> dy/dx`` of the elementwise activations; at a kink, the slope on its left."""


def _elementwise(slope: Callable[[Array, float], Array]) -> Callable[[Array, Array, float], Array]:
    return lambda x, dy, parameter: dy * slope(x, parameter)


def _softmax_derivative(x: Array, dy: Array, _: float) -> Array:
    """The Jacobian of softmax is diag(y) - y y'; this is it times dy, row by row."""
    y = _softmax(x)
    dx: Array = y * (dy - (dy * y).sum(axis=-1, keepdims=True))
    return dx


DERIVATIVE: dict[str, Callable[[Array, Array, float], Array]] = {
    **{name: _elementwise(slope) for name, slope in SLOPE.items()},
    "softmax": _softmax_derivative,
}
"""``DERIVATIVE[name](x, dy, parameter) -> dx``."""

# Losses: the value of each row, and its derivative by the raw prediction z.


def _huber(d: Array, delta: float) -> Array:
    """d**2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); in one expression, whose square cannot overflow."""
    near = np.minimum(np.abs(d), delta)
    return near * (np.abs(d) - near / 2)


def _times(target: Array, value: Array) -> Array:
    """target * value, where a target of 0 makes 0 of anything: the limit of p log p at 0."""
    return np.where(target == 0, 0, target * value)


def _sigmoid_crossentropy(z: Array, target: Array) -> Array:
    """-log(sigmoid(z)) is softplus(-z) and -log(1 - sigmoid(z)) is softplus(z): exact where a rounded 1 - p is not."""
    return _times(target, _softplus(-z)) + _times(1 - target, _softplus(z))


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
    dz: Array = _softmax(z) * target.sum(axis=1, keepdims=True) - target
    return dz


LOSS: dict[str, Callable[[Array, Array, float], Array]] = {
    "squared_error": lambda z, target, _: ((z - target) ** 2).mean(axis=1),
    "absolute_error": lambda z, target, _: np.abs(z - target).mean(axis=1),
    "huber": lambda z, target, delta: _huber(z - target, delta).mean(axis=1),
    "sigmoid_crossentropy": lambda z, target, _: _sigmoid_crossentropy(z, target).mean(axis=1),
    "softmax_crossentropy": lambda z, target, _: _softmax_crossentropy(z, target),
    "sparse_softmax_crossentropy": lambda z, target, _: _softmax_crossentropy(z, _one_hot(target, z.shape[1])),
}
"""``LOSS[kernel](z, target, parameter) -> l`` (n,), the loss of each row; z (n, n_outputs)."""

LOSS_GRADIENT: dict[str, Callable[[Array, Array, float], Array]] = {
    "squared_error": lambda z, target, _: 2 * (z - target) / z.shape[1],
    "absolute_error": lambda z, target, _: np.sign(z - target) / z.shape[1],
    "huber": lambda z, target, delta: np.clip(z - target, -delta, delta) / z.shape[1],
    "sigmoid_crossentropy": lambda z, target, _: (_sigmoid(z) - target) / z.shape[1],
    "softmax_crossentropy": lambda z, target, _: _softmax_crossentropy_gradient(z, target),
    "sparse_softmax_crossentropy": lambda z, target, _: _softmax_crossentropy_gradient(z, _one_hot(target, z.shape[1])),
}
"""``LOSS_GRADIENT[kernel](z, target, parameter) -> dl/dz`` (n, n_outputs)."""

# Update rules: change the parameters w and the slots in place, given the gradient g and the number t of the update.


def _sgd(o: SGD, w: Array, g: Array, slots: list[Array], t: int) -> None:
    if not o.momentum:
        w -= o.rate * g
        return
    (v,) = slots
    v[...] = o.momentum * v - o.rate * g
    w += o.momentum * v - o.rate * g if o.nesterov else v


def _rmsprop(o: RMSprop, w: Array, g: Array, slots: list[Array], t: int) -> None:
    v = slots[0]
    v[...] = o.rho * v + (1 - o.rho) * g**2
    u = o.rate * g / (np.sqrt(v) + o.epsilon)
    if o.momentum:
        b = slots[1]
        b[...] = o.momentum * b + u
        u = b
    w -= u


def _adam(o: Adam, w: Array, g: Array, slots: list[Array], t: int) -> None:
    m, v = slots
    m[...] = o.beta_1 * m + (1 - o.beta_1) * g
    v[...] = o.beta_2 * v + (1 - o.beta_2) * g**2
    m_hat, v_hat = m / (1 - o.beta_1**t), v / (1 - o.beta_2**t)
    w -= o.rate * m_hat / (np.sqrt(v_hat) + o.epsilon)


def _adagrad(o: Adagrad, w: Array, g: Array, slots: list[Array], t: int) -> None:
    (v,) = slots
    v += g**2
    w -= o.rate * g / (np.sqrt(v) + o.epsilon)


def _nadam(o: Nadam, w: Array, g: Array, slots: list[Array], t: int) -> None:
    m, v = slots
    m[...] = o.beta_1 * m + (1 - o.beta_1) * g
    v[...] = o.beta_2 * v + (1 - o.beta_2) * g**2
    m_hat = o.beta_1 * m / (1 - o.beta_1 ** (t + 1)) + (1 - o.beta_1) * g / (1 - o.beta_1**t)
    v_hat = v / (1 - o.beta_2**t)
    w -= o.rate * m_hat / (np.sqrt(v_hat) + o.epsilon)


def _lion(o: Lion, w: Array, g: Array, slots: list[Array], t: int) -> None:
    (m,) = slots
    w -= o.rate * np.sign(o.beta_1 * m + (1 - o.beta_1) * g)
    m[...] = o.beta_2 * m + (1 - o.beta_2) * g


UPDATE: dict[str, Callable[[Any, Array, Array, list[Array], int], None]] = {
    "sgd": _sgd,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adam,
    "adagrad": _adagrad,
    "nadam": _nadam,
    "lion": _lion,
}
"""``UPDATE[optimizer name](optimizer, parameters, gradient, slots, t)``; decoupled decay is not part of it."""
