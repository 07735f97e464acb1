"""The floating-point environment of a call: rounding to nearest, no traps, whatever another library has set."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from nncore._engine.runtime import begin_arithmetic, end_arithmetic

P = ParamSpec("P")
T = TypeVar("T")


def own_arithmetic(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function as if this thread rounded to nearest and trapped no floating-point exception.

    The engine sees to its own threads; this is for what NumPy computes around it. Afterwards the thread's own settings
    hold again.

    Examples
    --------
    >>> @own_arithmetic
    ... def third():
    ...     return 1 / 3
    >>> third()
    0.3333333333333333
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        before = begin_arithmetic()
        try:
            return function(*args, **kwargs)
        finally:
            end_arithmetic(before)

    return call
