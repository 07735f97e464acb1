"""What the page may say: the types of messages, their fields and the rules that these have to pass."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from nncore.base import checks
from nncore.base.checks import Rule
from nncore.base.names import lookup

MOST_CSV = 8 * 2**20
"""Characters in a CSV that is dropped or pasted."""

MOST_CHARACTERS = 2**17
"""In any other message."""

MOST_DEPTH = 12
"""Lists and objects within each other: as deep as residual groups may sensibly be."""

HIGHEST_ID = 2**53 - 1  # the largest whole number that is exact in JavaScript


PLAIN = {
    r"\ban integer\b": "a whole number",
    r" from (-?\d+) to (2147483647|9007199254740991)\b": r" >= \1",
    r"(, got .+) of type \w+$": r"\1",
}
"""Patterns in messages of the core, and what a page says instead."""


def plain(message: str) -> str:
    """Return a message of the core without what only programmers know.

    Examples
    --------
    >>> plain("units must be an integer from 1 to 2147483647, got 3.7 of type float")
    'units must be a whole number >= 1, got 3.7'
    """
    for pattern, words in PLAIN.items():
        message = re.sub(pattern, words, message)
    return message


class Refusal(Exception):  # noqa: N818 - not a mistake of the program, but an answer
    """A message that cannot be carried out; the session is as it was.

    Parameters
    ----------
    message : str
        What is wrong and how to mend it; see `plain`.
    where : str
        Dotted path of the control that shows it, such as ``"layers[2].units"``; empty for the whole page.

    Attributes
    ----------
    id : int or None
        Of the message that was refused.
    """

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(plain(message))
        self.where = where
        self.id: int | None = None


T = TypeVar("T")

LEFT_OUT: Any = object()
"""The default of a field that `Request.fields` lacks where the message does."""


@dataclass(frozen=True)
class Request:
    """A message that has passed all rules; fields that were left out have their defaults."""

    id: int | None
    type: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A field of a message: its rule, and what it is if it is left out."""

    rule: Rule
    default: Any = LEFT_OUT
    required: bool = False


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


