"""PyTorch: plain calls in inference mode, and what its compiler makes of them; in bfloat16 in the three ways it has."""

from __future__ import annotations

from functools import partial

import torch
from torch._inductor import config

from bench.cases import Array, Case
from bench.predictors import Ways

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "elu": torch.nn.functional.elu}
COMPILED_FROM = 1024
"""Rows. On fewer, the checks that precede a compiled call cost more than all of the call in the other ways."""


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
        return torch.softmax(torch.addmm(bias, x, weight), dim=1, dtype=torch.float32)


class _Bfloat16(_Network):
    """The same, all of it in bfloat16."""

    def __init__(self, case: Case) -> None:
        super().__init__(case)
        *self.hidden, self.last = ((weight.bfloat16(), bias.bfloat16()) for weight, bias in (*self.hidden, self.last))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x.bfloat16())


def ways(case: Case, threads: int, X: Array, kind: type[_Network] = _Network) -> Ways:
    torch.set_num_threads(threads)
    config.compile_threads = 1  # else processes stay behind that have nothing to do
    torch._dynamo.reset()  # frees the code of the case before
    torch.inference_mode().__enter__()  # for good: a service would not enter and leave it for each call either
    # Not `torch.jit`: frozen, the network is never faster than as it stands, and on one row slower.
    network = kind(case)
    found = {"eager": network}
    if len(X) >= COMPILED_FROM:
        # Frozen: the weights are constants to the compiler, and laid out as its products like them.
        found["compiled"] = torch.compile(network, dynamic=False, options={"freezing": True})
    return {name: partial(_from_numpy, function, X) for name, function in found.items()}


def _from_numpy(function: torch.nn.Module, X: Array) -> Array:
    output: Array = function(torch.from_numpy(X)).numpy()
    return output


bfloat16 = partial(ways, kind=_Bfloat16)


def medium(case: Case, threads: int, X: Array) -> Ways:
    torch.set_float32_matmul_precision("medium")  # of the whole process
    return ways(case, threads, X)


def autocast(case: Case, threads: int, X: Array) -> Ways:
    torch.autocast("cpu", torch.bfloat16).__enter__()  # for good, as inference mode
    return ways(case, threads, X)
