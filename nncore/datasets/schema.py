"""From the text columns of a table to the numbers of ``X`` and ``y``, the same way for every later table."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import OPEN, ORDERS, DateStyle, check_parts
from nncore.datasets.gaps import LEFT_OUT, USUAL, Marks, Rows
from nncore.datasets.labels import class_of
from nncore.datasets.levels import Levels
from nncore.datasets.notation import Notation, figure
from nncore.datasets.roles import find_roles
from nncore.datasets.spelling import number

LEAVE_OUT = "fill it in, or leave out incomplete rows (missing='drop', on the command line --drop-missing)"
IMPUTE = "; in Python, missing='impute' keeps them, and Preparation fills them in"
DECIMAL = "(decimal=, on the command line --decimal)"
TAKE_OUT = "fill it in, or take the row out of the file: a prediction needs every input"


@dataclass(frozen=True)
class Column:
    """An input column: a number, a date, or a text that becomes one 0/1 feature per level (one-hot).

    Attributes
    ----------
    name : str
    levels : tuple of str or None
        The known texts; None for a column of numbers or dates.
    notation : Notation or None
        How the numbers are written; None as Python writes them.
    dates : DateStyle or None
        How the dates are written; None for other columns. A date is the number of days since 1970-01-01.
    gaps : bool
        Whether values were missing in training, so that one may be missing later. Of a number or date, a last 0/1
        feature tells of it.
    """

    name: str
    levels: tuple[str, ...] | None = None
    notation: Notation | None = None
    dates: DateStyle | None = None
    gaps: bool = False

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features this column becomes: ``island=Biscoe``, ``island=Dream``, ``size missing``..."""
        if self.levels is not None:
            return tuple(f"{self.name}={level}" for level in self.levels)
        parts = () if self.dates is None else tuple(f"{self.name} {part}" for part in self.dates.parts)
        return (self.name, *parts, *([f"{self.name} missing"] if self.gaps else []))

    def is_gap(self, field: str, marks: Marks) -> bool:
        """Tell whether `field` is a missing value here: a text that the column knows is none."""
        return marks.in_numbers(field) and field not in (self.levels or ())


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
    marks : Marks
        What stands for a missing value.
    dates : DateStyle or None
        How the target's dates are written; None if it holds none.
    width : int or None
        Of a table without header, how many columns it had: they are known by their positions.
    chosen : tuple of int or None
        Which of the features that the columns become are those of ``X``, in their order; None for all.
    decimal : {".", ","} or None
        The decimal mark that the table is known to have had.
    """

    columns: tuple[Column, ...]
    target: str
    classes: tuple[str, ...] | None
    notation: Notation | None = None
    marks: Marks = USUAL
    dates: DateStyle | None = None
    width: int | None = None
    chosen: tuple[int, ...] | None = None
    decimal: str | None = None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns of ``X``."""
        names = tuple(name for column in self.columns for name in column.feature_names)
        return names if self.chosen is None else tuple(names[i] for i in self.chosen)

    @property
    def features(self) -> dict[Column, list[int]]:
        """Which features of ``X`` each column becomes, by their positions."""
        ends = np.cumsum([0, *(len(column.feature_names) for column in self.columns)]).tolist()
        chosen = range(ends[-1]) if self.chosen is None else self.chosen
        at = {feature: i for i, feature in enumerate(chosen)}
        return {
            column: [at[feature] for feature in range(*ends[i : i + 2]) if feature in at]
            for i, column in enumerate(self.columns)
        }

    def choose(self, names: Sequence[str]) -> Schema:
        """Return the schema of some features of a schema that has all, in the order of their `names`.

        Columns that become none of them are no longer looked for in a table.

        Examples
        --------
        >>> schema = Schema((Column("size"), Column("colour", ("blue", "red")), Column("age")), "price", None)
        >>> chosen = schema.choose(["colour=red", "size"])
        >>> chosen.feature_names, [column.name for column in chosen.columns]
        (('colour=red', 'size'), ['size', 'colour'])
        """
        places = [self.feature_names.index(name) for name in names]
        kept = {column: its for column, its in self.features.items() if not set(its).isdisjoint(places)}
        at = {feature: i for i, feature in enumerate(feature for its in kept.values() for feature in its)}
        return replace(self, columns=tuple(kept), chosen=tuple(at[place] for place in places))

    def read(
        self, table: CsvTable, *, missing: str = "error", target: bool = True
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return ``X`` of shape (n_samples, n_features) and ``y``, or None if `table` lacks the target column.

        Columns are found by name; a table without header may instead have just the input columns, in order. A text that
        the schema does not know is none of those it knows: each of their features is 0, and the table's `notes` say so.

        Parameters
        ----------
        table : CsvTable
        missing : {"error", "drop", "impute", "mark"}
            Whether a row with a missing value is an error, left out, or kept with NaN for what the value would become:
            with "impute" where values were missing in training, so that `Preparation` fills it in, and the row is left
            out if it has no target; with "mark" any.
        target : bool, default True
            False does not look at the target column, whatever it holds; ``y`` is then None.

        Raises
        ------
        ValueError
            If a column or value is missing, no number, not finite, or a class that the schema does not know, or if
            there is no row. The message names file, line and column.
        """
        positions, goal = find_roles(table, [column.name for column in self.columns], self.target, self.width)
        goal = goal if target else None
        if self.decimal == "," and table.known_decimal is None:
            table.known_decimal, table.in_doubt = "." if table.decimals == {"."} else None, not table.decimals
        may_lack = missing in ("impute", "mark")
        readers = [
            _Reader(*pair, table, self.marks, may_lack=may_lack) for pair in zip(self.columns, positions, strict=True)
        ]
        holes: dict[int, Callable[[str], bool]] = {
            reader.position: reader.is_gap for reader in readers if missing != "impute" or not reader.column.gaps
        }
        if goal is not None:
            holes[goal] = self._gap_of_target()
        rows = Rows(table, holes, self.marks, missing, LEAVE_OUT if target else TAKE_OUT, goal)
        values, targets = array("d"), array("d")
        for line, fields in rows:
            try:
                for reader in readers:
                    values.extend(reader.read(fields[reader.position], line))
                if goal is not None:
                    targets.append(self._target_value(fields[goal], table))
            except ValueError as error:
                raise ValueError(f"{table.path}:{line}: {error}") from None
        table.notes += [f"{table.path}: {note}" for reader in readers for note in reader.notes()]
        X = np.array(values).reshape(-1, sum(len(column.feature_names) for column in self.columns))
        if not len(X):
            raise ValueError(f"{table.path}: no complete row of data")
        X = X if self.chosen is None else X[:, self.chosen]
        self._say_gaps(table, rows, readers)
        y = np.array(targets) if self.classes is None else np.array(targets, dtype=np.int64)
        return X, None if goal is None else y

    def to_dict(self) -> dict[str, Any]:
        """Return the schema as plain lists and strings, ready for JSON."""
        columns = [[column.name, None if column.levels is None else list(column.levels)] for column in self.columns]
        written = {column.name: column.notation for column in self.columns} | {self.target: self.notation}
        dated = {column.name: column.dates for column in self.columns} | {self.target: self.dates}
        more = {
            "notations": {name: [it.decimal, it.mark] for name, it in written.items() if it is not None},
            "dates": {name: [it.order, *it.parts] for name, it in dated.items() if it is not None},
            "gaps": [column.name for column in self.columns if column.gaps],
            "missing_values": list(self.marks.told),
            "chosen": list(self.chosen or ()),
        }
        return {
            "columns": columns,
            "target": self.target,
            "classes": None if self.classes is None else list(self.classes),
            **{name: it for name, it in more.items() if it},
            **({} if self.width is None else {"width": self.width}),
            **({} if self.decimal is None else {"decimal": self.decimal}),
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
        dates = {name: _style(*it) for name, it in state.get("dates", {}).items()}
        gaps = state.get("gaps", [])
        columns = tuple(
            Column(str(name), _strings(levels), notations.get(name), dates.get(name), name in gaps)
            for name, levels in state["columns"]
        )
        target, marks = str(state["target"]), Marks(tuple(map(str, state.get("missing_values", []))))
        width = None if state.get("width") is None else int(state["width"])
        decimal = None if state.get("decimal") is None else str(state["decimal"])
        chosen = tuple(map(int, state["chosen"])) if "chosen" in state else None
        n = sum(len(column.feature_names) for column in columns)
        if chosen is not None and not set(chosen) <= set(range(n)):
            raise ValueError(f"the chosen features must be among the numbers 0 to {n - 1}, got {list(chosen)}")
        classes, notation = _strings(state["classes"]), notations.get(target)
        return cls(columns, target, classes, notation, marks, dates.get(target), width, chosen, decimal)

    def _gap_of_target(self) -> Callable[[str], bool]:
        """Return what tells whether a field of the target is missing."""
        known = frozenset(self.classes or ())
        if all(number(name) is not None for name in known):
            return self.marks.in_numbers
        return lambda field: self.marks.anywhere(field) and field not in known

    def _say_gaps(self, table: CsvTable, rows: Rows, readers: Sequence[_Reader]) -> None:
        """Say how many rows lack what, and what becomes of them."""
        if rows.missing == "impute" and rows.n_left_out:
            table.say(f"{LEFT_OUT} {self.target!r}: {rows.n_left_out} of {rows.n} rows")
        elif rows.missing == "drop":
            table.n_left_out = rows.n_left_out
        lacking = []
        for column, n in ((reader.column, reader.n_gaps) for reader in readers if reader.column.gaps and reader.n_gaps):
            mark = "" if column.levels is not None else f", marked by {column.feature_names[-1]!r}"
            lacking.append(f"{column.name!r} ({n} of {rows.n - rows.n_left_out} rows{mark})")
        if lacking:
            more = f" and {len(lacking) - 8} other columns" if len(lacking) > 8 else ""
            table.say(
                "missing values are filled with what is usual in the rows of training, the median or the most frequent "
                f"text: in {', '.join(lacking[:8])}{more}"
            )

    def _target_value(self, field: str, table: CsvTable) -> float:
        if self.dates is not None:
            return _date(self.target, field, self.dates)[0]
        if self.classes is None:
            return _finite(self.target, field, self.notation, table)
        try:
            if self.notation is not None:
                return class_of(self.notation.number(field, table.known_decimal), self.classes)
            return class_of(table.plain(field), self.classes)
        except ValueError:
            raise ValueError(
                f"column {self.target!r}: unknown class {field!r}; known: {', '.join(self.classes[:12])}"
            ) from None


class _Reader:
    """Reads the features of one column from the rows of a table."""

    def __init__(self, column: Column, position: int, table: CsvTable, marks: Marks, *, may_lack: bool) -> None:
        self.column, self.position, self.table, self.marks = column, position, table, marks
        self.may_lack = may_lack  # otherwise whoever hands the rows out has looked already
        self.levels = None if column.levels is None else Levels(column.name, column.levels, table.unit)
        self.n_gaps = 0

    def is_gap(self, field: str) -> bool:
        return self.column.is_gap(field, self.marks)

    def read(self, field: str, line: int) -> Sequence[float]:
        """Return the features; NaN where the field is missing, which is so only if such rows are asked for."""
        column = self.column
        is_gap = self.may_lack and field.lower() in self.marks.suspects and self.is_gap(field)
        self.n_gaps += is_gap
        if self.levels is not None:
            return (
                [math.nan] * len(self.levels.levels) if is_gap else self.levels.one_hot(self.table.plain(field), line)
            )
        if is_gap:
            values = [math.nan] * (len(column.feature_names) - column.gaps)
        elif column.dates is not None:
            values = _date(column.name, field, column.dates)
        else:
            values = [_finite(column.name, field, column.notation, self.table)]
        return [*values, float(is_gap)] if column.gaps else values

    def notes(self) -> list[str]:
        """Return what to say of what was read."""
        return [] if self.levels is None else self.levels.notes()


def _date(name: str, field: str, style: DateStyle) -> list[float]:
    numbers = style.numbers(field)
    if numbers is None:
        example = {"dmy": " or 31/01/2024", "mdy": " or 01/31/2024", OPEN: ""}[style.order]
        raise ValueError(f"column {name!r}: expected a date such as 2024-01-31{example}, got {field!r}")
    return numbers


def _finite(name: str, field: str, notation: Notation | None, table: CsvTable) -> float:
    if notation is None and "." in field and table.decimal == ",":
        notation = Notation(",")  # 1.250 is more than a thousand there
    if notation is not None:
        value = notation.number(field, table.known_decimal)
    else:
        value = number(field if table.decimal == "." else table.plain(field))
        if table.in_doubt:
            _check_thousands(name, field)
    if value is None or not math.isfinite(value):
        like = f" written with {notation.mark!r}" if notation is not None and notation.mark else ""
        looks = None if number(field) is not None else figure(field)
        hint = f"; name the decimal mark {DECIMAL}" if looks is not None and "," in looks.core and not like else ""
        hint = hint if value is None else "; write a number that there is, or leave it empty for a missing value"
        raise ValueError(f"column {name!r}: expected a finite number{like}, got {field!r}{hint}")
    return value


def _check_thousands(name: str, field: str) -> None:
    found = figure(field)
    if found is not None and "." in found.core and len(found.decimals) == 2:
        raise ValueError(
            f"column {name!r}: {field!r} may be {found.value('.'):.12g}, or {found.value(','):.12g} as the table of "
            f"the training wrote numbers; name the decimal mark {DECIMAL}"
        )


def _style(order: str, *parts: str) -> DateStyle:
    if order not in ORDERS | {OPEN}:
        raise ValueError(f"unknown order of dates {order!r}")
    return DateStyle(order, check_parts(parts))


def _strings(values: Any) -> tuple[str, ...] | None:
    return None if values is None else tuple(str(value) for value in values)
