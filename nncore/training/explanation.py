"""One step of training taken apart: what every layer computed, what came back, and how its weights moved.

Every number is the engine's own: the same program as in training runs once, but for activations that have rows of
their own, which changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.activations import ACTIVATIONS
from nncore.base import html
from nncore.base.bfloat16 import round_to_bfloat16
from nncore.base.typing import Array
from nncore.layers import Layer
from nncore.program import Head, Program, refuse_unsuitable_batch
from nncore.program.heads import ends
from nncore.program.naming import in_depth, layer_name
from nncore.program.reading import input_of
from nncore.program.unfused import owner_of_activation, unfused
from nncore.training import divergence
from nncore.training.state import State, built, converted


@dataclass(frozen=True, eq=False)
class ParameterStep:
    """How one weight, bias, gamma or beta moved.

    Attributes
    ----------
    before, gradient, after : ndarray
        The values, the derivative of the loss by them, and the values after the step, all of one shape. Penalties,
        clipping and the optimizer stand between gradient and step.
    """

    before: Array
    gradient: Array
    after: Array


@dataclass(frozen=True, eq=False, repr=False)
class LayerStep:
    """What one layer did in a step.

    Attributes
    ----------
    name, kind : str
        As `Sequential.summary` shows them.
    activation : str
        Of the layer, ``"identity"`` if it has none.
    x : ndarray of shape (n, n_in)
        What it read.
    z, a : ndarray of shape (n, n_out)
        Before and after its activation; the same where there is none.
    dz, da : ndarray of shape (n, n_out), or None
        The derivatives of the loss by `z`, the layer's delta, and by `a`. None where training has no use for them:
        before the first layer that learns, and for the `a` of a last layer whose activation the loss takes over.
    parameters : dict of str to ParameterStep
        By name, ``"weight"``, ``"bias"``, ``"gamma"``, ``"beta"``; empty where nothing is learned.
    rounded : dict of str to ndarray
        Of a layer with a weight in mixed_bfloat16: what is multiplied in the place of ``"x"``, ``"weight"`` (as it was
        before) and ``"dz"``, each rounded to bfloat16. Else empty.
    """

    name: str
    kind: str
    activation: str
    x: Array
    z: Array
    a: Array
    dz: Array | None
    da: Array | None
    parameters: Mapping[str, ParameterStep]
    rounded: Mapping[str, Array] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.name}: {self.kind}" + (f", {self.activation}" if self.activation != "identity" else "")]
        parts[0] += ", products of bfloat16" if getattr(self, "rounded", None) else ""  # older pickles have none
        shown = {"x": self.x, "z": self.z, "a": self.a, "dL/da": self.da, "dL/dz": self.dz}
        parts += [f"  {name:<6} {_figures(array)}" for name, array in shown.items() if array is not None]
        for name, step in self.parameters.items():
            moved = np.linalg.norm(step.after.astype(float) - step.before)
            parts.append(
                f"  {name:<6} {_figures(step.before)}; gradient {_figures(step.gradient)}; moved by {moved:.3g}"
            )
        return "\n".join(parts)

    def __repr__(self) -> str:
        return str(self)  # not all that its arrays hold

    def cells(self) -> list[tuple[str, ...]]:
        """Return the rows of a table: of each array its layer, kind, name, shape, mean, norm, and how far it moved."""
        kind = self.kind if self.activation == "identity" else f"{self.kind}, {self.activation}"
        shown = {"x": self.x, "z": self.z, "a": self.a, "dL/da": self.da, "dL/dz": self.dz}
        rows = [(name, *_numbers(array), "") for name, array in shown.items() if array is not None]
        for name, step in self.parameters.items():
            moved = np.linalg.norm(step.after.astype(float) - step.before)
            rows.append((name, *_numbers(step.before), f"{moved:.3g}"))
            rows.append((f"dL/d {name}", *_numbers(step.gradient), ""))
        return [(self.name if i == 0 else "", kind if i == 0 else "", *row) for i, row in enumerate(rows)]


def _numbers(array: Array) -> tuple[str, str, str]:
    shape = " x ".join(map(str, array.shape))
    return shape, f"{array.mean(dtype=float):.3g}", f"{np.linalg.norm(array.astype(float)):.3g}"


def _figures(array: Array) -> str:
    shape, mean, norm = _numbers(array)
    return f"{shape}, mean {mean}, norm {norm}"


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """One training step on one batch, as `Sequential.explain_step` returns it.

    Attributes
    ----------
    loss : float
        Of the batch, before the step, without penalties.
    prediction : ndarray of shape (n, n_outputs)
        What the network said in training: with batch statistics, and with what `Dropout` dropped. Several outputs with
        a loss each stand side by side.
    learning_rate : float
    layers : tuple of LayerStep
        In the order of the network; those in a `Residual` or `Parallel` behind it.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(1, weight_initializer="ones")], dtype="float64")
    >>> model.compile("sgd", loss="mse")
    >>> model.build(2)
    >>> step = model.explain_step([[1.0, 2.0]], [5.0])
    >>> step.loss, step["dense_0"].z, step["dense_0"].dz
    (4.0, array([[3.]]), array([[-4.]]))
    >>> step["dense_0"].parameters["weight"].gradient.T
    array([[-4., -8.]])
    >>> step["dense_0"].parameters["weight"].after.T
    array([[1.04, 1.08]])
    """

    loss: float
    prediction: Array
    learning_rate: float
    layers: tuple[LayerStep, ...]

    def __getitem__(self, name: str) -> LayerStep:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"no layer {name!r}; layers: {', '.join(layer.name for layer in self.layers)}")

    def __repr__(self) -> str:
        return str(self)  # what the prompt shows should be readable

    def _repr_html_(self) -> str:
        title = f"loss {self.loss:.6g}, learning rate {self.learning_rate:g}"
        rows = [row for layer in self.layers for row in layer.cells()]
        return html.table(("layer", "kind", "what", "shape", "mean", "norm", "moved by"), rows, title, range(3, 7))

    def __str__(self) -> str:
        return "\n".join([f"loss {self.loss:.6g}, learning rate {self.learning_rate:g}", *map(str, self.layers)])


def explain(state: State, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> Explanation:
    """Take one step apart, of a model that stays as it is; see ``Sequential.explain_step``.

    Raises
    ------
    TypeError, ValueError, NotBuiltError, TrainingDiverged
        As there.
    """
    with state.turn.using():  # layers and network that belong together
        return _explained(state, X, y, sample_weight)


def _explained(state: State, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> Explanation:
    network = built(state)
    data = converted(network.program, state, X, y, sample_weight)
    n = len(data.X)
    refuse_unsuitable_batch(network.program, n, state.dtype.itemsize)
    rate = np.array([state.optimizer.rate_at(state.epoch)])
    twin = network.copy(unfused(network.program, state.layers))
    before = twin.get_parameters()
    loss, values, deltas, gradient = twin.explain(*data, seed=state.seed)
    prediction = np.empty((n, twin.program.n_outputs), twin.dtype)
    one_batch: dict[str, Any] = {"batch_size": n, "shuffle": False, "seed": state.seed, "predictions": prediction}
    if twin.train(*data, **one_batch, learning_rates=rate).diverged:
        raise divergence.error(state, twin, data, np.arange(n), n, rate, twin.result.last_finite_loss)
    steps = _parameter_steps(twin.program, before, gradient, twin.get_parameters())
    values_of = {-1: data.X, **dict(enumerate(values))}
    numbered = [layer for _, layer in in_depth(state.layers)]
    found = {
        number: _layer_step(twin.program, number, numbered, values_of, deltas, steps)
        for number in sorted({row.layer for row in twin.program.rows})
    }
    heads = twin.program.heads
    ended = ends(twin.program.rows) if heads else [len(twin.program.rows) - 1]
    ending: Sequence[Head | Program] = heads or (twin.program,)
    for end, part in zip(ended, ending, strict=True):
        if part.link in ACTIVATIONS and part.link != "identity":
            of_it = prediction
            if isinstance(part, Head):
                of_it = np.ascontiguousarray(prediction[:, part.first : part.first + part.n_outputs])
            _add_link(found, twin.program.rows[end].layer, part.link, numbered, of_it)
    return Explanation(loss, prediction, float(rate[0]), tuple(found[number] for number in sorted(found)))


def _parameter_steps(
    program: Program, before: Array, gradient: Array, after: Array
) -> dict[int, dict[str, ParameterStep]]:
    """Return the steps of each layer's parameters, by its number and their names."""
    steps: dict[int, dict[str, ParameterStep]] = {}
    for block in program.parameters:
        step = ParameterStep(block.of(before), block.of(gradient), block.of(after))
        steps.setdefault(block.layer, {})[block.name.rsplit(".", 1)[1]] = step
    return steps


