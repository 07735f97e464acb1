"""``nncore builder [MODEL]``: open the interactive builder in the browser."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nncore.base.reading import on_address
from nncore.cli import model_file, signals
from nncore.cli.errors import DONE, UsageError
from nncore.cli.output import print_lines
from nncore.cli.sources import TEXT_SUFFIXES, check_is_there
from nncore.datasets import Preparation
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.generators import GENERATORS
from nncore.datasets.notes import Split
from nncore.datasets.notes import read as read_notes
from nncore.datasets.schema import Schema
from nncore.losses import CustomLoss, Loss, SeveralLosses
from nncore.model import snapshot

if TYPE_CHECKING:
    from nncore.builder.server import Server
    from nncore.builder.session import Session
    from nncore.builder.setup import Setup
    from nncore.builder.sources import Source

TABLE_OPTIONS = ("target", "task", "categorical", "ignore", "drop_missing")


def run(options: argparse.Namespace) -> int:
    """Carry the command out; return the exit code."""
    from nncore.builder.server import require_extra  # here: the other commands do without the extra

    require_extra()
    server = _server(session_for(options), options.port)
    print_lines([f"builder at {server.address}", "Ctrl-C ends it"])
    try:
        with contextlib.ExitStack() as until_the_end:
            until_the_end.enter_context(signals.raised())  # so that the file for the browser goes, however it ends
            if not options.no_browser:
                import webbrowser  # here, not at the top, to keep the other commands quick

                webbrowser.open(until_the_end.enter_context(server.page_for_browser()))
            server.run()
    except signals.Terminated:
        raise
    except KeyboardInterrupt:  # the usual end
        pass
    return DONE


def _server(session: Session, port: int) -> Server:
    """Return a server with a port."""
    from nncore.builder.server import Server

    try:
        return Server(session, port)
    except OSError as error:
        what = f"cannot listen on port {port}: {error.strerror}"
        raise UsageError(f"{what}; leave --port out, and a free one is taken") from None


def session_for(options: argparse.Namespace) -> Session:
    """Return the session that the page begins with.

    Raises
    ------
    UsageError
        If the data or the model cannot be opened, or do not suit each other.
    """
    from nncore.builder import presets, setup, sources
    from nncore.builder.refusal import Refusal
    from nncore.builder.session import Session

    try:
        if options.model is not None:
            return _with_model(options)
        if options.data is None:
            return Session(presets.setup_of("xor"))
        source, path = _source(options.data, options)
        start = replace(presets.setup_of("spiral"), source=source)
        dataset = sources.load(source, path=path, say=lambda note: print(f"nncore: {note}", file=sys.stderr))
        return Session(replace(start, layers=setup.with_head(start.layers, dataset)), path=path)
    except Refusal as refusal:
        raise UsageError(str(refusal)) from None


def _check_loss(loss: Loss, path: str) -> None:
    if isinstance(loss, CustomLoss):
        raise UsageError(
            f"the loss of {path} is the function {loss.name!r}, and the builder trains by nncore's own; in Python, "
            "compile the model with one of these, and save it again"
        )
    if isinstance(loss, SeveralLosses):
        raise UsageError(
            f"{path} has several outputs with a loss each, and the builder trains networks with one loss; use it from "
            "Python: nncore.load(path).fit(X, [y, ...])"
        )


def _with_model(options: argparse.Namespace) -> Session:
    """Return a session that goes on with a model from a file."""
    from nncore.builder import reopening
    from nncore.builder.run import Loaded
    from nncore.builder.session import Session
    from nncore.builder.setup import Setup

    model = model_file.opened(options.model, f"data are named with --data: nncore builder --data {options.model}")
    _check_loss(model.loss, options.model)
    notes = read_notes(model.metadata)
    name = options.data or (notes[1].data if notes else None)
    if name is None:
        raise UsageError(f"{options.model} does not say what it was trained on; name the data with --data")
    if notes is not None:
        _check_columns(notes[0], options.model)
    source, path = _source(name, options)
    start = Setup(
        source,
        model.layers,
        model.optimizer,
        None if model.loss_is_inferred else model.loss,
        tuple(metric for metric in model.metrics if isinstance(metric, str)),
        seed=model.seed,
        dtype=model.dtype_policy,
    )
    if notes is not None:
        start = replace(start, validation_split=min(notes[1].test, 0.9), split_seed=notes[1].seed)
    if notes is not None and reopening.KEY not in model.metadata and options.data is None and _is_text(path):
        start = replace(start, source=replace(source, options={**_as_trained(notes[0].schema), **source.options}))
    start = _as_noted(start, model.metadata, options)
    session = Session(start, path=path, loaded=Loaded(options.model, snapshot(model, model.metadata)))
    for remark in _remarks(session, notes):
        print(f"nncore: {options.model}: {remark}", file=sys.stderr)
    return session


def _as_trained(schema: Schema) -> dict[str, Any]:
    """Return how ``nncore train`` read a table: rows with gaps that it kept are known by the columns that have some."""
    found: dict[str, Any] = {"target": schema.target}
    if not any(column.gaps for column in schema.columns):
        found["missing"] = "drop"
    if schema.marks.told:
        found["missing_values"] = list(schema.marks.told)
    return found


def _check_columns(preparation: Preparation, file: str) -> None:
    """Refuse a model of features that the builder does not make of a table, before these are said to be too few."""
    columns = preparation.schema.columns
    parts = next((column for column in columns if column.dates and column.dates.parts), None)
    if parts is not None:
        raise UsageError(
            f"{file} was trained on parts of the dates in column {parts.name!r}, which the builder does not make: go "
            "on with it in a script, or train one without --date-parts"
        )


def _remarks(session: Session, notes: tuple[Preparation, Split] | None) -> Iterator[str]:
    """Yield in what the data differ from those that the file speaks of."""
    prepared = session.run.prepared
    if notes is not None and not prepared.noted:
        name = prepared.dataset.name
        yield f"it was trained on other columns than {name} has, which are prepared as if new: its figures say little"
    elif notes is not None and notes[1].n_samples not in (len(prepared.X), 0):
        yield f"it was trained on {notes[1].n_samples:,} rows, and the data have {len(prepared.X):,}: they are others"


def _as_noted(start: Setup, metadata: Mapping[str, str], options: argparse.Namespace) -> Setup:
    """Return the set-up with what the builder has noted in the file: how the data were read, where the command line
    names the same data and no option, and how it was trained."""
    from nncore.builder import reopening, sources
    from nncore.builder.refusal import Refusal

    try:
        noted = reopening.read(metadata)
    except Refusal:
        if options.data is None:
            raise
        return start
    if noted is None:
        return start
    tables, given = (sources.CSV, sources.FILE), start.source
    if given.name != noted.source.name and not (given.name in tables and noted.source.name in tables):
        return start
    if not set(given.options) - {"file"}:
        given = sources.source(given.name, {**noted.source.options, **given.options})
    return replace(start, source=given, **noted.training)


def _source(name: str, options: argparse.Namespace) -> tuple[Source, str | None]:
    """Return what DATA stands for, and the file or folder if it is one."""
    from nncore.builder import sources

    given: dict[str, Any] = {key: getattr(options, key) for key in TABLE_OPTIONS if getattr(options, key)}
    if given.pop("drop_missing", False):
        given["missing"] = "drop"
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items()}
    kind, _, folder = name.partition(":")
    if kind == sources.MNIST:
        if folder and not Path(folder).is_dir():
            raise UsageError(f"{folder} is no folder; expected mnist:FOLDER with the four files of MNIST")
        return sources.source(sources.MNIST, given), folder or None
    if name in BUNDLED or name in GENERATORS:
        if given:
            option = next(iter(given)).replace("_", "-")
            raise UsageError(f"--{option} is for tables of one's own; {name} has a target of its own")
        return sources.source(name, given), None
    if not _is_text(name) and not name.lower().endswith(".npz"):
        raise UsageError(
            on_address(name) or f"no such data set or file: {name}; expected a bundled name, mnist:FOLDER, .csv or .npz"
        )
    check_is_there(name)
    return sources.source(sources.FILE, {**given, "file": Path(name).name}), name


def _is_text(name: str | None) -> bool:
    return str(name).lower().removesuffix(".gz").endswith(TEXT_SUFFIXES)
