"""TensorBoard: log files for TensorBoard's pages."""

from __future__ import annotations

import os
from typing import Any

from nncore.base import checks, paths
from nncore.base.protocols import Model


class TensorBoard:
    """Write what each epoch recorded as scalars that TensorBoard shows: ``tensorboard --logdir logs``.

    Needs the package tensorboardX, which nncore does not install.

    Parameters
    ----------
    log_dir : str or path-like
        Directory of this run; made if missing. Runs to compare go into different directories under one.

    Raises
    ------
    ImportError
        If tensorboardX is not installed.

    Examples
    --------
    >>> from contextlib import suppress
    >>> from nncore import Dense, Sequential
    >>> with suppress(ImportError):  # if tensorboardX is missing
    ...     history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], callbacks=TensorBoard("logs/line"))
    """

    def __init__(self, log_dir: str | os.PathLike[str] = "logs") -> None:
        self.log_dir = paths.expanded(log_dir)
        _writer_class()
        self._writer: Any = None

    def on_train_begin(self, model: Model) -> None:
        self._writer = _writer_class()(self.log_dir)

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            self._writer.add_scalar(name, value, epoch)
        self._writer.flush()

    def on_train_end(self, model: Model) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


checks.explain_unknown_arguments([TensorBoard])


def _writer_class() -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError as error:
        command = "pip install tensorboardX"
        raise ImportError(f"TensorBoard needs the package tensorboardX; install it with: {command}") from error
    return SummaryWriter
