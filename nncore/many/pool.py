"""Train jobs beside each other in this process: a network per thread of Python, the longest ones first.

The engine computes without the GIL, so a thread of Python per processor, each with a plan of one thread, keeps them all
busy, and no network waits for another at any barrier. The thread that calls is one of them: it hears of signals.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

from nncore import engine
from nncore.engine import own_arithmetic, sharing
from nncore.many.job import Job
from nncore.many.progress import Part, Progress

FORKED = "this process was forked while another thread trained the model, which is as after its last finished epoch"
Unit = list[Job]
"""What one thread takes at a time: networks that are trained together. So far each is alone."""


def units(jobs: Iterable[Job]) -> list[Unit]:
    """Return the jobs as they are to be trained together, those first that take longest.

    Small networks of one shape may share a unit once something can train them together: what a unit is made of changes
    no bit of any of them. `train` is what carries one out.
    """
    return [[job] for job in sorted(jobs, key=lambda job: -job.work)]


def train(unit: Unit, progress: Progress, watches: bool) -> None:
    """Train the networks of a unit; what ends one of them hurts no other.

    Raises
    ------
    BaseException
        What is to end all: Ctrl-C, a callback that exits.
    """
    for job in unit:
        part = Part(progress, job.work, job.epochs, watches)
        try:
            with job.state.turn.training():
                job.fit().run(part)
        except Exception as error:
            job.error = error
        except BaseException as error:
            job.error = error
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
    waiting, helpers = deque(units(jobs)), list[threading.Thread]()
    n_threads = max(1, min(most or engine.get_num_threads(), len(waiting)))
    try:
        sharing.share(progress, n_threads)
        _start(helpers, n_threads - 1, partial(_work, waiting, progress, True), progress)
        _work(waiting, progress, False)
        sharing.leave(progress)
        _join(helpers)
    except BaseException as error:  # a signal that struck this thread between two networks
        progress.stopped = progress.stopped or error
    finally:
        while any(helper.is_alive() for helper in helpers):
            try:
                _join(helpers)
            except BaseException as error:  # an impatient second Ctrl-C: they are about to end anyway
                progress.stopped = progress.stopped or error
        sharing.end(progress)


def _start(helpers: list[threading.Thread], n: int, work: Callable[[], None], progress: Progress) -> None:
    """Set `n` threads to work, or as many as the system gives, and put them among the `helpers`."""
    for _ in range(n):
        helper = threading.Thread(target=work, name="nncore.many", daemon=True)
        helpers.append(helper)  # first, for a signal that strikes now
        try:
            helper.start()
        except RuntimeError:
            sharing.leave(progress)


def _join(helpers: list[threading.Thread]) -> None:
    for helper in helpers:
        if helper.is_alive():
            helper.join()


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
