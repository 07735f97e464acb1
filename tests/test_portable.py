"""Arithmetic that is alike everywhere: how accurate it is, and that other instructions change none of its bits."""

import math
import os
import subprocess
import sys
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext

import numpy as np
import pytest

from nncore.base.portable import cos_pi, power, powers

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")
SMALLEST = math.ulp(0.0)
GRID = np.concatenate(
    [np.linspace(0, 1, 201), np.random.default_rng(0).uniform(size=200), 10.0 ** -np.arange(1, 300, 9)]
)


def units_off(found, exact):
    """Return the error in units of the last place of the exact value."""
    return float(abs(Decimal(float(found)) - exact) / Decimal(math.ulp(float(exact))))


def cosine(x):
    """Return cos(pi x), 50 digits of it, by Taylor's series."""
    square, term, total = (PI * Decimal(x)) ** 2, Decimal(1), Decimal(0)
    for k in range(0, 80, 2):
        total += term
        term *= -square / ((k + 1) * (k + 2))
    return total


@pytest.mark.parametrize("base", [0.1, 0.5, 0.9, 0.95, 0.999, 1 - 2**-53, 1e-3, 1e-300, SMALLEST])
def test_powers_are_accurate(base):
    exponents = np.concatenate([GRID, np.arange(1, 300, 7), [1e5, 1e9, 2.0**60]])
    with localcontext(Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        digits = +Decimal(base)  # 50 of up to 751, which would take seconds; 2^60 times their error is still nothing
        exact = [digits ** Decimal(x) for x in exponents.tolist()]
        worst = max(map(units_off, power(base, exponents), exact))
    assert worst <= 2
    normal = [(x, value) for x, value in zip(exponents, power(base, exponents), strict=True) if value > 1e-300]
    assert all(value == pytest.approx(math.pow(base, x), rel=2**-51, abs=0) for x, value in normal)


def test_powers_that_are_exact():
    assert power(1.0, np.array([0, 0.3, 1e300, np.inf])).tolist() == [1] * 4
    assert power(0.5, np.arange(1074.0)).tolist() == [2.0**-k for k in range(1074)]
    assert power(0.3, np.array([0, 1, 1e6, 1e308, np.inf])).tolist() == [1, 0.3, 0, 0, 0]
    assert power(SMALLEST, np.array([0.0, 1, 2, 1e308])).tolist() == [1, SMALLEST, 0, 0]


@pytest.mark.parametrize("exponent", [0.5, 0.9, 1.0, 3.0, 100.0])
def test_powers_of_many_bases_are_accurate(exponent):
    bases = GRID[GRID > 1e-20]
    with localcontext(Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        exact = [Decimal(x) ** Decimal(exponent) for x in bases.tolist()]
    found = powers(bases, exponent)
    for base, value, true in zip(bases.tolist(), found.tolist(), exact, strict=True):
        bound = (1 + exponent * (1 + abs(math.log2(base)))) * 2.0**-51
        assert true < Decimal("1e-290") or abs(Decimal(value) / true - 1) <= bound
    assert powers(np.array([0.0, 1.0]), exponent).tolist() == [0, 1]


def test_cosines_are_accurate():
    grid = GRID[GRID != 0.5].tolist()  # there it is 0, which has no units in the last place
    with localcontext(Context(prec=50)):
        assert max(map(units_off, cos_pi(np.array(grid)), map(cosine, grid))) <= 2
    assert cos_pi(np.array(grid)) == pytest.approx([math.cos(math.pi * x) for x in grid], rel=0, abs=2**-51)


def test_cosines_that_are_exact():
    assert cos_pi(np.array([0, 0.5, 1])).tolist() == [1, 0, -1]


RATES = """
from nncore.schedules import *
from nncore.schedules import SCHEDULES
from nncore.initializers import *
used = [
    PiecewiseConstant([0.1, 0.01], [20]), StepDecay(0.1, 0.3, 1), StepDecay(0.1), ExponentialDecay(0.1),
    ExponentialDecay(0.1, 0.7, 3), CosineDecay(0.1, 40, 5), CosineDecay(0.1, 40), OneCycle(0.1, 50),
    CosineDecayRestarts(0.1, 7, 1.3, 0.8), CosineDecayRestarts(0.1, 3, 1), InverseTimeDecay(0.1, decay_rate=0.3),
    PolynomialDecay(0.1, 20, power=0.9), PolynomialDecay(0.1, 7, power=2.2, cycle=True),
]
assert {type(schedule) for schedule in used} == set(SCHEDULES.values())
weights = [
    initialize(Orthogonal(), "tanh", (20, 33), seed=3, layer=1), initialize("orthogonal", "tanh", (64, 5), 0, 0),
    initialize(TruncatedNormal(2), "tanh", (64, 5), 0, 0),
]
rates = [schedule.of_steps(0, 50, 37) for schedule in used]
print(b"".join(values.tobytes() for values in rates + weights).hex())
"""
FEATURES = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V3 X86_V4"


def test_rates_are_the_same_without_the_processors_extensions():
    dispatched = set(np._core._multiarray_umath.__cpu_dispatch__) if hasattr(np, "_core") else set(FEATURES.split())
    without = " ".join(name for name in FEATURES.split() if name in dispatched)
    found = []
    for variables in ({}, {"NPY_DISABLE_CPU_FEATURES": without}):
        run = [sys.executable, "-W", "ignore", "-c", RATES]
        environment = {**os.environ, **variables}
        found.append(subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout)
    assert found[0] == found[1] and len(found[0]) > 8 * 50 * 37 * 16
