"""The estimators of `nncore.sklearn` beside scikit-learn's own: how long a fit takes, and how good it is.

``python -m bench estimators [--quick] [--check]``
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import Any

import numpy as np
import sklearn
import sklearn.neural_network
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_linnerud, load_wine
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import nncore.sklearn
from bench import report
from bench.record import FIRST, Result, Run, machine, results_of
from bench.timing import Protocol, interleave, timed
from nncore.datasets import load_penguins

PEER = "scikit-learn"
FOLDS, SEEDS = 5, 5
MODULES: dict[str, Any] = {FIRST: nncore.sklearn, PEER: sklearn.neural_network}
"""Where each contender's estimators are; both have the same names and arguments."""

LEGEND = (
    "A whole fit, checks of the data included, and scikit-learn's time over ours in the same round: 200 epochs, its "
    "default, of the small tables, 20 of the digits; in float64, as it comes, or in float32."
)
Table = tuple[Any, Any]


@dataclass(frozen=True)
class FitCase:
    """A fit that is timed.

    Attributes
    ----------
    data : callable
        Returns X and y.
    kind : str
        Name of the estimator.
    options : dict
        Its arguments.
    epochs : int
    dtype : str
        Of X.
    """

    data: Callable[[], Table]
    kind: str
    options: dict[str, Any]
    epochs: int = 20
    dtype: str = "float64"

    def contender(self, name: str) -> Callable[[], object]:
        """Return a fit of one contender's estimator."""
        X, y = self.data()
        X = scale(X).astype(self.dtype)
        fixed = {"max_iter": self.epochs, "tol": 0.0, "n_iter_no_change": self.epochs, "random_state": 0}
        estimator = getattr(MODULES[name], self.kind)(**fixed, **self.options)
        return lambda: estimator.fit(X, y)


def _both(load: Callable[..., Any]) -> Callable[[], Table]:
    return lambda: load(return_X_y=True)


DIGITS = _both(load_digits)
FITS = {
    "iris, 8 tanh, batch 150": FitCase(
        _both(load_iris), "MLPClassifier", {"hidden_layer_sizes": (8,), "activation": "tanh"}, 200
    ),
    "wine, 100, batch 178": FitCase(_both(load_wine), "MLPClassifier", {}, 200),
    "diabetes, 50, batch 32": FitCase(
        _both(load_diabetes), "MLPRegressor", {"hidden_layer_sizes": (50,), "batch_size": 32}, 200
    ),
    "digits, 64-32, batch 32": FitCase(DIGITS, "MLPClassifier", {"hidden_layer_sizes": (64, 32), "batch_size": 32}),
    "digits, 100, batch 200": FitCase(DIGITS, "MLPClassifier", {}),
    "digits, 100-100, batch 200": FitCase(DIGITS, "MLPClassifier", {"hidden_layer_sizes": (100, 100)}),
}
FITS |= {f"{name}, float32": replace(case, dtype="float32") for name, case in FITS.items()}
"""By the names of the table."""


def _column(load: Callable[[], Table], index: int) -> Callable[[], Table]:
    """Return a table whose target is one of its columns."""

    def table() -> Table:
        X, _ = load()
        return np.delete(X, index, axis=1), X[:, index]

    return table


def _penguins() -> Table:
    X, y = load_penguins()
    return X, y


CLASSES: dict[str, Callable[[], Table]] = {
    "iris": _both(load_iris),
    "wine": _both(load_wine),
    "penguins": _penguins,
    "breast cancer": _both(load_breast_cancer),
    "digits": DIGITS,
}
NUMBERS: dict[str, Callable[[], Table]] = {
    "diabetes": _both(load_diabetes),
    "linnerud": _both(load_linnerud),
    "iris: width of the petal": _column(_both(load_iris), 3),
    "wine: alcohol": _column(_both(load_wine), 0),
    "breast cancer: worst area": _column(_both(load_breast_cancer), 23),
}


@dataclass
class Scores:
    """What cross-validation found.

    Attributes
    ----------
    of : dict of str to dict
        By table and contender the mean over the folds for each seed: accuracy, or coefficient of determination.
    """

    of: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def within(self, table: str) -> bool:
        """Return whether the mean over our seeds lies within scikit-learn's spread, or above it.

        Examples
        --------
        >>> Scores({"a table": {"nncore": [0.8, 0.9], "scikit-learn": [0.84, 0.9]}}).within("a table")
        True
        """
        return mean(self.of[table][FIRST]) >= min(self.of[table][PEER])


def scores(quick: bool) -> Scores:
    """Cross-validate both at their defaults; X, and numbers to predict, are standardised by the training rows."""
    found = Scores()
    for table, load in {**CLASSES, **NUMBERS}.items():
        if quick and table == "digits":
            continue
        print(f"folds of {table}", file=sys.stderr, flush=True)
        X, y = load()
        found.of[table] = {
            name: [_score(name, table, X, y, seed) for seed in range(2 if quick else SEEDS)] for name in MODULES
        }
    return found


def _score(name: str, table: str, X: Any, y: Any, seed: int) -> float:
    kind, folds = ("MLPClassifier", StratifiedKFold) if table in CLASSES else ("MLPRegressor", KFold)
    estimator = make_pipeline(StandardScaler(), getattr(MODULES[name], kind)(random_state=seed))
    if table in NUMBERS:
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 200 epochs are scikit-learn's default, and often not the end
        return float(cross_val_score(estimator, X, y, cv=folds(FOLDS, shuffle=True, random_state=0)).mean())


def run(protocol: Protocol) -> Run:
    """Time the fits of both, in turn."""
    results: list[Result] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, case in FITS.items():
            print(f"fit {name}", file=sys.stderr, flush=True)
            timings = interleave({who: timed(case.contender(who)) for who in MODULES}, protocol)
            results += results_of(name, "fit", timings, protocol.threads)
    return Run("estimators", machine(**{PEER: sklearn.__version__}), protocol, results)


def ratios(run: Run) -> dict[str, float]:
    """Return scikit-learn's time over ours, by name: "fit, digits, 100, batch 200, 1 thread"."""
    return {
        f"fit, {result.case}, {report.in_threads(result.threads)}": result.timing.ratio.median
        for result in run.results
        if result.contender == PEER
    }


def markdown(run: Run, scores: Scores) -> str:
    """Return both as tables."""
    cells: dict[str, dict[str, Result]] = {}
    for result in run.results:
        cells.setdefault(result.case, {})[result.contender] = result
    fits = [["fit", FIRST, PEER, f"{PEER} / {FIRST}"]]
    for name, of in cells.items():
        times = [report.spread(of[who].timing.seconds) for who in MODULES]
        fits.append([name, *times, report.factor_spread(of[PEER])])
    found = [["table", *MODULES, "within its spread, or above"]]
    for table, by in scores.of.items():
        found.append([table, *map(_spread, by.values()), "yes" if scores.within(table) else "no"])
    n = len(next(iter(scores.of.values()))[FIRST]) if scores.of else 0
    text = (
        f"Means of {FOLDS} folds, over {n} seeds: accuracy, then coefficients of determination. In brackets: extremes."
    )
    return "\n\n".join([*report.introduction(run), LEGEND, report.aligned(fits), text, report.aligned(found)]) + "\n"


def _spread(values: list[float]) -> str:
    return f"{mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
