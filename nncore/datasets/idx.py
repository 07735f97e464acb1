"""The IDX format of MNIST and its relatives, and the MNIST digits themselves.

Format: two zero bytes, a type code, the number of axes; one 32-bit size per axis; then the numbers; all big-endian
(Y. LeCun, "The MNIST database of handwritten digits").
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from nncore.base.paths import expanded
from nncore.datasets.dataset import Dataset
from nncore.datasets.stream import open_binary

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CHUNK = 1 << 20


class MNIST(NamedTuple):
    """The two halves of MNIST; ``train, test = load_mnist()`` unpacks them."""

    train: Dataset
    test: Dataset


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or gzipped.

    Returns
    -------
    ndarray
        In the shape and type that the file declares, native byte order.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no IDX file, is damaged, or has fewer or more bytes than its header declares.
    """
    with open_binary(path) as stream:
        dtype, shape = _read_header(stream, path)
        declared = math.prod(shape) * dtype.itemsize
        content = _read_at_most(stream, declared + 1)
    if len(content) < declared:
        raise ValueError(f"{path}: cut short: {shape} needs {declared} bytes of data, found {len(content)}")
    if len(content) > declared:
        raise ValueError(f"{path}: bytes left over after the {declared} that {shape} needs")
    return np.frombuffer(content, dtype).reshape(shape).astype(dtype.newbyteorder("="))


def load_mnist(path: str | os.PathLike[str] | None = None) -> MNIST:
    """Read the MNIST digits (or Fashion-MNIST, or another set in its four files) from a folder.

    Parameters
    ----------
    path : str or path-like, optional
        Folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
        t10k-labels-idx1-ubyte, each plain or with .gz. Default: the folder ``$NNCORE_DATA/mnist`` or ``$NNCORE_DATA``.

    Returns
    -------
    MNIST
        ``train`` and ``test``. X is float32 of shape (n, 784) scaled to [0, 1]; y is int64 from 0 to 9.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is damaged, or images and labels do not fit together.
    """
    folder = _find_folder() if path is None else Path(expanded(path))
    return MNIST(_load_half(folder, "train", "mnist"), _load_half(folder, "t10k", "mnist test"))


def _load_half(folder: Path, prefix: str, name: str) -> Dataset:
    images_path, labels_path = _find(folder, f"{prefix}-images", "idx3"), _find(folder, f"{prefix}-labels", "idx1")
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise ValueError(f"{images_path}: expected uint8 images (n, rows, columns), got {images.dtype} {images.shape}")
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise ValueError(
            f"{labels_path}: expected one uint8 label for each of the {len(images)} images, "
            f"got {labels.dtype} {labels.shape}"
        )
    if labels.max() > 9:
        raise ValueError(f"{labels_path}: expected labels from 0 to 9, got {labels.max()}")
    X = images.reshape(len(images), -1).astype(np.float32)
    X /= 255
    names = tuple(f"pixel_{row}_{column}" for row in range(images.shape[1]) for column in range(images.shape[2]))
    description = "Handwritten digits, 28 x 28 pixels scaled to [0, 1] (LeCun, Cortes, Burges)."
    return Dataset(X, labels.astype(np.int64), names, tuple("0123456789"), name, description)


def _find_folder() -> Path:
    root = os.environ.get("NNCORE_DATA")
    if not root:
        raise FileNotFoundError(
            "MNIST is not bundled: name its folder (on the command line mnist:FOLDER), or set NNCORE_DATA to it"
        )
    folder = Path(root, "mnist")
    return folder if folder.is_dir() else Path(root)


def _find(folder: Path, stem: str, kind: str) -> Path:
    names = [f"{stem}{separator}{kind}-ubyte{suffix}" for separator in "-." for suffix in ("", ".gz")]
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{folder}: neither {names[0]} nor {names[1]} is there")


def _read_header(stream: IO[bytes], path: str | os.PathLike[str]) -> tuple[np.dtype, tuple[int, ...]]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or magic[3] == 0:
        raise ValueError(f"{path}: not an IDX file (it begins with {magic.hex(' ') or 'nothing'})")
    sizes = stream.read(4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise ValueError(f"{path}: cut short inside the header: {magic[3]} axes need {4 * magic[3]} bytes of sizes")
    return np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())


def _read_at_most(stream: IO[bytes], n_bytes: int) -> bytes:
    """Read in chunks: memory grows with what the file holds, not with what its header claims."""
    chunks, left = [], n_bytes
    while left and (chunk := stream.read(min(left, CHUNK))):
        chunks.append(chunk)
        left -= len(chunk)
    return b"".join(chunks)
