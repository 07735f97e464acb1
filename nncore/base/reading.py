"""Open what a path names for reading, if it is a file: pipes would keep a reader waiting, some devices never end."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def of_numpy(refusal: str) -> Iterator[None]:
    """Make one error of all that NumPy raises where a ``.npy`` or ``.npz`` file is damaged or forged.

    An array for which there is not enough memory remains a ``MemoryError``, in NumPy's words.

    Parameters
    ----------
    refusal : str
        How the message begins: the file's name, and what it is not.

    Raises
    ------
    ValueError
        For anything else that goes wrong within the block.

    Examples
    --------
    >>> with of_numpy("a.npz: not a readable NPZ file"):
    ...     raise EOFError("no data left in file")
    Traceback (most recent call last):
        ...
    ValueError: a.npz: not a readable NPZ file: no data left in file
    """
    import zlib  # here, not at the top: these would slow `import nncore`
    from tokenize import TokenError
    from zipfile import BadZipFile

    try:
        yield
    except (ValueError, TypeError, ArithmeticError, RuntimeError, EOFError, SyntaxError) as error:
        raise ValueError(f"{refusal}: {str(error)[:300]}") from None
    except (BadZipFile, zlib.error, TokenError) as error:
        raise ValueError(f"{refusal}: {error}") from None
    except MemoryError as error:
        if not _is_from_the_parser(error):
            raise
        raise ValueError(f"{refusal}: the header of an array in it is nested too deep") from None


def _is_from_the_parser(error: MemoryError) -> bool:
    """Tell whether Python's parser gave up, which calls that a lack of memory, too."""
    place = error.__traceback__
    while place is not None:
        if place.tb_frame.f_globals.get("__name__") == "ast":
            return True
        place = place.tb_next
    return False
