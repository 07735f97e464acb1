"""Losses that are functions of Python, given derivatives, updates by given gradients, derivatives by the inputs."""

from functools import partial

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import (
    LAYERED,
    RULES,
    data,
    layered_network,
    make_plan,
    mixed_network,
    parameters,
    read,
    read_statistics,
    state,
    statistics,
)

from nncore import SGD, Adam, AdamW, CustomLoss, engine, reference
from nncore.layers import BatchNorm, Dense, Dropout, Residual
from nncore.program import lower
from nncore.reference.formulas import DERIVATIVE
from nncore.reference.passes import backward

TOLERANCE = {"float32": 2e-4, "float64": 1e-11}
PROGRAMS = {name: layered_network(name) for name in LAYERED} | {"mixed": mixed_network()}
LAYERS = [
    Dense(9, "tanh", l1=0.01, l2=0.02),
    BatchNorm(),
    Dense(17, "relu", max_norm=0.75, weight_decay=0.1),
    Dropout(0.25),
    Residual([Dense(17, use_bias=False, l2=0.1, max_norm=0.5)]),
    Dense(2),
]
CLIPPED = [SGD(0.1, clip_norm=0.3), Adam(0.01, clip_value=0.01), AdamW(0.01, clip_norm=0.1, decay_bias=True)]


@CustomLoss
def squares(y_true, y_pred):
    exact = y_pred.astype(np.float64) - y_true
    return (exact**2).mean(axis=1), 2 * (y_pred - y_true) / y_pred.shape[1]


def close(module, actual, expected):
    scale = max(1, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE[module.DTYPE.name] * scale)


def derivatives(program, n, dtype):
    return np.random.default_rng(4).standard_normal((n, program.n_outputs)).astype(dtype)


def backward_of(plan, X, dys, **options):
    gradient = np.empty(plan.program.n_parameters, X.dtype)
    assert plan.backward(X, dys, gradient, **options)
    return gradient


def noting(outputs, dys, _, y):
    outputs.append(y)
    return np.zeros(len(y)), dys


def test_given_derivatives_go_back_as_the_oracle_says(variant):
    for program in PROGRAMS.values():
        exact = parameters(program, variant.DTYPE).astype(np.float64)
        X, dys = data(program, 23, variant.DTYPE)[0], derivatives(program, 23, variant.DTYPE)
        running = statistics(program, np.float64)
        mode = reference.Training(5, 0, statistics=running)
        records = reference.tape(program, exact, X.astype(np.float64), mode)
        dz = DERIVATIVE[program.link](records[-1][2], dys.astype(np.float64), 0.0)
        plan, asked = make_plan(variant, program), make_plan(variant, program)
        gradient = backward_of(plan, X, dys, seed=5)
        close(variant, gradient, backward(program, exact, records, mode, dz))
        reference.average_statistics(program, records, running)
        close(variant, read_statistics(plan), running)
        outputs = []
        function = partial(noting, outputs, dys)
        given = backward_of(asked, X, function, seed=5)
        assert given.tobytes() == gradient.tobytes()
        assert state(asked) == state(plan), "and the weights are those of before"
        assert read(plan).tobytes() == parameters(program, variant.DTYPE).tobytes()
        close(variant, outputs[0], reference.formulas.ACTIVATION[program.link](records[-1][2], 0.0))


def ready(module, program, **options):
    """A plan whose batchnorms have seen data."""
    plan = module.Plan(program, **options)
    plan.set_parameters(parameters(program, module.DTYPE))
    plan.set_statistics(np.random.default_rng(6).uniform(0.5, 2, program.n_statistics).astype(module.DTYPE))
    return plan


def test_slopes_of_predictions_by_finite_differences():
    module, h = engine.load("float64"), 1e-6
    rng = np.random.default_rng(0)
    for name, program in PROGRAMS.items():
        plan, weights = ready(module, program, to_inputs=True), parameters(program, np.float64)
        X, dys = data(program, 60, np.float64)[0], derivatives(program, 60, np.float64)
        gradient = backward_of(plan, X, dys, training=False)
        by_inputs = np.empty((60, 1, program.n_features))
        plan.input_gradient(X, dys, by_inputs)
        by_each = np.empty((60, program.n_outputs, program.n_features))
        plan.input_gradient(X, None, by_each)
        np.testing.assert_allclose(np.einsum("nk,nkf->nf", dys, by_each), by_inputs[:, 0], rtol=1e-9, atol=1e-12)
        before = state(plan)
        for _ in range(3):
            v, V = rng.standard_normal(weights.shape), rng.standard_normal(X.shape)
            V[:, [column for column, *_ in program.categories]] = 0.0  # what lies between categories is none
            ahead, behind = ((dys * plan.predict(X + step * V)).sum() for step in (h, -h))
            assert (by_inputs[:, 0] * V).sum() == pytest.approx((ahead - behind) / (2 * h), rel=1e-5, abs=1e-6), name
            ends = []
            for step in (h, -h):
                plan.set_parameters(weights + step * v)
                ends.append((dys * plan.predict(X)).sum())
            plan.set_parameters(weights)
            assert gradient @ v == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-5, abs=1e-6), name
        assert state(plan) == before, "nothing has changed"


