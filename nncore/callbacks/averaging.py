"""Averages of the weights that training passed through, which often predict better than the last of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.typing import Array, Floats
from nncore.callbacks.hooks import HOOKS

BATCHES = checks.integer(1, checks.COUNT)


class _Averaging(ABC):
    """What both have in common: weights are taken in as training goes, and their average put in at the end."""

    unrecorded = "averages after batches, and a solver has none: leave every out, and it does after each iteration"
    """What is said where a log that it requires is not recorded."""
    _every: int | None = None  # from one batch that is taken in to the next; None is epochs

    def __init__(self, start_from_epoch: int, put_in: bool, every: int | None = None) -> None:
        self.start_from_epoch: int = checks.integer(0, checks.COUNT)("start_from_epoch", start_from_epoch)
        self.put_in: bool = checks.flag("put_in", put_in)
        self._every = every
        self._begin()

    def _begin(self) -> None:
        self.n_averaged = 0
        self.weights: list[Array] | None = None
        self.trained_weights: list[Array] | None = None
        self._passed = self._batches = 0
        self._average: Floats | None = None
        self._finished: tuple[int, int, Floats | None] = 0, 0, None  # the same as of the last epoch that was finished

    @property
    def required_logs(self) -> tuple[str, ...]:
        """For batches a rate: solvers have neither."""
        return () if self._every is None else ("learning_rate",)

    @property
    def hears_scores(self) -> bool:
        """Whether ``on_epoch_end`` reads weights alone: ``fit`` need not pause for it then.

        Not where a subclass or an instance has another one.
        """
        kinds = (ExponentialMovingAverage, StochasticWeightAveraging)
        return self._every is None and type(self) in kinds and vars(self).keys().isdisjoint({*HOOKS, "_share"})

    @abstractmethod
    def _share(self) -> float:
        """Return the share of the newest weights in the average, of which there are `n_averaged`, they included."""

    def on_train_begin(self, model: Model) -> None:
        self._begin()

    @property
    def on_batch_end(self) -> Callable[..., None]:
        """The hook, which is there only where batches are asked for: it has its price."""
        if self._every is None:
            raise AttributeError("on_batch_end is there with every='batch'")
        return self._hear_batch

    def _hear_batch(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        if self._passed >= self.start_from_epoch:
            self._batches += 1
            if self._batches % (self._every or 1) == 0:
                self._take_in(model)

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        self._passed += 1
        if self._every is None and self._passed > self.start_from_epoch:
            self._take_in(model)
        if self._every is not None:
            self._finished = self.n_averaged, self._batches, None if self._average is None else self._average.copy()

    def _take_in(self, model: Model) -> None:
        self.n_averaged += 1
        new = np.concatenate([weight.ravel() for weight in model.get_weights()])
        if self._average is None:
            self._average = new.astype("float64")
            return
        difference = new - self._average
        difference *= self._share()
        self._average += difference

    def on_train_end(self, model: Model) -> None:
        if self._every is not None:  # the batches of an epoch that was given up have not been
            self.n_averaged, self._batches, self._average = self._finished
        average, self._average, self._finished = self._average, None, (0, 0, None)
        if average is None:
            return
        self.trained_weights = model.get_weights()
        parts = np.split(average, np.cumsum([weight.size for weight in self.trained_weights])[:-1])
        self.weights = [
            part.reshape(trained.shape).astype(trained.dtype)
            for part, trained in zip(parts, self.trained_weights, strict=True)
        ]
        if self.put_in:
            model.set_weights(self.weights)


class ExponentialMovingAverage(_Averaging):
    """Average the weights of all epochs, the latest the most (Polyak and Juditsky, 1992), and end with the average.

    After the first epoch the average is its weights; after each other, ``average += (1 - decay) * (w - average)``, in
    float64. With ``every="batch"`` these are the weights after each update, as in Keras (``use_ema``) and PyTorch; once
    an epoch, which costs next to nothing, a decay d of theirs is ``d**steps``. Running means and variances of
    `BatchNorm` are averaged as weights are. The average goes into the model however training ends, by an error or by
    Ctrl-C, too; the optimizer's state stays. Each ``fit`` begins anew. Beside an `EarlyStopping`, the callback that
    stands last has the last word about the weights.

    Parameters
    ----------
    decay : float
        Share of the average that is kept; from 0, below 1. It looks back about ``1 / (1 - decay)`` epochs, or batches.
    every : {"epoch", "batch"} or int
        After what weights are taken in; a number is that of batches, counted on over the epochs of a ``fit``. Each time
        costs some 30 microseconds, and for large networks 2 ns for each weight; lanes of small networks are left for
        it. An epoch that is given up takes its batches with it.
    start_from_epoch : int
        How many epochs of this ``fit`` to let pass first.
    put_in : bool
        Whether to put the average into the model at the end; `weights` has it in any case.

    Attributes
    ----------
    weights : list of ndarray or None
        The average, as ``model.get_weights()`` has weights; None before the end of a training.
    trained_weights : list of ndarray or None
        What the last epoch left: ``model.set_weights(average.trained_weights)`` takes the average out again.
    n_averaged : int
        How many epochs it is of, or batches.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> from nncore import SGD, Dense, Sequential
    >>> X, y = [[-1.0], [0.0], [1.0], [0.5]], [-2.0, 0.3, 2.0, 0.9]
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(0.1))
    >>> average = ExponentialMovingAverage(0.8)
    >>> history = model.fit(X, y, epochs=20, batch_size=1, callbacks=average)
    >>> bool((model.get_weights()[0] == average.weights[0]).all()), average.n_averaged
    (True, 20)
    >>> model.set_weights(average.trained_weights)  # to train on from there
    """

    def __init__(
        self, decay: float = 0.9, *, every: str | int = "epoch", start_from_epoch: int = 0, put_in: bool = True
    ) -> None:
        super().__init__(start_from_epoch, put_in, _batches("every", every))
        self.every = every
        self.decay: float = checks.real(0, 1, below=True)("decay", decay)

    def _share(self) -> float:
        return 1 - self.decay


def _batches(name: str, every: Any) -> int | None:
    if isinstance(every, str):
        return 1 if checks.one_of(name, every, ("epoch", "batch")) == "batch" else None
    number: int = BATCHES(name, every)
    return number


class StochasticWeightAveraging(_Averaging):
    """Average the weights of the last epochs, each as much as the others (Izmailov et al., 2018), and end with that.

    Meant for a learning rate that stays high, or goes up and down, while they are gathered: `start_from_epoch` is when
    the descent is over. The running means and variances of `BatchNorm` are averaged, too, where those of the averaged
    weights would be others: with a `BatchNorm`, let training renew them at a learning rate of 0,
    ``model.compile(SGD(0), loss)`` and ``model.fit(X, y, epochs=5)``. All else is as in `ExponentialMovingAverage`.

    Parameters
    ----------
    start_from_epoch : int
        How many epochs of this ``fit`` to let pass first. If it ends before, nothing is averaged, and the model keeps
        its weights.
    put_in : bool
        Whether to put the average into the model at the end; `weights` has it in any case.

    Attributes
    ----------
    weights, trained_weights, n_averaged
        As in `ExponentialMovingAverage`.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> from nncore import SGD, Dense, Sequential
    >>> X, y = [[-1.0], [0.0], [1.0], [0.5]], [-2.0, 0.3, 2.0, 0.9]
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(0.2))
    >>> average = StochasticWeightAveraging(start_from_epoch=15)
    >>> history = model.fit(X, y, epochs=20, batch_size=1, callbacks=average)
    >>> average.n_averaged
    5
    """

    def __init__(self, start_from_epoch: int, *, put_in: bool = True) -> None:
        super().__init__(start_from_epoch, put_in)

    def _share(self) -> float:
        return 1 / self.n_averaged


checks.explain_unknown_arguments([ExponentialMovingAverage, StochasticWeightAveraging])
