"""Columns of numbers, one value per epoch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.base import html


class Columns:
    """Columns of one value per epoch, read as ``columns["loss"]`` or ``columns.loss``: what `History` is first of all.

    Attributes
    ----------
    epochs : ndarray of shape (n,), int64
        Number of each recorded epoch.

    Examples
    --------
    >>> columns = Columns()
    >>> columns.extend(3, {"loss": [0.9, 0.5]})
    >>> columns.loss, columns.epochs
    (array([0.9, 0.5]), array([3, 4]))
    """

    def __init__(self) -> None:
        self._epochs: list[int] = []
        self._columns: dict[str, list[float]] = {}

    @property
    def epochs(self) -> NDArray[np.int64]:
        return np.array(self._epochs, dtype=np.int64)

    @property
    def epoch(self) -> list[int]:
        """`epochs` as a list, as in Keras."""
        return list(self._epochs)

    @property
    def history(self) -> dict[str, list[float]]:
        """The columns as lists, as in Keras: ``fit(...).history["loss"]``."""
        return {name: list(column) for name, column in self._columns.items()}

    @property
    def next_epoch(self) -> int:
        """Number of the epoch after the last one recorded."""
        return self._epochs[-1] + 1 if self._epochs else 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order in which they first appeared."""
        return tuple(self._columns)

    def extend(self, first_epoch: int, columns: Mapping[str, Iterable[float]]) -> None:
        """Append consecutive epochs.

        Parameters
        ----------
        first_epoch : int
            Number of the first of them.
        columns : mapping of str to iterable of float
            The values; every column has the same length n.

        Raises
        ------
        ValueError
            If the columns have different lengths.
        """
        values = {name: _floats(column) for name, column in columns.items()}
        lengths = {len(column) for column in values.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns have different lengths: { {k: len(v) for k, v in values.items()} }")
        count = lengths.pop() if lengths else 0
        nan, before = float("nan"), len(self._epochs)
        for name in dict.fromkeys([*self._columns, *values]):
            column = self._columns.setdefault(name, [])
            del column[before:]  # what a call that Ctrl-C ended may have left: the epochs come last
            column += [nan] * (before - len(column)) + values.get(name, [nan] * count)
        self._epochs += range(first_epoch, first_epoch + count)

    def _so_far(self) -> dict[str, Any]:
        """Return copies of the attributes that grow, of one moment: another thread may be appending an epoch."""
        n = len(self._epochs)
        columns = {name: column[:n] for name, column in [*self._columns.items()] if len(column) >= n}
        return {"_epochs": self._epochs[:n], "_columns": columns}

    def row(self, index: int) -> dict[str, float]:
        """Return the values of one recorded epoch by column name; index -1 is the last."""
        return {name: column[index] for name, column in self._columns.items()}

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        if name not in self._columns:
            raise KeyError(f"no column {name!r} was recorded; recorded: {', '.join(self._columns) or 'nothing'}")
        return np.array(self._columns[name])

    def __getattr__(self, name: str) -> NDArray[np.float64]:
        # Only called where ordinary lookup fails. Underscored names are asked for by copy and pickle on empty objects.
        if name.startswith("_") or name not in self._columns:
            recorded = "" if name.startswith("_") else f"; recorded: {', '.join(self._columns) or 'nothing'}"
            raise AttributeError(f"{type(self).__name__} has no column {name!r}{recorded}")
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._epochs)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def _repr_html_(self) -> str:
        columns = [(name, [*column]) for name, column in [*self._columns.items()] if column]
        rows = [(name, *_extremes(column), html.curve(column, name)) for name, column in columns]
        n = len(self)
        title = f"{type(self).__name__}: {n} epoch{'s' if n != 1 else ''}"
        return html.table(("", "first", "last", "lowest", "highest", ""), rows, title, range(1, 5))

    def __repr__(self) -> str:
        n = len(self)
        parts = [_span(name, column) for name, column in self._columns.items() if name != "seconds"]
        return f"{type(self).__name__}({n} epoch{'s' if n != 1 else ''}{': ' if parts else ''}{', '.join(parts)})"


def _floats(column: Iterable[float]) -> list[float]:
    return column.tolist() if isinstance(column, np.ndarray) else list(map(float, column))


def _extremes(column: list[float]) -> list[str]:
    known = [value for value in column if value == value] or [float("nan")]
    return [f"{value:.4g}" for value in (column[0], column[-1], min(known), max(known))]


def _span(name: str, column: list[float]) -> str:
    known = [value for value in column if value == value]
    if not known:
        return f"{name} nan"
    if len(known) == 1 or known[0] == known[-1]:
        return f"{name} {known[-1]:.4g}"
    return f"{name} {known[0]:.4g} -> {known[-1]:.4g}"
