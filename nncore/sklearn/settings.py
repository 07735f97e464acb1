"""What the arguments of `MLPClassifier` and `MLPRegressor` may be, and the optimizer or solver that they describe."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from nncore import losses
from nncore.base import checks
from nncore.base.names import lookup
from nncore.layers import Activation, as_activation
from nncore.losses import Crossentropy, Hinge, Loss, MeanAbsoluteError, MeanSquaredError
from nncore.model.definition import POLICIES
from nncore.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from nncore.schedules import Schedule
from nncore.solvers import LBFGS, LM

RATES = ("constant", "invscaling", "adaptive")
SMALLEST_RATE = 1e-6
"""Where scikit-learn's adaptive rate ends training."""
SCIKITS = {"logistic": "sigmoid"}
"""Activations that have another name here."""


def _verbose(argument: str, value: Any) -> int:
    return int(value) if isinstance(value, bool) else int(checks.integer(0, checks.COUNT)(argument, value))


def _patience(argument: str, value: Any) -> float:
    return math.inf if value == math.inf else float(checks.integer(1, checks.COUNT)(argument, value))


def _batch(argument: str, value: Any) -> int | None:
    return None if isinstance(value, str) and value == "auto" else int(checks.integer(1, checks.COUNT)(argument, value))


def _rate(argument: str, value: Any) -> str | Schedule:
    return value if isinstance(value, Schedule) else lookup(argument, value, {name: name for name in RATES})


def _several(argument: str, value: Any) -> tuple[Any, ...]:
    """Rule: one value, or a list of them."""
    listed = isinstance(value, Iterable) and not isinstance(value, str)
    return tuple(value) if listed else (value,)


def _sizes(argument: str, value: Any) -> tuple[int, ...]:
    rule = checks.integer(1, 2**31 - 1)
    return tuple(rule(argument, size) for size in _several(argument, value))


def _activations(argument: str, value: Any) -> tuple[Activation, ...]:
    names = _several(argument, value)
    return tuple(as_activation(SCIKITS.get(name, name) if isinstance(name, str) else name) for name in names)


def _shares(argument: str, value: Any) -> tuple[float, ...]:
    rule = checks.real(0, 1, below=True)
    return tuple(rule(argument, share) for share in _several(argument, value))


def _normalization(argument: str, value: Any) -> str | None:
    return None if value is None else lookup(argument, value, {"batch": "batch", "layer": "layer"})


def dtype(argument: str, value: Any) -> str | None:
    """Rule: the name of a number type, or NumPy's object for it."""
    name = getattr(value, "__name__", str(value))  # of numpy.float32
    return None if value is None else lookup(argument, name, {name: name for name in POLICIES})


def solver(argument: str, value: Any) -> str | Optimizer | LBFGS | LM:
    """Rule: an optimizer or a solver, or the name of one."""
    if isinstance(value, (Optimizer, LBFGS, LM)):
        return value
    return lookup(argument, value, {name: name for name in (*OPTIMIZERS, "lbfgs", "lm")})


LOSSES: dict[str, Loss] = {
    "squared_error": MeanSquaredError(),
    "absolute_error": MeanAbsoluteError(),
    **{name: loss() for name, loss in losses.LOSSES.items() if not issubclass(loss, (Crossentropy, Hinge))},
}
"""The losses of a regressor, by scikit-learn's names and nncore's."""


def regression_loss(argument: str, value: Any) -> Loss:
    """Rule: a loss of numbers, or its name."""
    if isinstance(value, str) and value in losses.LOSSES and value not in LOSSES:
        raise ValueError(f"a regressor needs a loss of numbers, got {value!r}")
    return losses.get(value) if isinstance(value, Loss) else lookup(argument, value, LOSSES)


