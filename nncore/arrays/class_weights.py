"""Weights for classes, as weights for samples: so that rare classes count as much as frequent ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nncore.arrays.data import Data
from nncore.arrays.inputs import all_finite
from nncore.arrays.targets import CLASS_INDICES, CLASS_SHARES, PROBABILITIES, kind
from nncore.base import checks
from nncore.base.names import lookup
from nncore.base.typing import Array
from nncore.losses import NAME_OF_KERNEL
from nncore.program import Program

INSTEAD = "; give sample_weight instead, one weight per row"


def weighted_by_class(data: Data, program: Program, class_weight: Any, dtype: np.dtype | None = None) -> Data:
    """Return `data` with sample weights that are the weight of each sample's class times its own.

    Parameters
    ----------
    data : Data
    program : Program
        Its loss says what the targets mean.
    class_weight : mapping of int to float, or "balanced"
        The weight of each class by its number in y, >= 0; 1 for a class that is left out. ``"balanced"``:
        n / (k * count), where n samples have k different classes and `count` of them the class in question (King and
        Zeng, 2001). Of targets that may be missing, those that were measured.
    dtype : numpy.dtype, optional
        The model's, by default that of X.

    Raises
    ------
    TypeError, ValueError
        If the loss knows no classes, a sample has not exactly one, a class is unknown, or a weight is negative, not
        finite, or zero for every sample.

    Examples
    --------
    >>> from nncore import Dense
    >>> from nncore.program import lower
    >>> program = lower([Dense(2, "softmax")], 1, "sparse_categorical_crossentropy")
    >>> data = Data(np.zeros((4, 1)), np.array([0, 0, 0, 1]), None)
    >>> weighted_by_class(data, program, "balanced").sample_weight
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if program.heads:
        raise ValueError(
            "class_weight is for one loss, and the model has several: give sample_weight, which weighs the rows of all "
            "outputs, or a loss with weights, such as BinaryCrossentropy(pos_weight=...), CategoricalFocalCrossentropy("
            "alpha=[...])"
        )
    dtype = dtype or data.X.dtype
    target, measured = data.target, np.ones(len(data.target), bool)
    if program.masks:  # whatever the weights of rows that were not measured: they have no loss
        measured = np.asarray(~np.isnan(target).any(axis=1))
        target = np.where(measured[:, None], target, 0)
    classes, n_classes = _classes(target, program)
    weights = _of_classes(class_weight, classes[measured], n_classes)[classes]
    if not weights[measured].any():
        raise ValueError(f"class_weight is zero for every class of y: {class_weight!r}; nothing would be learnt")
    if data.sample_weight is not None:
        weights = weights * data.sample_weight
    with np.errstate(over="ignore"):
        weights = np.ascontiguousarray(weights, dtype=dtype)
    if not all_finite(weights):
        raise ValueError(f"class_weight gives weights that are too large for {dtype}: {class_weight!r}")
    if not weights.any():
        raise ValueError("class_weight times sample_weight is zero for every sample; nothing would be learnt")
    return data._replace(sample_weight=weights)


def _of_classes(class_weight: Any, classes: Array, n_classes: int) -> Array:
    """Return the weight of every class, shape (n_classes,)."""
    if isinstance(class_weight, str):
        lookup("class_weight", class_weight, {"balanced": None})
        counts = np.bincount(classes, minlength=n_classes)
        balanced: Array = len(classes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return balanced
    if not isinstance(class_weight, Mapping):
        found = checks.described(class_weight)
        way = "class_weight.to_dict()" if hasattr(class_weight, "to_dict") else "dict(enumerate(class_weight))"
        hint = f"; if it has one weight per class: {way}" if hasattr(class_weight, "__len__") else ""
        raise TypeError(f"class_weight must be 'balanced' or a dict from class to weight, got {found}{hint}")
    weights = np.ones(n_classes)
    for label, weight in class_weight.items():
        weights[_class_number(label, n_classes)] = checks.real(0)(f"class_weight[{label!r}]", weight)
    return weights


def _class_number(label: Any, n_classes: int) -> int:
    """Return the class that a key of ``class_weight`` stands for; 1.0 for 1, as ``numpy.unique`` of floats gives it."""
    whole = isinstance(label, (int, np.integer, np.bool_))
    if (whole or (isinstance(label, (float, np.floating)) and label % 1 == 0)) and 0 <= label < n_classes:
        return int(label)
    hint = ""
    if isinstance(label, str):
        what = f"{label}, not {label!r}" if label.isdecimal() else "for a class name its number in y"
        hint = f"; the keys are numbers: {what}"
    raise ValueError(f"class_weight has the class {label!r}, but the classes are 0..{n_classes - 1}{hint}")


def _classes(target: Array, program: Program) -> tuple[Array, int]:
    """Return the class of every sample, and how many classes there are."""
    if kind(program.loss) == CLASS_INDICES:
        return target, program.n_outputs
    if kind(program.loss) == CLASS_SHARES:
        _check_whole(target, "is a mixture of classes")
        return target.argmax(axis=1), program.n_outputs
    if kind(program.loss) != PROBABILITIES:
        raise ValueError(
            f"class_weight needs classes, but the loss {NAME_OF_KERNEL[program.loss]} is for numbers{INSTEAD}"
        )
    if program.n_outputs > 1:
        raise ValueError(
            f"class_weight needs one class per sample, but {NAME_OF_KERNEL[program.loss]} of {program.n_outputs} "
            f"outputs answers as many questions{INSTEAD}"
        )
    _check_whole(target, "is neither 0 nor 1")
    return target[:, 0].astype(np.int64), 2


def _check_whole(target: Array, what: str) -> None:
    wrong = ((target != 0) & (target != 1)).any(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"class_weight needs one class per sample, but row {row} of y {what}: {target[row]}{INSTEAD}")
