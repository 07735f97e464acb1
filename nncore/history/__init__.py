"""What training recorded: columns of one value per epoch, records of each layer, and both as files."""

from nncore.history.columns import Columns
from nncore.history.layers import LayerHistory
from nncore.history.marks import Mark
from nncore.history.record import History

__all__ = ["Columns", "History", "LayerHistory", "Mark"]
