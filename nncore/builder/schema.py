"""All names and limits that the page offers, out of the tables of the core: the page has no list of its own."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nncore import activations, initializers, layers, losses, metrics, optimizers, schedules
from nncore.builder import presets, rules, setup, sources, views
from nncore.builder.export import EXPORTS
from nncore.builder.frames import number
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.generators import GENERATORS
from nncore.doctor import layer_rules
from nncore.kernels import activate
from nncore.model.definition import POLICIES
from nncore.version import __version__

CURVE = np.linspace(-4, 4, 65)
"""Where the little curves of the activations are drawn."""

NOT_OFFERED = (layers.Columns, layers.Parallel, layers.CategoryEncoding, layers.Embedding)
"""Layers that the page shows in models made elsewhere, and puts into none."""

LIMITS = {
    "csv_characters": rules.MOST_CSV,
    "message_characters": rules.MOST_CHARACTERS,
    "layers": rules.MOST_LAYERS,
    "parameters": setup.MOST_PARAMETERS,
    "rows_generated": sources.MOST_ROWS,
    "gradient": {
        "fading": layer_rules.VANISHED,
        "starving": layer_rules.VANISHED_WHOLLY,
        "exploding": layer_rules.EXPLODED,
    },
}


def schema(path: str | None = None) -> dict[str, Any]:
    """Return what a page may offer, ready for JSON; `path` is the file or folder that the command line named."""
    return {
        "version": __version__,
        "activations": [_activation(row) for row in _distinct(activations.ACTIVATIONS)],
        "initializers": {
            "weight": sorted(initializers.INITIALIZERS),
            "bias": sorted(initializers.FOR_BIASES),
            "scaled": {name: {"type": cls.__name__, **_kind(cls)} for name, cls in initializers.SCALED.items()},
        },
        "layers": {name: _kind(cls) | {"offered": cls not in NOT_OFFERED} for name, cls in layers.LAYERS.items()},
        "optimizers": {cls.__name__: _kind(cls) for cls in optimizers.OPTIMIZERS.values()},
        "schedules": {name: _kind(cls) for name, cls in schedules.SCHEDULES.items()},
        "losses": {cls.__name__: _loss(cls) for cls in _distinct(losses.LOSSES)},
        "metrics": sorted(metrics.METRICS),
        "dtypes": list(POLICIES),
        "data": _data(path),
        "presets": {
            name: {key: getattr(preset, key) for key in ("title", "chapter", "text")}
            for name, preset in presets.PRESETS.items()
        },
        "evaluations": views.EVALUATIONS,
        "exports": list(EXPORTS),
        "limits": LIMITS,
    }


def _data(path: str | None) -> dict[str, Any]:
    return {
        "bundled": [_described(name, load) for name, load in BUNDLED.items()],
        "generated": [_described(name, make) | {"options": _options(make)} for name, make in GENERATORS.items()],
        "table_options": list(sources.TABLES),
        "mnist": sources.mnist_found(path),
        "file": path is not None and not Path(path).is_dir(),
    }


def _distinct(table: Mapping[str, Any]) -> list[Any]:
    """Return the entries of a table without the aliases."""
    return list(dict.fromkeys(table.values()))


def _activation(row: activations.ActivationRow) -> dict[str, Any]:
    about = {"name": row.name, "formula": row.formula, "parameter": row.parameter, "default": row.default}
    if row.rowwise:
        return {**about, "curve": None}
    return {**about, "curve": {"x": CURVE.tolist(), "y": activate(row.name, CURVE[:, None])[:, 0].round(4).tolist()}}


def _loss(cls: type[losses.Loss]) -> dict[str, Any]:
    """Return what `_kind` returns, its name, and the formula of one row's loss, which its documentation holds."""
    found = re.search(r"``l = (.*?)``", inspect.getdoc(cls) or "")
    return {**_kind(cls), "name": cls.name, "formula": None if found is None else found[1]}


def _kind(cls: type) -> dict[str, Any]:
    """Return the first sentence about a class, and its fields: name, default, and what its documentation says."""
    documentation = inspect.getdoc(cls) or ""
    fields = {
        field.name: {"required": field.default is dataclasses.MISSING, **_default(field.default)}
        for field in dataclasses.fields(cls)
    }
    for name, text in _parameters(documentation).items():
        if name in fields:
            fields[name]["text"] = text
    return {"text": documentation.split("\n\n")[0].replace("\n", " "), "fields": fields}


def _default(value: Any) -> dict[str, Any]:
    if value is dataclasses.MISSING:
        return {}
    if isinstance(value, tuple):
        return {"default": list(value)}
    if isinstance(value, float):
        return {"default": number(value)}
    return {"default": value if isinstance(value, (bool, int, str, type(None))) else repr(value)}


def _parameters(documentation: str) -> dict[str, str]:
    """Return what the section Parameters of a docstring says of each."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\w[\w ]*\n-+\n|\Z)", documentation, re.DOTALL | re.MULTILINE)
    found: dict[str, str] = {}
    for entry in re.finditer(
        r"^(\w[\w, ]*?)(?: :[^\n]*)?\n((?:    [^\n]*\n?|\n)+)", (section or [""])[0], re.MULTILINE
    ):
        text = " ".join(entry[2].split())
        found |= {name.strip(): text for name in entry[1].split(",")}
    return found


def _described(name: str, load: Any) -> dict[str, Any]:
    dataset = load()
    return {
        "name": name,
        "text": dataset.description,
        "n": dataset.n_samples,
        "task": dataset.task,
        "n_classes": 0 if dataset.target_names is None else len(dataset.target_names),
        "features": list(dataset.feature_names),
    }


def _options(make: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(make).parameters.items()}
