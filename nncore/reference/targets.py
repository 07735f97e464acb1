"""How the oracle reads targets: smoothed, weighted, spread over several outputs, or missing; what links make of z."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.program import Head, Program
from nncore.reference.formulas import ACTIVATION, Array
from nncore.reference.losses import LOSS, LOSS_GRADIENT, OF_EACH, SLOPE_OF_EACH, gaussian

_CHOICES = ("softmax_crossentropy", "sparse_softmax_crossentropy", "softmax_focal")


def row_losses(program: Program, z: Array, target: Array) -> Array:
    """Return the loss of each row (n,), of raw predictions (n, n_outputs).

    Examples
    --------
    >>> from nncore import layers, losses, program
    >>> loss = losses.MeanSquaredError(mask_missing=True)
    >>> two = program.lower([layers.Dense(2)], n_features=1, loss=loss)
    >>> row_losses(two, np.array([[1.0, 2.0]]), np.array([[4.0, np.nan]]))
    array([4.5])
    """
    return _of_rows(program, z, target, 0)


def slopes(program: Program, z: Array, target: Array) -> Array:
    """Return the derivatives of `row_losses` by z, (n, n_outputs)."""
    return _of_rows(program, z, target, 1)


def _of_rows(program: Program, z: Array, target: Array, derivative: int) -> Array:
    if not program.heads:
        return _of_one(program, z, target, derivative)
    found, at = [], 0
    for head in program.heads:
        of_it = target[:, at : at + head.n_targets]
        at += head.n_targets
        if head.loss == "sparse_softmax_crossentropy":
            of_it = of_it[:, 0].astype(int)
        columns = z[:, head.first : head.first + head.n_outputs]
        found.append(head.weight * _of_one(head, columns, of_it, derivative))
    return np.hstack(found) if derivative else np.sum(found, axis=0)


def _of_one(program: Program | Head, z: Array, target: Array, derivative: int) -> Array:
    """Return row losses, or slopes, of one loss."""
    kernel, reading, (of_rows, of_each) = program.loss, program.reading, _TABLES[derivative]
    found: Array
    if isinstance(program, Program) and program.own_loss is not None:
        found = program.own_loss(target, z)[derivative]
        return found
    if reading is None:
        found = of_rows[kernel](z, target, program.loss_parameter)
        return found
    if kernel in _CHOICES:
        masses = np.eye(z.shape[1])[target] if target.ndim == 1 else target
        masses = (masses * (1 - reading.smoothing) + reading.smoothing / z.shape[1]) * np.array(reading.weights)
        found = of_rows[kernel.removeprefix("sparse_")](z, masses, program.loss_parameter)
        return found
    t, w = _read(program, target)
    if kernel == "gaussian":
        value, *by_both = gaussian(z, t, program.loss_parameter)
        found = np.hstack([w * by / w.shape[1] for by in by_both]) if derivative else (w * value).sum(1) / w.shape[1]
        return found
    each = w * of_each[kernel](z, t, np.array(reading.parameters)) / w.shape[1]
    found = each if derivative else each.sum(axis=1)
    return found


def _read(program: Program | Head, target: Array) -> tuple[Array, Array]:
    """Return targets and weights of all that is compared."""
    reading = program.reading
    assert reading is not None
    n = len(reading.parameters)
    absent = np.isnan(np.repeat(target, n // reading.n_targets, axis=1))
    t = np.where(absent, 0, np.repeat(target, n // reading.n_targets, axis=1))
    t = t * (1 - reading.smoothing) + reading.smoothing / 2
    positives = np.array(reading.positives)
    all_of_it = np.where(positives == 1, 1, positives * t + (1 - t))
    w = np.where(absent, 0, np.array(reading.weights) * all_of_it)
    return (np.where(positives == 1, t, positives * t / all_of_it) if program.loss == "sigmoid_crossentropy" else t), w


def linked(program: Program, z: Array) -> Array:
    """Return the predictions that raw ones stand for."""
    if program.heads:
        return np.hstack([_linked(head, z[:, head.first : head.first + head.n_outputs]) for head in program.heads])
    return _linked(program, z)


def _linked(program: Program | Head, z: Array) -> Array:
    if program.link == "sorted":
        return np.sort(z.reshape(len(z), program.n_targets, -1), axis=2).reshape(z.shape)
    if program.link == "mean_and_variance":
        mean, s = np.hsplit(z, 2)
        return np.hstack([mean, np.exp(s) + np.exp(z.dtype.type(program.loss_parameter))])
    return ACTIVATION[program.link](z, 0.0)


_TABLES: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = ((LOSS, OF_EACH), (LOSS_GRADIENT, SLOPE_OF_EACH))
