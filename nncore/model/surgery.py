"""Changing the layers of a model that has learned: what still fits keeps its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from nncore.base import checks, html
from nncore.base.typing import Array
from nncore.layers import LAYERS, Layer
from nncore.network import Network, initial_parameters
from nncore.program import ParameterBlock, Program, batch_columns, lower, refuse_absurd_size
from nncore.program.naming import count_layers, in_depth, layer_names
from nncore.program.normalization import normalizations
from nncore.training.outputs import bound
from nncore.training.state import State, current_loss, loss_of


@dataclass(frozen=True)
class SurgeryReport:
    """What became of the weights. Print it.

    Attributes
    ----------
    kept : tuple of str
        Layers that have their weights, optimizer state and running statistics as before, by the names they have now.
    new : tuple of str
        Layers that were put in; their weights are drawn from the model's seed, and are those of no layer before.
    changed : tuple of str
        Layers whose weights no longer fit, because they have another width or read one: drawn anew. And each
        `Normalization` that reads other columns than before.
    renamed : dict of str to str
        Name now -> name before, of those layers kept or changed whose number, and so whose default name, is another.
    loss : str or None
        The loss, if another one is inferred from the last layer than before.
    unadapted : tuple of str
        Each `Normalization` that does not know its columns yet; ``fit`` or ``adapt`` sees to it.

    Examples
    --------
    >>> print(SurgeryReport(kept=("dense_0", "dense_2"), new=("dense_1",), renamed={"dense_2": "dense_1"}))
    kept     dense_0, dense_2 (was dense_1)
    new      dense_1
    """

    kept: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    loss: str | None = None
    unadapted: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [(what, self._list(names)) for what, names in (("kept", self.kept), ("new", self.new)) if names]
        if drawn := tuple(name for name in self.changed if name not in self.unadapted):
            lines.append(("changed", f"{self._list(drawn)}: of another shape now, drawn anew"))
        if self.unadapted:
            lines.append(("adapt", f"{self._list(self.unadapted)}: fit does it, or model.adapt(X)"))
        if self.loss:
            lines.append(("loss", f"{self.loss}, inferred from the last layer"))
        return "\n".join(f"{what:9}{text}" for what, text in lines) or "no layer has weights yet"

    def _repr_html_(self) -> str:
        return html.text(str(self))

    def _list(self, names: tuple[str, ...]) -> str:
        return ", ".join(f"{name} (was {self.renamed[name]})" if name in self.renamed else name for name in names)


def insert(state: State, index: int, layer: Layer) -> SurgeryReport:
    """Put a layer in; see ``Sequential.insert``."""
    with state.turn.changing():
        n = len(state.layers)
        index = _place("index", index, n, n)
        layers, origins = list(state.layers), list[int | None](range(n))
        layers.insert(index, checks.exact("layer", layer, LAYERS))
        origins.insert(index, None)
        return _operate(state, layers, origins)


def remove(state: State, index: int) -> SurgeryReport:
    """Take a layer out; see ``Sequential.remove``."""
    with state.turn.changing():
        return _operate(state, *_without(state, "index", index)[:2])


def move(state: State, from_index: int, to_index: int) -> SurgeryReport:
    """Take a layer out and put it in again; see ``Sequential.move``."""
    with state.turn.changing():
        layers, origins, layer, origin = _without(state, "from_index", from_index)
        to_index = _place("to_index", to_index, len(layers), len(layers) + 1)
        layers.insert(to_index, layer)
        origins.insert(to_index, origin)
        return _operate(state, layers, origins)


def replace(state: State, index: int, layer: Layer) -> SurgeryReport:
    """Put a layer in the place of another; see ``Sequential.replace``."""
    with state.turn.changing():
        layers, origins, old, origin = _without(state, "index", index)
        same_kind = type(checks.exact("layer", layer, LAYERS)) is type(old)
        place = _place("index", index, len(layers), len(layers) + 1)
        layers.insert(place, layer)
        origins.insert(place, origin if same_kind else None)
        return _operate(state, layers, origins)


def _place(argument: str, index: int, last: int, n_layers: int) -> int:
    """Return an index of one of `n_layers` layers, or of a place among them, from 0 to `last`."""
    try:
        place: int = checks.integer(0, last)(argument, index)
    except ValueError as error:
        if -n_layers <= index < 0:
            from_end = f"places are not counted from the end, and the last layer is number {n_layers - 1}"
            raise ValueError(f"{error}; {from_end}: {argument}={n_layers + index}") from None
        raise
    return place


def _without(state: State, argument: str, index: int) -> tuple[list[Layer], list[int | None], Layer, int | None]:
    """Return the other layers and their numbers, then that layer and its number."""
    n = len(state.layers)
    if not n:
        raise ValueError(f"{argument} is {index!r}, but the model has no layers; add some first")
    index = _place(argument, index, n - 1, n)
    layers, origins = list(state.layers), list[int | None](range(n))
    return layers, origins, layers.pop(index), origins.pop(index)


def _operate(state: State, layers: list[Layer], origins: list[int | None]) -> SurgeryReport:
    """Take over `layers`; ``origins[i]`` is the number that layer i had so far, None for a new one."""
    network, before = state.network, state.layers
    if network is None:
        state.layers = tuple(layers)
        return SurgeryReport()
    loss, loss_before = loss_of(layers, state.loss), current_loss(state)
    program = lower(layers, network.program.n_features, loss, state.precision)
    bound(state.metrics, layers, loss)
    refuse_absurd_size(program, state.dtype.itemsize, state.optimizer.n_slots)
    origin_of = _origins_in_depth(before, layers, origins)
    fitting = _fitting(network.program, program, origin_of)
    drawn = max(state.drawn, count_layers(before))
    streams = _streams(drawn, count_layers(layers), fitting)
    parameters = initial_parameters(program, state.seed, state.dtype, streams)
    successor = _transplanted(network, program, origin_of, fitting, parameters)
    report = _report(before, layers, successor, origin_of, fitting, loss.name if loss != loss_before else None)
    names, names_before = layer_names(layers), layer_names(before)
    state.layers, state.network = tuple(layers), successor
    state.drawn = drawn + len(streams)
    state.history.rename_layers({names[now]: names_before[origin_of[now]] for now in sorted(origin_of)})
    return report


def _origins_in_depth(
    before: Sequence[Layer], layers: Sequence[Layer], origins: Sequence[int | None]
) -> dict[int, int]:
    """Return number now -> number before of all layers that were there, those inside of `Residual` counted as well.

    Of a `Residual` in another's place, those inside were there that are of the same kind at the same place.
    """
    starts = [0, *accumulate(count_layers([layer]) for layer in before)]
    found: dict[int, int] = {}
    number = 0
    for layer, origin in zip(layers, origins, strict=True):
        if origin is not None:
            kinds = zip(_kinds(before[origin]), _kinds(layer), strict=False)
            found |= {number + i: starts[origin] + i for i, (old, new) in enumerate(kinds) if old is new}
        number += count_layers([layer])
    return found


def _kinds(layer: Layer) -> list[type]:
    return [type(one) for _, one in in_depth([layer])]


def _streams(first: int, n: int, fitting: set[int]) -> dict[int, int]:
    """Return the streams, from number `first` on, of those of `n` layers that begin anew.

    The streams before have been drawn from, by layers that are there still or are gone: to draw from one again would
    give the values of another layer.
    """
    return {number: first + i for i, number in enumerate(sorted({*range(n)} - fitting))}


def _blocks(program: Program, number: int) -> tuple[list[ParameterBlock], list[ParameterBlock]]:
    """Return the parameters and the statistics of one layer."""
    parameters = [block for block in program.parameters if block.layer == number]
    return parameters, [block for block in program.statistics if block.layer == number]


def _fitting(before: Program, after: Program, origin_of: dict[int, int]) -> set[int]:
    """Return the numbers of the layers whose parameters and statistics have the shapes, and given values, they had.

    A `Normalization` must read the columns that it did, too: nothing trains it to fit others.
    """

    def shapes(program: Program, number: int) -> list[list[tuple[tuple[int, ...], Any]]]:
        return [[(block.shape, block.given) for block in blocks] for blocks in _blocks(program, number)]

    same = {now for now, origin in origin_of.items() if shapes(after, now) == shapes(before, origin)}
    reads, read = _columns_read(after), _columns_read(before)
    return {now for now in same if reads.get(now) == read.get(origin_of[now])}


def _columns_read(program: Program) -> dict[int, tuple[int, ...] | None]:
    """Return the columns of the batch that each `Normalization` that is to be adapted reads, by its layer's number."""
    return {
        program.rows[number].layer: batch_columns(program.rows, number)
        for number, (mean, _) in normalizations(program)
        if mean.given is None
    }


