"""Full-batch training by L-BFGS: SciPy's, over the flat parameter vector."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy.optimize import minimize

from nncore.base.typing import Array
from nncore.program import Program
from nncore.solvers.objective import Objective

ABNORMAL = 2  # SciPy's status after a line search that found nothing
MEMORY = 30  # steps remembered; on small networks a third of the loss of 10 after as many iterations, at little cost


def check(program: Program) -> None:
    """Raise ValueError if the value to minimise has kinks of its own."""
    if any(row.l1 for row in program.rows):
        raise ValueError("solver='lbfgs' needs a smooth penalty, and l1 is not at 0; use l2, or the optimizer")


def minimise(
    objective: Objective, start: Array, epochs: int, accept: Callable[[Array, float, dict[str, float]], bool]
) -> str:
    """Run at most `epochs` iterations of L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995).

    Parameters
    ----------
    objective : Objective
    start : ndarray of shape (n_parameters,), float64
    epochs : int
    accept : callable
        Called with the point, its value and no columns for the history after every iteration; returns whether to go on.

    Returns
    -------
    str
        Why it ended, unless `accept` ended it.
    """

    def after_iteration(intermediate_result: Any) -> None:
        if not accept(intermediate_result.x.copy(), float(intermediate_result.fun), {}):
            raise StopIteration

    # SciPy's own tolerances are absolute for values below 1; `accept` judges progress relative to the value.
    options = {"maxiter": epochs, "maxfun": math.inf, "maxcor": MEMORY, "ftol": 0.0, "gtol": 0.0}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options)
    if found.status == ABNORMAL:
        return f"converged as far as {objective.network.dtype} can tell: the line search found no lower loss"
    return "converged: the loss falls no further"
