"""nncore: ``predict``, and for one row ``predictor()``, which has done all that can be done before the row is known."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.cases import Array, Case
from bench.predictors import Ways
from nncore import set_num_threads


def ways(case: Case, threads: int, X: Array, dtype: str | None = None) -> Ways:
    set_num_threads(threads)
    model = case.model(dtype)
    if len(X) > 1:
        return {"predict": partial(model.predict, X)}
    predictor, out = model.predictor(), np.empty(case.sizes[-1], case.dtype)
    return {
        "predictor()": partial(predictor, X[0]),
        "predictor(), out": partial(predictor, X[0], out),
        "predict": partial(model.predict, X),
    }


mixed = partial(ways, dtype="mixed_bfloat16")
