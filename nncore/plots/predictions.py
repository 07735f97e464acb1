"""Predictions beside the truth: of classes and of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nncore import metrics
from nncore.arrays import inputs
from nncore.base import checks
from nncore.base.typing import Array
from nncore.plots import canvas
from nncore.plots.colours import BLUE, GREY, SEQUENTIAL, VERMILLION, text_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 16.0
"""Side of a picture of very many classes, in inches."""
MOST_LABELLED = 40
"""Of more classes not every one is named, and cells hold no text: nobody could read it."""


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    labels: Sequence[Any] | None = None,
    normalize: bool = False,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw how many rows of each true class were predicted as which class.

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, k)
        Classes, or one-hot rows; (n, 1) is (n,).
    y_pred : array-like of shape (n,), (n, 1) or (n, k)
        Classes, the probability of class 1 in shape (n, 1), or a score per class.
    labels : sequence, optional
        A name for each class index 0, 1, ...; if the classes themselves are text, their order.
    normalize : bool
        Colour and label the cells by the share of their true class, in %, with the counts below.
    ax : Axes, optional

    Returns
    -------
    Axes
        Its ``texts`` are the cells' labels, row by row; with more than 40 classes colour alone tells.

    Raises
    ------
    TypeError, ValueError
        If lengths differ, something is no class and no probability, or there are not as many labels as classes.

    See Also
    --------
    nncore.metrics.confusion_matrix : the counts as an array.

    Examples
    --------
    >>> ax = confusion_matrix([0, 1, 1, 1], [0, 1, 1, 0], labels=["no", "yes"])
    >>> [text.get_text() for text in ax.texts]
    ['1', '0', '1', '2']
    """
    normalize = checks.flag("normalize", normalize)
    labels = None if labels is None else canvas.name_list("labels", labels)
    true, predicted = _classes(y_true, "y_true"), _classes(y_pred, "y_pred", probabilities=True)
    if not len(true):
        raise ValueError("y_true holds no rows")
    true, predicted, names = _as_indices(true, predicted, labels)
    counts = metrics.confusion_matrix(true, predicted, len(names))
    size = min(max(3.6, 1.8 + (0.75 if normalize else 0.6) * len(names)), LARGEST)
    ax = canvas.single(ax, (size + 0.8, size))
    _draw_cells(ax, counts, normalize)
    tilt: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    named = slice(None, None, -(-len(names) // MOST_LABELLED))
    places = range(len(names))[named]
    ax.set_xticks(places, names[named], **(tilt if max(map(len, names)) > 4 else {}))
    ax.set_yticks(places, names[named])
    right = int(np.trace(counts))
    ax.set(xlabel="predicted class", ylabel="true class", title=f"{right:,} of {counts.sum():,} right")
    return ax


def _classes(y: ArrayLike, name: str, *, probabilities: bool = False) -> Array:
    """Return one class per row; with `probabilities`, numbers in shape (n, 1) are those of class 1."""
    values = inputs.plain_array(y, name)
    if values.ndim not in (1, 2):
        raise ValueError(f"{name} must have shape (n,), (n, 1) or (n, n_classes), got {values.shape}")
    if values.dtype.kind == "f" and not inputs.all_finite(values):
        raise inputs.not_finite_error(y, values, name)
    if values.ndim == 2 and values.shape[1] > 1:
        best: Array = values.argmax(axis=1)
        return best
    if probabilities and values.ndim == 2 and values.dtype.kind == "f":
        if values.size and not 0 <= values.min() <= values.max() <= 1:
            raise ValueError(
                f"{name} of shape (n, 1) must hold probabilities of class 1, from 0 to 1; it holds {values.min():g} to "
                f"{values.max():g}. Classes go in shape (n,)"
            )
        return (values[:, 0] > 0.5).astype(np.int64)
    return values.reshape(-1)


def _as_indices(true: Array, predicted: Array, labels: Sequence[Any] | None) -> tuple[Array, Array, list[str]]:
    """Return both as class indices, and the classes' names."""
    kinds = [values.dtype.kind in "UO" for values in (true, predicted)]
    if any(kinds) and not all(kinds):
        text, numbers = ("y_true", "y_pred") if kinds[0] else ("y_pred", "y_true")
        raise ValueError(f"{text} holds text and {numbers} numbers; expected the same classes in both")
    if any(kinds):
        classes = _sorted_classes(true, predicted) if labels is None else np.asarray(labels)
        places = {name: i for i, name in enumerate(classes.tolist())}
        return _places(true, places, "y_true"), _places(predicted, places, "y_pred"), list(map(str, classes))
    n_classes = len(metrics.confusion_matrix(true, predicted))
    if labels is None:
        return true, predicted, list(map(str, range(n_classes)))
    if len(labels) < n_classes:
        raise ValueError(f"labels must name each of the {n_classes} classes, got {labels!r}")
    return true, predicted, list(map(str, labels))


def _sorted_classes(true: Array, predicted: Array) -> Array:
    try:
        return np.unique(np.concatenate([true, predicted]))
    except TypeError as error:
        raise TypeError(f"y_true and y_pred must hold classes of one kind: {error}; give labels") from None


def _places(values: Array, places: dict[Any, int], name: str) -> Array:
    unknown = [value for value in values.tolist() if value not in places]
    if unknown:
        raise ValueError(f"{name} holds {unknown[0]!r}, which is not in labels: {', '.join(map(str, places))}")
    return np.array([places[value] for value in values.tolist()])


def _draw_cells(ax: Axes, counts: Array, normalize: bool) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    shares = 100 * counts / np.maximum(totals, 1)
    values, what = (shares, "% of the true class") if normalize else (counts, "rows")
    image = ax.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=100 if normalize else max(1, int(counts.max())))
    fontsize = "small" if len(counts) <= 20 else "x-small"
    for (i, j), count in np.ndenumerate(counts) if len(counts) <= MOST_LABELLED else ():
        text = f"{shares[i, j]:.0f} %\n{count:,}" if normalize else f"{count:,}"
        colour = text_on(image.cmap(image.norm(values[i, j])))
        ax.text(j, i, text, ha="center", va="center", color=colour, fontsize=fontsize)
    bar = ax.figure.colorbar(image, ax=ax, label=what)
    canvas.integer_ticks(bar.ax.yaxis)


def predicted_vs_true(
    y_true: ArrayLike, y_pred: ArrayLike, *, worst: int = 3, unit: str = "", ax: Axes | None = None
) -> Axes:
    """Draw predictions of a regression over the true values; on the dashed line they are equal.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n,) or (n, 1)
    worst : int
        Label so many rows, those with the largest errors, by their number; 0 for none.
    unit : str
        Of the target, for the axes.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError, ValueError
        If the two are no numbers or of different shapes.

    Examples
    --------
    >>> ax = predicted_vs_true([1.0, 2.0, 3.0, 4.0], [1.1, 2.0, 3.0, 3.0], worst=1)
    >>> ax.get_title(), ax.texts[0].get_text()
    ('Predicted and true values\\nR² 0.798, RMSE 0.502', 'row 3')
    """
    true, predicted = _values(y_true, "y_true"), _values(y_pred, "y_pred")
    if len(true) != len(predicted):
        raise ValueError(f"y_true and y_pred must have the same length, got {len(true)} and {len(predicted)}")
    worst = checks.integer(0, 1000)("worst", worst)
    scores = f"RMSE {metrics.mean_squared_error(true, predicted) ** 0.5:.3g}" + (f" {unit}" if unit else "")
    if len(true) > 1:
        scores = f"R² {metrics.r2_score(true, predicted):.3g}, {scores}"
    ax = canvas.single(ax, (5.4, 5))
    ax.scatter(true, predicted, s=22, color=BLUE, alpha=0.6 if len(true) < 500 else 0.3, linewidths=0, label="rows")
    both = np.concatenate([true, predicted])
    ends = [both.min(), both.max()]
    ax.plot(ends, ends, color=GREY, linestyle="--", label="predicted = true")
    errors = np.abs(true - predicted)
    _label_rows(ax, true, predicted, np.argsort(-errors, kind="stable")[: min(worst, np.count_nonzero(errors))])
    known = f" ({unit})" if unit else ""
    ax.set(xlabel=f"true value{known}", ylabel=f"predicted value{known}", aspect="equal")
    ax.set_title(f"Predicted and true values\n{scores}")
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")
    return ax


def _values(y: ArrayLike, name: str) -> Array:
    values = inputs.real_array(y, np.dtype(np.float64), name)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1 or not len(values):
        raise ValueError(f"{name} must have shape (n,) or (n, 1), n > 0; got {values.shape}")
    if not inputs.all_finite(values):
        raise inputs.not_finite_error(values, values, name)
    return values


def _label_rows(ax: Axes, true: Array, predicted: Array, rows: Array) -> None:
    if len(rows):
        x, y = true[rows], predicted[rows]
        ax.scatter(x, y, s=60, facecolors="none", edgecolors=VERMILLION, linewidths=1.3, label="largest errors")
    for row in rows:
        ax.annotate(f"row {row}", (true[row], predicted[row]), (6, 6), textcoords="offset points", fontsize="small")
