"""What the estimators make of rows and labels, the networks they build, how training goes on and ends."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse
from estimator_rows import NAMES, QUICK, X_NUMBERS, Y_NUMBERS, X, Y, weights
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import mean_poisson_deviance
from sklearn.preprocessing import scale
from sklearn.utils.multiclass import type_of_target, unique_labels

from nncore import (
    STOP,
    Adam,
    BatchNorm,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    GaussianNegativeLogLikelihood,
    LambdaCallback,
    LayerNorm,
    Pinball,
    Poisson,
    Residual,
    Sequential,
)
from nncore.base import memory
from nncore.losses import CategoricalCrossentropy, Huber
from nncore.sklearn import Classifier, MLPClassifier, MLPRegressor, Perceptron, Regressor, rows
from nncore.sklearn.targets import Labels
from nncore.solvers import LBFGS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X_CANCER, Y_CANCER = load_breast_cancer(return_X_y=True)
X_CANCER = scale(X_CANCER)


# ---------------------------------------------------------------------------------------------------------- rows and y


def test_labels_of_any_kind():
    for labels in (NAMES, NAMES.astype(object), Y - 1, Y * 10.0, list(NAMES)):
        fitted = MLPClassifier((8,), solver="lbfgs", **QUICK).fit(X, labels)
        assert set(fitted.predict(X)) <= set(labels) and fitted.score(X, labels) > 0.9
        assert fitted.predict(X).dtype == fitted.classes_.dtype == unique_labels(labels).dtype
    two = MLPClassifier((8,), **QUICK).fit(X, Y == 1)
    assert two.predict(X).dtype == bool and two.predict_proba(X).shape == (150, 2) and two.model_.program.n_outputs == 1
    one = MLPClassifier((8,), **QUICK).fit(X, ["only"] * 150)
    assert set(one.predict(X)) == {"only"}


@pytest.mark.parametrize("make", [lambda: MLPClassifier((16,), **QUICK), lambda: Classifier(epochs=20, random_state=0)])
def test_several_labels(make):
    X, y = make_multilabel_classification(100, random_state=0)
    dense, sparse = make().fit(X, y), make().fit(X, scipy.sparse.csr_matrix(y))
    assert np.array_equal(dense.predict_proba(X), sparse.predict_proba(X))
    assert dense.predict(X).shape == y.shape and set(np.unique(dense.predict(X))) == {0, 1}
    assert dense.model_.last_activation == "sigmoid"
    with pytest.raises(ValueError, match="expected a column for each of 5 labels"):
        make().fit(X, y, X_val=X, y_val=y[:, :4])


def test_float32_stays():
    for estimator in (MLPRegressor(**QUICK), Regressor(epochs=2)):
        assert estimator.fit(X_NUMBERS.astype(np.float32), Y_NUMBERS).predict(X_NUMBERS).dtype == np.float32
        assert estimator.fit(X_NUMBERS, Y_NUMBERS).model_.dtype == np.float64
        assert estimator.set_params(dtype="float32").fit(X_NUMBERS, Y_NUMBERS).model_.dtype == np.float32
        mixed = clone(estimator.set_params(dtype="mixed_bfloat16")).fit(X_NUMBERS, Y_NUMBERS)
        assert mixed.model_.dtype_policy == "mixed_bfloat16" and mixed.predict(X_NUMBERS).dtype == np.float32


def test_sparse_rows_are_the_dense_ones(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 7 * 4 * 8)  # seven rows
    for kind in (scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_matrix):
        dense, sparse = (MLPClassifier((8,), **QUICK).fit(rows_, NAMES) for rows_ in (X, kind(X)))
        assert np.array_equal(dense.predict_proba(X), sparse.predict_proba(kind(X)))
    monkeypatch.setattr(memory, "available", lambda: 4000)
    with pytest.raises(MemoryError, match=r"X is sparse, .* has 4,800 bytes, but this process may use 4,000 bytes"):
        sparse.fit(kind(X), NAMES)


def test_weights_count_as_repetitions_whatever_their_scale():
    repeats = np.random.default_rng(0).integers(0, 3, 150)
    for options in ({"solver": "lbfgs"}, {"batch_size": 500}):
        estimator = MLPClassifier((8,), alpha=1.0, **QUICK).set_params(**options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            repeated = clone(estimator).fit(np.repeat(X, repeats, axis=0), np.repeat(NAMES, repeats))
            weighted = clone(estimator).fit(X, NAMES, sample_weight=repeats)
        np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)
    scaled = [MLPRegressor(alpha=0, **QUICK).fit(X_NUMBERS, Y_NUMBERS, np.full(442, size)) for size in (1.0, 8.0)]
    assert np.array_equal(*map(weights, scaled))
    unweighted = MLPRegressor(alpha=0, **QUICK).fit(X_NUMBERS, Y_NUMBERS)
    assert np.array_equal(weights(scaled[0]), weights(unweighted))


def test_classes_have_weights():
    rare = np.r_[np.flatnonzero(Y_CANCER), np.flatnonzero(Y_CANCER == 0)[:20]]
    for make in (
        lambda **kw: MLPClassifier((8,), **QUICK, **kw),
        lambda **kw: Classifier(epochs=20, random_state=0, **kw),
    ):
        plain, balanced = (make(class_weight=given).fit(X_CANCER[rare], Y_CANCER[rare]) for given in (None, "balanced"))
        assert (balanced.predict(X_CANCER) == 0).sum() > (plain.predict(X_CANCER) == 0).sum()
        by_rows = make().fit(X_CANCER[rare], Y_CANCER[rare], sample_weight=np.where(Y_CANCER[rare] == 0, 3.0, 1.0))
        named = make(class_weight={0: 3.0}).fit(X_CANCER[rare], Y_CANCER[rare])
        assert np.array_equal(weights(by_rows), weights(named))


# ------------------------------------------------------------------------------------------- what scikit-learn has not


def test_the_network_is_the_one_that_was_described():
    described = MLPClassifier(
        (8, 8, 4), ("relu", "gelu", "tanh"), dropout=(0.0, 0.25, 0.0), normalization="batch", residual=True, **QUICK
    )
    l2 = 1e-4 / (2 * 150)
    kept = [
        *(Dense(8, l2=l2), BatchNorm(), Dense(1, "relu").activation),
        Residual([Dense(8, l2=l2), BatchNorm(), Dense(1, "gelu").activation, Dropout(0.25)]),
        *(Dense(4, l2=l2), BatchNorm(), Dense(1, "tanh").activation),
        Dense(3, "softmax", l2=l2),
    ]
    assert list(described.fit(X, NAMES).model_.layers) == kept
    assert [w.shape for w in described.coefs_] == [(4, 8), (8, 8), (8, 4), (4, 3)]
    other = MLPClassifier((8,), weight_initializer="he_normal", normalization="layer", **QUICK).fit(X, NAMES)
    assert other.model_.layers[0].weight_initializer == "he_normal" and other.model_.layers[1] == LayerNorm()


def test_every_optimizer_schedule_and_loss():
    for solver in ("rmsprop", "adagrad", "adamw", "nadam", "lion", Adam(0.01, clip_norm=1.0), LBFGS(max_fun=20)):
        assert MLPRegressor(hidden_layer_sizes=(8,), solver=solver, **QUICK).fit(X_NUMBERS, Y_NUMBERS).n_iter_ <= 20
    fitted = MLPRegressor(hidden_layer_sizes=(8,), learning_rate=CosineDecay(0.02, epochs=20), **QUICK)
    rates = fitted.fit(X_NUMBERS, Y_NUMBERS).history_.learning_rate
    assert rates[0] > 0.019 and rates[-1] < 1e-3
    assert (
        MLPRegressor(solver="sgd", clip_norm=0.5, **QUICK).fit(X_NUMBERS, Y_NUMBERS).model_.optimizer.clip_norm == 0.5
    )
    for loss in ("absolute_error", "huber", "mae", Huber(0.5)):
        both = np.c_[Y_NUMBERS, -Y_NUMBERS]
        assert MLPRegressor(loss, (8,), solver="adam", **QUICK).fit(X_NUMBERS, both).predict(X_NUMBERS).shape == (
            442,
            2,
        )
    exact = MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", solver="lm", **QUICK).fit(X_NUMBERS, Y_NUMBERS)
    assert exact.score(X_NUMBERS, Y_NUMBERS) > 0.5
    assert Classifier(loss="mse", epochs=30, random_state=0).fit(X, NAMES).score(X, NAMES) > 0.9
    assert Classifier(loss=CategoricalCrossentropy(), epochs=30, random_state=0).fit(X, NAMES).score(X, NAMES) > 0.9


def test_rates_of_counts():
    """In batches, with all that a fit is asked for; L-BFGS: see scikit-learn's own test."""
    counts, heard = np.round(np.exp(Y_NUMBERS + 1)), []
    options = {"activation": "tanh", "learning_rate_init": 0.01, "max_iter": 60, "random_state": 0}
    listen = lambda model, epoch, logs: heard.append(epoch)  # noqa: E731
    rates = MLPRegressor("poisson", (8,), normalization="batch", dropout=0.01, callbacks=listen, **options)
    rates.fit(X_NUMBERS[:300], counts[:300], X_val=X_NUMBERS[300:], y_val=counts[300:])
    found = rates.predict(X_NUMBERS[300:]), [counts.mean()] * 142
    deviance = [mean_poisson_deviance(counts[300:], one) for one in found]
    assert deviance[0] < 0.8 * deviance[1] and heard == list(range(60))
    of_targets = np.mean(xlogy(counts[300:], counts[300:]) - counts[300:])
    assert rates.history_.val_loss[-1] + of_targets == pytest.approx(deviance[0] / 2)
    assert np.array_equal(rates.model_.predict(X_NUMBERS)[:, 0], rates.predict(X_NUMBERS))
    again = pickle.loads(pickle.dumps(rates.set_params(callbacks=None)))
    for estimator in (rates, again):
        estimator.partial_fit(X_NUMBERS, counts)
    assert np.array_equal(weights(rates), weights(again)) and len(again.history_) == 61
    stopped = MLPRegressor("poisson", (8,), early_stopping=True, n_iter_no_change=2, **options).fit(X_NUMBERS, counts)
    assert stopped.best_validation_score_ == max(stopped.validation_scores_) and stopped.n_iter_ < 60
    with pytest.raises(ValueError, match=r"non-finite parameter weights.* the loss .*is no longer finite"):
        MLPRegressor("poisson", (8,), solver="sgd", learning_rate_init=1e3, random_state=0).fit(X_NUMBERS, counts)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_trainings_on_rates_speak_to_callbacks_as_all_others(solver, capsys):
    heard = []
    listen = LambdaCallback(
        on_epoch_begin=lambda model, epoch: heard.append(epoch),
        on_epoch_end=lambda model, epoch, logs: heard.append(tuple(logs)),
    )
    options = {"max_iter": 3, "solver": solver, "random_state": 0}
    rates, others = [MLPRegressor(loss, callbacks=listen, **options).fit(X, Y) for loss in ("poisson", "squared_error")]
    assert heard[:6] == heard[6:] and rates.history_.columns == others.history_.columns
    with pytest.raises(ValueError, match=r"callbacks\[0\], EarlyStopping, needs 'val_loss'"):
        MLPRegressor("poisson", callbacks=EarlyStopping("val_loss"), **options).fit(X, Y)
    MLPRegressor("poisson", verbose=True, **options).fit(X, Y)
    shown = capsys.readouterr()
    assert "Iteration 3, loss" in shown.out if solver == "adam" else "epoch 3/3: loss" in shown.err


