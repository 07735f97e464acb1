"""Old homes of modules, for pickles and scripts that name them: importing one gives the module where it lives now."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "atomic": "base.atomic",
    "checkpoint": "model.checkpoint",
    "columns": "history.columns",
    "explanation": "training.explanation",
    "folding": "program.folding",
    "formulas": "reference.formulas",
    "inputs": "arrays.inputs",
    "layer_history": "history.layers",
    "levenberg_marquardt": "solvers.levenberg_marquardt",
    "observation": "arrays.facts",
    "perceptron": "model.perceptron",
    "portable": "base.portable",
    "predictor": "network.predictor",
    "random": "base.random",
    "rows": "program.rows",
    "surgery": "model.surgery",
    "targets": "arrays.targets",
    "update_rule": "base.update_rule",
}
"""Modules directly under nncore that pickles name, or that messages and texts named -> their homes now."""


class Finder:
    """Finds modules of `package` by the names in `homes`; asked last, so that it costs nothing where nothing is old."""

    def __init__(self, package: str, homes: dict[str, str]) -> None:
        self._homes = {f"{package}.{old}": f"{package}.{new}" for old, new in homes.items()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self._homes else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(self._homes[name])


def find_moved(package: str) -> None:
    """Let old names of `package` be found."""
    sys.meta_path.append(Finder(package, MOVED))
