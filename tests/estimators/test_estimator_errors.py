"""What the estimators refuse, and what they say."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from estimator_rows import X_NUMBERS, Y_NUMBERS, X, Y

from nncore import Dense, EarlyStopping
from nncore.sklearn import Classifier, MLPClassifier, MLPRegressor, Perceptron, Regressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# ------------------------------------------------------------------------------------------------------ what is refused

WRONG = {
    "hidden_layer_sizes": ((0,), "an integer from 1"),
    "activation": ("rleu", "did you mean 'relu'"),
    "solver": ("adma", "did you mean 'adam'"),
    "alpha": (-1.0, "alpha must be a finite number >= 0"),
    "batch_size": (0, "batch_size must be an integer >= 1"),
    "learning_rate": ("adaptve", "did you mean 'adaptive'"),
    "learning_rate_init": (0.0, "learning_rate_init must be a finite number > 0"),
    "max_iter": (2.5, "max_iter must be an integer >= 1"),
    "shuffle": (1, "shuffle must be True or False"),
    "tol": (-0.1, "tol must be a finite number >= 0"),
    "momentum": (1.5, "momentum must be a finite number >= 0 and <= 1"),
    "validation_fraction": (1.0, "validation_fraction must be"),
    "beta_1": (1.0, "beta_1 must be"),
    "n_iter_no_change": (0, "n_iter_no_change must be an integer >= 1"),
    "dropout": ((0.1, 0.2), "dropout must be one value, or one for each of the 1 hidden layers, got 2"),
    "normalization": ("btach", "did you mean 'batch'"),
    "weight_initializer": ("he", "did you mean 'he_"),
    "dtype": ("float16", "Known: float32, float64, mixed_bfloat16"),
    "verbose": (-1, "verbose must be an integer >= 0"),
    "random_state": ("seed", "random_state must be an integer from 0"),
}


@pytest.mark.parametrize("argument", WRONG)
def test_wrong_arguments_are_named_by_fit(argument):
    value, said = WRONG[argument]
    with pytest.raises((TypeError, ValueError), match=said):
        MLPClassifier(**{argument: value}).fit(X, Y)


def test_wrong_losses_layers_and_rows_are_named():
    cases = [
        (lambda: MLPRegressor("poisson").fit(X_NUMBERS, Y_NUMBERS), "loss='poisson' needs a y that is >= 0, got -"),
        (
            lambda: MLPRegressor("poisson", solver="lm").fit(X, Y),
            "solver='lm' minimises squared errors only, .* is poisson",
        ),
        (
            lambda: Classifier(loss="hinge").fit(X, Y),
            "has no probabilities, with which a classifier answers; leave loss",
        ),
        (lambda: MLPRegressor("hinge").fit(X, Y), "a regressor needs a loss of numbers, got 'hinge'"),
        (lambda: MLPRegressor(loss="log_loss").fit(X_NUMBERS, Y_NUMBERS), "unknown loss 'log_loss'"),
        (lambda: MLPRegressor(loss="binary_crossentropy").fit(X_NUMBERS, Y_NUMBERS), "needs a loss of numbers"),
        (
            lambda: Classifier([Dense(3, "softmax")]).fit(X, Y),
            r"leave it out, or|Leave it out, or give it as output_layer",
        ),
        (
            lambda: Classifier(output_layer=Dense(2, "softmax")).fit(X, Y),
            r"for this y it must be Dense\(3, 'softmax'\)",
        ),
        (lambda: Classifier(loss="binary_crossentropy").fit(X, Y), "does not suit multiclass labels"),
        (lambda: Classifier("relu").fit(X, Y), "layers must be a list of layers"),
        (lambda: Classifier(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2]), "needs all rows"),
        (lambda: MLPClassifier(class_weight={5: 2}).fit(X, Y), "not in class_weight"),
        (lambda: MLPClassifier(class_weight=[1, 2]).fit(X, Y), "class_weight must be 'balanced', None or a dict, got"),
        (lambda: MLPClassifier(class_weight="equal").fit(X, Y), "class_weight must be 'balanced', None or a dict, got"),
        (lambda: Classifier(class_weight={0: -1}).fit(X, Y), r"class_weight\[0\] must be a finite number >= 0"),
        (
            lambda: MLPClassifier(class_weight={0: 2}).fit(X, np.c_[Y > 0, Y > 1]),
            "class_weight should be a list of dicts",
        ),
        (
            lambda: MLPClassifier(class_weight=[{0: 2}, 3]).fit(X, np.c_[Y > 0, Y > 1]),
            "None or a list of a dict for each label, got",
        ),
        (lambda: Perceptron(random_state="seed").fit(X[:100], Y[:100]), "random_state must be an integer from 0"),
        (lambda: Classifier(random_state=-1).fit(X, Y), "random_state must be an integer from 0"),
        (lambda: MLPRegressor().fit(X, Y.astype(str)), "y must hold numbers, got .*; for labels use a classifier"),
        (
            lambda: MLPRegressor(loss="quantile").fit(X, Y),
            r"Known: absolute_error, gaussian_neg\w*, huber, log_cosh, mae, .*, squared_error",
        ),
        (lambda: MLPClassifier(early_stopping=True, validation_fraction=0).fit(X, Y), "validation_fraction is 0"),
        (
            lambda: MLPClassifier(warm_start=True, max_iter=1).fit(X, Y).set_params(dtype="float32").fit(X, Y),
            "dtype='float32', but the network that was trained is of float64",
        ),
        (
            lambda: MLPClassifier(callbacks=EarlyStopping("val_loss")).fit(X, Y),
            r"callbacks\[0\], EarlyStopping, .* need early_stopping=True or fit\(X_val=..., y_val=...\); recorded",
        ),
        (
            lambda: Classifier(callbacks=EarlyStopping("val_loss")).fit(X, Y),
            r"EarlyStopping, needs .* need validation_fraction=... or fit\(X_val=..., y_val=...\); recorded",
        ),
        (lambda: MLPClassifier(callbacks=[print, 3]).fit(X, Y), r"callbacks\[1\] must be a function"),
        (lambda: Classifier(warm_start=1).fit(X, Y), "warm_start must be True or False, got 1"),
        (lambda: MLPClassifier().fit(X, Y, sample_weight=0.0), "sample_weight is zero for every sample"),
        (lambda: MLPClassifier().partial_fit(X, Y), "classes must be passed on the first call"),
        (lambda: MLPClassifier().fit(X, Y, X_val=X), "y_val is missing"),
        (lambda: MLPClassifier().fit(X, Y, y_val=Y), "X_val is missing"),
        (lambda: MLPClassifier().fit(X, Y, sample_weight_val=Y), "needs X_val and y_val"),
        (lambda: MLPClassifier().fit(X, Y, X_val=X, y_val=Y + 1), "has classes not in"),
        (
            lambda: MLPClassifier().fit(X, Y, X_val=X[:, :3], y_val=Y),
            "X has 3 features, but MLPClassifier is expecting 4",
        ),
        (lambda: MLPClassifier().fit(X, Y, sample_weight=-np.ones(150)), "sample_weight must be >= 0"),
        (lambda: MLPClassifier().fit(X, X[:, 0]), "Unknown label type"),
        (lambda: Perceptron().fit(X, Y), "Only binary classification is supported"),
        (lambda: Perceptron(learning_rate=0).fit(X[:100], Y[:100]), "learning_rate must be a finite number > 0"),
        (lambda: MLPRegressor().fit(X, Y).set_params(warm_start=True).fit(X, np.c_[Y, Y]), "y has 2 outputs"),
    ]
    for call, said in cases:
        with pytest.raises((TypeError, ValueError), match=said):
            call()
    with pytest.raises(AttributeError):
        _ = MLPClassifier(solver="lbfgs").partial_fit
    with pytest.raises(AttributeError):
        _ = Regressor(optimizer="lm").partial_fit


def test_without_scikit_learn_it_says_what_to_install():
    code = """
