"""What all optimizers have in common: a learning rate, constant or scheduled, and clipping."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass, fields, replace
from typing import ClassVar, TypeVar

from nncore.base import checks
from nncore.base.json_form import is_told
from nncore.base.schedule import Schedule, learning_rate

Kind = TypeVar("Kind", bound="Optimizer")


@dataclass(frozen=True, repr=False)
class Optimizer(ABC):
    """Base class of all optimizers.

    Parameters
    ----------
    learning_rate : float or Schedule
        Finite, >= 0; or a schedule from `nncore.schedules`, which gives every step its own rate.
    clip_value : float, optional
        > 0: every gradient g becomes ``min(max(g, -clip_value), clip_value)`` before the rule sees it.
    clip_norm : float, optional
        > 0: where the Euclidean norm of all gradients together is larger, all are multiplied by ``clip_norm / norm``
        (Pascanu et al., 2013). Not together with `clip_value`.

    Attributes
    ----------
    name : str
        The optimizer's name in ``compile(optimizer=...)``.
    n_slots : int
        How many numbers the rule remembers per parameter.
    rule : str
        The engine's name for the update rule: a row of its table of optimizers.
    """

    learning_rate: float | Schedule = 0.01
    _: KW_ONLY
    clip_value: float | None = None
    clip_norm: float | None = None
    name: ClassVar[str]

    def __post_init__(self) -> None:
        limit = checks.optional(checks.real(0, above=True))
        checks.check(self, learning_rate=learning_rate, clip_value=limit, clip_norm=limit)
        if self.clip_value is not None and self.clip_norm is not None:
            both = f"clip_value={self.clip_value:g} and clip_norm={self.clip_norm:g}"
            raise ValueError(f"give clip_value or clip_norm, not both; got {both}")

    def __repr__(self) -> str:
        told = [field for field in fields(self) if is_told(field, getattr(self, field.name))]
        told.sort(key=lambda field: bool(field.kw_only))
        shown = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in told)
        return f"{type(self).__name__}({shown})"

    @property
    def rate(self) -> float:
        """The learning rate, where it is a constant.

        Raises
        ------
        TypeError
            If it is a schedule: then `at_epoch` gives an optimizer for one moment.
        """
        if isinstance(self.learning_rate, Schedule):
            what = f"the learning rate is not one number but {self.learning_rate}"
            raise TypeError(f"{what}; take the optimizer of one moment: optimizer.at_epoch(epoch)")
        return self.learning_rate

    def rate_at(self, epoch: float) -> float:
        """Return the learning rate at a time, in epochs from the first one on.

        Examples
        --------
        >>> from nncore.optimizers import SGD
        >>> from nncore.schedules import StepDecay
        >>> SGD(StepDecay(0.1, factor=0.5, every=10)).rate_at(25)
        0.025
        """
        return float(self.learning_rate(epoch)) if isinstance(self.learning_rate, Schedule) else self.learning_rate

    def at_epoch(self: Kind, epoch: float) -> Kind:
        """Return this optimizer with the constant learning rate `rate_at` that time."""
        return replace(self, learning_rate=self.rate_at(epoch)) if isinstance(self.learning_rate, Schedule) else self

    @property
    @abstractmethod
    def n_slots(self) -> int:
        """How many numbers the rule remembers per parameter."""

    @property
    def rule(self) -> str:
        return self.name

    @property
    def kind(self) -> tuple[type, int, bool]:
        """What two optimizers have in common if one can go on with the slots of the other.

        The second slot of RMSprop is one thing where it is centred, and another where it has a momentum.
        """
        return type(self), self.n_slots, getattr(self, "centered", False)
