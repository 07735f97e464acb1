"""Which files that were made are current: by the contents of all that they were made of, never by times.

pip builds in an environment of its own, where NumPy's headers are always new, and no time tells that a flag changed.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def fingerprint(files: Iterable[Path], words: Iterable[object]) -> str:
    """One word for the contents of files, their names and the words: where any of them changes, so does it.

    >>> fingerprint([], ["-O3"]) == fingerprint([], ["-O3"])
    True
    >>> fingerprint([], ["-O3"]) == fingerprint([], ["-O2"])
    False
    """
    made_of = [(path.as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in sorted(files)]
    return hashlib.sha256(repr((made_of, list(words))).encode()).hexdigest()


def is_current(made: Path, stamp: Path, key: str) -> bool:
    """Whether a file is the one that was made of what `key` is the fingerprint of, as `mark` noted in `stamp`."""
    return made.is_file() and stamp.is_file() and stamp.read_text() == fingerprint([made], [key])


def mark(made: Path, stamp: Path, key: str) -> None:
    """Note that a file was just made of what `key` is the fingerprint of."""
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(fingerprint([made], [key]))
