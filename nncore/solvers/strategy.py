"""What the loop of ``fit`` runs where a solver is asked for: its epochs are the steps of the solver."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import numpy as np

from nncore.arrays import Data
from nncore.base.names import lookup
from nncore.base.typing import Array
from nncore.network import Network
from nncore.optimizers import OPTIMIZERS
from nncore.program import Program, refuse_frozen
from nncore.solvers import blas, equations, lbfgs, levenberg_marquardt
from nncore.solvers.lbfgs import LBFGS
from nncore.solvers.levenberg_marquardt import LM
from nncore.solvers.objective import Objective
from nncore.training.loop import Fit, Given
from nncore.training.own_gradient import check_own_loss
from nncore.training.state import State

Accept = Callable[[Array, float, dict[str, float]], bool]


@dataclass(frozen=True)
class Solver:
    """A method that lowers an objective step by step.

    Attributes
    ----------
    check : callable
        Of a program; raises ValueError if the solver cannot train it.
    minimise : callable
        Of (objective, start, epochs, accept, settings), as `nncore.solvers.lbfgs.minimise`.
    settings : class
        What says when it ends.
    columns : tuple of str
        Names of the values that it gives `accept` beside point and objective.
    alone : float
        For so many parameters, and for fewer, its linear algebra has no use for a second thread.
    """

    check: Callable[[Program], None]
    minimise: Callable[[Objective, Array, int, Accept, Any], str]
    settings: type[LBFGS] | type[LM]
    columns: tuple[str, ...] = ()
    alone: float = math.inf


SOLVERS = {
    "lbfgs": Solver(lbfgs.check, lbfgs.minimise, LBFGS),
    "lm": Solver(levenberg_marquardt.check, levenberg_marquardt.minimise, LM, ("damping",), equations.WHOLE),
}
"""The solvers by name."""


def get(name: str) -> Solver:
    """Return a solver.

    Raises
    ------
    TypeError, ValueError
        If `name` is no name of a solver.

    Examples
    --------
    >>> get("adam")
    Traceback (most recent call last):
        ...
    ValueError: solver 'adam' is an optimizer: give it to compile, and leave solver out
    """
    if isinstance(name, str) and name.lower() in OPTIMIZERS:
        raise ValueError(f"solver {name!r} is an optimizer: give it to compile, and leave solver out")
    return lookup("solver", name, SOLVERS)


def _chosen(solver: Any) -> tuple[str, LBFGS | LM]:
    """Return the name of a solver and its settings."""
    for name, known in SOLVERS.items():
        if isinstance(solver, known.settings):
            return name, solver
        if solver is known.settings:
            kind = known.settings.__name__
            raise TypeError(f"solver is the class {kind}; expected {kind}(), or {name!r}")
    return solver, get(solver).settings()


class Solving:
    """Let a solver train: the strategy of ``fit`` where one is asked for. An epoch is one of its steps.

    Parameters
    ----------
    solver : str, LBFGS or LM
        Its name, or its settings.
    batch_size, shuffle : None
        As in ``Sequential.fit``; there is nothing to be chosen here.

    Raises
    ------
    TypeError, ValueError
        If `solver` is none.
    """

    pauses = True
    message = ""
    rows: int | None = None

    def __init__(self, solver: str | LBFGS | LM, batch_size: int | None = None, shuffle: object = None) -> None:
        self.name, self._settings = _chosen(solver)
        self.solver = SOLVERS[self.name]
        self._surplus = {"batch_size": batch_size, "shuffle": shuffle}
        self._given: Given | None = None
        self._value, self._ended = math.inf, ""
        self._columns = dict.fromkeys(self.solver.columns, math.nan)  # where there is not one step

    def columns(self, state: State) -> tuple[str, ...]:
        return self.solver.columns

    def check_arguments(self, state: State) -> None:
        for argument, value in self._surplus.items():
            if value is not None:
                raise ValueError(f"solver={self.name!r} uses all rows at once: leave {argument}={value!r} out")
        for argument in ("clip_value", "clip_norm"):
            if (value := getattr(state.optimizer, argument)) is not None:
                raise ValueError(f"solver={self.name!r} cannot clip: compile an optimizer without {argument}={value:g}")

    def check(self, state: State, program: Program, data: Data) -> None:
        refuse_frozen(program)
        _check_program(program, self.name)
        self.solver.check(program)

    def run(self, fit: Fit) -> None:
        """Let the solver call `_accept` after each of its steps."""
        if not fit.begins():
            return
        self._objective = Objective(fit.network, fit.data)
        program = fit.network.program
        self._x = start = fit.network.get_parameters().astype(np.float64)
        if len(fit.callbacks):  # which may have set other weights meanwhile
            self.check_start(fit.network, fit.data)
        self._began, self.message = time.perf_counter(), "interrupted"
        try:
            with blas.limited(1 if len(start) <= self.solver.alone else None):
                accept = partial(self._accept, fit)
                ended = self.solver.minimise(self._objective, start, fit.epochs, accept, self._settings)
            self.message = _as_told(self._ended or ended, program.precision)
            if self._given is None:  # not one step: so that there is an epoch to look at
                fit.epoch()
        finally:
            if self._objective.astray:
                self._objective.go_to(self._x)

    def check_start(self, network: Network, data: Data) -> None:
        check_own_loss(network, data)
        loss = network.evaluate(*data, None)
        if not math.isfinite(loss):
            self._refuse_start(f"the loss of the model's weights is {loss}")
        vectors = {"model's weights are": network.get_parameters(), "gradient is": network.loss_and_gradient(*data)[1]}
        for what, vector in vectors.items():  # saturated units hide them from the loss, and float64 holds its square
            if not np.isfinite(vector).all():
                self._refuse_start(f"the {what} not finite, though the loss is {loss:g}")

    def _refuse_start(self, why: str) -> NoReturn:
        raise ValueError(
            f"solver={self.name!r} cannot start: {why}; standardise X and y, or set other weights with set_weights"
        )

    def _accept(self, fit: Fit, x: Array, value: float, columns: dict[str, float]) -> bool:
        """Make an epoch of a step to `x`, where the objective is `value`; return whether to go on."""
        before, self._value = self._value, value
        self._x, self._columns = x, columns
        stop = fit.epoch()
        self._began = time.perf_counter()
        if stop or fit.model.stop_training:
            self._ended = "stopped by a callback"
        elif before - value <= float(np.finfo(fit.network.dtype).eps) * value:  # which float32 may not hold
            self._ended = f"converged: the loss falls by less than the rounding of {fit.network.dtype}"
        elif fit.state.epoch >= fit.last_epoch:
            self._ended = f"not converged within {fit.epochs} epoch{'s' if fit.epochs > 1 else ''}"
        elif not fit.begins():
            self._ended = "stopped by a callback"
        return not self._ended

    def train(self, fit: Fit) -> None:
        """Take over the solver's step: its point and the loss there."""
        self._objective.go_to(self._x)
        loss = fit.network.evaluate(*fit.data, fit.predictions)
        seconds = time.perf_counter() - self._began
        self._given = Given([loss], [seconds], {name: [value] for name, value in self._columns.items()})

    def latest(self, fit: Fit) -> object:
        return self._given

    def given(self, fit: Fit) -> Given:
        assert self._given is not None, "asked for after a step only"
        return self._given


