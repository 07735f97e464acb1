"""How much faster than its peers, and how close to the floor, nncore has to be: ``--check`` compares a run with this.

Ratios have names that end in case and threads, as in "train, 2-8-8-2, 1 thread"; in the builder, "watched by a page,
digits". Those of bfloat16 name what multiplies, on which their bounds depend: "bfloat16 by amx, train, 784-128-10,
1 thread". What has no bound is not compared.
Some names belong to no ratio but to a time of nncore's, which has to be short.

The bounds are what is aimed at, on every kind of processor. Below some of them lies a limit, of which nothing may fall
short, on all kinds or on some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bench.cases import KNOWN, Case

TRAINING = {1e3: 10.0, 1e4: 2.5, 1.2e5: 1.25, math.inf: 1.1}
PREDICT_MANY_ROWS = {1e3: 4.0, 1.2e5: 1.1, math.inf: 1.03}
PREDICT_ONE_ROW = {5e3: 8.0}
"""Least ratios to the best peer, for networks up to so many parameters: sizes that fit no vector, and float64, are no
special case."""

BFLOAT16 = {
    "amx": {128: 1.0, 256: 1.5, 512: 2.0},
    "amx over float32": {512: 3.0},
    "avx512bf16 over float32": {512: 1.5},
}
"""Least ratios to the best peer in bfloat16, and to nncore's own float32, by what multiplies and from so many units in
every hidden layer, in training and for 1,024 rows to predict. Elsewhere, mixed_bfloat16 is there for its bits."""

LIMIT_BFLOAT16 = {"amx": {128: 1.0}, "amx over float32": {512: 1.5}, "avx512bf16 over float32": {512: 1.0}}
BFLOAT16_POINTS = 0.2
"""The most that mean accuracies in mixed_bfloat16 and in float32 may differ by: that of MNIST over all seeds, and that
over all tables and seeds, in which tables may make up for each other. See `bench.precision`."""

TO_ACCURACY = 2.5
ESTIMATOR = 10.0
"""Least ratio of scikit-learn's time for a whole fit, see `bench.estimators`."""

MANY_ONE_BY_ONE = {150.0: 2.5, 650.0: 1.7}
MANY_JAX, MANY_PYTORCH = {650: 12.0, 2.5e3: 5.0, 5e3: 2.5}, 40.0
LOOP = {"steps of a pole": {"REINFORCE": 8.0, "DQN": 4.0}, "steps of a pole as in examples": {"REINFORCE": 20.0}}
"""Least ratios of PyTorch's time for steps of a pole, see `bench.loops`."""

SEARCH = {1: 20.0, 2: 40.0}
"""Least ratios to the time of many networks trained together, for networks up to so many parameters, and of
scikit-learn's time for a search, by its ``n_jobs``, to that in `nncore.sklearn.fused`: see `bench.many`."""

ONE_ROW_MICROSECONDS, IMPORT_MILLISECONDS = {5e3: 0.6}, 50.0
SHARE_WIDE, SHARE_64 = 0.87, 0.65
LARGE_STEP = 20e6
"""FLOPs from which two threads should share the work well."""

TWO_THREADS, NO_LOSS = 1.8, 0.97
LIMIT_TRAINING, LIMIT_TO_ACCURACY, LIMIT_TWO_THREADS = 1.05, 2.0, 1.7
LIMIT_WIDE_ON_XEONS, LIMIT_64_ON_XEONS = 0.80, 0.65
XEONS = ("Skylake server", "Ice Lake server", "Sapphire Rapids", "Emerald Rapids", "Granite Rapids")
"""Intel's with AVX-512, as `nncore.engine.processor` names their kinds."""

LAYERS_WIDE = {"everything": 1.5, "records": 1.03}
"""Largest ratios to the plain network's time, see `bench.layers`, for hidden layers of 256 units and more."""

WATCHED = 1.05
"""Largest ratio to the time of training that is shown to nobody, see `bench.builder`."""


BY = "bfloat16 by "
"""What names of its ratios begin with."""


def _by_size(bounds: Mapping[float, float], case: Case) -> float | None:
    return next((least for most, least in bounds.items() if case.n_parameters <= most), None)


def _by_units(bounds: Mapping[int, float], case: Case) -> float | None:
    return max((least for units, least in bounds.items() if min(case.sizes[1:-1]) >= units), default=None)


def _share(case: Case, threads: int) -> float | None:
    """With more threads the bound is on the speed-up."""
    if threads > 1:
        return None
    hidden = set(case.sizes[1:-1])
    if min(hidden) >= 256:
        return SHARE_WIDE
    return SHARE_64 if hidden == {64} and case.batch_size == 64 else None


def _speed_up(case: Case, threads: int) -> float:
    return TWO_THREADS if threads == 2 and case.flops_per_step > LARGE_STEP else NO_LOSS


def _parts(name: str) -> tuple[str, Case | None, int]:
    """Return what was measured, the case if there is one, and the number of threads."""
    measure, *where = name.split(", ")
    case = next((KNOWN[part] for part in where if part in KNOWN), None)
    threads = next((int(part.split()[0]) for part in where if part.endswith(("thread", "threads"))), 1)
    return measure, case, threads


