"""nncore's many networks, as a user calls them: `fit_many`, or ``fit`` of one after another."""

from __future__ import annotations

import numpy as np

from bench.cases import NETWORKS, SEED, Array, Case
from bench.runners.runner import Runner
from nncore import fit_many, set_num_threads
from nncore.base.random import permutation


class Together(Runner):
    """All networks in one call. `weights` are those of the first network, or of network k."""

    def __init__(self, case: Case, threads: int) -> None:
        set_num_threads(threads)
        self.models = [case.model(seed=SEED + k) for k in range(NETWORKS)]
        self.X, self.y = case.data()
        self.batch_size = case.batch_size

    def train(self, epochs: int) -> None:
        fit_many(self.models, self.X, self.y, epochs=epochs, batch_size=self.batch_size, verbose=False)

    def train_in_order(self, order: Array) -> None:
        # Each network shuffles by its own seed; the first one's order is the one asked for.
        assert np.array_equal(order, permutation(SEED, self.models[0].epoch, len(self.X)))
        self.train(1)

    def weights(self, k: int = 0) -> list[Array]:
        return self.models[k].get_weights()


class Single(Together):
    """A loop of ``fit``."""

    def train(self, epochs: int) -> None:
        for model in self.models:
            model.fit(self.X, self.y, epochs=epochs, batch_size=self.batch_size, verbose=False)