def test_an_epoch_on_rates_that_ends_early_changes_nothing():
    counts = np.arange(100) % 3
    rates = MLPRegressor("poisson", (4,), batch_size=50, shuffle=False, random_state=0).partial_fit(X[:100], counts)
    again = pickle.loads(pickle.dumps(rates))
    with pytest.raises(ValueError, match=r"epoch 1, batch 1: .*the weights from the start of that epoch were kept"):
        rates.partial_fit(X[:100], [*counts[:99], 1e308])
    assert np.array_equal(weights(rates), weights(again))
    for estimator in (rates, again):  # nor has the optimizer seen anything of it
        estimator.partial_fit(X[:100], counts)
    assert np.array_equal(weights(rates), weights(again))


def test_rows_to_validate_on_may_be_given():
    train, held = np.arange(0, 442, 2), np.arange(1, 442, 2)
    weight = np.linspace(0.5, 1.5, len(held))
    given = {"X_val": X_NUMBERS[held], "y_val": Y_NUMBERS[held], "sample_weight_val": weight}
    stopped = MLPRegressor(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02, random_state=0)
    stopped.fit(X_NUMBERS[train], Y_NUMBERS[train], **given)
    assert stopped.t_ == len(train) * stopped.n_iter_  # none of them was set aside
    assert stopped.best_validation_score_ == pytest.approx(stopped.score(X_NUMBERS[held], Y_NUMBERS[held], weight))
    assert len(stopped.history_.val_loss) == stopped.n_iter_
    watched = MLPRegressor(**QUICK).fit(X_NUMBERS[train], Y_NUMBERS[train], **given)
    assert watched.validation_scores_ is None and len(watched.history_.val_loss) == 20
    stopping = EarlyStopping("val_loss", patience=2)
    own = Regressor(
        [Dense(8)], optimizer=Adam(0.05), epochs=200, validation_fraction=0.2, callbacks=stopping, random_state=0
    )
    assert own.fit(X_NUMBERS, Y_NUMBERS).n_iter_ == stopping.best_epoch + 3 < 200


