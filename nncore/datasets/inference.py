"""Guess the schema of a table: which columns are numbers, which are texts, and what the target is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial

from nncore.datasets.column_notes import notes_on_column
from nncore.datasets.column_scan import IGNORE, TARGET, ColumnScan
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import check_parts, orders_of
from nncore.datasets.gaps import Marks, Rows, told
from nncore.datasets.labels import check_task
from nncore.datasets.numbering import RowNumbers
from nncore.datasets.schema import IMPUTE, LEAVE_OUT, Column, Schema


def infer_schema(
    table: CsvTable,
    *,
    target: str | None = None,
    task: str = "auto",
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    missing: str = "error",
    missing_values: Collection[str | float] = (),
    day_first: bool | None = None,
    date_parts: Collection[str] = (),
) -> Schema:
    """Read `table`, twice if it must, and return its schema; the parameters are those of `read_csv`.

    Raises
    ------
    TypeError
        If `categorical`, `ignore`, `missing_values` or `date_parts` is a string instead of a collection of them.
    ValueError
        If a named column does not exist, fewer than two columns are left, the target is ignored, a column mixes numbers
        with text or with other marks, or may be read as one number or date or another, a text column has more than 100
        levels, or the target does not suit `task`.
    """
    check_task(task)
    marks, parts = told(missing_values), check_parts(date_parts)
    orders = orders_of(day_first)
    _check_names(table, categorical=categorical, ignore=ignore)
    goal = find_goal(table, ignore) if target is None else table.position(target)
    used = [i for i, name in enumerate(table.names) if name not in ignore]
    _check_used(table, used, goal, is_named=target is not None)
    fresh = partial(fresh_scans, table, used, goal, task, categorical, marks, orders)
    scans = fresh()
    refused = [i for i in used if i == goal or missing != "impute"]
    certain = {i: partial(_is_hole, marks) for i in refused}  # as far as one can know before all rows are seen
    _fill(scans, Rows(table, certain, marks, missing, LEAVE_OUT + IMPUTE, goal))
    if any(scan.has_gaps for scan in scans.values()) and (missing != "impute" or scans[goal].has_gaps):
        seen, scans = scans, fresh()  # the texts of rows that are left out are none
        _fill(scans, Rows(table, {i: seen[i].is_gap for i in refused}, marks, missing, LEAVE_OUT + IMPUTE, goal))
    _leave_out(table, scans, goal)
    decimals = certain_decimals(scans.values())
    for scan in scans.values():
        scan.settle(decimals)
    columns = tuple(scan.column(parts, gaps=missing == "impute") for i, scan in scans.items() if i != goal)
    _check_features(table, columns)
    for scan in scans.values():
        for note in notes_on_column(scan):
            table.say(note)
    it = scans[goal]
    width = None if table.has_header else len(table.names)
    return Schema(columns, it.name, it.classes(task), it.notation, marks, it.dates, width, decimal=table.known_decimal)


def find_goal(table: CsvTable, ignore: Collection[str] = ()) -> int:
    """Return the position of the target that nobody has named: the last column that does not just number the rows."""
    goal = len(table.names) - 1
    while goal > 1 and goal in table.unnamed and table.names[goal] not in ignore and _numbers_rows(table, goal):
        goal -= 1
    if goal < len(table.names) - 1:
        table.say(f"the target is {table.names[goal]!r}, the last column with a name")
    return goal


def _numbers_rows(table: CsvTable, position: int) -> bool:
    numbers = RowNumbers(any_order=False)
    return all(numbers.take(fields[position]) for _, fields in table.rows()) and len(numbers) > 1


def _check_names(table: CsvTable, **arguments: Collection[str]) -> None:
    """Refuse a text in place of a collection of column names, and unknown ones."""
    for argument, names in arguments.items():
        if isinstance(names, str) or not isinstance(names, Collection):  # a text is a collection of its letters
            example = names if isinstance(names, str) else table.names[0]
            raise TypeError(f"{argument} must be a collection of column names such as [{example!r}], got {names!r}")
        for name in names:
            if argument != "ignore" or name not in table.left_out:
                table.position(name)


def _check_used(table: CsvTable, used: Collection[int], target_position: int, *, is_named: bool) -> None:
    """Refuse a table that lacks a target or inputs once columns are left out."""
    if len(used) < 2:
        raise ValueError(
            f"{table.path}: needs a target column and at least one other, found {', '.join(table.names[:12])}; "
            "if its columns are separated by something else than commas, semicolons, tabs or bars, name it "
            "(delimiter=, on the command line --delimiter)"
        )
    if target_position not in used:
        last = "" if is_named else ", the last column,"
        raise ValueError(
            f"{table.path}: the target {table.names[target_position]!r}{last} is ignored; predict another column "
            "(target=, on the command line --target)"
        )


def fresh_scans(
    table: CsvTable,
    used: Collection[int],
    goal: int,
    task: str,
    categorical: Collection[str],
    marks: Marks,
    orders: frozenset[str],
) -> dict[int, ColumnScan]:
    """Return a scan for each of the columns at the positions `used`."""
    return {
        i: ColumnScan(
            table,
            table.names[i],
            as_text=table.names[i] in categorical,
            target_of=task if i == goal else None,
            unnamed=i in table.unnamed and i != goal and table.names[i] not in categorical,
            marks=marks,
            orders=orders,
        )
        for i in used
    }


def certain_decimals(scans: Iterable[ColumnScan]) -> set[str]:
    """Return the decimal marks that are certain anywhere in a table."""
    return {scan.certain_decimal for scan in scans if scan.certain_decimal is not None}


def _is_hole(marks: Marks, field: str) -> bool:
    """Tell whether a field is missing whatever its column holds; NA may be the code of a country."""
    return marks.anywhere(field) and (field != "NA" or marks.is_told(field))


def _check_features(table: CsvTable, columns: Iterable[Column]) -> None:
    """Refuse two features of one name: ``a=x`` may be a column, and what a text of column ``a`` becomes."""
    of: dict[str, str] = {}
    for column in columns:
        for feature in column.feature_names:
            if (other := of.setdefault(feature, column.name)) != column.name:
                raise ValueError(
                    f"{table.path}: columns {other!r} and {column.name!r} both become {feature!r}; rename one, "
                    f"or leave it out {IGNORE}"
                )


def _fill(scans: Mapping[int, ColumnScan], rows: Rows) -> None:
    """Show the rows to the scans of their columns."""
    n = 0
    for line, fields in rows:
        n += 1
        for i, scan in scans.items():
            try:
                scan.add(fields[i])
            except ValueError as error:
                raise ValueError(f"{rows.table.path}:{line}: {error}") from None
    if not n:
        why = " below the header"
        for i in (i for i, count in rows.gaps.items() if count == rows.n):
            advice = f"predict another {TARGET}" if i == rows.goal else f"leave it out {IGNORE}"
            why = f": column {rows.table.names[i]!r} is empty; {advice}"
        raise ValueError(f"{rows.table.path}: no complete row of data{why}")


def _leave_out(table: CsvTable, scans: dict[int, ColumnScan], goal: int) -> None:
    """Take out of `scans` the columns that tell nothing: those without a value, and the numbers of the rows."""
    for i, scan in [*scans.items()]:
        if i == goal:
            continue
        if len(scans) == 2:
            if scan.kind is None:
                raise ValueError(f"{table.path}: no input has a value, {scan.name!r} neither: nothing to learn from")
        elif scan.kind is None:
            table.say(f"column {scan.name!r} has no value in any row and is left out")
            del scans[i]
        elif scan.unnamed and scan.counts_rows:
            table.say(f"{scan.name!r}, a column without a name, numbers the rows and is left out; name it to keep it")
            del scans[i]
        elif scan.unnamed:
            table.say(
                f"{scan.name!r}, a column without a name, is taken for an input; name it, or if it only numbers or "
                f"names rows, leave it out {IGNORE}"
            )
