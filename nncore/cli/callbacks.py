"""What the command line does after each epoch of a training."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nncore.model import Sequential


class BestEpoch:
    """When training ends, put back the weights of the epoch with the lowest validation loss."""

    def __init__(self) -> None:
        self.loss = math.inf
        self.weights: list[np.ndarray] | None = None

    def on_epoch_end(self, model: Sequential, epoch: int, logs: dict[str, float]) -> None:
        if logs["val_loss"] < self.loss:
            self.loss, self.weights = logs["val_loss"], model.get_weights()

    def on_train_end(self, model: Sequential) -> None:
        if self.weights is not None:
            model.set_weights(self.weights)


class LinearDecay:
    """Lower the learning rate after each of `epochs` epochs by the same amount, the last one's being the smallest."""

    def __init__(self, learning_rate: float, epochs: int) -> None:
        self.learning_rate = learning_rate
        self.epochs = epochs

    def on_epoch_end(self, model: Sequential, epoch: int, logs: dict[str, float]) -> None:
        left = max(self.epochs - (epoch + 1), 1)  # never 0: training may go on from the saved model
        model.optimizer = replace(model.optimizer, learning_rate=self.learning_rate * left / self.epochs)
