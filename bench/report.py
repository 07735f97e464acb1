"""Tables of a run, as Markdown: all of it, and short ones for the README."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path

from bench.cases import CASES, KNOWN
from bench.record import FIRST, Result, Roof, Run
from bench.timing import Summary

STEP, FLOOR, ONE_THREAD, FLOAT32 = "training step", "floor", "1 thread", f"{FIRST} float32"
NO_PEERS = (FIRST, FLOOR, ONE_THREAD, FLOAT32)
UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
BUSY = 0.95
"""Below this share of the processors' time, a run on one thread has not had a processor to itself."""

CLOCKS = {"wall": "wall-clock time", "cpu": "processor time"}
TITLES = {
    "step": "# nncore and its NumPy reference",
    "training": "## Training",
    "bfloat16": "## bfloat16",
    "layers": "# What layers cost",
    "builder": "# What it costs to be watched",
    "estimators": "# Estimators beside scikit-learn's",
    "loops": "# Loops of one's own: steps of a pole per second",
    "many": "# Many small networks",
}


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it, three digits long.

    Examples
    --------
    >>> [duration(s) for s in (1.8049e-6, 1.1e-5, 0.0999999, 12.0)]
    ['1.80 us', '11.0 us', '100 ms', '12.0 s']
    """
    unit, size = _unit(seconds)
    return f"{three_digits(seconds / size)} {unit}"


def _unit(seconds: float) -> tuple[str, float]:
    rounded = float(f"{seconds:.3g}")  # 999.9 us is 1.00 ms
    return next((unit, size) for unit, size in UNITS if rounded >= size or size == UNITS[-1][1])


def three_digits(value: float) -> str:
    """Return a number with three digits, or all that stand before the point.

    Examples
    --------
    >>> [three_digits(x) for x in (0.05, 1.996, 9.999, 23.45, 1234.5)]
    ['0.05', '2.00', '10.0', '23.4', '1,234']
    """
    rounded = float(f"{value:.3g}")
    decimals = 2 if rounded < 10 else 1 if rounded < 100 else 0
    return f"{value:,.{decimals}f}"


def spread(summary: Summary) -> str:
    """Return median and quartiles, all in the unit of the median."""
    _, size = _unit(summary.median)
    return f"{duration(summary.median)} ({three_digits(summary.q1 / size)} to {three_digits(summary.q3 / size)})"


def _factor(result: Result) -> str:
    return f"{three_digits(result.timing.ratio.median)}x"


def factor_spread(result: Result) -> str:
    """Return the ratio to the first contender: median and quartiles."""
    ratio = result.timing.ratio
    return f"{_factor(result)} ({three_digits(ratio.q1)} to {three_digits(ratio.q3)})"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is its header, all columns but the first are set right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (rows[0], rule, *rows[1:]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"


class Table:
    """The results of one measure with one number of threads: a row per case, a column per contender."""

    def __init__(self, run: Run, measure: str, threads: int) -> None:
        results = [result for result in run.results if (result.measure, result.threads) == (measure, threads)]
        self.benchmark, self.measure = run.benchmark, measure
        self.cells = {(result.case, result.contender): result for result in results}
        self.cases = list(dict.fromkeys(result.case for result in results))
        self.contenders = list(dict.fromkeys(result.contender for result in results))
        self.peers = [name for name in self.contenders if name not in NO_PEERS]

    def full(self) -> str:
        """Return the table with quartiles, and ratios in columns of their own."""
        header = ["network", "parameters", FIRST, *(["GFLOP/s"] if self.measure == STEP else [])]
        header += [*self._own_ratios(), *(["best peer"] if len(self.peers) > 1 else [])]
        for name in self.peers:
            header += [name, f"{name} / {FIRST}"]
        return aligned([header, *(self._full_row(case) for case in self.cases)])

    def _own_ratios(self) -> dict[str, str]:
        """Columns that compare nncore with something else than peers: title and contender."""
        columns = {"of the floor": FLOOR, "speed-up": ONE_THREAD, "float32": FLOAT32}
        return {title: name for title, name in columns.items() if name in self.contenders}

    def _full_row(self, case: str) -> list[str]:
        own = self.cells[case, FIRST]
        row = [network(case), f"{CASES[case].n_parameters:,}", spread(own.timing.seconds)]
        row += [self._gflops(own)] if self.measure == STEP else []
        row += [self._own_ratio(case, name) for name in self._own_ratios().values()]
        row += [self._best(case)] if len(self.peers) > 1 else []
        for name in self.peers:
            result = self.cells.get((case, name))
            row += ["-", "-"] if result is None else [spread(result.timing.seconds), factor_spread(result)]
        return row

    def _gflops(self, own: Result) -> str:
        case = CASES[own.case]
        # Training is timed by epochs, with their smaller last batch.
        flops = case.flops_per_step if self.benchmark == "step" else case.mean_flops_per_step
        return three_digits(flops / own.timing.seconds.median / 1e9)

    def _own_ratio(self, case: str, name: str) -> str:
        result = self.cells[case, name]
        return f"{result.timing.ratio.median:.0%}" if name == FLOOR else _factor(result)

    def _best(self, case: str) -> str:
        found = [self.cells[case, name] for name in self.peers if (case, name) in self.cells]
        best = min(found, key=lambda result: result.timing.ratio.median, default=None)
        return "-" if best is None else f"{best.contender} {_factor(best)}"

    def short(self) -> str:
        """Return the table with medians only, and of the peers only ratios."""
        header = ["network, batch size", FIRST, *self._own_ratios(), *self.peers]
        return aligned([header, *(self._short_row(case) for case in self.cases)])

    def _short_row(self, case: str) -> list[str]:
        row = [network(case), duration(self.cells[case, FIRST].timing.seconds.median)]
        row += [self._own_ratio(case, name) for name in self._own_ratios().values()]
        for name in self.peers:
            result = self.cells.get((case, name))
            row += ["-" if result is None else _factor(result)]
        return row


def network(name: str) -> str:
    """Return sizes, activation, dtype and batch size of a case."""
    case = KNOWN[name]
    dtype = "" if case.dtype == "float32" else f" {case.dtype}"
    return f"{'-'.join(map(str, case.sizes))} {case.activation}{dtype}, {case.batch_size:,}"


def thread_counts(run: Run) -> list[int]:
    """Return the numbers of threads that were measured, as they came."""
    return list(dict.fromkeys(result.threads for result in run.results))


def in_threads(n: int) -> str:
    """Return "1 thread" or "2 threads"."""
    return "1 thread" if n == 1 else f"{n} threads"


def kind(run: Run) -> str:
    """Return the kind of processor, or its name where an older version wrote down no more."""
    return str(run.machine.get("cpu_kind", run.machine["cpu"]))


def on_processor(run: Run) -> str:
    """Return the processor's name, kind and instruction set: "AMD EPYC (AMD Zen 4, avx512)"."""
    name = run.machine["cpu"]
    return f"{name} ({', '.join(dict.fromkeys(part for part in (kind(run), run.machine['isa']) if part != name))})"


