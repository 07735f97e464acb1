"""What ``nncore train`` and ``nncore search`` say before they begin."""

from __future__ import annotations

from collections.abc import Iterable

from nncore.cli.parts import Parts
from nncore.cli.recipe import Recipe
from nncore.datasets import Dataset
from nncore.layers import Dense
from nncore.model import Sequential
from nncore.model.summary import remarks


def announcement(parts: Parts, model: Sequential, recipe: Recipe, notes: Iterable[str]) -> list[str]:
    """Return what will be trained, how and on what, a line each."""
    counts = [f"{parts.train.n_samples} rows to train on"]
    counts += [] if parts.validation is None else [f"{parts.validation.n_samples} to choose the epoch"]
    counts += [] if parts.test is None else [f"{parts.test.n_samples} to test"]
    return [
        on_data(parts.train, ", ".join(counts)),
        *on_model(parts.train, model, recipe),
        *(f"note   {note}" for note in notes),
    ]


def on_data(rows: Dataset, counts: str) -> str:
    """Return a line on some rows."""
    target = "" if rows.schema is None else f", target {rows.schema.target!r}"
    return f"data   {rows.name}: {counts}; {rows.n_features} features, {rows.task_in_words}{target}"


def on_model(rows: Dataset, model: Sequential, recipe: Recipe) -> list[str]:
    """Return a line on the network, and one on its training."""
    sizes = [rows.n_features, *(layer.units for layer in model.layers if isinstance(layer, Dense))]
    return [
        f"model  {' > '.join(map(str, sizes))}, {model.n_parameters:,} parameters, {model.dtype_policy}",
        f"run    {model.optimizer.name}, learning rate {model.optimizer.rate:g} ({recipe.schedule}), "
        f"batch {recipe.batch_size}, epochs {recipe.epochs}, seed {model.seed}",
    ]


def remarks_on(model: Sequential) -> list[str]:
    """Return why its number type will save no time, if it will not."""
    return remarks(model.program, model.program.precision)


def in_epochs(n: int) -> str:
    return f"{n} epoch{'s' if n != 1 else ''}"
