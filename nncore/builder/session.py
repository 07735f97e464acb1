"""The session that all pages share: one run, what undoes its edits, and whether it is training."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from nncore import layers
from nncore.builder import data, doctoring, edits, explaining, export, frames, links, setup, views, wording
from nncore.builder.data import Prepared
from nncore.builder.messages import Refusal, Request, encode
from nncore.builder.run import Loaded, Run
from nncore.builder.schema import schema
from nncore.builder.setup import Setup
from nncore.builder.undo import Kept, Ring
from nncore.builder.watching import Watching, nobody
from nncore.errors import TrainingDiverged
from nncore.model.surgery import SurgeryReport
from nncore.program.naming import layer_names

MOST_EPOCHS = 200_000  # of a run: some hundred megabytes of history
SLIDER_PAUSE = 1.0  # seconds: changes of the optimizer that follow faster are one edit

Publish = Callable[[str, str], None]


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
    pace : float or None
        Epochs per second at most; None for as many as there are.
    next_frame : float
        When the next frame is due, in seconds of ``time.monotonic``.
    hurried : callable
        Called while a long epoch runs: answers what leaves the training alone, and tells whether something waits that
        should not have to wait for the end of the epoch.

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
        self.playing = False
        self.messages: list[str] = []
        notes = {} if loaded is None else loaded.snapshot.metadata
        self.run = Run(start, self._prepared(start, notes=notes), loaded)
        self._undo, self._redo = Ring(), Ring()
        self._last_edit = ("", 0, 0.0)
        self._until: int | None = None
        self.pace: float | None = None
        self.next_frame = 0.0
        self.hurried: Callable[[], bool] = nobody

    def _prepared(self, wanted: Setup, csv: str | None = None, notes: Mapping[str, str] | None = None) -> Prepared:
        """Return the data of a set-up; `notes` are those of a model file, which may say how its data are prepared."""
        offered = data.load(wanted.source, self.csv if csv is None else csv, self.path)
        features, chosen = (wanted.source.options.get(key) for key in ("features", "standardize"))
        dataset = offered if features is None else data.selected(offered, features)
        return data.prepare(
            dataset,
            wanted.validation_split,
            standardize=wanted.source.name != data.MNIST if chosen is None else chosen,
            seed=wanted.split_seed,
            preparation=data.noted_preparation(notes or {}, dataset),
            offered=offered,
        )

    # ---- what pages ask for

    def handle(self, request: Request) -> Any:
        """Carry out a request and return its result; what a Refusal refuses changes nothing."""
        fields = dict(request.fields)
        if "from" in fields:  # which no argument of Python can be called
            fields["start"] = fields.pop("from")
        if request.type in edits.EDITS:
            return self._edit(request.type, fields)
        return HANDLERS[request.type](self, **fields)

    def state(self) -> dict[str, Any]:
        """Return what every page shows, but for what changes with every epoch."""
        run, current = self.run, self.run.setup
        program = run.model.program
        names = layer_names(current.layers)
        return {
            "version": self.version,
            "edits": self.edits,
            "data": {**current.source.to_dict(), **views.facts(run.prepared)},
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
                "batch": run.batch,
                "n_batches": run.n_batches,
                "can_undo": bool(len(self._undo)),
                "can_redo": bool(len(self._redo)),
            },
            "history": frames.curves(run.model.history),
            "frame": frames.frame(run, self.version),
            "messages": self.messages,
            "link": links.write(current),  # with which pages bring a set-up back whose server has gone
        }

    # ---- edits

    def _edit(self, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Make an edit, all of it or nothing."""
        arguments = dict(fields)
        seen, joined = arguments.pop("edits", None), arguments.pop("joined", False)
        self._check_seen(seen)
        before = Kept.of(self.run, self.csv, kind)
        pending, was_stepping, batch_loss = self.run.batch, self.run.stepping, self.run.batch_loss
        try:
            report = edits.EDITS[kind](self, **arguments)
        except BaseException:
            self.run, self.csv = before.run(), before.csv
            self.run.stepping, self.run.batch, self.run.batch_loss = was_stepping, pending, batch_loss
            raise
        if not (joined and len(self._undo)):
            self._keep(before)
        self.edits += 1
        told = wording.operated(report) if isinstance(report, SurgeryReport) else str(report or "")
        self.messages = [line for line in told.splitlines() if line]
        if was_stepping is not None:
            self.messages.append("the epoch that was gone through batch by batch begins again with its first one")
        self.version += 1
        return {"messages": self.messages}

    def _check_seen(self, seen: int | None) -> None:
        """Refuse what was asked of another network than that of now, by a page that said which it has seen."""
        if seen not in (None, self.edits):
            raise Refusal("another page has changed the network meanwhile; look at it, and repeat what still fits")

    def _keep(self, before: Kept) -> None:
        """Remember what an edit changed; a slider that is dragged is one edit."""
        edit, epoch, when = self._last_edit
        now = time.monotonic()
        close = now - when < SLIDER_PAUSE and (self.playing or epoch == self.run.model.epoch)
        if not (before.edit == edit == "set_optimizer" and close and len(self._undo)):
            self._undo.push(before)
        self._last_edit = (before.edit, self.run.model.epoch, now)
        self._redo.clear()

    def _undo_edit(self, edits: int | None = None) -> dict[str, Any]:
        self._check_seen(edits)
        return self._travel(self._undo, self._redo, "undone")

    def _redo_edit(self, edits: int | None = None) -> dict[str, Any]:
        self._check_seen(edits)
        return self._travel(self._redo, self._undo, "done again")

    def _travel(self, back: Ring, forth: Ring, word: str) -> dict[str, Any]:
        if not len(back):
            raise Refusal(f"there is nothing to be {word}")
        kept = back.pop()
        forth.push(Kept.of(self.run, self.csv, kept.edit))
        self.run, self.csv = kept.run(), kept.csv
        self._last_edit = ("", 0, 0.0)
        self.messages = [wording.travelled(word, kept.edit), *(["training is paused"] if self.playing else [])]
        self.playing = False
        self.edits += 1
        self.version += 1
        return {"messages": self.messages}

    def begin(self, wanted: Setup, *, reload: bool = False, csv: str | None = None) -> None:
        """Begin a run anew, with first weights drawn from the seed.

        Parameters
        ----------
        wanted : Setup
        reload : bool
            The data are others, or held out in another way.
        csv : str, optional
            A new table.
        """
        prepared = self._prepared(wanted, csv) if reload else self.run.prepared
        self.run = Run(wanted, prepared)
        self.csv = self.csv if csv is None else csv

    # ---- training

    def _train(self, epochs: int | None, epochs_per_second: float | None) -> dict[str, Any]:
        self._check_epochs()
        most = MOST_EPOCHS if epochs is None else self.run.model.epoch + epochs
        self._until, self.pace = min(most, MOST_EPOCHS), epochs_per_second
        self._set_playing(True)
        return {"until": self._until}

    def _check_epochs(self) -> None:
        if self.run.model.epoch >= MOST_EPOCHS:
            raise Refusal(f"the run has {MOST_EPOCHS:,} epochs, the most that are kept; reset it, or export its script")

    def _pause(self) -> dict[str, Any]:
        self._set_playing(False)
        return {"epoch": self.run.model.epoch}

    def _set_playing(self, playing: bool) -> None:
        self.version += playing != self.playing
        self.playing = playing

    def play(self, waiting: Callable[[], bool]) -> None:
        """Train until somebody is waiting, the epochs are done, or the loss is no longer finite."""
        until = self._until or MOST_EPOCHS
        self._fit(max(1, until - self.run.model.epoch), Watching(self, waiting))
        if self.run.model.epoch >= until:
            self._set_playing(False)

    def _fit(self, epochs: int, watching: Any) -> None:
        try:
            self.run.fit(epochs, watching)
        except TrainingDiverged as error:
            self._set_playing(False)
            first = f"epoch {error.epoch}, batch {error.batch}"  # counted from 0, which pages do not
            self.messages = [str(error).replace(first, f"epoch {error.epoch + 1}, batch {error.batch + 1}", 1)]
            self.version += 1
            self.tell(self.messages[0])

    def tell(self, text: str) -> None:
        """Send a notice to all pages."""
        self.publish("notice", encode({"type": "notice", "text": text}))

    def _step_epoch(self) -> dict[str, Any]:
        self._stop_playing()
        self._check_epochs()
        self._fit(1, Watching(self))
        self.version += 1
        return {"epoch": self.run.model.epoch}

    def _step_batch(self) -> dict[str, Any]:
        """Show the next update. The last one of an epoch ends it, as training would have."""
        self._stop_playing()
        if self.run.batch >= self.run.n_batches - 1:
            return {"batch": 0, "loss": None, **self._step_epoch()}
        loss = self.run.train_batch()
        self.version += 1
        return {"batch": self.run.batch, "loss": loss, "epoch": self.run.model.epoch}

    def _stop_playing(self) -> None:
        if self.playing:
            raise Refusal("the run is training; pause it first")


HANDLERS: dict[str, Callable[..., Any]] = {
    "schema": lambda session: schema(session.path),
    "state": Session.state,
    "preview": lambda session, x, y: views.preview(session.run.prepared, x, y),
    "train": Session._train,
    "pause": Session._pause,
    "step_batch": Session._step_batch,
    "step_epoch": Session._step_epoch,
    "undo": Session._undo_edit,
    "redo": Session._redo_edit,
    "explain": lambda session, rows: explaining.explain(session.run, rows),
    "evaluate": lambda session, **fields: views.evaluate(session.run, **fields),
    "doctor": lambda session: doctoring.findings(session.run),
    "weights": lambda session, layer: views.weights(session.run, layer),
    "export": lambda session, kind: export.export(session.run, kind, session.path),
}
"""Carry out what is no edit; called with the session and the fields of the message."""
