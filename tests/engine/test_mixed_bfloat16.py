"""float32 with products of bfloat16: every module has the bits of the oracle's definition, whoever computes what."""

import hashlib
import importlib
import importlib.util

import numpy as np
import pytest
from bfloat16_values import CASES, REGIMES, SPECIAL, as_chains, draw, same
from engine_networks import LAYERED, inputs, state, statistics

import nncore
from nncore import Adam, BatchNorm, Dense, Dropout, LayerNorm, Residual, Sequential, engine, reference
from nncore.engine import lanes
from nncore.program import MIXED_BFLOAT16, lower
from nncore.reference.bfloat16 import bfloat16_product

MODULES = engine.mixed_variants()
if "avx512bf16" in MODULES and importlib.util.find_spec("nncore._engine.bf16_tiles"):
    MODULES["tiles"] = importlib.import_module("nncore._engine.bf16_tiles")  # built with NNCORE_TEST_TILES=1
FUSED = [isa for isa in MODULES if isa != "base"]


@pytest.fixture(params=MODULES)
def module(request):
    return MODULES[request.param]


def values(rng, regime, shape):
    if regime == "special":
        return rng.choice(np.asarray(SPECIAL, np.float32), shape)
    return draw(rng, regime, shape)


@pytest.mark.parametrize("regime", [*REGIMES, "special"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 7, 3), (13, 33, 18), (49, 64, 40), (3, 100, 65)], ids=str)
def test_products_are_those_of_the_definition(module, regime, shape):
    n, n_in, n_out = shape
    rng = np.random.default_rng(n_in)
    x, w, dz = (values(rng, regime, size) for size in ((n, n_in), (n_in, n_out), (n, n_out)))
    bias = values(rng, regime, n_out)
    assert same(module.dense_forward(x, w, bias, "identity", 0.0), bfloat16_product(x, w, bias))
    dx, dweight, _ = module.dense_backward(x, w, dz)
    assert same(dx, bfloat16_product(dz, np.ascontiguousarray(w.T)))
    assert same(dweight, bfloat16_product(np.ascontiguousarray(x.T), dz))


@pytest.mark.parametrize("case", [case for case in CASES if case != "special"])
def test_each_multiply_add_of_a_chain_rounds_once(module, case):
    a, b, c = CASES[case]()
    finite = np.isfinite(c)
    a, b, c = (part[finite][:4000] for part in (a, b, c))
    for begin in range(0, len(c), 64):
        some = slice(begin, begin + 64)
        x, weight = as_chains(a[some], b[some], c[some])
        assert same(module.dense_forward(x, weight, None, "identity", 0.0), bfloat16_product(x, weight))


def test_without_inputs_there_is_the_bias(module):
    bias = np.float32([1, -2, 3])
    found = module.dense_forward(np.zeros((2, 0), np.float32), np.zeros((0, 3), np.float32), bias, "identity", 0.0)
    assert same(found, np.stack([bias, bias]))