def _layer_step(
    program: Program,
    number: int,
    numbered: Sequence[Layer],
    outputs: Mapping[int, Array],
    deltas: list[Array | None],
    steps: Mapping[int, Mapping[str, ParameterStep]],
) -> LayerStep:
    rows, own = program.rows, [i for i, row in enumerate(program.rows) if row.layer == number]
    first, last = own[0], own[-1]
    before = rows[last].source if rows[last].op == "activation" else last  # the row that wrote z
    nested = rows[last].op in ("add", "concat")
    read = input_of(rows, number) if nested else rows[first].source  # what a block reads
    name, kind = layer_name(numbered[number], number), type(numbered[number]).__name__
    z, dz = outputs[before], deltas[before] if before >= 0 else None
    x, parameters = outputs[read], steps.get(number, {})
    rounds = program.precision is not None and rows[last].op != "embedding"
    rounded = {} if not rounds else _rounded(x, parameters.get("weight"), dz)
    return LayerStep(name, kind, rows[last].activation, x, z, outputs[last], dz, deltas[last], parameters, rounded)


def _rounded(x: Array, weight: ParameterStep | None, dz: Array | None) -> dict[str, Array]:
    """Return what the products of a layer are of, in mixed_bfloat16; nothing of one without a weight."""
    if weight is None:
        return {}
    operands = {"x": x, "weight": weight.before, "dz": dz}
    return {name: round_to_bfloat16(array) for name, array in operands.items() if array is not None}


def _add_link(
    found: dict[int, LayerStep], number: int, link: str, numbered: Sequence[Layer], prediction: Array
) -> None:
    """Show the activation that the loss has taken over where the user put it; what is behind it is the prediction."""
    last = found[number]
    left = last.kind == "Activation" and last.activation == "identity"  # its row is still there, and does nothing
    owner = number if left else owner_of_activation(numbered, number, link)
    if owner == number:
        found[owner] = replace(last, activation=link, a=prediction, da=None)
    else:
        name, z = layer_name(numbered[owner], owner), last.a
        found[owner] = LayerStep(name, "Activation", link, z, z, prediction, last.da, None, {})
