"""Poisson's loss, which the engine does not have, by way of one that it has.

The network's output z is the logarithm of a rate, ``mu = exp(z)``. Half the deviance, ``y * log(y / mu) - y + mu``, has
the slope ``mu - y`` in z. So has half the squared error of z to the target ``z - (mu - y)``: a step towards such
targets, worked out anew for each batch, is the step of Poisson's loss. It costs a prediction of the batch beside the
step, and a loop in Python.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from scipy.special import xlogy

from nncore.arrays import Data
from nncore.base.random import permutation
from nncore.base.typing import Array
from nncore.callbacks import Callbacks
from nncore.engine.penalties import penalty
from nncore.errors import TrainingDiverged
from nncore.history import History
from nncore.model.sequential import Sequential
from nncore.solvers import blas
from nncore.solvers.lbfgs import LBFGS, minimise
from nncore.solvers.objective import Objective
from nncore.training.progress import ProgressBar, check_verbose, progress
from nncore.training.state import built


def rate(outputs: Array) -> Array:
    """Return the rates that outputs stand for; infinity where they are too large."""
    with np.errstate(over="ignore"):
        return np.exp(outputs)


def deviances(outputs: Array, y: Array, weight: Array | None) -> tuple[float, Array]:
    """Return the weighted sum of half the deviances of these rows, and the targets that make the same slopes.

    Parameters
    ----------
    outputs, y : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,), or None
        As squared errors have it: its mean is half the number of outputs, over which nncore takes their mean.

    Examples
    --------
    >>> total, targets = deviances(np.zeros((2, 2)), np.array([[1.0, 0.0], [1.0, 3.0]]), None)
    >>> targets.tolist()  # no slope where the rate is y
    [[0.0, -1.0], [0.0, 2.0]]
    >>> round(total, 6)  # 1 for the rate 1 where y is 0; 3 log(3) - 3 + 1 where it is 3
    2.295837
    """
    mu = rate(outputs).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        of_rows = (xlogy(y, y / mu) - y + mu).sum(axis=1)
        targets = outputs - (mu - y)
    weights = 1.0 if weight is None else weight * (2 / outputs.shape[1])
    return float(np.sum(weights * of_rows)), targets


def fit(
    model: Sequential,
    X: Array,
    y: Array,
    *,
    epochs: int,
    sample_weight: Array | None = None,
    batch_size: int = 1,
    shuffle: bool = True,
    solver: LBFGS | None = None,
    validation_data: tuple[Any, ...] | None = None,
    callbacks: Any = None,
    verbose: int = 0,
) -> History:
    """Train a model of squared errors on Poisson's loss; as ``Sequential.fit``, as far as it goes."""
    check = check_verbose(verbose)
    told = _Epochs(model, epochs, Callbacks(callbacks), validation_data, in_batches=solver is None)
    model.stop_training = False
    with progress(check, epochs, len(X), told.history) as told.bar, told.hooks.around_training(model) as stop:
        if not stop and told.begins():
            if solver is not None:
                told.history.message = _solve(model, Data(X, y, sample_weight), solver, epochs, told)
            else:
                while told.ended(_epoch(model, X, y, sample_weight, batch_size, shuffle)) and told.begins():
                    pass
    return told.history