NETWORKS = {
    "dense": ([Dense(70, "relu"), Dense(33, "tanh"), Dense(5)], 13, 300, 70),
    "784-128-10": ([Dense(128, "relu"), Dense(10)], 784, 256, 128),
    "norms": (
        [Dense(40), BatchNorm(), Dropout(0.2), Residual([Dense(40, "gelu")]), LayerNorm(), Dense(3)],
        9,
        900,
        700,
    ),
    "groups": ([Dense(32, "relu"), Dense(16, "relu"), Dense(4)], 4, 5000, 5000),
    "bounds": ([Dense(64, "relu", l2=0.01, max_norm=2.0), Dense(2)], 20, 200, 50),
    "one": ([Dense(1)], 1, 5, 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_modules_and_threads_train_and_predict_the_same_bits(name, threads):
    layers, n_features, n, batch_size = NETWORKS[name]
    program = lower(layers, n_features, "mse", MIXED_BFLOAT16)
    rng, found = np.random.default_rng(1), set()
    X, y = (rng.standard_normal((n, width)).astype(np.float32) for width in (n_features, program.n_outputs))
    parameters = (0.2 * rng.standard_normal(program.n_parameters)).astype(np.float32)
    for isa in FUSED:
        for n_threads in (1, 2, 3):
            threads(n_threads)
            plan = MODULES[isa].Plan(program)
            plan.set_parameters(parameters)
            plan.set_optimizer(Adam(0.01, clip_norm=1.0 if name == "bounds" else None))
            plan.train(X, y, None, epochs=5, batch_size=batch_size)
            predictions, row = (
                np.empty((n, program.n_outputs), np.float32),
                np.empty((1, program.n_outputs), np.float32),
            )
            plan.predict(X, predictions)
            for i in range(3):
                plan.predict(X[i : i + 1], row)
                assert same(row[0], predictions[i])
            found.add(state(plan) + predictions.tobytes())
    assert len(found) == 1


BITS = {
    "dense": "c028b2eda1ba70dafd9c2c8d5d2a1ded315b070543f6171efa2be4be02f7ecef",
    "784-128-10": "c1d1ff034796a85c73a55d77c98fe037bab942b41db086d92b469d485998a410",
    "norms": "2771e97067ff29822c472a9335ca239825252ae9cbb16bc609d3442c27a5c2c1",
    "groups": "2b3872da628cc8006ee5f73da96373faa886f6caad9e15953296ddbe5afd1e10",
    "bounds": "e54e507e66863975d1ad01a4a0e30cdd088247a08308c55b3492e227e655b48d",
    "one": "f74bfb48f988f884c147e45c0667932ce43ab586506eb5845089c1808d7e6775",
}
"""What every module comes to, that of AMX too. Whoever means to change these says so in the changelog, and here."""


def steady(shape):
    """Numbers that bfloat16 has to round, and that no library's random numbers have a part in."""
    return (np.arange(np.prod(shape)) * 37 % 101 - 50).reshape(shape).astype(np.float32) / np.float32(96)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("isa", FUSED)
def test_trainings_come_to_the_stored_bits(isa, name, threads):
    layers, n_features, n, batch_size = NETWORKS[name]
    program = lower(layers, n_features, "mse", MIXED_BFLOAT16)
    threads(2)
    plan = MODULES[isa].Plan(program)
    plan.set_parameters(steady(program.n_parameters))
    plan.set_optimizer(Adam(0.01))
    plan.train(steady((n, n_features)), steady((n, program.n_outputs)), None, epochs=5, batch_size=batch_size, seed=3)
    assert hashlib.sha256(state(plan)).hexdigest() == BITS[name]


def test_lanes_are_not_for_it(module):
    """Their products round nothing: a network of mixed_bfloat16 is trained by its own engine."""
    program = lower([Dense(4, "relu"), Dense(2)], 3, "mse", MIXED_BFLOAT16)
    assert lanes.shape(program, Adam()) is None
    assert lanes.shape(lower([Dense(4, "relu"), Dense(2)], 3, "mse"), Adam()) is not None
    plan, call = module.Plan(program), {"X": steady((9, 3)), "target": steady((9, 2)), "batch_size": 4}
    plan.set_parameters(steady(program.n_parameters))
    plan.set_optimizer(Adam())
    before = state(plan)
    with pytest.raises(ValueError, match="no products of bfloat16"):
        module.train_together([plan], [call])
    assert state(plan) == before
    plan.train(**call)  # nobody is thought to be computing still
    assert module.train_together([], []) == ([], [])


def test_a_network_predicts_as_the_oracle(module):
    program = lower([Dense(40, "relu"), Dense(9)], 21, "mse", MIXED_BFLOAT16)
    rng = np.random.default_rng(2)
    parameters = rng.standard_normal(program.n_parameters).astype(np.float32)
    X, predictions = rng.standard_normal((50, 21)).astype(np.float32), np.empty((50, 9), np.float32)
    plan = module.Plan(program)
    plan.set_parameters(parameters)
    plan.predict(X, predictions)
    assert same(predictions, reference.forward(program, parameters, X, precision=MIXED_BFLOAT16))


@pytest.mark.parametrize("n", [11, 300])
@pytest.mark.parametrize("name", LAYERED)
def test_gradients_of_every_layer_are_the_oracles(name, n):
    """As far as float32's rounding, in another order of some sums, goes; what bfloat16 changes is more than that."""
    layers, n_features, loss = LAYERED[name]
    program = lower(layers, n_features, loss, MIXED_BFLOAT16)
    X = inputs(program, steady((n, n_features)))
    labels = program.loss == "sparse_softmax_crossentropy"
    target = np.arange(n, dtype=np.int32) % 3 if labels else abs(steady((n, program.n_outputs)))
    parameters, moments, gradients = steady(program.n_parameters), statistics(program, "float32"), {}
    for isa in FUSED:
        plan, gradient = MODULES[isa].Plan(program), np.empty(program.n_parameters, np.float32)
        plan.set_parameters(parameters)
        plan.set_statistics(moments)
        plan.loss_and_gradient(X, target, None, gradient)
        gradients[isa] = gradient
    ours = gradients[FUSED[0]].astype(float)
    assert all(same(gradient, gradients[FUSED[0]]) for gradient in gradients.values())
    how = {"precision": MIXED_BFLOAT16, "statistics": moments}
    _, oracle = reference.loss_and_gradient(program, parameters, X, target, **how)
    exact = parameters.astype(float), X.astype(float)
    _, plain = reference.loss_and_gradient(program, *exact, target, statistics=moments.astype(float))
    size, effect = np.linalg.norm(oracle), np.linalg.norm(plain - oracle)
    assert np.linalg.norm(ours - oracle) < min(1e-4 * size, effect)


def mixed_model():
    return Sequential([Dense(24, "relu"), Dense(3, "softmax")], seed=3, dtype="mixed_bfloat16")


def test_a_model_of_it_is_kept_by_files_pickles_and_copies(tmp_path):
    import copy
    import pickle

    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((90, 6)), np.arange(90) % 3
    model = mixed_model()
    assert (model.dtype, model.dtype_policy) == (np.float32, "mixed_bfloat16")
    model.fit(X, y, epochs=2)
    model.save(tmp_path / "model")
    others = [nncore.load(tmp_path / "model"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    for each in (model, *others):
        assert each.dtype_policy == "mixed_bfloat16" and each.program.precision == MIXED_BFLOAT16
        each.fit(X, y, epochs=2)
        assert np.array_equal(each.parameters, model.parameters)
    predictor = model.predictor()
    assert np.array_equal([predictor(x) for x in X], model.predict(X))


def test_it_differs_from_float32_and_learns_as_well():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 6))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
    losses = []
    for dtype in ("float32", "mixed_bfloat16"):
        model = Sequential([Dense(24, "relu"), Dense(3, "softmax")], seed=3, dtype=dtype)
        losses.append(model.fit(X, y, epochs=40).loss[-1])
    assert losses[0] != losses[1] and abs(losses[0] - losses[1]) < 0.02


@pytest.mark.parametrize("wrong", ["bfloat16", "float16", "mixed_float16", None, 16])
def test_other_dtypes_are_refused(wrong):
    with pytest.raises(ValueError, match="dtype must be 'float32', 'float64' or 'mixed_bfloat16'"):
        Sequential([Dense(1)], dtype=wrong)
