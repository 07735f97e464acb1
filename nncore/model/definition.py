"""Saying what is trained: layers one by one, the loss, the optimizer, the metrics, and the first weights."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nncore import optimizers
from nncore.base import checks
from nncore.base.names import did_you_mean
from nncore.base.own_loss import Answers
from nncore.base.source import Source
from nncore.layers import LAYERS, Layer
from nncore.losses import Loss
from nncore.metrics import Metric
from nncore.network import Network
from nncore.optimizers import Optimizer
from nncore.program import MIXED_BFLOAT16, Program, check_output, lower
from nncore.training.batches import MiniBatches, Shuffle
from nncore.training.loop import Strategy
from nncore.training.outputs import bound, checked_metrics, chosen_loss
from nncore.training.state import State, loss_of, new_network, program_for

if TYPE_CHECKING:
    from nncore.solvers import LBFGS, LM

DTYPES = (np.dtype("float32"), np.dtype("float64"))
POLICIES = (*(dtype.name for dtype in DTYPES), MIXED_BFLOAT16)
"""What a model may compute in, by name."""
SEED = checks.integer(0, 2**64 - 1)

Losses = str | Loss | Answers | Sequence[Any] | Mapping[str, Any] | None
Metrics = str | Metric | Iterable[Any] | Mapping[str, Any] | None
Weights = Sequence[float] | Mapping[str, float] | None
"""What ``compile`` takes: of several outputs with a loss each, one for each, in a list or by the name of the output."""


def new_state(seed: int | None, dtype: Any, name: str | None) -> State:
    """Return the state of a new model without layers; see `Sequential`."""
    seed = drawn_seed() if seed is None else SEED("seed", seed)
    found, precision = parted(dtype)
    return State((), seed, found, checked_name(name), precision=precision)


def parted(dtype: Any) -> tuple[np.dtype, str | None]:
    """Return the dtype of a model's numbers, and the precision of its products where it is another.

    Examples
    --------
    >>> parted("mixed_bfloat16")
    (dtype('float32'), 'mixed_bfloat16')
    """
    mixed = isinstance(dtype, str) and dtype == MIXED_BFLOAT16
    return checked_dtype("float32" if mixed else dtype), MIXED_BFLOAT16 if mixed else None


def drawn_seed() -> int:
    """Return a seed that nobody chose, below 2**53, so that the builder's page can show it exactly."""
    return int.from_bytes(os.urandom(8), "little") >> 11


def checked_dtype(dtype: Any) -> np.dtype:
    """Return the dtype to compute in."""
    if dtype is not None:  # which NumPy takes for float64
        for known in DTYPES:
            try:
                if np.dtype(dtype) == known:
                    return known
            except TypeError:
                break
    word = str(dtype).rpartition(".")[2]  # "bfloat16" of torch.bfloat16, "float16'>" of numpy.float16
    mend = did_you_mean(word, POLICIES)
    raise ValueError(f"dtype must be 'float32', 'float64' or 'mixed_bfloat16', got {dtype!r}{mend}")


def checked_name(name: Any) -> str | None:
    """Return the name of a model."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a str or None, got {checks.described(name)}")
    return name


def iterable(layers: Any) -> Iterable[Any]:
    """Return `layers`; none for None."""
    if layers is None:
        return ()
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a list of layers, got {checks.described(layers)}")
    return layers


def add(state: State, layer: Layer) -> None:
    """Append a layer; see ``Sequential.add``."""
    checks.exact(f"layers[{len(state.layers)}]", layer, LAYERS)
    with state.turn.changing():
        if state.network is not None:
            raise RuntimeError(
                f"cannot add {layer}: the model is built already; use insert, which keeps what still fits"
            )
        state.layers = (*state.layers, layer)


def build(state: State, n_features: int) -> None:
    """Create the weights; see ``Sequential.build``."""
    with state.turn.changing():
        if state.network is None:
            state.network = new_network(state, program_for(state, n_features))
        elif n_features != (expected := state.network.program.n_features):
            raise ValueError(f"n_features is {n_features}, but the model is built for {expected}")


def compile_model(
    state: State,
    optimizer: str | Optimizer,
    loss: Losses,
    metrics: Metrics,
    keep_state: bool = False,
    loss_weights: Weights = None,
) -> None:
    """Choose how to train; see ``Sequential.compile``."""
    new_optimizer = optimizers.get(optimizer)
    checks.flag("keep_state", keep_state)
    with state.turn.changing():
        new_loss = chosen_loss(state.layers, loss, loss_weights)
        new_metrics = checked_metrics(metrics, state.layers, new_loss)
        if state.layers or new_loss:
            effective = loss_of(state.layers, new_loss)
            check_output(state.layers, effective)
            bound(new_metrics, state.layers, effective)
            if state.network is not None:
                program = lower(state.layers, state.network.program.n_features, effective, state.precision)
                state.network = _recompiled(state.network, program, new_optimizer)
                if not keep_state:
                    state.network.reset_optimizer()
        state.optimizer, state.loss, state.metrics = new_optimizer, new_loss, new_metrics


def given(X: Any, y: Any, sample_weight: Any, solver: Any = None, method: str = "fit") -> tuple[Any, Any, Any]:
    """Return what was given; a TypeError, as Python's, for arrays without y: sources bring theirs.

    Raises
    ------
    TypeError, ValueError
        Also for a source if there is a `solver`.
    """
    if solver is not None and isinstance(X, Source):
        raise ValueError(f"solver={solver!r} needs all rows at once: train without it, or give arrays")
    if y is None and not isinstance(X, Source):
        batches = "; rows that come one batch after the other are given as nncore.data.Batches(make), where make() "
        mend = f"{batches}returns a new iterator over them" if isinstance(X, Iterator) else ""
        raise TypeError(f"Sequential.{method}() missing 1 required positional argument: 'y'{mend}")
    return X, y, sample_weight


def strategy(
    solver: str | LBFGS | LM | None, batch_size: int | None, shuffle: Shuffle, steps: int | None = None
) -> Strategy:
    """Return the way to train that ``Sequential.fit`` was asked for."""
    if solver is not None and steps is not None:
        raise ValueError(f"solver={solver!r} uses all rows at once: leave steps_per_epoch={steps!r} out")
    if steps is not None:
        from nncore.training.stepwise import InSteps  # here, not at the top, to keep `import nncore` quick

        return InSteps(batch_size, shuffle, steps)
    if solver is None:
        return MiniBatches(batch_size, shuffle)
    from nncore.solvers.strategy import Solving  # here, not at the top, to keep `import nncore` quick

    return Solving(solver, batch_size, shuffle)


def _recompiled(network: Network, program: Program, optimizer: Optimizer) -> Network:
    if program != network.program:
        return network.with_program(program, optimizer)
    network.optimizer = optimizer
    return network


def set_optimizer(state: State, optimizer: str | Optimizer) -> None:
    """Change the update rule; its state goes on. See ``Sequential.optimizer``."""
    new = optimizers.get(optimizer)
    with state.turn.using():
        if state.network is not None:
            state.network.optimizer = new
        state.optimizer = new
