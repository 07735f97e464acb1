"""The table that ``Sequential.summary`` returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nncore.layers import Activation, Dense, Layer, as_activation
from nncore.program import Program
from nncore.program.naming import in_depth, layer_name

if TYPE_CHECKING:
    from nncore.model.definition import Definition

HEADER = ("layer", "kind", "outputs", "activation", "parameters")
UNKNOWN = "?"
NONE = "-"


def summary(model: Definition) -> str:
    """Return a table of the layers, then totals, loss and optimizer."""
    table = [HEADER, *_layer_cells(model)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = (False, False, True, False, True)
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)).rstrip()
        for cells in table
    ]
    return "\n".join([_title(model), *lines, *_totals(model)])


def _title(model: Definition) -> str:
    features = f"{model.program.n_features} features" if model.built else "not built: fit or build(n_features) does it"
    return f"Sequential{f' {model.name!r}' if model.name else ''} ({features}, {model.dtype})"


def _layer_cells(model: Definition) -> list[tuple[str, ...]]:
    program = model.program if model.built else None
    outputs = UNKNOWN if program is None else str(program.n_features)
    cells: list[tuple[str, ...]] = []
    for number, (depth, layer) in enumerate(in_depth(model.layers)):
        found = None if program is None else next((r.n_out for r in reversed(program.rows) if r.layer == number), None)
        if found is not None:
            outputs = str(found)
        elif isinstance(layer, Dense):
            outputs = str(layer.units)
        name = "  " * depth + layer_name(layer, number)
        cells.append((name, type(layer).__name__, outputs, _activation(layer), _count(program, number)))
    return cells


def _activation(layer: Layer) -> str:
    if not isinstance(layer, (Dense, Activation)):
        return NONE
    activation = layer if isinstance(layer, Activation) else as_activation(layer.activation)
    return f"{activation.name}({activation.parameter:g})" if activation.parameter else activation.name


def _count(program: Program | None, number: int) -> str:
    if program is None:
        return UNKNOWN
    return f"{sum(block.size for block in program.parameters if block.layer == number):,}"


def _totals(model: Definition) -> list[str]:
    lines = []
    if model.built:
        n_bytes = model.n_parameters * model.dtype.itemsize
        lines.append(f"parameters: {model.n_parameters:,} ({n_bytes / 1024:,.1f} KiB)")
    if model.layers:
        inferred = f" (inferred from {model.last_activation})" if model.loss_is_inferred else ""
        lines.append(f"loss: {model.loss.name}{inferred}")
    lines.append(f"optimizer: {model.optimizer}")
    return lines
