"""Colours that colour-blind readers tell apart, and the marks and line styles that go with them.

The single colours are those of Okabe and Ito (2008) without yellow, which is too pale on white. Signed values go from
vermillion over white to blue; values without a sign take matplotlib's cividis (Nunez, Anderton and Renslow, 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.colors import LinearSegmentedColormap

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#5F5F5F"
SINGLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
LINES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))

SEQUENTIAL = "cividis"
"""Name of matplotlib's map for values without a sign."""

TRAINING: dict[str, Any] = {"color": BLUE, "linestyle": "-", "marker": "o"}
VALIDATION: dict[str, Any] = {"color": VERMILLION, "linestyle": "--", "marker": "s"}


def distinct(n: int) -> list[str]:
    """Return `n` colours as hex strings: single ones, or if these do not suffice, steps from dark to light.

    Examples
    --------
    >>> distinct(2)
    ['#0072B2', '#D55E00']
    """
    if n <= len(SINGLE):
        return list(SINGLE[:n])
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    # The last sixth of viridis is too pale on white.
    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(0, 5 / 6, n))]


def line_looks(n: int) -> list[dict[str, Any]]:
    """Return colour, line style and marker of each of `n` lines."""
    return [
        {"color": colour, "linestyle": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)]}
        for i, colour in enumerate(distinct(n))
    ]


def class_markers(n: int) -> list[str]:
    """Return a marker per class: shapes, or the class's number if there are more classes than shapes."""
    return list(MARKERS[:n]) if n <= len(MARKERS) else [f"${i}$" for i in range(n)]


def diverging() -> LinearSegmentedColormap:
    """Return the map for signed values: vermillion below 0, white at 0, blue above."""
    from matplotlib.colors import LinearSegmentedColormap

    dark = ("#7A2F00", VERMILLION, "#FFFFFF", BLUE, "#003A5C")
    return LinearSegmentedColormap.from_list("vermillion_white_blue", dark)


def text_on(colour: Sequence[float] | NDArray[np.float64]) -> str:
    """Return black or white, whichever stands out more against an RGB colour, by the contrast ratio of WCAG 2.

    Examples
    --------
    >>> text_on([1.0, 1.0, 0.0]), text_on([0.0, 0.0, 0.5])
    ('black', 'white')
    """
    channels = np.asarray(colour, dtype=np.float64)[:3]
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ [0.2126, 0.7152, 0.0722])
    return "black" if (luminance + 0.05) / 0.05 >= 1.05 / (luminance + 0.05) else "white"
