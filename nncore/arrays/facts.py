"""Facts about the data that a history keeps: the scale of the inputs, and the classes.

`nncore.doctor` judges by them. A few evenly spaced rows are copied at once, which costs next to nothing, and summed up
when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from nncore.arrays.order import are_sorted
from nncore.arrays.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES, kind
from nncore.base.bfloat16 import round_to_bfloat16
from nncore.base.typing import Array

MOST_ROWS = 512  # of inputs: enough for means and deviations within 5 %, and what is asked are powers of ten
MOST_TARGETS = 4096  # rows: a class of one row in a hundred is still seen some 40 times
MOST_VALUES = 2**16  # with many columns, fewer rows
NOTHING = 1e-12  # of the widest deviation: what is left of a column that varies by rounding, once it is standardised
SQUARED_ERROR = "squared_error"

Facts = dict[str, Any]
FLOORLESS = ("poisson", "gaussian")  # losses that lack a part which follows from the targets alone


def sampled(
    X: Array,
    target: Array,
    sample_weight: Array | None,
    loss: str,
    validation: Array | None = None,
    precision: str | None = None,
    read: bool = False,
    dtype: np.dtype | None = None,
    epoch: int = 0,
) -> tuple[Callable[[], Facts], Callable[[], Facts]]:
    """Copy some rows; return functions without arguments that sum them up, by `inputs_seen` and `targets_seen`.

    With the targets `validation` of the validation rows, ``validation_counts`` says how often each class is in them,
    and ``sorted`` is 1 if they follow those to train on in sorted order; see `are_sorted` of `nncore.arrays.order`.
    With a `precision`, that of a program, `inputs_seen` also says what rounding to bfloat16 does to the features. Where
    the loss has targets `read` as others, no baseline is known. Features count as `dtype`, the network's. Where an
    `epoch` has fewer rows than there are, ``parts`` says how many of them have all rows once.
    """
    weight = None if sample_weight is None else _spread(sample_weight, _most(target, MOST_TARGETS))
    rows = _spread(X, _most(X, MOST_ROWS)).astype(dtype or X.dtype, copy=False)
    inputs = partial(inputs_seen, rows, precision is not None)
    trained = _spread(target, _most(target, MOST_TARGETS))
    targets: Callable[[], Facts] = partial(targets_seen, trained, weight, loss, read)
    if 0 < epoch < len(X):
        targets = partial(_in_parts, targets, -(-len(X) // epoch))
    if validation is None:
        return inputs, targets
    return inputs, partial(_beside, targets, trained, _spread(validation, _most(validation, MOST_TARGETS)), loss)


def _in_parts(targets: Callable[[], Facts], parts: int) -> Facts:
    return targets() | {"parts": parts}


def _beside(targets: Callable[[], Facts], trained: Array, validation: Array, loss: str) -> Facts:
    counts = targets_seen(validation, None, loss).get("counts")
    beside = {} if counts is None else {"validation_counts": counts}
    return targets() | beside | ({"sorted": 1} if are_sorted(trained, validation, loss) else {})


def _most(array: Array, most: int) -> int:
    return max(1, min(most, MOST_VALUES * len(array) // array.size))


def _spread(array: Array, most: int) -> Array:
    """Return a copy of up to `most` evenly spaced rows: data may be sorted."""
    return np.array(array[:: -(-len(array) // most)])


def inputs_seen(X: Array, rounds: bool = False) -> Facts:
    """Return the range of means and standard deviations over the features.

    Returns
    -------
    dict
        ``rows``, ``features``: how many there were. ``min``, ``max``: of all values. ``mean_min``, ``mean_max``,
        ``std_min``, ``std_max``: of the features; constant ones, and those that vary by rounding alone, do not count
        for ``std_min``. ``constant``: how many of them there are. ``narrowest``, ``widest``: the features with
        ``std_min`` and ``std_max``. Where the network `rounds` them to bfloat16: ``blurred``, the feature that this
        changes most; ``blur``, by how much of its deviation, as the root of the mean square; ``values`` and
        ``values_left``, how many different ones it has, before and after.

    Examples
    --------
    >>> seen = inputs_seen(np.array([[0.0, 100.0, 7.0], [1.0, 300.0, 7.0]]))
    >>> seen["std_min"], seen["std_max"], seen["widest"], seen["constant"]
    (0.5, 100.0, 1, 1)
    """
    rows = X.astype(np.float64)
    low, high = rows.min(), rows.max()
    with np.errstate(over="ignore"):
        mean = rows.mean(axis=0)
        rows -= mean
        std = np.sqrt(np.einsum("ij,ij->j", rows, rows) / len(rows))
    rounding = np.maximum(np.finfo(X.dtype).eps * np.abs(mean), NOTHING * std.max())
    std = np.where(std > rounding, std, 0)
    varies = np.where(std > 0, std, np.inf)
    narrowest, widest = int(varies.argmin()), int(std.argmax())
    seen = {
        "rows": len(rows),
        "features": X.shape[1],
        "min": float(low),
        "max": float(high),
        "mean_min": float(mean.min()),
        "mean_max": float(mean.max()),
        "std_min": float(std[narrowest]),
        "std_max": float(std[widest]),
        "narrowest": narrowest,
        "widest": widest,
        "constant": int(len(std) - np.count_nonzero(std)),
    }
    return seen | (_rounded(X, varies) if rounds else {})


def _rounded(X: Array, varies: Array) -> Facts:
    """Return what rounding to bfloat16 does to the features; `varies` are their deviations, or infinity."""
    rounded = round_to_bfloat16(X)
    with np.errstate(over="ignore", invalid="ignore"):
        error = rounded.astype(np.float64) - X
        blur = np.sqrt(np.einsum("ij,ij->j", error, error) / len(X)) / varies
    blurred = int(np.nan_to_num(blur).argmax())
    values, left = (len(np.unique(array[:, blurred])) for array in (X, rounded))
    return {"blurred": blurred, "blur": float(blur[blurred]), "values": values, "values_left": left}


def targets_seen(target: Array, sample_weight: Array | None, loss: str, read: bool = False) -> Facts:
    """Return how often each class occurs, and the loss of the best answer that ignores the inputs.

    Parameters
    ----------
    target : ndarray
        As `nncore.arrays.targets` returns it for the loss kernel `loss`.
    sample_weight : ndarray of shape (n,), optional
        Counted instead of rows.
    loss : str
        Name of the loss kernel, ``program.loss``.
    read : bool
        Whether targets are read as others, and may be missing.

    Returns
    -------
    dict
        ``rows``: how many there were. ``counts``: of each class, weighted; only where a row has one class.
        ``baseline``: the loss of always predicting the shares of the classes, or for the squared error the mean; only
        for losses that have one of these as their best constant. ``floorless``: 1 where the loss may be below 0, so
        that shares of it say nothing.

    Examples
    --------
    >>> targets_seen(np.array([0, 0, 0, 1], np.int32), None, "sparse_softmax_crossentropy")
    {'rows': 4, 'counts': [3.0, 1.0], 'baseline': 0.56...}
    """
    rows = target
    weight = np.ones(len(rows)) if sample_weight is None else sample_weight.astype(np.float64)
    total = weight.sum()
    seen: Facts = {"rows": len(rows)} | ({"floorless": 1} if loss in FLOORLESS else {})
    if not total > 0 or (rows.dtype.kind == "f" and np.isnan(rows).any()):
        return seen
    if kind(loss) == CLASS_INDICES:
        mean = np.bincount(rows, weight) / total
    elif kind(loss) in (CLASS_SHARES, PROBABILITIES, SQUARED_ERROR):
        mean = weight @ rows / total
    else:
        return seen
    if kind(loss) == PROBABILITIES:
        mean = np.stack([1 - mean, mean])
    if loss != SQUARED_ERROR and mean.shape[1:] in ((), (1,)):
        seen["counts"] = (total * mean.ravel()).tolist()
    if read or kind(loss) != loss:
        return seen
    with np.errstate(over="ignore"):
        values = _entropy(mean) if loss != SQUARED_ERROR else weight @ (rows - mean) ** 2 / total
    # The engine takes the mean over outputs, and divides by rows even where they have weights.
    return seen | {"baseline": float(np.mean(values) * total / len(rows))}


def _entropy(shares: Array) -> Array:
    """Return -sum(p log p) over the classes, in nats; 0 log 0 is 0."""
    entropy: Array = -(shares * np.log(np.where(shares > 0, shares, 1))).sum(axis=0)
    return entropy
