"""The oracle's passes: forward through all rows of a program, and back.

Names as in `nncore.reference`.
"""

from __future__ import annotations

import numpy as np

from nncore.program import Program
from nncore.program.row import BATCH
from nncore.reference.formulas import ACTIVATION, DERIVATIVE, Array
from nncore.reference.rows import BACKWARD, FORWARD, Mode, Predicting, Training, average

PREDICTING = Predicting()
Tape = list[tuple[Array, Array, Array]]


def tape(program: Program, parameters: Array, X: Array, mode: Mode = PREDICTING) -> Tape:
    """Return (x, z, y) of every row of the program: all that the forward pass saw, for the backward pass.

    Of an add or concat, x is what it reads from `Row.source`. What is z before the activation is y where there is none.

    Parameters
    ----------
    program, parameters, X
        As for `forward`.
    mode : Predicting or Training
        Where the statistics of a batchnorm come from, and whether dropout drops.

    Raises
    ------
    ValueError
        If the program has a batchnorm, and the mode is that of predicting without statistics.

    Examples
    --------
    >>> from nncore import layers, program
    >>> line = program.lower([layers.Dense(1, "relu")], n_features=1, loss="mse")
    >>> tape(line, np.array([2.0, 0.0]), np.array([[1.0], [-1.0]]))[0][2]
    array([[2.],
           [0.]])
    """
    records: Tape = []

    def output(place: int) -> Array:
        return X if place == BATCH else records[place][2]

    for row in program.rows:
        x = output(row.source)
        z = FORWARD[row.op](row, parameters, x, mode)
        if row.op == "add":
            z = z + output(row.skip)
        elif row.op == "concat":
            z = np.hstack([z, output(row.skip)])
        records.append((x, z, ACTIVATION[row.activation](z, row.parameter)))
    return records


def backward(program: Program, parameters: Array, records: Tape, mode: Training, dy: Array) -> Array:
    """Return the derivative of the loss, and of penalties of outputs, by every parameter: backpropagation.

    Parameters
    ----------
    program, parameters
        As for `nncore.reference.forward`.
    records, mode
        The `tape` of the batch, and its mode.
    dy : ndarray of shape (n, n_outputs)
        Derivative by what the last row wrote.

    Returns
    -------
    ndarray of shape (n_parameters,)

    Examples
    --------
    >>> from nncore import layers, program
    >>> line, parameters = program.lower([layers.Dense(1)], n_features=1, loss="mse"), np.array([2.0, 0.0])
    >>> records = tape(line, parameters, np.array([[1.0], [3.0]]), Training())
    >>> backward(line, parameters, records, Training(), np.array([[1.0], [10.0]]))
    array([31., 11.])
    """
    gradient = np.zeros_like(parameters)
    dys = {len(program.rows) - 1: dy}  # by the number of the row that wrote y

    def arrive(place: int, dy: Array) -> None:
        dys[place] = dys[place] + dy if place in dys else dy  # several rows may have read the same y

    for i, row in reversed(list(enumerate(program.rows))):
        x, z, y = records[i]
        of_penalties = (row.activity_l1 * np.sign(y) + 2 * row.activity_l2 * y) / len(y)
        dz = DERIVATIVE[row.activation](z, dys.pop(i) + of_penalties.astype(y.dtype), row.parameter)
        arrive(row.source, BACKWARD[row.op](row, parameters, x, dz, mode, gradient))
        if row.op == "add":
            arrive(row.skip, dz)
        elif row.op == "concat":
            arrive(row.skip, dz[:, row.n_in :])
    for block in program.parameters:
        if any(row.frozen and block.offset in (row.weight, row.bias) for row in program.rows):
            block.of(gradient)[...] = 0
    return gradient


def average_statistics(program: Program, records: Tape, statistics: Array) -> None:
    """Bring the running statistics up to date with a batch, in place.

    Each average becomes ``momentum * r + (1 - momentum) * batch``, where the batch's variance is the unbiased estimate,
    over n - 1. A batch of one row changes nothing.

    Parameters
    ----------
    program : Program
        The network.
    records : list of tuple of ndarray
        The `tape` of the batch while training.
    statistics : ndarray of shape (n_statistics,)
        The running means and variances.

    Examples
    --------
    >>> from nncore import layers, program
    >>> network = program.lower([layers.BatchNorm(momentum=0.5), layers.Dense(1)], n_features=1, loss="mse")
    >>> records, statistics = tape(network, np.ones(4), np.array([[1.0], [3.0]]), Training()), np.array([0.0, 1.0])
    >>> average_statistics(network, records, statistics)
    >>> statistics
    array([1. , 1.5])
    """
    for row, (x, _, _) in zip(program.rows, records, strict=True):
        if row.op == "batchnorm" and not row.frozen:
            average(row, x, statistics)
