"""Models trained on the losses beyond the first six: predictions, metrics, files, lanes, threads, errors."""

import copy
import pickle

import numpy as np
import pytest

import nncore
from nncore import (
    Adam,
    BinaryCrossentropy,
    CategoricalFocalCrossentropy,
    Dense,
    GaussianNegativeLogLikelihood,
    Hinge,
    Huber,
    KLDivergence,
    MeanSquaredError,
    Pinball,
    Poisson,
    Sequential,
    SparseCategoricalCrossentropy,
    fit_many,
    metrics,
    reference,
)
from nncore.training.state import converted

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (300, 2))
NOISE = RNG.standard_normal(300)
Y = X[:, 0] + np.where(X[:, 1] > 0, 1.0, 0.1) * NOISE
COUNTS = RNG.poisson(np.exp(1 + X[:, 0]))
SIGNS = np.where(X[:, 0] + 0.1 * NOISE > 0, 1, -1)
TWO = np.column_stack([Y, -Y])
HOLES = np.where(RNG.random((300, 2)) < 0.4, np.nan, TWO)

CASES = {
    "poisson": (Poisson(), [Dense(1, "exponential")], COUNTS),
    "hinge": (Hinge(), [Dense(1)], SIGNS),
    "pinball": (Pinball([0.1, 0.5, 0.9]), [Dense(3)], Y),
    "two pinballs": (Pinball([0.1, 0.9]), [Dense(4)], TWO),
    "gaussian": (GaussianNegativeLogLikelihood(), [Dense(2)], Y),
    "masked": (Huber(mask_missing=True), [Dense(2)], HOLES),
    "weighted": (MeanSquaredError(output_weights=[1, 0.2]), [Dense(2)], TWO),
    "pos_weight": (BinaryCrossentropy(pos_weight=3, label_smoothing=0.1), [Dense(1, "sigmoid")], SIGNS > 0),
    "smooth": (SparseCategoricalCrossentropy(label_smoothing=0.1), [Dense(3, "softmax")], COUNTS % 3),
    "focal": (CategoricalFocalCrossentropy(), [Dense(3, "softmax")], COUNTS % 3),
    "kl": (KLDivergence(), [Dense(3, "softmax")], COUNTS % 3),
}


def new_model(name, dtype="float64", **options):
    loss, last, _ = CASES[name]
    model = Sequential([Dense(8, "tanh"), *last], seed=1, dtype=dtype)
    model.compile(Adam(0.02), loss, **options)
    return model


@pytest.mark.parametrize("name", CASES)
def test_training_is_the_oracles(name, threads):
    """Predictions of the engine by tiles, by columns and of single rows, one thread or three; files and pickles."""
    _, _, y = CASES[name]
    model, other = new_model(name), new_model(name)
    threads(1)
    history = model.fit(X, y, epochs=30, batch_size=64)
    threads(3)
    other.fit(X, y, epochs=30, batch_size=64)
    assert np.array_equal(model.parameters, other.parameters) and history.loss[-1] < history.loss[0]
    predicted, expected = model.predict(X), reference.forward(model.program, model.parameters, X)
    np.testing.assert_allclose(predicted, expected, rtol=1e-9, atol=1e-12)
    one = model.predictor()
    assert all(np.array_equal(one(X[i]), predicted[i]) for i in range(3))
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.loss == model.loss and np.array_equal(again.predict(X), predicted)
    scores = model.evaluate(X, y)
    target = converted(model.program, model._state, X, y, None).target
    exact = reference.loss(model.program, model.parameters, X, target)
    assert scores["loss"] == pytest.approx(exact, rel=1e-10)
    value, gradient = model.loss_and_gradient(X[:50], y[:50])
    expected = reference.loss_and_gradient(model.program, model.parameters, X[:50], target[:50])
    assert value == pytest.approx(expected[0], rel=1e-10)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_files_steps_and_many_networks_give_the_same_bits(name, tmp_path):
    loss, _, y = CASES[name]
    model = new_model(name, "float32")
    step_by_step = new_model(name, "float32")
    model.fit(X, y, epochs=2, batch_size=100, shuffle=False)
    model.save(tmp_path / "m.safetensors")
    assert nncore.load(tmp_path / "m.safetensors").loss == loss
    step_by_step.build(2)
    step = step_by_step.stepper()
    for _ in range(2):
        for start in range(0, 300, 100):
            step(X[start : start + 100].astype(np.float32), y[start : start + 100])
    assert np.array_equal(step_by_step.parameters, model.parameters)
    several = [new_model(name, "float32") for _ in range(9)]
    fit_many(several, X, y, epochs=2, batch_size=100, shuffle=False)
    assert all(np.array_equal(one.parameters, model.parameters) for one in several)
    explained = model.explain_step(X[:5], y[:5])
    assert np.array_equal(explained.prediction, model.predict(X[:5]))


