"""Callbacks of a training that pauses: what they have seen goes on where the next ``fit`` goes on."""

from __future__ import annotations

from functools import partial
from typing import Any

from nncore.callbacks import STOP


class Going:
    """A callback, told of one training where there are several calls of ``fit``.

    Parameters
    ----------
    callback : object
        It hears ``on_train_begin`` once, and ``on_train_end`` once it has said stop, or in the last call.

    Attributes
    ----------
    last : bool
        Whether the call to come is the last; set it before.
    stopped : bool
        Whether it has said stop.

    Examples
    --------
    >>> from nncore import EarlyStopping
    >>> going = Going(EarlyStopping("loss", patience=1))
    >>> going.on_train_begin(None)
    >>> going.required_logs, going.stopped
    (('loss',), False)
    """

    def __init__(self, callback: Any) -> None:
        self.callback, self.last, self.stopped = callback, False, False
        self._begun = self._ended = False

    @property
    def required_logs(self) -> tuple[str, ...]:
        return tuple(getattr(self.callback, "required_logs", ()))

    @property
    def hears_scores(self) -> bool:
        return getattr(type(self.callback), "hears_scores", None) is not None and self.callback.hears_scores is True

    def __getattr__(self, name: str) -> Any:
        """Return the hooks that have a price where they are there, if the callback has them."""
        if name not in ("on_progress", "on_batch_end") or not hasattr(self.callback, name):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return partial(self._call, name)

    def on_train_begin(self, model: Any) -> Any:
        if self._begun:
            return None
        self._begun = True
        return self._call("on_train_begin", model)

    def on_epoch_begin(self, model: Any, epoch: int) -> Any:
        return STOP if self.stopped else self._call("on_epoch_begin", model, epoch)

    def on_epoch_end(self, model: Any, epoch: int, logs: dict[str, float]) -> Any:
        return self._call("on_epoch_end", model, epoch, logs)

    def on_train_end(self, model: Any) -> Any:
        if (self.last or self.stopped) and not self._ended:
            self._ended = True
            return self._call("on_train_end", model)
        return None

    def _call(self, hook: str, *arguments: Any) -> Any:
        call = getattr(self.callback, hook, None)
        if call is None and hook == "on_epoch_end" and callable(self.callback):
            call = self.callback
        found = None if call is None else call(*arguments)
        self.stopped = self.stopped or found is STOP
        return found
