"""DATA that is read while a network trains: folders of files, patterns of them, and single large ones."""

from __future__ import annotations

import argparse
import glob
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base.names import did_you_mean
from nncore.base.paths import expanded
from nncore.base.reading import of_numpy, on_address, open_regular
from nncore.base.source import Source as Streams
from nncore.cli.errors import UsageError, blamed_on_the_user
from nncore.data import Rows, files
from nncore.data.of_files import SUFFIXES, names_of
from nncore.data.streamed import Streamed, opened
from nncore.datasets import Dataset
from nncore.datasets.labels import MAX_GUESSED_CLASSES, are_classes, label, sorted_labels
from nncore.datasets.notes import Split
from nncore.datasets.schema import Column, Schema
from nncore.datasets.tables import encode_targets

ALWAYS = (".npy", ".parquet")  # which nothing else reads
IN_MEMORY = ("val", "folds", "ensemble", "ignore", "categorical", "missing_values", "date_parts", "day_first",
             "drop_missing", "header", "delimiter", "decimal", "encoding", "id")  # fmt: skip
"""Options of those who read all of DATA first."""
LOOKED_AT = 10_000  # targets, to see whether these are classes
TEST_SHARE = 0.2


class Table(Rows):
    """Rows of a source that has been looked through, with what a `Dataset` needs to know of its X.

    Parameters
    ----------
    X : Streamed
    y, transform
        As of `Rows`.
    """

    ndim = 2

    def __init__(self, X: Streamed, y: Any = None, transform: Any = None) -> None:
        super().__init__(_Slices(X), y, transform=transform)
        self.streamed, self.shape = X, X.shape

    def __len__(self) -> int:
        return self.shape[0]

    def cut(self, rows: slice) -> Table:
        """Return the same of fewer rows, without targets."""
        return Table(self.streamed[rows], transform=self.transform)

    def with_target(self, y: Any, transform: Any = None) -> Table:
        """Return the same with targets, and what is made of X."""
        return Table(self.streamed, y, transform)


class _Slices:
    """What `Rows` wants of an array: its slices are read."""

    def __init__(self, X: Streamed) -> None:
        self._X, self.shape, self.dtype = X, X.shape, X.dtype

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, last, _ = rows.indices(self.shape[0])
        out = np.empty((max(0, last - first), self.shape[1]), self.dtype)
        self._X.unchanged()
        self._X.read(first, out)
        return out


def is_streamed(options: argparse.Namespace) -> bool:
    """Tell whether DATA is to be read part by part: it is asked for, or there is no other way."""
    return bool(getattr(options, "stream", False)) or _is_in_parts(options.data)


def _is_in_parts(data: str) -> bool:
    path = Path(expanded(data))
    pattern = any(mark in data for mark in "*?[") and not path.exists()
    return path.is_dir() or path.suffix.lower() in ALWAYS or pattern


def refuse_parts(data: str) -> None:
    """Raise UsageError for DATA that are read part by part, where a command needs all rows in memory."""
    if _is_in_parts(data):
        raise UsageError(
            f"{data}: folders, patterns, .npy and .parquet files are for train, predict and evaluate; this needs all "
            "rows in memory: give it a .csv or .npz file"
        )


def load(options: argparse.Namespace) -> Dataset:
    """Return all rows of ``options.data``, with their targets; of X alone what will be read.

    Raises
    ------
    UsageError
        If there are none, they are of several kinds, or without the target.
    OSError
        If a file cannot be opened.
    """
    data = options.data
    _refuse(options)
    paths = _paths(data)
    with blamed_on_the_user():
        names = names_of(paths[0])
        target = _target(data, paths, names, options.target)
        source = files(paths, target)
        X, y = _opened(data, source)
        if y is None:
            raise UsageError(f"{data} has no target: name its column with --target, or in .npz files the array")
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim != 1:
            raise UsageError(f"{data}: the target is {y.shape[1]} columns; one can be streamed on the command line")
        classes = _classes(y, options.task or "auto")
        y = encode_targets(y, classes, data)
    features = source.column_names or tuple(f"x{i}" for i in range(X.shape[1]))
    called = target if isinstance(target, str) else str((names or range(X.shape[1] + 1))[target])
    schema = Schema(tuple(map(Column, features)), called, classes)
    found: Any = Table(X)
    return Dataset(found, y, features, classes, Path(data).name or data, f"Read from {data}.", schema)


