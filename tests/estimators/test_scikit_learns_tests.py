"""scikit-learn's own tests of its MLP, from its installed package, with our classes in the place of its own."""

import importlib.util

import pytest

pytest.importorskip("sklearn", minversion="1.7")  # before, its MLP had no weights of rows and no loss

import sklearn.neural_network

import nncore.sklearn

NOT_APPLICABLE = {
    "test_fit": "sets the weights of an estimator that was never fitted, for partial_fit to go on from",
    "test_gradient": "calls _loss_grad_lbfgs; our gradients are compared with scikit-learn's in test_like_scikit_learn",
}
"""What cannot be run here, and why: 2 of 59."""

pytestmark = pytest.mark.filterwarnings("default")


def load():
    """Import the tests anew while the names that they import are ours."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLPClassifier", "MLPRegressor"):
            patch.setattr(sklearn.neural_network, name, getattr(nncore.sklearn, name))
        spec.loader.exec_module(module)
    return module


THEIRS = load()
TESTS = {name: value for name, value in vars(THEIRS).items() if name.startswith("test_")}
globals().update({name: test for name, test in TESTS.items() if name not in NOT_APPLICABLE})


@pytest.fixture
def global_random_seed():
    return 42


def test_nearly_all_are_run():
    assert THEIRS.MLPClassifier is nncore.sklearn.MLPClassifier and THEIRS.MLPRegressor is nncore.sklearn.MLPRegressor
    assert len(NOT_APPLICABLE) == 2 and len(TESTS.keys() - NOT_APPLICABLE.keys()) >= 35  # functions; 57 tests in 1.9
