"""PyTorch, compiled: the whole step, Adam included, is one graph that `torch.compile` turns into C++.

It is what was fastest of what was tried: forward, loss, gradient and update in one graph, with the gradient from
`torch.func` and Adam written out, so that the updates of all parameters are generated code; weights as (n_in, n_out),
so that no product needs a transposed copy; called through C++ (``cpp_wrapper``) instead of generated Python; and after
the first epoch without the checks that the arguments still are what the code was compiled for, a sixth of a small step.
Compiling only the loss and leaving the update to the fused Adam took four times as long for small networks;
``max-autotune`` changed nothing, since it has no other products to offer for weights that change.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch._inductor import config

from bench.cases import Array, Case
from bench.runners.pytorch import Torch

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "elu": torch.nn.functional.elu}
OPTIONS = {"cpp_wrapper": True}


class Train(Torch):
    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        config.compile_threads = 1  # else processes stay behind that have nothing to do
        torch._dynamo.reset()  # frees the code of the case before
        self.parameters = [torch.from_numpy(array) for array in case.initial_weights()]
        slots = [[torch.zeros_like(array) for array in self.parameters] for _ in range(2)]
        self.state = (self.parameters, *slots, torch.zeros((), dtype=self.X.dtype))
        # A last batch of another size gets code of its own instead of slower code for any size.
        self.step = torch.compile(partial(_step, case), fullgraph=True, dynamic=False, options=OPTIONS)
        self.compiled = False

    def _epoch(self, order: torch.Tensor) -> torch.Tensor:
        losses = []
        with torch.no_grad(), torch.compiler.set_stance("default", skip_guard_eval_unsafe=self.compiled):
            for X, y in self._batches(order):
                losses.append(self.step(self.state, X, y))
        self.compiled = True
        return torch.stack(losses).mean()

    def weights(self) -> list[Array]:
        return [parameter.numpy() for parameter in self.parameters]


def _step(case: Case, state: Any, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Adam as Kingma and Ba (2015), algorithm 1, has it; in place."""
    rule, (parameters, firsts, seconds, t) = case.optimizer, state
    gradient, loss = torch.func.grad_and_value(partial(loss_of, case.activation))(parameters, X, y)
    t += 1
    rate, scale = rule.learning_rate / (1 - rule.beta_1**t), torch.rsqrt(1 - rule.beta_2**t)
    for w, m, v, g in zip(parameters, firsts, seconds, gradient, strict=True):
        m.mul_(rule.beta_1).add_(g * (1 - rule.beta_1))
        v.mul_(rule.beta_2).add_(g * g * (1 - rule.beta_2))
        w.sub_(rate * m / (v.sqrt() * scale + rule.epsilon))
    return loss


def loss_of(activation: str, parameters: list[torch.Tensor], x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    for i in range(0, len(parameters) - 2, 2):
        x = ACTIVATIONS[activation](torch.addmm(parameters[i + 1], x, parameters[i]))
    return torch.nn.functional.cross_entropy(torch.addmm(parameters[-1], x, parameters[-2]), y)
