"""Which rows layers read, and which ones say what those give that have no rows of their own."""

from __future__ import annotations

from collections.abc import Sequence

from nncore.layers import Layer, branches
from nncore.program.naming import count_layers
from nncore.program.row import Row


def place_of(layers: Sequence[Layer], rows: Sequence[Row], number: int) -> int:
    """Return the row that writes what a layer gives: its own, or that of the layer before it where it has none.

    -1 is the batch.

    Examples
    --------
    >>> from nncore.layers import Activation, Dense, Dropout, Parallel
    >>> from nncore.program import lower
    >>> layers = [Parallel([[Dense(3), Activation("relu")], [Dropout(0.0)]]), Dense(1)]
    >>> [place_of(layers, lower(layers, 2, "mse").rows, number) for number in range(5)]
    [1, 0, 0, -1, 2]
    """
    own = [place for place, row in enumerate(rows) if row.layer == number]
    if own:
        return own[-1]
    before, around = _before(layers, number, 0)
    if before is not None:
        return place_of(layers, rows, before)
    return -1 if around is None else input_of(rows, around)


def input_of(rows: Sequence[Row], number: int) -> int:
    """Return the row that a layer reads, such as a `Residual`: what the first row in it reads; -1 is the batch."""
    return next(row.source for row in rows if row.layer >= number)


def _before(layers: Sequence[Layer], number: int, first: int) -> tuple[int | None, int | None]:
    """Return the layer before another one in the same list, whose own number is `first`, and the one around them."""
    before: int | None = None
    for layer in layers:
        if first == number:
            return before, None
        end = first + 1
        for inner in branches(layer):
            start, end = end, end + count_layers(inner)
            if start <= number < end:
                sibling, around = _before(inner, number, start)
                return sibling, first if around is None else around
        before, first = first, end
    raise ValueError(f"there is no layer {number}")
