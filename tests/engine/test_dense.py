"""Dense kernels against a scalar chain of fused multiply-adds: equal bits, for every remainder of the tile sizes."""

import ctypes
import ctypes.util
import itertools

import numpy as np
import pytest
from conftest import VARIANTS

libm = ctypes.CDLL(ctypes.util.find_library("m"))
libm.fma.restype, libm.fma.argtypes = ctypes.c_double, [ctypes.c_double] * 3
libm.fmaf.restype, libm.fmaf.argtypes = ctypes.c_float, [ctypes.c_float] * 3
FMA = {"float32": np.frompyfunc(libm.fmaf, 3, 1), "float64": np.frompyfunc(libm.fma, 3, 1)}


def product(x, w, start):
    """start + x @ w, each output one chain of fma over k in ascending order."""
    y = np.broadcast_to(start, (x.shape[0], w.shape[1])).astype(object)
    for k in range(x.shape[1]):
        y = FMA[x.dtype.name](x[:, k, None], w[k], y)
    return y.astype(x.dtype)


def added(sums):
    """The sums of groups in a binary tree: the largest power of two less than their number, and the rest, likewise."""
    if len(sums) == 1:
        return sums[0]
    half = 1 << (len(sums) - 1).bit_length() - 1
    return added(sums[:half]) + added(sums[half:])


def by_groups(x, w):
    """x' w, a chain for every 256 rows."""
    starts = range(0, max(len(x), 1), 256)
    zero = x.dtype.type(0)
    return added([product(np.ascontiguousarray(x[i : i + 256].T), w[i : i + 256], zero) for i in starts])


