"""What is said of a column that may be meant otherwise than it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nncore.datasets.column_scan import FEW, IGNORE, TARGET, ColumnScan
from nncore.datasets.date_scan import CATEGORICAL, DATE_PARTS, DAY_FIRST
from nncore.datasets.gaps import OPTION
from nncore.datasets.labels import on_alike
from nncore.datasets.notation import figure
from nncore.datasets.spelling import MISSING, MISSING_NUMBER

_LIKE_DATES = re.compile(
    r"\d{1,2}\.\d{1,2}\.|\d{1,2}\.? ?[^\W\d_]{3,10}\.? \d{4}|[^\W\d_]{3,10}\.?[ -]\d{2}(?:\d{2})?|\d{1,2}-[^\W\d_]{3}"
    r"|(?:0?[1-9]|[12]\d|3[01])(?P<mark>[.-])(?:0?[1-9]|1[0-2])(?P=mark)\d{2}|\d{2}/\d{4}"
    r"|(?!\d{4}[-/]\d{2}$)(?=.*(?<!\d)(?:19|20|١٩|٢٠)\d{2}(?!\d))(?=(?:\D*\d){5}).{5,40}"  # a year, and more
)
_LIKE_TIMES = re.compile(
    r"\d{1,3}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[ap]\.?m\.?)?|(?:\d+ ?(?:d|h|min|m|s)\.? ?)+|P[\dDTHMS.]+", re.IGNORECASE
)
_WITH_MARKS = re.compile(r"(\W*?)[+-]?\d(?:[\d.,'’ ]*\d)?(\D*)")
_RANGE, _VERSION = r"\d+ ?[-–] ?\d+", r"\d+(?:\.\d+){2,}"
_LIKE_NUMBERS = re.compile(
    rf"(?!(?:{_RANGE}|{_VERSION})$)\W{{0,3}}\d[\W\d_]*(?:(?:[kmbgt]|bn|mn|st|nd|rd|th|[nsew]|d[+-]?\d+)\W*)?|0x[0-9a-f]+",
    re.IGNORECASE,
)
_CATEGORIES = 10  # so many texts are hardly numbers, where most rows share theirs with others


def notes_on_column(scan: ColumnScan) -> Iterator[str]:
    """Yield the notes on a column that is settled, beside those on how its numbers are written."""
    rules = {"text": _on_texts, "numbers": _on_numbers, "dates": _on_dates}
    if not scan.as_text and scan.kind in rules:
        for note in rules[scan.kind](scan):
            yield f"column {scan.name!r} {note}"
    if scan.counts_rows and not scan.unnamed and scan.n > FEW:
        yield f"column {scan.name!r} holds another whole number in each row, as ids do; if so, leave it out {IGNORE}"
    if len(scan.distinct) == 1 and not (scan.is_target or scan.n_missing) and scan.n > FEW:
        yield (
            f"column {scan.name!r} is {min(scan.distinct)!r} in all of the {scan.n} rows: what another value means, no "
            f"row tells; leave it out {IGNORE}"
        )


def _on_dates(scan: ColumnScan) -> Iterator[str]:
    example = min(scan.distinct)
    numbers = None if scan.dates is None else scan.dates.numbers(example)
    if numbers is not None:
        order = "" if scan.dating.either is None else f", or say whether the day comes first {DAY_FIRST}"
        yield (
            f"is read as dates, {example!r} as {numbers[0]:.12g} days since 1970-01-01; for the weekday and other "
            f"parts besides, name them {DATE_PARTS}; if it holds no dates, treat it as text {CATEGORICAL}{order}"
        )
    if scan.dating.far is not None:
        yield f"holds {scan.dating.far!r}, a date far away; if it is a missing value, say so {OPTION}"


def _on_texts(scan: ColumnScan) -> Iterator[str]:
    if scan.n > FEW and scan.n - len(scan.distinct) <= scan.n // 20:
        mend = f"predict another column {TARGET}" if scan.is_target else f"leave it out {IGNORE}"
        nearly = "" if scan.all_differ else "nearly "
        each = f"another in {nearly}each of the {scan.n} rows"
        yield f"is text, {each}, as names and ids are: a later row has none of them; {mend}"
    no_later = f"is read as text, such as {min(scan.distinct)!r}, which no later row may have"
    around = _around(scan)
    if all(map(_LIKE_DATES.fullmatch, scan.distinct)):
        yield f"{no_later}; if these are dates, write them as 2024-01-31"
    elif all(map(_LIKE_TIMES.fullmatch, scan.distinct)):
        yield f"{no_later}; if these are times or durations, write them as numbers, such as 12.5 hours"
    elif around:
        yield f"{no_later}; if these are numbers, write them without {' and '.join(map(repr, around))}"
    elif _are_like_numbers(scan):
        yield f"{no_later}; if these are numbers, write them as 1250.5"
    elif len(words := _words(scan)) > 1:
        yield f"{no_later}; if these are numbers, write them without {' and '.join(map(repr, words))}, all in one unit"
    if gaps := _like_gaps(scan):
        yield (
            f"has {' and '.join(map(repr, gaps))}, read as one more text, not as a missing value; if it is one, say so "
            f"{OPTION}"
        )
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


def _like_gaps(scan: ColumnScan) -> list[str]:
    """Return the texts that would be missing values among numbers; codes of two letters, and + beside -, are none."""
    found = [text for text in sorted(scan.distinct) if text.lower() in MISSING_NUMBER - MISSING]
    return [] if scan.is_of_codes or "+" in scan.distinct else found


def _are_like_numbers(scan: ColumnScan) -> bool:
    """Tell whether the texts of an input may be numbers in a notation that is not read, and hardly a few categories."""
    n = len(scan.distinct)
    few = scan.is_target or (2 * n <= scan.n and n <= _CATEGORIES)
    return not few and scan.look.zeros is None and all(map(_LIKE_NUMBERS.fullmatch, scan.distinct))


def _around(scan: ColumnScan) -> list[str]:
    """Return what stands before and behind the numbers of all texts; ``3 stars`` of a target is a class."""
    marks = {found and (found[1].strip(), found[2].strip()) for found in map(_WITH_MARKS.fullmatch, scan.distinct)}
    if len(marks) > 1 or len(scan.distinct) < 2 or (scan.is_target and None not in map(figure, scan.distinct)):
        return []
    return [mark for mark in marks.pop() or () if mark]


def _words(scan: ColumnScan) -> list[str]:
    """Return the words behind the numbers of an input, if all its texts are numbers that share a few of them."""
    found = [] if scan.is_target else [figure(text) for text in scan.distinct]
    words = {one.mark for one in found if one is not None}
    return sorted(words) if None not in found and len(words) < min(len(found), 6) else []


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
