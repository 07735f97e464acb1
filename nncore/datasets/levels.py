"""Which of the texts that a column is known to hold a field is, in a table that came later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from nncore.datasets.labels import as_value

MANY = 3


class Levels:
    """The known texts of one column.

    Parameters
    ----------
    name : str
        Of the column.
    levels : sequence of str
    unit : str
        What the table counts: the lines of a file, or the rows of a table in memory.

    Examples
    --------
    >>> colours = Levels("colour", ["blue", "red"])
    >>> colours.one_hot("red", line=2), colours.one_hot("violet", line=3)
    ([0.0, 1.0], [0.0, 0.0])
    >>> colours.notes()
    ["column 'colour': 'violet' (line 3) is none of blue, red, and counts as none of them"]
    """

    def __init__(self, name: str, levels: Sequence[str], unit: str = "line") -> None:
        self.name, self.levels, self.unit = name, levels, unit
        self._rows = {level: [float(other == level) for other in levels] for level in levels}
        self._none = [0.0] * len(levels)
        self._same = [(same, _alone(same, levels)) for same in (as_value, str.casefold)]
        self._others: dict[str, tuple[str | None, int, int]] = {}  # what each text is read as, its first line, its rows

    def one_hot(self, field: str, line: int) -> list[float]:
        """Return 1 for the text that `field` is, if in other letters or as the same number, and 0 for others."""
        if field in self._rows:
            return self._rows[field]
        level, first, n_rows = self._others.get(field) or (self._like(field), line, 0)
        self._others[field] = level, first, n_rows + 1
        return self._none if level is None else self._rows[level]

    def _like(self, field: str) -> str | None:
        return next((known[same(field)] for same, known in self._same if same(field) in known), None)

    def notes(self) -> list[str]:
        """Return what to say of the texts that are not known."""
        said = {field: it for field, it in self._others.items() if it[0] is None or as_value(it[0]) != as_value(field)}
        notes = [self._note(field, *it) for field, it in list(said.items())[:MANY]]
        if len(said) > MANY:
            n = len(said) - MANY
            notes.append(f"column {self.name!r}: {n} more text{'s are' if n > 1 else ' is'} none of those either")
        return notes

    def _note(self, field: str, level: str | None, line: int, n_rows: int) -> str:
        what = f"column {self.name!r}: {field!r} ({self.unit} {line}{f', {n_rows} rows' if n_rows > 1 else ''}) is"
        if level is not None:
            return f"{what} read as {level!r}"
        known = ", ".join(self.levels[:12]) + (", ..." if len(self.levels) > 12 else "")
        return f"{what} none of {known}, and counts as none of them"


def _alone(same: Callable[[str], str], levels: Sequence[str]) -> dict[str, str]:
    """Return the levels by what is the same for all texts like them, without those that have it in common."""
    counts = Counter(map(same, levels))
    return {same(level): level for level in levels if counts[same(level)] == 1}
