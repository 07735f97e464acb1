"""The MNIST digits to a given accuracy, as a user of each package would write it at its best: one module per contender.

    python -m bench.recipes CONTENDER SEED THREADS FOLDER

Each has a function ``train(digits, seed, threads, enough)`` that trains the network of `bench.recipes.recipe` and after
every epoch calls ``enough`` with the share of the test rows that it gets right, until that returns True.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Nothing here may import NumPy or nncore: what they take to be imported counts, and the limit on threads comes first.


@dataclass(frozen=True)
class Entry:
    """Where a contender's code is: the module of `bench.recipes`, and the package that must be importable."""

    module: str
    package: str

    def train(self) -> Callable[..., None]:
        """Import the contender's code, and with it the package."""
        found: Callable[..., Any] = importlib.import_module(f"bench.recipes.{self.module}").train
        return found


RECIPES = {
    "nncore": Entry("own", "nncore"),
    "PyTorch": Entry("pytorch", "torch"),
    "JAX": Entry("jax_scan", "jax"),
    "scikit-learn": Entry("scikit_learn", "sklearn"),
}


def available(contender: str) -> bool:
    """Tell whether a contender's package is installed."""
    return importlib.util.find_spec(RECIPES[contender].package) is not None
