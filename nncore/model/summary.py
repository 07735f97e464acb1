"""The table that ``Sequential.summary`` returns."""

from __future__ import annotations

from collections.abc import Sequence

from nncore import engine
from nncore.layers import Activation, Dense, Layer, as_activation
from nncore.program import MIXED_BFLOAT16, Program, last_activation
from nncore.program.naming import in_depth, layer_name
from nncore.training.state import State, current_loss, dtype_policy

HEADER = ("layer", "kind", "outputs", "activation", "parameters")
UNKNOWN = "?"
NONE = "-"

NARROW, TOO_NARROW = 64, 32
"""Units of the widest hidden layer below which products of bfloat16 save little, and below which they cost time: on Zen
4, which multiplies them, float32 takes 1.1 to 1.5 times as long at 32 to 63 units, and 0.8 to 1.0 times at 16."""


class Table(str):
    """Text that a console shows as it is to be read, not with quotes and ``\\n``."""

    __slots__ = ()
    __repr__ = str.__str__


def summary(state: State) -> Table:
    """Return a table of the layers, then totals, loss, optimizer and `remarks`."""
    table = [HEADER, *_layer_cells(state)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = (False, False, True, False, True)
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)).rstrip()
        for cells in table
    ]
    return Table("\n".join([_title(state), *lines, *_totals(state), *remarks(state.layers, dtype_policy(state))]))


def remarks(layers: Sequence[Layer], policy: str) -> list[str]:
    """Return why a network should not be trained in mixed_bfloat16 to save time, on any processor or on this one.

    Examples
    --------
    >>> remarks([Dense(16, "relu"), Dense(1)], "mixed_bfloat16")[0]
    'mixed_bfloat16: saves little where no hidden layer has 64 units, and below 32 float32 is quicker'
    >>> remarks([Dense(16, "relu"), Dense(1)], "float32")
    []
    """
    if policy != MIXED_BFLOAT16:
        return []
    hidden = [layer.units for _, layer in in_depth(layers) if isinstance(layer, Dense)][:-1]
    found = []
    if layers and max(hidden, default=0) < NARROW:
        saves = f"saves little where no hidden layer has {NARROW} units, and below {TOO_NARROW} float32 is quicker"
        found.append(f"{policy}: {saves}")
    if isa := engine.bfloat16_emulator():
        bits = "" if isa == "base" else ", in the same bits as where processors multiply bfloat16"
        found.append(f"{policy}: emulated here by {isa}, slower than float32{bits}")
    return found


def _title(state: State) -> str:
    network = state.network
    features = (
        "not built: fit or build(n_features) does it" if network is None else f"{network.program.n_features} features"
    )
    return f"Sequential{f' {state.name!r}' if state.name else ''} ({features}, {dtype_policy(state)})"


def _layer_cells(state: State) -> list[tuple[str, ...]]:
    program = None if state.network is None else state.network.program
    outputs = UNKNOWN if program is None else str(program.n_features)
    cells: list[tuple[str, ...]] = []
    for number, (depth, layer) in enumerate(in_depth(state.layers)):
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


def _totals(state: State) -> list[str]:
    lines = []
    if state.network is not None:
        n = state.network.program.n_parameters
        lines.append(f"parameters: {n:,} ({n * state.dtype.itemsize / 1024:,.1f} KiB)")
    if state.layers:
        inferred = f" (inferred from {last_activation(state.layers)})" if state.loss is None else ""
        lines.append(f"loss: {current_loss(state).name}{inferred}")
    lines.append(f"optimizer: {state.optimizer}")
    return lines
