"""How good predictions are: functions of (y_true, y_pred, sample_weight=None), defined as in scikit-learn.

Each returns a float; `METRICS` finds them by name for ``Sequential.compile(metrics=[...])``, and by these names they
are here, too: ``nncore.metrics.f1(y_true, y_pred)``. Those with settings are objects, as in ``F1("macro")(y_true,
y_pred)``. A metric of your own is any function of (y_true, y_pred).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from nncore.base import elsewhere, lazy
from nncore.metrics.checked import SHARE_TOLERANCE
from nncore.metrics.quantities import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)
from nncore.metrics.rankings import AUC, AveragePrecision, LogLoss, TopKAccuracy
from nncore.metrics.rates import F1, BalancedAccuracy, Matthews, OfClasses, Precision, Recall
from nncore.metrics.shares import accuracy, binary_accuracy, categorical_accuracy, confusion_matrix
from nncore.metrics.weighted import Weighted, name_of

__all__ = [
    "AUC",
    "F1",
    "METRICS",
    "SHARE_TOLERANCE",
    "AveragePrecision",
    "BalancedAccuracy",
    "LogLoss",
    "Matthews",
    "OfClasses",
    "Precision",
    "Recall",
    "TopKAccuracy",
    "Weighted",
    "accuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "confusion_matrix",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "name_of",
    "r2_score",
    "root_mean_squared_error",
]

Metric = Callable[..., float]


class _Row(NamedTuple):
    """A metric: its function, by whose name it is known; other names; whether class indices mean nothing to it."""

    function: Metric
    aliases: tuple[str, ...] = ()
    larger_is_better: bool = True
    needs_columns: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (name_of(self.function), *self.aliases)


_ROWS = (
    _Row(accuracy, ("acc",)),
    _Row(binary_accuracy, needs_columns=True),
    _Row(categorical_accuracy),
    _Row(BalancedAccuracy(), ("balanced_accuracy_score",)),
    _Row(TopKAccuracy(5), ("top_k_categorical_accuracy",)),
    _Row(Precision(), ("precision_score",)),
    _Row(Recall(), ("recall_score",)),
    _Row(F1(), ("f1_score",)),
    _Row(AUC(), ("roc_auc", "roc_auc_score")),
    _Row(AveragePrecision(), ("pr_auc", "average_precision_score")),
    _Row(Matthews(), ("mcc", "matthews_corrcoef")),
    _Row(LogLoss(), larger_is_better=False),
    _Row(mean_squared_error, ("mse",), larger_is_better=False, needs_columns=True),
    _Row(mean_absolute_error, ("mae",), larger_is_better=False, needs_columns=True),
    _Row(root_mean_squared_error, ("rmse",), larger_is_better=False, needs_columns=True),
    _Row(mean_absolute_percentage_error, ("mape",), larger_is_better=False, needs_columns=True),
    _Row(r2_score, ("r2",), needs_columns=True),
)
_SETTINGS: tuple[tuple[str, Callable[..., Metric]], ...] = (
    (r"top_(\d{1,9})_accuracy", lambda k: TopKAccuracy(int(k))),
    (r"(precision|recall|f1)(?:_(macro|micro|weighted)|_of_(\d{1,9}))?(?:_at_([\d.]+))?", lambda *of: _rate(*of)),
    (r"balanced_accuracy_at_([\d.]+)", lambda threshold: BalancedAccuracy(float(threshold))),
    (r"matthews_at_([\d.]+)", lambda threshold: Matthews(float(threshold))),
    (r"auc_weighted", lambda: AUC("weighted")),
    (r"average_precision_weighted", lambda: AveragePrecision("weighted")),
    (r"weighted_(?!weighted_)(.+)", lambda name: Weighted(METRICS[name])),
)
"""Names that say a setting, too: ``top_3_accuracy``, ``f1_macro``, ``recall_of_0``, ``precision_at_0.8``..."""


def _rate(kind: str, average: str | None, label: str | None, threshold: str | None) -> Metric:
    made = {"precision": Precision, "recall": Recall, "f1": F1}[kind]
    return made(average, None if label is None else int(label), None if threshold is None else float(threshold))


class _Names(Mapping[str, Metric]):
    """The metrics by their names. Iterating gives those without settings; ``f1_macro`` and its like are found, too."""

    def __init__(self, plain: Mapping[str, Metric]) -> None:
        self._plain = dict(plain)

    def __getitem__(self, name: str) -> Metric:
        if name in self._plain:
            return self._plain[name]
        for pattern, made in _SETTINGS:
            if isinstance(name, str) and (found := re.fullmatch(pattern, name)):
                try:
                    return made(*found.groups())
                except ValueError:  # a threshold of 2, or no number
                    break
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)


METRICS: Mapping[str, Metric] = _Names({name: row.function for row in _ROWS for name in row.names})
"""The metrics by name. Besides those listed it has ``weighted_`` before any of them, for `Weighted`, and names that say
a setting: ``f1_macro``, ``recall_of_0``, ``precision_at_0.8``, ``top_3_accuracy``, ``auc_weighted``..."""

PRIMARY = tuple(name_of(row.function) for row in _ROWS)
CLASSIFYING = (accuracy, binary_accuracy, categorical_accuracy)
MEASURING = (mean_squared_error, mean_absolute_error, r2_score)
NEEDS_COLUMNS = frozenset(row.function for row in _ROWS if row.needs_columns)
LARGER_IS_BETTER = frozenset(row.function for row in _ROWS if row.larger_is_better)


def inner(metric: Any) -> Any:
    """Return the metric that is weighted, where one is; else the metric itself."""
    return inner(metric.metric) if isinstance(metric, Weighted) else metric


def is_larger_better(metric: Metric) -> bool:
    """Tell whether larger values of one of nncore's metrics are better.

    Examples
    --------
    >>> is_larger_better(METRICS["weighted_f1_macro"]), is_larger_better(METRICS["weighted_rmse"])
    (True, False)
    """
    own = inner(metric)
    return own.larger_is_better if isinstance(own, OfClasses) else own in LARGER_IS_BETTER


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_A_KIND["metric"], METRICS)
