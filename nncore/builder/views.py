"""What a page shows of data, network and predictions, in sizes that a page can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nncore.base.balance import Balance
from nncore.base.typing import Array
from nncore.builder.data import Prepared
from nncore.builder.frames import number, rounded
from nncore.builder.refusal import Refusal
from nncore.builder.run import Run, spread
from nncore.layers import Layer
from nncore.losses import Crossentropy
from nncore.program import Program
from nncore.program.naming import count_layers

MOST_POINTS = 1000
MOST_IMAGES = 24
MOST_WORST = 12
MOST_VALUES = 256  # features of a row that is no picture
MOST_NAMES = 2000  # of features
PARTS = ("train", "held_out")


# ---- data


def facts(prepared: Prepared) -> dict[str, Any]:
    """Return what is known of a data set."""
    dataset, offered = prepared.dataset, prepared.offered
    classes, schema = dataset.target_names, offered.schema
    counts = None if classes is None else np.bincount(dataset.y, minlength=len(classes)).tolist()
    return {
        "title": dataset.name,
        "text": dataset.description,
        "n": dataset.n_samples,
        "n_train": len(prepared.train),
        "n_held_out": len(prepared.held_out),
        "n_features": dataset.n_features,
        "task": dataset.task,
        "classes": None if classes is None else list(classes),
        "counts": counts,
        "features": list(dataset.feature_names[:MOST_NAMES]),
        "all_features": list(offered.feature_names[:MOST_NAMES]),
        "columns": None if schema is None else [column.name for column in schema.columns],
        "target": "y" if schema is None else schema.target,
        "has_header": schema is None or not re.fullmatch(r"column \d+", schema.target),
        "image": image_side(dataset.n_features),
        "standardized": prepared.preparation.inputs is not None,
    }


def image_side(n_features: int) -> int | None:
    """Return the side of the square picture that so many features may be; None if they are none.

    Examples
    --------
    >>> image_side(64), image_side(30), image_side(4)
    (8, None, None)
    """
    side = round(n_features**0.5)
    return side if side >= 8 and side * side == n_features else None


def preview(prepared: Prepared, x: int, y: int) -> dict[str, Any]:
    """Return up to 1000 rows as points in the plane of two features, or some as pictures."""
    dataset = prepared.dataset
    axes = [_feature(prepared, name, index) for name, index in (("x", x), ("y", min(y, dataset.n_features - 1)))]
    rows = spread(len(dataset), MOST_POINTS)
    held_out = np.zeros(len(dataset), bool)
    held_out[prepared.held_out] = True
    found = {
        "rows": rows.tolist(),
        "x": rounded(dataset.X[rows, axes[0]], 6),
        "y": rounded(dataset.X[rows, axes[1]], 6),
        "target": dataset.y[rows].tolist(),
        "held_out": held_out[rows].tolist(),
        "names": [dataset.feature_names[i] for i in axes],
    }
    if image_side(dataset.n_features):
        some = spread(len(dataset), MOST_IMAGES)
        found["images"] = {
            "rows": some.tolist(),
            "pixels": rounded(dataset.X[some]),
            "target": dataset.y[some].tolist(),
        }
    return found


def _feature(prepared: Prepared, name: str, index: int) -> int:
    n = prepared.dataset.n_features
    if index >= n:
        raise Refusal(f"{name} must be from 0 to {n - 1}, got {index}: the data have {n} features", name)
    return index


# ---- network


def shapes(layers: Sequence[Layer], program: Program) -> list[dict[str, Any]]:
    """Return width in, width out and parameters of each layer of the strip; those in a residual group count with it."""
    found, number, width = [], 0, program.n_features
    for layer in layers:
        end = number + count_layers([layer])
        rows = [row for row in program.rows if number <= row.layer < end]
        size = sum(block.size for block in program.parameters if number <= block.layer < end)
        n_out = rows[-1].n_out if rows else width
        found.append({"number": number, "n_in": width, "n_out": n_out, "n_parameters": size})
        number, width = end, n_out
    return found


# ---- predictions


def evaluate(run: Run, kind: str, part: str, resolution: int, pixels: list[float] | None) -> dict[str, Any]:
    """Return one of the views of what the network answers, and after how much training."""
    return {**_view(run, kind, part, resolution, pixels), "epoch": run.model.epoch, "batch": run.batch_now}


def _view(run: Run, kind: str, part: str, resolution: int, pixels: list[float] | None) -> dict[str, Any]:
    if kind == "decision_map":
        return decision_map(run, resolution)
    if kind == "draw":
        return draw(run, pixels)
    rows = run.prepared.rows(part)
    if not len(rows):
        raise Refusal("no rows are held out; choose a larger share, or the rows it is trained on", "part")
    return OF_ROWS[kind](run, rows)


def answers(run: Run, X: Array) -> Array:
    """Return the probability of every class, (n, k), or the numbers predicted, (n, 1), in the target's own units."""
    if run.prepared.dataset.target_names is None:
        return run.prepared.preparation.restore_target(run.current.loss.point(run.current.predict(X))[:, 0])[:, None]
    _need_classes(run)
    return run.current.predict_proba(X)


