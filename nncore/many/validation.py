"""`cross_validate`: how well a model does on rows that it has not seen, fold by fold."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import Data
from nncore.base import callers, checks
from nncore.base.typing import Floats
from nncore.engine import own_arithmetic
from nncore.history import History
from nncore.many.arguments import blamed, in_memory
from nncore.many.folds import Fold, classes_in, folds_of
from nncore.many.table import Table
from nncore.many.together import fit_many
from nncore.model import Sequential
from nncore.training import scoring
from nncore.training.adaptation import known_layers
from nncore.training.batches import Shuffle
from nncore.training.scoring import Scores
from nncore.training.state import State, built, scorers

if TYPE_CHECKING:
    from nncore.solvers import LBFGS, LM

KNOWS = (
    "the model has been trained for {} epochs already, and goes on from there: if that was on these rows, it knows "
    "those held out and the scores mean nothing; give a function that makes an untrained one"
)
ADAPTED = (
    "layer {!r} is adapted already, and stays so: if that was to these rows, it has seen those held out; without "
    "model.adapt, it is adapted to those of each fold that are trained on"
)
Make = Callable[[], Sequential]


@dataclass(eq=False, repr=False)
class CrossValidation:
    """What `cross_validate` found: one entry for each fold of each repetition, in that order.

    Attributes
    ----------
    scores : dict of str to ndarray
        ``"loss"`` and the metrics, on the rows held out.
    histories : list of History
    models : list of Sequential
        As trained.
    folds : list of (ndarray, ndarray)
        The rows trained on, and those held out.
    """

    scores: dict[str, Floats]
    histories: list[History]
    models: list[Sequential]
    folds: list[Fold]

    @property
    def mean(self) -> dict[str, float]:
        """Mean of each score."""
        return {name: float(values.mean()) for name, values in self.scores.items()}

    @property
    def std(self) -> dict[str, float]:
        """Standard deviation of each score between the folds; NaN of a single one."""
        many = len(self.folds) > 1
        return {name: float(values.std(ddof=1)) if many else math.nan for name, values in self.scores.items()}

    def table(self) -> dict[str, list[Any]]:
        """Return one list per column, for example for ``pandas.DataFrame``."""
        sizes = {"fold": list(range(len(self.folds))), "rows": [len(held) for _, held in self.folds]}
        return {**sizes, **{name: values.tolist() for name, values in self.scores.items()}}

    def __repr__(self) -> str:
        mean, std = self.mean, self.std
        if len(self.folds) == 1:
            return f"CrossValidation(1 fold: {', '.join(f'{name} {value:.4g}' for name, value in mean.items())})"
        told = ", ".join(f"{name} {mean[name]:.4g} +- {std[name]:.2g}" for name in mean)
        return f"CrossValidation({len(self.folds)} folds: {told})"


@in_memory("cross_validate", "fit and evaluate a clone of the model on sources of your own, for each fold")
@own_arithmetic
def cross_validate(
    model: Sequential | Make,
    X: ArrayLike,
    y: ArrayLike,
    *,
    folds: int | Iterable[tuple[Any, Any]] = 5,
    repeats: int = 1,
    stratified: bool | None = None,
    seed: int = 0,
    epochs: int = 1,
    batch_size: int | None = None,
    curves: bool = True,
    shuffle: Shuffle = None,
    sample_weight: ArrayLike | None = None,
    class_weight: Mapping[int, float] | str | None = None,
    callbacks: Any = None,
    solver: str | LBFGS | LM | None = None,
    executor: Executor | None = None,
    verbose: bool | int | str = "auto",
) -> CrossValidation:
    """Train a model once for each fold on all other rows, and score it on the fold; all of them together.

    Parameters
    ----------
    model : Sequential, or a function without arguments that returns one
        Copied for each fold as it is: nothing changes in it.
    X, y : array-like
        As in ``Sequential.fit``.
    folds : int, or iterable of (train, test)
        How many; or the rows themselves, as the ``split`` of scikit-learn's splitters gives them.
    repeats : int
        How often to cut the rows into folds, each time in another order.
    stratified : bool, optional
        Whether each class has the same share in all folds; by default where the target is one of classes.
    seed : int
        Of the order in which rows come into folds.
    curves : bool
        Whether to validate on the fold after each epoch, which the histories then have.
    epochs, batch_size, shuffle, sample_weight, class_weight, callbacks, solver, executor, verbose
        As in `fit_many`. With `EarlyStopping` on ``val_loss`` a fold has a say in what it is to judge.

    Returns
    -------
    CrossValidation

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or a class has fewer rows than there are folds.

    Examples
    --------
    >>> from nncore import Dense, Sequential, cross_validate
    >>> from nncore.datasets import load_iris
    >>> X, y = load_iris()
    >>> model = Sequential([Dense(16, "tanh"), Dense(3, "softmax")])
    >>> model.compile("adam", metrics=["accuracy"])
    >>> found = cross_validate(model, X, y, folds=5, repeats=2, epochs=50)
    >>> found.scores["accuracy"].shape, found.mean["accuracy"] > 0.8
    ((10,), True)
    """
    make = _maker(model)
    table, first = Table(X, y), make()
    if first.epoch:
        warnings.warn(KNOWS.format(first.epoch), UserWarning, stacklevel=callers.level())
    elif layers := known_layers(first._state):
        warnings.warn(ADAPTED.format(layers[0]), UserWarning, stacklevel=callers.level())
    cut = folds_of(**facts(first._state, table, stratified), folds=folds, repeats=repeats, seed=seed)
    models = [first, *(make() for _ in cut[1:])]
    train, held = [rows for rows, _ in cut], [rows for _, rows in cut]
    options: dict[str, Any] = {"rows": train, "validation_rows": held if checks.flag("curves", curves) else None}
    options |= {"epochs": epochs, "batch_size": batch_size, "shuffle": shuffle, "sample_weight": sample_weight}
    options |= {"class_weight": class_weight, "callbacks": callbacks, "solver": solver}
    histories = fit_many(models, X, y, executor=executor, verbose=verbose, **options)
    scores = [scored(model, table, rows) for model, rows in zip(models, held, strict=True)]
    columns = {name: np.array([dict(score)[name] for score in scores]) for name in scores[0].keys()}  # noqa: SIM118
    return CrossValidation(columns, histories, models, cut)


cross_validate = checks.explaining("cross_validate", cross_validate)


def _maker(model: Any) -> Make:
    if isinstance(model, Sequential):
        return lambda: copy.deepcopy(model)
    if not callable(model):
        raise TypeError(f"model must be a Sequential or a function that makes one, got {checks.described(model)}")
    return lambda: made(model())


def made(model: Any) -> Sequential:
    """Return a model that a function made, once it is seen to be one."""
    if not isinstance(model, Sequential):
        raise TypeError(f"the function must return a Sequential, got {checks.described(model)}")
    return model


def facts(state: State, table: Table, stratified: bool | None) -> dict[str, Any]:
    """Return what `folds_of` wants to know of the rows."""
    with blamed("model"):
        program = table.program(state)
        target = table.whole(state, program, table.names(state, program)).target
    classes = None
    if stratified is None or checks.flag("stratified", stratified):
        classes = classes_in(target, program.loss)
        if stratified and classes is None:
            raise ValueError(f"stratified=True needs classes, but the target of {program.loss} is made of numbers")
    return {"n_rows": table.n_rows, "classes": classes}


def scored(model: Sequential, table: Table, rows: Any = None) -> Scores:
    """Return loss and metrics of a model on some rows, all for None."""
    state = model._state
    network = built(state)
    data: Data = table.whole(state, network.program, table.names(state, network.program))
    return scoring.evaluate(network, data if rows is None else data.rows(np.asarray(rows)), scorers(state))
