"""How parameters get their first values.

An initializer is a name, or `Constant`, `RandomNormal` or `RandomUniform` with a scale. The named random ones scale
with the fans of the weight, ``fan_in = n_in`` and ``fan_out = n_out``, so that a signal keeps its variance from layer
to layer. The normal ones, ``he_normal``, ``glorot_normal``, ``lecun_normal`` and ``normal``, are not truncated, as in
PyTorch; Keras cuts the first three at two standard deviations.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

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


checks.explain_unknown_arguments([Constant, RandomNormal, RandomUniform])
Initializer = str | Constant | RandomNormal | RandomUniform

SCALED: dict[str, type[Constant] | type[RandomNormal] | type[RandomUniform]] = {
    "constant": Constant,
    "normal": RandomNormal,
    "uniform": RandomUniform,
}
"""Those with a scale of their own, by the name of each with its default."""

_BY_NAME: dict[str, Constant | RandomNormal | RandomUniform] = {
    "zeros": Constant(0.0),
    "ones": Constant(1.0),
    **{name: kind() for name, kind in SCALED.items()},
}

# Variances by Glorot and Bengio (2010), He et al. (2015), LeCun et al. (1998); a uniform of that variance ends at
# +-sqrt(3 * variance).
_BY_FANS: dict[str, Callable[[int, int], RandomNormal | RandomUniform]] = {
    "glorot_uniform": lambda fan_in, fan_out: RandomUniform(math.sqrt(6 / (fan_in + fan_out))),
    "glorot_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(2 / (fan_in + fan_out))),
    "he_uniform": lambda fan_in, fan_out: RandomUniform(math.sqrt(6 / fan_in)),
    "he_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(2 / fan_in)),
    "lecun_normal": lambda fan_in, fan_out: RandomNormal(math.sqrt(1 / fan_in)),
}

INITIALIZERS: frozenset[str] = frozenset({"auto", *_BY_NAME, *_BY_FANS})
"""All names. ``"auto"`` is he_uniform in front of the ReLU family and glorot_uniform elsewhere."""

FOR_BIASES: frozenset[str] = frozenset(_BY_NAME)
"""The names that do not scale with fans."""


def weight_initializer(argument: str, value: Initializer) -> Initializer:
    """Rule for a weight: any name or initializer.

    Raises
    ------
    TypeError, ValueError
        If `value` is neither a string nor an initializer, or not a known name.
    """
    if isinstance(value, (Constant, RandomNormal, RandomUniform)):
        return checks.exact(argument, value, {cls.__name__: cls for cls in (Constant, RandomNormal, RandomUniform)})
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
    ValueError: bias_initializer 'he_normal' scales with the fan-in of a weight; a bias takes one of constant, normal, \
ones, uniform, zeros, or Constant, RandomNormal, RandomUniform with a scale
    """
    value = weight_initializer(argument, value)
    if isinstance(value, str) and value not in FOR_BIASES:
        raise ValueError(
            f"{argument} {value!r} scales with the fan-in of a weight; a bias takes one of "
            f"{', '.join(sorted(FOR_BIASES))}, or Constant, RandomNormal, RandomUniform with a scale"
        )
    return value


def _resolve(
    initializer: Initializer, activation: str, shape: tuple[int, ...]
) -> Constant | RandomNormal | RandomUniform:
    """Return the initializer with its scale worked out."""
    return _scaled(initializer, activation, shape) if isinstance(initializer, str) else initializer


@lru_cache(1024)  # networks are made by the hundred
def _scaled(initializer: str, activation: str, shape: tuple[int, ...]) -> Constant | RandomNormal | RandomUniform:
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
    initializer : str, Constant, RandomNormal or RandomUniform
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
    return rng.uniform(-kind.limit, kind.limit, shape)


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
