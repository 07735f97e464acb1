"""A loss for each of several outputs, which add up to what is minimised."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from nncore.base import checks
from nncore.base.loss import Loss
from nncore.base.own_loss import CustomLoss

WEIGHT = checks.real(0)


@dataclass(frozen=True, repr=False)
class SeveralLosses(Loss):
    """The sum of the losses of several outputs, each by its weight: what ``compile(loss=[...])`` makes of a list.

    Outputs are the branches of a `Parallel` at the end of the network, in their order. The loss of a row is
    ``sum_k(weights[k] * losses[k])``.

    Parameters
    ----------
    losses : sequence of Loss
        Of each output.
    weights : sequence of float, optional
        Finite, >= 0, not all 0; by default 1.

    Raises
    ------
    TypeError, ValueError
        If they are not as many, or one of the losses is a function of the user's own.

    Examples
    --------
    >>> from nncore.losses import MeanSquaredError, SparseCategoricalCrossentropy
    >>> SeveralLosses([MeanSquaredError(), SparseCategoricalCrossentropy()], [1, 0.5]).weights
    (1.0, 0.5)
    """

    losses: tuple[Loss, ...]
    weights: tuple[float, ...] = ()
    name: ClassVar[str] = "several"
    kernel: ClassVar[str] = "several"

    def __post_init__(self) -> None:
        losses, weights = tuple(self.losses), tuple(self.weights) or (1.0,) * len(self.losses)
        for k, loss in enumerate(losses):
            if isinstance(loss, CustomLoss):
                raise ValueError(
                    f"loss[{k}] is the function {loss.name!r}, and a loss of your own cannot be one of several: give "
                    "the function alone, as the loss of all outputs, which it gets side by side"
                )
            if not isinstance(loss, Loss) or isinstance(loss, SeveralLosses):
                raise TypeError(f"loss[{k}] must be a loss, got {checks.described(loss)}")
        if len(losses) < 2:
            raise ValueError(f"several losses are two or more, got {len(losses)}")
        if len(weights) != len(losses):
            raise ValueError(f"loss_weights must have a weight for each output, {len(losses)}, got {len(weights)}")
        weights = tuple(WEIGHT(f"loss_weights[{k}]", weight) for k, weight in enumerate(weights))
        if not any(weights):
            raise ValueError(f"loss_weights must not all be 0, got {weights}; nothing would be learnt")
        object.__setattr__(self, "losses", losses)
        object.__setattr__(self, "weights", weights)

    def check_count(self, n_outputs: int) -> None:
        """Raise ValueError if the network has not as many outputs as there are losses."""
        if not n_outputs:
            raise ValueError(
                f"loss is a list of {len(self.losses)}, and the network has one output: give one loss, or end with "
                f"Parallel([...]) of {len(self.losses)} branches, an output each"
            )
        if n_outputs != len(self.losses):
            raise ValueError(f"loss is a list of {len(self.losses)}, and the network has {n_outputs} outputs")


def to_dict(loss: SeveralLosses, of_one: Callable[[Loss], dict[str, Any]]) -> dict[str, Any]:
    """Return it as a JSON-safe dict; `of_one` makes that of a single loss.

    Examples
    --------
    >>> from nncore import losses
    >>> two = SeveralLosses([losses.MeanSquaredError(), losses.Poisson()])
    >>> to_dict(two, losses.to_dict)["weights"]
    [1.0, 1.0]
    """
    parts = [of_one(part) for part in loss.losses]
    return {"type": SeveralLosses.__name__, "losses": parts, "weights": list(loss.weights)}


def from_dict(data: Mapping[str, Any], of_one: Callable[[Any], Loss]) -> SeveralLosses:
    """Return the losses that `to_dict` described.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such description.
    """
    if extra := sorted(map(str, data.keys() - {"type", "losses", "weights"})):
        raise ValueError(f"loss: unexpected {extra}")
    parts = checks.items("losses", data.get("losses"))
    weights = checks.items("weights", data.get("weights"))
    return SeveralLosses(tuple(map(of_one, parts)), tuple(weights))
