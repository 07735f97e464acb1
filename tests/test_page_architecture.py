"""Who may import whom in the builder's page: read from the modules of the installed package."""

import importlib.util
import posixpath
import re
from pathlib import Path

import pytest

PAGE = Path(importlib.util.find_spec("nncore.builder").origin).parent / "static"
SOURCES = {path.relative_to(PAGE).as_posix(): path.read_text(encoding="utf-8") for path in sorted(PAGE.rglob("*.js"))}

# A module may import from its own folder, and from the folders that are named behind it.
FOLDERS = {
    "core": "",
    "ui": "core",
    "plot": "core ui",
    "drawing": "core ui",
    "network": "core ui drawing",
    "data": "core ui plot",
    "train": "core ui plot",
    "look/evaluate": "core ui plot",
    "look/explain/formulas": "core",
    "look/explain/kinds": "core look/explain/formulas",
    "look/explain": "core ui look/explain/formulas look/explain/kinds",
    "look/doctor": "core ui",
    "look": "core ui look/evaluate look/explain look/doctor",
    "bar": "core ui",
    "": "core ui network data train look bar",
}

IMPORT = re.compile(
    r"""^(?:import|export\s*[{*])(?:[^"';]*?\bfrom)?\s*["']([^"']+)["'];|\bimport\(["']([^"']+)["']\)""", re.MULTILINE
)


def imports(source):
    """Yield what a module names in its imports, and in what it passes on or loads later."""
    for found in IMPORT.finditer(source):
        yield found[1] or found[2]


def graph(sources):
    """Return the modules that each one imports, by their paths below the page."""
    folder = {name: posixpath.dirname(name) for name in sources}
    return {
        name: {posixpath.normpath(posixpath.join(folder[name], other)) for other in imports(source)}
        for name, source in sources.items()
    }


def upwards(sources, folders):
    """Return the imports that the table does not allow, as (module, what it imports)."""
    found = []
    for name, others in graph(sources).items():
        own = posixpath.dirname(name)
        allowed = {own, *folders[own].split()}
        found += [(name, other) for other in sorted(others) if posixpath.dirname(other) not in allowed]
    return found


def circle(sources):
    """Return modules of which each imports the next and the last the first; empty if there is no circle."""
    others, done = graph(sources), set()

    def beyond(name, path):
        if name in path:
            return path[path.index(name) :]
        if name in done:
            return []
        found = next(filter(None, (beyond(other, [*path, name]) for other in sorted(others.get(name, ())))), [])
        done.add(name)
        return found

    return next(filter(None, (beyond(name, []) for name in sources)), [])


def test_every_folder_has_its_place():
    assert {posixpath.dirname(name) for name in SOURCES} == set(FOLDERS)


def test_the_table_is_an_order():
    """A folder names only folders of lines before its own."""
    names = list(FOLDERS)
    for at, allowed in enumerate(FOLDERS.values()):
        assert set(allowed.split()) <= set(names[:at])


@pytest.mark.parametrize("name", SOURCES)
def test_imports_lead_to_modules_of_the_page(name):
    assert graph(SOURCES)[name] <= set(SOURCES)
    assert all(other.startswith(".") for other in imports(SOURCES[name])), "imports are relative"


def test_imports_never_point_upwards():
    assert upwards(SOURCES, FOLDERS) == []


def test_no_circle():
    assert circle(SOURCES) == []


def test_the_core_knows_no_document():
    touching = re.compile(r"\bdocument\b|\bquerySelector|\bHTMLElement\b")
    lines = {name: re.sub(r"/\*.*?\*/|//.*", "", text, flags=re.DOTALL) for name, text in SOURCES.items()}
    assert [name for name, text in lines.items() if name.startswith("core/") and touching.search(text)] == []


def test_modules_are_short():
    assert {name: text.count("\n") for name, text in SOURCES.items() if text.count("\n") > 300} == {}


def test_the_check_would_notice():
    sources = {
        "low/a.js": 'import { b } from "./b.js";\nimport {\n  c,\n} from "../high/c.js";\n',
        "low/b.js": 'export { d } from "./d.js";\n',
        "low/d.js": 'const late = () => import("./a.js");\n',
        "high/c.js": "export const c = 1; // import it\n",
    }
    assert upwards(sources, {"low": "", "high": "low"}) == [("low/a.js", "high/c.js")]
    assert circle(sources) == ["low/a.js", "low/b.js", "low/d.js"]
    assert circle({**sources, "low/d.js": ""}) == []
