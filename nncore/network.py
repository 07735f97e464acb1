"""A program with parameters and optimizer state, ready to run: the engine's plan and the locks around it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import engine
from nncore.initializers import initialize
from nncore.optimizers import Optimizer
from nncore.program import Program

_alive: weakref.WeakSet[Network] = weakref.WeakSet()


def initial_parameters(program: Program, seed: int, dtype: np.dtype) -> NDArray:
    """Draw the first value of every parameter, as one flat vector.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> initial_parameters(lower([Dense(2, weight_initializer="ones")], 1, "mse"), 0, np.dtype("float32"))
    array([1., 1., 0., 0.], dtype=float32)
    """
    flat = np.empty(program.n_parameters, dtype)
    for block in program.parameters:
        values = initialize(block.initializer, block.activation, block.shape, seed, block.layer)
        flat[block.offset : block.offset + block.size] = values.ravel()
    return flat


class Network:
    """Runs one program. Inputs must already be what `nncore.inputs` and `nncore.targets` return.

    The plan's own storage holds the parameters. Once `parameters` has been asked for, the flat vector handed out does:
    it is copied into the plan before every operation, and back after every one that changes it.

    One thread at a time uses the plan. Others wait, except while a `training` lasts: they get a ``RuntimeError``.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)
        Copied. Its dtype is the one computed in.
    optimizer : Optimizer
    """

    def __init__(self, program: Program, parameters: NDArray, optimizer: Optimizer) -> None:
        self.program = program
        self.dtype = parameters.dtype
        self._plan: Any = engine.load(self.dtype.name).Plan(program)
        self._plan.set_parameters(np.ascontiguousarray(parameters))
        self._plan.set_optimizer(optimizer)
        self._optimizer = optimizer
        self._flat: NDArray | None = None
        self._lock = threading.RLock()
        self._trainer: int | None = None
        _alive.add(self)

    @contextmanager
    def training(self) -> Iterator[None]:
        """Keep other threads, and callbacks of the same thread, from training until the block ends."""
        with self._lock:
            self._check_not_training_elsewhere()
            self.check_not_training()
            self._trainer = threading.get_ident()
        try:
            yield
        finally:
            self._trainer = None

    def check_not_training(self) -> None:
        """Raise RuntimeError while a `training` lasts."""
        self._check_not_training_elsewhere()
        if self._trainer is not None:
            raise RuntimeError("model is being trained: a callback cannot train or recompile the model that called it")

    def _check_not_training_elsewhere(self) -> None:
        if self._trainer is not None and self._trainer != threading.get_ident():
            raise RuntimeError("model is being trained in another thread")

    def _forget_other_threads(self) -> None:
        """In a child process after a fork only the forking thread lives on: what others held would stay held."""
        self._lock = threading.RLock()
        if self._trainer != threading.get_ident():
            self._trainer = None

    def _lent_plan(self) -> Any:
        """Return the plan with the current parameters; call it with the lock held."""
        self._check_not_training_elsewhere()
        if self._flat is not None:
            self._plan.set_parameters(self._flat)
        return self._plan

    @property
    def parameters(self) -> NDArray:
        """The flat parameter vector, writable; the same array at every call."""
        self._check_not_training_elsewhere()
        with self._lock:
            if self._flat is None:
                self._flat = self.get_parameters()
            return self._flat

    def get_parameters(self) -> NDArray:
        """Return a copy of the flat parameter vector."""
        flat = np.empty(self.program.n_parameters, self.dtype)
        self._check_not_training_elsewhere()  # before the lock, so that nobody waits for a long epoch to hear it
        with self._lock:
            self._lent_plan().get_parameters(flat)
        return flat

    def set_parameters(self, flat: NDArray) -> None:
        self._check_not_training_elsewhere()
        with self._lock:
            self._lent_plan().set_parameters(flat)
            if self._flat is not None:
                self._flat[:] = flat

    @property
    def optimizer(self) -> Optimizer:
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        """Change the update rule; its state goes on if the rule is of the same kind, else starts anew."""
        self._check_not_training_elsewhere()
        with self._lock:
            same_kind = type(optimizer) is type(self._optimizer) and optimizer.n_slots == self._optimizer.n_slots
            plan = self._lent_plan()
            plan.set_optimizer(optimizer)
            self._optimizer = optimizer
            if not same_kind:
                plan.set_slots(np.zeros((optimizer.n_slots, self.program.n_parameters), self.dtype))
                plan.iterations = 0

    def state(self) -> tuple[NDArray, NDArray, int]:
        """Return copies of the parameters (n_parameters,) and slots (n_slots, n_parameters), and the update count."""
        slots = np.empty((self._optimizer.n_slots, self.program.n_parameters), self.dtype)
        self._check_not_training_elsewhere()
        with self._lock:
            flat = self.get_parameters()
            self._plan.get_slots(slots)
            return flat, slots, self.iterations

    def set_optimizer_state(self, slots: NDArray, iterations: int) -> None:
        with self._lock:
            plan = self._lent_plan()
            plan.set_slots(slots)
            plan.iterations = iterations

    def with_program(self, program: Program, optimizer: Optimizer) -> Network:
        """Return a network of the same parameters that runs another program, for another loss.

        A flat vector handed out before now belongs to the new network.
        """
        flat, slots, iterations = self.state()
        other = Network(program, flat, self._optimizer)
        other.set_optimizer_state(slots, iterations)
        other.optimizer = optimizer
        other._flat = self._flat
        return other

    @property
    def iterations(self) -> int:
        """Number of updates done."""
        return int(self._plan.iterations)

    def predict(self, X: NDArray) -> NDArray:
        """Return the predictions, shape (n, n_outputs)."""
        out = np.empty((len(X), self.program.n_outputs), self.dtype)
        self._check_not_training_elsewhere()
        with self._lock:
            if len(X):
                self._lent_plan().predict(X, out)
        return out

    def evaluate(
        self, X: NDArray, target: NDArray, sample_weight: NDArray | None, predictions: NDArray | None
    ) -> float:
        """Return the loss; write the predictions (n, n_outputs) to `predictions` if given."""
        self._check_not_training_elsewhere()
        with self._lock:
            return float(self._lent_plan().evaluate(X, target, sample_weight, predictions))

    def loss_and_gradient(self, X: NDArray, target: NDArray, sample_weight: NDArray | None) -> tuple[float, NDArray]:
        """Return the loss and its gradient (n_parameters,)."""
        gradient = np.empty(self.program.n_parameters, self.dtype)
        self._check_not_training_elsewhere()
        with self._lock:
            return float(self._lent_plan().loss_and_gradient(X, target, sample_weight, gradient)), gradient

    def train(self, X: NDArray, target: NDArray, sample_weight: NDArray | None, **options: Any) -> Any:
        """Run the plan's training; `options` and the result are those of ``Plan.train``."""
        self._check_not_training_elsewhere()
        with self._lock:
            plan = self._lent_plan()
            try:
                return plan.train(X, target, sample_weight, **options)
            finally:
                if self._flat is not None:
                    plan.get_parameters(self._flat)


def _forget_other_threads() -> None:
    for network in list(_alive):
        network._forget_other_threads()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_forget_other_threads)
