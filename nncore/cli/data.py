"""``nncore data list`` and ``nncore data show``: what there is to train on."""

from __future__ import annotations

import argparse

import numpy as np

from nncore.cli.errors import DONE
from nncore.cli.output import print_json, print_lines, table
from nncore.cli.sources import load_source
from nncore.datasets import Dataset
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.generators import GENERATORS

MAX_PRINTED_FEATURES = 20


def run_list(options: argparse.Namespace) -> int:
    """Carry ``nncore data list`` out; return the exit code."""
    datasets = [(kind, load()) for kind, sets in (("real", BUNDLED), ("made", GENERATORS)) for load in sets.values()]
    if options.json:
        print_json({"datasets": [{"kind": kind, **_facts(dataset)} for kind, dataset in datasets]})
        return DONE
    rows = [
        (dataset.name, str(dataset.n_samples), str(dataset.n_features), dataset.task_in_words, kind)
        for kind, dataset in datasets
    ]
    print_lines(table([("name", "rows", "features", "task", "kind"), *rows]))
    print_lines(["", "also: mnist:FOLDER (the four IDX files), any .csv or .npz file"])
    return DONE


def run_show(options: argparse.Namespace) -> int:
    """Carry ``nncore data show`` out; return the exit code."""
    source = load_source(options)
    dataset = source.train
    features = [
        {"name": name, "min": float(column.min()), "mean": float(column.mean()), "max": float(column.max())}
        for name, column in zip(dataset.feature_names, dataset.X.T, strict=True)
    ]
    if options.json:
        print_json({**_facts(dataset), "features": features, "target": _target_facts(dataset), "notes": source.notes})
        return DONE
    rows = [(str(f["name"]), *(f"{f[key]:.4g}" for key in ("min", "mean", "max"))) for f in features]
    lines = [f"{dataset.name}: {dataset.n_samples} rows, {dataset.n_features} features, {dataset.task_in_words}"]
    lines += [
        dataset.description,
        *source.notes,
        "",
        *table([("feature", "min", "mean", "max"), *rows[:MAX_PRINTED_FEATURES]]),
    ]
    if len(rows) > MAX_PRINTED_FEATURES:
        lines.append(f"... and {len(rows) - MAX_PRINTED_FEATURES} more (all of them: --json)")
    target = ", ".join(f"{name} {value:.6g}" for name, value in _target_facts(dataset).items())
    print_lines([*lines, "", f"target: {target}"])
    return DONE


def _facts(dataset: Dataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "rows": dataset.n_samples,
        "n_features": dataset.n_features,
        "task": dataset.task,
        "classes": dataset.target_names,
        "description": dataset.description,
    }


def _target_facts(dataset: Dataset) -> dict[str, float]:
    """Return the number of rows of each class, or the range of the values."""
    y, names = dataset.y, dataset.target_names
    if names is not None:
        return dict(zip(names, np.bincount(y, minlength=len(names)).tolist(), strict=True))
    return {"min": float(y.min()), "mean": float(y.mean()), "max": float(y.max())}
