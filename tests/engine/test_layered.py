"""BatchNorm, LayerNorm, Dropout, Residual, penalties, clipping, decay and max-norm: the engine against the oracle."""

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import (
    LAYERED,
    SEVERAL,
    data,
    layered_network,
    make_plan,
    parameters,
    read,
    read_statistics,
    state,
    statistics,
)

from nncore import SGD, Adam, AdamW, engine, reference
from nncore.layers import BatchNorm, CategoryEncoding, Columns, Dense, Dropout, Embedding, Parallel, Residual
from nncore.program import lower

TOLERANCE = {"float32": 2e-4, "float64": 1e-11}
# Before a batchnorm, a bias has a gradient of 0 but for rounding, which Adam would divide by itself: hence epsilon.
CLIPPED = [
    SGD(0.1, clip_norm=0.3),
    Adam(0.01, clip_value=0.01, epsilon=0.1),
    AdamW(0.01, clip_norm=0.1, epsilon=0.1, weight_decay=0.5),
    AdamW(0.01, clip_norm=0.1, epsilon=0.1, weight_decay=0.5, decay_bias=True),
    AdamW(0.01, epsilon=0.1, weight_decay=0.5, decay_bias=True),
]


def close(module, actual, expected):
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[module.DTYPE.name] * scale)


@pytest.fixture(params=[*LAYERED, *SEVERAL])
def program(request):
    return layered_network(request.param)


def test_loss_and_gradient(variant, program):
    exact = parameters(program, variant.DTYPE).astype(np.float64)
    for n in (2, 7, 61, 130):
        plan = make_plan(variant, program)
        X, target = data(program, n, variant.DTYPE)
        sample_weight = np.random.default_rng(2).random(n).astype(variant.DTYPE)
        gradient = np.empty(program.n_parameters, variant.DTYPE)
        value = plan.loss_and_gradient(X, target, sample_weight, gradient, seed=5)
        batch = X.astype(np.float64), target, sample_weight
        expected, expected_gradient = reference.loss_and_gradient(
            program, exact, *batch, seed=5, statistics=statistics(program, "float64")
        )
        close(variant, value, expected)
        close(variant, gradient, expected_gradient)


def trained(module, program, optimizer, n=45, batch_size=16, epochs=3, **options):
    plan = make_plan(module, program, optimizer)
    X, target = data(program, n, module.DTYPE)
    result = plan.train(X, target, None, epochs=epochs, batch_size=batch_size, seed=9, **options)
    return plan, result


def by_the_oracle(module, program, optimizer, n=45, batch_size=16, epochs=3):
    """Weights, running statistics and losses after `trained`'s training."""
    X, target = data(program, n, module.DTYPE)
    weights = parameters(program, module.DTYPE).astype(np.float64)
    slots = [np.zeros(len(weights)) for _ in range(optimizer.n_slots)]
    running = statistics(program, np.float64)
    options = {"batch_size": batch_size, "shuffle": True, "seed": 9, "statistics": running}
    losses = reference.train(program, optimizer, weights, slots, X.astype(np.float64), target, epochs=epochs, **options)
    return weights, running, losses


@pytest.mark.parametrize("optimizer", [SGD(0.05), *CLIPPED], ids=repr)
def test_training(variant, program, optimizer):
    plan, result = trained(variant, program, optimizer)
    weights, running, losses = by_the_oracle(variant, program, optimizer)
    tolerance = 2e-3 if variant.DTYPE.name == "float32" else 1e-9
    np.testing.assert_allclose(result.losses, losses, rtol=tolerance)
    np.testing.assert_allclose(read(plan), weights, atol=tolerance)
    np.testing.assert_allclose(read_statistics(plan), running, atol=tolerance)


def test_predictions(variant, program):
    """However the rows are grouped: tiles, columns, single rows, and the predictor."""
    plan, _ = trained(variant, program, Adam(0.01))
    X, target = data(program, 130, variant.DTYPE, seed=3)
    weights, running = read(plan).astype(np.float64), read_statistics(plan)
    expected = reference.forward(program, weights, X.astype(np.float64), statistics=running.astype(np.float64))
    predictions = plan.predict(X)
    close(variant, predictions, expected)
    for rows in (slice(0, 1), slice(5, 12), slice(3, 60)):
        assert plan.predict(X[rows]).tobytes() == predictions[rows].tobytes()
    single = variant.Predictor(program, read(plan), running, np.asarray)
    assert single(X[7]).tobytes() == predictions[7].tobytes()
    again = np.empty_like(predictions)
    loss = plan.evaluate(X, target, None, again)
    assert again.tobytes() == predictions.tobytes()
    exact = X.astype(np.float64)
    close(variant, loss, reference.loss(program, weights, exact, target, statistics=running.astype(np.float64)))


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", CLIPPED, ids=repr)
def test_instruction_sets_and_threads_give_the_same_bits(dtype, program, optimizer, threads):
    results = set()
    for n_threads in (1, 3):
        threads(n_threads)
        for module in (module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype):
            plan, result = trained(module, program, optimizer)
            results.add(state(plan) + result.losses.tobytes() + result.clipped.tobytes())
    assert len(results) == 1


