"""Schedules: closed forms, the rates of steps, what training makes of them, and that it goes on exactly."""

import dataclasses
import json
import math
import pickle

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Adam,
    AdamW,
    CosineDecay,
    CosineDecayRestarts,
    Dense,
    ExponentialDecay,
    InverseTimeDecay,
    OneCycle,
    PiecewiseConstant,
    PolynomialDecay,
    Sequential,
    StepDecay,
    TrainingDiverged,
    optimizers,
    schedules,
)
from nncore.base.random import permutation
from nncore.program import lower
from nncore.reference import decay_rates, loss_and_gradient, update
from nncore.training import batches

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = X[:, :1] * 2

ALL = [
    PiecewiseConstant([0.1, 0.01, 0.05], [1.5, 3]),
    PiecewiseConstant([0.1], []),
    StepDecay(0.1, 0.5, 2),
    ExponentialDecay(0.1, 0.9, 1.5),
    CosineDecay(0.1, 6),
    CosineDecay(0.1, 6, warmup_epochs=2, final_rate=0.01, initial_rate=0.02),
    OneCycle(0.1, 6),
    OneCycle(0.1, 6, 0.5, 0.01, 0.001),
    PolynomialDecay(0.1, 4, power=0.9),
    PolynomialDecay(0.1, 4, 0.02, 2, cycle=True),
    InverseTimeDecay(0.1, decay_rate=0.5, every=2),
    InverseTimeDecay(0.1, every=3, staircase=True),
    CosineDecayRestarts(0.1, 1.5),
    CosineDecayRestarts(0.1, 2, 1, 0.5, 0.01),
]


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (ALL[0], {0: 0.1, 1.49: 0.1, 1.5: 0.01, 2.9: 0.01, 3: 0.05, 100: 0.05}),
        (ALL[1], {0: 0.1, 9: 0.1}),
        (ALL[2], {0: 0.1, 1.99: 0.1, 2: 0.05, 4: 0.025, 7: 0.0125}),
        (ALL[3], {0: 0.1, 1.5: 0.09, 3: 0.081, 1: 0.1 * 0.9 ** (2 / 3)}),
        (ALL[4], {0: 0.1, 2: 0.075, 3: 0.05, 4: 0.025, 6: 0, 100: 0}),
        (ALL[5], {0: 0.02, 1: 0.06, 2: 0.1, 4: 0.055, 6: 0.01, 100: 0.01}),
        (CosineDecay(0.1, 6, warmup_epochs=2), {0: 0.004, 2: 0.1}),
        (ALL[6], {0: 0.004, 1.8: 0.1, 6: 4e-7, 100: 4e-7, 0.9: 0.052}),
        (ALL[7], {0: 0.01, 1.5: 0.055, 3: 0.1, 4.5: 0.0505, 6: 0.001, 100: 0.001}),
        (ALL[8], {0: 0.1, 1: 0.0001 + 0.0999 * 0.75**0.9, 3.9: 0.0001 + 0.0999 * 0.025**0.9, 4: 0.0001, 9: 0.0001}),
        (PolynomialDecay(0.1, 4), {0: 0.1, 1: 0.075025, 4: 0.0001}),
        (PolynomialDecay(0.01, 2, 0.05, 3), {0: 0.01, 1: 0.045, 2: 0.05}),
        (ALL[9], {0: 0.1, 2: 0.04, 4: 0.02, 5: 0.02 + 0.08 * 0.375**2, 8: 0.02, 9: 0.02 + 0.08 / 16, 12: 0.02}),
        (ALL[10], {0: 0.1, 1: 0.08, 2: 0.1 / 1.5, 4: 0.05, 12: 0.025}),
        (ALL[11], {0: 0.1, 2.9: 0.1, 3: 0.05, 5.9: 0.05, 6: 0.1 / 3}),
        (InverseTimeDecay(0.1, decay_rate=0), {0: 0.1, 100: 0.1}),
        (ALL[12], {0: 0.1, 0.75: 0.05, 1.5: 0.1, 3: 0.05, 4.5: 0.1, 7.5: 0.05, 10.5: 0.1, 22.5: 0.1, 34.5: 0.05}),
        (ALL[13], {0: 0.1, 1: 0.055, 2: 0.055, 3: 0.0325, 4: 0.0325, 5: 0.02125}),
        (CosineDecayRestarts(0.1, 1, 2, 0.5), {0.5: 0.05, 1: 0.05, 2: 0.025, 3: 0.025, 5: 0.0125, 7: 0.0125}),
    ],
)
def test_closed_form(schedule, rates):
    assert schedule(list(rates)) == pytest.approx(list(rates.values()), rel=1e-12, abs=1e-17)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_shapes_and_no_dependence_on_neighbours(schedule):
    times = np.linspace(0, 9, 101)
    rates = schedule(times)
    assert rates.dtype == np.float64 and (rates >= 0).all() and (rates <= 0.1).all()
    assert [float(schedule(t)) for t in times] == rates.tolist()
    assert np.array_equal(schedule(times.reshape(101, 1)), rates.reshape(101, 1))
    for first in range(1, 9):  # as training in parts asks for them
        assert np.array_equal(schedule(times[first:]), rates[first:])


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_rates_of_steps(schedule):
    expected = [float(schedule(epoch + k / 7)) for epoch in (3, 4) for k in range(7)]
    assert schedule.of_steps(3, 2, 7).tolist() == expected


