"""Layers that training leaves as they are, and those that it changes again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nncore.layers import (
    Activation,
    CategoryEncoding,
    Columns,
    Dropout,
    GaussianNoise,
    Layer,
    Normalization,
    Parallel,
    Residual,
    branches,
)
from nncore.model.single import number_of
from nncore.program.naming import layer_names
from nncore.training.state import State, program_for


def set_trainable(state: State, layers: Sequence[str | int], trainable: bool) -> None:
    """Freeze or unfreeze layers; see ``Sequential.freeze``.

    Raises
    ------
    TypeError, ValueError
        If there is no such layer, or one has nothing that could learn.
    """
    with state.turn.changing():
        numbers = {number_of(state, layer) for layer in layers}
        changed, _ = _changed(state.layers, 0, numbers if layers else None, trainable, layer_names(state.layers))
        before, state.layers = state.layers, changed
        try:
            if state.network is not None:
                program = program_for(state, state.network.program.n_features)
                state.network = state.network.with_program(program, state.optimizer)
        except BaseException:
            state.layers = before
            raise


def _changed(
    layers: Sequence[Layer], number: int, wanted: set[int] | None, trainable: bool, names: list[str]
) -> tuple[tuple[Layer, ...], int]:
    """Return the layers, of which the first has this number, with those wanted changed, and the number behind them."""
    found: list[Layer] = []
    for layer in layers:
        own, number = number, number + 1
        asked = wanted is None or own in wanted
        if isinstance(layer, (Activation, Dropout, GaussianNoise, Normalization, Columns, CategoryEncoding)):
            if asked and wanted is not None:
                raise ValueError(f"layer {names[own]!r} has no parameters: there is nothing to freeze or unfreeze")
        else:
            layer = replace(layer, trainable=trainable) if asked else layer
        if isinstance(layer, (Residual, Parallel)):
            lists: list[tuple[Layer, ...]] = []
            for branch in branches(layer):
                inner, number = _changed(branch, number, wanted, trainable, names)
                lists.append(inner)
            inside = [names[k] for k in range(own + 1, number) if wanted is not None and k in wanted]
            if inside and trainable and not layer.trainable:
                raise ValueError(
                    f"layer {inside[0]!r} is inside of {names[own]!r}, which is frozen; unfreeze that, too"
                )
            layer = _with_branches(layer, lists)
        found.append(layer)
    return tuple(found), number


def _with_branches(layer: Residual | Parallel, lists: Sequence[tuple[Layer, ...]]) -> Layer:
    return replace(layer, layers=lists[0]) if isinstance(layer, Residual) else replace(layer, branches=tuple(lists))
