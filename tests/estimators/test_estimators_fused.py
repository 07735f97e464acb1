"""Within `fused`, scikit-learn's own searches and ensembles train networks beside each other, to the same bits."""

import contextlib
import os
import signal
import threading

import numpy as np
import pytest

pytest.importorskip("sklearn")

import joblib
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris, make_classification
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.model_selection import (
    GridSearchCV,
    RepeatedStratifiedKFold,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import nncore
from nncore import Dense
from nncore.sklearn import Classifier, MLPClassifier, company, fused

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)


def mlp(**options):
    return MLPClassifier((8,), **{"max_iter": 12, "random_state": 0, **options})


def grid():
    pipeline = make_pipeline(StandardScaler(), mlp(early_stopping=True))
    space = {"mlpclassifier__alpha": [1e-3, 1.0], "mlpclassifier__solver": ["adam", "sgd", "lbfgs"]}
    found = GridSearchCV(pipeline, space, cv=3).fit(X, Y)
    return [values for name, values in found.cv_results_.items() if "time" not in name and "param" not in name]


X_WIDE, Y_WIDE = make_classification(200, 300, n_informative=20, random_state=0)


def wide():
    """So many parameters that BLAS divides its sums among threads, where it may: 30 201."""
    network = MLPClassifier((100,), solver="lbfgs", max_iter=10, random_state=0)
    fitted = cross_validate(network, X_WIDE, Y_WIDE, cv=3, return_estimator=True)["estimator"]
    return [each.model_.parameters for each in fitted]


COMPANY = {
    "wide": wide,
    "grid": grid,
    "cross_val": lambda: cross_val_score(
        mlp(), X, Y, cv=RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    ),
    "bagging": lambda: [
        member.model_.parameters for member in BaggingClassifier(mlp(random_state=None), 6, random_state=0).fit(X, Y)
    ],
    "stacking": lambda: (
        StackingClassifier([(f"n{k}", mlp(random_state=k)) for k in range(3)], mlp(), cv=2).fit(X, Y).predict_proba(X)
    ),
    "one against the rest": lambda: OneVsRestClassifier(mlp()).fit(X, Y).predict_proba(X),
    "calibration": lambda: CalibratedClassifierCV(mlp(), cv=3).fit(X, Y).predict_proba(X),
    "learning curve": lambda: learning_curve(mlp(), X, Y, cv=3, train_sizes=[0.5, 1.0], shuffle=True, random_state=0)[
        2
    ],
    "layers": lambda: cross_val_score(Classifier([Dense(4, "relu")], epochs=3, random_state=1), X, Y),
}


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", COMPANY)
def test_bits(name, threads):
    alone = COMPANY[name]()
    nncore.set_num_threads(threads)
    try:
        with fused():
            together = COMPANY[name]()
        assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit() == threads
    finally:
        nncore.set_num_threads()
    for one, other in zip(alone, together, strict=True):
        assert np.array_equal(one, other)


def test_they_are_trained_beside_each_other():
    meeting = threading.Barrier(3, timeout=20)  # each waits for two others

    def wait(model, epoch, logs):
        if epoch == 1:
            meeting.wait()

    nncore.set_num_threads(3)
    try:
        with fused():
            cross_val_score(mlp(callbacks=wait), X, Y, cv=3)
    finally:
        nncore.set_num_threads()


def test_a_block_is_entered_again_and_within_itself():
    block, alone = fused(2), cross_val_score(mlp(), X, Y)
    for _ in range(2):
        with block:
            assert company._present() is not None
            assert (cross_val_score(mlp(), X, Y) == alone).all()
            with block:
                pass
            assert company._present() is not None
        assert company._present() is None
    with pytest.raises(ZeroDivisionError), block:
        1 / 0  # noqa: B018
    assert company._present() is None


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_failure_hurts_no_other():
    with fused(2), pytest.warns(Warning, match="fits failed"):
        scores = (
            GridSearchCV(mlp(), {"alpha": [1e-3, -1.0]}, cv=2, refit=False).fit(X, Y).cv_results_["mean_test_score"]
        )
    assert np.isfinite(scores).tolist() == [True, False]


def test_a_callback_that_trains_another_needs_no_turn_of_its_own():
    with fused(1):
        mlp(callbacks=lambda model, epoch, logs: None if epoch else mlp().fit(X, Y) and None).fit(X, Y)


def test_one_within_another_and_none_afterwards():
    with fused(2), fused():
        assert cross_val_score(mlp(), X, Y, cv=2).shape == (2,)
        assert company._present() is not None
    assert company._present() is None
    with fused(-1):
        assert cross_val_score(mlp(), X, Y, cv=2).shape == (2,)
    with pytest.raises(ValueError, match="n_jobs must be"), fused(0):
        pass


def test_ensembles_within_searches_keep_their_company():
    """Three levels of joblib: all are of one company, and the deepest start no threads of their own."""
    found = []

    def note(model, epoch, logs):
        if epoch == 0:
            backend = joblib.parallel.get_active_backend()[0]
            found.append((company._present(), backend.effective_n_jobs(4)))

    stacking = StackingClassifier([("a", mlp(callbacks=note))], mlp(callbacks=note), cv=2)
    with fused(2):
        here = company._present()
        cross_val_score(BaggingClassifier(stacking, 2, n_jobs=2), X, Y, cv=2)
    assert len(found) == 2 * 2 * 4 and {each for each, _ in found} == {here} and {n for _, n in found} == {1}


@pytest.mark.parametrize("block", [fused, contextlib.nullcontext])
def test_what_ends_a_block_ends_no_training_of_another_thread(block):
    """A training that somebody else began, in a block of its own or in none, is not cut short without a word."""
    trains, over, found = threading.Event(), threading.Event(), []

    def note(model, epoch, logs):
        trains.set()
        assert epoch or over.wait(20)  # the first epoch lasts until the block of the other has failed

    def other():
        with block():
            found.append(mlp(callbacks=note, n_iter_no_change=100).fit(X, Y).n_iter_)

    thread = threading.Thread(target=other)
    with pytest.raises(ZeroDivisionError), fused(2):
        thread.start()
        assert trains.wait(20)
        raise ZeroDivisionError
    over.set()
    thread.join()
    assert found == [12]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_waits_for_no_turn_that_nobody_gives_back():
    def fork(model, epoch, logs):  # while a thread of the company, this one, has its only turn
        if epoch or os.getpid() != parent:
            return
        child = os.fork()
        if not child:
            signal.alarm(20)  # ends it if it waits
            company._turns.taken = False
            os._exit(0 if mlp().fit(X, Y).n_iter_ == 12 else 1)
        found.append(os.waitpid(child, 0)[1])

    parent, found = os.getpid(), []
    with fused(1):
        mlp(callbacks=fork).fit(X, Y)
    assert found == [0]


def test_ctrl_c_ends_all():
    begun = threading.Event()
    models = []

    def note(model, epoch, logs):
        if model not in models:
            models.append(model)
        begun.set()

    def press():
        begun.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    slow = mlp(max_iter=10**6, n_iter_no_change=10**6, callbacks=note)
    with pytest.raises(KeyboardInterrupt), fused(2):
        cross_val_score(slow, X, Y, cv=5)
    assert models and all(model._state.turn.trainer is None for model in models)
