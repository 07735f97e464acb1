"""``nncore summary MODEL``: what a model file holds."""

from __future__ import annotations

import argparse
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
    model = model_file.opened(options.model, f"what data hold is told by nncore data show {options.model}")
    notes = read_notes(model.metadata)
    if options.json:
        print_json({"model": options.model, **_facts(model), **({} if notes is None else _training_facts(*notes))})
    else:
        print_lines([model.summary(), *([] if notes is None else _training_lines(model, *notes))])
    return DONE


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


def _training_lines(model: Sequential, preparation: Preparation, split: Split) -> list[str]:
    classes = preparation.schema.classes
    inputs = "as they are" if preparation.inputs is None else "standardised"
    return [
        f"trained on: {split.data}, {split.n_samples} rows, {model.epoch} epochs, inputs {inputs}",
        f"predicts: {preparation.schema.target}, {'a number' if classes is None else ', '.join(classes[:20])}",
    ]
