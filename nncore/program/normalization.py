"""Which rows standardise columns of the batch, and whether they know by what."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nncore.base.typing import Array
from nncore.program.lowering import Program
from nncore.program.row import ParameterBlock, Row

Moments = tuple[ParameterBlock, ParameterBlock]


def is_normalization(row: Row) -> bool:
    """Tell whether a `Normalization` made this row: it is a batchnorm without an epsilon.

    Examples
    --------
    >>> from nncore.layers import BatchNorm, Dense, Normalization
    >>> from nncore.program import lower
    >>> [is_normalization(row) for row in lower([Normalization(), BatchNorm(), Dense(1)], 3, "mse").rows]
    [True, False, False]
    """
    return row.op == "batchnorm" and row.parameter == 0


def normalizations(program: Program) -> Iterator[tuple[int, Moments]]:
    """Yield the numbers of the rows that standardise, with the blocks of their means and of their variances."""
    blocks = {block.offset: block for block in program.statistics}
    for number, row in enumerate(program.rows):
        if is_normalization(row):
            yield number, (blocks[row.statistics], blocks[row.statistics + row.n_out])


def unadapted(program: Program, statistics: Array) -> tuple[str, ...]:
    """Return the names of the layers that are to standardise and do not know by what.

    Their variances are 0 until they do; what they learn is never, also of a column that is constant.

    Examples
    --------
    >>> from nncore.layers import Dense, Normalization
    >>> from nncore.program import lower
    >>> program = lower([Normalization(name="norm"), Dense(1)], 2, "mse")
    >>> unadapted(program, np.zeros(4)), unadapted(program, np.ones(4))
    (('norm',), ())
    """
    least = np.finfo(statistics.dtype).tiny
    blocks = [moments for _, moments in normalizations(program)]
    return tuple(layer_of(mean) for mean, variance in blocks if (variance.of(statistics) < least).any())


def layer_of(mean: ParameterBlock) -> str:
    """Return the name of the layer that a block of means belongs to."""
    return mean.name.removesuffix(".mean")


def filled(program: Program, mine: Array, theirs: Array) -> Array:
    """Return the statistics `mine`, and `theirs` of layers to which the former say nothing; a copy.

    Examples
    --------
    >>> from nncore.layers import Dense, Normalization
    >>> from nncore.program import lower
    >>> program = lower([Normalization(), Dense(1)], 1, "mse")
    >>> filled(program, np.array([0.0, 0.0]), np.array([2.0, 5.0])), filled(program, np.ones(2), np.zeros(2))
    (array([2., 5.]), array([1., 1.]))
    """
    flat: Array = mine.copy()
    missing = unadapted(program, mine)
    for _, blocks in normalizations(program):
        if layer_of(blocks[0]) in missing:
            for block in blocks:
                block.of(flat)[:] = block.of(theirs)
    return flat
