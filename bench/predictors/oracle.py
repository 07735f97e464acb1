"""NumPy: nncore's reference."""

from __future__ import annotations

from functools import partial

from bench.cases import Array, Case
from bench.predictors import Ways
from nncore import reference


def ways(case: Case, threads: int, X: Array) -> Ways:
    model = case.model()
    return {"reference": partial(reference.forward, model.program, model.parameters, X)}
