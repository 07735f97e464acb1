"""Which room may import which, and no circles: read from the source of the installed package."""

import ast
import importlib.util
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(importlib.util.find_spec("nncore.errors").origin).parent
SOURCES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

WORDS = "metrics activations initializers categories rowwise layers losses schedules optimizers"
"""What a user imports by its name, each a file or a folder, which imports only those before it. Beside them are
`errors` and `version`, which import nothing."""

SPEC = f"errors version base {WORDS} program"
BELOW = f"{SPEC} engine kernels datasets arrays data network"

MAY_IMPORT = {
    "base": "errors version",
    "words": "errors version base",
    "program": f"errors version base {WORDS}",
    "engine": f"{SPEC} _engine",
    "reference": SPEC,
    "kernels": f"{SPEC} engine",
    "datasets": "errors base",
    "arrays": SPEC,
    "data": f"{SPEC} arrays",
    "network": f"{SPEC} engine arrays",
    "doctor": f"{SPEC} arrays",
    "plots": f"{SPEC} kernels arrays doctor",
    "history": f"{SPEC} arrays doctor plots",
    "callbacks": f"{SPEC} arrays history",
    "training": f"{BELOW} history callbacks",
    "solvers": f"{BELOW} history callbacks training",
    "model": f"{BELOW} history callbacks training solvers",
    "many": f"{BELOW} history callbacks training solvers model",
    "sklearn": f"{BELOW} history callbacks training solvers model",
    "builder": f"{BELOW} doctor plots history callbacks training solvers model",
    "cli": f"{BELOW} doctor plots history callbacks training solvers model many builder",
}
"""The rooms from the ground up: each imports from itself and from what stands here, all of which is above it."""

