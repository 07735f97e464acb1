"""Many small networks: trained together, one after another, by JAX's ``vmap`` and by PyTorch's; and a search.

``python -m bench many [--cases NAME ...] [--peers NAME ...] [--quick] [--check]``
"""

from __future__ import annotations

import importlib.util
import sys
from contextlib import ExitStack
from dataclasses import replace

from bench import report
from bench.cases import KNOWN, MANY, NETWORKS, Case
from bench.distributions import version
from bench.record import FIRST, Result, Run, machine
from bench.runners import MANY as RUNNERS
from bench.runners import RUNNERS as OTHERS
from bench.timing import Protocol
from bench.training import INCLUDED, LOSS_TOLERANCE_AS_TIMED, ONE_THREAD, first_losses, timed_steps
from bench.workers import Worker as Process
from bench.workers import chosen, workers

SEARCH, PEER, SINGLE = "search", "scikit-learn", "nncore single"
CONTENDERS = {**RUNNERS, PEER: OTHERS[PEER]}
LONGER = 3
"""Turns than those of other benchmarks: `fit_many` pays for its start once, in whatever it is called for."""

SEARCH_ROUNDS = 3
"""At most: one of scikit-learn's searches takes seconds."""

LEGEND = (
    f"A step of one of {NETWORKS} networks, and the multiple of `fit_many`'s time in the same round: of `fit` of one "
    "after another, of JAX's `jit(vmap(scan))` and of PyTorch's `torch.func.vmap` over all of them; with two threads, "
    "how much faster `fit_many` is. Adam, float32, 2,048 rows, each network with an order of its own in every epoch."
)
SEARCH_LEGEND = (
    "One of the 18 fits of scikit-learn's `GridSearchCV`, networks of 64-32 on the digits in batches of 32, and the "
    "multiple of the time in `nncore.sklearn.fused()` with two threads."
)


class Worker(Process):
    """A process that trains one contender's networks when asked."""

    COMMAND = ("bench", "worker", "many")


def choose(names: list[str] | None) -> list[str]:
    """Return the names of these cases, each once, or of all.

    Raises
    ------
    ValueError
        If a name is unknown.

    Examples
    --------
    >>> choose(["2-8-8-2", "search"])
    ['64 of 2-8-8-2', 'search']
    """
    by_sizes = {"-".join(map(str, case.sizes)): name for name, case in MANY.items()} | {SEARCH: SEARCH}
    unknown = [name for name in names or [] if name not in by_sizes]
    if unknown:
        raise ValueError(f"unknown case {unknown[0]!r}; known: {', '.join(by_sizes)}")
    return [by_sizes[name] for name in dict.fromkeys(names or by_sizes)]


def known(peers: list[str] | None) -> list[str]:
    """Return who takes part: nncore in both ways, and the peers asked for, or those that are installed."""
    return list(dict.fromkeys((FIRST, SINGLE, *chosen(peers, CONTENDERS))))


def run(cases: list[str], contenders: list[str], quick: bool) -> Run:
    """Time steps of the cases, and fits of the search, of all contenders in turn."""
    results: list[Result] = []
    losses: dict[str, dict[str, float]] = {}
    protocol = Protocol.of(quick)
    protocol = replace(protocol, seconds=LONGER * protocol.seconds)
    with ExitStack() as stack:
        alone = [name for name in contenders if name in RUNNERS]
        started = stack.enter_context(workers(alone, [1], Worker)) + stack.enter_context(workers([FIRST], [2], Worker))
        versions = {w.contender: w.ask("version") for w in started if w.contender not in (*INCLUDED, SINGLE)}
        for case in (MANY[name] for name in cases if name != SEARCH):
            print(f"many {case.name}", file=sys.stderr, flush=True)
            losses[case.name] = first_losses("prepare", case, started, LOSS_TOLERANCE_AS_TIMED)
            results += _steps(case, started, protocol)
    if SEARCH in cases and importlib.util.find_spec("sklearn"):
        from bench import grid  # here, not at the top: scikit-learn may be missing

        print(f"many {SEARCH}", file=sys.stderr, flush=True)
        few = replace(protocol, rounds=min(protocol.rounds, SEARCH_ROUNDS))
        results += grid.run(PEER in contenders, quick, few)
        versions |= {PEER: version(OTHERS[PEER].distribution)}
    return Run("many", machine(**versions), protocol, results, losses)


def _steps(case: Case, started: list[Worker], protocol: Protocol) -> list[Result]:
    """Time a step of one of the networks."""
    timed = timed_steps(case, started, [], protocol)
    return [replace(result, timing=result.timing.divided_by(NETWORKS)) for result in timed]


def ratios(run: Run) -> dict[str, float]:
    """Return the figures that have bounds: others' time over that together, and the speed-up of two threads."""
    found = {}
    for result in run.results:
        ratio, threads = result.timing.ratio.median, report.in_threads(result.threads)
        if result.contender == ONE_THREAD:
            found[f"speed-up together, {result.case}, {threads}"] = ratio
        elif result.case == SEARCH and result.contender == PEER:
            found[f"search with n_jobs={result.threads}"] = ratio
        elif result.case != SEARCH and result.contender != FIRST:
            found[f"together beside {result.contender}, {result.case}, {threads}"] = ratio
    return found


def markdown(run: Run) -> str:
    """Return tables of steps, a row per case, and of the search, a row per way."""
    parts = report.introduction(run)
    steps = {(r.case, r.contender, r.threads): r for r in run.results if r.case != SEARCH}
    if steps:
        parts += [LEGEND, report.aligned(_step_rows(steps))]
    searches = [result for result in run.results if result.case == SEARCH]
    if searches:
        rows = [[_way(r), report.spread(r.timing.seconds), report.factor_spread(r)] for r in searches]
        parts += [SEARCH_LEGEND, report.aligned([[SEARCH, searches[0].measure, "of fused, 2 threads"], *rows])]
    return "\n\n".join(parts) + "\n"


def _step_rows(steps: dict[tuple[str, str, int], Result]) -> list[list[str]]:
    others = [name for name in dict.fromkeys(name for _, name, _ in steps) if name not in (FIRST, ONE_THREAD)]
    rows = [["network", "parameters", f"{FIRST} fit_many", *others, "with 2 threads"]]
    for case in dict.fromkeys(case for case, _, _ in steps):
        row = [report.network(case), f"{KNOWN[case].n_parameters:,}"]
        row.append(report.spread(steps[case, FIRST, 1].timing.seconds))
        for other in (steps[case, name, 1] for name in others):
            row.append(f"{report.duration(other.timing.seconds.median)}, {report.factor_spread(other)}")
        rows.append([*row, report.factor_spread(steps[case, ONE_THREAD, 2])])
    return rows


def _way(result: Result) -> str:
    if result.contender == PEER:
        return f"{PEER}, n_jobs={result.threads}"
    way = f"{FIRST} fused" if result.contender == FIRST else result.contender
    return f"{way}, {report.in_threads(result.threads)}"
