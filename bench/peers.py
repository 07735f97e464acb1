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

from bench import SECTIONS, bfloat16, bounds, predict, workers
from bench.cases import CASES, select
from bench.predictors import PREDICTORS
from bench.runners import RUNNERS
from nncore import show_config

TITLE = "# nncore and its peers"

CONTENDERS: dict[str, Mapping[str, Any]] = {"training": RUNNERS, "predict": PREDICTORS}
"""Who can take part in sections that know nobody else."""

NETWORKS = {"training": tuple(CASES), "predict": predict.SIZES, "bfloat16": bfloat16.POSSIBLE}
"""Which cases the sections know that ``--cases`` is for."""

Sections = dict[str, dict[str, Any]]
"""What sections found, by their names."""


def _section(name: str) -> Any:
    return importlib.import_module(f"bench.{name}")


def check_cases(cases: list[str] | None, sections: list[str]) -> None:
    """Make sure that there is something to time of these cases, in every section that times cases.

    Raises
    ------
    ValueError
        If a case is unknown, a section has none of them, or there is no such section.
    """
    select(cases)
    if cases is None:
        return
    known = {name: networks for name, networks in NETWORKS.items() if name in sections}
    if not known:
        raise ValueError(f"--cases is for the sections {', '.join(NETWORKS)}; add one of them, or leave it out")
    for name, networks in known.items():
        if not {*cases} & {*networks}:
            raise ValueError(
                f"the section {name} times none of the cases {', '.join(cases)}, only {', '.join(networks)}; "
                "name one of these, or choose other --sections"
            )


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
        What that section takes, and bfloat16; ``cases`` is for predictions too.

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
        more = {
            "training": of_training,
            "predict": {"cases": of_training.get("cases")},
            "bfloat16": of_training,
            "footprint": {"digits": {**kept, **found}.get("accuracy")},
        }
        found[name] = {**section.run(quick, thread_counts, taking_part, **more.get(name, {})), "settings": settings}
        print("\n" + section.markdown(found[name]), end="", flush=True)
        if folder is not None:
            save({**kept, **found}, folder)
    return found


def _alike(stored: dict[str, Any] | None, settings: dict[str, Any]) -> bool:
    """Tell whether what is stored was found with these settings; what it does not tell of the machine came up later."""
    if stored is None:
        return False
    machine = {name: settings["machine"].get(name) for name in stored["machine"]}
    return stored == {**settings, "machine": machine}


def _kept(folder: Path | None, settings: dict[str, Any], names: list[str]) -> Sections:
    """Return what is stored of other sections than those named, if it was found with these settings."""
    file = None if folder is None else folder / "peers.json"
    if file is None or not file.exists() or set(names) == set(SECTIONS):
        return {}
    others = {name: data for name, data in stored(file).items() if name not in names}
    same = {
        name: data for name, data in others.items() if _alike(data.get("settings"), json.loads(json.dumps(settings)))
    }
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
        If there is no such file, or it holds something else.
    """
    mend = "let `python -m bench peers --output FOLDER` of this version write it, or name another file"
    try:
        found = json.loads(results.read_text(encoding="utf-8"))
        figures = {name: _section(name).ratios(data) for name, data in found.items() if name in SECTIONS}
    except OSError as error:
        raise ValueError(f"cannot read {results} ({error.strerror}); {mend}") from None
    except (ValueError, LookupError, TypeError, AttributeError):  # no JSON, or not what a section found
        found, figures = {}, {}
    if not figures or figures.keys() != found.keys():
        raise ValueError(f"{results} does not hold results of `python -m bench peers`, or not all of them; {mend}")
    return dict(found)


def report_bounds(found: Sections) -> bool:
    """Print which figures miss their bounds, and what is missing; return whether all was compared and nothing is."""
    figures = {key: figure for name, data in found.items() for key, figure in _section(name).ratios(data).items()}
    without_data = {name: data["missing"] for name, data in found.items() if data.get("missing")}
    missing = [f"{name}: nothing was measured. {why}" for name, why in without_data.items()]
    return bounds.report(figures, missing, _kind(found))


def _kind(found: Sections) -> str:
    """Return the kind of processor that all of it was found on, or nothing where an older version did not note it."""
    machines: list[dict[str, Any]] = [data["settings"]["machine"] for data in found.values() if "settings" in data]
    return str(machines[0].get("cpu_kind", "")) if machines else ""
