"""What training looks at once, before it begins: the scale of the inputs, the classes, and weights that are all alike.

`nncore.doctor` judges by it. At most `MOST_ROWS` evenly spaced rows are looked at, so that it costs next to nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nncore.inputs import Array
from nncore.program import ParameterBlock, Program
from nncore.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES

MOST_ROWS = 4096  # means and deviations of so many rows are within 2 % of those of all
MOST_VALUES = 2**20  # of inputs: with many features, fewer rows
SQUARED_ERROR = "squared_error"


def inputs_seen(X: Array) -> dict[str, Any]:
    """Return the range of means and standard deviations over the features.

    Returns
    -------
    dict
        ``rows``, ``features``: how many were looked at. ``min``, ``max``: of all values. ``mean_min``, ``mean_max``,
        ``std_min``, ``std_max``: of the features; constant ones do not count for ``std_min``. ``constant``: how many
        of them are. ``narrowest``, ``widest``: the features with ``std_min`` and ``std_max``.

    Examples
    --------
    >>> seen = inputs_seen(np.array([[0.0, 100.0, 7.0], [1.0, 300.0, 7.0]]))
    >>> seen["std_min"], seen["std_max"], seen["widest"], seen["constant"]
    (0.5, 100.0, 1, 1)
    """
    most = max(1, min(MOST_ROWS, MOST_VALUES // X.shape[1]))
    rows = _spread(X, most).astype(np.float64)
    low, high = rows.min(), rows.max()
    with np.errstate(over="ignore"):
        mean = rows.mean(axis=0)
        rows -= mean
        std = np.sqrt(np.einsum("ij,ij->j", rows, rows) / len(rows))
    varies = np.where(std > 0, std, np.inf)
    narrowest, widest = int(varies.argmin()), int(std.argmax())
    return {
        "rows": len(rows),
        "features": X.shape[1],
        "min": float(low),
        "max": float(high),
        "mean_min": float(mean.min()),
        "mean_max": float(mean.max()),
        "std_min": float(std[narrowest]),
        "std_max": float(std[widest]),
        "narrowest": narrowest,
        "widest": widest,
        "constant": int(len(std) - np.count_nonzero(std)),
    }


def targets_seen(target: Array, sample_weight: Array | None, loss: str) -> dict[str, Any]:
    """Return how often each class occurs, and the loss of the best answer that ignores the inputs.

    Parameters
    ----------
    target : ndarray
        As `nncore.targets` returns it for the loss kernel `loss`.
    sample_weight : ndarray of shape (n,), optional
        Counted instead of rows.
    loss : str
        Name of the loss kernel, ``program.loss``.

    Returns
    -------
    dict
        ``rows``: how many were looked at. ``counts``: of each class, weighted; only where a row has one class.
        ``baseline``: the loss of always predicting the shares of the classes, or for the squared error the mean; only
        for losses that have one of these as their best constant.

    Examples
    --------
    >>> targets_seen(np.array([0, 0, 0, 1], np.int32), None, "sparse_softmax_crossentropy")
    {'rows': 4, 'counts': [3.0, 1.0], 'baseline': 0.56...}
    """
    rows = _spread(target, MOST_ROWS)
    weight = np.ones(len(rows)) if sample_weight is None else _spread(sample_weight, MOST_ROWS).astype(np.float64)
    total = weight.sum()
    seen: dict[str, Any] = {"rows": len(rows)}
    if not total > 0:
        return seen
    if loss == CLASS_INDICES:
        rows = np.arange(rows.max() + 1) == rows[:, None]
    elif loss not in (CLASS_SHARES, PROBABILITIES, SQUARED_ERROR):
        return seen
    mean = weight @ rows / total
    if loss == PROBABILITIES:
        mean = np.stack([1 - mean, mean])
    if loss != SQUARED_ERROR and mean.shape[1:] in ((), (1,)):
        seen["counts"] = (total * mean.ravel()).tolist()
    with np.errstate(over="ignore"):
        values = _entropy(mean) if loss != SQUARED_ERROR else weight @ (rows - mean) ** 2 / total
    # The engine takes the mean over outputs, and divides by rows even where they have weights.
    return seen | {"baseline": float(np.mean(values) * total / len(rows))}


def symmetric_layers(program: Program, parameters: Array, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the hidden dense layers whose units are all alike: same weights in, same weights out.

    Parameters
    ----------
    program : Program
    parameters : ndarray of shape (n_parameters,)
    names : sequence of str
        Of the layers, by their numbers.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> program = lower([Dense(2, "tanh"), Dense(1)], 3, "mse")
    >>> symmetric_layers(program, np.zeros(program.n_parameters), ["dense_0", "dense_1"])
    ('dense_0',)
    """
    blocks = {block.offset: block for block in program.parameters}
    dense = [row for row in program.rows if row.op == "dense"]
    found = []
    for row, following in itertools.pairwise(dense):
        bias = _values(blocks[row.bias], parameters)[None] if row.bias >= 0 else np.zeros((1, row.n_out))
        into = _values(blocks[row.weight], parameters)
        out = _values(blocks[following.weight], parameters)
        if row.n_out > 1 and _columns_alike(bias) and _columns_alike(into) and _columns_alike(out.T):
            found.append(names[row.layer])
    return tuple(found)


def _values(block: ParameterBlock, parameters: Array) -> Array:
    return parameters[block.offset : block.offset + block.size].reshape(block.shape)


def _columns_alike(matrix: Array) -> bool:
    # The first row first: it nearly always says no.
    return bool((matrix[0] == matrix[0, 0]).all() and (matrix == matrix[:, :1]).all())


def _spread(array: Array, most: int) -> Array:
    """Return up to `most` evenly spaced rows: data may be sorted."""
    return array[:: -(-len(array) // most)]


def _entropy(shares: Array) -> Array:
    """Return -sum(p log p) over the classes, in nats; 0 log 0 is 0."""
    entropy: Array = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=0)
    return entropy
