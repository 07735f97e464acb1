"""JSONLogger: a file that grows by a JSON object with every epoch."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping
from pathlib import Path

from nncore.base import checks, paths
from nncore.base.protocols import Model
from nncore.callbacks.hooks import whole


class JSONLogger:
    """Write what each epoch recorded to a file of JSON lines, at once, so that it can be read while training runs.

    A line is an object: ``epoch``, counted from 0, ``time``, in seconds since 1970, then the values as in the history,
    null where one is not finite, or the epoch lacks it. That is what ``pandas.read_json(path, lines=True)``, jq and the
    importers of MLflow and others read.

    Parameters
    ----------
    filename : str or path-like
        Replaced by each ``fit``, unless `append`.
    append : bool
        Go on behind the lines that are there.
    tags : mapping of str to str or number, optional
        What every line is to have besides, such as ``{"run": "a"}``.

    Raises
    ------
    TypeError
        If an argument is wrong, or JSON has no form for a tag.
    OSError
        From ``fit``, before it trains, if the file cannot be written.

    Examples
    --------
    >>> import json, tempfile
    >>> from nncore import Dense, Sequential
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = JSONLogger(f"{folder}/log.jsonl", tags={"run": "a"})
    ...     history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, callbacks=log)
    ...     lines = [json.loads(line) for line in log.filename.read_text().splitlines()]
    >>> len(lines), list(lines[0])
    (3, ['run', 'epoch', 'time', 'loss', 'seconds', 'learning_rate'])
    """

    def __init__(
        self, filename: str | os.PathLike[str], append: bool = False, tags: Mapping[str, str | float] | None = None
    ) -> None:
        self.filename = Path(paths.expanded(filename))
        self.append: bool = checks.flag("append", append)
        self.tags = {} if tags is None else tags
        try:
            self.tags = dict(self.tags)
            json.dumps(self.tags, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise TypeError(f"tags must map str to strings and finite numbers, got {tags!r}: {error}") from error

    def on_train_begin(self, model: Model) -> None:
        paths.check_no_pipe(self.filename)
        with open(self.filename, "a" if self.append else "w", encoding="utf-8"):
            pass  # it can be written

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        values = {name: v if v is not None and math.isfinite(v) else None for name, v in whole(logs).items()}
        line = json.dumps({**self.tags, "epoch": epoch, "time": time.time(), **values}, allow_nan=False)
        with open(self.filename, "a", encoding="utf-8") as file:
            file.write(f"{line}\n")


checks.explain_unknown_arguments([JSONLogger])