import sys
sys.modules["sklearn"] = None
import nncore.sklearn
print(*nncore.sklearn.__all__)
try:
    from nncore.sklearn import MLPClassifier
except ImportError as error:
    print(error)
"""
    names, said = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
    assert names.split() == ["Classifier", "MLPClassifier", "MLPRegressor", "Perceptron", "Regressor", "fused"]
    assert said.startswith("nncore.sklearn needs scikit-learn 1.6 or later; install it with: pip install")
    with pytest.raises(AttributeError, match="did you mean 'MLPClassifier'"):
        _ = __import__("nncore.sklearn").sklearn.MLPClasifier


def test_masked_values_are_refused():
    """Of which scikit-learn takes what the mask hides, and says nothing."""
    masked, labels = np.ma.array(X), np.ma.array(Y)
    masked[3, 0] = labels[3] = np.ma.masked
    for estimator in (MLPClassifier(max_iter=2), Classifier([Dense(3)], epochs=1), Perceptron(epochs=1)):
        target = Y[0] == Y if isinstance(estimator, Perceptron) else Y
        for features, classes in ((masked, target), (list(masked), target), (X, labels)):
            with pytest.raises(ValueError, match=r"is a masked array with 1 masked value"):
                estimator.fit(features, classes)
        with pytest.raises(ValueError, match=r"X is a masked array with 1 masked value"):
            estimator.fit(X, target).predict(masked)
