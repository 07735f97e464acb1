"""Undo and redo: what the run was before each edit, weights included."""

from __future__ import annotations

from dataclasses import dataclass

from nncore.builder.data import Prepared
from nncore.builder.run import Loaded, Run

MOST_KEPT = 20
MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, eq=False)
class Kept:
    """A run as it was, with its data, and what was done to it then."""

    content: bytes
    prepared: Prepared
    loaded: Loaded | None
    csv: str | None
    edit: str

    @classmethod
    def of(cls, run: Run, csv: str | None, edit: str) -> Kept:
        """Keep a run."""
        return cls(run.dump(), run.prepared, run.loaded, csv, edit)

    def run(self) -> Run:
        """Return the run."""
        return Run.restored(self.content, self.prepared, self.loaded)


class Ring:
    """The latest kept runs: at most 20 of them, and at most 64 MB; older ones are given up first.

    Examples
    --------
    >>> ring = Ring()
    >>> for i in range(30):
    ...     ring.push(Kept(bytes(10), None, None, None, f"edit {i}"))
    >>> len(ring), ring.pop().edit
    (20, 'edit 29')
    """

    def __init__(self) -> None:
        self._kept: list[Kept] = []

    def push(self, kept: Kept) -> None:
        """Keep one more."""
        self._kept = [*self._kept, kept][-MOST_KEPT:]
        while sum(len(one.content) for one in self._kept) > MOST_BYTES:
            del self._kept[0]

    def pop(self) -> Kept:
        """Take the latest one."""
        return self._kept.pop()

    def clear(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
