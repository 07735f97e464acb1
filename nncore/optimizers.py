"""The update rules a model can be trained with.

In the formulas, w is a parameter, g its gradient, and t the number of the update, from 1. A slot is one number that the
rule remembers per parameter, 0 at the start. All raise TypeError or ValueError if an argument is not as said.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nncore.base import checks, elsewhere, json_form, lazy
from nncore.base.names import lookup
from nncore.base.update_rule import Optimizer as Optimizer  # its public name is here
from nncore.schedules import SCHEDULES, Schedule

_FRACTION = checks.real(0, 1, below=True)


@dataclass(frozen=True, repr=False)
class _Decaying(Optimizer):
    """What may have a decoupled weight decay, given by name."""

    weight_decay: float = field(default=0.0, kw_only=True, metadata=json_form.OPTIONAL)
    decay_bias: bool = field(default=False, kw_only=True, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, weight_decay=checks.real(0), decay_bias=checks.flag)


@dataclass(frozen=True, repr=False)
class _Moments(Optimizer):
    """What averages gradients and their squares, as Adam does."""

    learning_rate: float | Schedule = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, beta_1=_FRACTION, beta_2=_FRACTION, epsilon=checks.EPSILON)


@dataclass(frozen=True, repr=False)
class SGD(_Decaying):
    """Stochastic gradient descent, with momentum if wanted.

    Without momentum ``w -= learning_rate * g``. With it, one slot v: ``v = momentum * v - learning_rate * g``, then
    ``w += v``, or with Nesterov's look-ahead ``w += momentum * v - learning_rate * g`` (Sutskever et al., 2013).

    Parameters
    ----------
    learning_rate, clip_value, clip_norm
        As in `Optimizer`.
    momentum : float
        From 0 (none) to 1.
    nesterov : bool
        Look ahead; needs a momentum.
    weight_decay, decay_bias
        By name, as in `AdamW`, 0 and False: decoupled from the gradient, so no L2 penalty as PyTorch's.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9).n_slots
    1
    >>> SGD(nesterov=True)
    Traceback (most recent call last):
        ...
    ValueError: nesterov=True needs a momentum > 0, got momentum=0.0
    """

    learning_rate: float | Schedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    name: ClassVar[str] = "sgd"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, momentum=checks.real(0, 1), nesterov=checks.flag)
        if self.nesterov and self.momentum == 0.0:
            raise ValueError("nesterov=True needs a momentum > 0, got momentum=0.0")

    @property
    def n_slots(self) -> int:
        return 1 if self.momentum else 0

    @property
    def rule(self) -> str:
        if not self.momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"


@dataclass(frozen=True, repr=False)
class RMSprop(_Decaying):
    """Steps divided by the running root mean square of the gradient (Tieleman and Hinton, 2012).

    Slot v: ``v = rho * v + (1 - rho) * g**2``; step ``u = learning_rate * g / (sqrt(v) + epsilon)``. Without momentum
    ``w -= u``; with it a second slot b: ``b = momentum * b + u``, ``w -= b``. With `centered`, a slot m besides:
    ``m = rho * m + (1 - rho) * g``, and the variance ``v - m**2`` takes the place of v (Graves, 2013).

    Parameters
    ----------
    learning_rate, clip_value, clip_norm
        As in `Optimizer`.
    rho : float
        Share of the old mean square that is kept; from 0, below 1.
    momentum : float
        From 0 (none) to 1.
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30.
    centered : bool
        By name. Whether the mean gradient is taken out of the mean square.
    weight_decay, decay_bias
        By name, as in `AdamW`, 0 and False: decoupled from the gradient, so no L2 penalty as PyTorch's.

    Examples
    --------
    >>> RMSprop().n_slots, RMSprop(momentum=0.9).n_slots, RMSprop(centered=True).n_slots
    (1, 2, 2)
    """

    learning_rate: float | Schedule = 0.001
    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = field(default=False, kw_only=True, metadata=json_form.OPTIONAL)
    name: ClassVar[str] = "rmsprop"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, rho=_FRACTION, momentum=checks.real(0, 1), epsilon=checks.EPSILON, centered=checks.flag)

    @property
    def n_slots(self) -> int:
        return 1 + bool(self.centered) + bool(self.momentum)

    @property
    def rule(self) -> str:
        return "rmsprop" + "_centered" * self.centered + "_momentum" * bool(self.momentum)


@dataclass(frozen=True, repr=False)
class Adagrad(_Decaying):
    """Steps divided by the root of all squares so far (Duchi, Hazan and Singer, 2011).

    Slot v: ``v += g**2``, then ``w -= learning_rate * g / (sqrt(v) + epsilon)``.

    Parameters
    ----------
    learning_rate, clip_value, clip_norm
        As in `Optimizer`.
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30.
    weight_decay, decay_bias
        By name, as in `AdamW`, 0 and False: decoupled from the gradient, so no L2 penalty as PyTorch's.

    Examples
    --------
    >>> Adagrad(0.1)
    Adagrad(learning_rate=0.1, epsilon=1e-07)
    """

    learning_rate: float | Schedule = 0.01
    epsilon: float = 1e-7
    name: ClassVar[str] = "adagrad"
    n_slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, epsilon=checks.EPSILON)


@dataclass(frozen=True, repr=False)
class Adam(_Moments):
    """Adaptive moments (Kingma and Ba, 2015, algorithm 1).

    Slots m and v: ``m = beta_1 * m + (1 - beta_1) * g``, ``v = beta_2 * v + (1 - beta_2) * g**2``, then
    ``w -= learning_rate / (1 - beta_1**t) * m / (sqrt(v) / sqrt(1 - beta_2**t) + epsilon)``. With `amsgrad`, a third
    slot holds the largest v so far, which takes its place under the root (Reddi, Kale and Kumar, 2018).

    Parameters
    ----------
    learning_rate, clip_value, clip_norm
        As in `Optimizer`.
    beta_1, beta_2 : float
        Shares of the old moments that are kept; from 0, below 1.
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30. Squares below the normal range count as zero, so that in
        float32 something below 1e-18 makes long steps of very small gradients.
    amsgrad : bool
        By name. Whether steps never grow because v has become smaller.

    Examples
    --------
    >>> Adam(float("nan"))
    Traceback (most recent call last):
        ...
    ValueError: learning_rate must be a finite number >= 0, got nan
    """

    amsgrad: bool = field(default=False, kw_only=True, metadata=json_form.OPTIONAL)
    name: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, amsgrad=checks.flag)

    @property
    def n_slots(self) -> int:
        return 3 if self.amsgrad else 2

    @property
    def rule(self) -> str:
        return "amsgrad" if self.amsgrad else "adam"


@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019), of weights; of all parameters with `decay_bias`.

    Before Adam's update, ``w -= learning_rate * weight_decay * w``. Biases, and gamma and beta of normalisation, decay
    only with ``decay_bias=True``: so do Keras and PyTorch by default.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, amsgrad, clip_value, clip_norm
        As in `Adam`.
    weight_decay : float
        Finite, >= 0. The `weight_decay` of a `Dense` goes before it there.
    decay_bias : bool
        Whether a bias decays as the weight of its layer does, and gamma and beta with `weight_decay`.

    Examples
    --------
    >>> AdamW(weight_decay=0.1)
    AdamW(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08, weight_decay=0.1, decay_bias=False)
    """

    weight_decay: float = 0.004
    decay_bias: bool = False
    name: ClassVar[str] = "adamw"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, weight_decay=checks.real(0), decay_bias=checks.flag)


