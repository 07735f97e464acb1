"""What targets and outputs say of classes: which is true, how high each was scored, which was decided on."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.base.typing import Array, Floats
from nncore.metrics.checked import array, check_lengths, indices, weights


class Outcomes(NamedTuple):
    """Rows with their true classes and what was predicted.

    Attributes
    ----------
    true : ndarray of shape (n,), int64, or (n, k), bool
        Class of each row; or whether each of its k labels holds, where outputs answer questions of their own.
    scores : ndarray of shape (n,) or (n, k)
        Of class 1, or of each class or label: probabilities, or logits. Class indices (n,) where `decided` is True.
    decided : bool
        Whether `scores` are no scores, but class indices.
    from_logits : bool
    weight : ndarray of shape (n,), float64, or None
        Of rows.
    """

    true: Array
    scores: Array
    decided: bool
    from_logits: bool
    weight: Floats | None

    @classmethod
    def of(
        cls,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None,
        *,
        from_logits: bool = False,
        multilabel: bool | None = None,
        wants_scores: bool = False,
    ) -> Outcomes:
        """Check and convert what a metric was given; `wants_scores` takes y_pred of shape (n,) for those of class 1."""
        true, pred = array(y_true, "y_true"), array(y_pred, "y_pred")
        if pred.ndim not in (1, 2) or pred.dtype.kind not in "biuf":
            raise ValueError(f"y_pred must be numbers of shape (n,) or (n, k), got {pred.dtype} of shape {pred.shape}")
        check_lengths(true, pred)
        weight, decided = weights(sample_weight, len(pred)), pred.ndim == 1 and not wants_scores
        if decided:
            return cls(indices(true, "y_true"), _decided(pred), decided, False, weight)
        width = 1 if pred.ndim == 1 else pred.shape[1]
        scores = pred.reshape(len(pred)) if width == 1 else pred
        return cls(truth(true, width, multilabel), scores, decided, from_logits, weight)

    @property
    def probabilities(self) -> Array:
        """Of class 1 (n,), of classes or labels (n, k), as float64."""
        scores: Array = self.scores.astype(np.float64)
        if not self.from_logits:
            return scores
        if scores.ndim == 1 or self.true.ndim == 2:
            return np.exp(-np.logaddexp(0, -scores))
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares: Array = powers / powers.sum(axis=1, keepdims=True)
        return shares

    def decide(self, threshold: float | None) -> Array:
        """Return the class of each row, or for each of its labels whether it is above the threshold, by default 0.5."""
        if self.decided:
            return self.scores
        if self.scores.ndim == 2 and self.true.ndim == 1 and threshold is None:
            best: Array = self.scores.argmax(axis=1)
            return best
        if threshold is None:
            return self.scores > (0.0 if self.from_logits else 0.5)
        if self.true.ndim == 2 or self.scores.ndim == 1:
            return self.probabilities > threshold
        if self.scores.shape[1] > 2:
            raise ValueError(f"threshold={threshold:g} is for yes or no, and there are {self.scores.shape[1]} classes")
        return self.probabilities[:, 1] > threshold

    def counts(self, threshold: float | None) -> Counts:
        """Count what was predicted and what is true."""
        pred = self.decide(threshold)
        if self.true.ndim == 2:
            right, predicted, true = (_sums(columns, self.weight) for columns in (self.true & pred, pred, self.true))
            return Counts(right, predicted, true, np.ones(pred.shape[1], bool), two=False)
        pred = pred.astype(np.int64)
        width = max(2, int(self.true.max()) + 1, int(pred.max()) + 1)
        width = max(width, self.scores.shape[1]) if self.scores.ndim == 2 else width
        hit = self.true == pred
        weight = None if self.weight is None else self.weight[hit]
        right = np.bincount(self.true[hit], weight, width).astype(np.float64)
        predicted, true = (np.bincount(of, self.weight, width).astype(np.float64) for of in (pred, self.true))
        present = (np.bincount(self.true, minlength=width) + np.bincount(pred, minlength=width)) > 0
        return Counts(right, predicted, true, present, two=width == 2)


class Counts(NamedTuple):
    """Rows of each class or label, weighted; arrays of shape (k,), float64.

    Attributes
    ----------
    right, predicted, true : ndarray
        Predicted and true; predicted; true.
    present : ndarray of bool
        Whether it is in any row, true or predicted. A label always is.
    two : bool
        Whether there are two classes, of which 1 is the one in question.
    """

    right: Floats
    predicted: Floats
    true: Floats
    present: NDArray[np.bool_]
    two: bool


def truth(true: Array, width: int, multilabel: bool | None) -> Array:
    """Return the true classes (n,), or for outputs that are labels whether they hold (n, width).

    Raises
    ------
    ValueError
        If they are neither, or do not suit `width` outputs.
    """
    if width > 1 and true.shape != (len(true), width) and multilabel:
        raise ValueError(f"y_true must have a column for each of {width} labels, got shape {true.shape}")
    if width > 1 and true.ndim == 2 and true.shape[1] > 1:
        return _of_rows(true, width, multilabel)
    found = indices(true, "y_true")
    if found.size and found.max() >= max(width, 2):
        expected = "labels 0 and 1" if width == 1 else f"class indices below {width}, the number of columns of y_pred"
        raise ValueError(f"y_true must hold {expected}, got {found.max()}")
    return found


def _of_rows(true: Array, width: int, multilabel: bool | None) -> Array:
    if true.shape[1] != width:
        raise ValueError(f"y_true and y_pred have different numbers of columns: {true.shape[1]} and {width}")
    labels = true > 0.5
    are_labels = true.dtype.kind in "biuf" and bool((true == labels).all())
    if multilabel:
        if not are_labels:
            wrong = true[true != labels]
            raise ValueError(f"y_true must hold labels 0 and 1, got {wrong[:1].tolist()}")
        return labels
    if multilabel is None and are_labels and (several := labels.sum(axis=1) != 1).any():
        row = int(several.argmax())
        raise ValueError(
            f"y_true[{row}] has {int(labels[row].sum())} classes: if columns are labels that may hold together, give "
            "multilabel=True"
        )
    return indices(true, "y_true")


def _decided(pred: Array) -> Array:
    if pred.dtype.kind == "f" and (pred != np.floor(pred)).any():
        found = pred[pred != np.floor(pred)][0]
        raise ValueError(f"y_pred must hold class indices, got {found}; probabilities of class 1 go in shape (n, 1)")
    return indices(pred, "y_pred")


def _sums(columns: Array, weight: Floats | None) -> Any:
    return columns.sum(axis=0, dtype=np.float64) if weight is None else weight @ columns
