"""The derivative of every output by every parameter, row by row of the data: what least squares are solved with.

The forward pass is the oracle's, in NumPy; the backward one starts from all outputs at once. Names: n rows of data, k
outputs, p parameters; ``dy`` (k, n, n_out) holds the derivatives of the k outputs by what a row of the program wrote.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nncore.program import Program, Row
from nncore.reference import tape
from nncore.reference.formulas import DERIVATIVE, Array
from nncore.reference.rows import moments, weight_of


def outputs(program: Program, parameters: Array, X: Array) -> Array:
    """Return the raw predictions (n, k).

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> outputs(lower([Dense(1)], 2, "mse"), np.array([2.0, 3.0, 1.0]), np.array([[1.0, 1.0]]))
    array([[6.]])
    """
    return tape(program, parameters, X)[-1][2]


def jacobian(program: Program, parameters: Array, X: Array, scale: Array) -> tuple[Array, Array]:
    """Return the raw predictions and their derivatives.

    Parameters
    ----------
    program : Program
        Of rows in `OPS` only.
    parameters : ndarray of shape (p,), float64
    X : ndarray of shape (n, n_features), float64
    scale : ndarray of shape (n,)
        Factor of every derivative of a row of the data.

    Returns
    -------
    predictions : ndarray of shape (n, k)
    derivatives : ndarray of shape (k, n, p)

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> line, X = lower([Dense(1)], 1, "mse"), np.array([[3.0], [4.0]])
    >>> jacobian(line, np.array([2.0, 1.0]), X, np.ones(2))[1]
    array([[[3., 1.],
            [4., 1.]]])
    """
    records = tape(program, parameters, X)
    predictions = records[-1][2]
    n, k = predictions.shape
    derivatives = np.zeros((k, n, len(parameters)))
    pending = {len(records) - 1: scale[:, None] * np.eye(k)[:, None, :]}
    for number, row in reversed(list(enumerate(program.rows))):
        x, z, _ = records[number]
        dz = DERIVATIVE[row.activation](z, pending.pop(number), row.parameter)
        _collect(pending, row.source, _BACKWARD[row.op](row, parameters, x, dz, derivatives))
        if row.op == "add":
            _collect(pending, row.skip, dz)
    return predictions, derivatives


def _collect(pending: dict[int, Array], number: int, dy: Array) -> None:
    """Add to the derivatives by what row `number` wrote; nobody asks for those by the data."""
    if number >= 0:
        pending[number] = pending[number] + dy if number in pending else dy


def _dense(row: Row, parameters: Array, x: Array, dz: Array, derivatives: Array) -> Array:
    products = x[:, :, None] * dz[:, :, None, :]
    derivatives[..., row.weight : row.weight + row.n_in * row.n_out] = products.reshape(*dz.shape[:2], -1)
    if row.bias >= 0:
        derivatives[..., row.bias : row.bias + row.n_out] = dz
    dx: Array = dz @ weight_of(row, parameters).T
    return dx


def _layernorm(row: Row, parameters: Array, x: Array, dz: Array, derivatives: Array) -> Array:
    """Mean and deviation depend on x too: the part of d that would shift or stretch x is taken out."""
    mean, variance = moments(x, axis=1)
    deviation = np.sqrt(variance + row.parameter)
    y, d = (x - mean) / deviation, dz
    if row.weight >= 0:
        derivatives[..., row.weight : row.weight + row.n_out] = dz * y
        derivatives[..., row.bias : row.bias + row.n_out] = dz
        d = dz * parameters[row.weight : row.weight + row.n_out]
    dx: Array = (d - d.mean(axis=-1, keepdims=True) - y * (d * y).mean(axis=-1, keepdims=True)) / deviation
    return dx


_BACKWARD: dict[str, Callable[[Row, Array, Array, Array, Array], Array]] = {
    "dense": _dense,
    "activation": lambda row, parameters, x, dz, derivatives: dz,
    "layernorm": _layernorm,
    "add": lambda row, parameters, x, dz, derivatives: dz,
}

OPS = tuple(_BACKWARD)
"""The operations that treat every row of the data by itself, and always in the same way."""