@dataclass(frozen=True, repr=False)
class Nadam(_Moments, _Decaying):
    """Adam with Nesterov's look-ahead (Dozat, 2016), its momentum constant.

    Adam's m, ahead of its time: ``w -= learning_rate * m_ahead / (sqrt(v) / sqrt(1 - beta_2**t) + epsilon)`` with
    ``m_ahead = beta_1 * m / (1 - beta_1**(t + 1)) + (1 - beta_1) * g / (1 - beta_1**t)``.

    Parameters
    ----------
    learning_rate, beta_1, beta_2, epsilon, clip_value, clip_norm
        As in `Adam`.
    weight_decay, decay_bias
        By name, as in `AdamW`, 0 and False: decoupled from the gradient, so no L2 penalty as PyTorch's.

    Examples
    --------
    >>> Nadam(0.002).n_slots
    2
    """

    name: ClassVar[str] = "nadam"
    n_slots: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class Lion(Optimizer):
    """Steps of one length, in the direction of a sign (Chen et al., 2023, algorithm 2); weights may decay.

    Slot m: ``w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g)``, then ``m = beta_2 * m + (1 - beta_2) * g``.
    Before that, the decoupled decay ``w -= learning_rate * weight_decay * w``; biases, and gamma and beta of
    normalisation, decay only with ``decay_bias=True``, as they always do in Keras. Every parameter moves by
    `learning_rate`: it should be 3 to 10 times smaller than Adam's.

    Parameters
    ----------
    learning_rate, clip_value, clip_norm
        As in `Optimizer`.
    beta_1 : float
        Share of the old mean in the direction; from 0, below 1.
    beta_2 : float
        Share of the old mean that is kept; from 0, below 1.
    weight_decay, decay_bias
        As in `AdamW`.

    Examples
    --------
    >>> Lion(clip_norm=1)
    Lion(learning_rate=0.0001, beta_1=0.9, beta_2=0.99, weight_decay=0.0, decay_bias=False, clip_norm=1.0)
    """

    learning_rate: float | Schedule = 0.0001
    beta_1: float = 0.9
    beta_2: float = 0.99
    weight_decay: float = 0.0
    decay_bias: bool = False
    name: ClassVar[str] = "lion"
    n_slots: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, beta_1=_FRACTION, beta_2=_FRACTION, weight_decay=checks.real(0), decay_bias=checks.flag)


