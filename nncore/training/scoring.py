"""How to score a network on data: its loss and the metrics that suit it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np

from nncore import engine
from nncore.arrays import Data
from nncore.arrays.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES, kind
from nncore.base import checks
from nncore.base.balance import Balance
from nncore.base.names import lookup
from nncore.base.recorded import RESERVED
from nncore.base.typing import Array
from nncore.losses import Loss
from nncore.metrics import (
    METRICS,
    NEEDS_COLUMNS,
    Metric,
    OfClasses,
    Weighted,
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    inner,
    name_of,
)
from nncore.network import Network
from nncore.training import streaming
from nncore.training.foreign import Adapted, adapted

AS_KERAS = "return_dict=False"


def checked_metrics(metrics: Any) -> tuple[str | Metric, ...]:
    """Return metrics, given as one or several names and functions, after checking names.

    Raises
    ------
    TypeError
        If a metric is neither a name nor a function.
    ValueError
        If a name is unknown, given twice, or taken by a column of the history.
    """
    if metrics is None:
        return ()
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    if not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be a list of names and functions, got {metrics!r}")
    checked = tuple(metrics)
    if isinstance(metrics, Mapping) or any(isinstance(one, (list, Mapping)) for one in checked):
        raise TypeError(
            f"metrics must be a list of names and functions, got {metrics!r}; a list or a dict with those of each "
            "output is for several outputs with a loss each, loss=[...]"
        )
    for metric in checked:
        if not callable(metric):
            lookup("metric", metric, METRICS)
    check_names([name_of(metric) for metric in checked])
    return checked


def check_names(names: list[str], places: Sequence[str] = ()) -> None:
    """Raise ValueError if a name is there twice, or taken; two names of one metric are two columns.

    `places` say where each comes from, in the words of ``compile``: by default ``metrics[0]`` and so on.
    """
    where = places or [f"metrics[{index}]" for index in range(len(names))]
    for index, name in enumerate(names):
        if name in names[:index]:
            first = f"{where[names.index(name)]} and {where[index]} are both {name!r}"
            raise ValueError(f"metrics must have different names, and {first}; leave one out, or rename a function")
        if name in RESERVED or name.startswith("val_"):
            taken = f"none of {', '.join(RESERVED)} or val_*"
            raise ValueError(f"metrics must have names of their own, {taken}, and {where[index]} is {name!r}")


class Scores(dict[str, float]):
    """What ``Sequential.evaluate`` returns: a dict from name to value that unpacks and indexes like Keras' list.

    Iterating gives the values, and so do unpacking, `list`, `reversed`, and a whole number or a slice as index. All
    else speaks of names, as with every dict: ``scores["loss"]``, ``"loss" in scores``, ``keys()``, ``items()``,
    ``dict(scores)``, ``{**scores}``, ``==`` and JSON.

    It is no number, also without metrics: arithmetic with it is a TypeError that says what to take.

    Printed, it shows beside an accuracy of classes what that may hide, as a comment.

    Attributes
    ----------
    balance : Balance or None
        The rows of each class, and how many of them were right, if there is a metric and it is known.

    Examples
    --------
    >>> scores = Scores(loss=0.5, accuracy=0.75)
    >>> loss, accuracy = scores
    >>> accuracy, scores[1], scores["accuracy"], list(scores), list(scores.keys()), dict(scores)
    (0.75, 0.75, 0.75, [0.5, 0.75], ['loss', 'accuracy'], {'loss': 0.5, 'accuracy': 0.75})
    """

    balance: Balance | None = None

    def __repr__(self) -> str:
        if self.balance is None:
            return super().__repr__()
        hint = self.balance.hint('fit(class_weight="balanced")')
        return f"{super().__repr__()}  # {self.balance.in_words()}{f'; {hint}' if hint else ''}"

    def __iter__(self) -> Iterator[float]:  # type: ignore[override]
        return iter(self.values())

    def __reversed__(self) -> Iterator[float]:  # type: ignore[override]
        return reversed(self.values())

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, (int, np.integer, slice)):
            if key in self.keys():
                return super().__getitem__(key)
            raise KeyError(f"{key!r} was not scored, only {', '.join(self.keys())}")
        try:
            return list(self.values())[key]
        except IndexError:
            raise IndexError(f"there are {len(self)} scores, {', '.join(self.keys())}; got index {key}") from None

    def _refuse(self, *others: object) -> NoReturn:
        """Scores are no number: Keras' evaluate returns one where there are no metrics."""
        known = ", ".join(self.keys())
        raise TypeError(
            f"scores are no number, but a dict of {known}: take scores['loss'], or evaluate(..., {AS_KERAS})"
        )

    def __format__(self, spec: str) -> str:
        return self._refuse() if spec else str(self)

    __float__ = __int__ = __round__ = __neg__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = _refuse


