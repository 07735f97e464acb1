"""ModelCheckpoint: save the model while it is being trained."""

from __future__ import annotations

import os
import warnings
from string import Formatter

from nncore.base import callers, checks, paths
from nncore.base.protocols import Model
from nncore.callbacks.monitor import Monitor


class ModelCheckpoint(Monitor):
    """Save the model after each epoch, or after each that was better than all before.

    `nncore.load` reads the files, and training goes on from them exactly. They are written by ``model.save``: a file is
    there completely or, after a crash, as it was before. Missing directories are made. Epochs without a value that is
    watched or stands in the path, which `validation_freq` of ``fit`` leaves out, are not saved.

    Parameters
    ----------
    filepath : str or path-like
        May have fields: ``{epoch}``, the number of epochs trained, and values that are recorded, such as
        ``{val_loss:.4f}``. Without fields each file replaces the one before. ``~`` is the home directory.
    monitor : str
        Name of the value that `save_best_only` watches.
    save_best_only : bool
        Save only if the monitored value is better than in all epochs before, also in those of earlier calls of ``fit``
        with this callback.
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; ``"auto"`` knows it of the loss and of nncore's metrics.
    initial_value_threshold : float, optional
        Save only what is better than this: the best value of an earlier run, say. Without it the first epoch counts
        as the best so far, and a file of an earlier run is replaced; a `UserWarning` says so.

    Attributes
    ----------
    best : float or None
        The best value so far, if `save_best_only`.
    last_path : str or None
        The file written last.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong; from ``fit``, before it trains, if it would not record a value that is needed.
    OSError
        From ``fit``, if a file or directory cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from nncore import Dense, Sequential, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = ModelCheckpoint(f"{folder}/line-{{epoch:03d}}.safetensors", "loss")
    ...     history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=5, callbacks=checkpoint)
    ...     checkpoint.last_path.endswith("line-005.safetensors"), load(checkpoint.last_path).epoch
    (True, 5)
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        *,
        save_best_only: bool = False,
        mode: str = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.save_best_only: bool = checks.flag("save_best_only", save_best_only)
        super().__init__(monitor, mode if self.save_best_only else "min")
        self.filepath = paths.expanded(filepath)
        self._fields = _fields(self.filepath)
        self.best: float | None = checks.optional(checks.real())("initial_value_threshold", initial_value_threshold)
        self.last_path: str | None = None

    @property
    def required_logs(self) -> tuple[str, ...]:
        needed = [self.monitor] if self.save_best_only else []
        return tuple(dict.fromkeys([*needed, *(field for field in self._fields if field != "epoch")]))

    def on_train_begin(self, model: Model) -> None:
        if self.save_best_only and self.best is None and os.path.isfile(self.filepath):
            warnings.warn(
                f"{self.filepath!r} is there already, and how good it is was not said: the first epoch replaces it; "
                "to keep it until it is beaten, give initial_value_threshold",
                UserWarning,
                stacklevel=callers.level(),
            )
        _make_directory(self.filepath)  # a path that cannot be should not wait for the first epoch

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        if not logs.keys() >= set(self.required_logs):  # of an epoch that is not validated
            return
        if self.save_best_only:
            if not self.better(logs[self.monitor], self.best):
                return
            self.best = logs[self.monitor]
        path = self.filepath.format(**{**logs, "epoch": epoch + 1})
        _make_directory(path)
        model.save(path)
        self.last_path = path


checks.explain_unknown_arguments([ModelCheckpoint])


def _fields(filepath: str) -> list[str]:
    """Return the names of the fields of a path, after trying them out."""
    try:
        fields = [field for _, field, _, _ in Formatter().parse(filepath) if field is not None]
        wrong = [field for field in fields if not field.isidentifier()]
        if wrong:
            raise ValueError(f"a field is {{epoch}} or the name of a value, not {{{wrong[0]}}}")
        filepath.format(**{**dict.fromkeys(fields, 0.5), "epoch": 1})
    except (ValueError, LookupError) as error:
        raise ValueError(f"filepath={filepath!r} cannot be filled in: {error}") from None
    return fields


def _make_directory(path: str) -> None:
    directory = os.path.dirname(path)
    if directory and "{" not in directory:
        os.makedirs(directory, exist_ok=True)