def load_for_model(options: argparse.Namespace, schema: Schema, *, target: bool) -> tuple[Table, np.ndarray | None]:
    """Return the rows that a model with this schema is to predict, or to be compared with, and their targets.

    Raises
    ------
    UsageError, OSError
        As `load`, and if the columns are not those of the model.
    """
    data = options.data
    _refuse(options)
    paths = _paths(data)
    wanted = schema.feature_names
    with blamed_on_the_user():
        names = names_of(paths[0])
        column: str | int | None
        if names is not None:
            column = schema.target if schema.target in names else None
            others = [name for name in names if name != column]
            if missing := [name for name in wanted if name not in others]:
                raise UsageError(f"{data} has no column {missing[0]!r}{did_you_mean(missing[0], others)}")
            if extra := [name for name in others if name not in wanted]:
                raise UsageError(
                    f"{data} has columns that the model does not know: {', '.join(extra[:4])}; leave them out"
                )
        else:
            column = _column_of_array(paths, data, schema)
        if target and column is None and not paths[0].lower().endswith(".npz"):
            raise UsageError(f"{data} has no target {schema.target!r} to compare with; try nncore predict")
        source = files(paths, column)
        X, y = _opened(data, source, wanted if names is not None else None)
        if X.shape[1] != len(wanted):
            raise UsageError(f"{data} has {X.shape[1]} features, but the model expects {len(wanted)}")
        if target and y is None:
            raise UsageError(f"{data} has no target {schema.target!r} to compare with; try nncore predict")
        return Table(X), encode_targets(y.reshape(len(y)), schema.classes, data) if target and y is not None else None


def _column_of_array(paths: list[str], data: str, schema: Schema) -> int | str | None:
    """Return which column of files without names is the target, if there is one more: the one that had no name in
    training, either; or of archives the array.
    """
    if paths[0].lower().endswith(".npz"):
        return array_of_target(paths[0], schema)
    first = next(iter(files(paths).chunks()), None)
    if first is None:
        raise UsageError(f"{data} has no rows")
    width, n = first.X.shape[1], len(schema.feature_names)
    if width not in (n, n + 1):
        raise UsageError(f"{data} has {width} columns, but the model expects {n} features, or with a target {n + 1}")
    if width == n:
        return None
    number = schema.target.removeprefix("column ") if schema.width == width else schema.target
    if not number.isdecimal():
        read = ", ".join([*schema.feature_names[:4], *(["..."] if n > 4 else [])])
        raise UsageError(
            f"{data} has {width} columns without names, and which of them is {schema.target!r} is not known; the model "
            f"reads {read}: give files with these names, or to predict the {n} inputs alone, in this order"
        )
    return int(number) - (number != schema.target)


def array_of_target(path: str, schema: Schema) -> str | None:
    """Return the array of an .npz file that is called as the target was in training, if there is one."""
    with of_numpy(f"{path}: not a readable NPZ file"), open_regular(path) as stream:
        file = np.load(stream, allow_pickle=False)
        return schema.target if isinstance(file, np.lib.npyio.NpzFile) and schema.target in file else None


def cut(dataset: Dataset, options: argparse.Namespace) -> tuple[Split, Dataset, Dataset | None]:
    """Return how the last rows are held out to test, the rows to train on, and those."""
    split = Split(options.data, dataset.n_samples, TEST_SHARE if options.test is None else options.test, options.seed,
                  stratify=False, last=True)  # fmt: skip
    n, n_test = dataset.n_samples, split.n_last
    if split.test and not 0 < n_test < n:
        raise UsageError(f"{options.data}: a share of {split.test:g} of {n} row(s) leaves an empty part; choose --test")
    train = part(dataset, slice(0, n - n_test))
    return split, train, part(dataset, slice(n - n_test, n)) if n_test else None


