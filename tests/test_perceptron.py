"""Rosenblatt's perceptron: its rule by hand, its theorem, and what it says about classes that no plane divides."""

import itertools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

import nncore
from nncore import NotBuiltError, Perceptron

CORNERS = [[0, 0], [0, 1], [1, 0], [1, 1]]
XOR = [0, 1, 1, 0]
RNG = np.random.default_rng(0)
CLOUD = RNG.normal(size=(200, 3))
SIDES = CLOUD @ [1.0, -2.0, 0.5] > 0.3
CLOUD[~SIDES] -= [0.2, -0.4, 0.1]  # a gap, so that few epochs do


def test_the_rule_by_hand():
    """Two rows, in order: what every update must be."""
    neuron = Perceptron(0.5).fit([[1.0, 2.0], [3.0, -1.0]], [0, 1], shuffle=False)
    # epoch 0: z(row 0) = 0 says 1, wrong: w = (-0.5, -1), b = -0.5; z(row 1) = -1, wrong: w = (1, -1.5), b = 0
    # epoch 1: z(row 0) = -2 right; z(row 1) = 4.5 right
    assert neuron.w.tolist() == [1.0, -1.5] and neuron.b == 0.0
    assert neuron.errors_.tolist() == [2, 0]
    assert neuron.converged and neuron.separable


