"""Read a data set from a CSV file or from NumPy's NPZ format."""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base import callers
from nncore.base.reading import of_numpy
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dataset import Dataset
from nncore.datasets.inference import infer_schema
from nncore.datasets.labels import are_classes, check_task, class_of, label, on_alike, on_whole_numbers, sorted_labels
from nncore.datasets.stream import open_binary


def read_csv(
    path: str | os.PathLike[str],
    target: str | None = None,
    *,
    task: str = "auto",
    categorical: Collection[str] = (),
    ignore: Collection[str] = (),
    missing: str = "error",
    header: bool | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    decimal: str | None = None,
    missing_values: Collection[str | float] = (),
    day_first: bool | None = None,
    date_parts: Collection[str] = (),
) -> Dataset:
    """Read a CSV file (plain or gzipped) whose last column, or the column `target`, is to be predicted.

    A column of numbers becomes one feature, also if all have a decimal comma, thousands, one currency or one unit. So
    does a column of dates: the days since 1970-01-01. A column of text becomes one 0/1 feature per distinct text
    (one-hot), named ``column=text``; codes with leading zeros such as 007 are text. An empty field, NA, N/A, #N/A,
    <NA>, NaN, null and ? (in any case) count as missing; in a column of numbers or dates so do None, missing, a dash, a
    dot and the like. NA among codes of two letters is one of them.

    Parameters
    ----------
    path : str or path-like
    target : str, optional
        Name of the target column, ``"column 3"`` if the file has no header. Default: the last column.
    task : {"auto", "classification", "regression"}
        Auto takes a target of text, of codes such as 007, or of at most 20 different whole numbers that repeat
        themselves, for classes.
    categorical : collection of str
        Columns to treat as text although they hold numbers.
    ignore : collection of str
        Columns to leave out, such as names and row numbers.
    missing : {"error", "drop", "impute"}
        Whether a row with a missing value is an error, left out, or kept with NaN in ``X``, which `Preparation` fills
        with what it learns from the training rows; the feature ``column missing`` is then 1 where a number or date
        was missing. A row without target is left out, and a column without any value.
    header, delimiter, encoding, decimal
        See `CsvTable`; all but the encoding are detected by default.
    missing_values : collection of str or number
        What else stands for a missing value, such as ``["unknown", -999]``.
    day_first : bool, optional
        Whether 03/04/2024 is in April. By default another date of the column has to tell, as 31/01/2024 does; with
        dots, as in 03.04.2024, the day comes first.
    date_parts : collection of str
        Features to make of each date besides: ``"year"``, ``"month"``, ``"day"``, ``"weekday"`` (0 is Monday),
        ``"day_of_year"``, ``"hour"``, named as in ``column weekday``.

    Returns
    -------
    Dataset
        ``X`` is float64; ``y`` is int64 class indices or float64.

    Raises
    ------
    OSError
        If the file cannot be opened.
    TypeError
        If `categorical`, `ignore`, `missing_values` or `date_parts` is a string instead of a collection of them.
    ValueError
        If the file is not such a table. The message names the file, the line and the column.

    Warns
    -----
    UserWarning
        For whatever was guessed of the file and could be meant otherwise; the message names the option that tells it.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "fruit.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("mass,colour,kind\\n150,red,apple\\n120,yellow,banana\\n170,green,apple\\n")
    >>> fruit = read_csv(path)
    >>> fruit.feature_names
    ('mass', 'colour=green', 'colour=red', 'colour=yellow')
    >>> fruit.target_names, fruit.y.tolist()
    (('apple', 'banana'), [0, 1, 0])
    """
    table = CsvTable(path, header=header, delimiter=delimiter, encoding=encoding, decimal=decimal)
    dataset = read_table(
        table,
        target,
        task=task,
        categorical=categorical,
        ignore=ignore,
        missing=missing,
        missing_values=missing_values,
        day_first=day_first,
        date_parts=date_parts,
    )
    for note in table.notes:
        warnings.warn(note, stacklevel=callers.level())
    return dataset


def read_table(table: CsvTable, target: str | None = None, *, missing: str = "error", **columns: Any) -> Dataset:
    """Read `table` as `read_csv` reads a file; the other `columns` options are those of `infer_schema`."""
    schema = infer_schema(table, target=target, missing=missing, **columns)
    X, y = schema.read(table, missing=missing)
    assert y is not None  # the schema took its target from this very table
    return Dataset(X, y, schema.feature_names, schema.classes, table.path.stem, f"Read from {table.path}.", schema)


def is_npz(path: str | os.PathLike[str]) -> bool:
    """Tell by its name whether `read_npz` reads a file, or says what is wrong with it."""
    return Path(path).suffix.lower() in (".npz", ".npy")


