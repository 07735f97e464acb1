"""Dates and times of day in the fields of a table: what they may mean, and the numbers that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache

ORDERS = frozenset({"dmy", "mdy"})
"""In which orders day, month and year may stand where the month is a number and the year comes last."""

OPEN = "open"
"""The order of a column of which no date needs one, such as 2024-01-31: a later one that does is not guessed at."""

PARTS: dict[str, Callable[[datetime], int]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "weekday": lambda moment: moment.weekday(),
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "hour": lambda moment: moment.hour,
}
"""What else a date may become, as the table's own clock says it: weekday 0 is Monday, month and day begin with 1."""

_NAMES = "january february march april may june july august september october november december"
_MONTHS = _NAMES.split()
_MONTH = "(?P<name>" + "|".join(f"{m}|{m[:3]}" for m in _MONTHS) + r"|sept)\.?"
_WEEKDAY = "(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?[.,]? +)?"
_ZONE = "(?P<zone>Z|UTC|GMT|(?P<sign>[+-])(?P<zh>[0-9]{2}):?(?P<zm>[0-9]{2})?)?"
_TIME = (
    "(?:(?:T|,? +|:)(?P<h>[0-9]{1,2}):(?P<min>[0-9]{2})(?::(?P<s>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    rf" ?(?P<half>[ap])?(?(half)\.?m\.?) ?{_ZONE})?"
)
_Y4, _NTH = "(?P<y>[0-9]{4})", "(?:st|nd|rd|th)?"
_FORMS = (
    _Y4 + "(?P<mark>[-/.])(?P<m>[0-9]{1,2})(?P=mark)(?P<d>[0-9]{1,2})",
    _Y4 + "(?P<m>[0-9]{2})(?P<d>[0-9]{2})",
    _Y4 + "-(?P<m>[0-9]{2})",
    _Y4 + "[- ]?Q(?P<q>[1-4])",
    "Q(?P<q>[1-4])[-/ ]?" + _Y4,
    _Y4 + "-?W(?P<w>[0-9]{2})(?:-?(?P<wd>[1-7]))?",
    "(?P<one>[0-9]{1,2})(?P<mark>[-/.])(?P<two>[0-9]{1,2})(?P=mark)(?P<y>[0-9]{4})",
    "(?P<one>[0-9]{1,2})/(?P<two>[0-9]{1,2})/(?P<y>[0-9]{2})",
    r"(?P<one>[0-9]{2})(?P<mark>[-.])(?P<two>[0-9]{2})(?P=mark)(?P<y>[0-9]{2})",
    f"{_WEEKDAY}(?P<d>[0-9]{{1,2}}){_NTH}[-/. ]{{0,2}}{_MONTH}[-/, ]{{0,2}}(?P<y>[0-9]{{4}}|(?<![0-9])[0-9]{{2}})",
    f"{_WEEKDAY}{_MONTH} ?(?P<d>[0-9]{{1,2}}){_NTH},? +{_Y4}",
    f"{_MONTH}[-/ ]?{_Y4}",
    f"{_Y4}[-/ ]?{_MONTH}(?:[-/ ]?(?P<d>[0-9]{{1,2}}))?",
)
_WHOLE = (  # with a time already
    _Y4 + f"(?P<m>[0-9]{{2}})(?P<d>[0-9]{{2}})T?(?P<h>[0-9]{{2}})(?P<min>[0-9]{{2}})(?P<s>[0-9]{{2}})?{_ZONE}",
    f"{_WEEKDAY}{_MONTH} +(?P<d>[0-9]{{1,2}}) +(?P<h>[0-9]{{1,2}}):(?P<min>[0-9]{{2}}):(?P<s>[0-9]{{2}})"
    f" (?:{_ZONE} )?{_Y4}",
)
_EPOCH = datetime(1970, 1, 1)
_EPOCH_IN_GREENWICH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LIKELY = range(1900, 2101)


@cache
def _forms() -> list[re.Pattern[str]]:
    """Return the forms of dates, compiled: not at the top, where they would slow the start of each command."""
    return [re.compile(form, re.IGNORECASE) for form in (*(form + _TIME for form in _FORMS), *_WHOLE)]


