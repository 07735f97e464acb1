"""Sums of more terms than a chain of float32 additions can take: against float64, and in the same bits everywhere."""

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import make_plan, network, parameters, read_statistics, state

from nncore import SGD
from nncore.layers import BatchNorm, Dense, LayerNorm, RMSNorm
from nncore.program import lower

MANY = 1_000_003  # neither a multiple of a vector nor of a chain
EDGES = [4095, 4096, 4097, 4608, 9000]  # around NN_LONG and NN_CHAIN of src_c/longsum.h


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_softmax_over_a_million_classes(variant):
    z = np.random.default_rng(0).standard_normal((2, MANY)).astype(variant.DTYPE)
    y = variant.activate("softmax", z, 0.0).astype(np.float64)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(y, softmax(z.astype(np.float64)), rtol=3e-6)


def test_softmax_of_ties(variant):
    """Counts of equal values, and a row whose exponentials are all the same small number: the worst for a chain."""
    z = np.full((2, MANY), 0.1, variant.DTYPE)
    z[1, 5] = 3.0
    np.testing.assert_allclose(variant.activate("softmax", z, 0.0), softmax(z.astype(np.float64)), rtol=2e-6)


@pytest.mark.parametrize("name", ["sparse_softmax_crossentropy", "softmax_crossentropy"])
def test_crossentropy_over_a_million_classes(variant, name):
    z = np.random.default_rng(1).standard_normal((2, MANY)).astype(variant.DTYPE)
    labels, rows = np.array([5, MANY - 1], np.int32), np.arange(2)
    one_hot = np.zeros(z.shape, variant.DTYPE)
    one_hot[rows, labels] = 1
    value, slope = variant.loss(name, z, labels if name.startswith("sparse") else one_hot, 0.0)
    exact = z.astype(np.float64)
    np.testing.assert_allclose(value, np.log(np.exp(exact).sum(axis=1)) - exact[rows, labels], rtol=1e-7)
    eps = np.finfo(variant.DTYPE).eps  # what the slope at the largest is rounded to
    np.testing.assert_allclose(slope, softmax(exact) - one_hot, rtol=3e-6, atol=eps)


@pytest.mark.parametrize("n", EDGES)
def test_a_single_row_has_the_bits_of_many(variant, n):
    program = lower([Dense(n, "softmax")], 3, "sparse_categorical_crossentropy")
    X = np.random.default_rng(2).standard_normal((40, 3)).astype(variant.DTYPE)
    plan = make_plan(variant, program)
    predictor = variant.Predictor(program, parameters(program, variant.DTYPE), np.empty(0, variant.DTYPE), None)
    many = plan.predict(X)
    for x, y in zip(X[:3], many, strict=False):
        assert predictor(x).tobytes() == y.tobytes()
        assert plan.predict(x[None])[0].tobytes() == y.tobytes()


def trained_moments(module, n):
    """The running mean and variance after one batch of n rows, which they forget nothing of."""
    program = lower([BatchNorm(momentum=0.0), Dense(1)], 1, "mse")
    X = np.random.default_rng(3).uniform(0.1, 0.3, (n, 1)).astype(module.DTYPE)
    plan = make_plan(module, program, SGD(1e-9))
    plan.train(X, np.zeros((n, 1), module.DTYPE), None, batch_size=n, shuffle=False)
    return read_statistics(plan), X.astype(np.float64)


def test_moments_of_a_million_rows(variant):
    (mean, variance), X = trained_moments(variant, MANY)
    assert mean == pytest.approx(X.mean(), rel=1e-6)
    assert variance == pytest.approx(X.var(ddof=1), rel=2e-6)


def test_layer_norm_of_a_million_columns(variant):
    program = lower([LayerNorm(), Dense(1)], MANY, "mse")
    X = np.random.default_rng(4).uniform(0.1, 0.3, (1, MANY)).astype(variant.DTYPE)
    plan = make_plan(variant, program)
    flat = np.zeros(program.n_parameters, variant.DTYPE)
    flat[:MANY] = 1  # gamma; beta is 0
    at = program.rows[1].weight
    flat[at] = flat[at + MANY - 1] = 1  # the first column plus the last
    plan.set_parameters(flat)
    exact = X.astype(np.float64)
    hat = (exact - exact.mean()) / np.sqrt(exact.var() + program.rows[0].parameter)
    assert plan.predict(X)[0, 0] == pytest.approx(hat[0, 0] + hat[0, -1], rel=2e-6)


