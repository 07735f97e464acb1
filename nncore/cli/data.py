"""``nncore data list`` and ``nncore data show``: what there is to train on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from nncore.cli.errors import DONE, UsageError
from nncore.cli.output import print_json, print_lines, table
from nncore.cli.sources import Source, load_source, look_at_columns
from nncore.datasets import Dataset
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.generators import GENERATORS
from nncore.datasets.survey import ColumnFacts

MAX_PRINTED_FEATURES = 20
MAX_PRINTED_COLUMNS = 100


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
    columns = look_at_columns(options)
    source = _loaded(options, columns)
    dataset = source.train
    features = [
        {
            "name": name,
            "min": float(np.nanmin(column)),
            "mean": float(np.nanmean(column)),
            "max": float(np.nanmax(column)),
        }
        for name, column in zip(dataset.feature_names, dataset.X.T, strict=True)
    ]
    if options.json:
        found = {"columns": [asdict(column) for column in columns]} if columns else {}
        print_json(
            {**_facts(dataset), **found, "features": features, "target": _target_facts(dataset), "notes": source.notes}
        )
        return DONE
    rows = [(str(f["name"]), *(f"{f[key]:.4g}" for key in ("min", "mean", "max"))) for f in features]
    lines = [f"{dataset.name}: {dataset.n_samples} rows, {dataset.n_features} features, {dataset.task_in_words}"]
    lines += [
        dataset.description,
        *source.notes,
        "",
        *([*_column_lines(columns), ""] if columns else []),
        *table([("feature", "min", "mean", "max"), *rows[:MAX_PRINTED_FEATURES]]),
    ]
    if len(rows) > MAX_PRINTED_FEATURES:
        lines.append(f"... and {len(rows) - MAX_PRINTED_FEATURES} more (all of them: --json)")
    target = ", ".join(f"{name} {value:.6g}" for name, value in _target_facts(dataset).items())
    print_lines([*lines, "", f"target: {target}"])
    return DONE


def _loaded(options: argparse.Namespace, columns: Sequence[ColumnFacts]) -> Source:
    """Read the data; if they are refused, show what was seen of them all the same."""
    try:
        return load_source(options)
    except UsageError as error:
        if columns and options.json:
            print_json({"columns": [asdict(column) for column in columns], "error": str(error)})
        elif columns:
            print_lines(_column_lines(columns))
        raise


def _column_lines(columns: Sequence[ColumnFacts]) -> list[str]:
    """Return the columns of a text table, as it is read."""
    shown = columns[:MAX_PRINTED_COLUMNS]
    rows = [(it.name, it.type, str(it.missing), "many" if it.distinct is None else str(it.distinct)) for it in shown]
    facts = table([("column", "type", "missing", "distinct"), *rows])
    lines = [
        f"{line}  {becomes}" for line, becomes in zip(facts, ["becomes", *(it.becomes for it in shown)], strict=True)
    ]
    n_more = len(columns) - len(rows)
    return [*lines, f"... and {n_more} more (all of them: --json)"] if n_more else lines


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
