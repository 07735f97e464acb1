"""`search`: which layers, rates and penalties do best on rows held out, with all candidates trained together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from nncore.base import checks
from nncore.callbacks.monitor import Monitor
from nncore.engine import own_arithmetic
from nncore.many.arguments import in_memory
from nncore.many.candidates import Candidate, candidates_of, give_callbacks, model_for, rungs
from nncore.many.heldout import HeldOut
from nncore.many.results import SearchResult
from nncore.many.space import Between, checked_space, drawn, grid
from nncore.many.together import fit_many
from nncore.model import Sequential
from nncore.training.state import current_loss

POSITIVE = checks.integer(1, checks.EPOCHS)
HALVING = checks.optional(checks.integer(2, 1000))


@in_memory("search", "search on as many of the rows as fit, and train what is best with fit(source)")
@own_arithmetic
def search(
    model: Sequential | Callable[..., Sequential],
    space: Mapping[str, Iterable[Any] | Between],
    X: ArrayLike,
    y: ArrayLike,
    *,
    n: int | None = None,
    epochs: int = 10,
    batch_size: int | None = None,
    halving: int | None = None,
    score: str = "loss",
    mode: str = "auto",
    folds: int | Iterable[tuple[Any, Any]] | None = None,
    stratified: bool | None = None,
    validation_data: tuple[ArrayLike, ...] | None = None,
    validation_rows: Any = None,
    seed: int = 0,
    refit: bool = True,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[int, float] | str | None = None,
    callbacks: Any = None,
    executor: Executor | None = None,
    verbose: bool | int | str = "auto",
) -> SearchResult:
    """Try combinations of parameters, all trained together, and return them by how they did on rows held out.

    Parameters
    ----------
    model : Sequential, or a function
        What is varied: for each candidate a new one with other fields, drawn anew. A function is called with the
        parameters by name and returns a compiled model.
    space : dict of str to list or `Between`
        What each parameter may be. Names are fields: ``"optimizer.learning_rate"``, ``"layers.0.units"``,
        ``"hidden.activation"`` (all layers but the last that have one), ``"layers"`` (whole lists of them), ``"seed"``;
        and ``"epochs"``, ``"batch_size"``. Where a whole varies and a part of it, as ``"optimizer"`` and its rate, the
        part is put into each.
    X, y : array-like
        As in ``Sequential.fit``.
    n : int, optional
        How many random combinations to try, each once; None tries all there are of choices.
    epochs, batch_size : int
        As in ``Sequential.fit``, unless the space varies them.
    halving : int, optional
        Stop the worse ones early: with 3, the best third goes on for three times as many epochs, until the last are
        trained for `epochs`. They go on exactly: the best one is as if it had been trained without a pause.
    score : str
        What decides: ``"loss"``, or a metric of the model.
    mode : {"auto", "min", "max"}
        Whether less or more of it is better; ``"auto"`` knows it of the loss and of nncore's metrics.
    folds : int, or iterable of (train, test), optional
        Score by cross-validation, as in `cross_validate`. By default a fifth of the rows is held out.
    stratified : bool, optional
        As in `cross_validate`.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        Other rows to score by instead; then all of `X` is trained on.
    validation_rows : array, optional
        Rows of `X` to score by instead: numbers or a mask. The others are trained on.
    seed : int
        Of what is drawn: combinations, folds.
    refit : bool
        Whether to train the best once more, on all rows of `X`: as ``.model``. With callbacks, which may stop early,
        for as many epochs as gave it the best validation loss, and without them.
    sample_weight, class_weight, callbacks, executor, verbose
        As in `fit_many`.

    Returns
    -------
    SearchResult
        Printed, a table of the best.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, such as a name in the space that no model has. Nothing is trained then.
    TrainingDiverged
        If every candidate's training diverged, so that there is none to refit; where it failed otherwise, that error.
        Of some candidates alone, and with ``refit=False``, errors are kept: ``found.candidates[-1].error``.
    KeyboardInterrupt
        At Ctrl-C. Its attribute ``result`` is a `SearchResult` without a model: of all that have been trained for an
        epoch or more, each as it is, by ``trained`` epochs; then the others, without scores.

    Examples
    --------
    >>> from nncore import Between, Dense, Sequential, search
    >>> from nncore.datasets import load_iris
    >>> X, y = load_iris()
    >>> model = Sequential([Dense(8, "tanh"), Dense(3, "softmax")])
    >>> model.compile("adam", metrics=["accuracy"])
    >>> space = {"hidden.units": [4, 16, 64], "optimizer.learning_rate": Between(1e-4, 1e-1, log=True)}
    >>> found = search(model, space, X, y, n=9, epochs=27, halving=3, score="accuracy")
    >>> [candidate.trained for candidate in found.candidates], found.best.score > 0.8
    ([27, 9, 9, 3, 3, 3, 3, 3, 3], True)
    >>> found.model.epoch
    27
    """
    settings = _Settings(POSITIVE("epochs", epochs), HALVING("halving", halving), score, mode)
    found = _combinations(space, n, seed, settings)
    first = model_for(model, found[0])
    settings = settings.checked(first)
    held = HeldOut(first, X, y, folds, stratified, validation_data, validation_rows, seed)
    candidates = candidates_of(model, found, epochs, batch_size, len(held.folds))
    held.check(candidates[1:])
    settings.check_comparable(candidates)
    give_callbacks(candidates, callbacks)
    options = {"sample_weight": sample_weight, "class_weight": class_weight, "executor": executor, "verbose": verbose}
    result, refit = SearchResult(candidates, score, settings.mode), checks.flag("refit", refit)
    with _kept_at_ctrl_c(result, held):
        result.candidates = _raced(candidates, held, settings, options)
        if refit and _has_one_that_ended(result.candidates):
            result.model = _refitted(model, result.best, held, callbacks is not None, options)
    return result


search = checks.explaining("search", search)


class _Settings(NamedTuple):
    """How candidates are compared, and when."""

    epochs: int
    halving: int | None
    score: str
    mode: str

    def checked(self, model: Sequential) -> _Settings:
        """Return them with the mode found out, once it is seen that models work out the score."""
        names = ["loss", *model.scorers]
        if self.score not in names:
            known = f"only {', '.join(names)}: compile(metrics=[...]) adds to them"
            raise ValueError(f"score {self.score!r} is not worked out, {known}")
        return self._replace(mode=Monitor(self.score, self.mode).mode)

    def check_halving(self, n: int) -> None:
        """Raise ValueError where so many candidates are to be halved in too few epochs."""
        if self.halving is not None and n > 1 and self.epochs < self.halving:
            raise ValueError(
                f"halving={self.halving} of epochs={self.epochs} leaves no epoch to compare candidates after: give "
                f"epochs={self.halving} or more, or leave halving out"
            )

    def check_comparable(self, candidates: Sequence[Candidate]) -> None:
        """Raise ValueError unless all models work out the score, and mean the same by it."""
        first, losses = candidates[0], [current_loss(one.models[0]._state) for one in candidates]
        for one, loss in zip(candidates, losses, strict=True):
            if self.score != "loss" and self.score not in one.models[0].scorers:
                raise ValueError(f"score {self.score!r} is not worked out by the model of {one.parameters}")
            if self.score == "loss" and loss != losses[0]:
                raise ValueError(
                    f"score 'loss' means {losses[0]} for {first.parameters} and {loss} for {one.parameters}, of which "
                    "neither says which is better: score by a metric"
                )


def _combinations(space: Any, n: int | None, seed: int, settings: _Settings) -> list[dict[str, Any]]:
    choices = checked_space(space)
    if settings.halving is not None and "epochs" in choices:
        raise ValueError("halving says when candidates end: leave 'epochs' out of the space")
    found = grid(choices) if n is None else drawn(choices, POSITIVE("n", n), seed)
    settings.check_halving(len(found))
    return found


def _raced(
    candidates: list[Candidate], held: HeldOut, settings: _Settings, options: Mapping[str, Any]
) -> list[Candidate]:
    """Train candidates, where they are halved the best of them ever further; return all, the best first."""
    steps, left = rungs(settings.epochs, len(candidates), settings.halving), candidates
    for rung in steps:
        _train(left, held, rung if settings.halving else None, rung == steps[-1], options)
        left = _best_first(left, settings.score, settings.mode)
        candidates = [*left, *(one for one in candidates if one not in left)]
        left = left[: math.ceil(len(left) / (settings.halving or 1))]
    return candidates


def _train(left: Sequence[Candidate], held: HeldOut, rung: int | None, last: bool, options: Mapping[str, Any]) -> None:
    """Train candidates until they have come to so many epochs, or each to its own number, and score them."""
    going = []
    for fold in range(len(held.folds)):  # fold by fold: who reads the same rows comes one after the other
        for one in left:
            model, callbacks = one.models[fold], one.callbacks[fold]
            to_do = (rung or one.epochs) - len(model.history)
            for callback in callbacks:
                callback.last = last
            if (
                to_do > 0
                and one.error is None
                and not any(getattr(callback, "stopped", False) for callback in callbacks)
            ):
                going.append((one, fold, model, to_do, callbacks))
    if going:
        owners, numbers, models, epochs, callbacks_ = zip(*going, strict=True)
        histories = fit_many(
            models,
            held.X,
            held.y,
            epochs=list(epochs),
            batch_size=[one.batch_size or 32 for one in owners],
            callbacks=list(callbacks_),
            on_error="keep",
            **held.options(numbers),
            **options,
        )
        for one, history in zip(owners, histories, strict=True):
            one.error = one.error or history.error
    for one in left:
        one.scores = {} if one.error else held.scores(one.models)


@contextmanager
def _kept_at_ctrl_c(result: SearchResult, held: HeldOut) -> Iterator[None]:
    """Give a KeyboardInterrupt along what is known: scores of all trained for an epoch or more, the others last."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        for one in result.candidates:
            failed = one.error is not None or any(model.history.diverged for model in one.models)
            one.scores = {} if failed or not all(model.epoch for model in one.models) else held.scores(one.models)
        result.candidates = _best_first(result.candidates, result.score, result.mode)
        interrupt.result = result  # type: ignore[attr-defined]
        raise