def test_rms_norm_of_a_million_columns(variant):
    program = lower([RMSNorm(affine=False), Dense(1)], MANY, "mse")
    X = np.random.default_rng(4).uniform(0.1, 0.3, (1, MANY)).astype(variant.DTYPE)
    plan, flat = make_plan(variant, program), np.zeros(program.n_parameters, variant.DTYPE)
    flat[0] = flat[MANY - 1] = 1  # the first column plus the last
    plan.set_parameters(flat)
    expected = (X[0, 0] + X[0, -1]) / np.sqrt((X.astype(np.float64) ** 2).mean() + program.rows[0].parameter)
    assert plan.predict(X)[0, 0] == pytest.approx(expected, rel=2e-6)


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instruction_sets_agree_on_long_sums(dtype):
    modules = [module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype]
    rng = np.random.default_rng(5)
    for n in (*EDGES, 70_001):
        z, program = rng.standard_normal((2, n)), lower([LayerNorm(), RMSNorm(), Dense(1)], n, "mse")
        for run in (
            lambda module, z=z: module.activate("softmax", z.astype(dtype), 0.0),
            lambda module, z=z, program=program: make_plan(module, program).predict(z.astype(dtype)),
            lambda module, n=n: np.array(trained_moments(module, n)[0]),
        ):
            assert len({run(module).tobytes() for module in modules}) == 1


def added(sums):
    """In a binary tree: on the left the largest power of two less than their number."""
    half = 1 << (len(sums) - 1).bit_length() >> 1
    return sums[0] if len(sums) == 1 else added(sums[:half]) + added(sums[half:])


def chains(x):
    """The sums down the columns of x: one chain for every 256 rows, added in a tree."""
    return added([np.add.accumulate(x[i : i + 256])[-1] for i in range(0, len(x), 256)])


@pytest.mark.parametrize("n", [2, 255, 256, 257, 513, 4096, 10_001])
def test_moments_of_a_batch_are_chains_in_a_tree(variant, n):
    (mean, _), X = trained_moments(variant, n)
    x, rows = X[:, 0].astype(variant.DTYPE), variant.DTYPE.type(n)
    m = chains(x) / rows
    assert variant.DTYPE.type(mean) == m + chains(x - m) / rows


@pytest.mark.parametrize("name", ["layers", "narrow", "norms"])
def test_gradients_are_sums_in_a_tree_whoever_takes_them(variant, threads, name):
    """The bias' gradient of the last layer is the sum of its deltas: over segments, and group by group on threads."""
    programs = {
        "layers": network([40, 64, 5], "relu", "mse"),
        "narrow": network([3, 8, 5], "tanh", "mse"),
        "norms": lower([Dense(8), LayerNorm(), Dense(5)], 3, "mse"),
    }
    program = programs[name]
    rng = np.random.default_rng(6)
    for n in (1100, 2048, 2304, 7000):
        X = rng.standard_normal((n, program.n_features)).astype(variant.DTYPE)
        target = rng.standard_normal((n, 5)).astype(variant.DTYPE)
        gradients = []
        for n_threads in (1, 2, 3):
            threads(n_threads)
            plan, gradient = make_plan(variant, program, scale=0.3), np.empty(program.n_parameters, variant.DTYPE)
            plan.loss_and_gradient(X, target, None, gradient)
            gradients.append(gradient)
        explained = np.empty_like(gradient)
        _, _, deltas = plan.explain(X, target, None, explained)
        assert {g.tobytes() for g in gradients} == {explained.tobytes()}
        bias = program.rows[-1].bias
        assert gradient[bias : bias + 5].tobytes() == chains(deltas[-1]).tobytes()


@pytest.mark.parametrize("n", [5600, 6000, 9000])
def test_a_last_batch_of_one_segment_follows_those_of_several(fused_variant, threads, n):
    """The levels of its sums lie elsewhere; a network this small has fewer weights than one block has room for."""
    program, rng, states = network([2, 8, 8, 2], "tanh", "mse"), np.random.default_rng(8), set()
    X = rng.standard_normal((n, 2)).astype(fused_variant.DTYPE)
    target = rng.standard_normal((n, 2)).astype(fused_variant.DTYPE)
    for n_threads in (1, 2, 3):
        threads(n_threads)
        plan = make_plan(fused_variant, program, SGD(0.1), scale=0.3)
        plan.train(X, target, None, batch_size=5000, shuffle=False)
        states.add(state(plan))
    by_batch = make_plan(fused_variant, program, SGD(0.1), scale=0.3)  # each a job of its own
    for begin in range(0, n, 5000):
        part = slice(begin, begin + 5000)
        by_batch.train(X[part], target[part], None, batch_size=5000, shuffle=False)
    assert states == {state(by_batch)}


def test_many_rows_lose_no_digits(variant):
    """A chain of a million float32 additions gives -1982.3 here."""
    n = 10**6
    plan = make_plan(variant, lower([Dense(1)], 1, "mse"))
    plan.set_parameters(np.zeros(2, variant.DTYPE))
    gradient = np.empty(2, variant.DTYPE)
    plan.loss_and_gradient(np.zeros((n, 1), variant.DTYPE), np.full((n, 1), 1000, variant.DTYPE), None, gradient)
    assert gradient[1] == pytest.approx(-2000, rel=16 * float(np.finfo(variant.DTYPE).eps))
    assert gradient[0] == 0
