"""What is scored after each epoch amid a call of training: by the engine, or from the predictions that it leaves."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nncore.arrays import Data
from nncore.base.typing import Array, Floats
from nncore.losses import Loss
from nncore.metrics import MEASURING
from nncore.network import Network
from nncore.training import scoring, streaming
from nncore.training.scoring import Scorers


class Within(NamedTuple):
    """Scores that need no pause of training.

    Attributes
    ----------
    names : tuple of str
        Of all scores of an epoch besides its loss, in the order of the history.
    engines : tuple of str
        Those of them that the engine works out, in its order.
    thresholds : ndarray of shape (n_counts,), float64
        How it counts predictions as right.
    validation : tuple or None
        Rows to validate on: X, target, sample_weight, and where their predictions go, or None.
    measured : mapping of str to callable
        Metrics that Python works out.
    """

    names: tuple[str, ...]
    engines: tuple[str, ...]
    thresholds: Floats
    validation: tuple[Array, Array, Array | None, Array | None] | None
    measured: Scorers

    def of_training(self) -> Within:
        """Return the same without rows to validate on, for an epoch after which these are not scored."""
        if self.validation is None:
            return self
        names, engines = self.names[: self.names.index("val_loss")], self.engines[: len(self.thresholds)]
        return self._replace(names=names, engines=engines, validation=None)

    def measure(self, target: Array, predictions: Array | None) -> dict[str, float]:
        """Return the scores of `measured`, where the engine has just left predictions for both sets of rows."""
        assert predictions is not None, "there are metrics"
        found = scoring.scores(self.measured, target, predictions)
        if self.validation is not None:
            _, targets, _, predicted = self.validation
            assert predicted is not None, "there are metrics"
            scores = scoring.scores(self.measured, targets, predicted)
            found |= {f"val_{name}": score for name, score in scores.items()}
        return found


def scored_within(network: Network, loss: Loss, metrics: Scorers, validation: Data | None) -> Within | None:
    """Return what is to be done for these scores; None if a metric is not nncore's: it may look at the
    model; nor where the rows to validate on are not in memory.

    Examples
    --------
    >>> from nncore import Dense, metrics, program
    >>> from nncore.losses import MeanSquaredError
    >>> from nncore.optimizers import SGD
    >>> line = program.lower([Dense(1)], n_features=2, loss="mse")
    >>> network, rows = Network(line, np.zeros(3), SGD(0.1)), Data(np.zeros((4, 2)), np.zeros((4, 1)), None)
    >>> found = scored_within(network, MeanSquaredError(), {"r2": metrics.r2_score, "acc": metrics.accuracy}, rows)
    >>> found.names, found.engines
    (('r2', 'acc', 'val_loss', 'val_r2', 'val_acc'), ('acc', 'val_loss', 'val_acc'))
    """
    if validation is not None and streaming.is_streamed(validation):
        return None
    if network.program.heads and (metrics or validation is not None):
        return None  # the engine does not count each output apart
    n_outputs = network.program.n_outputs
    counted = {name: scoring.threshold(metric, loss, n_outputs) for name, metric in metrics.items()}
    thresholds = {name: threshold for name, threshold in counted.items() if threshold is not None}
    measured = {name: metric for name, metric in metrics.items() if name not in thresholds}
    if not all(any(metric is known for known in MEASURING) for metric in measured.values()):
        return None
    numbers = np.array([*thresholds.values()], np.float64)
    if validation is None:
        return Within(tuple(metrics), tuple(thresholds), numbers, None, measured)
    predictions = np.empty((len(validation.X), n_outputs), network.dtype) if metrics else None
    names, engines = ((*of, "val_loss", *map("val_{}".format, of)) for of in (metrics, thresholds))
    return Within(names, engines, numbers, (*validation, predictions), measured)
