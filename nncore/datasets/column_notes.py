"""What is said of a column that may be meant otherwise than it was read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nncore.datasets.column_scan import FEW, IGNORE, ColumnScan
from nncore.datasets.date_scan import CATEGORICAL, DATE_PARTS, DAY_FIRST
from nncore.datasets.dates import days, moments
from nncore.datasets.gaps import OPTION

_LIKE_DATES = re.compile(
    r"[0-9]{1,2}\.[0-9]{1,2}\.|[0-9]{1,2}\.? ?[^\W\d_]{3,10}\.? [0-9]{4}"
    r"|[^\W\d_]{3,10}\.?[ -][0-9]{2}(?:[0-9]{2})?|[0-9]{1,2}-[^\W\d_]{3}|[0-9]{2}/[0-9]{4}"
)


def notes_on_column(scan: ColumnScan) -> Iterator[str]:
    """Yield the notes on a column that is settled, beside those on how its numbers are written."""
    name = f"column {scan.name!r}"
    if scan.dates is not None:
        example = min(scan.distinct)
        day = days(moments(example)[scan.dates.order])
        order = "" if scan.dating.either is None else f", or say whether the day comes first {DAY_FIRST}"
        yield (
            f"{name} is read as dates, {example!r} as {day:.12g} days since 1970-01-01; for the weekday and other "
            f"parts besides, name them {DATE_PARTS}; if it holds no dates, treat it as text {CATEGORICAL}{order}"
        )
    if scan.kind == "text" and not scan.as_text and all(map(_LIKE_DATES.fullmatch, scan.distinct)):
        yield (
            f"{name} is read as text, such as {min(scan.distinct)!r}, which no later row may have; if these are dates, "
            "write them as 2024-01-31"
        )
    if scan.kind == "text" and scan.zeros and not scan.as_text:
        yield (
            f"{name} is read as text, not as numbers, for {scan.zeros!r} begins with 0 as postal codes and ids do; if "
            "it is a number, write it without"
        )
    if scan.kind == "text" and "NA" in scan.distinct and not scan.as_text:
        yield (
            f"{name}: 'NA' is read as one of its codes of two letters (Namibia's), not as a missing value; if it is "
            f"one, say so {OPTION}"
        )
    if scan.kind == "numbers" and scan.sentinels and scan.low == 0:
        value, n = scan.sentinels.most_common(1)[0]
        yield f"{name} holds {value!r} {n} times and nothing else below 0; if it is a missing value, say so {OPTION}"
    if scan.counts_rows and not scan.unnamed and scan.n > FEW:
        yield f"{name} holds another whole number in each row, as ids do; if it is one, leave it out {IGNORE}"
