"""PyTorch, eager: fused Adam, and batches that are slices of one shuffled tensor.

Not ``torch.compile``: with this network's whole step compiled (see `bench.runners.pytorch_compiled`), with or
without C++ wrapper, the first epoch took 15 to 19 s from scratch and 4 to 7 s from the cache of a run before, on one
thread. Epochs then took as long as without it, 1.1 s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.recipes import recipe


def train(digits: recipe.Digits, seed: int, threads: int, enough: Callable[[float], bool]) -> None:
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)  # as nncore does: the smallest numbers would slow a well-trained network down
    X, test_X = scaled(digits.pixels), scaled(digits.test_pixels)
    y, test_y = (torch.from_numpy(labels.astype(np.int64)) for labels in (digits.labels, digits.test_labels))
    network, loss = initial_network(seed), nn.CrossEntropyLoss()
    adam = torch.optim.Adam(network.parameters(), recipe.LEARNING_RATE, recipe.BETAS, recipe.EPSILON, fused=True)
    shuffled = torch.empty_like(X)  # kept from epoch to epoch, for the first touch of new memory is slow
    reached = False
    while not reached:
        order = torch.randperm(len(X))
        torch.index_select(X, 0, order, out=shuffled)
        for rows, labels in zip(shuffled.split(recipe.BATCH_SIZE), y[order].split(recipe.BATCH_SIZE), strict=True):
            adam.zero_grad(set_to_none=True)
            loss(network(rows), labels).backward()
            adam.step()
        with torch.inference_mode():
            reached = enough((network(test_X).argmax(1) == test_y).double().mean().item())


def scaled(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.divide(pixels, 255, dtype=np.float32))


def initial_network(seed: int) -> nn.Sequential:
    arrays = iter(map(torch.from_numpy, recipe.initial_weights(seed)))
    layers: list[Any] = []
    for weight, bias in zip(arrays, arrays, strict=True):  # takes two at a time
        dense = nn.utils.skip_init(nn.Linear, *weight.shape)
        with torch.no_grad():
            dense.weight.copy_(weight.T)
            dense.bias.copy_(bias)
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1])  # the loss takes logits
