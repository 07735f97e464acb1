"""NumPy: nncore's reference, shuffled by NumPy."""

from __future__ import annotations

import numpy as np

from bench.cases import SEED, Array, Case
from bench.runners.runner import Runner
from nncore import reference


class Train(Runner):
    """A case as the reference trains it; `bench.step` times it too."""

    def __init__(self, case: Case, threads: int = 1) -> None:
        model = case.model()
        self.program, self.blocks = model.program, model.program.parameters
        self.parameters = model.parameters.copy()
        self.optimizer = case.optimizer
        self.slots = [np.zeros_like(self.parameters) for _ in range(self.optimizer.n_slots)]
        self.X, self.y = case.data()
        self.batch_size = case.batch_size
        self.t = 0
        self.rng = np.random.default_rng(SEED)

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            # Not the reference's own shuffle: it repeats the engine's, number by number, in a Python loop.
            self.train_in_order(self.rng.permutation(len(self.X)))

    def train_in_order(self, order: Array) -> None:
        self.train_on(self.X[order], self.y[order])

    def train_on(self, X: Array, y: Array) -> None:
        """Train one epoch on these rows as they stand."""
        state = self.program, self.optimizer, self.parameters, self.slots
        reference.train(*state, X, y, epochs=1, batch_size=self.batch_size, shuffle=False, seed=SEED, t=self.t)
        self.t += -(-len(X) // self.batch_size)

    def predict(self, X: Array) -> Array:
        """Return the predictions, shape (n, n_outputs)."""
        return reference.forward(self.program, self.parameters, X)

    def weights(self) -> list[Array]:
        flat = self.parameters
        return [flat[block.offset : block.offset + block.size].reshape(block.shape) for block in self.blocks]