Scorers = Mapping[str, Callable[[Array, Array], float]]
ABOVE = {threshold: partial(binary_accuracy, threshold=threshold) for threshold in (0.0, 0.5)}


def bind_metrics(metrics: Iterable[str | Metric], loss: Loss) -> Scorers:
    """Return name -> function (target, prediction) -> float, fitted to what `loss` makes of targets and predictions.

    Raises
    ------
    ValueError
        If a metric cannot compare predictions with class indices.
    """
    return {name_of(metric): _bound(metric, loss) for metric in metrics}


def _bound(metric: str | Metric, loss: Loss) -> Metric:
    function = METRICS[metric] if isinstance(metric, str) else metric
    if isinstance(function, Weighted):
        return Weighted(_masked(_fitted(name_of(metric), function.metric, loss), loss))
    if isinstance(metric, (str, OfClasses)):
        return _masked(_fitted(name_of(metric), function, loss), loss)
    if loss.link is not None and any(function is known for known in METRICS.values()):
        return _masked(partial(_of_point, function, loss), loss)
    return _masked(adapted(function, *meaning(loss)), loss)


def _masked(function: Metric, loss: Loss) -> Metric:
    return partial(_of_measured, function, loss) if getattr(loss, "mask_missing", False) else function


def _of_measured(
    function: Metric, loss: Loss, target: Array, prediction: Array, sample_weight: Array | None = None
) -> float:
    """Return the mean over the targets of a metric on the rows in which each was measured."""
    n, found = target.shape[1], []
    for j, rows in enumerate(~np.isnan(target.T)):
        if rows.any():
            weight = {} if sample_weight is None else {"sample_weight": sample_weight[rows]}
            found.append(function(target[rows, j : j + 1], loss.of_target(prediction, j, n)[rows], **weight))
    return float(np.mean(found or [np.nan]))


def meaning(loss: Loss) -> tuple[bool, bool | None]:
    """Return whether outputs are logits, and whether they are labels that may hold together; None where it is open.

    Examples
    --------
    >>> from nncore import losses
    >>> meaning(losses.BinaryCrossentropy(from_logits=True)), meaning(losses.MeanSquaredError())
    ((True, True), (False, None))
    """
    several = {PROBABILITIES: True, CLASS_INDICES: False, CLASS_SHARES: False}
    return bool(getattr(loss, "from_logits", loss.yes_above == 0)), several.get(kind(loss.kernel))


def _fitted(metric: str, function: Metric, loss: Loss) -> Metric:
    """Return a metric of ours with the threshold and the meaning that the loss gives outputs."""
    from_logits, multilabel = meaning(loss)
    if loss.link is not None:
        return partial(_of_point, function, loss)
    if isinstance(function, OfClasses):
        return partial(function, from_logits=from_logits, multilabel=multilabel)
    if loss.yes_above is not None and function in (accuracy, binary_accuracy):
        # Predictions above 0.5 mean yes; as logits, those above 0. Several outputs are several yes/no questions.
        return ABOVE[loss.yes_above]
    if loss.kernel == CLASS_INDICES and function in NEEDS_COLUMNS:
        raise ValueError(
            f"metric {metric!r} cannot compare class probabilities with the class indices that {loss.name} is trained "
            "on; use 'accuracy', or loss='categorical_crossentropy'"
        )
    return adapted(function, from_logits, multilabel)


def _of_point(function: Metric, loss: Loss, target: Array, prediction: Array, **weight: Any) -> float:
    """Return a metric of what predictions say in one number each: a quantile, a mean."""
    return function(target, loss.point(prediction), **weight)


def threshold(metric: Callable[..., float], loss: Loss, n_outputs: int) -> float | None:
    """Return how the engine counts what a bound metric counts; see ``Plan.train``.

    Returns
    -------
    float or None
        What an output must be above to count as yes; NaN where the largest output is the class; None where the metric
        is no such share.

    Examples
    --------
    >>> from nncore import losses
    >>> crossentropy, own = losses.BinaryCrossentropy(from_logits=True), lambda y_true, y_pred: 0.0
    >>> threshold(_bound("accuracy", crossentropy), crossentropy, 1), threshold(own, crossentropy, 1)
    (0.0, None)
    """
    for number, bound in ABOVE.items():
        if metric is bound:
            return number
    if metric is binary_accuracy or (metric is accuracy and n_outputs == 1):
        return None if loss.kernel == CLASS_INDICES else 0.5
    return float("nan") if metric is accuracy or metric is categorical_accuracy else None


