"""Optimizer dataclasses, their wire form, and the oracle's update rules against closed forms."""

import dataclasses
import json

import numpy as np
import pytest

from nncore import BatchNorm, Dense, LayerNorm, Sequential, optimizers, schedules
from nncore.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
from nncore.reference import update
from nncore.reference.formulas import UPDATE
from nncore.schedules import CosineDecay, PiecewiseConstant

ALL = [
    SGD(),
    SGD(0.1, 0.9),
    SGD(0.1, 0.9, True),
    RMSprop(),
    RMSprop(0.01, 0.5, 0.9, 1e-3),
    Adam(),
    Adam(0.1, 0, 0.5, 1),
    AdamW(),
    AdamW(0.1, weight_decay=0.5),
    AdamW(0.1, decay_bias=True),
    Adagrad(),
    Adagrad(0.1, 1e-3, clip_value=2),
    Nadam(),
    Nadam(0.1, 0.5, 0.75, 1),
    Lion(),
    Lion(0.1, 0.5, 0.75, 0.25, clip_norm=1),
    AdamW(0.1, amsgrad=True),
    RMSprop(centered=True),
    RMSprop(0.1, momentum=0.5, centered=True, weight_decay=0.5),
    SGD(0.1, 0.5, True, weight_decay=0.5, decay_bias=True),
    Adagrad(weight_decay=0.5),
    Nadam(weight_decay=0.5),
]
SCHEDULED = [SGD(PiecewiseConstant([0.1, 0.2], [3])), Lion(CosineDecay(0.1, 20, warmup_epochs=2), clip_norm=3)]


def test_table_and_oracle_know_the_same_names():
    assert sorted(OPTIMIZERS) == sorted(UPDATE)
    assert all(name == cls.name for name, cls in OPTIMIZERS.items())


@pytest.mark.parametrize("optimizer", [*ALL, *SCHEDULED], ids=repr)
def test_wire_form_round_trips(optimizer):
    assert optimizers.from_dict(json.loads(json.dumps(optimizers.to_dict(optimizer)))) == optimizer


@pytest.mark.parametrize("optimizer", [*ALL, *SCHEDULED], ids=repr)
def test_repr_is_what_one_would_write(optimizer):
    assert eval(repr(optimizer), {**vars(optimizers), **vars(schedules)}) == optimizer
    assert ("clip" in repr(optimizer)) is (optimizer.clip_value is not None or optimizer.clip_norm is not None)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_get_takes_every_name(name):
    assert optimizers.get(name) == OPTIMIZERS[name]()


@pytest.mark.parametrize(
    ("optimizer", "n_slots"),
    [
        *[(SGD(), 0), (SGD(momentum=0.5), 1), (RMSprop(), 1), (RMSprop(momentum=0.5), 2)],
        *[(Adagrad(), 1), (Adam(), 2), (AdamW(), 2), (Nadam(), 2), (Lion(), 1)],
        *[(Adam(amsgrad=True), 3), (RMSprop(centered=True), 2), (RMSprop(momentum=0.5, centered=True), 3)],
    ],
    ids=repr,
)
def test_n_slots(optimizer, n_slots):
    assert optimizer.n_slots == n_slots


def test_optimizers_are_immutable_and_hold_plain_numbers():
    optimizer = Adam(np.float32(0.5))
    with pytest.raises(dataclasses.FrozenInstanceError):
        optimizer.learning_rate = 1.0
    assert type(optimizer.learning_rate) is float
    assert Adam() != AdamW(weight_decay=0)


