"""Undo and redo: what the run was before each edit, weights included."""

from __future__ import annotations

from dataclasses import dataclass

from nncore.builder.data import Prepared
from nncore.builder.run import Loaded, Run
from nncore.history import Mark

MOST_KEPT = 20
MOST_BYTES = 64 * 2**20
MOST_BYTES_OF_DATA = 512 * 2**20
"""Of the data sets of all runs that are kept, each counted once: most edits leave the data as they are."""
MOST_BYTES_OF_HISTORY = 512 * 2**20
"""Of their histories, each counted once: those of one run have most of it in common."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A run as it was, with its data, and what was done to it then."""

    content: bytes
    history: Mark
    prepared: Prepared
    loaded: Loaded | None
    csv: str | None
    edit: str

    @classmethod
    def of(cls, run: Run, csv: str | None, edit: str) -> Kept:
        """Keep a run."""
        return cls(run.dump(), Mark(run.model.history), run.prepared, run.loaded, csv, edit)

    def run(self) -> Run:
        """Return the run."""
        return Run.restored(self.content, self.history.history(), self.prepared, self.loaded)


class Ring:
    """The latest kept runs: at most 20, 64 MB, and 512 MB of data and of histories; older ones go, never the last.

    Examples
    --------
    >>> from nncore.builder.data import prepare
    >>> from nncore.datasets.bundled import BUNDLED
    >>> from nncore.history import History
    >>> prepared = prepare(BUNDLED["iris"](), 0.2, standardize=True)
    >>> ring, mark = Ring(), Mark(History())
    >>> for i in range(30):
    ...     ring.push(Kept(bytes(10), mark, prepared, None, None, f"edit {i}"))
    >>> len(ring), ring.pop().edit
    (20, 'edit 29')
    """

    def __init__(self) -> None:
        self._kept: list[Kept] = []

    def push(self, kept: Kept) -> None:
        """Keep one more."""
        self._kept = [*self._kept, kept][-MOST_KEPT:]
        while len(self._kept) > 1 and (self._n_bytes() > MOST_BYTES or self._has_much_data() or self._has_long_past()):
            del self._kept[0]

    def _n_bytes(self) -> int:
        return sum(len(one.content) for one in self._kept)

    def _has_much_data(self) -> bool:
        sizes = {id(one.prepared): one.prepared.nbytes for one in self._kept}
        return len(sizes) > 1 and sum(sizes.values()) > MOST_BYTES_OF_DATA

    def _has_long_past(self) -> bool:
        sizes: dict[int, int] = {}
        for one in self._kept:
            sizes |= one.history.buffers
        return sum(sizes.values()) > MOST_BYTES_OF_HISTORY

    def pop(self) -> Kept:
        """Take the latest one."""
        return self._kept.pop()

    def clear(self) -> None:
        self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