RULES: Mapping[str, checks.Rule] = {
    "hidden_layer_sizes": _sizes,
    "activation": _activations,
    "solver": solver,
    "alpha": checks.real(0),
    "batch_size": _batch,
    "learning_rate": _rate,
    "learning_rate_init": checks.real(0, above=True),
    "power_t": checks.real(0),
    "max_iter": checks.integer(1, checks.EPOCHS),
    "shuffle": checks.flag,
    "tol": checks.real(0),
    "verbose": _verbose,
    "warm_start": checks.flag,
    "momentum": checks.real(0, 1),
    "nesterovs_momentum": checks.flag,
    "early_stopping": checks.flag,
    "validation_fraction": checks.real(0, 1, below=True),
    "beta_1": checks.real(0, 1, below=True),
    "beta_2": checks.real(0, 1, below=True),
    "epsilon": checks.EPSILON,
    "n_iter_no_change": _patience,
    "max_fun": checks.integer(1, checks.COUNT),
    "dropout": _shares,
    "normalization": _normalization,
    "residual": checks.flag,
    "clip_norm": checks.optional(checks.real(0, above=True)),
    "dtype": dtype,
}


@dataclass(frozen=True)
class Settings:
    """The arguments of an estimator, checked. Created by `checked`; the fields have their names and meaning."""

    hidden_layer_sizes: tuple[int, ...]
    activation: tuple[Activation, ...]
    solver: str | Optimizer | LBFGS | LM
    alpha: float
    batch_size: int | None
    learning_rate: str | Schedule
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    tol: float
    verbose: int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    dropout: tuple[float, ...]
    normalization: str | None
    residual: bool
    weight_initializer: Any
    clip_norm: float | None
    dtype: str | None
    loss: Loss | None

    @property
    def full_batch(self) -> bool:
        """Whether a solver minimises the loss over all rows."""
        return not is_stochastic(self.solver)

    @property
    def full_batch_solver(self) -> LBFGS | LM:
        """The solver that minimises the loss over all rows, ended as scikit-learn ends it."""
        if isinstance(self.solver, (LBFGS, LM)):
            return self.solver
        return LM() if self.solver == "lm" else LBFGS(max_fun=self.max_fun, gradient_tol=self.tol)

    @property
    def own_schedule(self) -> str:
        """How scikit-learn's SGD changes its learning rate between epochs; its other solvers do not."""
        return self.learning_rate if self.solver == "sgd" and isinstance(self.learning_rate, str) else "constant"

    def optimizer(self) -> Optimizer:
        """Return the optimizer to compile."""
        if isinstance(self.solver, Optimizer):
            return self.solver
        if self.full_batch:
            return Adam()  # rests
        rate = self.learning_rate if isinstance(self.learning_rate, Schedule) else self.learning_rate_init
        kind = OPTIMIZERS[str(self.solver)]
        options: dict[str, Any] = {"learning_rate": rate, "clip_norm": self.clip_norm}
        if kind is SGD:
            nesterov = self.nesterovs_momentum and self.momentum > 0
            options |= {"momentum": self.momentum, "nesterov": nesterov}
        elif issubclass(kind, Adam):
            options |= {name: getattr(self, name) for name in ("beta_1", "beta_2", "epsilon")}
        return kind(**options)


def is_stochastic(solver: Any) -> bool:
    """Return whether this trains in batches, with an optimizer."""
    return isinstance(solver, Optimizer) or solver in tuple(OPTIMIZERS)


def checked(estimator: Any) -> Settings:
    """Return the arguments of an estimator.

    Raises
    ------
    TypeError, ValueError
        If one of them is wrong; the text names it.
    """
    values: dict[str, Any] = {name: rule(name, getattr(estimator, name)) for name, rule in RULES.items()}
    loss = getattr(estimator, "loss", None)
    values["loss"] = None if loss is None else regression_loss("loss", loss)
    values["weight_initializer"] = estimator.weight_initializer
    n = len(values["hidden_layer_sizes"])
    for name in ("activation", "dropout"):
        if len(values[name]) == 1:
            values[name] *= n
        elif len(values[name]) != n:
            found = len(values[name])
            raise ValueError(f"{name} must be one value, or one for each of the {n} hidden layers, got {found}")
    return Settings(**values)


assert {field.name for field in fields(Settings)} == {*RULES, "weight_initializer", "loss"}
