"""The floor under a training step: what the machine needs for its multiply-adds and its update, and nothing else.

The seconds of the floor are

    FLOPs / peak + bytes / bandwidth

FLOPs are those of the step's matrix products (`Case.mean_flops_per_step`). The bytes are Adam's: it reads and writes
parameters, first and second moments, 24 bytes per float32 parameter and 48 per float64 one; the gradient need not leave
the cache. Peak and bandwidth are measured, not looked up: both loops (`src_c/roofline.h`) run for as long as so many
steps would need, in turn with those who train, so that whatever changes the processor's clock changes the floor too.
The state that is swept is as large as the case's own: small networks are charged the speed of a cache, large ones that
of memory. Activations, loss, biases and reading the rows are work that the floor does not count, so its share of a real
step stays below 100 %.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from bench.cases import Case
from bench.record import Roof
from bench.timing import Slot
from nncore import engine

VECTORS = 3
"""Parameters, and Adam's two slots."""


class Floor:
    """A contender (see `bench.timing`) that does only what a step of a case cannot do without.

    Parameters
    ----------
    case : Case
    threads : int
        Among which multiply-adds and state are divided evenly.
    """

    def __init__(self, case: Case, threads: int) -> None:
        self.case, self.threads = case, threads
        self.engine: Any = engine.load(case.dtype)
        self.states = [self.engine._State(-(-case.n_parameters // threads)) for _ in range(threads)]
        self.pool = ThreadPoolExecutor(threads)
        self.bytes_per_step = 2 * VECTORS * case.n_parameters * np.dtype(case.dtype).itemsize
        self.flops_per_second: list[float] = []
        self.bytes_per_second: list[float] = []

    def __call__(self, steps: int) -> Slot:
        """Do what so many steps need at least."""
        flops = round(steps * self.case.mean_flops_per_step)
        cpu, start = time.process_time(), time.perf_counter()
        self._everywhere([lambda: self.engine._multiply_adds(flops // self.threads)] * self.threads)
        between = time.perf_counter()
        self._everywhere([lambda state=state: state.sweep(steps) for state in self.states])
        end = time.perf_counter()
        self.flops_per_second.append(flops / (between - start))
        self.bytes_per_second.append(steps * self.bytes_per_step / (end - between))
        return Slot(end - start, time.process_time() - cpu)

    def _everywhere(self, loops: list[Any]) -> None:
        for done in [self.pool.submit(loop) for loop in loops]:
            done.result()

    def roof(self, rounds: int) -> Roof:
        """Return the medians of the last `rounds` calls; those before were warming up."""
        medians = [float(np.median(rates[-rounds:])) for rates in (self.flops_per_second, self.bytes_per_second)]
        return Roof(self.case.name, self.threads, *medians)
