"""Where each layer stands in a network diagram: columns of units, bands, brackets, from left to right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nncore.base.typing import Array
from nncore.layers import (
    Activation,
    CategoryEncoding,
    Columns,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    Parallel,
    Residual,
    as_activation,
)
from nncore.program import Program
from nncore.program.naming import count_layers, layer_name

COLUMN_GAP, BAND_GAP, BRACKET_GAP = 1.0, 0.4, 0.3
"""Distances along x: to the next column of units, to a band, to the edge of a bracket."""


@dataclass(frozen=True)
class Column:
    """Units side by side: a Dense layer with its weight (n_in, n_out) and bias (n_out,); else the inputs, or what a
    layer hands on that has no edges of its own."""

    x: float
    name: str
    n_units: int
    activation: str = "identity"
    weight: Array | None = None
    bias: Array | None = None


@dataclass(frozen=True)
class Band:
    """A layer that has no units of its own."""

    x: float
    label: str


@dataclass(frozen=True)
class Bracket:
    """A residual block from `left` to `right`; the innermost has depth 0."""

    left: float
    right: float
    depth: int
    label: str


REARRANGE = (Columns, Parallel, CategoryEncoding, Embedding)
"""Layers of which a picture shows what they hand on, and not what happens in them."""


@dataclass
class Layout:
    """The network's parts, placed one after another.

    Parameters
    ----------
    program : Program
    weights : list of ndarray
        One for each of ``program.parameters``, as `Sequential.get_weights` returns them; what follows is not read.
    """

    program: Program
    weights: list[Array]
    columns: list[Column] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    brackets: list[Bracket] = field(default_factory=list)
    x: float = 0.0
    number: int = 0

    def __post_init__(self) -> None:
        self.columns.append(Column(0.0, "inputs", self.program.n_features))

    def add(self, layers: Iterable[Layer]) -> int:
        """Place `layers` behind what is there; return how deep residual blocks are nested in them."""
        depth = 0
        for layer in layers:
            number, self.number = self.number, self.number + 1
            behind = number + count_layers([layer])
            if isinstance(layer, Residual):
                depth = max(depth, self._add_residual(layer, number))
            elif isinstance(layer, Dense):
                self._add_dense(layer, number)
            else:
                self.x += BAND_GAP
                self.bands.append(Band(self.x, _band_label(layer, number)))
            if isinstance(layer, REARRANGE):
                self.x += BAND_GAP
                width = next(row.n_out for row in reversed(self.program.rows) if row.layer == number)
                self.columns.append(Column(self.x, layer_name(layer, number), width))
            self.number = behind
        return depth

    def _add_dense(self, layer: Dense, number: int) -> None:
        self.x += COLUMN_GAP
        weight, bias = self._parameter(number, ".weight"), self._parameter(number, ".bias")
        activation = as_activation(layer.activation).name
        self.columns.append(Column(self.x, layer_name(layer, number), layer.units, activation, weight, bias))

    def _add_residual(self, layer: Residual, number: int) -> int:
        self.x += BRACKET_GAP
        left = self.x
        depth = self.add(layer.layers)
        self.x += BRACKET_GAP
        weight = self._parameter(number, ".weight")
        what = "its input" if weight is None else "its input × a weight {} → {}".format(*weight.shape)
        self.brackets.append(Bracket(left, self.x, depth, f"{layer_name(layer, number)}: + {what}"))
        return depth + 1

    def _parameter(self, number: int, suffix: str) -> Array | None:
        blocks = zip(self.program.parameters, self.weights, strict=False)
        return next((w for block, w in blocks if block.layer == number and block.name.endswith(suffix)), None)


def _band_label(layer: Layer, number: int) -> str:
    name = layer_name(layer, number)
    if isinstance(layer, Dropout):
        return f"{name}: {100 * layer.rate:.3g} %"
    if isinstance(layer, Parallel):
        return f"{name}: {len(layer.branches)} branches"
    if isinstance(layer, GaussianNoise):
        return f"{name}: ± {layer.stddev:.3g}"
    return f"{name}: {layer.name}" if isinstance(layer, Activation) else name


def shown_units(n_units: int, limit: int) -> NDArray[np.intp]:
    """Return which units are shown: all, or as many of the first and of the last as `limit` allows.

    Examples
    --------
    >>> shown_units(100, 5).tolist()
    [0, 1, 2, 98, 99]
    """
    if n_units <= limit:
        return np.arange(n_units)
    last = limit // 2
    return np.concatenate([np.arange(limit - last), np.arange(n_units - last, n_units)])
