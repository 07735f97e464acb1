"""Train jobs beside each other in this process: a unit of them per thread of Python, the longest ones first.

The engine computes without the GIL, so a thread of Python per processor, each with a plan of one thread, keeps them all
busy, and no unit waits for another at any barrier. The thread that calls is one of them: it hears of signals. A unit is
one network, or small ones of one shape in lanes: then each has a thread of its own, of which one runs at a time, and
they meet in the engine (`nncore.network.meeting`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from nncore import engine
from nncore.engine import own_arithmetic, sharing
from nncore.many.helper import Helper, start, wait_for
from nncore.many.job import Job
from nncore.many.progress import Part, Progress
from nncore.network.meeting import Meeting

FORKED = "this process was forked while another thread trained the model, which is as after its last finished epoch"
Unit = list[Job]
"""What one thread takes at a time: one network, or small ones of one shape, which are trained in lanes."""

LANES_OF_UNIT = 4
"""How many networks for each lane a unit has at most: so many that the lanes are full for most of the time, and so few
that other threads get some."""


def units(jobs: Iterable[Job], n_threads: int = 1) -> list[Unit]:
    """Return the jobs as they are to be trained together, those first that take longest.

    Small networks of one shape share the vectors of a core, where that pays: what a unit is made of changes no bit of
    any of them. `train` is what carries one out.
    """
    alike: dict[Hashable, Unit] = {}
    found: list[Unit] = []
    for job in sorted(jobs, key=lambda job: -job.work):
        shape = job.lanes_shape
        if shape is None:
            found.append([job])
        else:
            alike.setdefault(shape, []).append(job)
    for group in alike.values():
        found += _divided(group, n_threads)
    return sorted(found, key=lambda unit: -sum(job.work for job in unit))


def _divided(group: Unit, n_threads: int) -> list[Unit]:
    """Return units of networks of one shape, all about as long and for every thread."""
    n_lanes = group[0].module.N_LANES
    n_units = max(min(n_threads, len(group) // n_lanes), -(-len(group) // (LANES_OF_UNIT * n_lanes)), 1)
    units = [group[k::n_units] for k in range(n_units)]
    if sum(job.saved_by_lanes(len(units[-1])) for job in group) > 0:
        return units
    return [[job] for job in group]


def train(unit: Unit, progress: Progress, watches: bool) -> None:
    """Train the networks of a unit; what ends one of them hurts no other.

    Raises
    ------
    BaseException
        What is to end all: Ctrl-C, a callback that exits.
    """
    for job in unit if len(unit) == 1 else _left_by_lanes(unit, progress):
        _train(job, progress, watches, None)


def _left_by_lanes(unit: Unit, progress: Progress) -> Unit:
    """Train them by as many threads as there are lanes, while this one waits for signals.

    Returns
    -------
    list of Job
        Those that are left because the system gave no thread, or this is a child process without them.
    """
    n = min(len(unit), unit[0].module.N_LANES)
    meeting = Meeting(n, lambda: progress.stopped is not None)
    waiting, helpers = deque(unit), list[Helper]()
    try:
        start(helpers, n, partial(_take_turns, waiting, progress, meeting), meeting.leave)
        wait_for(helpers, progress)
    except BaseException as error:  # a signal that struck around these
        progress.stopped = progress.stopped or error
        meeting.close()
        wait_for(helpers, progress)
    return list(waiting) if progress.stopped is None else []


@own_arithmetic
def _take_turns(waiting: deque[Job], progress: Progress, meeting: Meeting) -> None:
    """Train one network after the other, always together with those of other threads that do so."""
    try:
        with meeting.attended():
            while progress.stopped is None:
                try:
                    job = waiting.popleft()
                except IndexError:
                    return
                _train(job, progress, False, meeting)
    except BaseException as error:
        progress.stopped = progress.stopped or error


def _train(job: Job, progress: Progress, watches: bool, meeting: Meeting | None) -> None:
    part = Part(progress, job.work, job.epochs, watches or (progress.shown and meeting is None))
    try:
        with job.state.turn.training():
            fit = job.fit()
            fit.network.meeting = meeting
            try:
                fit.run(part)
            finally:
                fit.network.meeting = None
    except Exception as error:
        job.failed(error)
    except BaseException as error:
        job.failed(error)
        raise
    finally:
        job.ended = True
        progress.ended(job.index, job.history, job.error, part.rest(job.epochs))


def run(jobs: Iterable[Job], progress: Progress, most: int | None = None) -> None:
    """Train all of them, with as many threads of Python as the engine may use, or `most`.

    Raises
    ------
    BaseException
        What is to end all; then they have ended, each with its last finished epoch.
    """
    jobs = list(jobs)
    with _one_for_blas(jobs):
        _run(jobs, progress, most)
    if progress.stopped is not None:
        raise progress.stopped
    for job in jobs:
        if not job.ended:
            job.error = RuntimeError(FORKED)


def _one_for_blas(jobs: list[Job]) -> AbstractContextManager[object]:
    """Return what holds BLAS to one thread for each solver: the threads of Python are enough."""
    if all(job.solver is None for job in jobs):
        return nullcontext()
    from nncore.solvers import blas  # here, not at the top: few use solvers

    return blas.limited(1)


def _run(jobs: list[Job], progress: Progress, most: int | None) -> None:
    n_threads, helpers = most or engine.get_num_threads(), list[Helper]()
    waiting = deque(units(jobs, n_threads))
    n_threads = max(1, min(n_threads, len(waiting)))
    try:
        sharing.share(progress, n_threads)
        start(helpers, n_threads - 1, partial(_work, waiting, progress, True), partial(sharing.leave, progress))
        _work(waiting, progress, False)
        sharing.leave(progress)
        wait_for(helpers, progress)
    except BaseException as error:  # a signal that struck this thread between two networks
        progress.stopped = progress.stopped or error
        wait_for(helpers, progress)
    finally:
        sharing.end(progress)


@own_arithmetic
def _work(waiting: deque[Unit], progress: Progress, helps: bool) -> None:
    """Train one unit after the other, until there is none or all are to end.

    Where no signal arrives, in a thread that `helps`, each has to look for the word to end.
    """
    try:
        while progress.stopped is None:
            try:
                unit = waiting.popleft()
            except IndexError:
                return
            train(unit, progress, helps)
    except BaseException as error:
        progress.stopped = progress.stopped or error
    finally:
        if helps:
            sharing.leave(progress)
