"""Time to accuracy: how long a whole program takes until it gets 98 % of the MNIST test digits right.

Interpreter, imports, the reading of the files and compilation included: see `bench.recipes`.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench import report
from bench.recipes import RECIPES, available
from bench.record import FIRST
from bench.spawn import spawn
from bench.workers import taking_part

SEEDS = 5
SLOW = "scikit-learn"
"""A quick run does without it: it takes longer than all others together."""

MISSING = "The MNIST digits were not found: set the environment variable NNCORE_DATA to the folder of their four files."
IMAGES = "train-images-idx3-ubyte"


def find_digits() -> Path | None:
    """Return the folder of the digits, ``$NNCORE_DATA/mnist`` or ``$NNCORE_DATA``; None if they are not there."""
    named = os.environ.get("NNCORE_DATA")
    folders = [Path(named) / "mnist", Path(named)] if named else []
    return next((folder.resolve() for folder in folders if any(folder.glob(f"{IMAGES}*"))), None)


def run(quick: bool, thread_counts: list[int], peers: list[str] | None) -> dict[str, Any]:
    """Time the recipes, in turns.

    Parameters
    ----------
    quick : bool
        One seed, the largest of the numbers of threads only, and not `SLOW`.
    thread_counts : list of int
        How many threads everyone may use.
    peers : list of str, optional
        Against whom; by default all that are installed. Those without a recipe are passed over.

    Returns
    -------
    dict
        ``results`` has a dict per number of threads, seed and contender; ``missing`` says if there is no data.

    Raises
    ------
    RuntimeError
        If a recipe failed.
    """
    folder = find_digits()
    if folder is None:
        return {"missing": MISSING, "results": []}
    seeds, counts = (range(1), [max(thread_counts)]) if quick else (range(SEEDS), thread_counts)
    installed = [name for name in RECIPES if available(name) and not (quick and name == SLOW)]
    contenders = taking_part(peers, installed)
    results = []
    for threads in counts:
        for seed in seeds:
            first = seed % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                print(f"digits, {contender}, seed {seed}, {report.in_threads(threads)}", file=sys.stderr, flush=True)
                results.append(measured(contender, seed, threads, folder))
    return {"missing": None, "results": sorted(results, key=lambda result: contenders.index(result["contender"]))}


def measured(contender: str, seed: int, threads: int, folder: Path) -> dict[str, Any]:
    """Run one recipe; return its own words, and what it took as seen from outside."""
    spawned = spawn("-m", "bench.recipes", contender, str(seed), str(threads), str(folder))
    said = json.loads(spawned.output.splitlines()[-1])
    of = {"contender": contender, "seed": seed, "threads": threads}
    return {**of, **said, "seconds": spawned.wall, "cpu_seconds": spawned.cpu, "peak_bytes": spawned.peak}


def _by_threads(data: dict[str, Any]) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """Return the results of all seeds, by threads and contender."""
    found: dict[int, dict[str, list[dict[str, Any]]]] = {}
    for result in data["results"]:
        found.setdefault(result["threads"], {}).setdefault(result["contender"], []).append(result)
    return found


def seconds(results: list[dict[str, Any]]) -> float:
    """Return the median over the seeds; infinity counts for one that did not get there.

    Examples
    --------
    >>> seconds([{"seconds": s, "reached": s < 3} for s in (1.0, 2.0, 3.0)])
    2.0
    """
    return median(result["seconds"] if result["reached"] else math.inf for result in results)


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return by name the best peer's time over nncore's: 0 if nncore does not get there."""
    found = {}
    for threads, contenders in _by_threads(data).items():
        others = [seconds(results) for name, results in contenders.items() if name != FIRST]
        best = min(others, default=math.inf)
        if best < math.inf:
            found[f"MNIST to 98 %, {report.in_threads(threads)}"] = best / seconds(contenders[FIRST])
    return found


def peak_bytes(data: dict[str, Any]) -> dict[str, int]:
    """Return the median of each contender's peak of memory, at the largest number of threads."""
    found = _by_threads(data)
    most = found[max(found)] if found else {}
    return {name: int(median(result["peak_bytes"] for result in results)) for name, results in most.items()}


def markdown(data: dict[str, Any]) -> str:
    """Return a table for each number of threads, a row per contender; one sentence if there is no data."""
    if data["missing"]:
        return f"## MNIST to 98 %\n\n{data['missing']}\n"
    n = len({result["seed"] for result in data["results"]})
    parts = [
        "## MNIST to 98 %",
        "Seconds until 98 % of the 10,000 test digits are right, tried after each epoch: 784-256-128-10 relu, batches "
        "of 128, Adam, the same first weights for all, each its own order of rows: how many epochs are needed is "
        "partly luck. The whole process counts: start of the interpreter, imports, "
        f"reading the files, compilation, training, tests. {f'Medians of {n} seeds' if n > 1 else 'One seed'}.",
    ]
    for threads, contenders in _by_threads(data).items():
        own = seconds(contenders[FIRST])
        header = ["", "whole process", "of it training", "epochs", "an epoch", f"/ {FIRST}"]
        rows = [_row(name, results, own) for name, results in contenders.items()]
        parts += [f"### {report.in_threads(threads)}", report.aligned([header, *rows])]
    return "\n\n".join(parts) + "\n"


def _row(name: str, results: list[dict[str, Any]], own: float) -> list[str]:
    whole = seconds(results)
    epochs = f"{median(result['epochs'] for result in results):g}"
    epoch = report.duration(median(result["epoch_seconds"] for result in results))
    if whole == math.inf:
        accuracy = median(result["accuracy"] for result in results)
        return [name, "-", "-", f"{accuracy:.1%} after {epochs}", epoch, "-"]
    training = median(result["train_seconds"] for result in results if result["reached"])
    times = [report.duration(whole), report.duration(training)]
    return [name, *times, epochs, epoch, f"{report.three_digits(whole / own)}x"]
