"""Values of float32 and bfloat16 at which rounding is hard, for the tests of the oracle and of the engine."""

import math

import numpy as np

from nncore.reference.bfloat16 import flush, round_to_bfloat16

REGIMES = {  # of the exponents, biased by 127, of operands
    "around 1": (120, 132),
    "wide": (100, 160),
    "all": (0, 256),
    "products near the smallest": (56, 72),
    "tiny and subnormal": (0, 70),
    "products near the largest": (185, 196),
    "powers of two apart": (127 - 30, 127 + 30),
}
SPECIAL = ["0x0p0", "-0x0p0", "0x1p-149", "-0x1.fffffcp-127", "0x1p-126", "-0x1p-126", "0x1.fep127", "0x1.fffffep127"]
SPECIAL = np.array([*map(float.fromhex, SPECIAL), np.inf, -np.inf, np.nan, 1.0, -1.0], np.float32)


def draw(rng, regime, shape):
    """Return float32 values whose exponents are in a regime, some of few bits, some next to a value of bfloat16."""
    low, high = REGIMES[regime]
    bits = rng.integers(low, high, shape).astype(np.uint32) << 23
    kinds = np.array([0x000000, 0x010000, 0x7F0000, 0x7F8000, 0x7FFFFF], np.uint32)  # what remains of the fraction
    fraction = rng.integers(1 << 23, size=shape).astype(np.uint32) & rng.choice(kinds, shape)
    return (bits | fraction | rng.integers(2, size=shape).astype(np.uint32) << 31).view(np.float32)


def same(actual, expected):
    """Whether two arrays of float32 have the same bits, but for those of NaNs."""
    assert actual.dtype == expected.dtype == np.float32 and actual.shape == expected.shape
    both = np.isnan(actual) & np.isnan(expected)
    return bool((both | (actual.view(np.uint32) == expected.view(np.uint32))).all())


def triples(rng, regime, n):
    """Return a, b in bfloat16 and c: about minus the product, so and so far from it in size, or of its own."""
    a, b = (round_to_bfloat16(draw(rng, regime, n)) for _ in range(2))
    product = a.astype(np.float64) * b
    with np.errstate(all="ignore"):
        near = (-product * rng.choice([1, 1 + 2.0**-23, 1 - 2.0**-8, 2, 0.5], n)).astype(np.float32)
        far = np.ldexp(product, rng.integers(-34, 58, n) * rng.choice([1, -1], n)).astype(np.float32)
    c = np.select([np.arange(n) % 4 == 0, np.arange(n) % 4 == 1], [near, far], draw(rng, regime, n))
    return a, b, flush(c)


def at_the_edges():
    """Return triples around all that the proof names: ties, the bound of what is tiny, the one of what is infinite."""
    signs, found = np.array([1, -1], np.float32), []
    steps = np.array([1, 1 + 2.0**-7, 2 - 2.0**-7, 1.5], np.float32)
    tops = np.array([1, 1 + 2.0**-23, 2 - 2.0**-23, 1.5], np.float32)
    for exponent in (-126, -125, -100, 0, 100, 127):  # of c
        for below in (-10, -1, 0, 1, 7, 8, 16, *range(22, 34), 51, 52, 53, 80):  # so much smaller is the product
            low = exponent - below
            x, y = (np.float32(math.ldexp(1, part)) for part in (low // 2, low - low // 2))
            grid = np.meshgrid(x * steps, y * steps[:2], np.ldexp(tops, exponent), signs)
            found.append([grid[0] * grid[3], grid[1], grid[2]])
    for exponent in (-150, -127, -126, -125, 127, 128, 200):  # of the product
        x, y = (np.float32(math.ldexp(1, part)) for part in (exponent // 2, exponent - exponent // 2))
        others = [0.0, 2.0**-126, 2.0**-125, 2.0**-102, 1.0, 2.0**76, 2.0**99, 2.0**103, 2.0**104, 2.0**126, 2.0**127]
        grid = np.meshgrid(x * steps, y * steps, np.array(others, np.float32), signs, tops[:3])
        found.append([grid[0], grid[1], grid[2] * grid[3] * grid[4]])
    # 2**-126 less up to three times 2**-151: from more than once on it is tiny, up to twice the cast would not say so
    every = np.arange(1, 3, 2.0**-7, np.float32)
    grid = np.meshgrid(2.0**-75 * round_to_bfloat16(every), 2.0**-76 * signs, signs)
    found.append([grid[0], grid[1] * grid[2], -(2.0**-126) * grid[2]])
    a, b, c = (np.concatenate([triple[i].ravel() for triple in found]).astype(np.float32) for i in range(3))
    assert same(round_to_bfloat16(a), a) and same(round_to_bfloat16(b), b)
    return a, b, c


def special_triples():
    a, b, c = (grid.ravel() for grid in np.meshgrid(round_to_bfloat16(SPECIAL), round_to_bfloat16(SPECIAL), SPECIAL))
    return a, b, flush(c)


CASES = {
    **{regime: lambda regime=regime: triples(np.random.default_rng(3), regime, 4000) for regime in REGIMES},
    "edges": at_the_edges,
    "special": special_triples,
}


def as_chains(a, b, c):
    """Return x (n, 7) and weight (7, n), in bfloat16, whose product has fma(a, b, c) on its diagonal, from +0.

    The even chain sums up c, exactly, from three products of a power of two and 8 bits, and then adds a * b. c must be
    finite. What is beside the diagonal mixes the triples.
    """
    x, weight = np.zeros((len(c), 7), np.float32), np.zeros((7, len(c)), np.float32)
    rest = c.astype(np.float64)
    for k in (0, 2, 4):
        fraction, exponent = np.frexp(rest)
        half, upper = exponent // 2, np.trunc(256 * fraction) / 256
        x[:, k], weight[k] = np.ldexp(1.0, half), np.ldexp(upper, exponent - half)
        rest -= np.ldexp(upper, exponent)
    x[:, 6], weight[6] = a, b
    assert not rest.any()
    return x, weight
