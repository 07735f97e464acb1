"""The doctor's findings, and for most of them a change that the page can make at a click."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from nncore.builder.refusal import Refusal
from nncore.builder.run import Run, Step
from nncore.builder.setup import Setup
from nncore.builder.sources import Source
from nncore.doctor import Finding
from nncore.layers import Dense, Dropout, Layer, as_activation
from nncore.schedules import Schedule

FACTOR = 10.0  # of a learning rate that is too high or too low, as in the doctor's remedies
ANEW = ", and the run begins anew"
RATE = 0.2  # of dropout


@dataclass(frozen=True)
class Fix:
    """A change that answers a finding.

    Attributes
    ----------
    text : str
        What it does.
    setup : Setup
        As it will be.
    steps : tuple of (Setup, Step)
        How the model gets there; empty if the run begins anew, or if it shows in the next epoch.
    afresh : bool
        Whether the run begins anew.
    keeps_file : bool
        Whether that of a model from a file begins with the file again, and not with new weights.
    """

    text: str
    setup: Setup
    steps: tuple[tuple[Setup, Step], ...] = ()
    afresh: bool = False
    keeps_file: bool = False


def findings(run: Run) -> dict[str, Any]:
    """Return what the doctor says of the run, with the text of the fix where there is one.

    Epochs and batches are counted from 1, as everywhere on the page.
    """
    diagnosis = run.model.history.doctor()
    found = []
    for finding in diagnosis:
        fix = _fix(run, finding)
        seen = re.sub(r"\b(epoch|batch) (\d+)", lambda place: f"{place[1]} {int(place[2]) + 1}", finding.seen)
        found.append({**asdict(finding), "seen": seen, "fix": None if fix is None else fix.text})
    return {"epochs": diagnosis.n_epochs, "findings": found, "not_recorded": list(diagnosis.unknown)}


def fix_for(run: Run, rule: str) -> Fix:
    """Return the fix of a finding that the doctor has now.

    Raises
    ------
    Refusal
        If there is no such finding, or it has no fix.
    """
    for finding in run.model.history.doctor():
        if finding.rule == rule:
            fix = _fix(run, finding)
            if fix is None:
                raise Refusal(
                    f"there is no fix for {rule.replace('_', ' ')} at a click; try: {finding.remedy}", "finding"
                )
            return fix
    raise Refusal(f"the doctor does not find {rule[:80]!r} in this run", "finding")


def _fix(run: Run, finding: Finding) -> Fix | None:
    return FIXES[finding.rule](run, finding) if finding.rule in FIXES else None


def _slower(run: Run, finding: Finding) -> Fix | None:
    """Return the fix for steps that were too long: what they have made of the weights is not worth keeping."""
    rate = run.setup.optimizer.learning_rate
    if isinstance(rate, Schedule):
        return None
    changed, text = _other_rate(run.setup, rate / FACTOR)
    return Fix(text + ANEW, changed, afresh=True, keeps_file=True)


def _faster(run: Run, finding: Finding) -> Fix | None:
    rate = run.setup.optimizer.learning_rate
    return None if isinstance(rate, Schedule) else _optimizer(*_other_rate(run.setup, rate * FACTOR))


def _usual_rate(run: Run, finding: Finding) -> Fix:
    """Return the fix for a learning rate of 0, be it that of a schedule which has run out."""
    return _optimizer(*_other_rate(run.setup, type(run.setup.optimizer)().rate))


def _other_rate(setup: Setup, rate: float) -> tuple[Setup, str]:
    before = setup.optimizer.learning_rate
    optimizer = replace(setup.optimizer, learning_rate=float(f"{rate:.3g}"))
    known = "a schedule" if isinstance(before, Schedule) else f"{before:g}"
    return replace(setup, optimizer=optimizer), f"learning rate {optimizer.rate:g} instead of {known}"


def _clipping(run: Run, finding: Finding) -> Fix:
    optimizer = replace(run.setup.optimizer, clip_norm=1.0, clip_value=None)
    return _optimizer(replace(run.setup, optimizer=optimizer), "gradients are clipped to the norm 1")


def _optimizer(changed: Setup, text: str) -> Fix:
    return Fix(text, changed, ((changed, Step("optimizer", (changed.optimizer,))),))


def _relu(run: Run, finding: Finding) -> Fix | None:
    """Return the fix for saturated units: relu needs first weights of another size than what these have come to."""
    fix = _activation(run.setup, ("sigmoid", "tanh"), "relu")
    return fix and Fix(fix.text + ANEW, fix.setup, afresh=True)


def _leaky(run: Run, finding: Finding) -> Fix | None:
    return _activation(run.setup, ("relu",), "leaky_relu")


def _activation(setup: Setup, old: tuple[str, ...], new: str) -> Fix | None:
    """Return the fix that gives another activation to all hidden layers that have an old one; weights stay."""
    steps = []
    for i, layer in enumerate(setup.layers[:-1]):
        if isinstance(layer, Dense) and as_activation(layer.activation).name in old:
            setup, step = _replaced(setup, i, replace(layer, activation=new))
            steps.append((setup, step))
    return Fix(f"{new} instead of {' and '.join(old)} in the hidden layers", setup, tuple(steps)) if steps else None


def _replaced(setup: Setup, index: int, layer: Layer) -> tuple[Setup, Step]:
    layers = (*setup.layers[:index], layer, *setup.layers[index + 1 :])
    return replace(setup, layers=layers), Step("replace", (index, layer))


def _dropout(run: Run, finding: Finding) -> Fix | None:
    setup = run.setup
    last = max((i for i, layer in enumerate(setup.layers[:-1]) if isinstance(layer, Dense)), default=None)
    if last is None or any(isinstance(layer, Dropout) for layer in setup.layers):
        return None
    layers = (*setup.layers[: last + 1], Dropout(RATE), *setup.layers[last + 1 :])
    changed = replace(setup, layers=layers)
    step = Step("insert", (last + 1, Dropout(RATE)))
    return Fix(f"Dropout({RATE:g}) behind the last hidden layer", changed, ((changed, step),))


def _wider(run: Run, finding: Finding) -> Fix | None:
    setup, steps = run.setup, []
    for i, layer in enumerate(setup.layers[:-1]):
        if isinstance(layer, Dense):
            setup, step = _replaced(setup, i, replace(layer, units=2 * layer.units))
            steps.append((setup, step))
    return Fix("twice as many units in the hidden layers", setup, tuple(steps)) if steps else None


def _random_weights(run: Run, finding: Finding) -> Fix:
    layers = tuple(
        replace(layer, weight_initializer="auto") if isinstance(layer, Dense) else layer for layer in run.setup.layers
    )
    changed = replace(run.setup, layers=layers)
    return Fix(f"first weights are drawn at random{ANEW}", changed, afresh=True)


def _standardized(run: Run, finding: Finding) -> Fix | None:
    if run.loaded is not None:  # whose weights know the features as they are
        return None
    source = run.setup.source
    changed = replace(run.setup, source=Source(source.name, {**source.options, "standardize": True}))
    return Fix(f"features are standardised{ANEW}", changed, afresh=True)


def _balanced(run: Run, finding: Finding) -> Fix | None:
    if run.prepared.dataset.target_names is None or run.setup.class_weight:
        return None
    return Fix("all classes count the same", replace(run.setup, class_weight="balanced"))


FIXES: dict[str, Callable[[Run, Finding], Fix | None]] = {
    "symmetric_start": _random_weights,
    "divergence": _slower,
    "exploding_gradients": _clipping,
    "vanishing_gradients": _relu,
    "dead_relus": _leaky,
    "saturation": _relu,
    "rounded_inputs": _standardized,
    "unscaled_inputs": _standardized,
    "learning_rate_too_high": _slower,
    "learning_rate_too_low": _faster,
    "learning_rate_zero": _usual_rate,
    "underfitting": _wider,
    "overfitting": _dropout,
    "label_imbalance": _balanced,
}
"""By the name of the doctor's rule. Of ``still_improving`` the remedy is to go on training."""
