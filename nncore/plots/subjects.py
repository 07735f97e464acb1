"""What is drawn, checked before it is: a record, its layers, a model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nncore.base.checks import described
from nncore.base.names import lookup
from nncore.base.protocols import LayerRecord, Model, Record, is_model, is_record
from nncore.plots import canvas


def record(history: object) -> Record:
    """Return `history` if it is a record of at least one epoch.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If it holds no epoch.
    """
    if not is_record(history):
        hint = "; pass its .history" if is_record(getattr(history, "history", None)) else ""
        raise TypeError(f"history must be the History that fit returns, got {described(history)}{hint}")
    if not len(history):
        raise ValueError("history holds no epochs: train first, history = model.fit(X, y, epochs=20)")
    return history


def layers(history: object, key: str, layer: str | Iterable[str] | None) -> list[LayerRecord]:
    """Return the records of those layers for which `key` was recorded, in network order.

    Parameters
    ----------
    history : object
    key : str
        A field of the records, ``"gradient_norm"``...
    layer : str, iterable of str or None
        Names of layers; None for all that have the field.

    Raises
    ------
    TypeError, ValueError
        If `history` is none, holds no records of layers, or lacks one that was asked for.
    """
    recorded = record(history).layers
    if not recorded:
        raise ValueError(
            "history holds no records of layers; train with model.fit, and draw the history that it returns: "
            "train_on_batch, the solvers (lbfgs, lm) and tables of epochs alone do not record them"
        )
    usable = {name: of_layer for name, of_layer in recorded.items() if np.isfinite(of_layer[key]).any()}
    if layer is None:
        if not usable:
            raise ValueError(f"history holds no {key} of any layer; its layers: {', '.join(recorded)}")
        return list(usable.values())
    names = canvas.name_list("layer", layer)
    for name in names:
        lookup("layer", name, recorded)
        if name not in usable:
            raise ValueError(f"layer {name!r} has no {key}; those that have: {', '.join(usable) or 'none'}")
    return [usable[name] for name in names]


def model(value: object) -> Model:
    """Return `value` if it is a model; whether it has weights is found out by using them.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if not is_model(value):
        raise TypeError(f"model must be a Sequential, got {described(value)}")
    return value
