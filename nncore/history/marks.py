"""A history as it was at some moment, kept without a copy: what was recorded until then does not change any more."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.history.layers import LayerHistory
from nncore.history.record import History

BYTES_OF_A_VALUE = 32  # of a column: a number of Python, and its place in the list


class Mark:
    """What `History` holds now. To make one takes no time and next to no memory, however long the history is.

    It refers to the columns and records themselves, and notes how long they are. What follows is appended behind, or
    written to larger arrays; the one thing that may change, the latest record of each layer, is copied.

    Parameters
    ----------
    history : History

    Examples
    --------
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5]})
    >>> mark = Mark(history)
    >>> history.extend(2, {"loss": [0.4]})
    >>> mark.history()
    History(2 epochs: loss 0.9 -> 0.5)
    """

    def __init__(self, history: History) -> None:
        kept = dict(vars(history))
        self._type = type(history)
        self._epochs: list[int] = kept.pop("_epochs")
        self._columns: dict[str, list[float]] = dict(kept.pop("_columns"))
        self._layers = {name: _MarkedLayer(layer) for name, layer in kept.pop("_layers").items()}
        self._others: dict[str, Any] = {**kept, "_inputs": history.inputs, "_targets": history.targets}
        self._n = len(self._epochs)

    def history(self) -> History:
        """Return an independent history as it was."""
        other = self._type.__new__(self._type)
        vars(other).update(copy.deepcopy(self._others))
        vars(other)["_epochs"] = self._epochs[: self._n]
        vars(other)["_columns"] = {name: column[: self._n] for name, column in self._columns.items()}
        vars(other)["_layers"] = {name: layer.layer() for name, layer in self._layers.items()}
        return other

    @property
    def buffers(self) -> dict[int, int]:
        """Bytes of what it refers to, by what tells apart what several marks may have in common."""
        columns = {id(self._epochs): BYTES_OF_A_VALUE * len(self._epochs) * (1 + len(self._columns))}
        return columns | {id(layer.records): layer.records.nbytes for layer in self._layers.values()}


class _MarkedLayer:
    """The records of a layer until now; see `Mark`."""

    def __init__(self, layer: LayerHistory) -> None:
        kept = dict(vars(layer))
        self._type = type(layer)
        self._epochs: NDArray[np.int64] = kept.pop("_epochs")
        self.records: NDArray[np.float64] = kept.pop("_records")
        self._others, n = kept, kept["_n"]
        self._last = self._epochs[n - 1 : n].copy(), self.records[n - 1 : n].copy()  # may give way to another one

    def layer(self) -> LayerHistory:
        other, n = self._type.__new__(self._type), self._others["_n"]
        vars(other).update(copy.deepcopy(self._others))
        epochs, records = self._epochs[:n].copy(), self.records[:n].copy()
        if n:
            (epochs[n - 1 :], records[n - 1 :]) = self._last
        vars(other).update(_epochs=epochs, _records=records)
        return other
