"""Epochs that a call of training scores itself, against calls of one epoch each and an evaluation after it."""

import numpy as np
import pytest
from engine_networks import LAYERED, data, make_plan, mixed_network, network, state

from nncore import Adam
from nncore.program import lower

LARGEST = np.array([np.nan])


def networks():
    yield mixed_network("sparse_categorical_crossentropy"), LARGEST
    yield network([4, 16, 16, 3], "relu"), LARGEST
    yield network([4, 16, 2], "tanh", "binary_crossentropy"), np.array([0.5, 0.25])
    yield network([4, 9, 1], "tanh", "mse"), np.array([0.5])
    yield network([4, 9, 3], "tanh", "mse"), np.array([np.nan, 0.125, np.nan])
    for name in ("batch norm", "batch norms in a row", "layer norm", "dropouts", "residual with projection"):
        layers, n_features, loss = LAYERED[name]
        yield lower(layers, n_features, loss), LARGEST


def right(target, prediction, threshold):
    if not np.isnan(threshold):
        return float(np.mean((target > 0.5) == (prediction.astype(np.float64) > threshold)))
    return float(np.mean((target if target.ndim == 1 else target.argmax(axis=1)) == prediction.argmax(axis=1)))


def sets(program, dtype, n=45, n_validation=61):
    """Return rows to train on and to validate on, and arrays for the predictions of both."""
    both = data(program, n, dtype, 1), data(program, n_validation, dtype, 2)
    return *both, *(np.empty((len(X), program.n_outputs), dtype) for X, _ in both)


@pytest.mark.parametrize("weighs", [False, True])
def test_bits_are_those_of_separate_calls(variant, threads, weighs):
    for n_threads, batch_size in ((1, 16), (2, 45)):
        threads(n_threads)
        for program, thresholds in networks():
            (X, y), (X_val, y_val), predictions, predictions_val = sets(program, variant.DTYPE)
            weight, weight_val = (
                np.linspace(0, 2, len(of), dtype=variant.DTYPE) if weighs else None for of in (X, X_val)
            )
            options = {"batch_size": batch_size, "seed": 5, "predictions": predictions}
            one, other = (make_plan(variant, program, Adam(0.05)) for _ in "ab")
            found = one.train(
                *(X, y, weight),
                **{"epochs": 4, **options},
                validation=(X_val, y_val, weight_val, predictions_val),
                thresholds=thresholds,
            )
            assert found.scores.shape == (4, 1 + 2 * len(thresholds))
            for epoch in range(4):
                trained = other.train(X, y, weight, first_epoch=epoch, epochs=1, **options)
                loss = other.evaluate(X_val, y_val, weight_val, predictions_val)
                expected = (
                    [right(y, predictions, t) for t in thresholds],
                    [right(y_val, predictions_val, t) for t in thresholds],
                )
                assert trained.losses[0] == found.losses[epoch]
                assert found.scores[epoch].tolist() == [*expected[0], loss, *expected[1]]
            assert state(one) == state(other) and one.iterations == other.iterations


def test_what_is_not_asked_for_is_left_out(variant):
    program = network([4, 16, 3])
    (X, y), (X_val, y_val), predictions, _ = sets(program, variant.DTYPE)
    plan = make_plan(variant, program, Adam())
    assert plan.train(X, y, epochs=3).scores.shape == (0, 0)
    assert plan.train(X, y, epochs=3, validation=(X_val, y_val, None, None)).scores.shape == (3, 1)
    assert plan.train(X, y, epochs=3, thresholds=LARGEST, predictions=predictions).scores.shape == (3, 1)
    assert plan.train(X, y, epochs=3, thresholds=LARGEST[:0]).scores.shape == (0, 0)


def test_the_largest_of_equals_and_of_nan(variant):
    """As NumPy has it: the first of the largest; NaN is larger than any number."""
    program = network([3, 3], loss="mse")
    plan = make_plan(variant, program, Adam())
    identity = np.concatenate([np.eye(3).ravel(), np.zeros(3)]).astype(variant.DTYPE)
    X = np.array(np.meshgrid(*[[-1, 0.0, 2, np.nan, np.inf]] * 3), variant.DTYPE).reshape(3, -1).T.copy()
    for true in range(3):
        target = np.tile(np.eye(3, dtype=variant.DTYPE)[true], (len(X), 1))
        small = np.zeros((2, 3), variant.DTYPE)
        plan.set_parameters(identity)
        predictions = np.empty_like(X)
        scores = plan.train(
            *(small, small),
            learning_rates=np.zeros(1),
            thresholds=LARGEST,
            predictions=np.empty_like(small),
            validation=(X, target, None, predictions),
        ).scores
        assert np.isnan(predictions).any() and (predictions == 2).any()
        assert scores[0, 2] == np.mean(predictions.argmax(axis=1) == true)