def test_callbacks_hear_of_every_epoch():
    heard = []
    for solver in ("adam", "lbfgs"):
        heard.clear()
        stopping = [
            lambda model, epoch, logs: heard.append(epoch),
            lambda model, epoch, logs: STOP if epoch == 4 else None,
        ]
        fitted = MLPRegressor(solver=solver, callbacks=stopping, **QUICK).fit(X_NUMBERS, Y_NUMBERS)
        assert heard == [0, 1, 2, 3, 4] and fitted.n_iter_ == 5


def test_weights_are_views():
    fitted = MLPRegressor(hidden_layer_sizes=(4,), **QUICK).fit(X_NUMBERS, Y_NUMBERS)
    fitted.coefs_[1][:] = 0
    fitted.intercepts_[1][:] = 7
    assert fitted.predict(X_NUMBERS).tolist() == [7.0] * 442
    assert not hasattr(MLPRegressor(), "coefs_")


def test_a_sequential_gives_its_layers_and_an_output_of_its_own():
    described = Sequential([Dense(8, "tanh"), Residual([Dense(8, "tanh")])])
    last = Dense(3, "softmax", l2=0.01)
    fitted = Classifier(described, output_layer=last, metrics=["accuracy"], epochs=3, random_state=7).fit(X, NAMES)
    assert list(fitted.model_.layers) == [*described.layers, last] and not described.built
    assert "accuracy" in fitted.history_.columns and fitted.model_.seed == 7
    by_hand = Sequential([*described.layers, last], seed=7, dtype="float64")
    by_hand.compile("adam", metrics=["accuracy"])
    by_hand.fit(X, Y, epochs=3)
    assert np.array_equal(by_hand.parameters, fitted.model_.parameters)  # nothing but fit


