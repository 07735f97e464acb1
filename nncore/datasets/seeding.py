"""Turn the `seed` of a public function into a random generator."""

from __future__ import annotations

import numpy as np

from nncore.base.random import generator
from nncore.datasets.arguments import whole


def seeded(seed: int, purpose: str) -> np.random.Generator:
    """Return the generator of `purpose` (a name from `nncore.base.random.PURPOSES`) for a checked seed.

    Raises
    ------
    ValueError
        If `seed` is no whole number from 0 to 2**64 - 1.

    Examples
    --------
    >>> seeded(-1, "data")
    Traceback (most recent call last):
        ...
    ValueError: seed must be a whole number from 0 to 18446744073709551615, got -1
    """
    return generator(whole("seed", seed, 0, 2**64 - 1), purpose)
