"""Full-batch training by the method of Levenberg and Marquardt, for squared errors.

Near a point, the residuals r of all rows are nearly linear in the parameters: ``r(x + h) = r + J h``. The step that
minimises their squares solves ``(J'J + mu I) h = -J'r``; the damping mu keeps it where that is true. With a small mu it
is Gauss and Newton's step, which converges quadratically where the residuals vanish; with a large one a short step of
gradient descent.

References: K. Levenberg (1944), D. W. Marquardt (1963), M. T. Hagan and M. B. Menhaj (1994) for networks; the damping
follows H. B. Nielsen's rule, as in K. Madsen, H. B. Nielsen and O. Tingleff (2004), "Methods for non-linear least
squares problems", algorithm 3.16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nncore.base import checks, memory
from nncore.base.typing import Array
from nncore.engine.penalties import penalty
from nncore.losses import NAME_OF_KERNEL
from nncore.program import Program
from nncore.program.normalization import is_normalization
from nncore.solvers import equations
from nncore.solvers.jacobian import OPS, Derivatives
from nncore.solvers.objective import Objective

MAX_PARAMETERS = 5000
CHUNK_BYTES = 2**25  # of the Jacobian at a time: large enough for a fast product
FIRST_DAMPING = 1e-3  # of the largest curvature
SETTLED = 0.25  # of what was promised: where a step brings less, damping is in the way, and the next may bring more


@dataclass(frozen=True)
class LM:
    """Levenberg-Marquardt, and when it ends: ``fit(X, y, solver=LM(tol=0))``. ``solver="lm"`` is ``LM()``.

    Parameters
    ----------
    tol : float
        End where an iteration, though it did what was promised, lowers the loss by no more than this share of it;
        finite, >= 0. By default that of ``scipy.optimize.least_squares``; 0 goes on to the rounding of the loss.

    Raises
    ------
    TypeError, ValueError
        If `tol` is wrong.

    Examples
    --------
    >>> LM(tol=float("nan"))
    Traceback (most recent call last):
        ...
    ValueError: tol must be a finite number >= 0, got nan
    """

    tol: float = 1e-8

    def __post_init__(self) -> None:
        checks.check(self, tol=checks.real(0))


checks.explain_unknown_arguments([LM])


def check(program: Program) -> None:
    """Raise ValueError unless the loss is a sum of squares and the equations can be solved here."""
    if program.precision is not None:
        raise ValueError(
            f"solver='lm' goes by exact slopes, and in {program.precision} the network is not where they lead: fit a "
            "float32 model of these layers, then model.set_weights(other.get_weights())"
        )
    if program.loss != "squared_error":
        loss = NAME_OF_KERNEL[program.loss]
        raise ValueError(
            f"solver='lm' minimises squared errors only, this model's loss is {loss}; use solver='lbfgs', or "
            "compile(loss='mean_squared_error')"
        )
    if any(map(is_normalization, program.rows)):
        outside = "standardise the rows outside of the model, by nncore.datasets.Standardizer"
        raise ValueError(f"solver='lm' does not differentiate Normalization; use solver='lbfgs', or {outside}")
    if any(row.frozen for row in program.rows):
        raise ValueError("solver='lm' trains all layers, and some are frozen; use solver='lbfgs', or model.unfreeze()")
    if program.reading is not None:
        raise ValueError(
            "solver='lm' takes squared errors of all outputs alike, and this model's loss has output_weights or "
            "mask_missing; use solver='lbfgs', or compile(loss='mean_squared_error')"
        )
    if any(row.l1 or row.bias_l1 for row in program.rows):
        raise ValueError("solver='lm' cannot penalise by l1, which is no square; use l2 instead")
    unknown = next((row.op for row in program.rows if row.op not in OPS), None)
    if unknown:
        raise ValueError(f"solver='lm' cannot differentiate {unknown}; use solver='lbfgs'")
    p = program.n_parameters
    if p > MAX_PARAMETERS:
        raise ValueError(
            f"solver='lm' solves {p:,} equations for {p:,} parameters at every step; expected at most "
            f"{MAX_PARAMETERS:,}: use solver='lbfgs', or fewer units"
        )
    needed, limit = 2 * 8 * p * p + 3 * CHUNK_BYTES, memory.available()
    if needed > limit:
        raise ValueError(
            f"solver='lm' needs {memory.readable(needed)} for {p:,} parameters, but this process may use "
            f"{memory.readable(limit)}; use solver='lbfgs', or fewer units"
        )


@dataclass
class Normal:
    """The normal equations at one point: value r'r, slope J'r (p,), curvature J'J (p, p), of which the lower half."""

    value: float
    slope: Array
    curvature: Array


