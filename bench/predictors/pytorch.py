"""PyTorch: plain calls in inference mode, and what its compiler makes of them."""

from __future__ import annotations

from functools import partial

import torch
from torch._inductor import config

from bench.cases import Array, Case
from bench.predictors import Ways

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu}
COMPILED_FROM = 1024
"""Rows. On fewer, the checks that precede a compiled call cost more than all of the call in the other ways."""


def ways(case: Case, threads: int, X: Array) -> Ways:
    torch.set_num_threads(threads)
    config.compile_threads = 1  # else processes stay behind that have nothing to do
    torch._dynamo.reset()  # frees the code of the case before
    torch.inference_mode().__enter__()  # for good: a service would not enter and leave it for each call either
    # Not `torch.jit`: frozen, the network is never faster than as it stands, and on one row slower.
    network = _Network(case)
    found = {"eager": network}
    if len(X) >= COMPILED_FROM:
        # Frozen: the weights are constants to the compiler, and laid out as its products like them.
        found["compiled"] = torch.compile(network, dynamic=False, options={"freezing": True})
    return {name: partial(_from_numpy, function, X) for name, function in found.items()}


def _from_numpy(function: torch.nn.Module, X: Array) -> Array:
    output: Array = function(torch.from_numpy(X)).numpy()
    return output


class _Network(torch.nn.Module):  # type: ignore[misc]
    """Bare functions on (n_in, n_out) weights: half the time of a `torch.nn.Sequential` on one row."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        arrays = iter(map(torch.from_numpy, case.initial_weights()))
        *self.hidden, self.last = zip(arrays, arrays, strict=True)  # takes two at a time
        self.activation = ACTIVATIONS[case.activation]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for weight, bias in self.hidden:
            x = self.activation(torch.addmm(bias, x, weight))
        weight, bias = self.last
        return torch.softmax(torch.addmm(bias, x, weight), dim=1)
