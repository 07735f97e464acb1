"""The engine's kernels, one by one, on NumPy arrays: what a network does, open to the touch.

Each function takes arrays of one floating dtype, float32 or float64 (anything else is converted to float64), runs the
compiled code that training runs, and returns new arrays. They are for learning and testing: `nncore.Sequential` runs
whole networks without coming back to Python. Shapes and names are checked, and raise ValueError; values are not.

The elementary functions `exp, expm1, log, log1p, tanh, sigmoid, softplus, erf, erfc` work on arrays of any shape.
"""

# Arguments are converted in place and keep their names: (x,) = converted(x). Mypy should follow.
# mypy: allow-redefinition

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore import engine
from nncore.activations import get as activation_row
from nncore.base.tables import refuse_without_values
from nncore.base.typing import Array
from nncore.layers import Activation
from nncore.losses import CustomLoss, Loss
from nncore.losses import get as loss_of
from nncore.optimizers import Optimizer
from nncore.optimizers import get as optimizer_of
from nncore.program import MIXED_BFLOAT16


def _convert(*arrays: ArrayLike | None) -> tuple[ModuleType, list[Any]]:
    """Return the engine for the arrays' common dtype, and the arrays C-contiguous in it."""
    for a in arrays:
        refuse_without_values(a, "array")
    given = [np.asarray(a) for a in arrays if a is not None]
    dtype = "float32" if all(a.dtype == np.float32 for a in given) else "float64"
    return engine.load(dtype), [None if a is None else np.asarray(a, dtype, order="C") for a in arrays]


def _convert_for(precision: str | None, *arrays: ArrayLike | None) -> tuple[ModuleType, list[Any]]:
    """Return what `_convert` does; for products of a precision of their own the engine for these, and float32."""
    module, given = _convert(*arrays)
    if precision is None:
        return module, given
    if precision != MIXED_BFLOAT16:
        raise ValueError(f"precision must be {MIXED_BFLOAT16!r} or None, got {precision!r}")
    return engine.load_mixed(), [None if a is None else np.asarray(a, np.float32) for a in given]


def _check_shape(name: str, array: Array, expected: tuple[int | str, ...]) -> None:
    """Compare a shape with an expected one, in which a string is any size."""
    fits = array.ndim == len(expected) and all(
        isinstance(e, str) or n == e for n, e in zip(array.shape, expected, strict=True)
    )
    if not fits:
        raise ValueError(f"{name} must have shape ({', '.join(map(str, expected))}), got {array.shape}")


def dense_forward(
    x: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    activation: str = "identity",
    parameter: float | None = None,
    precision: str | None = None,
) -> Array:
    """Return ``f(x @ weight + bias)``.

    Every sum is one chain of fused multiply-adds over the inputs in ascending order, started from the bias, so it
    equals a scalar loop of ``fma`` bit for bit; with a `precision`, `nncore.reference.bfloat16_product`.

    Parameters
    ----------
    x : array_like of shape (n, n_in)
    weight : array_like of shape (n_in, n_out)
    bias : array_like of shape (n_out,), optional
    activation : str
        A name in `nncore.activations.ACTIVATIONS`.
    parameter : float, optional
        Slope of leaky_relu (0.01 by default) or alpha of elu (1.0); for others there is none.
    precision : {"mixed_bfloat16", None}
        The former is for what a model of this dtype computes: all is float32, but `x` and `weight` are rounded to
        bfloat16, and subnormal numbers count as zero.

    Returns
    -------
    ndarray of shape (n, n_out)

    Raises
    ------
    ValueError
        If the shapes do not fit, or activation or precision is unknown.

    Examples
    --------
    >>> dense_forward([[1.0, 2.0]], [[3.0], [-4.0]], [1.0], "relu").tolist()
    [[0.0]]
    >>> dense_forward([[1.01]], [[1.0]], precision="mixed_bfloat16")
    array([[1.0078125]], dtype=float32)
    """
    f = _activation(activation, parameter)
    module, (x, weight, bias) = _convert_for(precision, x, weight, bias)
    _check_shape("x", x, ("n", "n_in"))
    _check_shape("weight", weight, (x.shape[1], "n_out"))
    if bias is not None:
        _check_shape("bias", bias, (weight.shape[1],))
    y: Array = module.dense_forward(x, weight, bias, f.name, f.parameter)
    return y


