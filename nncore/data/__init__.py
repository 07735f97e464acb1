"""Data that do not fit into memory: rows that ``fit``, ``evaluate`` and ``predict`` read while they compute."""

from typing import TYPE_CHECKING

from nncore.base.lazy import loader

if TYPE_CHECKING:
    from nncore.data.batches import Batches
    from nncore.data.blocks import Blocks
    from nncore.data.of_files import files
    from nncore.data.rows import Rows

HOMES = {"batches": ("Batches",), "blocks": ("Blocks",), "of_files": ("files",), "rows": ("Rows",)}

__getattr__ = loader(__name__, HOMES)

__all__ = ["Batches", "Blocks", "Rows", "files"]
