"""Look a name up in a table; a miss suggests the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    raise ValueError(
        f"unknown {kind} {name[:80]!r}{did_you_mean(name, table) or '.'} Known: {', '.join(sorted(table))}"
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name; nothing if no known name is like it.

    Examples
    --------
    >>> did_you_mean("rde", ["red", "blue"]), did_you_mean("purple", ["red", "blue"])
    ("; did you mean 'red'?", '')
    """
    known = list(known)
    import difflib  # here, not at the top: only misses need it, and `import nncore` should be quick

    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(name.lower(), known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
