"""A choice of data: what the page may choose, and the rows that a choice stands for."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.checks import Rule
from nncore.base.names import lookup
from nncore.builder.refusal import Refusal, located
from nncore.builder.rules import flag_or, one_of, several, text
from nncore.datasets import Dataset, load_mnist, read_csv, read_npz
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.generators import GENERATORS
from nncore.datasets.schema import IMPUTE
from nncore.datasets.tables import is_npz

CSV, FILE, MNIST = "csv", "file", "mnist"
MOST_ROWS, MOST_COLUMNS, MOST_CLASSES = 20_000, 100, 20
"""Of what is generated."""
MOST_ROWS_READ, MOST_VALUES_READ = 100_000, 1_000_000
"""Of a table that a page sends: some seconds."""


def bare_name(argument: str, value: Any) -> str:
    """Rule: the name of a file, without folders and without what no line of a text can hold."""
    name: str = text(200)(argument, value)
    if not name.isprintable() or set(name) & set("/\\"):
        raise ValueError(f"{argument} must be the name of a file alone, got {name!a}")
    return name


GENERATED: dict[str, Rule] = {
    "n_samples": checks.integer(2, MOST_ROWS),
    "noise": checks.real(0, 100),
    "seed": checks.integer(0, 2**53 - 1),
    "factor": checks.real(0, 1, above=True, below=True),
    "arms": checks.integer(2, MOST_CLASSES),
    "turns": checks.real(-10, 10),
    "classes": checks.integer(2, MOST_CLASSES),
    "n_features": checks.integer(1, MOST_COLUMNS),
}
TABLES: dict[str, Rule] = {
    "file": bare_name,
    "target": text(1000),
    "task": one_of("auto", "classification", "regression"),
    "categorical": several(text(1000), 1000),
    "ignore": several(text(1000), 1000),
    "missing": one_of("impute", "drop", "error"),
    "missing_values": several(text(1000), 1000),
}
AS_A_RULE = {"missing": "impute"}
"""Options of tables that are as on the command line, and not as in Python, where nothing else is given."""
ON_THE_PAGE = {
    "missing='drop', on the command line --drop-missing": "Missing values: Drop row",
    "ignore=, on the command line --ignore": "under Columns",
    "categorical=, on the command line --categorical": "under Columns",
    "target=, on the command line --target": "the box Target",
    "task='regression', on the command line --task regression": "the box Task",
    "task='classification', on the command line --task classification": "the box Task",
}
IN_THE_FILE = {
    "date_parts=, on the command line --date-parts": "in a script",
    "day_first=, on the command line --day-first": "in a script, or write dates as 2024-01-31 in the file",
    "decimal=, on the command line --decimal": "in a script, or write numbers as 1250.5 in the file",
    "delimiter=, on the command line --delimiter": "by a line such as sep=; above the table, in the file",
    "encoding=, on the command line --encoding": "in a script, or save the file as UTF-8",
    "header=True, on the command line --header yes": "by names that are no numbers, in that row of the file",
    "header=False, on the command line --header no": "by a row of names above it, in the file",
    "missing_values=, on the command line --missing-values": "in a script, or leave the field empty in the file",
}
"""What to do about options that neither the page nor ``nncore builder`` has."""
SELECTION: dict[str, Rule] = {"features": several(text(1000), 10_000), "standardize": flag_or}
"""Options of every data set: the features to read, in their order, and whether to standardise them."""


@dataclass(frozen=True)
class Source:
    """A choice of data: what to load and how to read it.

    Attributes
    ----------
    name : str
        A bundled or generated data set, ``"mnist"``, ``"csv"`` for a table the page sent, ``"file"`` for one that was
        named on the command line.
    options : dict
        Those of `GENERATED`, `TABLES` and `SELECTION` that were given.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as JSON-safe dict."""
        return {"name": self.name, "options": dict(self.options)}


def options_of(name: str) -> dict[str, Rule]:
    """Return the rules of the options of a data set, by name.

    Examples
    --------
    >>> list(options_of("xor"))
    ['n_samples', 'noise', 'seed', 'features', 'standardize']
    """
    if name in GENERATORS:
        return {key: GENERATED[key] for key in inspect.signature(GENERATORS[name]).parameters} | SELECTION
    return (TABLES if name in (CSV, FILE) else {}) | SELECTION


def source(name: str, options: Mapping[str, Any]) -> Source:
    """Return the checked choice.

    Raises
    ------
    Refusal
        If the data set or an option is unknown, or a value out of its range.
    """
    known = {key: key for key in (*BUNDLED, *GENERATORS, MNIST, CSV, FILE)}
    located("data.name", lookup, "data set", name, known)
    rules = options_of(name)
    checked = {}
    for key, value in options.items():
        rule = located(f"data.options.{key[:80]}", lookup, f"option of {name}", key, rules)
        checked[key] = located(f"data.options.{key}", rule, key, value)
    return Source(name, checked)


def load(
    chosen: Source, csv: str | None = None, path: str | None = None, say: Callable[[str], object] = lambda note: None
) -> Dataset:
    """Return the rows of a choice, with all features; `selected` returns those that it names.

    Parameters
    ----------
    chosen : Source
    csv : str, optional
        The table of a source ``"csv"``.
    path : str, optional
        The file of a source ``"file"``, or the folder of MNIST; it comes from the command line, never from the page.
    say : callable, optional
        Called with each thing that was guessed of a table, in words; by default nobody is told.

    Raises
    ------
    Refusal
        If the table cannot be understood, or MNIST is not found.
    """
    options = {key: value for key, value in chosen.options.items() if key not in (*SELECTION, "file")}
    where = "data.csv" if chosen.name == CSV else "data.options"
    try:
        with _said(say, str(chosen.options.get("file", "data.csv"))):
            dataset = _loaded(chosen, options, csv, path)
    except OSError as error:
        what = f"{error.filename or path}: {error.strerror}" if error.strerror else str(error)
        raise Refusal(what, "data.name") from None
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), "data.options.target" if "there is no column" in str(error) else where) from None
    if len(dataset) < 2:
        raise Refusal("there is 1 row; a network needs two at the least, and learns from hundreds", where)
    if dataset.target_names is not None and len(np.unique(dataset.y)) < 2:
        raise Refusal(f"every row is of class {dataset.target_names[int(dataset.y[0])]!r}; expected two or more", where)
    return dataset


@contextlib.contextmanager
def _said(say: Callable[[str], object], name: str) -> Iterator[None]:
    """Hand what readers warn of to `say`, with the page's words for options and the `name` of the file."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", UserWarning)
        yield
    for one in heard:
        say(_as_on_the_page(re.sub(r"^\S.*?\.(csv|tsv|txt|gz|npz)(?=:)", lambda _: name, str(one.message), count=1)))


