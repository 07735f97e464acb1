"""The oracle's bfloat16: against exact rational arithmetic, and against this processor's own instructions."""

import ctypes
import math
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from bfloat16_values import CASES, REGIMES, SPECIAL, as_chains, at_the_edges, draw, same, special_triples

from nncore.reference.bfloat16 import add, bfloat16_product, flush, multiply_add, round_to_bfloat16

SOURCE = Path(__file__).with_name("bfloat16_probe.c")
COMPILER = shutil.which("gcc") or shutil.which("cc")
CPUINFO = Path("/proc/cpuinfo")
FEATURES = CPUINFO.read_text(encoding="ascii", errors="replace").split() if CPUINFO.exists() else []

# --------------------------------------------------------------------------- the definition, in rational numbers


def rounded(x, n_bits):
    """The nearest number with n_bits significant bits, ties to even, of any exponent."""
    if x == 0:
        return x
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    exponent -= abs(x) < Fraction(2) ** exponent
    unit = Fraction(2) ** (exponent - n_bits + 1)
    return round(x / unit) * unit  # Python rounds a Fraction's tie to even


def as_float(x, n_bits):
    """A rational number, not 0, with n_bits and a float32's exponents; what is tiny then is a zero of its sign."""
    nearest, sign = rounded(x, n_bits), -1 if x < 0 else 1
    if abs(nearest) >= 2**128:
        return sign * math.inf
    return sign * 0.0 if abs(nearest) < Fraction(2) ** -126 else float(nearest)


def without_subnormal(x):
    return math.copysign(0.0, x) if abs(x) < 2.0**-126 else x


def exact_bfloat16(x):
    return x if not math.isfinite(x) or without_subnormal(x) == 0 else as_float(Fraction(x), 8)


def exact_fma(a, b, c):
    """a * b + c, operands and result without subnormal numbers, rounded once."""
    a, b, c = map(without_subnormal, (a, b, c))
    if not all(map(math.isfinite, (a, b, c))):
        return a * b + c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact:
        return as_float(exact, 24)
    negative = math.copysign(1, a) * math.copysign(1, b) < 0 and math.copysign(1, c) < 0
    return -0.0 if negative else 0.0


def exact_product(a, b, start):
    """The sum for one output: a, b lists of floats, taken 32 at a time."""
    a, b = ([*map(without_subnormal, map(exact_bfloat16, side)), *[0.0] * (-len(side) % 32)] for side in (a, b))
    total = without_subnormal(start)
    for k in range(0, len(a), 32):
        even = odd = 0.0
        for i in range(16):
            even = exact_fma(a[k + 2 * i], b[k + 2 * i], even)
            odd = exact_fma(a[k + 2 * i + 1], b[k + 2 * i + 1], odd)
        total = exact_fma(1.0, total, exact_fma(1.0, even, odd))
    return total


def exact_products(a, b, start):
    starts = np.broadcast_to(start, (len(a), b.shape[1]))
    sums = [exact_product(a[i].tolist(), b[:, j].tolist(), float(starts[i, j])) for i, j in np.ndindex(starts.shape)]
    return np.array(sums).reshape(starts.shape).astype(np.float32)


# -------------------------------------------------------------------------------------------------------- rounding


