"""Guess the schema of a table: which columns are numbers, which are texts, and what the target is."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from nncore.datasets.column_scan import ColumnScan
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.labels import check_task
from nncore.datasets.schema import Schema, complete_rows


def infer_schema(
    table: CsvTable,
    *,
    target: str | None = None,
    task: str = "auto",
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    missing: str = "error",
) -> Schema:
    """Read `table`, twice if it must, and return its schema; the parameters are those of `read_csv`.

    Raises
    ------
    TypeError
        If `categorical` or `ignore` is a string instead of a collection of them.
    ValueError
        If a named column does not exist, fewer than two columns are left, the target is ignored, a column mixes numbers
        with text or with other marks, or may be read as one number or another, a text column has more than 100 levels,
        or the target does not suit `task`.
    """
    check_task(task)
    for argument, names in (("categorical", categorical), ("ignore", ignore)):
        if isinstance(names, str):  # a collection of its letters otherwise
            raise TypeError(f"{argument} must be a collection of column names such as [{names!r}], got {names!r}")
    target_position = len(table.names) - 1 if target is None else table.position(target)
    for name in (*categorical, *(name for name in ignore if name not in table.left_out)):
        table.position(name)
    used = [i for i, name in enumerate(table.names) if name not in ignore]
    _check_used(table, used, target_position, is_named=target is not None)
    scanned = partial(_scanned, table, used, target_position, task, categorical, missing)
    scans = scanned()
    with_gaps = [i for i, scan in scans.items() if scan.has_gaps]
    if with_gaps:  # the texts of rows that are left out are none
        scans = scanned(with_gaps)
    for i in [i for i, scan in scans.items() if scan.counts_rows and len(scans) > 2]:
        name = scans.pop(i).name
        table.notes.append(
            f"{table.path}: {name!r}, a column without a name, numbers the rows and is left out; name it to keep it"
        )
    certain = {scan.certain_decimal for scan in scans.values()} - {None}
    for scan in scans.values():
        scan.settle({decimal for decimal in certain if decimal is not None})
    goal = scans[target_position]
    columns = tuple(scan.column() for i, scan in scans.items() if i != target_position)
    width = None if table.has_header else len(table.names)
    return Schema(columns, goal.name, goal.classes(task), goal.notation, width)


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


def _scanned(
    table: CsvTable,
    used: Collection[int],
    target: int,
    task: str,
    categorical: Collection[str],
    missing: str,
    numbers: Collection[int] = (),
) -> dict[int, ColumnScan]:
    """Return what the columns at the positions `used` hold; those of `numbers` are known to be of numbers."""
    scans = {
        i: ColumnScan(
            table,
            table.names[i],
            as_text=table.names[i] in categorical,
            target_of=task if i == target else None,
            unnamed=i in table.unnamed and i != target and table.names[i] not in categorical,
        )
        for i in used
    }
    n_rows = 0
    for line, fields in complete_rows(table, tuple(scans), missing, numbers=numbers):
        n_rows += 1
        for i, scan in scans.items():
            try:
                scan.add(fields[i])
            except ValueError as error:
                raise ValueError(f"{table.path}:{line}: {error}") from None
    if not n_rows:
        raise ValueError(f"{table.path}: no complete row of data below the header")
    return scans
