"""What one core does at best: multiply-adds in registers, measured."""

from __future__ import annotations

import time
from typing import Any

from nncore.engine.select import BITS, CHOOSES_VECTORS, ISA, module

_ROUNDS, _SECONDS = 8, 2e-3
"""Turns of each module, and how long one lasts: a core needs some of it to settle on the clock for long vectors."""

_FIRST = 1_000_000
"""Floating-point operations of the first turn, some ten microseconds long: later ones go by what it took."""


def measure() -> dict[str, dict[str, float]]:
    """Return the GFLOP/s that one core reaches now, a multiply-add counting for two.

    The best of several turns, of those modules that networks here may get; all take less than a tenth of a second.
    Other work on the machine can only lower it. The floor of the benchmark is measured by the same loop.

    Returns
    -------
    dict of str to dict of str to float
        By dtype and instruction set.

    Examples
    --------
    >>> {dtype: min(of_isas.values()) > 0.01 for dtype, of_isas in measure().items()}
    {'float32': True, 'float64': True}
    """
    isas = ("avx512vl", "avx512") if CHOOSES_VECTORS else (ISA,)
    modules: dict[tuple[str, str], Any] = {(dtype, isa): module(isa, dtype) for dtype in BITS for isa in isas}
    best: dict[tuple[str, str], float] = {}
    for _ in range(_ROUNDS):
        for key, compiled in modules.items():
            wanted = round(best[key] * _SECONDS) if key in best else _FIRST
            start = time.perf_counter()
            done = compiled._multiply_adds(wanted)
            best[key] = max(done / (time.perf_counter() - start), best.get(key, 0.0))
    return {dtype: {isa: best[dtype, isa] / 1e9 for isa in isas} for dtype in BITS}
