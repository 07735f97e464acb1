"""What training looks at once: inputs, classes, weights that are all alike."""

import tracemalloc

import numpy as np
import pytest

from nncore import SGD, History, Sequential, TrainingDiverged
from nncore.arrays.facts import (
    MOST_ROWS,
    MOST_TARGETS,
    MOST_VALUES,
    inputs_seen,
    sampled,
    targets_seen,
)
from nncore.layers import Activation, BatchNorm, Dense, Residual
from nncore.network import initial_parameters
from nncore.program import lower
from nncore.program.symmetry import symmetric_layers

FLOAT32 = np.dtype("float32")


def test_inputs_are_summed_up_over_features():
    seen = inputs_seen(np.array([[0, 100, 7, 0], [1, 300, 7, 2]], np.float32))
    assert seen == {
        "rows": 2,
        "features": 4,
        "min": 0,
        "max": 300,
        "mean_min": 0.5,
        "mean_max": 200,
        "std_min": 0.5,
        "std_max": 100,
        "narrowest": 0,
        "widest": 1,
        "constant": 1,
    }


def test_only_constant_inputs():
    seen = inputs_seen(np.full((3, 2), 7.0, np.float32))
    assert (seen["std_min"], seen["std_max"], seen["constant"]) == (0, 0, 2)


@pytest.mark.parametrize("n", [1, 2, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS - 1, 10**5])
def test_few_rows_stand_for_many(n):
    """Spread over all of them, for data may be sorted."""
    X = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    target = np.sort(np.arange(n, dtype=np.int32) % 4)
    inputs, targets = (see() for see in sampled(X, target, np.full(n, 2.0), "sparse_softmax_crossentropy"))
    assert min(n, MOST_ROWS) / 2 <= inputs["rows"] <= min(n, MOST_ROWS)
    assert inputs["std_max"] == pytest.approx(X.std(dtype=float), rel=0.01)
    assert min(n, MOST_TARGETS) / 2 <= targets["rows"] <= min(n, MOST_TARGETS)
    assert targets["counts"] == pytest.approx(2 * np.bincount(target) / n * targets["rows"], abs=2)


def test_wide_data_are_looked_at_in_fewer_rows():
    for n, width in ((5000, 1024), (2, 2**21)):
        X, target = np.zeros((n, width), np.float32), np.zeros((n, width), np.float32)
        inputs, targets = sampled(X, target, None, "squared_error")
        assert inputs()["rows"] * width <= max(MOST_VALUES, width)
        assert targets()["rows"] * width <= max(MOST_VALUES, width)


def test_data_may_change_after_they_were_sampled():
    X, target, weight = np.ones((3, 1)), np.ones((3, 1)), np.ones(3)
    inputs, targets = sampled(X, target, weight, "squared_error")
    X[0], target[0], weight[0] = 9, 9, 9
    assert inputs()["max"] == 1 and targets() == {"rows": 3, "baseline": 0}


def test_a_mean_far_from_zero_costs_no_digits():
    X = (1e6 + np.arange(1000.0) % 2).astype(np.float32)[:, None]
    assert inputs_seen(X)["std_max"] == pytest.approx(0.5)


LABELS = np.repeat([0, 1, 2], [70, 20, 10]).astype(np.int32)
ENTROPY = -(0.7 * np.log(0.7) + 0.2 * np.log(0.2) + 0.1 * np.log(0.1))


@pytest.mark.parametrize(
    ("target", "loss"),
    [(LABELS, "sparse_softmax_crossentropy"), (np.eye(3, dtype=np.float32)[LABELS], "softmax_crossentropy")],
)
def test_classes_are_counted(target, loss):
    seen = targets_seen(target, None, loss)
    assert seen["counts"] == [70, 20, 10]
    assert seen["baseline"] == pytest.approx(ENTROPY)


def test_weights_count_instead_of_rows():
    weight = np.where(LABELS == 2, 9, 1).astype(np.float32)
    seen = targets_seen(LABELS, weight, "sparse_softmax_crossentropy")
    assert seen["counts"] == [70, 20, 90]
    shares = np.array([70, 20, 90]) / 180
    assert seen["baseline"] == pytest.approx(-(shares @ np.log(shares)) * 1.8)
    assert targets_seen(LABELS, 0 * weight, "sparse_softmax_crossentropy") == {"rows": 100}


