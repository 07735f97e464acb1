"""Look a name up in a table; a miss suggests the nearest name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def lookup(kind: str, name: object, table: Mapping[str, T]) -> T:
    """Return ``table[name]``.

    Parameters
    ----------
    kind : str
        What the table holds, for the message: ``"activation"``, ``"loss"``...
    name : object
        The name that was asked for.
    table : mapping of str
        All known names.

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If `name` is not in `table`; the message suggests the nearest name and lists all.

    Examples
    --------
    >>> lookup("colour", "rde", {"red": 1, "blue": 2})
    Traceback (most recent call last):
        ...
    ValueError: unknown colour 'rde'; did you mean 'red'? Known: blue, red
    """
    if not isinstance(name, str):
        raise TypeError(f"{kind} must be a name (str), got {name!r} of type {type(name).__name__}")
    if name in table:
        return table[name]
    near = difflib.get_close_matches(name.lower(), table, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    raise ValueError(f"unknown {kind} {name[:80]!r}{hint} Known: {', '.join(sorted(table))}")
