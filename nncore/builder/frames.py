"""What a page shows while a network trains: numbers of the last epoch, and the weights and gradients of now."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nncore.base.typing import Array
from nncore.builder.run import Run, spread
from nncore.history import History
from nncore.history.layers import FIELDS
from nncore.model import Sequential
from nncore.program.naming import layer_names

MOST_ROWS = 1024  # of a batch whose gradient is shown, so that a frame costs the same for all data,
FEWEST_ROWS, WORK = 32, 2**26  # and nearly the same for all networks: rows times parameters
MOST_SHOWN = 24  # rows and columns of a weight; a larger one is pooled
MOST_EDGES = 64  # the strongest, of a weight that is pooled
MOST_LOOKED_AT = 2**14  # weights, to guess which ones are strong
MOST_POINTS = 500  # of a curve


def rounded(values: Any, digits: int = 4) -> Any:
    """Return numbers rounded to so many significant digits, as nested lists; what is not finite becomes None.

    Examples
    --------
    >>> rounded([[0.123456, -1234.56], [0.0, float("nan")]])
    [[0.1235, -1235.0], [0.0, None]]
    """
    array = np.asarray(values, np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        power = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(array))))
        near = np.where(np.isfinite(power) & (power > 0), np.round(array * power) / power, array)
    if np.isfinite(near).all():
        return near.tolist()
    nothing = np.full(near.shape, None, dtype=object)
    return np.where(np.isfinite(near), near.astype(object), nothing).tolist()


def number(value: float) -> float | None:
    """Return a number as JSON knows it: None for one that is not finite."""
    return value if math.isfinite(value) else None


def frame(run: Run, version: int) -> dict[str, Any]:
    """Return what to show now.

    Parameters
    ----------
    run : Run
    version : int
        Of the state that this belongs to.

    Returns
    -------
    dict
        The columns of the history in the last epoch, exact; of a model from a file, which has none yet, how well it
        does. ``rate_now`` is the learning rate with which the next epoch begins. In the middle of an epoch that is gone
        through by hand there is its ``batch_loss``, of one that is being trained ``running_loss``, the mean of its
        batches so far, exact. ``gradient_norms``, ``layers`` and ``edges`` by name, to 4 digits; ``gradient_rows`` is
        how many rows of the next batch the gradient is of, and ``batch_rows`` how many it has.
    """
    history, model, within = run.model.history, run.current, run.within
    rows = gradient_rows(run)
    _, gradient = model.loss_and_gradient(*rows)
    row = history.row(-1) if len(history) else run.scores_of_file()
    exact = {name: number(value) for name, value in row.items()}
    seconds = row.get("seconds", 0.0) - (run.idle[1] if run.idle[0] == run.model.epoch - 1 else 0.0)
    return {
        "version": version,
        "epoch": run.model.epoch,
        "batch": run.batch_now,
        "n_batches": run.n_batches,
        **exact,
        "batch_loss": None if run.batch_loss is None else number(run.batch_loss),
        "running_loss": None if within is None else number(within.loss),
        "rate_now": number(model.optimizer.rate_at(run.model.epoch)),
        "samples_per_second": len(run.prepared.train) / seconds if seconds > 0 else None,
        "gradient_rows": len(rows[0]),
        "batch_rows": len(run.next_batch()),
        "gradient_norms": gradient_norms(model, gradient),
        "layers": of_layers(model, history),
        "edges": edges(model, gradient),
    }


def of_layers(model: Sequential, history: History) -> dict[str, dict[str, Any]]:
    """Return the latest record of each layer that the network has, and the epoch it is of."""
    present = set(layer_names(model.layers))
    found = {}
    for name, layer in history.layers.items():
        if name in present and len(layer):
            epoch, values, histogram = layer.last()
            fields = {field: rounded(value) for field, value in values.items()}
            found[name] = {"epoch": epoch, **fields, "histogram": histogram.tolist()}
    return found


def gradient_rows(run: Run) -> tuple[Array, Array, Array | None]:
    """Return the rows of which the gradient is shown, and their weights as in training, None where all count the same.

    They are the next batch, as that of `Explain one batch`; of a large one the first rows.
    """
    (X, y), weights = run.part("train"), run.weights()
    most = min(MOST_ROWS, max(FEWEST_ROWS, WORK // max(1, run.model.n_parameters)))
    rows = run.next_batch()[:most]
    return X[rows], y[rows], None if weights is None else weights[rows]


def gradient_norms(model: Sequential, gradient: Array) -> dict[str, float | None]:
    """Return the norm of the gradient of each layer that learns, by name: of its weight, its gamma or its alpha."""
    names = layer_names(model.layers)
    found = {}
    for block in model.program.parameters:
        if block.name.endswith((".weight", ".gamma", ".alpha")):
            found[names[block.layer]] = rounded(norm_of(block.of(gradient)))
    return found


def norm_of(array: Array) -> float:
    """Return the Euclidean norm of all numbers of an array, added up in float64."""
    return float(np.linalg.norm(array.astype(np.float64)))


def edges(model: Sequential, gradient: Array) -> dict[str, dict[str, Any]]:
    """Return of each layer with weights what an edge of the drawing shows, by the layer's name.

    Returns
    -------
    dict
        What `edges_of` returns, and ``bias``, if it is short enough.
    """
    program = model.program
    flat = np.concatenate(
        [np.empty(0, model.dtype), *(w.ravel() for w in model.get_weights()[: len(program.parameters)])]
    )
    found: dict[str, dict[str, Any]] = {}
    for block in program.parameters:
        name, _, kind = block.name.rpartition(".")
        if kind == "weight":
            found[name] = edges_of(block.of(flat), block.of(gradient))
        elif kind == "bias" and block.size <= MOST_SHOWN and name in found:
            found[name]["bias"] = rounded(block.of(flat))
    return found


def edges_of(weight: Array, gradient: Array) -> dict[str, Any]:
    """Return what the edges of one weight show.

    Returns
    -------
    dict
        ``shape`` of the weight, (n_in, n_out); ``weight`` and ``gradient``, whole or pooled to at most 24 x 24 blocks
        of means; ``gradient_norm`` of the whole weight; of a pooled one the ``strongest`` edges, as [from, to, weight,
        gradient].
    """
    shown = {
        "shape": list(weight.shape),
        "weight": rounded(pooled(weight)),
        "gradient": rounded(pooled(gradient)),
        "gradient_norm": rounded(norm_of(gradient)),
    }
    if max(weight.shape) > MOST_SHOWN:
        shown["strongest"] = strongest(weight, gradient)
    return shown


def pooled(matrix: Array, most: int = MOST_SHOWN) -> Array:
    """Return the means of at most `most` x `most` blocks of a matrix, or itself if it is that small.

    Examples
    --------
    >>> pooled(np.arange(16.0).reshape(4, 4), most=2).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    result = matrix
    for axis, size in enumerate(matrix.shape):
        if size > most:
            starts = np.arange(most) * size // most
            widths = np.diff([*starts, size])
            sums = np.add.reduceat(result, starts, axis=axis, dtype=np.float64)
            result = sums / (widths[:, None] if axis == 0 else widths)
    return result


