"""Starting points: each shows one thing, and says what to try."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nncore.base.names import lookup
from nncore.builder.setup import Setup
from nncore.builder.sources import source
from nncore.layers import Dense, Layer
from nncore.optimizers import SGD, Adam, Optimizer


@dataclass(frozen=True)
class Preset:
    """A set-up with a title, what it is about, and what to try.

    Attributes
    ----------
    title, chapter, text : str
    data : str
        Name of the data set.
    options : dict
        Of the data set.
    layers : tuple of Layer
    optimizer : Optimizer
    training : dict
        Other fields of `Setup`.
    """

    title: str
    chapter: str
    text: str
    data: str
    options: Mapping[str, Any]
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    training: Mapping[str, Any]


PRESETS = {
    "xor": Preset(
        "XOR",
        "From perceptrons to deep networks",
        "No single straight line parts these two classes. Four tanh units can; take the hidden layer out to see that "
        "one neuron cannot.",
        "xor",
        {"n_samples": 200, "noise": 0.15},
        (Dense(4, "tanh"), Dense(2, "softmax")),
        Adam(0.03),
        {"batch_size": 16},
    ),
    "spiral": Preset(
        "Spiral",
        "Network architectures",
        "Three arms wound around each other: watch the border between the classes bend. Try fewer units or layers.",
        "spiral",
        {"n_samples": 600, "arms": 3, "turns": 1.25},
        (Dense(32, "relu"), Dense(32, "relu"), Dense(3, "softmax")),
        Adam(0.01),
        {},
    ),
    "vanishing_gradient": Preset(
        "Vanishing gradient",
        "Training dynamics and challenges",
        "Eight sigmoid layers: the gradient fades on its way back, and the first layers learn next to nothing. Change "
        "them to relu, or put BatchNorm between them.",
        "moons",
        {"n_samples": 400, "noise": 0.15},
        (*(Dense(16, "sigmoid") for _ in range(8)), Dense(2, "softmax")),
        SGD(0.1),
        {},
    ),
    "overfitting": Preset(
        "Overfitting",
        "Training dynamics and challenges",
        "A wide network learns 40 noisy rows by heart: the loss keeps falling, that of the rows held out rises. Try "
        "Dropout, l2 or fewer units.",
        "moons",
        {"n_samples": 80, "noise": 0.35},
        (Dense(64, "relu"), Dense(64, "relu"), Dense(2, "softmax")),
        Adam(0.01),
        {"validation_split": 0.5},
    ),
    "digits": Preset(
        "Digits",
        "Deep networks",
        "Handwritten digits of 8 x 8 pixels. Train, then draw one yourself.",
        "digits",
        {},
        (Dense(64, "relu"), Dense(10, "softmax")),
        Adam(0.003),
        {},
    ),
    "penguins": Preset(
        "Penguins",
        "Data of one's own",
        "Measurements of three species. Two features are enough for a map of what the network decides.",
        "penguins",
        {"features": ["bill_length_mm", "flipper_length_mm"]},
        (Dense(16, "tanh"), Dense(3, "softmax")),
        Adam(0.01),
        {},
    ),
    "regression": Preset(
        "A curve through points",
        "The artificial neuron",
        "One number in, one number out: the network bends a line until it follows the sine.",
        "sine",
        {"n_samples": 200, "noise": 0.1},
        (Dense(16, "tanh"), Dense(16, "tanh"), Dense(1)),
        Adam(0.01),
        {},
    ),
}


def setup_of(name: str) -> Setup:
    """Return the set-up of a starting point.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> setup_of("digits").layers
    (Dense(64, 'relu'), Dense(10, 'softmax'))
    """
    preset = lookup("starting point", name, PRESETS)
    return Setup(source(preset.data, preset.options), preset.layers, preset.optimizer, **preset.training)
