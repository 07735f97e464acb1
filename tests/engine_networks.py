"""Networks, data and parameters that the tests of the plan share."""

import numpy as np

from nncore.layers import Activation, Dense
from nncore.program import lower

HEADS = {
    "sparse_categorical_crossentropy": "softmax",
    "categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
}


def network(sizes, activation="tanh", loss="sparse_categorical_crossentropy"):
    """A Dense chain with the head that suits the loss."""
    hidden = [Dense(units, activation) for units in sizes[1:-1]]
    return lower([*hidden, Dense(sizes[-1], HEADS.get(loss, "identity"))], sizes[0], loss)


def mixed_network(loss="mse", n_outputs=3):
    """Every kind of row: fused and separate activations, one that keeps its input, softmax in the middle, no bias."""
    layers = [
        Activation("tanh"),
        Dense(19, "gelu"),
        Activation("leaky_relu", negative_slope=0.2),
        Dense(6, "softmax"),
        Dense(33, use_bias=False),
        Activation("silu"),
        Activation("elu", alpha=0.5),
        Dense(n_outputs, HEADS.get(loss, "identity")),
    ]
    return lower(layers, 5, loss)


def parameters(program, dtype, scale=0.5, seed=0):
    return (scale * np.random.default_rng(seed).standard_normal(program.n_parameters)).astype(dtype)


def data(program, n, dtype, seed=1):
    """Return X and a target of the kind that the program's loss reads."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, program.n_features)).astype(dtype)
    if program.loss == "sparse_softmax_crossentropy":
        return X, rng.integers(program.n_outputs, size=n).astype(np.int32)
    draw = rng.random if "crossentropy" in program.loss else rng.standard_normal
    target = draw((n, program.n_outputs))
    if program.loss == "softmax_crossentropy":
        target /= target.sum(axis=1, keepdims=True)
    return X, target.astype(dtype)


def make_plan(module, program, optimizer=None, **options):
    plan = module.Plan(program)
    plan.set_parameters(parameters(program, module.DTYPE, **options))
    if optimizer is not None:
        plan.set_optimizer(optimizer)
    return plan


def read(plan):
    out = np.empty(plan.program.n_parameters, plan_dtype(plan))
    plan.get_parameters(out)
    return out


def plan_dtype(plan):
    import sys

    return sys.modules[type(plan).__module__].DTYPE


def state(plan):
    """Everything that training changes, as bytes."""
    slots = np.empty((plan.n_slots, plan.program.n_parameters), plan_dtype(plan))
    plan.get_slots(slots)
    return read(plan).tobytes() + slots.tobytes() + str(plan.iterations).encode()
