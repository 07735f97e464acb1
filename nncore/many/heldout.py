"""The rows that a search trains on, and those that it scores by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nncore.many.arguments import blamed, checked_rows, other_rows
from nncore.many.candidates import Candidate
from nncore.many.folds import folds_of
from nncore.many.table import Table
from nncore.many.validation import facts, scored
from nncore.model import Sequential

HELD_OUT = 5  # one row of so many is, where nothing else is said


class HeldOut:
    """X and y, cut into folds, or with other rows to score by.

    Parameters
    ----------
    model : Sequential
        One of those that will be trained.
    X, y, folds, stratified, validation_data, validation_rows, seed
        As `nncore.search` takes them.

    Attributes
    ----------
    folds : list of (rows, rows)
        Those that are trained on, and those that are held out; None for all rows.
    all_trained : bool
        Whether no row of X is held out.
    """

    def __init__(
        self,
        model: Sequential,
        X: Any,
        y: Any,
        folds: int | Iterable[Any] | None,
        stratified: bool | None,
        validation_data: Any,
        validation_rows: Any,
        seed: int,
    ) -> None:
        given = {"folds": folds, "validation_data": validation_data, "validation_rows": validation_rows}
        named = [name for name, value in given.items() if value is not None]
        if len(named) > 1:
            raise ValueError(f"give one of {' and '.join(named)}: each says which rows to score by")
        self.X, self.y, self._data = X, y, validation_data
        table = Table(X, y)
        known = facts(model._state, table, stratified)
        self._of_all = table
        self._table = table if validation_data is None else other_rows(validation_data)
        self.all_trained = validation_data is not None
        self.folds: list[tuple[Any, Any]] = [(None, None)]
        if validation_rows is not None:
            held, _ = checked_rows("validation_rows", validation_rows, table.n_rows)
            mask = np.zeros(table.n_rows, bool)
            mask[held] = True
            self.folds = [(np.flatnonzero(~mask), np.flatnonzero(mask))]
        elif validation_data is None:
            cut = folds_of(**known, folds=HELD_OUT if folds is None else folds, repeats=1, seed=seed)
            self.folds = [*cut[:1]] if folds is None else [*cut]

    def check(self, others: Iterable[Candidate]) -> None:
        """Raise ValueError or TypeError if the parameters of one make a model of it that cannot learn X and y."""
        for one in others:
            with blamed(f"space, {one.parameters}"):
                facts(one.models[0]._state, self._of_all, None)

    def options(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return what `fit_many` is told of the rows, for networks of these folds."""
        if self._data is not None:
            return {"validation_data": self._data}
        train, held = ([self.folds[fold][i] for fold in numbers] for i in (0, 1))
        return {"rows": train, "validation_rows": held}

    def scores(self, models: Sequence[Sequential]) -> dict[str, np.ndarray]:
        """Return loss and metrics of a model for each fold, on the rows held out."""
        pairs = zip(models, self.folds, strict=True)
        found = [dict(scored(model, self._table, held)) for model, (_, held) in pairs]
        return {name: np.array([scores[name] for scores in found]) for name in found[0]}
