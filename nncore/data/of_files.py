"""Files as sources: one after the other, by pattern."""

from __future__ import annotations

import glob
import gzip
import itertools
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.paths import expanded
from nncore.base.reading import of_numpy, open_regular
from nncore.base.source import Chunk, Source
from nncore.data import arrow
from nncore.data.rows import Rows
from nncore.data.stored import Stored
from nncore.data.table import without_target

LINES = 2**14  # of text that are read together
ROWS = 2**16  # of other files

Parts = Iterator[tuple[Any, Any, Any]]
"""X, y and weight of some rows."""


def files(
    pattern: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    target: str | int | None = None,
    *,
    transform: Callable[[Any], Any] | None = None,
) -> Source:
    """Return the rows of files that are numbers: ``files("part-*.npy", target=-1)``.

    Parameters
    ----------
    pattern : str, path, or several
        Files, or patterns of them as ``*.npy``, in the order of their names. How rows are cut into files changes
        nothing.

        - ``.npy``: tables of NumPy, read where they lie.
        - ``.npz``: arrays ``X``, ``y`` and ``weight`` of each.
        - ``.csv``, ``.csv.gz``: numbers with commas between them, below a line of names or none.
        - ``.parquet``: columns of numbers; needs ``pip install pyarrow``.

        All but the first kind are read once, and put into a temporary file: see `Batches`.
    target : str or int, optional
        The column that is y: its name, or its number; in .npz files the array. By default there is none, but in .npz
        files ``y``.
    transform : callable, optional
        What to make of X, rows (n, n_features): see `Rows`.

    Returns
    -------
    Source

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If files are of a kind that cannot be read, or of several.

    Examples
    --------
    >>> import os, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> for k in range(3):
    ...     np.save(os.path.join(folder, f"part-{k}.npy"), np.random.default_rng(k).normal(size=(100, 4)))
    >>> source = files(os.path.join(folder, "part-*.npy"), target=-1)
    >>> from nncore import Dense, Sequential
    >>> history = Sequential([Dense(1)], seed=0).fit(source, epochs=2)
    """
    if not isinstance(target, (str, int, np.integer, type(None))):
        raise TypeError(
            f"target must be the name or number of one column, got {checks.described(target)}; for several, yield "
            "(X, y) from a function that nncore.data.Batches is given, y a list or dict of them for several outputs"
        )
    paths = _found(pattern)
    kinds = sorted({_kind(path) for path in paths})
    if len(kinds) > 1:
        raise ValueError(f"files must be of one kind, got {', '.join(kinds)}")
    for path in paths:
        open_regular(path).close()  # a pipe would keep the readers waiting
    if kinds[0] == ".npy":
        return _of_arrays([Stored(path) for path in paths], target, transform)
    return Files(paths, kinds[0], target, transform)


class Files(Source):
    """Files that are read from their beginning to their end; made by `files`."""

    def __init__(self, paths: list[str], kind: str, target: str | int | None, transform: Any) -> None:
        self.paths, self._read, self._target, self._transform = paths, READERS[kind], target, transform

    def chunks(self) -> Iterator[Chunk]:
        for path in self.paths:
            first = 0
            for X, y, weight in _named(self._read(path, self._target), path):
                yield Chunk(X, y, weight, path, first, self._transform)
                first += len(X)


