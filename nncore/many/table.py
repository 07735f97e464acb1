"""X and y of all rows: converted once for all models that read them alike, and handed out as each comes to its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from nncore.arrays import Data, data_for, facts, inputs
from nncore.program import Program
from nncore.training.state import Names, State, current_loss, names_for, output_names, program_for

Rows = np.ndarray | slice
"""Which rows: their numbers, a mask of all, or a slice; the first and the last two without a copy of X."""
ALL = slice(None)
Seen = Callable[[], dict[str, Any]]


class Table:
    """All rows that some models are trained on, or validated on.

    Parameters
    ----------
    X, y : array-like
        As the caller gave them.
    weights : sequence of array-like or None, optional
        Weights of all rows, one for all models, or one for each; None for weights of 1.
    """

    def __init__(self, X: Any, y: Any, weights: Sequence[Any] = (None,)) -> None:
        self.X, self.y, self.weights = X, y, weights
        self._features: dict[Any, np.ndarray] = {}
        self._targets: dict[Any, Data] = {}
        self._programs: dict[Any, Program] = {}
        self._converted_weights: dict[Any, np.ndarray | None] = {}
        self._last = threading.local()  # what this thread has gathered last: the next model often wants the same

    def features(self, state: State, n_features: int | None = None) -> np.ndarray:
        """Return X as this model reads it; one that is built already says how many features there must be."""
        key = state.dtype, state.feature_names
        if key not in self._features:
            self._features[key] = inputs.features(self.X, state.dtype, None, state.feature_names)
        if n_features not in (None, self._features[key].shape[1]):
            inputs.features(self.X, state.dtype, n_features, state.feature_names)  # which says what is wrong
        return self._features[key]

    @property
    def n_rows(self) -> int:
        """How many rows there are, once a model's `features` have been asked for."""
        return len(next(iter(self._features.values())))

    def program(self, state: State) -> Program:
        """Return the program that a model runs on X."""
        if state.network is not None:
            self.features(state, state.network.program.n_features)
            return state.network.program
        key = state.layers, current_loss(state), state.precision
        if key not in self._programs:  # most models are of a few shapes
            self._programs[key] = program_for(state, self.features(state).shape[1])
        return self._programs[key]

    def whole(self, state: State, program: Program, names: tuple[Names, Names], index: int = 0) -> Data:
        """Return all rows as model number `index` reads them, without a copy where they are so already."""
        outputs = output_names(state, program)
        reads = program.loss, program.n_outputs, program.reading, program.heads, program.categories
        key = *reads, state.dtype, names[0], outputs
        if key not in self._targets:
            X = self.features(state, program.n_features)
            self._targets[key] = data_for(program, state.dtype, X, self.y, None, outputs)
        return self._targets[key]._replace(sample_weight=self._weight(state, index))

    def names(self, state: State, program: Program) -> tuple[Names, Names]:
        """Return what features and outputs are called once the model is trained on these rows."""
        return names_for(state, program, self.X, self.y)

    def _weight(self, state: State, index: int) -> np.ndarray | None:
        number = index if len(self.weights) > 1 else 0
        key, given = (number, state.dtype), self.weights[number]
        if key not in self._converted_weights:
            self._converted_weights[key] = inputs.sample_weights(given, self.n_rows, state.dtype)
        return self._converted_weights[key]

    def taken(self, whole: Data, rows: Rows, purpose: str) -> Data:
        """Return some of the rows of `whole`; the latest ones for each purpose are kept."""
        if isinstance(rows, slice):
            X, target, weight = whole if rows == ALL else whole.rows(rows)
            one_by_one = np.ascontiguousarray  # which copies where the slice leaves rows out
            return Data(one_by_one(X), one_by_one(target), None if weight is None else one_by_one(weight))
        last: tuple[Rows, Data, np.ndarray, Data] | None = getattr(self._last, purpose, None)
        if last is not None and last[0] is rows and last[1].X is whole.X and last[1].target is whole.target:
            weight = None if whole.sample_weight is None else whole.sample_weight[last[2]]
            return last[3]._replace(sample_weight=weight)
        numbers = np.flatnonzero(rows) if rows.dtype.kind == "b" else rows
        taken = whole.rows(numbers)
        setattr(self._last, purpose, (rows, whole, numbers, taken))
        return taken

    def seen(self, data: Data, validation: Data | None, program: Program) -> tuple[Seen, Seen]:
        """Return what histories keep of these data: the same for all networks that are trained on them in a row."""
        target, kind = (
            None if validation is None else validation.target,
            (program.loss, program.precision, program.reading, program.heads),
        )
        parts = (*data, target)
        read = program.reading is not None
        last: tuple[Any, Any, Any] | None = getattr(self._last, "seen", None)
        if last is None or last[1] != kind or any(one is not other for one, other in zip(last[0], parts, strict=True)):
            of_inputs, of_targets = facts.sampled(*data, program.loss, target, program.precision, read)
            last = self._last.seen = parts, kind, (_once(of_inputs), _once(of_targets))
        found: tuple[Seen, Seen] = last[2]
        return found


def _once(seen: Seen) -> Seen:
    """Return a function that sums up once for all histories that ask, and gives each a dict of its own."""
    found = cache(seen)
    return lambda: dict(found())
