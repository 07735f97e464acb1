"""Numbers of float32 rounded to bfloat16, which is the upper half of one: 8 bits of exponent, 7 of fraction."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from nncore.base.typing import Array


def round_to_bfloat16(x: ArrayLike) -> Array:
    """Return values rounded to bfloat16: to nearest, ties to even, as VCVTNEPS2BF16 does.

    A subnormal float32 becomes a zero of its sign. A NaN stays one, with its sign and its upper bits, and is quiet.
    What lies half a step or more beyond the largest bfloat16, 3.39e38, becomes infinite.

    Parameters
    ----------
    x : array-like
        Of any shape. What is not float32 is converted to it first, as a model converts its inputs.

    Returns
    -------
    ndarray of float32
        Of the same shape; the lower 16 bits of each value are 0. The upper ones are the bfloat16.

    Raises
    ------
    ValueError
        If `x` holds no real numbers.

    Examples
    --------
    >>> round_to_bfloat16([1.003, 1.00390625, 1.01171875, 1e-39])  # steps beyond 1 are 1 / 128 = 0.0078125
    array([1.      , 1.      , 1.015625, 0.      ], dtype=float32)
    """
    values = np.asarray(x)
    if values.dtype.kind not in "biuf":
        raise ValueError(f"x must hold real numbers, got dtype {values.dtype}")
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite there
        values = np.asarray(values, np.float32)
    bits = values.view(np.uint32)
    sign, magnitude = bits & 0x80000000, bits & 0x7FFFFFFF
    rounded = magnitude + 0x7FFF + (magnitude >> 16 & 1)  # carries where it goes up: on a tie, if the last bit is 1
    rounded = np.where(magnitude < 0x00800000, 0, rounded)
    rounded = np.where(magnitude > 0x7F800000, magnitude | 0x00400000, rounded)
    return (sign | rounded & 0xFFFF0000).view(np.float32)
