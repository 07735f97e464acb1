"""Turn y into the targets that a loss kernel reads: class indices, or one column per output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays.inputs import all_finite, check_same_length, fits, lying, not_finite_error, numeric_array, real_array
from nncore.base.tables import column_names, order_for
from nncore.base.typing import Array
from nncore.losses import NAME_OF_KERNEL, TARGETS_OF_KERNEL, CustomLoss
from nncore.metrics import SHARE_TOLERANCE

CLASS_INDICES = "sparse_softmax_crossentropy"
CLASS_SHARES = "softmax_crossentropy"
PROBABILITIES = "sigmoid_crossentropy"
HINGES = ("hinge", "squared_hinge")
COUNTS = "poisson"
SEVERAL = {  # of losses whose network has several outputs for a target
    "pinball": "by its quantiles, the network has outputs for {} target(s)",
    "gaussian": "with a mean and a variance for each, the network has outputs for {} target(s)",
}
MASK = "; with mask_missing=True the loss counts NaN as not measured"
UNSIGNED = {np.dtype(f"{kind}{size}"): np.dtype(f"u{size}") for kind in "iu" for size in (1, 2, 4, 8)}
NUMBERED = "names, y = numpy.unique(y, return_inverse=True)"
MOST_CLASSES = 1000  # larger numbers are hardly labels


def kind(kernel: str) -> str:
    """Return what the targets of a loss kernel are: `CLASS_INDICES`, `CLASS_SHARES`, `PROBABILITIES`, or numbers.

    Examples
    --------
    >>> kind("kl_divergence") == CLASS_SHARES, kind("hinge") == PROBABILITIES
    (True, True)
    """
    return TARGETS_OF_KERNEL.get(kernel, kernel)


def targets(
    y: ArrayLike,
    kernel: str,
    n_samples: int,
    n_outputs: int,
    dtype: np.dtype,
    names: tuple[str, ...] | None = None,
    *,
    missing: bool = False,
) -> Array:
    """Return `y` in the form that the loss kernel `kernel` reads.

    Parameters
    ----------
    y : array-like
        Class indices (n_samples,) or (n_samples, 1), or one row per sample (n_samples, n_outputs): one-hot or soft
        labels for the softmax losses, 0..1 for the sigmoid loss, any real numbers otherwise; for a loss of the user's
        own as many columns as it wants.
    kernel : str
        Name of the loss kernel, ``program.loss``.
    n_samples, n_outputs : int
        Rows of X, targets of each: outputs of the network, unless its loss has another number of targets.
    dtype : numpy.dtype
        float32 or float64.
    names : tuple of str or None
        What the columns of a table are called that the model was trained on; others are put in that order.
    missing : bool
        Whether NaN stands for a target that was not measured.

    Returns
    -------
    ndarray
        int32 (n_samples,) for ``"sparse_softmax_crossentropy"``, else `dtype` (n_samples, n_outputs); (n_samples, k)
        for ``"custom"``.

    Raises
    ------
    TypeError, ValueError
        If `y` has another length or shape, holds text, NaN, labels outside 0..n_outputs-1 or with fractions.

    Examples
    --------
    >>> targets([2, 0], "sparse_softmax_crossentropy", 2, 3, np.dtype("float32"))
    array([2, 0], dtype=int32)
    >>> targets([2, 0], "softmax_crossentropy", 2, 3, np.dtype("float32"))
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if names is not None and type(y) is not np.ndarray:
        y = _ordered(y, names)
    if kernel == CustomLoss.kernel:
        return _any_columns(y, n_samples, dtype)
    name = NAME_OF_KERNEL[kernel]
    if kind(kernel) == CLASS_INDICES:
        return _class_indices(y, n_samples, n_outputs)
    if kind(kernel) == CLASS_SHARES:
        return _class_shares(y, n_samples, n_outputs, dtype, name)
    if kind(kernel) != PROBABILITIES:
        columns = _columns(
            y, n_samples, n_outputs, dtype, _for_classes(kernel, n_outputs), missing, SEVERAL.get(kernel)
        )
        if kernel == COUNTS:
            _check_counts(columns)
        return columns
    one_of = "; for one class of several per row, end with softmax instead of sigmoid"
    columns = _columns(y, n_samples, n_outputs, dtype, one_of, missing)
    if kernel in HINGES:
        return _signs(columns, name)
    _check_range(columns, f"{name} needs targets in 0..1", _for_labels)
    return columns


