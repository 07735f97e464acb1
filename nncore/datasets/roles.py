"""Where in a later table the columns are that a model was trained on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.header import IS_DATA, IS_HEADER

NAMELESS = re.compile(r"column \d+")


def find_roles(
    table: CsvTable, names: Sequence[str], target: str, width: int | None = None
) -> tuple[list[int], int | None]:
    """Return the positions of the inputs `names` in `table`, and of the `target` if it is there.

    Columns are found by name. A table without header has the columns of a training without header, all of them or all
    but a target that stood last; or else just the inputs, in order, of which none is then the target as well.

    Parameters
    ----------
    table : CsvTable
    names : sequence of str
    target : str
    width : int, optional
        How many columns the table of the training had, if it had no header.

    Raises
    ------
    ValueError
        If an input is missing, or may be any of several columns for want of names.
    """
    nameless = all(map(NAMELESS.fullmatch, [*names, target]))
    if table.has_header:
        return _named(table, names, target, nameless=nameless)
    n = len(table.names)
    if n == len(names):
        if not nameless:
            table.notes.append(f"{table.path}: columns without names are taken in the model's order: {_some(names)}")
        return list(range(n)), None
    has = f"{table.path}: has {n} column{'s' if n > 1 else ''} without names"
    if not nameless:
        raise ValueError(
            f"{has}, but the model reads {_some(names)}: put these names above their columns, or give the "
            f"{len(names)} inputs alone, in this order; if the first row is names, say so {IS_HEADER}"
        )
    last = max(int(name.rpartition(" ")[2]) for name in [*names, target])
    needed = {last if width is None else width}
    if target == f"column {max(needed)}":
        needed.add(max(needed) - 1)
    if n not in needed and not (width is None and n > last):
        raise ValueError(
            f"{has}, but the model was trained on {max(needed)} (the target was {target!r}): give the same, or the "
            f"{len(names)} inputs alone, in their order"
        )
    return _named(table, names, target, nameless=False)


def _named(table: CsvTable, names: Sequence[str], target: str, *, nameless: bool) -> tuple[list[int], int | None]:
    if nameless and not set(names) & set(table.names):
        raise ValueError(
            f"{table.path}: the model was trained on a table without column names, and this one has "
            f"{_some(table.names)}; take this row of names out, or if it is data, say so {IS_DATA}"
        )
    try:
        found = [table.position(name) for name in names]
    except ValueError as error:
        nothing_near = "did you mean" not in str(error) and not set(names) & set(table.names)
        if table.header_is_guessed and table.has_header and nothing_near:
            raise ValueError(f"{error}; if the first row is data, say so {IS_DATA}") from None
        raise
    return found, table.names.index(target) if target in table.names else None


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
