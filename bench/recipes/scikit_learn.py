"""scikit-learn: ``MLPClassifier.partial_fit``, which is one epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network import MLPClassifier

from bench.recipes import recipe


def train(digits: recipe.Digits, seed: int, threads: int, enough: Callable[[float], bool]) -> None:
    # The number of threads is taken from the environment when NumPy is imported: see bench.threads.
    X, test_X = scaled(digits.pixels), scaled(digits.test_pixels)
    classifier = MLPClassifier(
        recipe.SIZES[1:-1],
        alpha=0.0,
        batch_size=recipe.BATCH_SIZE,
        learning_rate_init=recipe.LEARNING_RATE,
        beta_1=recipe.BETAS[0],
        beta_2=recipe.BETAS[1],
        epsilon=recipe.EPSILON,
        random_state=np.random.RandomState(seed),
    )
    start(classifier, X[: recipe.BATCH_SIZE], digits.labels[: recipe.BATCH_SIZE], seed)
    reached = False
    while not reached:
        classifier.partial_fit(X, digits.labels)
        reached = enough(classifier.score(test_X, digits.test_labels))


def start(classifier: MLPClassifier, X: NDArray[Any], y: NDArray[Any], seed: int) -> None:
    """Set the first weights. There is no public way to: let it make its arrays, fill them, and make Adam forget."""
    classifier.partial_fit(X, y, classes=np.arange(recipe.SIZES[-1]))
    weights = recipe.initial_weights(seed)
    for own, given in zip(classifier.coefs_ + classifier.intercepts_, weights[0::2] + weights[1::2], strict=True):
        own[...] = given
    del classifier._optimizer


def scaled(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    return np.divide(pixels, 255, dtype=np.float32)
