"""Derivatives of all outputs by all parameters against the oracle's way back, one row of the data at a time."""

import numpy as np
import pytest
from engine_networks import inputs

from nncore import engine
from nncore.activations import ACTIVATIONS
from nncore.initializers import Constant
from nncore.layers import (
    Activation,
    CategoryEncoding,
    Columns,
    Dense,
    Embedding,
    LayerNorm,
    Parallel,
    PReLU,
    Residual,
    RMSNorm,
)
from nncore.program import lower
from nncore.reference import Training, tape
from nncore.reference.passes import backward
from nncore.solvers.jacobian import OPS, Derivatives, jacobian

PROGRAMS = {
    "dense": [Dense(3)],
    "dense without bias": [Dense(5, "relu", use_bias=False), Dense(2)],
    "activation": [Activation("tanh"), Dense(4), Activation("gelu"), Dense(2), Activation("softmax")],
    "layernorm": [LayerNorm(), Dense(5, "tanh"), LayerNorm(affine=False), Dense(3), LayerNorm(epsilon=0.01)],
    "prelu": [PReLU(), Dense(7, use_bias=False), PReLU(Constant(0.3)), RMSNorm(), Dense(3), RMSNorm(affine=False)],
    "add": [Residual([Dense(7, "silu"), Residual([Dense(7)])]), Residual([LayerNorm(), Dense(7)]), Dense(2)],
    "columns": [Columns([5, 0, 5]), Dense(4, "tanh"), Columns([3, 1, 0, 2]), Dense(2)],
    "concat": [Parallel([[Dense(4, "tanh")], [], [Dense(3)]]), Parallel([[], [Activation("relu")]]), Dense(2)],
    "embedding": [Parallel([[Columns([2]), Embedding(4, 3)], [Columns([0]), CategoryEncoding(2)], []]), Dense(2)],
    "everything": [Dense(9, "relu"), LayerNorm(), Residual([Dense(19, "sigmoid"), Dense(9)]), Dense(4, "tanh")],
}
X = np.random.default_rng(1).normal(size=(60, 6))


def program_of(name):
    return lower(PROGRAMS[name], 6, "mse")


def expected(program, parameters, x):
    """The oracle's gradients (k, p) of the outputs for one row of the data."""
    records = tape(program, parameters, x[None], Training())
    return np.stack([backward(program, parameters, records, Training(), dy[None]) for dy in np.eye(program.n_outputs)])


def agrees_with_the_oracle(program):
    parameters = np.random.default_rng(2).normal(size=program.n_parameters)
    scale, rows = np.linspace(0.5, 2, len(X)), inputs(program, X)
    predictions, derivatives = jacobian(program, parameters, rows, scale)
    np.testing.assert_allclose(predictions, tape(program, parameters, rows)[-1][2], rtol=1e-11, atol=1e-12)
    for i, x in enumerate(rows):
        np.testing.assert_allclose(
            derivatives[:, i], scale[i] * expected(program, parameters, x), rtol=1e-9, atol=1e-10
        )
    assert abs(derivatives).max(axis=(0, 1)).all(), "every parameter counts"


def test_the_programs_have_every_operation():
    assert {row.op for name in PROGRAMS for row in program_of(name).rows} == set(OPS)


@pytest.mark.parametrize("name", PROGRAMS)
def test_derivatives_agree_with_the_oracle(name):
    agrees_with_the_oracle(program_of(name))


@pytest.mark.parametrize("activation", sorted({row.name for row in ACTIVATIONS.values()}))
def test_derivatives_of_every_activation(activation):
    again = [] if activation == "exponential" else [Activation(activation)]  # which would overflow
    agrees_with_the_oracle(lower([Dense(5, activation), *again, Dense(2)], 6, "mse"))


def test_the_bits_do_not_depend_on_threads_or_on_how_the_rows_are_cut(threads):
    program = lower([Dense(40, "tanh"), LayerNorm(), Dense(40, "gelu"), Dense(3)], 6, "mse")
    parameters = np.random.default_rng(3).normal(size=program.n_parameters)
    rows, found = np.random.default_rng(4).normal(size=(1000, 6)), []
    for n_threads in (1, 2):
        threads(n_threads)
        derivatives = Derivatives(program)
        found.append(derivatives.jacobian(parameters, rows, np.ones(1000))[1])
        found.append(np.hstack([derivatives.jacobian(parameters, part, np.ones(500))[1] for part in np.split(rows, 2)]))
    assert derivatives._plan.threads_used == min(2, engine.get_num_threads())
    assert len({array.tobytes() for array in found}) == 1
