"""Hooks into training: what ``fit`` calls at its start, around each epoch and at its end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

from nncore.callbacks.monitor import VALIDATES, Objection, how_to_record

HOOKS = {
    "on_train_begin": ("model",),
    "on_epoch_begin": ("model", "epoch"),
    "on_progress": ("model", "epoch", "logs"),
    "on_batch_end": ("model", "epoch", "logs"),
    "on_epoch_end": ("model", "epoch", "logs"),
    "on_train_end": ("model",),
}
"""Names of the hooks, and what they are called with."""

ALL_ARGUMENTS = ("model", "epoch", "logs")
WORDS = {name.removesuffix("s") for name in ALL_ARGUMENTS}  # what one of the arguments is named by
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Stop(Enum):
    """The type of `STOP`."""

    STOP = "STOP"

    def __repr__(self) -> str:
        return "nncore.STOP"


STOP = Stop.STOP
"""Returned by a callback to end training after the current epoch, by ``on_progress`` to end it at once."""


class Logs(dict[str, float]):
    """What ``on_epoch_end`` gets of an epoch that lacks values which others have: one that is not validated.

    Attributes
    ----------
    recorded : dict of str to float
        The same as the history keeps it: NaN for what the epoch lacks.

    Examples
    --------
    >>> Logs({"loss": 0.5}, recorded={"loss": 0.5, "val_loss": float("nan")}).recorded
    {'loss': 0.5, 'val_loss': nan}
    """

    def __init__(self, values: Mapping[str, float], *, recorded: dict[str, float]) -> None:
        super().__init__(values)
        self.recorded = recorded


def whole(logs: dict[str, float]) -> dict[str, float | None]:
    """Return a value for each column that an epoch has in the history: None for one that it lacks.

    Examples
    --------
    >>> whole(Logs({"loss": 0.5}, recorded={"loss": 0.5, "val_loss": float("nan")})), whole({"loss": 0.5})
    ({'loss': 0.5, 'val_loss': None}, {'loss': 0.5})
    """
    return {name: logs.get(name) for name in getattr(logs, "recorded", logs)}


class Callbacks:
    """The callbacks of one ``fit``, called in the order given.

    A callback is an object with some of ``on_train_begin(model)``, ``on_epoch_begin(model, epoch)``,
    ``on_progress(model, epoch, logs)``, ``on_batch_end(model, epoch, logs)``, ``on_epoch_end(model, epoch, logs)``
    and ``on_train_end(model)``, or a plain function, which is called as ``on_epoch_end``. `epoch` counts from 0 over
    all calls of ``fit``; `logs` holds the epoch's values: ``loss``, metrics, ``val_loss``... (``val_*`` only of epochs
    that are validated, see `validation_freq` of ``fit``). What a hook returns is ignored, except `STOP`.

    ``on_progress`` is called some thirty times a second while an epoch runs, and never in one that is quicker than
    that; nor do solvers call it. Its `logs` are ``batch``, the batches that are done, ``n_batches`` of the epoch, and
    ``loss``, their mean, NaN before the first. If it returns `STOP`, training ends at once, and the model goes back to
    the start of the epoch: what was trained is always a whole number of epochs, as an uninterrupted ``fit`` would have
    trained them. The model cannot train or predict in it, being at work; its weights can be read.

    ``on_batch_end`` is called after every batch, also of the quickest epoch: its `logs` are ``batch``, the number of
    the batch in its epoch, from 0, ``n_batches``, and ``loss``, that of the batch before its update. `STOP` ends
    training as in ``on_progress``, and the same may be done in it. Each call takes some two microseconds besides
    what the hook does, more than a step of a very small network, and small networks are not trained in lanes; without
    such a hook nothing of it is paid. Solvers have no batches.

    An object may have ``required_logs``, the names of values that it will look for in `logs`: if one of them will not
    be recorded, ``fit`` says so before it trains.

    A callback whose turn came at the start, if only because ``on_train_begin`` raised, gets its ``on_train_end``, also
    after an error or Ctrl-C: files can be closed there. An exception from a hook ends training and reaches the caller,
    the first one if there are several; the model stays as the last epoch left it.

    Parameters
    ----------
    callbacks : iterable, one callback, or None

    Raises
    ------
    TypeError
        If an entry is neither callable nor has one of the hooks, is a class instead of an instance, has a hook that
        nncore never calls, or one that does not take the arguments it would get, or by the names of others: that is
        Keras' order, where ``on_epoch_begin(epoch, logs=None)`` does not get the model.

    Examples
    --------
    >>> def until_good(model, epoch, logs):
    ...     return STOP if logs["loss"] < 0.1 else None
    >>> callbacks = Callbacks([until_good])
    >>> with callbacks.around_training(None):
    ...     callbacks.on_epoch_end(None, 3, {"loss": 0.05})
    True
    """

    def __init__(self, callbacks: Any = None) -> None:
        if callbacks is None:
            callbacks = []
        elif callable(callbacks) or _hooks(callbacks) or not _several(callbacks):
            callbacks = [callbacks]
        self._callbacks = [_checked(callback, place) for place, callback in _placed(callbacks)]

    def __len__(self) -> int:
        return len(self._callbacks)

    @contextmanager
    def around_training(self, model: Any) -> Iterator[bool]:
        """Call ``on_train_begin``, run the block, call ``on_train_end``; yield whether a callback asked to stop."""
        begun: list[Any] = []
        errors: list[BaseException] = []
        try:
            stop = False
            for callback in self._callbacks:
                begun.append(callback)
                stop |= _call(callback, "on_train_begin", model)
            yield stop
        except BaseException as error:
            errors.append(error)
        for callback in begun:
            try:
                _call(callback, "on_train_end", model)
            except BaseException as error:  # the others must get their turn; raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def on_epoch_begin(self, model: Any, epoch: int) -> bool:
        """Call every callback; return True if one asked to stop."""
        return self._call("on_epoch_begin", model, epoch)

    @property
    def watch(self) -> bool:
        """Whether one of them has ``on_progress``."""
        return any(_hook(callback, "on_progress") for callback in self._callbacks)

    @property
    def hears_batches(self) -> bool:
        """Whether one of them has ``on_batch_end``."""
        return any(_hook(callback, "on_batch_end") for callback in self._callbacks)

    def on_batch_end(self, model: Any, epoch: int, logs: dict[str, float]) -> bool:
        """Call every callback; return True if one asked to stop."""
        return self._call("on_batch_end", model, epoch, logs)

    def on_progress(self, model: Any, epoch: int, logs: dict[str, float]) -> bool:
        """Call every callback; return True if one asked to stop."""
        return self._call("on_progress", model, epoch, logs)

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, float]) -> bool:
        """Call every callback; return True if one asked to stop."""
        return self._call("on_epoch_end", model, epoch, logs)

    def hear_scores(self, names: Collection[str]) -> bool:
        """Whether all that they need of the end of an epoch is some of these values, and the weights there."""
        return all(
            _hears_scores(callback) and set(names).issuperset(callback.required_logs) for callback in self._callbacks
        )

    def _call(self, hook: str, *arguments: Any) -> bool:
        stop = False
        for callback in self._callbacks:
            stop |= _call(callback, hook, *arguments)
        return stop

    def check_logs(
        self, recorded: Collection[str], objection: Objection = lambda metric: None, how: str = VALIDATES
    ) -> None:
        """Raise ValueError if a callback needs a value that is not among the `recorded`.

        `objection` says why a metric cannot be recorded, too; None of one that can. `how` to have rows to validate on
        is said by the names of the function that was called.
        """
        for place, callback in _placed(self._callbacks):
            for name in getattr(callback, "required_logs", ()):
                if name not in recorded:
                    who = f"callbacks[{place}], {type(callback).__name__},"
                    if said := getattr(callback, "unrecorded", None):
                        raise ValueError(f"{who} {said}")
                    mend = how_to_record(name, recorded, objection, how)
                    what = f"{who} needs {name!r}, which this training does not record{mend}"
                    raise ValueError(f"{what} recorded: {', '.join(recorded)}")


def _placed(callbacks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield callbacks with their places among those that the user gave: what nncore puts beside them does not count."""
    place = 0
    for callback in callbacks:
        yield place, callback
        place += not getattr(callback, "uncounted", False)


