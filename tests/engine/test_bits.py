"""Same seed, same bits: for any number of threads, slicing of the rows, instruction set, and state of the processor."""

import ctypes
import ctypes.util
import os

import numpy as np
import pytest
from conftest import FUSED, VARIANTS
from engine_networks import data, make_plan, mixed_network, network, plan_dtype, state

from nncore import Adam, engine

PROGRAM = network([40, 150, 90, 10], "tanh")  # a step on 160 rows is worth more than seven threads
STEPS = 200


def trained(module, n_threads, program=PROGRAM, n=160 * 20, batch_size=160):
    """Return the state after 200 steps, and how many threads the engine used."""
    engine.set_num_threads(n_threads)
    X, target = data(program, n, module.DTYPE)
    plan = make_plan(module, program, Adam(), scale=0.1)
    result = plan.train(X, target, None, epochs=STEPS * batch_size // n, batch_size=batch_size, seed=3)
    return state(plan) + result.losses.tobytes(), plan.threads_used


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_instruction_sets(dtype, threads):
    expected = None
    for (_, variant_dtype), module in FUSED.items():
        for n_threads in (1, 2, 3, 7) if variant_dtype == dtype else ():
            bits, used = trained(module, n_threads)
            assert used == n_threads
            expected = expected or bits
            assert bits == expected


def test_threads_on_the_base_variant(threads):
    module = VARIANTS["base", "float32"]
    assert trained(module, 1)[0] == trained(module, 3)[0]


def test_several_segments_and_threads(threads):
    """A batch larger than a segment: where it is cut depends on the threads, the bits do not."""
    program = network([4, 32, 16, 4])
    results = {trained(engine.load("float32"), n, program, 9000, 9000)[0] for n in (1, 2, 5)}
    assert len(results) == 1


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
    from nncore.random import permutation

    for n, seed, epoch in [
        (0, 0, 0),
        (1, 0, 0),
        (2, 5, 0),
        (64, 1, 1),
        (65, 1, 2),
        (1000, 2**64 - 1, 3),
        (17, 9, 2**40),
    ]:
        order = variant.permutation(n, seed, epoch)
        assert order.tolist() == permutation(seed, epoch, n).tolist()
        assert sorted(order.tolist()) == list(range(n))


def test_resuming_equals_never_stopping(variant):
    program = network([5, 20, 3])
    X, target = data(program, 100, variant.DTYPE)
    one, two = make_plan(variant, program, Adam()), make_plan(variant, program, Adam())
    one.train(X, target, None, epochs=10, batch_size=16, seed=4)
    for first in (0, 4, 5):
        two.train(X, target, None, first_epoch=first, epochs={0: 4, 4: 1, 5: 5}[first], batch_size=16, seed=4)
    assert state(one) == state(two)


FE_UPWARD = 0x800


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="sets the x86 rounding mode")
def test_rounding_mode_of_the_caller_does_not_matter(fused_variant):
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    program = network([5, 20, 3])
    X, target = data(program, 100, fused_variant.DTYPE)

    def bits():
        plan.train(X, target, None, epochs=3, batch_size=16)
        return state(plan) + predictions(plan, X).tobytes()

    plan = make_plan(fused_variant, program, Adam())
    expected = bits()
    plan = make_plan(fused_variant, program, Adam())
    before = libm.fegetround()
    try:
        libm.fesetround(FE_UPWARD)
        upward = bits()
        mode_behind = libm.fegetround()
    finally:
        libm.fesetround(before)
    assert mode_behind == FE_UPWARD
    assert upward == expected
