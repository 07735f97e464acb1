"""Activation functions and their derivatives, as the engine computes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore import activations, kernels
from nncore.plots import canvas
from nncore.plots.colours import BLUE, GREY, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def activation_functions(names: str | Iterable[str] | None = None, *, ax: Any = None) -> canvas.AxesArray:
    """Draw activation functions, solid, and their derivatives, dashed, from -5 to 5.

    The numbers are those of `nncore.kernels`, in float64: what training computes. Softmax, a function of a whole row,
    is drawn as the first output of softmax(x, 0).

    Parameters
    ----------
    names : str or iterable of str, optional
        Names in `nncore.activations.ACTIVATIONS`; by default all, without aliases.
    ax : Axes or array of Axes, optional
        One for each name.

    Returns
    -------
    ndarray of Axes of shape (n_names,)

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, or there is none.

    Examples
    --------
    >>> (ax,) = activation_functions("relu")
    >>> function, derivative = ax.lines[-2:]
    >>> derivative.get_ydata()[[0, -1]].tolist()
    [0.0, 1.0]
    """
    if names is None:
        names = dict.fromkeys(row.name for row in activations.ACTIVATIONS.values())
    rows = [activations.get(name) for name in canvas.name_list("names", names)]
    if not rows:
        raise ValueError(f"names must hold at least one of {', '.join(sorted(activations.ACTIVATIONS))}; got none")
    axes = canvas.several(ax, [row.name for row in rows], (2.9, 2.7), n_columns=5)
    for panel, row in zip(axes, rows, strict=True):
        _draw(panel, row)
    return axes


def _draw(ax: Axes, row: activations.ActivationRow) -> None:
    x = np.linspace(-5, 5, 401)
    y, slope = _values_and_slopes(row, x)
    for line in (ax.axhline, ax.axvline):
        line(0, color=GREY, linewidth=0.6)
    ax.plot(x, y, color=BLUE, linestyle="-", label="f(x)")
    ax.plot(x, slope, color=VERMILLION, linestyle="--", label="f'(x)")
    name = "softmax of (x, 0)" if row.rowwise else row.name
    ax.set(xlabel="x", xlim=(-5, 5), ylim=(min(-1.2, max(float(y.min()), -2.0)), 2.2))
    ax.set_title(f"{name}\n", fontsize="medium")
    ax.text(0.5, 1.03, row.formula, transform=ax.transAxes, ha="center", fontsize="x-small", color=GREY)
    ax.legend(fontsize="x-small", loc="upper left")


def _values_and_slopes(
    row: activations.ActivationRow, x: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    inputs, dy = (np.column_stack([x, np.zeros_like(x)]), [1.0, 0.0]) if row.rowwise else (x[:, None], [1.0])
    y = kernels.activate(row.name, inputs)
    dx = kernels.activate_backward(row.name, np.tile(dy, (len(x), 1)), inputs, y)
    return y[:, 0], dx[:, 0]
