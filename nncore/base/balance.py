"""What accuracy hides where classes are of unequal size: the share of the largest, and which share of each is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore.base.typing import Array

MOST_SHOWN = 10
FAR_BELOW = 0.5  # of the accuracy


@dataclass(frozen=True)
class Balance:
    """How many rows of each class there are, and how many of them were predicted right.

    Attributes
    ----------
    names : tuple of str
        Of the classes.
    rows, right : tuple of int

    Examples
    --------
    >>> balance = Balance.of([0, 0, 0, 1], [0, 0, 0, 0], ["no", "yes"])
    >>> balance.in_words()
    'recall no: 1.00, yes: 0.00; most frequent class no: 0.7500 of the rows'
    >>> balance.neglected, balance.is_trivial
    (['yes'], True)
    """

    names: tuple[str, ...]
    rows: tuple[int, ...]
    right: tuple[int, ...]

    @classmethod
    def of(cls, true: Any, predicted: Any, names: Sequence[str]) -> Balance:
        """Count them; `true` and `predicted` are class indices, shape (n,)."""
        true, predicted = np.asarray(true, np.int64), np.asarray(predicted, np.int64)
        rows, right = _counts(true, len(names)), _counts(true[true == predicted], len(names))
        return cls(tuple(names), tuple(rows.tolist()), tuple(right.tolist()))

    @property
    def recall(self) -> dict[str, float | None]:
        """The share of the rows of each class that was predicted right; None for a class without rows."""
        counts = zip(self.names, self.rows, self.right, strict=True)
        return {name: right / rows if rows else None for name, rows, right in counts}

    @property
    def most_frequent(self) -> tuple[str, float]:
        """The class of most rows, and its share of the rows: the accuracy of always saying so."""
        most = int(np.argmax(self.rows))
        return self.names[most], self.rows[most] / sum(self.rows)

    @property
    def is_trivial(self) -> bool:
        """Whether always naming the most frequent class would be right as often."""
        return sum(self.right) <= max(self.rows)

    @property
    def neglected(self) -> list[str]:
        """Classes smaller than others of which far fewer rows are found than of all: those that weights may help."""
        accuracy, even = sum(self.right) / sum(self.rows), sum(self.rows) / len(self.names)
        return [
            name
            for name, rows, right in zip(self.names, self.rows, self.right, strict=True)
            if 0 < rows < 0.9 * even and right < FAR_BELOW * accuracy * rows
        ]

    def in_words(self) -> str:
        """Return recalls, of many classes the lowest, and the most frequent class as a phrase."""
        return "; ".join(self.phrases())

    def phrases(self) -> tuple[str, str]:
        """Return both parts of `in_words`."""
        found = [(name, share) for name, share in self.recall.items() if share is not None]
        lowest = sorted(found, key=lambda one: one[1])[:MOST_SHOWN] if len(found) > 2 * MOST_SHOWN else found
        shares = ", ".join(f"{name}: {share:.2f}" for name, share in lowest)
        what = "recall" if len(lowest) == len(found) else f"lowest {MOST_SHOWN} recalls"
        name, share = self.most_frequent
        return f"{what} {shares}", f"most frequent class {name}: {share:.4f} of the rows"

    def hint(self, option: str) -> str:
        """Return what to try if rare classes are neglected, with the option that does it; else nothing."""
        names = ", ".join(self.neglected[:5]) + (", ..." if len(self.neglected) > 5 else "")
        return f"few rows of {names} are found: {option} lets rare classes count as much" if names else ""


def _counts(classes: Array, n_classes: int) -> Array:
    return np.bincount(classes, minlength=n_classes)
