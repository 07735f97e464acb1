"""What a model with weights is used for: predictions, scores, gradients, and the weights themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.arrays import categories, inputs
from nncore.arrays.several import places
from nncore.arrays.targets import refuse_unmeasured
from nncore.base import checks
from nncore.base.bfloat16 import round_to_bfloat16
from nncore.base.source import Source
from nncore.base.typing import Array
from nncore.engine import own_arithmetic
from nncore.losses import Crossentropy
from nncore.model.definition import given
from nncore.network import Network
from nncore.program import ParameterBlock, Program, last_activation
from nncore.training import scoring, streaming
from nncore.training.state import State, built, converted, current_loss, scorers

Predict = Callable[[ArrayLike], Array]
"""The model's own method, which a subclass may have changed."""

_rounded_features, _all_finite = own_arithmetic(inputs.features), own_arithmetic(inputs.all_finite)


def predict(state: State, X: ArrayLike | Source) -> Array:
    """Return the network's outputs; see ``Sequential.predict``."""
    network = state.network or built(state)
    array: Any = X
    if not network.reads(X):
        if isinstance(X, Source):
            found = _of_source(state, network, X)
            return apart(network.program, found) if network.program.heads else found
        n_features, names = network.program.n_features, state.feature_names
        array = _rounded_features(X, state.dtype, n_features, names, empty=True, check_finite=False, narrow=True)
    predictions = network.predict(array) if array.dtype == state.dtype or _is_right(network, array) else None
    if predictions is None:
        raise _refusal(state, network, X)
    if state.precision is not None and not _all_finite(predictions):
        _check_rounded(state, X)
    return apart(network.program, predictions) if network.program.heads else predictions


def apart(program: Program, predictions: Array) -> Any:
    """Return the predictions of each output with a loss of its own, (n, n_outputs) of it, in the order of branches."""
    return [np.ascontiguousarray(predictions[:, columns]) for _, columns, _ in places(program.heads)]


@own_arithmetic
def _is_right(network: Network, array: Array) -> bool:
    """Tell whether rows of narrow numbers, at which the engine does not look, can be predicted."""
    if not inputs.all_finite(array):
        return False
    try:
        categories.check(network.program, array)
    except ValueError:
        return False
    return True


@own_arithmetic
def _refusal(state: State, network: Network, X: ArrayLike) -> ValueError:
    """Return what is wrong with X: a value that is not finite, or no category."""
    array = inputs.features(X, state.dtype, network.program.n_features, state.feature_names, check_finite=False)
    if not inputs.all_finite(array):
        return inputs.not_finite_features(X, state.dtype)
    try:
        categories.check(network.program, array, state.feature_names)
    except ValueError as error:
        return error
    return inputs.not_finite_features(X, state.dtype)


@own_arithmetic
def _of_source(state: State, network: Network, source: Source) -> Array:
    from nncore.data.streamed import opened  # here, not at the top, to keep `import nncore` quick

    known = network.program.n_features, state.feature_names, lambda n_features: network.program
    return streaming.predict(network, opened(source, state.dtype, *known).X)


@own_arithmetic
def _check_rounded(state: State, X: ArrayLike | Source) -> None:
    """Say, of a result that is not finite, if rounding made a value of `X` infinite; nobody has looked for that yet."""
    if isinstance(X, Source):
        return  # the rows are gone
    rounded = round_to_bfloat16(inputs.real_array(X, state.dtype, "X"))
    if not inputs.all_finite(rounded):
        raise inputs.not_finite_error(X, rounded, "X", state.precision)


def predict_proba(state: State, X: ArrayLike, predict: Predict) -> Array:
    """Return class probabilities; see ``Sequential.predict_proba``."""
    with state.turn.using():  # another thread may compile anew meanwhile
        kind, logits = _classifier(state, "predict_proba")
        prediction = predict(X)
    if logits:
        from nncore.kernels import activate  # here, not at the top, to keep `import nncore` quick

        prediction = activate(kind, prediction)
    return np.hstack([1 - prediction, prediction]) if prediction.shape[1] == 1 else prediction


def predict_classes(state: State, X: ArrayLike, predict: Predict) -> NDArray[np.int64]:
    """Return the class of each row; see ``Sequential.predict_classes``."""
    with state.turn.using():  # as there
        kind, logits = _classifier(state, "predict_classes")
        prediction = predict(X)
    if kind == "softmax":
        best: NDArray[np.int64] = prediction.argmax(axis=1)
        return best
    classes = (prediction > (0.0 if logits else 0.5)).astype(np.int64)
    return classes[:, 0] if classes.shape[1] == 1 else classes


