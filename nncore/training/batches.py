"""Mini-batches in the engine: whole epochs for ``fit``, and single updates."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore import engine
from nncore.arrays import Data
from nncore.base import checks
from nncore.base.random import block_permutation
from nncore.base.typing import Array
from nncore.data import Blocks
from nncore.engine import own_arithmetic
from nncore.errors import TrainingDiverged
from nncore.network import Network
from nncore.optimizers import Optimizer
from nncore.program import Program, refuse_frozen, refuse_unsuitable_batch
from nncore.schedules import Schedule
from nncore.training import sampling, streaming
from nncore.training.decay import check_decay, rates_between
from nncore.training.loop import Fit, Given
from nncore.training.outputs import loss_names
from nncore.training.own_gradient import check_own_loss
from nncore.training.state import State, checked_data, current_loss, names_for, new_network
from nncore.training.within import Within

SECONDS_PER_CALL = 0.1  # how long the engine runs alone: keeps the progress bar alive, costs 10 calls a second
EPOCHS_PER_CALL = 2**16  # more than fit into that time; the engine reserves room for so many losses
RATES_PER_CALL = 2**16  # of a schedule, worked out beforehand: a millisecond
DEFAULT_BATCH = 32
POSITIVE = checks.integer(1, checks.COUNT)
TIME = checks.real(0, checks.EPOCHS)
"""Rule: a time in epochs."""


Shuffle = bool | str | Blocks | None


def checked_shuffle(shuffle: Any) -> bool | Blocks | None:
    """Return what ``fit`` takes for `shuffle`, "block" as `Blocks`; None where the data are to decide.

    Examples
    --------
    >>> checked_shuffle("block")
    Blocks(buffer_rows=None, block_rows=None)
    """
    if shuffle is None or isinstance(shuffle, Blocks):
        return shuffle
    if not isinstance(shuffle, (bool, np.bool_)) and not (isinstance(shuffle, str) and shuffle == "block"):
        expected = 'shuffle must be True or False, "block" or nncore.data.Blocks(...)'
        raise (ValueError if isinstance(shuffle, str) else TypeError)(f"{expected}, got {checks.described(shuffle)}")
    return Blocks() if isinstance(shuffle, str) else bool(shuffle)


class MiniBatches:
    """Train batch by batch with the model's optimizer: the strategy of ``fit`` where no solver is asked for.

    Parameters
    ----------
    batch_size, shuffle
        As in ``Sequential.fit``.
    """

    pauses = False
    message = ""
    rows: int | None = None

    def __init__(self, batch_size: int | None, shuffle: Shuffle) -> None:
        self.batch_size = DEFAULT_BATCH if batch_size is None else batch_size
        self.shuffle = shuffle
        self._windows: tuple[int, int] | None = None  # rows of a block and of a window, where epochs are read in parts
        self._feeder: Callable[[int, int], Array] | None = None
        self._draws = True  # whether the engine draws the order of the rows, if they are shuffled
        self._within: Within | None = None  # what the latest call was scored by
        self._rates: Array | None = None  # of the steps of the latest call, if there is a schedule
        self._last_finite_loss = math.nan

    def check_arguments(self, state: State) -> None:
        self.batch_size = POSITIVE("batch_size", self.batch_size)
        self.shuffle = checked_shuffle(self.shuffle)

    def columns(self, state: State) -> tuple[str, ...]:
        of_outputs = loss_names(state.layers, current_loss(state))
        return (*of_outputs, "learning_rate", *["clipped"][: _clips(state.optimizer)])

    def check(self, state: State, program: Program, data: Data) -> None:
        refuse_frozen(program)
        self.batch_size = min(self.batch_size, len(data.X))
        self.steps = math.ceil(len(data.X) / self.batch_size)  # of an epoch
        refuse_unsuitable_batch(program, self.batch_size, state.dtype.itemsize)
        streams = streaming.is_streamed(data)
        if streams and self.shuffle is True:
            raise ValueError(
                'shuffle=True would read single rows all over a source: use shuffle="block", the default of sources'
            )
        if self.shuffle is None:
            self.shuffle = Blocks() if streams else True
        if streams or isinstance(self.shuffle, Blocks):
            blocks = self.shuffle if isinstance(self.shuffle, Blocks) else Blocks()
            block_rows, window = blocks.sizes(program.n_features, self.batch_size)
            self._windows = min(block_rows, len(data.X)), min(window, len(data.X))

    def check_start(self, network: Network, data: Data) -> None:
        """Look at a loss of the user's own, whose data are there; an epoch that diverges says so itself."""
        if not streaming.is_streamed(data):
            check_own_loss(network, data)

    def prepare(self, fit: Fit) -> None:
        """Look at the rates to come, and choose which epochs' layers are recorded."""
        program, n, optimizer = fit.network.program, self.rows or len(fit.data.X), fit.network.optimizer
        check_decay(program, optimizer, rates_between(optimizer, fit.state.epoch, fit.last_epoch))
        every = sampling.period(program, n, self.batch_size, fit.awaited or self.rows is not None, fit.penalises)
        self.record_every = max(every, sampling.of_a_long_past(fit.state.epoch))

    def run(self, fit: Fit) -> None:
        self.prepare(fit)
        if not streaming.is_streamed(fit.data):
            fit.loop()
            return
        assert self._windows is not None, "checked"
        draw = engine.load(fit.state.dtype.name).permutation
        feeder = streaming.feeder(fit, self._windows, bool(self.shuffle), draw)
        self._feeder = feeder
        try:
            fit.loop()
        finally:
            self._feeder = None
            feeder.close()

    def train(self, fit: Fit) -> None:
        """Run one epoch, or where nothing waits for its end, as many as fit into `SECONDS_PER_CALL`."""
        network, first = fit.network, fit.state.epoch
        epochs = self._epochs_per_call(fit)
        schedule, self._rates = network.optimizer.learning_rate, None
        if isinstance(schedule, Schedule):
            epochs = min(epochs, max(1, RATES_PER_CALL // self.steps))
            self._rates = schedule.of_steps(first, epochs, self.steps)
        highest = network.optimizer.rate if self._rates is None else float(self._rates.max())
        if highest > network.checked_rate:
            check_decay(network.program, network.optimizer, highest)
            network.checked_rate = highest
        X, target, weight = fit.trained
        network.train(
            None if self._feeder else X,
            target,
            weight,
            first_epoch=first,
            epochs=epochs,
            batch_size=self.batch_size,
            shuffle=bool(self.shuffle) and self._draws,
            seed=fit.state.seed,
            predictions=fit.predictions,
            max_seconds=None if fit.pauses else SECONDS_PER_CALL,
            learning_rates=self._rates,
            recorded=sampling.epochs_to_record(self.record_every, first, epochs, fit.last_epoch - 1),
            watcher=partial(self._watch, fit) if fit.watched else None,
            **self._in_windows(),
            **self._scored(fit),
            **self._told(fit),
        )

    def _in_windows(self) -> dict[str, Any]:
        return {} if self._windows is None else {"windows": self._windows, "feed": self._feeder}

    def _told(self, fit: Fit) -> dict[str, Any]:
        """Return whom the engine is to tell of each batch."""
        return {"batch_listener": partial(self._hear_batch, fit)} if fit.callbacks.hears_batches else {}

    def _hear_batch(self, fit: Fit, epochs: int, batch: int, loss: float) -> bool:
        logs = {"batch": batch, "n_batches": self.steps, "loss": loss}
        return fit.callbacks.on_batch_end(fit.model, fit.state.epoch + epochs, logs)

    def _scored(self, fit: Fit) -> dict[str, Any]:
        """Return what the engine is to do after each epoch, and whom to tell."""
        self._measured: list[dict[str, float]] = []
        self._within = within = fit.within
        if within is None:
            return {}
        if not fit.due.in_vain and not fit.due(fit.state.epoch):
            self._within = within = within.of_training()
        listens = within.measured or fit.weighs_within or (len(fit.callbacks) and not fit.pauses)
        listener = partial(self._hear, fit, within) if listens else None
        return {"validation": within.validation, "thresholds": within.thresholds, "listener": listener}

    def _hear(self, fit: Fit, within: Within, epochs: int, numbers: list[float]) -> bool:
        """Measure what the engine has not counted of an epoch, and pass all its scores on."""
        scores = dict(zip(("loss", *within.engines), numbers, strict=True))
        measured = within.measure(fit.trained.target, fit.predictions) if within.measured else {}
        if fit.weighs_within:
            measured["penalty"] = fit.penalty()
        if measured:
            self._measured.append(measured)
        return fit.hear(epochs, scores | measured)

    def _scores(self, fit: Fit, within: Within, columns: list[list[float]]) -> dict[str, list[float]]:
        """Return the scores of the epochs that have all of them; `columns` are the engine's."""
        found = dict(zip(within.engines, columns, strict=True))
        names = (*within.names, *["penalty"][: fit.weighs_within])
        if within.measured or fit.weighs_within:
            n = len(self._measured)
            found = {name: column[:n] for name, column in found.items()}
            found |= {name: [scores[name] for scores in self._measured] for name in names if name not in found}
        return {name: found[name] for name in names}

    def _epochs_per_call(self, fit: Fit) -> int:
        first = fit.state.epoch
        epochs = 1 if fit.pauses else fit.due.alike(first, min(fit.last_epoch - first, EPOCHS_PER_CALL))
        epochs = min(epochs, sampling.RECORDS_PER_CALL * self.record_every)
        if fit.penalises and not fit.weighs_within:  # its epochs must not depend on how fast this machine is
            epochs = min(epochs, sampling.until_record(self.record_every, first))
        return epochs

    def _watch(self, fit: Fit, epochs: int, rows: int, loss: float) -> bool:
        logs = {"batch": rows // self.batch_size, "n_batches": self.steps, "loss": loss}
        return fit.watch(epochs, rows / len(fit.trained.target), logs)

    def latest(self, fit: Fit) -> object:
        return fit.network.result

    def given(self, fit: Fit) -> Given:
        result, optimizer = fit.network.result, fit.network.optimizer
        n = len(result.losses)
        if self._rates is None:
            columns = {"learning_rate": [optimizer.rate] * n}
        else:
            columns = {"learning_rate": self._rates.reshape(-1, self.steps)[:n, -1].tolist()}
        if _clips(optimizer):
            columns["clipped"] = result.clipped.tolist()
        losses, seconds = result.losses.tolist(), result.seconds.tolist()
        if math.isfinite(result.last_finite_loss):  # else that of the call before still is the last
            self._last_finite_loss = result.last_finite_loss
        diverged = partial(self._diverged, fit) if result.diverged else None
        scores = dict(zip(fit.network.program.head_losses, result.head_losses.T.tolist(), strict=True))
        scores |= {} if self._within is None else self._scores(fit, self._within, result.scores.T.tolist())
        return Given(losses, seconds, columns, scores, result.recorded, result.records, self.record_every, diverged)

    def _diverged(self, fit: Fit) -> TrainingDiverged:
        from nncore.training.divergence import error  # here, not at the top, to keep `import nncore` quick

        state, data = fit.state, fit.data
        schedule, rates = state.optimizer.learning_rate, np.empty(self.steps)
        rates[:] = schedule.of_steps(state.epoch, 1, self.steps) if isinstance(schedule, Schedule) else schedule
        order = self._order(state, len(data.X))
        return error(state, fit.network, data, order, self.batch_size, rates, self._last_finite_loss)

    def _order(self, state: State, n: int) -> NDArray[np.int64]:
        """Return the rows of the model's next epoch, of which there are n in all."""
        draw = engine.load(state.dtype.name).permutation
        if self.shuffle and self._windows:
            return block_permutation(state.seed, state.epoch, n, *self._windows, draw)
        return np.asarray(draw(n, state.seed, state.epoch) if self.shuffle else np.arange(n))


def _clips(optimizer: Optimizer) -> bool:
    return optimizer.clip_value is not None or optimizer.clip_norm is not None


def train_on_batch(
    state: State,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    epoch: float | None,
    most: int = checks.COUNT,
) -> float:
    """Do one update on at most so many rows; see ``Sequential.train_on_batch``."""
    turn = state.turn
    if turn.trainer is not None:
        turn.check()
    with turn.lock:  # `turn.changing`, which would take a microsecond more
        if turn.trainer is not None:
            turn.check_not_training()
        network, loss = state.network, None
        if network is not None:
            rate = state.optimizer.learning_rate
            if epoch is not None or type(rate) is not float or not rate <= network.checked_rate:
                rate = rate_at(state, network, epoch)
            loss = network.step(X, y, sample_weight, rate, state.seed, most)
        if loss is None:
            loss = _on_converted(state, X, y, sample_weight, epoch, most)
        if epoch is not None:
            state.epoch = max(state.epoch, int(float(epoch)))
        return loss


@own_arithmetic
def rate_at(state: State, network: Network, epoch: float | None) -> float:
    """Return the learning rate of a step at a time, by default that at which the model's `epoch` stands."""
    rate = state.optimizer.rate_at(state.epoch if epoch is None else TIME("epoch", epoch))
    if rate > network.checked_rate:
        check_decay(network.program, state.optimizer, rate)
        network.checked_rate = rate
    return rate


@own_arithmetic
def _on_converted(
    state: State, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, epoch: float | None, most: int
) -> float:
    """Do one update on what first has to be converted, or say why not."""
    data, program = checked_data(state, X, y, sample_weight)
    n = len(data.X)
    if n > most:
        raise ValueError(f"X has {n} rows, but batch_size={most} is the most that this stepper was made for")
    refuse_frozen(program)
    refuse_unsuitable_batch(program, n, state.dtype.itemsize)
    network = state.network or new_network(state, program)
    network.check_adapted()
    rate = np.array([rate_at(state, network, epoch)])
    check_own_loss(network, data)
    state.network = network
    if not (type(X) is np.ndarray and type(y) is np.ndarray):  # whose columns have no names
        state.feature_names, state.output_names = names_for(state, program, X, y)
    result = network.train(*data, batch_size=n, shuffle=False, seed=state.seed, learning_rates=rate)
    if result.diverged:
        from nncore.training.divergence import error

        raise error(state, network, data, np.arange(n), n, rate, result.last_finite_loss)
    return float(result.losses[0])