@pytest.mark.parametrize("answers", list(itertools.product([0, 1], repeat=4))[1:-1])
def test_learns_every_logical_function_but_two(answers):
    """Of two inputs, all but exclusive or and its opposite are divided by a line."""
    learnable = answers not in ((0, 1, 1, 0), (1, 0, 0, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        neuron = Perceptron(0.1).fit(CORNERS, answers, epochs=100, seed=3)
    assert neuron.converged == neuron.separable == learnable
    assert (neuron.predict(CORNERS).tolist() == list(answers)) == learnable
    assert len(neuron.errors_) < 20 if learnable else len(neuron.errors_) == 100


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("rate", [1.0, 0.1, 1 / 3])
def test_proves_that_exclusive_or_is_impossible(shuffle, rate):
    neuron = Perceptron(rate)
    with pytest.warns(UserWarning, match="It never will: no hyperplane divides these classes") as caught:
        neuron.fit(CORNERS, XOR, epochs=50, shuffle=shuffle)
    assert caught[0].filename == __file__
    assert neuron.separable is False and not neuron.converged
    assert (neuron.errors_ > 0).all()


def test_too_few_epochs_prove_nothing():
    with pytest.warns(UserWarning, match="Either no hyperplane divides these classes, or it takes more epochs"):
        neuron = Perceptron().fit(CORNERS, [0, 0, 0, 1], epochs=2, shuffle=False)
    assert neuron.separable is None and neuron.errors_.tolist() == [2, 3]


def test_a_contradiction_is_proved():
    with pytest.warns(UserWarning, match="no hyperplane"):
        assert Perceptron().fit([[0.1], [0.1]], [0, 1]).separable is False


def test_rounding_proves_nothing():
    """Weights that come back but for 1e-12 are no circle: these classes can be divided."""
    X = [[1.0], [1.0 + 1e-12]]
    with pytest.warns(UserWarning, match="Either no hyperplane"):
        assert Perceptron().fit(X, [0, 1]).separable is None


def test_never_makes_more_mistakes_than_the_theorem_allows():
    """Novikoff: at most (R / margin)**2, with rows that have a 1 for the bias."""
    neuron = Perceptron().fit(CLOUD, SIDES, epochs=1000)
    assert neuron.converged and (neuron.predict(CLOUD) == SIDES).all()
    rows = np.column_stack([CLOUD, np.ones(200)])
    plane = np.append(neuron.w, neuron.b)
    margin = np.abs(rows @ plane).min() / np.linalg.norm(plane)
    assert neuron.errors_.sum() <= (np.linalg.norm(rows, axis=1).max() / margin) ** 2


def test_the_rate_only_scales():
    a, b = Perceptron().fit(CLOUD, SIDES, epochs=1000), Perceptron(0.25).fit(CLOUD, SIDES, epochs=1000)
    assert np.array_equal(a.errors_, b.errors_)
    assert np.array_equal(a.w / 4, b.w) and a.b / 4 == b.b


def test_rows_alone_and_together_give_the_same_bits():
    """So that what training has seen right, predict says right."""
    X = np.random.default_rng(1).normal(size=(300, 37))
    neuron = Perceptron().fit(X, X[:, 0] > 0, epochs=2000)
    together = neuron.decision_function(X)
    assert together.tolist() == [neuron.decision_function(X[i : i + 1])[0] for i in range(300)]
    assert together.tolist() == [((x * neuron.w).sum() + neuron.b) for x in X]


def test_seed_and_shuffle():
    runs = [Perceptron().fit(CLOUD, SIDES, epochs=1000, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(runs[0].w, runs[1].w)
    assert not np.array_equal(runs[0].errors_, runs[2].errors_)
    in_order = [Perceptron().fit(CLOUD, SIDES, epochs=1000, shuffle=False, seed=seed) for seed in (0, 1)]
    assert np.array_equal(in_order[0].w, in_order[1].w)


def test_boundary_is_where_the_decision_is_zero():
    neuron = Perceptron().fit(CORNERS, [0, 0, 0, 1])
    points = neuron.boundary()
    np.testing.assert_allclose(neuron.decision_function(points), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(points[1] - points[0]), 1)
    upright = Perceptron().fit([[1, 0], [3, 0]], [0, 1])
    assert upright.boundary()[0, 0] == upright.boundary()[1, 0]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["b", "a"], ["a", "b"]),
        ([True, False], [False, True]),
        ([7, -1], [-1, 7]),
        ([[2.5], [0.5]], [0.5, 2.5]),
        (pd.Series(["yes", "no"]), ["no", "yes"]),
    ],
)
def test_any_two_labels(labels, expected):
    neuron = Perceptron().fit([[0.0], [1.0]], labels)
    assert neuron.classes_.tolist() == expected
    assert neuron.predict([[0.0], [1.0]]).tolist() == np.ravel(labels).tolist()


def test_is_public_and_can_be_pickled():
    assert nncore.Perceptron is Perceptron
    neuron = Perceptron().fit(CORNERS, [0, 1, 1, 1])
    assert pickle.loads(pickle.dumps(neuron)).predict(CORNERS).tolist() == [0, 1, 1, 1]


def test_training_again_begins_anew():
    neuron = Perceptron().fit(CORNERS, [0, 1, 1, 1], seed=1)
    neuron.fit([[1.0], [2.0]], ["a", "b"])
    assert neuron.w.shape == (1,) and neuron.classes_.tolist() == ["a", "b"]


BAD = [
    ({"X": [1, 2]}, ValueError, "Expected 2D array X"),
    ({"X": [[1e200], [1.0]]}, ValueError, r"X holds values up to 1e\+200, .* would overflow: scale X"),
    ({"X": [[1.0], [np.nan]]}, ValueError, "Input X contains NaN: 1 value.s., the first at row 1, column 0"),
    ({"y": [0]}, ValueError, "X and y have inconsistent numbers of samples: 2 and 1"),
    ({"y": [1, 1]}, ValueError, "y must hold two different labels, got 1: 1"),
    ({"X": [[0.0]] * 3, "y": ["a", "b", "c"]}, ValueError, "two different labels, got 3: 'a', 'b', 'c'"),
    ({"y": [0.0, np.nan]}, ValueError, "Input y contains NaN"),
    ({"y": [[0, 1], [1, 0]]}, ValueError, r"y must have shape \(2,\), got \(2, 2\)"),
    ({"y": [[0, 1], [1]]}, ValueError, "y is ragged"),
    ({"y": [None, "a"]}, TypeError, "y must hold two labels of one kind"),
    ({"epochs": 0}, ValueError, "epochs must be an integer >= 1"),
    ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
    ({"seed": -1}, ValueError, "seed must be an integer from 0"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD)
def test_bad_arguments_leave_it_as_it_was(options, error, message):
    neuron = Perceptron().fit(CORNERS, [0, 1, 1, 1])
    before = neuron.w.tolist()
    with pytest.raises(error, match=message):
        neuron.fit(**{"X": [[0.0], [1.0]], "y": [0, 1], **options})
    assert neuron.w.tolist() == before and neuron.classes_.tolist() == [0, 1]


@pytest.mark.parametrize("rate", [0, -1, np.inf, "fast", None])
def test_bad_rates(rate):
    with pytest.raises((TypeError, ValueError), match="learning_rate must be a finite number > 0"):
        Perceptron(rate)


def test_a_rate_that_overflows():
    with pytest.raises(ValueError, match=r"up to 2, and with learning_rate=1e\+300 .* or take learning_rate=1"):
        Perceptron(1e300).fit([[0.0], [2.0]], [0, 1])


def test_bad_use():
    neuron = Perceptron()
    for use in (neuron.boundary, lambda: neuron.predict([[1.0]]), lambda: neuron.decision_function([[1.0]])):
        with pytest.raises(NotBuiltError, match=r"no weights yet: call fit\(X, y\) first"):
            use()
    neuron.fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="X has 2 features, but the model expects 1"):
        neuron.predict(CORNERS)
    with pytest.raises(ValueError, match="boundary is a line for 2 features, this perceptron has 1"):
        neuron.boundary()
    with pytest.warns(UserWarning, match="did not converge"):
        neuron.fit(np.zeros((2, 2)), [0, 1])
    with pytest.raises(ValueError, match="w is zero"):
        neuron.boundary()
