"""A model file of the command line: the model, how its data are prepared, and which rows it has never seen."""

from __future__ import annotations

import warnings
from dataclasses import replace

from nncore.cli.errors import OutputError, UsageError
from nncore.datasets import Preparation, notes
from nncore.datasets.notes import Split
from nncore.datasets.schema import Schema
from nncore.model import Sequential, checkpoint, snapshot
from nncore.model import load as load_model


def save(path: str, model: Sequential, preparation: Preparation, split: Split) -> None:
    """Write the model with its preparation to `path`, and the names of the features that this makes.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the name: the command has spoken
            kept = snapshot(model, notes.written(preparation, split))
            checkpoint.save(path, replace(kept, feature_names=preparation.schema.feature_names))
    except OSError as error:
        raise OutputError(f"cannot save the model to {path}: {error.strerror or error}") from error


def load(path: str) -> tuple[Sequential, Preparation, Split]:
    """Read what `save` wrote.

    Raises
    ------
    ModelFileError, OSError
        If the file is no model, or cannot be read.
    UsageError
        If it is a model that was not saved by the command line, or not with this preparation.
    """
    model = load_model(path)
    found = notes.read(model.metadata)
    if found is None:
        raise UsageError(
            f"{path} does not say how to prepare its data, so it was not saved by 'nncore train'; "
            "use it from Python: nncore.load(path).predict(X)"
        )
    _check_fit(path, model, found[0].schema)
    return model, *found


def _check_fit(path: str, model: Sequential, schema: Schema) -> None:
    """Refuse a preparation for another network: both can be put together from Python."""
    n_features, n_outputs = len(schema.feature_names), model.program.n_outputs
    if model.program.n_features != n_features:
        raise UsageError(
            f"{path} holds a model of {model.program.n_features} features, but a preparation of {n_features}"
        )
    n_classes = 1 if schema.classes is None else len(schema.classes)
    if n_outputs != n_classes and (n_outputs, n_classes) != (1, 2):
        wanted = "one number" if schema.classes is None else f"{n_classes} classes"
        raise UsageError(f"{path} holds a model of {n_outputs} outputs, but a preparation for {wanted}")
