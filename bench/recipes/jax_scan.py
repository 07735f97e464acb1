"""JAX: a whole epoch and its test are one compiled call around `jax.lax.scan`; it takes over the old state's memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from bench.recipes import recipe


def train(digits: recipe.Digits, seed: int, threads: int, enough: Callable[[float], bool]) -> None:
    # The number of threads is taken from the environment when the package is imported: see bench.threads.
    rng = np.random.default_rng(seed)
    scaled = jax.jit(lambda pixels: pixels.astype(jnp.float32) / 255)
    X, test_X = scaled(digits.pixels), scaled(digits.test_pixels)
    y, test_y = (jnp.asarray(labels, jnp.int32) for labels in (digits.labels, digits.test_labels))
    arrays = iter(map(jnp.asarray, recipe.initial_weights(seed)))
    layers = list(zip(arrays, arrays, strict=True))  # takes two at a time: weight, bias
    zeros = partial(jax.tree.map, jnp.zeros_like)
    state = (layers, zeros(layers), zeros(layers), jnp.zeros(()))
    compiled, reached = jax.jit(epoch, donate_argnums=0), False
    while not reached:
        state, accuracy = compiled(state, X, y, test_X, test_y, *batches(rng.permutation(len(X))))
        reached = enough(float(accuracy))


def batches(order: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return rows and their weights, (steps, batch_size). The last batch is filled up with rows of weight 0.

    A last batch of another size would be a second step to compile.
    """
    steps = -(-len(order) // recipe.BATCH_SIZE)
    rows, weights = np.zeros((2, steps * recipe.BATCH_SIZE))
    rows[: len(order)], weights[: len(order)] = order, 1
    shape = steps, recipe.BATCH_SIZE
    return rows.astype(np.int32).reshape(shape), weights.astype(np.float32).reshape(shape)


def epoch(state: Any, X: Any, y: Any, test_X: Any, test_y: Any, rows: Any, weights: Any) -> Any:
    state, _ = jax.lax.scan(partial(step, X, y), state, (rows, weights))
    return state, (logits(state[0], test_X).argmax(1) == test_y).mean()


def step(X: Any, y: Any, state: Any, batch: Any) -> Any:
    """Adam as Kingma and Ba (2015), algorithm 1, has it."""
    layers, m, v, t = state
    rows, weights = batch
    gradient = jax.grad(loss)(layers, X[rows], y[rows], weights)
    t, (b1, b2) = t + 1, recipe.BETAS
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradient)
    rate, scale = recipe.LEARNING_RATE / (1 - b1**t), jax.lax.rsqrt(1 - b2**t)
    layers = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * scale + recipe.EPSILON), layers, m, v)
    return (layers, m, v, t), None


def loss(layers: Any, x: Any, y: Any, weights: Any) -> Any:
    log_probability = jax.nn.log_softmax(logits(layers, x))
    return -(weights * jnp.take_along_axis(log_probability, y[:, None], axis=1)[:, 0]).sum() / weights.sum()


def logits(layers: Any, x: Any) -> Any:
    for weight, bias in layers[:-1]:
        x = jax.nn.relu(x @ weight + bias)
    weight, bias = layers[-1]
    return x @ weight + bias
