"""What was installed: the metadata, the files needed at run time and no others, and what importing nncore costs."""

import importlib
import json
import os
import re
import subprocess
import sys
from importlib import metadata, resources

import pytest
from conftest import ROOT

import nncore
from nncore.datasets.bundled import BUNDLED

PUBLISHED = ["*.md", "pyproject.toml", ".ci/*", "nncore/**/*.py", "nncore/builder/static/**/*.js"]
PUBLISHED += ["nncore/builder/static/**/*.html", "docs/**/*.md", "docs/**/*.py", "bench/**/*.py"]
"""What of the source folder tells people what to install."""


@pytest.fixture
def distribution():
    try:
        return metadata.distribution("nncore-mlp")
    except metadata.PackageNotFoundError:
        pytest.skip("nncore is imported from a source folder, it is not installed")


# ---------------------------------------------------------------------------------------------------------- metadata


def test_version(distribution):
    assert distribution.version == nncore.__version__


def test_command(distribution):
    (command,) = [entry for entry in distribution.entry_points if entry.group == "console_scripts"]
    assert command.name == "nncore"
    assert command.load() is importlib.import_module("nncore.cli").main


def test_needs_nothing_heavy(distribution):
    needed = {line.split(">=")[0] for line in distribution.requires if "extra ==" not in line}
    assert needed <= {"numpy", "scipy", "tqdm"}
    assert distribution.metadata["Requires-Python"] == ">=3.10"


def test_license_comes_along(distribution):
    assert distribution.metadata["License-Expression"] == "BSD-3-Clause"
    assert {"LICENSE", "SOURCES.md"} <= {file.name for file in distribution.files}


def test_no_sources_of_the_engine_are_installed(distribution):
    assert [file for file in distribution.files if file.suffix in (".c", ".h", ".pyx", ".pxd", ".pxi")] == []


# ------------------------------------------------------------------------------------------------------------- files


def test_types_are_announced():
    assert resources.files("nncore").joinpath("py.typed").is_file()


def test_bundled_data_are_there_and_small():
    folder = resources.files("nncore.datasets") / "data"
    sizes = {file.name: len(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".csv.gz")}
    assert sizes.keys() == {f"{name}.csv.gz" for name in BUNDLED}
    assert sum(sizes.values()) < 200_000
    assert folder.joinpath("SOURCES.md").is_file()


# ------------------------------------------------------------------------------------------------------------ import


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=True).stdout


def test_import_loads_numpy_and_nothing_else_from_outside():
    code = """
import sys
import numpy
before = set(sys.modules)
import nncore
print(*{name.split(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)
"""
    found = {name for name in run(code).split() if not name.startswith(("_cython_", "cython_runtime"))}
    assert found - {"numpy"} == {"nncore"}


def test_import_costs_little_beyond_numpy(monkeypatch, tmp_path):
    """The budget is 50 ms of the process's own time, with the bytecode in the cache, as it is after an installation."""
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    code = "import time, numpy; t = time.process_time(); import nncore; print(time.process_time() - t)"
    run(code)  # fills the cache
    seconds = sorted(float(run(code)) for _ in range(7))
    assert seconds[3] < 0.05, seconds


def test_the_help_imports_no_command_and_no_miss_is_looked_for():
    """Python asks a package for a module of it as if it were a name, which is no slip of a user."""
    code = """
import sys
import numpy
before = set(sys.modules)
import nncore.cli.parser
nncore.cli.parser.build_parser()
from nncore.model import checkpoint
print(*set(sys.modules) - before)
"""
    found = set(run(code).split())
    assert "nncore.model.checkpoint" in found
    assert not found & {"nncore.cli.train", "nncore.cli.predict", "nncore.cli.builder", "difflib", "tempfile"}


def test_modules_imported_on_demand():
    code = """
import sys, nncore
assert {"datasets", "kernels"} <= set(dir(nncore)) & set(nncore.__all__)
assert not {"nncore.datasets", "nncore.kernels", "nncore.reference"} & set(sys.modules)
print(nncore.datasets.__name__, nncore.kernels.__name__, nncore.datasets is sys.modules["nncore.datasets"])
from nncore import *
print(datasets.__name__)
"""
    assert run(code).split() == ["nncore.datasets", "nncore.kernels", "True", "nncore.datasets"]
    with pytest.raises(AttributeError, match="module 'nncore' has no attribute 'dataset'"):
        _ = nncore.dataset


def test_module_runs_as_a_command():
    command = [sys.executable, "-m", "nncore", "--version"]
    assert subprocess.check_output(command, cwd="/", text=True) == f"nncore {nncore.__version__}\n"


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the source folder")
def test_nobody_is_sent_to_the_index_for_nncore():
    """There the name belongs to another project: in a clone it is ``pip install .``, and other packages have names."""
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'^name = "nncore-mlp"', project, re.M)
    wrong = re.compile(r"""nncore\[(?!["']?\w+["']?\]\.)|pip3? install (?:-\S+ )*["'`]*nncore\b(?!-mlp)""")
    files = [path for pattern in PUBLISHED for path in ROOT.glob(pattern)]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(files) > 100
    assert [line for line in lines if wrong.search(line)] == []
    assert wrong.search('pip install "nncore[plot]"') and wrong.search("pip install -U nncore")


@pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the source folder")
def test_every_package_is_installed():
    listed = re.search(r"^packages = (\[.*?\])", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M | re.S)
    found = [".".join(path.parent.relative_to(ROOT).parts) for path in sorted((ROOT / "nncore").rglob("__init__.py"))]
    assert sorted(json.loads(listed[1])) == sorted(found)


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="needs a clone")
def test_the_checks_that_are_documented_can_be_run():
    told = set(re.findall(r"\.ci/\w+", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    commands = sorted(f".ci/{path.name}" for path in (ROOT / ".ci").iterdir())
    assert sorted(told) == commands
    for command in commands:
        assert os.access(ROOT / command, os.X_OK), command
        subprocess.run(["bash", "-n", command], cwd=ROOT, check=True)
