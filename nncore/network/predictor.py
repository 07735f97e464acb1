"""Predictor: a network frozen for answers one row at a time, in well under a microsecond for a small one."""

from __future__ import annotations

import copyreg
import functools
from abc import ABC, abstractmethod
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from nncore import engine
from nncore.arrays import inputs
from nncore.base import checks
from nncore.base.typing import Array
from nncore.program import Program
from nncore.program.checked import checked


class Predictor(ABC):
    """A network with its weights as they were when `Sequential.predictor` made it; training goes on without it.

    Calling it costs less than `predict`: it checks type and shape alone, takes no lock and starts no thread. Several
    threads may call it at once. It can be pickled and copied.

    Attributes
    ----------
    n_features, n_outputs : int
        Width of the input and of the output.
    dtype : numpy.dtype
        What is computed in, and the dtype of what a call returns.
    program : Program
        What a call runs: the model's, or where that has `BatchNorm` or `Dropout`, what `nncore.program.folding` makes
        of it.
    parameters : ndarray of shape (n_parameters,)
        A copy of this program's weights and biases.
    statistics : ndarray of shape (n_statistics,)
        A copy of its running means and variances.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(8, "tanh"), Dense(2)], seed=1)
    >>> model.build(3)
    >>> policy = model.predictor()
    >>> policy
    Predictor(n_features=3, n_outputs=2, dtype=float32)
    >>> x = np.array([0.5, -1.0, 2.0], np.float32)
    >>> bool((policy(x) == model.predict([x])[0]).all())
    True
    """

    n_features: int
    n_outputs: int
    dtype: np.dtype[Any]
    program: Program
    parameters: Array
    statistics: Array

    @abstractmethod
    def __call__(self, x: ArrayLike, out: Array | None = None) -> Array:
        """Return the network's output for `x`, in the same bits as `Sequential.predict`.

        Where a `BatchNorm` has been folded into the weights, the two agree to rounding instead: a column whose mean
        lies m of its deviations from zero loses at most the logarithm of m in bits, and m is at most 1024. In
        mixed_bfloat16 the folded weights are rounded to 8 bits as the others were, so that the two agree to some
        thousandths, and m is at most 2.

        Parameters
        ----------
        x : array-like of shape (n_features,) or (n, n_features)
            One row, or n rows to be answered one after another; from some twenty rows on, `predict` is quicker. Fastest
            is a C-contiguous array of `dtype`, then one row as a list or tuple of floats or ints; anything else is
            converted as by `predict`, the columns of a table by name. It is not looked at for NaN and infinity: they go
            through the network, and NaN comes out as NaN.
        out : ndarray of shape (n_outputs,) or (n, n_outputs), optional
            Where to write the output, saving the time for a new array: C-contiguous, aligned, writable, of
            `dtype` and without a mask.

        Returns
        -------
        ndarray of shape (n_outputs,) or (n, n_outputs)
            A new array, or `out`.

        Raises
        ------
        TypeError, ValueError
            If `x` holds no numbers or has another shape, or `out` does not fit.
        """


@engine.own_arithmetic
def freeze(
    program: Program, parameters: Array, statistics: Array, feature_names: tuple[str, ...] | None = None
) -> Predictor:
    """Return a `Predictor` of a program, its flat parameters (n_parameters,) and statistics (n_statistics,): copies.

    With `feature_names`, the columns of a table are put in that order. This is also how one comes out of a pickle,
    which may hold anything.

    Raises
    ------
    TypeError, ValueError
        If these do not belong together.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> freeze(lower([Dense(1)], 2, "mse"), np.array([3.0, 4.0, 0.5]), np.empty(0))([1, 10])
    array([43.5])
    """
    dtype = checked_dtype(parameters)
    program = checked(program)
    compiled = engine.load_for(program, dtype.name).Predictor
    Predictor.register(compiled)
    if feature_names is not None:
        compiled = _with_names(compiled)
    copyreg.pickle(compiled, _rebuilding)  # so that it gets the engine of the machine that unpickles it
    frozen: Any = compiled(program, parameters, statistics, lambda x: _converted(x, dtype, feature_names))
    if feature_names is not None:
        frozen.feature_names = feature_names
    return cast(Predictor, frozen)


@engine.own_arithmetic
def thaw(
    frozen: Any, program: Program, parameters: Array, statistics: Array, feature_names: tuple[str, ...] | None = None
) -> Predictor:
    """Let a `Predictor` take over another program of the same width, with its numbers; return it.

    Calls of other threads that have begun answer with the old numbers.

    Raises
    ------
    TypeError, ValueError
        If `frozen` is no Predictor, or one of another width or dtype, or of columns with other names.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> line = lower([Dense(1)], 2, "mse")
    >>> frozen = freeze(line, np.array([3.0, 4.0, 0.5]), np.empty(0))
    >>> thaw(frozen, line, np.array([1.0, 1.0, 0.0]), np.empty(0))([1, 10])
    array([11.])
    """
    if not isinstance(frozen, Predictor):
        raise TypeError(f"out must be a Predictor, as model.predictor() returns it, got {checks.described(frozen)}")
    there = frozen.n_features, frozen.n_outputs, frozen.dtype, frozen.program.precision
    here = program.n_features, program.n_outputs, parameters.dtype, program.precision
    if there != here:
        inputs_, outputs, dtype, precision = here
        raise ValueError(
            f"out is {frozen!r}, but the model has {inputs_} features, {outputs} outputs and {precision or dtype}; "
            "leave out away for a new one"
        )
    names = getattr(frozen, "feature_names", None)
    if names is not None and feature_names not in (None, names):
        taken, own = (", ".join(some or ()) for some in (names, feature_names))
        raise ValueError(f"out takes columns called {taken}, but those of the model are {own}; leave out for a new one")
    numbers: Any = frozen
    if frozen.program is program or frozen.program == program:
        numbers.set_parameters(parameters, statistics)
    else:
        numbers.exchange(freeze(program, parameters, statistics))
    return frozen


def _converted(x: Any, dtype: np.dtype[Any], names: tuple[str, ...] | None) -> Array:
    """Convert what a call got; of a pandas row, as ``iterrows`` gives it, the index holds the names."""
    if names is None:
        return inputs.real_array(x, dtype, "x")
    if hasattr(x, "index") and hasattr(x, "to_frame"):
        row: Array = inputs.ordered(x.to_frame().T, dtype, names, "x")[0]
        return row
    return inputs.ordered(x, dtype, names, "x")


@functools.cache
def _with_names(compiled: type) -> type:
    """Return a subclass that keeps names for its pickles; models without names go without its cost."""
    return type(compiled.__name__, (compiled,), {"__slots__": ("feature_names",), "__module__": compiled.__module__})


def checked_dtype(parameters: Any) -> np.dtype:
    """Return the dtype of a parameter vector that the engine can compute in."""
    if not isinstance(parameters, np.ndarray) or parameters.dtype.name not in engine.BITS:
        raise TypeError(f"parameters must be an array of float32 or float64, got {type(parameters).__name__}")
    dtype: np.dtype = parameters.dtype
    return dtype


def _rebuilding(predictor: Predictor) -> tuple[Any, ...]:
    arguments = predictor.program, predictor.parameters, predictor.statistics
    names = getattr(predictor, "feature_names", None)
    return freeze, arguments if names is None else (*arguments, names)