def read_npz(path: str | os.PathLike[str], *, X: str = "X", y: str = "y", task: str = "auto") -> Dataset:
    """Read the arrays named `X` and `y` from a file written by ``numpy.savez``.

    Parameters
    ----------
    path : str or path-like
    X, y : str
        Names of the arrays. X may have more than two axes: all but the first are flattened. y has one value per row.
    task : {"auto", "classification", "regression"}
        As for `read_csv`.

    Returns
    -------
    Dataset
        float32 inputs stay float32, any others become float64.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no NPZ file, an array is missing or holds pickled objects, or shapes and values do not fit.

    Warns
    -----
    UserWarning
        If whole numbers are taken for classes or not, and might be meant otherwise, or if classes differ in case or
        blanks alone.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "two.npz")
    >>> np.savez(path, X=[[0.5, 1.0], [2.0, 3.0]], y=["no", "yes"])
    >>> read_npz(path)
    <Dataset two: 2 rows, 2 features, 2 classes>
    """
    check_task(task)
    inputs, targets = read_npz_arrays(path, X, y)
    if targets is None:
        raise ValueError(f"{path}: there is no array {y!r}; name the target array (y=)")
    classes = None if task == "regression" else _class_names(targets, task)
    labels = {label(value) for value in np.unique(targets)} if task == "auto" else ()
    alike = "" if classes is None else on_alike(classes)
    for note in (
        on_whole_numbers(y, labels, classes=classes is not None) if labels else "",
        f"target {y!r} {alike}" if alike else "",
    ):
        if note:
            warnings.warn(f"{path}: {note}", stacklevel=callers.level())
    names = tuple(f"x{i}" for i in range(inputs.shape[1]))
    indices = encode_targets(targets, classes, str(path))
    return Dataset(inputs, indices, names, classes, Path(path).stem, f"Read from {path}.")


def read_npz_arrays(
    path: str | os.PathLike[str], X: str = "X", y: str | None = "y"
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the checked array `X`, shape (n_samples, n_features), and the raw array `y`, or None if there is none."""
    with open_binary(path) as stream, of_numpy(f"{path}: not a readable NPZ file"):
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a single array (.npy); expected a .npz file with arrays X and y, see numpy.savez")
        if twice := next((name for name in file.files if name in (X, y) and file.files.count(name) > 1), None):
            raise ValueError(f"two arrays are called {twice!r}, and readers differ in which one counts")
        if X not in file:
            raise ValueError(f"there is no array {X!r}; it holds {', '.join(file.files[:12]) or 'none'}")
        inputs, targets = _array(file, X), None if y is None or y not in file else _array(file, y)
    X_checked = _inputs(inputs, f"{path}: array {X!r}")
    return X_checked, None if targets is None else _targets(targets, len(inputs), f"{path}: array {y!r}")


def _array(file: Mapping[str, Any], name: str) -> np.ndarray:
    values = file[name]
    if not isinstance(values, np.ndarray):  # NumPy gives the bytes of what does not begin as an array
        raise ValueError(f"{name!r} in it is no array of NumPy's; write it by numpy.savez")
    return values


def encode_targets(values: np.ndarray, classes: tuple[str, ...] | None, where: str) -> np.ndarray:
    """Return `values` as int64 indices into `classes`, or as float64 if that is None.

    Raises
    ------
    ValueError
        If a value is no class, or no finite number; the message begins with `where`.
    """
    if classes is None:
        wrong = values.dtype.kind not in "biuf"
        if wrong or not np.isfinite(values).all():
            row = 0 if wrong else int(np.isfinite(values).argmin())
            got = f"dtype {values.dtype}" if wrong else f"{values.flat[row]} in row {row}"
            raise ValueError(f"{where}: the target must hold finite numbers, got {got}")
        return values.astype(np.float64)
    distinct, inverse = np.unique(values, return_inverse=True)
    try:
        found = [class_of(value, classes) for value in distinct]
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return np.array(found, dtype=np.int64)[inverse]


def _inputs(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind not in "biuf" or values.ndim < 2 or 0 in values.shape:
        raise ValueError(
            f"{where} must hold numbers, one row per sample, got shape {values.shape}, dtype {values.dtype}"
        )
    values = values.reshape(len(values), -1)
    values = values.astype(np.float32 if values.dtype == np.float32 else np.float64, copy=False)
    if not np.isfinite(values).all():
        row, column = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"{where} holds {values[row, column]} in row {row}, column {column}; expected finite numbers")
    return values


def _targets(values: np.ndarray, n_samples: int, where: str) -> np.ndarray:
    if values.shape not in ((n_samples,), (n_samples, 1)):
        raise ValueError(f"{where} must have one value for each of the {n_samples} rows of X, got shape {values.shape}")
    if values.dtype.kind not in "biufU":
        raise ValueError(f"{where} must hold numbers or text, got dtype {values.dtype}")
    return values.reshape(n_samples)


def _class_names(values: np.ndarray, task: str) -> tuple[str, ...] | None:
    labels = {label(value) for value in np.unique(values)}
    return sorted_labels(labels) if task == "classification" or are_classes(labels, len(values)) else None
