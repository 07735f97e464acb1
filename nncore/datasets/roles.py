"""Where in a later table the columns are that a model was trained on."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from nncore.base.names import nearest
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
            f"{has}, but the model reads {_some(names)}: put these names above their columns, and {target!r} above "
            f"that of the target, or to predict give the {len(names)} inputs alone, in this order; if the first row is "
            f"names, say so {IS_HEADER}"
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
    if missing := [name for name in names if name not in table.names]:
        raise ValueError(_on_missing(table, missing, {*names, target}))
    return [table.position(name) for name in names], table.names.index(target) if target in table.names else None


def _on_missing(table: CsvTable, missing: Sequence[str], wanted: set[str]) -> str:
    """Return what to say of columns that are not there: the model's names stand, and the table's may be mended."""
    what = f"{table.path}: there is no column {missing[0]!r}, which the model reads"
    if renamed := likely(table.names, missing, wanted):
        return f"{what}; in the header, rename {renamed}, if that is what it holds"
    what += f"; the columns are {_some(table.names)}"
    is_data = table.header_is_guessed and table.has_header and not wanted & set(table.names)
    return f"{what}; if the first row is data, say so {IS_DATA}" if is_data else what


def likely(found: Sequence[str], missing: Sequence[str], wanted: Collection[str]) -> str:
    """Return which of the names `found` to write as which of the `missing` ones; nothing if none is like them.

    Parameters
    ----------
    found, missing : sequence of str
    wanted : collection of str
        All names that have a meaning already.

    Examples
    --------
    >>> likely(["Sold", "Size", "age"], ["sold", "size"], ["sold", "size", "age"]), likely(["a"], ["sold"], ["sold"])
    ("'Sold' to 'sold', 'Size' to 'size'", '')
    """
    free = [name for name in found if name not in wanted]
    pairs = []
    for name in missing:
        if near := nearest(name, free):
            free.remove(near)
            pairs.append(f"{near!r} to {name!r}")
    return ", ".join(pairs[:8]) + (", ..." if len(pairs) > 8 else "")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
