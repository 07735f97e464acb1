"""Replace a file as a whole: whatever happens, its path holds the complete old content or the complete new one."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from nncore.base.paths import expanded

LONGEST_NAME = 200  # bytes of the original name kept in the temporary one; file systems stop at 255
ABANDONED = 86_400  # seconds after which a temporary file is nobody's


def write(path: str | os.PathLike[str], data: bytes | Iterable[memoryview]) -> None:
    """Write `data`, in one piece or in several, to `path` and return once it is on the disk.

    The bytes go to a new file in the same directory, which then takes the place of the old one. A symbolic link is
    followed: its target is replaced. The permissions of an existing file are kept; its owner and group, too, as far as
    the system lets this user give files away. If a process is killed while it saves, the new file stays; a later save
    to the same path removes it once it is a day old.

    Raises
    ------
    OSError
        If a step fails, naming it; the temporary file is then removed and the old file untouched. Also if `path` is a
        directory, a device or anything else but a regular file, or not writable.
    """
    target = os.path.realpath(expanded(path))
    old = _existing(target)
    directory, name = os.path.split(target)
    if not os.path.exists(directory):
        raise FileNotFoundError(errno.ENOENT, f"the folder {directory!r} does not exist; make it first", target)
    kept = os.fsdecode(os.fsencode(name)[:LONGEST_NAME])
    temporary = os.path.join(directory, f".{kept}.{os.urandom(8).hex()}.tmp")
    try:
        _write_new(temporary, target, [memoryview(data)] if isinstance(data, bytes) else data, old)
        with _step("put in place", target):
            os.replace(temporary, target)
    except BaseException as error:
        if not isinstance(error, FileExistsError):  # which says that somebody else made a file of this name
            _remove(temporary)
        raise
    with _step("make durable", target):
        _sync_directory(directory)
    _remove_abandoned(directory, kept)


def _existing(target: str) -> os.stat_result | None:
    """Return what the system says of an existing regular file, None if there is none."""
    try:
        found = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        kind = IsADirectoryError if stat.S_ISDIR(found.st_mode) else OSError
        raise kind(f"cannot save to {target!r}: it exists and is not a regular file")
    if not os.access(target, os.W_OK):  # replacing would work, but whoever took the permission away meant it
        raise PermissionError(errno.EACCES, "cannot replace the file: it is not writable", target)
    return found


def _write_new(temporary: str, target: str, pieces: Iterable[memoryview], old: os.stat_result | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    with _step("create a file beside", target):
        descriptor = os.open(temporary, flags, 0o666)
    try:
        with _step("write", target):
            if old is not None and hasattr(os, "fchmod"):
                _give(descriptor, old)
                os.fchmod(descriptor, stat.S_IMODE(old.st_mode))  # last: a change of owner takes bits away
            for left in pieces:
                while left:
                    left = left[os.write(descriptor, left) :]
        with _step("flush", target):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _give(descriptor: int, old: os.stat_result) -> None:
    """Give the new file to the owner and the group of the old one; without that right, to the group or not at all."""
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) == (old.st_uid, old.st_gid):
        return
    for owner in (old.st_uid, -1):
        with suppress(OSError):
            os.fchown(descriptor, owner, old.st_gid)
            return


def _sync_directory(directory: str) -> None:
    """Make the new name durable. Windows has no such call for a directory."""
    if os.name == "nt":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(temporary: str) -> None:
    try:
        os.unlink(temporary)
    except FileNotFoundError:
        return  # not created yet, or already renamed


def _remove_abandoned(directory: str, kept: str) -> None:
    """Remove what killed saves to this path left: this user's temporary files, older than any save takes."""
    pattern = re.compile(rf"\.{re.escape(kept)}\.[0-9a-f]{{16}}\.tmp")
    with suppress(OSError), os.scandir(directory) as entries:  # the file itself has been saved
        for name in [entry.name for entry in entries if pattern.fullmatch(entry.name)]:
            path = os.path.join(directory, name)
            found = os.lstat(path)
            ours = not hasattr(os, "geteuid") or found.st_uid == os.geteuid()
            if stat.S_ISREG(found.st_mode) and ours and time.time() - found.st_mtime > ABANDONED:
                _remove(path)


@contextmanager
def _step(step: str, target: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise type(error)(error.errno, f"cannot {step} the file: {os.strerror(error.errno)}", target) from error
