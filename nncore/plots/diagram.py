"""The network as nodes and edges, with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.typing import Array
from nncore.plots import canvas, subjects
from nncore.plots.colours import BLACK, BLUE, GREY, VERMILLION, diverging
from nncore.plots.layout import Band, Bracket, Column, Layout, shown_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

THINNEST, THICKEST = 0.25, 3.0  # lines, in points
SMALLEST, LARGEST = 0.18, 0.36  # radii of nodes, in units of their distance


def network_diagram(model: Model, *, max_units: int = 12, ax: Axes | None = None) -> Axes:
    """Draw a network as nodes and edges, from left to right.

    An edge is a weight: the larger, the thicker; blue and solid if positive, vermillion and dashed if negative. A node
    is a unit: the larger the norm of its incoming weights, the larger; its colour and the triangle in it, pointing up
    or down, are its bias. Normalisation, dropout and activations of their own are bands, residual blocks brackets.

    Parameters
    ----------
    model : Sequential
        With weights.
    max_units : int
        Of a wider layer show so many units, the first and the last ones, and say so; 2 to 200.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    TypeError, ValueError
        If `model` is no network, or `max_units` is out of range.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(40, "relu"), Dense(2)])
    >>> model.build(3)
    >>> ax = network_diagram(model)
    >>> [text.get_text() for text in ax.texts if "dense_0" in text.get_text()]
    ['dense_0\\n40 units\\nrelu\\n12 of 40 shown']
    """
    model = subjects.model(model)
    max_units = checks.integer(2, 200)("max_units", max_units)
    layout = Layout(model.program, model.get_weights())
    layout.add(model.layers)
    tallest = min(max_units, max(column.n_units for column in layout.columns)) + 1
    ax = canvas.single(ax, (max(5.6, 2.4 + 1.55 * layout.x), 2.2 + 0.33 * tallest))
    colours = _colour_scale(layout.columns)
    for before, after in zip(layout.columns, layout.columns[1:], strict=False):
        if after.weight is not None:
            _draw_edges(ax, before, after, max_units, colours)
    for column in layout.columns:
        _draw_column(ax, column, max_units, colours, -tallest / 2)
    for band in layout.bands:
        _draw_band(ax, band, tallest / 2)
    for bracket in layout.brackets:
        _draw_bracket(ax, bracket, tallest / 2)
    depth = max((bracket.depth + 1 for bracket in layout.brackets), default=0)
    ax.set(xlim=(-0.45, layout.x + 0.45), ylim=(-tallest / 2 - 2.3, tallest / 2 + 0.2 + depth))
    _explain(ax)
    ax.set_axis_off()
    ax.set_title(f"Network of {model.program.n_parameters:,} parameters")
    ax.figure.colorbar(colours, ax=ax, label="weight (edge), bias (node)", shrink=0.7, pad=0.01)
    return ax


def _colour_scale(columns: list[Column]) -> ScalarMappable:
    """One scale for all weights and biases, so that layers can be compared."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    arrays = [array for column in columns for array in (column.weight, column.bias) if array is not None]
    limit = max(float(np.abs(array).max()) for array in arrays) or 1.0
    return ScalarMappable(Normalize(-limit, limit), diverging())


