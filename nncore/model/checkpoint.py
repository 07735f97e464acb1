"""What a model file says: layers, loss, optimizer, counters, weights and optimizer state.

Nothing in a file is executed, and names are looked up only in the tables of layers, losses, optimizers and metrics. The
tensors' shapes are worked out from the layers, never believed.
"""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from nncore import layers, losses, optimizers
from nncore.arrays.inputs import all_finite
from nncore.base import atomic, callers, checks, reading
from nncore.base.names import lookup
from nncore.base.suffixes import suffix_of_others
from nncore.base.typing import Array
from nncore.errors import ModelFileError
from nncore.layers import Layer
from nncore.losses import Loss
from nncore.model import modelfile
from nncore.optimizers import Optimizer
from nncore.program import MIXED_BFLOAT16, Program, lower
from nncore.program.naming import count_layers
from nncore.training import outputs, scoring
from nncore.version import __version__

FORMAT_VERSION = 3
"""The newest that is read. A file is of the oldest that can say all there is to say, so that older readers read it."""
MOST_NAMES = 2**19  # characters of JSON, in which a header of at most 2**20 puts a backslash before each quote


@dataclass
class Snapshot:
    """Everything a model file holds.

    Attributes
    ----------
    layers : tuple of Layer
    n_features : int
    loss : Loss
    loss_is_inferred : bool
        True if it follows from the last layer.
    optimizer : Optimizer
    metrics : tuple of str
        Names, of several outputs a tuple for each; metrics that are functions are not kept.
    seed, epoch, iterations : int
        Seed of the model, epochs trained, updates done.
    name : str or None
    metadata : dict of str to str
        The user's notes.
    parameters : ndarray of shape (n_parameters,)
    statistics : ndarray of shape (n_statistics,)
    slots : ndarray of shape (n_slots, n_parameters)
    drawn : int
        As in `nncore.training.state.State`.
    feature_names, output_names : tuple of str, or None
        Of the tables that the model was trained on.
    precision : "mixed_bfloat16" or None
        Of the products, where it is not that of the parameters.
    """

    layers: tuple[Layer, ...]
    n_features: int
    loss: Loss
    loss_is_inferred: bool
    optimizer: Optimizer
    metrics: tuple[Any, ...]
    seed: int
    epoch: int
    iterations: int
    name: str | None
    metadata: dict[str, str]
    parameters: Array
    statistics: Array
    slots: Array
    drawn: int = 0
    feature_names: tuple[str, ...] | None = None
    output_names: tuple[str, ...] | None = None
    precision: str | None = None


def save(path: Any, snapshot: Snapshot) -> None:
    """Write a model file, or to a file that is open for bytes.

    See `nncore.base.atomic.write` for what is promised if that fails.

    Warns
    -----
    UserWarning
        If the name of the file promises another format.
    """
    if callable(getattr(path, "write", None)):
        _write(path, pieces(snapshot))
        return
    _check_path(path)
    if said := suffix_of_others(path):
        warnings.warn(said, UserWarning, stacklevel=callers.level())
    atomic.write(path, pieces(snapshot))


def _write(file: Any, pieces: list[memoryview]) -> None:
    """Write all pieces to a file that is open for bytes; those without a buffer may take a part of one at a time."""
    try:
        for left in pieces:
            while left:
                n = file.write(left)
                left = left[len(left) if n is None else n :]
    except TypeError as error:
        raise TypeError(f"path is a file for text, got {checks.described(file)}; open it with mode 'wb'") from error


def _check_path(path: Any) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        how = "without a file, model.to_bytes() gives bytes, and nncore.load takes them"
        raise TypeError(f"path must be a str, path-like or a binary file, got {checks.described(path)}; {how}")


def encode(snapshot: Snapshot) -> bytes:
    """Return the content of a model file; equal models give equal bytes. `save` does without this copy of all weights.

    Raises
    ------
    TypeError, ValueError
        If the user's metadata are not strings or too long, or a parameter or slot is not finite.
    ModelFileError
        If `load` would refuse the description.
    """
    return b"".join(pieces(snapshot))


def pieces(snapshot: Snapshot) -> list[memoryview]:
    """Return what `encode` joins: the header, and views of the weights."""
    state = {"parameters": snapshot.parameters, "statistics": snapshot.statistics, "optimizer state": snapshot.slots}
    for what, array in state.items():
        if not all_finite(array):
            raise ValueError(f"cannot save a model whose {what} hold NaN or infinity")
    for key, value in snapshot.metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata must map str to str, got {key!r}: {value!r}")
    description = _describe(snapshot)
    # a file that could never be read back must not be written
    program = _lowered(_checked_fields(modelfile.round_trip(description)))
    return modelfile.pack(description, _tensors(program, snapshot.parameters, snapshot.statistics, snapshot.slots))


