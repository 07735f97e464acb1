"""The derivative of every output by every parameter, row by row of the data: what least squares are solved with.

The engine goes forward, and back once for every output; what it finds at the rows of a program makes the derivatives
by their parameters. Names: n rows of data, k outputs, p parameters; ``dy`` (k, n, n_out) holds the derivatives of the k
outputs by what a row of the program wrote, or by the weighted sums of a dense row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nncore import engine
from nncore.base.typing import Array
from nncore.program import Program, Row
from nncore.program.row import BATCH


def outputs(program: Program, parameters: Array, X: Array) -> Array:
    """Return the raw predictions (n, k).

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> outputs(lower([Dense(1)], 2, "mse"), np.array([2.0, 3.0, 1.0]), np.array([[1.0, 1.0]]))
    array([[6.]])
    """
    return Derivatives(program).outputs(parameters, X)


def jacobian(program: Program, parameters: Array, X: Array, scale: Array) -> tuple[Array, Array]:
    """Return the raw predictions and their derivatives, as `Derivatives` does, for once.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> line, X = lower([Dense(1)], 1, "mse"), np.array([[3.0], [4.0]])
    >>> jacobian(line, np.array([2.0, 1.0]), X, np.ones(2))[1]
    array([[[3., 1.],
            [4., 1.]]])
    """
    return Derivatives(program).jacobian(parameters, X, scale)


class Derivatives:
    """A program made ready to be differentiated in float64, whatever the dtype of the model and of its products.

    Parameters
    ----------
    program : Program
        Of rows in `OPS` only, and without a link.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        exact = replace(program, precision=None)
        self._plan = engine.load_for(exact, "float64").Plan(exact)

    def outputs(self, parameters: Array, X: Array) -> Array:
        """Return the raw predictions (n, k) for parameters (p,) and finite X (n, n_features), both float64."""
        self._plan.set_parameters(parameters)
        predictions: Array = self._plan.predict(X)
        return predictions

    def jacobian(self, parameters: Array, X: Array, scale: Array) -> tuple[Array, Array]:
        """Return the raw predictions and their derivatives.

        Parameters
        ----------
        parameters : ndarray of shape (p,), float64
        X : ndarray of shape (n, n_features), float64
        scale : ndarray of shape (n,)
            Factor of every derivative of a row of the data.

        Returns
        -------
        predictions : ndarray of shape (n, k)
        derivatives : ndarray of shape (k, n, p)
        """
        k = self.program.n_outputs
        self._plan.set_parameters(parameters)
        values, deltas = self._plan.backpropagate(X, scale[:, None] * np.eye(k)[:, None, :])
        derivatives = np.empty((k, len(X), self.program.n_parameters))
        for row, dy in zip(self.program.rows, deltas, strict=True):
            if row.weight >= 0:
                _BY_PARAMETERS[row.op](row, X if row.source == BATCH else values[row.source], dy, derivatives)
        return values[-1], derivatives


def _dense(row: Row, x: Array, dy: Array, derivatives: Array) -> None:
    by_weight = derivatives[..., row.weight : row.weight + row.n_in * row.n_out]
    by_weight[...] = (x[:, :, None] * dy[:, :, None, :]).reshape(by_weight.shape)
    if row.bias >= 0:
        derivatives[..., row.bias : row.bias + row.n_out] = dy


def _layernorm(row: Row, x: Array, dy: Array, derivatives: Array) -> None:
    deviation = np.sqrt(x.var(axis=1, keepdims=True) + row.parameter)
    derivatives[..., row.weight : row.weight + row.n_out] = dy * ((x - x.mean(axis=1, keepdims=True)) / deviation)
    derivatives[..., row.bias : row.bias + row.n_out] = dy


def _embedding(row: Row, x: Array, dy: Array, derivatives: Array) -> None:
    by_weight = derivatives[..., row.weight : row.weight + row.n_weight]
    ones = (x == np.arange(row.n_tokens)).astype(x.dtype)
    by_weight[...] = (ones[:, :, None] * dy[:, :, None, :]).reshape(by_weight.shape)


def _prelu(row: Row, x: Array, dy: Array, derivatives: Array) -> None:
    derivatives[..., row.weight : row.weight + row.n_out] = dy * np.minimum(x, 0)


def _rmsnorm(row: Row, x: Array, dy: Array, derivatives: Array) -> None:
    root = np.sqrt((x**2).mean(axis=1, keepdims=True) + row.parameter)
    derivatives[..., row.weight : row.weight + row.n_out] = dy * (x / root)


_BY_PARAMETERS: dict[str, Callable[[Row, Array, Array, Array], None]] = {
    "dense": _dense,
    "layernorm": _layernorm,
    "embedding": _embedding,
    "prelu": _prelu,
    "rmsnorm": _rmsnorm,
}

OPS = (*_BY_PARAMETERS, "activation", "add", "columns", "concat", "one_hot")
"""The operations that treat every row of the data by itself, and always in the same way."""
