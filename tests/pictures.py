"""What the tests read off a picture."""

import numpy as np


def labels(ax):
    """Return what a legend would call the lines."""
    return [line.get_label() for line in ax.lines if not line.get_label().startswith("_")]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def assert_is_labelled(ax):
    assert ax.get_title() and ax.get_xlabel() and ax.get_ylabel()


def render(ax):
    """Draw for real, which is where wrong arguments of artists show; return the pixels."""
    ax.figure.canvas.draw()
    return np.asarray(ax.figure.canvas.buffer_rgba())
