"""The derivative of every output by every parameter, row by row of the data: what least squares are solved with.

NumPy runs the program forward, then backward from all outputs at once; the formulas are those of `nncore.formulas`.
Names: n rows of data, k outputs, p parameters; ``dy`` (k, n, n_out) holds the derivatives of the k outputs by what a
row of the program wrote.
"""

from __future__ import annotations

import numpy as np

from nncore.formulas import ACTIVATION, DERIVATIVE, Array
from nncore.program import Program, Row

OPS = ("dense", "activation", "layernorm", "add")
"""The operations that treat every row of the data by itself, and always in the same way."""

Records = list[tuple[Array, Array]]  # of each row: what its activation reads, and what it writes


def outputs(program: Program, parameters: Array, X: Array) -> Array:
    """Return the raw predictions (n, k).

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> outputs(lower([Dense(1)], 2, "mse"), np.array([2.0, 3.0, 1.0]), np.array([[1.0, 1.0]]))
    array([[6.]])
    """
    return _tape(program, parameters, X)[-1][1]


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
    records = _tape(program, parameters, X)
    predictions = records[-1][1]
    n, k = predictions.shape
    derivatives = np.zeros((k, n, len(parameters)))
    pending = {len(records) - 1: scale[:, None] * np.eye(k)[:, None, :]}
    for number in reversed(range(len(records))):
        row, dy = program.rows[number], pending.pop(number)
        read = X if row.source < 0 else records[row.source][1]
        dx = _backward(row, parameters, read, records[number][0], dy, derivatives)
        _collect(pending, row.source, dx)
        if row.op == "add":
            _collect(pending, row.skip, dx)
    return predictions, derivatives


def _collect(pending: dict[int, Array], number: int, dy: Array) -> None:
    """Add to the derivatives by what row `number` wrote; nobody asks for those by the data."""
    if number >= 0:
        pending[number] = pending[number] + dy if number in pending else dy


def _tape(program: Program, parameters: Array, X: Array) -> Records:
    records: Records = []
    for row in program.rows:
        x = X if row.source < 0 else records[row.source][1]
        z = x
        if row.op == "dense":
            z = x @ _weight(row, parameters) + _vector(row.bias, row, parameters, 0.0)
        if row.op == "layernorm":
            gamma, beta = _vector(row.weight, row, parameters, 1.0), _vector(row.bias, row, parameters, 0.0)
            records.append((z, gamma * _normalised(x, row.parameter)[0] + beta))
        elif row.op == "add":
            records.append((z, x + (X if row.skip < 0 else records[row.skip][1])))
        else:
            records.append((z, ACTIVATION[row.activation](z, row.parameter)))
    return records


def _backward(row: Row, parameters: Array, x: Array, z: Array, dy: Array, derivatives: Array) -> Array:
    """Store the derivatives by the row's parameters; return those by what it read."""
    if row.op == "add":
        return dy
    if row.op == "layernorm":
        return _layernorm_backward(row, parameters, x, dy, derivatives)
    dz = DERIVATIVE[row.activation](z, dy, row.parameter)
    if row.op == "activation":
        return dz
    products = x[:, :, None] * dz[:, :, None, :]
    derivatives[..., row.weight : row.weight + row.n_in * row.n_out] = products.reshape(*dz.shape[:2], -1)
    if row.bias >= 0:
        derivatives[..., row.bias : row.bias + row.n_out] = dz
    dx: Array = dz @ _weight(row, parameters).T
    return dx


def _layernorm_backward(row: Row, parameters: Array, x: Array, dy: Array, derivatives: Array) -> Array:
    """Mean and deviation depend on x too: that part of dy which would shift or stretch x is taken out."""
    y, deviation = _normalised(x, row.parameter)
    if row.weight >= 0:
        derivatives[..., row.weight : row.weight + row.n_out] = dy * y
        derivatives[..., row.bias : row.bias + row.n_out] = dy
    d = dy * _vector(row.weight, row, parameters, 1.0)
    dx: Array = (d - d.mean(axis=-1, keepdims=True) - y * (d * y).mean(axis=-1, keepdims=True)) / deviation
    return dx


def _normalised(x: Array, epsilon: float) -> tuple[Array, Array]:
    """Return each row of `x` with mean 0 and variance 1, and the deviation (n, 1) it was divided by."""
    deviation = np.sqrt(x.var(axis=-1, keepdims=True) + epsilon)
    return (x - x.mean(axis=-1, keepdims=True)) / deviation, deviation


def _weight(row: Row, parameters: Array) -> Array:
    return parameters[row.weight : row.weight + row.n_in * row.n_out].reshape(row.n_in, row.n_out)


def _vector(place: int, row: Row, parameters: Array, default: float) -> Array | float:
    return parameters[place : place + row.n_out] if place >= 0 else default
