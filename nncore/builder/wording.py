"""What pages are told of edits: whole sentences, for people who are learning what a network is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from nncore.layers import Layer
from nncore.model import SurgeryReport


def operated(report: SurgeryReport, learning: Collection[str]) -> str:
    """Return what an edit has made of the weights.

    Parameters
    ----------
    report : SurgeryReport
    learning : collection of str
        The layers that have weights.

    Examples
    --------
    >>> operated(SurgeryReport(("dense_0",), ("dense_1",), ("dense_2",)), ["dense_0", "dense_1", "dense_2"])
    'dense_1 is new, dense_2 is of another size: they begin with new weights, the others keep theirs'
    >>> operated(SurgeryReport(kept=("dense_0", "dense_2"), new=("dropout_1",)), ["dense_0", "dense_2"])
    'dropout_1 is new and has no weights: all layers keep theirs'
    >>> operated(SurgeryReport(kept=("dense_0", "dense_1")), ["dense_0", "dense_1"])
    'all layers keep their weights'
    """
    parts = []
    kept, new, changed = (
        [name for name in names if name in learning] for names in (report.kept, report.new, report.changed)
    )
    if report.new and not new and not changed:
        one = len(report.new) == 1
        has = "is new and has no weights" if one else "are new and have no weights"
        return f"{_listed(report.new)} {has}: all layers keep theirs"
    if new:
        parts.append(f"{_listed(new)} {'is' if len(new) == 1 else 'are'} new")
    if changed:
        parts.append(f"{_listed(changed)} {'is' if len(changed) == 1 else 'are'} of another size")
    if not parts:
        return "all layers keep their weights"
    begin = "it begins" if len(new) + len(changed) == 1 else "they begin"
    return f"{', '.join(parts)}: {begin} with new weights" + (", the others keep theirs" if kept else "")


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
