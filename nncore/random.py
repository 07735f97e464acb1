"""Counter-based random numbers: which stream serves which purpose.

Every stream is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) keyed by
``(seed, purpose)``, so that one purpose never shifts another: adding a layer does not change the shuffle.
The engine draws the same streams in C; this module is their NumPy side.
"""

from __future__ import annotations

import numpy as np

PURPOSES = {"initialize": 1, "shuffle": 2, "split": 3, "dropout": 4, "data": 5}


def rng_key(seed: int, purpose: str) -> np.ndarray:
    """Return the two 64-bit words of the Philox key of `purpose`."""
    return np.array([seed, PURPOSES[purpose]], np.uint64)


def generator(seed: int, purpose: str, stream: int = 0) -> np.random.Generator:
    """Return NumPy's generator on stream number `stream` of `purpose`.

    Examples
    --------
    >>> generator(7, "data").integers(10, size=3).tolist() == generator(7, "data").integers(10, size=3).tolist()
    True
    """
    return np.random.Generator(np.random.Philox(key=rng_key(seed, purpose), counter=[0, stream, 0, 0]))


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """Return the order in which epoch number `epoch` visits `n` rows.

    Fisher-Yates from the last row down; each 64-bit word of the stream is two draws of 32 bits, the low half first, and
    ``j = (draw * (i + 1)) >> 32`` picks the partner of row i.

    Parameters
    ----------
    seed, epoch, n : int
        Seed of the model, number of the epoch from 0, number of rows, at most 2**32.

    Returns
    -------
    ndarray of shape (n,), int64

    Examples
    --------
    >>> sorted(permutation(0, 0, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    before_block_0 = ((epoch << 192) - 1) % (1 << 256)  # NumPy counts up before it draws
    words = np.array([(before_block_0 >> (64 * i)) & (2**64 - 1) for i in range(4)], np.uint64)
    stream = np.random.Philox(key=rng_key(seed, "shuffle"), counter=words)
    order = list(range(n))
    words = stream.random_raw(n // 2)
    draws = np.stack([words & np.uint64(2**32 - 1), words >> np.uint64(32)], axis=1).ravel()[: max(n - 1, 0)]
    for i, draw in zip(range(n - 1, 0, -1), draws.tolist(), strict=True):
        j = (draw * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)
