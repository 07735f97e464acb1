"""What the caller of `fit_many` gave, checked for all models before one of them is trained; errors name the model."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numpy as np

from nncore.base import checks
from nncore.base.source import Source
from nncore.base.tables import refuse_without_values
from nncore.callbacks import Callbacks
from nncore.callbacks.hooks import ALL_ARGUMENTS, HOOKS
from nncore.many.job import Job
from nncore.many.table import ALL, Rows, Table
from nncore.model import Sequential
from nncore.model.definition import strategy
from nncore.program import refuse_absurd_size
from nncore.training.batches import Shuffle
from nncore.training.loop import POSITIVE
from nncore.training.state import State, scorers
from nncore.training.validating import recorded

COPY = "give each its own: copy.deepcopy(model), or one with another seed"
ONE_EACH = "give a function that makes them, as in callbacks=lambda: EarlyStopping(patience=5)"
VALIDATES = "val_* values need validation_data=... or validation_rows=..."
SOME_OR_NONE = checks.integer(0, checks.EPOCHS)
"""Rule: epochs of one of several models, which some may have had already."""
NUMBERS = (int, np.integer)


@contextmanager
def blamed(who: str) -> Iterator[None]:
    """Let errors of arguments name what they speak of."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"{who}: {error}") from error


def checked_models(models: Any) -> list[Sequential]:
    """Return the models.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If one is no model, stands there twice, or is being trained.
    """
    if isinstance(models, Sequential) or not isinstance(models, Iterable):
        raise TypeError(f"models must be a list of models, got {checks.described(models)}")
    found = list(models)
    if not found:
        raise ValueError("models is empty: there is nothing to train")
    places: dict[int, int] = {}
    for k, model in enumerate(found):
        if not isinstance(model, Sequential):
            raise TypeError(f"models[{k}] must be a Sequential, got {checks.described(model)}")
        first = places.setdefault(id(model), k)
        if first != k:
            raise ValueError(f"models[{k}] is models[{first}] once more, and a model is trained once at a time; {COPY}")
        try:
            model._state.turn.check_not_training()
        except RuntimeError as error:
            raise RuntimeError(f"models[{k}]: {error}") from None
    return found


F = TypeVar("F", bound=Callable[..., Any])


def in_memory(who: str, mend: str) -> Callable[[F], F]:
    """Return what makes a function refuse sources of `nncore.data` in place of arrays; the message ends with `mend`.

    Examples
    --------
    >>> from nncore.data import Rows
    >>> in_memory("together", "give arrays")(lambda X: X)(X=Rows(np.zeros((3, 2))))
    Traceback (most recent call last):
        ...
    TypeError: together: X must be in memory, and Rows is a source of nncore.data; give arrays
    """

    def refusing(function: F) -> F:
        @functools.wraps(function)
        def refuses(*values: Any, **named: Any) -> Any:
            for name, value in [*(("X", value) for value in values), *named.items()]:
                several = isinstance(value, (tuple, list)) and len(value) <= 3  # as validation_data has
                for one in value if several else [value]:
                    if isinstance(one, Source):
                        what = f"{name} must be in memory, and {type(one).__name__} is a source of nncore.data"
                        raise TypeError(f"{who}: {what}; {mend}")
            return function(*values, **named)

        return cast(F, refuses)

    return refusing


def one_each(name: str, value: Any, n: int, rule: checks.Rule) -> list[Any]:
    """Return a value for each of `n` models: of a list one each, else the same one for all.

    Examples
    --------
    >>> one_each("epochs", 5, 2, checks.integer(1, 100)), one_each("epochs", [5, 9], 2, checks.integer(1, 100))
    ([5, 5], [5, 9])
    >>> one_each("epochs", [5, 0], 2, checks.integer(1, 100))
    Traceback (most recent call last):
        ...
    ValueError: epochs[1] must be an integer from 1 to 100, got 0
    """
    if not isinstance(value, (list, tuple, np.ndarray)) or np.ndim(value) == 0:
        return [rule(name, value)] * n
    check_count(name, value, n)
    return [rule(f"{name}[{k}]", one) for k, one in enumerate(value)]


def check_count(name: str, values: Sized, n: int) -> None:
    """Raise ValueError unless there is one for each model."""
    if len(values) != n:
        raise ValueError(f"{name} has {len(values)} entries for {n} models: give one for each, or one for all")


def rows_of_each(name: str, rows: Any, n: int) -> list[Any]:
    """Return the `rows` of each model, as given: one array or slice for all, or one for each."""
    if hasattr(rows, "__array__"):  # a mask of pandas, say
        refuse_without_values(rows, name)
        rows = np.asarray(rows)
    if rows is None or isinstance(rows, (slice, range)) or (isinstance(rows, np.ndarray) and rows.ndim == 1):
        return [rows] * n
    if not isinstance(rows, (list, tuple, np.ndarray)):
        raise TypeError(
            f"{name} must be an array of row numbers or a mask for all models, or a list of one for each; "
            f"got {checks.described(rows)}"
        )
    if len(rows) and all(isinstance(row, (*NUMBERS, bool, np.bool_)) for row in rows):
        return [np.asarray(rows)] * n
    check_count(name, rows, n)
    return list(rows)


