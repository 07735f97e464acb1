"""Open what a path names for reading, if it is a file: pipes would keep a reader waiting, some devices never end."""

from __future__ import annotations

import errno
import os
import re
import stat
from io import BufferedReader

from nncore.base.paths import expanded

KINDS = {stat.S_IFIFO: "a named pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}
FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(?=[^/])")  # one letter is a drive
AT_ONCE = getattr(os, "O_NONBLOCK", 0)  # without it, opening a named pipe would wait for someone to write to it


def on_address(path: str | os.PathLike[str]) -> str:
    """Return what to say of a path that is no file but an address in the web or of a store; nothing of another.

    Examples
    --------
    >>> on_address("https://example.org/a.csv"), on_address("a.csv")
    ("'https://example.org/a.csv' is an address, not a file; download it first, and name the file", '')
    """
    name = os.fsdecode(path)
    found = ADDRESS.match(name)
    if found is None:
        return ""
    rest = name[found.end() :]
    if found[1].lower() == "file":
        return f"{name!r} is an address, not a file; name the file by its path alone, /{rest.lstrip('/')}"
    return f"'{found[1]}://{rest}' is an address, not a file; download it first, and name the file"  # a Path lost a /


def open_regular(path: str | os.PathLike[str], error: type[ValueError] = ValueError) -> BufferedReader:
    """Open a regular file for reading bytes; a `~` at the beginning of `path` is the home directory.

    What has been opened is looked at, not the path, which may come to mean something else in between.

    Raises
    ------
    OSError
        If the file does not exist, is a directory or may not be read.
    ValueError
        Of the class `error`, if `path` is neither a file nor a directory, the address of a page, or no path at all;
        also if reading would wait, as of some files of Linux' ``/proc``.

    Examples
    --------
    >>> open_regular("/dev/null")
    Traceback (most recent call last):
        ...
    ValueError: '/dev/null' is not a regular file but a device; write what it holds to a file, and name that
    """
    try:
        descriptor = os.open(expanded(path), FLAGS | AT_ONCE)
    except OSError:
        if mend := on_address(path):
            raise error(mend) from None
        raise
    except ValueError as wrong:  # a NUL in it
        raise error(f"{os.fsdecode(path)!r} is no path: {wrong}") from None
    try:
        found = os.fstat(descriptor)
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fsdecode(path))
        if not stat.S_ISREG(mode):
            kind = KINDS.get(stat.S_IFMT(mode), "something else")
            name = os.fsdecode(path)
            raise error(f"{name!r} is not a regular file but {kind}; write what it holds to a file, and name that")
        if found.st_size == 0:
            _check_that_it_ends(descriptor, os.fsdecode(path), error)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_that_it_ends(descriptor: int, name: str, error: type[ValueError]) -> None:
    """Raise an `error` if reading a file that claims to be empty would wait, as a log of the system's does."""
    try:
        if AT_ONCE:
            os.pread(descriptor, 1, 0)
    except BlockingIOError:
        raise error(
            f"{name!r} is not a regular file: reading it waits for more; write what it holds to a file"
        ) from None
    except OSError:
        return  # whoever reads will hear it
