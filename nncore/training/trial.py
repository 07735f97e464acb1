"""Trying metrics before anything is trained: one that cannot work should not wait for the end of the first epoch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from nncore.arrays import Data
from nncore.arrays.inputs import all_finite
from nncore.arrays.targets import CLASS_SHARES, PROBABILITIES, kind
from nncore.base.typing import Array
from nncore.losses import Crossentropy, CustomLoss, Loss
from nncore.metrics import (
    CLASSIFYING,
    METRICS,
    SHARE_TOLERANCE,
    Metric,
    OfClasses,
    Weighted,
    accuracy,
    binary_accuracy,
    inner,
    name_of,
    r2_score,
)
from nncore.metrics.outcomes import truth
from nncore.network import Network
from nncore.program import Program
from nncore.training.outputs import Part, outputs_with_losses, parts
from nncore.training.scoring import Scorers, meaning, scores
from nncore.training.state import State, current_loss, program_for, scorers

MOST_ROWS = 256


def check_metrics(state: State, network: Network, data: Data, what: str = "") -> None:
    """Compare the targets with what the metrics can score, and compute those that are functions once.

    These get the predictions of `network`, as it is, for some evenly spaced rows; for all, if they fail for these,
    which may lack what a metric needs, a class say.

    Parameters
    ----------
    state : State
        Metrics and loss.
    network : Network
        It is only asked for predictions.
    data : Data
    what : str
        Put before messages: which data these are.

    Raises
    ------
    ValueError
        If a metric of classes is to score targets that are no classes, or one has no value for these rows, as R2 of a
        single one and AUC of a single class.
    Exception
        What a metric raises, its name in the message.
    """
    try:
        check_parts(state, network.program, data, rows=True)
        bound = scorers(state, network.program)
        functions = {name: bound[name] for name in _tried(state)}
        if functions:
            _try(network, data, functions)
    except (TypeError, ValueError) as error:
        if not what or type(error).__module__ != "builtins":
            raise
        raise type(error)(f"{what}{error}") from error


def objection(state: State, rows: Iterable[Data | None], metric: str) -> str | None:
    """Return why the model cannot have a metric, too, trained and validated on these rows; None if it can."""
    if names := outputs_with_losses(state.layers, current_loss(state)):
        return (
            f"metrics of several outputs are given for each, as in compile(metrics=[['mae'], ...]), and called by it: "
            f"'{names[0]}_mae'"
        )
    other = replace(state, metrics=(metric,))
    try:
        scorers(other)
        for data in rows:
            if data is not None:
                check_parts(other, program_for(state, data.X.shape[1]), data, rows=True)
    except ValueError as error:
        return str(error)
    return None


def check_parts(state: State, program: Program, data: Data, rows: bool = False) -> None:
    """Raise ValueError if a metric of the model cannot score these targets; with `rows` if it has no value for them."""
    for part in parts(state.metrics, current_loss(state), program, data):
        try:
            check_targets(part.metrics, part.loss, part.target, part.n_outputs)
            if rows:
                _check_rows(part)
        except ValueError as error:
            raise ValueError(f"{part.where}{error}") from error


def _tried(state: State) -> list[str]:
    """Return the names of the metrics that are computed once."""
    names = outputs_with_losses(state.layers, current_loss(state))
    if not names:
        return [name_of(metric) for metric in state.metrics if _is_tried(metric)]
    several: Any = state.metrics
    pairs = zip(names, several, strict=bool(several))
    return [f"{name}_{name_of(metric)}" for name, of_it in pairs for metric in of_it if _is_tried(metric)]


def _is_tried(metric: str | Metric) -> bool:
    """Tell whether a metric is to be computed once: those that are functions, and those that weights could upset."""
    return isinstance(_function(metric), Weighted) or not isinstance(metric, str)


def _function(metric: str | Metric) -> Metric:
    return METRICS[metric] if isinstance(metric, str) else metric


def _check_rows(part: Part) -> None:
    """Raise ValueError for R2 of one row and its like, which are NaN: whoever watches them would wait in vain."""
    for metric in part.metrics:
        own, name = inner(_function(metric)), name_of(metric)
        if own is r2_score and len(part.target) < 2:
            raise ValueError(
                f"metric {name!r} is not defined for fewer than two rows, got {len(part.target)}; give more, or use "
                "'mae'"
            )
        if isinstance(own, OfClasses) and not getattr(part.loss, "mask_missing", False):
            true = truth(part.target, part.n_outputs, meaning(part.loss)[1])
            if reason := own.objection(true, part.n_outputs):
                raise ValueError(f"metric {name!r} is not defined for these rows: {reason}")


def check_targets(metrics: Iterable[Any], loss: Loss, target: Array, n_outputs: int | None = None) -> None:
    """Raise ValueError if a metric that counts right classes is to score targets that are no classes.

    With `n_outputs`, also if one of nncore's is to score targets of another width, as a loss of one's own may have.
    """
    for metric in metrics:
        function: Any = inner(_function(metric))
        if n_outputs and isinstance(loss, CustomLoss) and any(function is known for known in METRICS.values()):
            _check_width(name_of(metric), loss, target, n_outputs)
        if isinstance(function, OfClasses):
            function = accuracy  # the same targets suit it
        if any(function is known for known in CLASSIFYING):
            _check_classes(name_of(metric), function, target, loss)


def _check_width(name: str, loss: CustomLoss, target: Array, n_outputs: int) -> None:
    if target.shape[1] != n_outputs:
        raise ValueError(
            f"metric {name!r} compares y with the network's {n_outputs} output(s), and y has {target.shape[1]} columns "
            f"for the loss {loss.name!r}; use a function of your own as the metric, or leave it out"
        )


def _check_classes(name: str, function: Any, target: Array, loss: Loss) -> None:
    if target.ndim == 1:  # class indices, checked already
        return
    one = target.shape[1] == 1
    if function is binary_accuracy or (function is accuracy and (one or kind(loss.kernel) == PROBABILITIES)):
        wrong = (target != 0) & (target != 1)
        expected = "0 or 1"
    elif one:
        raise ValueError(f"metric {name!r} compares the scores of several outputs, and there is one; use 'accuracy'")
    elif kind(loss.kernel) == CLASS_SHARES:  # checked already
        return
    else:
        outside = ((target < 0) | (target > 1)).any(axis=1)
        wrong = outside | (np.abs(target.sum(axis=1, dtype=np.float64) - 1) > SHARE_TOLERANCE)
        expected = "one-hot rows, or shares of classes that sum to 1"
    wrong &= ~np.isnan(target if wrong.ndim > 1 else target.sum(axis=1))  # those were not measured
    if wrong.any():
        row = int(wrong.reshape(len(wrong), -1).any(axis=1).argmax())
        found = f"{target[row, 0]:g}" if one else f"{target[row]}"
        raise ValueError(
            f"metric {name!r} counts right classes and needs {expected} in y, got {found} at row {row}; "
            f"{_mend(target, wrong.ndim == 1, loss)}"
        )


def _mend(target: Array, of_rows: bool, loss: Loss) -> str:
    if not of_rows and np.isin(target, (-1, 1)).all():
        return "make the labels -1 and 1 into 0 and 1: y = (y > 0).astype(int)"
    if isinstance(loss, Crossentropy):
        other = "'binary_accuracy' where several may be 1, " if of_rows else ""
        return f"use {other}'mae' for soft labels, or leave the metric out"
    return (
        f"the loss {loss.name} is for numbers: use 'r2_score' or 'mae' for these; for classes end with "
        'Dense(k, "softmax"), or Dense(1, "sigmoid") for 0 and 1, and leave the loss out'
    )


def _try(network: Network, data: Data, functions: Scorers) -> None:
    step = -(-len(data.X) // MOST_ROWS)
    for name, function in functions.items():
        try:
            _score(network, data.rows(slice(None, None, step)), {name: function})
        except Exception:
            if step == 1:
                raise
            _score(network, data, {name: function})


def _score(network: Network, rows: Data, functions: Scorers) -> None:
    prediction = network.predict(np.ascontiguousarray(rows.X))
    if prediction is not None and all_finite(prediction):  # else it is not the metric's fault
        scores(functions, np.ascontiguousarray(rows.target), prediction, rows.sample_weight)
