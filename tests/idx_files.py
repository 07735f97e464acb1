"""IDX files of random numbers, as MNIST's, for the tests of the reader and of the command line."""

import gzip
import struct

import numpy as np

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_mnist(folder, n_train=12, n_test=5, suffix="", separator="-", seed=0):
    """Write the four files with random images; return the training images and labels."""
    rng = np.random.default_rng(seed)
    written = {}
    for prefix, n in (("train", n_train), ("t10k", n_test)):
        images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        labels = (np.arange(n) % 10).astype(np.uint8)
        for kind, array in (("images", images), ("labels", labels)):
            content = idx_bytes(array)
            name = f"{prefix}-{kind}{separator}idx{array.ndim}-ubyte{suffix}"
            (folder / name).write_bytes(gzip.compress(content) if suffix else content)
        written[prefix] = images, labels
    return written["train"]
