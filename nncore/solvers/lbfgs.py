"""Full-batch training by L-BFGS: SciPy's, over the flat parameter vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from nncore.base import checks
from nncore.base.typing import Array
from nncore.program import Program
from nncore.solvers.objective import Objective

CONVERGED, ABNORMAL = 0, 2  # SciPy's status; the second after a line search that found nothing
FTOL, GTOL = 1e7 * 2.0**-52, 1e-5  # SciPy's own
MEMORY = 30  # steps remembered; on small networks a third of the loss of 10 after as many iterations, at little cost


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS, and when it ends: ``fit(X, y, solver=LBFGS(tol=0))``. ``solver="lbfgs"`` is ``LBFGS()``.

    Parameters
    ----------
    tol : float, optional
        End where an iteration lowers the loss by no more than ``tol * max(loss, 1)``, or no derivative is larger than
        `tol`; finite, >= 0. None for SciPy's own tolerances, 2.2e-9 and 1e-5; 0 goes on to the rounding of the loss.
    max_fun : int
        End after the iteration in which the loss has been evaluated more often than this; SciPy's own is 15,000.
    gradient_tol : float, optional
        End where no derivative is larger than this, whatever `tol` says; finite, >= 0. None for what `tol` says.
        scikit-learn's ``tol`` is this one.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> LBFGS(tol=-1)
    Traceback (most recent call last):
        ...
    ValueError: tol must be a finite number >= 0, got -1.0
    """

    tol: float | None = None
    max_fun: int = 15_000
    gradient_tol: float | None = None

    def __post_init__(self) -> None:
        tol = checks.optional(checks.real(0))
        checks.check(self, tol=tol, max_fun=checks.integer(1, checks.COUNT), gradient_tol=tol)


checks.explain_unknown_arguments([LBFGS])


def check(program: Program) -> None:
    """Raise ValueError if the value to minimise has kinks of its own."""
    if any(row.l1 or row.bias_l1 for row in program.rows):
        raise ValueError("solver='lbfgs' needs a smooth penalty, and l1 is not at 0; use l2, or the optimizer")


def minimise(
    objective: Objective,
    start: Array,
    epochs: int,
    accept: Callable[[Array, float, dict[str, float]], bool],
    settings: LBFGS,
) -> str:
    """Run at most `epochs` iterations of L-BFGS-B (Byrd, Lu, Nocedal and Zhu, 1995).

    Parameters
    ----------
    objective : Objective
    start : ndarray of shape (n_parameters,), float64
    epochs : int
    accept : callable
        Called with the point, its value and no columns for the history after every iteration; returns whether to go on.
    settings : LBFGS

    Returns
    -------
    str
        Why it ended, unless `accept` ended it.
    """

    def after_iteration(intermediate_result: Any) -> None:
        if not accept(intermediate_result.x.copy(), float(intermediate_result.fun), {}):
            raise StopIteration

    ftol, gtol = (FTOL, GTOL) if settings.tol is None else (settings.tol, settings.tol)
    gtol = gtol if settings.gradient_tol is None else settings.gradient_tol
    options = {"maxiter": epochs, "maxfun": settings.max_fun, "maxcor": MEMORY, "ftol": ftol, "gtol": gtol}
    found = minimize(objective, start, jac=True, method="L-BFGS-B", callback=after_iteration, options=options)
    if found.status == ABNORMAL:
        network = objective.network
        arithmetic = network.program.precision or network.dtype
        return f"converged as far as {arithmetic} can tell: the line search found no lower loss"
    if found.status != CONVERGED:
        return f"not converged within max_fun={settings.max_fun} evaluations of the loss"
    if np.abs(found.jac).max() <= gtol:
        return f"converged: no derivative of the loss is larger than {gtol:.2g}"
    return f"converged: the loss falls by no more than {ftol:.2g} in an iteration"