@pytest.mark.parametrize("cls", OPTIMIZERS.values())
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1e-9])
def test_learning_rate_must_be_a_finite_number_from_zero(cls, bad):
    with pytest.raises(ValueError, match=f"learning_rate must be a finite number >= 0, got {bad}"):
        cls(learning_rate=bad)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SGD(True), TypeError, "learning_rate must be .* got True of type bool"),
        (lambda: SGD(np.True_), TypeError, "learning_rate must be .* got .*True.* of type bool"),
        (lambda: SGD("0.1"), TypeError, "learning_rate must be .* got '0.1' of type str"),
        (lambda: SGD(None), TypeError, "learning_rate must be .* got None"),
        (lambda: SGD(np.array([0.1])), TypeError, "learning_rate must be .* of type ndarray"),
        (lambda: SGD(momentum=1.1), ValueError, "momentum must be a finite number >= 0 and <= 1, got 1.1"),
        (lambda: SGD(momentum=-0.1), ValueError, "momentum must be"),
        (lambda: SGD(momentum=0.9, nesterov=1), TypeError, "nesterov must be True or False, got 1"),
        (lambda: SGD(nesterov=True), ValueError, "nesterov=True needs a momentum > 0, got momentum=0.0"),
        (lambda: RMSprop(rho=1), ValueError, "rho must be a finite number >= 0 and < 1, got 1.0"),
        (lambda: RMSprop(epsilon=0), ValueError, "epsilon must be a finite number >= 1e-30, got 0.0"),
        (lambda: RMSprop(momentum=2), ValueError, "momentum must be"),
        (lambda: Adam(beta_1=1), ValueError, "beta_1 must be a finite number >= 0 and < 1, got 1.0"),
        (lambda: Adam(beta_2=-0.1), ValueError, "beta_2 must be"),
        (lambda: Adam(epsilon=float("nan")), ValueError, "epsilon must be"),
        (lambda: AdamW(weight_decay=-1), ValueError, "weight_decay must be a finite number >= 0, got -1.0"),
        (lambda: Lion(beta_1=1), ValueError, "beta_1 must be"),
        (lambda: Lion(beta_2=-1), ValueError, "beta_2 must be"),
        (lambda: Lion(weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda: AdamW(decay_bias=1), TypeError, "decay_bias must be True or False, got 1"),
        (lambda: SGD(weight_decay=-1), ValueError, "weight_decay must be a finite number >= 0, got -1.0"),
        (lambda: Nadam(decay_bias=1), TypeError, "decay_bias must be True or False, got 1"),
        (lambda: Adam(amsgrad=1), TypeError, "amsgrad must be True or False, got 1"),
        (lambda: RMSprop(centered=1), TypeError, "centered must be True or False, got 1"),
        (lambda: Nadam(amsgrad=True), TypeError, r"'amsgrad'; Adam and AdamW have it"),
        (lambda: Adam(weight_decay=0.1), TypeError, r"'weight_decay'; AdamW has it"),
        (lambda: Lion(decay_bias="yes"), TypeError, "decay_bias must be True or False, got 'yes'"),
        (lambda: Adagrad(epsilon=0), ValueError, "epsilon must be"),
        (lambda: SGD("cosine"), TypeError, "learning_rate must be .* or one of .*CosineDecay.*, got 'cosine'"),
        (lambda: SGD(CosineDecay), TypeError, "learning_rate must be .* of type ABCMeta"),
        (lambda: SGD(clip_value=0), ValueError, "clip_value must be a finite number > 0, got 0.0"),
        (lambda: Adam(clip_norm=-1), ValueError, "clip_norm must be a finite number > 0, got -1.0"),
        (lambda: Adam(clip_norm="1"), TypeError, "clip_norm must be .* got '1'"),
        (
            lambda: Adam(clip_norm=1, clip_value=2),
            ValueError,
            "clip_value or clip_norm, not both; got clip_value=2 and",
        ),
        (lambda: SGD(0.1, 0.9, False, 1.0), TypeError, "SGD takes .*nesterov by place; give 1.0 by name"),
        (lambda: SCHEDULED[0].rate, TypeError, r"not one number but PiecewiseConstant.*optimizer.at_epoch\(epoch\)"),
        (
            lambda: optimizers.from_dict({"type": "SGD", "learning_rate": {"type": "StepDecy"}}),
            ValueError,
            "unknown learning_rate type 'StepDecy'; did you mean 'StepDecay'",
        ),
        (lambda: optimizers.get("adma"), ValueError, "unknown optimizer 'adma'; did you mean 'adam'"),
        (lambda: optimizers.get(Adam), TypeError, "optimizer must be a name"),
        (lambda: optimizers.to_dict("adam"), TypeError, "optimizer must be one of SGD, .*, got 'adam'"),
        (lambda: optimizers.from_dict({"type": "Adam", "lr": 1}), ValueError, "unknown key of Adam 'lr'"),
        (lambda: optimizers.from_dict({"type": "adam"}), ValueError, "unknown optimizer type 'adam'"),
        (lambda: optimizers.from_dict(None), TypeError, "optimizer must be described by a dict, got None"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def after(optimizer, gradients, w=0.0, *, decayed=True):
    """Return where w is after one update per gradient."""
    decay = np.array([getattr(optimizer, "weight_decay", 0.0) * decayed])
    parameters, slots = np.array([w]), [np.zeros(1) for _ in range(optimizer.n_slots)]
    for t, g in enumerate(gradients, start=1):
        update(optimizer, parameters, np.array([float(g)]), slots, t, decay)
    return parameters[0]


@pytest.mark.parametrize(
    ("optimizer", "gradients", "expected"),
    [
        (SGD(0.1), [1, -3], 0.2),
        (SGD(0.1, momentum=0.5), [1, 1, 1], -(0.1 + 0.15 + 0.175)),
        (SGD(0.1, momentum=0.5), [1, 0, 0], -(0.1 + 0.05 + 0.025)),
        (SGD(0.1, momentum=0.5, nesterov=True), [1], -0.15),
        (SGD(0.1, momentum=0.5, nesterov=True), [1, 0], -(0.15 + 0.025)),
        (RMSprop(0.1, rho=0.75, epsilon=1), [2], -0.2 / 2),
        (RMSprop(0.1, rho=0.75, epsilon=1), [2, 0], -0.2 / 2),
        (RMSprop(0.1, rho=0.75, momentum=0.5, epsilon=1), [2, 0], -(0.1 + 0.05)),
        (Adam(0.1, 0.5, 0.75, epsilon=1), [2], -0.1 * 2 / (2 + 1)),
        (Adam(0.1, 0.0, 0.0, epsilon=1), [2, 4, 0], -0.1 * (2 / 3 + 4 / 5)),
        (Adagrad(0.1, epsilon=1), [3, 4], -0.1 * (3 / 4 + 4 / 6)),
        (Nadam(0.1, 0.5, 0.75, epsilon=1), [2], -0.1 * (0.5 * 1 / 0.75 + 0.5 * 2 / 0.5) / (2 + 1)),
        (Nadam(0.1, 0.0, 0.0, epsilon=1), [2, 4, 0], -0.1 * (2 / 3 + 4 / 5)),
        (Lion(0.1, 0.5, 0.75), [2, 0.5, -0.1, -1, 0], -0.1 * (1 + 1 + 1 - 1 + 1)),
        (Lion(0.1, 0.5, 0.75), [0], 0.0),
        (Adam(0.1, 0.0, 0.75, epsilon=1, amsgrad=True), [2], -0.1 * 2 / (2 + 1)),
        # v is 1, 0.75, 0.5625, under 1 - 0.75**t: 0.25, 0.4375, 0.578125; AMSGrad's stays 1
        (Adam(0.1, 0.0, 0.75, epsilon=1, amsgrad=True), [2, 0, 1], -0.1 * (2 / 3 + 1 / (0.578125**-0.5 + 1))),
        (RMSprop(0.1, rho=0.5, epsilon=1, centered=True), [2, 0], -0.1 * 2 / (1 + 1)),
        # v 2, 9; mean 1, 2.5: variances 1, 2.75
        (RMSprop(0.1, rho=0.5, epsilon=1, centered=True), [2, 4], -0.1 * (2 / 2 + 4 / (2.75**0.5 + 1))),
        (RMSprop(0.1, rho=0.5, momentum=0.5, epsilon=1, centered=True), [2, 0], -(0.1 + 0.05)),
    ],
    ids=repr,
)
def test_closed_form(optimizer, gradients, expected):
    assert after(optimizer, gradients) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("g", [3.0, -1e-3])
def test_adam_moves_by_its_learning_rate_under_a_constant_gradient(g):
    step = 0.1 * g / (abs(g) + 1e-8)  # the bias corrections make m = g and v = g**2 exactly
    assert after(Adam(0.1), [g] * 10) == pytest.approx(-10 * step, rel=1e-12)


def test_rmsprop_under_a_constant_gradient():
    expected = -sum(0.1 * 3 / (3 * np.sqrt(1 - 0.9**t) + 1e-7) for t in range(1, 11))
    assert after(RMSprop(0.1), [3] * 10) == pytest.approx(expected, rel=1e-12)


def test_adamw_shrinks_weights_but_not_biases():
    optimizer = AdamW(0.1, weight_decay=0.5)
    assert after(optimizer, [0] * 4, w=2.0) == pytest.approx(2 * 0.95**4, rel=1e-14)
    assert after(optimizer, [0] * 4, w=2.0, decayed=False) == 2.0


@pytest.mark.parametrize("kind", [Lion, SGD, RMSprop, Adagrad, Nadam])
def test_others_shrink_weights_but_not_biases(kind):
    optimizer = kind(0.1, weight_decay=0.5)
    assert after(optimizer, [0] * 4, w=2.0) == pytest.approx(2 * 0.95**4, rel=1e-14)
    assert after(optimizer, [0] * 4, w=2.0, decayed=False) == 2.0


@pytest.mark.parametrize("kind", [AdamW, Lion, RMSprop, Nadam])
@pytest.mark.parametrize("batch_size", [3, 500])  # one segment of rows, and several
def test_what_decays_with_and_without_decay_bias(kind, batch_size):
    """A last layer of zeros answers 0, as it should: no gradient, and nothing but the decay moves a parameter."""
    layers = [Dense(3, "tanh"), LayerNorm(), Dense(2, weight_decay=0.25), BatchNorm(), Dense(40), Dense(1)]
    X = np.random.default_rng(0).normal(size=(batch_size, 2))
    for also in (False, True):
        model = Sequential(layers, dtype="float64", seed=1)
        model.compile(kind(0.1, weight_decay=0.5, decay_bias=also))
        model.build(2)
        blocks = {block.name: slice(block.offset, block.offset + block.size) for block in model.program.parameters}
        model.parameters[:] = 2.0
        for name in ("dense_5.weight", "dense_5.bias"):
            model.parameters[blocks[name]] = 0.0
        model.fit(X, np.zeros(batch_size), epochs=4, batch_size=batch_size)
        for name, where in blocks.items():
            rate = 0.25 if name.startswith("dense_2") else 0.5
            left = 0.0 if name.startswith("dense_5") else 2.0 * (1 - 0.1 * rate) ** 4
            expected = left if also or name.endswith("weight") or not left else 2.0
            np.testing.assert_allclose(model.parameters[where], expected, rtol=1e-14, err_msg=name)


def test_adamw_without_decay_is_adam():
    gradients = np.random.default_rng(0).normal(size=10)
    assert after(AdamW(weight_decay=0), gradients) == after(Adam(), gradients)


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_learning_rate_zero_leaves_weights_alone(optimizer):
    frozen = dataclasses.replace(optimizer, learning_rate=0)
    assert after(frozen, [1, -2, 3], w=0.5) == 0.5


@pytest.mark.parametrize("optimizer", ALL, ids=repr)
def test_float32_stays_float32(optimizer):
    w, slots = np.ones(3, np.float32), [np.zeros(3, np.float32) for _ in range(optimizer.n_slots)]
    update(optimizer, w, np.ones(3, np.float32), slots, 1, np.array([0.5, 0.5, 0]))
    assert w.dtype == np.float32 and (w < 1).all()


def test_what_is_new_is_told_only_where_it_is_used():
    """So that files of models that do without go on being read by older versions."""
    assert optimizers.to_dict(SGD()) == {"type": "SGD", "learning_rate": 0.01, "momentum": 0.0, "nesterov": False}
    assert "amsgrad" not in optimizers.to_dict(AdamW()) and "centered" not in repr(RMSprop())
    assert optimizers.to_dict(Adam(amsgrad=True))["amsgrad"] is True
    assert repr(SGD(weight_decay=0.1)).endswith("nesterov=False, weight_decay=0.1)")


def test_another_meaning_of_the_second_slot_begins_anew():
    """Of two slots, RMSprop with a momentum and the centred one have but the first in common."""
    X = np.random.default_rng(0).normal(size=(12, 2))
    left = {}
    for first in (RMSprop(momentum=0.5), RMSprop(centered=True), None):
        model = Sequential([Dense(1)], seed=1, dtype="float64")
        model.compile(first or RMSprop())
        model.build(2)
        start = model.parameters.copy()
        if first is not None:
            model.fit(X, X[:, 0], batch_size=4)
        model.parameters[:] = start
        model.optimizer = RMSprop(centered=True)
        model.train_on_batch(X, X[:, 0])
        left[repr(first)] = model.parameters.copy()
    after_momentum, after_centred, fresh = left.values()
    assert np.array_equal(after_momentum, fresh) and not np.array_equal(after_centred, fresh)


def test_the_optimizer_of_one_moment():
    scheduled, constant = SGD(PiecewiseConstant([0.1, 0.2], [3]), momentum=0.5, clip_norm=1), SGD(0.3)
    assert scheduled.at_epoch(3.5) == SGD(0.2, momentum=0.5, clip_norm=1)
    assert (scheduled.rate_at(2.9), constant.rate_at(9), constant.rate) == (0.1, 0.3, 0.3)
    assert constant.at_epoch(9) is constant
    with pytest.raises(TypeError, match="at_epoch"):
        after(scheduled, [1])
