"""Which rows a training sees, which choose its best epoch, and which test it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from nncore.cli.errors import UsageError
from nncore.cli.sources import Source
from nncore.datasets import Dataset, train_test_split
from nncore.datasets.notes import Split

TEST_SHARE = 0.2
VALIDATION_SHARE = {"classification": 0.0, "regression": 0.2}  # the bundled regression set is soon learnt by heart


@dataclass(frozen=True)
class Parts:
    """The rows to train on, to choose the best epoch by, and to test on."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None


def cut(source: Source, options: argparse.Namespace) -> tuple[Split, Parts]:
    """Cut the rows of `source` into parts as the options say; classes keep their shares in each.

    Raises
    ------
    UsageError
        If there are too few classes, or too few rows for the shares.
    """
    dataset = source.train
    _check_classes(dataset, options)
    stratify = dataset.target_names is not None
    split = Split(options.data, dataset.n_samples, _test_share(source, options), options.seed, stratify)
    share = VALIDATION_SHARE[dataset.task] if options.val is None else options.val
    try:
        _check_shareable(dataset, split.test)
        train_rows, test_rows = split.rows(dataset.y)
        train, validation = dataset.rows(train_rows), None
        if share:
            _check_shareable(train, share)
            rows = np.arange(train.n_samples)
            by_class = train.y if stratify else False
            rows, best = train_test_split(rows, test_size=share, seed=options.seed, stratify=by_class)
            train, validation = train.rows(rows), train.rows(best)
    except ValueError as error:
        raise UsageError(f"{options.data}: {error}; choose other shares with --test and --val") from None
    return split, Parts(train, validation, dataset.rows(test_rows) if len(test_rows) else source.test)


def _check_classes(dataset: Dataset, options: argparse.Namespace) -> None:
    if dataset.target_names is not None and len(dataset.target_names) < 2:
        raise UsageError(
            f"every row of {options.data} is of class {dataset.target_names[0]!r}; classification needs two classes or "
            "more (for a number to predict: --task regression)"
        )


def _check_shareable(dataset: Dataset, share: float) -> None:
    """Refuse a class of one row by its name; `train_test_split` knows only its index."""
    if share and dataset.target_names is not None:
        counts = np.bincount(dataset.y)
        if 1 in counts:
            name = dataset.target_names[int(np.argmax(counts == 1))]
            raise ValueError(f"class {name!r} has only 1 row to share out, and needs one in each part")


def _test_share(source: Source, options: argparse.Namespace) -> float:
    if source.test is None:
        return TEST_SHARE if options.test is None else options.test
    if options.test is not None:
        raise UsageError(f"{options.data} has a test set of its own; leave out --test")
    return 0.0
