"""How weights and activations of each layer are spread, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.base.protocols import LayerRecord, Record
from nncore.plots import canvas, subjects
from nncore.plots.colours import BLUE, PURPLE, SEQUENTIAL, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

N_BINS = 64
"""Bins of the common axis onto which every epoch's histogram is put."""

DARK = "#303030"
"""Behind and around what is white."""


def weight_distributions(
    history: Record, layer: str | Iterable[str] | None = None, *, ax: Any = None
) -> canvas.AxesArray:
    """Draw how the weights of each layer are spread over epochs: a heat map, with the mean and one deviation about it.

    Parameters
    ----------
    history : History
        As ``fit`` returns it.
    layer : str or iterable of str, optional
        Names of layers, as ``summary`` shows them; by default all that have weights.
    ax : Axes or array of Axes, optional
        One for each layer.

    Returns
    -------
    ndarray of Axes of shape (n_layers,)

    Raises
    ------
    TypeError, ValueError
        If `history` is no history or holds no weights.

    Examples
    --------
    >>> from nncore import History
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5]})
    >>> layers = [("dense_0", "Dense", "tanh"), ("dense_1", "Dense", "identity")]
    >>> history.record_layers(layers, [0, 1], np.ones((2, 2, 42)))
    >>> [ax.get_title() for ax in weight_distributions(history)]
    ['Weights of dense_0', 'Weights of dense_1']
    """
    chosen = subjects.layers(history, "weight_std", layer)
    axes = canvas.several(ax, [record.name for record in chosen], (5.2, 3.6), n_columns=3)
    for panel, record in zip(axes, chosen, strict=True):
        _draw_weights(panel, record)
    axes[0].legend(fontsize="small", loc="upper left", facecolor=DARK, labelcolor="white")
    return axes


def _draw_weights(ax: Axes, record: LayerRecord) -> None:
    from matplotlib.patheffects import withStroke

    edges, shares = common_bins(record.histogram, record["weight_min"], record["weight_max"])
    mesh = ax.pcolormesh(epoch_edges(record.epochs), edges, 100 * shares.T, cmap=SEQUENTIAL, vmin=0, rasterized=True)
    mean, deviation = record["weight_mean"], record["weight_std"]
    outline = withStroke(linewidth=3, foreground=DARK)  # or white lines would vanish on the brightest cells
    looks: dict[str, Any] = {"color": "white", "linewidth": 1.2, "path_effects": [outline]}
    ax.plot(record.epochs, mean, **looks, label="mean")
    ax.plot(record.epochs, mean + deviation, **looks, linestyle="--", label="mean ± std")
    ax.plot(record.epochs, mean - deviation, **looks, linestyle="--")
    ax.set(xlabel="epoch", ylabel="weight", title=f"Weights of {record.name}")
    canvas.integer_ticks(ax.xaxis)
    ax.figure.colorbar(mesh, ax=ax, label=f"% of the weights per {edges[1] - edges[0]:.2g}")


def epoch_edges(epochs: NDArray[Any]) -> NDArray[np.float64]:
    """Return where cells around recorded epochs begin and end, (m + 1,): half-way between two of them.

    Examples
    --------
    >>> epoch_edges(np.array([0, 1, 5])).tolist()
    [-0.5, 0.5, 3.0, 7.0]
    """
    middle = np.asarray(epochs, np.float64)
    if len(middle) == 1:
        return np.array([middle[0] - 0.5, middle[0] + 0.5])
    between = (middle[1:] + middle[:-1]) / 2
    return np.concatenate([[2 * middle[0] - between[0]], between, [2 * middle[-1] - between[-1]]])


