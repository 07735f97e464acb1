"""One network of many to be trained: what is known of it before its turn, and what its turn gave."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from nncore import engine
from nncore.arrays import Data
from nncore.callbacks import Callbacks
from nncore.engine import lanes
from nncore.errors import TrainingDiverged
from nncore.history import History
from nncore.many.table import ALL, Rows, Table
from nncore.model import Sequential
from nncore.program import Program
from nncore.training.batches import DEFAULT_BATCH, Shuffle
from nncore.training.loop import Fit, Strategy
from nncore.training.state import Names, Prepared, State, program_for, with_measured

OPERATIONS = 6  # for each weight and row: a multiplication and an addition, forward, back, and for the gradient
PER_STEP = 30_000.0  # what a step of the smallest network costs beside that, in operations
PER_NETWORK = 1e7  # what a fit costs beside its steps
PER_LANE = 2e7  # what it costs beside that to begin and end in a lane
PER_HEARD = 1.5e6  # what it costs there to call a callback, which has a thread of its own
SCORED = 0.35  # what validation and metrics take there of the steps' time: they are not in lanes
CHANGED = (
    "the layers or the loss of the model were changed after fit_many had looked at them, and it is not trained; change "
    "it before or after, or train a copy: copy.deepcopy(model)"
)


@dataclass(eq=False)
class Job:
    """A model, which rows it learns and how, all checked; and in the end its history, and what ended it.

    Attributes
    ----------
    index : int
        Of the model among those that the caller gave.
    model : Sequential
    state : State
        Of the model.
    program : Program
        What it will run.
    names : tuple
        What features and outputs will be called.
    epochs, batch_size, shuffle, class_weight, callbacks, solver
        As ``Sequential.fit`` takes them.
    strategy : Strategy
        How it is trained: batches or a solver.
    table : Table
        Of which `rows` are trained on.
    validation : Table or None
        Of which `validation_rows` are validated on.
    n_rows : int
        To train on.
    history : History
        Of this training.
    error : BaseException or None
        What ended it, if anything did.
    ended : bool
        Whether its turn is over.
    """

    index: int
    model: Sequential
    state: State
    program: Program
    names: tuple[Names, Names]
    epochs: int
    batch_size: int | None
    shuffle: Shuffle
    class_weight: Any
    callbacks: Any
    solver: Any
    strategy: Strategy
    table: Table
    rows: Rows
    n_rows: int
    validation: Table | None
    validation_rows: Rows = field(default_factory=lambda: ALL)
    history: History = field(default_factory=History)
    error: BaseException | None = None
    ended: bool = False

    def check_same(self) -> None:
        """Raise RuntimeError if the model is another than the one that was checked, so that these data may not suit it.

        Other weights are none of its business, nor another optimizer: whoever trains goes on from what there is.
        """
        state, network = self.state, self.state.network
        program = program_for(state, self.program.n_features) if network is None else network.program
        if program is not self.program and program != self.program:
            raise RuntimeError(f"models[{self.index}]: {CHANGED}")

    @property
    def work(self) -> float:
        """Estimated operations: what decides which network comes first, and how far all have come."""
        steps = -(-self.n_rows // self._rows_of_batch)
        return PER_NETWORK + self.epochs * (OPERATIONS * self.program.n_parameters * self.n_rows + PER_STEP * steps)

    @property
    def module(self) -> ModuleType:
        """The compiled module that trains it."""
        return engine.load_for(self.program, self.state.dtype.name)

    @property
    def lanes_shape(self) -> Hashable | None:
        """What jobs have in common that are sooner trained together; None for one that is trained alone."""
        shape = None if self.solver is not None else lanes.shape(self.program, self.state.optimizer)
        callbacks = Callbacks(self.callbacks)
        watched = callbacks.watch or callbacks.hears_batches  # amid epochs: not in lanes, as `Network` knows
        blocks = not isinstance(self.shuffle, (bool, type(None)))  # nor do they know windows
        if shape is None or watched or blocks or self.saved_by_lanes(self.module.N_LANES) <= 0:
            return None
        return shape, self.n_rows, self._rows_of_batch, self.state.dtype.name

    @property
    def _rows_of_batch(self) -> int:
        return min(self.batch_size or DEFAULT_BATCH, self.n_rows)

    def saved_by_lanes(self, n: int) -> float:
        """Estimated operations that it saves to train the network as one of n in lanes; below 0 where it costs some."""
        scored = bool(self.state.metrics) or self.validation is not None
        share = lanes.mean_share(self.program, self._rows_of_batch, n, self.module)
        saved = 1 - share - (SCORED if scored else 0.0)
        heard = self.epochs if self.callbacks is not None else 0
        return saved * (self.work - PER_NETWORK) - PER_LANE - PER_HEARD * heard

    def fit(self) -> Fit:
        """Return a ``fit`` that is ready to run, with the rows gathered: those who train may hold a few of these."""
        self.check_same()
        data, validation = self._data(self.table, self.rows, "train"), None
        if self.validation is not None:
            validation = self._data(self.validation, self.validation_rows, "validate")
            if self.validation is self.table:  # whose weights are for training
                validation = validation._replace(sample_weight=None)
        seen = self.table.seen(data, validation, self.program)
        prepared = with_measured(Prepared(data, validation, self.program, self.names, seen))
        options: dict[str, Any] = {"class_weight": self.class_weight, "callbacks": self.callbacks, "verbose": False}
        fit = Fit(self.model, self.state, prepared, None, 0.0, self.strategy, epochs=self.epochs, **options)
        fit.history = self.history
        return fit

    def failed(self, error: BaseException) -> None:
        """Note what ended it; rows that it names are those of the whole table from now on."""
        if isinstance(error, TrainingDiverged):
            error.renumber(np.arange(self.table.n_rows)[self.rows].tolist())
        self.error = error

    def _data(self, table: Table, rows: Rows, purpose: str) -> Data:
        return table.taken(table.whole(self.state, self.program, self.names, self.index), rows, purpose)
