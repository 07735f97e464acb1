"""Powers and cosines that are the same in every bit on every machine.

NumPy's ``power`` and ``cos``, and those of the C library, round differently from one processor and system to another.
Only + - * /, and what merely moves bits, are rounded alike everywhere (IEEE 754); so everything here is made of them.

References: W. J. Cody and W. Waite (1980), "Software Manual for the Elementary Functions", for the way: reduce to a
short interval, evaluate a polynomial, scale. T. J. Dekker (1971), "A floating-point technique for extending the
available precision", for the exact product of two numbers as a sum of two. The polynomials are Taylor's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from nncore.base.typing import Floats

_EXP = [1 / math.factorial(k) for k in range(14)]
_COS = [(-1) ** k / math.factorial(2 * k) for k in range(9)]
_SIN = [(-1) ** k / math.factorial(2 * k + 1) for k in range(9)]
_ARTANH = [1 / (2 * k + 1) for k in range(13)]
_LN_2 = 0.6931471805599453
_ROOT_HALF = 0.7071067811865476
_SPLITTER = 2.0**27 + 1
_UNDERFLOW = 1100.0  # 2**-1075 is 0 already
_DIGITS = 50  # of the logarithm: more than two float64 hold


def power(base: float, exponents: Floats) -> Floats:
    """Return ``base**exponents`` for a base > 0 and <= 1 and exponents >= 0, within 2 units in the last place.

    Examples
    --------
    >>> power(0.5, np.array([0.0, 1.0, 2.5]))
    array([1.       , 0.5      , 0.1767767])
    """
    high, low = _log2(base)
    if not high:
        return np.ones_like(exponents)
    x = np.minimum(exponents, -_UNDERFLOW / high)
    product, error = _exact_product(x, high)
    return _exp2(product, error + x * low)


def powers(bases: Floats, exponent: float) -> Floats:
    """Return ``bases**exponent`` for bases from 0 to 1 and an exponent > 0.

    The relative error is at most ``(1 + exponent * (1 + abs(log2(base)))) * 2**-51``.

    Examples
    --------
    >>> powers(np.array([0.0, 0.25, 1.0]), 1.5)
    array([0.   , 0.125, 1.   ])
    """
    if exponent == 1:
        return bases
    fraction, whole = np.frexp(np.where(bases > 0, bases, 1))
    low = fraction < _ROOT_HALF
    fraction, whole = np.where(low, 2 * fraction, fraction), np.where(low, whole - 1, whole)
    # log(fraction) = 2 * artanh(s), by its series
    s = (fraction - 1) / (fraction + 1)
    logarithm = 2 * s * _polynomial(_ARTANH, s * s) / _LN_2 + whole
    power_of_2 = np.maximum(exponent * logarithm, -_UNDERFLOW)
    return np.where(bases > 0, _exp2(power_of_2, np.zeros_like(bases)), 0)


def cos_pi(x: Floats) -> Floats:
    """Return ``cos(pi * x)`` for x from 0 to 1, within 2 units in the last place.

    Examples
    --------
    >>> cos_pi(np.array([0.0, 0.25, 0.5, 1.0]))
    array([ 1.        ,  0.70710678,  0.        , -1.        ])
    """
    # Up to a quarter turn from the nearest place where it is 1, 0 or -1: these differences are exact.
    outer = np.minimum(x, 1 - x) * math.pi
    inner = (0.5 - x) * math.pi
    cosine = _polynomial(_COS, outer * outer)
    sine = inner * _polynomial(_SIN, inner * inner)
    return np.where(abs(x - 0.5) <= 0.25, sine, np.where(x < 0.5, cosine, -cosine))


@cache
def _log2(base: float) -> tuple[float, float]:
    """Return the logarithm as a sum of two numbers, from decimal arithmetic, which every Python has alike."""
    from decimal import Context, Decimal, localcontext  # here, not at the top, to keep `import nncore` quick

    with localcontext(Context(prec=_DIGITS)):
        exact = Decimal(base).ln() / Decimal(2).ln()
        return float(exact), float(exact - Decimal(float(exact)))


def _exp2(x: Floats, error: Floats) -> Floats:
    """Return ``2**(x + error)``."""
    whole = np.rint(x)
    rest = (x - whole) + error
    return np.ldexp(_polynomial(_EXP, rest * _LN_2), whole.astype(np.intc))


def _exact_product(x: Floats, y: float) -> tuple[Floats, Floats]:
    """Return the rounded product and what its rounding left out."""
    (x_high, x_low), (y_high, y_low) = _halves(x), _halves(np.array(y))
    product = x * y
    return product, x_low * y_low - (((product - x_high * y_high) - x_low * y_high) - x_high * y_low)


def _halves(x: Floats) -> tuple[Floats, Floats]:
    """Split numbers into two of 26 bits each, whose products are exact."""
    scaled = x * _SPLITTER
    high = scaled - (scaled - x)
    return high, x - high


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    """Return the sum of ``coefficients[k] * x**k`` by Horner's rule."""
    result = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result
