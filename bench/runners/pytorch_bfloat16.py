"""PyTorch, eager, in the three ways that it has to compute in bfloat16; all else as in `bench.runners.pytorch`."""

from __future__ import annotations

import torch

from bench.cases import Array, Case
from bench.runners.pytorch import Train


class Medium(Train):
    """Products of float32 may round their operands; on a processor that has nothing for it, PyTorch does not."""

    def __init__(self, case: Case, threads: int) -> None:
        torch.set_float32_matmul_precision("medium")  # of the whole process
        super().__init__(case, threads)


class Autocast(Train):
    """Products round their operands and their results, forward and back; parameters and Adam are float32."""

    def _loss(self, X: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return super()._loss(X, y)


class Pure(Train):
    """Everything is in bfloat16: rows, parameters, Adam's moments."""

    def __init__(self, case: Case, threads: int) -> None:
        super().__init__(case, threads)
        self.X = self.X.bfloat16()
        self.network.bfloat16()  # in place: Adam holds the same parameters

    def weights(self) -> list[Array]:
        return [parameter.detach().float().numpy().T for parameter in self.network.parameters()]
