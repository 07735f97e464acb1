"""A whole set-up as a text that fits into an address: a teacher writes one, a pupil opens it."""

from __future__ import annotations

import base64
import binascii
import json

from nncore.builder import setup
from nncore.builder.refusal import Refusal
from nncore.builder.setup import Setup
from nncore.builder.wire import read_json


def write(wanted: Setup) -> str:
    """Return the set-up as URL-safe base64 of its JSON; a table that was sent by a page is only named in it."""
    content = json.dumps(wanted.to_dict(), separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def read(text: str) -> Setup:
    """Return the set-up that `write` described; everything in it is checked as if it came from the page.

    Raises
    ------
    Refusal
        If it is damaged, or something in it is unknown or out of range.

    Examples
    --------
    >>> read("no link")
    Traceback (most recent call last):
        ...
    nncore.builder.refusal.Refusal: the link is damaged: it holds no set-up
    """
    try:
        content = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode()
        found = read_json(content)
    except (UnicodeError, binascii.Error, ValueError, Refusal):
        raise Refusal("the link is damaged: it holds no set-up", "spec") from None
    return setup.from_dict(found)
