"""Whether the first row of a table names the columns or is data, and whether that is a guess to say aloud."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nncore.datasets.notation import figure
from nncore.datasets.spelling import MISSING_NUMBER, number

IS_DATA = "(header=False, on the command line --header no)"
IS_HEADER = "(header=True, on the command line --header yes)"
NO_HEADER = f"no header found, so the first row counts as data; if it names the columns, say so {IS_HEADER}"
YEARS = range(1800, 2200)


def guess_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> tuple[bool, str]:
    """Return whether the fields of the `first` row are column names, given rows `below` it, and what to say of it.

    A text above nothing but numbers is a name. Among texts, a row of values that stand below, too, is data. Numbers
    are names if they count the columns, as those of pandas do, or are years above other values.

    Examples
    --------
    >>> guess_header(["size", "kind"], [["1", "a"], ["2", "b"]])
    (True, '')
    >>> guess_header(["red", "yes"], [["blue", "no"], ["red", "no"], ["blue", "yes"]])[0]
    False
    >>> guess_header(["0", "1", "2"], [["5.1", "3.5", "0"], ["4.9", "3.0", "1"]])[0]
    True
    """
    columns = [
        [row[i] for row in below if i < len(row) and row[i].lower() not in MISSING_NUMBER] for i in range(len(first))
    ]
    of_numbers = [_is_number(field, column) for field, column in zip(first, columns, strict=True)]
    texts = [
        (field, column)
        for field, column, is_number in zip(first, columns, of_numbers, strict=True)
        if field.lower() not in MISSING_NUMBER and not is_number
    ]
    once = [
        (field, [other for other in column if other != field]) for field, column in texts
    ]  # it may stand there twice
    if any(column and all(_is_number(field, column) for field in column) for _, column in once):
        odd = any(is_number and not _is_year(field) for field, is_number in zip(first, of_numbers, strict=True))
        return True, _taken(first) if odd else ""
    if not any(of_numbers):
        return _among_texts(first, texts)
    if _numbers_are_names(first, columns, of_numbers, texts):
        return True, _taken(first)
    whole = all(re.fullmatch("[0-9]+", field) for field, is_number in zip(first, of_numbers, strict=True) if is_number)
    return False, NO_HEADER if whole else ""  # no column is called 5.1


def _is_year(field: str) -> bool:
    return field.isascii() and field.isdecimal() and int(field) in YEARS


def _taken(first: Sequence[str]) -> str:
    shown = ", ".join(map(repr, first[:3])) + (", ..." if len(first) > 3 else "")
    return f"the first row ({shown}) is taken for the names of the columns; if it is data, say so {IS_DATA}"


def _among_texts(first: Sequence[str], texts: Sequence[tuple[str, Sequence[str]]]) -> tuple[bool, str]:
    """Decide where no column is of numbers: names do not stand among the values that they name."""
    telling = [(_recurs(field, column), len(set(column)) < len(column)) for field, column in texts]
    recurring = sum(recurs for recurs, _ in telling)
    named_twice = len(set(filter(None, first))) < len(list(filter(None, first)))
    if recurring and 2 * recurring >= sum(recurs or repeats for recurs, repeats in telling):
        return False, NO_HEADER
    if named_twice and any(column for _, column in texts):
        return False, NO_HEADER
    clear = not recurring and any(len(column) >= 2 * len(set(column)) for _, column in texts if column)
    return True, "" if clear or not any(column for _, column in texts) else _taken(first)


def _recurs(field: str, column: Sequence[str]) -> bool:
    """Tell whether `field` is a value of its column, or differs from all of them in digits alone, as dates do."""
    like = re.sub(r"\d", "0", field)
    alike = like != field and len(column) > 1 and all(re.sub(r"\d", "0", other) == like for other in column)
    return field in column or alike


def _numbers_are_names(
    first: Sequence[str],
    columns: Sequence[Sequence[str]],
    of_numbers: Sequence[bool],
    texts: Sequence[tuple[str, Sequence[str]]],
) -> bool:
    """Tell whether numbers of the first row are names: they count on by one, above something else."""
    fields = [field for field, is_number in zip(first, of_numbers, strict=True) if is_number]
    below = [column for column, is_number in zip(columns, of_numbers, strict=True) if is_number]
    if not all(re.fullmatch("0|[1-9][0-9]{0,8}", field) for field in fields):
        return False
    if any(len(column) > 1 and all(figure(value) is None for value in column) for column in below):
        return True  # a number above texts alone is none of them
    start, n = int(fields[0]), len(fields)
    if n < 2 or [int(field) for field in fields] != list(range(start, start + n)):
        return False
    fractions = any(not re.fullmatch("[+-]?[0-9]+", value) for column in below for value in column)
    if len(texts) + n < len(first) or (n == len(first) and start not in YEARS):
        return n >= (3 if fractions else 5) if start == 0 else (start == 1 and n >= 5 and fractions)
    named = any(len(set(column)) < len(column) and not _recurs(field, column) for field, column in texts)
    return named or fractions


def _is_number(field: str, column: Sequence[str]) -> bool:
    """Tell whether a field is a number; one with a currency or unit if the `column` below has it, too."""
    if number(field) is not None:
        return True
    found = figure(field)
    if found is None or not found.is_certain:
        return False
    others = [figure(other) for other in column] if found.mark else []
    return all(other is not None and other.mark == found.mark for other in others)
