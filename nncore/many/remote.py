"""Train jobs in other processes, by whatever is a ``concurrent.futures.Executor``.

What is sent is a chunk of some jobs, and what comes back are the models: a chunk is a pure function of models, seeds
and data, so it may be done again, by whomever, if a worker was lost. Nothing of that is an engine of nncore's own.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from nncore.base import checks
from nncore.base.tables import column_names
from nncore.many import parcels, pool
from nncore.many.helper import LOOK
from nncore.many.job import Job
from nncore.many.parcels import Parcel
from nncore.many.progress import Progress
from nncore.many.travelling import Chunk, Sent, taken, train_chunk

SECONDS = 1.0  # of work in a chunk: other overheads are some milliseconds
SHARE, LEAST = 8, 0.1  # of what is left; and seconds in the last chunks, so that no worker is long alone with one
OPERATIONS = 3e10  # in a second, by one thread
MOST_PENDING = 256  # chunks, of which each holds copies of its models
REMAKE = "give a function that makes executors, as in executor=lambda: ProcessPoolExecutor(4), for a new one to go on"
TRIES = 3  # of a chunk, where it is lost for reasons unknown; of executors, none of which brought anything back
SEND = "metrics and callbacks of one's own must be functions or classes of a module that workers can import"
WANTED = "an executor such as concurrent.futures.ProcessPoolExecutor(), or a function that makes one"
Make = Callable[[], Executor]


def run_remotely(jobs: Sequence[Job], progress: Progress, executor: Executor | Make) -> None:
    """Train all jobs in the workers of an executor, or of those that a function makes, one after another dies.

    Raises
    ------
    BrokenExecutor
        If a worker died and took its executor with it. Networks that have come back are trained, the others as before.
    TypeError
        If a model or a callback cannot be sent.
    """
    made, make = _executors(executor)
    with ExitStack() as held:
        for job in jobs:
            held.enter_context(job.state.turn.training())
            job.check_same()
        data = _common(jobs)
        parcel = parcels.packed(data)
        held.callback(parcels.thrown_away, parcel)
        errand = _Errand(jobs, progress, data, parcel)
        if make is None:
            errand.run(made)
            return
        tries, left = 0, len(jobs)
        while left:
            with _made(make) as made:
                try:
                    errand.run(made)
                except BrokenExecutor:
                    tries = tries + 1 if errand.n_left == left else 1
                    if tries >= TRIES:
                        raise
                left = errand.n_left


def _executors(given: Any) -> tuple[Any, Make | None]:
    """Return an executor, or what makes them; of a client of Dask its executor.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if hasattr(given, "get_executor"):
        return given.get_executor(), None
    if hasattr(given, "submit") and not isinstance(given, type):
        return given, None
    if callable(given):
        return None, given
    raise TypeError(f"executor must be {WANTED}, got {checks.described(given)}")


@contextmanager
def _made(make: Make) -> Iterator[Any]:
    """Make an executor and end it: where it is Ctrl-C that ends all, at once, as nobody else has any work there."""
    made = make()
    if not hasattr(made, "submit"):
        raise TypeError(f"executor must be {WANTED}; the function returned {checks.described(made)}")
    with ExitStack() as held:
        executor = held.enter_context(made)
        try:
            yield executor
        except Exception:
            raise
        except BaseException:
            held.pop_all()  # which would wait
            _end_now(executor)
            raise


def _end_now(executor: Any) -> None:
    """End an executor without waiting for its workers: processes are killed, threads end with their chunk."""
    if hasattr(executor, "kill_workers"):  # of ProcessPoolExecutor, from Python 3.14 on
        executor.kill_workers()
        return
    workers = [*(getattr(executor, "_processes", None) or {}).values()]  # which `shutdown` forgets
    try:
        executor.shutdown(wait=False, cancel_futures=True)
    except TypeError:  # it knows of no such thing
        executor.shutdown(wait=False)
    for worker in workers:
        worker.kill()


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
        self._progress, self._data = progress, data
        self._parcel: Any = parcel  # or what stands for it where the executor has brought it to all workers
        self._travels = False  # whether the data do, as some worker has not seen the file
        self._n, self._left = len(jobs), {id(job): job for job in jobs}
        self._tries: dict[int, int] = {}

    @property
    def n_left(self) -> int:
        """How many have not come back."""
        return len(self._left)

    def run(self, executor: Any) -> None:
        """Send what is left, until all has come back."""
        waiting, pending = deque(chunks(self._left.values())), dict[Future[Any], list[Job]]()
        try:
            while waiting or pending:
                while waiting and len(pending) < MOST_PENDING:
                    chunk = waiting.popleft()
                    pending[self._sent(executor, chunk)] = chunk
                # not without end: a signal that strikes just before it would be heard after it alone
                for future in wait(pending, LOOK, FIRST_COMPLETED).done:
                    chunk = pending.pop(future)
                    if self._received(executor, future, chunk):
                        waiting.append(chunk)
        except BaseException as error:
            for future, chunk in pending.items():
                if not future.cancel() and future.done() and future.exception() is None:
                    self._received(executor, future, chunk)
            if isinstance(error, BrokenExecutor):
                raise type(error)(self._told()) from error
            raise

    def _told(self) -> str:
        """Return what to say where a worker died and the executor with it."""
        left = [f"models[{job.index}]" for job in self._left.values()]
        shown = ", ".join(left[:5]) + (f" and {len(left) - 5} more" if len(left) > 5 else "")
        what = f"a worker died, and its executor with it: {self._n - len(left)} of {self._n} networks came back trained"
        return f"{what}; {shown} are as before. Train them anew, or {REMAKE}"

    def _carry(self, executor: Any) -> None:
        """Let the data travel: to every worker once where the executor can do that, as Dask's, else with each chunk."""
        if self._travels:
            return
        self._travels, self._parcel = True, parcels.whole(self._data, self._parcel)
        scatter = getattr(getattr(executor, "_client", None), "scatter", None)
        if scatter is not None:
            self._parcel = scatter(self._parcel, broadcast=True, hash=False)

    def _sent(self, executor: Any, chunk: list[Job]) -> Future[Any]:
        models = [Sent(type(job.model), job.model.__getstate__()) for job in chunk]
        future: Future[Any] = executor.submit(train_chunk, self._parcel, Chunk(models, _options(chunk)))
        return future

    def _received(self, executor: Any, future: Future[Any], chunk: list[Job]) -> bool:
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
            self._carry(executor)
            return True
        for job, one in zip(chunk, ended, strict=True):
            taken(job, one)
            self._left.pop(id(job), None)
            self._progress.ended(job.index, job.history, job.error, job.work)
        return False


def chunks(jobs: Iterable[Job]) -> list[list[Job]]:
    """Return the jobs in chunks of `SECONDS` of work or more, those first that take longest, and smaller ones last."""
    units = [(unit, sum(job.work for job in unit) / OPERATIONS) for unit in pool.units(jobs)]
    left = sum(seconds for _, seconds in units)
    found: list[list[Job]] = []
    wanted = 0.0
    for unit, seconds in units:
        if wanted <= 0:
            found.append([])
            wanted = min(SECONDS, max(LEAST, left / SHARE))
        found[-1].extend(unit)
        wanted, left = wanted - seconds, left - seconds
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