def least(name: str) -> float | None:
    """Return the lower bound on the ratio of this name; None if there is none.

    Examples
    --------
    >>> least("train, 2-8-8-2, 1 thread"), least("train, 784-512-512-10, 2 threads"), least("predict 32 rows, 2-8-8-2")
    (10.0, 1.1, None)
    >>> least("bfloat16 by amx, train, 784-512-512-10, 1 thread"), least("bfloat16 by avx2, train, 784-512-512-10")
    (2.0, None)
    """
    measure, case, threads = _parts(name)
    if case is None:
        searches = {f"search with n_jobs={n}": least for n, least in SEARCH.items()}
        poles = {measure: LOOP[measure].get(name.split(", ")[1])} if measure in LOOP else {}
        return {"MNIST to 98 %": TO_ACCURACY, "fit": ESTIMATOR, **searches, **poles}.get(measure)
    if measure.startswith(BY):
        return _by_units(BFLOAT16.get(measure.removeprefix(BY), {}), case)
    bounds = {
        "train": _by_size(TRAINING, case),
        "share of the floor": _share(case, threads),
        "speed-up": _speed_up(case, threads),
        "predict 1,024 rows": _by_size(PREDICT_MANY_ROWS, case),
        "predict 1 row": _by_size(PREDICT_ONE_ROW, case),
        "together beside nncore single": _by_size(MANY_ONE_BY_ONE, case),
        "together beside JAX": _by_size(MANY_JAX, case),
        "together beside PyTorch": MANY_PYTORCH,
        "speed-up together": TWO_THREADS if threads == 2 else None,
    }
    return bounds.get(measure)


def most(name: str) -> float | None:
    """Return the upper bound on the time, or on the ratio to a plain network's time, of this name; None for none.

    Examples
    --------
    >>> most("milliseconds of import nncore over import numpy"), most("train, 2-8-8-2, 1 thread")
    (50.0, None)
    >>> most("records, 80-256-256-10, 1 thread"), most("records, 2-8-8-2, 1 thread")
    (1.03, None)
    """
    measure, case, _ = _parts(name)
    if measure.startswith("watched by "):
        return WATCHED
    if case is None:
        return {
            "milliseconds of import nncore over import numpy": IMPORT_MILLISECONDS,
            "points between bfloat16 and float32": BFLOAT16_POINTS,
        }.get(measure)
    if measure == "microseconds of nncore":
        return _by_size(ONE_ROW_MICROSECONDS, case)
    return LAYERS_WIDE.get(measure) if min(case.sizes[1:-1]) >= 256 else None


def limit(name: str, kind: str) -> float | None:
    """Return what the ratio of this name may not fall below on a kind of processor; None if there is no such limit.

    Examples
    --------
    >>> limit("train, 784-128-10, 2 threads", "AMD Zen 4"), limit("train, 784-128-10-float64, 2 threads", "AMD Zen 4")
    (1.05, None)
    """
    measure, case, threads = _parts(name)
    if case is None:
        return {"MNIST to 98 %": LIMIT_TO_ACCURACY}.get(measure)
    if measure.startswith(BY):
        return _by_units(LIMIT_BFLOAT16.get(measure.removeprefix(BY), {}), case)
    limits = {
        "train": LIMIT_TRAINING if case.dtype == "float32" and threads <= 2 else None,
        "share of the floor": _limit_of_share(case, threads) if kind.removeprefix("Intel ") in XEONS else None,
        "speed-up": LIMIT_TWO_THREADS if threads == 2 and case.flops_per_step >= LARGE_STEP else None,
    }
    return limits.get(measure)


def _limit_of_share(case: Case, threads: int) -> float | None:
    if threads > 1 or case.dtype != "float32":
        return None
    hidden = set(case.sizes[1:-1])
    return LIMIT_WIDE_ON_XEONS if min(hidden) >= 256 else LIMIT_64_ON_XEONS if hidden == {64} else None


def check(figures: Mapping[str, float]) -> tuple[list[str], int]:
    """Compare ratios and times with their bounds.

    Returns
    -------
    shortfalls : list of str
        A sentence for each that misses its bound, the worst first.
    n_compared : int
        How many have a bound.
    """
    return _compare(figures, least, most)


def check_limits(figures: Mapping[str, float], kind: str) -> tuple[list[str], int]:
    """Compare ratios with the limits for a kind of processor: see `check`."""
    return _compare(figures, partial(limit, kind=kind), lambda name: None)


Bound = Callable[[str], "float | None"]


def _compare(figures: Mapping[str, float], at_least: Bound, at_most: Bound) -> tuple[list[str], int]:
    short: list[tuple[float, str]] = []
    n_compared = 0
    for name, figure in figures.items():
        lower, upper = at_least(name), at_most(name)
        n_compared += (lower is not None) + (upper is not None)
        # So written that what is not a number falls short.
        if lower is not None and not figure >= lower:
            short.append((figure / lower, f"{name}: {figure:.3g}, expected at least {lower:g}"))
        if upper is not None and not figure <= upper:
            short.append((upper / figure, f"{name}: {figure:.3g}, expected at most {upper:g}"))
    short.sort(key=lambda pair: (not math.isnan(pair[0]), pair))
    return [sentence for _, sentence in short], n_compared


def report(figures: Mapping[str, float], missing: Sequence[str] = (), kind: str = "") -> bool:
    """Print which figures miss their bounds and limits, and sentences on what is missing.

    Parameters
    ----------
    figures : mapping of str to float
        Ratios and times by name.
    missing : sequence of str
    kind : str
        Of processor, as `nncore.show_config` names it; some limits are for some kinds.

    Returns
    -------
    bool
        Whether all is there and met.
    """
    short, n_compared = check(figures)
    nothing = [] if n_compared else ["nothing was compared: no figure of this run has a bound"]
    print(f"{n_compared - len(short)} of {n_compared} bounds met", *short, *missing, *nothing, sep="\n")
    below, n_limits = check_limits(figures, kind)
    if n_limits:
        print(f"{n_limits - len(below)} of {n_limits} limits kept{f' on {kind}' if kind else ''}", *below, sep="\n")
    return not (short or below or missing or nothing)
