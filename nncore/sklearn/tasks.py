"""scikit-learn's callbacks, which it has since 1.9: a task for a whole ``fit``, and within it one for each epoch.

``estimator.set_callbacks(ScoringMonitor(scoring="accuracy"))`` sets them; with the argument ``callbacks``, which takes
nncore's, they have nothing to do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from nncore.base.protocols import Model
from nncore.callbacks.hooks import STOP, Stop

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # of scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef, unused-ignore]
        """Nothing: there are none to support."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:  # type: ignore[no-redef, unused-ignore]
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks:
    """Pass on to scikit-learn's callbacks what training does: itself a callback of nncore's.

    Parameters
    ----------
    estimator : NetworkEstimator
        What is fitted.
    epochs : int
        Most there may be.
    X, y, sample_weight
        As ``fit`` was given them.

    Attributes
    ----------
    uncounted : bool
        Whether errors count the user's callbacks without it.
    """

    uncounted = True

    def __init__(self, estimator: Any, epochs: int, X: Any, y: Any, sample_weight: Any) -> None:
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._of_all = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=epochs)
        self._epoch: Any = None
        self._fit.call_on_fit_task_begin(**self._of_all)

    @classmethod
    def of(cls, estimator: Any, *arguments: Any) -> Tasks | None:
        """Return them if somebody listens; the estimator's own callbacks, or those of one that it is part of."""
        listens = hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx")
        return cls(estimator, *arguments) if listens else None

    def on_epoch_begin(self, model: Model, epoch: int) -> None:
        self._epoch = self._fit.subcontext(task_name="epoch").call_on_fit_task_begin(**self._of_all)

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> Stop | None:
        fitted = lambda: {"model_": copy.deepcopy(model), "_tasks": None}  # noqa: E731  # made for those who ask
        stop = self._epoch.call_on_fit_task_end(**self._of_all, reconstruction_attributes=fitted)
        self._epoch = None
        return STOP if stop else None

    def end(self) -> None:
        """End the task of the whole, and that of an epoch in which a solver found no step."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._of_all["estimator"])
        self._fit.call_on_fit_task_end(**self._of_all, reconstruction_attributes={})
