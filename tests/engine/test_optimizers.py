"""Update kernels against the oracle: ten steps of every rule."""

import numpy as np
import pytest
from engine_networks import RULES

from nncore.reference import update

TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


@pytest.mark.parametrize("decay", [True, False])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_ten_steps(variant, optimizer, decay):
    rng = np.random.default_rng(1)
    for n in (0, 1, 15, 16, 17, 100):
        w = rng.standard_normal(n).astype(variant.DTYPE)
        slots = np.zeros((optimizer.n_slots, n), variant.DTYPE)
        rates = np.full(n, getattr(optimizer, "weight_decay", 0.0) * (decay or getattr(optimizer, "decay_bias", False)))
        exact_w, exact_slots = w.astype(np.float64), [np.zeros(n) for _ in range(optimizer.n_slots)]
        for t in range(1, 11):
            g = rng.standard_normal(n).astype(variant.DTYPE)
            variant.update(optimizer, w, g, slots, t, decay)
            update(optimizer, exact_w, g.astype(np.float64), exact_slots, t, rates)
        np.testing.assert_allclose(w, exact_w, rtol=0, atol=TOLERANCE[variant.DTYPE.name])
        for slot, exact in zip(slots, exact_slots, strict=True):
            np.testing.assert_allclose(slot, exact, rtol=1e-5, atol=TOLERANCE[variant.DTYPE.name])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_no_rule_hides_a_gradient_that_is_not_finite(variant, optimizer, bad):
    w, g = np.ones(20, variant.DTYPE), np.ones(20, variant.DTYPE)
    g[3] = bad
    variant.update(optimizer, w, g, np.zeros((optimizer.n_slots, 20), variant.DTYPE), 1, False)
    assert np.flatnonzero(~np.isfinite(w)).tolist() == [3]
