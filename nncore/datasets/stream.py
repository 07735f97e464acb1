"""Open a file that may be gzipped, and say clearly when it cannot be read."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from nncore.base.paths import expanded
from nncore.base.reading import open_regular

GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def open_binary(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """Open `path` for reading bytes, decompressing it if it is gzipped.

    Raises
    ------
    OSError
        If the file does not exist, is a directory or may not be read.
    ValueError
        If it is no regular file (a pipe would hang), if its name ends in ``.gz`` but its bytes are not gzip, or if the
        compressed data are damaged or cut short.
    """
    path = Path(expanded(path))
    with open_regular(path) as file:
        gzipped = file.peek(2)[:2] == GZIP_MAGIC
        if path.suffix == ".gz" and not gzipped:
            raise ValueError(f"{path}: named .gz, but its content is not gzip")
        try:
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if gzipped else file
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: damaged gzip file ({error})") from None
