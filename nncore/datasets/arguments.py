"""Checks of the numbers that callers pass to public functions: those of `nncore.base.checks`, in words for learners."""

from __future__ import annotations

import math
from typing import Any

from nncore.base import checks


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value`, a whole number from `low` to `high` (None: as far as 64 bits go); booleans do not pass.

    Examples
    --------
    >>> whole("n_samples", 0, 1)
    Traceback (most recent call last):
        ...
    ValueError: n_samples must be a whole number of at least 1, got 0
    """
    try:
        return int(checks.integer(low, checks.COUNT if high is None else high)(name, value))
    except (TypeError, ValueError):
        span = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise ValueError(f"{name} must be a whole number {span}, got {checks.shown(value)}") from None


def finite(name: str, value: Any, low: float = -math.inf) -> float:
    """Return `value`, a finite number of at least `low`; booleans do not pass.

    Examples
    --------
    >>> finite("noise", "a", 0)
    Traceback (most recent call last):
        ...
    ValueError: noise must be a finite number of at least 0, got 'a'
    """
    try:
        return float(checks.real(low)(name, value))
    except (TypeError, ValueError):
        least = f" of at least {low:g}" if math.isfinite(low) else ""
        raise ValueError(f"{name} must be a finite number{least}, got {checks.shown(value)}") from None
