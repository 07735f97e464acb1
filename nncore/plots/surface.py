"""The loss around the current weights, along two random directions."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from nncore.base import checks
from nncore.base.protocols import Model
from nncore.base.typing import Array
from nncore.plots import canvas, subjects
from nncore.plots.colours import SEQUENTIAL
from nncore.program import Program

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def loss_surface(
    model: Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    span: float = 1.0,
    resolution: int = 31,
    seed: int = 0,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw a slice of the loss: over two random directions through the current weights, which stay as they are.

    The directions are filter-normalised (Li, Xu, Taylor, Studer and Goldstein, "Visualizing the Loss Landscape of
    Neural Nets", 2018): drawn from the normal distribution, then the part into each unit is scaled to the norm of the
    weights into that unit. So slices of different networks can be compared, and a step of 1 changes a weight by about
    its own size. Biases, gammas and betas are not moved.

    Parameters
    ----------
    model : Sequential
        With weights.
    X, y : array-like
        What the loss is computed on, as for ``evaluate``. The model runs ``resolution ** 2`` times over it: a few
        thousand rows are enough.
    span : float
        How far to go each way; 1 is the size of the weights.
    resolution : int
        Steps along each direction, 3 to 501; an odd number has the current weights among them.
    seed : int
        Decides the directions.
    log : bool
        Logarithmic colours.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    TypeError, ValueError
        If an argument is wrong.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(4, "tanh"), Dense(1)])
    >>> model.build(1)
    >>> before = model.parameters.copy()
    >>> ax = loss_surface(model, [[0.0], [1.0]], [0.0, 1.0], resolution=5)
    >>> ax.get_title(), bool((model.parameters == before).all())
    ('Loss around the current weights', True)
    """
    canvas.require_matplotlib()  # before the work
    span = checks.real(0, above=True)("span", span)
    resolution = checks.integer(3, 501)("resolution", resolution)
    seed = checks.integer(0, 2**64 - 1)("seed", seed)
    log = checks.flag("log", log)
    steps = np.linspace(-span, span, resolution)
    losses, here = losses_around(model, X, y, steps, seed)
    ax = canvas.single(ax, (6, 4.8))
    _draw(ax, steps, losses, here, log)
    return ax


def filter_normalised(program: Program, parameters: Array, rng: np.random.Generator) -> Array:
    """Return a random direction (n_parameters,): each column of a weight with the norm of that column; else zeros."""
    direction = np.zeros(program.n_parameters)
    for block in program.parameters:
        if len(block.shape) == 2:
            part = slice(block.offset, block.offset + block.size)
            weight = parameters[part].reshape(block.shape).astype(np.float64)
            drawn = rng.standard_normal(block.shape)
            direction[part] = (drawn * np.linalg.norm(weight, axis=0) / np.linalg.norm(drawn, axis=0)).ravel()
    return direction


def losses_around(model: Model, X: ArrayLike, y: ArrayLike, steps: Array, seed: int) -> tuple[Array, float]:
    """Return the loss at each pair of steps, (along the second direction, along the first), and at the weights."""
    program = subjects.model(model).program
    other = copy.deepcopy(model)
    other.compile(model.optimizer, model.loss)  # without metrics, which would cost time
    parameters = other.parameters
    centre = parameters.astype(np.float64)
    rng = np.random.default_rng(seed)
    first, second = (filter_normalised(program, centre, rng) for _ in range(2))
    here = other.evaluate(X, y)["loss"]
    losses = np.empty((len(steps), len(steps)))
    for i, b in enumerate(steps):
        for j, a in enumerate(steps):
            parameters[:] = centre + a * first + b * second
            losses[i, j] = other.evaluate(X, y)["loss"]
    return losses, here


def _draw(ax: Axes, steps: Array, losses: Array, here: float, log: bool) -> None:
    from matplotlib.colors import LogNorm

    finite = losses[np.isfinite(losses)]
    low, high = float(finite.min()), float(finite.max())
    norm = LogNorm(max(low, 1e-12 * high), high) if log and low < high else None
    mesh = ax.pcolormesh(steps, steps, np.ma.masked_invalid(losses), cmap=SEQUENTIAL, norm=norm, shading="gouraud")
    if low < high:
        levels = np.unique(np.quantile(finite, np.linspace(0.03, 0.97, 12)))
        lines = ax.contour(steps, steps, losses, levels=levels, colors="white", linewidths=0.7)
        ax.clabel(lines, levels[::3], fontsize="x-small", fmt="%.3g")
    ax.plot(0, 0, marker="*", markersize=14, color="white", markeredgecolor="black", linestyle="", label="")
    ax.lines[-1].set_label(f"current weights: loss {here:.4g}")
    ax.set(xlabel="step along direction 1 (1 = size of the weights)", ylabel="step along direction 2")
    ax.set_title("Loss around the current weights")
    ax.legend(fontsize="small", loc="upper right")
    ax.figure.colorbar(mesh, ax=ax, label="loss")
