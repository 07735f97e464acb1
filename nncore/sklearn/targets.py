"""What y means, and the numbers that a network is trained on for it: labels of classes, or quantities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import xlogy
from sklearn.utils.multiclass import type_of_target, unique_labels
from sklearn.utils.validation import column_or_1d

from nncore.arrays.targets import CLASS_INDICES
from nncore.base.loss import expanded
from nncore.base.typing import Array
from nncore.losses import BinaryCrossentropy, Crossentropy, Hinge, Loss, Poisson, SparseCategoricalCrossentropy

BINARY, MULTICLASS, MULTILABEL = "binary", "multiclass", "multilabel"
HALF = 0.5


@dataclass
class Labels:
    """Classes of a y, and how a network answers with them.

    One class of two (or one of one) is one sigmoid, one of several a softmax, and any number of several a sigmoid each.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted.
    kind : {"binary", "multiclass", "multilabel"}

    Examples
    --------
    >>> labels = Labels.of(np.array(["no", "yes", "no"]))
    >>> labels.encode(np.array(["yes", "no"]))
    array([[1.],
           [0.]])
    >>> labels.decode(np.array([[0.7], [0.2]])).tolist()
    ['yes', 'no']
    """

    classes: Array
    kind: str

    @classmethod
    def of(cls, y: Array) -> Labels:
        """Return the labels of a y, or of an array of all classes.

        Raises
        ------
        ValueError
            If these are no labels.
        """
        if y.ndim == 1 and y.dtype.kind in "biu":
            classes = np.unique(y)  # type_of_target would say the same, after ten times as long
            return cls(classes, BINARY if len(classes) <= 2 else MULTICLASS)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind == "multilabel-indicator":
            return cls(unique_labels(y), MULTILABEL)
        if kind not in (BINARY, MULTICLASS):
            raise ValueError(
                f"Unknown label type: {kind}. A classifier expects labels of classes; for targets with continuous "
                "values use a regressor"
            )
        classes = unique_labels(y) if y.dtype.kind in "OUST" else np.unique(y)  # which is quicker, and no other answer
        return cls(classes, BINARY if len(classes) <= 2 else MULTICLASS)

    @property
    def n_outputs(self) -> int:
        return 1 if self.kind == BINARY else len(self.classes)

    @property
    def width(self) -> int:
        """Outputs of the network."""
        return self.n_outputs

    @property
    def activation(self) -> str:
        return "softmax" if self.kind == MULTICLASS else "sigmoid"

    def own_loss(self, target: Array, weight: Array | None) -> float:
        """Return what scikit-learn's loss has beside nncore's: nothing."""
        return 0.0

    def loss(self, given: Loss | None) -> Loss:
        """Return the loss to train with: the crossentropy that suits, or the one given, if it reads probabilities.

        Raises
        ------
        ValueError
            If the given one does not suit these labels.
        """
        if given is None:
            return SparseCategoricalCrossentropy() if self.kind == MULTICLASS else BinaryCrossentropy()
        if isinstance(given, Crossentropy) and (given.from_logits or given.activation != self.activation):
            raise ValueError(
                f"loss {given} does not suit {self.kind} labels: their probabilities come from a {self.activation}; "
                "leave loss out"
            )
        if (
            given.last is not None
            or given.link
            or (given.activation is not None and given.activation != self.activation)
        ):
            raise ValueError(f"loss {given} has no probabilities, with which a classifier answers; leave loss out")
        return given

    def encode(self, y: Any, loss: Loss | None = None) -> Array:
        """Return the targets of the network: numbers of classes for its own softmax loss, else zeros and ones.

        Raises
        ------
        ValueError
            If `y` holds other classes.
        """
        if self.kind == MULTILABEL:
            if np.ndim(y) != 2 or y.shape[1] != len(self.classes):
                raise ValueError(f"y has shape {np.shape(y)}, expected a column for each of {len(self.classes)} labels")
            return np.asarray(y, dtype=np.float64)
        numbers: Array = np.searchsorted(self.classes, y)
        if not np.array_equal(self.classes.take(numbers, mode="clip"), y):
            found = unique_labels(y)
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {found}."
            )
        if self.kind == BINARY:
            return numbers[:, None].astype(np.float64)
        if loss is not None and loss.kernel != CLASS_INDICES:
            return np.eye(len(self.classes))[numbers]
        return numbers

    def decode(self, outputs: Array) -> Array:
        """Return the labels (n,), or (n, n_classes) zeros and ones, for the outputs (n, n_outputs) of the network."""
        if self.kind == MULTILABEL:
            return np.asarray(outputs > HALF, dtype=np.int64)
        if self.kind == MULTICLASS:
            return np.asarray(self.classes[outputs.argmax(axis=1)])
        second = (outputs[:, 0] > HALF) & (len(self.classes) > 1)
        return np.asarray(self.classes[second.astype(np.intp)])

    def score(self, target: Array, outputs: Array, weight: Array | None) -> float:
        """Return the accuracy, as scikit-learn defines it: of several labels all must be right."""
        if self.kind == MULTICLASS:
            numbers = target if target.ndim == 1 else target.argmax(axis=1)
            right = outputs.argmax(axis=1) == numbers
        else:
            right = ((outputs > HALF) == target).all(axis=1)
        return float(np.average(right, weights=weight))


@dataclass
class Numbers:
    """Quantities.

    Examples
    --------
    >>> Numbers(1).decode(np.array([[0.5], [2.0]]))
    array([0.5, 2. ])
    """

    n_outputs: int
    given: Loss | None = None  # what the network is trained with

    @classmethod
    def of(cls, y: Array, loss: Loss | None = None) -> Numbers:
        return cls(1 if y.ndim == 1 else y.shape[1], loss)

    @property
    def width(self) -> int:
        """Outputs of the network."""
        return self.n_outputs if self.given is None else self.given.outputs_for(self.n_outputs)

    @property
    def activation(self) -> str:
        loss = self.given
        return "identity" if loss is None or loss.raw or loss.activation is None else loss.activation

    def loss(self, given: Loss | None) -> Loss:
        """Return the loss to train with.

        Raises
        ------
        ValueError
            If it is one for classes.
        """
        if given is None or isinstance(given, (Crossentropy, Hinge)):
            raise ValueError(f"a regressor needs a loss of numbers, got {given}")
        return given

    def own_loss(self, target: Array, weight: Array | None) -> float:
        """Return what scikit-learn's loss has beside nncore's, that of targets alone: the mean over the rows."""
        if not isinstance(self.given, Poisson):
            return 0.0
        weights = expanded("output_weights", self.given.output_weights, self.n_outputs)
        of_rows = (xlogy(target, target) - target).astype(np.float64) @ np.array(weights)
        return float(np.average(of_rows, weights=weight))

    def encode(self, y: Array, loss: Loss | None = None) -> Array:
        """Return the targets, (n, n_outputs).

        Raises
        ------
        ValueError
            If `y` has another number of columns, or holds no numbers.
        """
        columns = y.reshape(len(y), -1)
        if columns.dtype.kind not in "biuf":
            raise ValueError(f"y must hold numbers, got {columns[0, 0]!r} in row 0; for labels use a classifier")
        if columns.shape[1] != self.n_outputs:
            raise ValueError(f"y has {columns.shape[1]} outputs, but the estimator was fitted with {self.n_outputs}")
        if isinstance(self.given, Poisson) and columns.min() < 0:
            raise ValueError(f"loss='poisson' needs a y that is >= 0, got {columns.min():g}")
        return columns

    def decode(self, outputs: Array) -> Array:
        """Return the best guess of the outputs, (n,) if there is one target."""
        outputs = self._point(outputs)
        return outputs[:, 0] if self.n_outputs == 1 else outputs

    def _point(self, outputs: Array) -> Array:
        if vars(self).get("rates"):  # from a pickle of 0.2, whose networks answered with logarithms
            return np.asarray(np.exp(outputs))
        if isinstance(self.given, Poisson) and self.given.raw:
            return np.asarray(np.exp(outputs))
        return outputs if self.given is None else self.given.point(outputs)

    def score(self, target: Array, outputs: Array, weight: Array | None) -> float:
        """Return the coefficient of determination, the mean over the outputs, as scikit-learn's ``r2_score``."""
        outputs = self._point(outputs).astype(np.float64)
        weights = np.ones(len(target)) if weight is None else weight
        missed = weights @ (target - outputs) ** 2
        spread = weights @ (target - np.average(target, axis=0, weights=weights)) ** 2
        constant = spread == 0
        scores = 1 - missed / np.where(constant, 1, spread)
        return float(np.where(constant, np.where(missed == 0, 1.0, 0.0), scores).mean())


Targets = Labels | Numbers


def one_dimensional(y: Any) -> Any:
    """Return a column as (n,), with scikit-learn's warning; else `y`."""
    return column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