def _describe(snapshot: Snapshot) -> dict[str, Any]:
    later: dict[str, Any] = {"drawn": snapshot.drawn} if snapshot.drawn > count_layers(snapshot.layers) else {}
    later |= _kept_names({name: getattr(snapshot, name) for name in NAMES})
    latest = {} if snapshot.precision is None else {"precision": snapshot.precision}
    optimizer = optimizers.to_dict(snapshot.optimizer)
    if not optimizer.get("decay_bias"):  # as ever in format 1, which has no such field
        optimizer.pop("decay_bias", None)
    return {
        "format_version": 3 if latest else 2 if later or "decay_bias" in optimizer else 1,
        "nncore_version": __version__,
        "name": snapshot.name,
        "dtype": snapshot.parameters.dtype.name,
        "n_features": snapshot.n_features,
        "layers": [layers.to_dict(layer) for layer in snapshot.layers],
        "loss": losses.to_dict(snapshot.loss),
        "loss_is_inferred": snapshot.loss_is_inferred,
        "optimizer": optimizer,
        "metrics": list(snapshot.metrics),
        "seed": snapshot.seed,
        "epoch": snapshot.epoch,
        "iterations": snapshot.iterations,
        "metadata": snapshot.metadata,
        **later,
        **latest,
    }


def _kept_names(names: dict[str, tuple[str, ...] | None]) -> dict[str, Any]:
    """Return the names that fit into a file's header; a table of 100,000 columns is no reason not to save a model."""
    given = {name: columns for name, columns in names.items() if columns is not None}
    if len(json.dumps(given)) <= MOST_NAMES:
        return given
    warnings.warn(
        f"the names of {max(map(len, given.values()))} columns are too long for a model file and are not "
        "kept: of the loaded model, columns go by position",
        UserWarning,
        stacklevel=callers.level(),
    )
    return {}


def _slot_name(index: int) -> str:
    return f"optimizer/slot_{index}"


def load(path: Any) -> Snapshot:
    """Read a model file: of this path, open for bytes, or its content.

    Raises
    ------
    ModelFileError
        If the file is no model file, damaged, or of a newer format.
    OSError
        If it cannot be opened or read.
    """
    if callable(getattr(path, "read", None)):
        return _read_open(path)
    if isinstance(path, (bytearray, memoryview)) or (isinstance(path, bytes) and (not path or b"\0" in path)):
        content = bytes(path)  # which is no path: that would hold something, and no 0
        return read(io.BytesIO(content), len(content))
    _check_path(path)
    with reading.open_regular(path, ModelFileError) as file:
        try:
            return read(file, os.fstat(file.fileno()).st_size)
        except ModelFileError as error:
            raise ModelFileError(f"{os.fsdecode(path)!r}: {error}") from error


def _read_open(file: Any) -> Snapshot:
    """Read the rest of a file that is open for reading bytes."""
    content = file.read()
    if not isinstance(content, bytes):
        raise TypeError(f"path is a file for text, got {checks.described(file)}; open it with mode 'rb'")
    return read(io.BytesIO(content), len(content))


def read(file: BinaryIO, size: int) -> Snapshot:
    """Read a model file of `size` bytes that is open already.

    Raises
    ------
    ModelFileError
        If it is no model file, damaged, or of a newer format.
    """
    header = modelfile.read_header(file, size)
    fields = _checked_fields(header.description)
    program = _lowered(fields)
    dtype: np.dtype = fields.pop("dtype")
    slot_names = [_slot_name(i) for i in range(fields["optimizer"].n_slots)]
    shapes = {block.name: block.shape for block in (*program.parameters, *program.statistics)}
    shapes |= dict.fromkeys(slot_names, (program.n_parameters,))
    modelfile.check_tensors(size, header, shapes, dtype)
    parameters, statistics = np.empty(program.n_parameters, dtype), np.empty(program.n_statistics, dtype)
    slots = np.empty((len(slot_names), program.n_parameters), dtype)
    tensors = _tensors(program, parameters, statistics, slots)
    modelfile.read_tensors(file, header, tensors)
    for name in (block.name for block in program.statistics if block.name.endswith(".variance")):
        if (tensors[name] < 0).any():
            raise ModelFileError(f"tensor {name!r} must not be negative, got {tensors[name].min():g}")
    return Snapshot(parameters=parameters, statistics=statistics, slots=slots, **fields)


