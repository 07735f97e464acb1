"""`Perceptron`: Rosenblatt's neuron as an estimator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from nncore.base import callers
from nncore.base.typing import Array
from nncore.model import perceptron
from nncore.sklearn.estimator import generator_of, keep, seed_of
from nncore.sklearn.rows import refuse_masked
from nncore.sklearn.targets import one_dimensional


class Perceptron(ClassifierMixin, BaseEstimator):
    """`nncore.Perceptron` for scikit-learn: two classes, divided by a hyperplane (Rosenblatt, 1958).

    scikit-learn's ``OneVsRestClassifier`` makes one for more classes of it.

    Parameters
    ----------
    learning_rate : float
        Finite, > 0. Starting from zero, it only scales the weights.
    epochs : int
        How many times to go through the rows at most; training ends after the first epoch without a mistake.
    shuffle : bool
        Visit them in a new order each epoch.
    random_state : int, RandomState or None
        Decides the orders.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
    coef_ : ndarray of shape (1, n_features)
    intercept_ : ndarray of shape (1,)
    n_iter_ : int
        Epochs.
    errors_ : ndarray of int, shape (n_epochs,)
        Mistakes made in each.
    separable_ : bool or None
        Whether a hyperplane divides the classes; None while that is not known.
    neuron_ : nncore.Perceptron
    n_features_in_, feature_names_in_
        As in scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.multiclass import OneVsRestClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> neuron = Perceptron(random_state=0).fit(X[:100], y[:100])
    >>> neuron.score(X[:100], y[:100]), neuron.separable_
    (1.0, True)
    """

    def __init__(
        self, learning_rate: float = 1.0, *, epochs: int = 100, shuffle: bool = True, random_state: Any = None
    ) -> None:
        keep(self, locals())

    def fit(self, X: Any, y: Any) -> Perceptron:
        """Learn from zero weights.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Two different labels, of any kind.

        Returns
        -------
        Perceptron
            Itself.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        """
        arguments: Any = vars(self)
        neuron = perceptron.Perceptron(arguments["learning_rate"])
        refuse_masked(X, "X")
        refuse_masked(y, "y")
        X, y = validate_data(self, X, y, dtype=np.float64)
        y = one_dimensional(y)
        check_classification_targets(y)
        if (n := len(unique_labels(y))) != 2:
            more = "Only binary classification is supported; sklearn.multiclass.OneVsRestClassifier takes more classes."
            raise ValueError(f"{more if n > 2 else 'A perceptron needs two classes.'} y has {n} class(es)")
        state = arguments["random_state"]
        options = {name: arguments[name] for name in ("epochs", "shuffle")}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            neuron.fit(X, y, seed=seed_of(state, generator_of(state)), **options)
        for warning in said:
            warnings.warn(str(warning.message), ConvergenceWarning, stacklevel=callers.level())
        self.neuron_, self.classes_, self.errors_ = neuron, neuron.classes_, neuron.errors_
        self.n_iter_, self.separable_ = len(neuron.errors_), neuron.separable
        self.coef_, self.intercept_ = np.reshape(neuron.w, (1, -1)), np.array([neuron.b])  # type: ignore[arg-type]
        return self

    def decision_function(self, X: Any) -> Array:
        """Return on which side of the hyperplane each row lies, and by how much.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        refuse_masked(X, "X")
        return self.neuron_.decision_function(validate_data(self, X, dtype=np.float64, reset=False))

    def predict(self, X: Any) -> Array:
        """Return the label of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        second = self.decision_function(X) >= 0
        return np.asarray(self.classes_[second.astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
