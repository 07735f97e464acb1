"""Which rows are trained on and which are held out, fold by fold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore.arrays.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES, kind
from nncore.base import checks
from nncore.base.random import generator
from nncore.many.arguments import checked_rows

Numbers = NDArray[np.int64]
Fold = tuple[Numbers, Numbers]
SEED = checks.integer(0, 2**64 - 1)
REPEATS = checks.integer(1, 10**6)


def folds_of(n_rows: int, folds: Any, repeats: int, seed: int, classes: np.ndarray | None) -> list[Fold]:
    """Return the rows to train on and those held out, of each fold of each repetition; both in ascending order.

    Parameters
    ----------
    n_rows : int
    folds : int, or iterable of (train, test)
        How many, of sizes that differ by one row at most; or the rows themselves, which nothing else changes then.
    repeats, seed : int
        How often, each time in another order.
    classes : ndarray of shape (n_rows,), or None
        If there are any, each has its share in every fold.

    Raises
    ------
    TypeError, ValueError
        If there are fewer rows, or rows of a class, than folds, or an argument is wrong.

    Examples
    --------
    >>> [(train.tolist(), test.tolist()) for train, test in folds_of(4, 2, 1, seed=3, classes=np.array([0, 0, 1, 1]))]
    [([0, 3], [1, 2]), ([1, 2], [0, 3])]
    """
    repeats, seed = REPEATS("repeats", repeats), SEED("seed", seed)
    if isinstance(folds, Iterable) and not isinstance(folds, str):
        if repeats != 1:
            raise ValueError(f"repeats={repeats} cuts rows anew, but folds says which they are: give a number of folds")
        return _given(folds, n_rows)
    if hasattr(folds, "split") and not isinstance(folds, str):
        raise TypeError(f"folds must be a number or (train, test) of each; of {folds!r} give its split(X, y)")
    k = checks.integer(2, checks.COUNT)("folds", folds)
    if n_rows < k:
        raise ValueError(f"folds={k} of {n_rows} rows leaves an empty fold: give at most folds={n_rows}")
    if classes is not None:
        _check_classes(classes, k)
    found = []
    for repeat in range(repeats):
        order = generator(seed, "split", repeat).permutation(n_rows)
        if classes is not None:
            order = order[np.argsort(classes[order], kind="stable")]
        fold = np.empty(n_rows, np.int64)
        fold[order] = np.arange(n_rows) % k
        found += [(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(k)]
    return found


def _given(folds: Iterable[Any], n_rows: int) -> list[Fold]:
    found = []
    for i, fold in enumerate(folds):
        if not isinstance(fold, (tuple, list)) or len(fold) != 2:
            raise TypeError(f"folds[{i}] must be (rows to train on, rows held out), got {checks.described(fold)}")
        train, held = (_numbers(f"folds[{i}][{k}]", rows, n_rows) for k, rows in enumerate(fold))
        found.append((train, held))
    if not found:
        raise ValueError("folds is empty: give a number of 2 or more, or some (train, test)")
    return found


def _numbers(name: str, rows: Any, n_rows: int) -> Numbers:
    chosen, _ = checked_rows(name, rows, n_rows)
    if isinstance(chosen, slice) or chosen.dtype.kind == "b":
        return np.arange(n_rows)[chosen]
    return np.asarray(chosen, np.int64)


def _check_classes(classes: np.ndarray, k: int) -> None:
    names, counts = np.unique(classes, return_counts=True)
    if counts.min() < k:
        few = counts.argmin()
        rows = f"{counts[few]} row{'s' if counts[few] > 1 else ''}"
        raise ValueError(
            f"class {names[few].item()!r} has {rows}, so that not each of folds={k} can have one: give fewer folds, or "
            "stratified=False"
        )


def classes_in(target: np.ndarray, kernel: str) -> np.ndarray | None:
    """Return the class of each row of a target, as the loss kernel reads it; None if it speaks of no classes.

    Examples
    --------
    >>> classes_in(np.array([[0.0], [1.0]]), "sigmoid_crossentropy")
    array([0, 1])
    """
    if kind(kernel) == CLASS_INDICES:
        return target
    if kind(kernel) == CLASS_SHARES:
        return np.asarray(target.argmax(axis=1))
    if kind(kernel) == PROBABILITIES and target.shape[1] == 1 and np.isin(target, (0, 1)).all():
        return target[:, 0].astype(np.int64)
    return None