def test_quantiles_do_not_cross_and_are_quantiles():
    model = new_model("pinball", metrics=["mae", "r2", lambda y_true, y_pred: y_pred.shape[1]])
    history = model.fit(X, Y, epochs=150, validation_data=(X, Y))
    predicted = model.predict(X)
    assert (np.diff(predicted, axis=1) >= 0).all()
    below = (Y[:, None] < predicted).mean(axis=0)
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.06)
    assert history["val_mae"][-1] == pytest.approx(np.abs(predicted[:, 1] - Y).mean())
    assert history["val_<lambda>"][-1] == 3
    crossing = Sequential([Dense(3, use_bias=False)], dtype="float64")
    crossing.compile(loss=Pinball([0.1, 0.5, 0.9]))
    crossing.build(1)
    crossing.set_weights([[[3.0, 2.0, 1.0]]])
    assert crossing.predict([[1.0]]).tolist() == [[1, 2, 3]]
    assert crossing.evaluate([[1.0]], [2.0])["loss"] == pytest.approx((0.9 + 0 + 0.9) / 3)  # of raw outputs
    assert np.isnan(crossing.predict(np.full((40, 1), 1e308))).sum() == 0


def test_a_gaussian_finds_mean_and_spread():
    model = new_model("gaussian", metrics=["mae", metrics.r2_score])
    history = model.fit(X, Y, epochs=200, validation_data=(X, Y))
    mean, variance = model.predict(X).T
    assert variance.min() > 0
    wide, narrow = np.sqrt(variance[X[:, 1] > 0.2]).mean(), np.sqrt(variance[X[:, 1] < -0.2]).mean()
    assert wide == pytest.approx(1, rel=0.25) and narrow < 0.35
    assert history["val_mae"][-1] == pytest.approx(np.abs(mean - Y).mean())
    assert history["val_r2_score"][-1] == pytest.approx(metrics.r2_score(Y[:, None], mean[:, None]))


def test_metrics_count_what_was_measured():
    model = new_model("masked", metrics=["mae", "r2", lambda y_true, y_pred: float(np.isnan(y_true).sum())])
    model.fit(X, HOLES, epochs=5)
    predicted, there = model.predict(X), ~np.isnan(HOLES)
    scores = model.evaluate(X, HOLES)
    maes = [np.abs(predicted[there[:, j], j] - HOLES[there[:, j], j]).mean() for j in range(2)]
    assert scores["mae"] == pytest.approx(np.mean(maes)) and scores["<lambda>"] == 0
    answers = np.where(RNG.random((300, 2)) < 0.3, np.nan, np.column_stack([SIGNS > 0, SIGNS < 0]))
    yes = Sequential([Dense(2, "sigmoid")], seed=0)
    yes.compile(Adam(0.05), BinaryCrossentropy(mask_missing=True), metrics=["accuracy"])
    history = yes.fit(X, answers, epochs=30, validation_data=(X, answers))
    assert history["val_accuracy"][-1] > 0.9
    with pytest.raises(ValueError, match="y holds no target that was measured"):
        model.fit(X, np.full((300, 2), np.nan))
    with pytest.raises(ValueError, match="Input y contains infinity"):
        model.fit(X, np.where(there, np.inf, np.nan))
    plain = Sequential([Dense(2)])
    with pytest.raises(ValueError, match=r"Input y contains NaN: .* with mask_missing=True the loss counts NaN as not"):
        plain.fit(X, HOLES)


