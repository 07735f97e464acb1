"""The plan against the oracle, and its gradients against finite differences."""

import time

import numpy as np
import pytest
from engine_networks import HEADS, data, make_plan, mixed_network, network, parameters, read, state

from nncore import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop, engine, reference
from nncore.activations import ACTIVATIONS
from nncore.layers import Activation, Dense
from nncore.losses import LOSSES
from nncore.program import lower

LOSS_NAMES = sorted({cls.name for cls in LOSSES.values()})
TOLERANCE = {"float32": 3e-5, "float64": 1e-12}
OPTIMIZERS = [SGD(0.1), SGD(0.05, momentum=0.9, nesterov=True), RMSprop(momentum=0.5), Adam(0.01), AdamW(0.01)]
OPTIMIZERS += [Adagrad(0.05), Nadam(0.01), Lion(0.01)]


def close(module, actual, expected):
    scale = np.abs(expected).max() or 1
    assert np.abs(actual - expected).max() <= TOLERANCE[module.DTYPE.name] * max(1, scale)


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_loss_gradient_and_predictions_agree_with_the_oracle(variant, loss):
    for program in (mixed_network(loss), network([5, 17, 40, 9], "relu", loss)):
        weights = parameters(program, variant.DTYPE).astype(np.float64)
        for n in (1, 7, 61, 130):
            plan = make_plan(variant, program)
            X, target = data(program, n, variant.DTYPE)
            sample_weight = np.random.default_rng(2).random(n).astype(variant.DTYPE)
            gradient = np.empty(program.n_parameters, variant.DTYPE)
            value = plan.loss_and_gradient(X, target, sample_weight, gradient)
            exact = X.astype(np.float64)
            expected, expected_gradient = reference.loss_and_gradient(program, weights, exact, target, sample_weight)
            close(variant, value, expected)
            close(variant, gradient, expected_gradient)
            predictions = np.empty((n, program.n_outputs), variant.DTYPE)
            close(variant, plan.evaluate(X, target, sample_weight, predictions), expected)
            close(variant, predictions, reference.forward(program, weights, exact))
            again = np.empty_like(predictions)
            plan.predict(X, again)
            assert again.tobytes() == predictions.tobytes()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_training_agrees_with_the_oracle(variant, optimizer):
    program = mixed_network("sparse_categorical_crossentropy")
    X, target = data(program, 45, variant.DTYPE)
    plan = make_plan(variant, program, optimizer)
    predictions = np.full((45, 3), np.nan, variant.DTYPE)
    result = plan.train(X, target, None, epochs=3, batch_size=16, seed=9, predictions=predictions)
    weights = parameters(program, variant.DTYPE).astype(np.float64)
    slots = [np.zeros(len(weights)) for _ in range(optimizer.n_slots)]
    options = {"batch_size": 16, "shuffle": True, "seed": 9}
    losses = reference.train(program, optimizer, weights, slots, X.astype(np.float64), target, epochs=3, **options)
    tolerance = 1e-3 if variant.DTYPE.name == "float32" else 1e-10
    np.testing.assert_allclose(result.losses, losses, rtol=tolerance)
    np.testing.assert_allclose(read(plan), weights, atol=tolerance)
    assert plan.iterations == 9
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=1e-5)


def smooth_problem(program):
    """Draw data and parameters until every kink (of relu, elu, mae, huber...) is far from where the step h reaches."""
    for seed in range(1000):
        X, target = data(program, 6, "float64", seed)
        weights = parameters(program, "float64", seed=seed)
        tape = reference.tape(program, weights, X)
        kinks = [abs(z) for _, z, _ in tape]
        if program.loss in ("absolute_error", "huber", "pinball"):
            distance = abs(tape[-1][2] - target)
            kinks += [distance, abs(distance - program.loss_parameter)]
        if min(kink.min() for kink in kinks) > 0.02:
            return X, target, weights
    raise AssertionError("no smooth problem found")


@pytest.mark.parametrize("loss", LOSS_NAMES)
@pytest.mark.parametrize("activation", sorted({row.name for row in ACTIVATIONS.values()}))
def test_float64_gradients_are_the_differences(activation, loss):
    """Central differences of fourth order, for every activation with every loss."""
    head = HEADS.get(loss, "identity")
    program = lower([Dense(4, activation), Dense(3, activation), Dense(2, head)], 2, loss)
    X, target, weights = smooth_problem(program)
    plan, gradient = engine.load("float64").Plan(program), np.empty(program.n_parameters)

    def value(w):
        plan.set_parameters(w)
        return plan.evaluate(X, target)

    plan.set_parameters(weights)
    plan.loss_and_gradient(X, target, None, gradient)
    h = 1e-3
    for i, step in enumerate(h * np.eye(program.n_parameters)):
        near, far = (value(weights + k * step) - value(weights - k * step) for k in (1, 2))
        assert gradient[i] == pytest.approx((8 * near - far) / (12 * h), rel=1e-6, abs=1e-9)