def test_bits_do_not_depend_on_threads_or_instruction_sets(threads):
    own, found = lower(LAYERS, 5, squares), {"float32": set(), "float64": set()}
    wide = lower([Dense(40, "tanh"), Dense(2)], 5, squares)
    for module in FUSED.values():
        for n_threads in (1, 2):
            threads(n_threads)
            parts = []
            for program in (own, wide):
                X, target = data(program, 3000, module.DTYPE)
                plan = ready(module, program, to_inputs=True)
                parts.append(backward_of(plan, X, target))
                assert plan.threads_used == n_threads
                plan.set_optimizer(Adam(0.01, clip_norm=1.0))
                assert plan.apply_gradient(parts[-1], 0.01)
                losses = plan.train(X, target, np.abs(target[:, 0]), epochs=2, batch_size=2500, seed=3).losses
                out = np.empty((len(X), 1, program.n_features), module.DTYPE)
                plan.input_gradient(X, target, out)
                parts += [losses, np.frombuffer(state(plan), np.uint8), out, plan.evaluate(X, target)]
            found[module.DTYPE.name].add(b"".join(np.asarray(part).tobytes() for part in parts))
    assert [len(bits) for bits in found.values()] == [1, 1]


def test_a_loss_of_python_has_the_bits_of_the_built_in(variant):
    for layers in (LAYERS, [Dense(20, "relu"), Dense(1)], LAYERED["residual last"][0] + [Dense(4)]):
        built_in, own = lower(layers, 5, "mse"), lower(layers, 5, squares)
        X, target = data(built_in, 700, variant.DTYPE)
        weight = np.abs(X[:, 0])
        for batch_size in (700, 64, 37):
            ends, results = set(), []
            for program in (built_in, own):
                plan = make_plan(variant, program, Adam(0.01))
                predictions = np.empty_like(target)
                options = {"epochs": 2, "batch_size": batch_size, "seed": 7, "predictions": predictions}
                validation = X[:99], target[:99], weight[:99], None
                result = plan.train(X, target, weight, **options, validation=validation, recorded=np.array([1]))
                results.append([result.losses, result.scores, result.records, predictions])
                value = plan.loss_and_gradient(X, target, weight, gradient := np.empty_like(read(plan)), seed=1)
                ends.add((state(plan), value, gradient.tobytes(), plan.evaluate(X, target, weight)))
            assert len(ends) == 1
            for one, other in zip(*results, strict=True):
                assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("optimizer", [*RULES, *CLIPPED], ids=repr)
def test_an_update_by_a_given_gradient_is_that_of_a_step(variant, optimizer):
    program = lower(LAYERS, 5, "mse")
    X, target = data(program, 300, variant.DTYPE)
    one, other = (make_plan(variant, program, optimizer) for _ in range(2))
    share = variant.DTYPE.type(1 / len(X)) / variant.DTYPE.type(program.n_outputs)
    for _ in range(3):
        one.train(X, target, None, batch_size=len(X), shuffle=False, seed=2)
        gradient = backward_of(other, X, lambda _, y: (np.zeros(len(y)), 2 * (y - target) * share), seed=2)
        assert other.apply_gradient(gradient, optimizer.rate)
        assert state(one) == state(other)
    assert other.iterations == 3


def test_an_update_that_overflows_is_undone(variant):
    plan = make_plan(variant, mixed_network(), SGD(0.1))
    before = state(plan)
    gradient = np.full(plan.program.n_parameters, np.finfo(variant.DTYPE).max, variant.DTYPE)
    assert not plan.apply_gradient(gradient, 1e30)
    assert state(plan) == before
    assert plan.apply_gradient(gradient, 0.0)


def test_what_does_not_fit_is_refused(variant):
    program = mixed_network()
    plan, X = make_plan(variant, program, SGD(0.1)), data(program, 5, variant.DTYPE)[0]
    gradient = np.empty(program.n_parameters, variant.DTYPE)
    ones = np.ones((5, 3), variant.DTYPE)
    with pytest.raises(ValueError, match="dys has 4 rows, X has 5"):
        plan.backward(X, ones[:4], gradient)
    with pytest.raises(ValueError, match="the derivatives has 2 columns"):
        plan.backward(X, lambda _, y: (np.zeros(5), np.ascontiguousarray(ones[:, :2])), gradient)
    with pytest.raises(ValueError, match="gradient has length 1, the program has"):
        plan.apply_gradient(gradient[:1], 0.1)
    with pytest.raises(RuntimeError, match="made without to_inputs"):
        plan.input_gradient(X, ones, np.empty((5, 1, 5), variant.DTYPE))
    inputs = ready(variant, program, to_inputs=True)
    with pytest.raises(ValueError, match=r"out must have shape \(5, 3, 5\)"):
        inputs.input_gradient(X, None, np.empty((5, 1, 5), variant.DTYPE))
    own = make_plan(variant, lower([Dense(2)], 5, squares), SGD(0.1))
    with pytest.raises(ValueError, match="target has 7 columns, the network has 2 outputs"):
        target = np.ones((5, 7), variant.DTYPE)
        own.train(X, target, None, predictions=np.empty((5, 2), variant.DTYPE), thresholds=np.array([0.5]))
    with pytest.raises(ValueError, match="a loss of its own, which lanes do not ask"):
        variant.train_together([own], [{"X": X, "target": ones[:, :2].copy()}])