NUMPY_ONLY = {"base", "words", "program", "engine", "reference", "kernels", "datasets", "arrays", "network"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
AT_IMPORT = {"numpy", "scipy", "tqdm"}
WITH_ROOM = {"sklearn": {"joblib", "sklearn"}}
"""What else the modules of a room need at import: rooms that nothing else imports, whose face asks for them in vain."""


def room(module):
    """Return the room of a module by its dotted name: the name below nncore, or ``words`` for those of a user."""
    name = [*module.split("."), "nncore"][1]
    return "words" if name in WORDS.split() else name


def imports(tree, *, lazy=True, types=True):
    """Yield (module, name or None) of all imports; `lazy`: those in functions; `types`: those of type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.module, alias.name) for alias in node.names)
        elif not types and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (found for other in node.orelse for found in imports(other, lazy=lazy, types=types))
        elif lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports(node, lazy=lazy, types=types)


def tree(module):
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def inside(module):
    """Return the modules of nncore that a module imports, for types only included."""
    found = set()
    for home, name in imports(tree(module)):
        if home.split(".")[0] == "nncore":
            found.add(f"{home}.{name}" if f"{home}.{name}" in SOURCES else home)
    return found - {module}


def upward(module, targets):
    """Return those of the imported modules that the room of `module` may not import."""
    own = room(module)
    if own in ("nncore", "__main__"):
        return set()
    allowed = {own, *(room(f"nncore.{name}") for name in MAY_IMPORT.get(own, "").split())}
    wrong = {target for target in targets if room(target) not in allowed}
    if own == "words":
        word = module.split(".")[1]
        earlier = [word, *WORDS.split(word)[0].split()]
        wrong |= {target for target in targets if room(target) == "words" and target.split(".")[1] not in earlier}
    return wrong


def circle(graph):
    """Return the modules of a circle in {module: imported modules}; empty if there is none."""
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return error.args[1]
    return []


def test_the_table_points_down_only():
    above = {"errors", "version", "_engine"}
    for name, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= above, f"{name} may import what stands below it"
        above |= {name, *(WORDS.split() if name == "words" else ())}


@pytest.mark.parametrize("module", SOURCES)
def test_every_module_has_a_room(module):
    assert room(module) in {*MAY_IMPORT, "nncore", "__main__", "errors", "version", "_engine"}


@pytest.mark.parametrize("module", SOURCES)
def test_rooms_import_what_is_above_them_only(module):
    assert not upward(module, inside(module))


def test_no_module_imports_itself_by_way_of_others():
    assert not circle({module: inside(module) for module in SOURCES if module != "nncore"})


def test_rooms_have_faces():
    for name in {room(module) for module in SOURCES} - {"words", "nncore", "__main__", "errors", "version", "kernels"}:
        assert ast.get_docstring(tree(f"nncore.{name}")) or name == "_engine", f"nncore/{name}/__init__.py says nothing"


def test_the_package_itself_is_flat():
    files = {path.name for path in PACKAGE.glob("*.py")}
    folders = {word for word in WORDS.split() if (PACKAGE / word / "__init__.py").exists()}
    words = {*WORDS.split(), "errors", "kernels", "version", "__init__", "__main__"} - folders
    assert files == {f"{word}.py" for word in words}


def test_no_module_takes_the_place_of_a_name():
    """A module that is imported becomes an attribute of its package: `data.files`, a function, was a module then."""
    faces = {"nncore", *(f"nncore.{name}" for name in MAY_IMPORT)} & {*SOURCES}
    homes = {face: getattr(importlib.import_module(face), "HOMES", {}) for face in faces}
    assert homes["nncore.data"]
    for face, names in homes.items():
        own = {module.rpartition(".")[2] for module in SOURCES if module.rpartition(".")[0] == face}
        assert not own & {name for several in names.values() for name in several}, face


def foreign(module, **which):
    names = {home.split(".")[0] for home, _ in imports(tree(module), **which)}
    return names - set(sys.stdlib_module_names) - {"nncore"}


@pytest.mark.parametrize("module", [name for name in SOURCES if room(name) in NUMPY_ONLY])
def test_lower_rooms_need_numpy_only(module):
    assert foreign(module, types=False) <= {"numpy"}


@pytest.mark.parametrize("module", SOURCES)
def test_nothing_optional_is_imported_with_nncore(module):
    needed = set() if module == f"nncore.{room(module)}" else WITH_ROOM.get(room(module), set())
    assert foreign(module, lazy=False, types=False) <= AT_IMPORT | needed


@pytest.mark.parametrize("name", WITH_ROOM)
def test_no_other_room_imports_those_with_needs_of_their_own(name):
    assert [module for module in SOURCES if room(module) != name and name in map(room, inside(module))] == []


def without_docstrings(node):
    """Return the numbers of the lines of a definition, or of a module, that are no docstring."""
    first, last = getattr(node, "lineno", 1), getattr(node, "end_lineno", None) or node.body[-1].end_lineno
    lines = set(range(first, last + 1))
    for inner in ast.walk(node):
        if isinstance(inner, DOCUMENTED) and ast.get_docstring(inner) is not None:
            lines -= set(range(inner.body[0].lineno, inner.body[0].end_lineno + 1))
    return lines


LONGER = {"nncore.model.sequential": 450}
"""Lines of a façade, whose methods are one call each."""


@pytest.mark.parametrize("module", SOURCES)
def test_files_and_functions_are_short(module):
    source = tree(module)
    assert not source.body or len(without_docstrings(source)) < LONGER.get(module, 300)
    functions = [node for node in ast.walk(source) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    assert [node.name for node in functions if len(without_docstrings(node)) > 40] == []


def test_the_checks_would_notice():
    found = ast.parse("if x:\n    import a.b\ndef f():\n    from c import d\nif TYPE_CHECKING:\n    import e")
    assert list(imports(found)) == [("a.b", None), ("c", "d"), ("e", None)]
    assert list(imports(found, lazy=False, types=False)) == [("a.b", None)]
    assert upward("nncore.program.rows", {"nncore.layers", "nncore.engine.select"}) == {"nncore.engine.select"}
    assert upward("nncore.layers", {"nncore.program"}) == {"nncore.program"}
    assert upward("nncore.losses", {"nncore.layers", "nncore.optimizers"}) == {"nncore.optimizers"}
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})) == {"a", "b", "c"}
    assert len(without_docstrings(ast.parse('def f():\n    """One\n    two."""\n    return 1').body[0])) == 2
