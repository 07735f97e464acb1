"""What the documents say is so: examples run, their output is what is shown, files that are named exist."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nncore

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/performance.md"]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(nncore.__path__, "nncore.")
    if not module.name.startswith("nncore._engine.") and not module.name.endswith(".__main__")  # compiled, a script
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
PUBLIC = [name for name in nncore.__all__ if inspect.isclass(getattr(nncore, name)) or callable(getattr(nncore, name))]


def blocks(text, language):
    """Return the fenced code blocks of one language; "" for those that name none."""
    return [
        body for tag, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) if tag == language
    ]


# ------------------------------------------------------------------------------------------------------------ README


def test_readme_gives_both_commands():
    assert "pip install . && nncore train digits\n" in blocks(README, "")
    assert 'pip install ".[test]" && pytest\n' in blocks(README, "")


def test_readme_example_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for example in blocks(README, "python"):
        exec(compile(example, "README.md", "exec"), {})
        assert capsys.readouterr().out in blocks(README, "")


def without_times(text):
    return re.sub(r"in \d+(\.\d+)? s", "in ... s", text)


def test_readme_shows_what_the_first_command_prints():
    command = [sys.executable, "-m", "nncore", "train", "digits"]
    result = subprocess.run(command, capture_output=True, text=True, cwd="/", check=True)
    (shown,) = [block for block in blocks(README, "") if block.startswith("data ")]
    assert without_times(result.stdout) == without_times(shown)


def test_readme_lists_every_name():
    """The tables of the package, in the table of the README."""
    tables = {
        *nncore.activations.ACTIVATIONS,
        *nncore.losses.LOSSES,
        *nncore.optimizers.OPTIMIZERS,
        *nncore.initializers.INITIALIZERS,
        *nncore.layers.LAYERS,
    }
    assert tables <= set(re.findall(r"`(\w+)`", README))


def test_readme_promises_no_name_that_does_not_exist():
    """Words in the row of Sequential are its attributes; those in the row of kernels are functions."""
    for owner, start in (
        (nncore.Sequential([nncore.Dense(1)]), "| `Sequential`"),
        (nncore.kernels, "| `nncore.kernels`"),
    ):
        (row,) = [line for line in README.splitlines() if line.startswith(start)]
        names = re.findall(r"`(\w+)`", row.split("|")[2].split(";")[0])
        assert names
        assert [name for name in names if name not in dir(owner)] == []


def test_readme_recipe_is_right():
    """The activation in the section about extending: derivative by differences, and from y as in C."""
    lines = blocks(README, "py")[1].splitlines()
    function, slope = (eval(line.split(": ", 1)[1].rstrip(","), {"np": np}) for line in lines)
    x, h = np.linspace(-4, 4, 82), 1e-6
    np.testing.assert_allclose(slope(x, 0), (function(x + h, 0) - function(x - h, 0)) / (2 * h), rtol=1e-8)
    np.testing.assert_allclose(slope(x, 0), (1 - abs(function(x, 0))) ** 2, rtol=1e-12)


# ------------------------------------------------------------------------------------------------- all the documents


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:nncore|src_c|tests|bench|docs|\.ci)/[\w./]*|\w+\.(?:py|md|toml))`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_names_in_contributing_are_in_the_file_named_before_them():
    """Every `NAME` of a table, and every `function` of a step, stands in a file that the same step names."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    text = text.split("### From `fit` to the registers")[1].split("## Rules")[0] + text.split("## How to add...")[1]
    checked = 0
    for step in re.split(r"^(?=\d+\. |- |### )", text, flags=re.MULTILINE):
        paths = re.findall(r"`((?:nncore|src_c|tests)/[\w./]+\w|setup\.py)`", step)
        sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths if (ROOT / path).is_file())
        names = re.findall(r"`([A-Z_]{4,}|[a-z_]*_[a-z_]+)`", step) if sources else []
        names += [name.split(".")[-1] for name in re.findall(r"`([A-Z][a-z]\w+\.[a-z]\w+)`", step)] if sources else []
        assert [name for name in names if name not in sources] == [], step
        checked += len(names)
    assert checked > 20


ROWS_OF_THE_MAP = {
    path: row
    for row in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    if row.startswith("| `")
    for path in re.findall(r"`([^`]+)`", row.split("|")[1])
}


@pytest.mark.parametrize("path", sorted((ROOT / "nncore").glob("*/__init__.py")), ids=lambda path: path.parent.name)
def test_the_map_names_every_module_of_a_room(path):
    row = ROWS_OF_THE_MAP[f"nncore/{path.parent.name}/"]
    modules = {module.stem for module in path.parent.glob("*.py")} - {"__init__"}
    assert {name for name in modules if f"`{name}`" not in row} == set()
    assert set(re.findall(r"`(\w+)`", row)) <= modules


def test_the_map_names_every_file_that_a_user_imports_by_name():
    files = {f"nncore/{path.name}" for path in (ROOT / "nncore").glob("*.py")}
    assert files - {*ROWS_OF_THE_MAP} == {f"nncore/{name}.py" for name in ("__init__", "__main__", "version")}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_lines_are_no_longer_than_in_the_sources(document):
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > 125 and not line.startswith("|")] == []


# -------------------------------------------------------------------------------------------------------- docstrings


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    assert doctest.testmod(module, optionflags=FLAGS).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name):
    documentation = inspect.getdoc(getattr(nncore, name)) or ""
    assert "Examples\n--------\n" in documentation
    assert ">>> " in documentation
