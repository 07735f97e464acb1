"""Rules for the numbers that callers pass to public functions."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value`, a whole number from `low` to `high` (None: without end); NumPy's pass, booleans do not.

    Examples
    --------
    >>> whole("n_samples", 0, 1)
    Traceback (most recent call last):
        ...
    ValueError: n_samples must be a whole number of at least 1, got 0
    """
    is_whole = isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))
    if not is_whole or int(value) < low or (high is not None and int(value) > high):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {span}, got {value!r}")
    return int(value)


def finite(name: str, value: Any, low: float = -math.inf) -> float:
    """Return `value`, a finite number of at least `low`; booleans do not pass.

    Examples
    --------
    >>> finite("noise", "a", 0)
    Traceback (most recent call last):
        ...
    ValueError: noise must be a finite number of at least 0, got 'a'
    """
    is_number = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not is_number or not (math.isfinite(value) and value >= low):
        least = f" of at least {low:g}" if math.isfinite(low) else ""
        raise ValueError(f"{name} must be a finite number{least}, got {value!r}")
    return float(value)
