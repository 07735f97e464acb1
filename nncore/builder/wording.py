"""What pages are told of edits: whole sentences, for people who are learning what a network is."""

from __future__ import annotations

from collections.abc import Sequence

from nncore.layers import Layer
from nncore.model import SurgeryReport


def operated(report: SurgeryReport) -> str:
    """Return what an edit has made of the weights.

    Examples
    --------
    >>> operated(SurgeryReport(kept=("dense_0",), new=("dense_1",), changed=("dense_2",)))
    'dense_1 is new, dense_2 is of another size: they begin with new weights, the others keep theirs'
    >>> operated(SurgeryReport(kept=("dense_0", "dense_1")))
    'all layers keep their weights'
    """
    parts = []
    if report.new:
        parts.append(f"{_listed(report.new)} {'is' if len(report.new) == 1 else 'are'} new")
    if report.changed:
        parts.append(f"{_listed(report.changed)} {'is' if len(report.changed) == 1 else 'are'} of another size")
    if not parts:
        return "all layers keep their weights"
    begin = "it begins" if len(report.new) + len(report.changed) == 1 else "they begin"
    return f"{', '.join(parts)}: {begin} with new weights" + (", the others keep theirs" if report.kept else "")


def suited(last: Layer, n_classes: int) -> str:
    """Return what became of the end of the network with other data.

    Examples
    --------
    >>> from nncore import Dense
    >>> suited(Dense(1), 0)
    'the last layer is Dense(1) now: one number'
    """
    return f"the last layer is {last} now: " + ("one output for each class" if n_classes else "one number")


def _listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
