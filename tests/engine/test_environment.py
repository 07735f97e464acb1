"""The floating-point environment of a call: subnormal numbers count as 0, the host's rounding and traps do not."""

import ctypes
import platform
import subprocess
import sys

import numpy as np
import pytest
from engine_networks import data, make_plan, mixed_network, network, parameters

from nncore import Activation, BatchNorm, Dense, Sequential
from nncore.program import lower

ON_LINUX_X86 = platform.system() == "Linux" and platform.machine() in ("x86_64", "AMD64")
MODES = {"down": 0x400, "up": 0x800, "to zero": 0xC00}  # as fenv.h numbers them on x86


def far_sigmoids(module, link=False):
    """A network whose sigmoids lie so far out that they are subnormal, and rows for it."""
    layers = [Dense(1, "sigmoid")] if link else [Dense(16, "sigmoid"), Dense(16, "sigmoid")]
    program = lower(layers, 1, "mse")
    plan = module.Plan(program)
    flat = np.zeros(program.n_parameters, module.DTYPE)
    flat[-1 if link else -16 :] = -95 if module.DTYPE.itemsize == 4 else -720  # the biases of the last layer
    plan.set_parameters(flat)
    return plan, flat, np.ones((70, 1), module.DTYPE)


@pytest.mark.parametrize("link", [False, True])
def test_subnormal_outputs_are_zero(variant, link):
    """By every way to predict, in every group of rows."""
    plan, flat, X = far_sigmoids(variant, link)
    n_outputs = plan.program.n_outputs
    predictor = variant.Predictor(plan.program, flat, np.empty(0, variant.DTYPE), None)
    evaluated = np.ones((70, n_outputs), variant.DTYPE)
    assert plan.evaluate(X, np.zeros((70, n_outputs), variant.DTYPE), None, evaluated) == 0
    for y in (
        evaluated,
        plan.predict(X),
        plan.predict(X[:3]),
        predictor(X),
        predictor(X[0]),
        plan.predict_row(X[:1], flat),
    ):
        assert not y.any()
    values, _ = plan.backpropagate(X, np.ones((1, 70, n_outputs), variant.DTYPE))
    assert not values[-1].any()


def test_subnormal_inputs_are_zero(variant):
    program = network([1, 1], loss="mse")
    plan, flat = variant.Plan(program), np.array([2.0**40, 0], variant.DTYPE)
    plan.set_parameters(flat)
    X = np.full((70, 1), np.finfo(variant.DTYPE).tiny / 2, variant.DTYPE)
    predictor = variant.Predictor(program, flat, np.empty(0, variant.DTYPE), None)
    for y in (plan.predict(X), plan.predict(X[:1]), predictor(X)):
        assert not y.any()


def test_gradients_flush_as_training_does(variant):
    """Else a far-out network would take L-BFGS 200 times as long."""
    plan, _, X = far_sigmoids(variant)
    gradient = np.ones(plan.program.n_parameters, variant.DTYPE)
    plan.loss_and_gradient(X, np.ones((70, 16), variant.DTYPE), None, gradient)
    tiny = np.finfo(variant.DTYPE).tiny
    assert not np.any((gradient != 0) & (np.abs(gradient) < tiny))


@pytest.fixture
def rounding():
    """Sets how this thread rounds; the usual way comes back after the test."""
    fesetround = ctypes.CDLL(None).fesetround
    yield fesetround
    fesetround(0)


@pytest.mark.skipif(not ON_LINUX_X86, reason="the numbers of the modes are those of x86")
@pytest.mark.parametrize("mode", MODES)
def test_the_hosts_rounding_changes_no_bit(variant, mode, rounding):
    program = mixed_network()
    plans = [make_plan(variant, program) for _ in range(2)]
    X, target = data(program, 1237, variant.DTYPE)
    flat, results = parameters(program, variant.DTYPE), []
    predictor = variant.Predictor(program, flat, np.empty(0, variant.DTYPE), None)
    for plan in plans:
        loss = plan.evaluate(X, target)
        results.append((loss, plan.predict(X).tobytes(), predictor(X[0]).tobytes()))
        rounding(MODES[mode])
    assert results[0] == results[1]


@pytest.mark.skipif(not ON_LINUX_X86, reason="the numbers of the modes are those of x86")
@pytest.mark.parametrize("mode", MODES)
def test_nor_one_of_a_model(mode, rounding):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((1237, 5)), rng.integers(0, 3, 1237)
    row, results = X[0].astype(np.float32), []
    for _ in range(2):
        layers = [Dense(9, l2=0.1), Activation("leaky_relu", negative_slope=0.3), BatchNorm(), Dense(3, "softmax")]
        model = Sequential(layers, seed=4)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(X, y, epochs=3, validation_split=0.3)
        outputs = model.predict(X).tobytes(), model.predictor()(row).tobytes()
        results.append(
            (
                model.evaluate(X, y, return_dict=True),
                *outputs,
                *(model.history[name].tolist() for name in ("loss", "val_loss")),
            )
        )
        rounding(MODES[mode])
    assert results[0] == results[1]


TRAPS = """
import ctypes, sys
import numpy as np
from nncore import SGD, Dense, Sequential

rng = np.random.default_rng(0)
X, y = rng.standard_normal((501, 5)), rng.standard_normal((501, 1))
big, small = X.copy(), X.copy()
big[3, 1], small[3, 1] = 1e300, 1e-300
model = Sequential([Dense(16, "sigmoid"), Dense(1)], seed=1)
model.compile(SGD(1e10), "mse")
model.build(5)
step, (X32, y32, wide, high) = model.stepper(), [array.astype("f") for array in (X, y, 1e30 * X, 1e30 * y)]
infinite = X32 / np.float32(0)
libm = ctypes.CDLL(None)
libm.feenableexcept(0x1d)  # invalid, division by zero, overflow, underflow
before = libm.fegetexcept()
for call in (
    lambda: model.predict(X * 1e30), lambda: model.predict(small), lambda: model.predict(big),
    lambda: model.evaluate(X * 1e-20, y * 1e-19), lambda: model.evaluate(big, y),
    lambda: model.fit(small, y, epochs=1), lambda: model.fit(X, y, epochs=3), lambda: model.train_on_batch(X, y),
    lambda: model.loss_and_gradient(X * 1e19, y), lambda: step(X32, y32), lambda: step(wide, y32),
    lambda: step(X32, high), lambda: step(infinite, y32), lambda: step(X32, infinite[:, :1].copy()),
):
    try:
        call()
    except (ValueError, ArithmeticError, RuntimeError):
        pass
    assert libm.fegetexcept() == before
print("alive")
"""


@pytest.mark.skipif(not ON_LINUX_X86, reason="feenableexcept is glibc's, and traps are x86's")
def test_exceptions_that_the_host_traps_do_not_end_the_process():
    run = subprocess.run([sys.executable, "-c", TRAPS], capture_output=True, text=True, check=False)
    assert run.stdout == "alive\n", run.stderr