def test_many_classes_take_little_memory():
    """A class for each of 4,096 rows and more: a table of rows and classes took 737 MB."""
    target = np.arange(0, 20_480, 5, dtype=np.int32)
    tracemalloc.start()
    try:
        seen = targets_seen(target, None, "sparse_softmax_crossentropy")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert seen["counts"] == [1, 0, 0, 0, 0] * 4095 + [1]
    assert seen["baseline"] == pytest.approx(np.log(4096))


def test_two_classes_with_one_output():
    seen = targets_seen(np.repeat([0, 1], [80, 20])[:, None].astype(np.float32), None, "sigmoid_crossentropy")
    assert seen["counts"] == pytest.approx([80, 20])
    assert seen["baseline"] == pytest.approx(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2)))


def test_several_labels_at_once_are_no_classes():
    target = np.array([[0, 1], [0, 0], [0, 1], [0, 1]], np.float32)
    seen = targets_seen(target, None, "sigmoid_crossentropy")
    assert "counts" not in seen
    assert seen["baseline"] == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)) / 2)


def test_numbers_have_the_variance_as_baseline():
    target = np.array([[1, 10], [3, 30]], np.float32)
    assert targets_seen(target, None, "squared_error") == {"rows": 2, "baseline": (1 + 100) / 2}
    assert targets_seen(target, None, "absolute_error") == {"rows": 2}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([Dense(3, "tanh", weight_initializer="zeros"), Dense(1, weight_initializer="zeros")], ["0"]),
        ([Dense(3, "tanh", weight_initializer="ones"), Dense(1, weight_initializer="ones")], ["0"]),
        ([Dense(3, "tanh", weight_initializer="zeros"), Dense(1)], []),  # what goes out of the units differs
        ([Dense(3, "tanh"), Dense(2, weight_initializer="zeros")], []),  # an output layer may begin so
        ([Dense(2, weight_initializer="zeros")], []),
        ([Dense(1, "tanh", weight_initializer="ones"), Dense(2, weight_initializer="ones")], []),  # one unit only
        (
            [
                Dense(3, weight_initializer="zeros", bias_initializer="normal"),
                Dense(1, weight_initializer="ones"),
            ],
            [],
        ),
        (
            [
                Dense(4, "relu"),
                Residual([BatchNorm(), Dense(4, use_bias=False, weight_initializer="ones"), Activation("relu")]),
                Dense(2, weight_initializer="ones"),
            ],
            ["3"],
        ),
    ],
)
def test_units_that_begin_alike(layers, expected):
    program = lower(layers, 5, "mse")
    parameters = initial_parameters(program, 0, FLOAT32)
    assert list(symmetric_layers(program, parameters, list(map(str, range(9))))) == expected


# ---- noted by fit


def zeros(units, activation="identity"):
    return Dense(units, activation, weight_initializer="zeros")


def test_fit_notes_what_it_trains_on():
    X, y = np.arange(40.0).reshape(20, 2), np.repeat([0, 1, 2], [14, 4, 2])
    model = Sequential([zeros(3, "tanh"), zeros(3, "softmax")])
    with pytest.warns(UserWarning, match="the last 2 rows hold class 2, of which the rows to train on have none"):
        history = model.fit(X, y, validation_split=0.1)
    for noted in (history, model.history):
        assert noted.inputs["rows"] == 18 and noted.inputs["max"] == 35
        assert noted.targets["counts"] == [14, 4]
        assert noted.symmetric == ("dense_0",)
        assert noted.diverged is None


def test_every_call_of_fit_looks_at_its_own_data():
    X, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
    model = Sequential([Dense(1)])
    model.fit(X / 40, y / 20)
    history = model.fit(X, y)
    assert history.inputs["max"] == model.history.inputs["max"] == 39
    assert history.doctor().unknown == ("validation loss",)


