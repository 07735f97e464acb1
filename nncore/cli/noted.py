"""What a model file of the builder notes of its data, where the command line reads the same data."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nncore.cli.errors import UsageError
from nncore.datasets import Dataset
from nncore.datasets.generators import GENERATORS
from nncore.datasets.schema import Schema

if TYPE_CHECKING:
    from nncore.builder.sources import Source


def source(data: str, metadata: Mapping[str, str]) -> Source | None:
    """Return the data that a file of the builder notes; None of another file, or where they cannot be read."""
    if "builder" not in metadata:
        return None
    from nncore.builder import reopening
    from nncore.builder.refusal import Refusal

    try:
        noted = reopening.read(metadata)
    except Refusal:
        _say(f"{data}: how the model's data were made and chosen cannot be read from its file; these may be others")
        return None
    return None if noted is None else noted.source


def made(data: str, source: Source | None) -> Dataset | None:
    """Return the rows of a generator as they were made for the model, which is said; None if its file notes nothing.

    Examples
    --------
    >>> made("spiral", source("spiral", {})) is None
    True
    """
    if source is None or data not in GENERATORS:
        return None
    from nncore.builder import sources  # here: few files need it

    if source.name != data:
        _say(f"{data}: the model was trained on other data, {source.name}")
        return None
    options = {name: value for name, value in source.options.items() if name not in sources.SELECTION}
    if options:
        _say(f"{data}: made as it was for the model: {', '.join(f'{name} {value}' for name, value in options.items())}")
    return sources.load(source)


def chosen(data: str, X: np.ndarray, names: Sequence[str], schema: Schema, source: Source | None) -> np.ndarray:
    """Return the features that the builder's page chose for the model, or `X` itself if it chose none.

    Parameters
    ----------
    data : str
        What X comes from, for messages.
    X : ndarray of shape (n_samples, n_features)
    names : sequence of str
        Of all its features.
    schema : Schema
        Of the model.
    source : Source or None
        What its file notes of its data.

    Raises
    ------
    UsageError
        If a chosen feature is not there.
    """
    if source is None or "features" not in source.options:
        return X
    wanted = schema.feature_names
    missing = [name for name in wanted if name not in names]
    if not missing:
        return X[:, [names.index(name) for name in wanted]]
    if len(wanted) == len(names):
        return X  # of other data, that may be right all the same: whoever reads it looks
    raise UsageError(f"{data} has no feature {missing[0]!r}, which the model reads; it has {', '.join(names[:12])}")


def _say(note: str) -> None:
    print(f"nncore: {note}", file=sys.stderr)
