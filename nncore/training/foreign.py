"""Metrics of scikit-learn among a model's: those that want classes get classes, not the network's outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nncore.base.typing import Array
from nncore.metrics import METRICS, Metric, name_of
from nncore.metrics.outcomes import Outcomes

WANT_CLASSES = (
    "accuracy_score balanced_accuracy_score cohen_kappa_score f1_score fbeta_score hamming_loss jaccard_score "
    "matthews_corrcoef precision_score recall_score zero_one_loss"
)
WANT_SCORES = "average_precision_score brier_score_loss d2_log_loss_score log_loss roc_auc_score"


@dataclass(frozen=True)
class Adapted:
    """A function of scikit-learn, or one with settings, as a function of targets and the network's outputs.

    Attributes
    ----------
    metric : callable
    name : str
        Its name there.
    from_logits : bool
        Whether outputs are logits.
    multilabel : bool or None
        Whether columns of outputs are labels that may hold together; None where the loss does not say.
    """

    metric: Callable[..., Any]
    name: str
    from_logits: bool
    multilabel: bool | None

    def __call__(self, target: Array, prediction: Array, **named: Any) -> Any:
        settings: Any = {"from_logits": self.from_logits, "multilabel": self.multilabel}
        outcomes = Outcomes.of(target, prediction, None, **settings)
        if self.name in WANT_CLASSES.split():
            given = outcomes.decide(None)
        else:
            given = outcomes.probabilities if self.from_logits else outcomes.scores
            if given.ndim == 2 and given.shape[1] == 2 and outcomes.true.ndim == 1:
                given = given[:, 1]
        try:
            return self.metric(outcomes.true, given, **named)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{error}; {self._mend()}") from error

    def _mend(self) -> str:
        own = f"metrics=[{self.name!r}] is nncore's own; " if self.name in METRICS else ""
        return f"{own}functools.partial({self.name}, ...) gives it settings"


def adapted(metric: Metric, from_logits: bool, multilabel: bool | None) -> Metric:
    """Return what gives a metric of scikit-learn what it wants; any other one itself.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import f1_score
    >>> adapted(f1_score, False, None)(np.array([0, 1]), np.array([[0.2], [0.7]]))
    1.0
    """
    function: Any = metric
    while hasattr(function, "func"):
        function = function.func
    name = name_of(function)
    theirs = str(getattr(function, "__module__", "")).startswith("sklearn.metrics")
    if not theirs or name not in f"{WANT_CLASSES} {WANT_SCORES}".split():
        return metric
    return Adapted(metric, name, from_logits, multilabel)
