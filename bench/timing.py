"""Time several contenders in turn, over and over, so that whatever slows the machine down slows all of them down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import numpy as np

REST = 20e-3
"""Seconds without work that show that threads sleep. Another thread's time is counted when its processor's clock ticks,
every 4 ms or even 10: a shorter look finds everyone asleep."""


class Slot(NamedTuple):
    """What one turn took, in seconds: by the wall clock, and of the processors' time."""

    wall: float
    cpu: float


Key = TypeVar("Key", bound=Hashable)
Contender = Callable[[int], Slot]
"""Does its work so many times and says what that took."""


def timed(work: Callable[[], object]) -> Contender:
    """Return a contender that calls `work`."""

    def contend(repeats: int) -> Slot:
        cpu, wall = time.process_time(), time.perf_counter()
        for _ in range(repeats):
            work()
        return Slot(time.perf_counter() - wall, time.process_time() - cpu)

    return contend


def rest() -> None:
    """Wait until this process's threads sleep: only then is its turn over.

    Those of OpenBLAS wait for more work in a busy loop, up to a tenth of a second: in the next contender's turn.
    """
    busy = True
    while busy:
        before = time.process_time()
        time.sleep(REST)
        busy = time.process_time() - before > REST / 4


@dataclass(frozen=True)
class Protocol:
    """How contenders are timed.

    Attributes
    ----------
    rounds : int
        How often each gets its turn.
    seconds : float
        How long a turn should last, at least.
    clock : {"wall", "cpu"}
        Which time counts. The processors' time does not grow when others use the machine, but hides waiting, and how
        well several threads share the work: it is for one thread only.
    threads : int
        The most that any contender may use.

    Raises
    ------
    ValueError
        If the clock does not suit the threads.
    """

    rounds: int
    seconds: float
    clock: str = "wall"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.clock == "cpu" and self.threads > 1:
            raise ValueError(f"clock 'cpu' would count {self.threads} threads' time together; use it with 1 thread")

    @classmethod
    def of(cls, quick: bool, clock: str = "wall", threads: int = 1) -> Protocol:
        """Return the protocol of stored results, or of a quick look."""
        return cls(3, 0.01, clock, threads) if quick else cls(15, 0.1, clock, threads)


@dataclass(frozen=True)
class Summary:
    """Median and quartiles.

    Examples
    --------
    >>> Summary.of([1.0, 2.0, 3.0, 4.0, 100.0])
    Summary(median=3.0, q1=2.0, q3=4.0)
    """

    median: float
    q1: float
    q3: float

    @classmethod
    def of(cls, values: list[float]) -> Summary:
        q1, median, q3 = np.percentile(values, [25, 50, 75])
        return cls(float(median), float(q1), float(q3))


@dataclass(frozen=True)
class Timing:
    """One contender's time for its work once.

    Attributes
    ----------
    seconds : Summary
        By the protocol's clock, over the rounds.
    ratio : Summary
        To the first contender's time in the same round: above 1, this one is slower.
    cpu_share : float
        Median of the processors' time over that of the wall clock: below the number of threads, someone waited.
    """

    seconds: Summary
    ratio: Summary
    cpu_share: float

    def divided_by(self, n: int) -> Timing:
        """Return the timing of one of `n` equal parts of the work."""
        seconds = Summary(self.seconds.median / n, self.seconds.q1 / n, self.seconds.q3 / n)
        return replace(self, seconds=seconds)


def calibrated(contender: Contender, seconds: float) -> int:
    """Return how often the contender must work to fill `seconds`; it has warmed up by then."""
    contender(1)
    repeats, wall = 1, contender(1).wall
    while wall < seconds:
        # At most tenfold at a time: the first calls may still be slower than what follows.
        growth = 1.1 * seconds / max(wall, 1e-9)
        repeats = math.ceil(repeats * min(growth, 10.0))
        wall = contender(repeats).wall
    return repeats


def take_turns(contenders: Mapping[Key, Contender], protocol: Protocol) -> dict[Key, list[Slot]]:
    """Time the contenders in turn; the first to go changes from round to round.

    Returns
    -------
    dict of Key to list of Slot
        What the work took, once, in each round.
    """
    names = list(contenders)
    repeats = {name: calibrated(contenders[name], protocol.seconds) for name in names}
    slots: dict[Key, list[Slot]] = {name: [] for name in names}
    for i in range(protocol.rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            wall, cpu = contenders[name](repeats[name])
            slots[name].append(Slot(wall / repeats[name], cpu / repeats[name]))
    return slots


def compare(slots: list[Slot], others: list[Slot], clock: str) -> Timing:
    """Return one contender's timing, with its ratio to another's turns in the same rounds."""
    own, other = ([getattr(slot, clock) for slot in turns] for turns in (slots, others))
    ratios = [a / b for a, b in zip(own, other, strict=True)]
    share = float(np.median([slot.cpu / slot.wall for slot in slots]))
    return Timing(Summary.of(own), Summary.of(ratios), share)


def interleave(contenders: Mapping[str, Contender], protocol: Protocol) -> dict[str, Timing]:
    """Time the contenders in turn and compare them with the first one.

    Parameters
    ----------
    contenders : dict of str to Contender
        The first one is what the ratios refer to.
    protocol : Protocol

    Returns
    -------
    dict of str to Timing

    Examples
    --------
    >>> work = {"short": timed(lambda: sum(range(100))), "long": timed(lambda: sum(range(9000)))}
    >>> timings = interleave(work, Protocol(rounds=3, seconds=1e-3))
    >>> timings["short"].ratio.median, timings["long"].ratio.median > 1
    (1.0, True)
    """
    slots = take_turns(contenders, protocol)
    first = next(iter(slots.values()))
    return {name: compare(own, first, protocol.clock) for name, own in slots.items()}
