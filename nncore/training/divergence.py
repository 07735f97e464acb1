"""Where a training diverged: its last steps once more, taken apart, until something is not finite."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import engine
from nncore.arrays import Data
from nncore.arrays.inputs import all_finite
from nncore.base import memory
from nncore.base.typing import Array
from nncore.errors import TrainingDiverged
from nncore.layers import Layer
from nncore.network import Network
from nncore.program import Program
from nncore.program.naming import layer_names
from nncore.program.unfused import unfused
from nncore.training.state import State

MOST_WORK = 2e11  # multiply-adds that are done again: some ten seconds


@dataclass(frozen=True)
class Place:
    """What stopped being finite first.

    Attributes
    ----------
    layer : str or None
        The layer, as `Sequential.summary` shows it; None for the loss, and where it could not be found out.
    tensor : str or None
        ``"output"``, ``"loss"``, ``"delta"``, ``"gradient"``, ``"squared gradient"`` or ``"weight"``; None where it
        could not be found out.
    rows : ndarray of int64
        Numbers of the batch's rows for which it was not finite; all of the batch for gradients and weights.
    """

    layer: str | None
    tensor: str | None
    rows: NDArray[np.int64]


def error(
    state: State,
    network: Network,
    data: Data,
    order: NDArray[np.int64],
    batch_size: int,
    learning_rates: Array,
    last_finite_loss: float,
) -> TrainingDiverged:
    """Return the error that says where the latest training of `network` diverged.

    Parameters
    ----------
    state : State
        Of the model.
    network : Network
        The model's, or a twin of it.
    data, order, batch_size
        As for `locate`.
    learning_rates : ndarray of shape (steps of the epoch,), float64
    last_finite_loss : float
        Of a batch of this training, be it of an epoch before; NaN if there was none.
    """
    result, epoch, loss = network.result, state.epoch, last_finite_loss
    batch, rate = result.batch, float(learning_rates[result.batch])
    parameters, _, slots, _ = network.state()
    if not (all_finite(parameters) and all_finite(slots)):
        return TrainingDiverged(epoch, batch, loss, rate, broken_before=True)
    place = locate(network, state.layers, data, order, batch_size, batch, state.seed, learning_rates)
    where = place.layer, place.tensor, tuple(sorted(place.rows.tolist()))
    return TrainingDiverged(epoch, batch, loss, rate, False, *where)


def locate(
    network: Network,
    layers: Iterable[Layer],
    data: Data,
    order: NDArray[np.int64],
    batch_size: int,
    batch: int,
    seed: int,
    learning_rates: Array,
) -> Place:
    """Find what stopped being finite in a batch, beginning at the start of its epoch.

    Parameters
    ----------
    network : Network
        In the state at the start of the epoch; it stays so.
    layers : iterable of Layer
        What it was made of.
    data : Data
        What was trained on.
    order : ndarray of shape (n,)
        In which the epoch visited the rows.
    batch_size, batch : int
        Rows of a batch, and the number of the one that diverged.
    seed : int
        Of the model.
    learning_rates : ndarray of shape (batch + 1,), float64
        Of the epoch's steps.

    Returns
    -------
    Place
    """
    start = batch * batch_size
    rows = order[start : start + batch_size]
    layers, unknown = tuple(layers), Place(None, None, rows)
    too_much = start * float(network.program.n_parameters) * 3 > MOST_WORK or not _fits(network, len(rows))
    if too_much or 2 * start * network.program.n_features * network.dtype.itemsize > memory.available():
        return unknown
    twin = network.copy(unfused(network.program, layers))
    options: dict[str, Any] = {"batch_size": batch_size, "shuffle": False, "seed": seed}
    if start and twin.train(*data.rows(order[:start]), learning_rates=learning_rates[:batch], **options).diverged:
        return unknown  # which cannot be: it did not the first time
    names = layer_names(layers)
    try:
        found = _in_step(twin, data.rows(rows), seed, names, rows)
    except MemoryError:  # all of a batch's outputs and deltas at once, which training need not hold
        return unknown
    if found is not None:
        return found
    rates = learning_rates[batch : batch + 1]
    if not twin.train(*data.rows(rows), learning_rates=rates, **options).diverged:
        return unknown
    layer = _in_squares(twin, data.rows(rows), seed, names, float(rates[0]))
    return Place(None, "weight", rows) if layer is None else Place(layer, "squared gradient", rows)


def _fits(network: Network, n: int) -> bool:
    """Return whether the outputs and deltas of n rows fit into memory at once, by far."""
    widths = network.program.n_features + 2 * sum(row.n_out for row in network.program.rows)
    return 4 * n * widths * network.dtype.itemsize < memory.available()


def _in_step(twin: Network, batch: Data, seed: int, names: list[str], rows: NDArray[np.int64]) -> Place | None:
    """Look at the outputs of all layers, the loss, the deltas from the last layer to the first, and the gradients."""
    program = twin.program
    loss, values, deltas, gradient = twin.explain(*batch, seed=seed)
    for row, value in zip(program.rows, values, strict=True):
        if not all_finite(value):
            return Place(names[row.layer], "output", rows[_bad(value)])
    if not np.isfinite(loss):
        return Place(None, "loss", rows)
    for row, delta in zip(reversed(program.rows), reversed(deltas), strict=True):
        if delta is not None and not all_finite(delta):
            return Place(names[row.layer], "delta", rows[_bad(delta)])
    return _in_gradient(program, gradient, names, rows)


def _bad(array: Array) -> NDArray[np.intp]:
    """Return the rows that are not finite."""
    return np.flatnonzero(~np.isfinite(array).all(axis=1))


def _in_gradient(program: Program, gradient: Array, names: list[str], rows: NDArray[np.int64]) -> Place | None:
    for block in reversed(program.parameters):
        if not all_finite(np.ascontiguousarray(block.of(gradient))):
            return Place(names[block.layer], "gradient", rows)
    return None


def _in_squares(twin: Network, batch: Data, seed: int, names: list[str], rate: float) -> str | None:
    """Return the layer for which the optimizer's state stops being finite where the weights do not; None for none.

    The gradient is that of the loss alone, before it is clipped.
    """
    parameters, _, slots, iterations = twin.state()
    gradient, optimizer = twin.explain(*batch, seed=seed)[3], replace(twin.optimizer, learning_rate=rate)
    engine.load(twin.dtype.name).update(optimizer, parameters, gradient, slots, iterations + 1, False)
    for block in reversed(twin.program.parameters):
        if np.isfinite(block.of(parameters)).all() and not all(np.isfinite(block.of(slot)).all() for slot in slots):
            return names[block.layer]
    return None
