"""What the oracle is asked for: predictions, losses, gradients and whole trainings; see `nncore.reference`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nncore.base.random import permutation
from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.reference.formulas import Array
from nncore.reference.passes import Tape, average_statistics, backward, tape
from nncore.reference.rows import Predicting, Training
from nncore.reference.step import decay_rates, step
from nncore.reference.targets import linked, row_losses, slopes


def forward(
    program: Program,
    parameters: Array,
    X: Array,
    link: bool = True,
    statistics: Array | None = None,
    precision: str | None = None,
) -> Array:
    """Return the prediction for every row of `X`: dropout does nothing, batchnorm uses running statistics.

    Parameters
    ----------
    program : Program
        The network.
    parameters : ndarray of shape (n_parameters,)
        All that is learned.
    X : ndarray of shape (n, n_features)
        The inputs.
    link : bool
        Apply the program's link; False returns raw predictions, logits where the loss is a crossentropy.
    statistics : ndarray of shape (n_statistics,), optional
        Running statistics, which a program with a batchnorm needs.
    precision : "mixed_bfloat16" or None
        Of the dense products; None for that of the input. For the former, parameters and `X` are float32.

    Returns
    -------
    ndarray of shape (n, n_outputs)

    Raises
    ------
    ValueError
        If the program has a batchnorm, and there are no statistics; if `precision` is another one, or needs float32.

    Examples
    --------
    >>> from nncore import layers, program
    >>> neuron = program.lower([layers.Dense(1, "sigmoid")], n_features=2, loss="binary_crossentropy")
    >>> forward(neuron, np.array([1.0, 1.0, -2.0]), np.array([[1.0, 1.0], [0.0, 0.0]])).round(3)
    array([[0.5  ],
           [0.119]])
    """
    raw_prediction = tape(program, parameters, X, Predicting(statistics, precision))[-1][2]
    return linked(program, raw_prediction) if link else raw_prediction


def _exact(target: Array) -> Array:
    return target if target.dtype.kind in "iu" else target.astype(np.float64)


def _shares(sample_weight: Array | None, n: int) -> Array:
    """What each row's loss counts in the batch's: its sample weight, 1 by default, over n."""
    return (np.ones(n) if sample_weight is None else sample_weight.astype(np.float64)) / n


def _batch_loss(program: Program, z: Array, target: Array, sample_weight: Array | None) -> float:
    return float(_shares(sample_weight, len(z)) @ row_losses(program, z.astype(np.float64), _exact(target)))


def loss(
    program: Program,
    parameters: Array,
    X: Array,
    target: Array,
    sample_weight: Array | None = None,
    statistics: Array | None = None,
    precision: str | None = None,
) -> float:
    """Return the loss of the predictions for a batch, ``sum_i(w_i * l_i) / n``.

    Parameters
    ----------
    program, parameters, X, statistics, precision
        As for `forward`.
    target : ndarray
        Integers (n,) for sparse_softmax_crossentropy, else reals (n, n_outputs).
    sample_weight : ndarray of shape (n,), optional
        Weight of each row's loss; 1 by default.

    Raises
    ------
    ValueError
        As for `forward`.

    Examples
    --------
    >>> from nncore import layers, program
    >>> line = program.lower([layers.Dense(1)], n_features=1, loss="mse")
    >>> loss(line, np.array([2.0, 0.0]), np.array([[1.0], [2.0]]), np.array([[2.0], [5.0]]))
    0.5
    """
    z = forward(program, parameters, X, link=False, statistics=statistics, precision=precision)
    return _batch_loss(program, z, target, sample_weight)


def training_loss(
    program: Program,
    parameters: Array,
    X: Array,
    target: Array,
    sample_weight: Array | None = None,
    *,
    seed: int = 0,
    iteration: int = 0,
    precision: str | None = None,
    statistics: Array | None = None,
) -> float:
    """Return the loss that a step of training sees: values are dropped, batchnorm uses the batch's own statistics.

    Without dropout and batchnorm it is `loss`. Penalties are not part of it.

    Parameters
    ----------
    program, parameters, X, target, sample_weight, precision
        As for `loss`.
    seed, iteration : int
        What the dropped values depend on: seed of the model, number of updates done before.
    statistics : ndarray of shape (n_statistics,), optional
        What frozen batchnorms, those of `Normalization` among them, go by.

    Examples
    --------
    >>> from nncore import layers, program
    >>> line = program.lower([layers.Dropout(0.5), layers.Dense(1)], n_features=1, loss="mse")
    >>> X, target = np.array([[1.0]]), np.array([[2.0]])
    >>> sorted({training_loss(line, np.array([1.0, 0.0]), X, target, iteration=i) for i in range(9)})
    [0.0, 4.0]
    """
    z = tape(program, parameters, X, Training(seed, iteration, precision, statistics))[-1][2]
    return _batch_loss(program, z, target, sample_weight)


def loss_and_gradient(
    program: Program,
    parameters: Array,
    X: Array,
    target: Array,
    sample_weight: Array | None = None,
    *,
    seed: int = 0,
    iteration: int = 0,
    precision: str | None = None,
    statistics: Array | None = None,
) -> tuple[float, Array]:
    """Return the `training_loss` of a batch and its derivative by every parameter: backpropagation.

    Parameters
    ----------
    program, parameters, X, target, sample_weight, seed, iteration, precision, statistics
        As for `training_loss`.

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
    mode = Training(seed, iteration, precision, statistics)
    records = tape(program, parameters, X, mode)
    value = _batch_loss(program, records[-1][2], target, sample_weight)
    return value, backward(program, parameters, records, mode, _slope(program, records, target, sample_weight))


