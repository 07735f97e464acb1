"""Single layers of a model, by name or number: what they are, their weights, and what they give for some rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import categories, inputs
from nncore.arrays.several import places
from nncore.base import checks
from nncore.base.names import did_you_mean
from nncore.base.typing import Array
from nncore.engine import own_arithmetic
from nncore.layers import Layer
from nncore.model import prediction
from nncore.network import Network
from nncore.program import Program
from nncore.program.heads import ends
from nncore.program.naming import in_depth, layer_names
from nncore.program.reading import place_of
from nncore.program.row import ParameterBlock
from nncore.training.state import State, built


def number_of(state: State, layer: str | int) -> int:
    """Return the number, in depth, of a layer that is given by its name or by its place in ``model.layers``.

    Raises
    ------
    TypeError, ValueError
        If there is no such layer.
    """
    if isinstance(layer, str):
        names = layer_names(state.layers)
        if layer not in names:
            known = ", ".join(names) if names else "none yet"
            raise ValueError(f"the model has no layer {layer!r}{did_you_mean(layer, names)}; its layers are {known}")
        return names.index(layer)
    if not state.layers:
        raise ValueError("the model has no layers yet")
    index: int = checks.integer(-len(state.layers), len(state.layers) - 1)("layer", layer) % len(state.layers)
    tops = [number for number, (depth, _) in enumerate(in_depth(state.layers)) if depth == 0]
    return tops[index]


def get_layer(state: State, name: str | int | None, index: int | None) -> Layer:
    """Return one layer; see ``Sequential.get_layer``."""
    wanted = name if index is None else index
    if wanted is None or None not in (name, index):
        raise ValueError("get_layer takes a name or an index, one of them")
    number = number_of(state, wanted)
    return next(layer for place, (_, layer) in enumerate(in_depth(state.layers)) if place == number)


def blocks_of(program: Program, number: int) -> list[int]:
    """Return the places, among parameters and then statistics, of what belongs to a layer."""
    blocks: list[ParameterBlock] = [*program.parameters, *program.statistics]
    return [place for place, block in enumerate(blocks) if block.layer == number]


def get_weights(state: State, layer: str | int) -> list[Array]:
    """Return copies of the arrays of one layer; see ``Sequential.get_weights``."""
    number, weights = number_of(state, layer), prediction.get_weights(state)
    return [weights[place] for place in blocks_of(built(state).program, number)]


def set_weights(state: State, weights: Iterable[ArrayLike], layer: str | int) -> None:
    """Set the arrays of one layer, all others staying; see ``Sequential.set_weights``."""
    with state.turn.using():
        whole: list[Any] = [*prediction.get_weights(state)]
        places = blocks_of(built(state).program, number_of(state, layer))
        if not isinstance(weights, Iterable):
            raise TypeError(f"weights must be a list of {len(places)} arrays, got {checks.described(weights)}")
        given = list(weights)
        if len(given) != len(places):
            shapes = ", ".join(str(whole[place].shape) for place in places)
            expected = f"a list of {len(places)} arrays{f', {shapes}' if shapes else ''}"
            raise ValueError(f"weights of layer {layer!r} must be {expected}, got {len(given)}")
        for place, weight in zip(places, given, strict=True):
            whole[place] = weight
        prediction.set_weights(state, whole)


@own_arithmetic
def activations(state: State, X: ArrayLike, layer: str | int) -> Array:
    """Return what a layer gives for each row; see ``Sequential.activations``."""
    number, network = number_of(state, layer), built(state)
    program = network.program
    array = inputs.features(X, state.dtype, program.n_features, state.feature_names, empty=True)
    categories.check(program, array, state.feature_names)
    place = place_of(state.layers, program.rows, number)
    if place < 0:
        return np.array(array)
    row = program.rows[place]
    behind = row.op == "dense" or row.layer != number  # ... the link, which the loss has taken out of it
    if program.heads:
        found = _of_output(network, array, place, behind)
        if found is not None:
            return found
    elif place == len(program.rows) - 1 and behind:
        return prediction.predict(state, array)
    part = replace(
        program,
        rows=program.rows[: place + 1],
        n_outputs=row.n_out,
        loss="squared_error",
        loss_parameter=0.0,
        link="identity",
        reading=None,
        heads=(),
    )
    parameters, statistics = network.weights()
    cut = Network(part, parameters, state.optimizer)
    cut.set_statistics(statistics)
    found = cut.predict(array)
    assert found is not None, "the rows are finite"
    return found


def _of_output(network: Network, X: Array, place: int, behind: bool) -> Array | None:
    """Return what ends with one of several losses, or all of it, as it is predicted; None of what lies before it."""
    program = network.program
    columns = {len(program.rows) - 1: slice(None)}
    if behind:
        for end, (_, of_it, _) in zip(ends(program.rows), places(program.heads), strict=True):
            columns[end] = of_it
    if place not in columns:
        return None
    whole = network.predict(X)
    assert whole is not None, "the rows are finite"
    return np.ascontiguousarray(whole[:, columns[place]])
