"""In which order the dates of one column have day and month, found out while they go by."""

from __future__ import annotations

import re
from datetime import datetime

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import OPEN, ORDERS, moments

CATEGORICAL = "(categorical=, on the command line --categorical)"
DAY_FIRST = "(day_first=, on the command line --day-first)"
DATE_PARTS = "(date_parts=, on the command line --date-parts)"
_LATEST = 2200
_SHORT = re.compile(r"[0-9]{4}-[0-9]{2}|[0-9]+(?P<mark>[-.])[0-9]+(?P=mark)[0-9]+")


def is_short(field: str) -> bool:
    """Tell whether a field has the shape of a date that leaves out the day or the century, date or not.

    Examples
    --------
    >>> is_short("2012-13"), is_short("1.2.3"), is_short("2012-12-31"), is_short("TBD")
    (True, True, False, False)
    """
    return len(field) <= 8 and _SHORT.fullmatch(field) is not None


def is_dotted(field: str) -> bool:
    """Tell whether a date is written as 03.04.2024."""
    return "." in field[:3]


class DateScan:
    """What has been seen so far of the dates in the column `name` of `table`.

    Attributes
    ----------
    orders : frozenset of {"dmy", "mdy"}
        What is left of the orders in which they may be meant.
    decided, either : str or None
        The first date that fits one order only, and the first that is another date in the other.
    far : str or None
        The first that lies too far ahead to be one: 9999-12-31 stands for none.
    short : bool
        Whether all dates may be something else among the like: 2010-11 a season, 10.11.12 a version.
    """

    def __init__(self, table: CsvTable, name: str, orders: frozenset[str] = ORDERS) -> None:
        self.table, self.name, self.orders = table, name, orders
        self.decided: str | None = None
        self.either: str | None = None
        self.far: str | None = None
        self.short = True
        self._firsts: set[str] | None = set() if len(orders) > 1 else None  # None once the year can not stand first
        self._lasts: set[str] = set()

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
        if self.far is None and min(moment.year for moment in found.values()) > _LATEST:
            self.far = field
        self.short = self.short and is_short(field)
        self._look_for_years(field, found)
        if len(ORDERS & found.keys()) == 1:
            self.decided = self.decided or field
        elif (self.either is None or is_dotted(self.either)) and len(set(found.values())) > 1:
            self.either = field

    def _look_for_years(self, field: str, found: dict[str, datetime]) -> None:
        if self._firsts is not None and "ymd" in found:
            self._firsts.add(field[:2])
            self._lasts.add(field[6:8])
        else:
            self._firsts = None

    def order(self) -> str:
        """Return the order; where it remains open, 03.04.2024 is taken for one with the day first.

        Years repeat themselves more than days: if the first numbers of dates such as 24-01-31 differ less than the
        last, these may be the days.

        Raises
        ------
        ValueError
            If a date may be another.
        """
        example = self.decided or self.either
        if self._firsts and example is not None:
            n = len(self._firsts)
            if n < len(self._lasts) or (n == len(self._lasts) and not is_dotted(example)):
                raise ValueError(
                    f"{self.table.path}: column {self.name!r}: {example!r} may begin with its year or end with it; "
                    f"write years in four digits, say whether the day comes first {DAY_FIRST}, or treat the column as "
                    f"text {CATEGORICAL}"
                )
        if len(self.orders) == 1:
            return min(self.orders)
        if self.either is None:
            return OPEN
        if is_dotted(self.either):
            return "dmy"
        by_day, by_month = (f"{moments(self.either)[order]:%Y-%m-%d}" for order in ("dmy", "mdy"))
        raise ValueError(
            f"{self.table.path}: column {self.name!r}: {self.either!r} may be {by_day} or {by_month}; say whether the "
            f"day comes first {DAY_FIRST}, or treat the column as text {CATEGORICAL}"
        )
