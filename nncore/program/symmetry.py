"""Layers whose units are all alike, which no training can tell apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from nncore.base.typing import Array
from nncore.program.lowering import Program
from nncore.program.rows import ParameterBlock


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
    dense = [row for row in program.rows if row.op == "dense"]
    found = []
    for row, following in itertools.pairwise(dense):
        bias = _values(blocks[row.bias], parameters)[None] if row.bias >= 0 else np.zeros((1, row.n_out))
        into = _values(blocks[row.weight], parameters)
        out = _values(blocks[following.weight], parameters)
        if row.n_out > 1 and _columns_alike(bias) and _columns_alike(into) and _columns_alike(out.T):
            found.append(names[row.layer])
    return tuple(found)


def _values(block: ParameterBlock, parameters: Array) -> Array:
    return parameters[block.offset : block.offset + block.size].reshape(block.shape)


def _columns_alike(matrix: Array) -> bool:
    # The first row first: it nearly always says no.
    return bool((matrix[0] == matrix[0, 0]).all() and (matrix == matrix[:, :1]).all())
