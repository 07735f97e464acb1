"""How tables spell numbers, and that a value is missing."""

from __future__ import annotations

import re
from collections.abc import Collection

MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
"""What stands for a missing value, in small letters."""

DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
WITH_COMMA = re.compile(r"[+-]?[\d.' ]*\d,\d[\d.,]*")


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


def decimal_comma_hint(column: str, texts: Collection[str]) -> str:
    """Return what to say of a column of which all `texts` look like numbers, some with a comma; otherwise nothing.

    Examples
    --------
    >>> decimal_comma_hint("price", ["20,50", "7"])
    "column 'price' is text such as '20,50'; write numbers with a decimal point and without thousands separators"
    >>> decimal_comma_hint("price", ["20,50", "cheap"])
    ''
    """
    with_comma = [text for text in texts if WITH_COMMA.fullmatch(text)]
    if not with_comma or any(number(text) is None for text in set(texts).difference(with_comma)):
        return ""
    return (
        f"column {column!r} is text such as {min(with_comma)!r}; write numbers with a decimal point "
        "and without thousands separators"
    )
