"""What the engine does after each epoch amid a call of training: it scores other rows and counts right predictions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nncore.arrays import Data
from nncore.base.typing import Array, Floats
from nncore.losses import Loss
from nncore.network import Network
from nncore.training.scoring import Scorers, threshold


class Within(NamedTuple):
    """Scores that need no pause of training.

    Attributes
    ----------
    names : tuple of str
        Of the scores of an epoch, in the engine's order, which is that of the history.
    thresholds : ndarray of shape (n_metrics,), float64
        How predictions count as right.
    validation : tuple or None
        Rows to validate on: X, target, sample_weight, and where their predictions go, or None.
    """

    names: tuple[str, ...]
    thresholds: Floats
    validation: tuple[Array, Array, Array | None, Array | None] | None


def scored_within(network: Network, loss: Loss, metrics: Scorers, validation: Data | None) -> Within | None:
    """Return what the engine has to do for these scores; None if one of the metrics is no share of right predictions.

    Examples
    --------
    >>> from nncore import Dense, metrics, program
    >>> from nncore.losses import MeanSquaredError
    >>> from nncore.optimizers import SGD
    >>> line = program.lower([Dense(1)], n_features=2, loss="mse")
    >>> network, rows = Network(line, np.zeros(3), SGD(0.1)), Data(np.zeros((4, 2)), np.zeros((4, 1)), None)
    >>> scored_within(network, MeanSquaredError(), {"acc": metrics.accuracy}, rows).names
    ('acc', 'val_loss', 'val_acc')
    >>> scored_within(network, MeanSquaredError(), {"r2": metrics.r2_score}, rows)
    """
    n_outputs = network.program.n_outputs
    counted = [threshold(metric, loss, n_outputs) for metric in metrics.values()]
    if None in counted:
        return None
    thresholds = np.array(counted, np.float64)
    if validation is None:
        return Within((*metrics,), thresholds, None)
    names = (*metrics, "val_loss", *(f"val_{name}" for name in metrics))
    predictions = np.empty((len(validation.X), n_outputs), network.dtype) if metrics else None
    return Within(names, thresholds, (*validation, predictions))
