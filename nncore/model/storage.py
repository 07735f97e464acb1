"""The state of a model as plain data: for files, pickles and copies."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nncore.base.typing import Array
from nncore.metrics import METRICS, OfClasses, Weighted, name_of
from nncore.model.definition import add, compile_model, new_state
from nncore.network import Network
from nncore.training.state import State, built, current_loss, loss_of, output_names, program_for

if TYPE_CHECKING:
    from nncore.model.checkpoint import Snapshot


def kept_metrics(metrics: Iterable[Any]) -> tuple[Any, ...]:
    """Return the names of those metrics that a name says all of: functions are left out. Of several outputs, by output.

    Examples
    --------
    >>> from nncore.metrics import F1, accuracy
    >>> kept_metrics(["acc", F1("macro"), F1(zero_division=1), accuracy])
    ('acc', 'f1_macro')
    """
    metrics = tuple(metrics)
    if any(isinstance(of_output, tuple) for of_output in metrics):
        return tuple(map(kept_metrics, metrics))
    named = ((name_of(metric), metric) for metric in metrics if isinstance(metric, (str, OfClasses, Weighted)))
    return tuple(name for name, metric in named if metric in (name, METRICS.get(name)))


def snapshot(state: State, metadata: Mapping[str, str]) -> Snapshot:
    """Return what a file holds: everything but the history and metrics that are functions of the user.

    Raises
    ------
    NotBuiltError
        If there are no weights yet.
    """
    from nncore.model.checkpoint import Snapshot  # here, not at the top: pickles do without

    with state.turn.using():  # so that it is of one moment
        network = built(state)
        parameters, statistics, slots, iterations = network.state()
        return Snapshot(
            layers=state.layers,
            n_features=network.program.n_features,
            loss=current_loss(state),
            loss_is_inferred=state.loss is None,
            optimizer=state.optimizer,
            metrics=kept_metrics(state.metrics),
            seed=state.seed,
            epoch=state.epoch,
            iterations=iterations,
            name=state.name,
            metadata=dict(metadata),
            parameters=parameters,
            statistics=statistics,
            slots=slots,
            drawn=state.drawn,
            feature_names=state.feature_names,
            output_names=output_names(state, network.program),
            precision=state.precision,
        )


def restored(kept: Snapshot) -> State:
    """Return the state that `snapshot` described."""
    state = new_state(kept.seed, kept.precision or kept.parameters.dtype, kept.name)
    for layer in kept.layers:
        add(state, layer)
    # A later version may infer another loss.
    inferred = kept.loss_is_inferred and kept.loss == loss_of(kept.layers, None)
    compile_model(state, kept.optimizer, None if inferred else kept.loss, kept.metrics)
    state.network = _network(state, kept.n_features, kept.parameters, kept.statistics, kept.slots, kept.iterations)
    state.epoch, state.metadata, state.drawn = kept.epoch, dict(kept.metadata), kept.drawn
    state.feature_names, state.output_names = kept.feature_names, kept.output_names
    return state


WERE_PUBLIC = ("history", "metadata")
OLD_NAMES = {field: field if field in WERE_PUBLIC else f"_{field}" for field in State.__dataclass_fields__}
"""What the fields of a `State` were called in pickles while they were attributes of the model."""


def pickled(state: State) -> dict[str, Any]:
    """Return copies of all fields by name; of the network, its numbers."""
    with state.turn.using():
        network = state.network
        kept = vars(state) | {
            "network": None if network is None else (network.program.n_features, *network.state()),
            "history": copy.deepcopy(state.history),
            "metadata": dict(state.metadata),
        }
    del kept["turn"]  # a copy has its own
    if state.precision is None:  # so that versions that know of none can read it
        del kept["precision"]
    return kept


def unpickled(kept: Mapping[str, Any]) -> State:
    """Return the state that `pickled` described."""
    state = State(**{**kept, "network": None})
    if kept["network"] is not None:
        state.network = _network(state, *kept["network"])
    return state


def from_old_pickle(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a model from a pickle of the time when the state was spread over them."""
    kept = {field: attributes[name] for field, name in OLD_NAMES.items() if name in attributes}
    own = {name: value for name, value in attributes.items() if name not in {*OLD_NAMES.values(), "_scorers"}}
    return {**own, "_state": kept}


def _network(
    state: State, n_features: int, parameters: Array, statistics: Array, slots: Array, iterations: int
) -> Network:
    network = Network(program_for(state, n_features), parameters, state.optimizer, state.turn)
    network.set_statistics(statistics)
    network.set_optimizer_state(slots, iterations)
    return network