# --------------------------------------------------------------------------------------------------- going on and ends


def test_a_warm_start_takes_other_penalties_but_no_other_network():
    warm = MLPClassifier((8,), warm_start=True, alpha=1.0, **QUICK).fit(X, NAMES)
    first = weights(warm)
    warm.set_params(alpha=2.0, dropout=0.0, max_iter=1).fit(X, NAMES)
    assert warm.model_.layers[0].l2 == 2.0 / 300 and len(warm.history_) == 21 == len(warm.loss_curve_)
    assert np.abs(weights(warm) - first).max() <= 0.0011  # one step of Adam from there
    with pytest.raises(ValueError, match=r"describe another network .* warm_start=False"):
        warm.set_params(hidden_layer_sizes=(9,)).fit(X, NAMES)
    from_solver = MLPClassifier((8,), warm_start=True, solver="lbfgs", **QUICK).fit(X, NAMES)
    assert from_solver.set_params(solver="adam", early_stopping=True).fit(X, NAMES).validation_scores_


def test_random_states():
    assert MLPClassifier((4,), max_iter=1, random_state=7).fit(X, Y).model_.seed == 7
    drawn = [MLPClassifier((4,), max_iter=1, random_state=np.random.RandomState(1)).fit(X, Y) for _ in range(2)]
    assert np.array_equal(*map(weights, drawn)) and drawn[0].model_.seed == drawn[1].model_.seed
    unlike = [MLPClassifier((4,), max_iter=1).fit(X, Y) for _ in range(2)]
    assert not np.array_equal(*map(weights, unlike)) and unlike[0].model_.seed != unlike[1].model_.seed


def test_verbose_prints_what_scikit_learn_prints(capsys):
    MLPClassifier((4,), max_iter=2, verbose=True, early_stopping=True, random_state=0).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Iteration", "Validation"] * 2
    assert lines[0].startswith("Iteration 1, loss = ")
    MLPClassifier((4,), tol=1e9, n_iter_no_change=1, solver="sgd", verbose=True, random_state=0).fit(X, Y)
    assert capsys.readouterr().out.endswith("for 1 consecutive epochs. Stopping.\n")


