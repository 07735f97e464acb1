"""Splitting, standardising, and the preparation that travels with a model."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from nncore.base.random import generator
from nncore.datasets import Preparation, Standardizer, load_diabetes, load_iris, load_penguins, train_test_split


@pytest.mark.parametrize(("test_size", "n_test"), [(0.25, 25), (0.251, 26), (1, 1), (99, 99), (0.999, None)])
def test_sizes(test_size, n_test):
    X = np.arange(200).reshape(100, 2)
    if n_test is None:
        with pytest.raises(ValueError, match="leaves no row for training"):
            train_test_split(X, test_size=test_size)
        return
    train, test = train_test_split(X, test_size=test_size)
    assert len(test) == n_test and len(train) == 100 - n_test


def test_rows_stay_together_and_none_is_lost():
    X, y = np.arange(50)[:, None], np.arange(50) * 10
    X_train, X_test, y_train, y_test = train_test_split(X, y, seed=5)
    assert np.array_equal(X_train[:, 0] * 10, y_train) and np.array_equal(X_test[:, 0] * 10, y_test)
    assert sorted([*y_train, *y_test]) == y.tolist()


def test_seed_decides_the_split():
    X = np.arange(100)
    same = [train_test_split(X, seed=7)[1] for _ in range(2)]
    assert np.array_equal(*same) and not np.array_equal(same[0], train_test_split(X, seed=8)[1])


@settings(deadline=None)  # a busy machine is no fault
@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**64 - 1),
)
def test_stratified_shares(counts, share, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    n_test = math.ceil(len(y) * share)
    if min(n_test, len(y) - n_test) < len(counts):
        return
    train, test = train_test_split(y, test_size=share, seed=seed, stratify=True)
    assert len(test) == n_test and len(train) == len(y) - n_test
    got = np.bincount(test, minlength=len(counts))
    assert (got >= 1).all() and (got < counts).all()
    if n_test * min(counts) >= len(y) and (len(y) - n_test) * min(counts) >= len(y):  # no class needs a row as a gift
        assert np.abs(got - np.array(counts) * n_test / len(y)).max() < 1 + 1e-9


def test_stratified_rows_are_the_first_of_each_class_in_a_random_order():
    y = np.random.default_rng(1).integers(0, 5, 300)
    rows = np.arange(300)
    train, test, _, _ = train_test_split(rows, y, test_size=60, seed=9, stratify=True)
    order = generator(9, "split").permutation(300)
    expected = np.zeros(300, bool)
    for k, share in enumerate(np.bincount(y[test])):
        expected[order[y[order] == k][:share]] = True
    assert test.tolist() == order[expected[order]].tolist()
    assert train.tolist() == order[~expected[order]].tolist()


def test_stratify_by_another_array():
    groups = np.array(["a", "b"] * 10)
    _, test = train_test_split(groups, test_size=10, stratify=groups)
    assert sorted(test) == ["a"] * 5 + ["b"] * 5


@pytest.mark.parametrize(
    ("arrays", "arguments", "message"),
    [
        ((), {}, "at least one array"),
        (([1, 2, 3], [1, 2]), {}, "one length, got 3, 2 rows"),
        (([1],), {}, "leaves no row for training or none for testing"),
        ((np.zeros((0, 2)),), {}, "of 0 rows"),
        ((range(9),), {"test_size": 0}, "test_size=0 of 9 rows"),
        ((range(9),), {"test_size": 9}, "test_size=9 of 9 rows"),
        ((range(9),), {"test_size": 1.0}, "test_size must be a share between 0 and 1"),
        ((range(9),), {"test_size": math.nan}, "test_size .* got nan"),
        ((range(9),), {"test_size": True}, "test_size .* got True"),
        ((range(9),), {"test_size": "0.2"}, "test_size .* got '0.2'"),
        ((range(9),), {"seed": -1}, "seed .* got -1"),
        ((range(4), [0, 0, 0, 1]), {"stratify": True}, "class 1 has only 1 row"),
        ((range(6), [0, 0, 1, 1, 2, 2]), {"stratify": True, "test_size": 2}, "each of the 3 classes in both parts"),
        ((range(4),), {"stratify": [0, 1]}, r"one class per row, shape \(4,\), got \(2,\)"),
    ],
)
def test_split_refuses(arrays, arguments, message):
    with pytest.raises(ValueError, match=message):
        train_test_split(*arrays, **arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_standardizer_agrees_with_scikit_learn(dtype):
    X = (np.random.default_rng(0).normal(5, 30, (200, 7)) * np.logspace(0, 3, 7)).astype(dtype)
    ours, theirs = Standardizer().fit(X), StandardScaler().fit(X.astype(np.float64))
    assert np.allclose(ours.mean_, theirs.mean_, rtol=1e-12) and np.allclose(ours.scale_, theirs.scale_, rtol=1e-12)
    transformed = ours.transform(X)
    assert transformed.dtype == (np.float32 if dtype == np.float32 else np.float64)
    assert np.allclose(transformed, theirs.transform(X.astype(np.float64)), atol=1e-4 if dtype == np.float32 else 1e-12)
    assert np.allclose(ours.inverse_transform(transformed), X, rtol=1e-4 if dtype == np.float32 else 1e-10)


@pytest.mark.parametrize("value", [0.1, 1e30, -7.0, 1e-300, 0.0])
def test_constant_column_becomes_zero(value):
    X = np.full((1000, 1), value)
    standardizer = Standardizer().fit(X)
    assert standardizer.scale_.tolist() == [1.0]
    assert not standardizer.transform(X).any()


def test_differences_too_small_to_square_do_not_divide_by_zero():
    standardizer = Standardizer().fit([[0.0], [1e-200]])
    assert standardizer.scale_.tolist() == [1.0]


def test_standardizer_on_a_target_and_through_json():
    y = np.array([1.0, 2.5, -3.0])
    standardizer = Standardizer().fit(y)
    restored = Standardizer.from_dict(json.loads(json.dumps(standardizer.to_dict())))
    assert np.array_equal(restored.transform(y), standardizer.transform(y))
    assert np.allclose(restored.inverse_transform(standardizer.transform(y)), y)


def test_predictions_of_one_output_go_back_to_the_units_of_the_target():
    y = np.array([1.0, 2.5, -3.0])
    standardizer, preparation = Standardizer().fit(y), Preparation.fit(load_diabetes())
    for fitted in (standardizer, Standardizer.from_dict(standardizer.to_dict())):
        for change in (fitted.transform, fitted.inverse_transform):
            for values in (y, y.astype(np.float32)):
                found = change(values[:, None])
                assert found.shape == (3, 1) and found.dtype == values.dtype
                assert found[:, 0].tolist() == change(values).tolist()
    restored = preparation.restore_target(y[:, None])
    assert restored.shape == (3, 1) and restored[:, 0].tolist() == preparation.restore_target(y).tolist()
    for other in (np.zeros((3, 2)), np.zeros((3, 1, 1)), np.float64(3.0)):
        with pytest.raises(ValueError, match=r"fitted on values of shape \(n_samples,\)"):
            standardizer.inverse_transform(other)


def test_standardizer_leaves_its_input_alone():
    X = np.array([[1.0, 2.0], [3.0, 4.0]])
    X.flags.writeable = False
    Standardizer().fit_transform(X)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.zeros((0, 3)), "with a row or more"),
        (np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
        (3.0, r"got \(\)"),
        ([[0.0, 1.0], [2.0, math.nan]], "X holds nan in row 1, column 1; standardising needs finite numbers"),
        ([[math.inf]], "X holds inf in row 0, column 0"),
        ([0.0, -math.inf], "X holds -inf in row 1; standardising"),
        ([[1e200], [-1e200]], "spreads too wide"),
    ],
)
def test_standardizer_refuses_to_fit(X, message):
    with pytest.raises(ValueError, match=message):
        Standardizer().fit(X)


def test_standardizer_refuses_to_transform():
    with pytest.raises(ValueError, match="not fitted"):
        Standardizer().transform([[1.0]])
    with pytest.raises(ValueError, match="not fitted"):
        Standardizer().to_dict()
    fitted = Standardizer().fit([[1.0, 2.0]])
    for X in ([[1.0]], [1.0, 2.0], [[[1.0, 2.0]]]):
        with pytest.raises(ValueError, match=r"fitted on columns \(2,\)"):
            fitted.transform(X)


@pytest.mark.parametrize(("mean", "scale"), [([0], [0]), ([0], [-1]), ([0], [1, 1]), ([None], [1])])
def test_standardizer_refuses_a_bad_state(mean, scale):
    with pytest.raises(ValueError, match="mean and scale must be finite"):
        Standardizer.from_dict({"mean": mean, "scale": scale})


@pytest.mark.parametrize("load", [load_iris, load_diabetes, load_penguins])
def test_preparation_survives_json(load):
    dataset = load()
    preparation = Preparation.fit(dataset)
    restored = Preparation.from_json(preparation.to_json())
    assert restored.schema == preparation.schema
    assert np.array_equal(restored.prepare_inputs(dataset.X), preparation.prepare_inputs(dataset.X))
    assert np.array_equal(restored.prepare_target(dataset.y), preparation.prepare_target(dataset.y))
    assert np.allclose(restored.restore_target(restored.prepare_target(dataset.y)), dataset.y)


def test_preparation_without_standardising():
    iris = load_iris()
    preparation = Preparation.fit(iris, standardize=False)
    assert preparation.prepare_inputs(iris.X) is iris.X and preparation.target is None


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"schema": 1, "inputs": null, "target": null}', "[" * 10**5])
def test_preparation_refuses_other_text(text):
    with pytest.raises(ValueError, match="not a preparation"):
        Preparation.from_json(text)


ROUNDING = {
    "0.1 + 0.2": [0.3, 0.1 + 0.2],
    "many rows": [0.3, 0.1 + 0.2] * 500,
    "large": [1e15, 1e15 + 0.125],
    "negative": [-7.1, -7.1 + 1e-15, -7.1],
    "sums": [sum([0.1] * k) / k for k in range(1, 40)],
    "tiny": [1e-200, 1e-200 * (1 + 2**-52)],
}


@pytest.mark.parametrize("x", ROUNDING.values(), ids=ROUNDING)
def test_a_column_that_varies_by_rounding_is_only_shifted(x):
    column = np.array(x)[:, None]
    assert StandardScaler().fit(column).scale_[0] == 1
    standardizer = Standardizer().fit(column)
    assert standardizer.scale_ == 1 and standardizer.mean_ == pytest.approx(x[0])
    assert standardizer.transform(column + 1) == pytest.approx(1, rel=1e-12, abs=0.2 if abs(x[0]) > 1e9 else 0)
    assert Standardizer().fit(np.array(x)).scale_ == 1  # as a target


@pytest.mark.parametrize("x", [0.3, -0.3, 1e8, 1e-30])
def test_a_float32_column_that_varies_in_the_last_bit_is_only_shifted(x):
    x = np.float32(x)
    column = np.array([[x], [np.nextafter(x, np.float32(np.inf))]] * 20)
    standardizer = Standardizer().fit(column)
    assert standardizer.scale_ == 1 and standardizer.transform(column).dtype == np.float32


def test_columns_of_short_numbers_stay_so_in_a_table_of_wider_ones():
    """One float64 column made float64 of all, and float16 was made float64: their last bits became a spread."""
    pandas = pytest.importorskip("pandas")
    short, half = np.float32([0.3, np.nextafter(np.float32(0.3), np.float32(1))]), np.float16([0.3, 0.3005])
    assert half[0] != half[1]
    table = pandas.DataFrame({"wide": np.arange(40.0), "short": np.tile(short, 20), "half": np.tile(half, 20)})
    table["nullable"] = table["short"].astype("Float32")
    assert Standardizer().fit(table).scale_.tolist() == [np.arange(40).std(), 1, 1, 1]
    assert all(Standardizer().fit(table[name]).scale_ == 1 for name in ("short", "half"))  # as a target
    assert Standardizer().fit(half[:, None]).scale_ == 1
    assert Standardizer().fit(np.float16([[0.3], [0.5]])).scale_ == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize(
    ("shift", "spread", "dtype"),
    [(1e8, 1, np.float64), (1e6, 1, np.float32), (0, 1e-150, np.float64), (1, 1e-9, float)],
)
def test_a_small_but_real_spread_is_kept(shift, spread, dtype):
    column = (shift + np.random.default_rng(0).normal(scale=spread, size=(1000, 1))).astype(dtype)
    scale = Standardizer().fit(column).scale_
    assert scale == pytest.approx(column.std(dtype=np.float64), rel=1e-12, abs=0) and scale < 2 * spread


@pytest.mark.parametrize("X", [np.ones((3, 2)) * 1j, np.ones((3, 2), "M8[s]"), np.zeros((3, 2), [("a", "f4")])])
def test_a_standardizer_takes_real_numbers(X):
    for use in (Standardizer().fit, Standardizer().fit([[0.0, 1.0]]).transform):
        with pytest.raises(TypeError, match="X must hold real numbers, got dtype"):
            use(X)