def common_bins(
    counts: NDArray[Any], low: NDArray[Any], high: NDArray[Any], n_bins: int = N_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put histograms that each have their own range onto one axis, cutting bins in proportion.

    Parameters
    ----------
    counts : ndarray of shape (m, b)
        m histograms of b equal bins.
    low, high : ndarray of shape (m,)
        Where the first bin of each begins and the last one ends.
    n_bins : int
        Bins of the common axis, from the smallest `low` to the largest `high`.

    Returns
    -------
    edges : ndarray of shape (n_bins + 1,)
    shares : ndarray of shape (m, n_bins)
        Each row adds up to 1, or is NaN where there are no counts.

    Examples
    --------
    >>> edges, shares = common_bins(np.array([[1, 3], [2, 2]]), np.array([0.0, 0.0]), np.array([4.0, 2.0]), 4)
    >>> shares.tolist()
    [[0.125, 0.125, 0.375, 0.375], [0.5, 0.5, 0.0, 0.0]]
    """
    start, end = float(np.nanmin(low)), float(np.nanmax(high))
    if start == end:  # all weights equal, as after "zeros": give them a bin of some width
        start, end = start - 0.5, end + 0.5
    edges = np.linspace(start, end, n_bins + 1)
    shares = np.full((len(counts), n_bins), np.nan)
    for row, count, first, last in zip(shares, counts, low, high, strict=True):
        total = count.sum()
        if np.isfinite(first) and total > 0:
            row[:] = _rebinned(count / total, first, last, edges)
    return edges, shares


def _rebinned(shares: NDArray[Any], first: float, last: float, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    if first == last:
        whole: NDArray[np.float64] = np.histogram([first], edges)[0].astype(np.float64)
        return whole
    below = np.concatenate([[0.0], np.cumsum(shares)])
    return np.diff(np.interp(edges, np.linspace(first, last, len(below)), below))


def activation_distributions(
    history: Record, layer: str | Iterable[str] | None = None, *, ax: Any = None
) -> canvas.AxesArray:
    """Draw each layer's outputs over epochs: mean and one deviation about it; beside it, dead and saturated units.

    Parameters
    ----------
    history : History
        As ``fit`` returns it.
    layer : str or iterable of str, optional
        Names of layers, as ``summary`` shows them; by default all.
    ax : array of Axes, optional
        Two for each layer.

    Returns
    -------
    ndarray of Axes of shape (n_layers, 2)
        Left the outputs; right the share of units that were 0 for every row, and of outputs where the activation is
        almost flat, for activations to which that can happen.

    Raises
    ------
    TypeError, ValueError
        If `history` is no history or holds no activations.

    Examples
    --------
    >>> from nncore import History
    >>> history = History()
    >>> history.extend(0, {"loss": [0.9, 0.5]})
    >>> layers = [("dense_0", "Dense", "tanh"), ("dense_1", "Dense", "identity")]
    >>> history.record_layers(layers, [0, 1], np.ones((2, 2, 42)))
    >>> activation_distributions(history).shape
    (2, 2)
    """
    chosen = subjects.layers(history, "activation_std", layer)
    names = [f"{record.name}, {what}" for record in chosen for what in ("outputs", "dead and saturated")]
    axes = canvas.several(ax, names, (4.6, 2.4), n_columns=2, sharex=True).reshape(-1, 2)
    for (left, right), record in zip(axes, chosen, strict=True):
        _draw_outputs(left, record)
        _draw_shares(right, record)
    axes[0, 0].legend(fontsize="small")
    for column in axes.T:
        lowest = [panel for panel in column if panel.axison][-1:]
        for panel in lowest:
            panel.set_xlabel("epoch")
            panel.tick_params(labelbottom=True)
            canvas.integer_ticks(panel.xaxis)
    return axes


def _draw_outputs(ax: Axes, record: LayerRecord) -> None:
    mean, deviation = record["activation_mean"], record["activation_std"]
    ax.fill_between(record.epochs, mean - deviation, mean + deviation, color=BLUE, alpha=0.25, label="± std")
    ax.plot(record.epochs, mean, color=BLUE, label="mean")
    function = "" if record.activation == "identity" else f" ({record.activation})"
    ax.set(ylabel="output", title=f"Outputs of {record.name}{function}")
    ax.grid(alpha=0.3)


def _draw_shares(ax: Axes, record: LayerRecord) -> None:
    looks: dict[str, dict[str, Any]] = {
        "dead": {"color": VERMILLION, "linestyle": "-", "label": "dead units"},
        "saturated": {"color": PURPLE, "linestyle": "--", "label": "saturated outputs"},
    }
    applicable = [key for key in looks if np.isfinite(record[key]).any()]
    if not applicable:
        nothing = f"{record.name}: no activation\nthat could die or saturate"
        ax.text(0.5, 0.5, nothing, ha="center", va="center", transform=ax.transAxes)
        ax.set_axis_off()
        return
    for key in applicable:
        ax.plot(record.epochs, 100 * record[key], **looks[key])
    ax.set(ylabel="share in %", title=f"Dead and saturated in {record.name}", ylim=(-4, 104))
    ax.grid(alpha=0.3)
    ax.legend(fontsize="small")
