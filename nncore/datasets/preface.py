"""What may stand above and around a table in its file: comments, titles, a line for Excel, an empty last column."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from nncore.datasets.spelling import number

EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Preface:
    """The lines above a table.

    Attributes
    ----------
    n_lines : int
        How many lines of the file to pass over.
    delimiter : str or None
        What a line ``sep=;`` names, which Excel writes and reads.
    comments : tuple of (int, str)
        Number, from 1, and text of the lines that begin with ``#``.
    table : str
        The rest of the sample.
    """

    n_lines: int
    delimiter: str | None
    comments: tuple[tuple[int, str], ...]
    table: str


def preface(sample: str) -> Preface:
    """Return what stands above the table that `sample` begins; if all lines begin with ``#``, they are the table.

    Examples
    --------
    >>> preface("# made by hand\\nsep=;\\na;b\\n")
    Preface(n_lines=2, delimiter=';', comments=((1, '# made by hand'),), table='a;b\\n')
    """
    delimiter, comments, position = None, [], 0
    for i, line in enumerate(io.StringIO(sample, newline="")):
        text = line.strip("\r\n")
        excel = EXCEL.fullmatch(text)
        if excel and delimiter is None:
            delimiter = excel[1]
        elif text.startswith("#"):
            comments.append((i + 1, text))
        elif text.strip():
            return Preface(i, delimiter, tuple(comments), sample[position:])
        position += len(line)
    return Preface(0, None, (), sample)


def is_header(comment: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell whether the fields of a comment name the columns of the `rows` below, of which the first is data.

    Examples
    --------
    >>> is_header(["# a", " b"], [["1", "2"]]), is_header(["# a", " b"], [["x", "y"], ["1", "2"]])
    (True, False)
    """
    wide = len(comment) > 1 and all(len(row) == len(comment) for row in rows)
    return wide and any(number(field) is not None for field in rows[0]) and not any(map(_is_number, comment))


def n_titles(rows: Sequence[Sequence[str]]) -> int:
    """Return how many of the first `rows` are titles: a text alone, above rows of two fields or more.

    Where a spreadsheet has filled such a row up with empty fields, a row of names has to follow.

    Examples
    --------
    >>> n_titles([["Sales"], ["a", "b"], ["1", "2"]]), n_titles([["a", ""], ["1", "2"]])
    (1, 0)
    """
    width, _ = Counter(map(len, rows)).most_common(1)[0]
    n = 0
    while width > 1 and n < len(rows) - 2 and _is_title(rows[n], rows[n + 1]):
        n += 1
    return n


def filled_width(rows: Sequence[Sequence[str]]) -> int:
    """Return the number of columns up to the last in which one of `rows` has something.

    Examples
    --------
    >>> filled_width([["a", "b", ""], ["1", "", ""]])
    2
    """
    return max((i for row in rows for i, field in enumerate(row, start=1) if field), default=0)


def _is_title(row: Sequence[str], below: Sequence[str]) -> bool:
    if not row[0] or any(row[1:]) or _is_number(row[0]):
        return False
    return len(row) == 1 or _names(below) or (not any(below[1:]) and len(below) == len(row))


def _names(row: Sequence[str]) -> bool:
    return filled_width([row]) > 1 and all(row[: filled_width([row])]) and not any(map(_is_number, row))


def _is_number(field: str) -> bool:
    return number(field.lstrip("# ")) is not None
