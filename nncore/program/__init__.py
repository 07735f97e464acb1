"""A model's layers as a *program*: a straight list of rows that the engine, or the NumPy reference, runs."""

from nncore.program.heads import Head, output_names
from nncore.program.lowering import (
    MIXED_BFLOAT16,
    Program,
    check_output,
    last_activation,
    lower,
    refuse_absurd_size,
    refuse_frozen,
    refuse_unsuitable_batch,
)
from nncore.program.row import ParameterBlock, Row, batch_columns

__all__ = [
    "MIXED_BFLOAT16",
    "Head",
    "ParameterBlock",
    "Program",
    "Row",
    "batch_columns",
    "check_output",
    "last_activation",
    "lower",
    "output_names",
    "refuse_absurd_size",
    "refuse_frozen",
    "refuse_unsuitable_batch",
]