def patterns(rng, n):
    """Bits of float32: random ones, all that lie at a tie, and those next to them."""
    every = np.arange(1 << 16, dtype=np.uint32) << 16
    near = [every + step for step in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
    return np.concatenate([rng.integers(1 << 32, size=n, dtype=np.uint32), *near])


def test_rounding_of_bits_by_its_definition():
    """Every upper half there is, as integers: above a tie up, on it to the even one, and then the special values."""
    bits = patterns(np.random.default_rng(0), 1 << 18)
    sign, magnitude = bits >> 31, (bits & 0x7FFFFFFF).astype(np.int64)
    half, rest = magnitude >> 16, magnitude & 0xFFFF
    expected = half + ((rest > 0x8000) | ((rest == 0x8000) & (half % 2 == 1)))
    expected[magnitude < 0x00800000] = 0
    nan = magnitude > 0x7F800000
    expected[nan] = half[nan] | 0x40
    result = round_to_bfloat16(bits.view(np.float32)).view(np.uint32)
    np.testing.assert_array_equal(result, expected.astype(np.uint32) << 16 | sign << 31)
    assert nan.sum() > 2000 and (magnitude < 0x00800000).sum() > 2000


@pytest.mark.parametrize("regime", REGIMES)
def test_rounding_in_rational_numbers(regime):
    x = np.concatenate([draw(np.random.default_rng(1), regime, 2000), SPECIAL])
    expected = np.array([exact_bfloat16(v) for v in x.tolist()])
    expected[abs(x) < 2.0**-126] = np.copysign(0, x[abs(x) < 2.0**-126])
    assert same(round_to_bfloat16(x), expected.astype(np.float32))


def test_rounding_keeps_shapes_and_what_is_rounded():
    x = draw(np.random.default_rng(2), "all", (40, 30))
    once = round_to_bfloat16(x)
    assert same(round_to_bfloat16(once), once)
    assert same(round_to_bfloat16(x.T[::2]), np.ascontiguousarray(once.T[::2]))
    assert round_to_bfloat16(np.float32(1.01)) == 1.0078125
    assert round_to_bfloat16(np.zeros((0, 3), np.float32)).shape == (0, 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32])
def test_products_are_of_float32_alone(dtype):
    with pytest.raises(ValueError, match=rf"a and b must be arrays of float32, got {np.dtype(dtype)}"):
        bfloat16_product(np.ones((2, 3), np.float32), np.ones((3, 2), dtype))


@pytest.mark.parametrize("x", [[1.01, 500.9, -7], (1, 2**24 + 1), [[True]], np.float64(1.01), np.arange(300), 1e39, []])
def test_all_numbers_are_rounded_as_those_of_float32(x):
    with np.errstate(over="ignore"):
        expected = round_to_bfloat16(np.asarray(x, np.float32))
    assert same(round_to_bfloat16(x), expected) and round_to_bfloat16(x).dtype == np.float32


@pytest.mark.parametrize("x", [["1.01"], [1j], [None], np.array(["2020"], "datetime64[Y]")])
def test_what_is_no_number_is_not_rounded(x):
    with pytest.raises(ValueError, match="x must hold real numbers, got dtype"):
        round_to_bfloat16(x)


# ------------------------------------------------------------------------------------------- one fused multiply-add


@pytest.mark.parametrize("case", CASES)
def test_multiply_add_in_rational_numbers(case):
    a, b, c = CASES[case]()
    expected = [exact_fma(*map(float, triple)) for triple in zip(a, b, c, strict=True)]
    assert same(multiply_add(a, b, c), np.array(expected).astype(np.float32))


def test_the_edges_hold_what_a_plainer_computation_gets_wrong():
    """Flushing what the cast leaves subnormal, rather than what is tiny after rounding; rounding the product first."""
    a, b, c = at_the_edges()
    result, exact = multiply_add(a, b, c), a.astype(np.float64) * b + c
    with np.errstate(all="ignore"):
        cast_first = flush(exact.astype(np.float32))
        product_first = add(flush(a * b), c)
    assert (cast_first != result).sum() > 10
    assert (product_first != result).sum() > 10
    wrong = cast_first != result
    assert (result[wrong] == 0).all() and (abs(cast_first[wrong]) == np.float32(2.0**-126)).all()


@pytest.mark.parametrize("regime", REGIMES)
def test_add_in_rational_numbers(regime):
    rng = np.random.default_rng(4)
    x, y = (np.concatenate([flush(draw(rng, regime, 2000)), special_triples()[i]]) for i in (0, 2))
    x[:500] = -y[:500] * (1 + np.float32(2.0**-22))
    expected = [exact_fma(1.0, float(p), float(q)) for p, q in zip(x, y, strict=True)]
    assert same(add(x, y), np.array(expected).astype(np.float32))


