"""The container of a model file: named tensors and one JSON description, sealed by a checksum.

It is a valid safetensors file, written and read here tensor by tensor, without a second copy of them. Its metadata has
one entry, ``nncore``: the description. The description's ``sha256`` is the digest of the whole file with that digest
replaced by zeros, so that a flip of any bit is found. What the description means is up to `nncore.model.checkpoint`.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from nncore.arrays.inputs import all_finite
from nncore.base import checks, strict_json
from nncore.base.typing import Array
from nncore.errors import ModelFileError

LONGEST_HEADER = 2**20  # bytes
ALIGNMENT = 8  # bytes, of the first tensor
NO_DIGEST = "0" * 64
DTYPE_CODES = {"float32": "F32", "float64": "F64"}
OF_ENSEMBLES = "an ensemble, which nncore.Ensemble.load reads"
FOREIGN_FORMATS = {
    b"PK\x03\x04": "a zip archive, such as .npz, .pt or .keras",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUM": "a .npy file",
    **{b"\x80" + bytes([protocol]): "a pickle" for protocol in range(2, 6)},
    b"\x1f\x8b": "a gzip file",
    b"{": "a JSON file",
    b"NNCOREEN": OF_ENSEMBLES,
}
TEXT = "a text, such as a table"
CHANGED = "the file changed while it was read"
Shapes = Mapping[str, tuple[int, ...]]


def pack(description: Mapping[str, Any], tensors: Mapping[str, Array]) -> list[memoryview]:
    """Return the content of a file in pieces, the header first; equal input gives equal bytes.

    The pieces of the tensors are views of `tensors`: no value is copied.

    Raises
    ------
    ValueError
        If the header would be longer than a reader accepts.
    """
    text = json.dumps({"sha256": NO_DIGEST, **description}, allow_nan=False)
    entries: dict[str, Any] = {"__metadata__": {"nncore": text}}
    pieces, end = [], 0
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        begin, end = end, end + array.nbytes
        entries[name] = {
            "dtype": DTYPE_CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
        pieces.append(_as_bytes(array))
    return [memoryview(_sealed(_header(entries), pieces)), *pieces]


def _header(entries: Mapping[str, Any]) -> bytes:
    """Return the first bytes of a file: the header's length, and the header, padded so that the tensors are aligned."""
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    if len(text) > LONGEST_HEADER:
        raise ValueError(
            f"layers and metadata take {len(text)} bytes of a model file, expected at most {LONGEST_HEADER}"
        )
    return len(text).to_bytes(8, "little") + text


def _as_bytes(array: Array) -> memoryview:
    """Return the bytes of a contiguous array, not a copy of them."""
    return array.reshape(-1).view(np.uint8).data


def _sealed(header: bytes, tensors: Iterable[memoryview]) -> bytes:
    """Replace the zeros that stand for the digest by the digest of the whole file."""
    return header.replace(NO_DIGEST.encode(), _sha256(header, *tensors).encode(), 1)


@dataclass
class Header:
    """The first part of a file, before its tensors.

    Attributes
    ----------
    raw : bytes
        As it stands in the file.
    description : dict
        Its values are not checked yet.
    entries : dict of str to object
        What the file says about each tensor.
    """

    raw: bytes
    description: dict[str, Any]
    entries: dict[str, Any]


def read_header(file: BinaryIO, size: int) -> Header:
    """Read the header of a file of `size` bytes.

    Raises
    ------
    ModelFileError
        If there is none, or it is damaged or too long.
    """
    if size < 16:
        raise ModelFileError(f"the file is too short to be a model: {size} byte(s)")
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if length > min(LONGEST_HEADER, size - 8):
        raise ModelFileError(_wrong_length(start, length, size))
    text = file.read(length)
    entries = _json(text, "header")
    notes = entries.pop("__metadata__", None)
    if not isinstance(notes, dict) or list(notes) != ["nncore"] or not isinstance(notes["nncore"], str):
        raise ModelFileError("not an nncore model: its header lacks nncore's description of the layers")
    return Header(start + text, _json(notes["nncore"], "description"), entries)


def _wrong_length(start: bytes, length: int, size: int) -> str:
    for magic, kind in FOREIGN_FORMATS.items():
        if start.startswith(magic):
            return f"not an nncore model; it looks like {kind}"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _is_text(start):
        return f"not an nncore model; it looks like {TEXT}"
    return f"not an nncore model, or damaged: header length {length} exceeds {min(LONGEST_HEADER, size - 8)} bytes"


def _is_text(start: bytes) -> bool:
    """Tell whether a file begins as texts do; the last character may be cut in two."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        return False
    return bool(text) and all(character.isprintable() or character.isspace() for character in text)


def round_trip(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description as a reader will find it."""
    return _json(json.dumps(description, allow_nan=False), "description")


