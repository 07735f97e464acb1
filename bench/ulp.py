"""Measure the engine's elementary functions on float32, in units in the last place (ulp).

    python -m bench.ulp [--functions exp,tanh] [--all] [--sample N] [--monotone]

Each function of `nncore.kernels` is compared with the correctly rounded result, taken from NumPy's and SciPy's float64
functions. `--all` tries every one of the 2^32 inputs, which takes some minutes for each function; otherwise a sample,
spread evenly over all exponents, is tried. The largest distance is printed for each function, and the exit status is 1
if it is beyond the function's bound. `--monotone` tries every float32 above 0 for whether tanh ever falls; that it is
odd, the tests hold. `NNCORE_ISA` chooses the instruction set.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special
from numpy.typing import NDArray

from nncore import engine, kernels

Array = NDArray[Any]
CHUNK = 1 << 22
STRIDE = 0x9E3779B1  # odd, about 2^32 / golden ratio: its multiples visit all of 2^32, and spread evenly before


@dataclass(frozen=True)
class Function:
    """An elementary function: its name in `nncore.kernels`, its float64 reference, and its largest errors in ulp."""

    name: str
    reference: Callable[[Array], Array]
    float32_bound: int
    float64_bound: int


FUNCTIONS = {
    row.name: row
    for row in (
        Function("exp", np.exp, 1, 1),
        Function("expm1", np.expm1, 1, 1),
        Function("log", np.log, 1, 1),
        Function("log1p", np.log1p, 1, 1),
        Function("tanh", np.tanh, 3, 3),
        Function("sigmoid", scipy.special.expit, 3, 3),
        Function("softplus", lambda x: np.logaddexp(0.0, x), 3, 3),
        Function("erf", scipy.special.erf, 1, 1),
        Function("erfc", scipy.special.erfc, 4, 4),
    )
}


def ulp_distance(actual: Array, expected: Array) -> Array:
    """Count the floating-point numbers from `expected` to `actual`.

    Parameters
    ----------
    actual, expected : ndarray of one shape and one dtype, float32 or float64

    Returns
    -------
    ndarray of uint64
        0 where both are NaN, and between 0 and -0; the largest integer where only one is NaN.

    Examples
    --------
    >>> ulp_distance(np.array([1.0, 0.0, np.nan]), np.array([1.0 + 2**-52, -5e-324, 0.0])).tolist()
    [1, 1, 18446744073709551615]
    """
    bits = np.dtype(f"i{actual.itemsize}")
    ranks = [a.view(bits).astype(np.int64) for a in (actual, expected)]
    a, b = (np.where(rank < 0, np.iinfo(bits).min - rank, rank) for rank in ranks)
    distance = np.maximum(a, b).view(np.uint64) - np.minimum(a, b).view(np.uint64)
    nan = np.isnan(actual), np.isnan(expected)
    distance[nan[0] != nan[1]] = np.iinfo(np.uint64).max
    distance[nan[0] & nan[1]] = 0
    return distance


def inputs(n: int, chunk: int = CHUNK) -> Iterator[Array]:
    """Yield n float32 bit patterns, evenly spread, in pieces; n = 2^32 gives each once, NaN and infinities too."""
    for start in range(0, n, chunk):
        k = np.arange(start, min(start + chunk, n), dtype=np.uint64)
        yield (k * np.uint64(STRIDE)).astype(np.uint32).view(np.float32)


def float32_reference(function: Function, x: Array) -> Array:
    """Return the function's values, rounded to float32, for float32 `x`."""
    with np.errstate(all="ignore"):
        return function.reference(x.astype(np.float64)).astype(np.float32)


def measure(function: Function, n: int) -> tuple[int, np.float32]:
    """Return the largest distance over n inputs, and an input where it occurs."""
    evaluate = getattr(kernels, function.name)
    largest, worst = 0, np.float32(0)
    for x in inputs(n):
        distance = ulp_distance(evaluate(x), float32_reference(function, x))
        i = int(distance.argmax())
        if distance[i] > largest:
            largest, worst = int(distance[i]), x[i]
    return largest, worst


def report(function: Function, n: int) -> bool:
    """Print one line on the function, and return whether it keeps its bound."""
    largest, worst = measure(function, n)
    kept = largest <= function.float32_bound
    print(
        f"{function.name:<9} {largest:>3} ulp (bound {function.float32_bound}) at {worst!s:>15}"
        f" = {float(worst).hex():<20} {'ok' if kept else 'BROKEN'}",
        flush=True,
    )
    return kept


def count_falls(evaluate: Callable[[Array], Array]) -> int:
    """Return at how many float32 above 0 a function of it is less than at the one before."""
    falls, last = 0, np.array([-np.inf], np.float32)
    for start in range(0, 0x7F800000, CHUNK):
        y = evaluate(np.arange(start, min(start + CHUNK, 0x7F800000), dtype=np.uint32).view(np.float32))
        falls += int(np.count_nonzero(np.diff(np.concatenate([last, y])) < 0))
        last = y[-1:]
    return falls


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.ulp", description="Errors of the elementary functions.")
    parser.add_argument("--functions", default=",".join(FUNCTIONS), help="names, separated by commas; default: all")
    parser.add_argument("--all", action="store_true", help="try all 2^32 inputs")
    parser.add_argument("--sample", type=int, default=1 << 24, metavar="N", help="how many inputs; default 2^24")
    parser.add_argument("--monotone", action="store_true", help="only count where tanh falls, of all float32")
    options = parser.parse_args(arguments)
    if options.monotone:
        falls = count_falls(kernels.tanh)
        print(f"float32, {engine.ISA}: tanh falls at {falls} inputs")
        return int(falls > 0)
    names = options.functions.split(",")
    unknown = sorted(set(names) - set(FUNCTIONS))
    if unknown:
        parser.error(f"unknown function {unknown[0]!r}; known: {', '.join(FUNCTIONS)}")
    n = 1 << 32 if options.all else options.sample
    print(f"float32, {engine.ISA}, {n} inputs")
    kept = [report(FUNCTIONS[name], n) for name in names]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
