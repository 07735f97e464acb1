"""Changing the layers of a model that has learned: what still fits keeps its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from nncore import evaluation, losses, spec
from nncore.first_values import initial_parameters
from nncore.history import History
from nncore.inputs import Array
from nncore.layers import LAYERS, Layer
from nncore.network import Network
from nncore.prediction import Prediction
from nncore.program import ParameterBlock, Program, last_activation, lower, refuse_absurd_size
from nncore.summary import in_depth, layer_name


@dataclass(frozen=True)
class SurgeryReport:
    """What became of the weights. Print it.

    Attributes
    ----------
    kept : tuple of str
        Layers that have their weights, optimizer state and running statistics as before, by the names they have now.
    new : tuple of str
        Layers that were put in; their weights are drawn from the model's seed.
    changed : tuple of str
        Layers whose weights no longer fit, because they have another width or read one: drawn anew.
    renamed : dict of str to str
        Name now -> name before, of those layers kept or changed whose number, and so whose default name, is another.
    loss : str or None
        The loss, if another one is inferred from the last layer than before.

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

    def __str__(self) -> str:
        lines = [(what, self._list(names)) for what, names in (("kept", self.kept), ("new", self.new)) if names]
        if self.changed:
            lines.append(("changed", f"{self._list(self.changed)}: of another shape now, drawn anew"))
        if self.loss:
            lines.append(("loss", f"{self.loss}, inferred from the last layer"))
        return "\n".join(f"{what:9}{text}" for what, text in lines) or "no layer has weights yet"

    def _list(self, names: tuple[str, ...]) -> str:
        return ", ".join(f"{name} (was {self.renamed[name]})" if name in self.renamed else name for name in names)


class Surgery(Prediction):
    """The part of `Sequential` that changes its layers after they have been built."""

    history: History

    def insert(self, index: int, layer: Layer) -> SurgeryReport:
        """Put a layer in before layer number `index`; all others keep their weights where these still fit.

        Parameters
        ----------
        index : int
            0 to the number of layers, which appends. Layers inside a `Residual` are not counted.
        layer : Dense, Activation, BatchNorm, LayerNorm, Dropout or Residual

        Returns
        -------
        SurgeryReport

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or the layers do not fit together or to the loss. The model is then as before.
        RuntimeError
            If the model is being trained.

        Notes
        -----
        A layer keeps its weights, its part of the optimizer's state and its running statistics if all its shapes are
        the same; all else begins anew. The records of the layers in ``model.history`` go on under the names they have
        now; those of layers that were taken out have ended. A vector taken from `parameters` before no longer belongs
        to the model.

        Examples
        --------
        >>> from nncore import Dense, LayerNorm, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.insert(1, Dense(16, "relu")))
        kept     dense_0
        new      dense_1
        changed  dense_2 (was dense_1): of another shape now, drawn anew
        """
        n = len(self._layers)
        index = spec.integer(0, n)("index", index)
        layers, origins = list(self._layers), list[int | None](range(n))
        layers.insert(index, spec.exact("layer", layer, LAYERS))
        origins.insert(index, None)
        return self._operate(layers, origins)

    def remove(self, index: int) -> SurgeryReport:
        """Take layer number `index` out; all others keep their weights where these still fit.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.remove(1))
        kept     dense_0, dense_1 (was dense_2)
        """
        return self._operate(*self._without("index", index)[:2])

    def move(self, from_index: int, to_index: int) -> SurgeryReport:
        """Take layer number `from_index` out and put it in again as layer number `to_index`.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, LayerNorm, Sequential
        >>> model = Sequential([Dense(8, "relu"), LayerNorm(), Dense(3)])
        >>> model.build(8)
        >>> print(model.move(1, 0))
        kept     layer_norm_0 (was layer_norm_1), dense_1 (was dense_0), dense_2
        """
        layers, origins, layer, origin = self._without("from_index", from_index)
        to_index = spec.integer(0, len(layers))("to_index", to_index)
        layers.insert(to_index, layer)
        origins.insert(to_index, origin)
        return self._operate(layers, origins)

    def replace(self, index: int, layer: Layer) -> SurgeryReport:
        """Put another layer in the place of layer number `index`.

        If both are of the same kind and all shapes stay the same, as with another activation or initializer, the layer
        keeps its weights.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.replace(0, Dense(8, "tanh")))
        kept     dense_0, dense_1
        >>> print(model.replace(1, Dense(5)))
        kept     dense_0
        changed  dense_1: of another shape now, drawn anew
        """
        layers, origins, old, origin = self._without("index", index)
        same_kind = type(spec.exact("layer", layer, LAYERS)) is type(old)
        place = spec.integer(0, len(layers))("index", index)
        layers.insert(place, layer)
        origins.insert(place, origin if same_kind else None)
        return self._operate(layers, origins)

    def _without(self, argument: str, index: int) -> tuple[list[Layer], list[int | None], Layer, int | None]:
        """Return the other layers and their numbers, then that layer and its number."""
        n = len(self._layers)
        if not n:
            raise ValueError(f"{argument} is {index!r}, but the model has no layers; add some first")
        index = spec.integer(0, n - 1)(argument, index)
        layers, origins = list(self._layers), list[int | None](range(n))
        return layers, origins, layers.pop(index), origins.pop(index)

    def _operate(self, layers: list[Layer], origins: list[int | None]) -> SurgeryReport:
        """Take over `layers`; ``origins[i]`` is the number that layer i had so far, None for a new one."""
        network = self._network
        if network is None:
            self._layers, self._scorers = tuple(layers), None
            return SurgeryReport()
        network.check_not_training()
        loss = losses.infer_loss(last_activation(layers)) if self._loss is None else self._loss
        program = lower(layers, network.program.n_features, loss)
        evaluation.bind_metrics(self._metrics, loss)
        refuse_absurd_size(program, self._dtype.itemsize, self._optimizer.n_slots)
        origin_of = _origins_in_depth(self._layers, layers, origins)
        fitting = _fitting(network.program, program, origin_of)
        report = _report(self._layers, layers, program, origin_of, fitting, loss.name if loss != self.loss else None)
        successor = _transplanted(network, program, origin_of, fitting, self._seed)
        names, names_before = _names(layers), _names(self._layers)
        self._layers, self._network, self._scorers = tuple(layers), successor, None
        self.history.rename_layers({names[now]: names_before[origin_of[now]] for now in sorted(origin_of)})
        return report


