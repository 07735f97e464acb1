"""The same numbers as scikit-learn: first weights, splits, losses, gradients, trainings where batches are alike."""

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.7")  # before, its MLP had no weights of rows and no loss

import sklearn.neural_network as theirs
from sklearn.datasets import load_iris, make_multilabel_classification, make_regression
from sklearn.preprocessing import scale

import nncore.sklearn as ours

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_IRIS, Y_IRIS = load_iris(return_X_y=True)
X_IRIS = scale(X_IRIS)
NUMBERS = [scale(part) for part in make_regression(120, 6, n_targets=3, random_state=0)]
DATA = {
    "three classes": ("MLPClassifier", X_IRIS, Y_IRIS),
    "two classes": ("MLPClassifier", X_IRIS, np.array(["no", "yes"])[(Y_IRIS == 1).astype(int)]),
    "labels": ("MLPClassifier", *make_multilabel_classification(120, 4, random_state=0)),
    "a number": ("MLPRegressor", NUMBERS[0], NUMBERS[1][:, 0]),
    "numbers": ("MLPRegressor", *NUMBERS),
    "counts": ("MLPRegressor", NUMBERS[0], np.round(np.exp(NUMBERS[1][:, 0]))),
    "several counts": ("MLPRegressor", NUMBERS[0], np.round(np.exp(NUMBERS[1]))),
}
WEIGHTS = np.random.default_rng(0).uniform(0, 2, 150)


def both(name, X, y, weight=None, **options):
    if name == "MLPRegressor" and y.min() >= 0:
        options["loss"] = "poisson"
    return [getattr(module, name)(random_state=3, **options).fit(X, y, weight) for module in (ours, theirs)]


def distance(a, b):
    pairs = zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True)
    return max(np.abs(one - other).max() for one, other in pairs)


SGD = {
    "nesterov": {"momentum": 0.9, "alpha": 0.1, "learning_rate_init": 0.05},
    "plain": {"momentum": 0.0, "learning_rate_init": 0.1, "activation": "tanh", "hidden_layer_sizes": (5, 7)},
    "heavy ball": {"nesterovs_momentum": False, "learning_rate_init": 0.02, "activation": "logistic"},
    "invscaling": {"learning_rate": "invscaling", "learning_rate_init": 0.1, "power_t": 0.3},
    "adaptive": {"learning_rate": "adaptive", "learning_rate_init": 0.1, "tol": 1e-3, "n_iter_no_change": 2},
    "early": {"early_stopping": True, "learning_rate_init": 0.05, "tol": 1e-3, "n_iter_no_change": 3},
    "in order": {"shuffle": False, "batch_size": 30, "alpha": 0.5, "learning_rate_init": 0.02},
}


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("options", SGD)
def test_sgd_is_the_same_to_rounding(options, data):
    """The same epochs, losses, scores and weights: only the order of sums differs, and of rows within a batch."""
    name, X, y = DATA[data]
    options = {"batch_size": len(X) - len(X) // 10 if options == "early" else len(X)} | SGD[options]
    weight = WEIGHTS[: len(X)] if options["batch_size"] != 30 else None  # of which a batch has a sum of its own
    a, b = both(name, X, y, weight, solver="sgd", max_iter=60, **options)
    assert (a.n_iter_, a.t_, a._no_improvement_count) == (b.n_iter_, b.t_, b._no_improvement_count)
    assert distance(a, b) < 1e-11
    if options["batch_size"] == len(X) and data != "labels":  # whose loss scikit-learn clips
        np.testing.assert_allclose(a.loss_curve_, b.loss_curve_, rtol=1e-10)
        np.testing.assert_allclose(a.loss_, b.loss_, rtol=1e-10)
    if a.validation_scores_ is not None:
        np.testing.assert_allclose(a.validation_scores_, b.validation_scores_, rtol=1e-10)
        assert a.best_validation_score_ == pytest.approx(b.best_validation_score_)
    if name == "MLPRegressor":
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-7, atol=1e-12)
    else:
        assert np.array_equal(a.predict(X), b.predict(X)) and np.array_equal(a.classes_, b.classes_)
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-9)
        np.testing.assert_allclose(a.predict_log_proba(X), b.predict_log_proba(X), rtol=1e-9, atol=1e-15)
    assert a.score(X, y) == pytest.approx(b.score(X, y))
    assert (a.n_layers_, a.n_outputs_, a.out_activation_) == (b.n_layers_, b.n_outputs_, b.out_activation_)


@pytest.mark.parametrize("data", DATA)
def test_adam_differs_by_its_epsilon_only(data):
    name, X, y = DATA[data]
    a, b = both(name, X, y, batch_size=len(X), max_iter=20, alpha=0.1, epsilon=1e-12)
    assert distance(a, b) < 1e-6


def test_first_weights_are_the_same_bits():
    for options in ({}, {"activation": "logistic"}, {"hidden_layer_sizes": []}):
        a, b = both("MLPClassifier", X_IRIS, Y_IRIS, solver="sgd", learning_rate_init=1e-300, max_iter=1, **options)
        assert distance(a, b) == 0


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("weight", [None, WEIGHTS])
def test_losses_and_gradients_are_those_of_scikit_learn(data, weight):
    """Of one step of plain SGD: the difference of the weights is the gradient, with alpha's part."""
    name, X, y = DATA[data]
    weight = None if weight is None else weight[: len(X)]
    options = {"solver": "sgd", "momentum": 0, "max_iter": 1, "alpha": 30.0, "batch_size": len(X)}
    a, b = both(name, X, y, weight, learning_rate_init=1.0, **options)
    assert distance(a, b) < 1e-13
    assert a.loss_ == pytest.approx(b.loss_, rel=1e-12)


def test_lbfgs_finds_a_loss_as_low():
    a, b = both("MLPRegressor", *NUMBERS, solver="lbfgs", max_iter=2000, alpha=1.0, tol=1e-6)
    assert a.loss_ == pytest.approx(b.loss_, rel=0.05)
    a, b = both("MLPClassifier", X_IRIS, Y_IRIS, solver="lbfgs", max_iter=3, alpha=1.0)  # the steps they share
    assert distance(a, b) < 1e-9 and a.loss_ == pytest.approx(b.loss_)


def test_signatures_begin_with_those_of_scikit_learn():
    for name, own in (("MLPClassifier", {"class_weight"}), ("MLPRegressor", set())):
        mine, other = (getattr(module, name)().get_params() for module in (ours, theirs))
        extra = {"loss"} - other.keys() if name == "MLPRegressor" else set()  # scikit-learn 1.6 has none
        extra |= {"dropout", "normalization", "residual", "weight_initializer", "clip_norm", "callbacks", "dtype"}
        assert mine.keys() - other.keys() == extra | own
        assert {key: mine[key] for key in other} == other


def test_partial_fit_goes_on_as_scikit_learns_does():
    pair = [module.MLPClassifier(solver="sgd", random_state=0, alpha=0.5, batch_size=64) for module in (ours, theirs)]
    for start in (0, 60, 120):  # the last part is smaller: another batch, and another penalty
        rows = np.random.default_rng(1).permutation(150)[start : start + 60]
        for estimator in pair:
            with pytest.warns(UserWarning, match="batch_size"):
                estimator.partial_fit(X_IRIS[rows], Y_IRIS[rows], classes=[0, 1, 2])
    assert distance(*pair) < 1e-12 and pair[0].t_ == pair[1].t_ == 150 and pair[0].n_iter_ == pair[1].n_iter_ == 1
