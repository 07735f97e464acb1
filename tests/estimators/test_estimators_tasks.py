"""scikit-learn's callbacks, since 1.9: what they hear of a fit, and of each epoch."""

import importlib.util
import pickle
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.9")

from estimator_rows import X_NUMBERS, X, Y
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nncore import Dense
from nncore.sklearn import Classifier, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
COUNTS = np.arange(len(X_NUMBERS)) % 4


class Heard:
    """What a callback hears: the end of which task, and the estimator as of then."""

    def __init__(self, last=None):
        self.begun, self.ended, self.torn_down, self.last = [], [], 0, last

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append((context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.ended.append((context.task_name, context.task_id, fitted_estimator, (X, y, metadata)))
        return context.task_name == "epoch" and context.task_id == self.last


ESTIMATORS = {
    "batches": (MLPClassifier((4,), max_iter=4, random_state=0), X, Y),
    "early stopping": (MLPClassifier((4,), max_iter=4, early_stopping=True, random_state=0), X, Y),
    "lbfgs": (MLPClassifier((4,), max_iter=4, solver="lbfgs", random_state=0), X, Y),
    "layers": (Classifier([Dense(4)], epochs=4, random_state=0), X, Y),
    "rates": (MLPRegressor("poisson", (4,), max_iter=4, random_state=0), X_NUMBERS, COUNTS),
    "rates, lbfgs": (MLPRegressor("poisson", (4,), max_iter=4, solver="lbfgs", random_state=0), X_NUMBERS, COUNTS),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_each_epoch_is_a_task_whose_estimator_answers_as_of_then(name):
    estimator, rows, y = ESTIMATORS[name]
    heard = Heard()
    fitted = clone(estimator).set_callbacks(heard).fit(rows, y)
    tasks = [("fit", 0), *(("epoch", epoch) for epoch in range(4))]
    assert heard.begun == tasks and [task[:2] for task in heard.ended] == [*tasks[1:], tasks[0]]
    assert heard.torn_down == 1 and not {"_tasks", "_callback_fit_ctx"} & vars(fitted).keys()
    for _, epoch, then, given in heard.ended[1:-1]:
        of_epochs = {"epochs": epoch + 1} if name == "layers" else {"max_iter": epoch + 1}
        if name != "early stopping":  # which returns to its best weights
            shorter = clone(estimator).set_params(**of_epochs).fit(rows, y)
            assert np.array_equal(then.predict(rows), shorter.predict(rows))
        assert given[0] is rows and given[1] is y and given[2] is None
    assert np.array_equal(fitted.predict(rows), clone(estimator).fit(rows, y).predict(rows))  # nothing was disturbed
    assert np.array_equal(heard.ended[-1][2].predict(rows), fitted.predict(rows))


def test_one_that_returns_true_ends_training_and_partial_fit_tells_nobody():
    heard = Heard(last=1)
    fitted = MLPClassifier((4,), max_iter=9).set_callbacks(heard).fit(X, Y, sample_weight=np.ones(150))
    assert fitted.n_iter_ == 2 and len(heard.begun) == len(heard.ended) == 3
    assert heard.ended[0][3][2]["sample_weight"].tolist() == [1] * 150
    fitted.partial_fit(X, Y)
    assert len(heard.begun) == 3 and len(pickle.dumps(fitted.set_callbacks()))


def test_it_is_torn_down_whatever_ends_a_fit():
    heard = Heard()
    with pytest.raises(ZeroDivisionError):
        MLPClassifier((4,), callbacks=lambda model, epoch, logs: 1 / 0).set_callbacks(heard).fit(X, Y)
    assert heard.torn_down == 1 and heard.begun == [("fit", 0), ("epoch", 0)] and heard.ended == []


def test_scikit_learns_own_within_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    network = MLPClassifier((8,), max_iter=5, random_state=0).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), network).fit(X, Y)
    log = monitor.get_logs().data
    assert [row["accuracy"] for row in log if row["task_name"] == "fit"] == [pipeline.score(X, Y)]
    assert len([row for row in log if row["task_name"] == "epoch"]) == 5


def test_without_them_estimators_are_as_before(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.callback", None)
    spec = importlib.util.find_spec("nncore.sklearn.tasks")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.with_callbacks(len) is len and not hasattr(module.CallbackSupportMixin, "set_callbacks")
    assert module.Tasks.of(MLPClassifier()) is None
