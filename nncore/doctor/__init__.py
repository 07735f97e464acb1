"""Plain-language findings from what training recorded: what is wrong, where, why it matters and what to try.

Every rule is a function of a `History` that yields a `Finding` or nothing. It says nothing where what it needs was not
recorded. Its thresholds are constants beside it, with their reasons.
"""

from nncore.base.protocols import Record
from nncore.doctor.curve_rules import (
    divergence,
    learning_rate_too_high,
    learning_rate_too_low,
    learning_rate_zero,
    overfitting,
    still_improving,
    underfitting,
)
from nncore.doctor.data_rules import label_imbalance, rounded_inputs, sorted_rows, unscaled_inputs, unseen_class
from nncore.doctor.findings import SEVERITIES, Diagnosis, Finding
from nncore.doctor.layer_rules import (
    dead_relus,
    exploding_gradients,
    saturation,
    symmetric_start,
    vanishing_gradients,
)

__all__ = ["RULES", "SEVERITIES", "Diagnosis", "Finding", "diagnose"]

RULES = (
    symmetric_start,
    divergence,
    exploding_gradients,
    vanishing_gradients,
    dead_relus,
    saturation,
    rounded_inputs,
    unscaled_inputs,
    learning_rate_too_high,
    learning_rate_too_low,
    learning_rate_zero,
    unseen_class,
    sorted_rows,
    underfitting,
    overfitting,
    label_imbalance,
    still_improving,
)
"""In the order in which findings of the same severity are shown: causes before what may follow from them."""


def diagnose(history: Record) -> Diagnosis:
    """Apply every rule to a history; ``history.doctor()`` does the same.

    Examples
    --------
    >>> from nncore import History
    >>> history = History()
    >>> history.extend(0, {"loss": [1, 0.7, 0.5, 0.3, 0.2, 0.1], "val_loss": [1, 0.8, 0.9, 1.1, 1.3, 1.5]})
    >>> diagnosis = diagnose(history)
    >>> [finding.rule for finding in diagnosis]
    ['overfitting']
    >>> print(diagnosis[0].seen)
    the validation loss rose from 0.8 in epoch 1 to 1.5, while the training loss fell from 0.7 to 0.1
    """
    findings = [finding for rule in RULES for finding in rule(history)]
    return Diagnosis(findings, len(history), _unknown(history))


def _unknown(history: Record) -> list[str]:
    recorded = {
        "loss": "loss" in history,
        "validation loss": "val_loss" in history,
        "layers": bool(history.layers),
        "inputs": history.inputs is not None,
        "targets": history.targets is not None,
    }
    return [name for name, known in recorded.items() if not known]
