"""Rosenblatt's perceptron: one neuron with a step, and the first rule by which a neuron learned."""

from __future__ import annotations

import warnings
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.arrays import inputs
from nncore.base import callers, checks
from nncore.base.random import permutation
from nncore.base.tables import names_to_keep
from nncore.base.typing import Array
from nncore.errors import NotBuiltError

FLOAT64 = np.dtype("float64")
LARGEST = 1e280  # product of a row with a correction: leaves room to add up more of them than anyone has time for


class Perceptron:
    """Two classes, divided by a hyperplane (Rosenblatt, 1958).

    The neuron says 1 where ``w . x + b >= 0``, else 0. Shown a row x with the answer t, it learns from its mistake
    t - y, which is -1, 0 or 1: ``w += learning_rate * (t - y) * x``, ``b += learning_rate * (t - y)``.

    If a hyperplane divides the classes, the rule finds one after finitely many mistakes (Novikoff, 1962). If none does,
    as for exclusive or, it goes on for ever: then some mistakes cancel each other out exactly, and where `fit` meets
    such a circle it has proved that no hyperplane exists (see `separable`).

    Parameters
    ----------
    learning_rate : float
        Finite, > 0. Starting from zero, it only scales w and b.

    Attributes
    ----------
    w : ndarray of shape (n_features,), float64
    b : float
    classes_ : ndarray of shape (2,)
        The two labels, sorted: what 0 and 1 stand for.
    errors_ : ndarray of int, shape (n_epochs,)
        Mistakes made in each epoch.
    converged : bool
        Whether the last epoch made none.
    separable : bool or None
        Whether a hyperplane divides the classes: True once it is found, False once it is proved that there is none;
        None while neither is known.

    Examples
    --------
    >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> neuron = Perceptron().fit(X, ["no", "no", "no", "yes"], shuffle=False)
    >>> neuron.predict(X).tolist(), neuron.errors_.tolist()
    (['no', 'no', 'no', 'yes'], [2, 3, 3, 2, 1, 0])
    >>> neuron.w, neuron.b
    (array([2., 1.]), -3.0)
    """

    classes_: NDArray[Any]
    errors_: NDArray[np.int64]

    def __init__(self, learning_rate: float = 1.0) -> None:
        self.learning_rate: float = checks.real(0, above=True)("learning_rate", learning_rate)
        self.w: Array | None = None
        self.b = 0.0
        self.feature_names: tuple[str, ...] | None = None
        self.converged = False
        self.separable: bool | None = None

    def fit(self, X: ArrayLike, y: ArrayLike, *, epochs: int = 100, shuffle: bool = True, seed: int = 0) -> Perceptron:
        """Learn from zero weights; end after the first epoch without a mistake.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers.
        y : array-like of shape (n_samples,)
            Two different labels, of any kind.
        epochs : int
            How many times to go through the rows at most.
        shuffle : bool
            Visit them in a new order each epoch.
        seed : int
            Of the orders, 0 to 2**64 - 1.

        Returns
        -------
        Perceptron
            Itself.

        Warns
        -----
        UserWarning
            If the last epoch still made mistakes; it says whether more epochs could help.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or products of values of `X` would overflow. The perceptron is then as before.
        """
        epochs = checks.integer(1, checks.EPOCHS)("epochs", epochs)
        shuffle = checks.flag("shuffle", shuffle)
        seed = checks.integer(0, 2**64 - 1)("seed", seed)
        array = inputs.features(X, FLOAT64)
        self._refuse_overflow(float(np.abs(array).max()))
        classes, answers = _two_classes(y, len(array))
        self.feature_names = names_to_keep(X, "X")
        self.classes_, self.w, self.b = classes, np.zeros(array.shape[1]), 0.0
        circle, errors = _Circle(array, answers, self.learning_rate), []
        for epoch in range(epochs):
            order = permutation(seed, epoch, len(array)) if shuffle else np.arange(len(array))
            errors.append(self._learn(array, answers, order, circle.mistakes))
            if not errors[-1]:
                break
            circle.look(epoch, self.w, self.b)
        self.errors_ = np.array(errors)
        self.converged = errors[-1] == 0
        self.separable = True if self.converged else (False if circle.closed else None)
        if not self.converged:
            warnings.warn(self._complaint(), stacklevel=callers.level())
        return self

    def _refuse_overflow(self, largest: float) -> None:
        if not self.learning_rate * max(largest, 1.0) * max(largest, 1.0) <= LARGEST:
            raise ValueError(
                f"X holds values up to {largest:g}, and with learning_rate={self.learning_rate:g} sums of their "
                "products would overflow: scale X, for example by nncore.datasets.Standardizer, or take learning_rate=1"
            )

    def _learn(self, X: Array, answers: Array, order: Array, mistakes: Array) -> int:
        """Show every row once; count the mistakes, also those of each row in `mistakes`."""
        w, b, rate = self._weights(), self.b, self.learning_rate
        n_mistakes = 0
        for i in order.tolist():
            mistake = int(answers[i]) - int(_net(X[i], w, b) >= 0)
            if mistake:
                w += rate * mistake * X[i]
                b += rate * mistake
                mistakes[i] += 1
                n_mistakes += 1
        self.b = b
        return n_mistakes

    def _complaint(self) -> str:
        found = f"the perceptron did not converge: {self.errors_[-1]} mistake(s) in epoch {len(self.errors_)}, the last"
        if self.separable is False:
            return (
                f"{found}. It never will: no hyperplane divides these classes, since mistakes were made whose "
                "corrections cancel out exactly. A network with a hidden layer can learn them: "
                "Sequential([Dense(8, 'tanh'), Dense(1, 'sigmoid')])"
            )
        return f"{found}. Either no hyperplane divides these classes, or it takes more epochs"

    def _weights(self) -> Array:
        if self.w is None:
            raise NotBuiltError("the perceptron has no weights yet: call fit(X, y) first")
        return self.w

    def decision_function(self, X: ArrayLike) -> Array:
        """Return ``w . x + b`` of every row, shape (n_samples,): which side it lies on, and by how much."""
        w = self._weights()
        names = getattr(self, "feature_names", None)  # which old pickles lack
        return np.asarray(_net(inputs.features(X, FLOAT64, len(w), names, empty=True), w, self.b))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the label of every row, shape (n_samples,)."""
        answers = (self.decision_function(X) >= 0).astype(int)
        labels: NDArray[Any] = self.classes_[answers]
        return labels

    def boundary(self) -> Array:
        """Return two points of the line ``w . x + b = 0``, for two features.

        The first is the one nearest to the origin, the second lies 1 further along the line:
        ``axes.axline(*neuron.boundary())`` draws it.

        Returns
        -------
        ndarray of shape (2, 2)
            One point per row.

        Raises
        ------
        ValueError
            If there are more or fewer features, or w is zero: the neuron then says the same everywhere.

        Examples
        --------
        >>> Perceptron().fit([[0, 2], [0, 4]], [0, 1]).boundary()
        array([[ 0. ,  2.5],
               [-1. ,  2.5]])
        """
        w = self._weights()
        if len(w) != 2:
            raise ValueError(f"boundary is a line for 2 features, this perceptron has {len(w)}: use w and b")
        size = float(np.hypot(*w))
        if size == 0:
            raise ValueError("w is zero: the perceptron says the same everywhere, there is no boundary")
        nearest = -self.b / size * (w / size)
        return np.stack([nearest, nearest + np.array([-w[1], w[0]]) / size])


checks.explain_unknown_arguments([Perceptron], ["fit"])


def _net(x: Array, w: Array, b: float) -> Any:
    """Return ``x . w + b`` of one row or many, the same bits for both: a matrix product may add up in another order."""
    return (x * w).sum(axis=-1) + b


def _two_classes(y: ArrayLike, n_samples: int) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return the two labels, and for each row whether it has the second."""
    labels = inputs.plain_array(y, "y")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise ValueError(f"y must have shape ({n_samples},), got {labels.shape}")
    inputs.check_same_length(n_samples, len(labels), "y")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise inputs.not_finite_error(y, labels, "y")
    try:
        classes, answers = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise TypeError(
            f"y must hold two labels of one kind, got {checks.described(labels.tolist())}: {error}"
        ) from None
    if len(classes) != 2:
        found = ", ".join(map(repr, classes[:5].tolist())) + (", ..." if len(classes) > 5 else "")
        raise ValueError(f"y must hold two different labels, got {len(classes)}: {found}")
    return classes, answers


