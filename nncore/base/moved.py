"""Old homes of modules, for pickles and scripts that name them: importing one gives the module where it lives now."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType

from nncore.base.elsewhere import word

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
    "memory": "base.memory",
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
    """Finds modules of `package` by the names in `homes`; asked last, so that it costs nothing where nothing is old.

    Of the names in `words` it says what to write instead: Python asks for a module, too, before it says that there is
    nothing of a name to be imported from a package.
    """

    def __init__(self, package: str, homes: dict[str, str], words: Mapping[str, str] = MappingProxyType({})) -> None:
        self._homes = {f"{package}.{old}": f"{package}.{new}" for old, new in homes.items()}
        self._package, self._words = package, words

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._homes:
            return ModuleSpec(fullname, self)  # type: ignore[arg-type]
        package, _, name = fullname.rpartition(".")
        if package == self._package and (mend := word(self._words, name)):
            # Without `name=`, for which `from nncore import Input` would swallow it.
            raise ModuleNotFoundError(f"cannot import {name!r} from {package!r}; {mend}")
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """Let Python make an empty module, which `exec_module` replaces."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = importlib.import_module(self._homes[name])


def find_moved(package: str, words: Mapping[str, str]) -> None:
    """Let old names of `package` be found, and names in `words` be explained."""
    sys.meta_path.append(Finder(package, MOVED, words))
