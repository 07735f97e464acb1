"""Train jobs in other processes, by whatever is a ``concurrent.futures.Executor``.

What is sent is a chunk of some jobs, and what comes back are the models: a chunk is a pure function of models, seeds
and data, so it may be done again, by whomever, if a worker was lost. Nothing of that is an engine of nncore's own.
"""

from __future__ import annotations

import copy
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from nncore import engine
from nncore.base import checks
from nncore.base.tables import column_names
from nncore.engine import sharing
from nncore.history import History
from nncore.many import parcels, pool
from nncore.many.arguments import checked_jobs
from nncore.many.job import Job
from nncore.many.parcels import Parcel
from nncore.many.progress import Progress
from nncore.model import Sequential

SECONDS = 1.0  # of work in a chunk, at least: other overheads are some milliseconds
OPERATIONS = 3e10  # in a second, by one thread
MOST_PENDING = 256  # chunks, of which each holds copies of its models
REMAKE = "give a function that makes executors, as in executor=lambda: ProcessPoolExecutor(4), for a new one to go on"
TRIES = 3  # of a chunk, where it is lost for reasons unknown
SEND = "metrics and callbacks of one's own must be functions or classes of a module that workers can import"
Make = Callable[[], Executor]


class Ended(NamedTuple):
    """One network that came back.

    Attributes
    ----------
    model : Sequential
    history : History
        Of this training.
    error : BaseException or None
    callbacks : object
        With what they have seen.
    """

    model: Sequential
    history: History
    error: BaseException | None
    callbacks: Any


def train_chunk(parcel: Parcel, models: Sequence[Sequential], options: dict[str, Any]) -> list[Ended] | None:
    """Train some models on the data of a parcel, in whatever process this is; None if the data are not to be seen.

    It uses one thread, or what `NNCORE_NUM_THREADS` says. `options` are those of `checked_jobs`.
    """
    try:
        data = _data(parcel)
    except FileNotFoundError:
        return None
    told, who = bool(os.environ.get("NNCORE_NUM_THREADS")), object()
    jobs = checked_jobs(models, **{"sample_weight": data["weight"], **options}, **data["arrays"])
    try:
        sharing.share(who, 0 if told else engine.get_num_threads())
        pool.run(jobs, Progress(False, []), engine.get_num_threads() if told else 1)
    finally:
        sharing.end(who)
    return [Ended(job.model, job.history, _sendable(job.error), job.callbacks) for job in jobs]


_opened: dict[str, Any] = {}  # the data of the latest parcel, by its key


def _data(parcel: Parcel) -> Any:
    found = _opened.get(parcel.key)
    if found is None:
        found = parcels.opened(parcel)
        _opened.clear()
        _opened[parcel.key] = found
    return found


def _sendable(error: BaseException | None) -> BaseException | None:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def run_remotely(jobs: Sequence[Job], progress: Progress, executor: Executor | Make) -> None:
    """Train all jobs in the workers of an executor, or of those that a function makes, one after another dies.

    Raises
    ------
    BrokenExecutor
        If a worker died and took its executor with it. Networks that have come back are trained, the others as before.
    TypeError
        If a model or a callback cannot be sent.
    """
    if not isinstance(executor, Executor) and not callable(executor) and not hasattr(executor, "submit"):
        what = "an executor such as concurrent.futures.ProcessPoolExecutor(), or a function that makes one"
        raise TypeError(f"executor must be {what}, got {checks.described(executor)}")
    with ExitStack() as held:
        for job in jobs:
            held.enter_context(job.state.turn.training())
        data = _common(jobs)
        parcel = parcels.packed(data)
        held.callback(parcels.thrown_away, parcel)
        errand = _Errand(jobs, progress, data, parcel)
        if hasattr(executor, "submit"):
            errand.run(executor)
            return
        for _ in range(TRIES):
            with executor() as made:
                try:
                    errand.run(made)
                    return
                except BrokenExecutor as error:
                    broken = error
        raise broken


def _common(jobs: Sequence[Job]) -> dict[str, Any]:
    """Return what all workers read: X as the engine wants it, if it is the same for all, and a table as it is."""
    table = jobs[0].table
    y = np.ascontiguousarray(table.y) if type(table.y) is np.ndarray else table.y  # others are copied into pickles
    arrays = {"X": _features(jobs, table), "y": y, "validation_data": None}
    validated = next((job.validation for job in jobs if job.validation is not None), None)
    if validated is not None and validated is not table:
        weights = [weight for weight in validated.weights if weight is not None]
        arrays["validation_data"] = (_features(jobs, validated), validated.y, *weights)
    return {"arrays": arrays, "weight": table.weights[0] if len(table.weights) == 1 else None}


def _features(jobs: Sequence[Job], table: Any) -> Any:
    if column_names(table.X) is not None or len({job.state.dtype for job in jobs}) > 1:
        return table.X
    if isinstance(table.X, np.memmap) and table.X.dtype == jobs[0].state.dtype:
        return table.X
    return table.features(jobs[0].state)


