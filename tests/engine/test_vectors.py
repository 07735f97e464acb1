"""Flat vectors in and out of the plan: taken where a bit differs, and only there."""

import numpy as np
import pytest
from engine_networks import (
    LAYERED,
    RULES,
    data,
    layered_network,
    make_plan,
    mixed_network,
    network,
    parameters,
    read,
)


@pytest.mark.parametrize("name", [*LAYERED, "mixed"])
def test_parameters_are_taken_where_a_bit_differs(variant, name):
    program = mixed_network() if name == "mixed" else layered_network(name)
    plan, flat = make_plan(variant, program), parameters(program, variant.DTYPE)
    assert plan.set_parameters(flat) is False
    for i in range(len(flat)):
        flat[i] = -flat[i]
        assert plan.set_parameters(flat) is True
    assert plan.set_parameters(flat) is False
    assert read(plan).tobytes() == flat.tobytes()


def test_parameters_differ_by_their_bits(variant):
    program = network([3, 5, 2])
    plan, flat = make_plan(variant, program), parameters(program, variant.DTYPE)
    bits = flat.view(np.int32 if variant.DTYPE.itemsize == 4 else np.int64)
    for value in (0.0, -0.0, np.nan, -np.nan, 1.0):
        flat[-1] = value
        assert plan.set_parameters(flat) is True
        assert plan.set_parameters(flat) is False
    flat[0] = np.nan
    plan.set_parameters(flat)
    bits[0] ^= 1
    assert plan.set_parameters(flat) is True
    assert read(plan).tobytes() == flat.tobytes()


SHAPES = [network([5, width, 3], "tanh") for width in (1, 7, 8, 9, 16, 31, 33, 64, 129, 260)]
SHAPES += [layered_network(name) for name in LAYERED] + [mixed_network()]


@pytest.mark.parametrize("program", SHAPES, ids=range(len(SHAPES)))
def test_a_row_is_predicted_by_a_flat_vector_in_the_bits_of_the_plan(variant, program):
    flat = parameters(program, variant.DTYPE, seed=8)
    X = data(program, 3, variant.DTYPE)[0]
    plan, expected = make_plan(variant, program), make_plan(variant, program, seed=8)
    for each in (plan, expected):
        each.set_statistics(np.linspace(0.5, 2, program.n_statistics).astype(variant.DTYPE))
    for i in range(3):
        assert plan.predict_row(X[i : i + 1], flat).tobytes() == expected.predict(X[i : i + 1]).tobytes()
    assert plan.set_parameters(flat) is True, "the weights had not been copied"
    assert plan.predict(X).tobytes() == expected.predict(X).tobytes()
    X[0, -1] = np.nan
    assert plan.predict_row(X[:1], flat) is None
    with pytest.raises(ValueError, match="X must be a single row, got 3"):
        plan.predict_row(X, flat)
    with pytest.raises(ValueError, match="parameters must be a vector of"):
        plan.predict_row(X[:1], flat[1:])


@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_what_training_leaves_is_what_the_plan_hands_out(variant, optimizer):
    program = layered_network("penalties")
    plan = make_plan(variant, program, optimizer, scale=0.1)
    plan.train(*data(program, 40, variant.DTYPE), epochs=2)
    assert plan.set_parameters(read(plan)) is False


def test_the_way_back_uses_the_parameters_set_last(variant):
    program = mixed_network()
    other = parameters(program, variant.DTYPE, seed=5)
    X, target = data(program, 10, variant.DTYPE)
    gradients = []
    for plan in (make_plan(variant, program), variant.Plan(program)):
        gradients.append(np.empty(program.n_parameters, variant.DTYPE))
        plan.predict(X)
        plan.set_parameters(other)
        plan.predict(X)
        plan.loss_and_gradient(X, target, None, gradients[-1])
    assert gradients[0].any() and gradients[0].tobytes() == gradients[1].tobytes()
