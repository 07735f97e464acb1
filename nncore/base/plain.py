"""Results as JSON knows them: for what a command prints and what the builder's pages are told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """Return nested results as plain ones; numbers that JSON does not know, NaN and the infinite ones, become None.

    Examples
    --------
    >>> plain({"loss": float("nan"), "counts": np.array([1, 2]), "names": ("a", "b")})
    {'loss': None, 'counts': [1, 2], 'names': ['a', 'b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