def dense_backward(
    x: ArrayLike, weight: ArrayLike, dz: ArrayLike, precision: str | None = None
) -> tuple[Array, Array, Array]:
    """Return the gradients of a dense layer, given that of its weighted sums ``z = x @ weight + bias``.

    Parameters
    ----------
    x : array_like of shape (n, n_in)
    weight : array_like of shape (n_in, n_out)
    dz : array_like of shape (n, n_out)
    precision : {"mixed_bfloat16", None}
        As for `dense_forward`; `dz` is rounded, too, but for the gradient of the bias.

    Returns
    -------
    dx : ndarray of shape (n, n_in)
        ``dz @ weight.T``.
    dweight : ndarray of shape (n_in, n_out)
        ``x.T @ dz``.
    dbias : ndarray of shape (n_out,)
        ``dz.sum(axis=0)``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or the precision is unknown.

    Examples
    --------
    >>> dx, dweight, dbias = dense_backward([[1.0, 2.0]], [[3.0], [-4.0]], [[0.5]])
    >>> dx.tolist(), dweight.tolist(), dbias.tolist()
    ([[1.5, -2.0]], [[0.5], [1.0]], [0.5])
    """
    module, (x, weight, dz) = _convert_for(precision, x, weight, dz)
    _check_shape("x", x, ("n", "n_in"))
    _check_shape("weight", weight, (x.shape[1], "n_out"))
    _check_shape("dz", dz, (x.shape[0], weight.shape[1]))
    dx, dweight, dbias = module.dense_backward(x, weight, dz)
    return dx, dweight, dbias


def _activation(name: str, parameter: float | None) -> Activation:
    """The activation with its parameter, both checked as a layer's are."""
    row = activation_row(name)
    if parameter is None:
        return Activation(name)
    if row.parameter is None:
        raise ValueError(f"activation {name!r} has no parameter, got parameter={parameter!r}")
    return Activation(name, **{row.parameter: parameter})


def _check_rows(name: str, array: Array, activation: Activation) -> None:
    if activation_row(activation.name).rowwise:
        _check_shape(name, array, ("n", "n_out"))


def activate(activation: str, x: ArrayLike, parameter: float | None = None) -> Array:
    """Return ``y = f(x)``.

    Parameters
    ----------
    activation : str
        A name in `nncore.activations.ACTIVATIONS`.
    x : array_like
        Of any shape; (n, n_out) for softmax, which works on rows.
    parameter : float, optional
        Slope of leaky_relu (0.01 by default) or alpha of elu (1.0); for others there is none.

    Returns
    -------
    ndarray of the shape of `x`

    Raises
    ------
    ValueError
        If the activation is unknown, or softmax gets something else than rows.

    Examples
    --------
    >>> activate("leaky_relu", [-1.0, 2.0], 0.1).tolist()
    [-0.1, 2.0]
    """
    f = _activation(activation, parameter)
    module, (x,) = _convert(x)
    _check_rows("x", x, f)
    y: Array = module.activate(f.name, x, f.parameter)
    return y


def activate_backward(
    activation: str, dy: ArrayLike, x: ArrayLike, y: ArrayLike, parameter: float | None = None
) -> Array:
    """Return ``dx``, the gradient before an activation, given that behind it.

    Parameters
    ----------
    activation : str
        A name in `nncore.activations.ACTIVATIONS`.
    dy, x, y : array_like
        Gradient by the output, the input, the output ``f(x)``: of one shape. Only the activations whose row says
        ``keeps_input`` read `x`.
    parameter : float, optional
        Slope of leaky_relu (0.01 by default) or alpha of elu (1.0); for others there is none.

    Returns
    -------
    ndarray of the shape of `y`

    Raises
    ------
    ValueError
        If the activation is unknown or the shapes differ.

    Examples
    --------
    >>> activate_backward("tanh", [1.0], [0.5493061443340548], [0.5]).tolist()
    [0.75]
    """
    f = _activation(activation, parameter)
    module, (dy, x, y) = _convert(dy, x, y)
    _check_rows("y", y, f)
    _check_shape("dy", dy, y.shape)
    _check_shape("x", x, y.shape)
    dx: Array = module.activate_backward(f.name, dy, x, y, f.parameter)
    return dx


