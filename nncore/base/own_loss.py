"""A loss of the user's own: a function of Python, with its derivative."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, ClassVar, NoReturn

import numpy as np

from nncore.base import checks
from nncore.base.loss import Loss
from nncore.base.typing import Array, Floats

Answers = Callable[[Any, Any], Any]


@dataclass(frozen=True, eq=False)
class CustomLoss(Loss):
    """A loss of your own: a function that returns the loss of every row, and its derivative by the predictions.

    ``compile(loss=function)`` makes one. The engine does all else: forward and back, the weights of samples and
    classes, the mean over the batch.

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred) -> (losses, gradient)``, once for every batch. ``y_pred`` (n, n_outputs) is what
        ``predict`` returns, behind the last activation, and ``y_true`` (n, k) what `fit` was given as y, (n, 1) for a
        column of numbers: in the model's dtype, whatever it was, of any number of columns, and in the order of the
        batch. Both are copies that the function may change and keep. ``losses`` (n,) has the loss of every row, and
        ``gradient`` (n, n_outputs) the derivatives ``d losses[i] / d y_pred[i, j]``, not divided by the number of
        rows. All must be finite.
    check : bool
        Whether `fit` compares the gradient with the values on a few rows before it trains; on data of a source it does
        not.

    Notes
    -----
    The mean of ``losses`` over the batch, weighted by the rows' weights, is what is minimised. Where a row's loss
    depends on other rows, too, ``gradient`` is the derivative of their sum, and weights of rows have no clear meaning.

    What the function raises ends the training as an error in a callback does: the model is as after the last finished
    epoch. So does a result of another shape, or one that is not finite.

    Weights come out in the bits of the built-in loss if the function computes the same in the model's dtype and the
    number of outputs is a power of two; otherwise they agree to rounding.

    Files and ``get_config`` do not keep functions: after `nncore.load`, `predict` works, and training needs
    ``compile(loss=...)`` again.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Dense, Sequential
    >>> def quadratic(y_true, y_pred):
    ...     d = y_pred - y_true
    ...     return (d**2).mean(axis=1), 2 * d / d.shape[1]
    >>> X, y = np.linspace(-1, 1, 64).reshape(64, 1), np.linspace(0, 1, 64)
    >>> own, built_in = Sequential([Dense(1)]), Sequential([Dense(1)])
    >>> own.compile("adam", loss=quadratic)
    >>> built_in.compile("adam", loss="mse")
    >>> _ = own.fit(X, y, epochs=5), built_in.fit(X, y, epochs=5)
    >>> np.array_equal(own.parameters, built_in.parameters)
    True
    """

    function: Answers
    check: bool = True
    name: str = field(init=False, repr=False)  # type: ignore[misc]
    kernel: ClassVar[str] = "custom"

    def __post_init__(self) -> None:
        if isinstance(self.function, type) or not callable(self.function):
            raise TypeError(f"function must be callable, got {checks.described(self.function)}")
        checks.check(self, check=checks.flag)
        object.__setattr__(self, "name", getattr(self.function, "__name__", type(self.function).__name__))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CustomLoss) or self.check != other.check:
            return False
        one, another = self.function, other.function
        return one is another or (isinstance(one, MethodType) and one == another)

    def __hash__(self) -> int:
        return hash((CustomLoss, self.name, self.check))

    def __call__(self, y_true: Array | None, y_pred: Array) -> tuple[Floats, Array]:
        """Return what the function returns, checked: losses (n,) in float64, gradient (n, n_outputs) as `y_pred` is.

        Raises
        ------
        TypeError, ValueError
            If it is no such pair, or a number is not finite.
        """
        (n, k), dtype = y_pred.shape, y_pred.dtype
        answer = self.function(y_true, y_pred)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise TypeError(
                f"loss {self.name!r} must return (losses, gradient): the loss of every row, of shape ({n},), and its "
                f"derivative by y_pred, of shape {(n, k)}; got {_shape_of(answer)}"
            )
        losses = _numbers(self.name, "losses", answer[0], np.dtype("float64"), (n,))
        gradient = _numbers(self.name, "gradient", answer[1], dtype, (n, k))
        return losses, gradient


def _numbers(name: str, what: str, values: Any, dtype: np.dtype, shape: tuple[int, ...]) -> Array:
    """Return one part of an answer as the engine reads it."""
    array: Array = np.asarray(values)
    fits = array.dtype == dtype and array.shape == shape and array.flags.c_contiguous
    if fits and np.isfinite(array).all():
        return array  # the usual case, in half the time of what follows
    if array.dtype.kind not in "fiub":
        raise TypeError(f"loss {name!r} must return numbers as its {what}, got {_shape_of(values)}")
    if array.shape != shape:
        raise ValueError(
            f"loss {name!r} returned {what} of shape {array.shape}, expected {shape}: "
            + ("one number for every row" if len(shape) == 1 else "a derivative for every number of y_pred")
        )
    with np.errstate(over="ignore") if dtype.itemsize < array.itemsize else nullcontext():  # it is seen below
        converted: Array = np.ascontiguousarray(array, dtype=dtype)
    if not np.isfinite(converted).all():
        place = tuple(np.argwhere(~np.isfinite(converted))[0].tolist())
        where = f"row {place[0]}" + (f", output {place[1]}" if len(place) == 2 else "")
        raise ValueError(
            f"loss {name!r} returned {array[place]} among its {what}, at {where} of {shape[0]} rows of a batch, though "
            "all of y_pred is finite; bound what the function divides by, and takes the logarithm of"
        )
    return converted


def _shape_of(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    return f"{len(value)} values" if isinstance(value, (tuple, list)) else checks.described(value)


@dataclass(frozen=True)
class Forgotten:
    """What stands for a function in a model that was loaded from a file.

    Examples
    --------
    >>> Forgotten("pinball")(None, None)
    Traceback (most recent call last):
        ...
    RuntimeError: the loss of this model was the function 'pinball', which files do not keep: give it to \
compile(loss=pinball) again
    """

    __name__: str

    def __call__(self, y_true: Any, y_pred: Any) -> NoReturn:
        raise RuntimeError(
            f"the loss of this model was the function {self.__name__!r}, which files do not keep: give it to "
            f"compile(loss={self.__name__}) again"
        )


def to_dict(loss: CustomLoss) -> dict[str, Any]:
    """Return a loss as a JSON-safe dict, in which its function has no more than a name.

    Examples
    --------
    >>> to_dict(CustomLoss(max))
    {'type': 'CustomLoss', 'function': 'max'}
    """
    return {"type": "CustomLoss", "function": loss.name}


def from_dict(data: dict[str, Any]) -> CustomLoss:
    """Return a loss that `to_dict` described, with a function that says what to do.

    Raises
    ------
    ValueError
        If `data` is no such description.

    Examples
    --------
    >>> from_dict({"type": "CustomLoss", "function": "pinball"}).name
    'pinball'
    """
    if set(data) != {"type", "function"} or not isinstance(data["function"], str):
        raise ValueError(f"loss of type CustomLoss must have the name of its function and nothing else, got {data!r}")
    return CustomLoss(Forgotten(data["function"]))
