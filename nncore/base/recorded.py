"""What a history calls all that is no metric: said once, for those who record it, show it, keep it and reserve it."""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """Who shows a column without being asked for it.

    Attributes
    ----------
    drawn : bool
        Whether `nncore.plots.learning_curves` draws it.
    in_progress : bool
        Whether the progress bar writes it.
    """

    drawn: bool = False
    in_progress: bool = True


COLUMNS = {
    "loss": Column(drawn=True),
    "seconds": Column(in_progress=False),
    "learning_rate": Column(in_progress=False),
    "clipped": Column(),
    "penalty": Column(),
    "damping": Column(drawn=True),
}
"""The columns that are no metric. Beside them stand the metrics, and ``val_*``: loss and metrics of the validation."""

NOT_DRAWN = tuple(name for name, column in COLUMNS.items() if not column.drawn)
NOT_IN_PROGRESS = tuple(name for name, column in COLUMNS.items() if not column.in_progress)

FACTS = ("inputs", "targets", "symmetric", "diverged")
"""Attributes of a history that stand beside its columns, also in files."""

DIVERGED = ("epoch", "batch", "last_finite_loss", "learning_rate")
"""What the last of them keeps of `nncore.TrainingDiverged`."""

RESERVED = (*COLUMNS, "epoch", "epochs", "history", "layers", *FACTS, "message")
"""No metric may have one of these names: they are columns or attributes of a history."""
