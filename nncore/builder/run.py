"""A run: a model that has been trained in steps, each of which a script could repeat."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from nncore import engine
from nncore.arrays import data_for
from nncore.arrays.class_weights import weighted_by_class
from nncore.base.typing import Array
from nncore.builder.data import Prepared
from nncore.builder.refusal import Refusal
from nncore.builder.setup import Setup, check, metrics_for
from nncore.history import History
from nncore.model import Sequential, restored, snapshot
from nncore.model.checkpoint import Snapshot
from nncore.schedules import Schedule
from nncore.training.adaptation import complete


class Step(NamedTuple):
    """Something that was done to the model: a method of `Sequential`, or the attribute that was set, and arguments."""

    what: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A model that a run began with, and the file that it is from."""

    path: str
    snapshot: Snapshot


class Within:
    """How far an epoch is that is being trained.

    Parameters
    ----------
    run : Run
        Whose model is at work.
    batch : int
        How many batches are done.
    loss : float
        Their mean loss.
    rest : float
        Seconds that the others will take.
    """

    def __init__(self, run: Run, batch: int, loss: float, rest: float) -> None:
        self._run, self.batch, self.loss, self.rest = run, batch, loss, rest

    @cached_property
    def model(self) -> Sequential:
        """A copy of the model as it is now."""
        return self._run.copied_at(self.batch)


def copied(model: Sequential) -> Sequential:
    """Return an independent model in the same state."""
    return restored(snapshot(model))


