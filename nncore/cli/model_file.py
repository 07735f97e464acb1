"""A model file of the command line: the model, how its data are prepared, and which rows it has never seen."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

from nncore.cli.errors import OutputError, UsageError
from nncore.cli.sources import is_data_set, is_table_name
from nncore.datasets import Preparation, notes
from nncore.datasets.notes import Split
from nncore.datasets.schema import Schema
from nncore.datasets.tables import is_npz
from nncore.errors import ModelFileError
from nncore.model import Sequential, checkpoint, snapshot
from nncore.model import load as load_model
from nncore.model.modelfile import OF_ENSEMBLES, TEXT

if TYPE_CHECKING:
    from nncore.many import Ensemble

WEIGHTED = "class_weight"
"""In the metadata of a model: which weights its classes had in training; absent without weights."""


def save(path: str, model: Sequential, preparation: Preparation, split: Split, class_weight: str | None = None) -> None:
    """Write the model with its preparation to `path`, the names of its features, and which class weights it had.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the name: the command has spoken
            weighted = {} if class_weight is None else {WEIGHTED: class_weight}
            kept = snapshot(model, {**notes.written(preparation, split), **weighted})
            checkpoint.save(path, replace(kept, feature_names=preparation.schema.feature_names))
    except OSError as error:
        raise OutputError(f"cannot save the model to {path}: {error.strerror or error}") from error


def save_ensemble(
    path: str, ensemble: Ensemble, preparation: Preparation, split: Split, class_weight: str | None = None
) -> None:
    """Write an ensemble with its preparation, as `save` does.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    weighted = {} if class_weight is None else {WEIGHTED: class_weight}
    ensemble.models[0].metadata = {**notes.written(preparation, split), **weighted}
    try:
        ensemble.save(path)
    except OSError as error:
        raise OutputError(f"cannot save the models to {path}: {error.strerror or error}") from error


def load(path: str) -> tuple[Sequential | Ensemble, Preparation, Split]:
    """Read what `save` or `save_ensemble` wrote.

    Raises
    ------
    ModelFileError, OSError
        If the file is no model, or cannot be read.
    UsageError
        If it is data, or a model that was not saved by the command line, or not with this preparation.
    """
    model = one_or_several(path)
    found = notes.read(model.metadata)
    if found is None:
        raise UsageError(
            f"{path} does not say how to prepare its data, so it was not saved by 'nncore train'; "
            "use it from Python: nncore.load(path).predict(X)"
        )
    _check_fit(path, model if isinstance(model, Sequential) else model.models[0], found[0].schema)
    return model, *found


def one_or_several(path: str, mend: str = "the model comes first, then its data") -> Sequential | Ensemble:
    """Return the model, or the ensemble, of a file; raise as `opened` does."""
    try:
        return opened(path, mend)
    except ModelFileError as error:
        if OF_ENSEMBLES not in str(error):
            raise
    from nncore.many import Ensemble  # here, not at the top: few files hold one

    return Ensemble.load(path)


def opened(path: str, mend: str = "the model comes first, then its data") -> Sequential:
    """Return the model of a file, however it was saved.

    Raises
    ------
    ModelFileError, OSError
        As `nncore.load` does.
    UsageError
        If `path` is data; the message ends with the `mend`.
    """
    try:
        return load_model(path)
    except ModelFileError as error:
        if not (os.path.isfile(path) and (TEXT in str(error) or is_table_name(path))):
            raise
        kind = "a file of arrays" if is_npz(path) else "a text, as tables are"
    except FileNotFoundError:
        if not is_data_set(path):
            raise
        kind = "a data set"
    raise UsageError(f"{path} is not an nncore model but {kind}; {mend}")


def _check_fit(path: str, model: Sequential, schema: Schema) -> None:
    """Refuse a preparation for another network: both can be put together from Python."""
    n_features, n_outputs = len(schema.feature_names), model.program.n_targets
    if model.program.n_features != n_features:
        raise UsageError(
            f"{path} holds a model of {model.program.n_features} features, but a preparation of {n_features}"
        )
    n_classes = 1 if schema.classes is None else len(schema.classes)
    if n_outputs != n_classes and (n_outputs, n_classes) != (1, 2):
        wanted = "one number" if schema.classes is None else f"{n_classes} classes"
        raise UsageError(f"{path} holds a model of {n_outputs} outputs, but a preparation for {wanted}")
