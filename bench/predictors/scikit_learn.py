"""scikit-learn: ``MLPClassifier.predict_proba``."""

from __future__ import annotations

from functools import partial

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from bench.cases import Array, Case
from bench.predictors import Ways


def ways(case: Case, threads: int, X: Array) -> Ways:
    # The number of threads is taken from the environment when NumPy is imported: see bench.threads.
    sklearn.set_config(assume_finite=True)  # spares it a look at all numbers
    classifier = MLPClassifier(case.sizes[1:-1], activation=case.activation)
    rows, labels = case.data(2)
    classifier.partial_fit(rows, labels, classes=np.arange(case.sizes[-1]))  # makes arrays to put the weights into
    weights = case.initial_weights()
    if case.sizes[-1] == 2:
        # Of two classes it makes one sigmoid: that of the difference of the logits.
        weights[-2:] = [array[..., 1:] - array[..., :1] for array in weights[-2:]]
    classifier.coefs_, classifier.intercepts_ = weights[0::2], weights[1::2]
    return {"predict_proba": partial(classifier.predict_proba, X)}
