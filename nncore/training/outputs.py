"""Several outputs with a loss each: what ``compile`` is given for them, their metrics, and the names of columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from nncore import losses
from nncore.arrays import Data
from nncore.arrays.several import of_head, places
from nncore.base import checks
from nncore.base.names import did_you_mean
from nncore.base.typing import Array
from nncore.layers import Layer
from nncore.losses import Loss, SeveralLosses
from nncore.metrics import Metric, Weighted, name_of
from nncore.program import Head, Program, output_names
from nncore.program.heads import refuse_names
from nncore.training import scoring
from nncore.training.scoring import Scorers


def chosen_loss(layers: Sequence[Layer], loss: Any, loss_weights: Any) -> Loss | None:
    """Return what ``compile`` was given as a loss: one, or a list or dict of them, with the weight of each.

    Raises
    ------
    TypeError, ValueError
        If they do not suit the outputs of the layers.
    """
    if isinstance(loss, SeveralLosses):
        parts: Any = loss.losses
        weights = loss.weights if loss_weights is None else loss_weights
    elif isinstance(loss, (list, tuple, Mapping)):
        parts, weights = loss, loss_weights
    else:
        if loss_weights is not None:
            raise TypeError(
                "loss_weights weigh the losses of several outputs, and there is one loss: give a list with a loss for "
                "each; for the outputs of one loss see MeanSquaredError(output_weights=[1, 0.5])"
            )
        return None if loss is None else losses.get(loss)
    names = output_names(layers)
    if not names:
        many = f"{len(parts)} branches" if len(parts) > 1 else "branches"
        raise ValueError(
            f"loss has {len(parts)} losses, and the network has one output: give one loss, or end with Parallel([...]) "
            f"of {many}, an output each (layers come before compile)"
        )
    refuse_names(names)
    found = _by_output("loss", parts, names)
    if any(of_it is None for of_it in found):
        raise ValueError(
            f"loss must have a loss for each output, {', '.join(names)}; one that is not to count has weight 0"
        )
    each = [losses.get(of_it) for of_it in found]
    return SeveralLosses(tuple(each), _weights(weights, names))


def _weights(given: Any, names: Sequence[str]) -> tuple[float, ...]:
    if given is None:
        return (1.0,) * len(names)
    found = _by_output("loss_weights", given.tolist() if isinstance(given, np.ndarray) else given, names)
    return tuple(1.0 if weight is None else weight for weight in found)


def _by_output(argument: str, given: Any, names: Sequence[str]) -> list[Any]:
    """Return what was given in the order of the outputs, or by their names, in that order; None for nothing."""
    if isinstance(given, Mapping):
        for name in given:
            if name not in names:
                known = ", ".join(map(repr, names))
                raise ValueError(
                    f"{argument} has {name!r}, no output{did_you_mean(str(name), names)}; there are {known}"
                )
        return [given.get(name) for name in names]
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{argument} must be a list or a dict for the outputs, got {checks.described(given)}")
    if len(given) != len(names):
        raise ValueError(f"{argument} must have an entry for each output, {', '.join(names)}, got {len(given)}")
    return list(given)


def checked_metrics(metrics: Any, layers: Sequence[Layer], loss: Loss | None) -> tuple[Any, ...]:
    """Return metrics as `nncore.training.scoring.checked_metrics` does; of several outputs, a tuple for each.

    A list has an entry for each output, as in Keras: a metric, a list of them, or None; a dict has them by name. One
    metric alone is for all outputs.
    """
    if not isinstance(loss, SeveralLosses):
        return scoring.checked_metrics(metrics)
    names = output_names(layers)
    if metrics is None or (isinstance(metrics, (list, tuple)) and not metrics):
        return ()
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics] * len(names)
    found = [scoring.checked_metrics(of_it) for of_it in _by_output("metrics", metrics, names)]
    where = [f"the {what} of output {name!r}" for what, name in _whose(found, names)]
    scoring.check_names([*loss_names(layers, loss), *_names(found, names)], where)
    return tuple(found) if any(found) else ()


def _whose(metrics: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each column is, in the order of `loss_names` and `_names`, and its output."""
    yield from (("loss", name) for name in names)
    for name, of_it in zip(names, metrics, strict=False):
        yield from ((f"metric {name_of(metric)!r}", name) for metric in of_it)


def _names(metrics: Sequence[Any], names: Sequence[str]) -> Iterator[str]:
    for name, of_it in zip(names, metrics, strict=False):
        yield from (f"{name}_{name_of(metric)}" for metric in of_it)


def outputs_with_losses(layers: Sequence[Layer], loss: Loss) -> tuple[str, ...]:
    """Return the names of the outputs that have a loss each; none of them where there is one loss."""
    return output_names(layers) if isinstance(loss, SeveralLosses) else ()


def loss_names(layers: Sequence[Layer], loss: Loss) -> tuple[str, ...]:
    """Return what the columns of the losses of these outputs are called."""
    return tuple(f"{name}_loss" for name in outputs_with_losses(layers, loss))


def bound(metrics: Sequence[Any], layers: Sequence[Layer], loss: Loss, heads: Sequence[Head] = ()) -> Scorers:
    """Return name -> function (target, prediction) -> float, as `nncore.training.scoring.bind_metrics` does.

    Of several outputs each function takes the columns of its own out of both, if `heads` say which; the name of the
    output comes before that of the metric.
    """
    if not isinstance(loss, SeveralLosses):
        return scoring.bind_metrics(metrics, loss)
    names, found = output_names(layers), {}
    loss.check_count(len(names))
    where = tuple(places(heads)) or (None,) * len(names)
    for name, of_it, part, place in zip(names, metrics, loss.losses, where, strict=bool(metrics)):
        try:
            of_part = scoring.bind_metrics(of_it, part)
        except ValueError as error:
            raise ValueError(f"output {name!r}: {error}") from None
        for metric, function in of_part.items():
            found[f"{name}_{metric}"] = _of_output(function, place)
    return found


def _of_output(function: Metric, place: Any) -> Metric:
    if isinstance(function, Weighted):
        return Weighted(partial(_apart, function.metric, place))
    return partial(_apart, function, place)


def _apart(
    function: Metric, place: tuple[Head, slice, slice], target: Array, prediction: Array, **weight: Any
) -> float:
    head, outputs, columns = place
    return function(of_head(head, target[:, columns]), np.ascontiguousarray(prediction[:, outputs]), **weight)


class Part(NamedTuple):
    """One output: what is scored of it, and by what.

    Attributes
    ----------
    where : str
        Put before messages.
    metrics : tuple of str and functions
    loss : Loss
    target : ndarray
        As the loss of this output reads it alone.
    n_outputs : int
    """

    where: str
    metrics: tuple[Any, ...]
    loss: Loss
    target: Array
    n_outputs: int


def parts(metrics: Sequence[Any], loss: Loss, program: Program, data: Data) -> Iterator[Part]:
    """Yield each output with its metrics and targets; all of it as one where there is one loss."""
    if not isinstance(loss, SeveralLosses):
        yield Part("", tuple(metrics), loss, data.target, program.n_outputs)
        return
    for (head, _, columns), of_it, part in zip(places(program.heads), metrics, loss.losses, strict=bool(metrics)):
        yield Part(f"output {head.name!r}: ", of_it, part, of_head(head, data.target[:, columns]), head.n_outputs)
