"""What the commands write: text or JSON on stdout, and files that are never overwritten by accident."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from nncore.base.plain import plain
from nncore.cli.errors import OutputError, UsageError


def check_output(
    path: str | None, *, force: bool, inputs: Iterable[str], option: str = "-o", device: bool = False
) -> None:
    """Refuse an output file, given by `option`, before any work is done for it.

    Raises
    ------
    UsageError
        If `path` exists and not `force`, is one of the input files, is a directory, or its folder does not exist; if
        it could not be written; unless `device`, if it is anything else than a regular file.
    """
    if path is None:
        return
    output = Path(os.path.realpath(path))  # a link's file is replaced
    for name in inputs:
        if output.exists() and os.path.exists(name) and output.samefile(name):
            raise UsageError(f"the output {path} is also the input; name another file with {option}")
    if output.is_symlink():
        raise UsageError(f"the output {path} is a link that leads back to itself; name another file with {option}")
    if output.is_dir():
        raise UsageError(f"the output {path} is a folder; name a file in it with {option}")
    if output.exists() and not force:
        raise UsageError(f"{path} exists already; name another file with {option}, or overwrite it with --force")
    if not output.parent.is_dir():
        raise UsageError(f"the folder {_folder(path)} of the output does not exist; create it first")
    if output.exists() and not (device or output.is_file()):
        raise UsageError(
            f"the output {path} is a device or a pipe, which cannot be replaced; name a file with {option}"
        )
    if not os.access(output if output.exists() else output.parent, os.W_OK):
        raise UsageError(f"the output {path} cannot be written: permission denied; name another file with {option}")


def _folder(path: str) -> str:
    """Return what a path calls its folder; of a link, which folder its file would be in."""
    return os.path.dirname(os.path.realpath(path)) if os.path.islink(path) else str(Path(path).parent)


@contextmanager
def writing(path: str | None) -> Iterator[None]:
    """Report an OSError while writing `path` (None: stdout) as an `OutputError`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write {path or 'to stdout'}: {error.strerror or error}") from None


def say_on_stderr(message: str) -> None:
    """Say something beside the results, if there is anyone to hear it."""
    with suppress(OSError, AttributeError):  # the terminal may be gone, which is what SIGHUP says; or stderr closed
        print(f"nncore: {message}", file=sys.stderr)


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