def test_ctrl_c_leaves_a_model_of_whole_epochs():
    def press(model, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted by user"):
        fitted = MLPClassifier((4,), callbacks=press, **QUICK).fit(X, Y)
    assert fitted.n_iter_ == 3 and np.array_equal(
        weights(fitted), weights(MLPClassifier((4,), max_iter=3, random_state=0).fit(X, Y))
    )


def test_a_training_that_diverges_says_so_and_where():
    wild = MLPRegressor(solver="sgd", activation="identity", learning_rate_init=10.0, **QUICK)
    with pytest.raises(ValueError, match=r"non-finite parameter weights.* training diverged at epoch \d+"):
        wild.fit(X_NUMBERS, Y_NUMBERS)
    with pytest.warns(ConvergenceWarning, match="training diverged at epoch"):
        wild.set_params(early_stopping=True).fit(X_NUMBERS, Y_NUMBERS)
    assert np.isnan(wild.validation_scores_[-1]) and np.isfinite(wild.predict(X_NUMBERS)).all()


def test_those_who_have_not_converged_are_warned_at_their_own_line():
    for estimator in (MLPClassifier(**QUICK), MLPClassifier(solver="lbfgs", max_iter=2), Perceptron(epochs=1)):
        with pytest.warns(ConvergenceWarning) as said:
            estimator.fit(X[50:], NAMES[50:])
        assert {warning.filename for warning in said} == {__file__}


def test_types_of_numbers_and_weights_of_all_rows_as_scikit_learn_takes_them():
    by_name = MLPClassifier((4,), dtype="float32", **QUICK).fit(X, Y, sample_weight=np.full(150, 2.0))
    by_type = MLPClassifier((4,), dtype=np.float32, **QUICK).fit(X, Y, sample_weight=2)
    assert by_type.predict_proba(X).dtype == np.float32
    assert np.array_equal(weights(by_name), weights(by_type))
    mixed = MLPClassifier((64,), dtype="mixed_bfloat16", learning_rate_init=0.02, **QUICK).fit(X, NAMES)
    assert mixed.model_.dtype_policy == "mixed_bfloat16" and mixed.predict_proba(X).dtype == np.float32
    assert mixed.partial_fit(X, NAMES).score(X, NAMES) > 0.8 and mixed.coefs_[0].dtype == np.float32


@pytest.mark.parametrize("kind", ["int8", "uint16", "bool"])
def test_labels_that_are_integers_are_what_scikit_learn_finds_them_to_be(kind):
    for y in (np.arange(100) % 2, np.arange(100) % 3, np.zeros(100), np.arange(4)):
        found = Labels.of(y.astype(kind))
        assert np.array_equal(found.classes, np.unique(y.astype(kind))) and found.classes.dtype == kind
        assert found.kind == type_of_target(y.astype(kind))


def test_losses_with_several_outputs_for_a_target_answer_with_their_best_guess():
    quantiles, numbers = Pinball([0.1, 0.5, 0.9]), scale(Y_NUMBERS)
    options = {"optimizer": Adam(0.01), "epochs": 60, "random_state": 0}
    for loss, width, column in ((quantiles, 3, 1), (GaussianNegativeLogLikelihood(), 2, 0), (Poisson(), 1, 0)):
        y = np.exp(numbers) if width == 1 else numbers
        regressor = Regressor([Dense(8, "tanh")], loss=loss, **options).fit(X_NUMBERS, y)
        outputs = regressor.model_.predict(X_NUMBERS)
        assert outputs.shape == (442, width) and np.array_equal(regressor.predict(X_NUMBERS), outputs[:, column])
        assert regressor.score(X_NUMBERS, y) > 0.3
        other = MLPRegressor(loss, (8,), max_iter=60, random_state=0, learning_rate_init=0.01).fit(X_NUMBERS, y)
        assert other.predict(X_NUMBERS).shape == (442,) and other.score(X_NUMBERS, y) > 0.3


def test_the_deviance_of_weighted_outputs_is_weighted():
    counts = np.abs(X_NUMBERS[:, :2]).round()
    options = {"max_iter": 1, "batch_size": len(counts), "alpha": 0, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        both, weighted = (
            MLPRegressor(Poisson(output_weights=weights), (4,), **options).fit(X_NUMBERS, counts)
            for weights in ([1, 1], [3, 3])
        )
    assert weighted.loss_ == pytest.approx(3 * both.loss_, rel=1e-5)
