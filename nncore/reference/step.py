"""The oracle's step: what happens to the parameters between a gradient and the next batch.

In this order: penalties enter the gradient, it is clipped by value, then by norm; weights decay; the optimizer's rule;
weights are scaled down to their largest norm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.reference.formulas import UPDATE, Array
from nncore.reference.rows import weight_of

WITH_MATRIX = ("dense", "embedding")


def penalty(program: Program, parameters: Array) -> float:
    """Return what training adds to the loss: ``l1 * sum(abs(w)) + l2 * sum(w**2)``, summed over the dense weights.

    To it belongs the same of their biases, with ``bias_l1`` and ``bias_l2``.

    Examples
    --------
    >>> from nncore import layers, program
    >>> penalty(program.lower([layers.Dense(1, l1=1, l2=0.5)], 2, "mse"), np.array([3.0, -4.0, 9.0]))
    19.5
    """
    flat, dense = parameters.astype(np.float64), [row for row in program.rows if row.op in WITH_MATRIX]
    terms = [(weight_of(row, flat), row.l1, row.l2) for row in dense]
    terms += [(flat[row.bias : row.bias + row.n_out], row.bias_l1, row.bias_l2) for row in dense if row.bias >= 0]
    return float(sum(l1 * np.abs(w).sum() + l2 * (w**2).sum() for w, l1, l2 in terms))


def penalise(program: Program, parameters: Array, gradient: Array) -> None:
    """Add the derivative of `penalty` to a gradient, in place; at 0 that of abs is 0.

    Examples
    --------
    >>> from nncore import layers, program
    >>> gradient = np.zeros(3)
    >>> penalise(program.lower([layers.Dense(1, l1=1, l2=0.5)], 2, "mse"), np.array([3.0, -4.0, 9.0]), gradient)
    >>> gradient
    array([ 4., -5.,  0.])
    """
    for row in program.rows:
        if row.op in WITH_MATRIX and (row.l1 or row.l2) and not row.frozen:
            w = weight_of(row, parameters)
            weight_of(row, gradient)[...] += row.l1 * np.sign(w) + 2 * row.l2 * w
        if row.op == "dense" and (row.bias_l1 or row.bias_l2) and not row.frozen:
            bias = slice(row.bias, row.bias + row.n_out)
            b = parameters[bias]
            gradient[bias] += row.bias_l1 * np.sign(b) + 2 * row.bias_l2 * b


def clip(gradient: Array, clip_value: float | None, clip_norm: float | None) -> None:
    """Clip a gradient in place: every value to plus or minus `clip_value`, then the whole to length `clip_norm`.

    The second is Pascanu, Mikolov and Bengio (2013), algorithm 1. None for no limit.

    Examples
    --------
    >>> gradient = np.array([3.0, -8.0])
    >>> clip(gradient, 4.0, 2.5)
    >>> gradient
    array([ 1.5, -2. ])
    """
    if clip_value is not None:
        np.clip(gradient, -clip_value, clip_value, out=gradient)
    if clip_norm is not None:
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
        gradient *= clip_norm / norm if norm > clip_norm else 1.0


def decay_rates(program: Program, optimizer: Optimizer) -> Array:
    """Return the weight decay of every parameter: of a dense weight its own or the optimizer's, of all others 0.

    With the optimizer's `decay_bias` a bias has that of its weight, and gamma and beta the optimizer's.

    Examples
    --------
    >>> from nncore import layers, optimizers, program
    >>> line = program.lower([layers.Dense(1), layers.Dense(1, weight_decay=0.5)], n_features=2, loss="mse")
    >>> decay_rates(line, optimizers.AdamW(weight_decay=0.1))
    array([0.1, 0.1, 0. , 0.5, 0. ])
    """
    default, of_all = getattr(optimizer, "weight_decay", 0.0), getattr(optimizer, "decay_bias", False)
    rates = np.full(program.n_parameters, default if of_all else 0.0)
    for row in program.rows:
        if row.op in WITH_MATRIX:
            rate = default if row.weight_decay is None else row.weight_decay
            weight_of(row, rates)[...] = rate
            if row.bias >= 0 and of_all:
                rates[row.bias : row.bias + row.n_out] = rate
    return rates


def update(optimizer: Optimizer, parameters: Array, gradient: Array, slots: list[Array], t: int, decay: Array) -> None:
    """Let the weights decay, then follow the optimizer's rule: change `parameters` and `slots` in place.

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
    decay : ndarray of shape (n_parameters,)
        Decoupled weight decay of each parameter (Loshchilov and Hutter, 2019), see `decay_rates`.

    Examples
    --------
    >>> w = np.array([1.0, 1.0])
    >>> from nncore.optimizers import SGD
    >>> update(SGD(0.1), w, np.array([1.0, -2.0]), [], t=1, decay=np.array([0.0, 0.5]))
    >>> w
    array([0.9 , 1.15])
    """
    if decay.any():
        parameters -= (optimizer.rate * decay).astype(parameters.dtype) * parameters
    UPDATE[optimizer.name](optimizer, parameters, gradient, slots, t)


def limit_norms(program: Program, parameters: Array) -> None:
    """Scale the weights into each unit down to the layer's `max_norm`, in place (Srebro and Shraibman, 2005).

    Examples
    --------
    >>> from nncore import layers, program
    >>> parameters = np.array([3.0, 0.5, 4.0, 0.5, 9.0, 9.0])
    >>> limit_norms(program.lower([layers.Dense(2, max_norm=1)], 2, "mse"), parameters)
    >>> parameters
    array([0.6, 0.5, 0.8, 0.5, 9. , 9. ])
    """
    for row in program.rows:
        if row.max_norm is not None and not row.frozen:
            w = weight_of(row, parameters)
            norm = np.linalg.norm(w.astype(np.float64), axis=0)
            w *= (row.max_norm / np.maximum(norm, row.max_norm)).astype(w.dtype)


def step(
    program: Program,
    optimizer: Optimizer,
    parameters: Array,
    gradient: Array,
    slots: list[Array],
    t: int,
    decay: Array,
) -> None:
    """Take one step from the gradient of the loss: change `parameters`, `slots` and `gradient` in place.

    Parameters are those of `update`; `gradient` ends as the rule has seen it.

    Examples
    --------
    >>> from nncore import layers, optimizers, program
    >>> line, w = program.lower([layers.Dense(1, l2=0.5, max_norm=1)], 1, "mse"), np.array([2.0, 2.0])
    >>> step(line, optimizers.SGD(0.1), w, np.array([1.0, 1.0]), [], t=1, decay=np.zeros(2))
    >>> w
    array([1. , 1.9])
    """
    penalise(program, parameters, gradient)
    clip(gradient, optimizer.clip_value, optimizer.clip_norm)
    for factor, places in _by_rate(program):
        one = replace(optimizer, learning_rate=optimizer.rate * factor)
        own = parameters[places]
        its_slots = [slot[places] for slot in slots]
        update(one, own, gradient[places], its_slots, t, decay[places])
        parameters[places] = own
        for slot, values in zip(slots, its_slots, strict=True):
            slot[places] = values
    limit_norms(program, parameters)


def _by_rate(program: Program) -> list[tuple[float, Array]]:
    """Return the places of the parameters that are trained, by the factor of their learning rate."""
    factors = np.zeros(program.n_parameters)
    for row in program.rows:
        if row.weight >= 0 and not row.frozen:
            factors[row.weight : row.weight + row.n_weight] = row.rate_factor
            if row.bias >= 0:
                factors[row.bias : row.bias + row.n_out] = row.rate_factor
    return [(float(factor), np.flatnonzero(factors == factor)) for factor in np.unique(factors[factors > 0])]