def part(dataset: Dataset, rows: slice) -> Dataset:
    """Return some of the rows."""
    X: Any = dataset.X
    return replace(dataset, X=X.cut(rows), y=dataset.y[rows])


def notes(train: Dataset, test: Dataset | None) -> list[str]:
    """Return what to say of rows that are read part by part, and of classes that only the last of them have."""
    said = ["rows are read while it trains, blocks of them in a new order each epoch"]
    if test is None or train.target_names is None:
        return said
    there = set(np.unique(train.y).tolist())
    unseen = [train.target_names[k] for k in np.unique(test.y).tolist() if k not in there]
    held = f"the last rows are held out as they stand, and class {', '.join(unseen[:4])} is in no other"
    return [*said, *([f"{held}: shuffle the rows once, before"] if unseen else [])]


def _refuse(options: argparse.Namespace) -> None:
    if options.data == "-" or getattr(options, "shown", options.data) != options.data:
        raise UsageError("what comes from standard input is read as a whole: leave --stream out, or write it to a file")
    given = [name for name in IN_MEMORY if getattr(options, name, None) not in (None, (), False)]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(f"--{option} needs all rows in memory, and {options.data} is streamed; leave it out")


def _paths(data: str) -> list[str]:
    """Return the files that DATA names."""
    path = expanded(data)
    if os.path.isdir(path):
        found = sorted(
            os.path.join(path, name) for name in os.listdir(path) if name.lower().removesuffix(".gz").endswith(SUFFIXES)
        )
        if not found:
            raise UsageError(f"{data} has no file that can be streamed: {', '.join(SUFFIXES)}")
        if len(kinds := sorted({Path(path.lower().removesuffix(".gz")).suffix for path in found})) > 1:
            mend = os.path.join(data, f"*{kinds[0]}")
            raise UsageError(f"{data} has files of several kinds, {', '.join(kinds)}: choose one, as in {mend!r}")
        return found
    found = [path] if os.path.exists(path) else sorted(glob.glob(path))
    if not found:
        raise UsageError(on_address(data) or f"no such file to stream: {data}")
    return found


def _target(data: str, paths: Sequence[str], names: tuple[str, ...] | None, wanted: str | None) -> Any:
    """Return the column that is the target, by its name, or of files without names its number."""
    if paths[0].lower().endswith(".npz"):
        return wanted or "y"
    if names is None:
        if wanted is not None and not wanted.lstrip("-").isdecimal():
            raise UsageError(f"{data} has no names of columns: give --target the number of one, from 0 on")
        return -1 if wanted is None else int(wanted)
    if wanted is not None and wanted not in names:
        raise UsageError(f"{data} has no column {wanted!r} for --target{did_you_mean(wanted, names)}")
    return names[-1] if wanted is None else wanted


def _opened(data: str, source: Streams, names: tuple[str, ...] | None = None) -> tuple[Streamed, Any]:
    try:
        found = opened(source, np.dtype(np.float64), None, names)
    except ValueError as error:
        raise error if os.sep in str(error) else UsageError(f"{data}: {error}") from error
    if found.weight is not None:
        raise UsageError(f"{data} has weights of rows, which only Python takes: fit(nncore.data.files(...))")
    return found.X, None if found.y is None else np.asarray(found.y)


def _classes(y: np.ndarray, task: str) -> tuple[str, ...] | None:
    if task == "regression":
        return None
    if task == "auto" and y.dtype.kind in "biuf":
        some = np.unique(y[:LOOKED_AT])
        if len(some) > MAX_GUESSED_CLASSES or not are_classes({label(value) for value in some}, len(y)):
            return None
    labels = {label(value) for value in np.unique(y)}
    return sorted_labels(labels) if task == "classification" or are_classes(labels, len(y)) else None
