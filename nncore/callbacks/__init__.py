"""Callbacks: what happens around training beside it. Give them to ``fit(callbacks=[...])``.

A callback is a plain function ``(model, epoch, logs)``, called after each epoch, or an object with hooks; see
`Callbacks`. Those here have the names of Keras's, and its arguments where they mean the same.
"""

from typing import TYPE_CHECKING

from nncore.base.elsewhere import OF_THE_PACKAGE
from nncore.base.lazy import loader
from nncore.callbacks.hooks import STOP, Callbacks

if TYPE_CHECKING:
    from nncore.callbacks.averaging import ExponentialMovingAverage, StochasticWeightAveraging
    from nncore.callbacks.checkpointing import ModelCheckpoint
    from nncore.callbacks.csv_log import CSVLogger
    from nncore.callbacks.functions import LambdaCallback
    from nncore.callbacks.json_log import JSONLogger
    from nncore.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
    from nncore.callbacks.stopping import EarlyStopping
    from nncore.callbacks.tensorboard import TensorBoard

HOMES = {
    "averaging": ("ExponentialMovingAverage", "StochasticWeightAveraging"),
    "checkpointing": ("ModelCheckpoint",),
    "csv_log": ("CSVLogger",),
    "functions": ("LambdaCallback",),
    "json_log": ("JSONLogger",),
    "rates": ("LearningRateScheduler", "ReduceLROnPlateau"),
    "stopping": ("EarlyStopping",),
    "tensorboard": ("TensorBoard",),
}
"""Every training needs the hooks, few need what is here: each is imported when first asked for."""

__getattr__ = loader(__name__, HOMES, words=OF_THE_PACKAGE)

__all__ = [
    "STOP",
    "CSVLogger",
    "Callbacks",
    "EarlyStopping",
    "ExponentialMovingAverage",
    "JSONLogger",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "StochasticWeightAveraging",
    "TensorBoard",
]
