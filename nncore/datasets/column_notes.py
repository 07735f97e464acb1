"""What is said of a column that may be meant otherwise than it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nncore.datasets.column_scan import FEW, IGNORE, ColumnScan
from nncore.datasets.date_scan import CATEGORICAL, DATE_PARTS, DAY_FIRST
from nncore.datasets.gaps import OPTION
from nncore.datasets.labels import on_alike

_LIKE_DATES = re.compile(
    r"[0-9]{1,2}\.[0-9]{1,2}\.|[0-9]{1,2}\.? ?[^\W\d_]{3,10}\.? [0-9]{4}"
    r"|[^\W\d_]{3,10}\.?[ -][0-9]{2}(?:[0-9]{2})?|[0-9]{1,2}-[^\W\d_]{3}|[0-9]{2}/[0-9]{4}"
)
_WITH_SUFFIX = re.compile(r"[+-]?[0-9][0-9.,]*([^\W\d_]+)")
_RANGE, _VERSION = r"[0-9]+ ?[-–] ?[0-9]+", r"[0-9]+(?:\.[0-9]+){2,}"
_LIKE_NUMBERS = re.compile(
    rf"(?!(?:{_RANGE}|{_VERSION})$)" r"\W{0,3}[0-9][\W0-9_]*(?:(?:[kmbgt]|bn|mn|st|nd|rd|th)\W*)?|0x[0-9a-f]+",
    re.IGNORECASE,
)


def notes_on_column(scan: ColumnScan) -> Iterator[str]:
    """Yield the notes on a column that is settled, beside those on how its numbers are written."""
    rules = {"text": _on_texts, "numbers": _on_numbers, "dates": _on_dates}
    if not scan.as_text and scan.kind in rules:
        for note in rules[scan.kind](scan):
            yield f"column {scan.name!r} {note}"
    if scan.counts_rows and not scan.unnamed and scan.n > FEW:
        yield (f"column {scan.name!r} holds another whole number in each row, as ids do; if so, leave it out {IGNORE}")


def _on_dates(scan: ColumnScan) -> Iterator[str]:
    example = min(scan.distinct)
    numbers = None if scan.dates is None else scan.dates.numbers(example)
    if numbers is not None:
        order = "" if scan.dating.either is None else f", or say whether the day comes first {DAY_FIRST}"
        yield (
            f"is read as dates, {example!r} as {numbers[0]:.12g} days since 1970-01-01; for the weekday and other "
            f"parts besides, name them {DATE_PARTS}; if it holds no dates, treat it as text {CATEGORICAL}{order}"
        )


def _on_texts(scan: ColumnScan) -> Iterator[str]:
    no_later = f"is read as text, such as {min(scan.distinct)!r}, which no later row may have"
    suffixes = {found and found[1] for found in map(_WITH_SUFFIX.fullmatch, scan.distinct)}
    if all(map(_LIKE_DATES.fullmatch, scan.distinct)):
        yield f"{no_later}; if these are dates, write them as 2024-01-31"
    elif len(scan.distinct) > 1 and len(suffixes) == 1 and None not in suffixes:
        yield f"{no_later}; if these are numbers, write them without {min(map(str, suffixes))!r}"
    elif _are_like_numbers(scan):
        yield f"{no_later}; if these are numbers, write them as 1250.5"
    if alike := on_alike(scan.distinct):
        yield alike
    if scan.look.zeros:
        yield (
            f"is read as text, not as numbers, for {scan.look.zeros!r} begins with 0 as postal codes and ids do; if it "
            "is a number, write it without"
        )
    if "NA" in scan.distinct:
        yield (
            f"has 'NA', read as one of its codes of two letters (Namibia's), not as a missing value; if it is one, "
            f"say so {OPTION}"
        )


def _are_like_numbers(scan: ColumnScan) -> bool:
    """Tell whether the texts of an input may be numbers in a notation that is not read, and hardly a few categories."""
    few = scan.is_target or 2 * len(scan.distinct) <= scan.n
    return not few and scan.look.zeros is None and all(map(_LIKE_NUMBERS.fullmatch, scan.distinct))


def _on_numbers(scan: ColumnScan) -> Iterator[str]:
    if scan.look.sentinels and scan.look.low == 0:
        value, n = scan.look.sentinels.most_common(1)[0]
        times = f"{n} times" if n > 1 else "once"
        yield f"holds {value!r} {times} and nothing else below 0; if it is a missing value, say so {OPTION}"
    if scan.look.rounded is not None:
        yield (
            f"holds whole numbers past 2**53, such as {scan.look.rounded!r}, which are rounded; if these are ids, "
            f"leave it out {IGNORE} or treat it as text {CATEGORICAL}"
        )
