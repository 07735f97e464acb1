"""Models that begin anew: what a model is, without what it has learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from nncore import layers, losses, optimizers
from nncore.base import checks
from nncore.base.names import did_you_mean
from nncore.history import History
from nncore.model.definition import SEED, add, compile_model, drawn_seed, new_state
from nncore.model.storage import kept_metrics
from nncore.training.state import State, dtype_policy, new_network, program_for

SAME = "same"
Model = TypeVar("Model")


def _seed(state: State, given: int | str | None) -> int:
    if given is None:
        return drawn_seed()
    if isinstance(given, str):
        if given != SAME:
            raise TypeError(f"seed must be a whole number, None or {SAME!r}, got {given!r}")
        return state.seed
    seed: int = SEED("seed", given)
    return seed


def clone(model: Model, state: State, seed: int | str | None) -> Model:
    """Return another model of the same layers and settings; see ``Sequential.clone``."""
    other = type(model).__new__(type(model))
    with state.turn.using():
        new = State(state.layers, _seed(state, seed), state.dtype, state.name, precision=state.precision)
        new.loss, new.optimizer, new.metrics = state.loss, state.optimizer, state.metrics
        new.metadata = dict(state.metadata)
        if state.network is not None:
            new.network = new_network(new, program_for(new, state.network.program.n_features))
    vars(other).update(vars(model), _state=new, stop_training=False)  # and the attributes of a subclass
    return other


def reset(state: State, seed: int | str | None) -> None:
    """Forget all that was learned; see ``Sequential.reset``."""
    with state.turn.changing():
        before, state.seed = state.seed, _seed(state, seed)
        drawn, state.drawn = state.drawn, 0
        try:
            network = None
            if state.network is not None:
                network = new_network(state, program_for(state, state.network.program.n_features))
        except BaseException:
            state.seed, state.drawn = before, drawn
            raise
        state.network, state.epoch, state.history = network, 0, History()
        state.feature_names = state.output_names = None


def config(state: State) -> dict[str, Any]:
    """Return what a model is as plain data; see ``Sequential.get_config``."""
    return {
        "name": state.name,
        "dtype": dtype_policy(state),
        "seed": state.seed,
        "n_features": None if state.network is None else state.network.program.n_features,
        "layers": [layers.to_dict(layer) for layer in state.layers],
        "optimizer": optimizers.to_dict(state.optimizer),
        "loss": None if state.loss is None else losses.to_dict(state.loss),
        "metrics": [list(of) if isinstance(of, tuple) else of for of in kept_metrics(state.metrics)],
    }


KEYS = ("name", "dtype", "seed", "n_features", "layers", "optimizer", "loss", "metrics")


def from_config(given: Mapping[str, Any]) -> State:
    """Return the state of the model that `config` described, all else by default; see ``Sequential.from_config``."""
    if not isinstance(given, Mapping):
        raise TypeError(f"config must be a dict, as get_config returns it, got {checks.described(given)}")
    for key in given:
        if key not in KEYS:
            raise ValueError(
                f"config has an unknown key {key!r}{did_you_mean(str(key), KEYS)}; known are {', '.join(KEYS)}"
            )
    state = new_state(given.get("seed", 0), given.get("dtype", "float32"), given.get("name"))
    for layer in checks.items("layers", given.get("layers", [])):
        add(state, layers.from_dict(layer))
    optimizer, loss = given.get("optimizer"), given.get("loss")
    compile_model(
        state,
        "adam" if optimizer is None else optimizers.from_dict(optimizer),
        None if loss is None else losses.from_dict(loss),
        given.get("metrics"),
    )
    if given.get("n_features") is not None:
        state.network = new_network(state, program_for(state, given["n_features"]))
    return state