def _loaded(chosen: Source, options: Mapping[str, Any], csv: str | None, path: str | None) -> Dataset:
    loaders: dict[str, Callable[[], Dataset]] = {
        **BUNDLED,
        **{name: partial(make, **options) for name, make in GENERATORS.items()},
        MNIST: lambda: load_mnist(path if path is not None and Path(path).is_dir() else None).train,
        CSV: lambda: _pasted(csv, str(chosen.options.get("file", "data.csv")), {**AS_A_RULE, **options}),
        FILE: lambda: _named(path, str(chosen.options.get("file", "FILE")), {**AS_A_RULE, **options}),
    }
    return loaders[chosen.name]()


@lru_cache(maxsize=4)
def digest(csv: str) -> str:
    """Return a short text that differs for different tables.

    Examples
    --------
    >>> digest("a,b") == digest("a,b"), digest("a,b") == digest("a,c")
    (True, False)
    """
    return hashlib.blake2b(csv.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def mnist_found(path: str | None) -> bool:
    """Tell whether the files of MNIST are where they are looked for: in a folder that was named, or in $NNCORE_DATA."""
    named = path if path is not None and Path(path).is_dir() else os.environ.get("NNCORE_DATA")
    return bool(named) and any(any(Path(str(named), sub).glob("train-images*")) for sub in ("", "mnist"))


def _pasted(csv: str | None, name: str, options: Mapping[str, Any]) -> Dataset:
    """Read a table that the page sent. Readers read files, so it is one for a moment, in a folder of our own."""
    if csv is None:
        raise ValueError("no CSV was given: send its text as csv")
    _check_size(csv)
    with tempfile.TemporaryDirectory(prefix="nncore-builder-") as folder:
        path = Path(folder, "data.csv")
        path.write_text(csv, encoding="utf-8", newline="")
        try:
            dataset = read_csv(path, **options)
        except ValueError as error:
            raise ValueError(_as_on_the_page(str(error).replace(str(path), name))) from None
        left = _left_out(path, dataset, options)
    return replace(dataset, name=name, description=f"Read from {name}.{left}")


def _check_size(csv: str) -> None:
    """Refuse a table that would take many seconds to be read, in which no page would be answered."""
    rows = max(csv.count("\n"), csv.count("\r")) + 1
    values = rows + max(csv.count(mark) for mark in ",;\t|")
    for n, most, what in ((rows, MOST_ROWS_READ, "rows"), (values, MOST_VALUES_READ, "values")):
        if n > most:
            raise ValueError(
                f"the table has about {n:,} {what}; the builder reads up to {most:,}: leave some out, or train on all "
                "of them with nncore train or in a script"
            )


def _as_on_the_page(message: str) -> str:
    """Return a reader's message with the page's words for the options that it names."""
    return _in_words_of(ON_THE_PAGE | IN_THE_FILE, message).replace(IMPUTE, "; Missing values: Fill keeps them")


def _in_words_of(table: Mapping[str, str], message: str) -> str:
    for options, words in table.items():
        message = message.replace(f"({options})", f"({words})")
    return message


def _named(path: str | None, file: str, options: Mapping[str, Any]) -> Dataset:
    if path is None:
        raise ValueError(f"files are named on the command line alone: start it anew, with nncore builder --data {file}")
    if is_npz(path):
        return read_npz(path, task=options.get("task", "auto"))
    try:
        dataset = read_csv(path, **options)
    except ValueError as error:  # the words of the command line, where its options are
        raise ValueError(_in_words_of(IN_THE_FILE, str(error))) from None
    return replace(dataset, description=dataset.description + _left_out(Path(path), dataset, options))


def _left_out(path: Path, dataset: Dataset, options: Mapping[str, Any]) -> str:
    """Return a second line for the description of a table: how many of its rows are left out as they have gaps."""
    if options.get("missing") != "drop":
        return ""
    n = sum(1 for _ in CsvTable(path).rows())
    left = n - len(dataset)
    if not left:
        return "\nNo row has a missing value."
    return f"\n{left:,} of its {n:,} rows have a missing value and are left out."


def selected(dataset: Dataset, names: list[str]) -> Dataset:
    """Return the data set of some features alone.

    Examples
    --------
    >>> selected(BUNDLED["iris"](), ["petal_length_cm"]).n_features
    Traceback (most recent call last):
        ...
    nncore.builder.refusal.Refusal: unknown feature 'petal_length_cm'; did you mean ...
    """
    known = {name: i for i, name in enumerate(dataset.feature_names)}
    columns = [located("data.options.features", lookup, "feature", name, known) for name in names]
    if not columns or len(set(columns)) < len(columns):
        raise Refusal("features must name at least one feature, and none twice", "data.options.features")
    schema = None if dataset.schema is None else dataset.schema.choose(names)
    return replace(dataset, X=dataset.X[:, columns], feature_names=tuple(names), schema=schema)
