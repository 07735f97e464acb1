"""LambdaCallback: a callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nncore.base import checks
from nncore.callbacks.hooks import HOOKS


class LambdaCallback:
    """Call functions at the start and end of training, of each epoch, and at the end of each batch.

    Parameters
    ----------
    on_epoch_begin : callable, optional
        Called as ``(model, epoch)``.
    on_epoch_end : callable, optional
        Called as ``(model, epoch, logs)``. A function alone may be given as a callback without this class, too.
    on_progress : callable, optional
        Called as ``(model, epoch, logs)`` while an epoch runs, some thirty times a second; see `Callbacks`.
    on_batch_end : callable, optional
        Called as ``(model, epoch, logs)`` after each batch, at a price; see `Callbacks`.
    on_train_begin, on_train_end : callable, optional
        Called as ``(model)``.

    Raises
    ------
    TypeError
        If something is not callable, or nothing is given; from ``fit``, if a function takes other arguments.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> seen = []
    >>> callback = LambdaCallback(on_epoch_end=lambda model, epoch, logs: seen.append(epoch))
    >>> history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, callbacks=[callback])
    >>> seen
    [0, 1, 2]
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_progress: Callable[..., Any] | None = None,
        on_batch_end: Callable[..., Any] | None = None,
    ) -> None:
        functions = (on_train_begin, on_epoch_begin, on_progress, on_batch_end, on_epoch_end, on_train_end)
        given = {hook: call for hook, call in zip(HOOKS, functions, strict=True) if call is not None}
        if not given:
            raise TypeError(f"LambdaCallback needs a function for one of {', '.join(HOOKS)}")
        for hook, function in given.items():
            if not callable(function):
                raise TypeError(f"{hook} must be a function {_arguments(hook)}, got {checks.described(function)}")
            setattr(self, hook, function)


checks.explain_unknown_arguments([LambdaCallback])


def _arguments(hook: str) -> str:
    return f"({', '.join(HOOKS[hook])})"
