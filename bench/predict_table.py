"""The tables of predictions, and the figures that have bounds."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from bench import report
from bench.cases import CASES
from bench.record import FIRST


def count_rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


PEAK = "peak"
"""The multiply-adds alone."""
OTHER_WAYS = {"predict": f"{FIRST} predict", "predictor(), out": f"{FIRST} into out"}
"""Columns of nncore's other ways for one row: what counts there is ``predictor()``, which returns a new array."""

NO_PEERS = (FIRST, *OTHER_WAYS.values(), PEAK)

Workload = tuple[str, int, int]
"""Case, rows, threads."""


def _best(data: dict[str, Any]) -> dict[Workload, dict[str, dict[str, Any]]]:
    """Return each contender's fastest way, by workload and contender; for one row, by the median of single calls.

    There, nncore's `OTHER_WAYS` have entries of their own.
    """
    best: dict[Workload, dict[str, dict[str, Any]]] = {}
    for result in data["results"]:
        fastest = best.setdefault((result["case"], result["rows"], result["threads"]), {})
        name = result["contender"]
        if name == FIRST and result["rows"] == 1:
            name = OTHER_WAYS.get(result["way"], FIRST)
        if name not in fastest or _ratio(result) < _ratio(fastest[name]):
            fastest[name] = result
    return best


def _ratio(result: dict[str, Any]) -> float:
    """To nncore's first way in the same round."""
    single = result["single_calls"]
    ratio: float = result["ratio"]["median"] if single is None else single["ratio"]
    return ratio


def _seconds(result: dict[str, Any]) -> float:
    single = result["single_calls"]
    seconds: float = result["seconds"]["median"] if single is None else single["median"]
    return seconds


def ratios(data: dict[str, Any]) -> dict[str, float]:
    """Return by name the best peer's time over nncore's, and nncore's microseconds for one row.

    Examples
    --------
    >>> data = {"results": [
    ...     {"case": "2-8-8-2", "rows": 32, "threads": 1, "contender": name, "way": "predict", "single_calls": None,
    ...      "seconds": {"median": 1e-6 * ratio}, "ratio": {"median": ratio}}
    ...     for name, ratio in (("nncore", 1.0), ("Slow", 9.0), ("Quick", 3.0))
    ... ]}
    >>> ratios(data)
    {'predict 32 rows, 2-8-8-2, 1 thread': 3.0}
    """
    found = {}
    for (case, n_rows, threads), fastest in _best(data).items():
        name = f"{count_rows(n_rows)}, {case}, {report.in_threads(threads)}"
        others = [_ratio(result) for contender, result in fastest.items() if contender not in NO_PEERS]
        if others:
            found[f"predict {name}"] = min(others) / _ratio(fastest[FIRST])
        if PEAK in fastest:
            found[f"share of the peak, predict {name}"] = _ratio(fastest[PEAK]) / _ratio(fastest[FIRST])
        if n_rows == 1:
            found[f"microseconds of nncore, {name}"] = _seconds(fastest[FIRST]) * 1e6
    return found


def flops(case: str, n_rows: int) -> int:
    """Return the floating-point operations of the matrix products.

    Examples
    --------
    >>> flops("2-8-8-2", 10)
    1920
    """
    return 2 * n_rows * sum(n_in * n_out for n_in, n_out in pairwise(CASES[case].sizes))


def markdown(data: dict[str, Any]) -> str:
    """Return the tables: a row per network and number of rows, a column per contender, at each number of threads."""
    parts = [
        "## Predictions",
        "Median time of a call, from NumPy array to NumPy array, and in brackets the multiple of nncore's: peers at "
        "their fastest way, the same weights for all, outputs compared with the reference's. One row: single calls, as "
        "median and 99th percentile, nncore's of `predictor()`, which returns a new array. Of the peak: the time of "
        "the multiply-adds alone, measured in the same turns, as a share of nncore's.",
    ]
    best = _best(data)
    for threads in dict.fromkeys(workload[2] for workload in best):
        these = {workload: fastest for workload, fastest in best.items() if workload[2] == threads}
        names = dict.fromkeys(name for row in these.values() for name in row if name not in (FIRST, PEAK))
        header = ["network", "rows", FIRST, "GFLOP/s", "of the peak", *names]
        rows = [
            [*_own_cells(*workload[:2], fastest), *(_cell(fastest.get(name), fastest[FIRST]) for name in names)]
            for workload, fastest in these.items()
        ]
        parts += [f"### {report.in_threads(threads)}", report.aligned([header, *rows])]
    return "\n\n".join(parts) + "\n"


def _own_cells(case: str, n_rows: int, fastest: dict[str, dict[str, Any]]) -> list[str]:
    own = fastest[FIRST]
    rate = report.three_digits(flops(case, n_rows) / _seconds(own) / 1e9)
    share = f"{_ratio(fastest[PEAK]) / _ratio(own):.0%}" if PEAK in fastest else "-"
    return [case, f"{n_rows:,}", _cell(own, own), rate, share]


def _cell(result: dict[str, Any] | None, own: dict[str, Any]) -> str:
    if result is None:
        return "-"
    text = report.duration(_seconds(result))
    if result["single_calls"] is not None:
        text += f", {report.duration(result['single_calls']['p99'])}"
    return text if result is own else f"{text} ({report.three_digits(_ratio(result) / _ratio(own))}x)"
