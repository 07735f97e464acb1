"""``nncore train --folds K`` and ``--ensemble N``: several networks, trained together."""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from nncore.cli import model_file, signals
from nncore.cli.announced import announcement, in_epochs, on_data, on_model, remarks_on
from nncore.cli.errors import DONE, UsageError, blamed_on_the_user
from nncore.cli.output import print_json, print_lines, say_on_stderr
from nncore.cli.parts import VALIDATION_SHARE, Parts, check_classes, check_folds, cut, shared
from nncore.cli.recipe import Recipe, build, callbacks_for, choose, prepared
from nncore.cli.scoring import WORDS, balance_facts, balance_lines, in_words, score, score_and_balance
from nncore.cli.sources import Source
from nncore.datasets import Dataset, Preparation
from nncore.errors import TrainingDiverged
from nncore.many import Ensemble, fit_many
from nncore.many.folds import folds_of
from nncore.model import Sequential


def run(options: argparse.Namespace, source: Source) -> int:
    """Carry out what was asked for; return the exit code."""
    return run_folds(options, source) if options.ensemble is None else run_ensemble(options, source)


def run_folds(options: argparse.Namespace, source: Source) -> int:
    """Train a network for each fold on the other rows, and score it on the fold; return the exit code."""
    for option in ("output", "history", "plot", "test"):
        if getattr(options, option) is not None:
            name = "-o" if option == "output" else f"--{option}"
            raise UsageError(f"--folds trains a network for each fold, to be scored alone; leave {name} out")
    check_classes(source, options)
    rows = source.train
    check_folds(rows, options.folds)
    classes = None if rows.target_names is None else rows.y
    cut_rows = folds_of(rows.n_samples, options.folds, 1, options.seed, classes)
    recipe = choose(rows.rows(cut_rows[0][0]), source, options)
    folds = [_Fold(rows, train, held, source, recipe, options) for train, held in cut_rows]
    say = not (options.json or options.quiet)
    if say:
        note = [f"note   {note}" for note in (*source.notes, *remarks_on(folds[0].model))]
        print_lines(
            [
                on_data(rows, f"{rows.n_samples} rows in {options.folds} folds"),
                *on_model(rows, folds[0].model, recipe),
                *note,
            ]
        )
    started = time.perf_counter()
    with blamed_on_the_user(options.data):
        try:
            _fit(folds, recipe, options)
        except KeyboardInterrupt as interrupt:
            if not any(fold.model.epoch for fold in folds):
                raise
            return _tell_what_is_known(options, rows, folds, interrupt)
        seconds = time.perf_counter() - started
        scores = [score(fold.model, fold.preparation, *fold.held, metrics=options.metrics) for fold in folds]
    _tell(options, rows, recipe, folds, scores, seconds)
    return DONE


class _Fold:
    """The rows of a fold, prepared by what the others teach, and a network for it."""

    def __init__(
        self,
        rows: Dataset,
        train: np.ndarray,
        held: np.ndarray,
        source: Source,
        recipe: Recipe,
        options: argparse.Namespace,
    ) -> None:
        own, self.held = rows.rows(train), rows.rows(held)
        share = VALIDATION_SHARE[rows.task] if options.val is None else options.val
        self.parts = [own]
        if share:
            with blamed_on_the_user("--val"):
                chosen, best = shared(own, share, options.seed)
            self.parts = [own.rows(chosen), own.rows(best)]
        with blamed_on_the_user(options.data):
            self.preparation = Preparation.fit(self.parts[0], standardize=not source.is_scaled)
        self.model = build(self.parts[0], recipe, options)


def _fit(folds: list[_Fold], recipe: Recipe, options: argparse.Namespace) -> None:
    """Train the networks together: each reads its own part of one table, in which its rows are prepared its own way."""
    parts = [prepared(fold.preparation, part) for fold in folds for part in fold.parts]
    ends = np.cumsum([len(X) for X, _ in parts]).tolist()
    places = [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]
    each = len(folds[0].parts)
    fit_many(
        [fold.model for fold in folds],
        np.concatenate([X for X, _ in parts]),
        np.concatenate([y for _, y in parts]),
        rows=places[::each],
        validation_rows=places[1::2] if each == 2 else None,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        class_weight=recipe.class_weight,
        callbacks=[callbacks_for(recipe, fold.model, validates=each == 2) for fold in folds],
        verbose=False if options.quiet else "auto",
    )


def _tell(
    options: argparse.Namespace,
    rows: Dataset,
    recipe: Recipe,
    folds: list[_Fold],
    scores: list[dict[str, float]],
    seconds: float,
) -> None:
    mean = {name: statistics.fmean(one[name] for one in scores) for name in scores[0]}
    std = {name: statistics.stdev(one[name] for one in scores) for name in scores[0]}
    if options.json:
        told = [{"rows": fold.held.n_samples, **one} for fold, one in zip(folds, scores, strict=True)]
        facts = {"data": options.data, "task": rows.task, "folds": told, "mean": mean, "std": std}
        print_json({**facts, "epochs": recipe.epochs, "seed": options.seed, "seconds": seconds})
    elif not options.quiet:
        lines = [f"fold {k + 1:<2}{in_words(one)} ({folds[k].held.n_samples} rows)" for k, one in enumerate(scores)]
        between = ", ".join(f"{WORDS.get(name, name).split()[0]} {value:.2g}" for name, value in std.items())
        print_lines([*lines, f"mean   {in_words(mean)}; deviation between folds: {between}, in {seconds:.2f} s"])


