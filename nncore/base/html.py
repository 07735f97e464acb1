"""What notebooks show: tables and small curves as HTML, with every text escaped and no script or style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

WIDTH, HEIGHT = 120, 24  # pixels of a small curve
MOST_POINTS = 240  # of a small curve: two for each pixel
PLAIN = "text-align:left"
NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


def table(header: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", right: Iterable[int] = ()) -> str:
    """Return an HTML table; the columns whose places are in `right` hold numbers. `Markup` goes in as it is.

    Examples
    --------
    >>> table(["<b>"], [["a & b"]]).count("&lt;b&gt;")
    1
    """
    places = set(right)
    styles = [NUMBER if place in places else PLAIN for place in range(len(header))]
    head = "".join(f'<th style="{style}">{escape(name)}</th>' for name, style in zip(header, styles, strict=True))
    body = "".join(
        "<tr>" + "".join(f'<td style="{s}">{_cell(c)}</td>' for c, s in zip(row, styles, strict=True)) + "</tr>"
        for row in rows
    )
    title = f'<caption style="text-align:left">{escape(caption)}</caption>' if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Markup(str):
    """HTML that is to stay as it is."""

    __slots__ = ()


def _cell(value: object) -> str:
    return value if isinstance(value, Markup) else escape(str(value))


def text(lines: str) -> str:
    """Return some lines in a font of equal widths.

    Examples
    --------
    >>> text("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{escape(lines)}</pre>"


def curve(values: Sequence[float], name: str) -> Markup:
    """Return a small curve of the values, where there are two finite ones at least; others are gaps.

    Examples
    --------
    >>> curve([1.0], "loss"), curve([3.0, 2.0, 1.0], "loss").count("polyline")
    ('', 1)
    """
    known = [(i, v) for i, v in enumerate(values) if math.isfinite(v)]
    step = max(1, math.ceil(len(known) / MOST_POINTS))
    points = [*known[:-1:step], *known[-1:]]
    if len(points) < 2:
        return Markup("")
    low, high = min(v for _, v in points), max(v for _, v in points)
    across, up = (WIDTH - 2) / max(len(values) - 1, 1), (HEIGHT - 2) / ((high / 2 - low / 2) * 2 or 1.0)
    places = " ".join(f"{1 + i * across:.1f},{HEIGHT - 1 - (v - low) * up:.1f}" for i, v in points)
    return Markup(
        f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="{escape(name, quote=True)}, '
        f'{values[0]:.4g} to {values[-1]:.4g}"><polyline points="{places}" fill="none" stroke="currentColor"/></svg>'
    )
