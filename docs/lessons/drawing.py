"""What the figures of the lessons share: a canvas, points of several classes, and where files go."""

from pathlib import Path

from matplotlib.figure import Figure

from nncore.plots.colours import MARKERS, distinct


def panels(rows=1, columns=1, width=4.2, height=3.6):
    """Return a figure and an array (rows, columns) of axes; sizes in inches are those of one panel."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def scatter(axes, X, y, names):
    """Draw two-dimensional points, one colour and marker per class."""
    for k, (name, color, marker) in enumerate(zip(names, distinct(len(names)), MARKERS, strict=False)):
        axes.scatter(*X[y == k].T, c=color, marker=marker, s=18, edgecolors="white", linewidths=0.4, label=name)


def save(figure, folder, script):
    """Write the figure into `folder`, under the name of the lesson's script."""
    path = Path(folder) / Path(script).with_suffix(".png").name
    figure.savefig(path, dpi=110)
    print(f"\nfigure: {path.name}")