def _origins_in_depth(
    before: Sequence[Layer], layers: Sequence[Layer], origins: Sequence[int | None]
) -> dict[int, int]:
    """Return number now -> number before of all layers that were there, those inside of `Residual` counted as well."""
    starts = [0, *accumulate(_count(layer) for layer in before)]
    found: dict[int, int] = {}
    number = 0
    for layer, origin in zip(layers, origins, strict=True):
        if origin is not None:
            found |= {number + i: starts[origin] + i for i in range(_count(layer))}
        number += _count(layer)
    return found


def _names(layers: Sequence[Layer]) -> list[str]:
    return [layer_name(layer, number) for number, (_, layer) in enumerate(in_depth(layers))]


def _count(layer: Layer) -> int:
    return sum(1 for _ in in_depth([layer]))


def _blocks(program: Program, number: int) -> tuple[list[ParameterBlock], list[ParameterBlock]]:
    """Return the parameters and the statistics of one layer."""
    parameters = [block for block in program.parameters if block.layer == number]
    return parameters, [block for block in program.statistics if block.layer == number]


def _fitting(before: Program, after: Program, origin_of: dict[int, int]) -> set[int]:
    """Return the numbers of the layers whose parameters and statistics have the shapes they had."""

    def shapes(program: Program, number: int) -> list[list[tuple[int, ...]]]:
        return [[block.shape for block in blocks] for blocks in _blocks(program, number)]

    return {now for now, origin in origin_of.items() if shapes(after, now) == shapes(before, origin)}


def _transplanted(
    network: Network, program: Program, origin_of: dict[int, int], fitting: set[int], seed: int
) -> Network:
    """Return a network for `program` with the state that the layers in `fitting` have in `network`."""
    parameters, statistics, slots, iterations = network.state()
    new_parameters = initial_parameters(program, seed, network.dtype)
    new_slots = np.zeros((len(slots), program.n_parameters), network.dtype)
    successor = Network(program, new_parameters, network.optimizer)
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
    program: Program,
    origin_of: dict[int, int],
    fitting: set[int],
    loss: str | None,
) -> SurgeryReport:
    names, names_before = _names(layers), _names(before)
    learning = {block.layer for block in (*program.parameters, *program.statistics)}
    old = sorted(learning & origin_of.keys())
    return SurgeryReport(
        kept=tuple(names[i] for i in old if i in fitting),
        new=tuple(name for i, name in enumerate(names) if i not in origin_of),
        changed=tuple(names[i] for i in old if i not in fitting),
        renamed={names[i]: names_before[origin_of[i]] for i in old if names[i] != names_before[origin_of[i]]},
        loss=loss,
    )
