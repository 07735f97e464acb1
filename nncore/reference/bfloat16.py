"""The oracle's products of mixed_bfloat16: operands in bfloat16, sums in float32, in bits as AMX forms them.

A bfloat16 is the upper half of a float32: 8 bits of exponent, 7 of fraction. The sums are those of the instruction
TDPBF16PS: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS, "Operation". It takes 32
values of k: the even ones are one chain of 16 fused multiply-adds from +0, the odd ones another; the two sums are
added, then their sum to what was there. Every operation rounds to nearest, ties to even, whatever MXCSR says; subnormal
operands count as zeros of their sign (DAZ), and so do subnormal results (FTZ).

NumPy has neither a fused multiply-add nor flushing. `multiply_add` says why float64 does for the one; the other is done
by comparing. Arrays hold bfloat16 values as float32 whose lower half is 0. Which of two NaNs a sum hands on, and its
sign, is not defined; that it is one, is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nncore.base.bfloat16 import round_to_bfloat16
from nncore.reference.formulas import Array

BLOCK = 32
"""Values of k that are two chains, the even and the odd: those of one TDPBF16PS."""

SMALLEST = np.finfo(np.float32).tiny
"""2**-126, the smallest normal float32."""

TINY = 2.0**-126 - 2.0**-151
"""What is less in magnitude is tiny: rounded to 24 bits, as if exponents had no end, it stays below 2**-126."""


def flush(x: Array) -> Array:
    """Return float32 values, of which each subnormal one is a zero of its sign.

    Examples
    --------
    >>> flush(np.array([1e-37, -1e-39], np.float32))
    array([ 1.e-37, -0.e+00], dtype=float32)
    """
    return np.where(np.abs(x) < SMALLEST, np.copysign(np.float32(0), x), x)


def add(x: Array, y: Array) -> Array:
    """Return x + y in float32, flushed; a subnormal sum of two float32 is exact, so that it is tiny however rounded.

    Examples
    --------
    >>> x, y = np.array([1.5e-38, 3e38], np.float32), np.array([-1.25e-38, 3e38], np.float32)
    >>> add(x, y)
    array([ 0., inf], dtype=float32)
    """
    with np.errstate(all="ignore"):
        return flush(x + y)


# Why `multiply_add` may round twice. The product of two bfloat16 has 16 bits at most and an exponent of float64, so
# it is exact there; c has 24 bits. Call the larger of the two in magnitude L, with 2**e <= abs(L) < 2**(e + 1), the
# other S.
#
# - If every bit of S stands for 2**(e - 51) or more, the sum, less than 2**(e + 2), has 53 bits at most: float64
#   holds it, and it is rounded once, to float32.
# - Else the last bit of S stands for 2**(e - 52) or less, and, of 24 at most, its first for 2**(e - 29): abs(S) is
#   less than 2**(e - 28). So the sum lies within 2**(e - 28) of L, and rounded to float64 it still does, as these two
#   bounds are numbers of float64. All that lies there becomes L in float32, rounded once or twice: the nearest
#   numbers half-way to L's neighbours are 2**(e - 24) above it and, if L is a power of two, 2**(e - 25) below.
#
# The second case takes L for a normal float32. c is one, or zero, so only a product can be none:
#
# - If it is too large, it is 2**128 or more, having 16 bits. What lies within 2**(e - 28) of it becomes infinite, as
#   does all from 2**128 - 2**103 on.
# - If it is less than 2**-126, c is zero, not being larger, and the sum is the product: the first case.
#
# Flushed is what is tiny after rounding, as x86 has it (the manual above, volume 1, "Numeric Underflow Exception"):
# what is less than 2**-126 when rounded to 24 bits as if exponents had no end. That is what is less than `TINY`,
# half-way from 2**-126 to its neighbour below in 24 bits: `TINY` itself goes up, to the even one. Whether a sum is
# less float64 can say: the sums that it rounds lie within 2**(e - 28) of an L of 2**-126 or more. The steps of
# subnormal float32 are larger, so that the cast makes 2**-126 of some sums that are tiny, too: they are flushed
# before it.


def multiply_add(a: Array, b: Array, c: Array) -> Array:
    """Return fma(a, b, c), a * b + c rounded once, to float32, and flushed: by way of float64, as proved above.

    Parameters
    ----------
    a, b : ndarray of float32
        Values of bfloat16, none of them subnormal; their shapes broadcast.
    c : ndarray of float32
        None of them subnormal.

    Returns
    -------
    ndarray of float32

    Examples
    --------
    >>> one, tiny = np.array([1.0], np.float32), np.array([2.0**-24], np.float32)
    >>> multiply_add(np.float32(1 + 2.0**-7), tiny, one) - one  # more than half a step: up
    array([1.1920929e-07], dtype=float32)
    >>> multiply_add(one, tiny, one) - one  # a tie: to even
    array([0.], dtype=float32)
    """
    with np.errstate(all="ignore"):
        exact = np.multiply(a, b, dtype=np.float64) + c
        return np.where(np.abs(exact) < TINY, np.copysign(0.0, exact), exact).astype(np.float32)


def _chain(a: Array, b: Array) -> Array:
    """The sums (n, m) over k of a (n, k) times b (k, m), one multiply-add after the other, from +0."""
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(len(b)):
        total = multiply_add(a[:, k : k + 1], b[k], total)
    return total


def _blocks(a: Array) -> Array:
    """A matrix (n, k) rounded to bfloat16, its rows filled up with zeros to whole blocks."""
    return np.pad(round_to_bfloat16(a), ((0, 0), (0, -a.shape[1] % BLOCK)))


def bfloat16_product(a: Array, b: Array, start: npt.ArrayLike = 0.0) -> Array:
    """Return ``start + a @ b``, both operands rounded to bfloat16, summed in float32 in the order of TDPBF16PS.

    Of each 32 values of k, ``even`` and ``odd`` are chains of 16 `multiply_add`; ``total`` becomes ``total + (even +
    odd)``. Zeros fill the last 32 up: they change no value, but make +0 of a chain's -0.

    Parameters
    ----------
    a : ndarray of float32, of shape (n, n_k)
    b : ndarray of float32, of shape (n_k, m)
    start : array_like of float32, of shape () or (m,) or (n, m)
        What the sums begin with. It is not rounded to bfloat16; a subnormal value counts as zero.

    Returns
    -------
    ndarray of float32, of shape (n, m)

    Raises
    ------
    ValueError
        If `a` or `b` is of another dtype than float32.

    Examples
    --------
    Rounded, 1.01 is 1.0078125; the bias keeps its value:

    >>> x, weight = np.array([[1.01, 2.0]], np.float32), np.array([[1.0], [4.0]], np.float32)
    >>> bfloat16_product(x, weight, np.array([0.01], np.float32))
    array([[9.017813]], dtype=float32)
    """
    for operand in (a, b):
        if operand.dtype != np.float32:
            raise ValueError(f"a and b must be arrays of float32, got {operand.dtype}; use astype(np.float32)")
    left, right = _blocks(a), _blocks(b.T).T
    total: Array = np.broadcast_to(flush(np.asarray(start, np.float32)), (len(a), b.shape[1])).copy()
    for k in range(0, a.shape[1], BLOCK):
        even, odd = (_chain(left[:, i : k + BLOCK : 2], right[i : k + BLOCK : 2]) for i in (k, k + 1))
        total = add(total, add(even, odd))
    return total
