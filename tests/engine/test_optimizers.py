"""Update kernels against the oracle: ten steps of every rule."""

import numpy as np
import pytest

from nncore import SGD, Adam, AdamW, RMSprop
from nncore.reference import update

RULES = [
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(0.01),
    RMSprop(0.01, momentum=0.5),
    Adam(0.01),
    AdamW(0.01, weight_decay=0.1),
]
TOLERANCE = {"float32": 3e-6, "float64": 1e-13}


@pytest.mark.parametrize("decay", [True, False])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_ten_steps(variant, optimizer, decay):
    rng = np.random.default_rng(1)
    for n in (0, 1, 15, 16, 17, 100):
        w = rng.standard_normal(n).astype(variant.DTYPE)
        slots = np.zeros((optimizer.n_slots, n), variant.DTYPE)
        rates = np.full(n, getattr(optimizer, "weight_decay", 0.0) * decay)
        exact_w, exact_slots = w.astype(np.float64), [np.zeros(n) for _ in range(optimizer.n_slots)]
        for t in range(1, 11):
            g = rng.standard_normal(n).astype(variant.DTYPE)
            variant.update(optimizer, w, g, slots, t, decay)
            update(optimizer, exact_w, g.astype(np.float64), exact_slots, t, rates)
        np.testing.assert_allclose(w, exact_w, rtol=0, atol=TOLERANCE[variant.DTYPE.name])
        for slot, exact in zip(slots, exact_slots, strict=True):
            np.testing.assert_allclose(slot, exact, rtol=1e-5, atol=TOLERANCE[variant.DTYPE.name])
