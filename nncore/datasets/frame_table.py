"""A table of another package, such as a pandas frame, as the rows of text that a CSV file of it would have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base.tables import are_counted, column_names
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.notation import figure


class FrameTable(CsvTable):
    """The rows of a table in memory, to be read by `Schema.read` as those of a file are.

    Nothing of it is guessed: every row counts, and numbers are written in a way that no decimal mark is in doubt. Names
    that only count the columns, as pandas' 0, 1, ..., are no header, unless they are among the `known`.

    Parameters
    ----------
    frame : table of pandas, Polars or PyArrow
    known : collection of str, optional
        Column names to expect.
    decimal : str, optional
        What stood before decimals in training. A comma does so here, too, if a text of the table proves it; a text that
        may be two numbers, such as ``1,250``, is what it was in training.

    Raises
    ------
    TypeError
        If it is no table with named columns.
    ValueError
        If two columns have one name.

    Examples
    --------
    >>> import pandas
    >>> table = FrameTable(pandas.DataFrame({"size": [1.125, None], "rooms": [2, 3], "colour": ["red", None]}))
    >>> table.names, list(table.rows())
    (('size', 'rooms', 'colour'), [(0, ['1.1250', '2', 'red']), (1, ['', '3', ''])])
    """

    unit = "row"

    def __init__(self, frame: Any, known: Collection[str] = (), decimal: str | None = None) -> None:
        names = tuple(name.strip() for name in _names(frame))
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the table has two columns called {twice[0]!r}: give them names of their own")
        self.path, self.notes, self.left_out, self.n_left_out = Path("table"), [], (), 0
        self.has_header = not are_counted(names) or set(known) <= set(names)
        self.header_is_guessed, self.unnamed = False, set()
        self.names = names if self.has_header else tuple(f"column {i}" for i in range(1, len(names) + 1))
        self._positions = {name: i for i, name in enumerate(self.names)}
        columns = [_values(frame, i) for i in range(len(names))]
        self._fields = [[_text(value) for value in column] for column in columns]
        self.decimals = _decimals(columns)
        self.decimal = "," if self.decimals == {","} and decimal == "," else "."
        self.known_decimal = "," if self.decimal == "," else None
        self.in_doubt = False

    def rows(self, *, empty: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Yield (number of the row from 0, fields) of all rows, also of empty ones."""
        for row, fields in enumerate(zip(*self._fields, strict=True)):
            yield row, list(fields)


def _names(frame: Any) -> tuple[str, ...]:
    names = column_names(frame)
    if names is None:
        raise TypeError(
            "source must be the path of a text file, or a table with named columns such as a pandas frame, got "
            f"{type(frame).__name__}; an array of features is for prepare_inputs"
        )
    return names


def _values(frame: Any, position: int) -> list[Any]:
    """Return the values of one column of a table of pandas, PyArrow or Polars."""
    if hasattr(frame, "iloc"):
        return list(np.asarray(frame.iloc[:, position]))
    return list(np.asarray(frame.column(position) if hasattr(frame, "column_names") else frame[:, position]))


def _decimals(columns: Iterable[Iterable[Any]]) -> set[str]:
    """Return the decimal marks that the texts prove; numbers have none."""
    texts = {value.strip() for column in columns for value in column if isinstance(value, str)}
    found = [it for it in map(figure, texts) if it is not None and it.is_certain]
    return {min(it.decimals) for it in found if len(it.decimals) == 1}


def _text(value: Any) -> str:
    """Return a value as a field of a table: a gap is empty or one of the usual marks, a number Python's."""
    is_float = isinstance(value, (float, np.floating))
    if value is None or (is_float and np.isnan(value)):
        return ""
    if isinstance(value, str):
        return value.strip()
    if is_float and value.is_integer():
        return str(int(value))
    digits, e, exponent = str(value).partition("e")
    may_be_thousands = len(digits.partition(".")[2]) == 3
    return digits + "0" * may_be_thousands + e + exponent
