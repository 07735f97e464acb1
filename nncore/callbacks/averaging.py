"""Averages of the weights that training passed through, which often predict better than the last of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.typing import Array, Floats
from nncore.callbacks.hooks import HOOKS


class _Averaging(ABC):
    """What both have in common: weights are taken in after each epoch, and their average put in at the end."""

    def __init__(self, start_from_epoch: int, put_in: bool) -> None:
        self.start_from_epoch: int = checks.integer(0, checks.COUNT)("start_from_epoch", start_from_epoch)
        self.put_in: bool = checks.flag("put_in", put_in)
        self._begin()

    def _begin(self) -> None:
        self.n_averaged = 0
        self.weights: list[Array] | None = None
        self.trained_weights: list[Array] | None = None
        self._passed = 0
        self._average: list[Floats] = []

    @property
    def required_logs(self) -> tuple[str, ...]:
        return ()

    @property
    def hears_scores(self) -> bool:
        """Whether ``on_epoch_end`` reads weights alone: ``fit`` need not pause for it then.

        Not where a subclass or an instance has another one.
        """
        kinds = (ExponentialMovingAverage, StochasticWeightAveraging)
        return type(self) in kinds and vars(self).keys().isdisjoint({*HOOKS, "_share"})

    @abstractmethod
    def _share(self) -> float:
        """Return the share of the newest weights in the average, of which there are `n_averaged`, they included."""

    def on_train_begin(self, model: Model) -> None:
        self._begin()

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        self._passed += 1
        if self._passed <= self.start_from_epoch:
            return
        self.n_averaged += 1
        new = model.get_weights()
        if self.n_averaged == 1:
            self._average = [weight.astype("float64") for weight in new]
            return
        share = self._share()
        for average, weight in zip(self._average, new, strict=True):
            average += share * (weight - average)

    def on_train_end(self, model: Model) -> None:
        if self.n_averaged == 0:
            return
        self.trained_weights = model.get_weights()
        self.weights = [
            average.astype(trained.dtype) for average, trained in zip(self._average, self.trained_weights, strict=True)
        ]
        if self.put_in:
            model.set_weights(self.weights)
        self._average = []


class ExponentialMovingAverage(_Averaging):
    """Average the weights of all epochs, the latest the most (Polyak and Juditsky, 1992), and end with the average.

    After the first epoch the average is its weights; after each other, ``average += (1 - decay) * (w - average)``. That
    is done in float64, once an epoch: of Keras and PyTorch, where it is done each step, a decay d is ``d**steps`` here.
    Running means and variances of `BatchNorm` are averaged as weights are. The average goes into the model however
    training ends, by an error or by Ctrl-C, too; the optimizer's state stays. Each ``fit`` begins anew. Beside an
    `EarlyStopping`, the callback that stands last has the last word about the weights.

    Parameters
    ----------
    decay : float
        Share of the average that is kept; from 0, below 1. It looks back about ``1 / (1 - decay)`` epochs.
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
        How many epochs it is of.

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

    def __init__(self, decay: float = 0.9, *, start_from_epoch: int = 0, put_in: bool = True) -> None:
        super().__init__(start_from_epoch, put_in)
        self.decay: float = checks.real(0, 1, below=True)("decay", decay)

    def _share(self) -> float:
        return 1 - self.decay


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
