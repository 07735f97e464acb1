"""DATA that comes through standard input."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nncore.cli.errors import UsageError

STDIN = "-"


@contextmanager
def stdin_as_file(options: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """Yield the options with a file in the place of DATA if that is ``-``: tables are read more than once.

    Raises
    ------
    UsageError
        If nobody sends anything, or if what is done with the file raises one; both speak of stdin.
    """
    if options.data != STDIN:
        yield options
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "DATA is -, standard input, and nothing is sent there; for example: nncore predict M - < t.csv"
        )
    import shutil  # here, not at the top, to keep the other commands quick
    import tempfile

    with tempfile.TemporaryDirectory(prefix="nncore-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield argparse.Namespace(**{**vars(options), "data": str(path), "shown": "stdin"})
        except UsageError as error:
            raise UsageError(str(error).replace(str(path), "stdin")) from None
