"""nncore: train and run multi-layer perceptrons on a CPU, fast, and see them learn."""

from nncore import datasets, kernels, losses, metrics, optimizers
from nncore.callbacks import STOP
from nncore.engine import get_num_threads, set_num_threads, show_config
from nncore.errors import ModelFileError, NNCoreError, NotBuiltError, TrainingDiverged
from nncore.history import History
from nncore.initializers import Constant, RandomNormal, RandomUniform
from nncore.layers import Activation, Dense
from nncore.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from nncore.model import Sequential, load
from nncore.optimizers import SGD, Adam, AdamW, RMSprop
from nncore.version import __version__

__all__ = [
    "SGD",
    "STOP",
    "Activation",
    "Adam",
    "AdamW",
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Constant",
    "Dense",
    "History",
    "Huber",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "ModelFileError",
    "NNCoreError",
    "NotBuiltError",
    "RMSprop",
    "RandomNormal",
    "RandomUniform",
    "Sequential",
    "SparseCategoricalCrossentropy",
    "TrainingDiverged",
    "__version__",
    "datasets",
    "get_num_threads",
    "kernels",
    "load",
    "losses",
    "metrics",
    "optimizers",
    "set_num_threads",
    "show_config",
]
