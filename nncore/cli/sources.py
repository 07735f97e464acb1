"""From the words DATA on the command line to rows of numbers."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base.names import lookup
from nncore.base.paths import expanded
from nncore.base.reading import on_address
from nncore.cli import noted, stream
from nncore.cli.errors import UsageError, blamed_on_the_user
from nncore.cli.notes import notes_on
from nncore.datasets import Dataset, Preparation, load_mnist, read_npz
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.gaps import LEFT_OUT
from nncore.datasets.generators import GENERATORS
from nncore.datasets.header import NO_HEADER
from nncore.datasets.roles import likely
from nncore.datasets.schema import Schema
from nncore.datasets.survey import ColumnFacts, survey
from nncore.datasets.tables import encode_targets, is_npz, read_npz_arrays, read_table

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
IDX = re.compile(r"idx\d-ubyte(\.gz)?$")
COLUMN_OPTIONS = ("categorical", "ignore", "missing_values", "date_parts")
TABLE_OPTIONS = (
    *("target", *COLUMN_OPTIONS, "day_first", "drop_missing"),
    *("header", "delimiter", "encoding", "decimal"),
)
TOLD = {None: None, "yes": True, "no": False}


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
    notes : tuple of str
        What was guessed about the file, so that the user can object.
    """

    train: Dataset
    test: Dataset | None = None
    is_scaled: bool = False
    notes: tuple[str, ...] = ()

    @property
    def left_out(self) -> str:
        """The notes on rows that were left out, as the beginning of a message about those that are left."""
        return "".join(f"{note.partition(': ')[2]}; " for note in self.notes if LEFT_OUT in note)


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
    check_is_there(data)
    with blamed_on_the_user():
        if _is_csv(data):
            return _read_csv(options)
        _refuse(options, TABLE_OPTIONS, "CSV files")
        if is_npz(data):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always", UserWarning)
                dataset = read_npz(data, task=options.task or "auto")
            notes = tuple(str(one.message) for one in said)
            return Source(dataset, notes=(*notes, *notes_on(dataset, options, notes)))
        _refuse(options, ("task",), "CSV and NPZ files")
        if _is_mnist(data):
            train, test = load_mnist(data.partition(":")[2] or None)
            return Source(train, test, is_scaled=True)
        return Source(_named(data))


def look_at_columns(options: argparse.Namespace) -> list[ColumnFacts]:
    """Return what the columns of ``options.data`` hold, whatever that is; nothing if it is no text table.

    Raises
    ------
    UsageError, OSError
        If the file is no table at all.
    """
    check_is_there(options.data)
    with blamed_on_the_user():
        return survey(_open_csv(options), **_told(options)) if _is_csv(options.data) else []


def load_for_model(
    options: argparse.Namespace, preparation: Preparation, metadata: Mapping[str, str], *, target: bool = True
) -> tuple[Any, np.ndarray | None]:
    """Read ``options.data`` as the model that has `preparation` understands it; without `target`, the inputs alone.

    Data that the builder generated are made as the `metadata` of its file note it, which is said.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        Not yet standardised; without `target`, NaN where a table has gaps. Of MNIST, the test set. Of data that are
        streamed a `nncore.cli.stream.Table`.
    y : ndarray of shape (n_samples,) or None
        The target, if it is wanted and there.

    Raises
    ------
    UsageError, OSError
        As `load_source`, and if the columns are not those of the model.
    """
    data, schema = options.data, preparation.schema
    if stream.is_streamed(options):
        return stream.load_for_model(options, schema, target=target)
    check_is_there(data)
    with blamed_on_the_user():
        if _is_csv(data):
            table = _open_csv(options, known=[column.name for column in schema.columns])
            rows = schema.read(table, missing=_missing(options) if target else "mark", target=target)
            for note in (*table.notes, *_left_out(table)):
                if schema.width is None or NO_HEADER not in note:  # the table of the training had none either
                    print(f"nncore: {note.replace(data, getattr(options, 'shown', data))}", file=sys.stderr)
            if target and rows[1] is None:
                raise no_target(getattr(options, "shown", data), schema, table)
            return rows
        _refuse(options, TABLE_OPTIONS, "CSV files")
        source = noted.source(data, metadata)
        if is_npz(data):
            X, targets = read_npz_arrays(data, y=(stream.array_of_target(data, schema) or "y") if target else None)
            X = noted.chosen(data, X, [f"x{i}" for i in range(X.shape[1])], schema, source)
            _check_width(data, X.shape[1], len(schema.feature_names))
            return X, None if targets is None else encode_targets(targets, schema.classes, data)
        made = load_mnist(data.partition(":")[2] or None).test if _is_mnist(data) else noted.made(data, source)
        dataset = made or _named(data)
        X = noted.chosen(data, dataset.X, dataset.feature_names, schema, source)
        if X is dataset.X:
            _check_width(data, dataset.n_features, len(schema.feature_names))
            _check_same(data, "features", dataset.feature_names, schema.feature_names)
        if not target:
            return X, None
        _check_same(data, "classes", dataset.target_names or ("numbers",), schema.classes or ("numbers",))
        return X, dataset.y