def _check_counts(columns: Array) -> None:
    wrong = columns < 0
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise ValueError(
            f"poisson needs targets >= 0, counts or rates, got {columns[row][wrong[row]][0]:g} at row {row}; for "
            "quantities that may be negative use loss='mean_squared_error' and a last layer without activation"
        )


def _signs(columns: Array, name: str) -> Array:
    """Return 0 for -1, and 0 and 1 as they are."""
    minus = columns == -1
    wrong = ~(minus | (columns == 0) | (columns == 1) | np.isnan(columns))
    if wrong.any() or (minus.any() and (columns == 0).any()):
        wrong = wrong if wrong.any() else columns == 0
        row = int(wrong.any(axis=1).argmax())
        hint = (
            _for_labels(columns) or "; for shares of yes use loss='binary_crossentropy' and a last layer with sigmoid"
        )
        raise ValueError(
            f"{name} needs targets -1 and 1, or 0 and 1, got {columns[row][wrong[row]][0]:g} at row {row}{hint}"
        )
    return np.where(minus, 0, columns).astype(columns.dtype) if minus.any() else columns


def _ordered(y: Any, names: tuple[str, ...]) -> Any:
    """Return `y`, the columns of a table in the order of `names`; one column of labels is the same under any name."""
    order = order_for(names, y, "y") if len(column_names(y) or ()) > 1 else None
    if order is None:
        return y
    numbers = numeric_array(y, "y")
    if not np.isfinite(numbers).all():
        raise not_finite_error(y, numbers, "y")
    return np.take(numbers, order, axis=1)


def _for_classes(kernel: str, n_outputs: int) -> str:
    """Return what to do if the targets are classes, though the loss is for numbers."""
    inferred = " (what a last layer without activation, or a Residual, gets)" if kernel == "squared_error" else ""
    return (
        f", and the loss {NAME_OF_KERNEL[kernel]}{inferred} compares each with a number; for class labels end with "
        f'Dense({n_outputs}, "softmax") and leave the loss out, or give one-hot rows'
    )


def _for_labels(columns: Array) -> str:
    """Return what to do about targets outside 0..1, which may be classes."""
    labels = np.unique(columns)
    if labels.tolist() == [-1, 1]:
        return "; make the labels -1 and 1 into 0 and 1: y = (y > 0).astype(int)"
    if columns.shape[1] == 1 and labels.tolist() == [1, 2]:
        return "; make the labels 1 and 2 into 0 and 1, subtract 1: y = y - 1"
    if columns.shape[1] == 1 and labels[0] >= 0 and (labels == np.floor(labels)).all():
        if len(labels) == 2:
            return f"; if the classes are {labels[0]:g} and {labels[1]:g}, number them: {NUMBERED}"
        k = int(labels[-1]) + 1
        if labels[0] >= 1 and len(labels) > 2:  # a network that ends with k + 1 outputs would learn a class of no rows
            number = "subtract 1: y = y - 1" if labels[0] == 1 and len(labels) == k - 1 else f"number them: {NUMBERED}"
            return f'; for classes {_some(labels)} {number}, and end with Dense({len(labels)}, "softmax") instead'
        return f'; for the classes 0..{k - 1} end with Dense({k}, "softmax") instead'
    return ""


def _class_indices(y: Any, n_samples: int, n_outputs: int) -> Array:
    if type(y) is np.ndarray and y.shape == (n_samples,) and _all_below(y, n_outputs):
        return np.ascontiguousarray(y, dtype=np.int32)
    labels = _label_array(y, n_samples)
    if labels.ndim == 1:
        return _check_labels(labels, n_outputs)
    if labels.shape[1] == n_outputs:
        _check_one_hot(labels)
        indices: Array = labels.argmax(axis=1).astype(np.int32)
        return indices
    raise _wrong_label_shape(labels, n_samples, n_outputs)


