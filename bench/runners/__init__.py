"""Who is compared: one module per contender, each with the class `Train`, and a row in the table below."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass

from bench.runners.runner import Runner

__all__ = ["RUNNERS", "Entry", "Runner", "available"]


@dataclass(frozen=True)
class Entry:
    """Where a contender's code is.

    Attributes
    ----------
    module : str
        The module of `bench.runners` that holds its class `Train`.
    package : str
        What must be importable.
    distribution : str
        What to ask for the version.
    """

    module: str
    package: str
    distribution: str

    def runner(self) -> type[Runner]:
        """Import the contender's code, and with it the package."""
        train: type[Runner] = importlib.import_module(f"bench.runners.{self.module}").Train
        return train


RUNNERS = {
    "nncore": Entry("own", "nncore", "nncore"),
    "NumPy": Entry("oracle", "numpy", "numpy"),
    "PyTorch": Entry("pytorch", "torch", "torch"),
    "JAX": Entry("jax_scan", "jax", "jax"),
    "scikit-learn": Entry("scikit_learn", "sklearn", "scikit-learn"),
}


def available(contender: str) -> bool:
    """Tell whether a contender's package is installed."""
    return importlib.util.find_spec(RUNNERS[contender].package) is not None