def no_target(data: str, schema: Schema, table: CsvTable | None = None) -> UsageError:
    """Return what to say of data that lack the target of a model, but are to be compared with it."""
    name, mend = schema.target, "try nncore predict"
    if (
        table is not None
        and table.has_header
        and (renamed := likely(table.names, [name], [column.name for column in schema.columns]))
    ):
        mend = f"in the header, rename {renamed}, if that is what it holds"
    elif table is not None and not table.has_header and schema.width is None:
        mend = f"put the names of the columns above them, {name!r} above that of the target; or {mend}"
    return UsageError(f"{data} has no target {name!r} to compare with; {mend}")


def load_column(options: argparse.Namespace, name: str, schema: Schema) -> list[str]:
    """Return the texts of one column of the table ``options.data``, which `load_for_model` has read by `schema`.

    Raises
    ------
    UsageError
        If there is no such column, or DATA is no table.
    """
    if not _is_csv(options.data):
        _refuse(options, ("id",), "CSV files")
    with blamed_on_the_user():
        table = _open_csv(options, known=[column.name for column in schema.columns])
        at = table.position(name)
        return [fields[at] for _, fields in table.rows(empty=True)]


def check_is_there(data: str) -> None:
    """Refuse a file that is not there but has the name of a data set, which needs none; and what only streams."""
    stream.refuse_parts(data)
    stem = Path(data).name.partition(".")[0].lower()
    if is_table_name(data) and (stem in BUNDLED or stem in GENERATORS) and not Path(expanded(data)).exists():
        raise UsageError(f"{data}: no such file; did you mean {stem!r}, which comes with nncore?")


def input_files(*names: str) -> list[str]:
    """Return those names that are files; an output must not overwrite them."""
    return [name for name in names if Path(name).is_file()]


def _read_csv(options: argparse.Namespace) -> Source:
    table = _open_csv(options)
    dataset = read_table(table, **_told(options))
    no_header = f"{table.path}: {NO_HEADER}"
    unsaid = table.header_is_guessed and not table.has_header and no_header not in table.notes
    said = (*([no_header] if unsaid else []), *table.notes, *_left_out(table))
    return Source(dataset, notes=(*said, *notes_on(dataset, options, table.notes)))


def _open_csv(options: argparse.Namespace, known: Collection[str] = ()) -> CsvTable:
    if IDX.search(Path(options.data).name):
        folder = Path(options.data).parent
        raise UsageError(f"{options.data} is one of the IDX files of MNIST; name their folder: mnist:{folder}")
    return CsvTable(
        options.data,
        header=TOLD[options.header],
        delimiter=options.delimiter,
        decimal=options.decimal,
        encoding=options.encoding or "utf-8",
        known=known,
    )


def _told(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `read_table` that the user has given."""
    return {
        "target": options.target,
        "task": options.task or "auto",
        "missing": _missing(options),
        "day_first": TOLD[options.day_first],
        **{name: getattr(options, name) for name in COLUMN_OPTIONS},
    }


def _missing(options: argparse.Namespace) -> str:
    return "drop" if getattr(options, "drop_missing", False) else "impute"


def _left_out(table: CsvTable) -> tuple[str, ...]:
    """Return a note on the rows that --drop-missing has left out, if any."""
    return (f"{table.path}: {LEFT_OUT} a value: {table.n_left_out} rows",) if table.n_left_out else ()


def _named(data: str) -> Dataset:
    loaders: dict[str, Callable[[], Dataset]] = {**BUNDLED, **GENERATORS, "mnist": lambda: load_mnist().train}
    if data not in loaders and any(character in data for character in "./\\:"):
        raise UsageError(
            on_address(data) or f"no such data set or file: {data}; expected a bundled name, mnist:FOLDER, .csv or .npz"
        )
    return lookup("data set", data, loaders)()


def is_table_name(name: str) -> bool:
    """Tell whether a file is called as tables are."""
    return name.lower().removesuffix(".gz").endswith(TEXT_SUFFIXES) or is_npz(name)


def is_data_set(name: str) -> bool:
    """Tell whether a name is that of a data set."""
    return name in BUNDLED or name in GENERATORS or _is_mnist(name)


def _is_csv(data: str) -> bool:
    return not (is_data_set(data) or is_npz(data)) and (is_table_name(data) or Path(data).exists())


def _is_mnist(data: str) -> bool:
    return data == "mnist" or data.startswith("mnist:")


def _refuse(options: argparse.Namespace, names: Iterable[str], kinds: str) -> None:
    given = [name for name in names if getattr(options, name, None) not in (None, (), False)]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} is for {kinds}, and {options.data} is none; leave it out")


def _check_width(data: str, n_features: int, expected: int) -> None:
    if n_features != expected:
        raise UsageError(f"{data} has {n_features} features, but the model expects {expected}")


def _check_same(data: str, what: str, found: tuple[str, ...], expected: tuple[str, ...]) -> None:
    if found != expected:
        raise UsageError(
            f"{data} is not what the model was trained on: it has the {what} {_some(found)}, "
            f"the model expects {_some(expected)}"
        )


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
