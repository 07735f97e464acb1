"""Same seed, same bits: for any number of threads, slicing of the rows, instruction set, and state of the processor."""

import ctypes
import ctypes.util
import hashlib
import platform

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import RULES, data, layered_network, make_plan, mixed_network, network, plan_dtype, state

from nncore import (
    Adam,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalFocalCrossentropy,
    Dense,
    GaussianNegativeLogLikelihood,
    Huber,
    KLDivergence,
    LogCosh,
    Pinball,
    Poisson,
    SquaredHinge,
    engine,
)
from nncore.program import lower

PROGRAM = network([40, 150, 90, 10], "tanh")  # a step on 160 rows is worth more than seven threads
STEPS = 200


def trained(module, n_threads, program=PROGRAM, n=160 * 20, batch_size=160):
    """Return the state after 200 steps, and how many threads the engine used."""
    engine.set_num_threads(n_threads)
    X, target = data(program, n, module.DTYPE)
    plan = make_plan(module, program, Adam(), scale=0.1)
    result = plan.train(X, target, None, epochs=STEPS * batch_size // n, batch_size=batch_size, seed=3)
    return state(plan) + result.losses.tobytes(), plan.threads_used


WIDE = network([100, 120, 5], "relu")  # rows of more than 64 features are fetched ahead


@pytest.mark.parametrize("program", [PROGRAM, WIDE], ids=["narrow", "wide"])
def test_threads(variant, program, threads):
    expected, _ = trained(variant, 1, program)
    for n_threads in (2, 3, 7):
        bits, used = trained(variant, n_threads, program)
        assert used == n_threads
        assert bits == expected


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instruction_sets(dtype, threads):
    results = {trained(module, 1)[0] for (_, its_dtype), module in FUSED.items() if its_dtype == dtype}
    assert len(results) == 1


def test_several_segments_and_threads(threads):
    """A batch larger than a segment: where it is cut depends on the threads, the bits do not."""
    program = network([4, 32, 16, 4])
    results = {trained(engine.load("float32"), n, program, 9000, 9000)[0] for n in (1, 2, 5)}
    assert len(results) == 1


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_every_rule(optimizer, dtype, threads):
    program, results = network([30, 90, 70, 5], "relu"), set()
    for n_threads in (1, 3):
        threads(n_threads)
        for module in (module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype):
            X, target = data(program, 600, module.DTYPE)
            plan = make_plan(module, program, optimizer, scale=0.1)
            plan.train(X, target, None, epochs=3, batch_size=256)
            results.add(state(plan))
    assert len(results) == 1


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_instruction_sets_flush_alike(dtype, threads):
    """Gradients whose squares are subnormal, of saturated units and of tiny inputs: no moment is left that is."""
    threads(1)
    tiny = float(np.finfo(dtype).tiny)
    program, results = mixed_network(), set()
    for module in (module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype):
        X, target = data(program, 96, module.DTYPE)
        plan = make_plan(module, program, Adam(), scale=3.0)
        plan.train(X * module.DTYPE.type(tiny**0.52), target, None, epochs=20, batch_size=16)
        slots = np.empty((2, program.n_parameters), module.DTYPE)
        plan.get_slots(slots)
        assert not np.any((slots != 0) & (np.abs(slots) < tiny))
        results.add(state(plan))
    assert len(results) == 1


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "program", [network([5, 7, 3], loss="mse"), PROGRAM, mixed_network()], ids=["small", "wide", "mixed"]
)
def test_losses_of_evaluate(dtype, program, threads):
    """Whatever groups the rows are taken in, losses are added up one after the other."""
    for n in (1, 33, 95, 150, 1000):
        losses = set()
        for module in (module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype):
            X, target = data(program, n, module.DTYPE)
            for n_threads in (1, 3):
                threads(n_threads)
                losses.add(make_plan(module, program).evaluate(X, target))
        assert len(losses) == 1


def predictions(plan, X):
    out = np.empty((len(X), plan.program.n_outputs), plan_dtype(plan))
    plan.predict(X, out)
    return out


