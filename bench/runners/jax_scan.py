"""JAX: a whole epoch, the gather of the shuffled rows included, is one compiled call around `jax.lax.scan`.

Adam works on all parameters as one vector where there are few of them: about a tenth faster than leaf by leaf, which
is faster for large networks. To unroll the loop 2, 4 or 8 times never helped.

Of many networks, `jax.vmap` takes the whole epoch; orders are drawn by NumPy for these, too: with random keys sorted in
JAX a step of 2-8-8-2 takes 2.6 times as long. Products written as sums took three times as long; networks along the
last axis, one-hot labels or the gather within the loop changed nothing by more than a few percent.

In bfloat16, every product takes rounded operands and sums in float32, those of the gradient included: casts alone would
leave these to float32, and so would `DotAlgorithmPreset.BF16_BF16_F32`, which changes nothing on a CPU.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from bench.cases import NETWORKS, SEED, Array, Case
from bench.runners.runner import Runner

ACTIVATIONS = {"tanh": jnp.tanh, "relu": jax.nn.relu, "elu": jax.nn.elu}
ONE_VECTOR = 20_000
"""Parameters up to which they are one vector."""


class Train(Runner):
    product: Any = staticmethod(jnp.matmul)

    def __init__(self, case: Case, threads: int) -> None:
        # The number of threads is taken from the environment when the package is imported: see bench.threads.
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        arrays = iter(map(jnp.asarray, case.initial_weights()))
        parameters: Any = list(zip(arrays, arrays, strict=True))  # takes two at a time: weight, bias
        self.layers: Any = _same
        if case.n_parameters <= ONE_VECTOR:
            parameters, self.layers = ravel_pytree(parameters)
        zeros = partial(jax.tree.map, jnp.zeros_like)
        self.state = (parameters, zeros(parameters), zeros(parameters), jnp.zeros((), case.dtype))
        self.X, self.y = map(jnp.asarray, case.data())
        # The old state's memory takes the new state.
        loss = partial(_loss, case.activation, self.product, self.layers)
        self.epoch = jax.jit(partial(_epoch, case, loss), donate_argnums=0)
        self.rng = np.random.default_rng(SEED)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            # Drawn by NumPy, while the epoch before is still running: faster than sorting random keys in JAX.
            self.state, _ = self.epoch(self.state, self.X, self.y, self.rng.permutation(len(self.X)).astype(np.int32))
        jax.block_until_ready(self.state)

    def train_in_order(self, order: Array) -> None:
        self.state, _ = self.epoch(self.state, self.X, self.y, order.astype(np.int32))

    def weights(self) -> list[Array]:
        return [np.asarray(array) for array in jax.tree.leaves(self.layers(self.state[0]))]


def _same(layers: Any) -> Any:
    return layers


def _epoch(case: Case, loss: Any, state: Any, X: Any, y: Any, order: Any) -> Any:
    step, batch_size = partial(_step, case, loss), case.batch_size
    n_full = len(X) // batch_size
    rows, rest = order[: n_full * batch_size].reshape(n_full, batch_size), order[n_full * batch_size :]
    state, losses = jax.lax.scan(step, state, (X[rows], y[rows]))
    if len(rest):
        state, last = step(state, (X[rest], y[rest]))
        losses = jnp.append(losses, last)
    return state, losses


def _step(case: Case, loss: Any, state: Any, batch: Any) -> Any:
    """Adam as Kingma and Ba (2015), algorithm 1, has it."""
    parameters, m, v, t = state
    rule = case.optimizer
    b1, b2 = rule.beta_1, rule.beta_2
    value, gradient = jax.value_and_grad(loss)(parameters, *batch)
    t = t + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradient)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradient)
    rate, scale = rule.learning_rate / (1 - b1**t), jax.lax.rsqrt(1 - b2**t)
    parameters = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) * scale + rule.epsilon), parameters, m, v)
    return (parameters, m, v, t), value


def _loss(activation: str, product: Any, layers_of: Any, parameters: Any, x: Any, y: Any) -> Any:
    layers = layers_of(parameters)
    for weight, bias in layers[:-1]:
        x = ACTIVATIONS[activation](product(x, weight) + bias)
    weight, bias = layers[-1]
    log_probability = jax.nn.log_softmax(product(x, weight) + bias)
    return -jnp.take_along_axis(log_probability, y[:, None], axis=1).mean()


def rounded(x: Any, weight: Any) -> Any:
    """Return the product of both rounded to bfloat16, in float32."""
    return jnp.matmul(x.astype(jnp.bfloat16), weight.astype(jnp.bfloat16), preferred_element_type=jnp.float32)


def _forward(x: Any, weight: Any) -> Any:
    return rounded(x, weight), (x, weight)


def _backward(operands: Any, dz: Any) -> Any:
    x, weight = operands
    return rounded(dz, weight.T), rounded(x.T, dz)


_rounded_both_ways = jax.custom_vjp(rounded)
_rounded_both_ways.defvjp(_forward, _backward)


class Bfloat16(Train):
    product = staticmethod(_rounded_both_ways)


class Many(Runner):
    """Many networks, their parameters stacked leaf by leaf; `weights` are those of the first one, or of network k."""

    def __init__(self, case: Case, threads: int) -> None:
        jax.config.update("jax_enable_x64", case.dtype == "float64")
        each = zip(*(case.initial_weights(SEED + k) for k in range(NETWORKS)), strict=True)
        arrays = iter([jnp.stack(arrays) for arrays in each])
        parameters: Any = list(zip(arrays, arrays, strict=True))  # takes two at a time: weight, bias
        zeros = partial(jax.tree.map, jnp.zeros_like)
        self.state = (parameters, zeros(parameters), zeros(parameters), jnp.zeros((), case.dtype))
        self.X, self.y = map(jnp.asarray, case.data())
        one = partial(_epoch, case, partial(_loss, case.activation, jnp.matmul, _same))
        stacked = (0, 0, 0, None)  # all have taken as many steps
        together = jax.vmap(one, in_axes=(stacked, None, None, 0), out_axes=(stacked, 0))
        self.epoch = jax.jit(together, donate_argnums=0)
        self.rng = np.random.default_rng(SEED)
        self.rows = np.tile(np.arange(len(self.X), dtype=np.int32), (NETWORKS, 1))

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            self.state, _ = self.epoch(self.state, self.X, self.y, self.rng.permuted(self.rows, axis=1))
        jax.block_until_ready(self.state)

    def train_in_order(self, order: Array) -> None:
        self.state, _ = self.epoch(self.state, self.X, self.y, np.tile(order.astype(np.int32), (NETWORKS, 1)))

    def weights(self, k: int = 0) -> list[Array]:
        return [np.asarray(array[k]) for array in jax.tree.leaves(self.state[0])]