def test_a_batch_of_several_segments_equals_one(variant):
    """4-32-16-4 on 6,000 rows does not fit one segment; the gradient goes on where it stopped."""
    program = network([4, 32, 16, 4])
    X, target = data(program, 6000, variant.DTYPE)
    weights = parameters(program, variant.DTYPE).astype(np.float64)
    plan = make_plan(variant, program, SGD(0.1))
    gradient = np.empty(program.n_parameters, variant.DTYPE)
    plan.loss_and_gradient(X, target, None, gradient)
    close(variant, gradient, reference.loss_and_gradient(program, weights, X.astype(np.float64), target)[1])
    before = read(plan)
    plan.train(X, target, None, epochs=1, batch_size=6000, shuffle=False)
    np.testing.assert_allclose(read(plan), before - variant.DTYPE.type(0.1) * gradient, atol=1e-6)


def test_parameters_and_slots_go_in_and_out_unchanged(variant):
    program = mixed_network()
    plan = make_plan(variant, program, Adam())
    assert read(plan).tobytes() == parameters(program, variant.DTYPE).tobytes()
    slots = np.random.default_rng(0).random((2, program.n_parameters)).astype(variant.DTYPE)
    plan.set_slots(slots)
    out = np.empty_like(slots)
    plan.get_slots(out)
    assert out.tobytes() == slots.tobytes()


def test_the_last_layer_alone(variant):
    program = lower([Activation("relu"), Dense(1)], 1, "mse")
    X, target = data(program, 3, variant.DTYPE)
    gradient = np.empty(2, variant.DTYPE)
    make_plan(variant, program).loss_and_gradient(X, target, None, gradient)
    weights = parameters(program, variant.DTYPE).astype(np.float64)
    close(variant, gradient, reference.loss_and_gradient(program, weights, X.astype(np.float64), target)[1])


def test_divergence_brings_the_epochs_start_back(variant):
    program = network([5, 8, 2], "relu", "mse")
    plan = make_plan(variant, program, Adam(0.01))
    X, target = data(program, 40, variant.DTYPE)
    plan.train(X, target, None, epochs=2, batch_size=8, seed=1)
    good = state(plan)
    poisoned = X.copy()
    poisoned[17] = np.nan
    result = plan.train(poisoned, target, None, first_epoch=2, epochs=5, batch_size=8, shuffle=False)
    assert result.diverged and (result.epoch, result.batch) == (0, 2)
    assert len(result.losses) == 0
    batch_before = plan.evaluate(X[8:16], target[8:16])
    assert result.last_finite_loss == pytest.approx(batch_before, rel=0.2), "a mean, not a sum"
    assert state(plan) == good
    assert not plan.train(X, target, None, epochs=1).diverged


def test_a_weight_that_overflows_in_the_last_step_is_noticed(variant):
    """The loss of the last batch is finite; only the weights behind it are not."""
    program = network([2, 1], loss="mse")
    plan = make_plan(variant, program, SGD(float(np.finfo(variant.DTYPE).max)))
    good = state(plan)
    result = plan.train(np.full((4, 2), 100, variant.DTYPE), np.full((4, 1), 50, variant.DTYPE), None, batch_size=4)
    assert result.diverged and state(plan) == good


def test_the_count_of_steps_is_checked(variant):
    plan = make_plan(variant, network([2, 1], loss="mse"), Adam())
    with pytest.raises(ValueError, match="iterations must be at least 0, got -1"):
        plan.iterations = -1


def test_slots_stay_while_their_number_does(variant):
    program = network([3, 4, 2])
    plan = make_plan(variant, program, SGD(momentum=0.5))
    plan.train(*data(program, 20, variant.DTYPE))
    before = state(plan)
    plan.set_optimizer(SGD(momentum=0.9, nesterov=True))
    assert state(plan) == before
    plan.set_optimizer(Adam())
    assert plan.iterations == 0 and plan.n_slots == 2


class Interrupted:
    """An optimizer of which a signal strikes while it is asked for something for the n-th time."""

    def __init__(self, optimizer, n):
        self.optimizer, self.left = optimizer, n

    def __getattr__(self, name):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return getattr(self.optimizer, name)


