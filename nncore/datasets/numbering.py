"""Columns that number the rows of a table, or name them: row numbers of pandas and R, ids."""

from __future__ import annotations

import re

_ID = re.compile(
    r"#|(?:id|idx|index|row|nr|no|key|uid|uuid)\.?|.*[ _-](?:id|idx|index|nr|no|key)\.?|(?:id|row|index)[ _-].*"
    r"|.*(?:number|nummer)",
    re.IGNORECASE,
)
_CAPITAL_ID = re.compile(r".*[a-z]I[dD]")


def is_id(name: str) -> bool:
    """Tell whether a column is called as ids are.

    Examples
    --------
    >>> [is_id(name) for name in ("PassengerId", "customer_id", "#", "Nr.", "paid", "GRID")]
    [True, True, True, True, False, False]
    """
    return bool(_ID.fullmatch(name) or _CAPITAL_ID.fullmatch(name))


class RowNumbers:
    """The whole numbers of a column, as long as they may be those of its rows.

    Parameters
    ----------
    any_order : bool
        Whether they need not count on by one from 0 or 1, as those of some rows of a shuffled table.

    Examples
    --------
    >>> numbers = RowNumbers(any_order=False)
    >>> [numbers.take(field) for field in ("0", "1.0", "1")], len(numbers)
    ([True, True, False], 2)
    """

    def __init__(self, *, any_order: bool) -> None:
        self._any_order = any_order
        self._seen: set[int] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def take(self, field: str) -> bool:
        """Take one more field; return False if it is no such number, or not another one."""
        digits = field.removesuffix(".0")  # pandas writes so what has been beside a missing value
        value = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 19 else -1
        in_order = value - 1 in self._seen or (not self._seen and value in (0, 1))
        if value < 0 or value in self._seen or not (in_order or self._any_order):
            return False
        self._seen.add(value)
        return True