OPTIMIZERS: dict[str, type[Optimizer]] = {cls.name: cls for cls in (SGD, RMSprop, Adagrad, Adam, AdamW, Nadam, Lion)}
_BY_TYPE = {cls.__name__: cls for cls in OPTIMIZERS.values()}
checks.explain_unknown_arguments(_BY_TYPE.values())
checks.explain_missing(_BY_TYPE.values(), elsewhere.OF_AN_OPTIMIZER)
checks.explain_frozen(_BY_TYPE.values(), "model.optimizer = dataclasses.replace(model.optimizer, {name}={value})")


SOLVERS = {"lbfgs": "lbfgs", "bfgs": "lbfgs", "lbfgsb": "lbfgs", "lm": "lm", "levenbergmarquardt": "lm"}
"""What is no optimizer, but a solver of ``fit``; in small letters, without signs between."""


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return an optimizer from its name, or itself.

    Raises
    ------
    TypeError, ValueError
        If `optimizer` is neither a string nor one of the optimizers above, or not a known name.

    Examples
    --------
    >>> get("sgd")
    SGD(learning_rate=0.01, momentum=0.0, nesterov=False)
    """
    if isinstance(optimizer, Optimizer):
        return checks.exact("optimizer", optimizer, _BY_TYPE)
    if isinstance(optimizer, str) and (solver := SOLVERS.get(optimizer.lower().replace("-", "").replace("_", ""))):
        raise ValueError(f"optimizer {optimizer!r} is a solver: leave it out here, and call fit(solver={solver!r})")
    return lookup("optimizer", optimizer, OPTIMIZERS)()


def to_dict(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimizer as a JSON-safe dict.

    Raises
    ------
    TypeError
        If `optimizer` is not an optimizer.

    Examples
    --------
    >>> to_dict(SGD())
    {'type': 'SGD', 'learning_rate': 0.01, 'momentum': 0.0, 'nesterov': False}
    """
    return json_form.to_dict(checks.exact("optimizer", optimizer, _BY_TYPE))


def from_dict(data: dict[str, Any]) -> Optimizer:
    """Return the optimizer that `to_dict` described.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such description; see `nncore.base.json_form.from_dict`.

    Examples
    --------
    >>> from_dict({"type": "SGD", "learning_rate": 0.5})
    SGD(learning_rate=0.5, momentum=0.0, nesterov=False)
    """
    optimizer: Optimizer = json_form.from_dict("optimizer", data, _BY_TYPE, SCHEDULES)
    return optimizer


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
