"""Decoupled weight decay takes at most all off a weight: more would turn its sign at every step."""

import numpy as np
import pytest

from nncore import SGD, AdamW, Dense, ExponentialDecay, Lion, PiecewiseConstant, Sequential

X, Y = np.random.default_rng(0).standard_normal((2, 40, 2))


def model(optimizer, **options):
    made = Sequential([Dense(3, "tanh", **options), Dense(2)], seed=1)
    made.compile(optimizer, "mse")
    return made


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [
        (AdamW(0.5, weight_decay=3), {}),
        (Lion(0.1, weight_decay=11), {}),
        (SGD(0.1), {"weight_decay": 11}),
        (AdamW(0.5, weight_decay=0.1), {"weight_decay": 2.5}),
        (AdamW(ExponentialDecay(0.5, 0.9), weight_decay=3), {}),
        (AdamW(PiecewiseConstant([0.1, 0.5], boundaries=[3]), weight_decay=3), {}),
    ],
    ids=str,
)
def test_decay_that_turns_signs_is_refused(optimizer, options):
    """Before anything changes, also where a schedule would come to it later."""
    made = model(optimizer, **options)
    with pytest.raises(ValueError, match=r"learning_rate \* weight_decay must be at most 1, got .* = 1\.\d+: "):
        made.fit(X, Y, epochs=8, batch_size=10)
    assert not made.built
    assert made.epoch == 0


def test_single_updates_as_well():
    made = model(AdamW(0.5, weight_decay=3))
    with pytest.raises(ValueError, match=r"got 0\.5 \* 3 = 1\.5"):
        made.train_on_batch(X, Y)
    assert not made.built


def test_a_schedule_may_end_before():
    made = model(AdamW(PiecewiseConstant([0.1, 0.5], boundaries=[3]), weight_decay=3))
    made.fit(X, Y, epochs=3)
    with pytest.raises(ValueError, match="weight_decay"):
        made.fit(X, Y, epochs=1)
    assert made.epoch == 3


def test_all_of_a_weight_may_decay():
    made = model(SGD(0.25), weight_decay=4)
    made.fit(X, Y, epochs=1)
    assert made.epoch == 1
