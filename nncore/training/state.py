"""What is trained: the plain fields of a model, and what follows from them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nncore import losses
from nncore.arrays import Data, data_for, inputs, split_validation
from nncore.arrays.order import classes_of, said_of_split
from nncore.arrays.several import names_of_heads
from nncore.arrays.targets import refuse_unmeasured
from nncore.base import callers, checks
from nncore.base.source import Source
from nncore.base.tables import column_names, known_names
from nncore.errors import NotBuiltError
from nncore.history import History
from nncore.layers import Layer
from nncore.losses import Loss
from nncore.metrics import Metric
from nncore.network import Network, Turn, initial_parameters
from nncore.optimizers import Adam, Optimizer
from nncore.program import Program, last_activation, lower, refuse_absurd_size
from nncore.training import streaming
from nncore.training.outputs import bound
from nncore.training.scoring import Scorers

SHUFFLE = (
    "shuffle the rows of X and y together before, or use nncore.datasets.train_test_split(X, y{}) and validation_data"
)

Names = tuple[str, ...] | None


@dataclass(eq=False, repr=False)  # every method that dataclass writes costs import time
class State:
    """Everything that a `Sequential` is; what the functions behind its methods read and change.

    Attributes
    ----------
    layers : tuple of Layer
    seed : int
    dtype : numpy.dtype
    name : str or None
    loss : Loss or None
        The one given to ``compile``; None for the one that suits the last layer, see `current_loss`.
    optimizer : Optimizer
    metrics : tuple of str and functions
        As given to ``compile``; of several outputs with a loss each, a tuple for each.
    network : Network or None
        Program, weights and optimizer state; None until the model is built.
    epoch : int
        Epochs trained so far.
    history : History
        Of all of them.
    metadata : dict of str to str
        The user's notes.
    drawn : int
        For how many layers first values have been drawn, those that are gone included; 0 where layers were never
        changed, and these are all. See ``nncore.model.surgery``.
    feature_names : tuple of str, or None
        What the columns are called in the table that the model was trained on first; None if all were arrays.
    output_names : tuple of str, or None
        The same of the targets, if there are several columns of them.
    turn : Turn
        Who may use and change all this; the network has it, too.
    precision : "mixed_bfloat16" or None
        Of the products, where it is not `dtype`.
    """

    layers: tuple[Layer, ...]
    seed: int
    dtype: np.dtype
    name: str | None = None
    loss: Loss | None = None
    optimizer: Optimizer = field(default_factory=Adam)
    metrics: tuple[str | Metric, ...] = ()
    network: Network | None = None
    epoch: int = 0
    history: History = field(default_factory=History)
    metadata: dict[str, str] = field(default_factory=dict)
    drawn: int = 0
    feature_names: Names = None
    output_names: Names = None
    turn: Turn = field(default_factory=Turn)
    precision: str | None = None


def dtype_policy(state: State) -> str:
    """Return what the model computes in, as `Sequential` was given it."""
    return state.precision or state.dtype.name


def loss_of(layers: Sequence[Layer], given: Loss | None) -> Loss:
    """Return the loss that is minimised: the one given, else the one that suits the last layer."""
    return losses.infer_loss(last_activation(layers)) if given is None else given


def current_loss(state: State) -> Loss:
    """Return the model's `loss_of` layers and ``compile``."""
    return loss_of(state.layers, state.loss)


def scorers(state: State, program: Program | None = None) -> Scorers:
    """Return the metrics as functions of (target, prediction), by name; `program`: of a model that is not built yet."""
    if program is None and state.network is not None:
        program = state.network.program
    return bound(state.metrics, state.layers, current_loss(state), () if program is None else program.heads)


def built(state: State) -> Network:
    """Return the network.

    Raises
    ------
    NotBuiltError
        If there is none yet.
    """
    if state.network is None:
        raise NotBuiltError("the model has no weights yet: call fit(X, y) or build(n_features) first")
    return state.network


def converted(
    program: Program,
    state: State,
    X: Any,
    y: Any,
    sample_weight: ArrayLike | None,
    names: tuple[Names, Names] | None = None,
    sources: bool = False,
) -> Data:
    """Check and convert what a network of this program is to be trained or scored on; columns by the model's names.

    `sources`: whether the caller can do with an X that is `Streamed`, or of `nncore.arrays.inputs.NARROW`.
    """
    features, outputs = names or (state.feature_names, output_names(state, program))
    if sources and isinstance(X, Source):
        known = state.dtype, program.n_features, features, lambda n_features: program
        found = streaming.looked_through(X, y, sample_weight, *known)
        return data_for(program, state.dtype, *found, outputs)
    array = inputs.features(X, state.dtype, program.n_features, features, narrow=sources)
    return data_for(program, state.dtype, array, y, sample_weight, outputs, features or column_names(X))


