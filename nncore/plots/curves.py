"""Curves over epochs: loss and metrics, and the size of each layer's gradient."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.base import checks
from nncore.base.names import lookup
from nncore.base.protocols import Record
from nncore.base.recorded import NOT_DRAWN
from nncore.plots import canvas, subjects
from nncore.plots.colours import GREY, TRAINING, VALIDATION, line_looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 40
"""Up to so many points each gets a mark; more would hide the line."""


def learning_curves(
    history: Record, columns: str | Iterable[str] | None = None, *, log: bool = False, ax: Any = None
) -> canvas.AxesArray:
    """Draw loss and metrics over epochs, training solid and validation dashed; mark the epoch with the lowest loss.

    Parameters
    ----------
    history : History
        As ``fit`` returns it, or ``model.history`` for all calls of ``fit`` together.
    columns : str or iterable of str, optional
        What to draw, one panel each, with its ``val_`` twin if recorded. By default ``loss`` and every metric, or what
        there is of validation alone.
    log : bool
        Logarithmic y axes.
    ax : Axes or array of Axes, optional
        One for each column.

    Returns
    -------
    ndarray of Axes of shape (n_columns,)

    Raises
    ------
    TypeError, ValueError
        If `history` is no history, empty, or lacks a column.

    Examples
    --------
    >>> from nncore import History
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.7]})
    >>> (ax,) = learning_curves(history)
    >>> [line.get_label() for line in ax.lines]
    ['training', 'validation', 'lowest val_loss: 0.6, epoch 1']
    """
    history = subjects.record(history)
    names = column_names(history, columns)
    for name in names if checks.flag("log", log) else []:
        if not (history[name] > 0).any():
            raise ValueError(f"log must be False to draw {name!r}: it has no value above 0")
    axes = canvas.several(ax, names, (5.6, 3.8), n_columns=len(names))
    for panel, name in zip(axes, names, strict=True):
        _draw_column(panel, history, name, log)
    return axes


def column_names(history: Record, columns: str | Iterable[str] | None = None) -> list[str]:
    """Return the columns to draw, checked; by default ``loss`` and the metrics."""
    if columns is None:
        curves = [name for name in history.columns if name not in NOT_DRAWN]
        names = [name for name in curves if not name.startswith("val_")] or curves
    else:
        names = canvas.name_list("columns", columns)
    if not names:
        raise ValueError(f"columns must name at least one column of the history; it has: {', '.join(history.columns)}")
    for name in names:
        lookup("column of the history", name, dict.fromkeys(history.columns))
    return names


def _draw_column(ax: Axes, history: Record, name: str, log: bool) -> None:
    epochs = history.epochs
    size = 4 if len(epochs) <= FEW else 0
    twin = f"val_{name}"
    if not name.startswith("val_"):
        ax.plot(epochs, history[name], **TRAINING, markersize=size, label="training")
    for column in (name, twin):
        if column in history and column.startswith("val_"):
            known = ~np.isnan(history[column])  # of epochs that were not validated there is none: no gaps
            ax.plot(epochs[known], history[column][known], **VALIDATION, markersize=size, label="validation")
    _mark_best(ax, history, name)
    if log:
        ax.set_yscale("log")
    ax.set(xlabel="epoch", ylabel=name, title=f"{name.replace('_', ' ').capitalize()} over epochs")
    canvas.integer_ticks(ax.xaxis)
    ax.grid(alpha=0.3)
    ax.legend()


def _mark_best(ax: Axes, history: Record, name: str) -> None:
    """Draw a vertical line at the epoch of the lowest validation loss, or training loss if there is no other."""
    column = "val_loss" if "val_loss" in history else "loss"
    if column not in history or not np.isfinite(history[column]).any():
        return
    best = int(np.nanargmin(history[column]))
    label = f"lowest {column}: {history[column][best]:.4g}, epoch {history.epochs[best]}"
    ax.axvline(float(history.epochs[best]), color=GREY, linestyle=":", label=label)


def gradient_norms(
    history: Record, layer: str | Iterable[str] | None = None, *, log: bool = True, ax: Axes | None = None
) -> Axes:
    """Draw the gradient's norm of each layer over epochs; gradients that vanish fall, those that explode rise.

    Parameters
    ----------
    history : History
        As ``fit`` returns it.
    layer : str or iterable of str, optional
        Names of layers, as ``summary`` shows them; by default all that have parameters.
    log : bool
        Logarithmic y axis. It cannot show a norm of 0; the legend then counts these epochs.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        If `history` is no history or holds no gradients.

    Examples
    --------
    >>> from nncore import History
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5]})
    >>> layers = [("dense_0", "Dense", "tanh"), ("dense_1", "Dense", "identity")]
    >>> history.record_layers(layers, [0, 1], np.ones((2, 2, 42)))
    >>> [line.get_label() for line in gradient_norms(history).lines]
    ['dense_0', 'dense_1']
    """
    chosen, log = subjects.layers(history, "gradient_norm", layer), checks.flag("log", log)
    ax = canvas.single(ax, (7, 4.2))
    for record, looks in zip(chosen, line_looks(len(chosen)), strict=True):
        norms = record["gradient_norm"]
        size = 4 if len(norms) <= FEW else 0
        ax.plot(record.epochs, norms, **looks, markersize=size, label=record.name + (_zeros(norms) if log else ""))
    if log:
        ax.set_yscale("log", nonpositive="mask")
    ax.set(xlabel="epoch", ylabel="norm of the gradient", title="Gradient of each layer over epochs")
    canvas.integer_ticks(ax.xaxis)
    ax.grid(alpha=0.3)
    canvas.legend_beside(ax, title="input to output")
    return ax


def _zeros(norms: NDArray[np.float64]) -> str:
    count = int((norms == 0).sum())
    return f" (0 in {count} epoch{'s' if count > 1 else ''})" if count else ""
