"""What the parameters of a network begin with."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nncore.arrays.inputs import all_finite
from nncore.base.typing import Array
from nncore.initializers import initialize
from nncore.program import Program
from nncore.program.normalization import layer_of, normalizations


def initial_parameters(program: Program, seed: int, dtype: np.dtype, streams: Mapping[int, int] | None = None) -> Array:
    """Draw the first value of every parameter, as one flat vector.

    Parameters
    ----------
    program : Program
    seed : int
        0 to 2**64 - 1.
    dtype : dtype
    streams : mapping of int to int, optional
        Number of a layer -> number of the stream that it draws from, where that is another.

    Raises
    ------
    ValueError
        If one is too large for `dtype`.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> initial_parameters(lower([Dense(2, weight_initializer="ones")], 1, "mse"), 0, np.dtype("float32"))
    array([1., 1., 0., 0.], dtype=float32)
    """
    flat, streams = np.empty(program.n_parameters, dtype), streams or {}
    with np.errstate(over="ignore"):
        for block in program.parameters:
            stream = streams.get(block.layer, block.layer)
            values = initialize(block.initializer, block.activation, block.shape, seed, stream)
            flat[block.offset : block.offset + block.size] = values.ravel()
    if not all_finite(flat):
        block = next(block for block in program.parameters if not all_finite(block.of(flat)))
        raise ValueError(f"the first values of {block.name} are too large for {dtype}: {block.initializer}")
    return flat


def initial_statistics(program: Program, dtype: np.dtype) -> Array:
    """Return what means and variances begin with, as one flat vector; the variances of a `Normalization` with 0.

    Raises
    ------
    ValueError
        If one that a layer was given is too large or too small for `dtype`.

    Examples
    --------
    >>> from nncore.layers import BatchNorm, Dense, Normalization
    >>> from nncore.program import lower
    >>> layers = [Normalization(mean=[5.0, 6.0], variance=9.0), Dense(1), BatchNorm()]
    >>> initial_statistics(lower(layers, 2, "mse"), np.dtype("float64"))
    array([5., 6., 9., 9., 0., 1.])
    """
    flat = np.empty(program.n_statistics, dtype)
    with np.errstate(over="ignore", under="ignore"):
        for block in program.statistics:
            block.of(flat)[:] = float(block.initializer == "ones") if block.given is None else block.given
    for _, (mean, variance) in normalizations(program):
        lost = variance.given is not None and (variance.of(flat) < np.finfo(dtype).tiny).any()
        if lost or not (all_finite(mean.of(flat)) and all_finite(variance.of(flat))):
            raise ValueError(f"mean or variance of layer {layer_of(mean)!r} is too large or too small for {dtype}")
    return flat
