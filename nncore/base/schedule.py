"""What all schedules have in common: rates as a function of time; and what a learning rate may be."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.base import checks
from nncore.base.typing import Floats

RATE = checks.real(0)
"""Rule: a learning rate that is a number."""


@dataclass(frozen=True)
class Schedule(ABC):
    """Base class of all schedules: a function of time."""

    def __call__(self, epochs: ArrayLike) -> Floats:
        """Return the learning rates at times `epochs` >= 0, of any shape, in the same shape."""
        return np.asarray(self._rates(np.asarray(epochs, dtype=np.float64)))[()]

    @abstractmethod
    def _rates(self, t: Floats) -> Floats:
        """Return the learning rates at times `t`."""

    def of_steps(self, first_epoch: int, epochs: int, steps_per_epoch: int) -> Floats:
        """Return the rate of every step of consecutive epochs, shape (epochs * steps_per_epoch,).

        Examples
        --------
        >>> from nncore import StepDecay
        >>> StepDecay(0.1, factor=0.5, every=1).of_steps(1, 2, 3)
        array([0.05 , 0.05 , 0.05 , 0.025, 0.025, 0.025])
        """
        within = np.arange(steps_per_epoch) / steps_per_epoch
        times = np.arange(first_epoch, first_epoch + epochs)[:, None] + within
        return np.ascontiguousarray(self(times.ravel()))


KNOWN: dict[str, type[Schedule]] = {}
"""The classes that a learning rate may be of, by name; `nncore.schedules` enters its own."""


def learning_rate(argument: str, value: Any) -> float | Schedule:
    """Rule: a finite number >= 0, or one of the `KNOWN` schedules.

    Examples
    --------
    >>> import nncore.schedules
    >>> learning_rate("learning_rate", 1)
    1.0
    >>> learning_rate("learning_rate", "cosine")
    Traceback (most recent call last):
        ...
    TypeError: learning_rate must be a finite number >= 0 or one of PiecewiseConstant, StepDecay, ExponentialDecay, \
InverseTimeDecay, PolynomialDecay, CosineDecay, CosineDecayRestarts, OneCycle, got 'cosine' of type str
    """
    if isinstance(value, Schedule):
        return checks.exact(argument, value, KNOWN)
    try:
        rate: float = RATE(argument, value)
    except TypeError:
        known = ", ".join(KNOWN)
        found = checks.described(value)
        raise TypeError(f"{argument} must be a finite number >= 0 or one of {known}, got {found}") from None
    return rate
