"""How to train: what the user left open is filled in to suit the data."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nncore.base.elsewhere import bare
from nncore.base.names import lookup
from nncore.base.source import Source as Streams
from nncore.callbacks import EarlyStopping, LearningRateScheduler
from nncore.cli.errors import UsageError, blamed_on_the_user
from nncore.cli.scoring import check_metrics, streamed
from nncore.cli.sources import Source
from nncore.datasets import Dataset, Preparation
from nncore.layers import Dense
from nncore.losses import LOSSES, Hinge, Loss, infer_loss
from nncore.model import Sequential
from nncore.optimizers import OPTIMIZERS, SOLVERS

UPDATES = 2000  # enough for the bundled sets to level off
EPOCHS = (10, 200)


@dataclass(frozen=True)
class Recipe:
    """Sizes of the hidden layers, and how the rows are gone through and weighed."""

    layers: tuple[int, ...]
    batch_size: int
    epochs: int
    schedule: str
    class_weight: str | None = None


def choose(train: Dataset, source: Source, options: argparse.Namespace) -> Recipe:
    """Return the recipe of the options; its defaults are those of a small table, or of MNIST.

    Raises
    ------
    UsageError
        If classes are to be weighed and there are none.
    """
    table = Recipe((64, 32), 32, 0, "constant")
    default = Recipe((256, 128), 128, 0, "linear") if source.is_scaled else table
    batch_size = options.batch_size or default.batch_size
    steps = math.ceil(train.n_samples / batch_size)
    epochs = options.epochs or min(max(EPOCHS[0], math.ceil(UPDATES / steps)), EPOCHS[1])
    layers = default.layers if options.layers is None else options.layers
    if options.class_weight is not None and train.target_names is None:
        raise UsageError(f"--class-weight needs classes, but the target of {options.data} is a number")
    return Recipe(layers, batch_size, epochs, options.schedule or default.schedule, options.class_weight)


def build(train: Dataset, recipe: Recipe, options: argparse.Namespace, seed: int = 0) -> Sequential:
    """Return the network: softmax over the classes, or one linear unit for a number; `seed` is added to the options'.

    Raises
    ------
    UsageError
        If a name or number among the options is wrong, or the network is larger than the memory.
    """
    loss = _loss(options.loss, train)
    head = Dense(loss.outputs_for(1)) if train.target_names is None else Dense(len(train.target_names), "softmax")
    if solver := SOLVERS.get(bare(options.optimizer)):
        only = f"a solver, which only Python has: fit(X, y, solver={solver!r})"
        raise UsageError(f"--optimizer: {options.optimizer!r} is {only}")
    with blamed_on_the_user("--optimizer"):
        kind = lookup("optimizer", options.optimizer, OPTIMIZERS)
    with blamed_on_the_user("--lr"):
        optimizer = kind() if options.lr is None else kind(learning_rate=options.lr)
    with blamed_on_the_user("--metrics"):
        metrics = metrics_for(train, options.metrics)
    with blamed_on_the_user():
        hidden = [Dense(units, options.activation) for units in recipe.layers]
        model = Sequential([*hidden, head], seed=(options.seed + seed) % 2**64, dtype=options.dtype)
        model.compile(optimizer, None if options.loss is None else loss, metrics=metrics)
        model.build(train.n_features)
    return model


def metrics_for(train: Dataset, names: Sequence[str]) -> list[str]:
    """Return what is scored while training: of numbers nothing, for they are scored in units of the target, later."""
    check_metrics(names, classes=train.target_names is not None)
    return [] if train.target_names is None else [*dict.fromkeys(["accuracy", *names])]


def _loss(name: str | None, train: Dataset) -> Loss:
    """Return the loss of that name, or the one that suits the target, of which a number is standardised."""
    if name is None:
        return infer_loss("identity" if train.target_names is None else "softmax")
    with blamed_on_the_user("--loss"):
        kind = lookup("loss", name, LOSSES)
    for_classes = {one for one, cls in LOSSES.items() if cls.activation == "softmax"}
    for_numbers = {one for one, cls in LOSSES.items() if cls.activation is None and not issubclass(cls, Hinge)}
    suiting, what = (for_numbers, "a number") if train.target_names is None else (for_classes, "classes")
    if name not in suiting:
        raise UsageError(f"--loss: {name!r} does not suit a target that is {what}; known: {', '.join(sorted(suiting))}")
    return kind()


def callbacks_for(recipe: Recipe, model: Sequential, *, validates: bool) -> list[Any]:
    """Return the callbacks of a training: what brings the best weights back, and what lowers the rate."""
    callbacks: list[Any] = [EarlyStopping(patience=recipe.epochs)] if validates else []  # for its best weights
    if recipe.schedule == "linear":
        callbacks.append(_linear_decay(model.optimizer.rate, recipe.epochs))
    return callbacks


def _linear_decay(rate: float, epochs: int) -> LearningRateScheduler:
    """Lower the learning rate after each epoch by the same amount, the last one's being the smallest, but not 0."""
    return LearningRateScheduler(lambda epoch: rate * (epochs - epoch) / epochs if epoch else rate)


def prepared(preparation: Preparation, dataset: Dataset) -> tuple[Any, ...]:
    """Return inputs and targets as the network gets them: of rows that are streamed a source, which has both."""
    X: Any = dataset.X
    if isinstance(X, Streams):
        return (streamed(preparation, X, dataset.y),)
    return preparation.prepare_inputs(dataset.X), preparation.prepare_target(dataset.y)
