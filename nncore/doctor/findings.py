"""What the doctor says: single findings, and all of one history."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from nncore.base import html

SEVERITIES = ("severe", "warning", "hint")
"""From the first to read to the last: training is broken, training suffers, could be better."""

LINE = 110  # characters


@dataclass(frozen=True)
class Finding:
    """One thing that a rule noticed.

    Attributes
    ----------
    rule : str
        Name of the rule, such as ``"vanishing_gradients"``.
    severity : {"severe", "warning", "hint"}
    layer : str or None
        The layer that shows it most; None if it concerns the whole run.
    seen : str
        What was noticed, with its figures.
    why : str
        Why it matters.
    remedy : str
        What to try.
    """

    rule: str
    severity: str
    layer: str | None
    seen: str
    why: str
    remedy: str

    def _repr_html_(self) -> str:
        return _html([self], "")

    def __str__(self) -> str:
        where = f" in {self.layer}" if self.layer else ""
        return "\n".join(
            [
                f"{self.severity}: {self.rule.replace('_', ' ')}{where}",
                *_indented("seen", self.seen),
                *_indented("why", self.why),
                *_indented("try", self.remedy),
            ]
        )


def _html(findings: Iterable[Finding], caption: str) -> str:
    rows = [
        (one.severity, one.rule.replace("_", " "), one.layer or "", one.seen, one.why, one.remedy) for one in findings
    ]
    return html.table(("severity", "finding", "layer", "seen", "why", "try"), rows, caption)


def _indented(title: str, text: str) -> list[str]:
    return textwrap.wrap(text, LINE, initial_indent=f"  {title:<6}", subsequent_indent=" " * 8, break_long_words=False)


class Diagnosis(Sequence[Finding]):
    """The findings of one history, the severe ones first; as text, a report.

    Parameters
    ----------
    findings : iterable of Finding
    n_epochs : int
        How many epochs were looked at.
    unknown : sequence of str
        What was not recorded, so that rules had to be silent.

    Examples
    --------
    >>> print(Diagnosis([], 20, ["validation loss"]))
    nothing found in 20 epochs
    not recorded, and so not judged: validation loss
    """

    def __init__(self, findings: Iterable[Finding], n_epochs: int, unknown: Sequence[str] = ()) -> None:
        self._findings = tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))
        self.n_epochs = n_epochs
        self.unknown = tuple(unknown)

    @overload
    def __getitem__(self, index: int) -> Finding: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, index: int | slice) -> Finding | tuple[Finding, ...]:
        return self._findings[index]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._findings)

    def __len__(self) -> int:
        return len(self._findings)

    def _repr_html_(self) -> str:
        title, *missing = self._around()
        table = _html(self, title) if len(self) else html.text(title)
        return "".join([table, *map(html.text, missing)])

    def _around(self) -> list[str]:
        """Return what stands above the findings, and below them."""
        epochs = f"in {self.n_epochs} epoch{'s' if self.n_epochs != 1 else ''}"
        n = len(self)
        title = f"{n} finding{'s' if n != 1 else ''} {epochs}" if n else f"nothing found {epochs}"
        return [title, *[f"not recorded, and so not judged: {', '.join(self.unknown)}"][: bool(self.unknown)]]

    def __str__(self) -> str:
        title, *missing = self._around()
        if not len(self):
            return "\n".join([title, *missing])
        return "\n\n".join([title, *map(str, self), *missing])

    def __repr__(self) -> str:
        return str(self)  # what a notebook or the prompt shows should be readable
