"""Programs in which every activation has a row of its own: what explains a step, or says where one diverged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nncore.layers import Activation, Dense, Layer, as_activation
from nncore.program.lowering import Program
from nncore.program.naming import in_depth
from nncore.program.row import Row


def unfused(program: Program, layers: Iterable[Layer]) -> Program:
    """Return the same program with a row of its own for every activation, numbered as the layer that asked for it.

    Examples
    --------
    >>> from nncore.layers import Activation, Dense
    >>> from nncore.program import lower
    >>> layers = [Dense(3), Activation("relu"), Dense(1)]
    >>> [(row.op, row.layer) for row in unfused(lower(layers, 2, "mse"), layers).rows]
    [('dense', 0), ('activation', 1), ('dense', 2)]
    """
    numbered = [layer for _, layer in in_depth(layers)]
    rows: list[Row] = []
    place = {-1: -1, -2: -2}  # of each row's output among the new rows
    for number, row in enumerate(program.rows):
        moved = replace(row, source=place[row.source], skip=place[row.skip])
        if row.op == "dense" and row.activation != "identity":
            rows.append(replace(moved, activation="identity", parameter=0.0, activity_l1=0.0, activity_l2=0.0))
            source, owner = len(rows) - 1, owner_of_activation(numbered, row.layer, row.activation)
            moved = Row("activation", owner, row.n_out, row.n_out, row.activation, row.parameter, source=source)
            moved = replace(
                moved, activity_l1=row.activity_l1, activity_l2=row.activity_l2
            )  # they are of what it writes
        rows.append(moved)
        place[number] = len(rows) - 1
    return replace(program, rows=tuple(rows))


def owner_of_activation(numbered: Sequence[Layer], number: int, activation: str) -> int:
    """Return which layer asked for the activation behind layer `number`: itself, or an `Activation` further on."""
    own = numbered[number]
    if isinstance(own, Dense) and as_activation(own.activation).name == activation:
        return number
    later = range(number + 1, len(numbered))
    return next(i for i in later if _asks_for(numbered[i], activation))


def _asks_for(layer: Layer, activation: str) -> bool:
    return isinstance(layer, Activation) and layer.name == activation
