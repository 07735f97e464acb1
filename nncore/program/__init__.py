"""A model's layers as a *program*: a straight list of rows that the engine, or the NumPy reference, runs."""

from nncore.program.lowering import (
    Program,
    check_output,
    last_activation,
    lower,
    refuse_absurd_size,
    refuse_unsuitable_batch,
)
from nncore.program.rows import ParameterBlock, Row

__all__ = [
    "ParameterBlock",
    "Program",
    "Row",
    "check_output",
    "last_activation",
    "lower",
    "refuse_absurd_size",
    "refuse_unsuitable_batch",
]
