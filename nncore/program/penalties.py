"""What `l1` and `l2` of `Dense` layers add to the loss that training minimises."""

from __future__ import annotations

import numpy as np

from nncore.base.typing import Array
from nncore.program.lowering import Program


def penalises(program: Program) -> bool:
    """Return whether a dense row of the program has an l1 or l2.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> penalises(lower([Dense(2, l1=0.1), Dense(1)], 1, "mse")), penalises(lower([Dense(1)], 1, "mse"))
    (True, False)
    """
    return any(row.l1 or row.l2 for row in program.rows)


def penalty(program: Program, parameters: Array) -> float:
    """Return ``l1 * sum(abs(w)) + l2 * sum(w**2)``, computed in float64 and summed over the weights of dense rows.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> penalty(lower([Dense(1, l1=1, l2=0.5)], 2, "mse"), np.array([3.0, -4.0, 9.0]))
    19.5
    """
    total = 0.0
    for row in program.rows:
        if row.l1 or row.l2:
            w = parameters[row.weight : row.weight + row.n_in * row.n_out].astype(np.float64, copy=False)
            total += (row.l1 * float(np.abs(w).sum()) if row.l1 else 0.0) + row.l2 * float(w @ w)
    return total


def l2_factors(program: Program) -> Array:
    """Return the factor `l2` of every parameter, shape (n_parameters,).

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> l2_factors(lower([Dense(2, l2=0.1), Dense(1)], 1, "mse"))
    array([0.1, 0.1, 0. , 0. , 0. , 0. , 0. ])
    """
    l2 = np.zeros(program.n_parameters)
    for row in program.rows:
        if row.l2:
            l2[row.weight : row.weight + row.n_in * row.n_out] = row.l2
    return l2