def sizes(module):
    """(rows, inputs, outputs) around the tile: 0, 1, one less, exact, one more, and beyond."""
    mr, width = module.TILE_SHAPE
    rows = (0, 1, 2, mr - 1, mr, mr + 1, 2 * mr + 1)
    inputs = (0, 1, width // 2, width - 1, width, width + 1, 2 * width + 3)
    outputs = (0, 1, width // 2 - 1, width // 2, width // 2 + 1, width, width + 1)
    return itertools.product(rows, inputs, outputs)


def draw(rng, dtype, *shape):
    """Values of many magnitudes, so that the order of a sum shows in its bits."""
    return (rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4, shape)).astype(dtype)


def assert_equal_bits(actual, expected):
    assert actual.shape == expected.shape and actual.dtype == expected.dtype
    assert actual.tobytes() == expected.tobytes()


def test_forward_is_one_fma_chain(fused_variant):
    rng = np.random.default_rng(1)
    for n, n_in, n_out in sizes(fused_variant):
        x, w = draw(rng, fused_variant.DTYPE, n, n_in), draw(rng, fused_variant.DTYPE, n_in, n_out)
        b = draw(rng, fused_variant.DTYPE, n_out)
        assert_equal_bits(fused_variant.dense_forward(x, w, b, "identity", 0.0), product(x, w, b))


def test_few_outputs(fused_variant):
    """Of many inputs: then rows are the lanes, by one or two vectors; the rest of the rows goes the usual way."""
    rng, (_, width) = np.random.default_rng(6), fused_variant.TILE_SHAPE
    rows = (width // 2 - 1, width // 2, width - 1, width, 3 * width // 2 + 1)
    for n, n_in, n_out in itertools.product(rows, (31, 32, 33 + width, 32 + width + width // 2), (1, 2, 3, 4, 5)):
        x, w = draw(rng, fused_variant.DTYPE, n, n_in), draw(rng, fused_variant.DTYPE, n_in, n_out)
        b = draw(rng, fused_variant.DTYPE, n_out)
        assert_equal_bits(fused_variant.dense_forward(x, w, b, "identity", 0.0), product(x, w, b))
        any_input = draw(rng, fused_variant.DTYPE, n, n_out)
        dx, _, _ = fused_variant.dense_backward(any_input, np.ascontiguousarray(w.T), x)  # of few inputs: x @ w
        assert_equal_bits(dx, product(x, w, fused_variant.DTYPE.type(0)))


def test_backward_is_one_fma_chain(fused_variant):
    rng = np.random.default_rng(2)
    for n, n_in, n_out in sizes(fused_variant):
        x, w = draw(rng, fused_variant.DTYPE, n, n_in), draw(rng, fused_variant.DTYPE, n_in, n_out)
        dz = draw(rng, fused_variant.DTYPE, n, n_out)
        dx, dweight, dbias = fused_variant.dense_backward(x, w, dz)
        zero = fused_variant.DTYPE.type(0)
        assert_equal_bits(dx, product(dz, np.ascontiguousarray(w.T), zero))
        assert_equal_bits(dweight, product(np.ascontiguousarray(x.T), dz, zero))
        assert_equal_bits(dbias, sum(dz, np.zeros(n_out, fused_variant.DTYPE)))


GROUP_EDGES = [255, 256, 257, 511, 512, 513, 768, 769, 1024, 1281, 1793, 2100]


@pytest.mark.parametrize("n", GROUP_EDGES)
@pytest.mark.parametrize("n_out", [2, 40])
def test_gradients_of_many_rows_are_chains_of_256_in_a_tree(fused_variant, n, n_out):
    rng = np.random.default_rng(n)
    x, dz = draw(rng, fused_variant.DTYPE, n, 37), draw(rng, fused_variant.DTYPE, n, n_out)
    _, dweight, dbias = fused_variant.dense_backward(x, np.zeros((37, n_out), fused_variant.DTYPE), dz)
    assert_equal_bits(dweight, by_groups(x, dz))
    assert_equal_bits(dbias, by_groups(np.ones((n, 1), fused_variant.DTYPE), dz)[0])


@pytest.mark.parametrize("variant", [key for key in VARIANTS if "float32" in key], ids="-".join, indirect=True)
def test_twenty_million_ones_are_counted(variant):
    """A chain of float32 stops at 2^24; one of float64 would not."""
    ones = np.ones((20_000_000, 1), variant.DTYPE)
    _, dweight, dbias = variant.dense_backward(ones, ones[:1], ones)
    assert dweight[0, 0] == dbias[0] == 20_000_000


@pytest.mark.parametrize("n", [0, 1, 5, 13])
def test_integers_are_exact_in_every_variant(variant, n):
    """Sums that fit the mantissa leave nothing to round: the base variant has to be exact here too."""
    rng = np.random.default_rng(n)
    x, w = (rng.integers(-8, 9, shape).astype(variant.DTYPE) for shape in [(n, 37), (37, 41)])
    dz = rng.integers(-8, 9, (n, 41)).astype(variant.DTYPE)
    bias = np.arange(41, dtype=variant.DTYPE)
    assert np.array_equal(variant.dense_forward(x, w, bias, "identity", 0.0), x @ w + bias)
    dx, dweight, dbias = variant.dense_backward(x, w, dz)
    assert np.array_equal(dx, dz @ w.T)
    assert np.array_equal(dweight, x.T @ dz)
    assert np.array_equal(dbias, dz.sum(axis=0))


def test_base_is_close():
    rng = np.random.default_rng(3)
    for dtype, unit in (("float32", 2.0**-24), ("float64", 2.0**-53)):
        module = VARIANTS["base", dtype]
        for n, n_in, n_out in sizes(module):
            x, w = draw(rng, dtype, n, n_in), draw(rng, dtype, n_in, n_out)
            y = module.dense_forward(x, w, None, "identity", 0.0)
            bound = 2 * (n_in + 1) * unit * (abs(x).astype(float) @ abs(w).astype(float))
            assert np.all(abs(y - x.astype(np.longdouble) @ w.astype(np.longdouble)) <= bound)


def test_activation_is_applied_to_the_sums(variant):
    rng = np.random.default_rng(4)
    x, w = rng.standard_normal((7, 5)).astype(variant.DTYPE), rng.standard_normal((5, 19)).astype(variant.DTYPE)
    z = variant.dense_forward(x, w, None, "identity", 0.0)
    for name in variant.ACTIVATION_NAMES:
        y = variant.dense_forward(x, w, None, name, 0.5)
        assert_equal_bits(y, variant.activate(name, z, 0.5))


def test_transpose(variant):
    for n, m in itertools.product((0, 1, 3, 4, 7, 8, 9, 16, 17, 31, 33, 70), repeat=2):
        x = np.arange(n * m, dtype=variant.DTYPE).reshape(n, m)
        assert np.array_equal(variant.transpose(x), x.T)
