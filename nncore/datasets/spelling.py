"""How tables spell numbers, and that a value is missing."""

from __future__ import annotations

import re

MISSING = frozenset(
    {"", "na", "n/a", "nan", "null", "?", "??", "<na>", "#n/a", "#na", "#n/v", "#null!", "#value!", "#div/0!", "#ref!"}
    | {"#num!", "#name?", "(null)", "<null>", "\\n", "nat"}
)
"""What stands for a missing value wherever it is, in small letters."""

MISSING_NUMBER = MISSING | frozenset(
    {dash * n for dash in "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212" for n in (1, 2, 3)}  # of any kind
    | {".", "..", "...", "\N{HORIZONTAL ELLIPSIS}", "*"}
    | {
        "none",
        "nil",
        "missing",
        "n.a.",
        "n. a.",
        "n.a",
        "k.a.",
        "k. a.",
        "nd",
        "n/d",
        "n.d.",
        "not available",
        "no data",
    }
)
"""What stands for a missing number; among texts it may be one more text, such as a garage of the type None."""

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
