"""Look at every column of a table, whatever is in it, before any of it is refused."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from nncore.datasets.column_scan import FEW, ColumnScan
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import check_parts, orders_of
from nncore.datasets.gaps import told
from nncore.datasets.inference import certain_decimals, find_goal, fresh_scans

TYPES = {"numbers": "number", "words": "number", "dates": "date", "text": "text", None: "empty"}


@dataclass(frozen=True)
class ColumnFacts:
    """What a column holds, and what will be done with it.

    Attributes
    ----------
    name : str
    type : {"number", "date", "text", "empty", "mixed"}
    missing : int
        How many values are missing.
    distinct : int or None
        How many different values there are; None for more than are counted.
    becomes : str
        What the reader makes of it, in words.
    """

    name: str
    type: str
    missing: int
    distinct: int | None
    becomes: str


def survey(
    table: CsvTable,
    target: str | None = None,
    *,
    task: str = "auto",
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    missing: str = "error",
    missing_values: Collection[str | float] = (),
    day_first: bool | None = None,
    date_parts: Collection[str] = (),
) -> list[ColumnFacts]:
    """Return the facts on each column of `table`; the parameters are those of `read_csv`.

    Raises
    ------
    ValueError
        If the rows have not as many fields as there are columns, or an argument is wrong.
    """
    goal = find_goal(table, ignore) if target is None else table.position(target)
    scans = fresh_scans(
        table, range(len(table.names)), goal, task, categorical, told(missing_values), orders_of(day_first)
    )
    refused: dict[int, str] = {}
    for line, fields in table.rows():
        for i in scans.keys() - refused.keys():
            try:
                scans[i].add(fields[i])
            except ValueError:
                refused[i] = f"refused: line {line} holds {fields[i]!r} among {TYPES[scans[i].kind]}s"
    decimals = certain_decimals(scan for i, scan in scans.items() if i not in refused)
    said = len(table.notes)
    facts = []
    for i, scan in scans.items():
        if i in refused:
            facts.append(_facts(scan, "mixed", refused[i]))
        elif scan.name in ignore:
            facts.append(_facts(scan, None, "left out: ignored"))
        else:
            facts.append(_facts(scan, None, _becomes(scan, decimals, task, check_parts(date_parts), missing)))
    del table.notes[said:]  # who reads the table will say them
    return facts


def _facts(scan: ColumnScan, type_: str | None, becomes: str) -> ColumnFacts:
    n_missing, n = (scan.n_missing, len(scan.distinct)) if scan.has_gaps or not type_ else (scan.n_missing, 0)
    distinct = None if type_ or n > scan.limit else n
    return ColumnFacts(scan.name, type_ or TYPES[scan.kind], n_missing, distinct, becomes)


def _becomes(scan: ColumnScan, decimals: Collection[str], task: str, parts: tuple[str, ...], missing: str) -> str:
    """Return what becomes of a column that holds one kind of value."""
    try:
        gaps = scan.has_gaps
        if scan.kind is None:
            return "left out: no value" if missing == "impute" and not scan.is_target else "refused: no value"
        scan.settle(decimals)
        if scan.is_target:
            classes = scan.classes(task)
            what = "the target, a number" if classes is None else f"the target, {len(classes)} classes"
            return what + (_GAPS_OF_TARGET[missing] if gaps else "")
        if scan.unnamed and scan.counts_rows:
            return "left out: numbers the rows"
        n_features = len(scan.column(parts).feature_names)
    except ValueError as error:
        return f"refused: {str(error).removeprefix(f'{scan.table.path}: ').partition(';')[0]}"
    what = _KINDS[TYPES[scan.kind]](n_features)
    if gaps:
        what += _GAPS[missing] + (", marked" if missing == "impute" and scan.kind != "text" else "")
    return what + _hint(scan)


_KINDS: dict[str, Callable[[int], str]] = {
    "number": lambda n: "a number",
    "date": lambda n: "days since 1970-01-01" + (f" and {n - 1} parts" if n > 1 else ""),
    "text": lambda n: f"{n} column{'s' if n != 1 else ''} of 0 and 1",
}
_GAPS = {"impute": ", gaps filled", "drop": ", rows with gaps left out", "error": ", refused for its gaps"}
_GAPS_OF_TARGET = _GAPS | {"impute": ", rows with gaps left out"}


def _hint(scan: ColumnScan) -> str:
    """Return what is odd about a column that is read all the same."""
    if len(scan.distinct) == 1:
        return "; tells nothing: the same in every row"
    if scan.n > FEW and ((scan.kind == "text" and scan.all_differ) or scan.counts_rows):
        return "; another in each row, as ids are"
    return ""
