"""What leaves the builder: the script that repeats the run, the model file, the curves, a drawing, a link."""

from __future__ import annotations

import base64
import importlib.util
import io
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from nncore.builder import links, reopening
from nncore.builder.refusal import Refusal
from nncore.builder.run import Run, Step
from nncore.builder.setup import metrics_for
from nncore.builder.sources import AS_A_RULE, CSV, FILE, MNIST, SELECTION, Source
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.notes import Split, written
from nncore.datasets.tables import is_npz
from nncore.history import files
from nncore.initializers import KINDS
from nncore.layers import LAYERS
from nncore.losses import LOSSES
from nncore.model import checkpoint, snapshot
from nncore.optimizers import OPTIMIZERS
from nncore.schedules import SCHEDULES
from nncore.version import __version__

PUBLIC = (
    *LAYERS,
    *dict.fromkeys(cls.__name__ for cls in LOSSES.values()),
    *(cls.__name__ for cls in OPTIMIZERS.values()),
    *SCHEDULES,
    *KINDS,
)
"""Names that a script may need from nncore."""


GAP = 10.0  # between two captions of the drawing, in its pixels
WIDEST = 80.0  # inches of a drawing

# ---- files


def model_file(run: Run, path: str | None = None) -> bytes:
    """Return a model file; it has what ``nncore predict``, ``nncore evaluate --held-out`` and the builder need."""
    prepared, setup = run.prepared, run.setup
    data = reopening.data_named(setup, path)
    split = Split(data, len(prepared.X), setup.validation_split, setup.split_seed, prepared.stratified)
    notes = written(prepared.preparation, split) | reopening.written(setup)
    names = prepared.preparation.schema.feature_names
    return checkpoint.encode(replace(snapshot(run.model, notes), feature_names=names))


