"""What may stand below a table in its file: a row of totals, a note on where the figures come from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from nncore.datasets.spelling import MISSING_NUMBER, number

Row = tuple[int, list[str]]

_TOTAL = re.compile(
    r"(?:(?:grand |sub[- ]?)?totals?(?: .*)?|(?:over)?all rows|sum|average|mean|summe|gesamt(?:summe)?|insgesamt"
    r"|durchschnitt|mittelwert|somme|moyenne|suma|totale) ?:?",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:sources?|notes?|quellen?|anmerkungen?|fuente|data from|(?:generated|created|exported|downloaded|retrieved) "
    r"|copyright|©|\*+ ?\w|end of ).*",
    re.IGNORECASE | re.DOTALL,
)


def without_footer(rows: Iterable[Row], width: int, passed_over: list[Row]) -> Iterator[Row]:
    """Yield `rows` of a table of `width` columns; those at its end that are no data are appended to `passed_over`.

    A row is none if it begins with a word for totals that begins no other row, or if it is a text alone: cut short, or
    one that says that it is a note.

    Examples
    --------
    >>> below = []
    >>> list(without_footer([(2, ["1", "2"]), (3, ["Total", "2"]), (4, ["Source: a census"])], 2, below)), below
    ([(2, ['1', '2'])], [(3, ['Total', '2']), (4, ['Source: a census'])])
    """
    held: list[Row] = []
    n_yielded, is_word = 0, False  # the latter: whether such a row stood above others, and so is data
    for row in rows:
        is_footer = width > 1 and not is_word and _is_footer(row[1])
        if is_footer and n_yielded:
            held.append(row)
            continue
        is_word = is_word or is_footer or bool(held)
        yield from held
        held.clear()
        n_yielded += 1
        yield row
    passed_over.extend(held)


def _is_footer(fields: Sequence[str]) -> bool:
    filled = [field for field in fields if field]
    first = filled[0] if filled else ""
    if number(first) is not None or first.lower() in MISSING_NUMBER:
        return False
    if len(fields) == 1:
        return bool(_TOTAL.fullmatch(first) or _NOTE.fullmatch(first) or " " in first)
    return bool(_TOTAL.fullmatch(first) or (len(filled) == 1 and _NOTE.fullmatch(first)))
