"""Lanes: which small networks can share the vectors of one core, a network in each lane, and when that pays.

``train_together`` of a compiled module does it, and leaves each network in the bits of its own training.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace

from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.program.rows import Row

OPS = ("dense", "activation", "dropout", "add")
"""What lanes compute: no norms."""

LEAST_SHARE, SHARE_AT_1000, SHARE_OF_TENFOLD = 0.6, 0.78, 0.4  # see `share`


def shape(program: Program, optimizer: Optimizer) -> Hashable | None:
    """Return what networks must have in common to be trained in lanes together; None for one that cannot be.

    Batch size and number of rows come to it. What may differ is left out: penalties, decay, the rate of a dropout.

    Examples
    --------
    >>> from nncore import SGD, Adam, Dense
    >>> from nncore.program import lower
    >>> one, other = (lower([Dense(4, "relu", l2=l2), Dense(1)], 2, "mse") for l2 in (0.0, 0.1))
    >>> shape(one, Adam(0.01)) == shape(other, Adam(0.02)), shape(one, Adam()) == shape(one, SGD())
    (True, False)
    >>> shape(one, Adam(clip_norm=1.0)) is None
    True
    """
    if program.precision is not None or optimizer.clip_norm is not None:
        return None
    if not all(row.op in OPS and row.max_norm is None for row in program.rows):
        return None
    rows = tuple(map(_common, program.rows))
    return program.n_features, rows, program.loss, program.loss_parameter, program.link, optimizer.rule


def _common(row: Row) -> Row:
    parameter = 0.0 if row.op == "dropout" else row.parameter
    return replace(row, layer=0, l1=0.0, l2=0.0, weight_decay=None, parameter=parameter)


def share(program: Program) -> float:
    """Return about how much of its own engine's time a step of a network takes where all lanes are taken.

    Measured with float32, batches of 16 to 64 rows and vectors of 256 and 512 bits on AMD Zen 4: 0.54 to 0.65 up to 150
    parameters, 0.62 to 0.67 at 400, 0.76 at 1,000, 1 at 5,000, where its own engine fills its vectors as well.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.program import lower
    >>> small, large = (lower([Dense(units, "relu"), Dense(1)], 8, "mse") for units in (8, 1000))
    >>> share(small), share(large) > 1
    (0.6, True)
    """
    return max(LEAST_SHARE, SHARE_AT_1000 + SHARE_OF_TENFOLD * (math.log10(program.n_parameters) - 3))


def pays(program: Program, n_networks: int, n_lanes: int) -> bool:
    """Return whether so many networks, at most one for each lane, are trained sooner in lanes than one after the other.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.program import lower
    >>> small = lower([Dense(8, "relu"), Dense(1)], 8, "mse")
    >>> pays(small, 16, 16), pays(small, 9, 16)
    (True, False)
    """
    return n_networks > n_lanes * share(program)
