"""Lanes: which small networks can share the vectors of one core, a network in each lane, and when that pays.

``train_together`` of a compiled module does it, and leaves each network in the bits of its own training.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from types import ModuleType

from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.program.row import Row

OPS = ("dense", "activation", "dropout", "add")
"""What lanes compute: no norms."""

LEAST_SHARE, SHARE_OF_TENFOLD, OF_FLOAT64 = 0.6, 0.25, 0.07  # see `share`
OF_DOUBLE_BATCH, USUAL_BATCH, LARGE_BATCH = 0.07, 32, 128
SHARE_AT_1000 = {"base": 1.0, "avx2": 1.05, "avx512vl": 0.93, "avx512": 0.93}


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
    if program.reading is not None or program.own_loss is not None or program.heads:
        return None
    if any(row.activity_l1 or row.activity_l2 for row in program.rows):
        return None
    if not all(row.op in OPS and row.max_norm is None for row in program.rows):
        return None
    if any(row.frozen or row.rate_factor != 1 or row.bias_l1 or row.bias_l2 for row in program.rows):
        return None
    rows = tuple(map(_common, program.rows))
    return program.n_features, rows, program.loss, program.loss_parameter, program.link, optimizer.rule


def _common(row: Row) -> Row:
    parameter = 0.0 if row.op == "dropout" else row.parameter
    return replace(row, layer=0, l1=0.0, l2=0.0, weight_decay=None, parameter=parameter)


def share(program: Program, batch_size: int, module: ModuleType) -> float:
    """Return about how much of its own engine's time a step of a network takes where all lanes are taken.

    Measured with batches of 32 rows on AMD Zen 4, at 30, 110, 400 and 630 parameters: 0.59, 0.71, 0.83 and 0.76 with
    float32 and ``avx512vl``; 0.58, 0.72, 0.97 and 0.85 with AVX2, whose registers hold fewer sums; 0.62, 0.78, 0.89 and
    0.88 with float64 and AVX-512. At 2,400 its own engine is as quick: it fills its vectors as well. A batch of one row
    takes 0.4 to 0.6 of that share, one of 128 up to 1.1. This is what most shapes stay below: none shall take longer.

    Parameters
    ----------
    program : Program
    batch_size : int
    module : module
        The compiled one that trains it.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.engine import module
    >>> from nncore.program import lower
    >>> small, large = (lower([Dense(units, "relu"), Dense(1)], 4, "mse") for units in (3, 1000))
    >>> base = module("base", "float32")
    >>> share(small, 32, base), share(large, 32, base) > 1, round(share(small, 1, base), 2)
    (0.6, True, 0.39)
    """
    isa = module.__name__.rpartition("_")[2]
    at_1000 = SHARE_AT_1000[isa] + (OF_FLOAT64 if module.DTYPE == "float64" else 0.0)
    of_usual = max(LEAST_SHARE, at_1000 + SHARE_OF_TENFOLD * (math.log10(program.n_parameters) - 3))
    return of_usual * (1 + OF_DOUBLE_BATCH * math.log2(min(batch_size, LARGE_BATCH) / USUAL_BATCH))


def pays(program: Program, batch_size: int, n_networks: int, module: ModuleType) -> bool:
    """Return whether so many networks, at most one for each lane, are trained sooner in lanes than one after the other.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.engine import module
    >>> from nncore.program import lower
    >>> small, base = lower([Dense(3, "relu"), Dense(1)], 4, "mse"), module("base", "float32")
    >>> pays(small, 32, base.N_LANES, base), pays(small, 32, base.N_LANES // 2, base)
    (True, False)
    """
    return bool(n_networks > module.N_LANES * share(program, batch_size, module))


def mean_share(program: Program, batch_size: int, n_networks: int, module: ModuleType) -> float:
    """Return `share` as a mean over so many networks, those included that are left over when lanes have been filled.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.engine import module
    >>> from nncore.program import lower
    >>> small, base = lower([Dense(3, "relu"), Dense(1)], 4, "mse"), module("base", "float32")
    >>> [round(mean_share(small, 32, n * base.N_LANES // 2, base), 3) for n in (1, 2, 3, 4)]
    [1.0, 0.6, 0.733, 0.6]
    """
    lanes_full, left = divmod(n_networks, module.N_LANES)
    of_full = module.N_LANES * share(program, batch_size, module)
    return float((lanes_full * of_full + min(left, of_full)) / n_networks)
