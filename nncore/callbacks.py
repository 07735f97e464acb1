"""Hooks into training: what ``fit`` calls at its start, after each epoch and at its end."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Any

HOOKS = ("on_train_begin", "on_epoch_end", "on_train_end")


class Stop(Enum):
    """The type of `STOP`."""

    STOP = "STOP"

    def __repr__(self) -> str:
        return "nncore.STOP"


STOP = Stop.STOP
"""Returned by a callback to end training after the current epoch."""


class Callbacks:
    """The callbacks of one ``fit``, called in the order given.

    A callback is an object with some of ``on_train_begin(model)``, ``on_epoch_end(model, epoch, logs)`` and
    ``on_train_end(model)``, or a plain function, which is called as ``on_epoch_end``. `epoch` counts from 0 over all
    calls of ``fit``; `logs` holds the epoch's values: ``loss``, metrics, ``val_loss``... What a hook returns is
    ignored, except `STOP`.

    ``on_train_end`` runs whenever ``on_train_begin`` was called, also after an error or Ctrl-C: files can be closed
    there. An exception from a hook ends training and reaches the caller; the model stays as the last epoch left it.

    Parameters
    ----------
    callbacks : iterable, one callback, or None

    Raises
    ------
    TypeError
        If an entry is neither callable nor has one of the hooks, or is a class instead of an instance.

    Examples
    --------
    >>> def until_good(model, epoch, logs):
    ...     return STOP if logs["loss"] < 0.1 else None
    >>> Callbacks([until_good]).on_epoch_end(None, 3, {"loss": 0.05})
    True
    """

    def __init__(self, callbacks: Any = None) -> None:
        if callbacks is None:
            callbacks = []
        elif callable(callbacks) or _hooks(callbacks) or not isinstance(callbacks, Iterable):
            callbacks = [callbacks]
        self._callbacks = [_checked(callback, index) for index, callback in enumerate(callbacks)]

    def __len__(self) -> int:
        return len(self._callbacks)

    def on_train_begin(self, model: Any) -> bool:
        return self._call("on_train_begin", model)

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, float]) -> bool:
        """Call every callback; return True if one asked to stop."""
        return self._call("on_epoch_end", model, epoch, logs)

    def on_train_end(self, model: Any) -> bool:
        return self._call("on_train_end", model)

    def _call(self, hook: str, *arguments: Any) -> bool:
        stop = False
        for callback in self._callbacks:
            call = getattr(callback, hook, None)
            if call is None and hook == "on_epoch_end" and not _hooks(callback):
                call = callback
            if call is not None and call(*arguments) is STOP:
                stop = True
        return stop


def _hooks(callback: Any) -> list[str]:
    return [hook for hook in HOOKS if callable(getattr(callback, hook, None))]


def _checked(callback: Any, index: int) -> Any:
    if isinstance(callback, type):
        raise TypeError(f"callbacks[{index}] is the class {callback.__name__}; pass an instance: {callback.__name__}()")
    if not callable(callback) and not _hooks(callback):
        raise TypeError(
            f"callbacks[{index}] must be a function (model, epoch, logs) or an object with one of {', '.join(HOOKS)}; "
            f"got {callback!r}"
        )
    return callback