def _all_below(labels: Array, n_outputs: int) -> bool:
    """Tell quickly, for the usual case, that all labels are integers in 0..n_outputs-1."""
    unsigned = UNSIGNED.get(labels.dtype)  # seen as unsigned, negative numbers are large ones
    return unsigned is not None and bool(np.maximum.reduce(labels.view(unsigned), initial=0) < n_outputs)


def _class_shares(y: Any, n_samples: int, n_outputs: int, dtype: np.dtype, name: str) -> Array:
    labels = _label_array(y, n_samples)
    if labels.ndim == 1:
        one_hot = np.zeros((n_samples, n_outputs), dtype)
        one_hot[np.arange(n_samples), _check_labels(labels, n_outputs)] = 1
        return one_hot
    if labels.shape[1] != n_outputs:
        raise _wrong_label_shape(labels, n_samples, n_outputs)
    shares = _columns(labels, n_samples, n_outputs, dtype)
    _check_range(shares, f"{name} needs targets in 0..1")
    sums = shares.sum(axis=1, dtype=np.float64)
    wrong = np.abs(sums - 1) > SHARE_TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise ValueError(f"each row of y must sum to 1 for {name}; row {row} sums to {sums[row]:g}")
    return shares


def _label_array(y: Any, n_samples: int) -> Array:
    """Return `y` as numbers, (n_samples,) or (n_samples, k > 1)."""
    labels = numeric_array(y, "y")
    if labels.ndim not in (1, 2):
        raise ValueError(f"y must be 1-D (class indices) or 2-D (one row per sample), got shape {labels.shape}")
    check_same_length(n_samples, len(labels), "y", lying(labels, n_samples, "y"))
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise not_finite_error(y, labels, "y")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return labels


def _check_labels(labels: Array, n_outputs: int) -> Array:
    """Return class indices as contiguous int32 after checking that each is a whole number in 0..n_outputs-1."""
    if labels.dtype.kind == "f":
        wrong = labels != np.floor(labels)  # true for NaN as well; infinity fails the range
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"class labels must be whole numbers 0..{n_outputs - 1}, got {labels[row]} at row {row}; "
                "for real-valued targets use loss='mean_squared_error' and a last layer without softmax"
            )
    elif labels.dtype.kind == "b":
        labels = labels.view(np.uint8)
    if labels.size and (labels.min() < 0 or labels.max() >= n_outputs):
        row = int(((labels < 0) | (labels >= n_outputs)).argmax())
        raise ValueError(
            f"y contains the label {labels[row]} at row {row}, but the network has {n_outputs} outputs: "
            f"labels must be 0..{n_outputs - 1}{_shift(labels, n_outputs)}"
        )
    return np.ascontiguousarray(labels, dtype=np.int32)


def _shift(labels: Array, n_outputs: int) -> str:
    """Return what to do about whole numbers that are labels counted in another way; nothing if they look like none."""
    low, high = labels.min(), labels.max()
    if low == 1 and high == n_outputs:
        return f"; if they are 1..{n_outputs}, subtract 1: y = y - 1"
    if n_outputs == 2 and low == -1 and np.isin(labels, (-1, 1)).all():
        return "; make the labels -1 and 1 into 0 and 1: y = (y > 0).astype(int)"
    found = np.unique(labels)
    if (
        low == 0
        and n_outputs <= high < MOST_CLASSES
        and (found == np.floor(found)).all()
        and n_outputs < len(found) <= len(labels) // 2
    ):
        return f'; for the classes 0..{high:g} end with Dense({int(high) + 1}, "softmax")'
    if len(found) == n_outputs:
        return f"; if the classes are {_some(found)}, number them: {NUMBERED}"
    return ""


def _some(labels: Array) -> str:
    return ", ".join(f"{label:g}" for label in labels[:5]) + (", ..." if len(labels) > 5 else "")


def _not_one_hot(labels: Array) -> int | None:
    """Return the first row that is not one-hot."""
    wrong = ((labels != 0) & (labels != 1)).any(axis=1) | ((labels == 1).sum(axis=1) != 1)
    return int(wrong.argmax()) if wrong.any() else None


def _check_one_hot(labels: Array) -> None:
    row = _not_one_hot(labels)
    if row is not None:
        raise ValueError(
            f"row {row} of y is not one-hot: {labels[row]}; sparse_categorical_crossentropy needs class indices or "
            "one-hot rows, for soft labels use loss='categorical_crossentropy'"
        )