def moments(field: str) -> dict[str, datetime]:
    """Return what `field` may mean as a date: a moment for each order of `ORDERS` that fits; none if it is no date.

    A date such as 24-01-31, whose year may as well stand first, has another moment, by ``"ymd"``.

    Examples
    --------
    >>> sorted(moments("03/04/2024")), moments("2024-02-30"), moments("31/01/2024")
    (['dmy', 'mdy'], {}, {'dmy': datetime.datetime(2024, 1, 31, 0, 0)})
    """
    if len(field) < 6 or field.isalpha() or not field.isascii():
        return {}
    found = next(filter(None, (form.fullmatch(field) for form in _forms())), None)
    if found is None:
        return {}
    parts = {name: text for name, text in found.groupdict().items() if text is not None}
    read = {order: _moment(parts, order) for order in (ORDERS if "one" in parts else ("dmy",))}
    if "one" not in parts:
        read = dict.fromkeys(ORDERS, read["dmy"])
    meant = {order: moment for order, moment in read.items() if moment is not None}
    if meant and "one" in parts and {len(parts[part]) for part in ("one", "two", "y")} == {2}:
        year_first = _moment({**parts, "one": parts["y"], "y": parts["one"]}, "dmy")
        meant |= {} if year_first is None else {"ymd": year_first}
    return meant


def is_compact(field: str) -> bool:
    """Tell whether a number may be a date of our time, as 20240131 is, also with a time of day behind it."""
    return len(field) in (8, 12, 14) and field.isdecimal() and int(field[:4]) in _LIKELY and bool(moments(field))


def days(moment: datetime) -> float:
    """Return the days from the beginning of 1970 to `moment`, with time zone that of Greenwich.

    Examples
    --------
    >>> days(datetime(1970, 1, 2, 12))
    1.5
    """
    return (moment - (_EPOCH if moment.tzinfo is None else _EPOCH_IN_GREENWICH)) / timedelta(days=1)


@dataclass(frozen=True)
class DateStyle:
    """How one column writes its dates, and what of them is wanted.

    Attributes
    ----------
    order : {"dmy", "mdy", "open"}
        What 03/04/2024 is; other dates need no order, and where training had such alone, 03/04/2024 is none.
    parts : tuple of str
        Names of `PARTS` that are features beside the number of days.
    """

    order: str
    parts: tuple[str, ...] = ()

    def numbers(self, field: str) -> list[float] | None:
        """Return the days since 1970-01-01 and the parts of the date that `field` spells, or None.

        Examples
        --------
        >>> DateStyle("mdy", ("weekday",)).numbers("12/31/1970"), DateStyle("mdy").numbers("31/12/1970")
        ([364.0, 3.0], None)
        """
        found = moments(field)
        meant = set(found.values())
        moment = found.get(self.order) if self.order != OPEN else meant.pop() if len(meant) == 1 else None
        return None if moment is None else [days(moment), *(float(PARTS[part](moment)) for part in self.parts)]


def orders_of(day_first: bool | None) -> frozenset[str]:
    """Return the orders that are left if the caller says whether the day comes first."""
    return ORDERS if day_first is None else frozenset({"dmy" if day_first else "mdy"})


def check_parts(names: Collection[str]) -> tuple[str, ...]:
    """Return `names`, the names of parts of dates, in the order of `PARTS`.

    Raises
    ------
    TypeError
        If it is a string instead of a collection of them.
    ValueError
        If one is unknown.
    """
    if isinstance(names, str) or not isinstance(names, Collection):
        example = names if isinstance(names, str) else "weekday"
        raise TypeError(f"date_parts must be a collection of names such as [{example!r}], got {names!r}")
    for name in names:
        if name not in PARTS:
            raise ValueError(f"unknown date_parts {name!r}; known: {', '.join(PARTS)}")
    return tuple(name for name in PARTS if name in names)


def _moment(parts: dict[str, str], order: str) -> datetime | None:
    try:
        day = _day(parts, order)
        zone = None
        if "zone" in parts:
            offset = timedelta(hours=int(parts.get("zh", 0)), minutes=int(parts.get("zm", 0)))
            zone = timezone(-offset if parts.get("sign") == "-" else offset)
        hour = int(parts.get("h", 0))
        if "half" in parts:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + 12 * (parts["half"] in "pP")
        microsecond = int(parts.get("f", "0")[:6].ljust(6, "0"))
        return datetime(
            day.year, day.month, day.day, hour, int(parts.get("min", 0)), int(parts.get("s", 0)), microsecond, zone
        )
    except (ValueError, OverflowError):
        return None


def _day(parts: dict[str, str], order: str) -> date:
    year = int(parts["y"])
    if len(parts["y"]) == 2:
        year += 1900 if year > 68 else 2000  # as POSIX reads two digits
    if "w" in parts:
        return date.fromisocalendar(year, int(parts["w"]), int(parts.get("wd", 1)))
    if "q" in parts:
        return date(year, 3 * int(parts["q"]) - 2, 1)
    if "one" in parts:
        one, two = int(parts["one"]), int(parts["two"])
        return date(year, two, one) if order == "dmy" else date(year, one, two)
    month = int(parts["m"]) if "m" in parts else 1 + [m[:3] for m in _MONTHS].index(parts["name"][:3].lower())
    return date(year, month, int(parts.get("d", 1)))
