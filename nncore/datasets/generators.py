"""Seeded toy problems in two dimensions or one: each shows one thing that a network can or cannot do.

In every classification set row ``i`` belongs to class ``i % n_classes``, so the classes are balanced.
"""

from __future__ import annotations

import math

import numpy as np

from nncore.datasets.arguments import finite, whole
from nncore.datasets.dataset import Dataset
from nncore.datasets.seeding import seeded


def make_xor(n_samples: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Exclusive or: the corners of the unit square in turn, which no single perceptron separates.

    Parameters
    ----------
    n_samples : int
        Number of rows, at least 1.
    noise : float
        Standard deviation of the normal noise added to the inputs. With ``n_samples=4, noise=0`` the result is the
        truth table itself.
    seed : int
        0 to 2**64 - 1.

    Returns
    -------
    Dataset
        2 features, 2 classes.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> X, y = make_xor(4, noise=0)
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]], [0, 1, 0, 1])
    """
    rng = _generator(n_samples, noise, seed)
    corners = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    points = corners[np.arange(n_samples) % 4]
    return _classes("xor", "Corners of the unit square; opposite corners share a class.", points, 2, noise, rng)


def make_moons(n_samples: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Two half circles that interlock; parameters as for `make_xor`.

    Examples
    --------
    >>> make_moons(100)
    <Dataset moons: 100 rows, 2 features, 2 classes>
    """
    rng = _generator(n_samples, noise, seed)
    angle = math.pi * rng.random(n_samples)
    upper = np.column_stack([np.cos(angle), np.sin(angle)])
    points = np.where(_labels(n_samples, 2)[:, None] == 0, upper, [1.0, 0.5] - upper)
    return _classes("moons", "Two interlocking half circles.", points, 2, noise, rng)


def make_circles(n_samples: int = 200, *, noise: float = 0.05, factor: float = 0.5, seed: int = 0) -> Dataset:
    """A circle around a smaller one whose radius is `factor`, between 0 and 1; other parameters as for `make_xor`.

    Examples
    --------
    >>> X, y = make_circles(10, noise=0, factor=0.25)
    >>> np.hypot(*X.T).round(6).tolist()[:3]
    [1.0, 0.25, 1.0]
    """
    rng = _generator(n_samples, noise, seed)
    if not 0 < finite("factor", factor) < 1:
        raise ValueError(f"factor must lie between 0 and 1, got {factor!r}")
    angle = 2 * math.pi * rng.random(n_samples)
    radius = np.where(_labels(n_samples, 2) == 0, 1.0, factor)
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return _classes("circles", "One circle around another.", points, 2, noise, rng)


def make_spiral(
    n_samples: int = 300, *, arms: int = 3, turns: float = 1.0, noise: float = 0.02, seed: int = 0
) -> Dataset:
    """Spiral arms around the origin, one class each; other parameters as for `make_xor`.

    Parameters
    ----------
    arms : int
        Number of arms, at least 2.
    turns : float
        How often an arm winds around the origin while its radius grows from 0 to 1.

    Examples
    --------
    >>> make_spiral(arms=5)
    <Dataset spiral: 300 rows, 2 features, 5 classes>
    """
    rng = _generator(n_samples, noise, seed)
    whole("arms", arms, 2)
    finite("turns", turns)
    radius = rng.random(n_samples)
    angle = 2 * math.pi * (turns * radius + _labels(n_samples, arms) / arms)
    points = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return _classes("spiral", f"{arms} spiral arms.", points, arms, noise, rng)


def make_gaussians(
    n_samples: int = 300, *, classes: int = 3, n_features: int = 2, noise: float = 0.3, seed: int = 0
) -> Dataset:
    """Normal clouds of standard deviation `noise` around random centres in [-1, 1]; others as for `make_xor`.

    Parameters
    ----------
    classes, n_features : int
        Number of clouds (at least 2) and of dimensions (at least 1).

    Examples
    --------
    >>> make_gaussians(classes=4, n_features=3)
    <Dataset gaussians: 300 rows, 3 features, 4 classes>
    """
    rng = _generator(n_samples, noise, seed)
    whole("classes", classes, 2)
    whole("n_features", n_features, 1)
    centres = rng.uniform(-1, 1, (classes, n_features))
    points = centres[_labels(n_samples, classes)]
    return _classes("gaussians", f"{classes} normal clouds.", points, classes, noise, rng)


def make_sine(n_samples: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """One period of a sine, ``y = sin(x)``, with noise on `y`; parameters as for `make_xor`.

    Examples
    --------
    >>> X, y = make_sine(5, noise=0)
    >>> bool(np.allclose(y, np.sin(X[:, 0])))
    True
    """
    rng = _generator(n_samples, noise, seed)
    x = rng.uniform(-math.pi, math.pi, (n_samples, 1))
    return _quantity("sine", "One period of a sine.", x, np.sin(x[:, 0]), noise, rng)


def make_plane(n_samples: int = 200, *, noise: float = 0.1, seed: int = 0) -> Dataset:
    """A plane, ``y = 2 x0 - x1 + 0.5``, with noise on `y`: one linear unit learns it; parameters as for `make_xor`.

    Examples
    --------
    >>> X, y = make_plane(5, noise=0)
    >>> bool(np.allclose(y, X @ [2, -1] + 0.5))
    True
    """
    rng = _generator(n_samples, noise, seed)
    X = rng.uniform(-1, 1, (n_samples, 2))
    return _quantity("plane", "The plane y = 2 x0 - x1 + 0.5.", X, X @ [2.0, -1.0] + 0.5, noise, rng)


GENERATORS = {
    "xor": make_xor,
    "moons": make_moons,
    "circles": make_circles,
    "spiral": make_spiral,
    "gaussians": make_gaussians,
    "sine": make_sine,
    "plane": make_plane,
}


def _generator(n_samples: int, noise: float, seed: int) -> np.random.Generator:
    whole("n_samples", n_samples, 1)
    finite("noise", noise, 0)
    return seeded(seed, "data")


def _labels(n_samples: int, n_classes: int) -> np.ndarray:
    return np.arange(n_samples, dtype=np.int64) % n_classes


def _classes(
    name: str, description: str, points: np.ndarray, n_classes: int, noise: float, rng: np.random.Generator
) -> Dataset:
    X = points + noise * rng.standard_normal(points.shape)
    labels = tuple(str(i) for i in range(n_classes))
    return Dataset(X, _labels(len(X), n_classes), _names(X), labels, name, description)


def _quantity(
    name: str, description: str, X: np.ndarray, y: np.ndarray, noise: float, rng: np.random.Generator
) -> Dataset:
    return Dataset(X, y + noise * rng.standard_normal(len(y)), _names(X), None, name, description)


def _names(X: np.ndarray) -> tuple[str, ...]:
    return tuple(f"x{i}" for i in range(X.shape[1]))