def checked_rows(name: str, rows: Any, n_rows: int) -> tuple[Rows, int]:
    """Return which rows these are, and how many.

    Raises
    ------
    TypeError, ValueError
        If there is none, one that X does not have, or a mask of another length.

    Examples
    --------
    >>> checked_rows("rows[0]", [True, False, True], 3)
    (array([ True, False,  True]), 2)
    >>> checked_rows("rows[0]", [1, 3], 3)
    Traceback (most recent call last):
        ...
    ValueError: rows[0] has row number 3, but X has 3 rows: 0 to 2
    """
    if rows is None:
        return ALL, n_rows
    if isinstance(rows, slice):
        chosen: Rows = rows
        n = len(range(*rows.indices(n_rows)))
    else:
        refuse_without_values(rows, name)
        chosen = np.asarray(rows)
        if chosen.ndim != 1 or (chosen.dtype.kind not in "biu" and chosen.size):
            found = f"an array of shape {chosen.shape} and type {chosen.dtype}"
            raise TypeError(f"{name} must be row numbers or a mask of the rows, got {found}")
        n = _counted(name, chosen, n_rows)
    if not n:
        raise ValueError(f"{name} is empty: give at least one row")
    return chosen, n


def _counted(name: str, chosen: np.ndarray, n_rows: int) -> int:
    if chosen.dtype.kind == "b":
        if len(chosen) != n_rows:
            raise ValueError(f"{name} is a mask of {len(chosen)} rows, but X has {n_rows}")
        return int(np.count_nonzero(chosen))
    if chosen.size and not (chosen.min() >= -n_rows and chosen.max() < n_rows):
        wrong = chosen[(chosen < -n_rows) | (chosen >= n_rows)][0]
        raise ValueError(f"{name} has row number {wrong}, but X has {n_rows} rows: 0 to {n_rows - 1}")
    return len(chosen)


def weights_of_each(weights: Any, n: int) -> list[Any]:
    """Return the weights of the rows: of one for all a list of it alone, else one for each model."""
    several = isinstance(weights, (list, tuple)) and any(one is None or np.ndim(one) for one in weights)
    if several or (isinstance(weights, np.ndarray) and weights.ndim == 2 and weights.shape[1] > 1):
        check_count("sample_weight", weights, n)
        return list(weights) if n > 1 else [weights[0]]
    return [weights]


def callbacks_of_each(callbacks: Any, n: int) -> list[Any]:
    """Return what ``fit`` is given as callbacks, for each model.

    A function that takes nothing, or the number of a model, makes them. An object with hooks keeps what it has seen of
    one model, so that no two may have the same one; a plain function (model, epoch, logs) is told whose epoch it is.

    Examples
    --------
    >>> from nncore import EarlyStopping
    >>> first, second = callbacks_of_each(lambda: EarlyStopping("loss"), 2)
    >>> first is second
    False
    >>> callbacks_of_each(EarlyStopping("loss"), 2)
    Traceback (most recent call last):
        ...
    TypeError: callbacks: EarlyStopping would watch models[0] and models[1], but what it keeps is of one training; \
give a function that makes them, as in callbacks=lambda: EarlyStopping(patience=5)
    """
    if callbacks is None:
        return [None] * n
    make = _maker(callbacks)
    if make is not None:
        found = [make(k) for k in range(n)]
    elif isinstance(callbacks, (list, tuple)) and len(callbacks) == n:
        found = list(callbacks)
    elif isinstance(callbacks, (list, tuple)) and not all(map(is_function, callbacks)):
        what = f"callbacks has {len(callbacks)} entries for {n} models: give for each what fit takes"
        raise ValueError(f"{what}; or {ONE_EACH.removeprefix('give ')}")
    else:
        found = [callbacks] * n
    owners: dict[int, int] = {}
    for k, given in enumerate(found):
        for callback in given if isinstance(given, (list, tuple)) else [given]:
            first = owners.setdefault(id(callback), k)
            if first != k and callback is not None and not is_function(callback):
                what = f"{type(callback).__name__} would watch models[{first}] and models[{k}]"
                raise TypeError(f"callbacks: {what}, but what it keeps is of one training; {ONE_EACH}")
    return found


def is_function(callback: Any) -> bool:
    """Whether it is called after each epoch with the model, and has no hooks."""
    return callable(callback) and not any(callable(getattr(callback, hook, None)) for hook in HOOKS)


