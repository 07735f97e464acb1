"""From the words DATA on the command line to rows of numbers."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nncore.cli.errors import UsageError, blamed_on_the_user
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dataset import Dataset
from nncore.datasets.generators import GENERATORS
from nncore.datasets.idx import load_mnist
from nncore.datasets.preparation import Preparation
from nncore.datasets.tables import encode_targets, read_csv, read_npz, read_npz_arrays
from nncore.names import lookup

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
TABLE_OPTIONS = ("target", "categorical", "ignore", "drop_missing", "delimiter")


@dataclass(frozen=True)
class Source:
    """What DATA stands for.

    Attributes
    ----------
    train : Dataset
        The rows to train on; some of them are held out unless there is a `test` set.
    test : Dataset or None
        A test set of its own.
    is_scaled : bool
        Whether the inputs have a common scale already, so that standardising would only add noise.
    """

    train: Dataset
    test: Dataset | None = None
    is_scaled: bool = False


def load_source(options: argparse.Namespace) -> Source:
    """Read ``options.data`` in full.

    Raises
    ------
    UsageError
        If there is no such data set, it cannot be understood, or options for CSV files are given for another.
    OSError
        If a file cannot be opened.
    """
    data = options.data
    with blamed_on_the_user():
        if _is_csv(data):
            return Source(_read_csv(options))
        _refuse_table_options(options)
        if _is_mnist(data):
            train, test = load_mnist(data.partition(":")[2] or None)
            return Source(train, test, is_scaled=True)
        if _is_npz(data):
            return Source(read_npz(data, task=options.task))
        return Source(_named(data))


def load_for_model(options: argparse.Namespace, preparation: Preparation) -> tuple[np.ndarray, np.ndarray | None]:
    """Read ``options.data`` as the model that has `preparation` understands it.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Not yet standardised. Of MNIST, the test set.
    y : ndarray of shape (n_samples,) or None
        The target, if there is one.

    Raises
    ------
    UsageError, OSError
        As `load_source`, and if the columns are not those of the model.
    """
    data, schema = options.data, preparation.schema
    with blamed_on_the_user():
        if _is_csv(data):
            table = CsvTable(data, delimiter=options.delimiter, encoding=options.encoding)
            return schema.read(table, missing="drop" if getattr(options, "drop_missing", False) else "error")
        _refuse_table_options(options)
        if _is_npz(data):
            X, targets = read_npz_arrays(data)
            _check_width(data, X.shape[1], len(schema.feature_names))
            return X, None if targets is None else encode_targets(targets, schema.classes, data)
        dataset = load_mnist(data.partition(":")[2] or None).test if _is_mnist(data) else _named(data)
        _check_width(data, dataset.n_features, len(schema.feature_names))
        if (dataset.feature_names, dataset.target_names) != (schema.feature_names, schema.classes):
            raise UsageError(
                f"{data} is not what the model was trained on: it has the features {_some(dataset.feature_names)}, "
                f"the model expects {_some(schema.feature_names)}"
            )
        return dataset.X, dataset.y


def input_files(*names: str) -> list[str]:
    """Return those names that are files; an output must not overwrite them."""
    return [name for name in names if Path(name).is_file()]


def _read_csv(options: argparse.Namespace) -> Dataset:
    return read_csv(
        options.data,
        options.target,
        task=options.task,
        categorical=options.categorical,
        ignore=options.ignore,
        missing="drop" if options.drop_missing else "error",
        delimiter=options.delimiter,
        encoding=options.encoding,
    )


def _named(data: str) -> Dataset:
    loaders: dict[str, Callable[[], Dataset]] = {**BUNDLED, **GENERATORS, "mnist": lambda: load_mnist().train}
    if data not in loaders and any(character in data for character in "./\\:"):
        raise UsageError(f"no such data set or file: {data}; expected a bundled name, mnist:FOLDER, .csv or .npz")
    return lookup("data set", data, loaders)()


def _is_csv(data: str) -> bool:
    path = Path(data.removesuffix(".gz"))
    named = data in BUNDLED or data in GENERATORS or _is_mnist(data)
    return not named and (path.suffix.lower() in TEXT_SUFFIXES or (Path(data).exists() and not _is_npz(data)))


def _is_npz(data: str) -> bool:
    return Path(data).suffix.lower() in (".npz", ".npy")


def _is_mnist(data: str) -> bool:
    return data == "mnist" or data.startswith("mnist:")


def _refuse_table_options(options: argparse.Namespace) -> None:
    given = [name for name in TABLE_OPTIONS if getattr(options, name, None)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} is for CSV files, and {options.data} is none; leave it out")


def _check_width(data: str, n_features: int, expected: int) -> None:
    if n_features != expected:
        raise UsageError(f"{data} has {n_features} features, but the model expects {expected}")


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
