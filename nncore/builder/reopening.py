"""What a model file keeps of the set-up that it was trained in: so the builder opens it again on the same data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from nncore.builder import setup, sources
from nncore.builder.refusal import Refusal
from nncore.builder.rules import NAME, record
from nncore.builder.setup import Setup
from nncore.builder.sources import CSV, FILE, MNIST, Source
from nncore.builder.wire import read_json

KEY = "builder"
"""Of the metadata of a model file."""

TRAINING = ("metrics", "batch_size", "validation_split", "class_weight", "split_seed")
"""What is not the model's own, or not as it was chosen."""


class Noted(NamedTuple):
    """The data, and how it was trained: fields of `Setup`."""

    source: Source
    training: dict[str, Any]


def written(wanted: Setup) -> dict[str, str]:
    """Return what the metadata of a model keep of the set-up; a table is only named in it."""
    training = wanted.training()
    noted = {"data": wanted.source.to_dict(), "training": {name: training[name] for name in TRAINING}}
    return {KEY: json.dumps(noted)}


def read(metadata: Mapping[str, str]) -> Noted | None:
    """Return what `written` noted; None of a model that the builder has not saved.

    Raises
    ------
    Refusal
        If the note is damaged, or is of a version that knows other data.

    Examples
    --------
    >>> from nncore.builder.presets import setup_of
    >>> read(written(setup_of("overfitting"))).training["validation_split"]
    0.5
    >>> read({}) is None
    True
    """
    if KEY not in metadata:
        return None
    try:
        noted = setup.checked("", {"data": record, "training": record}, read_json(metadata[KEY]))
        data = setup.checked("data.", {"name": NAME, "options": record}, noted["data"])
        rules = {name: setup.TRAINING[name] for name in TRAINING}
        source = sources.source(data["name"], data["options"])
        return Noted(source, setup.read_training(setup.checked("training.", rules, noted["training"])))
    except (Refusal, KeyError) as error:
        raise Refusal(f"the data that the file notes cannot be read ({error}); name them with --data") from None


def data_named(wanted: Setup, path: str | None) -> str:
    """Return the data of a set-up as the word DATA on the command line.

    Parameters
    ----------
    wanted : Setup
    path : str or None
        The file or folder that the command line named.

    Examples
    --------
    >>> from nncore.builder.presets import setup_of
    >>> data_named(setup_of("penguins"), None)
    'penguins'
    """
    name = wanted.source.name
    if name == FILE:
        return str(path)
    if name == CSV:
        return str(wanted.source.options.get("file", "data.csv"))
    return f"{MNIST}:{path}" if name == MNIST and path is not None else name
