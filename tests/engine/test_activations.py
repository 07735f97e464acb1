"""Activation kernels against the oracle, at every length around the vector width."""

import numpy as np
import pytest

from nncore.activations import ACTIVATIONS
from nncore.reference.formulas import ACTIVATION, DERIVATIVE

NAMES = sorted({row.name for row in ACTIVATIONS.values()})
# Derivatives are taken from y, the oracle takes them from x: y near its limits holds fewer digits of the slope.
TOLERANCE = {"float32": {"rtol": 4e-6, "atol": 3e-7}, "float64": {"rtol": 1e-14, "atol": 1e-15}}


def shape_of(name, n):
    return (n, 1 + n % 7) if ACTIVATIONS[name].rowwise else (n,)


def parameter(name):
    return ACTIVATIONS[name].default


@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward(variant, name):
    rng = np.random.default_rng(1)
    tolerance = TOLERANCE[variant.DTYPE.name]
    for n in (0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100):
        x = (8 * rng.standard_normal(shape_of(name, n))).astype(variant.DTYPE)
        dy = rng.uniform(-1, 1, x.shape).astype(variant.DTYPE)
        y = variant.activate(name, x, parameter(name))
        exact = x.astype(np.float64)
        np.testing.assert_allclose(y, ACTIVATION[name](exact, parameter(name)), **tolerance)
        dx = variant.activate_backward(name, dy, x, y, parameter(name))
        expected = DERIVATIVE[name](exact, dy.astype(np.float64), parameter(name))
        np.testing.assert_allclose(dx, expected, **tolerance)


@pytest.mark.parametrize("name", [name for name in NAMES if not ACTIVATIONS[name].rowwise])
def test_nan_stays_nan(variant, name):
    x = np.array([1.0, np.nan, -1.0], variant.DTYPE)
    assert np.isnan(variant.activate(name, x, 0.5)).tolist() == [False, True, False]


def test_softmax_is_stable(variant):
    big = np.finfo(variant.DTYPE).max
    x = np.array([[big, -big, 0.0], [big, big, big], [-big, -big, -big], [0.0, 1e4, 1e4]], variant.DTYPE)
    expected = [[1, 0, 0], [1 / 3] * 3, [1 / 3] * 3, [0, 0.5, 0.5]]
    np.testing.assert_allclose(variant.activate("softmax", x, 0.0), expected, rtol=1e-6)


def test_softmax_of_wide_rows(variant):
    x = np.random.default_rng(2).standard_normal((3, 1000)).astype(variant.DTYPE) * 5
    y = variant.activate("softmax", x, 0.0)
    np.testing.assert_allclose(y.astype(np.float64).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(y, ACTIVATION["softmax"](x.astype(np.float64), 0.0), rtol=2e-5)


def test_relu_at_zero(variant):
    x = np.array([0.0, -0.0], variant.DTYPE)
    y = variant.activate("relu", x, 0.0)
    assert y.tolist() == [0.0, 0.0]
    assert variant.activate_backward("relu", np.ones_like(x), x, y, 0.0).tolist() == [0.0, 0.0]