def loss(loss: str | Loss, raw_prediction: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Return the loss of every row and its gradient by the raw prediction.

    Parameters
    ----------
    loss : str or Loss
        A name in `nncore.losses.LOSSES`, or an instance. The crossentropies read logits, Poisson's logarithms.
    raw_prediction : array_like of shape (n, n_outputs)
    target : array_like of shape (n, n_targets)
        As many columns as outputs, unless the loss has several outputs for each target; for
        sparse_categorical_crossentropy integers of shape (n,), in 0..n_outputs - 1; for the hinges 0 and 1.

    Returns
    -------
    values : ndarray of shape (n,), float64
    gradient : ndarray of shape (n, n_outputs)

    Raises
    ------
    ValueError
        If the loss is unknown, the shapes do not fit, or a label is out of range.

    Examples
    --------
    >>> values, gradient = loss("mse", [[1.0, 2.0]], [[0.0, 0.0]])
    >>> values.tolist(), gradient.tolist()
    ([2.5], [[1.0, 2.0]])
    """
    row = loss_of(loss)
    if isinstance(row, CustomLoss):
        raise ValueError(f"loss {row.name!r} is a function of yours and has no kernel; call it")
    sparse = row.kernel == "sparse_softmax_crossentropy"
    module, (z,) = _convert(raw_prediction)
    _check_shape("raw_prediction", z, ("n", "n_outputs"))
    if z.shape[1] == 0:
        raise ValueError(f"raw_prediction must have at least one column, got shape {z.shape}")
    refuse_without_values(target, "target")
    targets = _labels(target, *z.shape) if sparse else np.ascontiguousarray(target, z.dtype)
    reading = row.reading(z.shape[1])
    if not sparse:
        _check_shape("target", targets, z.shape if reading is None else (len(z), reading.n_targets))
    values, gradient = module.loss(row.kernel, z, targets, row.parameter, reading)
    return values, gradient


def _labels(target: ArrayLike, n: int, n_outputs: int) -> Array:
    labels = np.asarray(target)
    _check_shape("target", labels, (n,))
    if labels.size and labels.dtype.kind not in "iu":
        raise ValueError(f"target must hold integers in 0..{n_outputs - 1}, got dtype {labels.dtype}")
    if labels.size and not (labels.min() >= 0 and labels.max() < n_outputs):
        raise ValueError(f"target must be in 0..{n_outputs - 1}, got {labels.min()}..{labels.max()}")
    return np.ascontiguousarray(labels, np.int32)


def update(
    optimizer: str | Optimizer,
    w: ArrayLike,
    gradient: ArrayLike,
    slots: ArrayLike | None = None,
    t: int = 1,
    decay: bool = True,
) -> tuple[Array, Array]:
    """Return the weights and slots after one step of an optimizer.

    Parameters
    ----------
    optimizer : Optimizer or str
        An instance, or a name in `nncore.optimizers.OPTIMIZERS`.
    w, gradient : array_like of shape (n,)
    slots : array_like of shape (optimizer.n_slots, n), optional
        What the rule remembers; zeros by default.
    t : int
        Number of the step, from 1.
    decay : bool
        Whether AdamW's weight decay applies; it does not to biases.

    Returns
    -------
    w : ndarray of shape (n,)
    slots : ndarray of shape (optimizer.n_slots, n)

    Raises
    ------
    ValueError
        If the shapes do not fit or `t` is below 1.

    Examples
    --------
    >>> from nncore.optimizers import SGD
    >>> update(SGD(0.5), [1.0], [0.25])[0].tolist()
    [0.875]
    """
    optimizer = optimizer_of(optimizer)
    if slots is None:
        slots = np.zeros((optimizer.n_slots, np.size(w)), np.asarray(w).dtype)
    module, (w, gradient, slots) = _convert(w, gradient, slots)
    _check_shape("w", w, ("n",))
    _check_shape("gradient", gradient, w.shape)
    _check_shape("slots", slots, (optimizer.n_slots, w.size))
    if t < 1:
        raise ValueError(f"t must be at least 1, got {t}")
    w, slots = w.copy(), slots.copy()
    module.update(optimizer, w, gradient, slots, t, decay)
    return w, slots


def _elementary(name: str) -> Callable[[ArrayLike], Array]:
    def function(x: ArrayLike) -> Array:
        module, (x,) = _convert(x)
        y: Array = module.function(name, x.reshape(-1)).reshape(x.shape)
        return y

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {name} of every element of `x`, by the engine's own vector code (src_c/vecmath.h)."
    return function


exp, expm1, log, log1p = map(_elementary, ("exp", "expm1", "log", "log1p"))
tanh, sigmoid, softplus = map(_elementary, ("tanh", "sigmoid", "softplus"))
erf, erfc = map(_elementary, ("erf", "erfc"))
