"""The oracle's formulas: activations with their derivatives, and update rules, as a textbook writes them.

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


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), with an exponential that cannot overflow."""
    e = np.exp(-np.abs(x))
    y: Array = np.where(x >= 0, 1, e) / (1 + e)
    return y


def softplus(x: Array) -> Array:
    """log(exp(x) + exp(0)), its exponentials never formed."""
    return np.logaddexp(x, 0).astype(x.dtype)


def softmax(x: Array) -> Array:
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


def _between(x: Array, low: float, high: float, slope: Array | float) -> Array:
    """`slope` where low < x < high, else 0; a NaN stays one."""
    y: Array = np.where(np.isnan(x), x, np.where((x > low) & (x < high), slope, 0)).astype(x.dtype)
    return y


def _over_cosh(x: Array) -> Array:
    """x / cosh(softplus(x))**2, which is nothing far from 0: there the square may overflow."""
    near = np.clip(x, -80, 40)
    y: Array = near / np.cosh(softplus(near)) ** 2
    return y


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

ACTIVATION: dict[str, Callable[[Array, float], Array]] = {
    "identity": lambda x, _: x,
    "sigmoid": lambda x, _: sigmoid(x),
    "tanh": lambda x, _: np.tanh(x),
    "relu": lambda x, _: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, slope * x),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "softmax": lambda x, _: softmax(x),
    "softplus": lambda x, _: softplus(x),
    "gelu": lambda x, _: (x * _normal_cdf(x)).astype(x.dtype),
    "silu": lambda x, _: x * sigmoid(x),
    "exponential": lambda x, _: np.exp(x),
    "selu": lambda x, _: _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0))),
    "mish": lambda x, _: x * np.tanh(softplus(x)),
    "hard_sigmoid": lambda x, _: np.clip(x + 3, 0, 6) / 6,
    "hard_tanh": lambda x, _: np.clip(x, -1, 1),
    "hard_swish": lambda x, _: x * (np.clip(x + 3, 0, 6) / 6),
    "softsign": lambda x, _: x / (1 + np.abs(x)),
    "relu6": lambda x, _: np.clip(x, 0, 6),
    "celu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
}
"""``ACTIVATION[name](x, parameter) -> y``; for softmax over the last axis."""

SLOPE: dict[str, Callable[[Array, float], Array]] = {
    "identity": lambda x, _: np.ones_like(x),
    "sigmoid": lambda x, _: sigmoid(x) * sigmoid(-x),
    "tanh": lambda x, _: (1 - np.tanh(x)) * (1 + np.tanh(x)),
    "relu": lambda x, _: _step(x, 0),
    "leaky_relu": lambda x, slope: _step(x, slope),
    "elu": lambda x, alpha: _step(x, alpha * np.exp(np.minimum(x, 0))),
    "softplus": lambda x, _: sigmoid(x),
    "gelu": lambda x, _: (_normal_cdf(x) + x * _normal_pdf(x)).astype(x.dtype),
    "silu": lambda x, _: sigmoid(x) * (1 + x * sigmoid(-x)),
    "exponential": lambda x, _: np.exp(x),
    "selu": lambda x, _: _step(x, _SELU_ALPHA * np.exp(np.minimum(x, 0))) * x.dtype.type(_SELU_SCALE),
    "mish": lambda x, _: np.tanh(softplus(x)) + _over_cosh(x) * sigmoid(x),
    "hard_sigmoid": lambda x, _: _between(x, -3, 3, 1 / 6),
    "hard_tanh": lambda x, _: _between(x, -1, 1, 1),
    "hard_swish": lambda x, _: np.where(x >= 3, 1, _between(x, -3, 3, x / 3 + 0.5)).astype(x.dtype),
    "softsign": lambda x, _: (1 / (1 + np.abs(x))) ** 2,
    "relu6": lambda x, _: _between(x, 0, 6, 1),
    "celu": lambda x, alpha: _step(x, np.exp(np.minimum(x, 0) / alpha)),
}
"""``SLOPE[name](x, parameter) -> dy/dx`` of the elementwise activations; at a kink, the slope on its left, but where
what was clipped begins and ends, that of the outside."""


def _elementwise(slope: Callable[[Array, float], Array]) -> Callable[[Array, Array, float], Array]:
    return lambda x, dy, parameter: dy * slope(x, parameter)


def _softmax_derivative(x: Array, dy: Array, _: float) -> Array:
    """The Jacobian of softmax is diag(y) - y y'; this is it times dy, row by row."""
    y = softmax(x)
    dx: Array = y * (dy - (dy * y).sum(axis=-1, keepdims=True))
    return dx


DERIVATIVE: dict[str, Callable[[Array, Array, float], Array]] = {
    **{name: _elementwise(slope) for name, slope in SLOPE.items()},
    "softmax": _softmax_derivative,
}
"""``DERIVATIVE[name](x, dy, parameter) -> dx``."""

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
    variance = v
    if o.centered:
        m = slots[1]
        m[...] = o.rho * m + (1 - o.rho) * g
        variance = np.maximum(v - m**2, 0)
    u = o.rate * g / (np.sqrt(variance) + o.epsilon)
    if o.momentum:
        b = slots[-1]
        b[...] = o.momentum * b + u
        u = b
    w -= u


def _adam(o: Adam, w: Array, g: Array, slots: list[Array], t: int) -> None:
    m, v, *largest = slots
    m[...] = o.beta_1 * m + (1 - o.beta_1) * g
    v[...] = o.beta_2 * v + (1 - o.beta_2) * g**2
    for top in largest:  # of AMSGrad, whose bias correction is v's own
        top[...] = v = np.maximum(top, v)
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