def _best_first(candidates: Sequence[Candidate], score: str, mode: str) -> list[Candidate]:
    """Return them in the order of their scores; of equal ones that first which came first, failures last."""
    sign = 1 if mode == "min" else -1
    for one in candidates:
        one.score = float(one.scores[score].mean()) if one.scores else math.nan
    return sorted(candidates, key=lambda one: (math.isnan(one.score), 0 if math.isnan(one.score) else sign * one.score))


def _has_one_that_ended(candidates: Sequence[Candidate]) -> bool:
    """Whether the best has a score; raise the error of the first where the training of every one has failed."""
    errors = [one.error for one in sorted(candidates, key=lambda one: one.number) if one.error is not None]
    if len(errors) == len(candidates):
        if hasattr(errors[0], "add_note"):  # from Python 3.11 on
            which = "the only candidate" if len(errors) == 1 else f"the first of {len(errors)} candidates"
            errors[0].add_note(f"no network could be trained: this is the error of {which}")
        raise errors[0]
    return not math.isnan(candidates[0].score)


def _refitted(model: Any, best: Candidate, held: HeldOut, stopped: bool, options: Mapping[str, Any]) -> Sequential:
    """Return the best model, trained on all rows."""
    if held.all_trained:  # it has been
        return best.models[0]
    new = model_for(model, best.parameters)
    epochs = best.best_epochs() if stopped else best.trained
    fit_many([new], held.X, held.y, epochs=epochs, batch_size=best.batch_size, **options)
    return new
