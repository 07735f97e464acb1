"""Which weights have an `l1` or `l2`, and which biases; the sums are those of `nncore.engine.penalties`."""

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
    return any(row.l1 or row.l2 or row.bias_l1 or row.bias_l2 for row in program.rows)


def l2_factors(program: Program) -> Array:
    """Return the factor `l2` of every parameter that is trained, shape (n_parameters,).

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> l2_factors(lower([Dense(2, l2=0.1), Dense(1)], 1, "mse"))
    array([0.1, 0.1, 0. , 0. , 0. , 0. , 0. ])
    """
    l2 = np.zeros(program.n_parameters)
    for row in program.rows:
        if row.l2 and not row.frozen:
            l2[row.weight : row.weight + row.n_weight] = row.l2
        if row.bias_l2 and not row.frozen:
            l2[row.bias : row.bias + row.n_out] = row.bias_l2
    return l2
