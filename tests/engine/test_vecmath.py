"""The vector functions in ulp against float64 (for float32) and 40-digit (for float64) references, and their edges."""

from functools import cache

import mpmath
import numpy as np
import pytest
from conftest import FUSED

from bench.ulp import FUNCTIONS, float32_reference, inputs, ulp_distance

N_FLOAT32 = 1 << 20
N_FLOAT64 = 3000

EXACT = {
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "erfc": mpmath.erfc,
}
# Where the function is neither constant nor undefined, (float32, float64).
DOMAIN = {
    "exp": [(-104, 89), (-746, 710)],
    "expm1": [(-18, 89), (-38, 710)],
    "log": [(0, 10), (0, 10)],
    "log1p": [(-1, 10), (-1, 10)],
    "tanh": [(-10, 10), (-20, 20)],
    "sigmoid": [(-104, 18), (-746, 38)],
    "softplus": [(-104, 20), (-746, 40)],
    "erf": [(-4, 4), (-6, 6)],
    "erfc": [(-4, 10.1), (-6, 27.3)],
}
SPECIAL = [0.0, 1.0, np.inf, np.nan]


def bound(dtype, name):
    row = FUNCTIONS[name]
    return {"float32": row.float32_bound, "float64": row.float64_bound}[dtype.name]