@pytest.mark.parametrize("end", ["true", "raised"])
def test_the_listener_hears_every_epoch_and_can_end_it(variant, end):
    program = network([4, 16, 3])
    (X, y), (X_val, y_val), predictions, predictions_val = sets(program, variant.DTYPE)
    told, weights = [], []

    def listener(epoch, numbers):
        told.append((epoch, numbers))
        flat = np.empty(program.n_parameters, variant.DTYPE)
        plan.get_parameters(flat)
        weights.append(flat)
        if epoch == 4 and end == "raised":
            raise LookupError("enough")
        return epoch == 4

    plan, twin = (make_plan(variant, program, Adam()) for _ in "ab")
    options = {"validation": (X_val, y_val, None, predictions_val), "thresholds": LARGEST, "predictions": predictions}
    if end == "raised":
        with pytest.raises(LookupError, match="enough"):
            plan.train(X, y, epochs=9, **options, listener=listener)
    else:
        plan.train(X, y, epochs=9, **options, listener=listener)
    found = plan.result
    assert len(found.losses) == len(found.scores) == 5 and not found.diverged
    assert told == [(epoch, [found.losses[epoch], *found.scores[epoch]]) for epoch in range(5)]
    for epoch in range(5):
        twin.train(X, y, first_epoch=epoch)
        flat = np.empty(program.n_parameters, variant.DTYPE)
        twin.get_parameters(flat)
        assert flat.tobytes() == weights[epoch].tobytes()
    assert state(plan) == state(twin)


def test_time_is_up_with_an_epoch_and_its_scores(variant):
    program = network([4, 16, 3])
    (X, y), (X_val, y_val), _, _ = sets(program, variant.DTYPE)
    plan = make_plan(variant, program, Adam())
    result = plan.train(X, y, epochs=9, max_seconds=1e-9, validation=(X_val, y_val, None, None))
    assert len(result.losses) == len(result.scores) == 1


def test_a_divergence_leaves_the_epochs_before_it(variant):
    """They are scored; the one that diverged is not, and has not been told of."""
    program = network([2, 1], loss="mse")
    X = np.full((4, 2), 1e9, variant.DTYPE)
    y, told = np.ones((4, 1), variant.DTYPE), []
    plan = make_plan(variant, program, Adam())
    rates = np.array([0, 0, np.finfo(variant.DTYPE).max], np.float64)
    validation = X[:1], y[:1], None, None
    result = plan.train(
        *(X, y), epochs=3, learning_rates=rates, validation=validation, listener=lambda *numbers: told.append(numbers)
    )
    assert result.diverged and result.epoch == 2
    assert len(result.losses) == len(result.scores) == len(told) == 2


def test_what_does_not_fit_is_refused(variant):
    program, numbers = network([4, 16, 3]), network([4, 3], loss="mse")
    (X, y), (X_val, y_val), predictions, predictions_val = sets(program, variant.DTYPE)
    plan = make_plan(variant, program, Adam())
    before = state(plan)
    one = {"predictions": predictions}
    for options, message in (
        ({"validation": (X_val[:, :2].copy(), y_val, None, None)}, "expected at least one row of 4 features"),
        ({"validation": (X_val, y_val[1:].copy(), None, None)}, "target has 60 rows, X has 61"),
        ({"validation": (X_val, y_val + 1, None, None)}, "is not in 0..2"),
        ({"validation": (X_val, y_val, None, predictions)}, "predictions has 45 rows, X has 61"),
        ({"validation": (X_val, y_val, None, None), "thresholds": LARGEST, **one}, "thresholds need predictions"),
        ({"thresholds": LARGEST}, "thresholds need predictions"),
        ({"thresholds": np.array([0.5]), **one}, "no outputs to compare with a threshold of 0.5"),
    ):
        with pytest.raises(ValueError, match=message):
            plan.train(X, y, **options)
    assert state(plan) == before
    plan.train(X, y, validation=(X_val, y_val, None, predictions_val), thresholds=LARGEST, **one)
    values, targets = data(numbers, 9, variant.DTYPE)
    plan = make_plan(variant, numbers, Adam())
    plan.train(values, targets, thresholds=np.array([0.5]), predictions=np.empty((9, 3), variant.DTYPE))
