"""What `l1`, `l2`, `bias_l1` and `bias_l2` of `Dense` layers add to the loss that training minimises."""

from __future__ import annotations

from nncore._engine.runtime import absolute_and_square_sums
from nncore.base.typing import Array
from nncore.program import Program


def penalty(program: Program, parameters: Array) -> float:
    """Return ``l1 * sum(abs(w)) + l2 * sum(w**2)``, computed in float64 and summed over the weights of dense rows.

    With ``bias_l1`` and ``bias_l2``, the same of their biases.

    A sum is the same in bits on every processor, as BLAS' dot product is not: training may stop by it.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)

    Examples
    --------
    >>> import numpy as np
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> penalty(lower([Dense(1, l1=1, l2=0.5)], 2, "mse"), np.array([3.0, -4.0, 9.0]))
    19.5
    """
    total = 0.0
    for row in program.rows:
        if row.l1 or row.l2:
            absolute, squares = absolute_and_square_sums(parameters[row.weight : row.weight + row.n_weight])
            total += row.l1 * absolute + row.l2 * squares
        if row.bias_l1 or row.bias_l2:
            absolute, squares = absolute_and_square_sums(parameters[row.bias : row.bias + row.n_out])
            total += row.bias_l1 * absolute + row.bias_l2 * squares
    return total
