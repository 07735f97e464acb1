"""What the figures of the lessons share: a canvas, colours that all eyes can tell apart, and where files go."""

from pathlib import Path

from matplotlib.figure import Figure

# Okabe and Ito, "Color Universal Design" (2008).
BLUE, ORANGE, GREEN, PINK, BLACK, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9"
COLORS = (BLUE, ORANGE, GREEN, PINK, BLACK, SKY)
MARKERS = "os^Dv*"


def panels(rows=1, columns=1, width=4.2, height=3.6):
    """Return a figure and an array (rows, columns) of axes; sizes in inches are those of one panel."""
    figure = Figure(figsize=(columns * width, rows * height), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def scatter(axes, X, y, names):
    """Draw two-dimensional points, one colour and marker per class."""
    for k in range(int(y.max()) + 1):
        looks = {"c": COLORS[k], "marker": MARKERS[k], "s": 18, "edgecolors": "white", "linewidths": 0.4}
        axes.scatter(*X[y == k].T, label=names[k], **looks)


def save(figure, folder, script):
    """Write the figure into `folder`, under the name of the lesson's script."""
    path = Path(folder) / Path(script).with_suffix(".png").name
    figure.savefig(path, dpi=110)
    print(f"\nfigure: {path.name}")
