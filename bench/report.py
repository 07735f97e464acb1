"""Tables of a run: a Markdown file with all of it, and a short table for the README."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from bench.cases import CASES
from bench.record import FIRST, RESULTS, Result, Run
from bench.timing import Summary

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
STEP = "training step"
UNITS = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
BUSY = 0.95
"""Below this share of the processors' time, a run on one thread has not had a processor to itself."""

CLOCKS = {"wall": "wall-clock time", "cpu": "processor time"}
TITLES = {"step": "nncore and its NumPy reference", "peers": "nncore and its peers"}


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


def _spread(summary: Summary) -> str:
    """Return median and quartiles, all in the unit of the median."""
    _, size = _unit(summary.median)
    return f"{duration(summary.median)} ({three_digits(summary.q1 / size)} to {three_digits(summary.q3 / size)})"


def _factor(result: Result) -> str:
    return f"{three_digits(result.timing.ratio.median)}x"


def _factor_spread(result: Result) -> str:
    ratio = result.timing.ratio
    return f"{_factor(result)} ({three_digits(ratio.q1)} to {three_digits(ratio.q3)})"


def _gflops(result: Result) -> str:
    return three_digits(CASES[result.case].flops_per_step / result.timing.seconds.median / 1e9)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is its header, all columns but the first are set right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(row, widths) for row in (rows[0], rule, *rows[1:]))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
    return f"| {' | '.join(cells)} |"


class Table:
    """The results of one measure: a row per case, a column per contender."""

    def __init__(self, run: Run, measure: str) -> None:
        results = [result for result in run.results if result.measure == measure]
        self.measure = measure
        self.cells = {(result.case, result.contender): result for result in results}
        self.cases = list(dict.fromkeys(result.case for result in results))
        self.others = [name for name in dict.fromkeys(result.contender for result in results) if name != FIRST]

    def full(self) -> str:
        """Return the table with quartiles, and ratios in columns of their own."""
        header = ["network", "parameters", FIRST, *(["GFLOP/s"] if self.measure == STEP else [])]
        for name in self.others:
            header += [name, f"{name} / {FIRST}"]
        return _aligned([header, *(self._full_row(case) for case in self.cases)])

    def _full_row(self, case: str) -> list[str]:
        own = self.cells[case, FIRST]
        row = [_network(case), f"{CASES[case].n_parameters:,}", _spread(own.timing.seconds)]
        row += [_gflops(own)] if self.measure == STEP else []
        for name in self.others:
            result = self.cells.get((case, name))
            row += ["-", "-"] if result is None else [_spread(result.timing.seconds), _factor_spread(result)]
        return row

    def short(self) -> str:
        """Return the table with medians only."""
        header = ["network, batch size", FIRST, *self.others]
        return _aligned([header, *(self._short_row(case) for case in self.cases)])

    def _short_row(self, case: str) -> list[str]:
        row = [_network(case), duration(self.cells[case, FIRST].timing.seconds.median)]
        for name in self.others:
            result = self.cells.get((case, name))
            row += ["-" if result is None else f"{duration(result.timing.seconds.median)} ({_factor(result)})"]
        return row


def _network(name: str) -> str:
    case = CASES[name]
    dtype = "" if case.dtype == "float32" else f" {case.dtype}"
    return f"{'-'.join(map(str, case.sizes))} {case.activation}{dtype}, {case.batch_size:,}"


def _conditions(run: Run) -> str:
    machine, protocol = run.machine, run.protocol
    packages = [name for name in ("nncore", "numpy", "PyTorch", "JAX", "scikit-learn") if name in machine]
    threads = "1 thread" if protocol.threads == 1 else f"{protocol.threads} threads"
    return (
        f"{machine['cpu']} ({machine['isa']}), {threads}, {machine['platform']}, Python {machine['python']}, "
        f"{', '.join(f'{name} {machine[name]}' for name in packages)}; {machine['date']}, commit {machine['commit']}, "
        f"medians of {CLOCKS[protocol.clock]} over {protocol.rounds} interleaved rounds"
    )


def _remarks(run: Run) -> list[str]:
    remarks = []
    if run.losses:
        pairs = [(loss, losses[FIRST]) for losses in run.losses.values() for loss in losses.values()]
        furthest = max(abs(loss / own - 1) for loss, own in pairs)
        remarks.append(
            "Everyone trains the same network on the same rows: after one epoch in float64, from the same weights and "
            f"in the same order, losses are at most {furthest:.1e} apart, relatively.{_not_compared(run)}"
        )
    lowest = min(result.timing.cpu_share for result in run.results)
    if lowest < BUSY and run.protocol.threads == 1:
        remarks.append(
            f"The machine was busy with other work: someone had a processor only {lowest:.0%} of the time. Ratios, "
            "taken within each round, suffer less than times, and processor time suffers less than wall-clock time."
        )
    return remarks


def _not_compared(run: Run) -> str:
    """Say who could not be given the same weights, and where."""
    missing: dict[str, list[str]] = {}
    for result in run.results:
        if result.contender not in run.losses.get(result.case, [result.contender]):
            missing.setdefault(result.contender, []).append(result.case)
    return "".join(f" Not compared: {name} in {', '.join(cases)}." for name, cases in missing.items())


def markdown(run: Run) -> str:
    """Return the whole run as Markdown: times as median and quartiles, ratios as medians of the rounds' ratios."""
    parts = [f"# {TITLES[run.benchmark]}", _conditions(run) + ". In brackets: quartiles.", *_remarks(run)]
    for measure in dict.fromkeys(result.measure for result in run.results):
        parts += [f"## {measure}", Table(run, measure).full()]
    return "\n\n".join(parts) + "\n"


def save(run: Run, folder: Path) -> None:
    """Write ``<benchmark>.json`` and ``<benchmark>.md``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run.benchmark}.json").write_text(run.to_json() + "\n", encoding="utf-8")
    (folder / f"{run.benchmark}.md").write_text(markdown(run), encoding="utf-8")


def short_table(run: Run) -> str:
    """Return the time of a training step for the README, with the conditions below."""
    conditions = textwrap.fill(f"{_conditions(run)}; in brackets the multiple of nncore's time.", 120)
    return f"{Table(run, STEP).short()}\n\n{conditions}"


def update_readme(readme: Path, results: Path | None = None) -> None:
    """Replace what stands between the two markers by the table of a stored run.

    Parameters
    ----------
    readme : Path
    results : Path, optional
        JSON file of a run; by default that of peers in `RESULTS`, or if there is none, of step.

    Raises
    ------
    ValueError
        If the markers are not there, once each and in order.
    OSError
        If a file cannot be read or written.
    """
    if results is None:
        results = next((path for path in (RESULTS / "peers.json", RESULTS / "step.json") if path.exists()), None)
    if results is None:
        raise ValueError(f"there are no results in {RESULTS} yet; run `python -m bench` first")
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{readme} must hold the lines {BEGIN} and {END}, once each and in this order")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    table = short_table(Run.from_json(results.read_text(encoding="utf-8")))
    readme.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")
