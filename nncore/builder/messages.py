"""All messages of a page in one table: who carries each out, its fields, and when its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from nncore.base import checks
from nncore.base.checks import Rule
from nncore.base.names import lookup
from nncore.builder import doctoring, edits, explaining, setup, views
from nncore.builder.export import EXPORTS, export
from nncore.builder.refusal import Refusal, located
from nncore.builder.rules import (
    HIGHEST_ID,
    MOST_BYTES,
    MOST_CHARACTERS,
    MOST_CSV,
    MOST_LAYERS,
    NAME,
    one_of,
    readings,
    record,
    several,
    text,
)
from nncore.builder.schema import schema
from nncore.builder.session import Session
from nncore.builder.wire import read_json

LEFT_OUT: Any = object()
"""The default of a field that `Request.fields` lacks where the message does."""


@dataclass(frozen=True)
class Field:
    """A field of a message: its rule, and what it is if it is left out."""

    rule: Rule
    default: Any = LEFT_OUT
    required: bool = False


@dataclass(frozen=True)
class Message:
    """A type of message.

    Attributes
    ----------
    handler : callable
        Carries it out: called with the session and the fields, it returns the result; of an edit, what pages are told.
    fields : dict of str to Field
    edit : str
        What undo calls it; empty for what is no edit.
    dragged : bool
        Whether a slider sends many of them, of which those of the same fields that follow fast are one edit.
    at_once : bool
        Whether it leaves a training alone or steers it, and can be answered while an epoch runs.
    hurried : bool
        Whether an epoch that takes long is given up for it. It is for every edit: most would begin it anew in any case.
    place : str
        Where pages have the controls of its fields.
    most : int
        Characters at most.
    """

    handler: Callable[..., Any]
    fields: Mapping[str, Field]
    edit: str = ""
    dragged: bool = False
    at_once: bool = False
    hurried: bool = False
    place: str = ""
    most: int = MOST_CHARACTERS

    @property
    def in_a_hurry(self) -> bool:
        """Whether a long epoch is given up for it."""
        return self.hurried or bool(self.edit)


@dataclass(frozen=True)
class Request:
    """A message that has passed all rules; fields that were left out have their defaults."""

    id: int | None
    type: str
    fields: Mapping[str, Any]


# ---- the table

NOTHING: dict[str, Field] = {}
INDEX = Field(checks.integer(0, MOST_LAYERS), required=True)
LAYER = Field(record, required=True)
SEEN = {"edits": Field(checks.integer(0, HIGHEST_ID))}
"""What means something in one network alone names the `edits` of the state that the page has seen."""


def _said_already(session: Session, **fields: Any) -> NoReturn:
    raise Refusal("hello comes first, and once")


MOST_STEPS = 2
IN_STEPS = ("insert", "remove", "move", "update_layer")


def _steps(argument: str, value: Any) -> list[Callable[[Session], Any]]:
    """Rule: edits of the network, each as a message of its own would be, without an id."""
    steps = several(record, MOST_STEPS)(argument, value)
    if not steps:
        raise ValueError(f"{argument} must name at least one edit")
    return [_step(argument, dict(step)) for step in steps]


def _step(argument: str, content: dict[str, Any]) -> Callable[[Session], Any]:
    kind = one_of(*IN_STEPS)(f"type of {argument}", content.pop("type", None))
    fields = _arguments(_fields(kind, TYPES[kind], content))
    fields.pop("edits", None)
    return partial(_handled, TYPES[kind], fields)


def _handled(message: Message, fields: Mapping[str, Any], session: Session) -> Any:
    return message.handler(session, **fields)


TYPES: dict[str, Message] = {
    # first of all; `nncore.builder.pages` listens for it
    "hello": Message(
        _said_already, {"nonce": Field(text(200), required=True), "proof": Field(text(200), required=True)}
    ),
    # what there is
    "schema": Message(lambda session: schema(session.path), NOTHING, at_once=True),
    "state": Message(Session.state, NOTHING, at_once=True),
    "curves": Message(Session.curves, {"since": Field(checks.integer(0, HIGHEST_ID), 0)}, at_once=True),
    "preview": Message(
        lambda session, x, y: views.preview(session.run.prepared, x, y),
        {"x": Field(checks.integer(0, 10**6), 0), "y": Field(checks.integer(0, 10**6), 1)},
        at_once=True,
    ),
    "explain": Message(
        lambda session, rows: explaining.explain(session.run, rows),
        {"rows": Field(checks.optional(several(checks.integer(0, 10**9), 4096)), None)},
        at_once=True,
    ),
    "evaluate": Message(
        lambda session, **fields: views.evaluate(session.run, **fields),
        {
            "kind": Field(one_of(*views.EVALUATIONS), required=True),
            "part": Field(one_of("train", "held_out", "all"), "all"),
            "resolution": Field(checks.integer(2, 128), 48),
            "pixels": Field(checks.optional(several(checks.real(), 4096)), None),
        },
        at_once=True,
    ),
    "doctor": Message(lambda session: doctoring.findings(session.run), NOTHING, at_once=True),
    "export": Message(
        lambda session, kind: export(session.run, kind, session.path),
        {"kind": Field(one_of(*EXPORTS), required=True)},
    ),
    # edits
    "set_data": Message(
        edits.set_data,
        {"name": Field(NAME), "options": Field(record, {}), "csv": Field(text(MOST_CSV))},
        edit="a change of the data",
        most=MOST_BYTES,
    ),
    "change_data": Message(
        edits.change_data,
        {"name": Field(NAME, required=True), "changes": Field(record, {}), "readings": Field(readings, {})},
        edit="a change of how the data are read",
    ),
    "insert": Message(edits.insert, {"index": INDEX, "layer": LAYER, **SEEN}, edit="a layer put in"),
    "remove": Message(edits.remove, {"index": INDEX, **SEEN}, edit="a layer taken out"),
    "move": Message(edits.move, {"from": INDEX, "to": INDEX, **SEEN}, edit="a layer moved"),
    "update_layer": Message(edits.update_layer, {"index": INDEX, "layer": LAYER, **SEEN}, edit="a layer changed"),
    "together": Message(edits.together, {"steps": Field(_steps, required=True), **SEEN}, edit="several edits in one"),
    "set_optimizer": Message(
        edits.set_optimizer,
        {"optimizer": Field(record, required=True)},
        edit="another optimizer",
        dragged=True,
    ),
    "change_optimizer": Message(
        edits.change_optimizer,
        {"changes": Field(record, required=True)},
        edit="a change of the optimizer or its rate",
        dragged=True,
    ),
    "set_training": Message(
        edits.set_training,
        {name: Field(rule) for name, rule in setup.TRAINING.items()},
        edit="a change of how it is trained",
        place="training.",
    ),
    "reset": Message(edits.reset, NOTHING, edit="the reset"),
    "new_seed": Message(edits.new_seed, NOTHING, edit="other first weights"),
    "open_link": Message(
        edits.open_link,
        {"spec": Field(text(MOST_CHARACTERS), required=True), "csv": Field(text(MOST_CSV))},
        edit="the opening of a link",
        most=MOST_BYTES,
    ),
    "open_preset": Message(
        edits.open_preset, {"name": Field(NAME, required=True)}, edit="the opening of a starting point"
    ),
    "apply_fix": Message(edits.apply_fix, {"finding": Field(NAME, required=True)}, edit="the doctor's fix"),
    "undo": Message(Session.undo, SEEN, hurried=True),
    "redo": Message(Session.redo, SEEN, hurried=True),
    # training
    "train": Message(
        Session.train,
        {
            "epochs": Field(checks.optional(checks.integer(1, 10**6)), None),
            "epochs_per_second": Field(checks.optional(checks.real(0, 10**6, above=True)), None),
        },
        at_once=True,
    ),
    "pause": Message(Session.pause, NOTHING, at_once=True),
    "step_batch": Message(Session.step_batch, NOTHING),
    "step_epoch": Message(Session.step_epoch, NOTHING, at_once=True),
}
"""By type. A type that is not here is refused, as is a field."""


def carry_out(session: Session, request: Request) -> Any:
    """Do what a page asks for and return the result; what a `Refusal` refuses changes nothing."""
    message, fields = TYPES[request.type], _arguments(request.fields)
    if not message.edit:
        return message.handler(session, **fields)
    seen = fields.pop("edits", None)
    change = partial(message.handler, session, **fields)
    return session.edit(message.edit, change, seen=seen, dragged=_dragged(message, fields))


def _dragged(message: Message, fields: Mapping[str, Any]) -> str:
    """Return what a slider drags, which differs for other fields; "" for what none does."""
    return str({name: sorted(value) for name, value in fields.items()}) if message.dragged else ""


def _arguments(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as arguments of their handler: none can be called "from" in Python."""
    return {"start" if name == "from" else name: value for name, value in fields.items()}


# ---- reading


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
    nncore.builder.refusal.Refusal: unknown message 'mvoe'; did you mean 'move'? Known: ...
    """
    content = read_json(message)
    number = content.pop("id", None)
    if number is not None:
        located("id", checks.integer(0, HIGHEST_ID), "id", number)
    try:
        kind = content.pop("type", None)
        known = located("type", lookup, "message", kind, TYPES)
        if len(message) > known.most:
            raise Refusal(f"a message of type {kind} has at most {known.most:,} characters, got {len(message):,}")
        return Request(number, str(kind), _fields(str(kind), known, content))
    except Refusal as refusal:
        refusal.id = number
        raise


def _fields(kind: str, known: Message, given: Mapping[str, Any]) -> dict[str, Any]:
    for name in given:
        located(name[:80], lookup, f"field of {kind}", name, known.fields)
    found = {}
    for name, field in known.fields.items():
        if name in given:
            found[name] = located(f"{known.place}{name}", field.rule, name, given[name])
        elif field.required:
            raise Refusal(f"a message of type {kind} needs the field {name!r}", name)
        elif field.default is not LEFT_OUT:
            found[name] = field.default
    return found