def strongest(weight: Array, gradient: Array) -> list[list[float]]:
    """Return the edges of the largest weights, as [from, to, weight, gradient]."""
    size = np.abs(weight).ravel()
    most = min(MOST_EDGES, size.size)
    some = size[:: max(1, size.size // MOST_LOOKED_AT)]
    large = np.flatnonzero(size >= np.partition(some, -most)[-most])  # at least so many, and quicker than to order all
    chosen = large[np.argpartition(size[large], -most)[-most:]]
    rows, columns = np.unravel_index(chosen, weight.shape)
    values = zip(rounded(weight[rows, columns]), rounded(gradient[rows, columns]), strict=True)
    return [[int(i), int(j), *pair] for i, j, pair in zip(rows, columns, values, strict=True)]


def curves(history: History, since: int = 0) -> dict[str, Any]:
    """Return the history, thinned to at most 500 evenly spaced epochs and the last: numbers are exact.

    Parameters
    ----------
    history : History
    since : int
        How many of its epochs are known already, and left out.
    """
    epochs = history.epochs
    rows = since + _thinned(len(epochs) - since)
    columns = {name: _exact(history[name][rows]) for name in history.columns}
    layers = {}
    for name, layer in history.layers.items():
        recorded = layer.epochs
        known = int(np.searchsorted(recorded, epochs[since - 1], side="right")) if since else 0
        chosen = known + _thinned(len(recorded) - known)
        layers[name] = {
            "kind": layer.kind,
            "activation": layer.activation,
            "epoch": recorded[chosen].tolist(),
            **{field: rounded(layer[field][chosen]) for field in FIELDS},
        }
    return {"epoch": epochs[rows].tolist(), "columns": columns, "layers": layers}


def _thinned(n: int) -> Array:
    rows = spread(n, MOST_POINTS)
    return rows if not n or rows[-1] == n - 1 else np.append(rows, n - 1)


def _exact(values: Array) -> list[float | None]:
    return [number(value) for value in values.tolist()]
