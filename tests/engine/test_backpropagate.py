"""The way back from given derivatives, without a loss."""

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import LAYERED, data, layered_network, make_plan, mixed_network, parameters

PROGRAMS = {name: layered_network(name) for name in LAYERED} | {"mixed": mixed_network()}
APART = {
    name: program
    for name, program in PROGRAMS.items()
    if name != "activity"
    and not {"batchnorm", "dropout", "noise"} & {row.op for row in program.rows}
    and program.rows[-1].op == "dense"
}
"""Those whose rows of data do not depend on each other; they end with a layer whose raw predictions the loss reads."""


@pytest.mark.parametrize("name", APART)
def test_what_the_loss_sends_back_goes_the_same_way(variant, name):
    program = APART[name]
    plan = make_plan(variant, program)
    X, target = data(program, 100, variant.DTYPE)
    gradient = np.empty(program.n_parameters, variant.DTYPE)
    _, values, deltas = plan.explain(X, target, None, gradient)
    dy = deltas[-1]
    found, passed = plan.backpropagate(X, np.stack([dy, -2 * dy]))
    for i in range(len(program.rows)):
        assert found[i].tobytes() == values[i].tobytes()
        assert (passed[i] is None) == (deltas[i] is None)
        if deltas[i] is not None:
            assert passed[i][0].tobytes() == deltas[i].tobytes()
            assert np.array_equal(passed[i][1], -2 * deltas[i])


def test_bits_do_not_depend_on_threads_or_instruction_sets(threads):
    program, found = mixed_network(), {"float32": set(), "float64": set()}
    for module in FUSED.values():
        for n_threads in (1, 2):
            threads(n_threads)
            X, dy = data(program, 7000, module.DTYPE)
            plan = make_plan(module, program)
            values, deltas = plan.backpropagate(X, dy[None])
            assert plan.threads_used == n_threads
            found[module.DTYPE.name].add(b"".join(a.tobytes() for a in [*values, *deltas] if a is not None))
    assert [len(bits) for bits in found.values()] == [1, 1]


@pytest.mark.parametrize("name", ["batch norm", "dropout"])
def test_rows_that_depend_on_each_other_are_refused(variant, name):
    program = PROGRAMS[name]
    plan = make_plan(variant, program)
    X = data(program, 5, variant.DTYPE)[0]
    with pytest.raises(ValueError, match="rows of a batch depend on each other by batchnorm, and on chance by dropout"):
        plan.backpropagate(X, np.ones((1, 5, program.n_outputs), variant.DTYPE))


BAD = [
    ((1, 4, 3), "dys has 4 rows, X has 5"),
    ((1, 5, 2), "dys has 2 columns, the network has 3 outputs"),
    ((0, 5, 3), "dys is empty"),
]


@pytest.mark.parametrize(("shape", "message"), BAD)
def test_shapes_are_checked(variant, shape, message):
    program = mixed_network()
    plan, weights = make_plan(variant, program), parameters(program, variant.DTYPE)
    X = data(program, 5, variant.DTYPE)[0]
    with pytest.raises(ValueError, match=message):
        plan.backpropagate(X, np.ones(shape, variant.DTYPE))
    assert plan.set_parameters(weights) is False, "the plan is free again"
