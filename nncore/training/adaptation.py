"""What a `Normalization` subtracts and divides by: worked out of the rows that a model is to be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore.arrays import inputs
from nncore.base.source import Source
from nncore.base.tables import known_names
from nncore.base.typing import Array
from nncore.engine import own_arithmetic
from nncore.network import Network
from nncore.program import batch_columns
from nncore.program.normalization import layer_of, normalizations
from nncore.training import streaming
from nncore.training.state import Names, Prepared, State, built, new_network, program_for

VALUES = 2**20
"""Of X that are summed up together: the parts, and so the bits, are the same wherever the rows come from."""


def adapted(state: State, prepared: Prepared) -> Network:
    """Return the network to be trained on data, of which each `Normalization` that needs any gets its statistics.

    What the model has already stays as it is.
    """
    network = state.network or new_network(state, prepared.program)
    if network.unadapted:
        if network is state.network:
            network = network.with_program(network.program, network.optimizer)
        data, names = prepared.data, prepared.names[0]
        network.set_statistics(_renewed(network, data.X, data.sample_weight, names, only_missing=True))
    return network


def complete(state: State, X: Array) -> None:
    """Adapt those layers of a model with weights that are not yet, to rows (n, n_features) of any floats."""
    network = built(state)
    if network.unadapted:
        rows = inputs.features(X, state.dtype, network.program.n_features)
        network.set_statistics(_renewed(network, rows, None, state.feature_names, only_missing=True))


def known_layers(state: State) -> list[str]:
    """Return the names of the layers that are adapted to some rows."""
    if state.network is None:
        return []
    learnt = (mean for _, (mean, _) in normalizations(state.network.program) if mean.given is None)
    return [name for name in map(layer_of, learnt) if name not in state.network.unadapted]


@own_arithmetic
def adapt(state: State, X: Any, sample_weight: ArrayLike | None) -> None:
    """Work out all statistics anew; see ``Sequential.adapt``."""
    with state.turn.changing():
        program = None if state.network is None else state.network.program
        n_features, dtype = None if program is None else program.n_features, state.dtype
        rows: Any
        if isinstance(X, Source):
            from nncore.data.streamed import opened  # here, not at the top, to keep `import nncore` quick

            if sample_weight is not None:
                raise TypeError(f"a {type(X).__name__} has its own weight: give it there, and leave sample_weight out")
            rows, _, sample_weight = opened(X, dtype, n_features, state.feature_names)
        else:
            rows = inputs.features(X, dtype, n_features, state.feature_names)
        weight = inputs.sample_weights(sample_weight, len(rows), dtype)
        program = program or program_for(state, rows.shape[1])
        if all(mean.given is not None for _, (mean, _) in normalizations(program)):
            raise ValueError(
                "there is nothing to adapt: the model has no Normalization() but such as were given mean and variance; "
                "one comes first, as in Sequential([Normalization(), Dense(8, 'relu'), Dense(1)])"
            )
        network, names = state.network or new_network(state, program), known_names(state.feature_names, X)
        network.set_statistics(_renewed(network, rows, weight, names))
        state.network, state.feature_names = network, names


def _renewed(network: Network, X: Any, weight: Array | None, names: Names, only_missing: bool = False) -> Array:
    """Return the statistics of a network, in which those of each `Normalization` that was given none are of these rows.

    `only_missing`: of those that have none yet.
    """
    statistics, (mean, scale) = network.get_statistics(), _mean_and_scale(X, weight, network.dtype)
    with np.errstate(over="ignore", under="ignore"):
        found = mean.astype(network.dtype), np.square(scale).astype(network.dtype)
    for number, blocks in normalizations(network.program):
        if blocks[0].given is None and (layer_of(blocks[0]) in network.unadapted or not only_missing):
            columns = np.array(batch_columns(network.program.rows, number))
            _check(columns, found[1], scale, names)
            for block, values in zip(blocks, found, strict=True):
                block.of(statistics)[:] = values[columns]
    return statistics


def _mean_and_scale(X: Any, weight: Array | None, dtype: np.dtype) -> tuple[Array, Array]:
    """Return what `nncore.datasets.Standardizer` would learn of rows in `dtype`: in float64, without a copy of them."""
    from nncore.datasets.moments import ROUNDING, moments  # here, not at the top, to keep `import nncore` quick

    found = moments(lambda: _parts(X, weight, dtype))
    if found is None:
        raise ValueError("sample_weight is zero for every row to train on: there is nothing to adapt to")
    return found.mean, found.scale(ROUNDING.get(dtype.name, 0.0))


def _parts(X: Any, weight: Array | None, dtype: np.dtype) -> Iterator[tuple[Array, Array | None]]:
    step = max(1, VALUES // X.shape[1])
    if isinstance(X, np.ndarray):
        of_rows = ((slice(k, k + step), X[k : k + step]) for k in range(0, len(X), step))
    else:
        of_rows = streaming.parts(X, VALUES)
    for place, rows in of_rows:
        yield rows.astype(dtype, copy=False), None if weight is None else weight[place]


def _check(columns: Array, variance: Array, scale: Array, names: Names) -> None:
    """Raise ValueError if the square of one of the columns is not what the model's numbers can hold."""
    lost = columns[~((variance >= np.finfo(variance.dtype).tiny) & np.isfinite(variance))[columns]]
    if len(lost):
        column = int(lost[0])
        name = column if names is None else f"{column} ({names[column]!r})"
        other = ", or take dtype='float64'" if variance.dtype == np.float32 else ""
        raise ValueError(
            f"column {name} of X has a standard deviation of {scale[column]:g}, whose square {variance.dtype} cannot "
            f"hold: give it in another unit{other}"
        )
