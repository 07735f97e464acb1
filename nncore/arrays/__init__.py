"""What the caller passed as X, y and weights, checked and converted to the arrays that the engine reads."""

from nncore.arrays.data import Data, data_for, split_validation

__all__ = ["Data", "data_for", "split_validation"]
