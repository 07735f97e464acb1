"""Training from a file larger than the memory allowed, beside the same network trained from memory.

``python -m bench streaming [--gigabytes N] [--quick] [--check]``

The file is sparse: it takes no room on the disk, and what is read of it comes from the page cache, as that of a file
which was read before. Each run is a process of its own, those that stream under a limit of their data; they take turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

LIMIT = 400 * 2**20  # bytes of memory: of data (RLIMIT_DATA), and resident at the most
LEAST = 0.9  # of the rate in memory
IN_MEMORY = 2**16  # rows of the network that is trained from memory
MOST_ROWS = 2**23  # of the file: what belongs to a row besides X is in memory, the label twice
ROUNDS = 5

CHILD = """
import json, resource, sys
import numpy as np
from nncore import Dense, Sequential, get_num_threads
from nncore.data import Rows

path, sizes, dtype, n, limit, block = json.loads(sys.argv[1])
model = Sequential([*(Dense(units, "relu") for units in sizes[1:-1]), Dense(sizes[-1], "softmax")], seed=0)
if path is None:
    X, shuffle = np.zeros((n, sizes[0]), "f4"), "block" if block else True
    data = X, np.arange(n, dtype="i4") % sizes[-1]
else:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    X, shuffle = np.memmap(path, dtype, "r", shape=(n, sizes[0])), None
    data = (Rows(X, np.arange(n, dtype="i4") % sizes[-1]),)
history = model.fit(*data, epochs=1 if path else 5, batch_size=128, shuffle=shuffle, verbose=0)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps([n / float(np.median(history["seconds"])), peak]))
"""


class Way(NamedTuple):
    """A network, and of what its rows in the file are."""

    sizes: tuple[int, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} of {self.dtype}"


WAYS = (Way((784, 128, 10), "uint8"), Way((784, 128, 10), "float32"), Way((13, 64, 64, 2), "float32"))


class Found(NamedTuple):
    """Of one way: rows in the file, medians over the rounds, and the largest peak.

    Attributes
    ----------
    rate, ratio : float
        Rows a second of what streams, and that by the rate in memory, shuffled by blocks, too.
    peak : int
        Bytes.
    """

    way: Way
    rows: int
    rate: float
    ratio: float
    peak: int


def _trained(path: Path | None, way: Way, n: int) -> tuple[float, int]:
    given = json.dumps([None if path is None else str(path), way.sizes, way.dtype, n, LIMIT, True])
    done = subprocess.run([sys.executable, "-c", CHILD, given], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{way}: {done.stderr.strip().splitlines()[-1]}")
    rate, peak = json.loads(done.stdout)
    return rate, peak


def measure(way: Way, path: Path, n_bytes: int, rounds: int) -> Found:
    """Train from the file and from memory in turns; rows of labels and of their order count as memory, too."""
    import numpy as np

    n = min(n_bytes // (way.sizes[0] * np.dtype(way.dtype).itemsize), MOST_ROWS)
    pairs = [(_trained(path, way, n), _trained(None, way, IN_MEMORY)) for _ in range(rounds)]
    ratio = median(streamed[0] / memory[0] for streamed, memory in pairs)
    return Found(way, n, median(streamed[0] for streamed, _ in pairs), ratio, max(streamed[1] for streamed, _ in pairs))


def run(gigabytes: float, quick: bool) -> list[Found]:
    """Return what was found of each way, with a file so large."""
    n_bytes = int(gigabytes * 2**30)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sparse"
        path.touch()
        os.truncate(path, n_bytes)
        return [measure(way, path, n_bytes, 1 if quick else ROUNDS) for way in WAYS]


def markdown(found: list[Found]) -> str:
    """Return the table of it."""
    lines = ["| network, rows | rows | rows/s | by memory's | peak |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one.way} | {one.rows:,} | {one.rate:,.0f} | {one.ratio:.2f} | {one.peak / 2**20:.0f} MB |" for one in found
    ]
    return "\n".join(lines)


def missed(found: list[Found]) -> list[str]:
    """Return what is below the bounds."""
    wrong: list[Any] = [f"{one.way}: {one.ratio:.2f} of the rate in memory" for one in found if one.ratio < LEAST]
    return wrong + [f"{one.way}: {one.peak / 2**20:.0f} MB" for one in found if one.peak > LIMIT]
