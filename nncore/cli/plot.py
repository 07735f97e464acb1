"""``nncore train --plot FILE``: the learning curves, and beside them each layer's gradient if it was recorded."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from nncore.base import atomic
from nncore.cli.errors import UsageError
from nncore.cli.output import check_output, writing
from nncore.history import History

FORMATS = ("png", "svg", "pdf")


def check_plot(path: str | None, *, force: bool, inputs: Iterable[str]) -> None:
    """Refuse a picture that could not be written, before anything is trained.

    Raises
    ------
    UsageError
        If its format is unknown, `check_output` refuses it, or matplotlib is not installed.
    """
    if path is None:
        return
    if _format(path) not in FORMATS:
        endings = ", ".join(f".{name}" for name in FORMATS)
        raise UsageError(f"--plot: the name of a picture must end in one of {endings}, got {path}")
    check_output(path, force=force, inputs=inputs, option="--plot")
    from nncore.plots import canvas  # here, not at the top, to keep other commands quick

    try:
        canvas.require_matplotlib()
    except ImportError as error:
        raise UsageError(f"--plot: {error}") from error


def write_plot(path: str, history: History) -> None:
    """Draw `history` into the file `path`, which holds the whole picture or is left as it was.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from nncore import plots
    from nncore.plots import canvas, curves

    columns = curves.column_names(history)
    has_gradients = any(np.isfinite(layer["gradient_norm"]).any() for layer in history.layers.values())
    n_panels = len(columns) + has_gradients
    figure = canvas.new_figure((5.6 * n_panels, 3.8))
    axes = figure.subplots(1, n_panels, squeeze=False)[0]
    plots.learning_curves(history, columns, ax=axes[: len(columns)])
    if has_gradients:
        plots.gradient_norms(history, ax=axes[-1])
    picture = io.BytesIO()
    figure.savefig(picture, format=_format(path), dpi=150)
    with writing(path):
        atomic.write(path, picture.getvalue())


def _format(path: str) -> str:
    return Path(path).suffix.lower().removeprefix(".")
