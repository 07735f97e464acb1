"""Losses of quantities, and of what is said about them: counts, quantiles, uncertain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from nncore.base import checks
from nncore.base.loss import POSITIVE, Numbers, Weighted, several
from nncore.base.typing import Array


@dataclass(frozen=True, repr=False)
class MeanSquaredError(Weighted):
    """Squared error, averaged over the outputs: ``l = mean_j((prediction_j - target_j)**2)``.

    Parameters
    ----------
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> MeanSquaredError().kernel
    'squared_error'
    """

    name: ClassVar[str] = "mean_squared_error"
    kernel: ClassVar[str] = "squared_error"


@dataclass(frozen=True, repr=False)
class MeanAbsoluteError(Weighted):
    """Absolute error, averaged over the outputs: ``l = mean_j(|prediction_j - target_j|)``; its gradient at 0 is 0.

    Parameters
    ----------
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> MeanAbsoluteError().kernel
    'absolute_error'
    """

    name: ClassVar[str] = "mean_absolute_error"
    kernel: ClassVar[str] = "absolute_error"


@dataclass(frozen=True, repr=False)
class Huber(Weighted):
    """Squared near zero, absolute far from it (Huber, 1964), averaged over the outputs.

    With ``d = prediction - target``: ``l = mean_j(d_j**2 / 2 if |d_j| <= delta else delta * (|d_j| - delta / 2))``.

    Parameters
    ----------
    delta : float
        Where the two meet, in the target's unit. Finite, > 0.
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> Huber(delta=-1)
    Traceback (most recent call last):
        ...
    ValueError: delta must be a finite number > 0, got -1.0
    """

    delta: float = 1.0
    name: ClassVar[str] = "huber"
    kernel: ClassVar[str] = "huber"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, delta=POSITIVE)

    @property
    def parameter(self) -> float:
        return self.delta


@dataclass(frozen=True, repr=False)
class LogCosh(Weighted):
    """A smooth Huber, averaged over the outputs: half the square near zero, ``|d| - log(2)`` far from it.

    With ``d = prediction - target``: ``l = mean_j(log(cosh(d_j)))``, as in Keras, but without its rounding near 0.

    Parameters
    ----------
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> LogCosh().kernel
    'log_cosh'
    """

    name: ClassVar[str] = "log_cosh"
    kernel: ClassVar[str] = "log_cosh"


@dataclass(frozen=True, repr=False)
class Poisson(Weighted):
    """For counts and rates >= 0: the last layer ends with ``exponential``, and ``predict`` returns expected counts.

    ``l = mean_j(prediction_j - target_j * log(prediction_j))``: as in Keras and PyTorch it may be negative, and is half
    the deviance but for what follows from the target alone. It is computed from the logarithm, the last layer's sums.

    Parameters
    ----------
    log_input : bool
        As in PyTorch's ``PoissonNLLLoss``. False: the last layer must have the activation ``exponential``. True: it
        must have none, and ``predict`` returns logarithms of expected counts.
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(1, "exponential")], seed=0)
    >>> model.compile("adam", loss="poisson")
    >>> _ = model.fit([[0.0], [1.0]], [1, 3], epochs=1)
    >>> bool(model.predict([[0.5]])[0, 0] > 0)
    True
    """

    log_input: bool = False
    name: ClassVar[str] = "poisson"
    kernel: ClassVar[str] = "poisson"
    activation: ClassVar[str | None] = "exponential"
    raw_argument: ClassVar[str] = "log_input"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, log_input=checks.flag)


@dataclass(frozen=True, repr=False)
class Pinball(Weighted):
    """Quantiles (Koenker and Bassett, 1978): what the target stays below in that share of cases.

    With ``d = target - prediction``: ``l = mean_j(q_j * d_j if d_j > 0 else (q_j - 1) * d_j)``, with the gradient 0 at
    0. Several quantiles of one target are as many outputs of one network, ``Dense(len(quantiles))``; of m targets,
    those of the first come first. ``predict`` returns them in ascending order: sorting outputs that cross never makes
    them worse (Chernozhukov, Fernandez-Val and Galichon, 2010). Metrics by name are those of the quantile nearest to
    the median.

    Parameters
    ----------
    quantiles : float or list of float
        Between 0 and 1, ascending. The default is the median.
    output_weights, mask_missing
        See `Weighted`; a weight for each target.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(8, "tanh"), Dense(3)], seed=0)
    >>> model.compile("adam", loss=Pinball([0.1, 0.5, 0.9]))
    >>> _ = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=1)
    >>> low, median, high = model.predict([[0.5]])[0]
    >>> bool(low <= median <= high)
    True
    """

    quantiles: Numbers = (0.5,)
    name: ClassVar[str] = "pinball"
    kernel: ClassVar[str] = "pinball"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, quantiles=several(checks.real(0, 1, above=True, below=True)))
        if not isinstance(self.quantiles, tuple):
            object.__setattr__(self, "quantiles", (self.quantiles,))
        if list(self._quantiles) != sorted(set(self._quantiles)):
            raise ValueError(f"quantiles must be ascending, got {self.quantiles}; predictions come in that order")

    @property
    def _quantiles(self) -> tuple[float, ...]:
        assert isinstance(self.quantiles, tuple)
        return self.quantiles

    @property
    def parameter(self) -> float:
        return self._quantiles[0]

    @property
    def link(self) -> str | None:
        return "sorted" if len(self._quantiles) > 1 else None

    @property
    def _is_plain(self) -> bool:
        return super()._is_plain and len(self._quantiles) == 1

    def outputs_for(self, n_targets: int) -> int:
        return n_targets * len(self._quantiles)

    def _targets_of(self, n_outputs: int) -> int:
        k = len(self._quantiles)
        if n_outputs % k:
            raise ValueError(
                f"loss {self} needs {k} outputs for each target, got {n_outputs} in all; end with Dense({k}) for one "
                "target"
            )
        return n_outputs // k

    def _n_read(self, n_targets: int) -> int:
        return self.outputs_for(n_targets)

    def _parameters(self, n: int) -> tuple[float, ...]:
        return self._quantiles * (n // len(self._quantiles))

    def point(self, prediction: Array) -> Array:
        middle = min(range(len(self._quantiles)), key=lambda i: abs(self._quantiles[i] - 0.5))
        return prediction[:, middle :: len(self._quantiles)]

    def of_target(self, prediction: Array, target: int, n_targets: int) -> Array:
        k = len(self._quantiles)
        return prediction[:, target * k : (target + 1) * k]


@dataclass(frozen=True, repr=False)
class GaussianNegativeLogLikelihood(Weighted):
    """For quantities with an uncertainty of their own: minus the log likelihood of a normal distribution for each.

    A network for m targets has 2 m outputs without activation: the means, then as many numbers s. The variances are
    v = ``exp(s) + epsilon``, and with the means m ``l = mean_j((log(v_j) + (m_j - target_j)**2 / v_j) / 2)``: the value
    of PyTorch's ``GaussianNLLLoss`` for these variances. ``predict`` returns means and variances, (n, 2 m): ``mean, std
    = p[:, :m], numpy.sqrt(p[:, m:])``. Metrics by name are those of the means. See Nix and Weigend (1994).

    Parameters
    ----------
    epsilon : float
        What no variance is below, in the square of the target's unit: standardise the targets. Finite, >= 1e-30.
    output_weights, mask_missing
        See `Weighted`; a weight for each target.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(8, "tanh"), Dense(2)], seed=0)
    >>> model.compile("adam", loss="gaussian_negative_log_likelihood")
    >>> _ = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=1)
    >>> mean, variance = model.predict([[0.5]])[0]
    >>> bool(variance > 0)
    True
    """

    epsilon: float = 1e-6
    name: ClassVar[str] = "gaussian_negative_log_likelihood"
    kernel: ClassVar[str] = "gaussian"
    last: ClassVar[tuple[str, ...] | None] = ("identity",)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, epsilon=checks.EPSILON)

    @property
    def parameter(self) -> float:
        return math.log(self.epsilon)

    @property
    def link(self) -> str | None:
        return "mean_and_variance"

    @property
    def _is_plain(self) -> bool:
        return False

    def outputs_for(self, n_targets: int) -> int:
        return 2 * n_targets

    def _targets_of(self, n_outputs: int) -> int:
        if n_outputs % 2:
            raise ValueError(
                f"loss {self} needs 2 outputs for each target, got {n_outputs} in all; end with Dense(2) for one target"
            )
        return n_outputs // 2

    def point(self, prediction: Array) -> Array:
        return prediction[:, : prediction.shape[1] // 2]

    def of_target(self, prediction: Array, target: int, n_targets: int) -> Array:
        return prediction[:, target::n_targets]
