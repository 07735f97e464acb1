"""Counter-based random numbers: which stream serves which purpose.

Every stream is Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) keyed by
``(seed, purpose)``, so that one purpose never shifts another: adding a layer does not change the shuffle.
The engine draws the same streams in C; this module is their NumPy side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

PURPOSES = {"initialize": 1, "shuffle": 2, "split": 3, "dropout": 4, "data": 5, "blocks": 6, "noise": 7}


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


def _stream(seed: int, purpose: str, row: int, layer: int, step: int) -> np.random.Philox:
    """Return the bit generator of `purpose` whose first block has the counter (0, row, layer, step), low word first."""
    before = (((step << 192) | (layer << 128) | (row << 64)) - 1) % (1 << 256)  # NumPy counts up before it draws
    words = np.array([(before >> (64 * i)) & (2**64 - 1) for i in range(4)], np.uint64)
    return np.random.Philox(key=rng_key(seed, purpose), counter=words)


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
    return _fisher_yates(_stream(seed, "shuffle", 0, 0, epoch), n)


def _fisher_yates(stream: np.random.Philox, n: int) -> np.ndarray:
    order, words = list(range(n)), stream.random_raw(n // 2)
    draws = np.stack([words & np.uint64(2**32 - 1), words >> np.uint64(32)], axis=1).ravel()[: max(n - 1, 0)]
    for i, draw in zip(range(n - 1, 0, -1), draws.tolist(), strict=True):
        j = (draw * (i + 1)) >> 32
        order[i], order[j] = order[j], order[i]
    return np.array(order, dtype=np.int64)


def permuted_part(n: int, seed: int, epoch: int, part: int) -> np.ndarray:
    """Return the order of an epoch's n blocks, which is part 0, or of the n rows in one of its windows, from 1 on.

    Examples
    --------
    >>> sorted(permuted_part(5, seed=0, epoch=0, part=1).tolist())
    [0, 1, 2, 3, 4]
    """
    return _fisher_yates(_stream(seed, "blocks", part, 0, epoch), n)


def block_permutation(
    seed: int,
    epoch: int,
    n: int,
    block_rows: int,
    window_rows: int,
    permuted: Callable[[int, int, int, int], np.ndarray] = permuted_part,
) -> np.ndarray:
    """Return the order in which an epoch visits `n` rows of which blocks change places, and rows only within windows.

    Rows that lie together are a block. The blocks are put in an order that is drawn; that sequence of rows is cut into
    windows, and each of these is permuted. So a window needs a few blocks of the rows alone: they need not all be in
    memory.

    Parameters
    ----------
    seed, epoch, n : int
        As for `permutation`.
    block_rows, window_rows : int
        Rows of a block, the last of which may be shorter, and of a window.
    permuted : callable, optional
        Draws as `permuted_part` does, which is slow.

    Returns
    -------
    ndarray of shape (n,), int64

    Examples
    --------
    >>> order = block_permutation(seed=0, epoch=0, n=8, block_rows=2, window_rows=4)
    >>> [sorted(order[:4].tolist()), sorted(order[4:].tolist())]
    [[4, 5, 6, 7], [0, 1, 2, 3]]
    """
    blocks = permuted(-(-n // block_rows), seed, epoch, 0)
    rows = (blocks[:, None] * block_rows + np.arange(block_rows)).ravel()
    rows = rows[rows < n]
    for number, start in enumerate(range(0, n, window_rows)):
        window = rows[start : start + window_rows]
        window[:] = window[permuted(len(window), seed, epoch, 1 + number)]
    return rows


def dropout_mask(seed: int, iteration: int, layer: int, n_rows: int, n_columns: int, rate: float) -> np.ndarray:
    """Return what dropout multiplies a batch by: 0 where a value is dropped, else 1 / (1 - rate).

    Each value has a draw of 16 bits and is dropped if that is below ``rate * 2**16``. A block of the stream, four words
    of 64 bits, is 16 draws, low bits first: those of 16 columns of one row, its counter (number of the block, row,
    layer, iteration). So a value's draw depends on nothing but its place.

    Parameters
    ----------
    seed, iteration, layer : int
        Seed of the model, number of updates done before, number of the layer.
    n_rows, n_columns : int
        Shape of the batch that enters the layer.
    rate : float
        Share that is dropped, from 0, below 1, a multiple of 2**-16.

    Returns
    -------
    ndarray of shape (n_rows, n_columns), float64

    Examples
    --------
    >>> dropout_mask(seed=0, iteration=0, layer=0, n_rows=2, n_columns=6, rate=0.5)
    array([[0., 2., 0., 2., 2., 0.],
           [2., 2., 2., 0., 0., 0.]])
    """
    n_words = 4 * -(-n_columns // 16)
    words = [_stream(seed, "dropout", row, layer, iteration).random_raw(n_words) for row in range(n_rows)]
    draws = np.array(words, "<u8").reshape(n_rows, n_words).view("<u2")[:, :n_columns]
    return np.where(draws >= rate * 2**16, 1 / (1 - rate), 0.0)


_NEAR = (
    *(4.0348286e-08, 4.8610764e-07, -4.990492e-06, -6.2180256e-06, 0.00030914994),
    *(-0.0017730101, -0.0059081707, 0.34880266, 2.1233137),
)
_FAR = (
    *(-2.7946055e-05, -0.00016247992, 0.0016234738, -0.0048423563, 0.008227203),
    *(-0.01089864, 0.013330569, 1.4165909, 4.006435),
)
_LOG = (2 / 9, 2 / 7, 2 / 5, 2 / 3)


def normal_noise(
    seed: int, iteration: int, layer: int, n_rows: int, n_columns: int, stddev: float, dtype: DTypeLike = np.float64
) -> np.ndarray:
    """Return what noise adds to a batch: normal numbers, in the engine's bits.

    Each value has a draw of 32 bits. A block of the stream, four words of 64 bits, is 8 draws, low bits first: those of
    8 columns of one row, its counter (number of the block, row, layer, iteration). As a signed number t, a draw says
    the sign of the value, and with ``q = abs(t + 1/2) / 2**32`` the chance of one farther out. The value is that
    quantile, of ``w = -log(4 * q * (1 - q))`` by polynomials as in Giles, "Approximating the erfinv function" (2010):
    right to 4e-7 of itself in float64, and never beyond 6.4 deviations.

    Parameters
    ----------
    seed, iteration, layer, n_rows, n_columns : int
        As for `dropout_mask`.
    stddev : float
        Deviation of the numbers, >= 0.
    dtype : dtype
        float32 or float64: what is computed with.

    Returns
    -------
    ndarray of shape (n_rows, n_columns)

    Examples
    --------
    >>> normal_noise(seed=0, iteration=0, layer=0, n_rows=2, n_columns=3, stddev=1.0).round(3)
    array([[-0.253,  0.669,  0.018],
           [-0.507, -1.433,  0.666]])
    """
    n_words = 4 * -(-n_columns // 8)
    words = [_stream(seed, "noise", row, layer, iteration).random_raw(n_words) for row in range(n_rows)]
    draws = np.array(words, "<u8").reshape(n_rows, n_words).view("<i4")[:, :n_columns]
    real: Any = np.dtype(dtype).type
    t = draws.astype(real) + real(0.5)
    q = np.abs(t) * real(2**-32)
    w = -_logarithm(4 * q * (1 - q))
    with np.errstate(invalid="ignore"):
        p = np.where(w < 5, _horner(w - real(2.5), _NEAR), _horner(np.sqrt(w) - 3, _FAR))
    noise: np.ndarray = np.copysign(p * (1 - 2 * q), t) * real(stddev)
    return noise


def _horner(x: np.ndarray, coefficients: tuple[float, ...]) -> np.ndarray:
    """The polynomial with the highest order first; the coefficients are numbers of single precision."""
    real: Any = x.dtype.type
    value = np.full_like(x, np.float32(coefficients[0]))
    for c in coefficients[1:]:
        value = value * x + real(np.float32(c))
    return value


def _logarithm(x: np.ndarray) -> np.ndarray:
    """By 2 atanh((m - 1) / (m + 1)) of m in [sqrt(1/2), sqrt(2)), right to 1e-7: one operation after the other."""
    real: Any = x.dtype.type
    m, k = np.frexp(x)
    low = m < np.sqrt(0.5)
    m, k = np.where(low, 2 * m, m), np.where(low, k - 1, k).astype(real)
    s = (m - 1) / (m + 1)
    z = s * s
    series = real(_LOG[0])
    for c in _LOG[1:]:
        series = series * z + real(c)
    log: np.ndarray = k * real(0.693147180559945309417) + (s * z * series + 2 * s)
    return log
