"""Metrics of decisions, by counting them: precision, recall, F1, balanced accuracy, Matthews' correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from nncore.base import checks
from nncore.base.typing import Array, Floats
from nncore.metrics.outcomes import Counts, Outcomes

AVERAGES = ("macro", "micro", "weighted")


@dataclass(frozen=True)
class OfClasses:
    """Base class of the metrics that are objects: functions of (y_true, y_pred, sample_weight) that have settings.

    By its name among a model's metrics one is told by the loss what outputs mean: whether they are logits, and whether
    several of them are classes or labels that may hold together. Who calls it says so.

    Examples
    --------
    >>> F1()([0, 1, 1, 0], [[0.1], [0.9], [0.4], [0.2]]), F1("macro").__name__, Recall(label=0).__name__
    (0.6666666666666666, 'f1_macro', 'recall_of_0')
    """

    larger_is_better: ClassVar[bool] = True
    wants_scores: ClassVar[bool] = False

    def __call__(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        from_logits: bool = False,
        multilabel: bool | None = None,
    ) -> float:
        """Return the value of the metric.

        Parameters
        ----------
        y_true : array-like of shape (n,), (n, 1) or (n, k)
            Class indices, 0 or 1 where `y_pred` has one column; or one row of class shares each (the largest counts);
            or of labels, 0 or 1.
        y_pred : array-like of shape (n,), (n, 1) or (n, k)
            The probability of class 1 (n, 1), or of each class or label (n, k). As (n,) class indices, for metrics
            that look at probabilities that of class 1.
        sample_weight : array-like of shape (n,), optional
            How much each row counts.
        from_logits : bool
            Whether `y_pred` are logits.
        multilabel : bool or None
            Whether k columns are labels that may hold together (True) or classes (False); None refuses targets that
            are not the one or the other.

        Raises
        ------
        ValueError
            If shapes or values do not suit, or the metric has no meaning for them.
        """
        outcomes = Outcomes.of(
            y_true,
            y_pred,
            sample_weight,
            from_logits=from_logits,
            multilabel=multilabel,
            wants_scores=self.wants_scores,
        )
        return float(self._value(outcomes))

    @property
    def __name__(self) -> str:
        """What its column of a history is called, and what `nncore.metrics.METRICS` finds it by."""
        raise NotImplementedError

    def objection(self, true: Array, width: int) -> str | None:
        """Return why it has no value for any predictions of so many columns, given what is true; None if it has."""
        return None

    def _value(self, outcomes: Outcomes) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class _Rate(OfClasses):
    """Of each class or label a ratio of counts, and of these one or a mean; see `Precision`."""

    average: str | None = None
    label: int | None = None
    threshold: float | None = None
    zero_division: float = 0.0

    def __post_init__(self) -> None:
        checks.check(
            self,
            average=checks.optional(lambda name, value: checks.one_of(name, value, AVERAGES)),
            label=checks.optional(checks.integer(0, checks.COUNT)),
            threshold=checks.optional(checks.real(0, 1)),
        )
        if self.average is not None and self.label is not None:
            raise ValueError(f"give average={self.average!r} or label={self.label}, not both")
        if self.zero_division not in (0, 1) and self.zero_division == self.zero_division:
            raise ValueError(f"zero_division must be 0, 1 or NaN, got {self.zero_division!r}")

    @property
    def __name__(self) -> str:
        of = f"_{self.average}" if self.average else "" if self.label is None else f"_of_{self.label}"
        return str(type(self).__qualname__).lower() + of + _at(self.threshold)

    def _value(self, outcomes: Outcomes) -> Any:
        counts = outcomes.counts(self.threshold)
        if self.label is not None or (self.average is None and counts.two):
            return self._ratio(counts, self._of(counts))[0]
        if self.average == "micro":
            return self._ratio(counts, None)[0]
        ratio = self._ratio(counts, counts.present)
        defined = ~np.isnan(ratio)
        support = counts.true[counts.present] if self.average == "weighted" else np.ones(len(ratio))
        if not defined.any():
            return np.nan
        return np.average(ratio[defined], weights=support[defined] if support[defined].any() else None)

    def _of(self, counts: Counts) -> Array:
        label = 1 if self.label is None else self.label
        if label >= len(counts.true):
            raise ValueError(f"label={label} is not among {len(counts.true)} classes, numbered from 0")
        return np.array([label])

    def _ratio(self, counts: Counts, of: Array | None) -> Floats:
        """Return the ratio of some of the classes, or of all of them together."""
        sums = (counts.right, counts.predicted, counts.true)
        parts = [one.sum(keepdims=True) if of is None else one[of] for one in sums]
        top, bottom = self._parts(*parts)
        zero = bottom == 0
        return np.where(zero, self.zero_division, top / np.where(zero, 1, bottom))

    def _parts(self, right: Floats, predicted: Floats, true: Floats) -> tuple[Floats, Floats]:
        raise NotImplementedError


@dataclass(frozen=True)
class Precision(_Rate):
    """Share of the rows predicted to be of a class that are: true positives / (true + false positives).

    Parameters
    ----------
    average : {None, "macro", "micro", "weighted"}
        None takes class 1 of two, and else is as ``"macro"``: the mean over the classes that occur, in `y_true` or
        predicted, or over all labels. ``"weighted"``: the mean weighted by the true rows of each. ``"micro"``: all
        counts together.
    label : int or None
        The one class or label to look at.
    threshold : float or None
        A probability above it counts as 1, by default 0.5; of several classes the largest counts, and there is none.
    zero_division : {0, 1, nan}
        The value where nothing is predicted to be of a class. NaN leaves it out of means. There is no warning.

    See Also
    --------
    sklearn.metrics.precision_score : has the same values; ``average="binary"`` there is None here.

    Examples
    --------
    >>> Precision()([0, 1, 1, 0], [[0.9], [0.8], [0.4], [0.2]])
    0.5
    >>> Precision("macro")([0, 1, 2], [0, 1, 1]), Precision(label=1)([0, 1, 2], [0, 1, 1])
    (0.5, 0.5)
    """

    def _parts(self, right: Floats, predicted: Floats, true: Floats) -> tuple[Floats, Floats]:
        return right, predicted


@dataclass(frozen=True)
class Recall(_Rate):
    """Share of the rows of a class that are predicted to be: true positives / (true positives + false negatives).

    Of two classes ``Recall()`` is the sensitivity, ``Recall(label=0)`` the specificity.

    Parameters
    ----------
    average, label, threshold
        As of `Precision`.
    zero_division : {0, 1, nan}
        The value where no row is of a class. NaN leaves it out of means. There is no warning.

    See Also
    --------
    sklearn.metrics.recall_score : has the same values.

    Examples
    --------
    >>> Recall()([0, 1, 1, 1], [[0.9], [0.8], [0.4], [0.6]]), Recall(threshold=0.3)([0, 1, 1], [[0.9], [0.8], [0.4]])
    (0.6666666666666666, 1.0)
    """

    def _parts(self, right: Floats, predicted: Floats, true: Floats) -> tuple[Floats, Floats]:
        return right, true


@dataclass(frozen=True)
class F1(_Rate):
    """Harmonic mean of precision and recall: 2 true positives / (rows predicted + rows true).

    Parameters
    ----------
    average, label, threshold
        As of `Precision`.
    zero_division : {0, 1, nan}
        The value where no row is of a class or predicted to be. NaN leaves it out of means. There is no warning.

    See Also
    --------
    sklearn.metrics.f1_score : has the same values.

    Examples
    --------
    >>> F1()([0, 1, 1, 0], [[0.9], [0.8], [0.4], [0.2]]), F1("weighted")([0, 1, 1, 0], [1, 1, 0, 0])
    (0.5, 0.5)
    """

    def _parts(self, right: Floats, predicted: Floats, true: Floats) -> tuple[Floats, Floats]:
        return 2 * right, predicted + true


@dataclass(frozen=True)
class _OneAnswer(OfClasses):
    threshold: float | None = None

    def __post_init__(self) -> None:
        checks.check(self, threshold=checks.optional(checks.real(0, 1)))

    def objection(self, true: Array, width: int) -> str | None:
        if true.ndim == 2:
            return f"it wants one class a row, and there are {width} labels; use 'f1', or 'binary_accuracy'"
        return None


@dataclass(frozen=True)
class BalancedAccuracy(_OneAnswer):
    """Mean over the true classes of the share of their rows that is right; classes without rows are left out.

    Parameters
    ----------
    threshold : float or None
        As of `Precision`.

    See Also
    --------
    sklearn.metrics.balanced_accuracy_score : has the same values.

    Examples
    --------
    >>> BalancedAccuracy()([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """

    @property
    def __name__(self) -> str:
        return f"balanced_accuracy{_at(self.threshold)}"

    def _value(self, outcomes: Outcomes) -> Any:
        _refuse(self, outcomes)
        counts = outcomes.counts(self.threshold)
        there = counts.true > 0
        return np.mean(counts.right[there] / counts.true[there])


@dataclass(frozen=True)
class Matthews(_OneAnswer):
    """Matthews' correlation coefficient of true and predicted classes, in -1..1; 0 where one of them never varies.

    Parameters
    ----------
    threshold : float or None
        As of `Precision`.

    References
    ----------
    Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, Computational Biology and
    Chemistry 28 (2004), for more than two classes; as `sklearn.metrics.matthews_corrcoef`.

    Examples
    --------
    >>> Matthews()([0, 1, 1, 0], [0, 1, 1, 0]), Matthews()([0, 1, 1, 0], [1, 1, 1, 1])
    (1.0, 0.0)
    """

    @property
    def __name__(self) -> str:
        return f"matthews{_at(self.threshold)}"

    def _value(self, outcomes: Outcomes) -> Any:
        _refuse(self, outcomes)
        counts = outcomes.counts(self.threshold)
        n = counts.true.sum()
        spread = [n * n - one @ one for one in (counts.predicted, counts.true)]
        product = spread[0] * spread[1]
        return (counts.right.sum() * n - counts.true @ counts.predicted) / np.sqrt(product) if product > 0 else 0.0


def _refuse(metric: OfClasses, outcomes: Outcomes) -> None:
    width = 1 if outcomes.scores.ndim == 1 else outcomes.scores.shape[1]
    if reason := metric.objection(outcomes.true, width):
        raise ValueError(f"{metric.__name__}: {reason}")


def _at(threshold: float | None) -> str:
    return "" if threshold is None else f"_at_{threshold:g}"
