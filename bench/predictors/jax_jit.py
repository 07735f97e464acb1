"""JAX: a compiled function that has the weights in it, which saves it from receiving them at each call."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.cases import Array, Case
from bench.predictors import Ways
from bench.runners.jax_scan import rounded

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "elu": jax.nn.elu}


def ways(case: Case, threads: int, X: Array, product: Any = jnp.matmul) -> Ways:
    # The number of threads is taken from the environment when the package is imported: see bench.threads.
    arrays = iter(map(jnp.asarray, case.initial_weights()))
    layers = list(zip(arrays, arrays, strict=True))  # takes two at a time: weight, bias
    compiled = jax.jit(partial(_forward, ACTIVATIONS[case.activation], product, layers))
    return {"jit": partial(_to_numpy, compiled, X)}


def _to_numpy(compiled: Any, X: Array) -> Array:
    return np.asarray(compiled(X))  # waits until the result is there


def _forward(activation: Any, product: Any, layers: Any, x: Any) -> Any:
    for weight, bias in layers[:-1]:
        x = activation(product(x, weight) + bias)
    weight, bias = layers[-1]
    return jax.nn.softmax(product(x, weight) + bias)


bfloat16 = partial(ways, product=rounded)
