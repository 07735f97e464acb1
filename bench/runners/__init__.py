"""Who is compared: one module per contender, each with the class `Train`, and a row in a table below."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
from dataclasses import dataclass

from bench.distributions import NNCORE
from bench.runners.runner import Runner

__all__ = ["BFLOAT16", "MANY", "RUNNERS", "TABLES", "Entry", "Runner"]


@dataclass(frozen=True)
class Entry:
    """Where a contender's code is.

    Attributes
    ----------
    module : str
        The module of `bench.runners` that holds its class.
    package : str
        What must be importable.
    distribution : str
        What to ask for the version.
    program : str, optional
        What must be there to run, too.
    name : str
        That class's.
    """

    module: str
    package: str
    distribution: str
    program: str | None = None
    name: str = "Train"

    def runner(self) -> type[Runner]:
        """Import the contender's code, and with it the package."""
        train: type[Runner] = getattr(importlib.import_module(f"bench.runners.{self.module}"), self.name)
        return train

    @property
    def needs(self) -> str:
        """What must be installed, in words."""
        return f"the package {self.package!r}" + (f" and the program {self.program!r}" if self.program else "")

    @property
    def available(self) -> bool:
        """Whether all of it is."""
        program_found = self.program is None or shutil.which(self.program) is not None
        return program_found and importlib.util.find_spec(self.package) is not None


RUNNERS = {
    "nncore": Entry("own", "nncore", NNCORE),
    "JAX": Entry("jax_scan", "jax", "jax"),
    "PyTorch": Entry("pytorch", "torch", "torch"),
    "PyTorch compiled": Entry("pytorch_compiled", "torch", "torch", "g++"),
    "scikit-learn": Entry("scikit_learn", "sklearn", "scikit-learn"),
    "NumPy": Entry("oracle", "numpy", "numpy"),
}
"""In the order of turns and tables: nncore, then who comes closest to it."""

BFLOAT16 = {
    "nncore": Entry("own", "nncore", NNCORE, name="Mixed"),
    "nncore float32": Entry("own", "nncore", NNCORE),
    "PyTorch medium": Entry("pytorch_bfloat16", "torch", "torch", name="Medium"),
    "PyTorch autocast": Entry("pytorch_bfloat16", "torch", "torch", name="Autocast"),
    "PyTorch bfloat16": Entry("pytorch_bfloat16", "torch", "torch", name="Pure"),
    "JAX bfloat16": Entry("jax_scan", "jax", "jax", name="Bfloat16"),
}
"""What each makes of products in bfloat16, and nncore's float32. First words are names of the table above."""

MANY = {
    "nncore": Entry("many", "nncore", NNCORE, name="Together"),
    "nncore single": Entry("many", "nncore", NNCORE, name="Single"),
    "JAX": Entry("jax_scan", "jax", "jax", name="Many"),
    "PyTorch": Entry("pytorch_vmap", "torch", "torch", name="Many"),
}
"""Who trains many networks, and how; ours alone, one after another, as well."""

TABLES = {"training": RUNNERS, "bfloat16": BFLOAT16, "many": MANY}
"""By the section of the benchmark that they take part in."""
