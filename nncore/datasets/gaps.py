"""Which fields of a table stand for a missing value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.notation import figure
from nncore.datasets.spelling import MISSING, MISSING_NUMBER, number

OPTION = "(missing_values=, on the command line --missing-values)"
LEFT_OUT = "left out for want of"
MISSING_VALUES = ("error", "drop", "impute", "mark")


class _Anything:
    def __contains__(self, text: object) -> bool:
        return True


@dataclass(frozen=True)
class Marks:
    """The usual marks for a missing value, and those that the user tells of.

    Attributes
    ----------
    told : tuple of str
        Texts such as ``"unknown"``, in any case, and numbers such as ``"-999"``, however they are written.

    Examples
    --------
    >>> marks = Marks(("Unknown", "-999"))
    >>> [marks.anywhere(field) for field in ("", "NA", "unknown", "-999.0", "-")], marks.in_numbers("-")
    ([True, True, True, True, False], True)
    """

    told: tuple[str, ...] = ()

    def anywhere(self, field: str) -> bool:
        """Tell whether `field` is a missing value in any column."""
        return field.lower() in MISSING or (bool(self.told) and self.is_told(field))

    def in_numbers(self, field: str) -> bool:
        """Tell whether `field` is a missing value in a column of numbers or dates."""
        return field.lower() in MISSING_NUMBER or (bool(self.told) and self.is_told(field))

    def is_told(self, field: str) -> bool:
        """Tell whether the user has named `field`."""
        return field.lower() in self._texts or (bool(self._numbers) and not self._numbers.isdisjoint(_values(field)))

    @cached_property
    def suspects(self) -> Container[str]:
        """What a missing value is in small letters; all texts if the user has told numbers: a quick look at many."""
        return _Anything() if self._numbers else MISSING_NUMBER | self._texts

    @cached_property
    def _texts(self) -> frozenset[str]:
        return frozenset(text.strip().lower() for text in self.told)

    @cached_property
    def _numbers(self) -> frozenset[float]:
        return frozenset(value for value in map(number, self.told) if value is not None)


def _values(field: str) -> Collection[float]:
    """Return the numbers that a field may spell: -999 is -999,0 and $-999, too."""
    if (value := number(field)) is not None:
        return (value,)
    found = figure(field)
    return [found.value(decimal) for decimal in found.decimals] if found is not None and found.is_certain else ()


USUAL = Marks()
"""No others than the usual marks."""


def told(missing_values: Collection[str | float]) -> Marks:
    """Return the marks that a caller names; raises TypeError for anything in place of a collection of them."""
    if isinstance(missing_values, str) or not isinstance(missing_values, Collection):
        example = missing_values if isinstance(missing_values, (str, int, float)) else "unknown"
        raise TypeError(f"missing_values must be a collection such as [{example!r}], got {missing_values!r}")
    return Marks(tuple(str(value) for value in missing_values))


class Rows:
    """The rows of a table that are wanted, each as line number and fields; after a pass, what was missing in them.

    Parameters
    ----------
    table : CsvTable
    holes : dict of int to function
        For the position of each column that is used, whether a field there is a missing value.
    marks : Marks
    missing : {"error", "drop", "impute", "mark"}
        Whether a row with a missing value is an error, left out, left out only if it is the target that is missing and
        otherwise an error, or wanted all the same, even if nothing is in it.
    advice : str
        What to do about an error.
    goal : int, optional
        Position of the target.

    Attributes
    ----------
    n, n_left_out : int
        How many rows there are, and how many of them are left out.
    gaps : Counter of int
        For each position with missing values, their number.
    """

    def __init__(
        self,
        table: CsvTable,
        holes: Mapping[int, Callable[[str], bool]],
        marks: Marks,
        missing: str,
        advice: str,
        goal: int | None = None,
    ) -> None:
        if missing not in MISSING_VALUES:
            raise ValueError(f"missing must be 'error', 'drop' or 'impute', got {missing!r}")
        self.table, self.holes, self.missing, self.advice, self.goal = table, holes, missing, advice, goal
        self.suspects = marks.suspects
        self.n = self.n_left_out = 0
        self.gaps: Counter[int] = Counter()

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        self.n = self.n_left_out = 0
        self.gaps.clear()
        columns, suspects = [*self.holes.items()], self.suspects
        for line, fields in self.table.rows(empty=self.missing == "mark"):
            self.n += 1
            holes = [i for i, is_gap in columns if fields[i].lower() in suspects and is_gap(fields[i])]
            if holes:
                self.gaps.update(holes)
            if not holes or self.missing == "mark":
                yield line, fields
            elif self.missing == "drop" or (self.missing == "impute" and self.goal in holes):
                self.n_left_out += 1
            else:
                raise ValueError(
                    f"{self.table.path}:{line}: column {self.table.names[holes[0]]!r} has no value "
                    f"(found {fields[holes[0]]!r}); {self.advice}"
                )
