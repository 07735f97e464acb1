"""nncore: train and run multi-layer perceptrons on a CPU, fast, and see them learn."""

import importlib
from typing import TYPE_CHECKING, Any

from nncore import losses, metrics, optimizers
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

if TYPE_CHECKING:
    from nncore import datasets, kernels

LAZY = ("datasets", "kernels")
"""Modules that are imported when first asked for, to keep ``import nncore`` quick."""


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return importlib.import_module(f"nncore.{name}")
    raise AttributeError(f"module 'nncore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})


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
