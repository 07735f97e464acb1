"""scikit-learn: ``MLPClassifier.partial_fit``, which is one epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from bench.cases import SEED, Array, Case
from bench.runners.runner import Runner


class Train(Runner):
    """Of two classes it makes one sigmoid output, a network with other weights: those losses are not compared."""

    def __init__(self, case: Case, threads: int) -> None:
        # The number of threads is taken from the environment when NumPy is imported: see bench.threads.
        self.X, self.y = case.data()
        rule = case.optimizer
        self.classifier = MLPClassifier(
            case.sizes[1:-1],
            activation=case.activation,
            alpha=0.0,
            batch_size=case.batch_size,
            learning_rate_init=rule.learning_rate,
            beta_1=rule.beta_1,
            beta_2=rule.beta_2,
            epsilon=rule.epsilon,
            random_state=np.random.RandomState(SEED),
        )
        self.comparable = case.sizes[-1] > 2
        self.classifier.partial_fit(self.X, self.y, classes=np.arange(case.sizes[-1]))
        if self.comparable:
            _start_over(self.classifier, case.initial_weights())

    @staticmethod
    def supports(case: Case) -> bool:
        return case.activation in ("tanh", "relu")

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            self.classifier.partial_fit(self.X, self.y)

    def train_in_order(self, order: Array) -> None:
        self.classifier.set_params(shuffle=False).partial_fit(self.X[order], self.y[order])
        self.classifier.set_params(shuffle=True)

    def weights(self) -> list[Array]:
        layers = zip(self.classifier.coefs_, self.classifier.intercepts_, strict=True)
        return [array for layer in layers for array in layer]


def _start_over(classifier: Any, weights: list[Array]) -> None:
    """Set the weights, and forget what Adam remembers.

    There is no public way to; that losses agree with the others' shows that this one works.
    """
    arrays = iter(weights)
    for own_weight, own_bias, weight, bias in zip(
        classifier.coefs_, classifier.intercepts_, arrays, arrays, strict=True
    ):
        own_weight[...], own_bias[...] = weight, bias
    del classifier._optimizer
