"""Rows of uint8, int8, int16 and float16, widened as the engine reads them: the bits of those that were before."""

import numpy as np
import pytest
from engine_networks import LAYERED, make_plan, network, state

from nncore import Adam
from nncore.layers import Dense
from nncore.program import lower

KINDS = ("uint8", "int8", "int16", "float16")


def rows(kind, n, n_features):
    """Numbers of all sizes: of float16 subnormal ones, too."""
    rng = np.random.default_rng(n)
    if kind != "float16":
        limits = np.iinfo(kind)
        return rng.integers(limits.min, limits.max + 1, (n, n_features), dtype=kind)
    return (rng.normal(size=(n, n_features)) * 10.0 ** rng.integers(-8, 4, (n, n_features))).astype(kind)


def trained(variant, program, X, labels, **options):
    plan = make_plan(variant, program, Adam(0.01))
    predictions = np.empty((len(X), program.n_outputs), variant.DTYPE)
    validation = X[:9], labels[:9], None, None
    result = plan.train(X, labels, None, epochs=2, predictions=predictions, validation=validation, seed=4, **options)
    return result.losses.tobytes(), result.scores.tobytes(), predictions.tobytes(), state(plan)


@pytest.mark.parametrize("kind", KINDS)
def test_training_scores_and_predictions_have_the_bits_of_widened_rows(variant, kind, threads):
    """Widths: below a vector, several panels, more than are widened at once; some predict in columns."""
    for n_features in (2, 13, 64, 530):
        program, X = network([n_features, 19, 3]), rows(kind, 131, n_features)
        labels = np.arange(len(X), dtype=np.int32) % 3
        wide = X.astype(variant.DTYPE)
        for n_threads, options in ((1, {"batch_size": 16}), (2, {"batch_size": 100}), (1, {"shuffle": False})):
            threads(n_threads)
            expected = trained(variant, program, wide, labels, **options)
            assert trained(variant, program, X, labels, **options) == expected
            windows = {"windows": (10, 32), "batch_size": 16}
            assert trained(variant, program, X, labels, **windows) == trained(variant, program, wide, labels, **windows)
        plan, flat = make_plan(variant, program), np.empty(program.n_parameters, variant.DTYPE)
        for n in (0, 1, 3, 17, 131):
            assert plan.predict(X[:n]).tobytes() == plan.predict(wide[:n]).tobytes()
            if n:
                losses = [plan.evaluate(array[:n], labels[:n]) for array in (X, wide)]
                losses += [plan.loss_and_gradient(array[:n], labels[:n], None, flat) for array in (X, wide)]
                assert losses[0] == losses[1] and losses[2] == losses[3]


def test_a_network_that_begins_with_a_norm_and_derivatives_by_rows(variant):
    program, X = lower(*LAYERED["layer norm first"]), rows("int8", 60, 18)
    dys = np.ones((1, 60, 2), variant.DTYPE)
    plan, other = make_plan(variant, program), make_plan(variant, program)
    wide = X.astype(variant.DTYPE)
    assert plan.predict(X).tobytes() == other.predict(wide).tobytes()
    assert plan.backpropagate(X, dys)[0][0].tobytes() == other.backpropagate(wide, dys)[0][0].tobytes()


def test_every_half_is_what_numpy_makes_of_it(variant):
    """Read by a network that returns them; NaN and infinity, which are refused before, stay what they are."""
    plan = make_plan(variant, lower([Dense(1, use_bias=False)], 1, "mse"))
    plan.set_parameters(np.ones(1, variant.DTYPE))
    X = np.arange(2**16, dtype=np.uint16).view(np.float16)[:, None]
    with np.errstate(invalid="ignore"):  # comparing NaN
        out = np.empty(X.shape, variant.DTYPE)
        plan.evaluate(X, np.zeros_like(out), None, out)
        np.testing.assert_array_equal(out, X.astype(variant.DTYPE))
        X = X[np.isfinite(X)][:, None]
        np.testing.assert_array_equal(plan.predict(X), X.astype(variant.DTYPE))


def test_windows_that_are_fed_may_be_narrow_and_what_cannot_be_read_is_refused(variant):
    program, X = network([5, 4, 3]), rows("uint8", 64, 5)
    labels = np.arange(64, dtype=np.int32) % 3

    def fed(X):
        plan = make_plan(variant, program, Adam(0.01))
        options = {"windows": (64, 32), "shuffle": False, "batch_size": 16}
        plan.train(None, labels, feed=lambda _, window: X[32 * window : 32 * window + 32], **options)
        return state(plan)

    assert fed(X) == fed(X.astype(variant.DTYPE))
    plan = make_plan(variant, program, Adam(0.01))
    for wrong in (X.astype("uint16"), X.astype(">i2"), np.asfortranarray(X), X[:, :4].copy(), X[0], X.astype(bool)):
        for call in (lambda X=wrong: plan.train(X, labels), lambda X=wrong: plan.predict(X), lambda X=wrong: fed(X)):
            with pytest.raises((ValueError, TypeError), match=r"expected at least one row of 5 features|must have 32"):
                call()
    with pytest.raises(TypeError, match="ndarray"):
        plan.train(X.tolist(), labels)
    with pytest.raises(ValueError, match=f"X of plan 0 is not of {variant.DTYPE}, which lanes read alone"):
        variant.train_together([plan], [{"X": X, "target": labels, "batch_size": 16}])
