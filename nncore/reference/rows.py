"""The oracle's rows: what each operation of a program computes from what it reads, and the way back.

Names as in `nncore.reference`. No row changes what it reads. What a row draws or averages is a function of its input
and of the mode, so that the way back works it out once more instead of remembering it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from nncore.base.random import dropout_mask, normal_noise
from nncore.program import Row
from nncore.reference.bfloat16 import add, bfloat16_product
from nncore.reference.formulas import Array

MIXED = "mixed_bfloat16"
"""The precision in which operands of dense products are rounded to bfloat16, and all else is float32."""


class Predicting(NamedTuple):
    """The mode in which batchnorm uses running statistics, and dropout does nothing.

    Attributes
    ----------
    statistics : ndarray of shape (n_statistics,) or None
        The running means and variances; None for programs that have none.
    precision : "mixed_bfloat16" or None
        Of the dense products; None for that of their input.

    Examples
    --------
    >>> Predicting().statistics is None
    True
    """

    statistics: Array | None = None
    precision: str | None = None


class Training(NamedTuple):
    """The mode in which batchnorm uses the statistics of the batch, and dropout drops.

    Attributes
    ----------
    seed, iteration : int
        What the dropped values depend on: seed of the model, number of updates done before.
    precision : "mixed_bfloat16" or None
        Of the dense products; None for that of their input.
    statistics : ndarray of shape (n_statistics,) or None
        The running means and variances, for frozen batchnorms; None for programs that have none.

    Examples
    --------
    >>> Training(seed=7).seed
    7
    """

    seed: int = 0
    iteration: int = 0
    precision: str | None = None
    statistics: Array | None = None


Mode = Predicting | Training


def weight_of(row: Row, parameters: Array) -> Array:
    """The view (n_in, n_out) of a dense row's weight in the flat vector, (n_tokens, n_out) of an embedding's."""
    n_rows = row.n_tokens if row.op == "embedding" else row.n_in
    return parameters[row.weight : row.weight + n_rows * row.n_out].reshape(n_rows, row.n_out)


def bias_of(row: Row, parameters: Array) -> Array:
    """The view (n_out,) of a row's bias, or beta, in the flat vector; empty if the row has none."""
    return parameters[row.bias : row.bias + row.n_out] if row.bias >= 0 else parameters[:0]


def _gamma_of(row: Row, parameters: Array) -> Array:
    return parameters[row.weight : row.weight + row.n_out] if row.weight >= 0 else parameters[:0]


GROUP = 256
"""Rows of a batch whose products are one sum; as in the engine's groups.h."""


def over_rows(n: int, sums: Callable[[slice], Array], plus: Callable[[Array, Array], Array] = np.add) -> Array:
    """Return a sum over the rows of a batch: that of each group of rows, added in a binary tree by their position.

    On the left of a node stand as many groups as the largest power of two that is less than the number of all. So the
    error of a sum grows with the logarithm of the number of rows.

    Parameters
    ----------
    n : int
        Number of rows.
    sums : callable
        Returns the sum over the rows of a slice.
    plus : callable
        Adds two such sums.

    Examples
    --------
    >>> x = np.full(10**6, 0.1, np.float32)
    >>> float(over_rows(len(x), lambda rows: np.add.accumulate(x[rows])[-1]))  # a single chain gives 100958.34
    100000.234375
    """
    groups = [sums(slice(start, min(start + GROUP, n))) for start in range(0, max(n, 1), GROUP)]
    return _added(groups, plus)


def _added(sums: list[Array], plus: Callable[[Array, Array], Array]) -> Array:
    if len(sums) == 1:
        return sums[0]
    half = 1 << (len(sums) - 1).bit_length() - 1
    return plus(_added(sums[:half], plus), _added(sums[half:], plus))


def is_mixed(mode: Mode) -> bool:
    """Whether dense products are those of `bfloat16_product`.

    Raises
    ------
    ValueError
        If the mode's precision is neither None nor ``"mixed_bfloat16"``.

    Examples
    --------
    >>> is_mixed(Training(precision="mixed_bfloat16")), is_mixed(Predicting())
    (True, False)
    """
    if mode.precision not in (None, MIXED):
        raise ValueError(f'precision must be None or "{MIXED}", got {mode.precision!r}')
    return mode.precision == MIXED


