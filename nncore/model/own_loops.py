"""What loops of one's own are made of: gradients of any function of the outputs, updates by them, copied weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import categories, inputs
from nncore.arrays.inputs import all_finite
from nncore.base import checks
from nncore.base.typing import Array, Floats
from nncore.engine import own_arithmetic
from nncore.errors import NotBuiltError, TrainingDiverged
from nncore.model import prediction
from nncore.network import Network, own_steps
from nncore.program import Head, Program, refuse_unsuitable_batch
from nncore.program.normalization import filled
from nncore.training import batches
from nncore.training.state import State, built, current_loss

SHARE = checks.real(0, 1)

Derivatives = ArrayLike | Callable[[Array], ArrayLike]
"""By the outputs: numbers, or what makes them of the outputs."""


class OwnLoops:
    """What a `Sequential` gives loops of one's own, besides single updates on a loss."""

    _state: State

    @own_arithmetic
    def loss_and_gradient(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """Return the loss over all rows and its gradient (n_parameters,) in the order of `parameters`.

        They are those of the next training step, were all rows one batch: with batch statistics in `BatchNorm`, and
        with what `Dropout` drops. Penalties such as ``Dense(l2=...)`` are not part of either; those of outputs,
        ``Dense(activity_l2=...)``, are part of the gradient.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)], dtype="float64")
        >>> model.build(1)
        >>> model.parameters[:] = [2.0, 1.0]  # y = 2 x + 1
        >>> model.loss_and_gradient([[1.0]], [4.0])
        (1.0, array([-2., -2.]))
        """
        return prediction.loss_and_gradient(self._state, X, y, sample_weight)

    @own_arithmetic
    def backward(self, X: ArrayLike, dloss_dy: Derivatives, *, training: bool = True) -> Array:
        """Return the gradient of a function of the outputs, by all parameters, in the order of `parameters`.

        It is ``d sum(dloss_dy * y) / d parameters`` with y the outputs for X and `dloss_dy` held fixed: the exact
        product of derivatives and Jacobian, summed over rows and outputs. Divide `dloss_dy` by the number of rows for a
        mean. Penalties such as ``Dense(l2=...)`` are not part of it: `apply_gradient` adds them, as a step does. Those
        of outputs, ``Dense(activity_l2=...)``, are, as a mean over the rows of X, if `training`.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
        dloss_dy : array-like of shape (n, n_outputs), or callable
            The derivatives of your loss by what `predict` returns, behind the last activation, whatever loss the model
            was compiled with; of several outputs with a loss each also a list of arrays, or a dict by name. A callable
            is given the outputs (n, n_outputs) of this very pass and returns them, which saves a call of `predict`, and
            is what `Dropout` and `BatchNorm` need, whose outputs are others in training.
        training : bool
            True: as a step of training sees it. `BatchNorm` goes by the rows of X, and its running averages take them
            in; `Dropout` drops, the same until the next update. False: as `predict` sees it, and nothing changes.

        Returns
        -------
        ndarray of shape (n_parameters,)

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or outputs are not finite.

        Examples
        --------
        >>> import numpy as np
        >>> from nncore import SGD, Dense, Sequential
        >>> model, twin = Sequential([Dense(1)]), Sequential([Dense(1)])
        >>> for one in (model, twin):
        ...     one.compile(SGD(0.1), loss="mse")
        ...     one.build(2)
        >>> X, y = np.array([[0, 1], [2, 3]], np.float32), np.array([[1], [2]], np.float32)
        >>> gradient = model.backward(X, lambda predicted: 2 * (predicted - y) / len(y))
        >>> model.apply_gradient(gradient)
        >>> loss = twin.train_on_batch(X, y)
        >>> np.array_equal(model.parameters, twin.parameters)
        True
        """
        return _backward(self._state, X, dloss_dy, training)

    @own_arithmetic
    def apply_gradient(self, gradient: ArrayLike, *, epoch: float | None = None) -> None:
        """Do one update by a gradient of your own, as from `backward`, or the sum of several.

        All else is that of a step of training: penalties are added, the optimizer's bounds hold, weights decay, its
        moments go on, ``max_norm`` is kept. It counts as an update.

        Parameters
        ----------
        gradient : array-like of shape (n_parameters,)
            In the order of `parameters`. The update goes against it: what is to grow is given with a minus.
        epoch : float, optional
            What a schedule gives the update a rate by; see `train_on_batch`.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        TrainingDiverged
            If a weight or the optimizer's state would stop being finite; the update is then undone.

        Examples
        --------
        >>> from nncore import SGD, Dense, Sequential
        >>> model = Sequential([Dense(1)], dtype="float64")
        >>> model.compile(SGD(0.5))
        >>> model.build(1)
        >>> model.parameters[:] = [2.0, 1.0]
        >>> model.apply_gradient([1.0, -1.0])
        >>> model.parameters
        array([1.5, 1.5])
        """
        _apply_gradient(self._state, gradient, epoch)

    @own_arithmetic
    def input_gradient(self, X: ArrayLike, dloss_dy: ArrayLike | None = None) -> Array:
        """Return the derivative of a function of the outputs by every input, shape (n, n_features).

        The network is that of `predict`. Of row i it is ``sum_j dloss_dy[i, j] * d y[i, j] / d X[i]``: how the output
        answers to each feature.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
        dloss_dy : array-like of shape (n, n_outputs), optional
            Derivatives by what `predict` returns; by default ones, for the sum of the outputs.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1, "tanh")], dtype="float64")
        >>> model.build(2)
        >>> model.parameters[:] = [2.0, 3.0, 0.0]  # y = tanh(2 a + 3 b)
        >>> model.input_gradient([[0.0, 0.0]])
        array([[2., 3.]])
        """
        return _input_gradient(self._state, X, dloss_dy)

    @own_arithmetic
    def jacobian(self, X: ArrayLike) -> Array:
        """Return the derivative of every output by every input of its row, shape (n, n_outputs, n_features).

        The network is that of `predict`: ``jacobian(X)[i, j, k]`` is ``d predict(X)[i, j] / d X[i, k]``.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(2)], dtype="float64")
        >>> model.build(1)
        >>> model.parameters[:] = [2.0, 3.0, 0.0, 0.0]
        >>> model.jacobian([[5.0]])
        array([[[2.],
                [3.]]])
        """
        return _jacobian(self._state, X)

    @own_arithmetic
    def copy_weights_from(self, other: OwnLoops, tau: float = 1.0) -> None:
        """Take over the weights of a model with layers of the same shapes, or move towards them.

        Every number of `get_weights`, running averages of `BatchNorm` included, becomes
        ``(1 - tau) * own + tau * other``, with `tau` rounded to the model's dtype; with ``tau=1`` that of `other`. A
        `Normalization` that was not adapted takes that of `other` in any case. The optimizer's state stays.

        Parameters
        ----------
        other : Sequential
        tau : float
            0 to 1. A target network of reinforcement learning follows with 0.005, say.

        Raises
        ------
        TypeError, ValueError
            If `other` is no model or has arrays of other shapes, or `tau` is not in 0..1.
        NotBuiltError
            If one of them has no weights yet, or `other` is not adapted and the model is.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> online, target = Sequential([Dense(1)], dtype="float64"), Sequential([Dense(1)], dtype="float64")
        >>> online.build(1), target.build(1)
        (None, None)
        >>> online.parameters[:], target.parameters[:] = [2.0, 1.0], [0.0, 0.0]
        >>> target.copy_weights_from(online, tau=0.25)
        >>> target.parameters
        array([0.5 , 0.25])
        """
        _copy_weights_from(self._state, other, tau)


LINKS = ("identity", "sigmoid", "softmax", "exponential")
"""What may make predictions of what the last row wrote, for derivatives by them to go back."""


def _features(state: State, network: Network, X: ArrayLike) -> Array:
    program = network.program
    links = [head.link for head in program.heads] or [program.link]
    if not set(links) <= set(LINKS):
        raise ValueError(
            f"derivatives do not go back through what the loss {current_loss(state).name} makes of the outputs "
            f"({', '.join(links)}); compile the model with a loss of another kind"
        )
    array = inputs.features(X, state.dtype, network.program.n_features, state.feature_names)
    categories.check(network.program, array, state.feature_names)
    return array


def _derivatives(state: State, dloss_dy: Any, shape: tuple[int, int]) -> Array:
    """Return derivatives by the outputs as the engine reads them, a list of those of several outputs side by side."""
    if (heads := built(state).program.heads) and isinstance(dloss_dy, (list, tuple, Mapping)):
        dloss_dy = _side_by_side(heads, dloss_dy, state.dtype, shape[0])
    given: Array = inputs.real_array(dloss_dy, state.dtype, "dloss_dy")
    if given.ndim == 1 and shape[1] == 1:
        given = given.reshape(-1, 1)
    if given.shape != shape:
        raise ValueError(
            f"dloss_dy has shape {given.shape}, expected {shape}: a derivative for every output of every row"
        )
    if not all_finite(given):
        raise inputs.not_finite_error(dloss_dy, given, "dloss_dy")
    return np.ascontiguousarray(given)


def _side_by_side(heads: Sequence[Head], given: Any, dtype: np.dtype, n: int) -> Array:
    """Return the derivatives by each of several outputs, a list of them or a dict by name, as one array."""
    names = [head.name for head in heads]
    if set(given) != set(names) if isinstance(given, Mapping) else len(given) != len(heads):
        wanted = ", ".join(f"{head.name} ({n}, {head.n_outputs})" for head in heads)
        got = f"a dict of {', '.join(map(repr, given))}" if isinstance(given, Mapping) else f"{len(given)} items"
        raise ValueError(
            f"dloss_dy must have an array for each output, {wanted}, got {got}; or be one array of them side by side"
        )
    columns = []
    for key, head in zip(names if isinstance(given, Mapping) else range(len(heads)), heads, strict=True):
        part: Array = inputs.real_array(given[key], dtype, f"dloss_dy[{key!r}]")
        part = part.reshape(-1, 1) if part.ndim == 1 and head.n_outputs == 1 else part
        if part.shape != (n, head.n_outputs):
            raise ValueError(
                f"dloss_dy[{key!r}] has shape {part.shape}, expected {(n, head.n_outputs)}: a derivative for every "
                f"row by what output {head.name!r} gives"
            )
        columns.append(part)
    return np.hstack(columns)


def _backward(state: State, X: ArrayLike, dloss_dy: Derivatives, training: bool) -> Array:
    """Return a gradient; see ``Sequential.backward``."""
    checks.flag("training", training)
    with state.turn.changing():
        network = built(state)
        array = _features(state, network, X)
        if training:
            refuse_unsuitable_batch(network.program, len(array), state.dtype.itemsize)
        shape = len(array), network.program.n_outputs
        given = partial(_asked, state, dloss_dy) if callable(dloss_dy) else _derivatives(state, dloss_dy, shape)
        gradient = own_steps.backward(network, array, given, state.seed, training)
    if gradient is None:
        raise ValueError("the outputs are not finite, so that there is no gradient; set other weights, or smaller X")
    return gradient


def _asked(state: State, function: Callable[[Array], ArrayLike], _: None, y: Array) -> tuple[Floats, Array]:
    shape = y.shape
    program = built(state).program
    return np.zeros(len(y)), _derivatives(state, function(prediction.apart(program, y) if program.heads else y), shape)


def _apply_gradient(state: State, gradient: ArrayLike, epoch: float | None) -> None:
    """Do one update; see ``Sequential.apply_gradient``."""
    with state.turn.changing():
        network = built(state)
        flat = inputs.real_array(gradient, state.dtype, "gradient")
        if flat.shape != (network.program.n_parameters,):
            raise ValueError(
                f"gradient has shape {flat.shape}, expected ({network.program.n_parameters},), the order of "
                "model.parameters, as model.backward returns it"
            )
        if not all_finite(flat):
            raise inputs.not_finite_error(gradient, flat, "gradient")
        rate = batches.rate_at(state, network, epoch)
        if not own_steps.apply_gradient(network, np.ascontiguousarray(flat), rate):
            raise TrainingDiverged(state.epoch, 0, math.nan, rate, tensor="weight")
        if epoch is not None:
            state.epoch = max(state.epoch, int(float(epoch)))


def _input_gradient(state: State, X: ArrayLike, dloss_dy: ArrayLike | None) -> Array:
    """Return derivatives by the inputs; see ``Sequential.input_gradient``."""
    network = built(state)
    array = _features(state, network, X)
    shape = len(array), network.program.n_outputs
    given = np.ones(shape, state.dtype) if dloss_dy is None else _derivatives(state, dloss_dy, shape)
    return own_steps.input_gradient(network, array, given)[:, 0]


def _jacobian(state: State, X: ArrayLike) -> Array:
    """Return the derivative of every output by every input; see ``Sequential.jacobian``."""
    network = built(state)
    return own_steps.input_gradient(network, _features(state, network, X), None)


def _copy_weights_from(state: State, other: Any, tau: float) -> None:
    """Take over weights, or a share of them; see ``Sequential.copy_weights_from``."""
    share = state.dtype.type(SHARE("tau", tau))
    if not isinstance(getattr(other, "_state", None), State):
        raise TypeError(f"other must be a Sequential, got {checks.described(other)}")
    source = built(other._state)
    given = source.weights()  # before this model's lock: two threads may copy both ways
    with state.turn.changing():
        network = built(state)
        _check_alike(network.program, source.program)
        kept = network.weights()
        if share < 1:
            _check_adapted(source, network)
            kept = kept[0], filled(network.program, kept[1], given[1])
        network.set_weights(*(_mixed(mine, theirs, share) for mine, theirs in zip(kept, given, strict=True)))


def _check_adapted(source: Network, network: Network) -> None:
    """Raise NotBuiltError if another model has no statistics, of which this one, that has, would take over a share."""
    if source.unadapted and not network.unadapted:
        raise NotBuiltError(f"other is not adapted: its layer {source.unadapted[0]!r} has no statistics yet")


def _mixed(mine: Array, theirs: Array, share: Any) -> Array:
    theirs = theirs.astype(mine.dtype)
    return theirs if share == 1 else (1 - share) * mine + share * theirs


def _check_alike(mine: Program, theirs: Program) -> None:
    """Raise ValueError unless two programs have parameters and statistics of the same shapes."""
    ours = [(block.name, block.shape) for block in (*mine.parameters, *mine.statistics)]
    others = [(block.name, block.shape) for block in (*theirs.parameters, *theirs.statistics)]
    for (name, shape), (_, other) in zip(ours, others, strict=False):
        if shape != other:
            raise ValueError(f"other has other layers: {name} has shape {other} there, {shape} here")
    if len(ours) != len(others):
        raise ValueError(f"other has {len(others)} arrays of weights, this model has {len(ours)}")
