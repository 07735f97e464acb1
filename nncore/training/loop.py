"""The loop of ``fit``: a strategy trains epochs, and between them come validation, history, callbacks, progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from nncore.arrays import Data, facts
from nncore.base import checks
from nncore.base.recorded import DIVERGED
from nncore.base.typing import Array
from nncore.callbacks import Callbacks
from nncore.engine.penalties import penalty
from nncore.errors import TrainingDiverged
from nncore.history import History
from nncore.network import Network
from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.program.naming import layer_names
from nncore.program.penalties import penalises
from nncore.program.symmetry import symmetric_layers
from nncore.training import adaptation, sampling, scoring
from nncore.training.progress import ProgressBar, check_verbose, progress
from nncore.training.state import Prepared, State, current_loss, scorers, training_data
from nncore.training.validating import Due, recorded
from nncore.training.within import scored_within

WORTH_NOTING = 10**7  # multiply-adds: some ms, of which comparing the units' weights takes less than 1 %
NAN = float("nan")
NOTHING: Mapping[str, list[float]] = {}
POSITIVE = checks.integer(1, checks.EPOCHS)


class Given(NamedTuple):
    """What a call of `Strategy.train` gave: one epoch or several, as far as they were finished.

    Attributes
    ----------
    losses, seconds : list of float
        Of each epoch.
    columns : dict of str to list of float
        What else is recorded of each epoch.
    scores : mapping of str to list of float
        Metrics and validation, where the strategy has scored each epoch; of the last they may be missing.
    recorded : ndarray of shape (m,), int64
        Which of the epochs left records of the layers, counted from the first of them.
    records : ndarray of shape (m, n_rows, 42), or None
        These records, of the program's rows.
    every : int
        How many epochs lie from one record to the next.
    diverged : callable, or None
        Where the epoch after them diverged, what returns the error that says where.
    """

    losses: list[float]
    seconds: list[float]
    columns: dict[str, list[float]]
    scores: Mapping[str, list[float]] = NOTHING
    recorded: NDArray[np.int64] = np.empty(0, np.int64)
    records: NDArray[np.float64] | None = None
    every: int = 1
    diverged: Callable[[], TrainingDiverged] | None = None


class Strategy(Protocol):
    """A way to train: mini-batches, or a solver.

    Attributes
    ----------
    pauses : bool
        Whether Python has its turn after every epoch in any case.
    message : str
        How training ended, if the strategy has something to say about that.
    rows : int or None
        Of an epoch; None for all.
    """

    pauses: bool
    message: str
    rows: int | None

    def check_arguments(self, state: State) -> None:
        """Raise TypeError or ValueError if it was made with wrong arguments, or the model is not to be trained so."""

    def columns(self, state: State) -> tuple[str, ...]:
        """Return the names of what is recorded of every epoch besides loss, scores and seconds."""

    def check(self, state: State, program: Program, data: Data) -> None:
        """Raise ValueError if this program cannot be trained so, or not on these data."""

    def check_start(self, network: Network, data: Data) -> None:
        """Raise ValueError if training cannot start from the weights of this network."""

    def run(self, fit: Fit) -> None:
        """Train: `Fit.begins` before each epoch, then `Fit.epoch`, until one of them says that it is enough."""

    def train(self, fit: Fit) -> None:
        """Train the next epoch or epochs: what `Fit.epoch` calls."""

    def latest(self, fit: Fit) -> object:
        """Return what stands for the latest epochs trained, by whatever they ended: another object after each."""

    def given(self, fit: Fit) -> Given:
        """Return what these epochs gave."""


class Fit:
    """One call of ``fit``. Creating it checks and converts the arguments, and changes nothing in the model; `run` does.

    Both belong into one ``with state.turn.training()``.

    Parameters
    ----------
    model : object
        What callbacks get, and may set ``stop_training`` of.
    state : State
        Its state.
    data : tuple or Prepared
        X, y, sample_weight; or all of it checked and converted, what to validate on included.
    validation_data, validation_split, epochs, class_weight, callbacks, verbose, validation_freq
        As in ``Sequential.fit``.
    strategy : Strategy

    Attributes
    ----------
    network : Network
    data : Data
        To be trained on.
    trained : Data
        Targets and weights of the latest epoch, in the order of its `predictions`; all of `data` for most strategies.
    predictions : ndarray of shape (n, n_outputs), or None
        Where a strategy writes the predictions that an epoch's metrics are computed of; None if there are no metrics.
    last_epoch : int
        The number of the model's epochs at which training is to end.
    awaited : bool
        Whether there is something to do after every epoch.
    within : Within, or None
        The scores that the strategy works out itself.
    due : Due
        Which epochs are validated.
    pauses : bool
        Whether Python has its turn after every epoch. If not, the strategy calls `hear` where there are callbacks.
    watched : bool
        Whether somebody wants to hear how far an epoch is: `watch`.
    penalises : bool
        Whether the history gets the penalty of the epochs that are recorded.
    weighs_within : bool
        Whether it gets that of every epoch, worked out amid the strategy's call: see `penalty`.
    """

    def __init__(
        self,
        model: Any,
        state: State,
        data: tuple[Any, Any, Any] | Prepared,
        validation_data: Any,
        validation_split: float,
        strategy: Strategy,
        *,
        epochs: int,
        class_weight: Any,
        callbacks: Any,
        verbose: bool | int | str,
        validation_freq: Any = 1,
    ) -> None:
        self.model, self.state, self.strategy = model, state, strategy
        self.epochs = POSITIVE("epochs", epochs)
        strategy.check_arguments(state)
        self.callbacks = Callbacks(callbacks)
        self.verbose = check_verbose(verbose)
        found = data if isinstance(data, Prepared) else training_data(state, data, validation_data, validation_split)
        self.data, self.validation, program, self.names, self._seen = found
        if class_weight is not None:
            from nncore.arrays.class_weights import weighted_by_class  # here, not at the top: few need it

            self.data, self._seen = weighted_by_class(self.data, program, class_weight, state.dtype), None
        strategy.check(state, program, self.data)
        self.trained, self.n_rows = self.data, strategy.rows or len(self.data.X)
        self.penalises, self.metrics = penalises(program), scorers(state, program)
        names = recorded(program, self.metrics, self.validation is not None, strategy.columns(state))
        self.due = Due(validation_freq, names)
        self.callbacks.check_logs(names, self._objection)
        self.network = adaptation.adapted(state, found)
        strategy.check_start(self.network, self.data)
        self._try_metrics()
        self._choose_pauses()
        self._described = sampling.described(program, state.layers)
        self.history, self._trains = History(), False  # whether an epoch has been asked for

    def _choose_pauses(self) -> None:
        """See what of that which is to be done after every epoch the strategy does itself."""
        scores, self.within = bool(self.validation or self.metrics), None
        self.awaited = scores or self.strategy.pauses or len(self.callbacks) > 0
        self._stopped = False  # whether `hear` was told that it is enough
        if self.awaited and not self.strategy.pauses:
            self.within = scored_within(self.network, current_loss(self.state), self.metrics, self.validation)
        names = None if self.within is None else ("loss", *self.within.names, *["penalty"][: self.penalises])
        heard = names is not None and self.callbacks.hear_scores(names)
        self.pauses = self.awaited and not heard
        self.weighs_within = self.penalises and heard
        if self.validation is not None and heard:
            self.due.weigh(len(self.validation.X), self.network.program.n_parameters)

    def _try_metrics(self) -> None:
        """See that they can be computed, and make room for the predictions that they are computed of."""
        self.predictions: Array | None = None
        if self.metrics:
            self.predictions = np.empty((self.n_rows, self.network.program.n_outputs), self.state.dtype)
            from nncore.training.trial import check_metrics  # here, not at the top, to keep `import nncore` quick

            check_metrics(self.state, self.network, self.data)
            if self.validation is not None:
                check_metrics(self.state, self.network, self.validation, "validation: ")

    def _objection(self, metric: str) -> str | None:
        from nncore.training.trial import objection  # here, not at the top: only misses need it

        return objection(self.state, (self.data, self.validation), metric)

    @property
    def histories(self) -> tuple[History, History]:
        """Of this call, and of the model."""
        return self.history, self.state.history

    def run(self, bar: ProgressBar | None = None) -> History:
        """Train until the epochs are done or a callback says stop. An error before the first changes nothing.

        `bar` hears how it goes, by default one of its own as `verbose` says.
        """
        state = self.state
        before = state.network, state.optimizer, state.history, state.history.told(), self.model.stop_training
        names = state.feature_names, state.output_names
        try:
            state.network = self.network
            state.feature_names, state.output_names = self.names
            self.model.stop_training = False
            state.history.diverged, state.history.message = None, ""  # these speak of the latest training
            self._note_data()
            self.due.first, self.last_epoch = state.epoch, state.epoch + self.epochs
            self.progress = bar or progress(self.verbose, self.epochs, self.n_rows, self._logs)
            self.watched = self.progress.shown or self.callbacks.watch
            with self.progress, self.callbacks.around_training(self.model) as stop:
                if not stop:
                    self._run_strategy()
        except Exception:
            if not self._trains:
                self._put_back(*before)
                state.feature_names, state.output_names = names
            raise
        return self.history

    def _put_back(
        self, network: Network | None, optimizer: Optimizer, history: History, told: Mapping[str, Any], stopped: bool
    ) -> None:
        """Undo what this call changed in the model; with it what callbacks did to the optimizer, as schedulers do."""
        self.state.network, self.state.optimizer = network, optimizer
        if network is not None and network.optimizer is not optimizer:
            network.optimizer = optimizer
        history.tell(told)
        self.model.stop_training = stopped

    def _run_strategy(self) -> None:
        try:
            self.strategy.run(self)
        finally:
            for history in self.histories:
                history.message = self.strategy.message

    def _note_data(self) -> None:
        """Note what the doctor judges inputs, classes and first weights by; weights where training takes longer."""
        program, history = self.network.program, self.state.history
        work = self.epochs * self.n_rows * program.n_parameters
        if work >= WORTH_NOTING or not history.knows_data or history.symmetric:  # which may no longer be true
            names = layer_names(self.state.layers)
            alike = symmetric_layers(program, self.network.get_parameters(), names)
            history.symmetric = self.history.symmetric = alike
        beside = None if self.validation is None else self.validation.target
        seen = self._seen or facts.sampled(
            *self.data, program.loss, beside, program.precision, bool(program.reading), self.state.dtype, self.n_rows
        )
        for history in self.histories:
            history.note_data(*seen)

    # ---- what strategies call

    def loop(self) -> None:
        """Train epoch by epoch until they are done or somebody says stop."""
        while self.begins() and not self.epoch():
            pass

    def begins(self) -> bool:
        """Return whether there is to be another epoch; if so, the callbacks have heard that it begins."""
        if self.state.epoch >= self.last_epoch or self.model.stop_training:
            return False
        return not self.callbacks.on_epoch_begin(self.model, self.state.epoch)

    def epoch(self) -> bool:
        """Train once and tell the callbacks; return whether one asked to stop."""
        turn, before = self.network.turn, self.strategy.latest(self)
        with turn.using():  # weights and the record of them: nobody finds one without the other
            turn.record = partial(self._record_finished, self.state.epoch, before)
            try:
                logs = self._trained()
            finally:
                turn.record = None
        if not self.pauses:
            return self._stopped
        return not logs or self.callbacks.on_epoch_end(self.model, self.state.epoch - 1, logs)  # none: stopped in it

    def hear(self, epochs: int, scores: dict[str, float]) -> bool:
        """Tell the callbacks of an epoch amid a call of `Strategy.train`, unless it is the only one; return as `epoch`.

        Parameters
        ----------
        epochs : int
            How many it has trained before.
        scores : dict of str to float
            Its loss, and what `within` names.
        """
        if not self.pauses:
            epoch = self.state.epoch + epochs
            stopped = self.callbacks.on_epoch_end(self.model, epoch, self.due.logs(scores, epoch))
            self._stopped = stopped or bool(self.model.stop_training)
        return self._stopped

    def watch(self, epochs: int, share: float, logs: dict[str, float]) -> bool:
        """Show how far an epoch is that takes long; return whether a callback says that it is to be given up.

        Parameters
        ----------
        epochs : int
            That the latest `Strategy.train` has finished.
        share : float
            Of the epoch after these.
        logs : dict of str to float
            What ``on_progress`` gets.
        """
        self.progress.advance(epochs + share, logs["loss"])
        return self.callbacks.on_progress(self.model, self.state.epoch + epochs, logs)

    # ---- an epoch

    def _trained(self) -> dict[str, float]:
        """Let the strategy train, record what it gives, and return what the last epoch recorded.

        Whatever ends it, Ctrl-C or an error in a metric, the epochs that were finished are recorded.
        """
        self._trains = True
        first_epoch, before = self.state.epoch, self.strategy.latest(self)
        scores: dict[str, float] = {}
        try:
            try:
                self.strategy.train(self)
                given = self._given(before)
                if given is not None and given.losses:
                    scores = self._scores(given)
                self._record(first_epoch, given, scores)
            except BaseException:
                self._record(first_epoch, self._given(before), scores)
                raise
        except BaseException:
            self._record(first_epoch, self._given(before), scores)  # again, for a signal that struck while it did
            raise
        n = 0 if given is None else len(given.losses)
        self.progress.update(n, logs := self._logs(-1) if n else {})
        if given is not None and given.diverged:
            error = given.diverged()
            for history in self.histories:
                history.diverged = {name: getattr(error, name) for name in DIVERGED}
            raise error
        return logs

    def _logs(self, index: int) -> dict[str, float]:
        """Return what an epoch recorded, the last being -1."""
        return self.due.logs(self.history.row(index), self.state.epoch + index)

    def _record_finished(self, first_epoch: int, before: object) -> None:
        self._record(first_epoch, self._given(before), {})

    def _given(self, before: object) -> Given | None:
        """Return what has been trained since `before` was the latest; None for nothing."""
        return None if self.strategy.latest(self) is before else self.strategy.given(self)

    def _scores(self, given: Given) -> dict[str, float]:
        """Return the last epoch's training metrics and validation scores, and the penalty of the weights it left."""
        found: dict[str, float] = {}
        if self.predictions is not None and self.within is None:
            found |= scoring.scores(self.metrics, self.trained.target, self.predictions, self.trained.sample_weight)
        if self.validation is not None and self.within is None and self.due(self.state.epoch):
            scored = scoring.evaluate(self.network, self.validation, self.metrics)
            found |= {f"val_{name}": value for name, value in scored.items()}
        if self.penalises and not self.weighs_within and (self.pauses or len(given.recorded)):
            found["penalty"] = self.penalty()  # a call that does not pause ends with its only record
        return found

    def penalty(self) -> float:
        """Return what `l1` and `l2` make of the weights as they are now."""
        return penalty(self.network.program, self.network.get_parameters())

    def _record(self, first_epoch: int, given: Given | None, scores: Mapping[str, float]) -> None:
        """Enter the finished epochs into both histories and count them; doing it twice is doing it once.

        `scores` belong to the last of them.
        """
        if given is None or not given.losses:
            return
        n_epochs = len(given.losses)
        columns: dict[str, Any] = {"loss": given.losses}
        columns |= {name: [*of, *[NAN] * (n_epochs - len(of))] for name, of in given.scores.items() if of}
        columns |= {name: [NAN] * (n_epochs - 1) + [value] for name, value in scores.items()}
        columns = self.due.columns(columns | {"seconds": given.seconds, **given.columns}, first_epoch)
        of_layers = None
        if given.records is not None and len(given.recorded):
            of_layers = sampling.of_layers(self.network.program, given.records)
        for history in self.histories:
            if history.next_epoch <= first_epoch:
                history.extend(first_epoch, columns)
            if of_layers is not None:
                history.record_layers(self._described, first_epoch + given.recorded, of_layers, given.every)
        self.state.epoch = first_epoch + n_epochs