def test_an_optimizer_is_taken_as_a_whole_or_not_at_all(variant):
    """It could leave the old rule with the new one's number of slots, and the next step wrote behind their end."""
    program = network([3, 4, 2])
    for n in range(1, 100):
        plan = make_plan(variant, program, Adam())
        plan.train(*data(program, 20, variant.DTYPE))
        before = state(plan)
        try:
            plan.set_optimizer(Interrupted(SGD(), n))
            break
        except KeyboardInterrupt:
            assert plan.n_slots == 2 and state(plan) == before
        plan.train(*data(program, 20, variant.DTYPE))
    assert 5 < n < 99 and plan.n_slots == 0 and plan.iterations == 0


def test_bad_shapes_and_labels_are_refused(variant):
    program = network([3, 4, 2])
    plan = make_plan(variant, program, SGD())
    X, target = data(program, 6, variant.DTYPE)
    bad = [
        (lambda: plan.train(X[:, :2].copy(), target), "expected at least one row of 3 features"),
        (lambda: plan.train(X[:0], target[:0]), "expected at least one row"),
        (lambda: plan.train(X, target[:5]), "target has 5 rows, X has 6"),
        (lambda: plan.train(X, target + 1), "is not in 0..1"),
        (lambda: plan.train(X, target - 1), "is not in 0..1"),
        (lambda: plan.train(X, target, np.ones(5, variant.DTYPE)), "sample_weight has 5 rows"),
        (lambda: plan.train(X, target, epochs=0), "at least 1"),
        (lambda: plan.predict(X, np.empty((6, 3), variant.DTYPE)), "out must be a writable array"),
        (lambda: plan.set_parameters(np.zeros(3, variant.DTYPE)), "parameters has length 3"),
        (lambda: plan.set_slots(np.zeros((1, program.n_parameters), variant.DTYPE)), "slots has 1 rows"),
    ]
    before = state(plan)
    for call, message in bad:
        with pytest.raises(ValueError, match=message):
            call()
    assert state(plan) == before
    plan.train(X, target)
    assert state(plan) != before


def test_inputs_are_not_written(variant):
    program = network([3, 4, 2])
    X, target = data(program, 50, variant.DTYPE)
    copies = X.copy(), target.copy()
    for array in (X, target):
        array.flags.writeable = False
    make_plan(variant, program, Adam()).train(X, target, None, epochs=2, batch_size=7)
    assert np.array_equal(X, copies[0]) and np.array_equal(target, copies[1])


def long_epoch(variant):
    """A plan and data of which an epoch takes a good part of a second at least, on any machine."""
    program = mixed_network()
    X, target = data(program, 60000, variant.DTYPE)
    return make_plan(variant, program, Adam(), scale=0.1), X, target


@pytest.mark.parametrize("end", ["true", "raised"])
def test_a_watcher_sees_an_epoch_grow_and_can_undo_it(variant, threads, end):
    seen = []

    def watch(epochs, rows, loss):
        seen.append((epochs, rows, loss))
        if len(seen) < 3:
            return None
        if end == "raised":
            raise LookupError("seen enough")
        return True

    for n_threads in (1, 2):
        threads(n_threads)
        seen.clear()
        plan, X, target = long_epoch(variant)
        if end == "raised":
            with pytest.raises(LookupError, match="seen enough"):
                plan.train(X, target, None, epochs=99, batch_size=16, watcher=watch)
        else:
            assert not plan.train(X, target, None, epochs=99, batch_size=16, watcher=watch).diverged
        n_done = len(plan.result.losses)
        assert (len(seen), n_done) == (3, seen[-1][0])
        assert [row[:2] for row in seen] == sorted(row[:2] for row in seen)
        assert all(rows % 16 == 0 and (np.isfinite(loss) if rows else np.isnan(loss)) for _, rows, loss in seen)
        alone, _, _ = long_epoch(variant)
        if n_done:
            alone.train(X, target, None, epochs=n_done, batch_size=16)
        assert state(plan) == state(alone), "as if the epoch had never begun"


def test_a_watcher_changes_nothing(variant):
    states = []
    for watcher in (None, lambda *_: None):
        plan, X, target = long_epoch(variant)
        plan.train(X, target, None, epochs=1, batch_size=16, seed=3, watcher=watcher)
        states.append(state(plan))
    assert states[0] == states[1]


def test_a_slow_watcher_leaves_time_to_train(variant):
    """It is called again only after training has gone on for a while."""
    calls = []

    def watch(*_):
        calls.append(time.perf_counter())
        time.sleep(0.05)

    plan, X, target = long_epoch(variant)
    plan.train(X, target, None, epochs=1, batch_size=16)
    started = time.perf_counter()
    plan.train(X, target, None, epochs=1, batch_size=16)
    alone = time.perf_counter() - started
    plan.train(X, target, None, epochs=1, batch_size=16, watcher=watch)
    assert len(calls) <= alone / 0.03 * 3 + 1
    gaps = np.diff(calls)
    assert not len(gaps) or gaps.min() >= 0.05 + 0.029
