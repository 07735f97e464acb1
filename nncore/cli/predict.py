"""``nncore predict`` and ``nncore evaluate``: a saved model on other data."""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from nncore.base import atomic
from nncore.base.source import Source
from nncore.base.spreadsheets import inert
from nncore.cli import model_file
from nncore.cli.errors import DONE, UsageError, blamed_on_the_user
from nncore.cli.output import check_output, print_json, print_lines, table, writing
from nncore.cli.scoring import balance_facts, balance_lines, guesses, in_words, prepare, score_and_balance
from nncore.cli.sources import input_files, load_column, load_for_model, no_target
from nncore.cli.stdin import stdin_as_file
from nncore.datasets import Preparation
from nncore.datasets.notes import Split
from nncore.metrics import confusion_matrix
from nncore.model import Sequential

if TYPE_CHECKING:
    from nncore.many import Ensemble

MAX_PRINTED_CLASSES = 20


def run_predict(options: argparse.Namespace) -> int:
    """Carry ``nncore predict`` out; return the exit code."""
    check_output(options.output, force=options.force, inputs=input_files(options.model, options.data), device=True)
    model, preparation, _ = model_file.load(options.model)
    if options.proba and preparation.schema.classes is None:
        raise UsageError(f"--proba needs classes, and {options.model} predicts a number; leave it out")
    with stdin_as_file(options) as read:
        X, _ = load_for_model(read, preparation, model.metadata, target=False)
        ids = None if options.id is None else load_column(read, options.id, preparation.schema)
    output, complete = _predict(model, preparation, X)
    if not complete.all():
        _say_incomplete(getattr(read, "shown", options.data), preparation, X, complete)
    if options.json:
        found = _predictions(preparation, output, complete)
        named = {} if ids is None else {"ids": ids}
        print_json({"model": options.model, "data": options.data, "rows": len(X), **named, **found})
    if options.output is not None or not options.json:
        rows = _csv_rows(preparation, output, complete, options.proba)
        if ids is not None:
            rows = ((one, *row) for one, row in zip([options.id, *ids], rows, strict=True))
        _write_csv(options.output, rows)
    return DONE


def _say_incomplete(data: str, preparation: Preparation, X: np.ndarray, complete: np.ndarray) -> None:
    """Say on stderr which rows get no prediction, and why; if none gets one, refuse."""
    first, name = preparation.first_lack(preparation.fill(X))  # what it fills is not wanted
    lacks = f"row {first + 1} lacks {name!r}"
    n = int(np.count_nonzero(~complete))
    if n == len(X):
        raise UsageError(f"{data}: no row is complete ({lacks}); a prediction needs every input: fill them in")
    have = "have" if n > 1 else "has"
    print(f"nncore: {data}: {n} of {len(X)} rows {have} no prediction, for want of inputs ({lacks})", file=sys.stderr)


def run_evaluate(options: argparse.Namespace) -> int:
    """Carry ``nncore evaluate`` out; return the exit code."""
    model, preparation, split = model_file.load(options.model)
    with stdin_as_file(options) as read:
        X, y = load_for_model(read, preparation, model.metadata)
    if y is None:
        raise no_target(options.data, preparation.schema)
    if options.held_out:
        X, y = _held_out(X, y, split, options)
    elif options.data == split.data and split.test:
        print(
            f"nncore: {options.data} holds the rows that the model was trained on; --held-out leaves them out",
            file=sys.stderr,
        )
    with blamed_on_the_user():
        scores, found = score_and_balance(model, preparation, X, y, metrics=options.metrics or _scored(model))
        classes = preparation.schema.classes
        matrix = None if classes is None else confusion_matrix(y, _predict(model, preparation, X)[0], len(classes))
    if options.json:
        result = {"model": options.model, "data": options.data, "rows": len(X), **scores, **balance_facts(found)}
        print_json(result if matrix is None else {**result, "classes": classes, "confusion_matrix": matrix})
    else:
        counted = f"{len(X)} row{'s' if len(X) != 1 else ''}"
        print_lines(
            [
                f"{in_words(scores)} ({counted})",
                *balance_lines(found, weighted=model_file.WEIGHTED in model.metadata),
                *_matrix_lines(matrix, classes),
            ]
        )
    return DONE