class _Errand:
    """All chunks on their way."""

    def __init__(self, jobs: Sequence[Job], progress: Progress, data: dict[str, Any], parcel: Parcel) -> None:
        self._progress, self._data, self._parcel = progress, data, parcel
        self._n, self._left = len(jobs), {id(job): job for job in jobs}
        self._tries: dict[int, int] = {}

    def run(self, executor: Any) -> None:
        """Send what is left, until all has come back."""
        waiting, pending = deque(chunks(self._left.values())), dict[Future[Any], list[Job]]()
        try:
            while waiting or pending:
                while waiting and len(pending) < MOST_PENDING:
                    chunk = waiting.popleft()
                    pending[self._sent(executor, chunk)] = chunk
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    chunk = pending.pop(future)
                    if self._received(future, chunk):
                        waiting.append(chunk)
        except BaseException as error:
            for future, chunk in pending.items():
                if not future.cancel() and future.done() and future.exception() is None:
                    self._received(future, chunk)
            if isinstance(error, BrokenExecutor):
                raise type(error)(self._told()) from error
            raise

    def _told(self) -> str:
        """Return what to say where a worker died and the executor with it."""
        left = [f"models[{job.index}]" for job in self._left.values()]
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        what = f"a worker died, and its executor with it: {self._n - len(left)} of {self._n} networks came back trained"
        return f"{what}; {shown} are as before. Train them anew, or {REMAKE}"

    def _sent(self, executor: Any, chunk: list[Job]) -> Future[Any]:
        copies = [copy.deepcopy(job.model) for job in chunk]  # here: others may not look at a model that is trained
        future: Future[Any] = executor.submit(train_chunk, self._parcel, copies, _options(chunk))
        return future

    def _received(self, future: Future[Any], chunk: list[Job]) -> bool:
        """Take what has come back; return whether it is to be sent again."""
        try:
            ended = future.result()
        except BrokenExecutor:
            raise
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            names = ", ".join(f"models[{job.index}]" for job in chunk[:3])
            raise TypeError(f"{names}: cannot be sent to another process: {error}; {SEND}") from error
        except Exception:
            tries = self._tries[id(chunk)] = self._tries.get(id(chunk), 0) + 1
            if tries >= TRIES:
                raise
            return True
        if ended is None:  # a machine that does not see the file
            self._parcel = parcels.whole(self._data, self._parcel)
            return True
        for job, one in zip(chunk, ended, strict=True):
            taken(job, one)
            self._left.pop(id(job), None)
            self._progress.ended(job.index, job.history, job.error, job.work)
        return False


def chunks(jobs: Iterable[Job]) -> list[list[Job]]:
    """Return the jobs in chunks of `SECONDS` of work or more, but for the last, those first that take longest."""
    found: list[list[Job]] = []
    seconds = SECONDS
    for unit in pool.units(jobs):
        if seconds >= SECONDS:
            found.append([])
            seconds = 0.0
        found[-1].extend(unit)
        seconds += sum(job.work for job in unit) / OPERATIONS
    return found


def _options(chunk: Sequence[Job]) -> dict[str, Any]:
    """Return the arguments of `checked_jobs` that are the chunk's own."""
    first, table = chunk[0], chunk[0].table
    options = {
        "rows": [job.rows for job in chunk],
        "epochs": [job.epochs for job in chunk],
        "batch_size": [job.batch_size for job in chunk],
        "callbacks": [job.callbacks for job in chunk],
        "shuffle": first.shuffle,
        "class_weight": first.class_weight,
        "solver": first.solver,
        "validation_rows": None,
    }
    if any(job.validation is table for job in chunk):
        options["validation_rows"] = [job.validation_rows if job.validation else None for job in chunk]
    if len(table.weights) > 1:
        options["sample_weight"] = [table.weights[job.index] for job in chunk]
    return options


def taken(job: Job, ended: Ended) -> None:
    """Put into the caller's model what came back, as if it had been trained here."""
    state, new = job.state, ended.model._state
    network = new.network
    with state.turn.using():
        if network is not None and state.network is None:
            network.turn = state.turn
            state.network = network
        elif network is not None and state.network is not None:
            parameters, statistics, slots, iterations = network.state()
            state.network.optimizer = new.optimizer
            state.network.set_weights(parameters, statistics)
            state.network.set_optimizer_state(slots, iterations)
        state.optimizer, state.epoch, state.metadata = new.optimizer, new.epoch, new.metadata
        if len(ended.history):
            state.feature_names, state.output_names = job.names
        vars(state.history).update(vars(new.history))
    vars(job.history).update(vars(ended.history))
    job.error = ended.error
    job.model.__dict__.update({name: value for name, value in vars(ended.model).items() if name != "_state"})
    for mine, theirs in zip(_listed(job.callbacks), _listed(ended.callbacks), strict=True):
        if hasattr(mine, "__dict__") and not callable(mine):
            vars(mine).update(vars(theirs))


def _listed(callbacks: Any) -> list[Any]:
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
