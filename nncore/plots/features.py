"""What each unit of a layer looks for, as images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.base import checks
from nncore.base.names import lookup
from nncore.base.protocols import Model
from nncore.base.typing import Array
from nncore.plots import canvas, subjects
from nncore.plots.colours import GREY, diverging

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def feature_images(
    model: Model,
    shape: tuple[int, int],
    layer: int | str = 0,
    *,
    max_images: int = 64,
    ax: Axes | None = None,
) -> Axes:
    """Draw the weights into each unit of a layer that reads images as an image: what makes the unit fire.

    Blue is positive, vermillion negative, white zero; the units with the largest norm of weights come first.

    Parameters
    ----------
    model : Sequential
        With weights.
    shape : (int, int)
        Height and width of the images that the layer's inputs are, row by row: (28, 28) for MNIST, (8, 8) for digits.
    layer : int or str
        Which layer with weights, from 0, or its name as ``summary`` shows it. The first reads the inputs.
    max_images : int
        Draw at most so many, at least 1; the title says of how many.
    ax : Axes, optional

    Returns
    -------
    Axes
        With one image, the mosaic; the numbers of the units are its ``texts``.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    TypeError, ValueError
        If there is no such layer, or `shape` does not fit its inputs.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(6), Dense(2)])
    >>> model.build(64)
    >>> feature_images(model, (8, 8)).get_title()
    'Weights into 6 units of dense_0\\nlargest norm first'
    """
    name, weight = _weight_of(model, layer)
    height, width = _checked_shape(shape, len(weight), name)
    max_images = checks.integer(1, 10_000)("max_images", max_images)
    n_units = weight.shape[1]
    order = np.argsort(-np.linalg.norm(weight, axis=0), kind="stable")[:max_images]
    n_columns = min(len(order), math.ceil(math.sqrt(len(order) * 1.4 * height / width)))
    gap = (max(1, math.ceil(0.28 * height)), max(1, math.ceil(0.08 * width)))
    tiles = mosaic(weight.T[order].reshape(-1, height, width), n_columns, gap)
    ax = canvas.single(ax, (max(4.0, 0.85 * n_columns) + 1.0, max(2.4, 1.02 * -(-len(order) // n_columns) + 0.6)))
    _draw(ax, tiles, order, (height + gap[0], width + gap[1]), gap[0], n_columns)
    some = f"{n_units}" if len(order) == n_units else f"{len(order)} of {n_units}"
    ax.set_title(f"Weights into {some} unit{'s' if n_units > 1 else ''} of {name}\nlargest norm first")
    return ax


def _weight_of(model: object, layer: int | str) -> tuple[str, Array]:
    model = subjects.model(model)
    blocks = zip(model.program.parameters, model.get_weights(), strict=False)  # running statistics come last
    weights = {block.name.removesuffix(".weight"): array for block, array in blocks if len(block.shape) == 2}
    if isinstance(layer, str):
        return layer, lookup("layer", layer, weights)
    number = checks.integer(0, len(weights) - 1)("layer", layer)
    return list(weights.items())[number]


def _checked_shape(shape: Any, n_in: int, name: str) -> tuple[int, int]:
    try:
        height, width = (checks.integer(1, 2**31 - 1)("shape", size) for size in shape)
    except (TypeError, ValueError):
        raise ValueError(f"shape must be (height, width), two whole numbers, got {shape!r}") from None
    if height * width != n_in:
        raise ValueError(
            f"shape {height, width} makes {height * width} pixels, but {name} has {n_in} inputs; expected height * "
            f"width = {n_in}"
        )
    return height, width


def mosaic(images: Array, n_columns: int, gap: tuple[int, int]) -> Array:
    """Put images (n, height, width) side by side, NaN above each and between them.

    Examples
    --------
    >>> mosaic(np.ones((3, 2, 2)), 2, (1, 1)).shape
    (6, 5)
    """
    n, height, width = images.shape
    n_rows = -(-n // n_columns)
    tiles = np.full((n_rows * (height + gap[0]), n_columns * (width + gap[1]) - gap[1]), np.nan)
    for i, image in enumerate(images):
        row, column = divmod(i, n_columns)
        top, left = row * (height + gap[0]) + gap[0], column * (width + gap[1])
        tiles[top : top + height, left : left + width] = image
    return tiles


def _draw(ax: Axes, tiles: Array, order: Array, step: tuple[int, int], gap: int, n_columns: int) -> None:
    """`step` is from one image to the next, down and across; `gap` is the space above each."""
    limit = float(np.nanmax(np.abs(tiles))) or 1.0
    image = ax.imshow(tiles, cmap=diverging(), vmin=-limit, vmax=limit, interpolation="nearest")
    for i, unit in enumerate(order):
        row, column = divmod(i, n_columns)
        above = row * step[0] + gap - 0.5  # the upper edge of the image
        ax.text(column * step[1] - 0.5, above, f"{unit}", fontsize="x-small", color=GREY, va="bottom")
    ax.set_axis_off()
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
