"""Layers whose units are all alike, which no training can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncore.base.typing import Array
from nncore.program.lowering import Program
from nncore.program.row import BATCH, ParameterBlock, Row


def symmetric_layers(program: Program, parameters: Array, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the hidden dense layers whose units are all alike: same weights in, same weights out.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)
    names : sequence of str
        Of the layers, by their numbers.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> program = lower([Dense(2, "tanh"), Dense(1)], 3, "mse")
    >>> symmetric_layers(program, np.zeros(program.n_parameters), ["dense_0", "dense_1"])
    ('dense_0',)
    """
    blocks = {block.offset: block for block in program.parameters}
    found = []
    for number, followers in sorted(_followers(program.rows).items()):
        row = program.rows[number]
        bias = _values(blocks[row.bias], parameters)[None] if row.bias >= 0 else np.zeros((1, row.n_out))
        into = _values(blocks[row.weight], parameters)
        out = [_values(blocks[following.weight], parameters).T for following in followers]
        if row.n_out > 1 and all(map(_columns_alike, (bias, into, *out))):
            found.append(names[row.layer])
    return tuple(found)


def _followers(rows: Sequence[Row]) -> dict[int, list[Row]]:
    """Return the dense rows that others follow, by their numbers, with those, as far as these read nothing else."""
    found: dict[int, list[Row]] = {}
    others = set()
    for row in rows:
        if row.op == "dense":
            found.setdefault(_dense_before(rows, row.source), []).append(row)
        elif row.op in ("columns", "concat"):
            others |= {_dense_before(rows, row.source), _dense_before(rows, row.skip)}
    return {number: followers for number, followers in found.items() if number not in {BATCH, *others}}


def _dense_before(rows: Sequence[Row], place: int) -> int:
    while place > BATCH and rows[place].op not in ("dense", "columns", "concat"):
        place = rows[place].source
    return place if place > BATCH and rows[place].op == "dense" else BATCH


def _values(block: ParameterBlock, parameters: Array) -> Array:
    return parameters[block.offset : block.offset + block.size].reshape(block.shape)


def _columns_alike(matrix: Array) -> bool:
    # The first row first: it nearly always says no.
    return bool((matrix[0] == matrix[0, 0]).all() and (matrix == matrix[:, :1]).all())
