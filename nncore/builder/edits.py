"""What changes a run: each edit makes a new set-up of the one before, and the step by which the model follows.

What one returns is told to the pages; all can be undone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nncore import optimizers
from nncore.builder import changes as changing
from nncore.builder import doctoring, links, presets, setup, sources, wording
from nncore.builder.refusal import Refusal, located
from nncore.builder.rules import HIGHEST_ID
from nncore.builder.run import Run, Step
from nncore.builder.session import Session
from nncore.builder.setup import Setup, metrics_for
from nncore.datasets import Dataset
from nncore.layers import Layer
from nncore.model.summary import remarks

FEWEST_ROWS_OF_A_CLASS = 4  # on average
COMPILED = ("loss", "metrics")
AFRESH = ("seed", "split_seed", "validation_split", "dtype")


def set_data(
    session: Session, name: str | None = None, options: Mapping[str, Any] | None = None, csv: str | None = None
) -> str:
    """Take other data, and begin anew; the end of the network is made to suit the target."""
    known = sources.CSV if csv is not None else (name or session.run.setup.source.name)
    source = sources.source(known, options or {})
    session.csv = session.csv if csv is None else csv
    before = session.run.setup
    wanted = replace(before, source=source, metrics=())
    notes: list[str] = []
    dataset = sources.load(source, session.csv, session.path, notes.append)
    wanted = replace(wanted, layers=setup.with_head(before.layers, dataset), loss=None)
    if dataset.target_names is None:
        wanted = replace(wanted, class_weight=None)
    session.begin(wanted, reload=True)
    left = dataset.description.partition("\n")[2]
    told = [*([left] if left else []), *_many_classes(dataset)]
    if wanted.layers != before.layers:
        told = [wording.suited(wanted.layers[-1], len(dataset.target_names or ())), *told]
    return "\n".join([*told, *notes])


def change_data(
    session: Session,
    name: str,
    changes: Mapping[str, Any] | None = None,
    readings: Mapping[str, str] | None = None,
) -> str:
    """Read the data in another way: options that change, and columns that are read otherwise."""
    now = session.run.setup.source
    if now.name != name:
        raise Refusal(f"the data are {now.name} by now, no longer {name}; look at them, and repeat what still fits")
    return set_data(session, name, changing.of_options(now.options, changes or {}, readings or {}))


def _many_classes(dataset: Dataset) -> list[str]:
    """Say so if the target looks like names or numbers of rows rather than classes to be learnt."""
    n, n_classes = len(dataset), len(dataset.target_names or ())
    if n_classes <= n / FEWEST_ROWS_OF_A_CLASS:
        return []
    return [f"the target has {n_classes:,} classes in {n:,} rows: is it a name or a number? Then choose another Target"]


def insert(session: Session, index: int, layer: dict[str, Any]) -> Any:
    """Put a layer in; the others keep what they have learnt, as far as it fits."""
    new, old = setup.read_layer(layer, "layer"), session.run.setup.layers
    _check_index("index", index, len(old) + 1)
    return _operate(session.run, [*old[:index], new, *old[index:]], Step("insert", (index, new)))


def remove(session: Session, index: int) -> Any:
    """Take a layer out."""
    old = session.run.setup.layers
    _check_index("index", index, len(old))
    return _operate(session.run, [*old[:index], *old[index + 1 :]], Step("remove", (index,)))


def move(session: Session, start: int, to: int) -> Any:
    """Take a layer out and put it in elsewhere."""
    moved = list(session.run.setup.layers)
    _check_index("from", start, len(moved))
    _check_index("to", to, len(moved))
    moved.insert(to, moved.pop(start))
    return _operate(session.run, moved, Step("move", (start, to)))


def update_layer(session: Session, index: int, layer: dict[str, Any]) -> Any:
    """Put another layer in the place of one."""
    old = session.run.setup.layers
    _check_index("index", index, len(old))
    new = setup.read_layer(layer, f"layers[{index}]")
    return _operate(session.run, [*old[:index], new, *old[index + 1 :]], Step("replace", (index, new)))


def together(session: Session, steps: Sequence[Callable[[Session], Any]]) -> Any:
    """Make several edits of the network as one; if one of them is refused, none is made. Return the last report."""
    return [step(session) for step in steps][-1]


def _check_index(where: str, index: int, n: int) -> None:
    if not 0 <= index < n:
        raise Refusal(f"{where} must be from 0 to {n - 1}, got {index}: the network has {n} places", where)


def _operate(run: Run, layers: list[Layer], step: Step) -> Any:
    return run.edit(replace(run.setup, layers=tuple(layers)), step)


def set_optimizer(session: Session, optimizer: dict[str, Any]) -> None:
    """Take another optimizer; its state goes on if it is of the same kind."""
    new = setup.read_optimizer(optimizer)
    session.run.edit(replace(session.run.setup, optimizer=new), Step("optimizer", (new,)))


def change_optimizer(session: Session, changes: dict[str, Any]) -> None:
    """Change fields of the optimizer, or its kind; all else stays as it is."""
    set_optimizer(session, changing.of_optimizer(optimizers.to_dict(session.run.setup.optimizer), changes))


def set_training(session: Session, **given: Any) -> str:
    """Change how to train. Another seed or dtype or other rows held out begin anew; all else goes on."""
    before = session.run.setup
    if given.get("loss") is not None:  # its fields alone, or another one as a whole
        given["loss"] = changing.merged(before.training(), {"loss": given["loss"]})["loss"]
    wanted = replace(before, **setup.read_training(given))
    if any(getattr(wanted, name) != getattr(before, name) for name in AFRESH):
        return _begin_anew(session, wanted)
    metrics = metrics_for(wanted, session.run.prepared.dataset)
    compiled = any(getattr(wanted, name) != getattr(before, name) for name in COMPILED)
    if compiled:
        session.run.edit(wanted, Step("compile", (wanted.optimizer, wanted.loss, metrics)))
    else:  # it shows in the next call of fit
        setup.check(wanted, session.run.prepared)
        session.run.leave_epoch()
        session.run.setup = wanted
        if not session.run.journal:
            session.run.origin = wanted
    return ""


def _begin_anew(session: Session, wanted: Setup) -> str:
    """Begin with another seed or dtype, or with other rows held out: these alone leave a model from a file as it is, if
    its layers are."""
    run = session.run
    if wanted.dtype != run.setup.dtype:
        session.begin(wanted, reload=True)
        program = session.run.model.program
        return "\n".join([f"training begins anew, in {wanted.dtype}", *remarks(program, program.precision)])
    if wanted.seed != run.setup.seed:
        session.begin(wanted, reload=True)
        return "training begins anew, with other first weights"
    if run.loaded is None or wanted.layers != run.origin.layers:
        session.begin(wanted, reload=True)
        return "training begins anew, with other rows held out"
    notes = run.loaded.snapshot.metadata
    session.run = Run(wanted, setup.prepared_for(wanted, session.csv, session.path, notes), run.loaded)
    return f"other rows are held out, some of which {run.loaded.path} was trained on; the model is as in that file"


def reset(session: Session) -> str:
    """Begin anew with the same first weights."""
    run = session.run
    if run.loaded is not None:
        session.playing, session.run = False, Run(run.origin, run.prepared, run.loaded)
        return f"the model is as in {run.loaded.path}"
    session.begin(run.setup)
    session.playing = False
    return "training begins anew, with the same first weights"


def new_seed(session: Session) -> str:
    """Begin anew with other first weights."""
    seed = (session.run.setup.seed + 1) % HIGHEST_ID
    session.begin(replace(session.run.setup, seed=seed))
    session.playing = False
    return f"training begins anew, with other first weights: the seed is {seed} now"


def open_link(session: Session, spec: str, csv: str | None = None) -> str:
    """Take the whole set-up of a link, with the table that it is for if the page has that, and begin anew."""
    wanted = links.read(spec)
    told = "" if csv is not None else _of_another_table(session, wanted.source)
    session.csv = session.csv if csv is None else csv
    session.begin(wanted, reload=True)
    session.playing = False
    return told


def _of_another_table(session: Session, source: sources.Source) -> str:
    """Say which table is read for a link, which only names its own."""
    name = str(source.options.get("file", "data.csv"))
    if source.name == sources.CSV:
        if session.csv is None:
            message = f"the set-up is for a table, {name}, which no link holds: load it here first, with Own CSV"
            raise Refusal(message, "data.csv")
        return f"{name} is the table that was loaded here last: the link only names it"
    if source.name == sources.FILE and session.path is not None and Path(session.path).name != name:
        return f"the set-up is for {name}; the data are those of {Path(session.path).name}, the file of this builder"
    return ""


def open_preset(session: Session, name: str) -> str:
    """Take the whole set-up of a starting point, and begin anew."""
    session.begin(located("name", presets.setup_of, name), reload=True)
    session.playing = False
    return presets.PRESETS[name].text


def apply_fix(session: Session, finding: str) -> Any:
    """Do what the doctor proposes."""
    fix = doctoring.fix_for(session.run, finding)
    run = session.run
    if fix.keeps_file and run.loaded is not None and fix.setup.layers == run.origin.layers:
        session.run = Run(fix.setup, run.prepared, run.loaded)  # anew means: as it came out of the file
    elif fix.afresh:
        session.begin(fix.setup, reload=fix.setup.source != run.setup.source)
    else:
        for wanted, step in fix.steps:
            session.run.edit(wanted, step)
        session.run.leave_epoch()  # a fix without steps, too, changes what the epoch's batches do
        session.run.setup = fix.setup
    return f"{finding.replace('_', ' ')}: {fix.text}"
