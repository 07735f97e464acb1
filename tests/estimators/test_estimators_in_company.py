"""The estimators as files and copies, in searches, pipelines and folds, with tables of other packages."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
import sklearn
from estimator_rows import NAMES, QUICK, X_NUMBERS, Y_NUMBERS, X, Y, weights
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from nncore import (
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    LayerNorm,
    engine,
    load,
)
from nncore.sklearn import Classifier, MLPClassifier, MLPRegressor, Perceptron, Regressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# ----------------------------------------------------------------------------------------------------- files and copies

FITTED = {
    "MLPClassifier": lambda: MLPClassifier((8,), early_stopping=True, **QUICK).fit(X, NAMES),
    "MLPRegressor": lambda: MLPRegressor(hidden_layer_sizes=(8,), dropout=0.1, **QUICK).fit(X_NUMBERS, Y_NUMBERS),
    "Classifier": lambda: Classifier([Dense(8), BatchNorm(), Dropout(0.2)], epochs=5, random_state=0).fit(X, NAMES),
    "Regressor": lambda: Regressor([Dense(8, "tanh")], epochs=5, random_state=0).fit(X_NUMBERS, Y_NUMBERS),
    "Perceptron": lambda: Perceptron().fit(X[:100], NAMES[:100]),
}


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("through", ["pickle", "joblib", "memory map", "deepcopy"])
def test_round_trips_keep_every_bit(name, through, tmp_path):
    fitted, path = FITTED[name](), tmp_path / "estimator"
    rows_of = X_NUMBERS if "Regressor" in name else X
    if through == "pickle":
        again = pickle.loads(pickle.dumps(fitted))
    elif through == "deepcopy":
        again = copy.deepcopy(fitted)
    else:
        joblib.dump(fitted, path)
        again = joblib.load(path, mmap_mode="r" if through == "memory map" else None)
    assert np.array_equal(again.predict(rows_of), fitted.predict(rows_of))
    if name != "Perceptron":
        assert weights(again).tobytes() == weights(fitted).tobytes()
        assert again.history_.loss.tolist() == fitted.history_.loss.tolist()
    if name in ("MLPRegressor", "Classifier"):  # the optimizer and the order of rows go on as well
        y = Y_NUMBERS if name == "MLPRegressor" else NAMES
        for estimator in (fitted, again):
            estimator.partial_fit(rows_of, y)
        assert weights(again).tobytes() == weights(fitted).tobytes()


def test_files_move_between_instruction_sets(tmp_path):
    """What is stored are numbers, and the reader chooses the engine; here one without and one with fused additions."""
    fitted = FITTED["MLPClassifier"]()
    joblib.dump(fitted, tmp_path / "estimator")
    np.save(tmp_path / "X.npy", X)
    code = (
        "import joblib, numpy, sys; from nncore import engine; e = joblib.load('estimator'); "
        "isa = engine.choose_isa(); numpy.save(isa, e.predict_proba(numpy.load('X.npy')))"
    )
    known, started = [isa for isa, _ in engine.variants()], {}
    for isa in {known[0], *known[-1:]} - {engine.choose_isa()} or known[:1]:
        environment = os.environ | {"NNCORE_ISA": isa}
        started[isa] = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment)
    assert [child.wait(120) for child in started.values()] == [0] * len(started)
    for isa in started:
        found = np.load(tmp_path / f"{isa}.npy")
        np.testing.assert_allclose(found, fitted.predict_proba(X), rtol=1e-12)
        assert "base" in (isa, engine.choose_isa()) or np.array_equal(found, fitted.predict_proba(X))


def test_the_network_can_be_saved_for_those_without_scikit_learn(tmp_path):
    fitted = FITTED["MLPClassifier"]()
    fitted.model_.save(tmp_path / "network")
    assert np.array_equal(load(tmp_path / "network").predict(X), fitted.predict_proba(X))


# ---------------------------------------------------------------------------------------------------------- in company


def test_clones_are_unfitted_and_equal():
    for make in FITTED.values():
        fitted = make()
        fresh = clone(fitted)
        assert repr(fresh) == repr(fitted) and not hasattr(fresh, "classes_")
        with pytest.raises(NotFittedError):
            fresh.predict(X)


def test_searches_pipelines_and_folds():
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((8,), solver="lbfgs", **QUICK))
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__activation": ["relu", ("gelu",)]}
    search = GridSearchCV(pipeline, grid, cv=3).fit(*load_iris(return_X_y=True))
    assert search.best_score_ > 0.9 and search.score(*load_iris(return_X_y=True)) > 0.9
    layers = {"layers": [[Dense(8, "tanh")], (Dense(8), LayerNorm(), Dropout(0.1))], "optimizer": [Adam(0.02)]}
    assert GridSearchCV(Classifier(epochs=20, random_state=0), layers, cv=3).fit(X, NAMES).best_score_ > 0.9
    assert cross_val_score(Perceptron(random_state=0), X[:100], NAMES[:100]).mean() > 0.98


def test_targets_can_be_transformed_and_neurons_combined():
    plain = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", alpha=1.0, random_state=0)
    scaled = TransformedTargetRegressor(plain, transformer=StandardScaler()).fit(X_NUMBERS, 1000 + 50 * Y_NUMBERS)
    assert scaled.score(X_NUMBERS, 1000 + 50 * Y_NUMBERS) > 0.5
    three = OneVsRestClassifier(Perceptron(random_state=0)).fit(X, NAMES)
    assert three.score(X, NAMES) > 0.8
    bagging = BaggingClassifier(MLPClassifier((4,), **QUICK), n_estimators=3, random_state=0, n_jobs=2)
    with joblib.parallel_config(backend="threading"):
        together = bagging.fit(X, NAMES).predict_proba(X)
    assert np.array_equal(together, clone(bagging).set_params(n_jobs=1).fit(X, NAMES).predict_proba(X))
    parts = [("a", MLPClassifier((4,), **QUICK)), ("b", Classifier(epochs=5, random_state=0))]
    stacking = StackingClassifier(parts, MLPClassifier(solver="lbfgs", **QUICK), cv=3)
    assert stacking.fit(X, NAMES).score(X, NAMES) > 0.8


def test_metadata_is_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = MLPClassifier((4,), **QUICK).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(routed, {"alpha": [1e-3]}, cv=3)
        weight = np.where(Y == 0, 1e-6, 1.0)
        found = search.fit(X, NAMES, sample_weight=weight).best_estimator_
        assert np.array_equal(weights(found), weights(clone(found).fit(X, NAMES, sample_weight=weight)))
        assert not np.array_equal(weights(found), weights(clone(found).fit(X, NAMES)))
        validated = MLPRegressor(early_stopping=True, **QUICK).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", validated)], transform_input=["X_val"])
        pipeline.fit(5 + 3 * X_NUMBERS[:300], Y_NUMBERS[:300], X_val=5 + 3 * X_NUMBERS[300:], y_val=Y_NUMBERS[300:])
        best = pipeline["net"].best_validation_score_
        assert best == pytest.approx(pipeline.score(5 + 3 * X_NUMBERS[300:], Y_NUMBERS[300:]))


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_columns_go_by_name_as_everywhere_in_scikit_learn(package):
    frames = pytest.importorskip(package)
    table = frames.DataFrame({name: X[:, i] for i, name in enumerate("abcd")})
    for estimator in (MLPClassifier((4,), **QUICK), Classifier(epochs=2), Perceptron()):
        first = slice(None, 100)
        fitted = estimator.fit(table[first], NAMES[first])
        assert fitted.feature_names_in_.tolist() == list("abcd")
        assert np.array_equal(fitted.predict(table), estimator.predict(table[list("abcd")]))
        with pytest.raises(ValueError, match="feature names should match"):
            fitted.predict(table[list("bacd")])
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            fitted.predict(X)


def test_what_notebooks_show_and_tags():
    for make in FITTED.values():
        assert type(make()).__name__ in make()._repr_html_()
    tags = sklearn.utils.get_tags(MLPClassifier())
    assert tags.estimator_type == "classifier" and tags.input_tags.sparse and tags.classifier_tags.multi_label
    tags = sklearn.utils.get_tags(Regressor())
    assert tags.estimator_type == "regressor" and tags.input_tags.sparse and tags.target_tags.multi_output
    tags = sklearn.utils.get_tags(Perceptron())
    assert not tags.input_tags.sparse and not tags.classifier_tags.multi_class
