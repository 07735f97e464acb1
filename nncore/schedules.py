"""Learning rates that change while training goes on: give one to an optimizer as its ``learning_rate``.

Time t is counted in epochs, as a real number, from the first epoch the model ever trained: step k of the n steps of
epoch e happens at ``t = e + k / n``. So a schedule means the same for every batch size, its rate changes at every step,
and training that goes on after a pause, or from a file, goes on along the same curve. The
rates are the same in every bit on every machine.

Examples
--------
>>> from nncore import Adam, CosineDecay
>>> Adam(learning_rate=CosineDecay(0.01, epochs=50, warmup_epochs=5)).rate_at(5)
0.01
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.base import checks, elsewhere, lazy
from nncore.base.portable import cos_pi, power, powers
from nncore.base.schedule import KNOWN, RATE
from nncore.base.schedule import Schedule as Schedule  # its public name is here
from nncore.base.schedule import learning_rate as learning_rate
from nncore.base.typing import Floats

_SHARE = checks.real(0, 1, above=True)
_SPAN = checks.real(0, above=True)


def _factor(argument: str, value: Any) -> float:
    """Rule: a share; what is above 1 may be a number of steps, which come before it in Keras and in PyTorch."""
    try:
        share: float = _SHARE(argument, value)
    except ValueError as error:
        if value > 1:
            mend = "factor comes before every here, which is counted in epochs: every=decay_steps / n_batches"
            raise ValueError(f"{error}; {mend}") from None
        raise
    return share


@dataclass(frozen=True)
class PiecewiseConstant(Schedule):
    """One rate after the other: ``rates[i]`` from ``boundaries[i - 1]`` on, ``rates[0]`` from the start.

    Parameters
    ----------
    rates : sequence of float
        Finite, >= 0; one more than there are boundaries.
    boundaries : sequence of float
        Epochs, > 0 and ascending.

    Examples
    --------
    >>> PiecewiseConstant([0.1, 0.01], boundaries=[20])([0, 19.9, 20])
    array([0.1 , 0.1 , 0.01])
    """

    rates: tuple[float, ...]
    boundaries: tuple[float, ...]

    def __post_init__(self) -> None:
        checks.check(self, rates=_numbers(RATE), boundaries=_numbers(_SPAN))
        if len(self.rates) != len(self.boundaries) + 1:
            n, k = len(self.rates), len(self.boundaries)
            order = "; rates come first here" if k == n + 1 else ""
            raise ValueError(f"rates must be one more than boundaries, got {n} rate(s) and {k} boundaries{order}")
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError(f"boundaries must ascend, got {list(self.boundaries)}")

    def _rates(self, t: Floats) -> Floats:
        rates: Floats = np.array(self.rates)[np.searchsorted(self.boundaries, t, side="right")]
        return rates


@dataclass(frozen=True)
class StepDecay(Schedule):
    """A staircase: ``initial_rate * factor**floor(t / every)``.

    Parameters
    ----------
    initial_rate : float
        Finite, >= 0.
    factor : float
        What each stair multiplies the rate by, > 0 and <= 1.
    every : float
        Epochs per stair, > 0.

    Examples
    --------
    >>> StepDecay(0.1, factor=0.5, every=10)([0, 9, 10, 20])
    array([0.1  , 0.1  , 0.05 , 0.025])
    """

    initial_rate: float
    factor: float = 0.1
    every: float = 30.0

    def __post_init__(self) -> None:
        checks.check(self, initial_rate=RATE, factor=_factor, every=_SPAN)

    def _rates(self, t: Floats) -> Floats:
        return self.initial_rate * power(self.factor, np.floor(t / self.every))


@dataclass(frozen=True)
class ExponentialDecay(Schedule):
    """A smooth fall by the same share in the same time: ``initial_rate * factor**(t / every)``.

    Parameters
    ----------
    initial_rate : float
        Finite, >= 0.
    factor : float
        What `every` epochs multiply the rate by, > 0 and <= 1.
    every : float
        Epochs, > 0.

    Examples
    --------
    >>> ExponentialDecay(0.1, factor=0.5, every=10)([0, 10, 20])
    array([0.1  , 0.05 , 0.025])
    """

    initial_rate: float
    factor: float = 0.95
    every: float = 1.0

    def __post_init__(self) -> None:
        checks.check(self, initial_rate=RATE, factor=_factor, every=_SPAN)

    def _rates(self, t: Floats) -> Floats:
        return self.initial_rate * power(self.factor, t / self.every)


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a cosine down to `final_rate` (Loshchilov and Hutter, 2017), after a warm-up if wanted (Goyal et al., 2017).

    In the warm-up, a straight line from `initial_rate` to `peak_rate`. Then, with
    ``s = (t - warmup_epochs) / (epochs - warmup_epochs)``, the rate is
    ``final_rate + (peak_rate - final_rate) * (1 + cos(pi * s)) / 2``. From `epochs` on it stays at `final_rate`.

    Parameters
    ----------
    peak_rate : float
        The highest rate; finite, >= 0.
    epochs : float
        When the rate reaches `final_rate`, the warm-up included; > 0.
    warmup_epochs : float
        From 0 (none), below `epochs`.
    final_rate : float
        From 0 to `peak_rate`. At 0, training beyond `epochs` changes nothing.
    initial_rate : float, optional
        Where the warm-up starts, from 0 to `peak_rate`; None is ``peak_rate / 25``.

    Examples
    --------
    >>> CosineDecay(0.1, epochs=12, warmup_epochs=2, initial_rate=0)([0, 1, 2, 7, 12, 99])
    array([0.  , 0.05, 0.1 , 0.05, 0.  , 0.  ])
    """

    peak_rate: float
    epochs: float
    warmup_epochs: float = 0.0
    final_rate: float = 0.0
    initial_rate: float | None = None

    def __post_init__(self) -> None:
        checks.check(self, peak_rate=RATE, epochs=_SPAN, final_rate=RATE, initial_rate=checks.optional(RATE))
        checks.check(self, warmup_epochs=checks.real(0, self.epochs, below=True))
        _check_peak(self.peak_rate, initial_rate=self.initial_rate, final_rate=self.final_rate)
        if self.initial_rate is not None and not self.warmup_epochs:
            raise ValueError(f"initial_rate={self.initial_rate:g} needs warmup_epochs > 0, got warmup_epochs=0")

    def _rates(self, t: Floats) -> Floats:
        start = self.peak_rate / 25 if self.initial_rate is None else self.initial_rate
        if self.warmup_epochs:
            rising = start + (self.peak_rate - start) * np.minimum(t / self.warmup_epochs, 1)
        else:
            rising = np.full_like(t, self.peak_rate)
        falling = _half_cosine(self.peak_rate, self.final_rate, self.warmup_epochs, self.epochs, t)
        return np.where(t < self.warmup_epochs, rising, falling)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up and far down again, each along half a cosine: super-convergence (Smith and Topin, 2019).

    The first `rise` of the time the rate goes from `initial_rate` to `peak_rate`, the rest of the time down to
    `final_rate`, where it stays from `epochs` on. The momentum is left alone.

    Parameters
    ----------
    peak_rate : float
        The highest rate; finite, >= 0.
    epochs : float
        Length of the cycle, > 0.
    rise : float
        Share of the cycle in which the rate rises; above 0, below 1.
    initial_rate : float, optional
        From 0 to `peak_rate`; None is ``peak_rate / 25``.
    final_rate : float, optional
        From 0 to `peak_rate`; None is ``peak_rate / 250000``.

    Examples
    --------
    >>> OneCycle(0.1, epochs=10, initial_rate=0.01, final_rate=0)([0, 1.5, 3, 6.5, 10])
    array([0.01 , 0.055, 0.1  , 0.05 , 0.   ])
    """

    peak_rate: float
    epochs: float
    rise: float = 0.3
    initial_rate: float | None = None
    final_rate: float | None = None

    def __post_init__(self) -> None:
        ends = checks.optional(RATE)
        checks.check(self, peak_rate=RATE, epochs=_SPAN, initial_rate=ends, final_rate=ends)
        checks.check(self, rise=checks.real(0, 1, above=True, below=True))
        _check_peak(self.peak_rate, initial_rate=self.initial_rate, final_rate=self.final_rate)

    def _rates(self, t: Floats) -> Floats:
        start = self.peak_rate / 25 if self.initial_rate is None else self.initial_rate
        end = self.peak_rate / 250_000 if self.final_rate is None else self.final_rate
        top = self.rise * self.epochs
        rising = _half_cosine(start, self.peak_rate, 0.0, top, t)
        return np.where(t < top, rising, _half_cosine(self.peak_rate, end, top, self.epochs, t))


@dataclass(frozen=True)
class PolynomialDecay(Schedule):
    """Down to `final_rate` along a power: a straight line where that is 1.

    ``final_rate + (initial_rate - final_rate) * (1 - t / epochs)**power`` up to `epochs`, then `final_rate`. With
    `cycle`, `epochs` there is the next multiple of it from t on: each time the end is reached, the rate jumps up, less
    far each time.

    Parameters
    ----------
    initial_rate : float
        Finite, >= 0.
    epochs : float
        When the rate reaches `final_rate`, > 0.
    final_rate : float
        Finite, >= 0; above `initial_rate`, the rate rises.
    power : float
        > 0, at most 100.
    cycle : bool
        Whether it goes on beyond `epochs`.

    Examples
    --------
    >>> PolynomialDecay(0.1, epochs=10, final_rate=0)([0, 5, 10, 99])
    array([0.1 , 0.05, 0.  , 0.  ])
    >>> PolynomialDecay(0.1, epochs=10, final_rate=0, power=2)([0, 5])
    array([0.1  , 0.025])
    """

    initial_rate: float
    epochs: float
    final_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False

    def __post_init__(self) -> None:
        exponent = checks.real(0, 100, above=True)
        checks.check(self, initial_rate=RATE, epochs=_SPAN, final_rate=RATE, power=exponent, cycle=checks.flag)

    def _rates(self, t: Floats) -> Floats:
        end = self.epochs * np.maximum(np.ceil(t / self.epochs), 1) if self.cycle else self.epochs
        left = 1 - np.minimum(t / end, 1)
        return self.final_rate + (self.initial_rate - self.final_rate) * powers(left, self.power)


@dataclass(frozen=True)
class InverseTimeDecay(Schedule):
    """A fall that slows down, ``initial_rate / (1 + decay_rate * t / every)``, as Robbins and Monro (1951) ask for.

    Parameters
    ----------
    initial_rate : float
        Finite, >= 0.
    decay_rate : float
        By name. Finite, >= 0; at 1, the rate is half of the first after `every` epochs, a third after twice as many.
    every : float
        By name. Epochs, > 0.
    staircase : bool
        By name. Whether t / every is rounded down, so that the rate falls in stairs.

    Examples
    --------
    >>> InverseTimeDecay(0.1, decay_rate=1, every=10)([0, 10, 30])
    array([0.1  , 0.05 , 0.025])
    """

    initial_rate: float
    _: KW_ONLY
    decay_rate: float = 1.0
    every: float = 1.0
    staircase: bool = False

    def __post_init__(self) -> None:
        checks.check(self, initial_rate=RATE, decay_rate=RATE, every=_SPAN, staircase=checks.flag)

    def _rates(self, t: Floats) -> Floats:
        times = t / self.every
        return self.initial_rate / (1 + self.decay_rate * (np.floor(times) if self.staircase else times))


@dataclass(frozen=True)
class CosineDecayRestarts(Schedule):
    """Half a cosine down to `final_rate`, again and again: warm restarts (Loshchilov and Hutter, 2017).

    With the period i = 0, 1, ... that t is in, which begins at b and is ``epochs * t_mul**i`` long, and the share of it
    that is over, ``s = (t - b) / length``, the rate is
    ``final_rate + (peak_rate - final_rate) * m_mul**i * (1 + cos(pi * s)) / 2``.

    Parameters
    ----------
    peak_rate : float
        The rate of the first start; finite, >= 0.
    epochs : float
        Length of the first period, > 0.
    t_mul : float
        How many times as long as the one before each period is; from 1 to 1000.
    m_mul : float
        What each start multiplies the peak by; above 0, at most 1.
    final_rate : float
        From 0 to `peak_rate`.

    Examples
    --------
    >>> CosineDecayRestarts(0.1, epochs=2)([0, 1, 2, 4, 6])
    array([0.1 , 0.05, 0.1 , 0.05, 0.1 ])
    >>> CosineDecayRestarts(0.1, epochs=2, t_mul=1, m_mul=0.5)([0, 2, 4])
    array([0.1  , 0.05 , 0.025])
    """

    peak_rate: float
    epochs: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    final_rate: float = 0.0

    def __post_init__(self) -> None:
        checks.check(self, peak_rate=RATE, epochs=_SPAN, t_mul=checks.real(1, 1000), m_mul=_SHARE, final_rate=RATE)
        _check_peak(self.peak_rate, final_rate=self.final_rate)

    def _rates(self, t: Floats) -> Floats:
        number, share = self._periods(t)
        peaks = (self.peak_rate - self.final_rate) * power(self.m_mul, number)
        return self.final_rate + peaks * (1 + cos_pi(share)) / 2

    def _periods(self, t: Floats) -> tuple[Floats, Floats]:
        """Return the number of the period of each time, and the share of it that is over."""
        if self.t_mul == 1:
            number = np.floor(t / self.epochs)
            return number, np.clip(t / self.epochs - number, 0, 1)
        begins, lengths = [0.0], [self.epochs]
        while begins[-1] + lengths[-1] <= t.max(initial=0):
            begins.append(begins[-1] + lengths[-1])
            lengths.append(lengths[-1] * self.t_mul)
        number = np.searchsorted(begins, t, side="right") - 1
        share = (t - np.array(begins)[number]) / np.array(lengths)[number]
        return number.astype(np.float64), np.clip(share, 0, 1)


def _half_cosine(first: float, last: float, begin: float, end: float, t: Floats) -> Floats:
    """Go from `first` at time `begin` to `last` at time `end`, and stay there."""
    share = np.clip((t - begin) / (end - begin), 0, 1)
    return last + (first - last) * (1 + cos_pi(share)) / 2


def _numbers(rule: checks.Rule) -> checks.Rule:
    """Return the rule "a sequence of numbers, each of which passes `rule`"."""

    def rule_of_all(argument: str, values: Any) -> tuple[float, ...]:
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise TypeError(f"{argument} must be a list of numbers, got {checks.described(values)}")
        return tuple(rule(f"{argument}[{i}]", value) for i, value in enumerate(values))

    return rule_of_all


def _check_peak(peak_rate: float, **rates: float | None) -> None:
    for argument, rate in rates.items():
        if rate is not None and rate > peak_rate:
            raise ValueError(f"{argument} must be at most peak_rate={peak_rate:g}, got {rate:g}")


SCHEDULES: dict[str, type[Schedule]] = {
    cls.__name__: cls
    for cls in (
        PiecewiseConstant,
        StepDecay,
        ExponentialDecay,
        InverseTimeDecay,
        PolynomialDecay,
        CosineDecay,
        CosineDecayRestarts,
        OneCycle,
    )
}
"""Classes by name, as files know them."""

KNOWN.update(SCHEDULES)
checks.explain_unknown_arguments(SCHEDULES.values())
checks.explain_frozen(
    SCHEDULES.values(),
    "rate = dataclasses.replace(model.optimizer.learning_rate, {name}={value}); "
    "model.optimizer = dataclasses.replace(model.optimizer, learning_rate=rate)",
)


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
