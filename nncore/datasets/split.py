"""Hold rows out of training."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.tables import column_names, refuse_without_values
from nncore.datasets.seeding import seeded


def train_test_split(
    *arrays: Any, test_size: float | int = 0.25, seed: int = 0, stratify: bool | Any = False
) -> list[Any]:
    """Split arrays into random training and test rows, in scikit-learn's order.

    Parameters
    ----------
    *arrays : array-like of shape (n_samples, ...)
        All of one length, such as X and y. Of a table of pandas, Polars or PyArrow come tables, so that its columns
        keep their names; of anything else arrays, of a single column (a series) as well.
    test_size : float or int, default 0.25
        A float between 0 and 1 is the share of the rows (rounded up), a whole number counts them.
    seed : int
        0 to 2**64 - 1. Same seed, same split.
    stratify : bool or array-like of shape (n_samples,), default False
        True keeps the shares of the classes in the second array (the first, if it is alone), with a row or more of each
        class in both parts; an array gives the classes itself.

    Returns
    -------
    list of ndarray, or tables
        ``[X_train, X_test, y_train, y_test]`` for two arrays.

    Raises
    ------
    ValueError
        If the lengths differ, a part would be empty, a class has fewer than 2 rows to share out, or an argument is out
        of its range.

    Examples
    --------
    >>> X, y = [[1], [2], [3], [4]], [0, 1, 0, 1]
    >>> X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=2, stratify=True)
    >>> y_test.tolist() in ([0, 1], [1, 0])
    True
    """
    if not arrays:
        raise ValueError("train_test_split needs at least one array")
    for number, array in enumerate(arrays):
        refuse_without_values(array, "Xy"[number] if number < 2 else f"arrays[{number}]")
    columns = [np.asarray(a) for a in arrays]
    _check_arrays(columns)
    lengths = [len(column) if column.ndim else 0 for column in columns]
    if len(set(lengths)) != 1:
        raise ValueError(f"all arrays must have one length, got {', '.join(map(str, lengths))} rows")
    n_samples = lengths[0]
    n_test = _count(n_samples, test_size)
    rng = seeded(seed, "split")
    if isinstance(stratify, (bool, np.bool_)):
        classes = columns[min(1, len(columns) - 1)] if stratify else None
    else:
        refuse_without_values(stratify, "stratify")
        classes = np.asarray(stratify)
    if classes is None:
        order = rng.permutation(n_samples)
        test, train = order[:n_test], order[n_test:]
    else:
        test, train = _stratified(classes, n_samples, n_test, rng)
    taken = zip(arrays, columns, strict=True)
    return [_rows(array, column, rows) for array, column in taken for rows in (train, test)]


train_test_split = checks.explaining("train_test_split", train_test_split)


def _rows(given: Any, column: np.ndarray, rows: np.ndarray) -> Any:
    """Return rows of what was given: of a table as a table, else of `column`, the array that it was made."""
    if column_names(given) is not None:
        if hasattr(given, "iloc"):
            return given.iloc[rows]
        if hasattr(given, "take"):  # PyArrow
            return given.take(rows)
        if type(given).__module__.startswith("polars."):
            return given[rows]
    return column[rows]


def split_by_class(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the rows to train on and to test on, each class having its share in both.

    A class of a single row is among those to train on: it cannot be in both.

    Raises
    ------
    ValueError
        If no class has more than one row, or the parts are too small to hold a row of each class.

    Examples
    --------
    >>> train, test = split_by_class(np.array([0, 0, 1, 1, 2]), 0.5, seed=0)
    >>> sorted((train[:2] // 2).tolist()), train[2:].tolist(), sorted((test // 2).tolist())
    ([0, 1], [4], [0, 1])
    """
    _, index, counts = np.unique(y, return_inverse=True, return_counts=True)
    alone = counts[index] == 1
    everything = np.arange(len(y))
    if alone.all():
        raise ValueError(f"each of the {len(y)} rows is of a class of its own, so no row can test what others teach")
    shared = everything[~alone]
    train, test = train_test_split(shared, test_size=share, seed=seed, stratify=y[shared])
    return np.concatenate([train, everything[alone]]), test


def _check_arrays(columns: list[np.ndarray]) -> None:
    """Raise ValueError for a single number: a share, most likely, which is no array."""
    for number, column in enumerate(columns):
        if column.ndim == 0:
            value = column.item()
            share = f"; give the share of the test rows by name: test_size={value!r}" if number else ""
            raise ValueError(f"arrays must hold a row per sample, got the single value {value!r}{share}")


def _count(n_samples: int, test_size: float | int) -> int:
    if isinstance(test_size, (bool, np.bool_)) or not isinstance(test_size, (int, float, np.integer, np.floating)):
        raise ValueError(f"test_size must be a share between 0 and 1 or a number of rows, got {test_size!r}")
    if isinstance(test_size, (float, np.floating)):
        if not 0 < test_size < 1:
            raise ValueError(f"test_size must be a share between 0 and 1 or a number of rows, got {test_size!r}")
        n_test = int(np.ceil(n_samples * test_size))
    else:
        n_test = int(test_size)
    if not 0 < n_test < n_samples:
        raise ValueError(f"test_size={test_size!r} of {n_samples} rows leaves no row for training or none for testing")
    return n_test


def _stratified(
    classes: np.ndarray, n_samples: int, n_test: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    if classes.shape != (n_samples,):
        raise ValueError(f"stratify needs one class per row, shape ({n_samples},), got {classes.shape}")
    names, index, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        one = f"class {names[counts.argmin()].item()!r} has only 1 row"
        raise ValueError(f"{one}; stratify needs at least 2 of each: leave it out, or give stratify=False")
    if min(n_test, n_samples - n_test) < len(names):
        raise ValueError(
            f"stratify needs a row of each of the {len(names)} classes in both parts, "
            f"got {n_samples - n_test} training and {n_test} test rows"
        )
    shares = _shares(counts, n_test)
    order = rng.permutation(n_samples)
    by_class = order[np.argsort(index[order], kind="stable")]
    place = np.arange(n_samples) - np.repeat(np.cumsum(counts) - counts, counts)  # of a row within its class
    test = np.empty(n_samples, dtype=bool)
    test[by_class] = place < np.repeat(shares, counts)
    return order[test[order]], order[~test[order]]


def _shares(counts: np.ndarray, n_test: int) -> np.ndarray:
    """Share out `n_test` rows by class size, leaving each class a row or more on both sides."""
    exact = counts * (n_test / counts.sum())
    shares: np.ndarray = np.clip(np.floor(exact).astype(np.int64), 1, counts - 1)
    while shares.sum() < n_test:
        shares[np.argmax(np.where(shares < counts - 1, exact - shares, -np.inf))] += 1
    while shares.sum() > n_test:
        shares[np.argmax(np.where(shares > 1, shares - exact, -np.inf))] -= 1
    return shares
