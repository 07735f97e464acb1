"""The loss functions a model can be trained with.

A loss gives row i the value ``l_i``; a batch of n rows has the loss ``sum_i(w_i * l_i) / n``, where ``w_i`` is the
sample weight of row i (1 without any). The crossentropies are computed from logits, whatever the last layer says, so
that they are exact for any finite logit: `nncore.program.lower` takes the sigmoid or softmax out of the last layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from nncore.base import checks, elsewhere, json_form, lazy
from nncore.base.names import lookup


@dataclass(frozen=True)
class Loss:
    """Base class of all losses.

    Attributes
    ----------
    name : str
        The loss's name in ``compile(loss=...)``.
    kernel : str
        Which loss the program runs; it reads the raw prediction.
    """

    name: ClassVar[str]
    kernel: ClassVar[str]

    @property
    def parameter(self) -> float:
        """The number that the kernel takes beside its arrays; 0.0 where it takes none."""
        return 0.0


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Squared error, averaged over the outputs: ``l = mean_j((prediction_j - target_j)**2)``.

    Examples
    --------
    >>> MeanSquaredError().kernel
    'squared_error'
    """

    name: ClassVar[str] = "mean_squared_error"
    kernel: ClassVar[str] = "squared_error"


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """Absolute error, averaged over the outputs: ``l = mean_j(|prediction_j - target_j|)``; its gradient at 0 is 0.

    Examples
    --------
    >>> MeanAbsoluteError().kernel
    'absolute_error'
    """

    name: ClassVar[str] = "mean_absolute_error"
    kernel: ClassVar[str] = "absolute_error"


@dataclass(frozen=True)
class Huber(Loss):
    """Squared near zero, absolute far from it (Huber, 1964), averaged over the outputs.

    With ``d = prediction - target``: ``l = mean_j(d_j**2 / 2 if |d_j| <= delta else delta * (|d_j| - delta / 2))``.

    Parameters
    ----------
    delta : float
        Where the two meet, in the target's unit. Finite, > 0.

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
        checks.check(self, delta=checks.real(0, above=True))

    @property
    def parameter(self) -> float:
        return self.delta


@dataclass(frozen=True)
class Crossentropy(Loss):
    """Base class of the losses that turn logits into probabilities first.

    Parameters
    ----------
    from_logits : bool
        False: the last layer must have `activation`, and ``predict`` returns probabilities.
        True: the last layer must have none, and ``predict`` returns logits.

    Attributes
    ----------
    activation : str
        What turns this loss's logits into probabilities.
    """

    from_logits: bool = False
    activation: ClassVar[str]

    def __post_init__(self) -> None:
        checks.check(self, from_logits=checks.flag)


@dataclass(frozen=True)
class BinaryCrossentropy(Crossentropy):
    """Crossentropy of independent yes/no outputs, averaged over them; targets are from 0 to 1.

    With ``p = sigmoid(logit)``: ``l = mean_j(-target_j * log(p_j) - (1 - target_j) * log(1 - p_j))``.

    Examples
    --------
    >>> BinaryCrossentropy().activation
    'sigmoid'
    """

    name: ClassVar[str] = "binary_crossentropy"
    kernel: ClassVar[str] = "sigmoid_crossentropy"
    activation: ClassVar[str] = "sigmoid"


@dataclass(frozen=True)
class CategoricalCrossentropy(Crossentropy):
    """Crossentropy of one choice among the outputs; targets are one-hot or class probabilities, shape (n, n_outputs).

    With ``p = softmax(logits)``: ``l = -sum_j(target_j * log(p_j))``.

    Examples
    --------
    >>> CategoricalCrossentropy(from_logits=True)
    CategoricalCrossentropy(from_logits=True)
    """

    name: ClassVar[str] = "categorical_crossentropy"
    kernel: ClassVar[str] = "softmax_crossentropy"
    activation: ClassVar[str] = "softmax"


@dataclass(frozen=True)
class SparseCategoricalCrossentropy(Crossentropy):
    """Crossentropy of one choice among the outputs; targets are class numbers from 0, shape (n,).

    With ``p = softmax(logits)``: ``l = -log(p[target])``.

    Examples
    --------
    >>> SparseCategoricalCrossentropy().kernel
    'sparse_softmax_crossentropy'
    """

    name: ClassVar[str] = "sparse_categorical_crossentropy"
    kernel: ClassVar[str] = "sparse_softmax_crossentropy"
    activation: ClassVar[str] = "softmax"


_CLASSES: tuple[type[Loss], ...] = (
    MeanSquaredError,
    MeanAbsoluteError,
    Huber,
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
_BY_TYPE = {cls.__name__: cls for cls in _CLASSES}

LOSSES: dict[str, type[Loss]] = {cls.name: cls for cls in _CLASSES}
"""Classes by name. An alias is a second key of the same class."""

LOSSES["mse"] = MeanSquaredError
LOSSES["mae"] = MeanAbsoluteError

checks.explain_unknown_arguments(_CLASSES)
checks.explain_frozen(_CLASSES, "model.compile(model.optimizer, loss=dataclasses.replace(model.loss, {name}={value}))")

_NAMES = f"of losses there are {', '.join(cls.name for cls in _CLASSES)}"

NAME_OF_KERNEL: dict[str, str] = {cls.kernel: cls.name for cls in _CLASSES}
"""By the name that a program has for a loss, the one that `compile` takes."""


def get(loss: str | Loss) -> Loss:
    """Return a loss from its name, an alias, or itself.

    Raises
    ------
    TypeError, ValueError
        If `loss` is neither a string nor one of the losses above, or not a known name.

    Examples
    --------
    >>> get("mse")
    MeanSquaredError()
    """
    if isinstance(loss, Loss):
        return checks.exact("loss", loss, _BY_TYPE)
    try:
        return lookup("loss", loss, LOSSES)()
    except TypeError as error:
        if callable(loss) and not isinstance(loss, type) and "did you mean" not in str(error):
            raise TypeError(f"{error}; a function of your own can be a metric, but no loss: {_NAMES}") from None
        raise


_OF_ACTIVATION: dict[str, Loss] = {"softmax": SparseCategoricalCrossentropy(), "sigmoid": BinaryCrossentropy()}
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
    loss: Loss = json_form.from_dict("loss", data, _BY_TYPE)
    return loss


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
