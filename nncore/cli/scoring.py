"""How well a model predicts prepared rows, in the words and units of the user."""

from __future__ import annotations

import math

import numpy as np

from nncore.datasets import Preparation
from nncore.metrics import accuracy, mean_squared_error, r2_score
from nncore.model import Sequential

WORDS = {"accuracy": "accuracy {:.4f}", "loss": "loss {:.4g}", "r2": "R2 {:.4f}", "rmse": "RMSE {:.4g}"}


def score(model: Sequential, preparation: Preparation, X: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Return ``accuracy`` and ``loss`` of a classifier, ``r2`` and ``rmse`` (in the target's units) of a regressor."""
    inputs = preparation.prepare_inputs(X)
    if preparation.schema.classes is not None:
        return {"accuracy": accuracy(y, model.predict(inputs)), "loss": model.evaluate(inputs, y)["loss"]}
    prediction = preparation.restore_target(model.predict(inputs)[:, 0])
    r2 = r2_score(y, prediction) if len(y) > 1 else math.nan
    return {"r2": r2, "rmse": math.sqrt(mean_squared_error(y, prediction))}


def in_words(scores: dict[str, float]) -> str:
    """Return the scores as a phrase.

    Examples
    --------
    >>> in_words({"accuracy": 0.98056, "loss": 0.0817})
    'accuracy 0.9806, loss 0.0817'
    >>> in_words({"r2": 0.4512, "rmse": 53.21})
    'R2 0.4512, RMSE 53.21'
    """
    return ", ".join(
        f"{name.upper()} undefined" if math.isnan(value) else WORDS[name].format(value)
        for name, value in scores.items()
    )