def test_every_schedule_is_tested_and_exported():
    assert {type(schedule) for schedule in ALL} == set(schedules.SCHEDULES.values())
    assert set(schedules.SCHEDULES) <= set(nncore.__all__)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_wire_form_round_trips(schedule):
    optimizer = Adam(schedule)
    assert optimizers.from_dict(json.loads(json.dumps(optimizers.to_dict(optimizer)))) == optimizer
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: PiecewiseConstant([0.1], [1]), ValueError, r"rates must be one more than boundaries, got 1 .* and 1"),
        (lambda: PiecewiseConstant([0.1, 0.2, 0.3], [2, 2]), ValueError, r"boundaries must ascend, got \[2.0, 2.0\]"),
        (lambda: PiecewiseConstant([0.1, -1], [2]), ValueError, r"rates\[1\] must be a finite number >= 0, got -1.0"),
        (lambda: PiecewiseConstant([0.1, 1], [0]), ValueError, r"boundaries\[0\] must be a finite number > 0, got 0.0"),
        (lambda: PiecewiseConstant(0.1, [2]), TypeError, "rates must be a list of numbers, got 0.1"),
        (lambda: PiecewiseConstant("0", []), TypeError, "rates must be a list of numbers, got '0'"),
        (lambda: StepDecay(-1), ValueError, "initial_rate must be a finite number >= 0, got -1.0"),
        (lambda: StepDecay(0.1, 0), ValueError, "factor must be a finite number > 0 and <= 1, got 0.0"),
        (lambda: StepDecay(0.1, 1.1), ValueError, "factor must be"),
        (lambda: StepDecay(0.1, every=0), ValueError, "every must be a finite number > 0, got 0.0"),
        (lambda: ExponentialDecay(math.nan), ValueError, "initial_rate must be"),
        (lambda: ExponentialDecay(0.1, every=math.inf), ValueError, "every must be"),
        (lambda: CosineDecay(0.1), TypeError, "missing 1 required positional argument: 'epochs'"),
        (lambda: CosineDecay(0.1, 0), ValueError, "epochs must be a finite number > 0, got 0.0"),
        (lambda: CosineDecay(0.1, 5, 5), ValueError, "warmup_epochs must be a finite number >= 0 and < 5, got 5.0"),
        (lambda: CosineDecay(0.1, 5, final_rate=1), ValueError, "final_rate must be at most peak_rate=0.1, got 1"),
        (lambda: CosineDecay(0.1, 5, 1, initial_rate=1), ValueError, "initial_rate must be at most peak_rate=0.1"),
        (lambda: CosineDecay(0.1, 5, initial_rate=0.01), ValueError, "initial_rate=0.01 needs warmup_epochs > 0"),
        (lambda: OneCycle(0.1, 5, rise=1), ValueError, "rise must be a finite number > 0 and < 1, got 1.0"),
        (lambda: OneCycle(0.1, 5, final_rate=1), ValueError, "final_rate must be at most peak_rate=0.1, got 1"),
        (lambda: PolynomialDecay(0.1, 5, power=0), ValueError, "power must be a finite number > 0 and <= 100, got 0.0"),
        (lambda: PolynomialDecay(0.1, 5, cycle=1), TypeError, "cycle must be"),
        (lambda: InverseTimeDecay(0.1, decay_rate=-1), ValueError, "decay_rate must be a finite number >= 0, got -1.0"),
        (lambda: CosineDecayRestarts(0.1, 5, 0.5), ValueError, "t_mul must be a finite number >= 1 and <= 1000, got"),
        (lambda: CosineDecayRestarts(0.1, 5, m_mul=2), ValueError, "m_mul must be a finite number > 0 and <= 1, got 2"),
        (lambda: CosineDecayRestarts(0.1, 5, final_rate=1), ValueError, "final_rate must be at most peak_rate=0.1"),
        (lambda: OneCycle("0.1", 5), TypeError, "peak_rate must be a finite number >= 0, got '0.1'"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ---- training


def new_model(optimizer, dtype="float64"):
    model = Sequential([Dense(4, "tanh"), Dense(1)], seed=1, dtype=dtype)
    model.compile(optimizer)
    model.build(3)
    return model


def with_rates_by_hand(optimizer, epochs, batch_size):
    """Train in NumPy, every step with its own optimizer of a constant rate."""
    model = new_model(optimizer)
    program, w = lower(model.layers, 3, model.loss), model.parameters.copy()
    slots = [np.zeros_like(w) for _ in range(optimizer.n_slots)]
    steps, t = math.ceil(len(X) / batch_size), 0
    for epoch in range(epochs):
        order = permutation(model.seed, epoch, len(X))
        for k in range(steps):
            t += 1
            rows = order[k * batch_size : (k + 1) * batch_size]
            _, gradient = loss_and_gradient(program, w, X[rows], Y[rows])
            rate = float(optimizer.learning_rate(epoch + k / steps))
            now = dataclasses.replace(optimizer, learning_rate=rate)
            update(now, w, gradient, slots, t, decay_rates(program, now))
    return w


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_every_step_has_its_own_rate(schedule, kind):
    model = new_model(kind(schedule))
    model.fit(X, Y, epochs=3, batch_size=8)
    np.testing.assert_allclose(model.parameters, with_rates_by_hand(kind(schedule), 3, 8), rtol=0, atol=1e-12)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_going_on_after_saving_is_exact(schedule, dtype, tmp_path):
    whole, parts = new_model(Adam(schedule), dtype), new_model(Adam(schedule), dtype)
    whole.fit(X, Y, epochs=4, batch_size=8)
    parts.fit(X, Y, epochs=2, batch_size=8)
    parts.save(tmp_path / "half.safetensors")
    for half in (nncore.load(tmp_path / "half.safetensors"), pickle.loads(pickle.dumps(parts)), parts):
        assert half.optimizer == Adam(schedule)
        history = half.fit(X, Y, epochs=2, batch_size=8)
        assert np.array_equal(half.parameters, whole.parameters)
        assert history.learning_rate.tolist() == whole.history.learning_rate[2:].tolist()


def test_callbacks_and_short_calls_of_the_engine_change_nothing(monkeypatch):
    schedule = CosineDecay(0.1, 30, 5)
    plain, watched, cut = (new_model(Adam(schedule)) for _ in range(3))
    plain.fit(X, Y, epochs=20, batch_size=8)
    watched.fit(X, Y, epochs=20, batch_size=8, callbacks=lambda model, epoch, logs: None)
    monkeypatch.setattr(batches, "RATES_PER_CALL", 7)
    cut.fit(X, Y, epochs=20, batch_size=8)
    for model in (watched, cut):
        assert np.array_equal(model.parameters, plain.parameters)
        assert model.history.learning_rate.tolist() == plain.history.learning_rate.tolist()


def test_history_has_the_rate_of_the_last_step():
    schedule = ExponentialDecay(0.1, 0.5)
    history = new_model(SGD(schedule)).fit(X, Y, epochs=3, batch_size=8)
    assert history.learning_rate.tolist() == schedule(np.arange(3) + 2 / 3).tolist()


def test_an_epoch_of_more_steps_than_rates_per_call(monkeypatch):
    monkeypatch.setattr(batches, "RATES_PER_CALL", 2)
    model = new_model(SGD(StepDecay(0.1, every=1)))
    assert model.fit(X, Y, epochs=2, batch_size=1).learning_rate.tolist() == pytest.approx([0.1, 0.01])


def test_single_batches_use_the_rate_of_the_epoch():
    scheduled, constant = new_model(SGD(StepDecay(0.1, 0.5, every=1))), new_model(SGD(0.1))
    for model, optimizer in ((scheduled, None), (constant, SGD(0.05))):
        model.train_on_batch(X, Y)
        model.fit(X, Y)
        model.optimizer = optimizer or model.optimizer
        model.train_on_batch(X, Y)
    assert np.array_equal(scheduled.parameters, constant.parameters)


def test_a_schedule_may_replace_a_rate_and_the_other_way_round():
    model, other = new_model(Adam(0.01)), new_model(Adam(0.01))
    for each in (model, other):
        each.fit(X, Y, epochs=2)
    model.compile(Adam(PiecewiseConstant([0.01, 0.05], [3])), keep_state=True)
    model.fit(X, Y, epochs=2)
    other.fit(X, Y, epochs=1)
    other.optimizer = Adam(0.05)
    other.fit(X, Y, epochs=1)
    assert np.array_equal(model.parameters, other.parameters), "the state of Adam goes on"
    for each in (model, other):
        each.optimizer = Adam(0.02)
        assert each.fit(X, Y).learning_rate.tolist() == [0.02]
    assert np.array_equal(model.parameters, other.parameters)


def test_a_divergence_tells_the_rate_of_its_step():
    model = new_model(SGD(PiecewiseConstant([0.01, 1e300], [1.5])))
    with pytest.raises(TrainingDiverged) as caught:
        model.fit(X, Y, epochs=3, batch_size=5)
    assert (caught.value.epoch, caught.value.learning_rate) == (1, 1e300)
    assert type(caught.value.learning_rate) is float
    assert model.epoch == 1


def rates_by_hand(model, times):
    """Return the rates of updates at these times, seen by the steps of plain SGD."""
    rates = []
    for time in times:
        before, gradient = model.parameters.copy(), model.loss_and_gradient(X, Y)[1]
        model.train_on_batch(X, Y, epoch=time)
        rates.append(((before - model.parameters) / gradient)[0])
    return rates


def test_a_loop_over_batches_says_what_an_epoch_is():
    schedule = CosineDecay(0.1, epochs=4, warmup_epochs=1)
    model = Sequential([Dense(1)], dtype="float64")
    model.compile(SGD(schedule))
    model.build(X.shape[1])
    times = [epoch + i / 3 for epoch in range(5) for i in range(3)]
    assert rates_by_hand(model, times[:-3]) == pytest.approx(schedule(times[:-3]), rel=1e-6)
    assert model.epoch == 3


def test_a_loop_over_batches_trains_as_fit_does():
    by_fit, by_hand = (Sequential([Dense(3, "tanh"), Dense(1)], seed=2) for _ in range(2))
    for model in (by_fit, by_hand):
        model.compile(Adam(OneCycle(0.1, epochs=6)))
    by_fit.fit(X, Y, epochs=6, batch_size=16, shuffle=False)
    batches = [slice(start, start + 16) for start in range(0, len(X), 16)]
    for epoch in range(6):
        for i, rows in enumerate(batches):
            by_hand.train_on_batch(X[rows], Y[rows], epoch=epoch + i / len(batches))
    assert np.array_equal(by_hand.parameters, by_fit.parameters)


def test_the_epoch_follows_and_never_goes_back(tmp_path):
    model = Sequential([Dense(1)])
    model.compile(Adam(StepDecay(0.1, factor=0.5, every=2)))
    model.fit(X, Y, epochs=3)
    model.train_on_batch(X, Y)
    model.train_on_batch(X, Y, epoch=1)
    assert model.epoch == 3
    model.train_on_batch(X, Y, epoch=np.float64(5.75))
    model.save(tmp_path / "m.safetensors")
    assert model.epoch == nncore.load(tmp_path / "m.safetensors").epoch == 5
    assert model.fit(X, Y, epochs=2).learning_rate.tolist() == [0.025, 0.0125]
    assert model.history.epochs.tolist() == [0, 1, 2, 5, 6]


@pytest.mark.parametrize(
    ("epoch", "error"), [(-1, ValueError), (float("nan"), ValueError), ("3", TypeError), (True, TypeError)]
)
def test_a_time_that_is_none(epoch, error):
    model = Sequential([Dense(1)])
    with pytest.raises(error, match="epoch must be a finite number >= 0"):
        model.train_on_batch(X, Y, epoch=epoch)
    assert not model.built


def test_an_update_that_diverges_moves_no_time():
    model = Sequential([Dense(1)])
    model.compile(SGD(1e38))
    model.build(X.shape[1])
    with pytest.raises(TrainingDiverged):
        for _ in range(3):
            model.train_on_batch(1e30 * X, Y, epoch=4)
    assert model.epoch == 0


def test_setting_the_epoch_says_what_to_do_instead():
    with pytest.raises(AttributeError, match=r"epoch counts what was trained; .*train_on_batch\(X, y, epoch=\.\.\.\)"):
        Sequential([Dense(1)]).epoch = 5


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (
            lambda: CosineDecay(0.1, decay_steps=600),
            "here it is epochs, the warm-up included; time is counted in epochs",
        ),
        (
            lambda: CosineDecay(initial_learning_rate=0.1, epochs=5),
            "here it is peak_rate; with a warm-up, initial_rate",
        ),
        (lambda: CosineDecay(0.1, 5, alpha=0.1), r"give the last rate itself: final_rate=alpha \* peak_rate"),
        (
            lambda: CosineDecay(0.1, 5, warmup_steps=9),
            "here it is warmup_epochs; .*warmup_epochs=warmup_steps / n_batches",
        ),
        (lambda: CosineDecay(0.1, 5, warmup_target=9), "here it is peak_rate. Known: epochs, final_rate"),
        (lambda: CosineDecay(0.1, T_max=9), "here it is epochs"),
        (lambda: CosineDecay(0.1, 5, 1, 0.0, 0.1, 7), "CosineDecay takes peak_rate, .* by place; give 7 by name"),
        (lambda: ExponentialDecay(0.1, decay_steps=100), "here it is every; .*: every=decay_steps / n_batches"),
        (lambda: ExponentialDecay(initial_learning_rate=0.1), "here it is initial_rate"),
        (lambda: ExponentialDecay(0.1, decay_rate=0.9), "here it is factor"),
        (lambda: ExponentialDecay(0.1, staircase=True), "StepDecay.* falls in stairs"),
        (lambda: StepDecay(0.1, step_size=3), "here it is every"),
        (lambda: StepDecay(0.1, gamma=0.5), "here it is factor"),
        (lambda: OneCycle(max_lr=0.1, epochs=5), "here it is peak_rate"),
        (lambda: CosineDecayRestarts(0.1, first_decay_steps=9), "here it is epochs, of the first period; time is cou"),
        (lambda: CosineDecayRestarts(0.1, 9, alpha=0.1), r"give the last rate itself: final_rate=alpha"),
        (lambda: CosineDecayRestarts(0.1, T_0=9), "here it is epochs"),
        (lambda: CosineDecayRestarts(0.1, 9, T_mult=2), "here it is t_mul"),
        (lambda: CosineDecayRestarts(0.1, 9, warmup_steps=2), "CosineDecay has a warm-up, but does not restart"),
        (lambda: PolynomialDecay(0.1, decay_steps=9), "here it is epochs; .*epochs=decay_steps / n_batches"),
        (lambda: PolynomialDecay(0.1, 9, end_learning_rate=0), "here it is final_rate"),
        (lambda: InverseTimeDecay(0.1, decay_steps=9), "here it is every; .*every=decay_steps / n_batches"),
        (lambda: InverseTimeDecay(0.1, 1, 0.5), r"InverseTimeDecay takes initial_rate by place"),
        (lambda: OneCycle(0.1, total_steps=100), "here it is epochs; time is counted in epochs"),
        (lambda: OneCycle(0.1, 9, pct_start=0.3), "here it is rise"),
        (lambda: OneCycle(0.1, 9, div_factor=25), "initial_rate=peak_rate / div_factor"),
        (lambda: PiecewiseConstant(boundaries=[1], values=[1, 2]), "here it is rates, which come first"),
        (lambda: StepDecay(0.1, name="mine"), "only models and layers have names, so leave it out"),
        (lambda: StepDecay(0.1, factr=0.5), "did you mean 'factor'"),
    ],
)
def test_arguments_by_the_names_of_others(make, said):
    with pytest.raises(TypeError, match=said):
        make()


@pytest.mark.parametrize("make", [lambda: ExponentialDecay(0.1, 100, 0.96), lambda: StepDecay(0.1, 30, 0.1)])
def test_the_order_of_others_is_recognised(make):
    with pytest.raises(
        ValueError, match=r"<= 1, got \d+\.0; factor comes before every here, .* epochs: every=decay_st"
    ):
        make()
    with pytest.raises(ValueError, match=r"got 2 rate.* and 3 boundaries; rates come first here"):
        PiecewiseConstant([1, 2], [0.3, 0.2, 0.1])
    with pytest.raises(ValueError, match=r"<= 1, got 0\.0$"):
        StepDecay(0.1, 0)