def _wrong_label_shape(labels: Array, n_samples: int, n_outputs: int) -> ValueError:
    k = labels.shape[1]
    hint = f'; for one-hot rows of {k} classes end with Dense({k}, "softmax")' if _not_one_hot(labels) is None else ""
    return ValueError(
        f"y has shape {labels.shape}, expected ({n_samples},) class indices or ({n_samples}, {n_outputs}) one-hot{hint}"
    )


def _columns(
    y: Any,
    n_samples: int,
    n_outputs: int,
    dtype: np.dtype,
    labels_hint: str = "",
    missing: bool = False,
    has: str | None = None,
) -> Array:
    """Return `y` as finite numbers of shape (n_samples, n_outputs); NaN may be among them where it means `missing`.

    `has`: of what there are n_outputs.
    """
    columns: Array = y if fits(y, dtype) else real_array(y, dtype, "y")
    if columns.ndim == 0:
        raise ValueError(f"y must have one entry per sample, got the single value {y!r}")
    check_same_length(n_samples, len(columns), "y", lying(columns, n_samples, "y"))
    if columns.ndim == 1 and n_outputs == 1:
        columns = columns.reshape(-1, 1)
    if columns.shape != (n_samples, n_outputs):
        expected = f"({n_samples}, {n_outputs})" if n_outputs > 1 else f"({n_samples},) or ({n_samples}, 1)"
        hint = labels_hint if columns.size == n_samples and n_outputs > 1 else ""  # one label a row, as it seems
        if n_outputs == 1 and columns.ndim == 2 and _not_one_hot(columns) is None:
            k = columns.shape[1]
            hint = f'; for one-hot rows end with Dense({k}, "softmax"), or make numbers of them: y.argmax(axis=1)'
        there_are = (has or "the network has {} output(s)").format(n_outputs)
        raise ValueError(f"y has shape {columns.shape}, expected {expected}: {there_are}{hint}")
    if not all_finite(columns):
        _check_measured(y, columns, missing)
    return columns


def _check_measured(y: Any, columns: Array, missing: bool) -> None:
    """Raise ValueError for what is neither a finite number nor missing."""
    given, absent = np.shape(y), np.isnan(columns)
    if not missing:
        error = not_finite_error(y, columns.reshape(given), "y")
        raise ValueError(f"{error}{MASK}") if absent.any() else error
    if not all_finite(columns[~absent]):
        raise not_finite_error(y, np.where(absent, 0, columns).reshape(given), "y")


def _any_columns(y: Any, n_samples: int, dtype: np.dtype) -> Array:
    """Return `y` as finite numbers of shape (n_samples, k), whatever they mean to the user's own loss."""
    columns: Array = y if fits(y, dtype) else real_array(y, dtype, "y")
    if columns.ndim not in (1, 2) or (columns.ndim == 2 and columns.shape[1] == 0):
        raise ValueError(f"y must have one or two dimensions for a loss of your own, got shape {columns.shape}")
    return _columns(columns, n_samples, 1 if columns.ndim == 1 else columns.shape[1], dtype)


def refuse_unmeasured(target: Array, what: str) -> None:
    """Raise ValueError if all targets are NaN: a batch may be so, not all that a model is trained or scored on.

    Examples
    --------
    >>> refuse_unmeasured(np.array([[np.nan, 1.0]]), "y")
    >>> refuse_unmeasured(np.array([[np.nan, np.nan]]), "y")
    Traceback (most recent call last):
        ...
    ValueError: y holds no target that was measured: all of it is NaN
    """
    if target.dtype.kind == "f" and np.isnan(target).all():
        raise ValueError(f"{what} holds no target that was measured: all of it is NaN")


def _check_range(columns: Array, what: str, hint: Callable[[Array], str] = lambda columns: "") -> None:
    if columns.size and columns.min() >= 0 and columns.max() <= 1:
        return
    wrong = (columns < 0) | (columns > 1)
    if wrong.any():  # NaN is neither
        row = int(wrong.any(axis=1).argmax())
        value = columns[row][wrong[row]][0]
        raise ValueError(f"{what}, got {value:g} at row {row}{hint(columns)}")
