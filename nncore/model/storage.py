"""The state of a model as plain data: for files, pickles and copies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nncore import losses
from nncore.base.typing import Array
from nncore.history import History
from nncore.model.definition import compile_model, new_state
from nncore.network import Network
from nncore.program import last_activation
from nncore.training.state import State, built, current_loss, program_for

if TYPE_CHECKING:
    from nncore.model.checkpoint import Snapshot


def snapshot(state: State, metadata: Mapping[str, str]) -> Snapshot:
    """Return what a file holds: everything but the history and metrics that are functions.

    Raises
    ------
    NotBuiltError
        If there are no weights yet.
    """
    from nncore.model.checkpoint import Snapshot  # here, not at the top: pickles do without

    network = built(state)
    parameters, statistics, slots, iterations = network.state()
    return Snapshot(
        layers=state.layers,
        n_features=network.program.n_features,
        loss=current_loss(state),
        loss_is_inferred=state.loss is None,
        optimizer=state.optimizer,
        metrics=tuple(metric for metric in state.metrics if isinstance(metric, str)),
        seed=state.seed,
        epoch=state.epoch,
        iterations=iterations,
        name=state.name,
        metadata=dict(metadata),
        parameters=parameters,
        statistics=statistics,
        slots=slots,
    )


def restored(kept: Snapshot) -> State:
    """Return the state that `snapshot` described."""
    state = new_state(kept.layers, kept.seed, kept.parameters.dtype, kept.name)
    inferred = kept.loss_is_inferred and kept.loss == losses.infer_loss(last_activation(kept.layers))
    compile_model(state, kept.optimizer, None if inferred else kept.loss, kept.metrics)
    state.network = _network(state, kept.n_features, kept.parameters, kept.statistics, kept.slots, kept.iterations)
    state.epoch, state.metadata = kept.epoch, dict(kept.metadata)
    return state


PICKLED = {
    "layers": "_layers",
    "seed": "_seed",
    "dtype": "_dtype",
    "name": "_name",
    "loss": "_loss",
    "optimizer": "_optimizer",
    "metrics": "_metrics",
    "network": "_network",
    "epoch": "_epoch",
    "history": "history",
    "metadata": "metadata",
    "stop_training": "stop_training",
}
"""What the fields of a `State` are called in pickles: as in those of the first version, which so go on loading."""


def pickled(state: State) -> dict[str, Any]:
    """Return copies of all fields by their names in pickles; of the network, its numbers."""
    network = state.network
    own = {
        "network": None if network is None else (network.program.n_features, *network.state()),
        "history": History.from_dict(state.history.to_dict()),
        "metadata": dict(state.metadata),
    }
    return {key: own.get(field, getattr(state, field)) for field, key in PICKLED.items()}


def unpickled(kept: Mapping[str, Any]) -> State:
    """Return the state that `pickled` described."""
    state = State(**{field: kept[key] for field, key in PICKLED.items() if field != "network"})
    numbers = kept[PICKLED["network"]]
    if numbers is not None:
        state.network = _network(state, *numbers)
    return state


def _network(
    state: State, n_features: int, parameters: Array, statistics: Array, slots: Array, iterations: int
) -> Network:
    network = Network(program_for(state, n_features), parameters, state.optimizer)
    network.set_statistics(statistics)
    network.set_optimizer_state(slots, iterations)
    return network
