"""nncore, as a user calls it: ``fit``."""

from __future__ import annotations

import numpy as np

from bench.cases import SEED, Array, Case
from bench.runners.runner import Runner
from nncore import set_num_threads
from nncore.base.random import permutation


class Train(Runner):
    dtype: str | None = None
    """That of the case, unless named."""

    def __init__(self, case: Case, threads: int) -> None:
        set_num_threads(threads)
        self.model = case.model(self.dtype)
        self.X, self.y = case.data()
        self.batch_size = case.batch_size

    def train(self, epochs: int) -> None:
        self.model.fit(self.X, self.y, epochs=epochs, batch_size=self.batch_size, verbose=False)

    def train_in_order(self, order: Array) -> None:
        # `fit` takes no order; the one asked for is that of its own shuffle, which this shows to take place.
        assert np.array_equal(order, permutation(SEED, self.model.epoch, len(self.X)))
        self.train(1)

    def weights(self) -> list[Array]:
        return self.model.get_weights()


class Mixed(Train):
    """Products in bfloat16."""

    dtype = "mixed_bfloat16"
