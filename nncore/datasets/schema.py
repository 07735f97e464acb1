"""From the text columns of a table to the numbers of ``X`` and ``y``, the same way for every later table."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.labels import label
from nncore.datasets.levels import Levels
from nncore.datasets.notation import Notation, figure
from nncore.datasets.roles import find_roles
from nncore.datasets.spelling import MISSING, MISSING_NUMBER, number

LEAVE_OUT = "fill it in, or leave out incomplete rows (missing='drop', on the command line --drop-missing)"
DECIMAL = "(decimal=, on the command line --decimal)"
TAKE_OUT = "fill it in, or take the row out of the file: a prediction needs every input"


@dataclass(frozen=True)
class Column:
    """An input column: a number, or a text that becomes one 0/1 feature per level (one-hot).

    Attributes
    ----------
    name : str
    levels : tuple of str or None
        The known texts; None for a column of numbers.
    notation : Notation or None
        How the numbers are written; None as Python writes them.
    """

    name: str
    levels: tuple[str, ...] | None = None
    notation: Notation | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features this column becomes: ``island=Biscoe``, ``island=Dream``..."""
        return (self.name,) if self.levels is None else tuple(f"{self.name}={level}" for level in self.levels)


@dataclass(frozen=True)
class Schema:
    """The meaning of a table's columns, learnt from one table and applied to others.

    Attributes
    ----------
    columns : tuple of Column
        The input columns, in the order of the features.
    target : str
        Name of the target column.
    classes : tuple of str or None
        The classes of the target; None if it is a quantity.
    notation : Notation or None
        How the target's numbers are written; None as Python writes them.
    width : int or None
        Of a table without header, how many columns it had: they are known by their positions.
    """

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...] | None
    notation: Notation | None = None
    width: int | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of ``X``."""
        return tuple(name for column in self.columns for name in column.feature_names)

    def read(
        self, table: CsvTable, *, missing: str = "error", target: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return ``X`` of shape (n_samples, n_features) and ``y``, or None if `table` lacks the target column.

        Columns are found by name; a table without header may instead have just the input columns, in order. A text that
        the schema does not know is none of those it knows: each of their features is 0, and the table's `notes` say so.

        Parameters
        ----------
        table : CsvTable
        missing : {"error", "drop", "mark"}
            Whether a row with a missing value is an error, left out, or kept with NaN for what the value would become.
        target : bool, default True
            False does not look at the target column, whatever it holds; ``y`` is then None.

        Raises
        ------
        ValueError
            If a column or value is missing, no number, not finite, or a class that the schema does not know, or if
            there is no row. The message names file, line and column.
        """
        features, goal = find_roles(table, [column.name for column in self.columns], self.target, self.width)
        goal = goal if target else None
        used = features if goal is None else [*features, goal]
        numbers = [position for column, position in zip(self.columns, features, strict=True) if column.levels is None]
        if goal is not None and all(number(name) is not None for name in self.classes or ()):
            numbers.append(goal)
        fields_of = [_Reader(column, position, table) for column, position in zip(self.columns, features, strict=True)]
        values, targets = array("d"), array("d")
        for line, fields in complete_rows(table, used, missing, LEAVE_OUT if target else TAKE_OUT, numbers):
            try:
                for reader in fields_of:
                    values.extend(reader.read(fields, line))
                if goal is not None:
                    targets.append(self._target_value(fields[goal], table))
            except ValueError as error:
                raise ValueError(f"{table.path}:{line}: {error}") from None
        table.notes += [f"{table.path}: {note}" for reader in fields_of for note in reader.notes()]
        X = np.array(values).reshape(-1, len(self.feature_names))
        if not len(X):
            raise ValueError(f"{table.path}: no complete row of data")
        y = np.array(targets) if self.classes is None else np.array(targets, dtype=np.int64)
        return X, None if goal is None else y

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain lists and strings, ready for JSON."""
        columns = [[column.name, None if column.levels is None else list(column.levels)] for column in self.columns]
        written = {column.name: column.notation for column in self.columns} | {self.target: self.notation}
        notations = {name: [it.decimal, it.mark] for name, it in written.items() if it is not None}
        return {
            "columns": columns,
            "target": self.target,
            "classes": None if self.classes is None else list(self.classes),
            **({"notations": notations} if notations else {}),
            **({} if self.width is None else {"width": self.width}),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Schema:
        """Return the schema that `to_dict` described.

        Examples
        --------
        >>> schema = Schema((Column("size"), Column("colour", ("blue", "red"))), "price", None)
        >>> schema.feature_names
        ('size', 'colour=blue', 'colour=red')
        >>> Schema.from_dict(schema.to_dict()) == schema
        True
        """
        notations = {name: Notation(*map(str, it)) for name, it in state.get("notations", {}).items()}
        columns = tuple(Column(str(name), _strings(levels), notations.get(name)) for name, levels in state["columns"])
        width = None if state.get("width") is None else int(state["width"])
        return cls(columns, str(state["target"]), _strings(state["classes"]), notations.get(state["target"]), width)

    def _target_value(self, field: str, table: CsvTable) -> float:
        if self.classes is None:
            return _finite(self.target, field, self.notation, table)
        try:
            if self.notation is not None:
                return self.classes.index(label(self.notation.number(field, table.known_decimal)))
            return self.classes.index(label(table.plain(field)))
        except ValueError:
            raise ValueError(
                f"column {self.target!r}: unknown class {field!r}; known: {', '.join(self.classes[:12])}"
            ) from None


def complete_rows(
    table: CsvTable, used: Sequence[int], missing: str, advice: str = LEAVE_OUT, numbers: Collection[int] = ()
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of `table` that have a value in each `used` column; ``missing="error"`` refuses any other row.

    In the columns `numbers`, what is no text counts as missing, too. ``missing="mark"`` yields all rows.
    """
    if missing == "mark":
        yield from table.rows(empty=True)
        return
    if missing not in ("error", "drop"):
        raise ValueError(f"missing must be 'error' or 'drop', got {missing!r}")
    markers = [(i, MISSING_NUMBER if i in numbers else MISSING) for i in used]
    for line, fields in table.rows():
        hole = next((i for i, marks in markers if fields[i].lower() in marks), None)
        if hole is None:
            yield line, fields
        elif missing == "error":
            raise ValueError(
                f"{table.path}:{line}: column {table.names[hole]!r} has no value (found {fields[hole]!r}); {advice}"
            )


