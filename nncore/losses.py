"""The loss functions a model can be trained with.

A loss gives row i the value ``l_i``; a batch of n rows has the loss ``sum_i(w_i * l_i) / n``, where ``w_i`` is the
sample weight of row i (1 without any). The crossentropies are computed from logits, whatever the last layer says, so
that they are exact for any finite logit: `nncore.program.lower` takes the sigmoid or softmax out of the last layer. So
is `Poisson`, from the logarithms of rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from nncore.base import checks, elsewhere, json_form, lazy, own_loss, several_losses
from nncore.base.json_form import OPTIONAL
from nncore.base.loss import POSITIVE, SHARE, Crossentropy, Loss, Numbers, Reading, Weighted, expanded, several
from nncore.base.names import lookup
from nncore.base.own_loss import CustomLoss
from nncore.base.quantities import (
    GaussianNegativeLogLikelihood,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanSquaredError,
    Pinball,
    Poisson,
)
from nncore.base.several_losses import SeveralLosses

__all__ = [
    "LOSSES",
    "NAME_OF_KERNEL",
    "TARGETS_OF_KERNEL",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "Crossentropy",
    "CustomLoss",
    "GaussianNegativeLogLikelihood",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Pinball",
    "Poisson",
    "Reading",
    "SeveralLosses",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "Weighted",
    "from_dict",
    "get",
    "infer_loss",
    "to_dict",
]


@dataclass(frozen=True, repr=False)
class Hinge(Weighted):
    """What is missing to a margin of 1 (Cortes and Vapnik, 1995), averaged over the outputs, each a yes/no question.

    With s = 1 for yes and -1 for no: ``l = mean_j(max(0, 1 - s_j * prediction_j))``, whose slope is 0 at the margin.
    The last layer has no activation, or tanh; an output above 0 means yes. Targets are -1 and 1, or 0 and 1, as in
    Keras; metrics get them as 0 and 1.

    Parameters
    ----------
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> Hinge().yes_above
    0.0
    """

    name: ClassVar[str] = "hinge"
    kernel: ClassVar[str] = "hinge"
    targets: ClassVar[str | None] = "sigmoid_crossentropy"
    last: ClassVar[tuple[str, ...] | None] = ("identity", "tanh")

    @property
    def yes_above(self) -> float | None:
        return 0.0


@dataclass(frozen=True, repr=False)
class SquaredHinge(Hinge):
    """The square of what is missing to a margin of 1, averaged over the outputs; else as `Hinge`.

    With s = 1 for yes and -1 for no: ``l = mean_j(max(0, 1 - s_j * prediction_j)**2)``.

    Parameters
    ----------
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> SquaredHinge().kernel
    'squared_hinge'
    """

    name: ClassVar[str] = "squared_hinge"
    kernel: ClassVar[str] = "squared_hinge"


@dataclass(frozen=True, repr=False)
class BinaryCrossentropy(Crossentropy, Weighted):
    """Crossentropy of independent yes/no outputs, averaged over them; targets are from 0 to 1.

    With ``p = sigmoid(logit)``: ``l = mean_j(-target_j * log(p_j) - (1 - target_j) * log(1 - p_j))``.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.
    label_smoothing : float
        As in Keras: this share of each target becomes 1/2. >= 0 and < 1.
    pos_weight : float or list of float, optional
        As in PyTorch's ``BCEWithLogitsLoss``: what the first term, that of yes, is multiplied by; of all outputs, or of
        each. Finite, > 0.
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> BinaryCrossentropy().activation
    'sigmoid'
    >>> BinaryCrossentropy(pos_weight=[1, 20])
    BinaryCrossentropy(from_logits=False, pos_weight=(1.0, 20.0))
    """

    label_smoothing: float = field(default=0.0, kw_only=True, metadata=OPTIONAL)
    pos_weight: Numbers | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    name: ClassVar[str] = "binary_crossentropy"
    kernel: ClassVar[str] = "sigmoid_crossentropy"
    activation: ClassVar[str | None] = "sigmoid"

    def __post_init__(self) -> None:
        super().__post_init__()
        Weighted.__post_init__(self)
        checks.check(self, label_smoothing=SHARE, pos_weight=checks.optional(several(POSITIVE)))

    @property
    def yes_above(self) -> float | None:
        return 0.0 if self.from_logits else 0.5

    @property
    def _smoothing(self) -> float:
        return self.label_smoothing

    @property
    def _is_plain(self) -> bool:
        return super()._is_plain and self.pos_weight is None

    def _positives(self, n: int) -> tuple[float, ...]:
        return expanded("pos_weight", self.pos_weight, n)


@dataclass(frozen=True, repr=False)
class BinaryFocalCrossentropy(Crossentropy, Weighted):
    """Crossentropy of yes/no outputs in which answers that are right already count less (Lin et al., 2017).

    With ``p = sigmoid(logit)``, ``w_j = target_j * (1 - p_j) + (1 - target_j) * p_j``, how wrong an answer is, and the
    crossentropy c_j of each output: ``l = mean_j(w_j**gamma * c_j)``. Arguments and values are those of Keras.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.
    apply_class_balancing : bool
        Whether a yes weighs `alpha`, a no ``1 - alpha``.
    alpha : float
        Between 0 and 1.
    gamma : float
        Finite, >= 0; with 0 it is `BinaryCrossentropy`.
    label_smoothing : float
        As in `BinaryCrossentropy`.
    output_weights, mask_missing
        See `Weighted`.

    Examples
    --------
    >>> BinaryFocalCrossentropy(gamma=3).parameter
    3.0
    """

    apply_class_balancing: bool = field(default=False, kw_only=True, metadata=OPTIONAL)
    alpha: float = field(default=0.25, kw_only=True, metadata=OPTIONAL)
    gamma: float = field(default=2.0, kw_only=True, metadata=OPTIONAL)
    label_smoothing: float = field(default=0.0, kw_only=True, metadata=OPTIONAL)
    name: ClassVar[str] = "binary_focal_crossentropy"
    kernel: ClassVar[str] = "sigmoid_focal"
    targets: ClassVar[str | None] = "sigmoid_crossentropy"
    activation: ClassVar[str | None] = "sigmoid"

    def __post_init__(self) -> None:
        super().__post_init__()
        Weighted.__post_init__(self)
        share = checks.real(0, 1, above=True, below=True)
        rules = {"alpha": share, "gamma": checks.real(0), "label_smoothing": SHARE}
        checks.check(self, apply_class_balancing=checks.flag, **rules)

    @property
    def parameter(self) -> float:
        return self.gamma

    @property
    def yes_above(self) -> float | None:
        return 0.0 if self.from_logits else 0.5

    @property
    def _smoothing(self) -> float:
        return self.label_smoothing

    @property
    def _is_plain(self) -> bool:
        return super()._is_plain and not self.apply_class_balancing

    def reading(self, n_outputs: int) -> Reading | None:
        found = super().reading(n_outputs)
        if found is None or not self.apply_class_balancing:
            return found
        weights = tuple(weight * (1 - self.alpha) for weight in found.weights)
        return found._replace(weights=weights, positives=(self.alpha / (1 - self.alpha),) * n_outputs)


@dataclass(frozen=True, repr=False)
class _Choice(Crossentropy):
    """Base class of crossentropies of one choice among the outputs, whose targets may be smoothed."""

    label_smoothing: float = field(default=0.0, kw_only=True, metadata=OPTIONAL)
    activation: ClassVar[str | None] = "softmax"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, label_smoothing=SHARE)

    def reading(self, n_outputs: int) -> Reading | None:
        ones = (1.0,) * n_outputs if self.label_smoothing else ()
        return Reading(n_outputs, ones, ones, ones, self.label_smoothing) if ones else None


@dataclass(frozen=True, repr=False)
class CategoricalCrossentropy(_Choice):
    """Crossentropy of one choice among the outputs; targets are one-hot or class probabilities, shape (n, n_outputs).

    With ``p = softmax(logits)``: ``l = -sum_j(target_j * log(p_j))``.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.
    label_smoothing : float
        As in Keras and PyTorch: this share of each target is spread over all classes. >= 0 and < 1.

    Examples
    --------
    >>> CategoricalCrossentropy(from_logits=True)
    CategoricalCrossentropy(from_logits=True)
    """

    name: ClassVar[str] = "categorical_crossentropy"
    kernel: ClassVar[str] = "softmax_crossentropy"


@dataclass(frozen=True, repr=False)
class SparseCategoricalCrossentropy(_Choice):
    """Crossentropy of one choice among the outputs; targets are class numbers from 0, shape (n,).

    With ``p = softmax(logits)``: ``l = -log(p[target])``.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.
    label_smoothing : float
        As in `CategoricalCrossentropy`.

    Examples
    --------
    >>> SparseCategoricalCrossentropy().kernel
    'sparse_softmax_crossentropy'
    """

    name: ClassVar[str] = "sparse_categorical_crossentropy"
    kernel: ClassVar[str] = "sparse_softmax_crossentropy"


@dataclass(frozen=True, repr=False)
class CategoricalFocalCrossentropy(_Choice):
    """Crossentropy of one choice in which classes that are right already count less (Lin et al., 2017).

    With ``p = softmax(logits)``: ``l = -sum_j(alpha * target_j * (1 - p_j)**gamma * log(p_j))``. Arguments and values
    are those of Keras; targets as for `CategoricalCrossentropy`, or class numbers.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.
    alpha : float or list of float
        The weight of all classes, or of each. Finite, > 0.
    gamma : float
        Finite, >= 0.
    label_smoothing : float
        As in `CategoricalCrossentropy`.

    Examples
    --------
    >>> CategoricalFocalCrossentropy(alpha=[0.5, 1, 2]).alpha
    (0.5, 1.0, 2.0)
    """

    alpha: Numbers = field(default=0.25, kw_only=True, metadata=OPTIONAL)
    gamma: float = field(default=2.0, kw_only=True, metadata=OPTIONAL)
    name: ClassVar[str] = "categorical_focal_crossentropy"
    kernel: ClassVar[str] = "softmax_focal"
    targets: ClassVar[str | None] = "softmax_crossentropy"

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check(self, alpha=several(POSITIVE), gamma=checks.real(0))

    @property
    def parameter(self) -> float:
        return self.gamma

    def reading(self, n_outputs: int) -> Reading | None:
        ones = (1.0,) * n_outputs
        return Reading(n_outputs, ones, expanded("alpha", self.alpha, n_outputs, "class"), ones, self.label_smoothing)


@dataclass(frozen=True, repr=False)
class KLDivergence(Crossentropy):
    """How much the predicted shares of classes are short of the true ones (Kullback and Leibler, 1951).

    With ``p = softmax(logits)``: ``l = sum_j(target_j * log(target_j / p_j))``, the categorical crossentropy less the
    entropy of the targets: its gradients are the same, its least value is 0. Targets as there.

    Parameters
    ----------
    from_logits : bool
        See `Crossentropy`.

    Examples
    --------
    >>> KLDivergence().activation
    'softmax'
    """

    name: ClassVar[str] = "kl_divergence"
    kernel: ClassVar[str] = "kl_divergence"
    targets: ClassVar[str | None] = "softmax_crossentropy"
    activation: ClassVar[str | None] = "softmax"


_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    MeanAbsoluteError,
    Huber,
    LogCosh,
    Poisson,
    Pinball,
    GaussianNegativeLogLikelihood,
    Hinge,
    SquaredHinge,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    KLDivergence,
)
_BY_TYPE = {cls.__name__: cls for cls in _CLASSES}

LOSSES: dict[str, type[Loss]] = {cls.name: cls for cls in _CLASSES}
"""Classes by name. An alias is a second key of the same class."""

LOSSES["mse"] = MeanSquaredError
LOSSES["mae"] = MeanAbsoluteError

checks.explain_unknown_arguments([*_CLASSES, CustomLoss])
checks.explain_frozen(_CLASSES, "model.compile(model.optimizer, loss=dataclasses.replace(model.loss, {name}={value}))")

NAME_OF_KERNEL: dict[str, str] = {cls.kernel: cls.name for cls in _CLASSES}
"""By the name that a program has for a loss, the one that `compile` takes."""

NAME_OF_KERNEL |= {CustomLoss.kernel: "of your own", SeveralLosses.kernel: "of several outputs"}

TARGETS_OF_KERNEL: dict[str, str] = {
    **{cls.kernel: cls.targets or cls.kernel for cls in _CLASSES},
    CustomLoss.kernel: CustomLoss.kernel,
    SeveralLosses.kernel: SeveralLosses.kernel,
}
"""By the name that a program has for a loss, that of the first loss which reads such targets."""


def get(loss: str | Loss | own_loss.Answers) -> Loss:
    """Return a loss from its name, an alias, itself, or a function of the user's own.

    Raises
    ------
    TypeError, ValueError
        If `loss` is neither a string nor one of the losses above nor callable, or not a known name.

    Examples
    --------
    >>> get("mse")
    MeanSquaredError()
    """
    if isinstance(loss, (CustomLoss, SeveralLosses)):
        return loss
    if isinstance(loss, Loss) and not callable(loss):
        return checks.exact("loss", loss, _BY_TYPE)
    try:
        return lookup("loss", loss, LOSSES)()
    except TypeError as error:
        if callable(loss) and not isinstance(loss, type) and not ("did you mean" in str(error) and _is_anothers(loss)):
            return CustomLoss(loss)
        raise


def _is_anothers(function: object) -> bool:
    """Whether a function comes from a package that has losses of these names, of another form."""
    return getattr(function, "__module__", "").partition(".")[0] in PACKAGES


PACKAGES = ("nncore", "keras", "tensorflow", "torch", "sklearn", "jax", "optax", "numpy")

_OF_ACTIVATION: dict[str, Loss] = {
    "softmax": SparseCategoricalCrossentropy(),
    "sigmoid": BinaryCrossentropy(),
    "exponential": Poisson(),
}
_OF_NUMBERS = MeanSquaredError()


def infer_loss(last_activation: str) -> Loss:
    """Return the loss that suits a network whose last layer has this activation.

    Examples
    --------
    >>> infer_loss("softmax")
    SparseCategoricalCrossentropy(from_logits=False)
    """
    return _OF_ACTIVATION.get(last_activation, _OF_NUMBERS)


def to_dict(loss: Loss) -> dict[str, Any]:
    """Return a loss as a JSON-safe dict.

    Raises
    ------
    TypeError
        If `loss` is not a loss.

    Examples
    --------
    >>> to_dict(BinaryCrossentropy())
    {'type': 'BinaryCrossentropy', 'from_logits': False}
    """
    if isinstance(loss, CustomLoss):
        return own_loss.to_dict(loss)
    if isinstance(loss, SeveralLosses):
        return several_losses.to_dict(loss, to_dict)
    return json_form.to_dict(checks.exact("loss", loss, _BY_TYPE))


def from_dict(data: dict[str, Any]) -> Loss:
    """Return the loss that `to_dict` described.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such description; see `nncore.base.json_form.from_dict`.

    Examples
    --------
    >>> from_dict({"type": "Huber", "delta": 2.0})
    Huber(delta=2.0)
    """
    if isinstance(data, Mapping) and data.get("type") == CustomLoss.__name__:
        return own_loss.from_dict(data)
    if isinstance(data, Mapping) and data.get("type") == SeveralLosses.__name__:
        return several_losses.from_dict(data, from_dict)
    loss: Loss = json_form.from_dict("loss", data, _BY_TYPE)
    return loss


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
