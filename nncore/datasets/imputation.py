"""Fill the gaps of a table with what is usual in the rows of training."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Imputer:
    """A value for each feature that stands in where a row has none, learnt from the training rows alone.

    Attributes
    ----------
    values : ndarray of shape (n_features,), float64
        The median of a number; of the 0/1 features of a text, 1 for the most frequent one. NaN where no value was
        missing in training: nobody has seen what a gap there means, and it is left.

    Examples
    --------
    >>> X = np.array([[1.0, 1, 0], [2.0, 0, 1], [9.0, 0, 1], [np.nan, np.nan, np.nan]])
    >>> imputer = Imputer.fit(X, numbers=[0], texts=[[1, 2]])
    >>> imputer.fill(X)[3].tolist()
    [2.0, 0.0, 1.0]
    """

    values: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, numbers: Iterable[int], texts: Iterable[Sequence[int]]) -> Imputer:
        """Learn the values from the rows of `X`, NaN where a value is missing.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        numbers : iterable of int
            The features that are numbers with gaps.
        texts : iterable of sequence of int
            The features of each column of texts with gaps. Where these rows have no value at all, 0 is learnt; so it
            is where some texts of a column are no features, and have more rows together than any that is one.
        """
        values = np.full(X.shape[1], np.nan)
        for i in numbers:
            known = X[~np.isnan(X[:, i]), i]
            values[i] = np.median(known) if len(known) else 0.0
        for features in texts:
            counts = np.nansum(X[:, features], axis=0)
            others = np.count_nonzero(~np.isnan(X[:, features[0]])) - counts.sum()
            usual = (np.arange(len(counts)) == counts.argmax()) & (counts > 0)
            values[features] = usual & (counts.max() >= others)
        return cls(values)

    def fill(self, X: np.ndarray) -> np.ndarray:
        """Return `X` with a value in each gap; `X` itself if it has none."""
        gaps = np.isnan(X)
        return np.where(gaps, self.values.astype(X.dtype), X) if gaps.any() else X

    def to_list(self) -> list[float | None]:
        """Return the values as plain numbers, ready for JSON; None where there is none."""
        return [None if np.isnan(value) else value for value in self.values.tolist()]

    @classmethod
    def from_list(cls, state: Any) -> Imputer:
        """Return the imputer that `to_list` described; raises ValueError if these are no finite numbers."""
        values = np.array([np.nan if value is None else float(value) for value in state])
        if np.isinf(values).any():
            raise ValueError("the values for gaps must be finite")
        return cls(values)
