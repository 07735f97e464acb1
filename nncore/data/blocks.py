"""How the rows of an epoch are shuffled where not all of them can be reached at once."""

from __future__ import annotations

from dataclasses import dataclass

from nncore.base import checks

BUFFER_ROWS, BLOCK_ROWS = 2**16, 1024
BUFFER_VALUES = 2**24  # of wide rows fewer: 64 MB of float32
FEWEST_BLOCKS = 16  # of a buffer: what is mixed in it should come from several places
SIZE = checks.optional(checks.integer(1, checks.COUNT))


@dataclass(frozen=True)
class Blocks:
    """``fit(shuffle="block")`` with sizes of your own: blocks of rows change places, and rows within a buffer.

    Rows that lie together are a block. Each epoch visits the blocks in a new order; as many of them as a buffer holds
    are mixed with each other, row by row, cut into batches and trained on before the next are read. The order depends
    on the model's seed, the epoch, the batch size and the sizes here alone, never on files, threads or memory.

    Parameters
    ----------
    buffer_rows : int, optional
        Rows that are mixed at a time, and twice as many are in memory; they are rounded down to whole batches. By
        default 65,536, or if that is fewer as many as hold 2**24 values.
    block_rows : int, optional
        Rows of a block; by default 1024, or if that is fewer a sixteenth of the buffer.

    Examples
    --------
    >>> Blocks(buffer_rows=1000).sizes(n_features=20, batch_size=32)
    (62, 992)
    """

    buffer_rows: int | None = None
    block_rows: int | None = None

    def __post_init__(self) -> None:
        checks.check(self, buffer_rows=SIZE, block_rows=SIZE)

    def sizes(self, n_features: int, batch_size: int) -> tuple[int, int]:
        """Return the rows of a block, and those of a buffer."""
        wanted = self.buffer_rows or min(BUFFER_ROWS, BUFFER_VALUES // n_features)
        buffer = max(1, wanted // batch_size) * batch_size
        return self.block_rows or max(1, min(BLOCK_ROWS, buffer // FEWEST_BLOCKS)), buffer


checks.explain_frozen([Blocks], "make another one")