def _named(parts: Parts, path: str) -> Parts:
    """Yield what a reader does, whose errors say which file cannot be read."""
    try:
        yield from parts
    except (ValueError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise error if path in str(error) else ValueError(f"{path}: {error}") from error
    except OSError as error:
        raise error if error.errno is not None else ValueError(f"{path}: {error}") from error


def _found(pattern: Any) -> list[str]:
    patterns = [pattern] if isinstance(pattern, (str, os.PathLike)) else list(pattern)
    paths: list[str] = []
    for one in map(expanded, patterns):
        matching = [one] if os.path.exists(one) else sorted(glob.glob(one))
        if not matching:
            raise FileNotFoundError(f"there is no file {one}")
        paths += map(os.path.abspath, matching)  # wherever the program goes meanwhile
    if not paths:
        raise ValueError("files needs a pattern or more, got none")
    return paths


def _kind(path: str) -> str:
    if os.path.isdir(path):
        raise ValueError(f"{path} is a folder: name its files, as in files({os.path.join(path, '*.csv')!r})")
    suffixes = Path(path.lower().removesuffix(".gz")).suffix
    if suffixes not in SUFFIXES or (path.lower().endswith(".gz") and suffixes != ".csv"):
        raise ValueError(f"{path}: files must be .npy, .npz, .csv, .csv.gz or .parquet")
    return suffixes


class Tables(Rows):
    """Rows of tables one column of which is y: it is read when they are looked through, as it then is."""

    def __init__(self, parts: list[Any], target: int, transform: Any) -> None:
        for part in parts:
            if not -part.shape[1] <= target < part.shape[1]:
                raise ValueError(f"{part.filename}: target={target} is no column of {part.shape[1]}")

        def without(rows: Any) -> Any:
            X = np.delete(rows, target, axis=1)
            return X if transform is None else transform(X)

        super().__init__(parts, transform=without)
        self._target = target

    def chunks(self) -> Iterator[Chunk]:
        self.y = np.concatenate(  # of copies: views would keep all columns
            [
                part[first : first + ROWS][:, self._target].copy()
                for part in self.parts
                for first in range(0, max(part.shape[0], 1), ROWS)
            ]
        )
        yield from super().chunks()


def _of_arrays(parts: list[Any], target: Any, transform: Any) -> Rows:
    """Return rows of tables, one column of which may be y."""
    if target is None:
        return Rows(parts, transform=transform)
    if isinstance(target, bool) or not isinstance(target, (int, np.integer)):
        raise TypeError(f"target must be the number of a column of a .npy file, got {checks.described(target)}")
    return Tables(parts, int(target), transform)


def _read_npz(path: str, target: Any) -> Parts:
    with of_numpy(f"{path}: not a readable NPZ file"), open(path, "rb") as stream:
        file = np.load(stream, allow_pickle=False)
        if not isinstance(file, np.lib.npyio.NpzFile):
            raise ValueError("a single array (.npy); name it .npy")
        name = "y" if target is None else target
        if "X" not in file or (target is not None and name not in file):
            missing = "X" if "X" not in file else name
            raise ValueError(f"there is no array {missing!r}, only {', '.join(file.files) or 'none'}")
        arrays = {key: file[key] for key in ("X", name, "weight") if key in file}
        if other := next((key for key, values in arrays.items() if not isinstance(values, np.ndarray)), None):
            raise ValueError(f"{other!r} in it is no array of NumPy's; write it by numpy.savez")
    yield arrays["X"], arrays.get(name), arrays.get("weight")


def _read_csv(path: str, target: Any) -> Parts:
    opener: Any = gzip.open if path.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        top = file.readline()
        fields, names = _header(top)
        if other := next((mark for mark in ";\t|" if mark in top and len(fields) == 1), None):
            raise ValueError(f"there are {other!r} between the fields of line 1: only commas are read")
        lines: Iterator[str] = itertools.chain([top], file) if names is None else iter(file)
        n = 1 if names is None else 2
        while part := list(itertools.islice(lines, LINES)):
            values = _numbers(part, path, n, names)
            n += len(part)
            if len(values):
                yield *without_target(values, names, target, path), None


def _header(line: str) -> tuple[list[str], list[str] | None]:
    """Return the fields of a line, and the same as names of columns; None if it holds numbers."""
    fields = [field.strip().strip('"') for field in line.split(",")]
    return fields, None if all(map(_is_number, fields)) else fields


def names_of(path: str) -> tuple[str, ...] | None:
    """Return what the columns of a file are called, the target among them; None where they have no names.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "prices.csv")
    >>> with open(path, "w") as file:
    ...     _ = file.write("rooms,price\\n3,200\\n")
    >>> names_of(path)
    ('rooms', 'price')
    """
    kind = _kind(path)
    if kind == ".parquet":
        with arrow.pyarrow(f"reading {path}").parquet.ParquetFile(path) as file:
            return arrow.names_of(file.schema_arrow)
    if kind != ".csv":
        return None
    opener: Any = gzip.open if path.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        names = _header(file.readline())[1]
    return None if names is None else tuple(names)


def _numbers(lines: list[str], path: str, first: int, names: list[str] | None) -> Any:
    filled = [line for line in lines if line.strip()]
    if not filled:
        return np.empty((0, len(names or ())))
    try:
        values = np.loadtxt(filled, delimiter=",", comments=None, ndmin=2)
        if names is not None and values.shape[1] != len(names):
            raise ValueError(f"{values.shape[1]} fields below {len(names)} names")
    except ValueError as error:
        raise _wrong_line(lines, path, first, names) or ValueError(f"{path}: {error}") from None
    return values


def _wrong_line(lines: list[str], path: str, first: int, names: list[str] | None) -> ValueError | None:
    """Return the error that says which line and column holds no number; None if that cannot be said."""
    width = len(names or lines[0].split(","))
    for number, line in enumerate(lines, first):
        fields = line.strip().split(",")
        if line.strip() and len(fields) != width:
            return ValueError(f"{path}, line {number}: {len(fields)} fields, expected {width}")
        for k, field in enumerate(fields if line.strip() else ()):
            if not _is_number(field):
                column = names[k] if names else k
                what = f"{field.strip()!r} is no number" if field.strip() else "there is no value"
                mend = "only numbers can be streamed; nncore.datasets.read_csv reads text, dates and gaps"
                return ValueError(f"{path}, line {number}, column {column!r}: {what}; {mend}")
    return None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _read_parquet(path: str, target: Any) -> Parts:
    with arrow.pyarrow(f"reading {path}").parquet.ParquetFile(path) as file:
        for group in range(file.num_row_groups):  # one by one: else those that are done with are held on to
            for batch in file.iter_batches(batch_size=ROWS, row_groups=[group]):
                yield *arrow.parted(batch, target, path), None


READERS: dict[str, Callable[[str, Any], Parts]] = {".npz": _read_npz, ".csv": _read_csv, ".parquet": _read_parquet}

SUFFIXES = (".npy", *READERS)
"""What files that can be read are called; and .csv.gz."""
