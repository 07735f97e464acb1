"""``nncore search DATA --space ...``: try layers, rates and penalties, and test the best on rows held out."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Mapping
from typing import Any

from nncore import engine
from nncore.base import checks
from nncore.cli import model_file, signals
from nncore.cli.announced import announcement, remarks_on
from nncore.cli.errors import DONE, UsageError, blamed_on_the_user
from nncore.cli.output import check_output, print_json, print_lines, say_on_stderr, writing
from nncore.cli.parts import Parts, check_folds, cut
from nncore.cli.recipe import Recipe, build, choose, prepared
from nncore.cli.scoring import check_metrics, in_words, score
from nncore.cli.sources import input_files, load_source
from nncore.datasets import Preparation
from nncore.errors import TrainingDiverged
from nncore.layers import Dense
from nncore.many import Between, SearchResult, search
from nncore.metrics import METRICS, inner
from nncore.model import Sequential

RANGE = re.compile(r"(?P<low>[^:]+?)\.\.(?P<high>[^:]+?)(?P<log>:log)?$")
NOTATION = "NAME=A,B,C or NAME=LOW..HIGH or NAME=LOW..HIGH:log, as in optimizer.learning_rate=1e-4..0.1:log"


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    with signals.raised():
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    inputs = input_files(options.data)
    check_output(options.output, force=options.force, inputs=inputs)
    check_output(options.table, force=options.force, inputs=inputs, option="--table")
    if options.threads is not None:
        engine.set_num_threads(options.threads)
    source = load_source(options)
    split, parts = cut(source, options)
    with blamed_on_the_user(options.data):
        preparation = Preparation.fit(parts.train, standardize=not source.is_scaled)
    recipe = choose(parts.train, source, options)
    model = build(parts.train, recipe, options)
    _let_decide(model, options.score)
    space = space_of(options.space, model)
    _check(space, model, parts, options)
    say = not (options.json or options.quiet)
    if say:
        print_lines(announcement(parts, model, recipe, (*source.notes, *parts.notes, *remarks_on(model))))
    started = time.perf_counter()
    with blamed_on_the_user():
        try:
            found = _search(model, space, prepared(preparation, parts.train), recipe, options)
        except TrainingDiverged as error:
            raise UsageError(f"no network could be trained: {error}") from error
        except KeyboardInterrupt as interrupt:
            unfinished = getattr(interrupt, "result", None)
            if unfinished is None or not unfinished.best.scores:
                raise
            return _tell_what_is_known(options, unfinished, interrupt)
        if found.model is None:
            raise UsageError(f"--score {options.score}: NaN for every network, so that none is the best")
        seconds = time.perf_counter() - started
        scores = score(found.model, preparation, *(parts.test or parts.train), metrics=options.metrics)
    if options.output is not None:
        model_file.save(options.output, found.model, preparation, split, recipe.class_weight)
    _write_table(options.table, found)
    _tell(options, parts, found, scores, seconds)
    return DONE


def _let_decide(model: Sequential, score: str) -> None:
    """Let the network work the score out, too; of numbers as they are prepared, which orders them alike."""
    if score in METRICS and score not in model.scorers and inner(METRICS[score]) is not METRICS["mape"]:
        with blamed_on_the_user("--score"):
            check_metrics([score], classes="accuracy" in model.scorers)
            model.compile(model.optimizer, metrics=[*model.metrics, score])


def _check(space: Mapping[str, Any], model: Sequential, parts: Parts, options: argparse.Namespace) -> None:
    """Say what `search` would say of its arguments by the names of options."""
    ranges = [name for name, values in space.items() if isinstance(values, Between)]
    if ranges and options.trials is None:
        raise UsageError(f"--space {ranges[0]}=LOW..HIGH is a range: say how many to draw from it, as in --trials 20")
    if options.score not in (known := ["loss", *model.scorers]):
        raise UsageError(f"--score {options.score}: this network has {' and '.join(known)} alone")
    if options.halving is not None and "epochs" in space:
        raise UsageError("--halving says when networks end: leave 'epochs' out of --space")
    if options.folds is not None:
        check_folds(parts.train, options.folds)


def _search(
    model: Sequential, space: Mapping[str, Any], rows: tuple[Any, Any], recipe: Recipe, options: argparse.Namespace
) -> SearchResult:
    return search(
        model,
        space,
        *rows,
        n=options.trials,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        halving=options.halving,
        score=options.score,
        folds=options.folds,
        seed=options.seed,
        class_weight=recipe.class_weight,
        verbose=False if options.quiet else "auto",
    )


def space_of(texts: list[str], model: Sequential) -> dict[str, Any]:
    """Return the space that the command line describes.

    Raises
    ------
    UsageError
        If a text is no name with values.

    Examples
    --------
    >>> space_of(["hidden.units=8,16", "optimizer.learning_rate=1e-3..0.1:log", "hidden.activation=relu,tanh"], None)
    {'hidden.units': [8, 16], 'optimizer.learning_rate': Between(low=0.001, high=0.1, log=True), \
'hidden.activation': ['relu', 'tanh']}
    """
    space: dict[str, Any] = {}
    for text in texts:
        name, sign, values = text.partition("=")
        if not sign or not values or not name.strip():
            raise UsageError(f"--space {text!r}: expected {NOTATION}")
        place, name = re.fullmatch(RANGE, values), name.strip()
        if name in space:
            raise UsageError(f"--space {name} is given twice: put all values into one, as in {name}=A,B,C")
        with blamed_on_the_user(f"--space {text!r}"):
            if name == "layers":
                space[name] = [_layers(sizes, model) for sizes in values.split("/")]
            elif place is not None:
                space[name] = Between(_number(place["low"]), _number(place["high"]), log=place["log"] is not None)
            else:
                space[name] = [_value(value.strip()) for value in values.split(",")]
    return space


def _layers(sizes: str, model: Sequential) -> list[Any]:
    """Return the layers of a network with hidden layers of these sizes, and the last layer of the model."""
    hidden = [] if sizes.strip() == "none" else sizes.split(",")
    first = model.layers[0]
    activation = first.activation if len(model.layers) > 1 and isinstance(first, Dense) else "relu"
    return [*(Dense(int(_number(size)), activation) for size in hidden), model.layers[-1]]


def _number(text: str) -> float | int:
    value: float | int | str = _value(text.strip())
    if isinstance(value, str):
        raise ValueError(f"expected a number, got {checks.shown(text)}")
    return value


def _value(text: str) -> Any:
    """Return a number where the text is one."""
    for kind in (int, float):
        try:
            return kind(text) if text.isascii() and "_" not in text else text
        except ValueError:
            continue
    return text


def _tell(
    options: argparse.Namespace, parts: Parts, found: SearchResult, scores: dict[str, float], seconds: float
) -> None:
    part, rows = ("train", parts.train) if parts.test is None else ("test", parts.test)
    if options.json:
        facts = {"data": options.data, **_facts(found), "rows": rows.n_samples, part: scores}
        print_json({**facts, "seconds": seconds, "model": options.output})
    elif not options.quiet:
        saved = "not saved (to save: -o model.safetensors)" if options.output is None else f"saved to {options.output}"
        told = in_words({name: value for name, value in scores.items() if name != "loss"})
        tried = f"{len(found.candidates)} tried in {seconds:.2f} s"
        print_lines([*repr(found).splitlines(), f"{part} {told} of the best ({rows.n_samples} rows), {tried}; {saved}"])


def _tell_what_is_known(options: argparse.Namespace, found: SearchResult, interrupt: KeyboardInterrupt) -> int:
    """Show how far the candidates have come, and how they do; return the exit code."""
    how, code = signals.described(interrupt)
    _write_table(options.table, found)
    n = sum(bool(one.scores) for one in found.candidates)
    table = "" if options.table is None else f"; the table is in {options.table}"
    saved = (
        "" if options.output is None else f"; none of them has been trained on all rows, so none is in {options.output}"
    )
    say_on_stderr(f"{how}; {n} of {len(found.candidates)} networks scored as they were then{table}{saved}")
    if options.json:
        print_json({"data": options.data, **_facts(found), "interrupted": how})
    elif not options.quiet:
        print_lines(repr(found).splitlines())
    return code


def _write_table(path: str | None, found: SearchResult) -> None:
    if path is not None:
        with writing(path):
            found.to_csv(path)


def _facts(found: SearchResult) -> dict[str, Any]:
    table = {name: [_plain(value) for value in values] for name, values in found.table().items()}
    best = {name: _plain(value) for name, value in found.best.parameters.items()}
    return {"candidates": table, "best": best, "score": found.score}


def _plain(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) or value is None else repr(value)