def _maker(callbacks: Any) -> Callable[[int], Any] | None:
    """Return what makes the callbacks of a model by its number; None for what is a callback itself, or several."""
    if isinstance(callbacks, type):
        return lambda k: callbacks()
    if not is_function(callbacks):
        return None
    try:
        signature = inspect.signature(callbacks)
    except ValueError:
        return None
    for arguments in ((), ("k",), ALL_ARGUMENTS):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        if len(arguments) == len(ALL_ARGUMENTS):
            return None
        return (lambda k: callbacks(k)) if arguments else lambda k: callbacks()
    return None


def checked_jobs(
    models: Any,
    X: Any,
    y: Any,
    *,
    rows: Any,
    epochs: Any,
    batch_size: Any,
    validation_data: Any,
    validation_rows: Any,
    sample_weight: Any,
    callbacks: Any,
    shuffle: Shuffle,
    class_weight: Any,
    solver: Any,
) -> list[Job]:
    """Return a job for each model; the models are as they were.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If an argument is wrong; where it is so for one model alone, the message says for which.
    """
    found = checked_models(models)
    n = len(found)
    each_epochs = one_each("epochs", epochs, n, POSITIVE if np.ndim(epochs) == 0 else SOME_OR_NONE)
    each_batch = one_each("batch_size", batch_size, n, checks.optional(POSITIVE))
    each_rows, each_weight = rows_of_each("rows", rows, n), weights_of_each(sample_weight, n)
    each_callbacks = callbacks_of_each(callbacks, n)
    table = Table(X, y, each_weight)
    table.features(found[0]._state)  # what is wrong with X, is wrong for all of them
    validation, held = _validation(validation_data, validation_rows, table, n)
    jobs = []
    for k, model in enumerate(found):
        state = model._state
        with blamed(f"models[{k}]"):
            program = table.program(state)
            names = table.names(state, program)
            method = strategy(solver, each_batch[k], shuffle)
            method.check_arguments(state)
        chosen, n_rows = checked_rows(_named("rows", rows, each_rows[k], k), each_rows[k], table.n_rows)
        own = validation if held is None or held[k] is not None else None
        job = Job(k, model, state, program, names, each_epochs[k], each_batch[k], shuffle, class_weight,
                  each_callbacks[k], solver, method, table, chosen, n_rows, own)  # fmt: skip
        _check_job(job, None if held is None else held[k], validation_rows)
        jobs.append(job)
    return jobs


def _named(name: str, given: Any, own: Any, k: int) -> str:
    return name if own is given or not isinstance(given, (list, tuple, np.ndarray)) else f"{name}[{k}]"


def _validation(data: Any, rows: Any, table: Table, n: int) -> tuple[Table | None, list[Any] | None]:
    """Return of which rows those to validate on are, and which of them each model takes: None for all."""
    if data is None:
        return (None, None) if rows is None else (table, rows_of_each("validation_rows", rows, n))
    if rows is not None:
        raise ValueError("give validation_data or validation_rows, not both")
    return other_rows(data), None


def other_rows(data: Any) -> Table:
    """Return the rows that `validation_data` are.

    Raises
    ------
    ValueError
        If it is neither (X, y) nor (X, y, sample_weight).
    """
    if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
        found = checks.described(data)
        raise ValueError(f"validation_data must be (X, y) or (X, y, sample_weight), got {found}")
    return Table(data[0], data[1], data[2:] or (None,))


def _check_job(job: Job, held: Any, validation_rows: Any) -> None:
    """See that the model can learn these rows and be validated on those, and that its callbacks suit it."""
    state, k = job.state, job.index
    with blamed(f"models[{k}]"):
        whole = job.table.whole(state, job.program, job.names, k)
        job.strategy.check(state, job.program, whole.rows(slice(0, job.n_rows)))
        if state.network is None:
            refuse_absurd_size(job.program, state.dtype.itemsize, state.optimizer.n_slots)
        weight = None if whole.sample_weight is None else whole.sample_weight[job.rows]
        if weight is not None and not weight.any():
            raise ValueError("sample_weight is zero for all of its rows: nothing would be learnt")
        if job.class_weight is not None:
            from nncore.arrays.class_weights import weighted_by_class  # here, not at the top: few need it

            its = whole._replace(target=whole.target[job.rows], sample_weight=weight)
            weighted_by_class(its, job.program, job.class_weight)
    if job.validation is not None:
        if held is not None:
            name = _named("validation_rows", validation_rows, held, k)
            job.validation_rows, _ = checked_rows(name, held, job.table.n_rows)
        with blamed(f"models[{k}]: validation_data" if held is None else f"models[{k}]"):
            _check_validation(job.validation, state, job)
    with blamed(f"models[{k}]"):
        names = recorded(job.program, scorers(state), job.validation is not None, job.strategy.columns(state))
        Callbacks(job.callbacks).check_logs(names, how=VALIDATES)


def _check_validation(validation: Table, state: State, job: Job) -> None:
    validation.features(state, job.program.n_features)
    validation.whole(state, job.program, job.names, job.index if validation is job.table else 0)