def _transplanted(
    network: Network, program: Program, origin_of: dict[int, int], fitting: set[int], new_parameters: Array
) -> Network:
    """Return a network for `program` with the state that the layers in `fitting` have in `network`."""
    parameters, statistics, slots, iterations = network.state()
    new_slots = np.zeros((len(slots), program.n_parameters), network.dtype)
    successor = Network(program, new_parameters, network.optimizer, network.turn)
    new_statistics = successor.get_statistics()
    for number in fitting:
        learned, averaged = zip(_blocks(network.program, origin_of[number]), _blocks(program, number), strict=True)
        _copy(learned, parameters, new_parameters)
        _copy(learned, slots, new_slots)
        _copy(averaged, statistics, new_statistics)
    successor.set_parameters(new_parameters)
    successor.set_statistics(new_statistics)
    successor.set_optimizer_state(new_slots, iterations)
    return successor


def _copy(blocks: tuple[list[ParameterBlock], list[ParameterBlock]], source: Array, target: Array) -> None:
    """Copy blocks of one flat vector, or of several, to their places in another."""
    for old, new in zip(*blocks, strict=True):
        target[..., new.offset : new.offset + new.size] = source[..., old.offset : old.offset + old.size]


def _report(
    before: Sequence[Layer],
    layers: Sequence[Layer],
    network: Network,
    origin_of: dict[int, int],
    fitting: set[int],
    loss: str | None,
) -> SurgeryReport:
    names, names_before, program = layer_names(layers), layer_names(before), network.program
    learning = {block.layer for block in (*program.parameters, *program.statistics)}
    old = sorted(learning & origin_of.keys())
    return SurgeryReport(
        kept=tuple(names[i] for i in old if i in fitting and names[i] not in network.unadapted),
        new=tuple(name for i, name in enumerate(names) if i not in origin_of),
        changed=tuple(names[i] for i in old if i not in fitting),
        renamed={names[i]: names_before[origin_of[i]] for i in old if names[i] != names_before[origin_of[i]]},
        loss=loss,
        unadapted=network.unadapted,
    )
