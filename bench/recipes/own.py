"""nncore: one ``fit``, which a callback ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.recipes import recipe
from nncore import STOP, Adam, Dense, Sequential, set_num_threads


def train(digits: recipe.Digits, seed: int, threads: int, enough: Callable[[float], bool]) -> None:
    set_num_threads(threads)
    initial_model(seed).fit(
        scaled(digits.pixels),
        digits.labels,
        epochs=recipe.MOST_EPOCHS,
        batch_size=recipe.BATCH_SIZE,
        validation_data=(scaled(digits.test_pixels), digits.test_labels),
        callbacks=lambda model, epoch, logs: STOP if enough(logs["val_accuracy"]) else None,
        verbose=False,
    )


def initial_model(seed: int, dtype: str = "float32") -> Sequential:
    hidden = [Dense(units, "relu") for units in recipe.SIZES[1:-1]]
    model = Sequential([*hidden, Dense(recipe.SIZES[-1], "softmax")], seed=seed, dtype=dtype)
    optimizer = Adam(recipe.LEARNING_RATE, *recipe.BETAS, recipe.EPSILON)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.build(recipe.SIZES[0])
    model.set_weights(recipe.initial_weights(seed))
    return model


def scaled(pixels: NDArray[np.uint8]) -> NDArray[Any]:
    return np.divide(pixels, 255, dtype=np.float32)
