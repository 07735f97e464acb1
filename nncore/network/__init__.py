"""A program with parameters and optimizer state, ready to run; and frozen networks for single rows."""

from nncore.network.first_values import initial_parameters
from nncore.network.network import Network
from nncore.network.predictor import Predictor

__all__ = ["Network", "Predictor", "initial_parameters"]
