"""Reading a record: finite values, where it ends, how it moves."""

from __future__ import annotations

import math

import numpy as np

from nncore.base.protocols import LayerRecord, Record
from nncore.base.typing import Floats

RECENT = 5  # epochs at the end that are judged together: the median of five is unmoved by one or two odd epochs


def finite(values: Floats) -> Floats:
    """Return the finite values, in their order."""
    return values[np.isfinite(values)]


def column(history: Record, name: str) -> Floats:
    """Return the finite values of a column; none if it was not recorded."""
    return finite(history[name]) if name in history else np.empty(0)


def end(values: Floats) -> float:
    """Return the median of the finite values at the end: of the last quarter, at most `RECENT`. NaN if there is none.

    Examples
    --------
    >>> end(np.array([9.0, 5.0, 4.0, 1.0])), end(np.array([9.0] * 20 + [1.0, 2.0, 3.0]))
    (1.0, 3.0)
    """
    known = finite(values)
    if not len(known):
        return math.nan
    return float(np.median(known[-max(1, min(RECENT, len(known) // 4)) :]))


def current_layers(history: Record) -> list[LayerRecord]:
    """Return the records of the layers that the network had last, in its order."""
    recorded = [layer for layer in history.layers.values() if len(layer)]
    newest = max((layer.epochs[-1] for layer in recorded), default=-1)
    return [layer for layer in recorded if layer.epochs[-1] == newest]


def hidden_layers(history: Record) -> list[LayerRecord]:
    """Return the layers before the last one that has weights: what comes then is the output."""
    layers = current_layers(history)
    weighted = [index for index, layer in enumerate(layers) if not np.isnan(layer["weight_mean"]).all()]
    return layers[: weighted[-1] if weighted else -1]


def short(value: float) -> str:
    """Return a number with 3 digits.

    Examples
    --------
    >>> short(0.00012345), short(1234567)
    ('0.000123', '1.23e+06')
    """
    return f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share in percent, two digits below 10.

    Examples
    --------
    >>> percent(0.873), percent(0.0123)
    ('87 %', '1.2 %')
    """
    return f"{100 * share:.{0 if share >= 0.0995 else 1}f} %"
