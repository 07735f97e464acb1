"""What the tests of pictures draw: a history with records of layers, and a network that learned XOR."""

import sys

import numpy as np
import pytest

from nncore import Dense, History, Sequential
from nncore.history.layers import FIELDS

LAYERS = [("dense_0", "Dense", "relu"), ("dropout_1", "Dropout", "identity"), ("dense_2", "Dense", "identity")]
EPOCHS = np.array([0, 1, 2, 5])


@pytest.fixture(autouse=True)
def no_figures_are_left():
    """Whatever other tests have imported, pyplot holds no figure of these afterwards."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def make_records():
    """Numbers (4 epochs, 3 layers, 42) that differ everywhere; dropout has neither gradient nor weights."""
    values = np.linspace(0.1, 0.9, 4 * 3 * len(FIELDS)).reshape(4, 3, len(FIELDS))
    low, high = FIELDS.index("weight_min"), FIELDS.index("weight_max")
    values[..., low], values[..., high] = -1 - EPOCHS[:, None], 1 + EPOCHS[:, None]
    values[:, 1, : high + 1] = np.nan
    counts = np.tile(np.arange(32.0), (4, 3, 1))
    return np.concatenate([values, counts], axis=2)


@pytest.fixture
def network():
    """Names, kinds and activations; the epochs recorded; the records."""
    return LAYERS, EPOCHS, make_records()


@pytest.fixture
def history():
    history = History()
    history.extend(0, {"loss": [0.9, 0.5, 0.4, 0.3, 0.2, 0.1], "seconds": [0.1] * 6, "learning_rate": [0.01] * 6})
    history.extend(6, {"loss": [0.05], "accuracy": [0.75], "seconds": [0.1]})
    history.record_layers(LAYERS, EPOCHS, make_records())
    return history


@pytest.fixture(scope="module")
def xor():
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    model = Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")], seed=1)
    model.fit(X, y, epochs=1000)
    return model, X, y
