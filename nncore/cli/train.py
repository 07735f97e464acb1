"""``nncore train DATA``: hold rows out, prepare, train, test, save."""

from __future__ import annotations

import argparse
import os
import time
from itertools import combinations
from typing import Any

from nncore import engine
from nncore.base.suffixes import suffix_of_others
from nncore.cli import model_file, signals, stream
from nncore.cli.announced import announcement, in_epochs, remarks_on
from nncore.cli.errors import DONE, OutputError, UsageError, blamed_on_the_user
from nncore.cli.output import check_output, print_json, print_lines, say_on_stderr, writing
from nncore.cli.parts import Parts, cut
from nncore.cli.plot import check_plot, write_plot
from nncore.cli.recipe import Recipe, build, callbacks_for, choose, prepared
from nncore.cli.scoring import balance_facts, balance_lines, in_words, score_and_balance
from nncore.cli.sources import Source, input_files, load_source
from nncore.datasets import Preparation
from nncore.errors import TrainingDiverged
from nncore.model import Sequential


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    with signals.raised():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    _check_outputs(options)
    if options.threads is not None:
        engine.set_num_threads(options.threads)
    source = Source(stream.load(options)) if stream.is_streamed(options) else load_source(options)
    if options.folds is not None or options.ensemble is not None:
        from nncore.cli import several  # here, not at the top: most train one network

        return several.run(options, source)
    return _train(options, source)


def _train(options: argparse.Namespace, source: Source) -> int:
    split, parts = cut(source, options)
    with blamed_on_the_user(options.data):
        preparation = Preparation.fit(parts.train, standardize=not source.is_scaled)
    recipe = choose(parts.train, source, options)
    model = build(parts.train, recipe, options)
    say = not (options.json or options.quiet)
    notes = (*source.notes, *parts.notes, *remarks_on(model))
    if say:
        print_lines(announcement(parts, model, recipe, notes))
    started = time.perf_counter()
    try:
        with blamed_on_the_user(options.data):
            _fit(model, parts, preparation, recipe, options)
    except (KeyboardInterrupt, TrainingDiverged, OutputError) as error:
        if options.output is None or not model.epoch:
            raise
        model_file.save(options.output, model, preparation, split, recipe.class_weight)
        if not isinstance(error, KeyboardInterrupt):
            say_on_stderr(f"the model as it was after {in_epochs(model.epoch)} is saved to {options.output}")
            raise
        how, code = signals.described(error)
        say_on_stderr(f"{how} after {in_epochs(model.epoch)}; saved as it is to {options.output}")
        return code
    seconds = time.perf_counter() - started
    if options.output is not None:
        model_file.save(options.output, model, preparation, split, recipe.class_weight)
    with blamed_on_the_user(options.data):
        scores, found = score_and_balance(model, preparation, *(parts.test or parts.train), metrics=options.metrics)
    result = {**_result(model, parts, recipe, seconds, scores, options), **balance_facts(found), "notes": notes}
    if options.json:
        print_json(result)
    elif say:
        beside = balance_lines(found, weighted=bool(recipe.class_weight))
        print_lines([*beside, _verdict(result), *_severe(model, options)])
    return DONE


def _check_outputs(options: argparse.Namespace) -> None:
    inputs = input_files(options.data)
    check_output(options.output, force=options.force, inputs=inputs)
    if options.output is not None and not options.quiet and (said := suffix_of_others(options.output)):
        say_on_stderr(said)
    check_output(options.history, force=options.force, inputs=inputs, option="--history")
    check_plot(options.plot, force=options.force, inputs=inputs)
    named = {"-o": options.output, "--history": options.history, "--plot": options.plot}
    for (one, path), (other, path_) in combinations([(option, path) for option, path in named.items() if path], 2):
        if os.path.realpath(path) == os.path.realpath(path_):
            raise UsageError(f"{one} and {other} both name {path}; give each a file of its own")


def _fit(
    model: Sequential, parts: Parts, preparation: Preparation, recipe: Recipe, options: argparse.Namespace
) -> None:
    validation = None if parts.validation is None else prepared(preparation, parts.validation)
    try:
        model.fit(
            *prepared(preparation, parts.train),
            epochs=recipe.epochs,
            batch_size=recipe.batch_size,
            validation_data=validation,
            class_weight=recipe.class_weight,
            callbacks=callbacks_for(recipe, model, validates=validation is not None),
            verbose=False if options.quiet else "auto",
        )
    finally:  # above all after a training that failed: the doctor may explain it
        if options.history is not None and (len(model.history) or model.history.diverged):
            _note_names(model, parts)
            with writing(options.history):
                model.history.save(options.history)
        if options.plot is not None and len(model.history):
            write_plot(options.plot, model.history)


def _note_names(model: Sequential, parts: Parts) -> None:
    """Let the history name the classes, as the doctor then does."""
    history, names = model.history, parts.train.target_names
    if names is not None and history.targets is not None:
        history.note_data(history.inputs, {**history.targets, "names": list(names)})


def _result(
    model: Sequential,
    parts: Parts,
    recipe: Recipe,
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
        "target": None if parts.train.schema is None else parts.train.schema.target,
        "classes": parts.train.target_names,
        "layers": recipe.layers,
        "activation": options.activation,
        "parameters": model.n_parameters,
        "dtype": model.dtype_policy,
        "optimizer": model.optimizer.name,
        "learning_rate": model.history["learning_rate"][0],
        "schedule": recipe.schedule,
        "class_weight": recipe.class_weight,
        "batch_size": recipe.batch_size,
        "seed": model.seed,
        "isa": engine.ISA,
        "epochs": model.epoch,
        "seconds": seconds,
        "train" if parts.test is None else "test": scores,
        "history": {"epoch": model.history.epoch, **model.history.history},
        "model": options.output,
    }


def _severe(model: Sequential, options: argparse.Namespace) -> list[str]:
    """Return a line about what the doctor finds severe, if anything: no score should be trusted before it is mended."""
    found = [finding for finding in model.history.doctor() if finding.severity == "severe"]
    if not found:
        return []
    names = [finding.rule.replace("_", " ") + (f" in {finding.layer}" if finding.layer else "") for finding in found]
    more = f"nncore doctor {options.history}" if options.history else "--history run.json, then nncore doctor run.json"
    return [f"doctor severe: {', '.join(names)}; what it means, and what to try: {more}"]


def _verdict(result: dict[str, Any]) -> str:
    part = "test" if "test" in result else "train"
    n = result["rows"][part]
    rows = f"{n} row{'s' if n != 1 else ''} " + (
        "held out" if part == "test" else "it was trained on: none were held out"
    )
    saved = f"model saved to {result['model']}" if result["model"] else "not saved (to save: -o model.safetensors)"
    scores = {name: value for name, value in result[part].items() if name != "loss"}
    epochs = in_epochs(result["epochs"])
    seconds = result["seconds"]
    return f"{part} {in_words(scores)} ({rows}), {epochs} in {seconds:.{2 if seconds < 10 else 0}f} s; {saved}"
