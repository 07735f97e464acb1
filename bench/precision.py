"""What bfloat16 costs in accuracy: networks trained in float32 and in mixed_bfloat16, all else the same.

MNIST is learned as in `bench.recipes`, and the six tables that nncore bundles, all of them real, as a beginner would:
standardised, by a network with two hidden layers. Each row of a table is predicted by a network that was trained on the
other four fifths; the score is that of all its rows. No result depends on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import accuracy, report
from bench.cases import Array
from bench.recipes import own, recipe
from nncore import Dense, Sequential
from nncore.datasets import Standardizer
from nncore.datasets.bundled import BUNDLED
from nncore.metrics import accuracy as accuracy_score
from nncore.metrics import r2_score

DTYPES = ("float32", "mixed_bfloat16")
MNIST, MNIST_EPOCHS = "MNIST", 5
HIDDEN, EPOCHS, BATCH_SIZE, FOLDS = 64, 20, 16, 5
OF_TABLES = "mean of the tables"

Score = Callable[[int, str], float]
"""Of seed and dtype."""


def run(quick: bool) -> dict[str, Any]:
    """Train and test, with one seed if quick, and then one epoch of the digits.

    Returns
    -------
    dict
        ``results`` has a dict per data set and seed, with the score of each dtype in points: percent right, or of the
        variance explained (R2). ``missing`` says if there are no digits.
    """
    seeds = range(1 if quick else accuracy.SEEDS)
    folder = accuracy.find_digits()
    score: dict[str, Score] = {name: partial(on_table, name) for name in BUNDLED}
    if folder is not None:
        score = {MNIST: partial(on_digits, recipe.load(folder), 1 if quick else MNIST_EPOCHS), **score}
    results = [
        {"data": name, "seed": seed, **{dtype: 100 * score_of(seed, dtype) for dtype in DTYPES}}
        for name, score_of in score.items()
        for seed in seeds
    ]
    return {"missing": accuracy.MISSING if folder is None else None, "results": results}


def on_digits(digits: recipe.Digits, epochs: int, seed: int, dtype: str) -> float:
    """Return the share of the test digits that is right after training."""
    model = own.initial_model(seed, dtype)
    model.fit(own.scaled(digits.pixels), digits.labels, epochs=epochs, batch_size=recipe.BATCH_SIZE, verbose=False)
    return float((model.predict_classes(own.scaled(digits.test_pixels)) == digits.test_labels).mean())


def on_table(name: str, seed: int, dtype: str) -> float:
    """Return the share of rows that is right, or R2, where each was predicted by a network that had not seen it."""
    table = BUNDLED[name]()
    X, y = table
    learn = _regression if table.target_names is None else _classes
    predicted = np.empty(len(y))
    order = np.random.default_rng(seed).permutation(len(y))
    for test in np.array_split(order, FOLDS):
        train = np.setdiff1d(order, test)
        scaler = Standardizer().fit(X[train])
        predicted[test] = learn(scaler.transform(X[train]), y[train], scaler.transform(X[test]), seed, dtype)
    return r2_score(y, predicted) if learn is _regression else accuracy_score(y, predicted)


def _classes(X: Array, y: Array, new: Array, seed: int, dtype: str) -> Array:
    return _trained(Dense(int(y.max()) + 1, "softmax"), X, y, seed, dtype).predict_classes(new)


def _regression(X: Array, y: Array, new: Array, seed: int, dtype: str) -> Array:
    scaler = Standardizer().fit(y)
    model = _trained(Dense(1), X, scaler.transform(y), seed, dtype)
    return scaler.inverse_transform(model.predict(new)[:, 0])


def _trained(output: Dense, X: Array, y: Array, seed: int, dtype: str) -> Sequential:
    model = Sequential([Dense(HIDDEN, "relu"), Dense(HIDDEN, "relu"), output], seed=seed, dtype=dtype)
    model.compile("adam")
    model.fit(X, y, epochs=EPOCHS, batch_size=BATCH_SIZE, verbose=False)
    return model


def _scores(data: dict[str, Any]) -> dict[str, Array]:
    """Return by data set the points with each of `DTYPES`, shape (2, seeds)."""
    found: dict[str, list[list[float]]] = {}
    for result in data["results"]:
        found.setdefault(result["data"], []).append([result[dtype] for dtype in DTYPES])
    return {name: np.array(scores).T for name, scores in found.items()}


def _means(data: dict[str, Any]) -> dict[str, float]:
    """Return the points that mixed_bfloat16 is better by, on the mean of the seeds: MNIST, and all tables together."""
    scores = _scores(data)
    tables = [scores[name] for name in scores if name != MNIST]
    groups = {MNIST: [scores[MNIST]] if MNIST in scores else [], OF_TABLES: tables}
    return {name: float(np.mean([mixed - plain for plain, mixed in those])) for name, those in groups.items() if those}


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return by name the points between both dtypes, whichever is better.

    Examples
    --------
    >>> scores = [("iris", 96.0, 96.5), ("wine", 98.0, 97.25)]
    >>> results = [{"data": name, "seed": 0, "float32": a, "mixed_bfloat16": b} for name, a, b in scores]
    >>> ratios({"missing": None, "results": results})
    {'points between bfloat16 and float32, mean of the tables': 0.125}
    """
    return {f"points between bfloat16 and float32, {name}": abs(points) for name, points in _means(data).items()}


def summary(data: dict[str, Any]) -> str:
    """Return the mean differences in a few words.

    Examples
    --------
    >>> result = {"data": "iris", "seed": 0, "float32": 96.0, "mixed_bfloat16": 96.5}
    >>> summary({"missing": None, "results": [result]})
    'mean of the tables +0.50'
    """
    return ", ".join(f"{name} {points:+.2f}" for name, points in _means(data).items())


def markdown(data: dict[str, Any]) -> str:
    """Return a table, a row per data set, and what it shows."""
    scores = _scores(data)
    n = max(len(those[0]) for those in scores.values())
    header = ["", *DTYPES, "difference", "least", "most"]
    explained = (
        "Accuracy in percent, of diabetes R2 x 100, both in points: means, and mean, least and greatest difference, of "
        f"{n} seed{'s' if n > 1 else ''}. MNIST by {'-'.join(map(str, recipe.SIZES))}, the tables by two layers of "
        f"{HIDDEN} hidden units and {FOLDS}-fold cross-validation. On the mean mixed_bfloat16 is better by, in points: "
        f"{summary(data)}."
    )
    parts = ["### accuracy", explained, *([data["missing"]] if data["missing"] else [])]
    return "\n\n".join([*parts, report.aligned([header, *(_row(name, *those) for name, those in scores.items())])])


def _row(name: str, plain: Array, mixed: Array) -> list[str]:
    better = mixed - plain
    differences = [f"{points:+.2f}" for points in (better.mean(), better.min(), better.max())]
    return [name, f"{plain.mean():.2f}", f"{mixed.mean():.2f}", *differences]