# -------------------------------------------------------------------------------------------------- whole products


@pytest.mark.parametrize("n_k", [1, 2, 3, 31, 32, 33, 63, 64, 75])
def test_product_by_its_definition(n_k):
    rng = np.random.default_rng(n_k)
    for regime in REGIMES:
        a, b, start = draw(rng, regime, (2, n_k)), draw(rng, regime, (n_k, 3)), draw(rng, regime, 3)
        assert same(bfloat16_product(a, b, start), exact_products(a, b, start)), regime
    a, b = rng.choice(SPECIAL, (3, n_k)), rng.choice(SPECIAL, (n_k, 4))
    assert same(bfloat16_product(a, b), exact_products(a, b, 0.0))


def test_product_by_hand():
    """32 times 1 is one sum of two chains; what is added to 2**24 by chains counts, one by one it would not."""
    ones = np.ones((1, 64), np.float32)
    assert bfloat16_product(ones, ones.T, np.float32(2.0**24)).item() == 2.0**24 + 64
    large = np.array([[2.0**24, 1, 1, 1]], np.float32)  # even: 2**24 + 1, a tie, stays; odd: 2
    assert bfloat16_product(large, ones[:, :4].T).item() == 2.0**24 + 2
    large = np.array([[1, 2.0**24, 1, 1]], np.float32)
    assert bfloat16_product(large, ones[:, :4].T).item() == 2.0**24 + 2
    large = np.array([[2.0**24, 1, 1, 0, 1]], np.float32)  # even: twice a tie; odd: 1, a tie with it
    assert bfloat16_product(large, ones[:, :5].T).item() == 2.0**24


@pytest.mark.parametrize("case", [*REGIMES, "edges"])
def test_chains_end_with_the_multiply_add_that_they_are_made_for(case):
    """And so a whole product meets every edge that one multiply-add does."""
    a, b, c = (side[np.isfinite(CASES[case]()[2])][::9] for side in CASES[case]())
    with np.errstate(all="ignore"):
        others = flush((a.astype(np.float64) * b + c).astype(np.float32)) != multiply_add(a, b, c)
    assert others.any() or case != "edges"
    for i in range(0, len(c), 64):
        here = slice(i, i + 64)
        diagonal = np.diagonal(bfloat16_product(*as_chains(a[here], b[here], c[here])))
        assert same(diagonal.copy(), add(multiply_add(a[here], b[here], c[here]), np.float32(0)))


def test_zeros_that_fill_up_make_a_positive_zero():
    """A product that underflows is -0 and ends a full chain as -0; in a part of a block, +0 * +0 is added to it."""
    tiny = np.full((1, 32), 2.0**-100, np.float32)
    minus = np.float32(-0.0)
    assert np.signbit(bfloat16_product(tiny, -tiny.T, minus)).item()
    assert not np.signbit(bfloat16_product(tiny[:, :31], -tiny.T[:31], minus)).item()


def test_start_of_every_shape_and_its_precision():
    a, b = np.zeros((2, 5), np.float32), np.zeros((5, 3), np.float32)
    start = np.array([1 + 2.0**-23, 1e-39, -1e-39], np.float32)
    expected = np.tile(np.array([start[0], 0, 0], np.float32), (2, 1))
    assert same(bfloat16_product(a, b, start), expected)
    assert same(bfloat16_product(a, b, np.tile(start, (2, 1))), expected)
    assert same(bfloat16_product(a, b), np.zeros((2, 3), np.float32))
    assert same(bfloat16_product(a[:, :0], b[:0], start), np.tile(flush(start), (2, 1)))


# ---------------------------------------------------------------------------------------------- the processor's own


def probe(folder, define, *flags):
    library = folder / f"{define.lower()}.so"
    command = [COMPILER, "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-D{define}", *flags]
    subprocess.run([*command, str(SOURCE), "-o", str(library)], check=True)
    return ctypes.CDLL(str(library))