def conditions(run: Run) -> str:
    """Return what it was measured on, when and how."""
    machine, protocol = run.machine, run.protocol
    packages = [name for name in ("nncore", "numpy", "PyTorch", "JAX", "scikit-learn") if name in machine]
    threads = " and ".join(map(in_threads, thread_counts(run)))
    return (
        f"{on_processor(run)}, {threads}, {machine['platform']}, Python {machine['python']}, "
        f"{', '.join(f'{name} {machine[name]}' for name in packages)}; {machine['date']}, commit {machine['commit']}, "
        f"medians of {CLOCKS[protocol.clock]} over {protocol.rounds} interleaved rounds"
    )


def _remarks(run: Run) -> list[str]:
    remarks = []
    if run.losses:
        pairs = [(loss, losses[FIRST]) for losses in run.losses.values() for loss in losses.values()]
        furthest = max(abs(loss / own - 1) for loss, own in pairs)
        exactly = " in float64" if run.benchmark == "training" else ""
        remarks.append(
            f"Everyone trains the same network on the same rows: after one epoch{exactly}, from the same weights and "
            f"in the same order, losses are at most {furthest:.1e} apart, relatively.{_not_compared(run)}"
        )
    if run.roofs:
        remarks.append(
            "The floor is the time of the step's multiply-adds at the machine's peak, and of reading and writing "
            "parameters and Adam's moments (24 bytes per float32 parameter), both measured in the same rounds: "
            f"{'; '.join(map(_roof, _extremes(run.roofs)))}."
        )
    return remarks + _remarks_on_processors(run)


