"""Callbacks that set the learning rate from one epoch to the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.schedule import RATE, Schedule
from nncore.callbacks.monitor import Monitor


class LearningRateScheduler:
    """Set the learning rate before each epoch to what a function says.

    For the usual curves give the optimizer one of `nncore.schedules`: they set the rate of every step, not only of
    every epoch, and are saved with the model.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch)`` or ``schedule(epoch, rate)``, called with the number of the epoch, counted from 0 over all
        calls of ``fit``, and with the present rate. Returns the new one, finite and >= 0.

    Raises
    ------
    TypeError, ValueError
        If `schedule` takes other arguments or returns no such number, the optimizer has a schedule already, or a solver
        trains, which has no rate.

    Examples
    --------
    >>> from nncore import SGD, Dense, Sequential
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(0.1))
    >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate)
    >>> model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, callbacks=halve).learning_rate
    array([0.1  , 0.05 , 0.025])
    """

    required_logs = ("learning_rate",)  # else there is none to set

    def __init__(self, schedule: Callable[..., float]) -> None:
        self.schedule = schedule
        self._takes_rate = _takes_rate(schedule)

    def on_train_begin(self, model: Model) -> None:
        _check_constant(model, self)

    def on_epoch_begin(self, model: Model, epoch: int) -> None:
        rate = self.schedule(epoch, model.optimizer.rate) if self._takes_rate else self.schedule(epoch)
        model.optimizer = replace(model.optimizer, learning_rate=RATE(f"schedule({epoch})", rate))


def _takes_rate(schedule: Any) -> bool:
    if not callable(schedule) or isinstance(schedule, type):
        raise TypeError(f"schedule must be a function (epoch) or (epoch, rate), got {checks.described(schedule)}")
    try:
        signature = inspect.signature(schedule)
    except ValueError:  # some functions written in C do not tell
        return False
    for takes_rate, arguments in ((False, (0,)), (True, (0, 0.1))):  # a second argument with a default is not for us
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return takes_rate
    raise TypeError(f"schedule must take (epoch) or (epoch, rate), but it takes {signature}")


class ReduceLROnPlateau(Monitor):
    """Lower the learning rate when the monitored value has not got better for a while.

    Each ``fit`` begins to watch anew; the rate stays as it has become.

    Parameters
    ----------
    monitor : str
        Name of the value: ``"loss"``, ``"val_loss"``, a metric, a metric with ``val_`` before it...
    factor : float
        What the rate is multiplied by; above 0, below 1.
    patience : int
        How many epochs in a row may bring nothing better; after the last of them the rate is lowered. 0 means 1. NaN
        is never better (in Keras, a NaN in the first epoch stays the best for ever). Epochs without the value, which
        `validation_freq` of ``fit`` leaves out, are not counted, nor in `cooldown`.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; ``"auto"`` knows it of the loss and of nncore's metrics.
    min_delta : float
        How much better a value must be to count; finite, >= 0.
    cooldown : int
        The ``cooldown - 1`` epochs after that are not counted, as in Keras: 1 is the same as 0.
    min_lr : float
        The rate does not become lower than this.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; from ``fit``, before it trains, if it would not record the monitored value, the
        optimizer has a schedule, or a solver trains, which has no rate.

    Examples
    --------
    >>> from nncore import SGD, Dense, Sequential
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(1.0))
    >>> X, y = [[-1.0], [1.0]], [-2.0, 2.0]
    >>> model.fit(X, y, epochs=5, callbacks=ReduceLROnPlateau("loss", factor=0.5, patience=2)).learning_rate
    array([1. , 1. , 1. , 0.5, 0.5])
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        *,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        count = checks.integer(0, checks.COUNT)
        self.factor: float = checks.real(0, 1, above=True, below=True)("factor", factor)
        self.patience: int = count("patience", patience)
        self.cooldown: int = count("cooldown", cooldown)
        self.min_lr: float = RATE("min_lr", min_lr)
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self._waited = self._resting = 0

    @property
    def required_logs(self) -> tuple[str, ...]:
        """What is monitored, and that there is a rate to be lowered."""
        return (*super().required_logs, "learning_rate")

    def on_train_begin(self, model: Model) -> None:
        _check_constant(model, self)
        self._begin()

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        value = logs.get(self.monitor)
        if value is None:  # of an epoch that is not validated
            return
        self._resting = max(self._resting - 1, 0)
        if self.better(value, self.best):
            self.best, self._waited = value, 0
        elif self._resting == 0:
            self._waited += 1
            if self._waited >= self.patience:
                self._lower(model)

    def _lower(self, model: Model) -> None:
        rate = model.optimizer.rate
        if rate > self.min_lr:
            self._waited, self._resting = 0, self.cooldown
            model.optimizer = replace(model.optimizer, learning_rate=max(rate * self.factor, self.min_lr))


def _check_constant(model: Model, callback: object) -> None:
    if isinstance(model.optimizer.learning_rate, Schedule):
        raise ValueError(
            f"{type(callback).__name__} sets the learning rate, but the optimizer has a schedule already, "
            f"{model.optimizer.learning_rate}: leave one of them out"
        )


checks.explain_unknown_arguments([LearningRateScheduler, ReduceLROnPlateau])
