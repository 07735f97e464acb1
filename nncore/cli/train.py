"""``nncore train DATA``: hold rows out, prepare, train, test, save."""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore import engine
from nncore.cli import model_file
from nncore.cli.errors import UsageError, blamed_on_the_user
from nncore.cli.model_file import Split
from nncore.cli.output import check_output, print_json, print_lines
from nncore.cli.scoring import in_words, score
from nncore.cli.sources import Source, input_files, load_source
from nncore.datasets.dataset import Dataset
from nncore.datasets.preparation import Preparation
from nncore.datasets.split import train_test_split
from nncore.layers import Dense
from nncore.model import Sequential
from nncore.names import lookup
from nncore.optimizers import OPTIMIZERS

UPDATES = 2000  # enough for the bundled sets to level off
EPOCHS = (10, 200)


@dataclass(frozen=True)
class Parts:
    """The rows to train on, to choose the best epoch by, and to test on."""

    train: Dataset
    validation: Dataset | None
    test: Dataset | None


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    check_output(options.output, force=options.force, inputs=input_files(options.data))
    if options.threads is not None:
        engine.set_num_threads(options.threads)
    source = load_source(options)
    split, parts = _split(source, options)
    with blamed_on_the_user(options.data):
        preparation = Preparation.fit(parts.train, standardize=not source.is_scaled)
    plan = _plan(parts.train, source, options)
    model = _model(parts.train, plan, options)
    say = not (options.json or options.quiet)
    if say:
        print_lines(_announcement(parts, model, plan))
    started = time.perf_counter()
    interrupted = _fit(model, parts, preparation, plan, verbose=False if options.quiet else "auto")
    seconds = time.perf_counter() - started
    if interrupted and options.output is None:
        raise KeyboardInterrupt
    if options.output is not None:
        model_file.save(options.output, model, preparation, split)
    if interrupted:
        print(f"nncore: interrupted after {model.epoch} epochs; saved as it is to {options.output}", file=sys.stderr)
        return 130
    with blamed_on_the_user(options.data):
        scores = score(model, preparation, *(parts.test or parts.train))
    result = _result(model, parts, plan, seconds, scores, options)
    if options.json:
        print_json(result)
    elif say:
        print_lines([_verdict(result)])
    return 0


def _split(source: Source, options: argparse.Namespace) -> tuple[Split, Parts]:
    dataset = source.train
    classification = dataset.target_names is not None
    if classification and len(dataset.target_names or ()) < 2:
        raise UsageError(
            f"every row of {options.data} is of class {(dataset.target_names or ('',))[0]!r}; classification needs two "
            "classes or more (for a number to predict: --task regression)"
        )
    test = options.test if source.test is None else 0.0
    split = Split(options.data, dataset.n_samples, test, options.seed, classification)
    share = options.val if options.val is not None else 0.0 if classification else 0.2
    try:
        train_rows, test_rows = split.rows(dataset.y)
        train, validation = dataset.rows(train_rows), None
        if share:
            fit_rows, validation_rows = train_test_split(
                train_rows, test_size=share, seed=options.seed, stratify=train.y if classification else False
            )
            train, validation = dataset.rows(fit_rows), dataset.rows(validation_rows)
    except ValueError as error:
        raise UsageError(f"{options.data}: {error}; choose other shares with --test and --val") from None
    held_out = dataset.rows(test_rows) if len(test_rows) else source.test
    return split, Parts(train, validation, held_out)


def _plan(train: Dataset, source: Source, options: argparse.Namespace) -> dict[str, Any]:
    """Fill in what the user left open."""
    images = source.is_scaled
    batch_size = options.batch_size if options.batch_size is not None else 128 if images else 32
    epochs = options.epochs
    if epochs is None:
        steps = math.ceil(train.n_samples / batch_size)
        epochs = min(max(EPOCHS[0], math.ceil(UPDATES / steps)), EPOCHS[1])
    layers = options.layers if options.layers is not None else (256, 128) if images else (64, 32)
    return {"layers": layers, "batch_size": batch_size, "epochs": epochs}


