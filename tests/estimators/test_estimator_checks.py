"""scikit-learn's own checks of estimators, over all of ours, without an expected failure."""

import warnings

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

from nncore import Adam, Dense, Residual
from nncore.sklearn import Classifier, MLPClassifier, MLPRegressor, Perceptron, Regressor

ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
    MLPClassifier((8,), solver="lbfgs"),
    MLPRegressor("huber", (8, 8), ("tanh", "relu"), residual=True, normalization="layer", learning_rate_init=0.01),
    Classifier([Dense(16, "relu")], optimizer=Adam(0.01)),
    Regressor([Dense(16, "relu"), Residual([Dense(16, "relu")])], optimizer=Adam(0.01)),
    Perceptron(epochs=20),
]


CHECKS = parametrize_with_checks(ESTIMATORS).mark
NAMES, CASES = CHECKS.args  # before 1.9 of a generator, which pytest objects to


@pytest.mark.parametrize(NAMES, [*CASES], **CHECKS.kwargs)
def test_estimator(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence, and scikit-learn's own of its own checks
        check(estimator)
