"""A program with parameters and optimizer state, ready to run; and frozen networks for single rows."""

from typing import TYPE_CHECKING

from nncore.base.lazy import loader
from nncore.network.first_values import initial_parameters
from nncore.network.network import Network
from nncore.network.turn import Turn

if TYPE_CHECKING:
    from nncore.network.predictor import Predictor

__getattr__ = loader(__name__, {"predictor": ("Predictor",)})

__all__ = ["Network", "Predictor", "Turn", "initial_parameters"]
