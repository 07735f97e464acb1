"""What a network gives loops of the user's own: gradients of given derivatives, updates by them, slopes of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore import engine
from nncore.base.typing import Array
from nncore.network.network import Network


def is_checked(network: Network) -> bool:
    """Return whether the derivative of a loss of the user's own is known to be that of its values."""
    with network.turn.lock:
        return bool(network.idle_plan().loss_is_checked)


def note_check(network: Network) -> None:
    """From now on, it is known."""
    with network.turn.lock:
        network.idle_plan().loss_is_checked = True


def backward(network: Network, X: Array, dys: Any, seed: int, training: bool) -> Array | None:
    """Return the gradient (n_parameters,) of ``Plan.backward``; None if the outputs are not finite."""
    gradient = np.empty(network.program.n_parameters, network.dtype)
    network.turn.check()
    with network.turn.lock:
        plan, network.turn.computing = network.ready_plan(), True
        try:
            return gradient if plan.backward(X, dys, gradient, seed, training) else None
        finally:
            network.turn.computing = False


def apply_gradient(network: Network, gradient: Array, rate: float) -> bool:
    """Do one update by a gradient (n_parameters,); return False, and do nothing, if weights would not be finite."""
    network.turn.check()
    with network.turn.lock:
        plan, network.turn.computing = network.idle_plan(), True
        try:
            return bool(plan.apply_gradient(gradient, rate))
        finally:
            network.turn.computing = False
            network.lend_anew()


@engine.own_arithmetic  # a plan rounds what layers are given as float64
def input_gradient(network: Network, X: Array, dys: Array | None) -> Array:
    """Return derivatives (n, 1, n_features), or (n, n_outputs, n_features), of ``Plan.input_gradient``."""
    program, dtype = network.program, network.dtype
    out = np.empty((len(X), program.n_outputs if dys is None else 1, program.n_features), dtype)
    network.turn.check()
    with network.turn.lock:
        network.check_adapted()
        parameters, statistics = network.weights()
        if network.to_inputs is None:
            network.to_inputs = engine.load_for(program, dtype.name).Plan(program, to_inputs=True)
        plan = network.to_inputs
        plan.set_parameters(parameters)
        plan.set_statistics(statistics)
        plan.input_gradient(X, dys, out)
    return out