def strata(name, dtype, n):
    """n numbers evenly over the domain, n over some orders of magnitude about 0 and about 1, both signs, and edges."""
    rng = np.random.default_rng(20)
    info = np.finfo(dtype)
    low, high = DOMAIN[name][dtype == np.float64]
    small = 2.0 ** rng.uniform(np.log2(info.smallest_subnormal), 1, n // 4)
    tiny = 2.0 ** rng.uniform(np.log2(info.eps) - 2, 0, n // 4)
    parts = [rng.uniform(low, high, n), rng.uniform(-1.5, 1.5, n), small, -small, tiny, -tiny, 1 + tiny, 1 - tiny]
    edges = [info.tiny, info.max, info.smallest_subnormal, low, high, np.log(info.max), np.log(info.tiny)]
    around = np.array([*edges, *SPECIAL], dtype)
    x = np.concatenate([np.concatenate(parts).astype(dtype), around, -around])
    with np.errstate(over="ignore", invalid="ignore"):
        return np.concatenate([x, np.nextafter(around, dtype(0)), np.nextafter(around, dtype(np.inf))])


def exact(name, x):
    """The value at x, as the nearest float64."""
    if name in ("exp", "expm1", "softplus") and x > 1e5:
        return x if name == "softplus" else np.inf
    if (name in ("exp", "sigmoid", "softplus") and x < -1e5) or (name == "erfc" and x > 1e3):
        return 0.0
    if x == {"log": 0.0, "log1p": -1.0}.get(name):
        return -np.inf
    if not np.isfinite(x) or x < {"log": 0.0, "log1p": -1.0}.get(name, -np.inf):
        return float64_limit(name, x)
    return float(EXACT[name](mpmath.mpf(x)))


def float64_limit(name, x):
    with np.errstate(invalid="ignore"):
        return float(FUNCTIONS[name].reference(np.float64(x)))


@cache
def sample(name, dtype):
    """Inputs and their correctly rounded results."""
    if dtype == np.float32:
        x = np.concatenate([strata(name, dtype, N_FLOAT32 // 4), *inputs(N_FLOAT32)])
        return x, float32_reference(FUNCTIONS[name], x)
    x = strata(name, dtype, N_FLOAT64)
    with mpmath.workdps(40):
        return x, np.array([exact(name, float(value)) for value in x])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_ulp(variant, name):
    x, expected = sample(name, variant.DTYPE.type)
    y = variant.function(name, x)
    distance = ulp_distance(y, expected)
    worst = distance.argmax()
    assert distance[worst] <= bound(variant.DTYPE, name), (x[worst], y[worst], expected[worst])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_instruction_sets_agree(fused_variant, name):
    x, _ = sample(name, fused_variant.DTYPE.type)
    other = FUSED["avx2", fused_variant.DTYPE.name]
    np.testing.assert_array_equal(fused_variant.function(name, x), other.function(name, x))


def values(variant, name, *x):
    return variant.function(name, np.array(x, variant.DTYPE)).tolist()


def test_values_at_the_limits(variant):
    inf = np.inf
    assert values(variant, "exp", -inf, -1e4, 0.0, -0.0, 1e4, inf) == [0, 0, 1, 1, inf, inf]
    assert values(variant, "expm1", -inf, -1e4, 1e4, inf) == [-1, -1, inf, inf]
    assert values(variant, "log", 0.0, -0.0, 1.0, inf) == [-inf, -inf, 0, inf]
    assert values(variant, "log1p", -1.0, 0.0, inf) == [-inf, 0, inf]
    assert values(variant, "tanh", -inf, -100.0, 100.0, inf) == [-1, -1, 1, 1]
    assert values(variant, "sigmoid", -inf, -1e4, 0.0, 100.0, inf) == [0, 0, 0.5, 1, 1]
    assert values(variant, "softplus", -inf, -1e4, 100.0, inf) == [0, 0, 100, inf]
    assert values(variant, "erf", -inf, -100.0, 100.0, inf) == [-1, -1, 1, 1]
    assert values(variant, "erfc", -inf, -100.0, 0.0, 100.0, inf) == [2, 2, 1, 0, 0]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_nan(variant, name):
    assert np.isnan(values(variant, name, np.nan, -np.nan)).all()


def test_undefined_logarithms(variant):
    tiny = float(np.finfo(variant.DTYPE).smallest_subnormal)
    assert np.isnan(values(variant, "log", -tiny, -1.0, -np.inf)).all()
    below = float(np.nextafter(variant.DTYPE.type(-1), variant.DTYPE.type(-2)))
    assert np.isnan(values(variant, "log1p", below, -3.0, -np.inf)).all()


@pytest.mark.parametrize("name", ["expm1", "log1p", "tanh", "erf"])
def test_zero_keeps_its_sign(variant, name):
    y = values(variant, name, 0.0, -0.0)
    assert y == [0, 0]
    assert np.signbit(y).tolist() == [False, True]


def test_tanh_never_falls(variant):
    """In stretches of neighbours, also where its exponent changes; ``bench.ulp --monotone`` tries every float32."""
    info = np.finfo(variant.DTYPE)
    bits = {4: np.int32, 8: np.int64}[info.dtype.itemsize]
    rng = np.random.default_rng(0)
    switches = (np.arange(60) + 0.5) * np.log(2) / 2
    places = np.concatenate([switches, 10 ** rng.uniform(-3, 1.3, 1500), [0.25, 0.5, 1, 2, 4, 8]])
    x = (places.astype(variant.DTYPE).view(bits)[:, None] + np.arange(-400, 400, dtype=bits)).view(variant.DTYPE)
    y = variant.function("tanh", x.ravel()).reshape(x.shape)
    assert np.all(np.diff(y, axis=1) >= 0)
    assert y.max() == 1


@pytest.mark.parametrize("name", ["tanh", "erf"])
def test_odd_and_bounded(variant, name):
    x, _ = sample(name, variant.DTYPE.type)
    y = variant.function(name, x)
    np.testing.assert_array_equal(variant.function(name, -x), -y)
    assert np.nanmax(np.abs(y)) == 1


def test_gradual_underflow(variant):
    """exp reaches every binade of subnormal numbers, and rounds to 0 below half of the smallest."""
    info = np.finfo(variant.DTYPE)
    n = np.arange(info.minexp, info.minexp - info.nmant - 1, -1)
    x = (n * np.log(2.0)).astype(variant.DTYPE)
    y = variant.function("exp", x)
    expected = np.array([float(mpmath.exp(float(value))) for value in x], variant.DTYPE)
    np.testing.assert_allclose(y, expected, rtol=0, atol=info.smallest_subnormal)
    assert y[-1] > 0
    assert values(variant, "exp", (n[-1] - 1.1) * np.log(2.0)) == [0]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5, 8, 15, 16, 17, 33])
def test_lengths(variant, n):
    x = np.linspace(-2, 2, n).astype(variant.DTYPE)
    np.testing.assert_allclose(variant.function("tanh", x), np.tanh(x.astype(np.float64)), rtol=1e-6)