def test_metrics_of_one_target_get_all_that_is_said_of_it():
    there = ~np.isnan(HOLES)
    quantiles, gaussian = Pinball([0.1, 0.5, 0.9], mask_missing=True), GaussianNegativeLogLikelihood(mask_missing=True)
    for loss, of_target in ((quantiles, lambda j: [3 * j, 3 * j + 1, 3 * j + 2]), (gaussian, lambda j: [j, 2 + j])):
        seen = []
        model = Sequential([Dense(loss.outputs_for(2))], seed=1, dtype="float64")
        model.compile("adam", loss, metrics=["mae", lambda y_true, y_pred, seen=seen: seen.append(y_pred) or 0.0])
        model.fit(X, HOLES, validation_data=(X, HOLES))
        seen.clear()
        found, predicted = model.evaluate(X, HOLES), model.predict(X)
        told = [predicted[there[:, j]][:, of_target(j)] for j in range(2)]
        assert all(np.array_equal(one, other) for one, other in zip(seen[-2:], told, strict=True))
        best = [np.abs(told[j][:, len(of_target(j)) // 3] - HOLES[there[:, j], j]).mean() for j in range(2)]
        assert found["mae"] == pytest.approx(np.mean(best))


def test_a_batch_in_which_nothing_was_measured_is_a_step():
    targets = HOLES.copy()
    targets[:100] = np.nan
    model, by_batches, by_steps = (new_model("masked") for _ in range(3))
    model.fit(X, targets, batch_size=100, shuffle=False)
    by_steps.build(2)
    step = by_steps.stepper()
    for start in (0, 100, 200):
        batch = X[start : start + 100], targets[start : start + 100]
        assert by_batches.train_on_batch(*batch) == step(*batch)
    assert np.array_equal(model.parameters, by_batches.parameters)
    assert np.array_equal(model.parameters, by_steps.parameters)
    assert model.loss_and_gradient(X[:100], targets[:100])[0] == 0
    for ask in (
        lambda: model.evaluate(X[:100], targets[:100]),
        lambda: model.fit(X, targets, validation_data=(X[:100], targets[:100])),
        lambda: fit_many([model], X, targets, rows=[np.arange(100)]),
    ):
        with pytest.raises(ValueError, match="holds no target that was measured"):
            ask()


def test_hinges_take_signs_or_zeros_and_ones():
    by_signs, by_numbers = new_model("hinge", metrics=["accuracy"]), new_model("hinge", metrics=["accuracy"])
    history = by_signs.fit(X, SIGNS, epochs=30, class_weight="balanced", validation_data=(X, SIGNS))
    by_numbers.fit(X, SIGNS > 0, epochs=30, class_weight="balanced")
    assert np.array_equal(by_signs.parameters, by_numbers.parameters)
    right = (by_signs.predict(X)[:, 0] > 0) == (SIGNS > 0)
    assert history["val_accuracy"][-1] == pytest.approx(right.mean()) and right.mean() > 0.9
    assert np.array_equal(by_signs.predict_classes(X), by_signs.predict(X)[:, 0] > 0)
    with pytest.raises(ValueError, match="predict_proba needs probabilities, and hinge has margins"):
        by_signs.predict_proba(X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: new_model("poisson").fit(X, -COUNTS),
            r"poisson needs targets >= 0, counts or rates, got -\d+ at row 0",
        ),
        (lambda: new_model("hinge").fit(X, COUNTS), r"hinge needs targets -1 and 1, or 0 and 1, got \d at row \d+; "),
        (
            lambda: new_model("hinge").fit(X, SIGNS * (NOISE > 0)),
            "hinge needs targets -1 and 1, or 0 and 1, got -?\\d",
        ),
        (lambda: new_model("pinball").fit(X, TWO), r"y has shape \(300, 2\), expected \(300,\) or \(300, 1\)"),
        (lambda: new_model("gaussian").fit(X, TWO), r"the network has outputs for 1 target\(s\)"),
        (lambda: new_model("kl").fit(X, TWO[:, [0, 1, 1]]), r"kl_divergence needs targets in 0..1"),
        (lambda: new_model("weighted").fit(X, TWO, solver="lm"), "output_weights or mask_missing; use solver='lbfgs'"),
        (
            lambda: Sequential([Dense(1)]).compile(loss="poisson"),
            r"to be 'exponential', got 'identity'; .*log_in",
        ),
        (
            lambda: Sequential([Dense(1, "relu")]).compile(loss=Poisson(True)),
            "to have no activation, got 'relu'",
        ),
        (
            lambda: Sequential([Dense(1, "sigmoid")]).compile(loss="hinge"),
            r"to be none or 'tanh', got 'sigmoid'",
        ),
        (lambda: Sequential([Dense(1)]).compile(loss="gaussian_negative_log_likelihood"), "needs 2 outputs for each"),
        (lambda: Sequential([Dense(2)]).compile(loss=Pinball([0.1, 0.5, 0.9])), r"needs 3 outputs .* Dense\(3\)"),
        (
            lambda: Sequential([Dense(2)]).compile(loss=Huber(output_weights=[1])),
            "output_weights must have a value",
        ),
        (
            lambda: Sequential([Dense(2)]).compile(loss="gaussian_nll"),
            "did you mean 'gaussian_negative_log_lik",
        ),
        (lambda: nncore.QuantileLoss, "has no attribute 'QuantileLoss'"),
    ],
)
def test_what_does_not_suit_is_named(make, message):
    with pytest.raises((ValueError, AttributeError), match=message):
        make()


def test_the_last_layer_infers_poisson():
    model = Sequential([Dense(1, "exponential")], seed=0)
    assert model.loss == Poisson()
    model.fit(X, COUNTS, epochs=300, solver="lbfgs")
    assert model.predict(X).mean() == pytest.approx(COUNTS.mean(), rel=1e-3)  # as a maximum of the likelihood has it


def test_ensembles_score_their_mean():
    for name in ("poisson", "gaussian"):
        members = [new_model(name) for _ in range(2)]
        fit_many(members, X, CASES[name][2], epochs=3)
        assert nncore.Ensemble(members).evaluate(X, CASES[name][2])["loss"] == pytest.approx(
            members[0].evaluate(X, CASES[name][2])["loss"], rel=1e-9
        )


def test_networks_trained_together_read_targets_each_in_its_way():
    masked, plain = new_model("masked"), Sequential([Dense(2)], seed=0)
    plain.compile(loss=Huber())
    with pytest.raises(ValueError, match=r"models\[1\].*Input y contains NaN"):
        fit_many([masked, plain], X, HOLES, epochs=1)
