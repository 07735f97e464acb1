"""PyTorch, eager: fused Adam, and batches that are slices of tensors instead of a DataLoader's work."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from torch import nn

from bench.cases import Array, Case
from bench.runners.runner import Runner

ACTIVATIONS = {"tanh": nn.Tanh, "relu": nn.ReLU, "elu": nn.ELU}


class Torch(Runner):
    """What training in PyTorch is, eager or compiled: threads, rows and their order."""

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(True)  # as nncore does: the smallest numbers would slow a well-trained network down
        X, y = case.data()
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y).long()
        self.batch_size = case.batch_size

    def train(self, epochs: int) -> None:
        for _ in range(epochs):
            self._epoch(torch.randperm(len(self.X)))

    def train_in_order(self, order: Array) -> None:
        self._epoch(torch.from_numpy(order))

    @abstractmethod
    def _epoch(self, order: torch.Tensor) -> torch.Tensor:
        """Train one epoch in this order; return the mean of the batches' losses."""

    def _batches(self, order: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        # One gather per epoch, then views: faster than a gather per batch, or the same.
        return zip(self.X[order].split(self.batch_size), self.y[order].split(self.batch_size), strict=True)


class Train(Torch):
    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        self.network = _network(case)
        rule, parameters = case.optimizer, self.network.parameters()
        betas = (rule.beta_1, rule.beta_2)
        self.adam = torch.optim.Adam(parameters, rule.learning_rate, betas, rule.epsilon, fused=True)
        self.loss = nn.CrossEntropyLoss()

    def _epoch(self, order: torch.Tensor) -> torch.Tensor:
        losses = []
        for X, y in self._batches(order):
            self.adam.zero_grad(set_to_none=True)
            loss = self._loss(X, y)
            loss.backward()
            self.adam.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean()

    def _loss(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.loss(self.network(X), y)

    def weights(self) -> list[Array]:
        return [parameter.detach().numpy().T for parameter in self.network.parameters()]


def _network(case: Case) -> nn.Sequential:
    arrays = iter(case.initial_weights())
    layers: list[nn.Module] = []
    for weight, bias in zip(arrays, arrays, strict=True):  # takes two at a time
        dense = nn.Linear(len(weight), len(bias), dtype=getattr(torch, case.dtype))
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(weight.T))
            dense.bias.copy_(torch.from_numpy(bias))
        layers += [dense, ACTIVATIONS[case.activation]()]
    return nn.Sequential(*layers[:-1])  # the loss takes logits
