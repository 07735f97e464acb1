"""What a history holds, checked before it is drawn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.base.checks import described
from nncore.base.names import lookup
from nncore.history import History, LayerHistory
from nncore.plots import canvas


def checked(history: object) -> History:
    """Return `history` if it is a `History` of at least one epoch.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If it holds no epoch.
    """
    if not isinstance(history, History):
        hint = "; pass its .history" if isinstance(getattr(history, "history", None), History) else ""
        raise TypeError(f"history must be the History that fit returns, got {described(history)}{hint}")
    if not len(history):
        raise ValueError("history holds no epochs: train first, history = model.fit(X, y, epochs=20)")
    return history


def of_layers(history: History, key: str, layer: str | Iterable[str] | None) -> list[LayerHistory]:
    """Return the records of those layers for which `key` was recorded, in network order.

    Parameters
    ----------
    history : History
    key : str
        A field of the records, ``"gradient_norm"``...
    layer : str, iterable of str or None
        Names of layers; None for all that have the field.

    Raises
    ------
    TypeError, ValueError
        If `history` is none, holds no records of layers, or lacks one that was asked for.
    """
    recorded = checked(history).layers
    if not recorded:
        raise ValueError(
            "history holds no records of layers; train with model.fit, and draw the history that it returns: "
            "train_on_batch, the solvers (lbfgs, lm) and tables of epochs alone do not record them"
        )
    usable = {name: record for name, record in recorded.items() if np.isfinite(record[key]).any()}
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


def epoch_edges(epochs: NDArray[Any]) -> NDArray[np.float64]:
    """Return where cells around recorded epochs begin and end, (m + 1,): half-way between two of them.

    Examples
    --------
    >>> epoch_edges(np.array([0, 1, 5])).tolist()
    [-0.5, 0.5, 3.0, 7.0]
    """
    middle = np.asarray(epochs, np.float64)
    if len(middle) == 1:
        return np.array([middle[0] - 0.5, middle[0] + 0.5])
    between = (middle[1:] + middle[:-1]) / 2
    return np.concatenate([[2 * middle[0] - between[0]], between, [2 * middle[-1] - between[-1]]])