@pytest.mark.parametrize("program", [PROGRAM, mixed_network()], ids=["wide", "mixed"])
def test_slices_of_predict(variant, program, threads):
    threads(3)
    plan = make_plan(variant, program)
    X, _ = data(program, 777, variant.DTYPE)
    whole = predictions(plan, X)
    for i in (0, 1, 47, 48, 500, 776):
        assert predictions(plan, X[i : i + 1]).tobytes() == whole[i : i + 1].tobytes()
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = sorted(rng.integers(0, 778, 2))
        if a < b:
            assert predictions(plan, X[a:b]).tobytes() == whole[a:b].tobytes()
    order = rng.permutation(777)
    assert predictions(plan, X[order]).tobytes() == whole[order].tobytes()


def test_shuffle_is_the_documented_one(variant):
    from nncore.base.random import permutation

    for n, seed, epoch in [
        (0, 0, 0),
        (1, 0, 0),
        (2, 5, 0),
        (64, 1, 1),
        (65, 1, 2),
        (1000, 2**64 - 1, 3),
        (17, 9, 2**40),
        (2**17 + 2, 3, 4),  # more than train.pxi draws between two polls
    ]:
        order = variant.permutation(n, seed, epoch)
        assert order.tolist() == permutation(seed, epoch, n).tolist()
        assert sorted(order.tolist()) == list(range(n))


def test_blocks_and_windows_are_the_documented_ones(variant):
    from nncore.base.random import block_permutation, permuted_part

    for n, seed, epoch, part in [(1, 0, 0, 0), (65, 1, 2, 0), (1000, 2**64 - 1, 3, 7), (17, 9, 2**40, 1)]:
        assert (variant.permutation(n, seed, epoch, part) == permuted_part(n, seed, epoch, part)).all()
    for n, block_rows, window in [(1, 1, 1), (100, 7, 32), (100, 300, 300), (97, 10, 10), (64, 1, 16)]:
        order = block_permutation(3, 5, n, block_rows, window)
        assert sorted(order.tolist()) == list(range(n))
        assert (order == block_permutation(3, 5, n, block_rows, window, variant.permutation)).all()


