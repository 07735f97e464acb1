"""How parameters get their first values.

An initializer is a name, or `Constant`, `RandomNormal`, `TruncatedNormal`, `RandomUniform` or `Orthogonal` with a
scale. The named random ones scale with the fans of the weight, ``fan_in = n_in`` and ``fan_out = n_out``, so that a
signal keeps its variance from layer to layer. The normal ones, ``he_normal``, ``glorot_normal``, ``lecun_normal`` and
``normal``, are not truncated, as in PyTorch; Keras cuts the first three at two standard deviations.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from nncore import activations
from nncore.base import checks, elsewhere, lazy
from nncore.base.names import lookup
from nncore.base.random import rng_key

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Constant:
    """Every value the same.

    Examples
    --------
    >>> initialize(Constant(0.5), "relu", (2,), seed=0, layer=0)
    array([0.5, 0.5])
    """

    value: float = 0.0

    def __post_init__(self) -> None:
        checks.check(self, value=checks.real())


@dataclass(frozen=True)
class RandomNormal:
    """Normal with mean 0 and the given standard deviation (finite, >= 0), not truncated.

    Examples
    --------
    >>> RandomNormal(stddev=0.1)
    RandomNormal(stddev=0.1)
    """

    stddev: float = 0.05

    def __post_init__(self) -> None:
        checks.check(self, stddev=checks.real(0))


@dataclass(frozen=True)
class RandomUniform:
    """Uniform from -`limit` to `limit` (finite, >= 0).

    Examples
    --------
    >>> RandomUniform(limit=0.1)
    RandomUniform(limit=0.1)
    """

    limit: float = 0.05

    def __post_init__(self) -> None:
        # Twice the limit is the width of the interval, which must be a number too.
        checks.check(self, limit=checks.real(0, 8e307))


@dataclass(frozen=True)
class TruncatedNormal:
    """Normal with mean 0, drawn again where it is more than two of its standard deviations away.

    Parameters
    ----------
    stddev : float
        Standard deviation before the cut, as in Keras; finite, >= 0. That of what is left is 0.87962566 times as large.

    Examples
    --------
    >>> bool(abs(initialize(TruncatedNormal(0.1), "relu", (50, 40), seed=0, layer=0)).max() <= 0.2)
    True
    """

    stddev: float = 0.05

    def __post_init__(self) -> None:
        checks.check(self, stddev=checks.real(0))


@dataclass(frozen=True)
class Orthogonal:
    """A weight whose rows or columns, whichever are fewer, are at right angles and `gain` long (Saxe et al., 2014).

    Of all such matrices, each is as likely as any other (Haar's measure). For weights only: a bias has no columns. Made
    by NumPy in a time that grows as ``n_in * n_out * min(n_in, n_out)``: 0.01 s for 128 by 128, a fifth of a second for
    512 by 512, and two or more for 1024 by 1024.

    Parameters
    ----------
    gain : float
        Finite, >= 0; 2**0.5 keeps the size of a signal in front of a ReLU.

    Examples
    --------
    >>> weight = initialize(Orthogonal(gain=2), "tanh", (5, 3), seed=0, layer=0)
    >>> (weight.T @ weight).round(12) + 0.0
    array([[4., 0., 0.],
           [0., 4., 0.],
           [0., 0., 4.]])
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        checks.check(self, gain=checks.real(0))


Scaled = Constant | RandomNormal | TruncatedNormal | RandomUniform | Orthogonal
Initializer = str | Scaled

SCALED: dict[str, type[Scaled]] = {
    "constant": Constant,
    "normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "orthogonal": Orthogonal,
}
"""Those with a scale of their own, by the name of each with its default."""

KINDS: dict[str, type[Scaled]] = {cls.__name__: cls for cls in SCALED.values()}
"""The same, by the names of the classes, as files know them."""
checks.explain_unknown_arguments(KINDS.values())

_BY_NAME: dict[str, Scaled] = {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    **{name: kind() for name, kind in SCALED.items()},
}

# Variances by Glorot and Bengio (2010), He et al. (2015), LeCun et al. (1998); a uniform of that variance ends at
# +-sqrt(3 * variance).
_BY_FANS: dict[str, Callable[[int, int], Scaled]] = {
    "glorot_uniform": lambda fan_in, fan_out: RandomUniform(math.sqrt(6 / (fan_in + fan_out))),
    "glorot_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(2 / (fan_in + fan_out))),
    "he_uniform": lambda fan_in, fan_out: RandomUniform(math.sqrt(6 / fan_in)),
    "he_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(2 / fan_in)),
    "lecun_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(1 / fan_in)),
    "lecun_uniform": lambda fan_in, fan_out: RandomUniform(math.sqrt(3 / fan_in)),
}

INITIALIZERS: frozenset[str] = frozenset({"auto", *_BY_NAME, *_BY_FANS})
"""All names. ``"auto"`` is he_uniform in front of the ReLU family and glorot_uniform elsewhere."""

FOR_BIASES: frozenset[str] = frozenset(_BY_NAME) - {"orthogonal"}
"""The names of what a vector can have: those that neither scale with fans nor need two axes."""


def weight_initializer(argument: str, value: Initializer) -> Initializer:
    """Rule for a weight: any name or initializer.

    Raises
    ------
    TypeError, ValueError
        If `value` is neither a string nor an initializer, or not a known name.
    """
    if isinstance(value, Scaled):
        return checks.exact(argument, value, KINDS)
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        found, written = checks.described(value), checks.shown(value)
        raise TypeError(f"{argument} must be a name (str) or an initializer, got {found}; write Constant({written})")
    return lookup(argument, value, {name: name for name in INITIALIZERS})


def bias_initializer(argument: str, value: Initializer) -> Initializer:
    """Rule for a bias: any initializer that does not scale with fans, which a vector has not.

    Raises
    ------
    TypeError, ValueError
        As for a weight, and for a name that scales with fans.

    Examples
    --------
    >>> bias_initializer("bias_initializer", "he_normal")
    Traceback (most recent call last):
        ...
    ValueError: bias_initializer 'he_normal' scales with the fan-in of a weight; a vector takes one of constant, \
normal, ones, truncated_normal, uniform, zeros, or Constant, RandomNormal, TruncatedNormal, RandomUniform with a scale
    """
    value = weight_initializer(argument, value)
    orthogonal = value == "orthogonal" or isinstance(value, Orthogonal)
    if orthogonal or (isinstance(value, str) and value not in FOR_BIASES):
        why = "needs the rows and columns of a weight" if orthogonal else "scales with the fan-in of a weight"
        kinds = ", ".join(name for name in KINDS if name != "Orthogonal")
        raise ValueError(
            f"{argument} {value!r} {why}; a vector takes one of {', '.join(sorted(FOR_BIASES))}, "
            f"or {kinds} with a scale"
        )
    return value


def _resolve(initializer: Initializer, activation: str, shape: tuple[int, ...]) -> Scaled:
    """Return the initializer with its scale worked out."""
    return _scaled(initializer, activation, shape) if isinstance(initializer, str) else initializer


@lru_cache(1024)  # networks are made by the hundred
def _scaled(initializer: str, activation: str, shape: tuple[int, ...]) -> Scaled:
    rule = weight_initializer if len(shape) == 2 else bias_initializer
    rule("initializer", initializer)
    if initializer == "auto":
        initializer = activations.get(activation).initializer
    if initializer in _BY_FANS:
        return _BY_FANS[initializer](*shape)
    return _BY_NAME[initializer]


def initialize(initializer: Initializer, activation: str, shape: tuple[int, ...], seed: int, layer: int) -> Array:
    """Return the first values of one weight or bias.

    Parameters
    ----------
    initializer : str or one of KINDS
        Where the values come from.
    activation : str
        The activation behind the parameter, which decides ``"auto"``.
    shape : tuple of int
        (n_in, n_out) of a weight or (n_out,) of a bias.
    seed : int
        Seed of the model, 0 to 2**64 - 1.
    layer : int
        Number of its stream, from 0: every layer draws from its own, and so do its weight and its bias.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        If the name is unknown, or scales with fans while `shape` is not a weight's.

    Examples
    --------
    >>> weight = initialize("auto", "relu", (3, 4), seed=0, layer=0)
    >>> weight.shape, bool(abs(weight).max() < 2 ** 0.5)  # he_uniform: the limit is sqrt(6 / fan_in)
    ((3, 4), True)
    """
    kind = _resolve(initializer, activation, shape)
    if isinstance(kind, Constant):
        return np.full(shape, kind.value)
    # Without a part of its own in the counter, a bias would repeat the first numbers of its layer's weight.
    counter = [0, layer, 0 if len(shape) == 2 else 1, 0]
    rng = np.random.Generator(np.random.Philox(key=rng_key(seed, "initialize"), counter=counter))
    if isinstance(kind, RandomNormal):
        return rng.normal(0.0, kind.stddev, shape)
    if isinstance(kind, TruncatedNormal):
        return kind.stddev * _within_two(rng, math.prod(shape)).reshape(shape)
    if isinstance(kind, Orthogonal):
        return kind.gain * _orthogonal(rng, shape)
    return rng.uniform(-kind.limit, kind.limit, shape)


def _within_two(rng: np.random.Generator, n: int) -> Array:
    """Return the first n normal numbers of a stream that are at most 2 away from 0."""
    kept = np.empty(0)
    while len(kept) < n:
        drawn = rng.standard_normal(n - len(kept))
        kept = np.concatenate([kept, drawn[abs(drawn) <= 2]])
    return kept


def _orthogonal(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Return a matrix of orthonormal rows or columns, uniform among all of them.

    G. W. Stewart (1980), "The efficient generation of random orthogonal matrices": Householder's reflections, each of a
    random vector that is one shorter than the last, are what a QR decomposition of a normal matrix would come to. Of
    LAPACK nothing is used, whose bits differ from machine to machine.
    """
    n, k = max(shape), min(shape)
    vectors = [rng.standard_normal(n - j) for j in range(k)]
    q = np.eye(n, k)
    for j in range(k - 1, -1, -1):
        v, part = vectors[j], q[j:, j:]
        length = math.copysign(math.sqrt(_sum(v * v)), v[0])
        part[:, 0] *= -math.copysign(1.0, length)  # so that column j is the direction of v
        v[0] += length
        part -= (v / (length * v[0]))[:, None] * _sum(v[:, None] * part)
    return q if shape[0] == n else np.ascontiguousarray(q.T)


def _sum(x: Array) -> Any:
    """Return the sum over the first axis, in an order that no version of NumPy and no processor changes."""
    while len(x) > 1:
        half, odd = divmod(len(x), 2)
        halves = x[:half] + x[half : 2 * half]
        if odd:
            halves[:1] += x[-1:]
        x = halves
    return x[0]


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
