"""Who may import whom: read from the source of the installed package."""

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

PACKAGE = Path(importlib.util.find_spec("nncore.program").origin).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

# A module may import from its own layer and from those before it.
LAYERS = [
    {"errors", "lazy", "memory", "names", "portable", "random", "version"},
    {"spec", "activations", "initializers", "layers", "losses", "optimizers"} | {"schedules", "update_rule"},
    {"program", "rows"},
    {"engine", "_engine", "kernels", "metrics", "datasets"}
    | {"formulas", "reference", "reference_passes", "reference_rows", "reference_step"},
    {"atomic", "callbacks", "checkpoint", "definition", "evaluation", "fitting", "history", "inputs", "model"}
    | {"class_weights", "columns", "divergence", "doctor", "explanation", "first_values", "folding", "historyfile"}
    | {"jacobian", "layer_history", "lbfgs", "lending", "levenberg_marquardt", "modelfile", "network", "objective"}
    | {"observation", "penalties", "perceptron", "plots", "prediction", "predictor", "progress", "records"}
    | {"solvers", "storage", "summary", "surgery", "targets"},
    {"builder"},
    {"cli", "__main__", "__init__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# Tighter than the layers: the only modules of nncore that these may import.
SPEC = LAYERS[0] | LAYERS[1] | LAYERS[2]
ONLY = {
    "formulas": SPEC,
    "reference": SPEC | {"formulas", "reference_passes", "reference_rows", "reference_step"},
    "reference_passes": SPEC | {"formulas", "reference_rows"},
    "reference_rows": SPEC | {"formulas"},
    "reference_step": SPEC | {"formulas", "reference_rows"},
    "engine": SPEC | {"_engine"},
    "_engine": SPEC,
    "kernels": SPEC | {"_engine", "engine"},
    "metrics": LAYERS[0],
    "datasets": LAYERS[0] | {"datasets"},
}

AT_IMPORT = {"numpy", "scipy", "tqdm", "safetensors"}


def top(name):
    """Return the module directly under nncore that a dotted name belongs to."""
    return name.split(".")[0]


def for_types_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports(tree, *, lazy):
    """Yield the absolute names a module imports; with lazy, inside functions too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not for_types_only(node) and (lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))):
            yield from imports(node, lazy=lazy)


def inside(module, *, lazy=True):
    """Return the modules directly under nncore that `module` imports."""
    names = imports(ast.parse(SOURCES[module].read_text(encoding="utf-8")), lazy=lazy)
    found = {top(name.removeprefix("nncore.")) for name in names if top(name) == "nncore"}
    return {name if name in LEVEL else "__init__" for name in found}  # what is no module is a public name


@pytest.mark.parametrize("module", SOURCES)
def test_every_module_has_its_place(module):
    assert top(module) in LEVEL, f"give {top(module)} a place in LAYERS"


@pytest.mark.parametrize("module", SOURCES)
def test_imports_never_point_upwards(module):
    own = LEVEL[top(module)]
    assert not {name for name in inside(module) if LEVEL[name] > own}


@pytest.mark.parametrize("module", [name for name in SOURCES if top(name) in ONLY])
def test_separate_parts_stay_separate(module):
    assert inside(module) <= ONLY[top(module)]


@pytest.mark.parametrize("module", [name for name in SOURCES if LEVEL[top(name)] < 4])
def test_lower_layers_need_numpy_only(module):
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    foreign = {top(name) for name in imports(tree, lazy=True)} - set(sys.stdlib_module_names)
    assert foreign <= {"numpy", "nncore"}


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_optional_is_imported_with_nncore(module):
    tree = ast.parse(SOURCES[module].read_text(encoding="utf-8"))
    foreign = {top(name) for name in imports(tree, lazy=False)} - set(sys.stdlib_module_names) - {"nncore"}
    assert foreign <= AT_IMPORT


def test_the_check_would_notice():
    tree = ast.parse("if x:\n    import a.b\ndef f():\n    from c import d\nif TYPE_CHECKING:\n    import e")
    assert list(imports(tree, lazy=True)) == ["a.b", "c.d"]
    assert list(imports(tree, lazy=False)) == ["a.b"]