def _several(callbacks: Any) -> bool:
    return isinstance(callbacks, Iterable) and not isinstance(callbacks, str)


def _call(callback: Any, hook: str, *arguments: Any) -> bool:
    call = _hook(callback, hook)
    return call is not None and call(*arguments) is STOP


def _hears_scores(callback: Any) -> bool:
    """Its class says so: an object that only passes on what it is asked may have hooks of its own."""
    return hasattr(type(callback), "hears_scores") and callback.hears_scores is True


def _hook(callback: Any, hook: str) -> Callable[..., Any] | None:
    """Return what to call: the hook, or for ``on_epoch_end`` a plain function itself."""
    call: Callable[..., Any] | None = getattr(callback, hook, None)
    return callback if call is None and hook == "on_epoch_end" and not _hooks(callback) else call


def _hooks(callback: Any) -> list[str]:
    return [hook for hook in HOOKS if callable(getattr(callback, hook, None))]


def _checked(callback: Any, index: int) -> Any:
    name = f"callbacks[{index}]"
    if isinstance(callback, type):
        raise TypeError(f"{name} is the class {callback.__name__}; pass an instance: {callback.__name__}()")
    unknown = [a for a in dir(callback) if a.startswith("on_") and a not in HOOKS and callable(getattr(callback, a))]
    if unknown:
        raise TypeError(f"{name} has the hook {unknown[0]}, which nncore never calls; known: {', '.join(HOOKS)}")
    if not callable(callback) and not _hooks(callback):
        raise TypeError(
            f"{name} must be a function (model, epoch, logs) or an object with one of {', '.join(HOOKS)}; "
            f"got {callback!r}"
        )
    for hook, arguments in HOOKS.items():
        _check_signature(_hook(callback, hook), f"{name}.{hook}" if _hooks(callback) else name, arguments)
    return callback


def _check_signature(call: Callable[..., Any] | None, name: str, arguments: tuple[str, ...]) -> None:
    """Raise TypeError if `call` would not take `arguments`: before an epoch is trained, not after."""
    if call is None or str(getattr(call, "__module__", "")).startswith("nncore."):  # ours are right
        return
    try:
        signature = inspect.signature(call)
    except ValueError:  # some functions written in C do not tell
        return
    try:
        signature.bind(*arguments)
        wrong = _misplaced(signature, arguments)
    except TypeError as error:
        wrong = str(error)
    if wrong:
        how = f"({', '.join(arguments)})"
        raise TypeError(f"{name} is called as {how}, but it takes {signature}: {wrong}; write it for {how}")


def _misplaced(signature: inspect.Signature, arguments: tuple[str, ...]) -> str:
    """Return what is wrong with parameters that have the names of other arguments, as in Keras' (epoch, logs=None)."""
    named = [name for name, parameter in signature.parameters.items() if parameter.kind in POSITIONAL]
    for place, name in zip(named, arguments, strict=False):
        meant = {word.removesuffix("s") for word in place.lower().split("_")}  # epoch_index, log_dict
        if name.removesuffix("s") not in meant and meant & WORDS:
            return f"{place!r} would get the {name}"
    return ""