def _json(text: bytes | str, what: str) -> dict[str, Any]:
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        found = strict_json.loads(decoded)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"invalid {what}: {error}") from error
    if not isinstance(found, dict):
        raise ModelFileError(f"invalid {what}: expected a JSON object, got {checks.described(found)}")
    return found


def check_tensors(size: int, header: Header, shapes: Shapes, dtype: np.dtype) -> None:
    """Check that a file of `size` bytes holds exactly the tensors of `shapes`, before memory is taken for them.

    Raises
    ------
    ModelFileError
        If a name, a shape, the dtype, a place or the file's size does not agree.
    """
    _check_entries(header.entries, shapes, dtype)
    _check_size(size - len(header.raw), shapes, dtype)
    end = 0
    for name in _in_order(header.entries):
        needed = [end, end + dtype.itemsize * math.prod(shapes[name])]
        if header.entries[name]["data_offsets"] != needed:
            found = header.entries[name]["data_offsets"]
            raise ModelFileError(f"invalid header: tensor {name!r} has data_offsets {found}, expected {needed}")
        end = needed[1]


def read_tensors(file: BinaryIO, header: Header, tensors: Mapping[str, Array]) -> None:
    """Read what `check_tensors` found good into contiguous arrays. If it raises, they hold nothing to be used.

    Raises
    ------
    ModelFileError
        If the checksum is wrong, or if a value is not finite.
    """
    pieces = [_as_bytes(tensors[name]) for name in _in_order(header.entries)]
    for piece in pieces:
        _read_into(file, piece)
    if file.read(1):
        raise ModelFileError(CHANGED)
    _check_digest(header.raw, pieces, header.description.get("sha256"))
    for name, tensor in tensors.items():
        if not all_finite(tensor):
            raise ModelFileError(f"tensor {name!r} holds NaN or infinity")


def _in_order(entries: Mapping[str, Any]) -> list[str]:
    """Return the names of the tensors in the order of their places in the file."""
    for name, entry in entries.items():
        places = entry.get("data_offsets")
        if not isinstance(places, list) or [type(place) for place in places] != [int, int]:
            raise ModelFileError(f"invalid header: data_offsets of tensor {name!r} must be two integers")
    return sorted(entries, key=lambda name: entries[name]["data_offsets"])


def _read_into(file: BinaryIO, piece: memoryview) -> None:
    while len(piece):
        n = file.readinto(piece)  # type: ignore[attr-defined]
        if not n:
            raise ModelFileError(CHANGED)
        piece = piece[n:]


def _check_entries(entries: Mapping[str, Any], shapes: Shapes, dtype: np.dtype) -> None:
    missing, extra = sorted(shapes.keys() - entries.keys()), sorted(entries.keys() - shapes.keys())
    if missing or extra:
        raise ModelFileError(f"missing tensor(s) {missing}, unexpected tensor(s) {extra}"[:300])
    for name, shape in shapes.items():
        entry = entries[name] if isinstance(entries[name], dict) else {}
        if entry.get("shape") != list(shape):
            found = str(entry.get("shape"))[:80]
            raise ModelFileError(f"tensor {name!r} has shape {found}, the layers need {list(shape)}")
        if entry.get("dtype") != DTYPE_CODES[dtype.name]:
            found = str(entry.get("dtype"))[:80]
            raise ModelFileError(f"tensor {name!r} has dtype {found}, expected {DTYPE_CODES[dtype.name]}")


def _check_size(n_bytes: int, shapes: Shapes, dtype: np.dtype) -> None:
    needed = dtype.itemsize * sum(math.prod(shape) for shape in shapes.values())
    if n_bytes != needed:
        off = f"{abs(n_bytes - needed)} byte(s) {'longer' if n_bytes > needed else 'shorter'}"
        raise ModelFileError(f"the file is {off} than declared: its tensors need {needed} bytes, it has {n_bytes}")


def _check_digest(header: bytes, tensors: Iterable[memoryview], digest: Any) -> None:
    if not isinstance(digest, str) or len(digest) != len(NO_DIGEST) or not digest.isascii():
        expected = f"{len(NO_DIGEST)} hexadecimal digits"
        raise ModelFileError(f"invalid description: sha256 must be {expected}, got {checks.described(digest)}")
    if _sha256(header.replace(digest.encode(), NO_DIGEST.encode(), 1), *tensors) != digest:
        raise ModelFileError("checksum mismatch: the file is damaged")


def _sha256(*pieces: bytes | memoryview) -> str:
    """Return the digest of the pieces as if they were joined, without joining them."""
    import hashlib  # here, not at the top, to keep `import nncore` quick

    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