def in_windows(module, n_threads, ways, n=777, batch_size=48, windows=(31, 144), epochs=3, **options):
    """Return the bits of a training by windows of X, and of what `feed` hands over of it, in one or several calls."""
    from nncore.base.random import permuted_part

    engine.set_num_threads(n_threads)
    X, target = data(WIDE, n, module.DTYPE)
    block_rows, size = windows

    def feed(epoch, window):
        blocks = permuted_part(-(-n // block_rows), 3, epoch, 0)
        rows = np.concatenate([np.arange(block * block_rows, min(n, (block + 1) * block_rows)) for block in blocks])
        return np.ascontiguousarray(X[rows[window * size : (window + 1) * size]])

    found = []
    for fed in ways:
        plan, losses = make_plan(module, WIDE, Adam(), scale=0.1), []
        for first in range(0, epochs, 2):
            source = (None, feed) if fed else (X, None)
            result = plan.train(source[0], target, None, first_epoch=first, epochs=min(2, epochs - first), seed=3,
                                batch_size=batch_size, windows=windows, feed=source[1], **options)  # fmt: skip
            losses += result.losses.tolist()
        found.append((state(plan), losses))
    return found


def test_windows_fed_or_not_give_the_bits_of_their_order(variant, threads):
    from nncore.base.random import block_permutation

    X, target = data(WIDE, 777, variant.DTYPE)
    plan, losses = make_plan(variant, WIDE, Adam(), scale=0.1), []
    for epoch in range(3):
        order = block_permutation(3, epoch, 777, 31, 144)
        losses += plan.train(X[order], target[order], None, batch_size=48, shuffle=False, seed=3).losses.tolist()
    for n_threads in (1, 3):
        assert in_windows(variant, n_threads, [True, False]) == [(state(plan), losses)] * 2


@pytest.mark.skipif(len(FUSED) < 4, reason="this machine runs only one instruction set that fuses")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_windows_on_every_instruction_set(dtype, threads):
    modules = [module for (_, its_dtype), module in FUSED.items() if its_dtype == dtype]
    assert len({repr(in_windows(module, 2, [True])) for module in modules}) == 1


def test_windows_that_are_wrong_are_refused(variant):
    plan, (X, target) = make_plan(variant, WIDE, Adam()), data(WIDE, 100, variant.DTYPE)
    before = state(plan)
    for given, windows, feed, message in [
        (X, (10, 33), None, "whole batches of 32"),
        (X, (0, 32), None, "rows of a block"),
        (X, (10, 32), lambda epoch, window: X, "give X, or feed and windows"),
        (None, None, None, "give X, or feed"),
        (None, (10, 64), lambda epoch, window: X[:60], "the window 0 must have 64 rows of 100 features, got 60 of 100"),
        (None, (10, 64), lambda epoch, window: X[:, :3].copy(), "got 100 of 3"),
    ]:
        with pytest.raises(ValueError, match=message):
            plan.train(given, target, None, windows=windows, feed=feed, batch_size=32)
    with pytest.raises(ZeroDivisionError):
        plan.train(
            None, target, None, epochs=5, windows=(10, 64), feed=lambda epoch, window: X if window == 0 else 1 / 0
        )
    assert state(plan) == before


def test_resuming_equals_never_stopping(variant):
    program = network([5, 20, 3])
    X, target = data(program, 100, variant.DTYPE)
    one, two = make_plan(variant, program, Adam()), make_plan(variant, program, Adam())
    one.train(X, target, None, epochs=10, batch_size=16, seed=4)
    for first in (0, 4, 5):
        two.train(X, target, None, first_epoch=first, epochs={0: 4, 4: 1, 5: 5}[first], batch_size=16, seed=4)
    assert state(one) == state(two)


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_few_rows_on_a_fresh_plan(variant, n_threads, threads):
    """More threads than tiles of rows: every row must still have its place."""
    X, _ = data(PROGRAM, 96, variant.DTYPE)
    threads(1)
    expected = predictions(make_plan(variant, PROGRAM), X)
    threads(n_threads)
    for n in (1, 5, 7, 13, 24, 47, 48, 49, 95, 96):
        assert predictions(make_plan(variant, PROGRAM), X[:n]).tobytes() == expected[:n].tobytes()


def everything(module, plan, X, target, weight):
    """The bits of all that a plan and the kernels compute."""
    gradient = np.empty(plan.program.n_parameters, module.DTYPE)
    numbers = [plan.evaluate(X, target), plan.loss_and_gradient(X, target, None, gradient)]
    plan.train(X, target, None, epochs=3, batch_size=16)
    z = module.dense_forward(X, weight, None, "tanh", 0.0)
    parts = [gradient, predictions(plan, X), z, *module.dense_backward(X, weight, z)]
    parts += [module.activate(name, z, 0.5) for name in module.ACTIVATION_NAMES]
    parts += [module.activate_backward(name, z, z, z, 0.5) for name in module.ACTIVATION_NAMES]
    parts += [module.function(name, z.reshape(-1)) for name in module.FUNCTION_NAMES]
    columns = [name for name in module.LOSS_NAMES if name not in ("sparse_softmax_crossentropy", "gaussian")]
    parts += [part for name in columns for part in module.loss(name, z, abs(z), 0.5)]
    return state(plan) + b"".join(part.tobytes() for part in parts) + np.array(numbers).tobytes()


FE_UPWARD = 0x800


@pytest.mark.skipif(platform.machine() != "x86_64", reason="sets the x86 rounding mode")
def test_rounding_mode_of_the_caller_does_not_matter(fused_variant):
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    program = network([5, 20, 3])
    X, target = data(program, 100, fused_variant.DTYPE)
    weight = np.linspace(-1, 1, 35).reshape(5, 7).astype(fused_variant.DTYPE)
    first, second = (make_plan(fused_variant, program, Adam()) for _ in range(2))
    expected = everything(fused_variant, first, X, target, weight)
    before = libm.fegetround()
    try:
        libm.fesetround(FE_UPWARD)
        upward = everything(fused_variant, second, X, target, weight)
        mode_behind = libm.fegetround()
    finally:
        libm.fesetround(before)
    assert mode_behind == FE_UPWARD
    assert upward == expected


LATER = [
    LogCosh(),
    Poisson(),
    SquaredHinge(),
    Pinball([0.1, 0.9], mask_missing=True),
    GaussianNegativeLogLikelihood(),
    BinaryCrossentropy(label_smoothing=0.1, pos_weight=3, output_weights=[1, 2, 0.5, 1]),
    BinaryFocalCrossentropy(apply_class_balancing=True),
    CategoricalFocalCrossentropy(gamma=0.5, label_smoothing=0.1),
    KLDivergence(),
    Huber(0.5, mask_missing=True),
]

BITS = {
    "float32": "50a3e2dee7728d6bce80053e0930db66605dfc0bb83755d8188270246944a4ab",
    "float64": "8936865d87dc1285ceb89dd035b609cf8e8ea73daa5fd2ed216c2e4c61efb113",
}
BITS_OF_LATER_LOSSES = {
    "float32": "fda34e84d89dca72201a8575f1d95e2f370897479902e62e48e8ff778e662e2d",
    "float64": "0b358c571eb6d6a66e6b2c583fb81b468a7d7753966057d1e8efb2bb50c08c3e",
}
"""What gcc 12 came to. Whoever means to change the bits of a training says so in the changelog, and here."""


def steady(shape, dtype):
    """Numbers from -0.8 to 0.8 that no other library's rounding and random numbers have a part in."""
    return (np.arange(np.prod(shape)) * 37 % 101 - 50).reshape(shape).astype(dtype) / 64


def numbers(module, program):
    """What every kind of row, and the first ten activations and six losses come to, from steady numbers."""
    plan, X = module.Plan(program), steady((100, program.n_features), module.DTYPE)
    plan.set_parameters(steady(program.n_parameters, module.DTYPE))
    plan.set_optimizer(Adam(0.01))
    sparse = program.loss == "sparse_softmax_crossentropy"
    target = np.arange(100, dtype=np.int32) % 3 if sparse else steady((100, program.n_outputs), module.DTYPE)
    losses = plan.train(X, target, None, epochs=5, batch_size=16, seed=3).losses
    parameters, gradient = np.empty((2, program.n_parameters), module.DTYPE)
    plan.get_parameters(parameters)
    yield from (losses, parameters, predictions(plan, X), plan.loss_and_gradient(X, target, None, gradient), gradient)
    yield from (module.activate(name, 4 * X, 0.5) for name in (*module.ACTIVATION_NAMES[:9], "softmax"))
    yield from (module.function(name, abs(X.reshape(-1)) + 1) for name in module.FUNCTION_NAMES)
    for name in (*module.LOSS_NAMES[:4], "softmax_crossentropy"):
        yield from module.loss(name, X, abs(X), 0.5)


def numbers_of_losses(module):
    """What the losses come to that came later, and those whose targets are read; what exponential comes to."""
    z = 4 * steady((100, 4), module.DTYPE)
    for loss in LATER:
        program = lower([Dense(4, loss.activation)], 1, loss)
        target = abs(steady((100, program.n_targets), module.DTYPE))
        if loss.kernel.startswith("softmax") or loss.kernel == "kl_divergence":
            target /= target.sum(axis=1, keepdims=True)
        if program.reading is not None and program.reading.missing:
            target[::7, 0] = np.nan
        yield from module.loss(loss.kernel, z, target, loss.parameter, program.reading)
    yield module.activate("exponential", z, 0.0)


def test_the_bits_are_those_of_every_compiler(fused_variant, threads):
    threads(1)
    digest = hashlib.sha256()
    for name in ("residual of everything", "penalties", "mixed"):
        program = mixed_network() if name == "mixed" else layered_network(name)
        for part in numbers(fused_variant, program):
            assert np.isfinite(part).all()
            digest.update(np.asarray(part).tobytes())
    assert digest.hexdigest() == BITS[fused_variant.DTYPE.name]
    digest = hashlib.sha256()
    for part in numbers_of_losses(fused_variant):
        assert np.isfinite(part).all()
        digest.update(np.asarray(part).tobytes())
    assert digest.hexdigest() == BITS_OF_LATER_LOSSES[fused_variant.DTYPE.name]
