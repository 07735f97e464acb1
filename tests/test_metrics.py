"""Metrics agree with scikit-learn, which defines them, and handle the edges."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import sklearn.metrics as reference

from nncore import Dense, Sequential, metrics

RNG = np.random.default_rng(0)
LABELS, GUESSES = RNG.integers(0, 4, 200), RNG.integers(0, 4, 200)
SCORES = RNG.random((200, 4))
REAL, PREDICTED = RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3))


def test_accuracy_of_labels():
    assert metrics.accuracy(LABELS, GUESSES) == reference.accuracy_score(LABELS, GUESSES)
    assert metrics.accuracy(LABELS.astype(float), GUESSES.tolist()) == reference.accuracy_score(LABELS, GUESSES)


@pytest.mark.parametrize("y_true", [LABELS, LABELS[:, None], np.eye(4)[LABELS]], ids=["(n,)", "(n, 1)", "one-hot"])
def test_accuracy_of_scores(y_true):
    expected = reference.accuracy_score(LABELS, SCORES.argmax(axis=1))
    assert metrics.accuracy(y_true, SCORES) == expected
    assert metrics.categorical_accuracy(y_true, SCORES) == expected


def test_accuracy_of_labels_that_are_no_indices():
    assert metrics.accuracy([-1, 1, 1], [-1, 1, -1]) == reference.accuracy_score([-1, 1, 1], [-1, 1, -1])
    assert metrics.accuracy(["a", "b"], ["a", "c"]) == 0.5
    smooth = 0.9 * np.eye(4)[LABELS] + 0.025
    assert metrics.accuracy(smooth, SCORES) == metrics.accuracy(LABELS, SCORES)


def test_binary_accuracy():
    labels, probabilities = RNG.integers(0, 2, 100), RNG.random(100)
    expected = reference.accuracy_score(labels, probabilities > 0.5)
    assert metrics.binary_accuracy(labels, probabilities) == expected
    assert metrics.accuracy(labels, probabilities[:, None]) == expected
    assert metrics.accuracy(labels[:, None].astype(np.float32), probabilities[:, None]) == expected
    assert metrics.binary_accuracy([0, 1], [-1.0, 1.0], threshold=0) == 1
    assert metrics.binary_accuracy([1], [0.5]) == 0, "as Keras: a prediction must be above the threshold"


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (metrics.mean_squared_error, reference.mean_squared_error),
        (metrics.mean_absolute_error, reference.mean_absolute_error),
        (metrics.r2_score, reference.r2_score),
    ],
)
def test_regression(metric, expected, columns):
    true, pred = REAL[:, :columns], PREDICTED[:, :columns]
    assert metric(true, pred) == pytest.approx(expected(true, pred), rel=1e-14)
    assert metric(true[:, 0], pred[:, :1]) == pytest.approx(expected(true[:, 0], pred[:, 0]), rel=1e-14)


@pytest.mark.parametrize(
    ("true", "pred"),
    [([1, 1, 1], [1, 1, 1]), ([1, 1, 1], [1, 1, 2]), ([[1, 1], [1, 2], [1, 3]], [[1, 1], [1, 2], [2, 2]])],
)
def test_r2_of_constant_targets(true, pred):
    assert metrics.r2_score(true, pred) == reference.r2_score(true, pred)


def test_r2_of_one_sample_is_nan_and_warns():
    with pytest.warns(RuntimeWarning, match="fewer than two samples"):
        assert math.isnan(metrics.r2_score([1.0], [1.0]))


MASKED = np.ma.array([0.0, 1.0, 1.0], mask=[False, False, True])
FUNCTIONS = [*dict.fromkeys(metrics.METRICS.values()), metrics.confusion_matrix]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    "masked", [MASKED, MASKED[:, None], [[0.0], [1.0], MASKED[2:]]], ids=["(n,)", "(n, 1)", "list"]
)
def test_what_a_mask_hides_is_no_value(function, masked):
    of_columns = function is metrics.categorical_accuracy or function == metrics.top_5_accuracy
    whole = [[0.1, 0.9]] * 3 if of_columns else [0, 1, 1]
    for name, given in (("y_true", (masked, whole)), ("y_pred", (whole, masked))):
        said = rf"{name}.* is a masked array with 1 masked value.*: {name}.*\.filled\(value\)"
        with pytest.raises(ValueError, match=said):
            function(*given)
    unmasked = np.ma.array([0, 1, 1])
    if not of_columns:
        assert np.array_equal(function(unmasked, unmasked), function([0, 1, 1], [0, 1, 1]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_sparse_matrices_are_named(function):
    sparse = scipy.sparse.csr_matrix([[0.0, 1.0]] * 3)
    for name, given in (("y_true", (sparse, [[0.0, 1.0]] * 3)), ("y_pred", ([[0.0, 1.0]] * 3, sparse))):
        with pytest.raises(TypeError, match=rf"sparse input is not supported; use {name}\.toarray\(\)"):
            function(*given)


def test_float32_is_summed_in_float64():
    n = 2**24 + 2
    assert metrics.mean_absolute_error(np.ones(n, np.float32), np.zeros(n, np.float32)) == 1.0


def test_confusion_matrix():
    expected = reference.confusion_matrix(LABELS, GUESSES)
    assert np.array_equal(metrics.confusion_matrix(LABELS, GUESSES), expected)
    assert np.array_equal(metrics.confusion_matrix(np.eye(4)[LABELS], np.eye(4)[GUESSES]), expected)
    assert np.array_equal(metrics.confusion_matrix([0], [[0.9, 0.1, 0.0]]), [[1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert metrics.confusion_matrix([0, 1], [1, 1], n_classes=4).shape == (4, 4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.accuracy([0, 1], [0]), "different lengths: 2 and 1"),
        (lambda: metrics.accuracy([], []), "y_true and y_pred are empty"),
        (lambda: metrics.accuracy(np.zeros((2, 2, 2)), [0, 1]), "got shape"),
        (lambda: metrics.categorical_accuracy([0, 1], [0, 1]), r"y_pred must have shape \(n_samples, n_classes\)"),
        (lambda: metrics.accuracy([1, 2, 3, 0], [[0.9], [0.9], [0.9], [0.1]]), "labels 0 and 1, got 2"),
        (lambda: metrics.accuracy([[1], [2]], [[0.9], [0.9]]), "y_true must hold labels 0 and 1, got 2"),
        (lambda: metrics.accuracy([-1, 1], [[0.9, 0.1], [0.1, 0.9]]), "y_true must hold class indices .* got -1"),
        (lambda: metrics.accuracy([0.5, 1.0], [[0.9, 0.1], [0.1, 0.9]]), "y_true must hold class indices .* got 0.5"),
        (lambda: metrics.accuracy([0.5, 1.0], [0, 1]), "y_true must hold class indices, got 0.5"),
        (lambda: metrics.accuracy([[0, 2], [1, 0]], [[0.1, 0.9], [0.8, 0.2]]), r"one-hot .* got \[0 2\] at row 0"),
        (
            lambda: metrics.accuracy([[1, 0, 0], [0, 1, 1]], np.eye(3)[:2]),
            r"\[0 1 1\] at row 1; .* binary_accuracy tells",
        ),
        (lambda: metrics.accuracy([[0, 0], [1, 0]], [0, 0]), r"sum to 1, got \[0 0\] at row 0"),
        (lambda: metrics.accuracy([[np.nan, 0], [1, 0]], [[0.9, 0.1]] * 2), "got .nan  0.. at row 0"),
        (lambda: metrics.categorical_accuracy([[1, 1], [1, 0]], [[0.9, 0.1]] * 2), r"sum to 1, got \[1 1\] at row 0"),
        (
            lambda: metrics.accuracy([1, 5], [[0.3, 0.1], [0.8, 0.2]]),
            "y_true holds the class 5, but y_pred has 2 columns",
        ),
        (lambda: metrics.categorical_accuracy([2, 1], [[0.3, 0.1]] * 2), "the class 2, but y_pred has 2 columns"),
        (
            lambda: metrics.accuracy(["0", "1"], [0, 1]),
            "y_true and y_pred must be alike, and one holds <U1, the other int",
        ),
        (lambda: metrics.binary_accuracy(["a"], [0.2]), r"y_true must hold numbers, got \['a'\]"),
        (lambda: metrics.mean_squared_error([1.0], ["b"]), r"y_pred must hold numbers, got \['b'\]"),
        (lambda: metrics.binary_accuracy([1, 2, 3, 0], [0.9, 0.9, 0.9, 0.1]), "labels 0 and 1, got 2"),
        (lambda: metrics.binary_accuracy([0.0, 0.9], [0.9, 0.9]), "labels 0 and 1, got 0.9"),
        (lambda: metrics.binary_accuracy([-1, 1], [-0.9, 0.9], threshold=0), "labels 0 and 1, got -1"),
        (lambda: metrics.binary_accuracy([0, np.nan], [0.9, 0.9]), "labels 0 and 1, got nan"),
        (lambda: metrics.categorical_accuracy([0.5, 1], [[0.1, 0.9]] * 2), "class indices 0, 1, 2...; got 0.5"),
        (lambda: metrics.categorical_accuracy([[-1], [1]], [[0.1, 0.9]] * 2), "class indices 0, 1, 2...; got -1"),
        (lambda: metrics.categorical_accuracy([np.nan, 1], [[0.1, 0.9]] * 2), "class indices 0, 1, 2...; got nan"),
        (
            lambda: metrics.categorical_accuracy(["a", "b"], [[0.1, 0.9]] * 2),
            "class indices 0, 1, 2...; got .'a'.; number them",
        ),
        (lambda: metrics.categorical_accuracy([0, 1], [[0.1], [0.9]]), "one column, .*; use binary_accuracy"),
        (lambda: metrics.mean_squared_error([1, 2], [[1, 2], [3, 4]]), "different numbers of outputs: 1 and 2"),
        (lambda: metrics.mean_squared_error([1, 2], [1]), "different lengths: 2 and 1"),
        (lambda: metrics.r2_score(3.0, 3.0), "must be 1-D or 2-D"),
        (
            lambda: metrics.confusion_matrix([0, 1], [[0.2], [0.7]]),
            r"got 0.2; model.predict_classes\(X\) makes classes",
        ),
        (
            lambda: metrics.confusion_matrix(["a", "b"], ["a", "a"]),
            r"y_true must .*; got \['a'\]; number them: names, y",
        ),
        (lambda: metrics.accuracy(["a", "b"], [[0.9], [0.1]]), r"y_true must .*; got \['a'\]; number them: names, y ="),
        (lambda: metrics.confusion_matrix([0, -1], [0, 1]), "y_true must hold class indices .* got -1"),
        (lambda: metrics.confusion_matrix([0, 1], [0, 0.5]), "y_pred must hold class indices .* got 0.5"),
        (lambda: metrics.confusion_matrix([0, np.nan], [0, 1]), "y_true must hold class indices .* got nan"),
        (lambda: metrics.confusion_matrix([0, 3], [0, 1], n_classes=3), "n_classes is 3, .* at least 4"),
        (lambda: metrics.confusion_matrix([0], [0, 1]), "different lengths"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_table_holds_every_metric_that_returns_a_number():
    assert metrics.METRICS["mse"] is metrics.mean_squared_error
    for metric in set(metrics.METRICS.values()):
        n = 6 if metric == metrics.top_5_accuracy else 2
        assert isinstance(metric(np.eye(n), np.eye(n)[::-1] * 0.8), float)
        assert metrics.METRICS[metric.__name__] is metric is getattr(metrics, metric.__name__)


def test_readme_and_guide_list_every_metric():
    root = Path(__file__).resolve().parent.parent
    guide, readme = (
        set(re.findall(r"`(\w+)`", (root / name).read_text(encoding="utf-8")))
        for name in ("docs/guide/metrics.md", "README.md")
    )
    assert set(metrics.METRICS) <= guide
    assert {metric.__name__ for metric in metrics.METRICS.values()} <= readme


def test_accuracy_of_a_regression_is_refused():
    with pytest.raises(ValueError, match=r"y_true must hold class indices 0, 1, 2...; got 0.5"):
        metrics.accuracy([[0.5], [1.0]], [[0.4], [1.2]])
    assert metrics.accuracy([[0.0], [1.0]], [[0.4], [0.6]]) == 1.0


def test_which_metrics_take_class_indices_and_in_which_less_is_better():
    known = set(metrics.METRICS.values())
    numbers = {metrics.mse, metrics.mae, metrics.rmse, metrics.mape, metrics.r2}
    assert numbers | {metrics.binary_accuracy} == metrics.NEEDS_COLUMNS
    assert known - metrics.LARGER_IS_BETTER == numbers - {metrics.r2} | {metrics.log_loss}


def test_a_metric_of_classes_that_gets_outputs_says_how_to_make_classes():
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    for layer, labels in ((Dense(1, "sigmoid"), y == 1), (Dense(3, "softmax"), y)):
        model = Sequential([layer])

        def score(y_true, y_pred):
            return reference.accuracy_score(y_true, y_pred)

        model.compile(metrics=[score])
        with pytest.raises(ValueError, match=r"metric 'score' failed: .*if it wants classes, def own") as caught:
            model.fit(X, labels)
        scope = {"score": score}
        exec(str(caught.value).split("if it wants classes, ")[1], scope)
        model.compile(metrics=[scope["own"], "accuracy"])
        assert model.fit(X, labels).own[0] == model.history.accuracy[0]


def test_two_names_of_one_metric_are_two_columns():
    """As in Keras; files of such models have to be read."""
    X, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 3
    model = Sequential([Dense(3, "softmax")])
    model.compile(metrics=["acc", "accuracy"])
    history = model.fit(X, y, epochs=2, validation_split=0.5)
    assert (history.acc == history.accuracy).all() and (history.val_acc == history.val_accuracy).all()


def test_classes_that_no_matrix_holds():
    for label in (2**53, 2**62):
        with pytest.raises(ValueError, match=f"labels must be class indices 0, 1, 2..., got {label}; number them"):
            metrics.confusion_matrix([0, label], [0, 1])
