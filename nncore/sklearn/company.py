"""`fused`: what scikit-learn trains within it, networks of whole searches, is trained beside each other.

Threads of joblib hand the estimators over; each network is trained by one that has a turn, of which there are as many
as the engine may use threads. Who trains when and beside whom changes no bit of any network.

Which company a thread belongs to, joblib knows: its backend holds it, and joblib hands that on from the thread that
entered the block to those that work for it. Other threads of the process, and other processes, train as ever.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import joblib
from joblib.parallel import ThreadingBackend, get_active_backend

from nncore import engine
from nncore.base import checks
from nncore.engine import sharing
from nncore.history import History
from nncore.model.sequential import Sequential

PAUSE = 0.01  # seconds from one look at who still trains to the next
_turns = threading.local()  # `taken`: whether this thread is training already


class Company:
    """Networks that are trained beside each other.

    Parameters
    ----------
    n : int
        How many at a time.
    """

    def __init__(self, n: int) -> None:
        self._process = os.getpid()
        self._turn = threading.Semaphore(n)
        self._lock = threading.Lock()
        self._models: list[Sequential] = []
        self._over = False

    def fit(self, model: Sequential, fit: Callable[..., History], *arguments: Any, **options: Any) -> History:
        """Call ``fit`` when it is this thread's turn."""
        if os.getpid() != self._process:  # in a fork, which has none of the threads that would give a turn back
            return fit(*arguments, **options)
        if getattr(_turns, "taken", False):  # by a callback, which has its turn already
            return fit(*arguments, **options)
        with self._turn:
            with self._lock:
                if self._over:
                    raise KeyboardInterrupt
                self._models.append(model)
                sharing.share(self, len(self._models))
            _turns.taken = True
            try:
                return fit(*arguments, **options)
            finally:
                _turns.taken = False
                with self._lock:
                    self._models.remove(model)
                    sharing.share(self, len(self._models))

    def end(self) -> None:
        """Let nobody begin any more, and wait until all others have ended, each with its epoch."""
        with self._lock:
            self._over = True
        while models := list(self._models):
            for model in models:  # again and again: a fit that begins sets it to False
                model.stop_training = True
            time.sleep(PAUSE)


class Threads(ThreadingBackend):  # type: ignore[misc, unused-ignore]
    """joblib's threads, all of which are of one company."""

    def __init__(self, company: Company, nesting_level: int | None = None) -> None:
        super().__init__(nesting_level=nesting_level)
        self.company = company

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many threads to start; as everywhere in joblib, one below the first two levels."""
        return int(super().effective_n_jobs(n_jobs)) if self.nesting_level <= 1 else 1

    def get_nested_backend(self) -> tuple[Threads, None]:
        """Return what those that work in these threads start others with."""
        return Threads(self.company, self.nesting_level + 1), None


def _present() -> Company | None:
    """Return the company that this thread belongs to."""
    backend = get_active_backend()[0]
    return backend.company if isinstance(backend, Threads) else None


def fused(n_jobs: int | None = None) -> AbstractContextManager[None]:
    """Train the networks of everything that scikit-learn does within this block beside each other, in threads.

    Searches, cross-validations, bagging, stacking and all else that has an ``n_jobs``, which is to be left at None,
    hand their estimators to threads instead of training one after another; nothing is copied to other processes, and
    each network has one thread of the engine. The results are those without it, bit for bit, where every
    ``random_state`` is a number. (scikit-learn's own sums over members, as ``BaggingClassifier.predict_proba`` takes
    them, depend on ``n_jobs``: predict outside of the block.) It needs joblib 1.4 or later.

    Parameters
    ----------
    n_jobs : int, optional
        How many networks are trained at a time, and into how many threads joblib divides its work; by default, and with
        -1, as many as the engine may use threads. An ``n_jobs`` of scikit-learn's that is given within the block says
        how many threads that call hands over to, of whose networks still so many are trained at a time.

    Returns
    -------
    context manager
        To be entered as often as one likes.

    Examples
    --------
    >>> from nncore.sklearn import Classifier, fused
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> classifier = Classifier(epochs=5, random_state=0)
    >>> alone = cross_val_score(classifier, *load_iris(return_X_y=True))
    >>> with fused():
    ...     together = cross_val_score(classifier, *load_iris(return_X_y=True))
    >>> bool((alone == together).all())
    True
    """
    return _Fused(n_jobs)


class _Fused(threading.local):
    """What `fused` returns, for every thread that enters it."""

    def __init__(self, n_jobs: int | None) -> None:
        self._n_jobs, self._entered = n_jobs, list[AbstractContextManager[None]]()

    def __enter__(self) -> None:
        block = _company_of(self._n_jobs)
        block.__enter__()
        self._entered.append(block)

    def __exit__(self, *error: Any) -> bool | None:
        return self._entered.pop().__exit__(*error)


@contextmanager
def _company_of(n_jobs: int | None) -> Iterator[None]:
    n = engine.get_num_threads() if n_jobs in (None, -1) else checks.integer(1, 10_000)("n_jobs", n_jobs)
    if _present() is not None:  # within another one: they are one company
        yield
        return
    company = Company(n)
    try:
        with joblib.parallel_config(Threads(company), n_jobs=n):
            yield
    except BaseException:
        company.end()
        raise
    finally:
        sharing.end(company)


def train(model: Sequential, fit: Callable[..., History], *arguments: Any, **options: Any) -> History:
    """Call a model's ``fit``, in company where there is some."""
    company = _present()
    if company is None:
        return fit(*arguments, **options)
    return company.fit(model, fit, *arguments, **options)