def scores(metrics: Scorers, target: Array, prediction: Array, weight: Array | None = None) -> dict[str, float]:
    """Return name -> value of every metric, where it is a `Weighted` one with the `weight` of rows.

    They get read-only views: `target` may be the caller's own array.
    """
    target, prediction = target.view(), prediction.view()
    target.flags.writeable = prediction.flags.writeable = False
    return {name: _score(name, metric, target, prediction, weight) for name, metric in metrics.items()}


def _score(name: str, metric: Metric, target: Array, prediction: Array, weight: Array | None) -> float:
    weighted = isinstance(metric, Weighted)
    try:
        value = metric(target, prediction, weight) if weighted else metric(target, prediction)
    except Exception as error:
        own = inner(metric)
        explains = isinstance(own, Adapted) or isinstance(getattr(own, "func", None), OfClasses)
        raise _named(error, name, None if explains else (target, prediction)) from error
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"metric {name!r} must return one number, got {checks.shown(value)}") from None


def _named(error: Exception, name: str, values: tuple[Array, Array] | None) -> Exception:
    """Return the error with the metric's name before its message, where that makes no other error of it.

    With `values`, targets and predictions, it says how to make classes of these.
    """
    if type(error).__module__ != "builtins" or len(error.args) > 1:  # what else it holds would be lost
        return error
    what = f"metric {name!r} failed: {error or type(error).__name__}"
    if values is None or not isinstance(error, (TypeError, ValueError)):
        return type(error)(what)
    target, prediction = values
    given = f"y_true of shape {target.shape}, and as y_pred the network's outputs, of shape {prediction.shape}"
    call = f"{name}({_classes('y_true', target)}, {_classes('y_pred', prediction)})"
    return type(error)(f"{what}; it got {given}: if it wants classes, def own(y_true, y_pred): return {call}")


def _classes(argument: str, values: Array) -> str:
    """Return how the classes come out of targets or predictions."""
    if values.ndim == 1:
        return argument
    return f"{argument}[:, 0] > 0.5" if values.shape[1] == 1 else f"{argument}.argmax(axis=1)"


def evaluate(network: Network, data: Data, metrics: Scorers, balance_of: Loss | None = None) -> Scores:
    """Return ``{"loss": ..., metric: ...}``; loss and `Weighted` metrics are weighted by `sample_weight`, others not.

    Of several outputs with a loss each, their losses come behind the sum.
    With the loss `balance_of`, which says what targets and predictions mean, the scores get their balance of classes.
    """
    prediction = np.empty((len(data.X), network.program.n_outputs), network.dtype) if metrics else None
    heads = network.program.heads
    of_heads = np.empty((len(heads), len(data.X))) if heads else None
    if streaming.is_streamed(data):
        found = Scores({"loss": streaming.evaluate(network, data, prediction, of_heads)})
    else:
        found = Scores({"loss": network.evaluate(*data, prediction, None, of_heads)})
    if of_heads is not None:
        mean = engine.load(network.dtype.name).mean
        found |= dict(zip(network.program.head_losses, map(float, map(mean, of_heads)), strict=True))
    if prediction is not None:
        found |= scores(metrics, data.target, prediction, data.sample_weight)
    if prediction is not None and balance_of is not None:
        found.balance = _balance(balance_of, data.target, prediction)
    return found


def _balance(loss: Loss, target: Array, prediction: Array) -> Balance | None:
    """Return how the classes fare; None if targets are no classes."""
    width = prediction.shape[1]
    if loss.yes_above is not None:
        if width > 1 or not np.isin(target, (0, 1)).all():
            return None
        best = prediction[:, 0] > loss.yes_above
        return Balance.of(target.reshape(len(best)), best, ("0", "1"))
    if kind(loss.kernel) not in (CLASS_INDICES, CLASS_SHARES):
        return None
    true = target.argmax(axis=1) if kind(loss.kernel) == CLASS_SHARES else target.reshape(len(prediction))
    return Balance.of(true, prediction.argmax(axis=1), tuple(map(str, range(width))))