def _tensors(program: Program, parameters: Array, statistics: Array, slots: Array) -> dict[str, Array]:
    """Return the tensors of a file, which are views of what is given."""
    tensors = {block.name: block.of(parameters) for block in program.parameters}
    tensors |= {block.name: block.of(statistics) for block in program.statistics}
    return tensors | {_slot_name(i): slot for i, slot in enumerate(slots)}


def _checked_fields(description: dict[str, Any]) -> dict[str, Any]:
    """Return the description's fields, each passed through its rule."""
    description = {name: value for name, value in description.items() if name != "sha256"}
    version = description.pop("format_version", None)
    writer = description.pop("nncore_version", None)
    if type(version) is not int or version < 1:
        raise ModelFileError(f"invalid description: format_version must be an integer from 1, got {version!r}"[:200])
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"format version {version} is newer than supported {FORMAT_VERSION}; the file was written by nncore "
            f"{str(writer)[:80]}: upgrade nncore"
        )
    known = {**FIELDS, **(LATER if version > 1 else {}), **(LATEST if version > 2 else {})}
    missing, extra = sorted(FIELDS.keys() - description.keys()), sorted(description.keys() - known.keys())
    if missing or extra:
        raise ModelFileError(f"invalid description: missing {missing}, unexpected {extra}"[:300])
    try:
        return {name: rule(name, description[name]) for name, rule in known.items() if name in description}
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"invalid description: {error}") from error


def _lowered(fields: dict[str, Any]) -> Program:
    try:
        precision, dtype = fields.get("precision"), fields["dtype"]
        if precision is not None and dtype != np.float32:
            raise ValueError(f"precision {precision!r} is of dtype float32, got {dtype}")
        program = lower(fields["layers"], fields["n_features"], fields["loss"], precision)
        outputs.checked_metrics(fields["metrics"], fields["layers"], fields["loss"])
        for what, n in (("feature_names", program.n_features), ("output_names", program.n_targets)):
            if fields.get(what) is not None:
                checks.items(what, fields[what], n)
        return program
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"invalid description: {error}") from error


def _dtype(name: str, value: Any) -> np.dtype:
    return np.dtype(lookup(name, value, {known: known for known in modelfile.DTYPE_CODES}))


def _precision(name: str, value: Any) -> str:
    return lookup(name, value, {MIXED_BFLOAT16: MIXED_BFLOAT16})


def _layers(name: str, value: Any) -> tuple[Layer, ...]:
    return tuple(layers.from_dict(layer) for layer in checks.items(name, value))


def _metrics(name: str, value: Any) -> tuple[Any, ...]:
    """Rule: names; of several outputs with a loss each, a list for each."""
    given = checks.items(name, value)
    if any(isinstance(of_output, list) for of_output in given):
        return tuple(_metrics(f"{name}[{i}]", checks.items(f"{name}[{i}]", of_it)) for i, of_it in enumerate(given))
    names = [checks.text(f"{name}[{i}]", metric) for i, metric in enumerate(given)]
    scoring.checked_metrics(names)
    return tuple(names)


def _names(name: str, value: Any) -> tuple[str, ...]:
    return tuple(checks.text(f"{name}[{i}]", column) for i, column in enumerate(checks.items(name, value)))


def _notes(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"{name} must map str to str, got {checks.described(value)}")
    return {key: checks.text(f"{name}[{key[:80]!r}]", text) for key, text in value.items()}


COUNT = checks.integer(0, checks.COUNT)
FINISHED = checks.integer(0, checks.EPOCHS)
FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "name": checks.optional(checks.text),
    "dtype": _dtype,
    "n_features": COUNT,
    "layers": _layers,
    "loss": lambda name, value: losses.from_dict(value),
    "loss_is_inferred": checks.flag,
    "optimizer": lambda name, value: optimizers.from_dict(value),
    "metrics": _metrics,
    "seed": checks.integer(0, 2**64 - 1),
    "epoch": FINISHED,
    "iterations": FINISHED,
    "metadata": _notes,
}
"""What a description consists of, and the rule that each field has to pass."""
NAMES = ("feature_names", "output_names")
LATER: dict[str, Callable[[str, Any], Any]] = {"drawn": FINISHED, **dict.fromkeys(NAMES, _names)}
"""What one of format 2 may say as well, where there is something to say: layers were put in, taken out or changed, or
columns have names."""
LATEST: dict[str, Callable[[str, Any], Any]] = {"precision": _precision}
"""... and one of format 3: products have a precision of their own."""
