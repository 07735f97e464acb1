"""Estimators for scikit-learn, which is needed for them: ``pip install "scikit-learn>=1.6"``.

`MLPClassifier` and `MLPRegressor` take the arguments of scikit-learn's, mean the same by them, and have the same
attributes; what scikit-learn's do not have is in arguments of their own: dropout, weights of classes, normalisation,
skip connections, an activation for each layer, nncore's optimizers, schedules, losses and callbacks, and rows to
validate on. `Classifier` and `Regressor` train any list of layers. `Perceptron` is Rosenblatt's neuron.

All of them can be cloned, searched, cross-validated, put into pipelines, pickled and stored with joblib; files go from
one machine to another, whatever its instruction set. `fused` trains what a search or an ensemble wants trained beside
each other. The network itself is in ``model_``, what training recorded in
``history_``.

Examples
--------
>>> from nncore.sklearn import MLPClassifier
>>> from sklearn.datasets import load_iris
>>> from sklearn.model_selection import cross_val_score
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> pipeline = make_pipeline(StandardScaler(), MLPClassifier((16,), solver="lbfgs", alpha=1.0, random_state=0))
>>> bool(cross_val_score(pipeline, *load_iris(return_X_y=True)).mean() > 0.9)
True
"""

from typing import TYPE_CHECKING, Any

from nncore.base.lazy import loader

if TYPE_CHECKING:
    from nncore.sklearn.company import fused
    from nncore.sklearn.layered import Classifier, Regressor
    from nncore.sklearn.mlp import MLPClassifier, MLPRegressor
    from nncore.sklearn.perceptron import Perceptron

HOMES = {
    "company": ("fused",),
    "layered": ("Classifier", "Regressor"),
    "mlp": ("MLPClassifier", "MLPRegressor"),
    "perceptron": ("Perceptron",),
}
"""Which module holds which estimator. Each is imported when first asked for: only then must scikit-learn be there."""

_load = loader(__name__, HOMES)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ImportError as error:
        if (error.name or "").split(".")[0] not in ("sklearn", "joblib"):
            raise
        needed = "nncore.sklearn needs scikit-learn 1.6 or later; install it with: pip install 'scikit-learn>=1.6'"
        raise ImportError(f"{needed} ({error})", name="sklearn") from error


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = ["Classifier", "MLPClassifier", "MLPRegressor", "Perceptron", "Regressor", "fused"]