def checked_data(
    state: State, X: Any, y: Any, sample_weight: ArrayLike | None, sources: bool = False
) -> tuple[Data, Program]:
    """Check and convert what is to be trained on, as `converted`; also return the program: there may be none yet."""
    if state.network is not None:
        program = state.network.program
        return converted(program, state, X, y, sample_weight, sources=sources), program
    if sources and isinstance(X, Source):
        known = state.dtype, None, state.feature_names, partial(program_for, state)
        array, y, sample_weight = streaming.looked_through(X, y, sample_weight, *known)
    else:
        array = inputs.features(X, state.dtype, None, state.feature_names, narrow=sources)
    program = program_for(state, array.shape[1])
    features = state.feature_names or column_names(X)
    return data_for(program, state.dtype, array, y, sample_weight, features=features), program


def names_for(state: State, program: Program, X: Any, y: Any) -> tuple[Names, Names]:
    """Return what features and outputs are called once the model is trained on these."""
    known = output_names(state, program)
    y = X.named_y if isinstance(X, Source) else y
    outputs = names_of_heads(known, y, program.heads) if program.heads else known_names(known, y, "y", 2)
    return known_names(state.feature_names, X), outputs


def output_names(state: State, program: Program) -> Names:
    """Return what the targets are called; nothing once the last layer has been replaced by a wider or narrower one."""
    names = state.output_names
    return names if names is not None and len(names) == program.n_targets else None


class Prepared(NamedTuple):
    """What a model is to be trained on, checked and converted.

    Attributes
    ----------
    data : Data
    validation : Data or None
    program : Program
        That of the model's layers for these data.
    names : tuple
        What features and outputs are called once the model is trained on them: see `names_for`.
    seen : tuple of callables, or None
        What `nncore.arrays.facts.sampled` returns of these data, where that is known already.
    """

    data: Data
    validation: Data | None
    program: Program
    names: tuple[Names, Names]
    seen: tuple[Callable[[], dict[str, Any]], Callable[[], dict[str, Any]]] | None = None


def with_measured(prepared: Prepared) -> Prepared:
    """Return what was given; ValueError if the targets of all rows to train or to validate on are missing."""
    if prepared.program.masks:
        refuse_unmeasured(prepared.data.target, "y")
        if prepared.validation is not None:
            refuse_unmeasured(prepared.validation.target, "y of the rows to validate on")
    return prepared


def training_data(state: State, data: tuple[Any, Any, Any], validation_data: Any, validation_split: float) -> Prepared:
    """Check and convert what to train on and what to validate on, given as to ``Sequential.fit``."""
    split = checks.real(0, 1, below=True)("validation_split", validation_split)
    if split and validation_data is not None:
        raise ValueError(f"give validation_data or validation_split={split:g}, not both")
    train, program = checked_data(state, *data, sources=True)
    names = names_for(state, program, *data[:2])
    validation: Data | None
    if split:
        train, validation = split_validation(train, split)
        if said := said_of_split(train.target, validation.target, program.loss):
            shuffle = SHUFFLE.format("" if classes_of(train.target, program.loss) is None else ", stratify=True")
            warnings.warn(f"validation_split={split:g}: {said}; {shuffle}", UserWarning, stacklevel=callers.level())
        return with_measured(Prepared(train, validation, program, names))
    validation = None if validation_data is None else _validation(validation_data, program, state, names)
    return with_measured(Prepared(train, validation, program, names))


def _validation(validation_data: Any, program: Program, state: State, names: tuple[Names, Names]) -> Data:
    if isinstance(validation_data, Source):
        validation_data = validation_data, None
    expected = "validation_data must be (X, y) or (X, y, sample_weight)"
    if not isinstance(validation_data, (tuple, list)):
        raise ValueError(f"{expected}, got {checks.described(validation_data)}")
    if len(validation_data) not in (2, 3):
        raise ValueError(f"{expected}, got a {type(validation_data).__name__} of {len(validation_data)}")
    X, y, *weight = validation_data
    try:
        return converted(program, state, X, y, weight[0] if weight else None, names, True)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error


def program_for(state: State, n_features: int) -> Program:
    """Return the program of the layers for so many features."""
    return lower(state.layers, n_features, current_loss(state), state.precision)


def new_network(state: State, program: Program) -> Network:
    """Return a network with the first weights of the model's seed."""
    refuse_absurd_size(program, state.dtype.itemsize, state.optimizer.n_slots)
    return Network(program, initial_parameters(program, state.seed, state.dtype), state.optimizer, state.turn)
