"""In which order the dates of one column have day and month, found out while they go by."""

from __future__ import annotations

import re
from datetime import datetime

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import ORDERS, moments

CATEGORICAL = "(categorical=, on the command line --categorical)"
DAY_FIRST = "(day_first=, on the command line --day-first)"
DATE_PARTS = "(date_parts=, on the command line --date-parts)"
_SHORT = re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]+(?P<mark>[-.])[0-9]+(?P=mark)[0-9]+")


def is_short(field: str) -> bool:
    """Tell whether a field has the shape of a date that leaves out the day or the century, date or not.

    Examples
    --------
    >>> is_short("2012-13"), is_short("1.2.3"), is_short("2012-12-31"), is_short("TBD")
    (True, True, False, False)
    """
    return len(field) <= 8 and _SHORT.fullmatch(field) is not None


class DateScan:
    """What has been seen so far of the dates in the column `name` of `table`.

    Attributes
    ----------
    orders : frozenset of {"dmy", "mdy"}
        What is left of the orders in which they may be meant.
    decided, either : str or None
        The first date that fits one order only, and the first that is another date in the other.
    short : bool
        Whether all dates may be something else among the like: 2010-11 a season, 10.11.12 a version.
    """

    def __init__(self, table: CsvTable, name: str, orders: frozenset[str] = ORDERS) -> None:
        self.table, self.name, self.orders = table, name, orders
        self.decided: str | None = None
        self.either: str | None = None
        self.short = True

    def add(self, field: str, found: dict[str, datetime]) -> None:
        """Take one more date and what it may mean; raises ValueError if it has not the order of those before."""
        left = self.orders & found.keys()
        if not left:
            so_far = f"as in {self.decided!r} up to here" if self.decided else "in the order that was named"
            raise ValueError(
                f"column {self.name!r} writes dates {so_far} and now {field!r}; write all in the same order "
                f"{DAY_FIRST}, or treat the column as text {CATEGORICAL}"
            )
        self.orders = left
        self.short = self.short and is_short(field)
        if len(found) == 1:
            self.decided = self.decided or field
        elif self.either is None and len(set(found.values())) > 1:
            self.either = field

    def order(self) -> str:
        """Return the order; where it remains open, 03.04.2024 is taken for one with the day first.

        Raises
        ------
        ValueError
            If a date may be another.
        """
        if len(self.orders) == 1:
            return min(self.orders)
        if self.either is None or "." in self.either[:3]:
            return "dmy"
        by_day, by_month = (f"{moments(self.either)[order]:%Y-%m-%d}" for order in ("dmy", "mdy"))
        raise ValueError(
            f"{self.table.path}: column {self.name!r}: {self.either!r} may be {by_day} or {by_month}; say whether the "
            f"day comes first {DAY_FIRST}, or treat the column as text {CATEGORICAL}"
        )