def several(rule: Rule, most: int) -> Rule:
    """Return the rule "a list of at most so many values, each as `rule` says"."""

    def of_list(argument: str, value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise TypeError(f"{argument} must be a list, got {checks.described(value)}")
        if len(value) > most:
            raise ValueError(f"{argument} must have at most {most:,} entries, got {len(value):,}")
        return [rule(f"{argument}[{i}]", item) for i, item in enumerate(value)]

    return of_list


MOST_LAYERS = 64
INDEX = Field(checks.integer(0, MOST_LAYERS), required=True)
LAYER = Field(record, required=True)
SEEN = {"edits": Field(checks.integer(0, HIGHEST_ID))}
"""What means something in one network alone names the `edits` of the state that the page has seen."""
PLACED = {**SEEN, "joined": Field(checks.flag)}
"""Of edits at a place; `joined`: this one and the one before are to be undone together."""
NAME = text(200)
NOTHING: dict[str, Field] = {}
EVALUATIONS = ("decision_map", "confusion", "predicted_vs_true", "worst", "draw")
EXPORTS = ("script", "model", "csv", "svg", "link")

TYPES: dict[str, dict[str, Field]] = {
    "hello": {"nonce": Field(text(200), required=True), "proof": Field(text(200), required=True)},
    "schema": NOTHING,
    "state": NOTHING,
    "set_data": {
        "name": Field(NAME),
        "options": Field(record, {}),
        "csv": Field(text(MOST_CSV)),
    },
    "preview": {"x": Field(checks.integer(0, 10**6), 0), "y": Field(checks.integer(0, 10**6), 1)},
    "set_layers": {"layers": Field(several(record, MOST_LAYERS), required=True)},
    "insert": {"index": INDEX, "layer": LAYER, **PLACED},
    "remove": {"index": INDEX, **PLACED},
    "move": {"from": INDEX, "to": INDEX, **PLACED},
    "update_layer": {"index": INDEX, "layer": LAYER, **PLACED},
    "set_optimizer": {"optimizer": Field(record, required=True)},
    "set_training": {
        "batch_size": Field(checks.integer(1, checks.COUNT)),
        "loss": Field(checks.optional(record)),
        "metrics": Field(several(NAME, 4)),
        "validation_split": Field(checks.real(0, 0.9)),
        "class_weight": Field(checks.optional(one_of("balanced"))),
        "seed": Field(checks.integer(0, HIGHEST_ID)),
        "split_seed": Field(checks.integer(0, HIGHEST_ID)),
    },
    "train": {
        "epochs": Field(checks.optional(checks.integer(1, 10**6)), None),
        "epochs_per_second": Field(checks.optional(checks.real(0, 10**6, above=True)), None),
    },
    "pause": NOTHING,
    "step_batch": NOTHING,
    "step_epoch": NOTHING,
    "reset": NOTHING,
    "new_seed": NOTHING,
    "undo": SEEN,
    "redo": SEEN,
    "explain": {"rows": Field(checks.optional(several(checks.integer(0, 10**9), 4096)), None)},
    "evaluate": {
        "kind": Field(one_of(*EVALUATIONS), required=True),
        "part": Field(one_of("train", "held_out", "all"), "all"),
        "resolution": Field(checks.integer(2, 128), 48),
        "pixels": Field(checks.optional(several(checks.real(), 4096)), None),
    },
    "doctor": NOTHING,
    "apply_fix": {"finding": Field(NAME, required=True)},
    "weights": {"layer": Field(NAME, required=True)},
    "export": {"kind": Field(one_of(*EXPORTS), required=True)},
    "open_link": {"spec": Field(text(MOST_CHARACTERS), required=True)},
    "open_preset": {"name": Field(NAME, required=True)},
}
"""Fields by type of message. A type that is not here is refused, as is a field."""


def read(message: str) -> Request:
    """Return what a message says.

    Raises
    ------
    Refusal
        If it is too long, no JSON, of no known type, or a field is unknown, missing or wrong.

    Examples
    --------
    >>> read('{"id": 1, "type": "move", "from": 2, "to": 0}')
    Request(id=1, type='move', fields={'from': 2, 'to': 0})
    >>> read('{"id": 1, "type": "mvoe"}')
    Traceback (most recent call last):
        ...
    nncore.builder.messages.Refusal: unknown message 'mvoe'; did you mean 'move'? Known: ...
    """
    content = read_json(message)
    number = content.pop("id", None)
    if number is not None:
        located("id", checks.integer(0, HIGHEST_ID), "id", number)
    try:
        kind = content.pop("type", None)
        fields = located("type", lookup, "message", kind, TYPES)
        if kind != "set_data" and len(message) > MOST_CHARACTERS:
            raise Refusal(f"a message of type {kind} has at most {MOST_CHARACTERS:,} characters, got {len(message):,}")
        return Request(number, str(kind), _fields(str(kind), fields, content))
    except Refusal as refusal:
        refusal.id = number
        raise


def located(where: str, function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns; a TypeError or ValueError becomes a `Refusal` at `where`.

    Examples
    --------
    >>> located("optimizer.rho", checks.real(0, 1), "rho", 2)
    Traceback (most recent call last):
        ...
    nncore.builder.messages.Refusal: rho must be a finite number >= 0 and <= 1, got 2.0
    """
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), where) from None


def read_json(message: str) -> dict[str, Any]:
    """Return a JSON object; one that is nested deeper than any set-up is refused."""
    try:
        content = json.loads(message, parse_constant=_refuse_constant)
    except RecursionError:
        raise Refusal("the message is nested too deep") from None
    except ValueError as error:
        raise Refusal(f"the message is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refusal(f"a message is a JSON object, got {checks.described(content)}")
    if _depth(content) > MOST_DEPTH:
        raise Refusal(f"the message is nested too deep; {MOST_DEPTH} levels are allowed")
    return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _depth(value: Any) -> int:
    """Return how many lists and objects lie within each other, counting no further than is allowed."""
    level, depth = [value], 0
    while depth <= MOST_DEPTH:
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return depth
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
        depth += 1
    return depth


def _fields(kind: str, known: Mapping[str, Field], given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        located(name[:80], lookup, f"field of {kind}", name, known)
    found, place = {}, "training." if kind == "set_training" else ""  # where pages have the control
    for name, field in known.items():
        if name in given:
            found[name] = located(f"{place}{name}", field.rule, name, given[name])
        elif field.required:
            raise Refusal(f"a message of type {kind} needs the field {name!r}", name)
        elif field.default is not LEFT_OUT:
            found[name] = field.default
    return found


def encode(content: Mapping[str, Any]) -> str:
    """Return an answer as JSON text; numbers that JSON does not know, NaN and the infinite ones, become null.

    Examples
    --------
    >>> encode({"loss": float("nan"), "epoch": 3})
    '{"loss":null,"epoch":3}'
    """
    try:
        return json.dumps(content, allow_nan=False, separators=(",", ":"))
    except ValueError:  # rare, and looking at every number each time would cost more
        return json.dumps(_finite(content), allow_nan=False, separators=(",", ":"))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
