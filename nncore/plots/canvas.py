"""Where pictures are drawn: the caller's Axes, checked, or new ones."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore.base.checks import described

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AxesArray = NDArray[np.object_]


def require_matplotlib() -> None:
    """Raise ImportError, saying what to install, if there is no matplotlib."""
    try:
        import matplotlib  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ImportError("nncore.plots needs matplotlib; install it with: pip install matplotlib") from error


def single(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return `ax` after checking it, or the Axes of a new figure of `size` inches.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `ax` is no Axes.
    """
    require_matplotlib()
    if ax is None:
        new: Axes = new_figure(size).subplots()
        return new
    return _checked(ax, "ax")


def several(ax: Any, names: list[str], size: tuple[float, float], n_columns: int, **options: Any) -> AxesArray:
    """Return Axes, shape (len(names),), one per name.

    Parameters
    ----------
    ax : array-like of Axes, Axes or None
        Of any shape, read row by row; one Axes alone does if there is one name. None makes a new figure.
    names : list of str
        What each Axes is for; said if `ax` has the wrong number of them.
    size : (float, float)
        Width and height of one of them, in inches.
    n_columns : int
        At most so many stand side by side in a new figure.
    **options
        For ``Figure.subplots``: sharex, sharey.
    """
    require_matplotlib()
    if ax is not None:
        return _given(ax, names)
    n_columns = balanced(len(names), n_columns)
    n_rows = -(-len(names) // n_columns)
    figure = new_figure((size[0] * n_columns, size[1] * n_rows))
    panels: AxesArray = figure.subplots(n_rows, n_columns, squeeze=False, **options).ravel()
    for unused in panels[len(names) :]:
        unused.remove()
    return panels[: len(names)]


def balanced(n: int, n_columns: int) -> int:
    """Return how many of `n` panels to put side by side, up to `n_columns`, so that few places stay empty.

    Examples
    --------
    >>> [balanced(n, 3) for n in (2, 3, 4, 5)], balanced(10, 6)
    ([2, 3, 2, 3], 5)
    """
    most = min(n, n_columns)
    return min(range(-(-most // 2), most + 1), key=lambda columns: (-n % columns, -columns))


def _given(ax: Any, names: list[str]) -> AxesArray:
    panels = np.array(ax, dtype=object).ravel()
    if len(panels) != len(names):
        wanted = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
        raise ValueError(f"ax must hold {len(names)} Axes, one for each of {wanted}; got {len(panels)}")
    for i, panel in enumerate(panels):
        _checked(panel, f"ax[{i}]" if len(panels) > 1 else "ax")
    return panels


def _checked(ax: Any, name: str) -> Axes:
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(f"{name} must be matplotlib Axes, as plt.subplots() returns, or None; got {described(ax)}")
    return ax


def new_figure(size: tuple[float, float]) -> Figure:
    """Return an empty figure of `size` inches.

    It is pyplot's only for those who use pyplot, or a notebook: others could not close it, and it would stay in memory.
    """
    if "matplotlib.pyplot" in sys.modules or _in_ipython():
        from matplotlib import pyplot

        return pyplot.figure(figsize=size, layout="constrained")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _in_ipython() -> bool:
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


def name_list(argument: str, value: Any, count: int | None = None) -> list[Any]:
    """Return one name, or several, as a list, if wanted of `count` names.

    Raises
    ------
    TypeError, ValueError
        If `value` is neither a string nor iterable, or there are more or fewer.
    """
    if not isinstance(value, Iterable):
        raise TypeError(f"{argument} must be a name or a list of names, got {described(value)}")
    names = [value] if isinstance(value, str) else list(value)
    if count is not None and len(names) != count:
        raise ValueError(f"{argument} must hold {count} name{'s' if count > 1 else ''}, got {value!r}")
    return names


def integer_ticks(axis: Any) -> None:
    """Keep ticks of an axis that counts (epochs, units) from falling between whole numbers."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def legend_beside(ax: Axes, **options: Any) -> None:
    """Draw the legend to the right of the Axes; inside, if nothing would make room for it there."""
    if ax.figure.get_layout_engine() is not None:  # a constrained or tight layout
        options |= {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    ax.legend(fontsize="small", **options)
