"""What goes over the wire: JSON, in both directions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from nncore.base import checks, strict_json
from nncore.base.plain import plain
from nncore.builder.refusal import Refusal
from nncore.builder.rules import MOST_NESTED

MOST_DEPTH = 4 + 2 * MOST_NESTED
"""Lists and objects within each other: as deep as residual groups make those of a link."""

Publish = Callable[[str, str], None]
"""Called with the kind of what all pages are to be told, state, frame or notice, and its text; returns at once."""


def read_json(message: str) -> dict[str, Any]:
    """Return a JSON object; one that is nested deeper than any set-up is refused."""
    try:
        content = strict_json.loads(message)
    except RecursionError:
        raise Refusal("the message is nested too deep") from None
    except ValueError as error:
        raise Refusal(f"the message is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise Refusal(f"a message is a JSON object, got {checks.described(content)}")
    if _depth(content) > MOST_DEPTH:
        raise Refusal(f"the message is nested too deep; {MOST_DEPTH} levels are allowed")
    return content


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
        return json.dumps(plain(content), allow_nan=False, separators=(",", ":"))


def notify(publish: Publish, text: str) -> None:
    """Send a notice to all pages."""
    publish("notice", encode({"type": "notice", "text": text}))
