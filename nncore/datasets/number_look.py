"""What else the numbers of a column may be: dates without marks, codes, a number that stands for a missing value."""

from __future__ import annotations

import math
import re
from collections import Counter

from nncore.datasets.dates import is_compact

_ZEROS = re.compile(r"0[0-9]{2,}")
_SENTINELS = frozenset({"-99", "-999", "-9999", "-99999"})

_EXACT = 2.0**53  # the whole numbers that float64 tells apart


class NumberLook:
    """How the numbers of one column look, found out while they go by.

    Attributes
    ----------
    compact : bool
        Whether all are dates of our time without a mark between, such as 20240131.
    zeros : str or None
        The first that begins with 0, as codes do.
    all_digits : bool
        Whether all are of digits alone.
    low : float
        The least that is below 0 and stands hardly for a missing value; 0 if there is none.
    rounded : str or None
        The first whole number that is too large to be held to its last digit.
    sentinels : Counter of str
        How often those are there that may stand for a missing value.
    """

    def __init__(self, *, is_number: bool) -> None:
        self.compact = self.all_digits = not is_number
        self.zeros: str | None = None
        self.rounded: str | None = None
        self.low, self.sentinels = 0.0, Counter[str]()

    def add(self, field: str, value: float) -> None:
        """Take one more number and its value."""
        if self.compact:
            self.compact = is_compact(field)
        if self.all_digits:
            self.all_digits = field.isdecimal()
            self.zeros = self.zeros or (field if _ZEROS.fullmatch(field) else None)
        if abs(value) >= _EXACT and self.rounded is None and math.isfinite(value):
            self.rounded = field if field.lstrip("+-").isdecimal() and int(field) != value else None
        if value < self.low:
            if field.partition(".")[0] in _SENTINELS:
                self.sentinels[field] += 1
            else:
                self.low = value

    def kind(self) -> str:
        """Return what a column is of which all are such numbers: of ``"numbers"``, ``"dates"`` or ``"text"``."""
        if self.compact:
            return "dates"
        return "text" if self.zeros and self.all_digits else "numbers"
