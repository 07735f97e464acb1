"""What parameters and statistics begin with, as flat vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nncore.initializers import initialize
from nncore.inputs import Array, all_finite
from nncore.program import ParameterBlock, Program


def initial_parameters(program: Program, seed: int, dtype: np.dtype) -> Array:
    """Draw the first value of every parameter, as one flat vector.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> initial_parameters(lower([Dense(2, weight_initializer="ones")], 1, "mse"), 0, np.dtype("float32"))
    array([1., 1., 0., 0.], dtype=float32)
    """
    return _initial(program.parameters, program.n_parameters, seed, dtype)


def initial_statistics(program: Program, dtype: np.dtype) -> Array:
    """Return what running means and variances begin with, as one flat vector.

    Examples
    --------
    >>> from nncore.layers import BatchNorm, Dense
    >>> from nncore.program import lower
    >>> initial_statistics(lower([Dense(2), BatchNorm()], 1, "mse"), np.dtype("float32"))
    array([0., 0., 1., 1.], dtype=float32)
    """
    return _initial(program.statistics, program.n_statistics, 0, dtype)


def _initial(blocks: Sequence[ParameterBlock], n: int, seed: int, dtype: np.dtype) -> Array:
    flat = np.empty(n, dtype)
    for block in blocks:
        values = initialize(block.initializer, block.activation, block.shape, seed, block.layer)
        part = flat[block.offset : block.offset + block.size]
        with np.errstate(over="ignore"):
            part[:] = values.ravel()
        if not all_finite(part):
            raise ValueError(f"the first values of {block.name} are too large for {dtype}: {block.initializer}")
    return flat