def _scored(model: Sequential | Ensemble) -> tuple[str, ...]:
    """Return what the model was scored by in training, beside what `score_and_balance` always tells."""
    first = model if isinstance(model, Sequential) else model.models[0]
    return tuple(name for name in first.metrics if isinstance(name, str) and name != "accuracy")


def _held_out(X: np.ndarray, y: np.ndarray, split: Split, options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    if not split.test:
        raise UsageError(f"{options.model} was trained without holding out rows of its data; leave out --held-out")
    if len(y) != split.n_samples:
        raise UsageError(
            f"{options.data} has another number of rows ({len(y)}) than {split.data} had in training "
            f"({split.n_samples}); --held-out needs the same data"
        )
    with blamed_on_the_user(options.data):
        rows = split.rows(y)[1]
    if not isinstance(X, Source):
        return X[rows], y[rows]
    if not split.last:
        raise UsageError(f"{options.model} held out rows from all over its data: leave out --stream, or --held-out")
    held: Any = X
    return held.cut(slice(len(y) - len(rows), len(y))), y[rows]


def _predict(model: Sequential | Ensemble, preparation: Preparation, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the output, and which rows are complete, so that they have one; that of the others is NaN.

    The output is probabilities (n_samples, n_classes), or values (n_samples,) in the target's own units.
    """
    with blamed_on_the_user():
        inputs = prepare(preparation, X)
        streams = isinstance(inputs, Source)  # which has no gaps
        complete = np.ones(len(X), bool) if streams else ~np.isnan(inputs).any(axis=1)
        if not complete.any():
            return np.empty(len(X)), complete
        if preparation.schema.classes is not None:
            found = model.predict_proba(inputs if streams else inputs[complete])
        else:
            found = preparation.restore_target(guesses(model, inputs if streams else inputs[complete]))
    output = np.full((len(X), *found.shape[1:]), np.nan, found.dtype)
    output[complete] = found
    return output, complete


def _predictions(preparation: Preparation, output: np.ndarray, complete: np.ndarray) -> dict[str, Any]:
    classes = preparation.schema.classes
    incomplete = {} if complete.all() else {"incomplete": np.flatnonzero(~complete)}
    if classes is None:
        return {"predictions": output, **incomplete}
    best = zip(output.argmax(axis=1), complete, strict=True)
    predictions = [classes[k] if is_complete else None for k, is_complete in best]
    return {"classes": classes, "predictions": predictions, "probabilities": output, **incomplete}


def _csv_rows(
    preparation: Preparation, output: np.ndarray, complete: np.ndarray, proba: bool
) -> Iterator[Sequence[str]]:
    """Yield the names of the columns, then a row for each prediction; all fields of an incomplete row are empty."""
    classes = preparation.schema.classes
    if classes is None:
        yield ("prediction",)
        # str() is the shortest text that reads back as the same value
        yield from ((str(value) if is_complete else "",) for value, is_complete in zip(output, complete, strict=True))
        return
    yield ("prediction", *classes) if proba else ("prediction", "probability")
    for row, k, is_complete in zip(output, output.argmax(axis=1), complete, strict=True):
        probabilities = row if proba else row[[k]]
        yield (classes[k], *map(str, probabilities)) if is_complete else ("",) * (1 + len(probabilities))


def _write_csv(path: str | None, rows: Iterable[Sequence[str]]) -> None:
    with writing(path):
        if path is None:
            _write_rows(sys.stdout, rows)
        elif os.path.exists(path) and not os.path.isfile(path):  # a device or a pipe, which cannot be replaced
            with open(path, "w", newline="", encoding="utf-8") as file:
                _write_rows(file, rows)
        else:
            text = io.StringIO(newline="")
            _write_rows(text, rows)
            atomic.write(path, text.getvalue().encode())


def _write_rows(file: TextIO, rows: Iterable[Sequence[str]]) -> None:
    csv.writer(file, lineterminator="\n").writerows(map(inert, row) for row in rows)
    file.flush()


def _matrix_lines(matrix: np.ndarray | None, classes: tuple[str, ...] | None) -> list[str]:
    if matrix is None or classes is None or len(classes) > MAX_PRINTED_CLASSES:
        return []
    header = ("true \\ predicted", *classes)
    return ["", *table([header, *((name, *map(str, row)) for name, row in zip(classes, matrix, strict=True))])]
