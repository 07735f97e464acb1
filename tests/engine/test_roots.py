"""Square roots by multiply-adds have the bits of the processor's own: so who takes which cannot be seen."""

import numpy as np
import pytest
from engine_networks import RULES, data, make_plan, network, state


@pytest.fixture
def fuse_roots(variant):
    """Sets for the engine module whether roots are taken by multiply-adds, which some processors do by themselves."""
    before = variant._fuse_roots(True)
    yield variant._fuse_roots
    variant._fuse_roots(before)


def assert_correct(variant, x):
    """NumPy's roots of the module's numbers are the processor's, which round as they should."""
    with np.errstate(invalid="ignore"):
        expected = np.sqrt(x)
    roots = variant._roots(x)
    np.testing.assert_array_equal(roots, expected)
    assert (np.signbit(roots) == np.signbit(expected))[x == 0].all()


def test_all_float32_mantissas(variant, fuse_roots):
    """Between 1 and 4; all others are 4**k times as large, which the next test tries."""
    if variant.DTYPE.name == "float32":
        for begin in range(0x3F800000, 0x40800000, 1 << 21):
            assert_correct(variant, np.arange(begin, begin + (1 << 21), dtype=np.uint32).view(np.float32))


def test_all_exponents(variant, fuse_roots):
    rng, info = np.random.default_rng(0), np.finfo(variant.DTYPE)
    bits = np.dtype(f"u{variant.DTYPE.itemsize}")
    limit = np.ldexp(1.0, 96 if info.bits == 32 else 960)  # from there on the processor takes the root
    special = [0, info.smallest_subnormal, info.tiny, info.max, np.inf, np.nan, limit, np.nextafter(limit, 0), 1, 4]
    for x in (
        np.array(special, variant.DTYPE),
        rng.integers(0, np.iinfo(bits).max // 2, 1_000_000, dtype=bits, endpoint=True).view(variant.DTYPE),
        rng.integers(0, 1 << info.nmant, 100_000, dtype=bits).view(variant.DTYPE),  # subnormal
        np.where(rng.random(100_000) < 0.5, 0, rng.random(100_000)).astype(variant.DTYPE),
    ):
        assert_correct(variant, x)
    assert_correct(variant, np.array([-1.0, -np.inf, -0.0], variant.DTYPE))
    assert_correct(variant, np.array([-0.0, 4.0, 0.0], variant.DTYPE))  # no number among them makes the processor do it


def odd_roots(d, k):
    """All M mod 2**k with M * M = d mod 2**k, for d = 1 mod 8."""
    root = 1
    for i in range(3, k):
        if (root * root - d) >> i & 1:
            root += 1 << (i - 1)
    return {sign * root + half & (1 << k) - 1 for sign in (1, -1) for half in (0, 1 << (k - 1))}


def near_ties(n):
    """Doubles from 1 to 4 whose roots are nearest to the middle between two neighbours, that is, to M / 2**53, M odd.

    x = X / 2**52 with 2**52 <= X < 2**53 has the root M / 2**53 if 2**54 * X = M * M; 2 x, if 2**55 * X = M * M. What
    is missing there is a d = 1 mod 8, and the smaller, the nearer.
    """
    for d in range(1 - 8 * n, 1 + 8 * n, 8):
        for double, shift in ((1, 54), (2, 55)):
            for m in odd_roots(d, shift):
                x = (m * m - d) >> shift
                if 2**52 <= x < 2**53:
                    yield float(double * x) / 2**52


def test_doubles_whose_roots_are_nearest_to_a_tie(variant, fuse_roots):
    if variant.DTYPE.name == "float64":
        x = np.array(sorted(near_ties(1000)))
        middle = (np.sqrt(x.astype(np.longdouble)) * 2**53) % 2 if np.finfo(np.longdouble).nmant >= 63 else 1
        assert len(x) > 2000 and np.all(abs(middle - 1) < 2e-3)
        assert_correct(variant, x)


@pytest.mark.parametrize("optimizer", [o for o in RULES if hasattr(o, "epsilon")], ids=repr)
def test_training(variant, optimizer, fuse_roots, threads):
    threads(1)
    program, results = network([30, 90, 70, 5], "relu"), set()
    for fuse in (True, False):
        fuse_roots(fuse)
        X, target = data(program, 600, variant.DTYPE)
        X[:, ::5] = 0  # some second moments stay 0, others decay until they vanish
        X[300:, 1::5] *= variant.DTYPE.type(1e-18)
        plan = make_plan(variant, program, optimizer, scale=0.1)
        plan.train(X, target, None, epochs=20, batch_size=50)
        results.add(state(plan))
    assert len(results) == 1