def _tell_what_is_known(
    options: argparse.Namespace, rows: Dataset, folds: list[_Fold], interrupt: KeyboardInterrupt
) -> int:
    """Show how far the networks of the folds have come, and how they do; return the exit code."""
    how, code = signals.described(interrupt)
    known = [
        (k, fold, score(fold.model, fold.preparation, *fold.held))
        for k, fold in enumerate(folds, 1)
        if fold.model.epoch
    ]
    say_on_stderr(f"{how}; {len(known)} of {len(folds)} folds scored as they were then")
    if options.json:
        told = [{"fold": k, "rows": fold.held.n_samples, "epochs": fold.model.epoch, **one} for k, fold, one in known]
        print_json({"data": options.data, "task": rows.task, "folds": told, "interrupted": how})
    elif not options.quiet:
        print_lines(
            f"fold {k:<2}{in_words(one)} ({fold.held.n_samples} rows) after {in_epochs(fold.model.epoch)}"
            for k, fold, one in known
        )
    return code


def run_ensemble(options: argparse.Namespace, source: Source) -> int:
    """Train networks of many seeds together, and test their mean; return the exit code."""
    for option in ("history", "plot", "folds"):
        if getattr(options, option) is not None:
            raise UsageError(f"--ensemble trains several networks; leave --{option} out")
    split, parts = cut(source, options)
    with blamed_on_the_user(options.data):
        preparation = Preparation.fit(parts.train, standardize=not source.is_scaled)
    recipe = choose(parts.train, source, options)
    models = [build(parts.train, recipe, options, k) for k in range(options.ensemble)]
    say = not (options.json or options.quiet)
    if say:
        lines = announcement(parts, models[0], recipe, (*source.notes, *parts.notes, *remarks_on(models[0])))
        print_lines([*lines[:2], f"{lines[2]} and on, {len(models)} networks", *lines[3:]])
    ensemble, started = Ensemble(models), time.perf_counter()
    rows = parts.test or parts.train
    try:
        with blamed_on_the_user(options.data):
            _fit_ensemble(ensemble, parts, preparation, recipe, options)
    except (KeyboardInterrupt, TrainingDiverged) as error:
        trained = [model for model in models if model.epoch]
        if options.output is None or not trained:
            raise
        model_file.save_ensemble(options.output, Ensemble(trained), preparation, split, recipe.class_weight)
        return _tell_what_is_saved(error, trained, len(models), options.output)
    seconds = time.perf_counter() - started
    if options.output is not None:
        model_file.save_ensemble(options.output, ensemble, preparation, split, recipe.class_weight)
    with blamed_on_the_user(options.data):
        scores, found = score_and_balance(ensemble, preparation, *rows, metrics=options.metrics)
        alone = [score(model, preparation, *rows, metrics=options.metrics) for model in models]
    _tell_ensemble(options, rows, models, scores, alone, seconds, "train" if parts.test is None else "test", found)
    return DONE


def _fit_ensemble(
    ensemble: Ensemble, parts: Parts, preparation: Preparation, recipe: Recipe, options: argparse.Namespace
) -> None:
    validation = None if parts.validation is None else prepared(preparation, parts.validation)
    ensemble.fit(
        *prepared(preparation, parts.train),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation_data=validation,
        class_weight=recipe.class_weight,
        callbacks=[callbacks_for(recipe, model, validates=validation is not None) for model in ensemble.models],
        verbose=False if options.quiet else "auto",
    )


def _tell_what_is_saved(
    error: KeyboardInterrupt | TrainingDiverged, trained: list[Sequential], n: int, path: str
) -> int:
    """Say what of a training that has not come to its end is saved; return the exit code, or raise the error again."""
    epochs = sorted({model.epoch for model in trained})
    after = in_epochs(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {in_epochs(epochs[-1])}"
    saved = f"{len(trained)} of {n} networks as they were after {after}"
    if isinstance(error, TrainingDiverged):
        say_on_stderr(f"{saved} are saved to {path}")
        raise error
    how, code = signals.described(error)
    say_on_stderr(f"{how}; saved to {path}: {saved}")
    return code


def _tell_ensemble(
    options: argparse.Namespace,
    rows: Dataset,
    models: list[Sequential],
    scores: dict[str, float],
    alone: list[dict[str, float]],
    seconds: float,
    part: str,
    found: Any,
) -> None:
    if options.json:
        facts = {"data": options.data, "task": rows.task, "rows": rows.n_samples, part: scores, "members": alone}
        epochs = [model.epoch for model in models]
        print_json({**facts, **balance_facts(found), "epochs": epochs, "seconds": seconds, "model": options.output})
    elif not options.quiet:
        name, *_ = scores
        members = [one[name] for one in alone]
        told = in_words({key: value for key, value in scores.items() if key != "loss"})
        spread = f"each alone {min(members):.4f} to {max(members):.4f}"
        saved = "not saved (to save: -o ensemble.nncore)" if options.output is None else f"saved to {options.output}"
        verdict = f"{part} {told} ({rows.n_samples} rows), {spread}, in {seconds:.2f} s; {saved}"
        print_lines([*balance_lines(found, weighted=bool(options.class_weight)), verdict])