class Residuals:
    """The residuals whose squares add up to an `Objective`, in float64 whatever the network's dtype.

    Row i, output j of the data has the residual ``sqrt(w_i / (n k)) (prediction - target)``, a penalised weight
    ``sqrt(l2) w``.
    """

    def __init__(self, objective: Objective) -> None:
        self.program = objective.network.program
        self.derivatives = Derivatives(self.program)
        self.X, self.target, weight = objective.data
        n, k = self.target.shape
        self.scale = np.sqrt((np.ones(n) if weight is None else weight.astype(np.float64)) / (n * k))
        self.l2 = objective.l2
        self.dtype = objective.network.dtype

    def _chunks(self) -> Iterator[slice]:
        """Cut the rows so that a Jacobian of each part stays below `CHUNK_BYTES`."""
        n_rows = max(1, CHUNK_BYTES // (8 * self.program.n_parameters * self.target.shape[1]))
        return (slice(start, start + n_rows) for start in range(0, len(self.X), n_rows))

    def value(self, x: Array) -> float:
        """Return the sum of the squares at `x`; infinity where it cannot be computed, or the dtype cannot hold x."""
        with np.errstate(over="ignore", invalid="ignore"):
            total = penalty(self.program, x)
            for rows in self._chunks():
                d = self.derivatives.outputs(x, self.X[rows].astype(np.float64)) - self.target[rows]
                total += float(np.sum((self.scale[rows, None] * d) ** 2))
            return total if np.isfinite(total) and np.isfinite(x.astype(self.dtype)).all() else np.inf

    def normal(self, x: Array) -> Normal:
        """Return the normal equations at `x`; the Jacobian is never held as a whole."""
        diagonal = np.diag(self.l2).T  # transposed, which changes nothing, it is in BLAS's order
        found = Normal(penalty(self.program, x), self.l2 * x, diagonal)
        for rows in self._chunks():
            scale = self.scale[rows]
            prediction, derivatives = self.derivatives.jacobian(x, self.X[rows].astype(np.float64), scale)
            r = ((prediction - self.target[rows]) * scale[:, None]).T.ravel()  # all rows of output 0, then of output 1
            J = derivatives.reshape(len(r), -1)
            found.value += float(r @ r)
            found.slope += J.T @ r
            found.curvature = equations.add_gram(found.curvature, J)
        return found


class Damping:
    """How much steps are shortened: less after a step that did what the linear model promised (Nielsen, 1999)."""

    def __init__(self, mu: float) -> None:
        self.mu = mu
        self._growth = 2.0

    def accepted(self, gain: float) -> None:
        """Take note of a step that lowered the value by `gain` times what was promised."""
        self.mu *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
        self._growth = 2.0

    def refused(self) -> None:
        self.mu *= self._growth
        self._growth *= 2


def minimise(
    objective: Objective,
    start: Array,
    epochs: int,
    accept: Callable[[Array, float, dict[str, float]], bool],
    settings: LM,
) -> str:
    """Run at most `epochs` iterations: one Jacobian each, and as much damping as makes the loss fall.

    Parameters
    ----------
    objective : Objective
    start : ndarray of shape (n_parameters,), float64
    epochs : int
    accept : callable
        Called with the point, its value and ``{"damping": mu}`` after every iteration; returns whether to go on.
    settings : LM

    Returns
    -------
    str
        Why it ended, unless `accept` ended it.
    """
    residuals, x = Residuals(objective), start
    damping: Damping | None = None
    for _ in range(epochs):
        normal = residuals.normal(x)
        mu = FIRST_DAMPING * float(normal.curvature.diagonal().max())
        if mu == 0:
            return "no step: the predictions do not depend on the parameters; set other weights with set_weights"
        damping = damping or Damping(mu)
        lower = _lower(residuals, normal, x, damping)
        if lower is None:
            return "converged: the parameters move by less than their rounding"
        x, value, mu, gain = lower
        if not accept(x, value, {"damping": mu}):
            break
        if normal.value - value <= settings.tol * normal.value and gain > SETTLED:
            return f"converged: the loss falls by no more than {settings.tol:.2g} of it in an iteration"
    return ""


def _lower(
    residuals: Residuals, normal: Normal, x: Array, damping: Damping
) -> tuple[Array, float, float, float] | None:
    """Return a point of lower value, that value, the damping it took and the share of what was promised.

    None if the step to it vanishes.
    """
    rounding = np.finfo(np.float64).eps
    while np.isfinite(damping.mu):
        h = _solve(normal, damping.mu)
        if h is not None:
            if np.linalg.norm(h) <= rounding * (np.linalg.norm(x) + rounding):
                return None
            value, mu = residuals.value(x + h), damping.mu
            if value < normal.value:
                gain = (normal.value - value) / float(h @ (mu * h - normal.slope))
                damping.accepted(gain)
                return x + h, value, mu, gain
        damping.refused()
    return None


def _solve(normal: Normal, mu: float) -> Array | None:
    """Return the step h of ``(J'J + mu I) h = -J'r``; None if rounding makes the matrix indefinite."""
    damped = normal.curvature.copy(order="F")  # as LAPACK wants it, and can then overwrite
    damped[np.diag_indices_from(damped)] += mu
    return equations.solve(damped, -normal.slope)
