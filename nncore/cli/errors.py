"""What a command can fail with, and the exit codes that `main` turns it into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
"""The exit codes."""


class UsageError(Exception):
    """The command line, or a file it names, is wrong; the message says how to mend it."""


class OutputError(Exception):
    """A result could not be written."""


@contextmanager
def blamed_on_the_user(option: str = "") -> Iterator[None]:
    """Wrap only what depends on the user's words and files: there a ValueError or TypeError is a `UsageError`.

    If one `option` alone can be the cause, the message begins with it.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        raise UsageError(f"{option}: {error}" if option else str(error)) from error