def drawing(run: Run) -> str:
    """Return the network as nodes and edges, drawn by matplotlib.

    Raises
    ------
    Refusal
        If matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise Refusal("the drawing needs matplotlib; install it with: pip install matplotlib", "kind")
    from matplotlib.figure import Figure

    from nncore.plots import network_diagram

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    network_diagram(run.current, ax=axes)
    figure.set_figwidth(min(WIDEST, 9 * max(1.0, _too_narrow(figure, axes))))
    text = io.StringIO()
    figure.savefig(text, format="svg")
    return text.getvalue()


def _too_narrow(figure: Any, axes: Any) -> float:
    """Return how many times as wide a drawing must be, so that the captions below its columns lie side by side."""
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_va() == "top"]
    boxes.sort(key=lambda box: float(box.x0 + box.x1))
    needed = [
        (before.width + after.width + 2 * GAP) / max(1.0, after.x0 + after.x1 - before.x0 - before.x1)
        for before, after in itertools.pairwise(boxes)
    ]
    return max(needed, default=1.0)


# ---- the script


def script(run: Run, path: str | None = None) -> str:
    """Return Python that repeats the run, and checks at its end that it did, to the last bit."""
    body = [
        *_model(run),
        "",
        *_data(run, path),
        "",
        *(line for step in run.journal for line in _step(run, step)),
        *_checks(run),
    ]
    used = sorted(
        {name for name in ("Sequential", "load", *PUBLIC) if any(re.search(rf"\b{name}\(", line) for line in body)}
    )
    imports = ["import dataclasses", ""] if "features" in run.origin.source.options else []
    head = [*_about(run, path), *imports]
    return "\n".join(
        [*head, "import numpy as np", "", f"from nncore import {', '.join(used)}, datasets", "", *body, ""]
    )


def _about(run: Run, path: str | None) -> Iterator[str]:
    """Yield what the script does, and which files it looks for."""
    yield f'"""Made by the builder of nncore {__version__}: repeats the run, bit for bit."""'
    yield ""
    read = [] if run.loaded is None else [run.loaded.path]
    if run.origin.source.name in (CSV, FILE):
        read.append(_table(run.origin.source, path))
    yield from (f"# It reads {name!a}: run it where that is." for name in read)


def _data(run: Run, path: str | None) -> Iterator[str]:
    source, prepared = run.origin.source, run.prepared
    yield f"dataset = {_load(source, path)}"
    if "features" in source.options:
        names = list(source.options["features"])
        yield f"names = {names!r}"
        yield "columns = [dataset.feature_names.index(name) for name in names]"
        schema = "None" if prepared.dataset.schema is None else "dataset.schema.choose(names)"
        chosen = f"X=dataset.X[:, columns], feature_names=tuple(names), schema={schema}"
        yield f"dataset = dataclasses.replace(dataset, {chosen})"
    yield "train = np.arange(len(dataset))"
    if len(prepared.held_out):
        how = f"test_size={run.origin.validation_split!r}, seed={run.origin.split_seed}"
        stratify = ", stratify=dataset.y" if prepared.stratified else ""
        yield f"train, held_out = datasets.train_test_split(train, {how}{stratify})"
    standardize = "" if prepared.preparation.inputs is not None else ", standardize=False"
    if prepared.noted:
        yield 'preparation = datasets.Preparation.from_json(model.metadata["preparation"])'
    else:
        yield f"preparation = datasets.Preparation.fit(dataset.rows(train){standardize})"
    yield "X, y = preparation.prepare_inputs(dataset.X), preparation.prepare_target(dataset.y)"


def _load(source: Source, path: str | None) -> str:
    options = {key: value for key, value in source.options.items() if key not in (*SELECTION, "file")}
    arguments = [f"{key}={value!r}" for key, value in options.items()]
    if source.name == MNIST:
        return f"datasets.load_mnist({'' if path is None else repr(path)}).train"
    if source.name in BUNDLED:
        return f"datasets.load_{source.name}()"
    if source.name in (CSV, FILE):
        name = _table(source, path)
        reader = "read_npz" if is_npz(name) else "read_csv"
        usual = [] if is_npz(name) else [f"{key}={value!r}" for key, value in AS_A_RULE.items() if key not in options]
        return f"datasets.{reader}({', '.join([repr(name), *arguments, *usual])})"
    return f"datasets.make_{source.name}({', '.join(arguments)})"


def _table(source: Source, path: str | None) -> str:
    return str(path) if source.name == FILE else Path(str(source.options.get("file", "data.csv"))).name


def _model(run: Run) -> Iterator[str]:
    origin = run.origin
    compiled = _compiled(origin.optimizer, origin.loss, metrics_for(origin, run.prepared.dataset))
    if run.loaded is not None:
        begun = run.loaded.snapshot.epoch
        yield f"model = load({run.loaded.path!r})"
        yield f'assert model.epoch == {begun}, f"the run began with a model of {begun} epochs, not of {{model.epoch}}"'
        yield f"model.compile({compiled}, keep_state=True)"
        return
    yield "model = Sequential("
    yield "    ["
    yield from (f"        {layer!r}," for layer in origin.layers)
    yield "    ],"
    yield f"    seed={origin.seed},"
    if origin.dtype != "float32":
        yield f"    dtype={origin.dtype!r},"
    yield ")"
    yield f"model.compile({compiled})"


def _compiled(optimizer: Any, loss: Any, metrics: tuple[str, ...]) -> str:
    return ", ".join([repr(optimizer), *([f"loss={loss!r}"] if loss else []), f"metrics={list(metrics)!r}"])


def _step(run: Run, step: Step) -> Iterator[str]:
    if step.what == "fit":
        epochs, batch_size, class_weight = step.arguments
        validation = ["validation_data=(X[held_out], y[held_out])"] if len(run.prepared.held_out) else []
        weighted = [f"class_weight={class_weight!r}"] if class_weight else []
        how = ", ".join([f"epochs={epochs}", f"batch_size={batch_size}", *validation, *weighted])
        yield f"model.fit(X[train], y[train], {how})"
    elif step.what == "compile":
        yield f"model.compile({_compiled(*step.arguments)}, keep_state=True)"
    elif step.what == "optimizer":
        yield f"model.optimizer = {step.arguments[0]!r}"
    else:
        yield f"model.{step.what}({', '.join(map(repr, step.arguments))})"


def _checks(run: Run) -> Iterator[str]:
    history = run.model.history
    if not len(history):
        return
    yield ""
    yield 'print(f"epoch {model.epoch}: " + ", ".join(f"{k} {v:.4g}" for k, v in model.history.row(-1).items()))'
    for name in ("loss", "val_loss"):
        if name in history and name in history.row(-1):
            value = float(history[name][-1])
            yield f'assert model.history["{name}"][-1] == {value!r}, model.history["{name}"][-1]'


# ---- what there is


def _text(text: str, name: str, media_type: str) -> dict[str, Any]:
    return {"text": text, "name": name, "media_type": media_type}


def _model_file(run: Run, path: str | None) -> dict[str, Any]:
    content = base64.b64encode(model_file(run, path)).decode()
    name = f"model-{run.model.epoch}-epochs.safetensors"  # not that of the file that the run may have begun with
    return {"base64": content, "name": name, "media_type": "application/octet-stream"}


EXPORTS: dict[str, Callable[[Run, str | None], dict[str, Any]]] = {
    "script": lambda run, path: _text(script(run, path), "train.py", "text/x-python"),
    "model": _model_file,
    "csv": lambda run, path: _text(files.csv_text(run.model.history), "history.csv", "text/csv"),
    "svg": lambda run, path: _text(drawing(run), "network.svg", "image/svg+xml"),
    "link": lambda run, path: _text(f"#spec={links.write(run.setup)}", "link.txt", "text/plain"),
}
"""By kind: called with the run and the file or folder that the command line named."""


WHOLE = ("script", "model")
"""Kinds that are of whole epochs."""


def export(run: Run, kind: str, path: str | None) -> dict[str, Any]:
    """Return one of the exports: its text or base64, the name of the file and its media type."""
    if kind in WHOLE:
        run.check_whole(f"export the {kind}")
    return EXPORTS[kind](run, path)
