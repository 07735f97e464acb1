"""`fused`: what scikit-learn trains within it, networks of whole searches, is trained beside each other.

Threads of joblib hand the estimators over; each network is trained by one that has a turn, of which there are as many
as the engine may use threads. Who trains when and beside whom changes no bit of any network.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nncore import engine
from nncore.base import checks
from nncore.engine import sharing
from nncore.history import History
from nncore.model.sequential import Sequential

PAUSE = 0.01  # seconds from one look at who still trains to the next
_here: Company | None = None  # of the process: the threads of joblib know nothing of who called whom
_turns = threading.local()  # `taken`: whether this thread is training already


class Company:
    """Networks that are trained beside each other.

    Parameters
    ----------
    n : int
        How many at a time.
    """

    def __init__(self, n: int) -> None:
        self._turn = threading.Semaphore(n)
        self._lock = threading.Lock()
        self._models: list[Sequential] = []
        self._over = False

    def fit(self, model: Sequential, fit: Callable[..., History], *arguments: Any, **options: Any) -> History:
        """Call ``fit`` when it is this thread's turn."""
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


@contextmanager
def fused(n_jobs: int | None = None) -> Iterator[None]:
    """Train the networks of everything that scikit-learn does within this block beside each other, in threads.

    Searches, cross-validations, bagging, stacking and all else that has an ``n_jobs``, which is to be left at None,
    hand their estimators to threads instead of training one after another; nothing is copied to other processes, and
    each network has one thread of the engine. The results are those without it, bit for bit, where every
    ``random_state`` is a number. (scikit-learn's own sums over members, as ``BaggingClassifier.predict_proba`` takes
    them, depend on ``n_jobs``: predict outside of the block.)

    Parameters
    ----------
    n_jobs : int, optional
        How many at a time; by default as many as the engine may use threads.

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
    global _here
    import joblib  # which scikit-learn needs, too

    n = engine.get_num_threads() if n_jobs is None else checks.integer(1, 10_000)("n_jobs", n_jobs)
    if _here is not None:  # within another one: they are one company
        yield
        return
    company = _here = Company(n)
    try:
        with joblib.parallel_config("threading", n_jobs=n):
            yield
    except BaseException:
        company.end()
        raise
    finally:
        _here = None
        sharing.end(company)


def train(model: Sequential, fit: Callable[..., History], *arguments: Any, **options: Any) -> History:
    """Call a model's ``fit``, in company where there is some."""
    if _here is None:
        return fit(*arguments, **options)
    return _here.fit(model, fit, *arguments, **options)
