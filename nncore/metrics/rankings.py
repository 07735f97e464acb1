"""Metrics of scores rather than decisions: areas under curves, top-k accuracy, log loss."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from nncore.base import callers, checks
from nncore.base.typing import Array, Floats
from nncore.metrics.outcomes import Outcomes
from nncore.metrics.rates import OfClasses


@dataclass(frozen=True)
class _Area(OfClasses):
    """An area of class 1 of two, and of more classes or of labels the mean of each against the rest; see `AUC`."""

    average: str = "macro"
    wants_scores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks.check(self, average=lambda name, value: checks.one_of(name, value, ("macro", "weighted")))

    @property
    def __name__(self) -> str:
        of = "" if self.average == "macro" else f"_{self.average}"
        return f"{'auc' if isinstance(self, AUC) else 'average_precision'}{of}"

    def objection(self, true: Array, width: int) -> str | None:
        held, all_rows = _columns(true, width), len(true)
        counts = held.sum(axis=0)
        lacking = self._lacks(counts, all_rows) & ((counts > 0) | (self.average == "macro"))
        if not lacking.any():
            return None
        if held.shape[1] == 1:
            return f"all of these rows are of class {int(counts[0] > 0)}, and there is nothing to compare them with"
        what, one = "label" if true.ndim == 2 else "class", int(lacking.argmax())
        helps = self.average == "macro" and not self._lacks(counts[counts > 0], all_rows).any()
        mend = f"; '{self.__name__}_weighted' leaves out what has no rows" if helps else ""
        return f"{'no row is' if counts[one] == 0 else 'every row is'} of {what} {one}{mend}"

    def _lacks(self, counts: Array, rows: int) -> Array:
        """Tell of each column whether its area is not defined, by how many of the rows it holds in."""
        raise NotImplementedError

    def _value(self, outcomes: Outcomes) -> Any:
        width = 1 if outcomes.scores.ndim == 1 else outcomes.scores.shape[1]
        if reason := self.objection(outcomes.true, width):
            text = f"{self.__name__} is not defined: {reason}"
            warnings.warn(text, RuntimeWarning, stacklevel=callers.level())
        held, scores, weight = _columns(outcomes.true, width), _ranked(outcomes, width), outcomes.weight
        if not np.isfinite(scores).all():
            return np.nan
        areas = np.array([self._area(*_curve(held[:, c], scores[:, c], weight)) for c in range(held.shape[1])])
        if self.average == "macro" or len(areas) == 1:
            return areas.mean()
        support = held.sum(axis=0) if weight is None else weight @ held
        return np.average(np.where(support > 0, areas, 0), weights=support) if support.any() else 0.0

    def _area(self, true: Floats, false: Floats) -> float:
        """Return the area; `true` and `false` are the weights of rows of either kind above each threshold, falling."""
        raise NotImplementedError


@dataclass(frozen=True)
class AUC(_Area):
    """Area under the ROC curve: the probability that a row of the class is scored higher than one of the others.

    Equal scores count one half. Of more than two classes, or of labels, it is the mean of each against the rest. It is
    NaN, with a warning, where a class has no rows or all of them; training with such rows is refused.

    Parameters
    ----------
    average : {"macro", "weighted"}
        All classes count alike, or as their true rows, so that those without rows are left out.

    See Also
    --------
    sklearn.metrics.roc_auc_score : has the same values, of more classes with ``multi_class="ovr"``.

    Examples
    --------
    >>> AUC()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """

    def _lacks(self, counts: Array, rows: int) -> Array:
        found: Array = (counts == 0) | (counts == rows)
        return found

    def _area(self, true: Floats, false: Floats) -> float:
        if not true[-1] or not false[-1]:
            return float("nan")
        up, along = np.concatenate([[0], true]) / true[-1], np.concatenate([[0], false]) / false[-1]
        return float(np.sum(np.diff(along) * (up[1:] + up[:-1]) / 2))


@dataclass(frozen=True)
class AveragePrecision(_Area):
    """Mean of the precisions at all thresholds, weighted by the gain in recall: the area under that curve, by steps.

    Of more than two classes, or of labels, it is the mean of each against the rest. Where a class has no rows, it is
    0, with a warning, and training with such rows is refused.

    Parameters
    ----------
    average : {"macro", "weighted"}
        All classes count alike, or as their true rows, so that those without rows are left out.

    See Also
    --------
    sklearn.metrics.average_precision_score : has the same values.

    Examples
    --------
    >>> AveragePrecision()([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.8333333333333333
    """

    def _lacks(self, counts: Array, rows: int) -> Array:
        found: Array = counts == 0
        return found

    def _area(self, true: Floats, false: Floats) -> float:
        if not true[-1]:
            return 0.0
        gains = np.diff(np.concatenate([[0], true])) / true[-1]
        return float(np.sum(gains * true / (true + false)))


@dataclass(frozen=True)
class TopKAccuracy(OfClasses):
    """Share of rows whose true class is among the `k` of the highest scores; of equal ones the later class ranks first.

    Parameters
    ----------
    k : int
        From 1 to the number of classes - 1: with all of them every row would be right.

    See Also
    --------
    sklearn.metrics.top_k_accuracy_score : has the same values.

    Examples
    --------
    >>> TopKAccuracy(2)([0, 1, 2], [[0.5, 0.3, 0.2], [0.5, 0.2, 0.3], [0.1, 0.5, 0.4]])
    0.6666666666666666
    """

    k: int = 5
    wants_scores: ClassVar[bool] = True

    def __post_init__(self) -> None:
        checks.check(self, k=checks.integer(1, checks.COUNT))

    @property
    def __name__(self) -> str:
        return f"top_{self.k}_accuracy"

    def objection(self, true: Array, width: int) -> str | None:
        if true.ndim == 2 or width == 1:
            return "it compares the scores of several classes; use 'accuracy'"
        return f"every row is right with {self.k} of {width} classes; take fewer" if self.k >= width else None

    def _value(self, outcomes: Outcomes) -> Any:
        true, scores = outcomes.true, outcomes.scores
        if reason := self.objection(true, 1 if scores.ndim == 1 else scores.shape[1]):
            raise ValueError(f"{self.__name__}: {reason}")
        own = scores[np.arange(len(true)), true][:, None]
        later = np.arange(scores.shape[1]) > true[:, None]
        ahead = ((scores > own) | ((scores == own) & later)).sum(axis=1)
        return np.average(ahead < self.k, weights=outcomes.weight)


@dataclass(frozen=True)
class LogLoss(OfClasses):
    """Mean of -log of the probability that the true class got, at least the precision of `y_pred`; of labels over all.

    It is what crossentropies train on, without penalties, label smoothing and the weights of rows.

    See Also
    --------
    sklearn.metrics.log_loss : has the same values.

    Examples
    --------
    >>> round(LogLoss()([0, 1], [[0.9, 0.1], [0.2, 0.8]]), 6)
    0.164252
    """

    larger_is_better: ClassVar[bool] = False
    wants_scores: ClassVar[bool] = True
    __name__ = "log_loss"

    def _value(self, outcomes: Outcomes) -> Any:
        probabilities, true = outcomes.probabilities, outcomes.true
        if probabilities.ndim == 2 and true.ndim == 1:
            given = probabilities[np.arange(len(true)), true]
        else:
            given = np.where(true > 0, probabilities, 1 - probabilities)
        kind = outcomes.scores.dtype
        least = np.finfo(kind if kind.kind == "f" else np.float64).eps
        return np.average(-np.log(np.clip(given, least, 1 - least)), axis=0, weights=outcomes.weight).mean()


def _columns(true: Array, width: int) -> Array:
    """Return for each class or label whether it holds, bool of shape (n, k); of two classes for class 1 alone."""
    if true.ndim == 2:
        return true
    held: Array = true[:, None] == (1 if width <= 2 else np.arange(width))
    return held


def _ranked(outcomes: Outcomes, width: int) -> Array:
    """Return the scores of these columns. Logits of classes are compared with those of other rows, as probabilities."""
    if width == 1:
        return outcomes.scores[:, None]
    scores = outcomes.scores if outcomes.true.ndim == 2 else outcomes.probabilities
    return scores[:, 1:] if width == 2 and outcomes.true.ndim == 1 else scores


def _curve(held: Array, scores: Array, weight: Floats | None) -> tuple[Floats, Floats]:
    """Return the weight of rows in which a class holds, and of the others, with scores from each threshold up."""
    falling = -scores if scores.dtype.kind == "f" else -scores.astype(np.float64)
    # Counts are exact in any order of equal scores, so that they may be sorted the quick way; sums of weights are not.
    order = np.argsort(falling, kind=None if weight is None else "stable")
    if weight is not None:
        order = order[weight[order] > 0]
    held, ranked = held[order], scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
    share = np.ones(len(order)) if weight is None else weight[order]
    return np.cumsum(share * held)[last], np.cumsum(share * ~held)[last]
