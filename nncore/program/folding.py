"""Folding: a trained program, rewritten so that it predicts the same with fewer rows.

While predicting, a batchnorm is ``x * scale + shift`` with fixed numbers for each column, which a neighbouring dense
row can take into its weight and bias, and dropout and noise do nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from nncore.base.typing import Array
from nncore.program.lowering import Program
from nncore.program.row import BATCH, ParameterBlock, Row

MOST_DEVIATIONS = 2.0**10
"""How far from zero a column's mean may lie, in its deviations, for its batchnorm to be folded into the rows behind.

The batchnorm subtracts the mean before anything is rounded; once folded, products as large as the mean cancel each
other, and what is left has lost as many bits as the logarithm of this ratio."""

MOST_IN_BFLOAT16 = 2.0
"""The same where the products are of bfloat16, which has 8 bits to lose: it rounds the mean and not the deviation."""

_IDLE = ("dropout", "noise")
"""What does nothing while predicting."""

Placed = tuple[ParameterBlock, Array]  # and its values in float64


@dataclass(eq=False)
class _Node:
    """A row that knows the rows it reads, not their numbers; None for the batch.

    `learned` and `averaged` are its blocks with their values in float64: weight and bias or gamma and beta; mean and
    variance.
    """

    row: Row
    source: _Node | None
    skip: _Node | None
    learned: list[Placed]
    averaged: list[Placed]


def folded(program: Program, parameters: Array, statistics: Array) -> tuple[Program, Array, Array]:
    """Return a program that predicts the same without dropout, noise, and batchnorms that dense rows can take over.

    A batchnorm disappears into the dense row before it if that has no activation and no other reader, else into the
    rows that read it, also beside other columns, if all of these are dense, unless a mean lies too many deviations from
    zero for that (`MOST_DEVIATIONS`, `MOST_IN_BFLOAT16`) or the new weights would be too large for their dtype. An
    activation that then follows a dense row becomes part of it. All other rows stay as they are, and layers keep their
    numbers and blocks their names.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)
    statistics : ndarray of shape (n_statistics,)
        The running means and variances.

    Returns
    -------
    program : Program
        To predict with, not to train. The given one if it has neither batchnorm nor dropout nor noise.
    parameters, statistics : ndarray
        Its own, computed in float64 and rounded once to the dtype of the given ones.

    Examples
    --------
    >>> from nncore.layers import BatchNorm, Dense
    >>> from nncore.program import lower
    >>> network = lower([Dense(1), BatchNorm(epsilon=1.0), Dense(1)], 1, "mse")
    >>> parameters = np.array([4.0, 2.0, 1.0, 10.0, 1.0, 0.0])  # weight, bias, gamma, beta, weight, bias
    >>> simpler, parameters, statistics = folded(network, parameters, np.array([0.0, 3.0]))
    >>> print(simpler)
    row     op  reads  layer  n_in  n_out  activation  weight  bias
      0  dense      X      0     1      1    identity       0     1
      1  dense      0      2     1      1    identity       2     3
    link identity, loss squared_error, 4 parameters
    >>> parameters
    array([ 2., 11.,  1.,  0.])
    """
    if not any(row.op in ("batchnorm", *_IDLE) for row in program.rows):
        return program, parameters, statistics
    nodes = _nodes(program, parameters, statistics)
    for node in [node for node in nodes if node.row.op in _IDLE]:
        _remove(nodes, node)
    norms = [node for node in nodes if node.row.op == "batchnorm"]
    most = MOST_DEVIATIONS if program.precision is None else MOST_IN_BFLOAT16
    for node in [*reversed(norms), *norms]:  # of several in a row the last goes on, then the first goes back
        if node in nodes:
            _fold(nodes, node, parameters.dtype, most)
    for node in [node for node in nodes if node.row.op == "activation"]:
        _fuse(nodes, node)
    return _program(program, nodes, parameters.dtype)


# ---- from rows to nodes and back


def _nodes(program: Program, parameters: Array, statistics: Array) -> list[_Node]:
    values = parameters.astype(np.float64), statistics.astype(np.float64)
    learned = {block.offset: (block, block.of(values[0])) for block in program.parameters}
    averaged = {block.offset: (block, block.of(values[1])) for block in program.statistics}
    nodes: list[_Node] = []
    for row in program.rows:
        source, skip = (nodes[place] if place >= 0 else None for place in (row.source, row.skip))
        own = [learned[place] for place in (row.weight, row.bias) if place >= 0]
        places = (row.statistics, row.statistics + row.n_out) if row.statistics >= 0 else ()
        nodes.append(_Node(row, source, skip, own, [averaged[place] for place in places]))
    return nodes


def _program(program: Program, nodes: list[_Node], dtype: np.dtype) -> tuple[Program, Array, Array]:
    learned, parameters = _packed(chain.from_iterable(node.learned for node in nodes), dtype)
    averaged, statistics = _packed(chain.from_iterable(node.averaged for node in nodes), dtype)
    places, moments = iter(learned), iter(averaged)
    numbers: dict[_Node | None, int] = {None: BATCH}
    rows: list[Row] = []
    for number, node in enumerate(nodes):
        weight, bias, *_ = [*(next(places).offset for _ in node.learned), -1, -1]
        mean, *_ = [*(next(moments).offset for _ in node.averaged), -1]
        skip = numbers[node.skip] if node.row.skip >= BATCH else node.row.skip
        source = numbers[node.source]
        rows.append(replace(node.row, weight=weight, bias=bias, source=source, skip=skip, statistics=mean))
        numbers[node] = number
    simpler = replace(program, rows=tuple(rows), parameters=learned, statistics=averaged)
    simpler = replace(simpler, n_parameters=len(parameters), n_statistics=len(statistics))
    return simpler, parameters, statistics


def _packed(blocks: Iterable[Placed], dtype: np.dtype) -> tuple[tuple[ParameterBlock, ...], Array]:
    """Place blocks one behind the other; return them, and their values as one flat vector."""
    placed: list[ParameterBlock] = []
    values = [np.empty(0)]
    for block, value in blocks:
        offset = placed[-1].offset + placed[-1].size if placed else 0
        placed.append(replace(block, offset=offset))
        values.append(value.ravel())
    return tuple(placed), np.concatenate(values).astype(dtype)


# ---- what is done to them


def _readers(nodes: list[_Node], read: _Node) -> list[_Node | None]:
    """Return the nodes that read one; None stands for the loss and the link, which read the last."""
    found: list[_Node | None] = [node for node in nodes if read in (node.source, node.skip)]
    return found if read is not nodes[-1] else [*found, None]


def _remove(nodes: list[_Node], gone: _Node) -> None:
    """Let the readers of a node read what it read."""
    nodes.remove(gone)
    for node in nodes:
        node.source = gone.source if node.source is gone else node.source
        node.skip = gone.source if node.skip is gone else node.skip


def _linear_before(nodes: list[_Node], node: _Node) -> _Node | None:
    """Return what a node reads if that is a dense row without an activation, which nobody else reads."""
    before = node.source
    if before is None or before.row.op != "dense" or before.row.activation != "identity":
        return None
    return before if _readers(nodes, before) == [node] else None


def _fold(nodes: list[_Node], norm: _Node, dtype: np.dtype, most: float) -> None:
    """Fold a batchnorm into the row before it or the rows behind it, if they can take it."""
    with np.errstate(over="ignore", invalid="ignore"):
        changed = _scaled_before(nodes, norm) or _scaled_behind(nodes, norm, most)
        values = chain.from_iterable(changed.values())
        if not changed or not all(np.isfinite(value.astype(dtype)).all() for value in values):
            return
    for node, (weight, bias) in changed.items():
        block = node.learned[0][0]
        name = block.name.removesuffix("weight") + "bias"
        its_bias = replace(block, name=name, shape=block.shape[1:], initializer="zeros")
        node.learned = [(block, weight), (node.learned[1][0] if len(node.learned) > 1 else its_bias, bias)]
    _remove(nodes, norm)


def _scaled_before(nodes: list[_Node], norm: _Node) -> dict[_Node, tuple[Array, Array]]:
    """Return weight and bias of the dense row before, scaled and shifted; nothing if it cannot be changed."""
    before = _linear_before(nodes, norm)
    if before is None:
        return {}
    scale, mean, beta = _normalization(norm)
    weight, bias = _weight_and_bias(before)
    return {before: (weight * scale, (bias - mean) * scale + beta)}


def _scaled_behind(nodes: list[_Node], norm: _Node, most: float) -> dict[_Node, tuple[Array, Array]]:
    """Return weight and bias of each dense row that reads a batchnorm; nothing if not all readers can be changed."""
    behind = _dense_behind(nodes, norm)
    mean, variance = (value for _, value in norm.averaged)
    if behind is None or (np.abs(mean) > most * np.sqrt(variance + norm.row.parameter)).any():
        return {}
    scale, mean, beta = _normalization(norm)
    shift, changed = beta - mean * scale, dict[_Node, tuple[Array, Array]]()
    for node, first in behind:
        weight, bias = changed.get(node) or _weight_and_bias(node)
        weight, own = weight.copy(), slice(first, first + norm.row.n_out)
        changed[node] = weight, bias + shift @ weight[own]
        weight[own] *= scale[:, None]
    return changed


def _dense_behind(nodes: list[_Node], read: _Node, first: int = 0) -> list[tuple[_Node, int]] | None:
    """Return the dense rows that read a node, also beside others, and from which column on; None if not they alone do.

    `first`: where its own columns begin in what it writes.
    """
    found: list[tuple[_Node, int]] = []
    for node in _readers(nodes, read):
        if node is not None and node.row.op == "dense":
            found.append((node, first))
            continue
        if node is None or node.row.op != "concat":
            return None
        places = [place for place, one in ((0, node.source), (node.row.n_in, node.skip)) if one is read]
        for behind in (_dense_behind(nodes, node, first + place) for place in places):
            if behind is None:
                return None
            found += behind
    return found


def _normalization(norm: _Node) -> tuple[Array, Array, Array]:
    """Return scale, mean and beta, each (n_out,), of ``(x - mean) * scale + beta``."""
    mean, variance = (value for _, value in norm.averaged)
    gamma, beta = (value for _, value in norm.learned) if norm.learned else (np.ones_like(mean), np.zeros_like(mean))
    return gamma / np.sqrt(variance + norm.row.parameter), mean, beta


def _weight_and_bias(dense: _Node) -> tuple[Array, Array]:
    values = [value for _, value in dense.learned]
    return values[0], values[1] if len(values) > 1 else np.zeros(dense.row.n_out)


def _fuse(nodes: list[_Node], activation: _Node) -> None:
    """Let the dense row before apply an activation itself, as `nncore.program.rows` does."""
    before = _linear_before(nodes, activation)
    if before is None:
        return
    name, parameter = activation.row.activation, activation.row.parameter
    before.row = replace(before.row, activation=name, parameter=parameter)
    before.learned = [(replace(block, activation=name), value) for block, value in before.learned]
    _remove(nodes, activation)