def _model(train: Dataset, plan: dict[str, Any], options: argparse.Namespace) -> Sequential:
    head = Dense(1) if train.target_names is None else Dense(len(train.target_names), "softmax")
    with blamed_on_the_user("--optimizer"):
        kind = lookup("optimizer", options.optimizer, OPTIMIZERS)
    with blamed_on_the_user("--lr"):
        optimizer = kind() if options.lr is None else kind(learning_rate=options.lr)
    with blamed_on_the_user():
        hidden = [Dense(units, options.activation) for units in plan["layers"]]
        model = Sequential([*hidden, head], seed=options.seed, dtype=options.dtype)
        model.compile(optimizer, metrics=[] if train.target_names is None else ["accuracy"])
        model.build(train.n_features)
    return model


def _fit(
    model: Sequential, parts: Parts, preparation: Preparation, plan: dict[str, Any], *, verbose: bool | str
) -> bool:
    """Train; return whether Ctrl-C ended it after an epoch or more."""
    validation = None if parts.validation is None else _prepared(preparation, parts.validation)
    try:
        with blamed_on_the_user(parts.train.name):
            model.fit(
                *_prepared(preparation, parts.train),
                epochs=plan["epochs"],
                batch_size=plan["batch_size"],
                validation_data=validation,
                callbacks=None if validation is None else [BestEpoch()],
                verbose=verbose,
            )
    except KeyboardInterrupt:
        if not model.epoch:
            raise
        return True
    return False


class BestEpoch:
    """Callback: when training ends, put back the weights of the epoch with the lowest validation loss."""

    def __init__(self) -> None:
        self.loss = math.inf
        self.weights: list[np.ndarray] | None = None

    def on_epoch_end(self, model: Sequential, epoch: int, logs: dict[str, float]) -> None:
        if logs["val_loss"] < self.loss:
            self.loss, self.weights = logs["val_loss"], model.get_weights()

    def on_train_end(self, model: Sequential) -> None:
        if self.weights is not None:
            model.set_weights(self.weights)


def _prepared(preparation: Preparation, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return preparation.prepare_inputs(dataset.X), preparation.prepare_target(dataset.y)


def _announcement(parts: Parts, model: Sequential, plan: dict[str, Any]) -> list[str]:
    train, optimizer = parts.train, model.optimizer
    counts = [f"{train.n_samples} rows to train on"]
    counts += [] if parts.validation is None else [f"{parts.validation.n_samples} to choose the epoch"]
    counts += [] if parts.test is None else [f"{parts.test.n_samples} to test"]
    sizes = [train.n_features, *(layer.units for layer in model.layers if isinstance(layer, Dense))]
    return [
        f"data   {train.name}: {', '.join(counts)}; {train.n_features} features, {train.task_in_words}",
        f"model  {' > '.join(map(str, sizes))}, {model.n_parameters:,} parameters, {model.dtype.name}",
        f"run    {optimizer.name}, learning rate {optimizer.learning_rate:g}, batch {plan['batch_size']}, "
        f"epochs {plan['epochs']}, seed {model.seed}",
    ]


def _result(
    model: Sequential,
    parts: Parts,
    plan: dict[str, Any],
    seconds: float,
    scores: dict[str, float],
    options: argparse.Namespace,
) -> dict[str, Any]:
    return {
        "data": options.data,
        "task": parts.train.task,
        "rows": {
            "train": parts.train.n_samples,
            "validation": 0 if parts.validation is None else parts.validation.n_samples,
            "test": 0 if parts.test is None else parts.test.n_samples,
        },
        "features": parts.train.n_features,
        "classes": parts.train.target_names,
        "layers": plan["layers"],
        "activation": options.activation,
        "parameters": model.n_parameters,
        "dtype": model.dtype.name,
        "optimizer": model.optimizer.name,
        "learning_rate": model.optimizer.learning_rate,
        "batch_size": plan["batch_size"],
        "seed": model.seed,
        "isa": engine.isa(),
        "epochs": model.epoch,
        "seconds": seconds,
        "train" if parts.test is None else "test": scores,
        "history": model.history.to_dict(),
        "model": options.output,
    }


def _verdict(result: dict[str, Any]) -> str:
    part = "test" if "test" in result else "train"
    rows = f"{result['rows'][part]} rows " + ("held out" if part == "test" else "it was trained on: none were held out")
    saved = f"model saved to {result['model']}" if result["model"] else "not saved (to save: -o model.safetensors)"
    scores = {name: value for name, value in result[part].items() if name != "loss"}
    epochs = f"{result['epochs']} epoch{'s' if result['epochs'] != 1 else ''}"
    seconds = result["seconds"]
    return f"{part} {in_words(scores)} ({rows}), {epochs} in {seconds:.{2 if seconds < 10 else 0}f} s; {saved}"