def _heights(units: Array, n_units: int) -> Array:
    """Return the y of shown units, from the top; a gap of one place stands for those left out."""
    places = np.arange(len(units), dtype=np.float64)
    if len(units) < n_units:
        places[(len(units) + 1) // 2 :] += 1
    heights: Array = places[-1] / 2 - places
    return heights


def _draw_edges(ax: Axes, before: Column, after: Column, max_units: int, colours: ScalarMappable) -> None:
    from matplotlib.collections import LineCollection

    assert after.weight is not None
    left, right = shown_units(before.n_units, max_units), shown_units(after.n_units, max_units)
    weight = after.weight[np.ix_(left, right)].ravel()
    y_left, y_right = _heights(left, before.n_units), _heights(right, after.n_units)
    ends = [[(before.x, a), (after.x, b)] for a in y_left for b in y_right]
    size = np.abs(weight) / colours.norm.vmax
    lines = LineCollection(
        ends,
        colors=colours.to_rgba(weight),
        linewidths=THINNEST + (THICKEST - THINNEST) * size,
        linestyles=["--" if value < 0 else "-" for value in weight],
        zorder=1,
    )
    ax.add_collection(lines)


def _draw_column(ax: Axes, column: Column, max_units: int, colours: ScalarMappable, bottom: float) -> None:
    units = shown_units(column.n_units, max_units)
    heights = _heights(units, column.n_units)
    if column.weight is None:
        ax.scatter(np.full(len(units), column.x), heights, s=60, marker="s", color="white", edgecolors=BLACK, zorder=3)
    else:
        _draw_units(ax, column, units, heights, colours)
    lines = [column.name, f"{column.n_units:,} unit{'s' if column.n_units > 1 else ''}"]
    if column.weight is None:
        what = f"{'output' if column.x else 'input'}{'s' if column.n_units > 1 else ''}"
        lines = [*([column.name] if column.x else []), f"{column.n_units:,} {what}"]
    elif column.activation != "identity":
        lines.append(column.activation)
    if len(units) < column.n_units:
        ax.text(column.x, (heights[:-1] + heights[1:])[np.diff(heights).argmin()] / 2, "⋮", ha="center", va="center")
        lines.append(f"{len(units)} of {column.n_units:,} shown")
    ax.text(column.x, bottom - 0.1, "\n".join(lines), ha="center", va="top", fontsize="small")


def _draw_units(ax: Axes, column: Column, units: Array, heights: Array, colours: ScalarMappable) -> None:
    assert column.weight is not None
    norms = np.linalg.norm(column.weight, axis=0)
    radius = SMALLEST + (LARGEST - SMALLEST) * norms[units] / (norms.max() or 1.0)
    bias = np.zeros(len(units)) if column.bias is None else column.bias[units]
    x = np.full(len(units), column.x)
    points = (2 * radius * 0.33 * 72) ** 2 * 0.6  # a place is 0.33 inches high in a figure of its own
    ax.scatter(x, heights, s=points, c=colours.to_rgba(bias), edgecolors=BLACK, linewidths=0.9, zorder=3)
    for marker, chosen in (("^", bias > 0), ("v", bias < 0)):
        ax.scatter(x[chosen], heights[chosen], s=9, marker=marker, color=BLACK, zorder=4)


def _explain(ax: Axes) -> None:
    from matplotlib.lines import Line2D

    looks: dict[str, dict[str, Any]] = {
        "weight > 0": {"color": BLUE, "linestyle": "-"},
        "weight < 0": {"color": VERMILLION, "linestyle": "--"},
        "bias > 0": {"color": BLACK, "linestyle": "", "marker": "^", "markersize": 4},
        "bias < 0": {"color": BLACK, "linestyle": "", "marker": "v", "markersize": 4},
    }
    signs = [Line2D([], [], label=label, **look) for label, look in looks.items()]
    ax.legend(handles=signs, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=4, frameon=False, fontsize="small")


def _draw_band(ax: Axes, band: Band, top: float) -> None:
    from matplotlib.patches import Rectangle

    width = 0.24
    box = Rectangle((band.x - width / 2, -top), width, 2 * top, facecolor="#EDEDED", edgecolor=GREY, zorder=2)
    ax.add_patch(box)
    ax.text(band.x, 0, band.label, rotation=90, ha="center", va="center", fontsize="small", zorder=3)


def _draw_bracket(ax: Axes, bracket: Bracket, top: float) -> None:
    """The way of the skip connection: up, along the top, and down to where it is added."""
    height = top + 0.35 + bracket.depth
    x = [bracket.left, bracket.left, bracket.right, bracket.right]
    ax.plot(x, [0, height, height, 0], color=BLACK, linewidth=1.3, linestyle="-", zorder=2.5)
    ax.plot(bracket.left, 0, marker="o", markersize=4, color=BLACK, zorder=3)
    ax.plot(bracket.right, 0, marker="o", markersize=13, color="white", markeredgecolor=BLACK, zorder=3)
    ax.text(bracket.right, 0, "+", ha="center", va="center_baseline", zorder=4)
    ax.text(
        (bracket.left + bracket.right) / 2, height + 0.08, bracket.label, ha="center", va="bottom", fontsize="small"
    )
