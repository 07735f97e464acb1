"""What metrics are given, checked and converted, and the means that they return."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.base.tables import refuse_without_values
from nncore.base.typing import Array, Floats

SHARE_TOLERANCE = 1e-2  # soft targets stored as float16 miss 1 by that much


def array(values: ArrayLike, name: str, dtype: type[np.float64] | None = None) -> Array:
    """Return an array of `values`; TypeError or ValueError if they are sparse or masked, which NumPy would not see."""
    refuse_without_values(values, name)
    found = np.asarray(values)
    if dtype is not None and found.dtype.kind in "SU":
        raise ValueError(f"{name} must hold numbers, got {found.ravel()[:1].tolist()}")
    return np.asarray(found, dtype=dtype)


def classes(labels: Array) -> Array:
    """Class indices from indices (n,), (n, 1) or rows of scores (n, k)."""
    if labels.ndim == 1:
        return labels
    if labels.ndim == 2:
        return labels[:, 0] if labels.shape[1] == 1 else labels.argmax(axis=1)
    raise ValueError(f"labels must be (n_samples,) or (n_samples, n_classes), got shape {labels.shape}")


def indices(labels: Array, name: str) -> NDArray[np.int64]:
    found = classes(labels)
    if found.dtype.kind not in "biuf":
        how = "number them: names, y = numpy.unique(labels, return_inverse=True)"
        raise ValueError(f"{name} must hold class indices 0, 1, 2...; got {found.ravel()[:1].tolist()}; {how}")
    with np.errstate(invalid="ignore"):  # NaN and infinity are named below
        numbers = found.astype(np.int64)
    wrong = (numbers != found) | (numbers < 0)
    if wrong.any():
        mend = "; model.predict_classes(X) makes classes of outputs" if name == "y_pred" else ""
        raise ValueError(f"{name} must hold class indices 0, 1, 2...; got {found[wrong][0]}{mend}")
    return numbers


def right_classes(labels: Array, n_classes: int | None = None) -> NDArray[np.int64]:
    """Class indices from `y_true`; ValueError if they are none, not below `n_classes`, or of rows of no shares."""
    found = indices(labels, "y_true")
    if labels.ndim == 2 and labels.shape[1] > 1:
        inside = ((labels >= 0) & (labels <= 1)).all(axis=1)
        wrong = ~(inside & (np.abs(labels.sum(axis=1, dtype=np.float64) - 1) <= SHARE_TOLERANCE))
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(
                f"y_true must hold one-hot rows, or shares of classes that sum to 1, got {labels[row]} at row {row}; "
                "where several may be 1, binary_accuracy tells"
            )
    if n_classes is not None and (large := found >= n_classes).any():
        raise ValueError(f"y_true holds the class {found[large][0]}, but y_pred has {n_classes} columns")
    return found


def share_equal(true: Array, pred: Array, sample_weight: ArrayLike | None = None) -> float:
    check_lengths(true, pred)
    return mean(true == pred, sample_weight)


def check_lengths(true: Array, pred: Array) -> None:
    if len(true) != len(pred):
        raise ValueError(f"y_true and y_pred have different lengths: {len(true)} and {len(pred)}")
    if not len(true):
        raise ValueError("y_true and y_pred are empty")


def same_shape(y_true: ArrayLike, y_pred: ArrayLike) -> tuple[Array, Array]:
    """Both as float64 of shape (n, k), where (n,) means (n, 1)."""
    true, pred = array(y_true, "y_true", np.float64), array(y_pred, "y_pred", np.float64)
    if true.ndim not in (1, 2) or pred.ndim not in (1, 2):
        raise ValueError(f"y_true and y_pred must be 1-D or 2-D, got shapes {true.shape} and {pred.shape}")
    true, pred = true.reshape(len(true), -1), pred.reshape(len(pred), -1)
    check_lengths(true, pred)
    if true.shape != pred.shape:
        raise ValueError(f"y_true and y_pred have different numbers of outputs: {true.shape[1]} and {pred.shape[1]}")
    return true, pred


def weights(sample_weight: ArrayLike | None, n: int) -> Floats | None:
    """Return weights of rows (n,) as float64; None for None, which means that all weigh the same.

    Raises
    ------
    ValueError
        If their number is another, one is negative or not finite, or all are 0.
    """
    if sample_weight is None:
        return None
    weight = array(sample_weight, "sample_weight", np.float64)
    if weight.shape not in ((n,), (n, 1)):
        raise ValueError(f"sample_weight must have shape ({n},), got {weight.shape}")
    weight = weight.reshape(n)
    if not (np.isfinite(weight) & (weight >= 0)).all():
        wrong = weight[~(np.isfinite(weight) & (weight >= 0))][0]
        raise ValueError(f"sample_weight must be finite and >= 0, got {wrong:g}")
    if not weight.any():
        raise ValueError("sample_weight is 0 for every row")
    return weight


def mean(values: Array, sample_weight: ArrayLike | None) -> float:
    """Return the mean of values (n,) or (n, k), where each row weighs `sample_weight`."""
    weight = weights(sample_weight, len(values))
    return float(np.mean(values) if weight is None else np.average(values, axis=0, weights=weight).mean())