def test_classes_of_the_validation_rows_are_counted():
    X, y = np.arange(40.0).reshape(20, 2), np.repeat([0, 1, 2], [14, 4, 2])
    model = Sequential([Dense(3, "softmax")])
    assert model.fit(X, y, validation_data=(X[12:], y[12:])).targets["validation_counts"] == [2, 4, 2]
    assert "validation_counts" not in model.fit(X, y).targets
    assert "validation_counts" not in Sequential([Dense(1)]).fit(X, y, validation_split=0.5).targets


def test_divergence_is_noted_and_explained():
    model = Sequential([Dense(1)])
    model.compile(SGD(learning_rate=10.0))
    X, y = 1000 * np.arange(20.0)[:, None], np.arange(20.0)
    with pytest.raises(TrainingDiverged) as caught:
        model.fit(X, y, epochs=100)
    error = caught.value
    assert model.history.diverged == {
        "epoch": error.epoch,
        "batch": error.batch,
        "last_finite_loss": error.last_finite_loss,
        "learning_rate": 10.0,
    }
    found = History.from_dict(model.history.to_dict()).doctor()
    assert {"divergence", "unscaled_inputs"} <= {finding.rule for finding in found}
    assert f"no longer finite in epoch {error.epoch}, batch {error.batch}" in str(found)


@pytest.mark.parametrize(
    ("column", "blurred", "values", "left", "blur"),
    [
        (np.arange(1950.0, 2025), 1, 75, 10, 0.107),
        (1e5 + np.linspace(-50, 50, 301), 1, 301, 1, 5.6),  # 100,000 lies between 99,840 and 100,352
        (np.linspace(-2, 2, 400), 1, 400, 400, 0.00147),
        (np.arange(256.0), 0, 1, 1, 0),  # all of them are numbers of 8 bits
    ],
)
def test_what_bfloat16_leaves_of_the_inputs(column, blurred, values, left, blur):
    n = len(column)
    X = np.stack([np.zeros(n), column, np.arange(n) % 2, np.full(n, 1.001)], axis=1).astype(np.float32)
    seen = inputs_seen(X, True)
    assert seen["blur"] == pytest.approx(blur, rel=0.1)
    assert {**inputs_seen(X), "blurred": blurred, "blur": seen["blur"], "values": values, "values_left": left} == seen


@pytest.mark.parametrize(("dtype", "first"), [("mixed_bfloat16", True), ("mixed_bfloat16", False), ("float32", True)])
def test_the_doctor_sees_columns_that_bfloat16_cannot_tell_apart(dtype, first):
    """Years, say: nothing but the loss, which did not fall, used to speak of them."""
    X, y = np.arange(1950.0, 2025)[:, None], np.arange(75.0)
    model = Sequential([Dense(4), Dense(1)] if first else [BatchNorm(), Dense(4), Dense(1)], dtype=dtype)
    history = model.fit(X, y, epochs=3)
    for record in (history, History.from_dict(history.to_dict())):
        told = {finding.rule: finding for finding in record.doctor()}
        assert ("rounded_inputs" in told) == (dtype == "mixed_bfloat16" and first)
        assert "rounded_inputs" not in told or list(told).index("rounded_inputs") < list(told).index("unscaled_inputs")
    if "rounded_inputs" in told:
        assert "of 75 values of feature 0, mixed_bfloat16 tells 10 apart" in told["rounded_inputs"].seen


def test_columns_that_vary_by_rounding_count_as_constant():
    X = np.random.default_rng(0).normal(size=(100, 3))
    X[:, 1] = np.where(X[:, 0] > 0, 0.3, 0.1 + 0.2)
    seen = inputs_seen(X)
    assert seen["constant"] == 1 and seen["narrowest"] != 1 and seen["std_min"] > 0.5
    X[:, 1] -= 0.3  # as standardising leaves it
    assert inputs_seen(X)["constant"] == 1 and inputs_seen(X)["std_min"] > 0.5
    X[:, 1] = 1e-6 * X[:, 0]
    assert inputs_seen(X)["constant"] == 0 and inputs_seen(X)["narrowest"] == 1