def _need_classes(run: Run) -> None:
    """Refuse a network that is trained on classes but has no probabilities: squared errors of class numbers."""
    model = run.current
    if run.prepared.dataset.target_names is None:
        raise Refusal("the target is a number, not a class", "kind")
    if not isinstance(model.loss, Crossentropy) and model.last_activation not in ("softmax", "sigmoid"):
        raise Refusal("the network ends with neither softmax nor sigmoid, so it knows no classes", "kind")


def decision_map(run: Run, resolution: int) -> dict[str, Any]:
    """Return what the network answers in the plane, row by row from the bottom, or along the line of one feature.

    For classes the likeliest one and how likely it is, else the number.
    """
    dataset = run.prepared.dataset
    if dataset.n_features > 2:
        raise Refusal(f"a map needs 2 features, the data have {dataset.n_features}; choose two of them", "kind")
    if run.model.program.categories:
        raise Refusal("a map goes through all numbers between, and the network reads categories", "kind")
    low, high = dataset.X.min(axis=0), dataset.X.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    low, high = low - margin, high + margin
    axes = low + (high - low) * (np.arange(resolution)[:, None] + 0.5) / resolution
    points = np.column_stack([axis.ravel() for axis in np.meshgrid(*axes.T)])
    found = answers(run, run.prepared.preparation.prepare_inputs(points))
    shown: dict[str, Any] = {name: rounded(axis, 6) for name, axis in zip("xy", axes.T, strict=False)}
    shape = (resolution,) * dataset.n_features
    if dataset.target_names is None:
        return {**shown, "values": rounded(found.reshape(shape))}
    best = found.argmax(axis=1).reshape(shape)
    return {**shown, "classes": best.tolist(), "sure": rounded(found.max(axis=1).reshape(best.shape), 3)}


def confusion(run: Run, rows: Array) -> dict[str, Any]:
    """Return how often which class was taken for which: counts[true][predicted]."""
    _need_classes(run)
    names = run.prepared.dataset.target_names or ()
    true, best = run.prepared.y[rows], answers(run, run.prepared.X[rows]).argmax(axis=1)
    width = max(len(names), int(best.max()) + 1)
    counts = np.bincount(true * width + best, minlength=width * width).reshape(width, width)
    called = [*names, *(f"class {i}" for i in range(len(names), width))]
    balance = Balance.of(true, best, called)
    hint = "" if run.setup.class_weight else balance.hint('"Balance classes"')
    beside = f"{balance.in_words()}{f'; {hint}' if hint else ''}"
    accuracy = float((true == best).mean())
    return {"classes": list(names), "counts": counts.tolist(), "accuracy": accuracy, "balance": beside}


def predicted_vs_true(run: Run, rows: Array) -> dict[str, Any]:
    """Return up to 1000 pairs of numbers, and how far all are apart, in the target's own units."""
    if run.prepared.dataset.target_names is not None:
        raise Refusal("the target is a class, not a number; look at the confusion matrix", "kind")
    true, predicted = run.prepared.dataset.y[rows], answers(run, run.prepared.X[rows])[:, 0].astype(np.float64)
    error, some = predicted - true, spread(len(rows), MOST_POINTS)
    return {
        "rows": rows[some].tolist(),
        "true": rounded(true[some], 6),
        "predicted": rounded(predicted[some], 6),
        "mae": number(float(np.abs(error).mean())),
        "rmse": number(float(np.sqrt(np.square(error).mean()))),
    }


def worst(run: Run, rows: Array) -> dict[str, Any]:
    """Return the rows with the largest errors: 1 - the probability of the true class, or the distance."""
    dataset = run.prepared.dataset
    found = answers(run, run.prepared.X[rows])
    if dataset.target_names is None:
        error, predicted = np.abs(found[:, 0] - dataset.y[rows]), found[:, 0]
    else:
        error, predicted = 1 - found[np.arange(len(rows)), dataset.y[rows]], found.argmax(axis=1)
    chosen = np.argsort(-error, kind="stable")[:MOST_WORST]
    width = None if image_side(dataset.n_features) else MOST_VALUES  # a picture is shown as a whole
    return {
        "rows": rows[chosen].tolist(),
        "error": rounded(error[chosen]),
        "true": dataset.y[rows[chosen]].tolist(),
        "predicted": predicted[chosen].tolist(),
        "features": rounded(dataset.X[rows[chosen], :width]) if dataset.n_features <= 1024 else None,
    }


def draw(run: Run, pixels: list[float] | None) -> dict[str, Any]:
    """Return the probability of every class for one row: the pixels of a drawing, in the units of the data."""
    _need_classes(run)
    n = run.prepared.dataset.n_features
    if pixels is None or len(pixels) != n:
        given = "none" if pixels is None else str(len(pixels))
        raise Refusal(f"pixels must hold {n} numbers, one for each feature; got {given}", "pixels")
    row = run.prepared.preparation.prepare_inputs(np.array([pixels]))
    return {
        "classes": list(run.prepared.dataset.target_names or ()),
        "probabilities": [number(value) for value in answers(run, row)[0].tolist()],
    }


OF_ROWS: dict[str, Callable[[Run, Array], dict[str, Any]]] = {
    "confusion": confusion,
    "predicted_vs_true": predicted_vs_true,
    "worst": worst,
}
EVALUATIONS = ("decision_map", *OF_ROWS, "draw")
"""Kinds of views of what the network answers."""
