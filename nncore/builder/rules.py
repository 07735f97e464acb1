"""What the fields of a message may be: rules as in `nncore.base.checks`, and how far they go."""

from __future__ import annotations

from typing import Any

from nncore.base import checks
from nncore.base.checks import Rule
from nncore.base.names import lookup

MOST_CSV = 8 * 2**20
"""Characters in a CSV that is dropped or pasted."""

MOST_CHARACTERS = 2**17
"""In any other message."""

MOST_BYTES = 2 * MOST_CSV
"""Of a message on its way: quotes and ends of lines take two characters in JSON."""

MOST_LAYERS = 64

MOST_NESTED = 6
"""Residual groups within each other: each more doubles the time in which a browser finds places for them."""

HIGHEST_ID = 2**53 - 1  # the largest whole number that is exact in JavaScript


def text(most: int) -> Rule:
    """Return the rule "a text of at most so many characters"."""

    def rule(argument: str, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{argument} must be a text, got {checks.described(value)}")
        if len(value) > most:
            raise ValueError(f"{argument} must have at most {most:,} characters, got {len(value):,}")
        return value

    return rule


def one_of(*names: str) -> Rule:
    """Return the rule "one of these names"."""
    return lambda argument, value: lookup(argument, value, {name: name for name in names})


def flag_or(argument: str, value: Any) -> bool | None:
    """Rule: true, false, or null for what suits the data."""
    return None if value is None else checks.flag(argument, value)


def record(argument: str, value: Any) -> dict[str, Any]:
    """Rule: an object."""
    if not isinstance(value, dict):
        raise TypeError(f"{argument} must be an object, got {checks.described(value)}")
    return value


def readings(argument: str, value: Any) -> dict[str, str]:
    """Rule: how each of some columns is read, by its name; "" as suits it."""
    one = one_of("", "categorical", "ignore")
    return {name: one(f"{argument}[{name[:80]!r}]", reading) for name, reading in record(argument, value).items()}


def several(rule: Rule, most: int) -> Rule:
    """Return the rule "a list of at most so many values, each as `rule` says"."""

    def of_list(argument: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(f"{argument} must be a list, got {checks.described(value)}")
        if len(value) > most:
            raise ValueError(f"{argument} must have at most {most:,} entries, got {len(value):,}")
        return [rule(f"{argument}[{i}]", item) for i, item in enumerate(value)]

    return of_list


NAME = text(200)
