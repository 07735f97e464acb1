"""One step of training in slow motion: what `Sequential.explain_step` finds, in pieces that a page can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore import activations
from nncore.base.typing import Array
from nncore.builder.frames import MOST_SHOWN, edges_of, norm_of, number, rounded
from nncore.builder.refusal import Refusal
from nncore.builder.run import Run, copied
from nncore.model import Sequential
from nncore.training.explanation import LayerStep, ParameterStep

MOST_ROWS, MOST_COLUMNS = 8, 16
"""Of an array, as far as it is written out."""

MOST_NUMBERS = 10**7
"""Activations that are held at once."""


def explain(run: Run, rows: list[int] | None) -> dict[str, Any]:
    """Return the next update, or one on some of the rows to train on, taken apart.

    Parameters
    ----------
    run : Run
    rows : list of int, optional
        Numbers among the rows to train on; by default those of the next update.

    Returns
    -------
    dict
        ``loss`` before and after, ``learning_rate``, and of each layer in the order of the network its arrays: shape,
        norm, mean and the first 8 x 16 values, all exact. ``gradient_norms`` and ``edges`` are those of a frame, but of
        these rows, and say of each edge what went along it and how it changes.
    """
    chosen = run.next_batch() if rows is None else _checked(rows, len(run.prepared.train))
    _refuse_many(run, len(chosen))
    (X, y), weights = run.part("train"), run.weights()
    batch = X[chosen], y[chosen], None if weights is None else weights[chosen]
    model = run.current
    step = model.explain_step(*batch)
    return {
        "rows": run.prepared.train[chosen].tolist(),
        "epoch": run.model.epoch,
        "batch": run.batch_now,
        "loss": number(step.loss),
        "loss_name": model.loss.name,
        "loss_after": number(_loss_after(model, batch)),
        "learning_rate": step.learning_rate,
        "target": y[chosen][:MOST_ROWS].tolist(),
        "prediction": shown(step.prediction),
        "layers": [_layer(layer) for layer in step.layers],
        "gradient_norms": {
            layer.name: rounded(norm_of(_learned(layer).gradient)) for layer in step.layers if layer.parameters
        },
        "edges": {_edges_name(layer): _edges(layer) for layer in step.layers if "weight" in layer.parameters},
    }


def _checked(rows: list[int], n: int) -> Array:
    if not rows:
        raise Refusal("rows must hold at least one number", "rows")
    if max(rows) >= n:
        raise Refusal(f"rows must be numbers from 0 to {n - 1}, got {max(rows)}", "rows")
    return np.array(rows, np.int64)


def _refuse_many(run: Run, n: int) -> None:
    """Refuse a batch whose activations, all of which are kept, would take hundreds of megabytes."""
    width = sum(row.n_in + row.n_out for row in run.current.program.rows)
    if n * width > MOST_NUMBERS:
        most = MOST_NUMBERS // width
        raise Refusal(f"a step on {n:,} rows is too large to be taken apart; expected at most {most:,}", "rows")


def _loss_after(model: Sequential, batch: tuple[Array, Array, Array | None]) -> float:
    """Return the loss of the same rows after the update, where dropout drops what it dropped before it.

    What is dropped depends on the number of updates, so the new weights go into a copy that has not done this one.
    """
    later, twin = copied(model), copied(model)
    later.train_on_batch(*batch)
    twin.set_weights(later.get_weights())
    return twin.loss_and_gradient(*batch)[0]


# ---- what the drawing shows of it


def _learned(layer: LayerStep) -> ParameterStep:
    """Return the parameter whose gradient stands for the layer's."""
    return layer.parameters.get("weight") or next(iter(layer.parameters.values()))


def _edges_name(layer: LayerStep) -> str:
    return f"{layer.name}.projection" if layer.kind == "Residual" else layer.name


def _edges(layer: LayerStep) -> dict[str, Any]:
    """Return what the edges of a layer show: as a frame does, and besides how each changes, and for the first rows what
    each reads, such that its weight times that is what it adds to its unit."""
    step = layer.parameters["weight"]
    change, x = step.after - step.before, layer.x[:MOST_ROWS]
    shown = edges_of(step.before, step.gradient)
    bias = layer.parameters.get("bias")
    if bias is not None and bias.before.size <= MOST_SHOWN:
        shown["bias"] = rounded(bias.before)
    if "strongest" in shown:
        inputs, units = (np.array([edge[i] for edge in shown["strongest"]]) for i in (0, 1))
        return {**shown, "strongest_change": rounded(change[inputs, units]), "strongest_x": rounded(x[:, inputs].T)}
    return {**shown, "change": rounded(change), "x": rounded(x)}


# ---- arrays


def shown(array: Array | None) -> dict[str, Any] | None:
    """Return an array as far as a page shows it."""
    if array is None:
        return None
    exact = array.astype(np.float64)
    first = exact[:MOST_ROWS, :MOST_COLUMNS] if array.ndim == 2 else exact[:MOST_COLUMNS]
    return {
        "shape": list(array.shape),
        "norm": number(float(np.linalg.norm(exact))),
        "mean": number(float(exact.mean())),
        "values": first.tolist(),
    }


NORMALIZED_ALONG = {"BatchNorm": 0, "LayerNorm": 1, "RMSNorm": 1}
"""Kinds of layers that take mean and variance: over the rows, or over the columns; the last one around 0."""


def _statistics(layer: LayerStep) -> dict[str, Any] | None:
    """Return mean and variance that a layer has taken away; None where it takes none."""
    axis = NORMALIZED_ALONG.get(layer.kind)
    if axis is None:
        return None
    x = layer.x.astype(np.float64)
    if layer.kind == "RMSNorm":
        return {"square": shown((x**2).mean(axis=axis))}
    return {"mean": shown(x.mean(axis=axis)), "variance": shown(x.var(axis=axis))}


def _layer(layer: LayerStep) -> dict[str, Any]:
    parameters = {
        name: {what: shown(getattr(step, what)) for what in ("before", "gradient", "after")}
        for name, step in layer.parameters.items()
    }
    return {
        "name": layer.name,
        "kind": layer.kind,
        "activation": layer.activation,
        "formula": activations.get(layer.activation).formula,
        **{what: shown(getattr(layer, what)) for what in ("x", "z", "a", "dz", "da")},
        "statistics": _statistics(layer),
        "parameters": parameters,
        "rounded": {what: shown(array) for what, array in layer.rounded.items()},
    }
