"""How well a model predicts prepared rows, in the words and units of the user."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore.base.balance import Balance
from nncore.base.names import lookup
from nncore.base.source import Source
from nncore.datasets import Preparation
from nncore.metrics import METRICS, NEEDS_COLUMNS, accuracy, inner, mean_squared_error, r2_score
from nncore.model import Sequential

if TYPE_CHECKING:
    from nncore.many import Ensemble

WORDS = {"accuracy": "accuracy {:.4f}", "loss": "loss {:.4g}", "r2": "R2 {:.4f}", "rmse": "RMSE {:.4g}"}


def guesses(model: Sequential | Ensemble, inputs: np.ndarray) -> np.ndarray:
    """Return what a regressor says of each row in one number, as it was trained on: of quantiles the middle one."""
    loss = (model if isinstance(model, Sequential) else model.models[0]).loss
    return loss.point(model.predict(inputs))[:, 0]


def check_metrics(names: Sequence[str], *, classes: bool) -> None:
    """Raise ValueError if a metric is unknown, or not one of classes, or of numbers, as the target is."""
    for name in names:
        if (inner(lookup("metric", name, METRICS)) in NEEDS_COLUMNS) == classes:
            what, wanted = ("classes", "accuracy, f1, auc") if classes else ("a number", "mae, rmse, mape")
            raise ValueError(f"{name} is no metric for this target, which is {what}: {wanted} are")


def streamed(preparation: Preparation, X: Any, y: np.ndarray | None = None) -> Any:
    """Return a table of `nncore.cli.stream` as a source of what the network gets, and of targets `y`, if there are."""
    target = None if y is None else preparation.prepare_target(y)
    return X.with_target(target, None if preparation.inputs is None else preparation.inputs.transform)


def prepare(preparation: Preparation, X: Any) -> Any:
    """Return inputs as the network gets them: of rows that are streamed a source."""
    return streamed(preparation, X) if isinstance(X, Source) else preparation.prepare_inputs(X)


def score(
    model: Sequential | Ensemble,
    preparation: Preparation,
    X: np.ndarray,
    y: np.ndarray,
    *,
    metrics: Sequence[str] = (),
) -> dict[str, float]:
    """Return ``accuracy`` and ``loss`` of a classifier, ``r2`` and ``rmse`` (in the target's units) of a regressor.

    Besides it works out `metrics`.
    """
    inputs, classes = prepare(preparation, X), preparation.schema.classes
    check_metrics(metrics, classes=classes is not None)
    if classes is not None:
        data = (streamed(preparation, X, y),) if isinstance(X, Source) else (inputs, y)
        scores = {"accuracy": accuracy(y, model.predict(inputs)), "loss": model.evaluate(*data)["loss"]}
        prediction = model.predict_proba(inputs) if metrics else inputs
    else:
        prediction = preparation.restore_target(guesses(model, inputs))
        r2 = r2_score(y, prediction) if len(y) > 1 else math.nan
        scores = {"r2": r2, "rmse": math.sqrt(mean_squared_error(y, prediction))}
    return scores | {name: METRICS[name](y, prediction) for name in metrics if name not in scores}


def score_and_balance(
    model: Sequential | Ensemble,
    preparation: Preparation,
    X: np.ndarray,
    y: np.ndarray,
    *,
    metrics: Sequence[str] = (),
) -> tuple[dict[str, float], Balance | None]:
    """Return what `score` does, and how the classes of a classifier fare."""
    scores, classes = score(model, preparation, X, y, metrics=metrics), preparation.schema.classes
    if classes is None:
        return scores, None
    return scores, Balance.of(y, model.predict_proba(prepare(preparation, X)).argmax(axis=1), classes)


def balance_facts(found: Balance | None) -> dict[str, Any]:
    """Return the balance of classes as it is among the results of a command."""
    if found is None:
        return {}
    name, share = found.most_frequent
    return {"most_frequent": {"class": name, "share": share}, "recall": found.recall}


def balance_lines(found: Balance | None, *, weighted: bool = False) -> list[str]:
    """Return the balance of classes in words, with what to try unless classes are `weighted` already.

    Weights give accuracy away for rare classes: then it tells nothing that it is below the most frequent one's share.

    Examples
    --------
    >>> for line in balance_lines(Balance.of([0, 0, 0, 1], [0, 0, 0, 0], ["no", "yes"])):
    ...     print(line)
    recall no: 1.00, yes: 0.00
    share  most frequent class no: 0.7500 of the rows
    hint   no better than always saying no
    hint   few rows of yes are found: train --class-weight balanced lets rare classes count as much
    """
    if found is None:
        return []
    name, share = found.most_frequent
    if share == 1:
        return [found.phrases()[0], f"hint   all of these rows are of class {name}: they tell nothing of the others"]
    says_one = not any(share for other, share in found.recall.items() if other != name)
    notes = [f"no better than always saying {name}"] if found.is_trivial and (says_one or not weighted) else []
    notes += [] if weighted else filter(None, [found.hint("train --class-weight balanced")])
    recall, largest = found.phrases()
    return [recall, f"share  {largest}", *(f"hint   {note}" for note in notes)]


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
        f"{name.upper()} undefined" if math.isnan(value) else WORDS.get(name, f"{name} {{:.4g}}").format(value)
        for name, value in scores.items()
    )
