"""Guess the schema of a table: which columns are numbers, which are texts, and what the target is."""

from __future__ import annotations

from collections.abc import Collection

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.labels import are_classes, check_task, label, sorted_labels
from nncore.datasets.schema import Column, Schema, complete_rows
from nncore.datasets.spelling import decimal_comma_hint, number

MAX_LEVELS = 100
MAX_CLASSES = 1000


def infer_schema(
    table: CsvTable,
    *,
    target: str | None = None,
    task: str = "auto",
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    missing: str = "error",
) -> Schema:
    """Read `table` once and return its schema; the parameters are those of `read_csv`.

    Raises
    ------
    TypeError
        If `categorical` or `ignore` is a string instead of a collection of them.
    ValueError
        If a named column does not exist, fewer than two columns are left, the target is ignored, a column mixes numbers
        with text, a text column has more than 100 levels, or the target does not suit `task`.
    """
    check_task(task)
    for argument, names in (("categorical", categorical), ("ignore", ignore)):
        if isinstance(names, str):  # a collection of its letters otherwise
            raise TypeError(f"{argument} must be a collection of column names such as [{names!r}], got {names!r}")
    target_position = len(table.names) - 1 if target is None else table.position(target)
    for name in (*categorical, *ignore):
        table.position(name)
    used = [i for i, name in enumerate(table.names) if name not in ignore]
    _check_used(table, used, target_position, is_named=target is not None)
    scans = {
        i: _Scan(table.names[i], table.names[i] in categorical or (i == target_position and task == "classification"))
        for i in used
    }
    scans[target_position].limit = MAX_CLASSES
    _scan(table, scans, missing)
    columns = tuple(scan.column(table) for i, scan in scans.items() if i != target_position)
    return Schema(columns, table.names[target_position], scans[target_position].classes(table, task))


def _check_used(table: CsvTable, used: Collection[int], target_position: int, *, is_named: bool) -> None:
    """Refuse a table that lacks a target or inputs once columns are left out."""
    if len(used) < 2:
        raise ValueError(
            f"{table.path}: needs a target column and at least one other, found {', '.join(table.names[:12])}; "
            "is it separated by commas, semicolons, tabs or bars?"
        )
    if target_position not in used:
        last = "" if is_named else ", the last column,"
        raise ValueError(
            f"{table.path}: the target {table.names[target_position]!r}{last} is ignored; predict another column "
            "(target=, on the command line --target)"
        )


def _scan(table: CsvTable, scans: dict[int, _Scan], missing: str) -> None:
    n_rows = 0
    for line, fields in complete_rows(table, tuple(scans), missing):
        n_rows += 1
        for i, scan in scans.items():
            try:
                scan.add(fields[i])
            except ValueError as error:
                raise ValueError(f"{table.path}:{line}: {error}") from None
    if not n_rows:
        raise ValueError(f"{table.path}: no complete row of data below the header")


class _Scan:
    """What has been seen so far of one column."""

    def __init__(self, name: str, as_text: bool) -> None:
        self.name = name
        self.as_text = as_text
        self.limit = MAX_LEVELS
        self.kind: str | None = None
        self.distinct: set[str] = set()

    def add(self, field: str) -> None:
        kind = "text" if self.as_text or number(field) is None else "numbers"
        if self.kind is None:
            self.kind = kind
        elif kind != self.kind:
            hint = decimal_comma_hint(self.name, {*self.distinct, field})
            raise ValueError(
                f"column {self.name!r} held {self.kind} up to here and now {field!r}; "
                + (hint or "correct it, or treat the column as text (categorical=, on the command line --categorical)")
            )
        if len(self.distinct) <= self.limit:
            self.distinct.add(field)

    def column(self, table: CsvTable) -> Column:
        if self.kind == "numbers":
            return Column(self.name)
        self._check_limit(table)
        return Column(self.name, tuple(sorted(self.distinct)))

    def classes(self, table: CsvTable, task: str) -> tuple[str, ...] | None:
        if self.kind == "text" and task == "regression":
            hint = decimal_comma_hint(self.name, self.distinct)
            raise ValueError(
                f"{table.path}: the target {self.name!r} is text; regression needs a column of numbers"
                + (f" ({hint})" if hint else "")
            )
        if task == "regression" or (task == "auto" and not are_classes(self.distinct)):
            return None
        self._check_limit(table)
        return sorted_labels(map(label, self.distinct))

    def _check_limit(self, table: CsvTable) -> None:
        if len(self.distinct) > self.limit:
            example = min(self.distinct)
            raise ValueError(
                f"{table.path}: column {self.name!r} has more than {self.limit} different texts, for example "
                f"{example!r}; numbers need a decimal point, and a column of names can be left out (ignore=, on the "
                "command line --ignore)"
            )
