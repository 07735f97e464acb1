"""Stepper: single updates of a model for loops of one's own, at little more than what the engine takes for them."""

from __future__ import annotations

import copyreg
from abc import ABC, abstractmethod
from typing import Any, cast

from numpy.typing import ArrayLike

from nncore import engine
from nncore.base import checks
from nncore.program import refuse_unsuitable_batch
from nncore.training import batches
from nncore.training.state import built


class Stepper(ABC):
    """What `Sequential.stepper` returns: a function that trains its model on one batch, as `train_on_batch` does.

    It changes the model in the same bits and raises the same errors, but looks at its arguments in compiled code. That
    pays for small networks, of which a step takes a few microseconds. What is slower is to be converted first: fastest
    are C-contiguous arrays of the model's dtype, and for a softmax class indices of int32 or int64. Others, float64 for
    a float32 model or whole numbers for a sigmoid, take ten times as long.

    It belongs to the network that the model had when it was made. Once layers are changed, or `compile` is given
    another loss, it raises a RuntimeError, and the model must be asked for a new one. Another optimizer, other weights
    and other training in between, it takes as they come.

    A deep copy, or what comes out of a pickle, trains a copy of the model; a shallow copy trains the same one.

    Attributes
    ----------
    model : Sequential
        The one that is trained.
    batch_size : int or None
        Most rows of a step.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import SGD, Dense, Sequential
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(0.1))
    >>> model.build(1)
    >>> step = model.stepper()
    >>> rng = np.random.default_rng(0)
    >>> for _ in range(500):
    ...     x = rng.random((8, 1), np.float32)
    ...     loss = step(x, 3 * x - 1)
    >>> model.parameters.round(2)
    array([ 3., -1.], dtype=float32)
    """

    model: Any
    batch_size: int | None

    @abstractmethod
    def __call__(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, epoch: float | None = None
    ) -> float:
        """Do one update on these rows; return their loss before it.

        Parameters
        ----------
        X, y, sample_weight, epoch
            As in `Sequential.train_on_batch`. With `epoch`, a schedule is asked for its rate, which takes longer than
            the step of a small network.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or `X` has more than `batch_size` rows.
        TrainingDiverged
            If the loss, a weight or the optimizer's state stops being finite; the update is then undone.
        RuntimeError
            If the model has another network by now, or is being trained in another thread, or by the caller of this
            callback.
        """


def stepper(model: Any, batch_size: int | None = None) -> Stepper:
    """Return a function that trains the model on one batch; see ``Sequential.stepper``."""
    state = model._state
    network = built(state)
    if batch_size is not None:
        batch_size = batches.POSITIVE("batch_size", batch_size)
        refuse_unsuitable_batch(network.program, batch_size, state.dtype.itemsize)
    compiled = engine.load_for(network.program, state.dtype.name).Stepper
    Stepper.register(compiled)
    copyreg.pickle(compiled, _remaking)
    return cast(Stepper, compiled(model, state, batch_size, _step))


def _remaking(made: Stepper) -> tuple[Any, ...]:
    return stepper, (made.model, made.batch_size)


def _step(made: Any, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, epoch: float | None) -> float:
    """Do a step that was left to Python, or say what is wrong; if it is done, arm the stepper for those after it."""
    state, network = made.state, made.network
    if state.turn.trainer is not None:
        state.turn.check_not_training()
    with state.turn.lock:
        if state.network is not network:
            again = f"model.stepper({'' if made.batch_size is None else made.batch_size})"
            raise RuntimeError(
                "this stepper trains a network that its model no longer has, since its layers or its loss were "
                f"changed; make a new one: step = {again}"
            )
        most = checks.COUNT if made.batch_size is None else made.batch_size
        loss = batches.train_on_batch(state, X, y, sample_weight, epoch, most)
        constant = type(state.optimizer.learning_rate) is float
        if constant or epoch is None:  # else each step asks the schedule
            made.arm(state.optimizer, batches.rate_at(state, network, None), None if constant else state.epoch)
        return loss