def _dense(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    if is_mixed(mode):
        return bfloat16_product(x, weight_of(row, parameters), bias_of(row, parameters) if row.bias >= 0 else 0.0)
    z = x @ weight_of(row, parameters)
    return z + bias_of(row, parameters) if row.bias >= 0 else z


def _dense_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    product, plus = (bfloat16_product, add) if is_mixed(mode) else (np.matmul, np.add)
    weight_of(row, gradient)[...] = over_rows(len(x), lambda rows: product(x[rows].T, dz[rows]), plus)
    if row.bias >= 0:  # of dz as it is: nothing is multiplied here
        bias_of(row, gradient)[...] = over_rows(len(x), lambda rows: dz[rows].sum(axis=0))
    dx: Array = product(dz, weight_of(row, parameters).T)
    return dx


def moments(x: Array, axis: int) -> tuple[Array, Array]:
    """Return mean and biased variance along an axis, which stays with length 1, in float64.

    Examples
    --------
    >>> moments(np.array([[1.0], [3.0]]), axis=0)
    (array([[2.]]), array([[1.]]))
    """
    mean = x.mean(axis=axis, keepdims=True, dtype=np.float64)
    return mean, ((x - mean) ** 2).mean(axis=axis, keepdims=True)


def _norm(row: Row, parameters: Array, x: Array, mean: Array, variance: Array) -> Array:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta, with one factor per column or row."""
    gamma, beta = (_gamma_of(row, parameters), bias_of(row, parameters)) if row.weight >= 0 else (1.0, 0.0)
    scale = gamma / np.sqrt(variance + row.parameter)
    y: Array = (x - mean.astype(x.dtype)) * scale.astype(x.dtype) + beta
    return y


def _norm_backward(row: Row, parameters: Array, x: Array, dz: Array, gradient: Array, axis: int) -> Array:
    """Ioffe and Szegedy (2015), section 3, in terms of x_hat = (x - mean) / sqrt(variance + epsilon).

    x moves x_hat, and with it mean and variance, so that dx is dx_hat without its mean and its part along x_hat.
    """
    mean, variance = moments(x, axis)
    deviation = np.sqrt(variance + row.parameter)
    x_hat, dx_hat = (x - mean) / deviation, dz
    if row.weight >= 0:
        _gamma_of(row, gradient)[...] = over_rows(len(x), lambda rows: (dz[rows] * x_hat[rows]).sum(axis=0))
        bias_of(row, gradient)[...] = over_rows(len(x), lambda rows: dz[rows].sum(axis=0))
        dx_hat = dz * _gamma_of(row, parameters)
    along = (dx_hat * x_hat).mean(axis=axis, keepdims=True)
    dx: Array = (dx_hat - dx_hat.mean(axis=axis, keepdims=True) - along * x_hat) / deviation
    return dx.astype(x.dtype)


def running(row: Row, statistics: Array) -> tuple[Array, Array]:
    """The views (n_out,) of a batchnorm's running mean and variance in the flat vector."""
    middle = row.statistics + row.n_out
    return statistics[row.statistics : middle], statistics[middle : middle + row.n_out]


def _batchnorm(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    if isinstance(mode, Training) and not row.frozen:
        return _norm(row, parameters, x, *moments(x, axis=0))
    if mode.statistics is None:
        raise ValueError(
            "statistics must be an array of shape (program.n_statistics,) to predict with BatchNorm, got None; "
            "pass the running statistics"
        )
    return _norm(row, parameters, x, *running(row, mode.statistics))


def _batchnorm_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    if row.frozen:
        assert mode.statistics is not None, "the way forward has asked"
        scale = 1.0 / np.sqrt(running(row, mode.statistics)[1] + row.parameter)
        factor = scale * _gamma_of(row, parameters) if row.weight >= 0 else scale
        dx: Array = dz * factor.astype(x.dtype)
        return dx
    return _norm_backward(row, parameters, x, dz, gradient, axis=0)


def average(row: Row, x: Array, statistics: Array) -> None:
    """Bring a batchnorm's running averages up to date with what it read; a single row has no variance to average."""
    n = len(x)
    if n == 1:
        return
    mean, variance = moments(x, axis=0)
    for old, new in zip(running(row, statistics), (mean[0], variance[0] * n / (n - 1)), strict=True):
        old[...] = row.momentum * old + (1 - row.momentum) * new


def _layernorm(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    return _norm(row, parameters, x, *moments(x, axis=1))


def _layernorm_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    return _norm_backward(row, parameters, x, dz, gradient, axis=1)


def _dropout(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    if isinstance(mode, Predicting):
        return x
    n, n_columns = x.shape
    y: Array = x * dropout_mask(mode.seed, mode.iteration, row.layer, n, n_columns, row.parameter).astype(x.dtype)
    return y


def _dropout_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    return _dropout(row, parameters, dz, mode)


def _columns_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    dx = np.zeros_like(x)
    for column, of_column in zip(row.columns, dz.T, strict=True):
        dx[:, column] += of_column
    return dx


def _one_hot(row: Row, x: Array) -> Array:
    """Ones where a column holds the number of the place, n_tokens places for each column; of no number there, none."""
    places = x[:, :, None] == np.arange(row.n_tokens)
    ones: Array = places.reshape(len(x), x.shape[1] * row.n_tokens).astype(x.dtype)
    return ones


def _embedding_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    ones = _one_hot(row, x)
    weight_of(row, gradient)[...] = over_rows(len(x), lambda rows: ones[rows].T @ dz[rows])
    return np.zeros_like(x)


def _prelu(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    y: Array = np.maximum(x, 0) + _gamma_of(row, parameters) * np.minimum(x, 0)
    return y


def _prelu_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    below = dz * np.minimum(x, 0)
    _gamma_of(row, gradient)[...] = over_rows(len(x), lambda rows: below[rows].sum(axis=0))
    dx: Array = np.where(x > 0, 1, _gamma_of(row, parameters)) * dz
    return dx


def _inverse_rms(row: Row, x: Array) -> Array:
    inverse: Array = 1 / np.sqrt((x.astype(np.float64) ** 2).mean(axis=1, keepdims=True) + row.parameter)
    return inverse


def _rmsnorm(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    y: Array = x * _inverse_rms(row, x).astype(x.dtype)
    return y * _gamma_of(row, parameters) if row.weight >= 0 else y


def _rmsnorm_backward(row: Row, parameters: Array, x: Array, dz: Array, mode: Mode, gradient: Array) -> Array:
    """By x_i, r = 1 / sqrt(mean(x**2) + epsilon) has the derivative -r**3 * x_i / n_out."""
    r, dx_hat = _inverse_rms(row, x), dz
    if row.weight >= 0:
        terms = dz * (x * r)
        _gamma_of(row, gradient)[...] = over_rows(len(x), lambda rows: terms[rows].sum(axis=0))
        dx_hat = dz * _gamma_of(row, parameters)
    dx: Array = dx_hat * r - x * r**3 * (dx_hat * x).mean(axis=1, keepdims=True)
    return dx.astype(x.dtype)


def _noise(row: Row, parameters: Array, x: Array, mode: Mode) -> Array:
    if isinstance(mode, Predicting):
        return x
    n, n_columns = x.shape
    y: Array = x + normal_noise(mode.seed, mode.iteration, row.layer, n, n_columns, row.parameter, x.dtype)
    return y


FORWARD: dict[str, Callable[[Row, Array, Array, Mode], Array]] = {
    "dense": _dense,
    "activation": lambda row, parameters, x, mode: x,
    "batchnorm": _batchnorm,
    "layernorm": _layernorm,
    "dropout": _dropout,
    "add": lambda row, parameters, x, mode: x,
    "columns": lambda row, parameters, x, mode: x[:, list(row.columns)],
    "concat": lambda row, parameters, x, mode: x,
    "one_hot": lambda row, parameters, x, mode: _one_hot(row, x),
    "embedding": lambda row, parameters, x, mode: _one_hot(row, x) @ weight_of(row, parameters),
    "prelu": _prelu,
    "rmsnorm": _rmsnorm,
    "noise": _noise,
}
"""``FORWARD[op](row, parameters, x, mode) -> z``, before the activation, and for add and concat, before the other
block."""

BACKWARD: dict[str, Callable[[Row, Array, Array, Array, Mode, Array], Array]] = {
    "dense": _dense_backward,
    "activation": lambda row, parameters, x, dz, mode, gradient: dz,
    "batchnorm": _batchnorm_backward,
    "layernorm": _layernorm_backward,
    "dropout": _dropout_backward,
    "add": lambda row, parameters, x, dz, mode, gradient: dz,
    "columns": _columns_backward,
    "concat": lambda row, parameters, x, dz, mode, gradient: dz[:, : row.n_in],
    "one_hot": lambda row, parameters, x, dz, mode, gradient: np.zeros_like(x),
    "embedding": _embedding_backward,
    "prelu": _prelu_backward,
    "rmsnorm": _rmsnorm_backward,
    "noise": lambda row, parameters, x, dz, mode, gradient: dz,
}
"""``BACKWARD[op](row, parameters, x, dz, mode, gradient) -> dx``; the row's part of `gradient` is filled in."""
