"""The session that all pages share: one run, what undoes its edits, and whether it is training."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from nncore import layers
from nncore.builder import frames, links, setup, sources, views, wording
from nncore.builder.refusal import Refusal
from nncore.builder.run import Loaded, Run
from nncore.builder.setup import Setup
from nncore.builder.undo import Kept, Ring
from nncore.builder.watching import PATIENCE, Pace, Watching, nobody
from nncore.builder.wire import Publish, notify
from nncore.errors import TrainingDiverged
from nncore.layers import Layer
from nncore.model import SurgeryReport
from nncore.program.naming import layer_names

MOST_EPOCHS = 200_000  # of a run: some hundred megabytes of history
SLIDER_PAUSE = 1.0  # seconds: of a slider that is dragged, changes that follow faster are one edit
NO_EDIT = ("", 0, 0.0)
MEANWHILE = "another page has changed the network or its training meanwhile; look at it, and repeat what still fits"


class Session:
    """Everything that is shown. All methods belong to the thread of `nncore.builder.worker.Worker`.

    Parameters
    ----------
    start : Setup
    path : str, optional
        The file of a source ``"file"``, or the folder of MNIST.
    loaded : Loaded, optional
        A model to go on with.
    publish : function of (kind, text), optional
        Sends a frame or a notice to all pages.

    Attributes
    ----------
    version : int
        Counts up whenever the state changes.
    edits : int
        Counts up with every edit, and with every one that is undone or done again.
    playing : bool
        Whether the run is training.
    held : bool
        Whether it waits within an epoch that was paused.
    pace : Pace
        How fast it trains.
    hurried : callable
        As `Watching` calls it.

    Raises
    ------
    Refusal
        If the set-up cannot be trained.
    """

    def __init__(
        self, start: Setup, *, path: str | None = None, loaded: Loaded | None = None, publish: Publish | None = None
    ) -> None:
        self.path = path
        self.csv: str | None = None
        self.publish: Publish = publish or (lambda kind, text: None)
        self.version = self.edits = 0
        self.playing = self.held = False
        self._asked = 0  # how often one has asked to train, or to pause
        self.messages: list[str] = []
        notes = {} if loaded is None else loaded.snapshot.metadata
        self.run = Run(start, setup.prepared_for(start, None, path, notes), loaded)
        self._undo, self._redo = Ring(), Ring()
        self._last_edit = NO_EDIT
        self._given_up = ""  # which epoch, since the last edit
        self._network_edit = 0  # the `edits` since which no layer has changed
        self._until: int | None = None
        self.pace = Pace()
        self._next_frame = 0.0
        self._curves_id, self._curves = 0, dict[str, object]()
        self.hurried: Callable[[], bool] = nobody

    def state(self, curves: bool = True) -> dict[str, Any]:
        """Return what every page shows, but for what changes with every epoch; the curves, if they are wanted."""
        run, current = self.run, self.run.setup
        program = run.model.program
        names = layer_names(current.layers)
        return {
            "version": self.version,
            "edits": self.edits,
            "data": {**current.source.to_dict(), **views.facts(run.prepared), "table": self._table()},
            "layers": [layers.to_dict(layer) for layer in current.layers],
            "names": names,
            "shapes": views.shapes(current.layers, program),
            "n_parameters": program.n_parameters,
            "optimizer": current.to_dict()["optimizer"],
            "training": {
                **current.training(),
                "loss_name": run.model.loss.name,
                "metrics_used": list(setup.metrics_for(current, run.prepared.dataset)),
            },
            "run": {
                "playing": self.playing,
                "epoch": run.model.epoch,
                "batch": run.batch_now,
                "n_batches": run.n_batches,
                "can_undo": bool(len(self._undo)),
                "can_redo": bool(len(self._redo)),
            },
            "curves": {"id": self.curves_id, "epochs": len(run.model.history)},
            **({"history": frames.curves(run.model.history)} if curves else {}),
            "frame": frames.frame(run, self.version),
            "messages": self.messages,
            "link": links.write(current),  # with which pages bring a set-up back whose server has gone
        }

    @property
    def curves_id(self) -> int:
        """Another number whenever there are other curves, or others by the same names, not when they get longer."""
        history = self.run.model.history
        now = {"": history, **history.layers}
        if [*now] != [*self._curves] or any(self._curves[name] is not thing for name, thing in now.items()):
            self._curves_id += 1
            self._curves = now
        return self._curves_id

    def curves(self, since: int) -> dict[str, Any]:
        """Return the curves from an epoch on, counted among those that are recorded."""
        history = self.run.model.history
        since = min(since, len(history))
        return {"id": self.curves_id, "since": since, "epochs": len(history), **frames.curves(history, since)}

    def _table(self) -> str | None:
        """Return what tells one table that a page sent from another; None for other data."""
        return sources.digest(self.csv) if self.run.setup.source.name == sources.CSV and self.csv is not None else None

    # ---- edits

    def edit(
        self,
        title: str,
        change: Callable[[], Any],
        *,
        seen: int | None = None,
        dragged: str = "",
    ) -> dict[str, Any]:
        """Make an edit, all of it or nothing.

        Parameters
        ----------
        title : str
            What undo calls it.
        change : callable
            Makes it, and returns what pages are told.
        seen : int, optional
            The `edits` of the state that the page has seen, of an edit at a place in the network; by default it does
            not matter.
        dragged : str
            What a slider drags, of an edit that is one of many.
        """
        if seen is not None and not self._network_edit <= seen <= self.edits:
            raise Refusal(MEANWHILE)
        layers_before, was_stepping = self.run.setup.layers, self.run.stepping is not None
        before = Kept.of(self.run, self.csv, title)
        with self._put_back_if_it_fails(before):
            report = change()
        self._keep(before, dragged)
        self._count_edit(layers_before)
        told = self._operated(report) if isinstance(report, SurgeryReport) else str(report or "")
        lines = told.splitlines()
        if before.loaded is not None and self.run.loaded is None:
            lines.append(f"the weights of {before.loaded.path} are left behind; undo brings them back")
        if was_stepping:
            lines.append("the epoch that was gone through batch by batch begins again with its first one")
        return self._answer(lines)

    def _answer(self, lines: list[str]) -> dict[str, Any]:
        """Return what pages are told of an edit; that an epoch was given up for it, its page has heard too early."""
        self.messages = [line for line in (*lines, self._given_up) if line]
        self._given_up = ""
        return {"messages": self.messages, "edits": self.edits}

    def _count_edit(self, layers_before: tuple[Layer, ...]) -> None:
        self.edits += 1
        self.version += 1
        if self.run.setup.layers != layers_before:
            self._network_edit = self.edits

    def _operated(self, report: SurgeryReport) -> str:
        model = self.run.model
        names = layer_names(model.layers)
        return wording.operated(report, {names[block.layer] for block in model.program.parameters})

    @contextlib.contextmanager
    def _put_back_if_it_fails(self, before: Kept) -> Iterator[None]:
        run, model, wanted = self.run, self.run.model, self.run.setup
        within = run.stepping, run.batch, run.batch_loss
        try:
            yield
        except BaseException as error:
            whole = self.run is run and run.model is model and run.setup is wanted
            if not (whole and isinstance(error, Refusal)):  # those come before anything is changed
                self.run = before.run()
            self.csv = before.csv
            self.run.stepping, self.run.batch, self.run.batch_loss = within
            raise

    def _keep(self, before: Kept, dragged: str) -> None:
        """Remember what an edit changed; a slider that is dragged is one edit."""
        was_dragged, epoch, when = self._last_edit
        now = time.monotonic()
        close = now - when < SLIDER_PAUSE and (self.playing or epoch == self.run.model.epoch)
        if not (dragged and dragged == was_dragged and close and len(self._undo)):
            self._undo.push(before)
        self._last_edit = (dragged, self.run.model.epoch, now)
        self._redo.clear()

    def undo(self, edits: int | None = None) -> dict[str, Any]:
        """Take back the last edit, if that is still the one of which the page knows: it has seen so many `edits`."""
        return self._travel(self._undo, self._redo, "undone", edits)

    def redo(self, edits: int | None = None) -> dict[str, Any]:
        """Make again the edit that was taken back last."""
        return self._travel(self._redo, self._undo, "done again", edits)

    def _travel(self, back: Ring, forth: Ring, word: str, seen: int | None) -> dict[str, Any]:
        if seen not in (None, self.edits):
            raise Refusal(MEANWHILE)
        if not len(back):
            raise Refusal(f"there is nothing to be {word}")
        kept, layers_before = back.pop(), self.run.setup.layers
        forth.push(Kept.of(self.run, self.csv, kept.edit))
        self.run, self.csv = kept.run(), kept.csv
        self._last_edit = NO_EDIT
        lines = [f"{word}: {kept.edit}", *(["training is paused"] if self.playing else [])]
        self.playing = False
        self._count_edit(layers_before)
        return self._answer(lines)

    def begin(self, wanted: Setup, *, reload: bool = False) -> None:
        """Begin a run anew, with first weights drawn from the seed.

        Parameters
        ----------
        wanted : Setup
        reload : bool
            The data are others, or held out in another way.
        """
        prepared = self.run.prepared
        if reload or prepared.noted:  # a file's preparation goes with its weights: new ones are for data prepared anew
            prepared = setup.prepared_for(wanted, self.csv, self.path)
        self.run = Run(wanted, prepared)

    # ---- training

    def train(self, epochs: int | None, epochs_per_second: float | None) -> dict[str, Any]:
        """Have `play` train so many epochs, by default as many as are kept, and no faster than is said."""
        self._check_epochs()
        most = MOST_EPOCHS if epochs is None else self.run.model.epoch + epochs
        self._until, self.held = min(most, MOST_EPOCHS), False
        self.pace.set(epochs_per_second)
        self._set_playing(True)
        return {"until": self._until}

    def _check_epochs(self) -> None:
        """Refuse another epoch where there are as many as are kept, or where its score could not be told."""
        if self.run.model.epoch >= MOST_EPOCHS:
            raise Refusal(f"the run has {MOST_EPOCHS:,} epochs, the most that are kept; reset it, or export its script")
        run = self.run
        if len(run.prepared.held_out) == 1 and "r2" in setup.metrics_for(run.setup, run.prepared.dataset):
            message = "1 row is held out, and R2 needs two at the least: hold out a larger share, or none"
            raise Refusal(message, "training.validation_split")

    def pause(self) -> dict[str, Any]:
        """Have `play` train no more: a long epoch waits where it is, one that is all but done is finished."""
        self._set_playing(False)
        within = self.run.within
        self.held = within is not None and within.rest >= PATIENCE
        return {"epoch": self.run.model.epoch}

    def _set_playing(self, playing: bool) -> None:
        self._asked += 1
        self.version += playing != self.playing
        self.playing = playing

    def play(self, waiting: Callable[[], bool]) -> None:
        """Train until somebody is waiting, the epochs are done, or the loss is no longer finite."""
        asked, until = self._asked, self._until or MOST_EPOCHS
        if self.run.model.epoch < until and not self.pace.wait(waiting):
            self._fit(until - self.run.model.epoch, self.pace, lambda: waiting() or self._asked != asked)
        if self.run.model.epoch >= (self._until or MOST_EPOCHS):
            self._set_playing(False)

    def _fit(self, epochs: int, pace: Pace | None = None, waiting: Callable[[], bool] = nobody) -> None:
        watching = Watching(
            self.run,
            lambda: self.version,
            self.publish,
            next_frame=self._next_frame,
            pace=pace,
            waiting=waiting,
            hurried=self.hurried,
        )
        try:
            self.run.fit(epochs, watching)
        except TrainingDiverged as error:
            first = f"epoch {error.epoch}, batch {error.batch}"  # counted from 0, which pages do not
            told = str(error).replace(first, f"epoch {error.epoch + 1}, batch {error.batch + 1}", 1)
            self.messages = [told]
            self.version += 1
            self.stop(told)
        finally:
            self._next_frame, self.held, self._given_up = watching.next_frame, False, watching.given_up
        if not self.playing:
            self.version += 1  # what was told within the epoch is no longer so

    def stop(self, why: str) -> None:
        """Train no more for a reason that all pages are told."""
        self._set_playing(False)
        notify(self.publish, why)

    def step_epoch(self) -> dict[str, Any]:
        """Train one epoch, or the rest of the one that was paused, to whose end it is then on its way."""
        self._check_paused()
        self._check_epochs()
        if self.run.within is not None:
            self.train(1, None)
        else:
            self._fit(1)
        return {"epoch": self.run.model.epoch}

    def step_batch(self) -> dict[str, Any]:
        """Show the next update. The last one of an epoch ends it, as training would have."""
        self._check_paused()
        self.run.check_whole("step through the next one")
        if self.run.batch >= self.run.n_batches - 1:
            return {"batch": 0, "loss": None, **self.step_epoch()}
        loss = self.run.train_batch()
        self.version += 1
        return {"batch": self.run.batch, "loss": loss, "epoch": self.run.model.epoch}

    def _check_paused(self) -> None:
        if self.playing:
            raise Refusal("the run is training; pause it first")
