"""The one JSON form of all dataclasses of the spec language, which round-trips."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from nncore.base.checks import described
from nncore.base.names import lookup

OPTIONAL = {"optional": True}
"""Metadata of fields that are not written where they are as by default: versions without them read all others."""


def is_optional(field: dataclasses.Field[Any]) -> bool:
    """Return whether a field is `OPTIONAL`."""
    return bool(field.metadata.get("optional"))


def is_told(field: dataclasses.Field[Any], value: Any) -> bool:
    """Return whether a field is written where it has this value."""
    return value is not None and not (is_optional(field) and value == field.default)


def to_dict(spec: Any) -> dict[str, Any]:
    """Return a spec dataclass as a JSON-safe dict: its class under ``"type"``, then its fields.

    Fields that are None are left out, and so are those that are optional and as by default; fields that are specs
    themselves, or tuples of them, become dicts in turn.

    Examples
    --------
    >>> from nncore.losses import Huber
    >>> to_dict(Huber(delta=2))
    {'type': 'Huber', 'delta': 2.0}
    """
    result: dict[str, Any] = {"type": type(spec).__name__}
    for field in dataclasses.fields(spec):
        value = getattr(spec, field.name)
        if is_told(field, value):
            result[field.name] = _plain(value)
    return result


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return to_dict(value) if dataclasses.is_dataclass(value) else value


def from_dict(kind: str, data: Any, types: Mapping[str, type], parts: Mapping[str, type] | None = None) -> Any:
    """Rebuild what `to_dict` described.

    Parameters
    ----------
    kind : str
        What is being read, for messages: ``"layer"``, ``"loss"``...
    data : dict
        As `to_dict` makes it. A field left out takes its default.
    types : mapping of str to class
        The classes allowed at the top.
    parts : mapping of str to class, optional
        The classes allowed inside fields.

    Raises
    ------
    TypeError
        If `data` is no dict, or a field has the wrong type.
    ValueError
        If the type is unknown, a key is unknown, a required key is missing, or a value is out of range.

    Examples
    --------
    >>> from nncore.losses import Huber
    >>> from_dict("loss", {"type": "Huber", "delat": 2.0}, {"Huber": Huber})
    Traceback (most recent call last):
        ...
    ValueError: unknown key of Huber 'delat'; did you mean 'delta'? Known: delta, mask_missing, \
output_weights
    """
    if not isinstance(data, Mapping):
        raise TypeError(f"{kind} must be described by a dict, got {described(data)}")
    if "type" not in data:
        raise ValueError(f"{kind} has no key 'type'; expected one of {', '.join(sorted(types))}")
    cls = lookup(f"{kind} type", data["type"], types)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    arguments = {}
    for key, value in data.items():
        if key != "type":
            lookup(f"key of {cls.__name__}", key, fields)
            arguments[key] = _rebuilt(key, value, parts or {})
    for name, field in fields.items():
        if name not in arguments and field.default is dataclasses.MISSING:
            raise ValueError(f"{kind} of type {cls.__name__} has no key {name!r}")
    return cls(**arguments)


def _rebuilt(key: str, value: Any, parts: Mapping[str, type]) -> Any:
    if isinstance(value, list):
        return [_rebuilt(f"{key}[{i}]", item, parts) for i, item in enumerate(value)]
    return from_dict(key, value, parts, parts) if isinstance(value, Mapping) else value
