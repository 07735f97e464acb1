"""What a page changes of a part of the set-up: of two changes in a row neither may take the other one back.

So a page sends the fields that it changes, and not the whole as it last saw it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nncore.optimizers import OPTIMIZERS

READINGS = ("categorical", "ignore")
"""Options of a table that list columns; a column is in one of them, or in none."""


def merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a part of the set-up with changes, as a JSON merge patch (RFC 7396) makes them.

    None takes a field away. An object changes the fields of the one that is there, unless it says its type: then it
    takes its place.

    Examples
    --------
    >>> before = {"type": "SGD", "momentum": 0.9, "learning_rate": {"type": "StepDecay", "factor": 0.5}}
    >>> merged(before, {"momentum": None, "learning_rate": {"factor": 0.1}})
    {'type': 'SGD', 'learning_rate': {'type': 'StepDecay', 'factor': 0.1}}
    """
    found = dict(before)
    for name, value in changes.items():
        there = found.get(name)
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict) and isinstance(there, dict) and "type" not in value:
            found[name] = merged(there, value)
        else:
            found[name] = value
    return found


def of_optimizer(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return an optimizer with changes. One of another kind keeps what all kinds have: its rate and clipping.

    Examples
    --------
    >>> of_optimizer({"type": "SGD", "learning_rate": 0.1, "momentum": 0.9}, {"type": "Adam"})
    {'type': 'Adam', 'learning_rate': 0.1}
    """
    if changes.get("type", before["type"]) == before["type"]:
        return merged(before, changes)
    shared = set.intersection(*({field.name for field in fields(kind)} for kind in OPTIMIZERS.values()))
    kept = {name: value for name, value in before.items() if name in shared}
    return merged({"type": changes["type"], **kept}, changes)


def of_options(before: Mapping[str, Any], changes: Mapping[str, Any], readings: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of data with changes, and with some columns that are read otherwise: "" as suits them.

    Examples
    --------
    >>> of_options({"target": "b", "ignore": ["a"]}, {"target": None}, {"a": "", "c": "categorical", "d": "ignore"})
    {'categorical': ['c'], 'ignore': ['d']}
    """
    found = merged(before, changes)
    for kind in READINGS:
        others = [name for name in found.pop(kind, []) if name not in readings]
        named = others + [name for name, reading in readings.items() if reading == kind]
        if named:
            found[kind] = named
    return found
