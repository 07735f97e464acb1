"""Turn what the caller passed as X, y and sample_weight into the arrays the engine reads: converted and checked once.

Anything array-like is accepted: lists, NumPy arrays of any strides, byte order and alignment, read-only memory maps,
pandas frames. Nothing passed in is ever written to, and an array that already fits is passed through without a copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import mends
from nncore.base.checks import described, shown
from nncore.base.tables import NO_TABLE, order_for, refuse_without_values
from nncore.base.typing import Array

PLAIN_NUMBERS = (bool, int, float, np.bool_, np.integer, np.floating)
NO_NUMBERS = (str, bytes, np.timedelta64)  # of which float() makes one
NARROW = tuple(map(np.dtype, ("uint8", "int8", "int16", "float16")))
"""What the engine reads beside its own dtype: all of it are numbers of float32, too."""
SURELY_FITS_FLOAT32, SURELY_SMALL = 1e76, 2.0**106  # squares of 1e38 and of 2**53
PART, ALL_BUT_SIGN, INFINITE = 2**18, np.uint16(0x7FFF), 0x7C00  # of numbers of float16
BLAS_DOT_LIMIT = 8192  # above 10,000 elements OpenBLAS wakes its threads, which would then fight with the engine's


def features(
    X: ArrayLike,
    dtype: np.dtype,
    n_features: int | None = None,
    names: tuple[str, ...] | None = None,
    *,
    empty: bool = False,
    check_finite: bool = True,
    narrow: bool = False,
) -> Array:
    """Return `X` as a C-contiguous, aligned array of `dtype`; NaN and infinity are errors unless the caller looks.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Real numbers, integers or booleans.
    dtype : numpy.dtype
        float32 or float64.
    n_features : int or None
        How many columns the model expects; None accepts any number but 0.
    names : tuple of str or None
        What the columns are called that the model was trained on. A table's columns are put in that order; see
        `nncore.base.tables`.
    empty : bool
        Accept 0 rows.
    check_finite : bool
        False for a caller that finds NaN and infinity itself, where it reads `X` anyway.
    narrow : bool
        Whether the caller gives it to the engine alone, which also reads what is in `NARROW`: its dtype then stays.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        `X` itself if it already fits.

    Raises
    ------
    TypeError
        If `X` is sparse or holds something other than real numbers.
    ValueError
        If `X` is not 2-D, empty, ragged, has another number of columns or columns of other names, or holds NaN,
        infinity or a value too large.

    Examples
    --------
    >>> features([[1, 2], [3, 4]], np.dtype("float32"))
    array([[1., 2.],
           [3., 4.]], dtype=float32)
    """
    array: Array = X if fits(X, dtype) else ordered(X, dtype, names, "X", narrow)  # type: ignore[assignment]
    if array.ndim != 2 or array.shape[1] != n_features or not array.shape[0]:
        _check_feature_shape(array.shape, n_features, empty, hasattr(X, "to_frame"))
    if check_finite and not all_finite(array):
        raise not_finite_features(X, dtype)
    return array


def fits(values: Any, dtype: np.dtype) -> bool:
    """Tell whether `values` is an array of `dtype` that the engine can read as it is.

    Dtypes are compared, for a model or an array that was copied or pickled has one of its own.
    """
    if type(values) is not np.ndarray or values.dtype != dtype:
        return False
    flags = values.flags
    return flags.c_contiguous and flags.aligned


def ordered(X: Any, dtype: np.dtype, names: tuple[str, ...] | None, name: str, narrow: bool = False) -> Array:
    """Convert as `real_array` does, a table's columns in the order of `names`."""
    order = order_for(names, X, name)
    array = real_array(X, dtype, name, narrow)
    return array if order is None else np.take(array, order, axis=1)


def not_finite_features(X: Any, dtype: np.dtype) -> ValueError:
    """Return the error that says where in `X`, as the caller has it, NaN or infinity is."""
    return not_finite_error(X, real_array(X, dtype, "X", narrow=True), "X", repr(dtype))


