"""How tables spell numbers, and that a value is missing."""

from __future__ import annotations

import re

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
"""What stands for a missing value, in small letters."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")


def number(text: str) -> float | None:
    """Return the number that `text` spells, or None.

    Examples
    --------
    >>> number("1.5e3"), number("1_000"), number("red")
    (1500.0, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return None if "_" in text else value  # Python reads 1_000 as a number; a table hardly means it