class Run:
    """A model, its data, and the journal of what was done to it since its first weights were drawn.

    Parameters
    ----------
    setup : Setup
    prepared : Prepared
    loaded : Loaded, optional
        A model of these layers to go on with; by default a new one.
    model : Sequential, optional
        What has become of it, in a run that is restored.

    Attributes
    ----------
    origin : Setup
        What the journal begins with.
    journal : tuple of Step
    stepping : Sequential or None
        While an epoch is gone through batch by batch: a copy of the model in which that happens. `model` itself waits
        at the start of the epoch, so that whatever comes next, the run consists of whole epochs.
    batch : int
        How many batches of the epoch `stepping` has seen.
    batch_loss : float or None
        Of the last of these batches, before its update.
    within : Within or None
        While an epoch is looked at that is being trained.
    idle : tuple of (int, float)
        An epoch, and for how many seconds of it the training stood still.
    """

    def __init__(
        self, setup: Setup, prepared: Prepared, loaded: Loaded | None = None, model: Sequential | None = None
    ) -> None:
        if model is None:
            if loaded is not None:
                _check_features(loaded, prepared)
            check(setup, prepared)
        self.loaded = loaded
        self.setup = self.origin = setup
        self.prepared = prepared
        self.journal: tuple[Step, ...] = ()
        self.model = model or (self._built() if loaded is None else self._from_file(loaded))
        self.stepping: Sequential | None = None
        self.batch: int = 0
        self.batch_loss: float | None = None
        self.within: Within | None = None
        self.idle = (-1, 0.0)
        self._weights: Array | None = None
        self._shuffled: tuple[tuple[int, int, int], Array] | None = None
        self._scores: dict[str, float] | None = None

    def _built(self) -> Sequential:
        setup = self.setup
        model = Sequential(setup.layers, seed=setup.seed, dtype=setup.dtype)
        model.compile(setup.optimizer, setup.loss, metrics_for(setup, self.prepared.dataset))
        model.build(self.prepared.X.shape[1])
        return self._adapted(model)

    def _adapted(self, model: Sequential) -> Sequential:
        """Return a model that can predict: a script's does after the first epoch, which adapts it to the same rows."""
        complete(model._state, self.part("train")[0])
        return model

    def _from_file(self, loaded: Loaded) -> Sequential:
        model = restored(loaded.snapshot)
        metrics = metrics_for(self.setup, self.prepared.dataset)
        model.compile(self.setup.optimizer, self.setup.loss, metrics, keep_state=True)
        return self._adapted(model)

    @property
    def current(self) -> Sequential:
        """The model as it is shown: with the batches of an unfinished epoch."""
        if self.within is not None:
            return self.within.model
        return self.model if self.stepping is None else self.stepping

    @property
    def batch_now(self) -> int:
        """How many batches the epoch that is shown has behind it."""
        return self.batch if self.within is None else self.within.batch

    def scores_of_file(self) -> dict[str, float]:
        """Return loss and metrics on both parts, for a model from a file before its first epoch here."""
        if self.loaded is None or self.model.epoch != self.loaded.snapshot.epoch:
            return {}
        if self._scores is None:
            found = dict(self.model.evaluate(*self.part("train")))
            if len(self.prepared.held_out):
                held_out = self.model.evaluate(*self.part("held_out"))
                found |= {f"val_{name}": value for name, value in held_out.items()}
            self._scores = found
        return self._scores

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.prepared.train) // self.batch_size)

    @property
    def batch_size(self) -> int:
        """Rows of a batch, at most as many as there are."""
        return min(self.setup.batch_size, len(self.prepared.train))

    # ---- training

    def fit(self, epochs: int, callback: Any) -> None:
        """Train whole epochs, with a callback of ``Sequential.fit``.

        Raises
        ------
        TrainingDiverged
            If the loss stops being finite; the epochs before are kept.
        """
        self.leave_epoch()
        first, (X, y) = self.model.epoch, self.part("train")
        try:
            self.model.fit(
                X,
                y,
                epochs=epochs,
                batch_size=self.setup.batch_size,
                validation_data=self.part("held_out") if len(self.prepared.held_out) else None,
                class_weight=self.setup.class_weight,
                callbacks=[callback],
                verbose=False,
            )
        finally:
            done = self.model.epoch - first
            if done:
                self._note_epochs(done)

    def check_whole(self, wish: str) -> None:
        """Refuse what needs whole epochs while one is paused."""
        if self.within is not None:
            done = f"{self.within.batch:,} of the {self.n_batches:,} batches of epoch {self.model.epoch + 1} are done"
            raise Refusal(f"{done}: finish it first, with Train or with Epoch, then {wish}")

    def part(self, name: str) -> tuple[Array, Array]:
        """Return inputs and targets of a part of the rows: train or held_out."""
        return self.prepared.parts[name]

    def _note_epochs(self, done: int) -> None:
        how = self.setup.batch_size, self.setup.class_weight
        if self.journal and self.journal[-1].what == "fit" and self.journal[-1].arguments[1:] == how:
            done += self.journal[-1].arguments[0]
            self.journal = self.journal[:-1]
        self.journal += (Step("fit", (done, *how)),)

    def next_batch(self) -> Array:
        """Return the numbers, among the rows to train on, of those that the next update reads."""
        epochs, number = divmod(self.batch_now, self.n_batches)
        order = self._order(self.model.epoch + epochs)
        return order[number * self.batch_size : (number + 1) * self.batch_size]

    def _order(self, epoch: int) -> Array:
        """Return the order in which an epoch goes through the rows; the last one is kept, for frames ask for it."""
        key = (self.setup.seed, epoch, len(self.prepared.train))
        if self._shuffled is None or self._shuffled[0] != key:
            seed, _, n = key
            self._shuffled = key, engine.load(self.model.dtype.name).permutation(n, seed, epoch)
        return self._shuffled[1]

    def weights(self) -> Array | None:
        """Return the weight of each row to train on; None where all count the same."""
        if self.setup.class_weight is None:
            return None
        if self._weights is None:
            program = self.model.program
            data = data_for(program, self.model.dtype, *self.part("train"), None)
            self._weights = weighted_by_class(data, program, self.setup.class_weight).sample_weight
        return self._weights

    def train_batch(self) -> float:
        """Do the next update of an epoch, but not its last, in a copy; return the loss of its rows before it."""
        rows = self.next_batch()
        if self.stepping is None:
            self.stepping = copied(self.model)
        (X, y), weights = self.part("train"), self.weights()
        loss = self.stepping.train_on_batch(X[rows], y[rows], None if weights is None else weights[rows])
        self.batch_loss = loss
        self.batch += 1
        self._set_rate(self.stepping, self.batch)
        return loss

    def copied_at(self, batch: int) -> Sequential:
        """Return a copy of the model, in the middle of an epoch, whose next update is that of a batch."""
        model = copied(self.model)
        self._set_rate(model, batch)
        return model

    def _set_rate(self, model: Sequential, batch: int) -> None:
        rate = self.model.optimizer.learning_rate
        if isinstance(rate, Schedule):  # alone, an update would have the rate of the start of its epoch
            next_rate = float(rate.of_steps(self.model.epoch, 1, self.n_batches)[batch])
            model.optimizer = replace(self.model.optimizer, learning_rate=next_rate)

    def leave_epoch(self) -> bool:
        """Drop the batches of an unfinished epoch, which is yet to be trained; return whether there were any."""
        had = self.stepping is not None
        self.stepping, self.batch, self.batch_loss = None, 0, None
        return had

    # ---- edits

    def edit(self, setup: Setup, step: Step) -> Any:
        """Change the set-up without giving up what has been learnt; return what the model's method returns.

        Before the first epoch there is nothing to be kept: the model is built anew, as a script would build it.

        Raises
        ------
        Refusal
            If it cannot be trained so. The run is then as before.
        """
        check(setup, self.prepared)
        self.leave_epoch()
        if not self.model.epoch and self.loaded is None:
            self.setup = self.origin = setup
            self.model = self._built()
            return None
        result = apply(self.model, step)
        self._adapted(self.model)
        self.setup, self._scores = setup, None
        self.journal += (step,)
        return result

    # ---- keeping and restoring

    def dump(self) -> bytes:
        """Return all of the run that its edits and training change, but for the history, in a form of its own."""
        state = (self.setup, self.origin, self.journal, snapshot(self.model, self.model.metadata))
        return pickle.dumps(state, protocol=5)

    @classmethod
    def restored(cls, kept: bytes, history: History, prepared: Prepared, loaded: Loaded | None) -> Run:
        """Return the run that `dump` described; it is only ever called with what `dump` returned."""
        setup, origin, journal, state_of_model = pickle.loads(kept)
        model = restored(state_of_model)
        model.history = history
        run = cls(setup, prepared, loaded, model)
        run.origin, run.journal = origin, journal
        return run


def _check_features(loaded: Loaded, prepared: Prepared) -> None:
    """Refuse data of another width before anything else is said of them: the target may be another one, too."""
    expected, found = restored(loaded.snapshot).program.n_features, prepared.X.shape[1]
    if expected != found:
        raise Refusal(f"{loaded.path} expects {expected} features, the data have {found}", "data")


def apply(model: Sequential, step: Step) -> Any:
    """Do one step of a journal, other than training, to a model."""
    if step.what == "optimizer":
        (model.optimizer,) = step.arguments
        return None
    kept = {"keep_state": True} if step.what == "compile" else {}
    return getattr(model, step.what)(*step.arguments, **kept)


def spread(n: int, most: int) -> Array:
    """Return up to `most` evenly spaced numbers of `n` rows.

    Examples
    --------
    >>> spread(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.arange(0, n, max(1, -(-n // most)))
