"""A history as one table, as plain data for JSON, and in files."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from nncore.base import atomic, checks, memory, reading, strict_json
from nncore.base.protocols import LayerRecord, Record
from nncore.base.recorded import DIVERGED, FACTS
from nncore.base.spreadsheets import inert
from nncore.history.layers import FIELDS, N_BINS, LayerHistory
from nncore.version import __version__

FORMAT = "nncore history"
FORMAT_VERSION = 1
NEEDED = {
    "inputs": ("mean_min", "mean_max", "std_min", "std_max", "narrowest", "widest"),
    "targets": ("rows",),
    "diverged": DIVERGED,
}
"""What of them must be there, so that those who read a history need not ask."""

NAMES = "names"  # of classes, which the command line adds
LISTS = ("counts", "validation_counts")
"""What of them is a list; all else is one number."""

NOT_COLUMNS = ("epoch", "layers", *FACTS)
"""Keys of the plain form that are no columns."""

EPOCH = checks.integer(0, checks.COUNT)


class Kept(Record, Protocol):
    """What is kept in files: a record, its columns also as lists."""

    @property
    def epoch(self) -> list[int]: ...
    @property
    def history(self) -> dict[str, list[float]]: ...


class Content(NamedTuple):
    """All that a file holds of a history, checked."""

    epochs: list[int]
    columns: dict[str, list[float]]
    layers: dict[str, LayerHistory]
    symmetric: tuple[str, ...]
    facts: dict[str, dict[str, Any] | None]


# ---- one table


def table(history: Kept) -> dict[str, list[Any]]:
    """Return one list per column, all equally long; see ``History.table``."""
    columns: dict[str, list[Any]] = {"epoch": history.epoch, **history.history}
    row_of = {epoch: row for row, epoch in enumerate(history.epoch)}
    for name, layer in history.layers.items():
        rows = [row_of.get(epoch, -1) for epoch in layer.epochs.tolist()]
        for field in FIELDS:
            column = np.full(len(history) + 1, math.nan)  # its last place takes what belongs to no epoch
            column[rows] = layer[field]
            columns[f"{name}.{field}"] = column[:-1].tolist()
    return columns


def csv_text(history: Kept) -> str:
    """Return the table as CSV; see ``History.to_csv``."""
    columns = table(history)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(inert, columns))
    writer.writerows(["" if value != value else value for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue()


def to_csv(history: Kept, path: str | os.PathLike[str]) -> None:
    """Write the table as CSV; see ``History.to_csv``."""
    atomic.write(path, csv_text(history).encode())


# ---- plain data


def to_dict(history: Kept) -> dict[str, Any]:
    """Return all there is as plain data; see ``History.to_dict``."""
    facts = {name: _plain(getattr(history, name)) for name in FACTS if getattr(history, name)}
    layers = {name: _plain_layer(layer) for name, layer in history.layers.items()}
    return {"epoch": history.epoch, **_plain(history.history), **({"layers": layers} if layers else {}), **facts}


def _plain_layer(layer: LayerRecord) -> dict[str, Any]:
    records: dict[str, Any] = {field: layer[field].tolist() for field in FIELDS}
    records["histogram"] = layer.histogram.tolist()
    about = {"kind": layer.kind, "activation": layer.activation, "epochs": layer.epochs.tolist()}
    return about | _plain(records)  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if value != value else ("Infinity" if value > 0 else "-Infinity")
    return value


def from_dict(data: Any) -> Content:
    """Read plain data; see ``History.from_dict``."""
    fields = _object("a history", data)
    if "epoch" not in fields:
        raise ValueError("a history needs the key 'epoch', a list with the number of each epoch")
    epochs = _epochs_in_any_order("epoch", fields["epoch"])
    columns = {name: value for name, value in fields.items() if name not in NOT_COLUMNS}
    numbers = {name: _numbers(name, value, len(epochs)) for name, value in columns.items()}
    layers = {name: _layer(name, value) for name, value in _object("layers", fields.get("layers", {})).items()}
    symmetric = tuple(checks.text("symmetric", name) for name in checks.items("symmetric", fields.get("symmetric", [])))
    facts = {name: _facts(name, fields[name]) if name in fields else None for name in NEEDED}
    return Content(epochs, numbers, layers, symmetric, facts)


def _layer(name: str, value: Any) -> LayerHistory:
    fields = _object(f"layers[{name[:80]!r}]", value)
    expected = ("kind", "activation", "epochs", *FIELDS, "histogram")
    if set(fields) != set(expected):
        missing, extra = sorted(set(expected) - set(fields)), sorted(set(fields) - set(expected))
        raise ValueError(f"layer {name[:80]!r}: missing {missing}, unexpected {extra}"[:300])
    layer = LayerHistory(name, checks.text("kind", fields["kind"]), checks.text("activation", fields["activation"]))
    epochs = _epochs(f"{name}.epochs", fields["epochs"])
    columns = [_numbers(f"{name}.{field}", fields[field], len(epochs)) for field in FIELDS]
    rows = checks.items(f"{name}.histogram", fields["histogram"], len(epochs))
    bins = [_numbers(f"{name}.histogram[{i}]", row, N_BINS) for i, row in enumerate(rows)]
    layer.extend(epochs, np.hstack([np.array(columns).T.reshape(-1, len(FIELDS)), np.array(bins).reshape(-1, N_BINS)]))
    return layer


def _facts(name: str, value: Any) -> dict[str, Any]:
    """Check a dict of numbers and lists of numbers, and names of classes; whole numbers stay whole."""
    found: dict[str, Any] = {}
    for key, item in _object(name, value).items():
        where = f"{name}.{key}"
        if key == NAMES:
            found[key] = [_text(f"{where}[{i}]", one) for i, one in enumerate(checks.items(where, item))]
            continue
        number = _numbers(where, item) if key in LISTS else _number(where, item)
        found[key] = item if type(item) is int else number
    missing = [key for key in NEEDED[name] if key not in found]
    if missing:
        raise ValueError(f"{name} lacks {', '.join(missing)}")
    return found


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {checks.described(value)}")
    return value


def _epochs_in_any_order(name: str, value: Any) -> list[int]:
    return [EPOCH(f"{name}[{i}]", item) for i, item in enumerate(checks.items(name, value))]


def _epochs(name: str, value: Any) -> list[int]:
    epochs = _epochs_in_any_order(name, value)
    if any(after <= before for before, after in itertools.pairwise(epochs)):
        raise ValueError(f"{name} must hold ascending numbers")
    return epochs


def _numbers(name: str, value: Any, length: int | None = None) -> list[float]:
    return [_number(f"{name}[{i}]", item) for i, item in enumerate(checks.items(name, value, length))]


def _number(name: str, value: Any) -> float:
    if value is None:
        return math.nan
    if value in ("Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f'{name} must be a number, None, "Infinity" or "-Infinity", got {checks.described(value)}')
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} is a whole number past the largest float") from None


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a dict, got {checks.described(value)}")
    return value


# ---- files


def save(history: Kept, path: str | os.PathLike[str]) -> None:
    """Write a JSON file; see ``History.save``."""
    content = {"format": FORMAT, "format_version": FORMAT_VERSION, "nncore_version": __version__}
    text = json.dumps({**content, "history": to_dict(history)}, allow_nan=False)
    atomic.write(path, text.encode())


def load(path: str | os.PathLike[str]) -> Content:
    """Read a file; see ``History.load``."""
    with reading.open_regular(path) as file:
        start, size = file.peek(), os.fstat(file.fileno()).st_size
        if size > memory.available():  # of a file of holes, reading would end with all memory taken
            raise MemoryError(f"{os.fsdecode(path)!r} has {memory.readable(size)}, more than there is memory")
        content = start if b"\0" in start else file.read()  # JSON has none: the start of it is enough to refuse
    try:
        return from_dict(_unpacked(content))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ValueError(f"{os.fsdecode(path)!r} cannot be read as a history: {error}") from error


def _unpacked(content: bytes) -> Any:
    hint = "a history file is written by History.save and by 'nncore train --history'"
    try:
        found = strict_json.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError(f"it is not a text file; {hint}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON, or was cut off ({error}); {hint}") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise ValueError(f"it is JSON, but not of the format {FORMAT!r}; {hint}")
    version = EPOCH("format_version", found.get("format_version"))
    if version > FORMAT_VERSION:
        writer = str(found.get("nncore_version"))[:80]
        raise ValueError(f"its format version {version} is newer than supported {FORMAT_VERSION}; upgrade to {writer}")
    if "history" not in found:
        raise ValueError("it has no key 'history'")
    return found["history"]
