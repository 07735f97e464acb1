"""Data sets: bundled real ones, generated toy problems, readers for CSV, NPZ and IDX files, splitting and scaling."""

from nncore.datasets.bundled import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_penguins,
    load_wine,
)
from nncore.datasets.dataset import Dataset
from nncore.datasets.generators import (
    make_circles,
    make_gaussians,
    make_moons,
    make_plane,
    make_sine,
    make_spiral,
    make_xor,
)
from nncore.datasets.idx import MNIST, load_mnist, read_idx
from nncore.datasets.preparation import Preparation
from nncore.datasets.split import train_test_split
from nncore.datasets.standardizer import Standardizer
from nncore.datasets.tables import read_csv, read_npz

__all__ = [
    "MNIST",
    "Dataset",
    "Preparation",
    "Standardizer",
    "load_breast_cancer",
    "load_diabetes",
    "load_digits",
    "load_iris",
    "load_mnist",
    "load_penguins",
    "load_wine",
    "make_circles",
    "make_gaussians",
    "make_moons",
    "make_plane",
    "make_sine",
    "make_spiral",
    "make_xor",
    "read_csv",
    "read_idx",
    "read_npz",
    "train_test_split",
]
