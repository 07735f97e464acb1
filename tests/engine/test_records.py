"""Records of the layers: figures of the gradients, weights and outputs that NumPy finds in the same step."""

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import LAYERED, data, layered_network, make_plan, network, parameters, read, state

from nncore import SGD, Adam, reference
from nncore.history.layers import FIELDS
from nncore.layers import Dense
from nncore.program import lower

RATE = 0.05


def recorded(plan, program, n=40, batch_size=16, epochs=3, of=(0, 2), **options):
    X, target = data(program, n, options.pop("dtype"))
    return plan.train(X, target, None, epochs=epochs, batch_size=batch_size, recorded=np.array(of), **options)


def field(record, name):
    return record[FIELDS.index(name)]


def test_figures_of_one_step(variant):
    program = lower([Dense(20, "tanh"), Dense(7, "relu"), Dense(3)], 6, "mse")
    weights = parameters(program, variant.DTYPE)
    plan = make_plan(variant, program, SGD(RATE))
    X, target = data(program, 30, variant.DTYPE)
    records = plan.train(X, target, None, batch_size=30, shuffle=False, recorded=np.array([0])).records[0]
    exact = weights.astype(np.float64)
    _, gradient = reference.loss_and_gradient(program, exact, X.astype(np.float64), target)
    tape, after = reference.tape(program, exact, X.astype(np.float64)), read(plan).astype(np.float64)
    for i, row in enumerate(program.rows):
        size = row.n_in * row.n_out
        whole, weight = slice(row.weight, row.weight + size + row.n_out), slice(row.weight, row.weight + size)
        y = tape[i][2]
        expected = {
            "gradient_norm": np.linalg.norm(gradient[whole]),
            "update_ratio": RATE * np.linalg.norm(gradient[weight]) / np.linalg.norm(exact[weight]),
            "weight_mean": after[weight].mean(),
            "weight_std": after[weight].std(),
            "weight_min": after[weight].min(),
            "weight_max": after[weight].max(),
            "activation_mean": y.mean(),
            "activation_std": y.std(),
            "dead": (y == 0).all(axis=0).mean() if row.activation == "relu" else np.nan,
            "saturated": (1 - y**2 < 0.05).mean() if row.activation == "tanh" else np.nan,
        }
        np.testing.assert_allclose(records[i, : len(FIELDS)], list(expected.values()), rtol=2e-4, atol=1e-6)
        assert records[i, len(FIELDS) :].tolist() == np.histogram(after[weight], 32)[0].tolist()


def test_dead_units_and_saturated_outputs(variant):
    program = lower([Dense(4, "relu"), Dense(5, "sigmoid"), Dense(1)], 2, "mse")
    plan = make_plan(variant, program, SGD(0.0))
    weights = np.zeros(program.n_parameters, variant.DTYPE)
    weights[program.parameters[1].offset :][:4] = [-1, 1, -1, 1]  # biases of the relu layer: two of four units are dead
    weights[program.parameters[3].offset :][:5] = [9, 0, -9, 0, 0]  # two of five sigmoids are saturated
    plan.set_parameters(weights)
    X, target = np.zeros((8, 2), variant.DTYPE), np.zeros((8, 1), variant.DTYPE)
    records = plan.train(X, target, None, batch_size=8, recorded=np.array([0])).records[0]
    assert field(records[0], "dead") == 0.5
    assert field(records[1], "saturated") == 0.4
    assert np.isnan(field(records[1], "dead"))
    assert np.isnan(field(records[0], "saturated"))
    assert field(records[0], "gradient_norm") == 0
    assert np.isnan(field(records[0], "update_ratio"))  # of a weight that is zero


@pytest.mark.parametrize(
    ("activation", "sums", "share"),
    [
        ("tanh", [2.1, -2.3, 0.0, 2.3], 0.5),
        ("hard_tanh", [1.0, -7.0, 0.99, 0.0], 0.5),
        ("hard_sigmoid", [3.0, -3.0, -9.0, 2.99], 0.75),
        ("softsign", [3.4, 3.5, -3.5, 0.0], 0.5),  # the slope is (1 + |x|)^-2
    ],
)
def test_what_saturates_where_its_slope_is_small(variant, activation, sums, share):
    program = lower([Dense(4, activation), Dense(1)], 2, "mse")
    plan, weights = make_plan(variant, program, SGD(0.0)), np.zeros(program.n_parameters, variant.DTYPE)
    weights[program.parameters[1].offset :][:4] = sums
    plan.set_parameters(weights)
    nothing = np.zeros((8, 2), variant.DTYPE), np.zeros((8, 1), variant.DTYPE)
    records = plan.train(*nothing, None, batch_size=8, recorded=np.array([0])).records[0]
    assert field(records[0], "saturated") == share


@pytest.mark.parametrize("name", LAYERED)
def test_recording_changes_nothing(variant, name):
    program, states = layered_network(name), set()
    for of in ([], [0, 1, 2]):
        plan = make_plan(variant, program, Adam(0.01, clip_norm=0.5))
        result = recorded(plan, program, of=np.array(of, np.int64), dtype=variant.DTYPE)
        states.add(state(plan) + result.losses.tobytes())
        assert result.records.shape == (len(of), len(program.rows), len(FIELDS) + 32)
    assert len(states) == 1


def test_segments_depend_on_the_threads_and_records_do_not(fused_variant, threads):
    """A batch of more rows than a segment: outputs are those of its first rows."""
    program = network([784, 64, 5], "relu")
    for n in (1030, 3000):
        bits = set()
        for n_threads in (1, 2, 3):
            threads(n_threads)
            plan = make_plan(fused_variant, program, Adam(0.01), scale=0.1)
            result = recorded(plan, program, n=n, batch_size=n, of=(0, 1), epochs=2, dtype=fused_variant.DTYPE)
            bits.add(result.records.tobytes() + state(plan))
            assert plan.threads_used == n_threads
        assert len(bits) == 1


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instruction_sets_and_threads_record_the_same_bits(dtype, threads):
    for program in (layered_network("residual of everything"), network([30, 90, 70, 5], "relu")):
        bits = set()
        for n_threads in (1, 3):
            threads(n_threads)
            for module in (module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype):
                plan = make_plan(module, program, Adam(0.01, clip_value=0.1))
                bits.add(recorded(plan, program, n=700, batch_size=300, dtype=module.DTYPE).records.tobytes())
        assert len(bits) == 1


def test_the_gradient_is_recorded_as_it_was_before_clipping(variant):
    program, norms = network([5, 8, 3]), []
    for optimizer in (SGD(0.0), SGD(0.0, clip_norm=1e-3)):
        plan = make_plan(variant, program, optimizer)
        norms.append(recorded(plan, program, dtype=variant.DTYPE).records[..., FIELDS.index("gradient_norm")])
    np.testing.assert_allclose(norms[1], norms[0], rtol=1e-5)


def test_epochs_that_diverged_are_not_recorded(variant):
    program = network([5, 8, 3], loss="mse")
    X, target = data(program, 40, variant.DTYPE)
    target[5] = np.inf
    plan = make_plan(variant, program, SGD(0.1))
    result = plan.train(X, target, None, epochs=2, batch_size=10, recorded=np.array([0, 1]))
    assert result.diverged
    assert len(result.recorded) == len(result.records) == 0
