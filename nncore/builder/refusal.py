"""A message that cannot be carried out: what its page is told, and where it shows that."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

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


def located(where: str, function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns; a TypeError or ValueError becomes a `Refusal` at `where`.

    Examples
    --------
    >>> from nncore.base import checks
    >>> located("optimizer.rho", checks.real(0, 1), "rho", 2)
    Traceback (most recent call last):
        ...
    nncore.builder.refusal.Refusal: rho must be a finite number >= 0 and <= 1, got 2.0
    """
    try:
        return function(*arguments)
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), where) from None
