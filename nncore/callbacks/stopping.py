"""EarlyStopping: end training when a value stops getting better."""

from __future__ import annotations

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.typing import Array
from nncore.callbacks.hooks import HOOKS, STOP, Stop
from nncore.callbacks.monitor import Monitor


class EarlyStopping(Monitor):
    """Stop when the monitored value has not got better for `patience` epochs (Prechelt, 1998).

    The best weights come back then, and however else training ends: after its last epoch, by an error, or by Ctrl-C,
    even amid an epoch. The optimizer's state and ``model.epoch`` stay as they are. Each ``fit`` begins anew.

    Parameters
    ----------
    monitor : str
        Name of the value: ``"loss"``, ``"val_loss"``, a metric, a metric with ``val_`` before it...
    min_delta : float
        How much better a value must be to count; finite, >= 0.
    patience : int
        How many epochs in a row may bring nothing better; the last of them ends training. 0 means 1. NaN is never
        better (in Keras, a NaN in the first epoch stays the best for ever). Epochs without the value, which
        `validation_freq` of ``fit`` leaves out, are not counted, as in Keras.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; ``"auto"`` knows it of the loss and of nncore's metrics.
    baseline : float, optional
        Only values better than this one renew the patience. An epoch that got better never ends training, though the
        patience may have run out: the next that does not, will.
    start_from_epoch : int
        How many epochs to let pass first, of this ``fit``: whatever they bring is neither the best nor the end. As in
        Keras.
    restore_best_weights : bool
        Whether to put the weights of the best epoch back, running statistics included.

    Attributes
    ----------
    best : float or None
        The best value so far.
    best_epoch : int or None
        Its epoch, counted from 0 as in ``history.epochs``.
    stopped_epoch : int or None
        The epoch after which training was stopped; None if it was not.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; from ``fit``, before it trains, if it would not record the monitored value.

    Examples
    --------
    >>> from nncore import Adam, Dense, Sequential
    >>> X, y = [[-1.0], [0.0], [1.0], [0.5]], [-2.0, 0.0, 2.0, 0.9]
    >>> model = Sequential([Dense(1)])
    >>> model.compile(Adam(0.1))
    >>> stopping = EarlyStopping("val_loss", patience=5)
    >>> history = model.fit(X, y, epochs=1000, validation_split=0.25, callbacks=stopping)
    >>> stopping.stopped_epoch - stopping.best_epoch, bool(stopping.best == history.val_loss.min())
    (5, True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 10,
        *,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = True,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience: int = checks.integer(0, checks.COUNT)("patience", patience)
        self.baseline: float | None = checks.optional(checks.real())("baseline", baseline)
        self.restore_best_weights: bool = checks.flag("restore_best_weights", restore_best_weights)
        self.start_from_epoch: int = checks.integer(0, checks.COUNT)("start_from_epoch", start_from_epoch)
        self._begin()

    def _begin(self) -> None:
        self.best: float | None = None
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None
        self._waited = 0
        self._passed = 0
        self._best_weights: list[Array] | None = None

    @property
    def hears_scores(self) -> bool:
        """Whether ``on_epoch_end`` reads no more than `monitor` and weights: ``fit`` need not pause for it then.

        Not where a subclass or an instance has another one.
        """
        return type(self) is EarlyStopping and vars(self).keys().isdisjoint({*HOOKS, "better"})

    def on_train_begin(self, model: Model) -> None:
        self._begin()

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> Stop | None:
        if self._passed < self.start_from_epoch:
            self._passed += 1
            return None
        value = logs.get(self.monitor)
        if value is None:  # of an epoch that is not validated
            return None
        self._waited += 1
        if self.better(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self._best_weights = model.get_weights()
            if self.baseline is None or self.better(value, self.baseline):
                self._waited = 0
            return None
        if self._waited < self.patience:
            return None
        self.stopped_epoch = epoch
        return STOP

    def on_train_end(self, model: Model) -> None:
        if self._best_weights is not None:  # even of the last epoch: one that was broken off has changed them
            model.set_weights(self._best_weights)
        self._best_weights = None


checks.explain_unknown_arguments([EarlyStopping])