def _slope(program: Program, records: Tape, target: Array, sample_weight: Array | None) -> Array:
    """The derivative (n, n_outputs) of the batch's loss by the raw predictions."""
    z = records[-1][2]
    dl = slopes(program, z.astype(np.float64), _exact(target))
    dy: Array = (_shares(sample_weight, len(z))[:, None] * dl).astype(z.dtype)
    return dy


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
    learning_rates: Array | None = None,
    statistics: Array | None = None,
    precision: str | None = None,
) -> Array:
    """Train by mini-batches: change `parameters`, `slots` and `statistics` in place.

    Batch k of epoch e holds the rows ``permutation(seed, e, n)[k * batch_size : (k + 1) * batch_size]``; the last one
    may be smaller.

    Parameters
    ----------
    program, parameters, X, target, sample_weight, precision
        As for `loss`.
    optimizer, slots
        As for `update`.
    epochs, batch_size : int
        Passes over the data, rows per update.
    shuffle : bool
        False visits the rows in order.
    seed : int
        Seed of the shuffle and of dropout.
    first_epoch, t : int
        Epochs and updates done before.
    learning_rates : ndarray of shape (n_updates,), optional
        The learning rate of each update, instead of the optimizer's.
    statistics : ndarray of shape (n_statistics,), optional
        Running statistics; None to average none.

    Returns
    -------
    ndarray of shape (epochs,), float64
        Mean over the rows of the loss that each had just before its batch was learned.
    """
    n, losses, first, decay = len(X), np.zeros(epochs), t, decay_rates(program, optimizer)
    for e in range(epochs):
        order = permutation(seed, first_epoch + e, n) if shuffle else np.arange(n)
        for rows in (order[start : start + batch_size] for start in range(0, n, batch_size)):
            w, mode = None if sample_weight is None else sample_weight[rows], Training(seed, t, precision, statistics)
            records = tape(program, parameters, X[rows], mode)
            slope = _slope(program, records, target[rows], w)
            gradient = backward(program, parameters, records, mode, slope)
            losses[e] += _batch_loss(program, records[-1][2], target[rows], w) * len(rows) / n
            if statistics is not None:
                average_statistics(program, records, statistics)
            if learning_rates is not None:
                optimizer = replace(optimizer, learning_rate=float(learning_rates[t - first]))
            t += 1
            step(program, optimizer, parameters, gradient, slots, t, decay)
    return losses
