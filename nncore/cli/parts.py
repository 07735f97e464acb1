"""Which rows a training sees, which choose its best epoch, and which test it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np

from nncore.cli import stream
from nncore.cli.errors import UsageError
from nncore.cli.sources import Source
from nncore.datasets import Dataset, train_test_split
from nncore.datasets.labels import are_whole
from nncore.datasets.notes import Split
from nncore.datasets.spelling import number
from nncore.datasets.split import split_by_class

TEST_SHARE = 0.2
FEW_ROWS = 10
VALIDATION_SHARE = {"classification": 0.0, "regression": 0.2}  # the bundled regression set is soon learnt by heart


@dataclass(frozen=True)
class Parts:
    """The rows to train on, to choose the best epoch by, and to test on; and what to say of their numbers."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    notes: tuple[str, ...] = ()


def cut(source: Source, options: argparse.Namespace) -> tuple[Split, Parts]:
    """Cut the rows of `source` into parts as the options say; classes keep their shares in each if they can.

    Raises
    ------
    UsageError
        If there are too few classes, or too few rows for the shares.
    """
    dataset = source.train
    check_classes(source, options)
    if stream.is_streamed(options):
        split, rows_of_train, last = stream.cut(dataset, options)
        held = _on_few({"test": last})
        return split, Parts(rows_of_train, None, last, (*stream.notes(rows_of_train, last), *held))
    stratify = dataset.target_names is not None
    split = Split(options.data, dataset.n_samples, _test_share(source, options), options.seed, stratify)
    share = VALIDATION_SHARE[dataset.task] if options.val is None else options.val
    try:
        train_rows, test_rows = split.rows(dataset.y)
        train, validation = dataset.rows(train_rows), None
        if share:
            rows, best = shared(train, share, options.seed)
            train, validation = train.rows(rows), train.rows(best)
    except ValueError as error:
        raise UsageError(
            f"{options.data}: {source.left_out}{error}; choose other shares with --test and --val"
            f"{_or_number(dataset, options)}"
        ) from None
    test = dataset.rows(test_rows) if len(test_rows) else source.test
    held_out = {"choose the epoch": validation, "test": test}
    return split, Parts(train, validation, test, (*_on_rare(dataset, split.test), *_on_few(held_out)))


def _or_number(dataset: Dataset, options: argparse.Namespace) -> str:
    """Return what else to try where whole numbers were taken for classes."""
    is_guess = getattr(options, "task", None) in (None, "auto") and dataset.schema is not None
    whole = dataset.target_names is not None and are_whole(dataset.target_names)
    return ", or --task regression if the target is a number" if is_guess and whole else ""


def shared(rows: Dataset, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of the rows to train on, and which choose the best epoch."""
    if rows.target_names is not None:
        return split_by_class(rows.y, share, seed)
    train, other = train_test_split(np.arange(rows.n_samples), test_size=share, seed=seed)
    return train, other


def _on_rare(dataset: Dataset, share: float) -> list[str]:
    """Say which classes have but one row, which nothing tests."""
    if not share or dataset.target_names is None:
        return []
    counts = np.bincount(dataset.y, minlength=len(dataset.target_names))
    rare = [name for name, n in zip(dataset.target_names, counts, strict=True) if n == 1]
    if not rare:
        return []
    named = ", ".join(map(repr, rare[:5])) + (", ..." if len(rare) > 5 else "")
    of = f"class {named} has" if len(rare) == 1 else f"the classes {named} have"
    return [f"{of} only 1 row: it is trained on, and none is left to test with"]


def _on_few(held_out: dict[str, Dataset | None]) -> list[str]:
    """Say what is held out if it is too little to go by."""
    few = {what: part.n_samples for what, part in held_out.items() if part is not None and part.n_samples < FEW_ROWS}
    counted = " and ".join(f"{n} row{'s' if n > 1 else ''} to {what}" for what, n in few.items())
    return [f"{counted}: too few to tell much; scores will be other ones with another --seed"] if few else []


def check_classes(source: Source, options: argparse.Namespace) -> None:
    """Raise UsageError for a target of one class."""
    names, left_out = source.train.target_names, source.left_out
    if names is not None and len(names) < 2:
        which = f"{options.data}: {left_out}every other row" if left_out else f"every row of {options.data}"
        mend = " (for a number to predict: --task regression)" if number(names[0]) is not None else ""
        gaps = "; write the class of those without a target, too" if left_out else ""
        raise UsageError(f"{which} is of class {names[0]!r}; classification needs two classes or more{mend}{gaps}")


def check_folds(rows: Dataset, k: int) -> None:
    """Raise UsageError unless each of `k` folds can have a row of its own, and one of each class."""
    if not 2 <= k <= rows.n_samples:
        raise UsageError(f"--folds {k}: {rows.n_samples} rows can be cut into 2 to {rows.n_samples} folds")
    if rows.target_names is not None:
        counts = np.bincount(rows.y, minlength=len(rows.target_names))
        few = int(np.argmin(np.where(counts, counts, counts.max())))
        if counts[few] < k:
            name, most = rows.target_names[few], max(int(counts[few]), 2)
            raise UsageError(
                f"--folds {k}: of class {name!r} there are {counts[few]} rows; give --folds {most} or fewer"
            )


def _test_share(source: Source, options: argparse.Namespace) -> float:
    if source.test is None:
        return TEST_SHARE if options.test is None else options.test
    if options.test is not None:
        raise UsageError(f"{options.data} has a test set of its own; leave out --test")
    return 0.0