WIDE = lower(
    [
        Dense(150, "relu", max_norm=1.0),
        BatchNorm(),
        Dropout(0.2),
        Residual([Dense(150, "relu", l1=1e-4), BatchNorm(), Dense(150)]),
        Dense(10, "softmax"),
    ],
    40,
    "sparse_categorical_crossentropy",
)


def test_threads_that_are_really_used(fused_variant, threads):
    results = set()
    for n_threads in (1, 2, 3, 7):
        threads(n_threads)
        plan, _ = trained(fused_variant, WIDE, Adam(clip_norm=0.5), n=1700, batch_size=320, epochs=3)
        assert plan.threads_used == n_threads
        results.add(state(plan))
    assert len(results) == 1


def test_looking_up_has_the_bits_of_a_product_with_ones(fused_variant, threads):
    """Also where workers take groups of rows as far as the gradients, and segments of a batch."""
    dense, n = [Dense(100, "relu"), Dense(3, "softmax")], 2700
    programs = [
        lower([Parallel([[Columns([1]), *head], [Columns([0, 2])]]), *dense], 3, "sparse_categorical_crossentropy")
        for head in ([Embedding(70, 37)], [CategoryEncoding(70), Dense(37, use_bias=False)])
    ]
    X, target = data(programs[0], n, fused_variant.DTYPE)
    results = set()
    for n_threads in (1, 2, 3):
        threads(n_threads)
        for program in programs:
            plan = make_plan(fused_variant, program, Adam(0.01))
            plan.train(X, target, None, epochs=2, batch_size=n, seed=9)
            assert plan.threads_used == n_threads
            results.add(state(plan) + plan.predict(X).tobytes())
    assert len(results) == 1


def test_clipped_share(variant):
    program = lower([Dense(3, "tanh"), Dense(1)], 4, "mse")
    for optimizer, share in [
        (SGD(0.01, clip_norm=1e-6), 1.0),
        (SGD(0.01, clip_norm=1e6), 0.0),
        (SGD(0.01, clip_value=1e-12), 1.0),
        (SGD(0.01, clip_value=1e6), 0.0),
    ]:
        assert trained(variant, program, optimizer)[1].clipped.tolist() == [share] * 3
    assert np.isnan(trained(variant, program, SGD(0.01))[1].clipped).all()


def test_what_is_not_learned_is_not_clipped(variant):
    program = layered_network("batch norm without affine")
    assert trained(variant, program, SGD(0.01, clip_value=1e-12))[1].clipped.max() <= 1


def test_running_statistics_that_overflow_are_divergence(variant):
    """The outputs of such a batchnorm are finite: its betas."""
    program = layered_network("batch norm first")
    X, target = data(program, 32, variant.DTYPE)
    plan = make_plan(variant, program, SGD(0.01))
    before = state(plan)
    result = plan.train(X * variant.DTYPE.type(np.finfo(variant.DTYPE).max ** 0.7), target, None, batch_size=16)
    assert result.diverged
    assert (result.epoch, result.batch) == (0, 0)
    assert state(plan) == before


def test_a_batch_of_one_row_leaves_the_running_statistics_alone(variant):
    program = layered_network("batch norm first")
    whole, _ = trained(variant, program, SGD(0.0), n=16, epochs=1)
    and_one, _ = trained(variant, program, SGD(0.0), n=17, epochs=1, shuffle=False)
    first, _ = trained(variant, program, SGD(0.0), n=17, epochs=1, shuffle=False, batch_size=17)
    assert np.isfinite(read_statistics(and_one)).all()
    assert read_statistics(first).tobytes() != read_statistics(and_one).tobytes()
    X, _ = data(program, 17, variant.DTYPE)
    expected = 0.5 * X[:16].mean(axis=0)
    np.testing.assert_allclose(read_statistics(and_one)[:6], expected, atol=1e-6)
    assert whole.iterations == 1


def test_divergence_takes_the_statistics_back(variant):
    program = layered_network("batch norm first")
    X, target = data(program, 40, variant.DTYPE)
    plan = make_plan(variant, program, SGD(0.01))
    plan.train(X, target, None, epochs=1, batch_size=10)
    before = state(plan)
    target[25] = np.inf
    assert plan.train(X, target, None, epochs=1, batch_size=10).diverged
    assert state(plan) == before


def test_moments_of_columns_far_from_zero():
    """A second pass around the first one's mean: a mean of 10^4 deviations costs no more than the input's rounding."""
    program = lower([BatchNorm(momentum=0.0), Dense(1)], 3, "mse")
    X = (np.random.default_rng(0).standard_normal((256, 3)) + 1e4).astype("float32")
    plan = make_plan(engine.load("float32"), program, SGD(0.0))
    plan.train(X, np.zeros((256, 1), "float32"), None, batch_size=256)
    running = read_statistics(plan)
    exact = X.astype(np.float64)
    np.testing.assert_allclose(running[:3], exact.mean(axis=0), rtol=1e-7)
    np.testing.assert_allclose(running[3:], exact.var(axis=0, ddof=1), rtol=1e-5)
