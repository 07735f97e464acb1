"""What a search tries: models by their parameters, trained further from rung to rung, and how they have done so far."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.history import History
from nncore.many.arguments import callbacks_of_each
from nncore.many.going import Going
from nncore.many.space import TRAINING, applied
from nncore.many.validation import made
from nncore.model import Sequential


@dataclass(eq=False)
class Candidate:
    """Parameters that a search has tried, and what came of them.

    Attributes
    ----------
    number : int
        From 0, in the order of the search.
    parameters : dict of str to object
        What the space gave.
    epochs, batch_size : int
        To train for, and with.
    models : list of Sequential
        One for each fold.
    scores : dict of str to ndarray
        Loss and metrics on the rows held out, one for each fold.
    score : float
        The mean of the one that decides; NaN where training failed.
    error : BaseException or None
        Why it did.
    """

    number: int
    parameters: dict[str, Any]
    epochs: int
    batch_size: int | None
    models: list[Sequential]
    scores: dict[str, np.ndarray] = field(default_factory=dict)
    score: float = math.nan
    error: BaseException | None = None
    callbacks: list[Any] = field(default_factory=list)

    @property
    def histories(self) -> list[History]:
        """What training recorded, one for each fold."""
        return [model.history for model in self.models]

    @property
    def trained(self) -> int:
        """Epochs that it was trained for so far, of the fold that took longest."""
        return max(len(model.history) for model in self.models)

    def best_epochs(self) -> int:
        """Return after how many epochs its validation loss was best, on average over the folds."""
        ends = [int(np.nanargmin(model.history.val_loss)) + 1 for model in self.models]
        return max(1, round(sum(ends) / len(ends)))


def model_for(model: Any, parameters: Mapping[str, Any]) -> Sequential:
    """Return an untrained model with these parameters: such as a given one, or made by a function.

    Raises
    ------
    TypeError, ValueError
        If there is no such parameter, or the value does not suit it.
    """
    if isinstance(model, Sequential):
        return applied(model, parameters)
    if not callable(model):
        raise TypeError(f"model must be a Sequential or a function of the parameters, got {checks.described(model)}")
    own = {name: value for name, value in parameters.items() if name not in TRAINING}
    try:
        inspect.signature(model).bind(**own)
    except TypeError as error:
        takes = inspect.signature(model)
        raise TypeError(f"space: the function is called with {', '.join(own)}, but it takes {takes}: {error}") from None
    return made(model(**own))


def candidates_of(
    model: Any, found: Sequence[Mapping[str, Any]], epochs: int, batch_size: int | None, n_folds: int
) -> list[Candidate]:
    """Return a candidate for each combination of parameters, checked, with untrained models for each fold."""
    count = checks.integer(1, checks.EPOCHS)
    candidates = []
    for number, parameters in enumerate(found):
        own_epochs = count("space['epochs']", parameters["epochs"]) if "epochs" in parameters else epochs
        own_batch = parameters.get("batch_size", batch_size)
        if own_batch is not None:
            own_batch = count("space['batch_size']" if "batch_size" in parameters else "batch_size", own_batch)
        models = [model_for(model, parameters) for _ in range(n_folds)]
        candidates.append(Candidate(number, dict(parameters), own_epochs, own_batch, models))
    return candidates


def give_callbacks(candidates: Sequence[Candidate], callbacks: Any) -> None:
    """Make the callbacks of every network, such that several calls of ``fit`` are one training to them."""
    n = len(candidates[0].models)
    each = callbacks_of_each(callbacks, len(candidates) * n)
    for i, candidate in enumerate(candidates):
        candidate.callbacks = [_going(given) for given in each[i * n : (i + 1) * n]]


def _going(given: Any) -> list[Any]:
    callbacks = [] if given is None else given if isinstance(given, (list, tuple)) else [given]
    return [Going(one) for one in callbacks]


def rungs(epochs: int, n: int, halving: int | None) -> list[int]:
    """Return after how many epochs in all candidates are compared; the last is when the best are done.

    Examples
    --------
    >>> rungs(81, 27, 3), rungs(10, 27, 3), rungs(81, 27, None)
    ([3, 9, 27, 81], [1, 3, 10], [81])
    """
    if halving is None:
        return [epochs]
    found, left = [epochs], n
    while left > 1 and found[0] // halving >= 1:
        found.insert(0, found[0] // halving)
        left = math.ceil(left / halving)
    return found
