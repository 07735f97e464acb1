"""What all losses share: how targets are read, what an output may weigh, and what turns raw predictions into others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, NamedTuple

import numpy as np

from nncore.base import checks, json_form
from nncore.base.json_form import OPTIONAL
from nncore.base.typing import Array

Numbers = float | tuple[float, ...]

SHARE = checks.real(0, 1, below=True)
POSITIVE = checks.real(0, above=True)


def several(rule: checks.Rule) -> checks.Rule:
    """Return the rule "a number, or one for each output"; a list or an array becomes a tuple."""

    def rule_of_several(argument: str, value: Any) -> Numbers:
        if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            values = np.asarray(value, dtype=object).ravel().tolist()
            if not values:
                raise ValueError(f"{argument} must be a number or a list of them, got an empty list")
            return tuple(rule(f"{argument}[{i}]", item) for i, item in enumerate(values))
        number: float = rule(argument, value)
        return number

    return rule_of_several


class Reading(NamedTuple):
    """How the targets of a kernel come of those of the caller, where they are not the same numbers.

    Attributes
    ----------
    n_targets : int
        Columns of y: each of them is the target of as many outputs in a row.
    parameters, weights, positives : tuple of float
        Of each number that the kernel compares: its parameter, its weight, and what a target of 1 weighs where one of 0
        weighs 1.
    smoothing : float
        This share of a target is replaced by the target of one who knows nothing.
    missing : bool
        Whether NaN is a target that was not measured, and weighs nothing.
    """

    n_targets: int
    parameters: tuple[float, ...]
    weights: tuple[float, ...]
    positives: tuple[float, ...]
    smoothing: float = 0.0
    missing: bool = False


@dataclass(frozen=True, repr=False)
class Loss:
    """Base class of all losses.

    Attributes
    ----------
    name : str
        The loss's name in ``compile(loss=...)``.
    kernel : str
        Which loss the program runs; it reads the raw prediction.
    targets : str or None
        The kernel whose targets are the same, where that is another one.
    activation : str or None
        What the last layer is to end with where the loss takes that over, and makes predictions of raw ones by it.
    last : tuple of str, or None
        What else the last layer may end with; None for anything.
    raw_argument : str
        What says that the last layer has no `activation`, and that predictions are raw.
    """

    name: ClassVar[str]
    kernel: ClassVar[str]
    targets: ClassVar[str | None] = None
    activation: ClassVar[str | None] = None
    last: ClassVar[tuple[str, ...] | None] = None
    raw_argument: ClassVar[str] = ""

    @property
    def parameter(self) -> float:
        """The number that the kernel takes beside its arrays; 0.0 where it takes none."""
        return 0.0

    @property
    def link(self) -> str | None:
        """What makes predictions of raw ones, where it is no activation."""
        return None

    @property
    def raw(self) -> bool:
        """Whether predictions are what the loss reads, without its `activation`."""
        return bool(self.raw_argument) and bool(getattr(self, self.raw_argument))

    @property
    def yes_above(self) -> float | None:
        """Which predictions mean yes, where each output is a question; None where it is none."""
        return None

    def reading(self, n_outputs: int) -> Reading | None:
        """Return how targets are read for a network of so many outputs; None for as they are.

        Raises
        ------
        ValueError
            If the loss does not suit so many outputs.
        """
        return None

    def outputs_for(self, n_targets: int) -> int:
        """Return how many outputs a network needs for so many targets."""
        return n_targets

    def point(self, prediction: Array) -> Array:
        """Return what of predictions is to be compared with y, (n, n_targets)."""
        return prediction

    def of_target(self, prediction: Array, target: int, n_targets: int) -> Array:
        """Return what of predictions is said of one of so many targets: its column, or columns."""
        return prediction[:, target : target + 1]

    def __repr__(self) -> str:
        shown = (
            f"{one.name}={value!r}"
            for one, value in (
                (one, getattr(self, one.name)) for one in sorted(fields(self), key=json_form.is_optional)
            )
            if not (json_form.is_optional(one) and value == one.default)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class Weighted(Loss):
    """Base class of losses that are means over the outputs, each of which may have a weight, or no target.

    Parameters
    ----------
    output_weights : list of float, optional
        What each output's share is multiplied by, >= 0; by default 1. The sum is divided by the number of outputs all
        the same, as Keras' ``loss_weights`` has it, whose losses add up.
    mask_missing : bool
        Whether a target that is NaN was not measured: it adds neither value nor gradient. The others of its row count
        as they do in any row, for the sum is divided by the number of all targets.
    """

    output_weights: tuple[float, ...] | None = field(default=None, kw_only=True, metadata=OPTIONAL)
    mask_missing: bool = field(default=False, kw_only=True, metadata=OPTIONAL)

    def __post_init__(self) -> None:
        weights = self.output_weights
        if weights is not None and not isinstance(several(checks.real(0))("output_weights", weights), tuple):
            raise TypeError(f"output_weights must be a list, a weight for each output, got {checks.described(weights)}")
        checks.check(self, output_weights=checks.optional(several(checks.real(0))), mask_missing=checks.flag)
        if self.output_weights is not None and not any(self.output_weights):
            raise ValueError(f"output_weights must not all be 0, got {self.output_weights}; nothing would be learnt")

    def reading(self, n_outputs: int) -> Reading | None:
        n = self._targets_of(n_outputs)
        if self._is_plain:
            return None
        read = self._n_read(n)
        weights = np.repeat(expanded("output_weights", self.output_weights, n, "target"), read // n)
        positives = self._positives(read)
        parameters = self._parameters(read)
        return Reading(n, parameters, tuple(weights.tolist()), positives, self._smoothing, self.mask_missing)

    @property
    def _is_plain(self) -> bool:
        return self.output_weights is None and not self.mask_missing and not self._smoothing

    @property
    def _smoothing(self) -> float:
        return 0.0

    def _targets_of(self, n_outputs: int) -> int:
        return n_outputs

    def _n_read(self, n_targets: int) -> int:
        """Return how many numbers the kernel compares with these targets."""
        return n_targets

    def _parameters(self, n: int) -> tuple[float, ...]:
        return (self.parameter,) * n

    def _positives(self, n: int) -> tuple[float, ...]:
        return (1.0,) * n


def expanded(argument: str, values: Numbers | None, n: int, of: str = "output") -> tuple[float, ...]:
    """Return `values` as one for each of n outputs; None stands for 1."""
    if not isinstance(values, tuple):
        return (1.0 if values is None else values,) * n
    if len(values) != n:
        raise ValueError(f"{argument} must have a value for each {of}, {n} of them, got {len(values)}: {values}")
    return values


@dataclass(frozen=True, repr=False)
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
    raw_argument: ClassVar[str] = "from_logits"

    def __post_init__(self) -> None:
        checks.check(self, from_logits=checks.flag)
