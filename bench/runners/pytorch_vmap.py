"""PyTorch: many networks as stacked parameters, gradients by `torch.func.vmap`, one fused Adam for all of them."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch

from bench.cases import NETWORKS, SEED, Array, Case
from bench.runners.pytorch import Torch
from bench.runners.pytorch_compiled import loss_of


class Many(Torch):
    """`weights` are those of the first network, or of network k."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        each = zip(*(case.initial_weights(SEED + k) for k in range(NETWORKS)), strict=True)
        self.parameters = [torch.from_numpy(np.stack(arrays)) for arrays in each]
        rule = case.optimizer
        betas = (rule.beta_1, rule.beta_2)
        self.adam = torch.optim.Adam(self.parameters, rule.learning_rate, betas, rule.epsilon, fused=True)
        self.gradient = torch.func.vmap(torch.func.grad_and_value(partial(loss_of, case.activation)))
        self.rng = np.random.default_rng(SEED)

    def train(self, epochs: int) -> None:
        rows = np.tile(np.arange(len(self.X)), (NETWORKS, 1))
        for _ in range(epochs):
            self._epoch(torch.from_numpy(self.rng.permuted(rows, axis=1)))

    def train_in_order(self, order: Array) -> None:
        self._epoch(torch.from_numpy(order).expand(NETWORKS, -1))

    def _epoch(self, order: torch.Tensor) -> torch.Tensor:
        """Train one epoch, each network in its row of orders; return the mean of the losses."""
        losses = []
        for rows in order.split(self.batch_size, dim=1):
            gradients, loss = self.gradient(self.parameters, self.X[rows], self.y[rows])
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.grad = gradient
            self.adam.step()
            losses.append(loss)
        return torch.stack(losses).mean()

    def weights(self, k: int = 0) -> list[Array]:
        return [parameter[k].numpy() for parameter in self.parameters]
