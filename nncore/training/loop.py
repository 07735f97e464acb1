"""The loop of ``Sequential.fit``: epochs in the engine, and between them validation, history, callbacks, progress."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.arrays import Data, data_for, facts, inputs, split_validation
from nncore.arrays.class_weights import weighted_by_class
from nncore.base import checks
from nncore.base.random import permutation
from nncore.base.recorded import DIVERGED
from nncore.base.typing import Array
from nncore.callbacks import Callbacks
from nncore.errors import TrainingDiverged
from nncore.history import History
from nncore.program import Program, refuse_unsuitable_batch
from nncore.program.naming import layer_names
from nncore.program.penalties import penalises, penalty
from nncore.program.symmetry import symmetric_layers
from nncore.schedules import Schedule
from nncore.training import sampling, scoring
from nncore.training.progress import ProgressBar, check_verbose

if TYPE_CHECKING:
    from nncore.model.sequential import Sequential

SECONDS_PER_CALL = 0.1  # how long the engine runs alone: keeps the progress bar alive, costs 10 calls a second
EPOCHS_PER_CALL = 2**16  # more than fit into that time; the engine reserves room for so many losses
RATES_PER_CALL = 2**16  # of a schedule, worked out beforehand: a millisecond
DEFAULT_BATCH = 32
WORTH_NOTING = 10**7  # multiply-adds: some ms, of which comparing the units' weights takes less than 1 %
NAN = float("nan")
POSITIVE = checks.integer(1, checks.COUNT)


def _validation(validation_data: Any, program: Program, dtype: np.dtype) -> Data:
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        found = checks.described(validation_data)
        raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {found}")
    X, y, *weight = validation_data
    try:
        array = inputs.features(X, dtype, program.n_features)
        return data_for(program, dtype, array, y, weight[0] if weight else None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error


class Training:
    """One call of ``fit``. Creating it checks and converts the arguments, and changes nothing in the model; `run` does.

    Parameters
    ----------
    model : Sequential
    data : tuple
        X, y, sample_weight.
    validation_data, validation_split, epochs, batch_size, shuffle, class_weight, callbacks, verbose
        As in ``Sequential.fit``.
    """

    def __init__(
        self,
        model: Sequential,
        data: tuple[Any, Any, Any],
        validation_data: Any,
        validation_split: float,
        *,
        epochs: int,
        batch_size: int | None,
        shuffle: bool | None,
        class_weight: Any,
        callbacks: Any,
        verbose: bool | int | str,
    ) -> None:
        if model._network is not None:
            model._network.check_not_training()
        self.model = model
        self.epochs = POSITIVE("epochs", epochs)
        self.batch_size = POSITIVE("batch_size", DEFAULT_BATCH if batch_size is None else batch_size)
        self.shuffle = checks.flag("shuffle", True if shuffle is None else shuffle)
        self.callbacks = Callbacks(callbacks)
        self.verbose = check_verbose(verbose)
        self.data, self.validation, program = _prepared(model, data, validation_data, validation_split)
        if class_weight is not None:
            self.data = weighted_by_class(self.data, program, class_weight)
        self.batch_size = min(self.batch_size, len(self.data.X))
        self.steps = math.ceil(len(self.data.X) / self.batch_size)
        self.rates: Array | None = None  # of the steps of the engine's last call, if there is a schedule
        refuse_unsuitable_batch(program, self.batch_size, model.dtype.itemsize)
        self.penalises = penalises(program)
        self.metrics = model.scorers
        self.callbacks.check_logs(self._recorded())
        self.network = model._network or model._new_network(program)
        shape = (len(self.data.X), program.n_outputs)
        self.predictions = np.empty(shape, model.dtype) if self.metrics else None
        self.history = History()
        self.described = sampling.described(program, model.layers)
        self.watched = self.callbacks.watch
        self.pauses = bool(len(self.callbacks) or self.validation or self.metrics)
        self.record_every = sampling.period(program, len(self.data.X), self.batch_size, self.pauses, self.penalises)

    def _recorded(self) -> list[str]:
        """Return the names of the values that every epoch will record."""
        scores = ["loss", *self.metrics]
        validated = [] if self.validation is None else [f"val_{name}" for name in scores]
        clips = self.model.optimizer.clip_value is not None or self.model.optimizer.clip_norm is not None
        if self.penalises:
            validated.append("penalty")
        return [*scores, *validated, "seconds", "learning_rate", *(["clipped"] if clips else [])]

    def run(self) -> History:
        """Train until the epochs are done or a callback says stop."""
        model = self.model
        with self.network.training():
            model._adopt(self.network)
            model.stop_training = False
            model.history.diverged, model.history.message = None, ""  # these speak of the latest training
            self._note_data()
            self.last_epoch = model.epoch + self.epochs
            progress = ProgressBar(self.verbose, self.epochs, len(self.data.X))
            with progress, self.callbacks.around_training(model) as stop:
                self._loop(progress, stop)
        return self.history

    def _note_data(self) -> None:
        """Note what the doctor judges inputs, classes and first weights by; weights where training takes longer."""
        program, history = self.network.program, self.model.history
        work = self.epochs * len(self.data.X) * program.n_parameters
        if work >= WORTH_NOTING or not history.knows_data or history.symmetric:  # which may no longer be true
            names = layer_names(self.model.layers)
            alike = symmetric_layers(program, self.network.get_parameters(), names)
            history.symmetric = self.history.symmetric = alike
        validation = None if self.validation is None else self.validation.target
        inputs, targets = facts.sampled(*self.data, program.loss, validation)
        history.note_data(inputs, targets)
        self.history.note_data(inputs, targets)

    def _loop(self, progress: ProgressBar, stop: bool) -> None:
        """Train epoch by epoch until they are done or somebody says stop, perhaps before the first."""
        while not stop and self._begins():
            stop = self._epoch(progress)

    def _begins(self) -> bool:
        """Return whether there is to be another epoch; if so, the callbacks have heard that it begins."""
        if self.model.epoch >= self.last_epoch or self.model.stop_training:
            return False
        return not self.callbacks.on_epoch_begin(self.model, self.model.epoch)

    def _epoch(self, progress: ProgressBar) -> bool:
        """Train once and tell the callbacks; return whether one asked to stop."""
        logs = self._train(progress)
        return not logs or self.callbacks.on_epoch_end(self.model, self.model.epoch - 1, logs)  # none: stopped in it

    @property
    def result(self) -> Any:
        """What `_run_engine` did last: ``losses`` and ``seconds`` of the epochs it finished, ``diverged``."""
        return self.network.result

    def _train(self, progress: ProgressBar) -> dict[str, float]:
        """Run one epoch, or where nothing waits for its end, as many as fit into `SECONDS_PER_CALL`.

        Whatever ends it, Ctrl-C or an error in a metric, the epochs that the engine has finished are recorded.
        """
        first_epoch, before = self.model.epoch, self.result
        scores: dict[str, float] = {}
        try:
            try:
                self._run_engine(first_epoch, progress)
                if len(self.result.losses):
                    scores = self._scores()
            finally:
                self._record(first_epoch, before, scores)
        except BaseException:
            self._record(first_epoch, before, scores)  # again, for a signal that struck while it was at work
            raise
        result = self.result
        logs = self.history.row(-1) if len(result.losses) else {}
        progress.update(len(result.losses), logs)
        if result.diverged:
            error = self._diverged()
            for history in (self.history, self.model.history):
                history.diverged = {name: getattr(error, name) for name in DIVERGED}
            raise error
        return logs

    def _diverged(self) -> TrainingDiverged:
        epoch, n = self.model.epoch, len(self.data.X)
        order = permutation(self.model.seed, epoch, n) if self.shuffle else np.arange(n)
        schedule = self.network.optimizer.learning_rate
        if isinstance(schedule, Schedule):
            rates = schedule.of_steps(epoch, 1, self.steps)
        else:
            rates = np.full(self.steps, schedule)
        return self.model._diverged(self.network, self.data, order, self.batch_size, rates)

    def _run_engine(self, first_epoch: int, progress: ProgressBar) -> None:
        epochs = 1 if self.pauses else min(self.last_epoch - first_epoch, EPOCHS_PER_CALL)
        epochs = min(epochs, sampling.RECORDS_PER_CALL * self.record_every)
        if self.penalises:  # its epochs must not depend on how fast this machine is
            epochs = min(epochs, sampling.until_record(self.record_every, first_epoch))
        schedule, self.rates = self.network.optimizer.learning_rate, None
        if isinstance(schedule, Schedule):
            epochs = min(epochs, max(1, RATES_PER_CALL // self.steps))
            self.rates = schedule.of_steps(first_epoch, epochs, self.steps)
        self.network.train(
            *self.data,
            first_epoch=first_epoch,
            epochs=epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            seed=self.model.seed,
            predictions=self.predictions,
            max_seconds=None if self.pauses else SECONDS_PER_CALL,
            learning_rates=self.rates,
            recorded=sampling.epochs_to_record(self.record_every, first_epoch, epochs, self.last_epoch - 1),
            watcher=partial(self._watch, progress, first_epoch) if progress.shown or self.watched else None,
        )

    def _watch(self, progress: ProgressBar, first_epoch: int, epochs: int, rows: int, loss: float) -> bool:
        """Show how far an epoch is that takes long; return whether a callback says that it is to be given up."""
        progress.advance(epochs + rows / len(self.data.X), loss)
        logs = {"batch": rows // self.batch_size, "n_batches": self.steps, "loss": loss}
        return self.callbacks.on_progress(self.model, first_epoch + epochs, logs)

    def _record(self, first_epoch: int, before: Any, scores: dict[str, float]) -> None:
        """Enter the finished epochs into both histories and count them; doing it twice is doing it once.

        `before` is the network's result before these epochs, `scores` belong to the last one.
        """
        result = self.result
        if result is before or not len(result.losses):
            return
        n_epochs = len(result.losses)
        columns: dict[str, Any] = {"loss": result.losses.tolist()}
        columns |= {name: [NAN] * (n_epochs - 1) + [value] for name, value in scores.items()}
        columns["seconds"] = result.seconds.tolist()
        columns |= self._settings(n_epochs)
        for history in (self.history, self.model.history):
            if history.next_epoch <= first_epoch:
                history.extend(first_epoch, columns)
            self._record_layers(history, first_epoch)
        self.model._epoch = first_epoch + n_epochs

    def _record_layers(self, history: History, first_epoch: int) -> None:
        found = self.result
        if len(found.recorded):
            of_layers = sampling.of_layers(self.network.program, found.records)
            history.record_layers(self.described, first_epoch + found.recorded, of_layers)

    def _settings(self, n_epochs: int) -> dict[str, list[float]]:
        """Return what the epochs just run were run with, as columns of the history."""
        optimizer = self.network.optimizer
        if self.rates is None:
            columns = {"learning_rate": [optimizer.rate] * n_epochs}
        else:
            columns = {"learning_rate": self.rates.reshape(-1, self.steps)[:n_epochs, -1].tolist()}
        if optimizer.clip_value is not None or optimizer.clip_norm is not None:
            columns["clipped"] = self.result.clipped.tolist()
        return columns

    def _scores(self) -> dict[str, float]:
        """Return the last epoch's training metrics and validation scores, and the penalty of the weights it left."""
        found: dict[str, float] = {}
        if self.predictions is not None:
            found |= scoring.scores(self.metrics, self.data.target, self.predictions)
        if self.validation is not None:
            scored = scoring.evaluate(self.network, self.validation, self.metrics)
            found |= {f"val_{name}": value for name, value in scored.items()}
        if self.penalises and (self.pauses or len(self.result.recorded)):  # a call ends with its only record
            found["penalty"] = penalty(self.network.program, self.network.get_parameters())
        return found


def _prepared(
    model: Sequential, data: tuple[Any, Any, Any], validation_data: Any, validation_split: float
) -> tuple[Data, Data | None, Program]:
    """Check and convert what to train on and what to validate on."""
    split = checks.real(0, 1, below=True)("validation_split", validation_split)
    if split and validation_data is not None:
        raise ValueError(f"give validation_data or validation_split={split:g}, not both")
    train, program = model._data(*data)
    if split:
        return *split_validation(train, split), program
    if validation_data is None:
        return train, None, program
    return train, _validation(validation_data, program, model.dtype), program
