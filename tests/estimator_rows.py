"""Rows that the tests of the estimators share."""

import numpy as np
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import scale

X, Y = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
X_NUMBERS, Y_NUMBERS = (scale(part) for part in load_diabetes(return_X_y=True))
QUICK = {"max_iter": 20, "random_state": 0}


def weights(estimator):
    return np.array(estimator.model_.parameters)
