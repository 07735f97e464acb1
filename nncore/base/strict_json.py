"""Read JSON that comes from outside: what is no JSON, or says two things of one key, is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def loads(text: str) -> Any:
    """Return what JSON text says.

    Raises
    ------
    ValueError
        If it is not JSON (NaN and Infinity are not), or an object has a key twice: readers differ in which one counts.
    RecursionError
        If it is nested too deep.

    Examples
    --------
    >>> loads('{"units": 3}')
    {'units': 3}
    >>> loads('{"units": 3, "units": 4}')
    Traceback (most recent call last):
        ...
    ValueError: duplicate key 'units'
    """
    return json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"duplicate key {key[:80]!r}")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
