"""The loop of ``Sequential.fit``: epochs in the engine, and between them validation, history, callbacks, progress."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import evaluation, inputs, spec
from nncore.callbacks import Callbacks
from nncore.errors import TrainingDiverged
from nncore.evaluation import Data, data_for
from nncore.history import History
from nncore.inputs import Array
from nncore.network import Network
from nncore.program import Program
from nncore.progress import ProgressBar, check_verbose

if TYPE_CHECKING:
    from nncore.model import Sequential

SECONDS_PER_CALL = 0.1  # how long the engine runs alone: keeps the progress bar alive, costs 10 calls a second
EPOCHS_PER_CALL = 2**16  # more than fit into that time; the engine reserves room for so many losses
POSITIVE = spec.integer(1, 2**63 - 1)


def split_validation(data: Data, fraction: float) -> tuple[Data, Data]:
    """Split the last `fraction` of the rows off, before any shuffling, as Keras does.

    Raises
    ------
    ValueError
        If either part would be empty.
    """
    n = len(data.X)
    n_train = math.floor(n * (1 - fraction))
    if n_train in (0, n):
        raise ValueError(f"validation_split={fraction:g} of {n} sample(s) leaves an empty part: {n_train} to train on")
    return _rows(data, slice(None, n_train)), _rows(data, slice(n_train, None))


def _rows(data: Data, rows: slice) -> Data:
    X, target, weight = data
    return Data(X[rows], target[rows], None if weight is None else weight[rows])


def _validation(validation_data: Any, program: Program, dtype: np.dtype) -> Data:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        found = spec.described(validation_data)
        raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {found}")
    X, y, *weight = validation_data
    try:
        array = inputs.features(X, dtype, program.n_features)
        return data_for(program, dtype, array, y, weight[0] if weight else None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error


class Training:
    """One call of ``fit``. Creating it changes nothing in the model; `run` does.

    Parameters
    ----------
    model : Sequential
    network : Network
        The model's, or the one it will have.
    data : Data
        What to train on.
    validation : Data or None
        What to score after every epoch.
    epochs, batch_size : int
    shuffle : bool
    callbacks : Callbacks
    progress : ProgressBar
    """

    def __init__(
        self,
        model: Sequential,
        network: Network,
        data: Data,
        validation: Data | None,
        *,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        callbacks: Callbacks,
        verbose: bool | str,
    ) -> None:
        self.model = model
        self.network = network
        self.data = data
        self.validation = validation
        self.epochs = self.remaining = epochs
        self.batch_size = min(batch_size, len(data.X))
        self.shuffle = shuffle
        self.callbacks = callbacks
        self.verbose = verbose
        self.history = History()
        self.metrics = evaluation.bind_metrics(model.metrics, model.loss)
        self.predictions = self._prediction_buffer()

    @classmethod
    def prepared(
        cls,
        model: Sequential,
        data: tuple[Any, Any, Any],
        validation_data: Any,
        validation_split: float,
        *,
        epochs: int,
        batch_size: int,
        shuffle: bool,
        callbacks: Any,
        verbose: bool | str,
    ) -> Training:
        """Check and convert the arguments of ``fit``; `data` is (X, y, sample_weight)."""
        if model._network is not None:
            model._network.check_not_training()
        epochs, batch_size = POSITIVE("epochs", epochs), POSITIVE("batch_size", batch_size)
        shuffle = spec.flag("shuffle", shuffle)
        hooks = Callbacks(callbacks)
        check_verbose(verbose)
        split = spec.real(0, 1, below=True)("validation_split", validation_split)
        if split and validation_data is not None:
            raise ValueError(f"give validation_data or validation_split={split:g}, not both")
        train, program = model._data(*data)
        validation = None
        if split:
            train, validation = split_validation(train, split)
        elif validation_data is not None:
            validation = _validation(validation_data, program, model.dtype)
        evaluation.bind_metrics(model.metrics, model.loss)  # before the network, which may be large, is made
        network = model._network or model._new_network(program)
        return cls(
            model,
            network,
            train,
            validation,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            callbacks=hooks,
            verbose=verbose,
        )

    def _prediction_buffer(self) -> Array | None:
        shape = (len(self.data.X), self.network.program.n_outputs)
        return np.empty(shape, self.network.dtype) if self.metrics else None

    def run(self) -> History:
        """Train until the epochs are done or a callback says stop."""
        model = self.model
        with self.network.training():
            model._adopt(self.network)
            model.stop_training = False
            progress = ProgressBar(self.verbose, self.epochs, len(self.data.X))
            try:
                stop = self.callbacks.on_train_begin(model)
                while self.remaining and not (stop or model.stop_training):
                    logs = self._train(progress)
                    if len(self.callbacks):
                        stop = self.callbacks.on_epoch_end(model, model.epoch - 1, logs)
            finally:
                progress.close()
                self.callbacks.on_train_end(model)
        return self.history

    def _train(self, progress: ProgressBar) -> dict[str, float]:
        """Run one epoch, or where nothing waits for its end, as many as fit into `SECONDS_PER_CALL`."""
        every_epoch = bool(len(self.callbacks) or self.validation or self.metrics)
        before = self.network.result
        try:
            result = self.network.train(
                *self.data,
                first_epoch=self.model.epoch,
                epochs=1 if every_epoch else min(self.remaining, EPOCHS_PER_CALL),
                batch_size=self.batch_size,
                shuffle=self.shuffle,
                seed=self.model.seed,
                predictions=self.predictions,
                max_seconds=None if every_epoch else SECONDS_PER_CALL,
            )
        except BaseException:  # a signal handler raised, Ctrl-C for one: the epochs finished in this call count
            if self.network.result is not before:
                self._record(self.network.result)
            raise
        logs = self._record(result)
        if logs:
            progress.update(len(result.losses), logs)
        if result.diverged:
            rate = self.network.optimizer.learning_rate
            raise TrainingDiverged(self.model.epoch, result.batch, result.last_finite_loss, rate)
        return logs

    def _record(self, result: Any) -> dict[str, float]:
        """Enter the finished epochs into the histories; return the last one's values."""
        n_epochs = len(result.losses)
        if not n_epochs:
            return {}
        first_epoch = self.model.epoch
        self.model._epoch += n_epochs
        self.remaining -= n_epochs
        columns: dict[str, Any] = {"loss": result.losses, **self._last_epoch_scores()}
        columns["seconds"] = result.seconds
        columns["learning_rate"] = [self.network.optimizer.learning_rate] * n_epochs
        self.history.extend(first_epoch, columns)
        self.model.history.extend(first_epoch, columns)
        return {name: float(column[-1]) for name, column in columns.items()}

    def _last_epoch_scores(self) -> dict[str, list[float]]:
        """Training metrics and validation scores; a column of one value, for `every_epoch` holds if there are any."""
        found: dict[str, float] = {}
        if self.predictions is not None:
            found |= evaluation.scores(self.metrics, self.data.target, self.predictions)
        if self.validation is not None:
            scored = evaluation.evaluate(self.network, self.validation, self.metrics)
            found |= {f"val_{name}": value for name, value in scored.items()}
        return {name: [value] for name, value in found.items()}
