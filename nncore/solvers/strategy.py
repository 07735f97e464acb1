"""What the loop of ``fit`` runs where a solver is asked for: its epochs are the steps of the solver."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.base.names import lookup
from nncore.base.typing import Array
from nncore.optimizers import OPTIMIZERS
from nncore.program import Program
from nncore.solvers import lbfgs, levenberg_marquardt
from nncore.solvers.objective import Objective
from nncore.training.loop import Training

if TYPE_CHECKING:
    from nncore.model.sequential import Sequential
    from nncore.training.progress import ProgressBar

Accept = Callable[[Array, float, dict[str, float]], bool]


@dataclass(frozen=True)
class Solver:
    """A method that lowers an objective step by step.

    Attributes
    ----------
    check : callable
        Of a program; raises ValueError if the solver cannot train it.
    minimise : callable
        Of (objective, start, epochs, accept), as `nncore.solvers.lbfgs.minimise`.
    columns : tuple of str
        Names of the values that it gives `accept` beside point and objective.
    """

    check: Callable[[Program], None]
    minimise: Callable[[Objective, Array, int, Accept], str]
    columns: tuple[str, ...] = ()


SOLVERS = {
    "lbfgs": Solver(lbfgs.check, lbfgs.minimise),
    "lm": Solver(levenberg_marquardt.check, levenberg_marquardt.minimise, ("damping",)),
}
"""The solvers by name."""


def get(name: str) -> Callable[..., SolverTraining]:
    """Return what to call in place of `nncore.training.loop.Training`, with the same arguments.

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
    if isinstance(name, str) and name in OPTIMIZERS:
        raise ValueError(f"solver {name!r} is an optimizer: give it to compile, and leave solver out")
    return partial(SolverTraining, name, lookup("solver", name, SOLVERS))


@dataclass
class Iteration:
    """One accepted step, as `nncore.training.loop.Training` records it: arrays of one value."""

    losses: Array
    seconds: Array
    diverged: bool = False
    recorded: tuple[int, ...] = ()  # no records of layers


class SolverTraining(Training):
    """One call of ``fit`` with a solver. Creating it checks the arguments, `run` trains.

    Parameters
    ----------
    name, solver
        The solver.
    model, data, validation_data, validation_split, batch_size, shuffle, **options
        As for `nncore.training.loop.Training`.
    """

    def __init__(
        self,
        name: str,
        solver: Solver,
        model: Sequential,
        data: tuple[Any, Any, Any],
        validation_data: Any,
        validation_split: float,
        *,
        batch_size: int | None,
        shuffle: bool | None,
        **options: Any,
    ) -> None:
        for argument, value in (("batch_size", batch_size), ("shuffle", shuffle)):
            if value is not None:
                raise ValueError(f"solver={name!r} uses all rows at once: leave {argument}={value!r} out")
        for argument in ("clip_value", "clip_norm"):
            if (value := getattr(model.optimizer, argument)) is not None:
                raise ValueError(f"solver={name!r} cannot clip: compile an optimizer without {argument}={value:g}")
        self.solver, self.name = solver, name
        super().__init__(model, data, validation_data, validation_split, batch_size=None, shuffle=None, **options)
        _check_program(self.network.program, name)
        solver.check(self.network.program)
        self.pauses = True  # an epoch is an iteration
        self.objective = Objective(self.network, self.data)
        self._iteration: Iteration | None = None
        self._value = math.inf
        self._columns = dict.fromkeys(solver.columns, math.nan)  # where there is not one step
        self._ended = ""
        self._message = "interrupted"

    def _loop(self, progress: ProgressBar, stop: bool) -> None:
        """Let the solver call `_accept` after each of its iterations."""
        if stop or not self._begins():
            return
        self._progress = progress
        self._x = start = self.network.get_parameters().astype(np.float64)
        self._check_start()
        self._began = time.perf_counter()
        try:
            message = self.solver.minimise(self.objective, start, self.epochs, self._accept)
            self._message = self._ended or message
            if self._iteration is None:  # so that there is an epoch to look at
                self._epoch(progress)
        finally:
            if self.objective.astray:
                self.objective.go_to(self._x)
            self.history.message = self.model.history.message = self._message

    def _check_start(self) -> None:
        loss = self.network.evaluate(*self.data, None)
        if not math.isfinite(loss):
            raise ValueError(
                f"solver={self.name!r} cannot start: the loss of the model's weights is {loss}; standardise X and y, "
                "or set other weights with set_weights"
            )

    def _accept(self, x: Array, value: float, columns: dict[str, float]) -> bool:
        """Record a step to `x`, where the objective is `value`; return whether to go on."""
        before, self._value = self._value, value
        self._x, self._columns = x, columns
        stop = self._epoch(self._progress)
        self._began = time.perf_counter()
        if stop or self.model.stop_training:
            self._ended = "stopped by a callback"
        elif before - value <= np.finfo(self.network.dtype).eps * value:
            self._ended = f"converged: the loss falls by less than the rounding of {self.network.dtype}"
        elif self.model.epoch >= self.last_epoch:
            self._ended = f"not converged within {self.epochs} epoch{'s' if self.epochs > 1 else ''}"
        elif not self._begins():
            self._ended = "stopped by a callback"
        return not self._ended

    def _run_engine(self, first_epoch: int, progress: ProgressBar) -> None:
        self.objective.go_to(self._x)
        loss = self.network.evaluate(*self.data, self.predictions)
        seconds = time.perf_counter() - self._began
        self._iteration = Iteration(np.array([loss]), np.array([seconds]))

    @property
    def result(self) -> Iteration | None:
        return self._iteration

    def _recorded(self) -> list[str]:
        return [*(name for name in super()._recorded() if name != "learning_rate"), *self.solver.columns]

    def _settings(self, n_epochs: int) -> dict[str, list[float]]:
        return {name: [value] for name, value in self._columns.items()}


MENDS = {
    "batchnorm": "depends on how the rows are cut into batches; use LayerNorm, or the optimizer",
    "dropout": "makes the loss random; remove it, or use the optimizer",
}


def _check_program(program: Program, name: str) -> None:
    """Raise ValueError if a part of the program means nothing where all rows are used at once."""
    for row in program.rows:
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
