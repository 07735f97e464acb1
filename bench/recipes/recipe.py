"""What is the same for everyone: the data, the network, its first weights, and the schedule."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SIZES = (784, 256, 128, 10)
BATCH_SIZE = 128
LEARNING_RATE, BETAS, EPSILON = 1e-3, (0.9, 0.999), 1e-8
TARGET, MOST_EPOCHS = 0.98, 20
MAGIC = 0x0800
"""The first bytes of an IDX file of bytes; the number of axes is added."""


class Digits(NamedTuple):
    """Pixels (n, 784) from 0 to 255 and labels (n,) from 0 to 9, both uint8: to train on, and to test with."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    test_pixels: NDArray[np.uint8]
    test_labels: NDArray[np.uint8]


def load(folder: Path) -> Digits:
    """Read the four IDX files of a folder, each plain or with .gz.

    Raises
    ------
    FileNotFoundError
        If one is not there.
    ValueError
        If one is no IDX file of bytes.
    """
    halves = [(_read(folder, f"{half}-images", 3), _read(folder, f"{half}-labels", 1)) for half in ("train", "t10k")]
    (pixels, labels), (test_pixels, test_labels) = halves
    return Digits(pixels.reshape(len(pixels), -1), labels, test_pixels.reshape(len(test_pixels), -1), test_labels)


def _read(folder: Path, stem: str, n_axes: int) -> NDArray[np.uint8]:
    plain = folder / f"{stem}-idx{n_axes}-ubyte"
    content = (
        plain.read_bytes() if plain.exists() else gzip.decompress(plain.with_name(f"{plain.name}.gz").read_bytes())
    )
    header = np.frombuffer(content, ">u4", 1 + n_axes)
    if header[0] != MAGIC + n_axes:
        raise ValueError(f"{plain}: expected an IDX file of bytes with {n_axes} axes, it begins {content[:4]!r}")
    return np.frombuffer(content, np.uint8, offset=header.nbytes).reshape(header[1:])


def initial_weights(seed: int) -> list[NDArray[Any]]:
    """Return the weight (n_in, n_out), He uniform, and the bias (n_out,), 0, of each layer in turn; float32."""
    rng = np.random.default_rng(seed)
    arrays: list[NDArray[Any]] = []
    for n_in, n_out in pairwise(SIZES):
        largest = np.sqrt(6 / n_in)
        arrays += [rng.uniform(-largest, largest, (n_in, n_out)).astype(np.float32), np.zeros(n_out, np.float32)]
    return arrays
