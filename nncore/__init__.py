"""nncore: train and run multi-layer perceptrons on a CPU, fast, and see them learn."""

from typing import TYPE_CHECKING

from nncore.base.elsewhere import OF_THE_PACKAGE
from nncore.base.lazy import loader
from nncore.base.moved import find_moved
from nncore.version import __version__

if TYPE_CHECKING:
    from nncore import datasets, kernels, losses, metrics, optimizers, plots, schedules
    from nncore.callbacks import (
        STOP,
        CSVLogger,
        EarlyStopping,
        ExponentialMovingAverage,
        JSONLogger,
        LambdaCallback,
        LearningRateScheduler,
        ModelCheckpoint,
        ReduceLROnPlateau,
        StochasticWeightAveraging,
        TensorBoard,
    )
    from nncore.engine import get_num_threads, set_num_threads, show_config
    from nncore.errors import (
        EnvironmentVariableError,
        ModelFileError,
        NNCoreError,
        NotBuiltError,
        TrainingDiverged,
    )
    from nncore.history import History
    from nncore.initializers import Constant, Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
    from nncore.layers import Activation, BatchNorm, Dense, Dropout, LayerNorm, Normalization, Residual
    from nncore.losses import (
        BinaryCrossentropy,
        BinaryFocalCrossentropy,
        CategoricalCrossentropy,
        CategoricalFocalCrossentropy,
        CustomLoss,
        GaussianNegativeLogLikelihood,
        Hinge,
        Huber,
        KLDivergence,
        LogCosh,
        MeanAbsoluteError,
        MeanSquaredError,
        Pinball,
        Poisson,
        SparseCategoricalCrossentropy,
        SquaredHinge,
    )
    from nncore.many import Between, Ensemble, cross_validate, fit_many, predict_many, search
    from nncore.model import Perceptron, Sequential, Stepper, SurgeryReport, load
    from nncore.network import Predictor
    from nncore.optimizers import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop
    from nncore.schedules import (
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        InverseTimeDecay,
        OneCycle,
        PiecewiseConstant,
        PolynomialDecay,
        StepDecay,
    )

MODULES = (
    "activations",
    "callbacks",
    "data",
    "datasets",
    "doctor",
    "engine",
    "errors",
    "history",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "many",
    "metrics",
    "optimizers",
    "plots",
    "program",
    "reference",
    "schedules",
    "sklearn",
    "solvers",
)
HOMES = {
    "callbacks": (
        "STOP",
        "CSVLogger",
        "EarlyStopping",
        "ExponentialMovingAverage",
        "JSONLogger",
        "LambdaCallback",
        "LearningRateScheduler",
        "ModelCheckpoint",
        "ReduceLROnPlateau",
        "StochasticWeightAveraging",
        "TensorBoard",
    ),
    "engine": ("get_num_threads", "set_num_threads", "show_config"),
    "errors": ("EnvironmentVariableError", "ModelFileError", "NNCoreError", "NotBuiltError", "TrainingDiverged"),
    "history": ("History",),
    "initializers": ("Constant", "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal"),
    "layers": ("Activation", "BatchNorm", "Dense", "Dropout", "LayerNorm", "Normalization", "Residual"),
    "losses": (
        "BinaryCrossentropy",
        "BinaryFocalCrossentropy",
        "CategoricalCrossentropy",
        "CategoricalFocalCrossentropy",
        "CustomLoss",
        "GaussianNegativeLogLikelihood",
        "Hinge",
        "Huber",
        "KLDivergence",
        "LogCosh",
        "MeanAbsoluteError",
        "MeanSquaredError",
        "Pinball",
        "Poisson",
        "SparseCategoricalCrossentropy",
        "SquaredHinge",
    ),
    "many": ("Between", "Ensemble", "cross_validate", "fit_many", "predict_many", "search"),
    "model": ("Perceptron", "Sequential", "Stepper", "SurgeryReport", "load"),
    "network": ("Predictor",),
    "optimizers": ("SGD", "Adagrad", "Adam", "AdamW", "Lion", "Nadam", "RMSprop"),
    "schedules": (
        "CosineDecay",
        "CosineDecayRestarts",
        "ExponentialDecay",
        "InverseTimeDecay",
        "OneCycle",
        "PiecewiseConstant",
        "PolynomialDecay",
        "StepDecay",
    ),
}
"""Which module holds which public name. Each is imported when first asked for, to keep ``import nncore`` quick."""

__getattr__ = loader(__name__, HOMES, MODULES, OF_THE_PACKAGE)
find_moved(__name__, OF_THE_PACKAGE)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *MODULES})


__all__ = [
    "SGD",
    "STOP",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "BatchNorm",
    "Between",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CSVLogger",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "Constant",
    "CosineDecay",
    "CosineDecayRestarts",
    "CustomLoss",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Ensemble",
    "EnvironmentVariableError",
    "ExponentialDecay",
    "ExponentialMovingAverage",
    "GaussianNegativeLogLikelihood",
    "Hinge",
    "History",
    "Huber",
    "InverseTimeDecay",
    "JSONLogger",
    "KLDivergence",
    "LambdaCallback",
    "LayerNorm",
    "LearningRateScheduler",
    "Lion",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "ModelCheckpoint",
    "ModelFileError",
    "NNCoreError",
    "Nadam",
    "Normalization",
    "NotBuiltError",
    "OneCycle",
    "Orthogonal",
    "Perceptron",
    "PiecewiseConstant",
    "Pinball",
    "Poisson",
    "PolynomialDecay",
    "Predictor",
    "RMSprop",
    "RandomNormal",
    "RandomUniform",
    "ReduceLROnPlateau",
    "Residual",
    "Sequential",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "StepDecay",
    "Stepper",
    "StochasticWeightAveraging",
    "SurgeryReport",
    "TensorBoard",
    "TrainingDiverged",
    "TruncatedNormal",
    "__version__",
    "cross_validate",
    "datasets",
    "fit_many",
    "get_num_threads",
    "kernels",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "plots",
    "predict_many",
    "schedules",
    "search",
    "set_num_threads",
    "show_config",
]