class _Reader:
    """Reads the features of one column from the rows of a table."""

    def __init__(self, column: Column, position: int, table: CsvTable) -> None:
        self.column, self.position, self.table = column, position, table
        self.marks = MISSING if column.levels is not None else MISSING_NUMBER
        self.levels = None if column.levels is None else Levels(column.name, column.levels)

    def read(self, fields: Sequence[str], line: int) -> Sequence[float]:
        """Return the features; NaN where the field is missing, which is so only if such rows are asked for."""
        field = fields[self.position]
        if self.levels is None:
            if field.lower() in self.marks:
                return (math.nan,)
            return (_finite(self.column.name, field, self.column.notation, self.table),)
        known = self.column.levels or ()
        if field.lower() in self.marks and field not in known:
            return [math.nan] * len(known)
        return self.levels.one_hot(self.table.plain(field), line)

    def notes(self) -> list[str]:
        """Return what to say of what was read."""
        return [] if self.levels is None else self.levels.notes()


def _finite(name: str, field: str, notation: Notation | None, table: CsvTable) -> float:
    if notation is not None:
        value = notation.number(field, table.known_decimal)
    else:
        value = number(field if table.decimal == "." else table.plain(field))
    if value is None or not math.isfinite(value):
        like = f" written with {notation.mark!r}" if notation is not None and notation.mark else ""
        looks = None if number(field) is not None else figure(field)
        hint = f"; name the decimal mark {DECIMAL}" if looks is not None and "," in looks.core and not like else ""
        raise ValueError(f"column {name!r}: expected a finite number{like}, got {field!r}{hint}")
    return value


def _strings(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(str(value) for value in values)