def _check_feature_shape(shape: tuple[int, ...], n_features: int | None, empty: bool, is_series: bool) -> None:
    if len(shape) != 2:
        hint = ""
        if len(shape) == 1 and is_series:
            hint = "; use X.to_frame() if it is one feature, X.to_frame().T if it is one sample"
        elif len(shape) == 1:
            hint = "; use X.reshape(-1, 1) if it is one feature, X.reshape(1, -1) if it is one sample"
        raise ValueError(f"Expected 2D array X of shape (n_samples, n_features), got shape {shape}{hint}")
    if n_features is not None and shape[1] != n_features:
        hint = f"; if its columns are the samples, give X.T, of shape {shape[::-1]}" if shape[0] == n_features else ""
        raise ValueError(f"X has {shape[1]} features, but the model expects {n_features}{hint}")
    if shape[1] == 0:
        raise ValueError(f"X has 0 feature(s) (shape={shape}) while a minimum of 1 is required")
    if shape[0] == 0 and not empty:
        raise ValueError(f"X has 0 sample(s) (shape={shape}) while a minimum of 1 is required")


def sample_weights(sample_weight: ArrayLike | None, n_samples: int, dtype: np.dtype) -> Array | None:
    """Return `sample_weight`, (n_samples,) or (n_samples, 1), as contiguous (n_samples,) of `dtype`; None stays None.

    Raises
    ------
    ValueError
        If the length is not `n_samples`, a weight is negative or not finite, or all weights are zero.

    Examples
    --------
    >>> sample_weights([1, 0], 2, np.dtype("float64"))
    array([1., 0.])
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, (str, Mapping)):
        found = described(sample_weight)
        raise TypeError(f"sample_weight must have a number per row, got {found}; weights of classes are class_weight")
    weights = real_array(sample_weight, dtype, "sample_weight")
    if weights.ndim == 2 and weights.shape[1] == 1:
        weights = weights[:, 0]
    if weights.ndim != 1:
        hint = lying(weights, n_samples, "sample_weight")
        hint = hint or "; each row has one weight, for all its outputs" if weights.ndim else hint
        raise ValueError(f"sample_weight must have shape ({n_samples},), got {weights.shape}{hint}")
    check_same_length(n_samples, len(weights), "sample_weight")
    if not all_finite(weights):
        raise not_finite_error(sample_weight, weights, "sample_weight")
    if weights.size and weights.min() < 0:
        row = int(weights.argmin())
        raise ValueError(f"sample_weight must be >= 0, got {weights[row]:g} at row {row}")
    if not weights.any():
        raise ValueError("sample_weight is zero for every sample: the sum of weights is zero, nothing would be learnt")
    return weights


def check_same_length(n_samples: int, length: int, name: str, hint: str = "") -> None:
    """Raise ValueError unless `name` has one entry per sample."""
    if length != n_samples:
        raise ValueError(f"X and {name} have inconsistent numbers of samples: {n_samples} and {length}{hint}")


def lying(array: Array, n_samples: int, name: str) -> str:
    """Return what to do about an array that has its samples as columns; nothing if it has none there."""
    if array.ndim != 2 or array.shape[1] != n_samples:
        return ""
    return f"; of its shape {array.shape} {name}.{'ravel()' if len(array) == 1 else 'T'} has an entry per sample"


def real_array(values: Any, dtype: np.dtype, name: str, narrow: bool = False) -> Array:
    """Convert to a C-contiguous, aligned array of `dtype`; a value too large becomes infinity (checked later).

    Where it may be `narrow`, numbers that are so keep their dtype, in this processor's order of bytes.
    """
    numbers = numeric_array(values, name)
    if narrow and (own := numbers.dtype.newbyteorder("=")) in NARROW:
        dtype = own
    squares = _sum_of_squares(numbers)
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize > dtype.itemsize and not squares < SURELY_FITS_FLOAT32:
        with np.errstate(over="ignore", invalid="ignore"):
            array = np.asarray(numbers, dtype=dtype, order="C")
    else:  # nothing can overflow, and errstate would cost more than converting a small array
        array = np.asarray(numbers, dtype=dtype, order="C")
    if not (array.flags.aligned and array.flags.c_contiguous):
        array = array.copy(order="C")
    may_be_rounded = (numbers is not values or numbers.dtype.kind in "iu") and numbers.dtype.itemsize == 8
    if may_be_rounded and not squares < SURELY_SMALL and not _are_small(array):
        mends.say_rounded(numbers, values, name)
    return array


def _sum_of_squares(array: Array) -> float:
    """Return it of a small float64 array, which bounds all values and takes no time; else infinity."""
    return float(np.vdot(array, array)) if array.dtype.char == "d" and array.size <= BLAS_DOT_LIMIT else math.inf


def _are_small(array: Array) -> bool:
    """Tell, quickly for a small array, whether all values are below 2**53, up to which all whole numbers are floats."""
    if array.size <= BLAS_DOT_LIMIT:
        return bool(np.vdot(array, array) < SURELY_SMALL)
    return not (array.max() >= mends.LARGEST_WHOLE or array.min() <= -mends.LARGEST_WHOLE)


def numeric_array(values: Any, name: str) -> Array:
    """Convert to a plain ndarray of booleans, integers or real floats.

    Raises
    ------
    TypeError
        If `values` is a SciPy sparse matrix or holds dates or records.
    ValueError
        If `values` is ragged, masked, complex, or holds text or missing values.
    """
    array: Array
    if type(values) is np.ndarray:
        array = values
    else:
        if type(values) not in NO_TABLE:
            mends.refuse_dates(values, name)
        array = plain_array(values, name)
    if array.dtype.kind == "O":
        return _from_objects(array, values, name)
    if array.dtype.kind not in "biuf":
        raise mends.wrong_dtype(array, values, name)
    return array


def plain_array(values: Any, name: str) -> Array:
    """Convert to a plain ndarray of whatever `values` holds.

    Raises
    ------
    TypeError, ValueError
        If `values` is a SciPy sparse matrix, masked or ragged.
    """
    refuse_without_values(values, name)
    try:
        return np.asarray(values)
    except ValueError as error:
        if "inhomogeneous" in str(error):
            raise ValueError(f"{name} is ragged: its rows have different lengths (inhomogeneous shape)") from error
        raise


def _from_objects(array: Array, values: Any, name: str) -> Array:
    """Convert an object array, for example a pandas frame of mixed columns, to float64."""
    kinds = set(map(type, array.flat))
    if all(issubclass(kind, PLAIN_NUMBERS) and kind is not np.timedelta64 for kind in kinds):
        try:
            return array.astype(np.float64)
        except OverflowError:  # an integer past the largest float: found, and named, below
            pass
    result = np.empty(array.shape)
    for position, value in enumerate(array.flat):
        try:
            if isinstance(value, NO_NUMBERS):  # float("1") would do, but a column of text is more often a mistake
                raise TypeError("no number")
            result.flat[position] = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            place = np.unravel_index(position, array.shape) if array.ndim else ()
            if isinstance(error, OverflowError):
                wrong = f"{shown(value)} at {mends.where(place, values)} is past the largest float"
            else:
                wrong = mends.no_number(value, place, array, values, name)
            raise ValueError(f"could not convert {name} to numbers: {wrong}") from None
    return result


def all_finite(array: Array) -> bool:
    """Tell whether every value of a contiguous float array is finite; half a microsecond for a small one.

    One sum shows it: NaN and infinity survive any addition. A sum of finite values may overflow as well, which then
    costs a second look at every value. Whole numbers always are, and numbers of 16 bits are looked at bit by bit.
    """
    if array.dtype.itemsize < 4:
        return array.dtype.kind != "f" or _halves_finite(array)
    if array.size <= BLAS_DOT_LIMIT:
        if math.isfinite(np.vdot(array, array)):
            return True
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            if math.isfinite(np.add.reduce(array, axis=None)):
                return True
    return bool(np.isfinite(array).all())


def _halves_finite(array: Array) -> bool:
    """Look at numbers of float16, some at a time."""
    bits: Any = array.reshape(-1).view(np.uint16)
    parts = (bits[first : first + PART] for first in range(0, len(bits), PART))
    return all(int((part & ALL_BUT_SIGN).max()) < INFINITE for part in parts)


def not_finite_error(original: Any, array: Array, name: str, kind: str | None = None) -> ValueError:
    """Describe the non-finite values of `array`: how many, which kind, where the first one is.

    `kind` is what they are too large for, if it is not the dtype.
    """
    nan = np.isnan(array)
    if nan.any():
        what, found = "NaN", nan
    else:
        what, found = f"infinity or a value too large for {kind or repr(array.dtype)}", np.isinf(array)
    first = np.unravel_index(int(found.argmax()), array.shape)
    value = numeric_array(original, name)[first]
    more = (mends.of_missing(name) if name in ("X", "y") else "") if what == "NaN" else f", {value:g}"
    place = mends.where(first, original)
    return ValueError(f"Input {name} contains {what}: {int(found.sum())} value(s), the first at {place}{more}")
