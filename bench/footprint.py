"""What nncore and its peers cost before they do anything: time to import, room on the disk; and memory when they do.

``python -m bench peers --sections footprint``; the memory is measured by the section accuracy, and taken from there.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench import accuracy, report
from bench.distributions import NNCORE
from bench.record import FIRST
from bench.spawn import Spawned, spawn
from bench.workers import taking_part

ROUNDS, QUICK_ROUNDS = 15, 3
NOTHING, NUMPY, NETWORK = "pass", "import numpy", "from nncore import Sequential, Dense"


@dataclass(frozen=True)
class Entry:
    """A package: what must be importable, the statement that imports what a program needs, and its distribution."""

    package: str
    statement: str
    distribution: str


PACKAGES = {
    "nncore": Entry("nncore", "import nncore", NNCORE),
    "PyTorch": Entry("torch", "import torch", "torch"),
    "JAX": Entry("jax", "import jax, jax.numpy", "jax"),
    "ONNX Runtime": Entry("onnxruntime", "import onnxruntime", "onnxruntime"),
    "scikit-learn": Entry("sklearn", "from sklearn.neural_network import MLPClassifier", "scikit-learn"),
}


def run(
    quick: bool, thread_counts: list[int], peers: list[str] | None, digits: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Time imports and count bytes.

    Parameters
    ----------
    quick : bool
        Fewer rounds.
    thread_counts : list of int
        Not used: imports run on one thread.
    peers : list of str, optional
        Whose; by default all that are installed.
    digits : dict, optional
        What `bench.accuracy.run` found: there the memory was measured.

    Returns
    -------
    dict
        ``imports``: of each statement the seconds of the ``wall`` clock and of the processors (``cpu``) beyond those of
        an interpreter that does nothing. ``packages``: of each contender ``installed_bytes``, or null if it is not
        properly installed, and ``peak_bytes``, or null if that was not measured.
    """
    installed = [name for name, entry in PACKAGES.items() if importlib.util.find_spec(entry.package) is not None]
    names = taking_part(peers, installed)
    statements = [NUMPY, *(PACKAGES[name].statement for name in names), NETWORK]
    peaks = accuracy.peak_bytes(digits) if digits else {}
    packages = {
        name: {
            "statement": PACKAGES[name].statement,
            "installed_bytes": installed_bytes(PACKAGES[name]),
            "peak_bytes": peaks.get(name),
        }
        for name in names
    }
    rounds = QUICK_ROUNDS if quick else ROUNDS
    return {"rounds": rounds, "imports": import_times(statements, rounds), "packages": packages}


def import_times(statements: list[str], rounds: int) -> dict[str, dict[str, float]]:
    """Return the seconds that each statement adds to an interpreter's: medians of the differences of each round."""
    every = [NOTHING, *statements]
    found: dict[str, list[Spawned]] = {statement: [] for statement in every}
    # In an empty folder: ``-c`` puts the current one first on the path, where nncore's source would be taken for it.
    with TemporaryDirectory() as empty_folder:
        for i in range(rounds + 1):
            first = i % len(every)
            for statement in every[first:] + every[:first]:
                found[statement].append(spawn("-c", statement, folder=Path(empty_folder)))
    # The first round filled the caches of the file system.
    kept = {statement: spawned[1:] for statement, spawned in found.items()}
    return {
        statement: {
            clock: median(
                getattr(own, clock) - getattr(empty, clock)
                for own, empty in zip(kept[statement], kept[NOTHING], strict=True)
            )
            for clock in ("wall", "cpu")
        }
        for statement in statements
    }


def installed_bytes(entry: Entry) -> int | None:
    """Return the bytes of a distribution's files and of all it requires; None if one of them is not installed.

    A package that runs from its source folder is not.
    """
    spec = importlib.util.find_spec(entry.package)
    assert spec is not None and spec.origin is not None
    origin = Path(spec.origin).resolve()
    try:
        if origin not in _files(entry.distribution):
            return None
        files = {path for name in required(entry.distribution) for path in _files(name)}
    except importlib.metadata.PackageNotFoundError:
        return None
    return sum(path.stat().st_size for path in files)


def _files(distribution: str) -> set[Path]:
    paths = {Path(str(file.locate())).resolve() for file in importlib.metadata.distribution(distribution).files or []}
    return {path for path in paths if path.is_file()}


def required(distribution: str) -> set[str]:
    """Return the names of a distribution and of all that it needs, extras left out."""
    found: set[str] = set()
    waiting = [canonicalize_name(distribution)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        needed = map(Requirement, importlib.metadata.requires(name) or [])
        here = [need for need in needed if need.marker is None or need.marker.evaluate({"extra": ""})]
        waiting += [canonicalize_name(need.name) for need in here]
    return found


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return nncore's processor time, and by name the best peer's time or bytes over nncore's.

    `import nncore` alone imports next to nothing, NumPy not either: modules are loaded when their names are asked for.
    What is compared is therefore the import of the names that every program needs.
    """
    imports, packages = data["imports"], data["packages"]
    first_use = imports[NETWORK]["cpu"]
    found = {
        "milliseconds of import nncore over import numpy, first use included": (
            (first_use - imports[NUMPY]["cpu"]) * 1e3
        ),
        "milliseconds of import nncore alone": imports[PACKAGES[FIRST].statement]["cpu"] * 1e3,
    }
    others = [package for name, package in packages.items() if name != FIRST]
    if others:
        fastest = min(imports[package["statement"]]["cpu"] for package in others)
        found["import time, first use included"] = fastest / first_use
    for key, label in (("installed_bytes", "installed size"), ("peak_bytes", "peak memory, MNIST")):
        known = [package[key] for package in others if package[key] is not None]
        if known and packages[FIRST][key] is not None:
            found[label] = min(known) / packages[FIRST][key]
    return found


def markdown(data: dict[str, Any]) -> str:
    """Return a table: a row per package."""
    imports, packages = data["imports"], data["packages"]
    header = ["", "time to import", "processor time", "installed, MB", "peak memory, MB"]
    rows = [["`import numpy`", *_times(imports[NUMPY]), "-", "-"]]
    for package in packages.values():
        times = _times(imports[package["statement"]])
        rows.append(
            [f"`{package['statement']}`", *times, *map(_mb, (package["installed_bytes"], package["peak_bytes"]))]
        )
        if package is packages[FIRST]:
            rows.append([f"`{NETWORK}`", *_times(imports[NETWORK]), "-", "-"])
    text = (
        f"Import: beyond the start of an interpreter, medians of {data['rounds']} interleaved rounds. Installed: with "
        "all that is required. Memory: of the whole program that learns the MNIST digits."
    )
    return f"## Footprint\n\n{text}\n\n{report.aligned([header, *rows])}\n"


def _times(measured: dict[str, float]) -> list[str]:
    return [report.duration(max(measured[clock], 0.0)) for clock in ("wall", "cpu")]


def _mb(n: int | None) -> str:
    return "-" if n is None else report.three_digits(n / 1e6)
