"""Layers that say which columns are read, and how: chosen ones, and those that hold the numbers of categories.

`nncore.layers` exports them beside all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nncore.base import checks

__all__ = ["Columns"]

MOST_COLUMNS = 2**31 - 1  # the engine counts rows and columns in 32 bits


@dataclass(frozen=True)
class Columns:
    """Some columns of what it reads, in this order: ``y = x[:, columns]``.

    Parameters
    ----------
    columns : iterable of int
        Their numbers, from 0; at least one. A number may be there more than once.

    Raises
    ------
    TypeError, ValueError
        If `columns` holds something else than numbers >= 0, or nothing. A number beyond the last column is an error as
        soon as the number of columns is known.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Columns, Dense, Sequential
    >>> model = Sequential([Columns([2, 0]), Dense(1, weight_initializer="ones")])
    >>> model.build(3)
    >>> model.activations([[1.0, 2.0, 3.0]], 0)
    array([[3., 1.]], dtype=float32)
    """

    columns: tuple[int, ...]

    def __post_init__(self) -> None:
        checks.check(self, columns=_columns)

    def __repr__(self) -> str:
        return f"Columns({list(self.columns)})"


def _columns(argument: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{argument} must be a list of numbers of columns, got {checks.described(value)}")
    number = checks.integer(0, MOST_COLUMNS - 1)
    found = tuple(number(f"{argument}[{i}]", one) for i, one in enumerate(value))
    if not found:
        raise ValueError(f"{argument} must hold at least one number of a column, got none")
    return found