class _Circle:
    """Looks whether the weights come back to where they were: the proof that no hyperplane divides the classes.

    In between, the corrections ``(t - y) (x, 1)`` have added up to zero. A hyperplane (w, b) that divides the classes
    would have a positive product with each of them (for rows that lie on it, move it a little), so their sum could not
    be zero (Gordan, 1873). One state is remembered, a later one after 1, 2, 4... epochs (Brent, 1980), so that
    circles of any length are found. That the sum is zero is checked in fractions: rounding neither hides a circle nor
    fakes a proof.
    """

    def __init__(self, X: Array, answers: Array, learning_rate: float) -> None:
        self.mistakes = np.zeros(len(X), np.int64)
        self.closed = False
        self._corrections = np.column_stack([X, np.ones(len(X))]) * np.where(answers, 1, -1)[:, None]
        self._rounding = 1e-9 * learning_rate * float(np.abs(self._corrections).max())
        self._state = np.zeros(X.shape[1] + 1)
        self._before = self.mistakes.copy()
        self._renew_at = 1

    def look(self, epoch: int, w: Array, b: float) -> None:
        """Compare the weights after an epoch with those remembered."""
        state = np.append(w, b)
        if not self.closed and np.abs(state - self._state).max() <= self._rounding:
            self.closed = self._cancel_out(self.mistakes - self._before)
        if epoch + 1 == self._renew_at:
            self._state, self._before, self._renew_at = state, self.mistakes.copy(), 2 * self._renew_at

    def _cancel_out(self, counts: Array) -> bool:
        rows = np.flatnonzero(counts)
        return all(
            sum(int(counts[i]) * Fraction(float(column[i])) for i in rows) == 0 for column in self._corrections.T
        )
