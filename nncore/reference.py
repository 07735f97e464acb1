"""The oracle: the same programs in plain NumPy, written to be read, not to be fast.

It interprets a `nncore.program.Program` row by row and shares no arithmetic with the compiled engine, so that each can
be tested against the other. Everything runs in the precision of its input, float32 or float64, but losses are always
computed in float64. Array arguments are not checked.

Names: n rows in the batch; ``x`` (n, n_in) is what a row of the program reads, ``z`` (n, n_out) its weighted sums,
``y`` (n, n_out) what it writes; ``dx, dz, dy`` are the derivatives of the loss by them.

Examples
--------
Learn y = 2 x from three points, by full-batch gradient descent:

>>> from nncore import layers, optimizers, program
>>> line = program.lower([layers.Dense(1)], n_features=1, loss="mse")
>>> parameters, X = np.zeros(2), np.array([[1.0], [2.0], [3.0]])
>>> step = {"batch_size": 3, "shuffle": False, "seed": 0}
>>> losses = train(line, optimizers.SGD(0.1), parameters, [], X, 2 * X, epochs=500, **step)
>>> print(parameters.round(2), losses[0].round(2))
[2. 0.] 18.67
"""

from __future__ import annotations

import numpy as np

from nncore.formulas import ACTIVATION, DERIVATIVE, LOSS, LOSS_GRADIENT, UPDATE, Array
from nncore.optimizers import Optimizer
from nncore.program import Program, Row
from nncore.random import permutation


def _weight(row: Row, parameters: Array) -> Array:
    """The view (n_in, n_out) of a row's weight in the flat vector."""
    return parameters[row.weight : row.weight + row.n_in * row.n_out].reshape(row.n_in, row.n_out)


def _bias(row: Row, parameters: Array) -> Array:
    """The view (n_out,) of a row's bias in the flat vector; empty if the row has none."""
    return parameters[row.bias : row.bias + row.n_out] if row.bias >= 0 else parameters[:0]


def _weighted_sums(row: Row, parameters: Array, x: Array) -> Array:
    if row.op == "activation":
        return x
    z = x @ _weight(row, parameters)
    return z + _bias(row, parameters) if row.bias >= 0 else z


def tape(program: Program, parameters: Array, X: Array) -> list[tuple[Array, Array, Array]]:
    """Return (x, z, y) of every row of the program: all that the forward pass saw, for the backward pass.

    Parameters and errors are those of `forward`.
    """
    records: list[tuple[Array, Array, Array]] = []
    x = X
    for row in program.rows:
        z = _weighted_sums(row, parameters, x)
        y = ACTIVATION[row.activation](z, row.parameter)
        records.append((x, z, y))
        x = y
    return records


def forward(program: Program, parameters: Array, X: Array, link: bool = True) -> Array:
    """Return the prediction for every row of `X`.

    Parameters
    ----------
    program : Program
        The network.
    parameters : ndarray of shape (n_parameters,)
        All weights and biases.
    X : ndarray of shape (n, n_features)
        The inputs.
    link : bool
        Apply the program's link; False returns raw predictions, logits where the loss is a crossentropy.

    Returns
    -------
    ndarray of shape (n, n_outputs)

    Examples
    --------
    >>> from nncore import layers, program
    >>> neuron = program.lower([layers.Dense(1, "sigmoid")], n_features=2, loss="binary_crossentropy")
    >>> forward(neuron, np.array([1.0, 1.0, -2.0]), np.array([[1.0, 1.0], [0.0, 0.0]])).round(3)
    array([[0.5  ],
           [0.119]])
    """
    raw_prediction = tape(program, parameters, X)[-1][2]
    return ACTIVATION[program.link](raw_prediction, 0.0) if link else raw_prediction


def _row_losses(program: Program, z: Array, target: Array) -> Array:
    return LOSS[program.loss](z.astype(np.float64), _exact(target), program.loss_parameter)


def _exact(target: Array) -> Array:
    return target if target.dtype.kind in "iu" else target.astype(np.float64)


def _shares(sample_weight: Array | None, n: int) -> Array:
    """What each row's loss counts in the batch's: its sample weight, 1 by default, over n."""
    return (np.ones(n) if sample_weight is None else sample_weight.astype(np.float64)) / n


def loss(program: Program, parameters: Array, X: Array, target: Array, sample_weight: Array | None = None) -> float:
    """Return the loss of a batch, ``sum_i(w_i * l_i) / n``.

    Parameters
    ----------
    program, parameters, X
        As for `forward`.
    target : ndarray
        Integers (n,) for sparse_softmax_crossentropy, else reals (n, n_outputs).
    sample_weight : ndarray of shape (n,), optional
        Weight of each row's loss; 1 by default.

    Examples
    --------
    >>> from nncore import layers, program
    >>> line = program.lower([layers.Dense(1)], n_features=1, loss="mse")
    >>> loss(line, np.array([2.0, 0.0]), np.array([[1.0], [2.0]]), np.array([[2.0], [5.0]]))
    0.5
    """
    z = forward(program, parameters, X, link=False)
    return float(_shares(sample_weight, len(X)) @ _row_losses(program, z, target))


