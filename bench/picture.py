"""A picture of the training times: a row per case, a mark per contender, a panel per number of threads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench import report
from bench.cases import CASES
from bench.record import FIRST, Run

# Colours by Okabe and Ito, which colour-blind readers tell apart; the marks differ as well.
LOOKS: dict[str, dict[str, Any]] = {
    report.FLOOR: {"marker": "|", "color": "#000000", "markersize": 13, "label": "floor (see text)"},
    FIRST: {"marker": "D", "color": "#D55E00", "markersize": 8},
    "JAX": {"marker": "s", "color": "#0072B2"},
    "PyTorch": {"marker": "o", "color": "#CC79A7"},
    "PyTorch compiled": {"marker": "^", "color": "#009E73"},
    "scikit-learn": {"marker": "v", "color": "#E69F00"},
    "NumPy": {"marker": "x", "color": "#56B4E9"},
}
"""In the order of the legend."""

PER_LINE = 4
"""Names in a line of the legend, under each panel."""


def save(data: dict[str, Any], path: Path) -> None:
    """Draw what `bench.training` found."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    run = Run.from_dict(data)
    names = dict.fromkeys(result.case for result in run.results)
    cases = sorted(names, key=lambda name: (CASES[name].flops_per_step, CASES[name].dtype), reverse=True)
    counts = report.thread_counts(run)
    figure = Figure(figsize=(4.2 + 4.2 * len(counts), 2.4 + 0.4 * len(cases)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(counts), sharex=True, sharey=True, squeeze=False)[0]
    for panel, threads in zip(panels, counts, strict=True):
        _draw(panel, run, cases, threads)
    panels[0].set_ylabel("sizes, activation, batch size")
    panels[0].set_yticks(range(len(cases)), [report.network(name) for name in cases])
    figure.suptitle(f"Time of one training step (Adam, shuffled mini-batches) on {report.on_processor(run)}")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=PER_LINE * len(panels), frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def _draw(panel: Any, run: Run, cases: list[str], threads: int) -> None:
    # Peers that are equally fast stand one above the other.
    lifts = [0.0, 0.0, *(0.15 * (i - 2) for i in range(len(LOOKS) - 2))]
    for (contender, looks), lift in zip(LOOKS.items(), lifts, strict=True):
        results = [result for result in run.results if (result.contender, result.threads) == (contender, threads)]
        if results:
            microseconds = [result.timing.seconds.median * 1e6 for result in results]
            rows = [cases.index(result.case) + lift for result in results]
            edge = {} if looks["marker"] in "|x" else {"markeredgecolor": "white", "markeredgewidth": 0.6}
            panel.plot(microseconds, rows, linestyle="", **{"label": contender, "markersize": 6, **edge, **looks})
    panel.set_xscale("log")
    panel.xaxis.set_major_formatter(lambda microseconds, _: _power_of_ten(microseconds))
    panel.set_xlabel("time per step (logarithmic)")
    panel.set_title(report.in_threads(threads))
    panel.grid(axis="both", color="#dddddd", linewidth=0.7)
    panel.set_axisbelow(True)


def _power_of_ten(microseconds: float) -> str:
    unit, size = next((unit, size) for unit, size in (("s", 1e6), ("ms", 1e3), ("us", 0)) if microseconds >= size)
    return f"{microseconds / (size or 1):g} {unit}"