class _Epochs:
    """The epochs of a training: recorded, and told to those who listen."""

    bar: ProgressBar

    def __init__(
        self, model: Sequential, epochs: int, hooks: Callbacks, validation: tuple[Any, ...] | None, *, in_batches: bool
    ) -> None:
        self.model, self.epochs, self.hooks, self.validation = model, epochs, hooks, validation
        self.in_batches, self.history = in_batches, History()
        names = ["loss", "val_loss", "penalty", "seconds", "learning_rate"]
        absent = {"val_loss": validation is None, "learning_rate": not in_batches}
        self.names = [name for name in names if not absent.get(name)]
        hooks.check_logs(self.names)

    def begins(self) -> bool:
        """Return whether there is to be another epoch."""
        self.began = time.perf_counter()
        return not (self.model.stop_training or self.hooks.on_epoch_begin(self.model, self.model.history.next_epoch))

    def ended(self, loss: float) -> bool:
        """Record an epoch; return whether it was not the last."""
        model, epoch = self.model, self.model.history.next_epoch
        found = {"loss": loss, "penalty": penalty(model.program, model.parameters)}
        found["seconds"] = time.perf_counter() - self.began
        if self.validation is not None:
            found["val_loss"] = _mean(model, *self.validation)
        if self.in_batches:
            found["learning_rate"] = model.optimizer.rate_at(epoch)
        for record in (self.history, model.history):
            record.extend(epoch, {name: [found[name]] for name in self.names})
        self.bar.update(1, self.history.row(-1))
        stop = self.hooks.on_epoch_end(model, epoch, self.history.row(-1))
        return not (stop or model.stop_training or len(self.history) >= self.epochs)


def _mean(model: Sequential, X: Array, y: Array, weight: Array | None = None) -> float:
    return deviances(model.predict(X), y, weight)[0] / len(X)


def _epoch(model: Sequential, X: Array, y: Array, weight: Array | None, batch_size: int, shuffle: bool) -> float:
    """Train for one epoch; return its mean loss. What ends it early leaves the model as it was before."""
    network = built(model._state)
    *weights, slots, iterations = network.state()
    try:
        return _batches(model, X, y, weight, batch_size, shuffle)
    except BaseException:
        network.set_weights(*weights)
        network.set_optimizer_state(slots, iterations)
        raise


def _batches(model: Sequential, X: Array, y: Array, weight: Array | None, batch_size: int, shuffle: bool) -> float:
    epoch, n = model.history.next_epoch, len(X)
    order = permutation(model.seed, epoch, n) if shuffle else np.arange(n)
    total, last = 0.0, float(model.history.loss[-1]) if len(model.history) else math.nan
    for i, start in enumerate(range(0, n, batch_size)):
        rows = order[start : start + batch_size]
        weights = None if weight is None else weight[rows]
        loss, targets = deviances(model.predict(X[rows]), y[rows], weights)
        if not (math.isfinite(loss) and np.isfinite(targets).all()):
            raise TrainingDiverged(epoch, i, last, model.optimizer.rate_at(epoch), tensor="loss")
        model.train_on_batch(X[rows], targets, weights, epoch=epoch + start / n)
        total, last = total + loss, loss / len(rows)
    return total / n


class _Moved:
    """A network of squared errors as one of Poisson's loss, for an `Objective`."""

    def __init__(self, network: Any) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def loss_and_gradient(self, X: Array, y: Array, weight: Array | None) -> tuple[float, Array]:
        total, targets = deviances(self._network.predict(X), y, weight)
        if not np.isfinite(targets).all():
            return math.inf, np.zeros(self._network.program.n_parameters)
        _, gradient = self._network.loss_and_gradient(X, targets.astype(X.dtype), weight)
        return total / len(X), gradient


def _solve(model: Sequential, data: Data, solver: LBFGS, epochs: int, told: _Epochs) -> str:
    """Let L-BFGS minimise the loss over all rows; return how it ended."""
    network = built(model._state)
    data = Data(*(None if part is None else np.ascontiguousarray(part, network.dtype) for part in data))  # type: ignore[arg-type]
    objective = Objective(_Moved(network), data)  # type: ignore[arg-type]
    accepted, reason = [network.get_parameters().astype(np.float64)], f"not converged within {epochs} epochs"

    def accept(x: Array, value: float, columns: dict[str, float]) -> bool:
        accepted.append(x)
        objective.go_to(x)
        return told.ended(_mean(model, *data)) and told.begins()

    with blas.limited(1):  # as every L-BFGS
        said = minimise(objective, accepted[0], epochs, accept, solver)
    objective.go_to(accepted[-1])
    if len(accepted) == 1:  # not one step: so that there is an epoch to look at
        told.ended(_mean(model, *data))
    return reason if len(accepted) > epochs else said
