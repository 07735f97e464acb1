"""What a search found, as a table and as a file."""

from __future__ import annotations

import csv
import io
import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore.base import atomic, checks
from nncore.base.spreadsheets import inert
from nncore.many.candidates import Candidate
from nncore.model import Sequential

SHOWN = 10
"""Candidates in the printed table."""


@dataclass(eq=False, repr=False)
class SearchResult:
    """What `search` found; printed, a table of the best.

    Attributes
    ----------
    candidates : list of Candidate
        All that were tried, the best one first, failures last.
    score : str
        Name of the score that decided.
    mode : str
        ``"min"`` or ``"max"``.
    model : Sequential or None
        With the best parameters, trained on all rows; None without `refit`, and where all scores are NaN.
    """

    candidates: list[Candidate]
    score: str
    mode: str
    model: Sequential | None = None

    @property
    def best(self) -> Candidate:
        """The best candidate: its ``parameters``, ``score``, ``models``, ``histories``."""
        return self.candidates[0]

    def table(self) -> dict[str, list[Any]]:
        """Return one list per column, best candidate first, for example for ``pandas.DataFrame``.

        First the parameters, then ``trained``, the epochs it came to, then the mean of each score, and if there are
        several folds its deviation between them, then ``error`` if there was any.
        """
        names = list(dict.fromkeys(name for one in self.candidates for name in one.parameters))
        scores = list(dict.fromkeys(name for one in self.candidates for name in one.scores))
        columns: dict[str, list[Any]] = {name: [one.parameters.get(name) for one in self.candidates] for name in names}
        columns["trained"] = [one.trained for one in self.candidates]
        for name in scores:
            found = [one.scores.get(name, np.array([math.nan])) for one in self.candidates]
            columns[name] = [float(values.mean()) for values in found]
            if len(self.best.models) > 1:
                columns[f"{name}_std"] = [
                    float(values.std(ddof=1)) if len(values) > 1 else math.nan for values in found
                ]
        if any(one.error is not None for one in self.candidates):
            columns["error"] = ["" if one.error is None else repr(one.error) for one in self.candidates]
        return columns

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `table` as a CSV file."""
        text, columns = io.StringIO(), self.table()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(map(inert, columns))
        writer.writerows([inert(str(value)) for value in row] for row in zip(*columns.values(), strict=True))
        atomic.write(path, text.getvalue().encode())

    def __repr__(self) -> str:
        columns = self.table()
        cells = [[name, *(_shown(value) for value in values[:SHOWN])] for name, values in columns.items()]
        widths = [max(map(len, column)) for column in cells]
        rows = zip(*cells, strict=True)
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        more = len(self.candidates) - SHOWN
        return "\n".join([*lines, *([f"... and {more} more"] if more > 0 else [])])


def _shown(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value:.4g}" if isinstance(value, float) else checks.shown(value)
