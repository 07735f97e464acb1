"""Who predicts: one module per contender, each with a function `ways`, and a row in a table below.

``ways(case, threads, X)`` returns by name the calls that turn the rows of X (n, n_features) into the network's outputs,
each with everything it needs at hand. The fastest of them is the contender's. All of them start from a NumPy array and
leave one behind, for that is what a caller has and wants.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from bench.distributions import NNCORE

if TYPE_CHECKING:
    from bench.cases import Array, Case

# Nothing here may import NumPy or nncore: the worker sets the limit on threads after this file has been read.

Ways = dict[str, "partial[Any]"]


@dataclass(frozen=True)
class Entry:
    """Where a contender's code is.

    Attributes
    ----------
    module : str
        The module of `bench.predictors` that holds its function.
    packages : tuple of str
        What must be importable.
    distribution : str
        What to ask for the version.
    name : str
        That function's.
    """

    module: str
    packages: tuple[str, ...]
    distribution: str
    name: str = "ways"

    def ways(self) -> Callable[[Case, int, Array], Ways]:
        """Import the contender's code, and with it the package."""
        module = importlib.import_module(f"bench.predictors.{self.module}")
        found: Callable[[Case, int, Array], Ways] = getattr(module, self.name)
        return found

    @property
    def needs(self) -> str:
        """What must be installed, in words."""
        return " and ".join(f"the package {package!r}" for package in self.packages)

    @property
    def available(self) -> bool:
        """Whether all of it is."""
        return all(importlib.util.find_spec(package) is not None for package in self.packages)


PREDICTORS = {
    "nncore": Entry("own", ("nncore",), NNCORE),
    "NumPy": Entry("oracle", ("numpy",), "numpy"),
    "PyTorch": Entry("pytorch", ("torch",), "torch"),
    "JAX": Entry("jax_jit", ("jax",), "jax"),
    "ONNX Runtime": Entry("onnx_runtime", ("onnxruntime", "onnx"), "onnxruntime"),
    "scikit-learn": Entry("scikit_learn", ("sklearn",), "scikit-learn"),
}

BFLOAT16 = {
    "nncore": Entry("own", ("nncore",), NNCORE, name="mixed"),
    "nncore float32": Entry("own", ("nncore",), NNCORE),
    "PyTorch medium": Entry("pytorch", ("torch",), "torch", name="medium"),
    "PyTorch autocast": Entry("pytorch", ("torch",), "torch", name="autocast"),
    "PyTorch bfloat16": Entry("pytorch", ("torch",), "torch", name="bfloat16"),
    "JAX bfloat16": Entry("jax_jit", ("jax",), "jax", name="bfloat16"),
}
"""The same contenders as in `bench.runners`."""

TABLES = {"predict": PREDICTORS, "bfloat16": BFLOAT16}
"""By the section of the benchmark that they take part in."""
