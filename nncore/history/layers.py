"""What training recorded about one layer: one row per recorded epoch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FIELDS = (
    "gradient_norm",
    "update_ratio",
    "weight_mean",
    "weight_std",
    "weight_min",
    "weight_max",
    "activation_mean",
    "activation_std",
    "dead",
    "saturated",
)
"""Names of the numbers of a record, in its order; the bins of the histogram follow them."""

N_BINS = 32  # like the fields, as in the engine's monitor.pxi
WIDTH = len(FIELDS) + N_BINS
"""Numbers in one record of one layer."""

END = " (to epoch "
"""Follows the name of a layer that has ended."""

Description = tuple[str, str, str]
"""Name, kind and activation of a layer."""


class LayerHistory:
    """Records of one layer: ``layer["gradient_norm"]`` and so on, one value per recorded epoch, NaN where none applies.

    ================ ===============================================================================================
    gradient_norm    Euclidean norm of the gradient by all parameters of the layer, in the epoch's last full batch
    update_ratio     norm of the change of the weight in that step, divided by the norm of the weight
    weight_mean      mean, standard deviation, least and largest value of the weight: also ``weight_std``,
                     ``weight_min`` and ``weight_max``
    activation_mean  mean of the layer's outputs in up to 512 rows of that batch, and their standard deviation,
                     ``activation_std``
    dead             share of the layer's units whose output was 0 in all these rows
    saturated        share of the outputs at which the slope of the activation is below 5 % of its largest
    ================ ===============================================================================================

    Parameters
    ----------
    name : str
        As `Sequential.summary` shows it, such as ``"dense_0"``.
    kind : str
        Class of the layer, such as ``"Dense"``.
    activation : str
        Name of its activation, ``"identity"`` if it has none.

    Attributes
    ----------
    epochs : ndarray of shape (m,), int64
        The epochs at which the layer was recorded: not every one where epochs are very short.
    histogram : ndarray of shape (m, 32), float64
        Counts of up to 4,096 evenly spaced weights in 32 equal bins from ``weight_min`` to ``weight_max``.

    Examples
    --------
    >>> layer = LayerHistory("dense_0", "Dense", "relu")
    >>> layer.extend([0, 1], np.ones((2, 42)))
    >>> layer
    LayerHistory(dense_0: Dense, relu, 2 records)
    >>> layer["gradient_norm"]
    array([1., 1.])
    """

    def __init__(self, name: str, kind: str, activation: str = "identity") -> None:
        self.name = name
        self.kind = kind
        self.activation = activation
        self._n = 0
        self._epochs: NDArray[np.int64] = np.empty(0, np.int64)
        self._records: NDArray[np.float64] = np.empty((0, WIDTH))

    @property
    def epochs(self) -> NDArray[np.int64]:
        return np.array(self._epochs[: self._n])

    @property
    def histogram(self) -> NDArray[np.float64]:
        return np.array(self._records[: self._n, len(FIELDS) :])

    def extend(self, epochs: ArrayLike, records: ArrayLike) -> None:
        """Append records; those of epochs that are recorded already are left out, so that twice is the same as once.

        Parameters
        ----------
        epochs : array-like of shape (m,)
            Ascending.
        records : array-like of shape (m, 42)
            `FIELDS`, then the bins of the histogram. Copied.

        Raises
        ------
        ValueError
            If a shape is another one.
        """
        new_epochs, new_records = np.asarray(epochs, np.int64), np.asarray(records, np.float64)
        if new_epochs.ndim != 1 or new_records.shape != (len(new_epochs), WIDTH):
            found = f"{new_epochs.shape} and {new_records.shape}"
            raise ValueError(f"epochs and records must have shapes (m,) and (m, {WIDTH}), got {found}")
        n = self._n
        if n:
            start = int(np.searchsorted(new_epochs, self._epochs[n - 1], side="right"))
            new_epochs, new_records = new_epochs[start:], new_records[start:]
        end = n + len(new_epochs)
        self._reserve(end)
        self._epochs[n:end] = new_epochs
        self._records[n:end] = new_records
        self._n = end  # last: what Ctrl-C or another thread may find before is as if nothing had been appended

    def last(self) -> tuple[int, dict[str, float], NDArray[np.float64]]:
        """Return the latest record: its epoch, `FIELDS` by name, and the histogram.

        Examples
        --------
        >>> layer = LayerHistory("dense_0", "Dense")
        >>> layer.extend([4], np.ones((1, 42)))
        >>> epoch, values, histogram = layer.last()
        >>> epoch, values["gradient_norm"], histogram.shape
        (4, 1.0, (32,))
        """
        record = self._records[: self._n][-1]
        values = dict(zip(FIELDS, record[: len(FIELDS)].tolist(), strict=True))
        return int(self._epochs[: self._n][-1]), values, np.array(record[len(FIELDS) :])

    def drop_last(self) -> None:
        """Take the latest record back."""
        self._n = max(0, self._n - 1)

    def __getstate__(self) -> dict[str, Any]:
        """Return copies of the records, without the room for more."""
        n = self._n
        return {**self.__dict__, "_n": n, "_epochs": self._epochs[:n].copy(), "_records": self._records[:n].copy()}

    def __deepcopy__(self, memo: object) -> LayerHistory:
        return copy.copy(self)  # by `__getstate__`

    def _reserve(self, size: int) -> None:
        if size <= len(self._records):
            return
        room = max(size, 2 * self._n)  # doubling: appending epoch by epoch must not copy all of them each time
        epochs, records = np.zeros(room, np.int64), np.zeros((room, WIDTH))
        epochs[: self._n], records[: self._n] = self._epochs[: self._n], self._records[: self._n]
        self._records, self._epochs = records, epochs

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in FIELDS:
            raise KeyError(f"no field {name!r} in the records of {self.name}; there are: {', '.join(FIELDS)}")
        return np.array(self._records[: self._n, FIELDS.index(name)])

    def __iter__(self) -> Iterator[str]:
        return iter(FIELDS)

    def __contains__(self, name: object) -> bool:
        return name in FIELDS

    def __len__(self) -> int:
        return self._n

    def __repr__(self) -> str:
        parts = [self.kind, *([] if self.activation == "identity" else [self.activation])]
        return f"LayerHistory({self.name}: {', '.join(parts)}, {self._n} record{'s' if self._n != 1 else ''})"


def renamed(layers: Mapping[str, LayerHistory], names: Mapping[str, str]) -> dict[str, LayerHistory]:
    """Return the records by the names that layers have after surgery: first those that go on, then those that ended.

    Parameters
    ----------
    layers : mapping of str to LayerHistory
        Their names are changed.
    names : mapping of str to str
        Name now -> name before, of every layer that was there before, in the order of the network.

    Examples
    --------
    >>> before = {name: LayerHistory(name, "Dense") for name in ("dense_0", "dense_1", "dense_2")}
    >>> for layer in before.values():
    ...     layer.extend([4], np.ones((1, 42)))
    >>> after = renamed(before, {"dense_0": "dense_0", "dense_1": "dense_2"})
    >>> list(after), after["dense_1"] is before["dense_2"]
    (['dense_0', 'dense_1', 'dense_1 (to epoch 4)'], True)
    """
    current = {now: layers[before] for now, before in names.items() if before in layers}
    ended = [layer for name, layer in layers.items() if name not in names.values() and len(layer)]
    for name, layer in current.items():
        layer.name = name
    for layer in ended:
        layer.name = _ended(layer)
    return current | {layer.name: layer for layer in ended}


def _ended(layer: LayerHistory) -> str:
    """Return a name that no layer of a network has."""
    return layer.name if END in layer.name else f"{layer.name}{END}{layer.epochs[-1]})"


def adapted(layers: Mapping[str, LayerHistory], network: Sequence[Description]) -> dict[str, LayerHistory]:
    """Return the records by name for another network: first those that go on or begin, then those that have ended.

    A layer goes on if its name, kind and activation are as before. One that has ended while another took its name is
    kept under its name with its last epoch.

    Examples
    --------
    >>> before = adapted({}, [("dense_0", "Dense", "relu"), ("dense_1", "Dense", "identity")])
    >>> list(adapted(before, [("dense_0", "Dense", "relu"), ("dropout_1", "Dropout", "identity")]))
    ['dense_0', 'dropout_1', 'dense_1']
    """
    current = {}
    for name, kind, activation in network:
        known = layers.get(name)
        goes_on = known is not None and (known.kind, known.activation) == (kind, activation)
        current[name] = known if known is not None and goes_on else LayerHistory(name, kind, activation)
    ended = {}
    for name, layer in layers.items():
        if layer is current.get(name) or (name in current and not len(layer)):
            continue
        if name in current:
            layer.name = _ended(layer)
        ended[layer.name] = layer
    return current | ended
