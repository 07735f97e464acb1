"""Decoupled weight decay: what a step may take off the weights."""

from __future__ import annotations

import numpy as np

from nncore.base.typing import Array
from nncore.optimizers import Optimizer
from nncore.program import Program
from nncore.schedules import Schedule

SAMPLES = 2**12  # of a schedule, over all epochs; every step's own rate is looked at before it is made


def check_decay(program: Program, optimizer: Optimizer, rates: float | Array) -> None:
    """Refuse rates at which a step takes more than all off a weight, and so turns its sign.

    Parameters
    ----------
    program : Program
        The network.
    optimizer : Optimizer
        Its ``weight_decay``, if it has one, holds for the dense rows that have none of their own.
    rates : float or ndarray
        Learning rates.

    Raises
    ------
    ValueError
        If the product of the largest rate and the largest decay, a layer's multiplier included, is above 1.

    Examples
    --------
    >>> from nncore import AdamW, Dense, program
    >>> line = program.lower([Dense(1)], n_features=2, loss="mse")
    >>> check_decay(line, AdamW(0.5, weight_decay=2), 0.5)
    >>> check_decay(line, AdamW(0.5, weight_decay=3), 0.5)
    Traceback (most recent call last):
        ...
    ValueError: learning_rate * weight_decay must be at most 1, got 0.5 * 3 = 1.5: every step would turn the signs of \
the weights; lower one of them
    """
    default = getattr(optimizer, "weight_decay", 0.0)
    learning = [row for row in program.rows if row.weight >= 0 and not row.frozen]
    own = [
        row.rate_factor * (default if row.weight_decay is None else row.weight_decay)
        for row in learning
        if row.op in ("dense", "embedding")
    ]
    norms = [row.rate_factor * default for row in learning if getattr(optimizer, "decay_bias", False)]
    decay = max([*own, *norms], default=0.0)
    if decay == 0:
        return
    rate = float(np.max(rates))
    if rate * decay > 1:
        product = f"{rate:.9g} * {decay:.9g} = {rate * decay:.9g}"
        raise ValueError(
            f"learning_rate * weight_decay must be at most 1, got {product}: every step would turn the signs of the "
            "weights; lower one of them"
        )


def rates_between(optimizer: Optimizer, first_epoch: int, last_epoch: int) -> float | Array:
    """Return the learning rate, or of a schedule a sample of those from one epoch to another.

    Examples
    --------
    >>> from nncore import SGD, StepDecay
    >>> rates_between(SGD(0.1), 0, 10)
    0.1
    >>> float(rates_between(SGD(StepDecay(0.1, factor=0.5, every=1)), 0, 10).max())
    0.1
    """
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule):
        return schedule
    return schedule(np.linspace(first_epoch, last_epoch, min(SAMPLES, 8 * (last_epoch - first_epoch)), endpoint=False))
