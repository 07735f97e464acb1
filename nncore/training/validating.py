"""After which epochs rows to validate on are scored: ``fit(validation_freq=...)``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from nncore.base import checks
from nncore.callbacks.hooks import Logs
from nncore.program import Program
from nncore.program.penalties import penalises

COUNTED = checks.integer(1, checks.EPOCHS)
NAN = float("nan")
PAUSES = 1e-3  # seconds for two more calls of the engine where processors are busy; a third of that where not
PER_ROW, PER_WEIGHT = 4e-8, 5e-11  # seconds that scoring takes, for each row, and for each weight of each row


def recorded(program: Program, metrics: Iterable[str], validates: bool, others: Iterable[str]) -> list[str]:
    """Return the names of the values that every epoch will record; `others` are those of the strategy."""
    heads, others = program.head_losses, list(others)
    trained = [name for name in heads if name in others]  # solvers have none
    validated = [f"val_{name}" for name in ("loss", *heads, *metrics)] if validates else []
    of_weights = ["penalty"] if penalises(program) else []
    rest = [name for name in others if name not in trained]
    return ["loss", *trained, *metrics, *validated, *of_weights, "seconds", *rest]


class Frequency(NamedTuple):
    """After which epochs of a ``fit`` they are scored.

    Attributes
    ----------
    every : int
        From one such epoch to the next; 1 is all.
    chosen : frozenset of int, or None
        These instead, counted from 1.

    Examples
    --------
    >>> frequency = Frequency(5)
    >>> [epoch for epoch in range(12) if frequency.due(epoch)], frequency.alike(1, 100), frequency.alike(4, 100)
    ([4, 9], 3, 1)
    """

    every: int = 1
    chosen: frozenset[int] | None = None

    def due(self, epoch: int) -> bool:
        """Return whether they are scored after this epoch, counted from 0 in its ``fit``."""
        return (epoch + 1) % self.every == 0 if self.chosen is None else epoch + 1 in self.chosen

    def alike(self, epoch: int, most: int) -> int:
        """Return how many epochs from this one on, at most so many, have that in common with it."""
        if self.chosen is None:
            return most if self.every == 1 else min(most, self.every - 1 - epoch % self.every or 1)
        due = epoch + 1 in self.chosen
        return next((n for n in range(1, most) if (epoch + 1 + n in self.chosen) != due), most)


ALWAYS = Frequency()


class Due:
    """Tells of each epoch of a ``fit`` whether it is validated, and keeps scores away from those that are not.

    Parameters
    ----------
    validation_freq : int or iterable of int
        As ``fit`` is given it.
    names : sequence of str
        What is recorded, in its order.

    Raises
    ------
    TypeError, ValueError
        If `validation_freq` is neither a number of epochs nor some of their numbers, or there is nothing to validate.

    Attributes
    ----------
    first : int
        The model's number of the first epoch of this ``fit``.
    in_vain : bool
        Whether epochs that are not due are scored all the same, for that takes less time than to keep them apart.

    Examples
    --------
    >>> due = Due([1, 3], ["loss", "val_loss"])
    >>> due.first = 7
    >>> due(7), due(8), due.logs({"loss": 0.5, "val_loss": 0.7}, 8)
    (True, False, {'loss': 0.5})
    >>> due.columns({"loss": [0.5, 0.4], "val_loss": [0.7, 0.6]}, 7)
    {'loss': [0.5, 0.4], 'val_loss': [0.7, nan]}
    """

    def __init__(self, validation_freq: Any, names: Sequence[str]) -> None:
        self._names, self._validated = names, [name for name in names if name.startswith("val_")]
        self._frequency = _checked(validation_freq)
        self._always = self._frequency == ALWAYS
        if not self._always and not self._validated:
            given = f"validation_freq={checks.shown(validation_freq)}"
            raise ValueError(f"{given} needs rows to validate on: validation_data or validation_split")
        self.first, self.in_vain = 0, False

    def weigh(self, n_rows: int, n_parameters: int) -> None:
        """See whether it pays to let the engine go without scoring so many rows where that means more calls."""
        between = (self._frequency.every - 1) * n_rows * (PER_ROW + PER_WEIGHT * n_parameters)
        self.in_vain = self._frequency.chosen is None and between <= PAUSES

    def __call__(self, epoch: int) -> bool:
        """Return whether the model's epoch of this number is validated."""
        return bool(self._validated) and (self._always or self._frequency.due(epoch - self.first))

    def alike(self, epoch: int, most: int) -> int:
        """Return how many epochs from this one on, at most so many, can be trained in one call."""
        return most if self._always or self.in_vain else self._frequency.alike(epoch - self.first, most)

    def logs(self, row: dict[str, float], epoch: int) -> dict[str, float]:
        """Return what an epoch has, of what is recorded of it, or would be."""
        if self._always or self(epoch):
            return row
        return Logs({name: value for name, value in row.items() if name not in self._validated}, recorded=row)

    def columns(self, columns: dict[str, Any], first_epoch: int) -> dict[str, Any]:
        """Return columns of consecutive epochs with NaN where these are not validated."""
        if self._always:
            return columns
        n = len(columns["loss"])
        due = [self(epoch) for epoch in range(first_epoch, first_epoch + n)]
        if not all(due):
            for name in self._validated:
                column = columns.get(name, [NAN] * n)
                columns[name] = [value if now else NAN for value, now in zip(column, due, strict=True)]
        return {name: columns[name] for name in self._names if name in columns}


def _checked(frequency: Any) -> Frequency:
    if not isinstance(frequency, Iterable) or isinstance(frequency, (str, bytes)) or getattr(frequency, "ndim", 1) == 0:
        return Frequency(COUNTED("validation_freq", frequency))
    numbers = [COUNTED(f"validation_freq[{i}]", epoch) for i, epoch in enumerate(frequency)]
    if not numbers:
        raise ValueError("validation_freq is empty: give numbers of epochs, from 1 on, or 5 for every fifth")
    return Frequency(chosen=frozenset(numbers))
