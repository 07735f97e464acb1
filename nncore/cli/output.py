"""What the commands write: text or JSON on stdout, and files that are never overwritten by accident."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nncore.base.plain import plain
from nncore.cli.errors import OutputError, UsageError


def check_output(path: str | None, *, force: bool, inputs: Iterable[str], option: str = "-o") -> None:
    """Refuse an output file, given by `option`, before any work is done for it.

    Raises
    ------
    UsageError
        If `path` exists and not `force`, is one of the input files, is a directory, or its folder does not exist.
    """
    if path is None:
        return
    output = Path(path)
    for name in inputs:
        if output.exists() and os.path.exists(name) and output.samefile(name):
            raise UsageError(f"the output {path} is also the input; name another file with {option}")
    if output.is_dir():
        raise UsageError(f"the output {path} is a folder; name a file in it with {option}")
    if output.exists() and not force:
        raise UsageError(f"{path} exists already; name another file with {option}, or overwrite it with --force")
    if not output.parent.is_dir():
        raise UsageError(f"the folder {output.parent} of the output does not exist; create it first")


@contextmanager
def writing(path: str | None) -> Iterator[None]:
    """Report an OSError while writing `path` (None: stdout) as an `OutputError`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path or 'to stdout'}: {error.strerror or error}") from None


def print_json(result: Any) -> None:
    """Write one JSON object; a number that JSON does not know (NaN, infinity) becomes null."""
    print_lines([json.dumps(plain(result), allow_nan=False)])


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to stdout."""
    with writing(None):
        for line in lines:
            print(line)
        sys.stdout.flush()


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text as aligned lines: the first column to the left, the others to the right.

    Examples
    --------
    >>> table([("name", "rows"), ("iris", "150")])
    ['name  rows', 'iris   150']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]