def _as_told(ended: str, precision: str | None) -> str:
    """Say of what ended by its rounding, or by slopes of rounded products, what they are rounded to."""
    return ended if precision is None else ended.replace("converged:", f"converged as far as {precision} can tell:", 1)


MENDS = {
    "batchnorm": "depends on how the rows are cut into batches; use LayerNorm, or the optimizer",
    "dropout": "makes the loss random; remove it, or use the optimizer",
    "noise": "makes the loss random; remove it, or use the optimizer",
}


def _check_program(program: Program, name: str) -> None:
    """Raise ValueError if a part of the program means nothing where all rows are used at once."""
    for row in program.rows:
        if row.activity_l1 or row.activity_l2:
            raise ValueError(
                f"solver={name!r} minimises the loss and penalties of weights, not the activity_l1 and activity_l2 of "
                f"layer {row.layer}; use l2, or the optimizer"
            )
        if row.frozen:
            continue  # a batchnorm of it normalises by its averages, and nothing else of it acts
        if row.op in MENDS:
            raise ValueError(f"solver={name!r} cannot train layer {row.layer}: {row.op} {MENDS[row.op]}")
        if row.weight_decay:
            raise ValueError(
                f"solver={name!r} has no steps for the weight_decay={row.weight_decay:g} of layer {row.layer} to act "
                "in; use l2"
            )
        if row.max_norm is not None:
            raise ValueError(
                f"solver={name!r} cannot keep max_norm={row.max_norm:g} of layer {row.layer}; use l2, or the optimizer"
            )
