"""What training looks at once: inputs, classes, weights that are all alike."""

import numpy as np
import pytest

from nncore.layers import Activation, BatchNorm, Dense, Residual
from nncore.network import initial_parameters
from nncore.observation import MOST_ROWS, inputs_seen, symmetric_layers, targets_seen
from nncore.program import lower

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


@pytest.mark.parametrize("n", [1, 2, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS - 1])
def test_few_rows_stand_for_many(n):
    """Spread over all of them, for data may be sorted."""
    X = np.linspace(0, 1, n, dtype=np.float32)[:, None]
    seen = inputs_seen(X)
    assert min(n, MOST_ROWS) / 2 <= seen["rows"] <= min(n, MOST_ROWS)
    assert seen["std_max"] == pytest.approx(X.std(dtype=float), rel=1e-3)


def test_wide_inputs_are_looked_at_in_fewer_rows():
    assert inputs_seen(np.zeros((5000, 1024), np.float32))["rows"] <= 1024
    assert inputs_seen(np.zeros((2, 2**21), np.float32))["rows"] == 1


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
