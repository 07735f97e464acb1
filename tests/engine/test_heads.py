"""Several losses: what the engine makes of each, by itself and in their sum; threads, cuts and instruction sets."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import FUSED
from engine_networks import SEVERAL, data, layered_network, make_plan, network, read, state

from nncore import Adam, engine, losses, reference
from nncore.layers import Dense
from nncore.program import Head, lower

SEVEN = [
    (losses.MeanSquaredError(mask_missing=True), 2),
    (losses.SparseCategoricalCrossentropy(), 3),
    (losses.BinaryCrossentropy(label_smoothing=0.1), 2),
    (losses.SparseCategoricalCrossentropy(label_smoothing=0.2), 4),
    (losses.Pinball([0.1, 0.5, 0.9]), 6),
    (losses.GaussianNegativeLogLikelihood(), 4),
    (losses.Poisson(), 1),
]


def ending(parts, weights):
    """A chain whose last row ends with so many losses; it can go through columns, as one with branches cannot."""
    chain, heads, first = lower([Dense(9, "tanh"), Dense(sum(n for _, n in parts))], 5, "mse"), [], 0
    for (loss, n), weight in zip(parts, weights, strict=True):
        link, reading = loss.activation or loss.link or "identity", loss.reading(n)
        heads.append(Head(loss.name, first, n, loss.kernel, loss.parameter, link, reading, weight))
        first += n
    return replace(chain, loss="several", link="several", heads=tuple(heads))


def rows(program, n, dtype):
    """X and targets; of the first head some are missing."""
    X, target = data(program, n, dtype)
    target[::3, 0] = np.nan
    return X, target


def test_all_losses_side_by_side_agree_with_the_oracle(variant):
    program = ending(SEVEN, [1.0, 0.5, 2.0, 0.25, 1.5, 1.0, 0.0])
    X, target = rows(program, 61, variant.DTYPE)
    plan, weight = make_plan(variant, program), np.linspace(0, 2, 61).astype(variant.DTYPE)
    gradient, exact = np.empty(program.n_parameters, variant.DTYPE), X.astype(np.float64)
    weights = read(plan).astype(np.float64)
    value = plan.loss_and_gradient(X, target, weight, gradient)
    expected, slopes = reference.loss_and_gradient(program, weights, exact, target, weight)
    tolerance = {"float32": 1e-5, "float64": 1e-13}[variant.DTYPE.name]
    np.testing.assert_allclose(value, expected, rtol=tolerance)
    np.testing.assert_allclose(gradient, slopes, rtol=0, atol=tolerance * np.abs(slopes).max())
    outputs, of_heads = np.empty((61, program.n_outputs), variant.DTYPE), np.empty((7, 61))
    assert plan.evaluate(X, target, weight, outputs, None, of_heads) == value
    np.testing.assert_allclose(of_heads.mean(1) @ [head.weight for head in program.heads], value, rtol=1e-12)
    np.testing.assert_allclose(outputs, reference.forward(program, weights, exact), rtol=0, atol=100 * tolerance)
    assert program.n_targets == target.shape[1] == 11


def test_how_rows_are_cut_changes_no_bit(variant):
    program = ending(SEVEN, [1.0] * 7)
    X, target = rows(program, 61, variant.DTYPE)
    plan, outputs, of_heads = make_plan(variant, program), np.empty((61, 22), variant.DTYPE), np.empty((7, 61))
    plan.evaluate(X, target, None, outputs, None, of_heads)
    for size in (1, 2, 7, 16, 17, 33):
        cuts = [slice(start, start + size) for start in range(0, 61, size)]
        assert np.vstack([plan.predict(X[cut]) for cut in cuts]).tobytes() == outputs.tobytes()
        parts = [np.empty((7, len(X[cut]))) for cut in cuts]
        for cut, part in zip(cuts, parts, strict=True):
            plan.evaluate(X[cut], target[cut], None, None, None, part)
        assert np.hstack(parts).tobytes() == of_heads.tobytes()


@pytest.mark.parametrize("k", range(7))
def test_a_loss_alone_has_the_bits_of_its_own_network(k):
    """The weights of all others are 0: they add nothing to any sum."""
    loss, n = SEVEN[k]
    for module in map(engine.load, ("float32", "float64")):
        program = ending(SEVEN, np.eye(7)[k].tolist())
        head, first = program.heads[k], sum(head.n_targets for head in program.heads[:k])
        single = lower([Dense(9, "tanh"), Dense(n, loss.activation)], 5, loss)
        X, target = rows(program, 45, module.DTYPE)
        own = target[:, first : first + head.n_targets]
        own = own[:, 0].astype(np.int32) if head.loss.startswith("sparse") else np.ascontiguousarray(own)
        many, one, flat = make_plan(module, program), module.Plan(single), read(make_plan(module, program))
        last = flat[54:].reshape(10, 22)[:, head.first : head.first + n]
        one.set_parameters(np.concatenate([flat[:54], last.ravel()]))
        options = {"epochs": 3, "batch_size": 16, "seed": 4}
        for plan in (many, one):
            plan.set_optimizer(Adam(0.01))
        found, alone = many.train(X, target, None, **options), one.train(X, own, None, **options)
        assert found.losses.tobytes() == alone.losses.tobytes() == found.head_losses[:, k].tobytes()
        assert alone.head_losses.shape == (3, 0)
        after = read(many)
        last = after[54:].reshape(10, 22)[:, head.first : head.first + n]
        assert np.array_equal(np.concatenate([after[:54], last.ravel()]), read(one))


def test_threads_and_instruction_sets_change_no_bit(threads):
    program, found = layered_network(next(iter(SEVERAL))), {"float32": set(), "float64": set()}
    for module in FUSED.values():
        X, target = data(program, 700, module.DTYPE)
        for n_threads in (1, 2):
            threads(n_threads)
            plan = make_plan(module, program, Adam(0.01))
            result = plan.train(X, target, None, epochs=2, batch_size=128, seed=1)
            of_heads = np.empty((4, 700))
            plan.evaluate(X, target, None, None, None, of_heads)
            kept = (state(plan), result.losses.tobytes(), result.head_losses.tobytes(), of_heads.tobytes())
            found[module.DTYPE.name].add(b"".join(kept))
    assert [len(bits) for bits in found.values()] == [1, 1]


def test_what_does_not_fit_is_refused(variant):
    program = ending(SEVEN[:2], [1.0, 1.0])
    plan, (X, target) = make_plan(variant, program), rows(program, 5, variant.DTYPE)
    with pytest.raises(ValueError, match="target has 2 columns, the network's loss reads 3"):
        plan.evaluate(X, np.ascontiguousarray(target[:, :2]), None)
    with pytest.raises(ValueError, match=r"head_losses has shape \(2, 4\), there are 2 head\(s\) and 5 rows"):
        plan.evaluate(X, target, None, None, None, np.empty((2, 4)))
    with pytest.raises(ValueError, match="the heads have 5 outputs, the network has 6"):
        variant.Plan(replace(program, rows=network([5, 9, 6]).rows, n_outputs=6))
    with pytest.raises(ValueError, match="a head has 0 outputs, the network has 5"):
        variant.Plan(replace(program, heads=(*program.heads, replace(program.heads[0], n_outputs=0))))
    own = replace(program.heads[1], loss="custom")
    with pytest.raises(ValueError, match="a loss of the user's own cannot be one of several"):
        variant.Plan(replace(program, heads=(program.heads[0], own)))
    plain = make_plan(variant, network([5, 9, 3]))
    with pytest.raises(ValueError, match=r"there are 1 head\(s\)"):
        plain.evaluate(X, np.zeros(5, np.int32), None, None, None, np.empty((1, 5)))
    assert plan.step(X, target, None, 0.1, 0, 5, None) is None  # Python gathers their targets first


def test_lanes_leave_them_alone():
    module = engine.load("float32")
    program = ending(SEVEN[:2], [1.0, 1.0])
    plans, (X, target) = [make_plan(module, program, Adam(0.01)) for _ in "ab"], data(program, 20, module.DTYPE)
    with pytest.raises(ValueError, match="plan 0 has several losses, which lanes do not add up"):
        module.train_together(plans, [{"X": X, "target": target}] * 2)
