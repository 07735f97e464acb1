"""Layers that treat each row of the data by itself, beside those of `nncore.layers`, which exports them, too."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field

from nncore import initializers
from nncore.base import checks, json_form
from nncore.initializers import Initializer

__all__ = ["GaussianNoise", "PReLU", "RMSNorm"]


@dataclass(frozen=True)
class RMSNorm:
    """Normalisation by the root mean square (Zhang and Sennrich, 2019): every row to a mean square of 1.

    ``y = gamma * x / sqrt(mean(x**2) + epsilon)`` with the mean over the row's columns, the same in training and
    prediction. Cheaper than `LayerNorm`: no mean is taken away, and there is no beta.

    Parameters
    ----------
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30. Keras has 1e-6, and PyTorch the smallest step from 1 of
        the numbers' type, 1.2e-7 in float32.
    affine : bool
        Learn gamma; False leaves it at 1.
    name : str, optional
        As in `Dense`; by default ``rms_norm_`` and its number.
    trainable, learning_rate_multiplier
        As in `Dense`, for gamma.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> RMSNorm(epsilon=1e-6)
    RMSNorm(epsilon=1e-06)
    """

    epsilon: float = 1e-5
    affine: bool = True
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            epsilon=checks.EPSILON,
            affine=checks.flag,
            name=checks.name,
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(checks.changed(self))})"


@dataclass(frozen=True)
class PReLU:
    """A relu with a slope below zero that is learned, one for each column (He et al., 2015).

    ``y = x if x > 0 else alpha * x``. A `Dense` right before it begins as one before a relu does, by He.

    Parameters
    ----------
    alpha_initializer : str, or Constant, RandomNormal, RandomUniform...
        First slopes: of Keras' ``"zeros"`` by default, with which it begins as a relu. PyTorch and the paper begin with
        ``Constant(0.25)``.
    name : str, optional
        As in `Dense`; by default ``prelu_`` and its number.
    trainable, learning_rate_multiplier
        As in `Dense`, for alpha.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    Penalties and weight decay leave alpha alone, as a bias: pulled to zero it would be a relu.

    Examples
    --------
    >>> from nncore.initializers import Constant
    >>> PReLU(Constant(0.25))
    PReLU(alpha_initializer=Constant(value=0.25))
    """

    alpha_initializer: Initializer = "zeros"
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            alpha_initializer=initializers.bias_initializer,
            name=checks.name,
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(checks.changed(self))})"


@dataclass(frozen=True)
class GaussianNoise:
    """Noise while training: a normal number with mean 0 is added to every value.

    Nothing is done to predict. As a first layer it makes up new rows near those that there are. Which numbers it adds
    depends on the model's seed, the number of the update, the row's place in the batch and the layer.

    Parameters
    ----------
    stddev : float
        Standard deviation of the noise; finite, >= 0.

    Raises
    ------
    TypeError, ValueError
        If `stddev` has the wrong type or is out of range.

    Examples
    --------
    >>> GaussianNoise(-1)
    Traceback (most recent call last):
        ...
    ValueError: stddev must be a finite number >= 0, got -1.0
    """

    stddev: float

    def __post_init__(self) -> None:
        checks.check(self, stddev=checks.real(0))
