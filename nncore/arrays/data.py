"""What is trained on or scored: inputs, targets and weights of rows together, as the engine reads them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.arrays import categories
from nncore.arrays.inputs import sample_weights
from nncore.arrays.several import targets_of_heads
from nncore.arrays.targets import targets
from nncore.base.typing import Array
from nncore.program import Program


class Data(NamedTuple):
    """Inputs (n, n_features), targets and sample weights (n,) or None, as the engine reads them."""

    X: Array
    target: Array
    sample_weight: Array | None

    def rows(self, rows: slice | NDArray[np.int64]) -> Data:
        """Return some of the rows: views for a slice, copies for numbers."""
        weight = None if self.sample_weight is None else self.sample_weight[rows]
        return Data(self.X[rows], self.target[rows], weight)


def data_for(
    program: Program,
    dtype: np.dtype,
    X: Array,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    names: tuple[str, ...] | None = None,
    features: tuple[str, ...] | None = None,
) -> Data:
    """Return checked features `X` with `y` and `sample_weight` as `program` needs them; columns of y by `names`.

    `features`: what those of X are called, for errors.
    """
    if isinstance(X, np.ndarray):  # a source has been looked through
        categories.check(program, X, features)
    if program.heads:
        target = targets_of_heads(y, program.heads, len(X), dtype, names)
    else:
        try:
            target = targets(y, program.loss, len(X), program.n_targets, dtype, names, missing=program.masks)
        except (TypeError, ValueError) as error:
            if not isinstance(y, Mapping) and not (isinstance(y, (list, tuple)) and _are_columns(y, len(X))):
                raise
            apart = "a list or dict with the targets of each output is for a loss each: compile(loss=[...]),"
            raise type(error)(f"{error}; {apart} with a last Parallel([...])") from error
    try:
        return Data(X, target, None if sample_weight is None else sample_weights(sample_weight, len(X), dtype))
    except (TypeError, ValueError) as error:
        if not program.heads or isinstance(sample_weight, np.ndarray):
            raise
        weighs = "sample_weight weighs the rows of all outputs, compile(loss_weights=...) each output"
        raise type(error)(f"{error}; {weighs}") from error


def _are_columns(y: Sequence[Any], n_samples: int) -> bool:
    """Return whether y is a list of arrays of so many rows each, and not of rows."""
    return len(y) != n_samples and all(np.ndim(of_it) > 0 and len(of_it) == n_samples for of_it in y)


def split_validation(data: Data, fraction: float) -> tuple[Data, Data]:
    """Split the last `fraction` of the rows off, before any shuffling, as Keras does.

    Raises
    ------
    ValueError
        If either part would be empty.
    """
    n = len(data.X)
    n_train = math.floor(n * (1 - fraction))
    if n_train in (0, n):
        raise ValueError(f"validation_split={fraction:g} of {n} sample(s) leaves an empty part: {n_train} to train on")
    return data.rows(slice(None, n_train)), data.rows(slice(n_train, None))
