"""`fit_many`: train many networks at once, each to the bits of its own ``fit``."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, cast

from numpy.typing import ArrayLike

from nncore.base import checks
from nncore.engine import own_arithmetic
from nncore.history import History
from nncore.many import pool
from nncore.many.arguments import checked_jobs, in_memory
from nncore.many.job import Job
from nncore.many.progress import Progress
from nncore.model import Sequential
from nncore.training.batches import Shuffle
from nncore.training.progress import check_verbose

if TYPE_CHECKING:
    from nncore.solvers import LBFGS, LM

ON_ERROR = ("raise", "keep")


@in_memory("fit_many", "train one after the other, with model.fit(source)")
@own_arithmetic
def fit_many(
    models: Iterable[Sequential],
    X: ArrayLike,
    y: ArrayLike,
    *,
    rows: Any = None,
    epochs: int | Sequence[int] = 1,
    batch_size: int | Sequence[int] | None = None,
    validation_data: tuple[ArrayLike, ...] | None = None,
    validation_rows: Any = None,
    shuffle: Shuffle = None,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | str | None = None,
    callbacks: Any = None,
    solver: str | LBFGS | LM | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    on_error: str = "raise",
    verbose: bool | int | str = "auto",
) -> list[History]:
    """Train many networks at once, each to the bits of its own ``fit``.

    Model k ends as ``models[k].fit(X[rows[k]], y[rows[k]], ...)`` would leave it, whatever else is trained, in whatever
    order and by however many threads. Networks may differ in everything: layers, seed, optimizer, loss, rows, epochs.
    A thread trains one network at a time, the longest ones come first; `X` is converted and checked once.

    Parameters
    ----------
    models : iterable of Sequential
        Each once; built or not, trained before or not. Their seeds tell them apart: ``Sequential(layers, seed=k)``.
    X, y : array-like
        As in ``Sequential.fit``: all rows that are trained on by any of them, and all of them finite.
    rows : list of arrays, optional
        Which rows model k is trained on: numbers (a bootstrap sample may have one twice), a mask of all rows, a slice,
        or None for all. A single array is for all models. `X` is copied for those alone that are at their turn.
    epochs, batch_size : int, or a sequence of one for each model
        As in ``Sequential.fit``. In a sequence, 0 epochs leave a model as it is.
    validation_data : tuple (X, y) or (X, y, sample_weight), optional
        What all are validated on after each epoch.
    validation_rows : list of arrays, optional
        Instead, which rows of `X` model k is validated on; in the forms of `rows`, but None is none.
    shuffle, class_weight, solver
        As in ``Sequential.fit``, for all.
    sample_weight : array-like of shape (n_samples,), or a list of one for each model, optional
        Weights of all rows of `X`, also where `rows` takes some of them.
    callbacks : callable, or a list, optional
        A function without arguments, or of the number of a model, that makes the callbacks of each; or a list of what
        ``fit`` takes for each. Two models cannot have the same `EarlyStopping`, but the same plain function (model,
        epoch, logs), which may be called in several threads at once.
    executor : concurrent.futures.Executor, or a function that makes one, optional
        Where else to train: processes of this machine or of others. A client of Dask is one, too. See :doc:`the guide
        </guide/many_networks>`.
    on_error : {"raise", "keep"}
        What to do if a training fails, diverges say: raise its error once all others are trained; or keep it as
        the ``error`` of its history. Either has the number of the model as ``error.model_index``.
    verbose : {"auto", True, False, 0, 1, 2}
        Whether to show a progress bar for all; 2 prints a line for each network when it has ended.

    Returns
    -------
    list of History
        Of this call, in the order of `models`.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If an argument is wrong, or a model is being trained already: the message names the model, and none is trained.
    KeyboardInterrupt
        On Ctrl-C. Every model is as after its last finished epoch, and can go on from there; with an `executor` those
        that have come back are trained, the others as before.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Dense, Sequential, fit_many
    >>> X = np.linspace(-1, 1, 200, dtype=np.float32).reshape(-1, 1)
    >>> models = [Sequential([Dense(8, "tanh"), Dense(1)], seed=seed) for seed in range(10)]
    >>> histories = fit_many(models, X, X**2, epochs=20)
    >>> alone = Sequential([Dense(8, "tanh"), Dense(1)], seed=7)
    >>> history = alone.fit(X, X**2, epochs=20)
    >>> np.array_equal(history.loss, histories[7].loss), np.array_equal(alone.parameters, models[7].parameters)
    (True, True)
    """
    checks.one_of("on_error", on_error, ON_ERROR)
    given = {"rows": rows, "epochs": epochs, "batch_size": batch_size, "validation_data": validation_data}
    given |= {"validation_rows": validation_rows, "shuffle": shuffle, "sample_weight": sample_weight}
    given |= {"class_weight": class_weight, "callbacks": callbacks, "solver": solver}
    shown = check_verbose(verbose)
    jobs = checked_jobs(models, X, y, **given)
    trained = [job for job in jobs if job.epochs]
    with Progress(shown, [job.work for job in trained]) as progress:
        if executor is None:
            pool.run(trained, progress)
        elif trained:
            from nncore.many.remote import run_remotely  # here, not at the top: few have other machines

            run_remotely(trained, progress, executor)
    return histories(jobs, on_error)


fit_many = checks.explaining("fit_many", fit_many)


def histories(jobs: Sequence[Job], on_error: str) -> list[History]:
    """Return the histories of jobs that have ended; raise the first error, or keep the errors in them."""
    failed = [job for job in jobs if job.error is not None]
    for job in failed:
        error = cast(BaseException, job.error)
        error.model_index = job.index  # type: ignore[attr-defined]
        job.history.error = error
        traceback.clear_frames(error.__traceback__)  # which hold rows and all
    if failed and on_error == "raise":
        error = cast(BaseException, failed[0].error)
        if hasattr(error, "add_note"):  # from Python 3.11 on
            more = f"; so did the training of {len(failed) - 1} more" if len(failed) > 1 else ""
            error.add_note(f"models[{failed[0].index}] failed{more}; all others are trained to their end")
        raise error
    return [job.history for job in jobs]
