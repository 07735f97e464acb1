"""``nncore summary MODEL``: what a model file holds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from nncore import layers, optimizers
from nncore.cli import model_file
from nncore.cli.errors import DONE
from nncore.cli.output import print_json, print_lines
from nncore.datasets import Preparation
from nncore.datasets.notes import Split
from nncore.datasets.notes import read as read_notes
from nncore.model import Sequential


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    found = model_file.one_or_several(options.model, f"what data hold is told by nncore data show {options.model}")
    models = [found] if isinstance(found, Sequential) else found.models
    notes = read_notes(found.metadata)
    if options.json:
        facts = _facts(found) if isinstance(found, Sequential) else {"members": [_facts(model) for model in models]}
        print_json({"model": options.model, **facts, **({} if notes is None else _training_facts(*notes))})
    else:
        lines = [] if notes is None else _training_lines(models, *notes)
        print_lines([models[0].summary(), *_others(models), *lines])
    return DONE


def _others(models: Sequence[Sequential]) -> list[str]:
    """Say of an ensemble how many there are, and show those that differ from the first in their layers."""
    if len(models) == 1:
        return []
    others = [model.summary() for model in models[1:] if model.layers != models[0].layers]
    return [f"ensemble of {len(models)} networks, {'each such as this one' if not others else 'others:'}", *others]


def _facts(model: Sequential) -> dict[str, Any]:
    return {
        "layers": [layers.to_dict(layer) for layer in model.layers],
        "features": model.program.n_features,
        "parameters": model.n_parameters,
        "dtype": model.dtype_policy,
        "loss": model.loss.name,
        "optimizer": optimizers.to_dict(model.optimizer),
        "epochs": model.epoch,
        "seed": model.seed,
    }


def _training_facts(preparation: Preparation, split: Split) -> dict[str, Any]:
    schema = preparation.schema
    return {
        "data": split.data,
        "feature_names": schema.feature_names,
        "standardised": preparation.inputs is not None,
        "target": schema.target,
        "classes": schema.classes,
    }


def _training_lines(models: Sequence[Sequential], preparation: Preparation, split: Split) -> list[str]:
    classes = preparation.schema.classes
    inputs = "as they are" if preparation.inputs is None else "standardised"
    epochs = " to ".join(map(str, sorted({min(model.epoch for model in models), max(model.epoch for model in models)})))
    return [
        f"trained on: {split.data}, {split.n_samples} rows, {epochs} epochs, inputs {inputs}",
        f"predicts: {preparation.schema.target}, {'a number' if classes is None else ', '.join(classes[:20])}",
    ]