def _extremes(roofs: list[Roof]) -> list[Roof]:
    """Return, for each dtype and number of threads, the roof of the smallest and of the largest network."""
    groups: dict[tuple[str, int], list[Roof]] = {}
    for roof in sorted(roofs, key=lambda roof: CASES[roof.case].n_parameters):
        groups.setdefault((CASES[roof.case].dtype, roof.threads), []).append(roof)
    return [roof for key in sorted(groups) for roof in dict.fromkeys((groups[key][0], groups[key][-1]))]


def _roof(roof: Roof) -> str:
    return (
        f"{three_digits(roof.flops_per_second / 1e9)} GFLOP/s and {three_digits(roof.bytes_per_second / 1e9)} GB/s for "
        f"{roof.case} ({CASES[roof.case].dtype}, {in_threads(roof.threads)})"
    )


def _remarks_on_processors(run: Run) -> list[str]:
    alone = [result for result in run.results if result.threads == 1]
    lowest = min((result.timing.cpu_share for result in alone), default=1.0)
    greedy = max(alone, key=lambda result: result.timing.cpu_share, default=None)
    remarks = []
    if lowest < BUSY:
        remarks.append(
            f"The machine was busy with other work: someone had a processor only {lowest:.0%} of the time. Ratios, "
            "taken within each round, suffer less than times, and processor time suffers less than wall-clock time."
        )
    if greedy is not None and greedy.timing.cpu_share > 2 - BUSY:
        remarks.append(
            f"{greedy.contender} did not keep to 1 thread: it used {greedy.timing.cpu_share:.2f} processors in "
            f"{greedy.case}."
        )
    return remarks


def _not_compared(run: Run) -> str:
    """Say who could not be given the same weights, and where."""
    missing: dict[str, list[str]] = {}
    for result in run.results:
        if result.contender not in (*run.losses.get(result.case, {result.contender: 0}), FLOOR, ONE_THREAD):
            missing.setdefault(result.contender, []).append(result.case)
    return "".join(f" Not compared: {name} in {', '.join(dict.fromkeys(cases))}." for name, cases in missing.items())


def introduction(run: Run) -> list[str]:
    """Return the title, how it was measured, and what to know about it."""
    return [TITLES[run.benchmark], conditions(run) + ". In brackets: quartiles.", *_remarks(run)]


def markdown(run: Run) -> str:
    """Return the whole run as Markdown: times as median and quartiles, ratios as medians of the rounds' ratios."""
    return "\n\n".join([*introduction(run), *tables(run)]) + "\n"


def tables(run: Run) -> list[str]:
    """Return the tables, one per measure and number of threads, each with its heading."""
    parts = []
    for measure in dict.fromkeys(result.measure for result in run.results):
        for threads in thread_counts(run):
            title = measure if run.benchmark == "step" else f"{measure}, {in_threads(threads)}"
            parts += [f"{TITLES[run.benchmark].split()[0]}# {title}", Table(run, measure, threads).full()]
    return parts


def save(run: Run, text: str, folder: Path) -> None:
    """Write ``<benchmark>.json``, and ``<benchmark>.md`` with the run as text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run.benchmark}.json").write_text(json.dumps(run.to_dict(), indent=1) + "\n", encoding="utf-8")
    (folder / f"{run.benchmark}.md").write_text(text, encoding="utf-8")


def short_tables(run: Run) -> str:
    """Return the time of a training step for the README, a table per number of threads, and the conditions."""
    parts = []
    for threads in thread_counts(run):
        parts += [f"Training step with {in_threads(threads)}:", Table(run, STEP, threads).short()]
    explained = f"{conditions(run)}; for peers the multiple of {FIRST}'s time."
    return "\n\n".join([*parts, textwrap.fill(explained, 120)])
