"""nncore against others, in one run: every section, its files, and whether the bounds are met.

A section is a module of this package with three functions: ``run(quick, thread_counts, peers)`` returns what it found,
as JSON can hold it; ``markdown(data)`` its tables; ``ratios(data)`` the figures that `bench.bounds` knows, by name.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import SECTIONS, bounds, workers
from bench.predictors import PREDICTORS
from bench.record import RESULTS
from bench.runners import RUNNERS
from nncore import show_config

TITLE = "# nncore and its peers"
STORED = RESULTS / "peers.json"

CONTENDERS: dict[str, Mapping[str, Any]] = {"training": RUNNERS, "predict": PREDICTORS}
"""Who can take part in sections that know nobody else."""

Sections = dict[str, dict[str, Any]]
"""What sections found, by their names."""


def _section(name: str) -> Any:
    return importlib.import_module(f"bench.{name}")


def check_names(names: list[str] | None) -> None:
    """Make sure that every peer takes part in something.

    Raises
    ------
    ValueError
        If one is unknown or its package missing.
    """
    known = {**RUNNERS, **PREDICTORS}
    for name in names or []:
        if name not in known:
            raise ValueError(f"unknown peer {name!r}; known: {', '.join(known)}")
        workers.chosen([name], RUNNERS if name in RUNNERS else PREDICTORS)


def run(
    names: list[str],
    quick: bool,
    thread_counts: list[int],
    peers: list[str] | None,
    folder: Path | None,
    **of_training: Any,
) -> Sections:
    """Run sections one after the other, print their tables and store them.

    Parameters
    ----------
    names : list of str
        Of `SECTIONS`; they run in the order of that list.
    quick, thread_counts, peers
        See `bench.training.run`.
    folder : Path, optional
        Where the files go; they are written after every section, so that a run cut short leaves what it had. Other
        sections that are there already, found on the same machine with the same settings, stay. By default there are
        no files.
    of_training
        What only that section takes.

    Returns
    -------
    dict
        What these sections found.
    """
    settings = {"quick": quick, "threads": thread_counts, "clock": of_training.get("clock"), "machine": show_config()}
    kept = _kept(folder, settings, names)
    found: Sections = {}
    print(TITLE)
    for name in (name for name in SECTIONS if name in names):
        section = _section(name)
        known = CONTENDERS.get(name)
        taking_part = peers if peers is None or known is None else [peer for peer in peers if peer in known]
        more = {"training": of_training, "footprint": {"digits": {**kept, **found}.get("accuracy")}}.get(name, {})
        found[name] = {**section.run(quick, thread_counts, taking_part, **more), "settings": settings}
        print("\n" + section.markdown(found[name]), end="", flush=True)
        if folder is not None:
            save({**kept, **found}, folder)
    return found


def _kept(folder: Path | None, settings: dict[str, Any], names: list[str]) -> Sections:
    """Return what is stored of other sections than those named, if it was found with these settings."""
    file = None if folder is None else folder / "peers.json"
    if file is None or not file.exists() or set(names) == set(SECTIONS):
        return {}
    others = {name: data for name, data in stored(file).items() if name not in names}
    same = {name: data for name, data in others.items() if data.get("settings") == json.loads(json.dumps(settings))}
    if dropped := [name for name in others if name not in same]:
        print(f"bench: {file} loses {', '.join(dropped)}: found with other settings", file=sys.stderr)
    return same


def markdown(found: Sections) -> str:
    """Return the tables of all sections."""
    return "\n".join([f"{TITLE}\n", *(_section(name).markdown(data) for name, data in found.items())])


def save(found: Sections, folder: Path) -> None:
    """Write peers.json and peers.md, and peers.png where training was measured and matplotlib is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {name: found[name] for name in SECTIONS if name in found}
    (folder / "peers.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (folder / "peers.md").write_text(markdown(found), encoding="utf-8")
    if "training" not in found:
        return
    if importlib.util.find_spec("matplotlib") is None:
        print("bench: no picture without matplotlib; install it with `pip install '.[bench]'`", file=sys.stderr)
        return
    from bench import picture

    picture.save(found["training"], folder / "peers.png")


def stored(results: Path) -> Sections:
    """Return what `save` wrote into a JSON file.

    Raises
    ------
    ValueError
        If the file holds something else.
    OSError
        If it cannot be read.
    """
    found = json.loads(results.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or not found or not set(found) <= set(SECTIONS):
        raise ValueError(f"{results} must be a file that `python -m bench peers` of this version wrote")
    return found


def report_bounds(found: Sections) -> bool:
    """Print which figures miss their bounds, and what is missing; return whether all was compared and nothing is."""
    figures = {key: figure for name, data in found.items() for key, figure in _section(name).ratios(data).items()}
    short, n_compared = bounds.check(figures)
    without_data = {name: data["missing"] for name, data in found.items() if data.get("missing")}
    missing = [f"{name}: nothing was measured. {reason}" for name, reason in without_data.items()]
    if not n_compared:
        missing.append("nothing was compared: no figure of this run has a bound")
    print(f"{n_compared - len(short)} of {n_compared} bounds met", *short, *missing, sep="\n")
    return not short and not missing
