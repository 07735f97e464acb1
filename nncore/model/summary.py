"""The table that ``Sequential.summary`` returns."""

from __future__ import annotations

from collections.abc import Sequence

from nncore import engine
from nncore.base import html
from nncore.layers import Activation, Dense, Layer, Normalization, as_activation
from nncore.losses import SeveralLosses
from nncore.program import Program, last_activation, output_names
from nncore.program.heads import branches_of
from nncore.program.lowering import output_widths
from nncore.program.naming import in_depth, layer_name
from nncore.training.state import State, current_loss, dtype_policy

HEADER = ("layer", "kind", "outputs", "activation", "parameters")
UNKNOWN = "?"
NONE = "-"
INDENT = "\N{NO-BREAK SPACE}"  # which HTML does not take away

NARROW = 10
"""Multiply-adds for each number that a `Dense` layer reads or returns, all layers together, below which rounding these
numbers takes what quicker products save. Measured on Zen 4, which multiplies bfloat16: a step of float32 takes 0.75 to
1.07 times as long below 10 (2-128-2 has 2, 784-10 has 9.9), 0.96 to 1.19 times from 10 to 16, and then up to 1.7."""

EMULATED = {"base": "4.5 to 5.7", "avx2": "1.2 to 1.3", "avx512": "1.05 to 1.4"}
"""How many times as long as a step of float32 one of bfloat16 takes where it is emulated, by what emulates it."""


class Table(str):
    """Text that a console shows as it is to be read, not with quotes and ``\\n``."""

    __slots__ = ()
    __repr__ = str.__str__


def summary(state: State) -> Table:
    """Return a table of the layers, then totals, loss, optimizer and `remarks`."""
    table = [HEADER, *_layer_cells(state)]
    program = None if state.network is None else state.network.program
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    right = (False, False, True, False, True)
    lines = [
        "  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True)).rstrip()
        for cells in table
    ]
    return Table("\n".join([_title(state), *lines, *_totals(state), *remarks(program, state.precision)]))


def summary_html(state: State) -> str:
    """Return the same for a notebook."""
    rows = [
        (f"{INDENT * (len(name) - len(name.lstrip()))}{name.strip()}", *cells) for name, *cells in _layer_cells(state)
    ]
    program = None if state.network is None else state.network.program
    below = "\n".join([*_totals(state), *remarks(program, state.precision)])
    return html.table(HEADER, rows, _title(state), (2, 4)) + html.text(below)


def remarks(program: Program | None, precision: str | None) -> list[str]:
    """Return why a network should not be trained in mixed_bfloat16 to save time, on any processor or on this one.

    Examples
    --------
    >>> from nncore.program import lower
    >>> remarks(lower([Dense(16, "relu"), Dense(1)], 4, "mse"), "mixed_bfloat16")[0]
    'mixed_bfloat16: float32 trains layers as narrow as these about as quickly, or quicker'
    >>> remarks(None, None)
    []
    """
    if precision is None:
        return []
    found = []
    if program is not None and is_narrow(program):
        found.append(f"{precision}: float32 trains layers as narrow as these about as quickly, or quicker")
    if isa := engine.bfloat16_emulator():
        bits = "" if isa == "base" else ", in the same bits as where processors multiply bfloat16"
        found.append(f"{precision}: emulated here by {isa}, in {EMULATED[isa]} times the time of float32{bits}")
    return found


def is_narrow(program: Program) -> bool:
    """Tell whether a network multiplies too little to gain from products of bfloat16; see `NARROW`."""
    sizes = [(row.n_in, row.n_out) for row in program.rows if row.op == "dense"]
    return sum(n * m for n, m in sizes) < NARROW * sum(n + m for n, m in sizes)


def _title(state: State) -> str:
    network = state.network
    features = (
        "not built: fit or build(n_features) does it" if network is None else f"{network.program.n_features} features"
    )
    return f"Sequential{f' {state.name!r}' if state.name else ''} ({features}, {dtype_policy(state)})"


def _layer_cells(state: State) -> list[tuple[str, ...]]:
    """Return what the columns of `HEADER` say of each layer."""
    program = None if state.network is None else state.network.program
    widths = output_widths(state.layers, None if program is None else program.n_features)
    cells: list[tuple[str, ...]] = []
    for number, ((depth, layer), width) in enumerate(zip(in_depth(state.layers), widths, strict=True)):
        name = "  " * depth + layer_name(layer, number)
        kind = type(layer).__name__ + ("" if getattr(layer, "trainable", True) else ", frozen")
        if isinstance(layer, Normalization):
            kind += f", {_known(state, layer, number)}"
        outputs = UNKNOWN if width is None else str(width)
        cells.append((name, kind, outputs, _activation(layer), _count(program, number)))
    return cells


def _known(state: State, layer: Normalization, number: int) -> str:
    if layer.mean is not None:
        return "given"
    missing = state.network is None or layer_name(layer, number) in state.network.unadapted
    return "not adapted" if missing else "adapted"


def _activation(layer: Layer) -> str:
    if not isinstance(layer, (Dense, Activation)):
        return NONE
    activation = layer if isinstance(layer, Activation) else as_activation(layer.activation)
    return f"{activation.name}({activation.parameter:g})" if activation.parameter else activation.name


def _count(program: Program | None, number: int) -> str:
    if program is None:
        return UNKNOWN
    return f"{sum(block.size for block in program.parameters if block.layer == number):,}"


def of_outputs(layers: Sequence[Layer], loss: SeveralLosses) -> str:
    """Return the losses of several outputs, as a sum."""
    names = output_names(layers) if len(branches_of(layers)) == len(loss.losses) else map(str, range(len(loss.losses)))
    return " + ".join(
        f"{'' if weight == 1 else f'{weight:g} * '}{part.name} of {name}"
        for name, part, weight in zip(names, loss.losses, loss.weights, strict=True)
    )


def _totals(state: State) -> list[str]:
    lines = []
    if state.network is not None:
        program = state.network.program
        n, frozen = program.n_parameters, {row.layer for row in program.rows if row.frozen}
        kept = sum(block.size for block in program.parameters if block.layer in frozen)
        resting = f", {kept:,} of them frozen" if kept else ""
        lines.append(f"parameters: {n:,} ({n * state.dtype.itemsize / 1024:,.1f} KiB){resting}")
    if state.layers:
        inferred = f" (inferred from {last_activation(state.layers)})" if state.loss is None else ""
        loss = current_loss(state)
        said = of_outputs(state.layers, loss) if isinstance(loss, SeveralLosses) else loss.name
        lines.append(f"loss: {said}{inferred}")
    lines.append(f"optimizer: {state.optimizer}")
    return lines
