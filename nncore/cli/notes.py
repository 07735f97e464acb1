"""What was guessed about the columns of a file, in words, so that the user can object."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from nncore.datasets import Dataset
from nncore.datasets.spelling import number

MANY_LEVELS = 20


def notes_on(dataset: Dataset, options: argparse.Namespace, said: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the notes on a data set read from a CSV or NPZ file, beside those that its reader has `said`."""
    columns = () if dataset.schema is None else dataset.schema.columns
    told = options.task not in (None, "auto") or (
        dataset.schema is not None and dataset.schema.target in options.categorical
    )
    notes = [_on_target(dataset) if not told and not any(": target " in one for one in said) else ""]
    for column in columns:
        if column.levels is not None and column.name not in options.categorical:
            n_levels = len(column.levels)
            if MANY_LEVELS < n_levels < dataset.n_samples:  # of a text for each row, the reader has spoken
                notes.append(
                    f"column {column.name!r} is text and became {n_levels} columns; "
                    f"--ignore {column.name!r} to leave it out"
                )
    return tuple(note for note in notes if note)


def _on_target(dataset: Dataset) -> str:
    names = dataset.target_names
    if names is not None and all(number(name) is not None for name in names):
        return f"target read as {len(names)} classes (whole numbers); to predict it as a number: --task regression"
    return ""
