"""What a network of two features answers everywhere in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import inputs
from nncore.base import checks
from nncore.base.protocols import Model, is_model
from nncore.base.typing import Array
from nncore.losses import Crossentropy
from nncore.plots import canvas
from nncore.plots.colours import BLACK, MARKERS, SEQUENTIAL, class_markers, distinct

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PALEST, DARKEST = 0.12, 0.6  # of a region: where the network is undecided, and where it is sure
MANY = 500
"""From so many points on they are drawn smaller."""


@dataclass(frozen=True)
class Answers:
    """What a model says of each row.

    Attributes
    ----------
    classes : ndarray of shape (k,) or None
        The classes it knows; None if it answers with numbers.
    values : ndarray of shape (n, k) or (n,)
        The probability of every class, 1 for the answer if the model gives none; or the numbers.
    """

    classes: Array | None
    values: Array


def decision_boundary(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    feature_names: Sequence[str] = ("feature 0", "feature 1"),
    class_names: Sequence[str] | None = None,
    resolution: int = 200,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a model of two features answers around some points, and the points.

    Classes are regions, paler where the model is less sure, with a line where two meet; numbers are a heat map.

    Parameters
    ----------
    model : Sequential, or any object with ``predict_proba`` or ``predict``
        Of two features. Several sigmoid outputs, or several outputs of a regression, cannot be shown.
    X : array-like of shape (n, 2)
        Points, prepared as the model wants them.
    y : array-like of shape (n,), or one-hot (n, k)
        Their classes or values.
    feature_names : sequence of two str
        Labels of the axes.
    class_names : sequence of str, optional
        One for each class, for the legend.
    resolution : int
        The plane is cut into so many cells each way, 2 to 2000.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    TypeError, ValueError
        If `model` cannot predict, or an argument does not fit it.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> model = Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")])
    >>> history = model.fit(X, y, epochs=1000)
    >>> ax = decision_boundary(model, X, y, feature_names=("a", "b"))
    >>> ax.get_xlabel(), ax.get_title()
    ('a', 'Decision boundary: 4 of 4 points right')
    """
    points = _checked_points(X, getattr(model, "feature_names", None))
    resolution = checks.integer(2, 2000)("resolution", resolution)
    features = canvas.name_list("feature_names", feature_names, 2)
    target = inputs.plain_array(y, "y")
    inputs.check_same_length(len(points), len(target) if target.ndim else 0, "y")
    extent, grid = _grid(points, resolution)
    answers = _answers_of(model, grid, target)
    if answers.classes is None:
        ax = canvas.single(ax, (6.2, 4.6))
        _draw_values(ax, answers.values.reshape(resolution, resolution), extent, points, target)
    else:
        labels = _class_numbers(target, answers.classes)
        known = list(map(_class_name, answers.classes))
        names = known if class_names is None else canvas.name_list("class_names", class_names, len(known))
        right = _answers_of(model, points, target).values.argmax(axis=1) == labels
        ax = canvas.single(ax, (6.2, 4.6))
        _draw_regions(ax, answers.values.reshape(resolution, resolution, -1), extent)
        _draw_points(ax, points, labels, names)
        ax.set_title(f"Decision boundary: {right.sum():,} of {len(right):,} points right")
    ax.set(xlabel=features[0], ylabel=features[1], xlim=extent[:2], ylim=extent[2:])
    return ax


def _checked_points(X: ArrayLike, names: Any) -> Array:
    known = names if isinstance(names, tuple) and len(names) == 2 else None  # of a model that keeps such names
    points = inputs.features(X, np.dtype(np.float64), names=known)
    if points.shape[1] != 2:
        raise ValueError(
            f"X must have 2 features to be drawn in the plane, got {points.shape[1]}; train a model on two of them, "
            "X[:, [0, 1]]"
        )
    return points


