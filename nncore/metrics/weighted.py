"""Metrics that rows weigh upon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from nncore.base import checks


def name_of(metric: Any) -> str:
    """Return what a metric, given by name or as function, is called: of a partial function, as the function.

    Examples
    --------
    >>> from functools import partial
    >>> name_of("f1"), name_of(max), name_of(partial(max, default=0))
    ('f1', 'max', 'max')
    """
    if isinstance(metric, str):
        return metric
    name = getattr(metric, "__name__", None)
    inner = getattr(metric, "func", None)
    return name or (name_of(inner) if callable(inner) else type(metric).__name__)


@dataclass(frozen=True)
class Weighted:
    """A metric that counts each row as its `sample_weight` says, where others count all of them alike.

    Among a model's metrics ``"weighted_accuracy"`` is ``Weighted("accuracy")``. The weights are those of the loss:
    those given to ``fit`` or ``evaluate`` with the rows, `class_weight` included. Where none are given, it is the
    metric itself. It is what Keras has `weighted_metrics` for.

    Parameters
    ----------
    metric : callable
        A function of (y_true, y_pred, sample_weight=...), as nncore's and scikit-learn's are.

    Examples
    --------
    >>> from nncore.metrics.shares import accuracy
    >>> Weighted(accuracy)([0, 1], [0, 0], sample_weight=[3, 1]), Weighted(accuracy).__name__
    (0.75, 'weighted_accuracy')
    """

    metric: Callable[..., float]

    def __post_init__(self) -> None:
        if not callable(self.metric):
            mend = f"; by name it is 'weighted_{self.metric}'" if isinstance(self.metric, str) else ""
            raise TypeError(f"metric must be a function, got {checks.described(self.metric)}{mend}")

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        return self.metric(y_true, y_pred, sample_weight=sample_weight)

    @property
    def __name__(self) -> str:
        return f"weighted_{name_of(self.metric)}"
