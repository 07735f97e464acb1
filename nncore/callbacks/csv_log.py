"""CSVLogger: a file that grows by a line with every epoch."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from nncore.base import checks, paths
from nncore.base.protocols import Model
from nncore.base.reading import open_regular
from nncore.base.spreadsheets import inert
from nncore.callbacks.hooks import whole


class CSVLogger:
    """Write what each epoch recorded to a CSV file, a row at once, so that it can be read while training runs.

    Columns: ``epoch``, counted from 0, then as in the history; a field is empty where an epoch lacks the value.

    Parameters
    ----------
    filename : str or path-like
        Replaced by each ``fit``, unless `append`.
    separator : str
        One character between the columns.
    append : bool
        Go on behind the rows that are there, which must have the same columns.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, the file is a named pipe, or the file to append to has other columns.
    OSError
        From ``fit``, before it trains, if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from nncore import Dense, Sequential
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = CSVLogger(f"{folder}/log.csv")
    ...     history = Sequential([Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=3, callbacks=log)
    ...     print(log.filename.read_text().splitlines()[0])
    epoch,loss,seconds,learning_rate
    """

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"separator must be one character, no quote and no line end, got {separator!r}")
        self.filename = Path(paths.expanded(filename))
        self.separator = separator
        self.append: bool = checks.flag("append", append)
        self._columns: list[str] | None = None

    def on_train_begin(self, model: Model) -> None:
        paths.check_no_pipe(self.filename)
        with open(self.filename, "a" if self.append else "w", encoding="utf-8"):
            self._columns = None  # it can be written
        if self.append:
            with open_regular(self.filename) as file, io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
                self._columns = next(csv.reader(text, delimiter=self.separator), None)

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> None:
        row = {inert(name): value for name, value in {"epoch": epoch, **whole(logs)}.items()}
        with open(self.filename, "a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=self.separator, lineterminator="\n")
            if self._columns is None:
                self._columns = list(row)
                writer.writerow(row)
            elif row.keys() != set(self._columns):
                raise self._other_columns(self._columns, list(row))
            writer.writerow([row[name] for name in self._columns])

    def _other_columns(self, there: list[str], here: list[str]) -> ValueError:
        return ValueError(
            f"cannot append to {str(self.filename)!r}: its columns are {', '.join(there)}, but this training records "
            f"{', '.join(here)}; give another filename, or append=False"
        )


checks.explain_unknown_arguments([CSVLogger])