def _grid(points: Array, resolution: int) -> tuple[tuple[float, float, float, float], Array]:
    """Return (left, right, bottom, top) and the centres of the cells, row by row from the bottom."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), np.maximum(1.0, 0.08 * np.abs(low)))
    low, high = low - margin, high + margin
    centres = low + (high - low) * (np.arange(resolution)[:, None] + 0.5) / resolution
    x, y = np.meshgrid(centres[:, 0], centres[:, 1])
    return (low[0], high[0], low[1], high[1]), np.column_stack([x.ravel(), y.ravel()])


def _answers_of(model: Any, rows: Array, y: Array) -> Answers:
    """Return what `model` says of `rows`; `y` tells classes from numbers if the model does not."""
    if is_model(model):
        return _answers_of_network(model, rows)
    if callable(getattr(model, "predict_proba", None)):
        probabilities = np.asarray(model.predict_proba(rows))
        return Answers(np.asarray(getattr(model, "classes_", np.arange(probabilities.shape[1]))), probabilities)
    if not callable(getattr(model, "predict", None)):
        raise TypeError(f"model must be a Sequential, or have predict or predict_proba; got {checks.described(model)}")
    predictions = np.asarray(model.predict(rows))
    if predictions.size != len(rows):
        raise ValueError(
            f"model.predict must give one answer a row, got shape {predictions.shape} for {len(rows)} rows"
        )
    classes = np.unique(y)
    if np.isin(predictions, classes).all():
        return Answers(classes, (predictions.reshape(-1, 1) == classes).astype(np.float64))
    if predictions.dtype.kind not in "biuf":
        strange = predictions[~np.isin(predictions, classes)].tolist()[0]
        raise ValueError(f"model predicts {strange!r}, which is no class in y: {', '.join(map(str, classes[:10]))}")
    return Answers(None, predictions.reshape(-1).astype(np.float64))


def _answers_of_network(model: Model, rows: Array) -> Answers:
    n_outputs, n_features = model.program.n_outputs, model.program.n_features
    if n_features != 2:
        raise ValueError(
            f"model must have 2 features to be drawn in the plane, it has {n_features}; train one on two of them, "
            "X[:, [0, 1]]"
        )
    if model.program.categories:
        column = model.program.categories[0].column
        raise ValueError(
            f"model reads categories in column {column}, and a plane has all numbers between them; expected one that "
            "reads two quantities"
        )
    kind = model.loss.activation if isinstance(model.loss, Crossentropy) else model.last_activation
    if kind != "softmax" and n_outputs > 1:
        raise ValueError(
            f"model has {n_outputs} outputs that are no choice among classes ({kind}); expected 1 output, or softmax"
        )
    if kind not in ("softmax", "sigmoid"):
        return Answers(None, model.predict(rows)[:, 0])
    probabilities = model.predict_proba(rows)
    return Answers(np.arange(probabilities.shape[1]), probabilities)


def _class_numbers(y: Array, classes: Array) -> Array:
    """Return each row's place in `classes`."""
    if y.ndim == 2 and y.shape[1] == len(classes) and len(classes) > 1:
        numbers: Array = y.argmax(axis=1)
        return numbers
    same: Array = y.reshape(len(y), -1)[:, :1] == classes
    if not same.any(axis=1).all():
        row = int(same.any(axis=1).argmin())
        known = ", ".join(map(str, classes[:10].tolist()))
        raise ValueError(
            f"y holds {y[row].tolist()!r} at row {row}, which is no class of the model; its classes: {known}"
        )
    numbers = same.argmax(axis=1)
    return numbers


def _class_name(value: Any) -> str:
    return f"{value:g}" if isinstance(value, np.floating) else str(value)


def _draw_regions(ax: Axes, probabilities: Array, extent: tuple[float, float, float, float]) -> None:
    """`probabilities` is (rows, columns, k)."""
    from matplotlib.colors import to_rgb

    k = probabilities.shape[2]
    colours = np.array([to_rgb(colour) for colour in distinct(k)])
    sureness = (probabilities.max(axis=2) - 1 / k) / (1 - 1 / k) if k > 1 else np.ones(probabilities.shape[:2])
    strength = (PALEST + (DARKEST - PALEST) * sureness.clip(0, 1))[..., None]
    ax.imshow(1 + strength * (colours[probabilities.argmax(axis=2)] - 1), extent=extent, origin="lower", aspect="auto")
    for i in range(k if k > 2 else k - 1):  # two classes share their one line
        lead = probabilities[..., i] - np.delete(probabilities, i, axis=2).max(axis=2)
        if lead.min() < 0 < lead.max():
            ax.contour(lead, levels=[0], extent=extent, colors="black", linewidths=1.0)


def _draw_points(ax: Axes, points: Array, labels: Array, names: Sequence[str]) -> None:
    markers = class_markers(len(names))
    colours = distinct(len(names)) if markers[0] in MARKERS else [BLACK] * len(names)
    for i, (name, colour, marker) in enumerate(zip(names, colours, markers, strict=True)):
        x, y = points[labels == i].T
        edge = "white" if marker in MARKERS else colour
        size = 34 if len(points) < MANY else 16
        ax.scatter(x, y, s=size, color=colour, marker=marker, label=name, edgecolors=edge, linewidths=0.7)
    canvas.legend_beside(ax, title="class")


def _draw_values(
    ax: Axes, values: Array, extent: tuple[float, float, float, float], points: Array, target: Array
) -> None:
    """`values` is (rows, columns)."""
    known = inputs.real_array(target, np.dtype(np.float64), "y").reshape(len(target), -1)[:, 0]
    limits = {"vmin": min(values.min(), known.min()), "vmax": max(values.max(), known.max()), "cmap": SEQUENTIAL}
    image = ax.imshow(values, extent=extent, origin="lower", aspect="auto", **limits)
    size = 34 if len(points) < MANY else 14
    ax.scatter(
        points[:, 0], points[:, 1], c=known, s=size, edgecolors="white", linewidths=0.8, label="y of the data", **limits
    )
    ax.figure.colorbar(image, ax=ax, label="prediction; inside the points: y")
    ax.set_title("Prediction over the plane")
