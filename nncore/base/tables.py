"""Tables of other packages: what their columns are called, and in which order a model wants them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from nncore.base import callers

NO_TABLE = frozenset({np.ndarray, list, tuple, dict, set, str, bytes, int, float, type(None)})
PLAIN_ROWS = frozenset({list, tuple, np.ndarray, int, float, bool, str})
MOST_SHOWN = 5


def column_names(table: Any) -> tuple[str, ...] | None:
    """Return what the columns of a table are called; None for anything without such names, as arrays are.

    Tables are those of pandas, Polars, PyArrow and whoever else calls a list of names ``columns`` or ``column_names``.
    Names that are not text, as pandas' numbers 0, 1, ..., are returned as text.

    Examples
    --------
    >>> import pandas
    >>> column_names(pandas.DataFrame({"age": [1], "height": [2]})), column_names([[1, 2]])
    (('age', 'height'), None)
    """
    if type(table) in NO_TABLE or not hasattr(table, "__array__"):
        return None
    for attribute in ("column_names", "columns"):
        names = getattr(table, attribute, None)
        if names is not None and not callable(names):
            try:
                return tuple(map(str, names))
            except TypeError:
                return None
    return None


def names_to_keep(table: Any, name: str) -> tuple[str, ...] | None:
    """Return the `column_names` of a table that something is trained on; a `UserWarning` says which stand twice.

    Examples
    --------
    >>> import pandas
    >>> names_to_keep(pandas.DataFrame({"age": [1], "height": [2]}), "X")
    ('age', 'height')
    """
    names = column_names(table)
    if names is not None and len(set(names)) < len(names):
        title, count = next((title, names.count(title)) for title in names if names.count(title) > 1)
        text = (
            f"{name} has {count} columns called {title!r}: all are taken, and go by their order alone; leave out those "
            "that are there by mistake, and give the others names of their own"
        )
        warnings.warn(text, UserWarning, stacklevel=callers.level())
    return names


def column_types(table: Any) -> list[str]:
    """Return the type of each column of a table, as its package writes it; none for anything else.

    Examples
    --------
    >>> import pandas
    >>> column_types(pandas.DataFrame({"age": [1.5], "member": [True]}))
    ['float64', 'bool']
    """
    if column_names(table) is None:
        return []
    of_pyarrow = getattr(getattr(table, "schema", None), "types", None)
    return [str(kind) for kind in (getattr(table, "dtypes", ()) if of_pyarrow is None else of_pyarrow)]


def known_names(known: tuple[str, ...] | None, table: Any, name: str = "X", fewest: int = 1) -> tuple[str, ...] | None:
    """Return the names that a model keeps: those `known` already, else those of the table that it is trained on.

    Names that only count the columns give way to others. Of a table with fewer than `fewest` columns, none. `name` is
    what the warning of `names_to_keep` calls it.

    Examples
    --------
    >>> import pandas
    >>> known_names(("0", "1"), pandas.DataFrame({"age": [1], "height": [2]}))
    ('age', 'height')
    """
    if known is not None and not are_counted(known):
        return known
    found = column_names(table)
    if found is None or len(found) < fewest or (known is not None and sorted(found) == sorted(known)):
        return known
    return names_to_keep(table, name)


def order_for(known: tuple[str, ...] | None, table: Any, name: str = "X", whose: str = "the model") -> list[int] | None:
    """Return which columns of a table to take, one after another, so that they come as `known`; None for as they stand.

    Where one of the two has no names, or counts its columns and the other does not have these numbers, they go by
    position. `name` and `whose` are what errors call the table, and who knows the names.

    Raises
    ------
    ValueError
        If the names are others, or one name stands twice and so does not say which column is meant.

    Examples
    --------
    >>> import pandas
    >>> order_for(("age", "height"), pandas.DataFrame({"height": [2], "age": [1]}))
    [1, 0]
    """
    if known is None or (found := column_names(table)) is None or found == known:
        return None
    if sorted(found) == sorted(known):
        if twice := [column for column in known if known.count(column) > 1]:
            raise ValueError(
                f"{name} has two columns called {twice[0]!r}, and its columns stand in another order than those "
                f"of {whose}: give them names of their own, or the order {_listed(known)}"
            )
        return [found.index(column) for column in known]
    if are_counted(found) or are_counted(known):
        return None
    raise ValueError(_of_others(known, found, name, whose))


def are_counted(names: Sequence[str]) -> bool:
    """Tell whether the names are 0, 1, 2, ..., as pandas calls the columns of what had no names.

    Examples
    --------
    >>> are_counted(["0", "1"]), are_counted(["age", "1"])
    (True, False)
    """
    return all(name == str(number) for number, name in enumerate(names))


def _of_others(known: tuple[str, ...], found: tuple[str, ...], name: str, whose: str) -> str:
    missing = [column for column in known if column not in found]
    extra = [column for column in found if column not in known]
    wrong = [f"lacks {_listed(missing)}"] if missing else []
    wrong += [f"has {_listed(extra)}, which {whose} has not seen"] if extra else []
    mend = ""
    if not missing:
        mend = f": {name}[{list(known)}]" if len(known) <= MOST_SHOWN else "; leave out all others"
    elif len(found) == len(known):
        mend = f"; rename them, or give numpy.asarray({name}), whose columns go by position"
    told = " and ".join(wrong or ["has two columns of one name"])
    return f"{name} {told}; the columns of {whose} are {_listed(known)}, in any order{mend}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, names[:MOST_SHOWN]))
    return shown if len(names) <= MOST_SHOWN else f"{shown} and {len(names) - MOST_SHOWN} more"


def refuse_without_values(values: Any, name: str) -> None:
    """Raise for what NumPy would take for something else: sparse matrices, masked values, and rows that are either.

    Raises
    ------
    TypeError
        For a sparse matrix of SciPy, a single object to NumPy.
    ValueError
        For masked values, of which NumPy takes what the mask hides.

    Examples
    --------
    >>> refuse_without_values([np.ma.array([1, 2], mask=[False, True])], "X")
    Traceback (most recent call last):
        ...
    ValueError: X[0] is a masked array with 1 masked value(s); fill or drop them first: X[0].filled(value), ...
    """
    sparse = sys.modules.get("scipy.sparse")  # whoever holds a sparse matrix has imported it
    if sparse is not None and sparse.issparse(values):
        raise TypeError(f"sparse input is not supported; use {name}.toarray()")
    if type(values) in (list, tuple):
        for kind in set(map(type, values)) - PLAIN_ROWS:
            for i, row in enumerate(values):
                if type(row) is kind:
                    refuse_without_values(row, f"{name}[{i}]")
    elif isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        count = int(np.ma.getmaskarray(values).sum())
        how = f"{name}.filled(value), {name}.compressed()"
        raise ValueError(f"{name} is a masked array with {count} masked value(s); fill or drop them first: {how}")
