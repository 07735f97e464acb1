"""Plan.step: what `train` does for one batch, on the caller's own arrays; and nothing at all where these do not fit."""

import numpy as np
import pytest
from engine_networks import LAYERED, data, layered_network, make_plan, mixed_network, network, read, state

from nncore import SGD, Adam, AdamW
from nncore.losses import LOSSES

LOSS_NAMES = sorted({cls.name for cls in LOSSES.values()})
MANY = 2**62


def trained(plan, X, target, weight, rate):
    rates = np.array([rate])
    return plan.train(X, target, weight, batch_size=len(X), shuffle=False, seed=3, learning_rates=rates).losses[0]


def check(variant, program, optimizer, sizes):
    one, other = (make_plan(variant, program, optimizer) for _ in range(2))
    for i, n in enumerate(sizes):
        X, target = data(program, n, variant.DTYPE, seed=i)
        weight = np.random.default_rng(i).random(n).astype(variant.DTYPE) if i % 2 else None
        if one.step(X, target, weight, 0.01, 3, MANY, None) is None:  # a batchnorm that has no room for so many yet
            assert program.statistics and state(one) == state(other)
            trained(one, X, target, weight, 0.01)
        else:
            assert not program.statistics or n <= max(sizes[:i])
        trained(other, X, target, weight, 0.01)
        assert state(one) == state(other)
        assert one.step(X, target, weight, 0.02, 3, n, None) == trained(other, X, target, weight, 0.02)
        assert state(one) == state(other)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_every_loss(variant, loss):
    for program in (mixed_network(loss), network([5, 17, 40, 9], "relu", loss)):
        check(variant, program, Adam(0.01), (7, 1, 61, 800))


@pytest.mark.parametrize("name", LAYERED)
def test_every_kind_of_layer(variant, name):
    check(variant, layered_network(name), AdamW(0.01, weight_decay=0.1, clip_norm=0.5), (7, 2, 61, 300))


def test_what_does_not_fit_changes_nothing(variant):
    program = network([5, 17, 3], "relu", "sparse_categorical_crossentropy")
    plan = make_plan(variant, program, SGD(0.1))
    X, target = data(program, 12, variant.DTYPE)
    weight, other = np.ones(12, variant.DTYPE), "f8" if variant.DTYPE.itemsize == 4 else "f4"
    before, flat = state(plan), read(plan) + 1
    for batch in (
        (X[:, :4].copy(), target, None),
        (X[::2], target[:6].copy(), None),
        (X.astype(other), target, None),
        (X.T.copy().T, target, None),
        (X.tolist(), target, None),
        (X, target.astype(np.uint32), None),
        (X, target.astype(np.int16), None),
        (X, target.astype(">i4"), None),
        (X, target[:11].copy(), None),
        (X, target[:, None], None),
        (X, target + 3, None),
        (X, None, None),
        (X, target, weight[:11].copy()),
        (X, target, -weight),
        (X, target, 0 * weight),
        (X, target, weight.astype(other)),
        (X, target, np.inf * weight),
        (np.nan * X, target, None),
        (np.inf * X, target, None),
    ):
        given = flat.copy()
        assert plan.step(*batch, 0.1, 0, MANY, given) is None
        assert given.tobytes() == flat.tobytes() and state(plan) == before
    assert plan.step(X, target, weight, 0.1, 0, 11, None) is None and state(plan) == before
    assert plan.step(X, target, weight, 0.1, 0, 12, None) > 0 and state(plan) != before


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
@pytest.mark.parametrize("width", [3, 40])
def test_shares_are_looked_at_one_by_one(variant, loss, width):
    """In every place of a row: lanes of vectors and what is left of them."""
    program = network([5, width], loss=loss)
    plan = make_plan(variant, program, SGD(0.1))
    X, target = data(program, 2, variant.DTYPE)
    before = state(plan)
    for place in range(width):
        for value in (-1e-3, 1.001, np.nan, np.inf, -np.inf, -1e-40):
            wrong = target.copy()
            if loss == "categorical_crossentropy":  # the sum stays as it is
                wrong[1] = 0
                wrong[1, place - 1] = 1 - (value if np.isfinite(value) else 0)
            wrong[1, place] = value
            assert plan.step(X, wrong, None, 0.1, 0, MANY, None) is None, (place, value)
    assert state(plan) == before
    for edge in (0, 1):
        right = target.copy()
        right[1] = np.eye(width)[0] if loss == "categorical_crossentropy" else edge
        assert plan.step(X, right, None, 0.1, 0, MANY, None) is not None


def test_shares_that_hardly_add_up_to_one(variant):
    program = network([5, 40], loss="categorical_crossentropy")
    plan = make_plan(variant, program, SGD(0.1))
    X, target = data(program, 6, variant.DTYPE)
    for factor, fits in ((0.9905, False), (1.0095, False), (0.992, True), (1.008, True)):
        wrong = target.copy()
        wrong[3] *= variant.DTYPE.type(factor)
        assert (plan.step(X, wrong, None, 0.1, 0, MANY, None) is not None) == fits


def test_parameters_from_outside(variant):
    program = network([5, 17, 3], "relu", "mean_squared_error")
    one, other = (make_plan(variant, program, Adam(0.01)) for _ in range(2))
    X, target = data(program, 12, variant.DTYPE)
    flat = read(one)
    for factor in (1.0, 0.5, 3.0):
        flat *= factor
        other.set_parameters(flat)
        assert one.step(X, target, None, 0.1, 0, MANY, flat) == trained(other, X, target, None, 0.1)
        assert state(one) == state(other) and flat.tobytes() == read(one).tobytes()


def test_parameters_that_are_none(variant):
    program = network([5, 17, 3], "relu", "mean_squared_error")
    plan = make_plan(variant, program, Adam(0.01))
    X, target = data(program, 12, variant.DTYPE)
    flat, other, before = read(plan), "f8" if variant.DTYPE.itemsize == 4 else "f4", state(plan)
    locked = flat.copy()
    locked.flags.writeable = False
    for wrong in (flat[1:].copy(), np.repeat(flat, 2)[::2], flat.astype(other), locked, flat.tolist(), 3):
        with pytest.raises(ValueError, match="flat must be a writable, C-contiguous array"):
            plan.step(X, target, None, 0.1, 0, MANY, wrong)
    assert state(plan) == before


def test_a_step_that_diverges_is_undone(variant):
    program = network([5, 17, 3], "relu", "mean_squared_error")
    plan = make_plan(variant, program, Adam(0.01))
    X, target = data(program, 12, variant.DTYPE)
    plan.step(X, target, None, 0.1, 0, MANY, None)
    before, flat = state(plan), read(plan)
    given = flat.copy()
    assert plan.step(X, np.full_like(target, np.finfo(variant.DTYPE).max), None, 0.1, 0, MANY, given) is None
    assert state(plan) == before and given.tobytes() == flat.tobytes()
