"""`predict_many`: one network with many parameter vectors, for evolution strategies and populations."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore import engine
from nncore.arrays import categories, inputs
from nncore.base import checks
from nncore.base.typing import Array
from nncore.engine import own_arithmetic, sharing
from nncore.many.arguments import in_memory
from nncore.model import Sequential
from nncore.network import Network
from nncore.training.state import built

WORTH_A_THREAD = 3e7  # multiply-adds, some ms: below, threads of Python cost more than they save


@in_memory("predict_many", "predict with one after the other, or give arrays part by part")
@own_arithmetic
def predict_many(model: Sequential, parameters: ArrayLike, X: ArrayLike) -> Array:
    """Return what a network predicts with each of many parameter vectors, as evolution strategies want it.

    Parameters
    ----------
    model : Sequential
        Says what the network is, with its running statistics; it stays as it is.
    parameters : array-like of shape (K, n_parameters)
        Each a vector as ``model.parameters``.
    X : array-like of shape (n, n_features) or (K, n, n_features)
        The same rows for all, or each one's own.

    Returns
    -------
    ndarray of shape (K, n, n_outputs)
        Row k in the bits of ``model.predict(X)`` with ``model.parameters[:] = parameters[k]``.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    TypeError, ValueError
        If a shape is another one, or `X` or `parameters` hold NaN or infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Dense, Sequential, predict_many
    >>> line = Sequential([Dense(1)], dtype="float64")
    >>> line.build(1)
    >>> predict_many(line, [[2.0, 0.0], [3.0, 1.0]], [[1.0], [2.0]])[:, :, 0]  # 2 x and 3 x + 1
    array([[2., 4.],
           [4., 7.]])
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"model must be a Sequential, got {checks.described(model)}")
    state = model._state
    network = built(state)
    program = network.program
    flat = inputs.real_array(parameters, state.dtype, "parameters")
    if flat.ndim != 2 or flat.shape[1] != program.n_parameters:
        raise ValueError(f"parameters must have shape (K, {program.n_parameters}), got {flat.shape}")
    if not inputs.all_finite(flat):
        raise inputs.not_finite_error(parameters, flat, "parameters")
    rows = _rows(X, state.dtype, program.n_features, state.feature_names, len(flat))
    for one in {id(array): array for array in rows}.values():
        categories.check(program, one, state.feature_names)
    out = np.empty((len(flat), rows[0].shape[0] if len(rows) else 0, program.n_outputs), state.dtype)
    work = out.shape[0] * out.shape[1] * program.n_parameters
    n_threads = max(1, min(engine.get_num_threads(), len(flat), int(work / WORTH_A_THREAD)))
    parts = [range(i * len(flat) // n_threads, (i + 1) * len(flat) // n_threads) for i in range(n_threads)]
    copies, who, errors = [network.copy(program) for _ in parts], object(), list[BaseException]()
    try:
        sharing.share(who, n_threads)
        threads = [
            threading.Thread(target=_predict_beside, args=(errors, copy, flat, rows, out, part), daemon=True)
            for copy, part in zip(copies[1:], parts[1:], strict=True)
        ]
        for thread in threads:
            thread.start()
        _predict(copies[0], flat, rows, out, parts[0])
        for thread in threads:
            thread.join()
    finally:
        sharing.end(who)
    if errors:
        raise errors[0]
    return out


predict_many = checks.explaining("predict_many", predict_many)


def _rows(X: ArrayLike, dtype: np.dtype, n_features: int, names: tuple[str, ...] | None, k: int) -> Sequence[Array]:
    """Return X for each of `k` vectors, checked."""
    if np.ndim(X) != 3:
        return [inputs.features(X, dtype, n_features, names, empty=True)] * k
    array = inputs.real_array(X, dtype, "X")
    if array.shape[0] != k or array.shape[2] != n_features:
        raise ValueError(f"X must have shape (n, {n_features}) or ({k}, n, {n_features}), got {array.shape}")
    if not inputs.all_finite(array):
        raise inputs.not_finite_error(X, array, "X")
    return list(array)


def _predict_beside(errors: list[BaseException], *arguments: Any) -> None:
    """Predict in a thread of its own, whose error the caller is to raise: what it did not fill holds anything."""
    try:
        _predict(*arguments)
    except BaseException as error:
        errors.append(error)


@own_arithmetic
def _predict(network: Network, flat: Array, rows: Sequence[Array], out: Array, part: range) -> None:
    for k in part:
        network.set_parameters(flat[k])
        found = network.predict(rows[k])
        if found is not None:
            out[k] = found