def compiles(*flags):
    """Whether there is a compiler, which knows these flags."""
    if COMPILER is None:
        return False
    command = [COMPILER, *flags, "-Werror", "-E", "-x", "c", "/dev/null"]
    return subprocess.run(command, capture_output=True).returncode == 0


def pointers(*arrays):
    assert all(array.flags.c_contiguous for array in arrays)
    return [array.ctypes.data_as(ctypes.c_void_p) for array in arrays]


needs_fma = pytest.mark.skipif(
    "fma" not in FEATURES or not compiles("-mfma"), reason="needs a processor with FMA and a C compiler"
)
needs_bf16 = pytest.mark.skipif(
    "avx512_bf16" not in FEATURES or not compiles("-mavx512bf16"),
    reason="needs a processor with AVX512_BF16 and a C compiler that knows it",
)


@pytest.fixture(scope="module")
def fma_probe(tmp_path_factory):
    return probe(tmp_path_factory.mktemp("probe"), "FMA", "-mfma")


@pytest.fixture(scope="module")
def bf16_probe(tmp_path_factory):
    return probe(tmp_path_factory.mktemp("probe"), "BF16", "-mavx512f", "-mavx512vl", "-mavx512bf16")


@needs_fma
@pytest.mark.parametrize("case", CASES)
def test_multiply_add_is_that_of_the_processor(fma_probe, case):
    a, b, c = map(np.ascontiguousarray, CASES[case]())
    out = np.empty_like(c)
    fma_probe.multiply_add(*pointers(a, b, c, out), ctypes.c_long(len(c)))
    assert same(multiply_add(a, b, c), out)


@needs_bf16
def test_rounding_is_that_of_the_processor(bf16_probe):
    bits = patterns(np.random.default_rng(5), 1 << 18)
    out = np.empty(len(bits), np.uint16)
    bf16_probe.round_to_bfloat16(*pointers(bits, out), ctypes.c_long(len(bits)))
    np.testing.assert_array_equal(round_to_bfloat16(bits.view(np.float32)).view(np.uint32) >> 16, out)


def halves(x):
    """The upper 16 bits of each value, rounded to bfloat16."""
    return (round_to_bfloat16(x).view(np.uint32) >> 16).astype(np.uint16)


@needs_bf16
@pytest.mark.parametrize("earlier", [0, 1])
@pytest.mark.parametrize("case", CASES)
def test_steps_of_a_chain_are_those_of_the_processor(bf16_probe, case, earlier):
    """VDPBF16PS is two multiply-adds; the other one here adds -0, which changes nothing, or the case's own product."""
    a, b, c = (np.pad(side, (0, -len(side) % 16)) for side in CASES[case]())
    zero, minus = np.zeros_like(c), np.full_like(c, -0.0)
    for other_a, other_b in ((minus, zero), (a[::-1], b[::-1])):
        pairs = np.stack([a, other_a]), np.stack([b, other_b])
        first, second = (np.ascontiguousarray(side[:: 1 if earlier == 0 else -1]) for side in pairs)
        out = np.empty_like(c)
        bf16_probe.two_steps(*pointers(halves(first), halves(second), c, out), ctypes.c_long(len(c)))
        expected = multiply_add(first[1], second[1], multiply_add(first[0], second[0], c))
        assert same(expected, out)


@needs_bf16
@pytest.mark.parametrize("regime", [*REGIMES, "special"])
def test_product_is_that_of_the_processor(bf16_probe, regime):
    rng = np.random.default_rng(6)
    if regime == "special":
        a, b, start = (rng.choice(SPECIAL, shape) for shape in ((64, 32), (32, 64), 64))
    else:
        a, b, start = (draw(rng, regime, shape) for shape in ((64, 160), (160, 64), 64))
    total = np.tile(start, (64, 1))
    sizes = (ctypes.c_long(size) for size in (len(a), *b.shape))
    bf16_probe.bfloat16_product(*pointers(halves(a), halves(b), total), *sizes)
    assert same(bfloat16_product(a, b, start), total)