def _classifier(state: State, caller: str) -> tuple[str, bool]:
    """Return what makes class scores of logits, and whether the network's outputs are logits."""
    program = built(state).program
    if program.heads:
        names = [head.name for head in program.heads]
        raise ValueError(
            f"{caller} is for models with one output, and this one has {', '.join(names)}; predict gives an array for "
            f"each, of classes their probabilities: predict(X)[{len(names) - 1}].argmax(axis=1), say"
        )
    loss, activation = current_loss(state), last_activation(state.layers)
    if isinstance(loss, Crossentropy):
        return str(loss.activation), loss.from_logits
    if loss.yes_above is not None:
        if caller == "predict_proba":
            raise ValueError(
                f"predict_proba needs probabilities, and {loss.name} has margins, which predict returns; for "
                "probabilities end with sigmoid and use loss='binary_crossentropy'"
            )
        return "sigmoid", True
    if activation not in ("softmax", "sigmoid"):
        raise ValueError(f"{caller} needs a last layer with softmax or sigmoid, this one has {activation!r}")
    return activation, False


def evaluate(
    state: State, X: ArrayLike | Source, y: ArrayLike | None, sample_weight: ArrayLike | None, return_dict: bool
) -> Any:
    """Return loss and metrics; see ``Sequential.evaluate``."""
    named: bool = checks.flag("return_dict", return_dict)
    state.turn.check()
    with state.turn.lock:  # another thread may compile anew meanwhile; `turn.using` would take a microsecond more
        network, metrics = built(state), scorers(state)
    data = converted(network.program, state, *given(X, y, sample_weight, method="evaluate"), sources=True)
    if network.program.masks:
        refuse_unmeasured(data.target, "y")
    if metrics:
        from nncore.training.trial import check_parts  # here, not at the top, to keep `import nncore` quick

        check_parts(state, network.program, data)
    shown = current_loss(state) if named and metrics else None  # a list shows no balance of classes
    scores = scoring.evaluate(network, data, metrics, shown)
    if state.precision is not None and not math.isfinite(scores["loss"]):
        _check_rounded(state, X)
    return scores if named else list(scores) if state.metrics or network.program.heads else scores["loss"]


def loss_and_gradient(state: State, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[float, Array]:
    """Return the loss of all rows and its gradient; see ``Sequential.loss_and_gradient``."""
    network = built(state)
    data = converted(network.program, state, X, y, sample_weight)
    loss, gradient = network.loss_and_gradient(*data, seed=state.seed)
    if state.precision is not None and not math.isfinite(loss):
        _check_rounded(state, X)
    return loss, gradient


def get_weights(state: State) -> list[Array]:
    """Return copies of all weights and running statistics; see ``Sequential.get_weights``."""
    network = built(state)
    program, (flat, statistics) = network.program, network.weights()
    weights = [block.of(flat).copy() for block in program.parameters]
    return weights + [block.of(statistics).copy() for block in program.statistics]


def set_weights(state: State, weights: Iterable[ArrayLike]) -> None:
    """Set them; see ``Sequential.set_weights``."""
    given = list(weights) if isinstance(weights, Iterable) else weights
    with state.turn.using():  # so that no other thread puts another network in this one's place meanwhile
        _set_weights(state, built(state), given)


def _set_weights(state: State, network: Network, given: Any) -> None:
    program = network.program
    blocks = (*program.parameters, *program.statistics)
    if not isinstance(given, list):
        raise TypeError(f"weights must be a list of {len(blocks)} arrays, got {checks.described(given)}")
    if len(given) != len(blocks):
        raise ValueError(f"weights must be a list of {len(blocks)} arrays, got {len(given)}")
    arrays = [_checked_weight(state.dtype, i, *pair) for i, pair in enumerate(zip(blocks, given, strict=True))]
    n, empty = len(program.parameters), np.empty(0, state.dtype)
    network.set_weights(np.concatenate([empty, *arrays[:n]]), np.concatenate([empty, *arrays[n:]]))


def _checked_weight(dtype: np.dtype, number: int, block: ParameterBlock, weight: ArrayLike) -> Array:
    """Return a weight as a flat array."""
    name = f"weights[{number}] ({block.name})"
    array = inputs.real_array(weight, dtype, f"weights[{number}]")
    if array.shape != block.shape:
        raise ValueError(f"{name} must have shape {block.shape}, got {array.shape}")
    if not inputs.all_finite(array):
        raise inputs.not_finite_error(weight, array, name)
    if block.name.endswith(".variance") and array.min() < 0:
        raise ValueError(f"{name} must not be negative, got {array.min():g}")
    return array.ravel()
