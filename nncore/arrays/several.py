"""The targets of several outputs, each given as an array of its own: to the engine they are columns of one matrix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nncore.arrays.targets import CLASS_INDICES, targets
from nncore.base import checks
from nncore.base.names import did_you_mean
from nncore.base.tables import known_names
from nncore.base.typing import Array
from nncore.program import Head


def places(heads: Sequence[Head]) -> Iterator[tuple[Head, slice, slice]]:
    """Yield each head with its columns of the predictions, and of the targets.

    Examples
    --------
    >>> two = Head("a", 0, 3, "sparse_softmax_crossentropy", 0.0, "softmax"), Head("b", 3, 2, "huber", 1.0, "identity")
    >>> [(columns.start, columns.stop) for _, _, columns in places(two)]
    [(0, 1), (1, 3)]
    """
    at = 0
    for head in heads:
        yield head, slice(head.first, head.first + head.n_outputs), slice(at, at + head.n_targets)
        at += head.n_targets


def of_head(head: Head, target: Array) -> Array:
    """Return some columns of the matrix as the loss of one head reads them alone: class indices as whole numbers."""
    if head.loss == CLASS_INDICES:
        return target[:, 0].astype(np.int32)
    return np.ascontiguousarray(target)


def targets_of_heads(
    y: Any, heads: Sequence[Head], n_samples: int, dtype: np.dtype, names: tuple[str, ...] | None = None
) -> Array:
    """Return the targets of all heads side by side, (n_samples, n_targets) of `dtype`; class indices as numbers.

    Parameters
    ----------
    y : list, tuple or dict of array-like
        One for each head, in their order or by their names; what each may be says `nncore.arrays.targets.targets`.
    heads : sequence of Head
    n_samples : int
    dtype : numpy.dtype
    names : tuple of str, optional
        What all columns are called, see `names_of_heads`.

    Raises
    ------
    TypeError, ValueError
        If y is no such list, or one of its arrays does not suit its head.

    Examples
    --------
    >>> two = Head("a", 0, 3, "sparse_softmax_crossentropy", 0.0, "softmax"), Head("b", 3, 1, "huber", 1.0, "identity")
    >>> targets_of_heads([[2, 0], [0.5, 1.5]], two, 2, np.dtype("float32"))
    array([[2. , 0.5],
           [0. , 1.5]], dtype=float32)
    """
    columns = []
    for (head, _, where), of_it in zip(places(heads), _listed(y, heads, n_samples), strict=True):
        own = names[where] if names is not None and any(names[where]) else None
        n = head.n_outputs if head.loss == CLASS_INDICES else head.n_targets
        missing = head.reading is not None and head.reading.missing
        try:
            found = targets(of_it, head.loss, n_samples, n, dtype, own, missing=missing)
        except (TypeError, ValueError) as error:
            raise type(error)(f"output {head.name!r}: {error}") from error
        columns.append(found.astype(dtype).reshape(n_samples, head.n_targets))
    return np.hstack(columns)


def names_of_heads(known: tuple[str, ...] | None, y: Any, heads: Sequence[Head]) -> tuple[str, ...] | None:
    """Return what the columns of all targets are called: as `known`, else as in tables of several columns, else "".

    Examples
    --------
    >>> import pandas
    >>> two = Head("a", 0, 2, "huber", 1.0, "identity"), Head("b", 2, 1, "huber", 1.0, "identity")
    >>> names_of_heads(None, [pandas.DataFrame({"low": [1.0], "high": [2.0]}), [3.0]], two)
    ('low', 'high', '')
    """
    found = list(known or [""] * sum(head.n_targets for head in heads))
    for (head, _, where), of_it in zip(places(heads), _listed(y, heads, 0), strict=True):
        own = tuple(found[where]) if any(found[where]) else None
        names = known_names(own, of_it, "y", 2)
        if names is not None and len(names) == head.n_targets:
            found[where] = names
    return tuple(found) if any(found) else None


def _listed(y: Any, heads: Sequence[Head], n_samples: int) -> list[Any]:
    """Return the targets of each head."""
    names = [head.name for head in heads]
    if isinstance(y, Mapping):
        for name in y:
            if name not in names:
                raise ValueError(
                    f"y has {name!r}, no output{did_you_mean(str(name), names)}; {_wanted(heads, n_samples)}"
                )
        if absent := [name for name in names if name not in y]:
            raise ValueError(f"y lacks {', '.join(map(repr, absent))}; {_wanted(heads, n_samples)}")
        return [y[name] for name in names]
    if not isinstance(y, (list, tuple)):
        shape = getattr(y, "shape", None)  # a table's repr has many lines
        given = (
            checks.described(y)
            if shape is None
            else f"{'an array' if isinstance(y, np.ndarray) else type(y).__name__} of shape {shape}"
        )
        mend = "; give its columns apart, y = {" + ", ".join(f"{name!r}: ..." for name in names) + "}"
        raise TypeError(
            f"y must be a list of arrays, got {given}; {_wanted(heads, n_samples)}{'' if shape is None else mend}"
        )
    if len(y) != len(heads) or all(np.ndim(of_it) == 0 for of_it in y):
        raise ValueError(f"y must be a list of {len(heads)} arrays, got {len(y)} items; {_wanted(heads, n_samples)}")
    return list(y)


def _wanted(heads: Sequence[Head], n: int) -> str:
    """Return what targets each output has, for messages."""
    shapes = (f"class indices ({n},)" if head.loss == CLASS_INDICES else f"({n}, {head.n_targets})" for head in heads)
    each = ", ".join(f"{head.name} {shape}" for head, shape in zip(heads, shapes, strict=True))
    return f"the model has {len(heads)} outputs, with a target each: {each}"
