"""What a benchmark found."""

from __future__ import annotations

import datetime
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import nncore
from bench.cases import KNOWN, Case
from bench.timing import Protocol, Summary, Timing
from nncore.engine import processor

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
"""Holds a folder for each kind of processor."""

FIRST = "nncore"
"""The contender that ratios refer to."""


@dataclass(frozen=True)
class Result:
    """The timing of one contender at one measure of one case.

    Attributes
    ----------
    case, measure, contender : str
        Which network, what was timed, whose.
    timing : Timing
        Its ratio is to nncore's time with as many threads.
    threads : int
        How many the contender might use.
    """

    case: str
    measure: str
    contender: str
    timing: Timing
    threads: int = 1


@dataclass(frozen=True)
class Roof:
    """What the machine can do at best with so many threads, measured beside the training of a case.

    Attributes
    ----------
    case, threads : str, int
    flops_per_second : float
        In multiply-adds that touch no memory.
    bytes_per_second : float
        Read and written, of a state as large as the case's: parameters and Adam's two slots.
    """

    case: str
    threads: int
    flops_per_second: float
    bytes_per_second: float


@dataclass(frozen=True)
class Run:
    """All that one run of a benchmark found.

    Attributes
    ----------
    benchmark : str
        ``"step"``, ``"training"``, ``"bfloat16"``, ``"layers"``, ``"builder"``, ``"estimators"`` or ``"many"``.
    machine : dict
        Processor, instruction set, versions, date and commit.
    protocol : Protocol
        How it was timed.
    results : list of Result
    losses : dict of str to dict
        Of each case and contender, the loss after one epoch from the same weights in the same order: of training in
        float64 (see `bench.cases.Case.exact`), of bfloat16 as it is timed.
    roofs : list of Roof
    """

    benchmark: str
    machine: dict[str, Any]
    protocol: Protocol
    results: list[Result]
    losses: dict[str, dict[str, float]] = field(default_factory=dict)
    roofs: list[Roof] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it in what JSON can hold, with a description of the cases."""
        names = dict.fromkeys(result.case for result in self.results)
        return {**asdict(self), "cases": {name: _described(KNOWN[name]) for name in names if name in KNOWN}}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Run:
        """Return what `to_dict` described."""
        results = [Result(**{**result, "timing": _timing(result["timing"])}) for result in data["results"]]
        roofs = [Roof(**roof) for roof in data.get("roofs", [])]
        protocol = Protocol(**data["protocol"])
        return cls(data["benchmark"], data["machine"], protocol, results, data["losses"], roofs)


def _described(case: Case) -> dict[str, Any]:
    return {**asdict(case), "n_parameters": case.n_parameters, "flops_per_step": case.flops_per_step}


def _timing(data: dict[str, Any]) -> Timing:
    return Timing(Summary(**data["seconds"]), Summary(**data["ratio"]), data["cpu_share"])


def results_here() -> Path:
    """Return the folder for complete runs on this kind of processor; those of others stay as they were measured."""
    return RESULTS / processor.this().slug


def make_folder(folder: Path) -> None:
    """Make a folder for results and find out whether files can be written there: before hours of measuring, not after.

    Raises
    ------
    ValueError
        If they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"cannot write to {folder} ({error.strerror}); choose another folder with --output") from None


def results_of(case: str, measure: str, timings: Mapping[str, Timing], threads: int = 1) -> list[Result]:
    """Return one result per contender."""
    return [Result(case, measure, contender, timing, threads) for contender, timing in timings.items()]


def machine(**versions: str) -> dict[str, Any]:
    """Return what the figures depend on, and when they were taken; `versions` of further packages are added."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {**nncore.show_config(), **versions, "date": now.strftime("%Y-%m-%d"), "commit": commit()}


def commit() -> str:
    """Return the commit of the source folder, marked if there are changes; "unknown" outside a repository."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()