def loss_and_gradient(
    program: Program, parameters: Array, X: Array, target: Array, sample_weight: Array | None = None
) -> tuple[float, Array]:
    """Return the loss of a batch and its derivative by every parameter: backpropagation.

    Parameters
    ----------
    program, parameters, X, target, sample_weight
        As for `loss`.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n_parameters,)

    Examples
    --------
    >>> from nncore import layers, program
    >>> line = program.lower([layers.Dense(1)], n_features=1, loss="mse")
    >>> loss_and_gradient(line, np.array([2.0, 0.0]), np.array([[1.0], [2.0]]), np.array([[2.0], [5.0]]))
    (0.5, array([-2., -1.]))
    """
    records = tape(program, parameters, X)
    z = records[-1][2]
    shares = _shares(sample_weight, len(X))
    value = float(shares @ _row_losses(program, z, target))
    dl = LOSS_GRADIENT[program.loss](z.astype(np.float64), _exact(target), program.loss_parameter)
    dy = (shares[:, None] * dl).astype(z.dtype)
    return value, _backward(program, parameters, records, dy)


def _backward(program: Program, parameters: Array, records: list[tuple[Array, Array, Array]], dy: Array) -> Array:
    gradient = np.zeros_like(parameters)
    for row, (x, z, _) in zip(reversed(program.rows), reversed(records), strict=True):
        dz = DERIVATIVE[row.activation](z, dy, row.parameter)
        if row.op == "dense":
            _weight(row, gradient)[...] = x.T @ dz
            if row.bias >= 0:
                _bias(row, gradient)[...] = dz.sum(axis=0)
            dy = dz @ _weight(row, parameters).T
        else:
            dy = dz
    return gradient


def update(
    optimizer: Optimizer, parameters: Array, gradient: Array, slots: list[Array], t: int, decay_mask: Array
) -> None:
    """Take one step: change `parameters` and `slots` in place.

    Parameters
    ----------
    optimizer : Optimizer
        The rule; its docstring holds the formula.
    parameters, gradient : ndarray of shape (n_parameters,)
        Where we are, and the slope there.
    slots : list of ndarray of shape (n_parameters,)
        What the rule remembers, ``optimizer.n_slots`` arrays, zeros at the start.
    t : int
        Number of this update, from 1.
    decay_mask : ndarray of bool, shape (n_parameters,)
        Which parameters weight decay touches.

    Examples
    --------
    >>> w = np.array([1.0, 1.0])
    >>> from nncore.optimizers import SGD
    >>> update(SGD(0.1), w, np.array([1.0, -2.0]), [], t=1, decay_mask=np.array([True, True]))
    >>> w
    array([0.9, 1.2])
    """
    UPDATE[optimizer.name](optimizer, parameters, gradient, slots, t, decay_mask)


def decay_mask(program: Program) -> Array:
    """Return which parameters weight decay touches: True for weights, False for biases.

    Examples
    --------
    >>> from nncore import layers, program
    >>> decay_mask(program.lower([layers.Dense(1)], n_features=2, loss="mse"))
    array([ True,  True, False])
    """
    mask = np.zeros(program.n_parameters, dtype=bool)
    for block in program.parameters:
        mask[block.offset : block.offset + block.size] = len(block.shape) == 2
    return mask


def train(
    program: Program,
    optimizer: Optimizer,
    parameters: Array,
    slots: list[Array],
    X: Array,
    target: Array,
    *,
    epochs: int,
    batch_size: int,
    shuffle: bool,
    seed: int,
    sample_weight: Array | None = None,
    first_epoch: int = 0,
    t: int = 0,
) -> Array:
    """Train by mini-batches: change `parameters` and `slots` in place.

    Batch k of epoch e holds the rows ``permutation(seed, e, n)[k * batch_size : (k + 1) * batch_size]``; the last one
    may be smaller.

    Parameters
    ----------
    program, parameters, X, target, sample_weight
        As for `loss`.
    optimizer, slots
        As for `update`.
    epochs, batch_size : int
        Passes over the data, rows per update.
    shuffle : bool
        False visits the rows in order.
    seed : int
        Seed of the shuffle.
    first_epoch, t : int
        Epochs and updates done before.

    Returns
    -------
    ndarray of shape (epochs,), float64
        Mean over the rows of the loss that each had just before its batch was learned.
    """
    n, mask, losses = len(X), decay_mask(program), np.zeros(epochs)
    for e in range(epochs):
        order = permutation(seed, first_epoch + e, n) if shuffle else np.arange(n)
        for rows in (order[start : start + batch_size] for start in range(0, n, batch_size)):
            w = None if sample_weight is None else sample_weight[rows]
            value, gradient = loss_and_gradient(program, parameters, X[rows], target[rows], w)
            t += 1
            update(optimizer, parameters, gradient, slots, t, mask)
            losses[e] += value * len(rows) / n
    return losses
