"""What the fields of one column have in common, found out while they go by."""

from __future__ import annotations

from collections.abc import Collection

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.labels import AS_NUMBER, are_classes, label, on_whole_numbers, sorted_labels
from nncore.datasets.notation import BOTH, Figure, Notation, figure
from nncore.datasets.schema import Column
from nncore.datasets.spelling import MISSING_NUMBER, number

MAX_LEVELS = 100
MAX_CLASSES = 1000
FEW = 20  # so many different texts may stand in a small table by chance
IGNORE = "(ignore=, on the command line --ignore)"
TARGET = "(target=, on the command line --target)"
DECIMAL = "(decimal=, on the command line --decimal)"
CATEGORICAL = "(categorical=, on the command line --categorical)"


class ColumnScan:
    """What has been seen so far of one column of `table`.

    Parameters
    ----------
    table : CsvTable
    name : str
    as_text : bool
        Whether the column is text whatever it holds.
    target_of : {"auto", "classification", "regression"}, optional
        The task that it is the target of; None for an input. ``3 stars`` and ``4 stars`` are classes, of which more are
        allowed than of other texts.
    unnamed : bool
        Whether it has no name, so that it may hold the numbers of the rows.

    Attributes
    ----------
    notation : Notation or None
        How the numbers are written, if not as Python writes them; set by `settle`.
    """

    def __init__(
        self,
        table: CsvTable,
        name: str,
        *,
        as_text: bool = False,
        target_of: str | None = None,
        unnamed: bool = False,
    ) -> None:
        self.table, self.name, self.as_text = table, name, as_text
        self.is_target, self.is_class = target_of is not None, target_of == "classification"
        self.keep_words = self.is_target and target_of != "regression"
        self.limit = MAX_CLASSES if self.is_target else MAX_LEVELS
        self.numbers: set[int] | None = set() if unnamed else None  # None once it is clear that they count no rows
        self.n, self.all_differ = 0, True  # so far; the latter as long as there are not too many texts
        self.gaps: set[str] = set()  # what is missing if this is a column of numbers
        self.has_text = as_text
        self.kind: str | None = None
        self.mark: str | None = None
        self.distinct: set[str] = set()
        self.decimals = BOTH
        self.marked: str | None = None  # a field that is no number for Python
        self.open: str | None = None  # one that is another number with another decimal mark
        self.decided: str | None = None  # the first whose decimal mark is certain
        self.notation: Notation | None = None

    def add(self, field: str) -> None:
        """Take one more field.

        Raises
        ------
        ValueError
            If it does not go with those before.
        """
        if self.numbers is not None:
            self._count(field, self.numbers)
        if not self.as_text and field.lower() in MISSING_NUMBER:
            self.gaps.add(field)
            return
        if self.is_class or self.as_text:
            self.has_text = self.has_text or number(field) is None
            kind, mark = "text", None
            field = self.table.plain(field)
        elif number(field) is not None:
            kind, mark = "numbers", ""
            if "." in field and self.decimals != {"."}:
                self._take(field, figure(field))
                if self.table.known_decimal == ",":
                    self.marked = self.marked or self.open  # 1.250 is more than a thousand there
        else:
            kind, mark = self._look_at(field)
        if self.kind is None:
            self.kind, self.mark = kind, mark
        elif (kind, mark) != (self.kind, self.mark):
            if "numbers" in (kind, self.kind):
                mend = f"correct it, or treat the column as text {CATEGORICAL}"
                if field == self.name:
                    mend = "the names of the columns stand there again: take that row out of the file"
                raise ValueError(f"column {self.name!r} held {self._so_far} up to here and now {field!r}; {mend}")
            self.kind, self.mark = "text", None
        self.n += 1
        if len(self.distinct) <= self.limit:
            self.distinct.add(field)
            self.all_differ = len(self.distinct) == self.n

    @property
    def counts_rows(self) -> bool:
        """Whether the column has no name and a different whole number in each row: in the first column in any order."""
        return self.numbers is not None and len(self.numbers) > 1

    @property
    def has_gaps(self) -> bool:
        """Whether the column is one of numbers and lacks some, going by marks that are texts elsewhere."""
        if self.is_class and not self.has_text and self.kind is not None:
            return bool(self.gaps)
        self._end()
        return bool(self.gaps) and self.kind != "text"

    def _end(self) -> None:
        """Take what might be a gap for a text, once it is clear that this is no column of numbers."""
        if self.kind == "words" and self.keep_words:
            self.kind = "text"
        if self.gaps and self.kind in ("text", None):
            self.kind = "text"
            self.distinct |= self.gaps

    def settle(self, certain: Collection[str]) -> None:
        """Decide how the numbers are written; `certain` are the decimal marks that are certain anywhere in the table.

        Raises
        ------
        ValueError
            If it remains open, or is not what the table is said or known to have.
        """
        self._end()
        if self.kind not in ("numbers", "words"):
            return
        decimal = self._decimal(certain)
        if self.marked is not None:
            self.notation = Notation(decimal, self.mark or "")
            self._say(self.marked, self.notation)

    @property
    def certain_decimal(self) -> str | None:
        """The decimal mark that the fields prove; None if there is no proof."""
        return min(self.decimals) if len(self.decimals) == 1 and self.kind in ("numbers", "words") else None

    def column(self) -> Column:
        """Return the input column; raises ValueError if it is of too many texts."""
        if self.kind in ("numbers", "words"):
            return Column(self.name, notation=self.notation)
        self._check_limit()
        if self.all_differ and self.n > FEW and not self.as_text:
            self.table.notes.append(
                f"{self.table.path}: column {self.name!r} is text, another in each of the {self.n} rows, as names and "
                f"ids are: a later row has none of them; leave it out {IGNORE}"
            )
        return Column(self.name, tuple(sorted(self.distinct)))

    def classes(self, task: str) -> tuple[str, ...] | None:
        """Return the classes of the target, or None if it is a quantity; raises ValueError if that is not `task`."""
        if self.kind == "text" and task == "regression":
            raise ValueError(
                f"{self.table.path}: the target {self.name!r} is text; regression needs a column of numbers"
            )
        labels = {label(self._spelt(field)) for field in self.distinct}
        guessed = task == "auto" and are_classes(labels, self.n)
        note = on_whole_numbers(self.name, labels, classes=guessed) if task == "auto" else ""
        self.table.notes += [f"{self.table.path}: {note}"] if note else []
        if task != "classification" and not guessed:
            return None
        self._check_limit()
        return sorted_labels(labels)

    @property
    def _so_far(self) -> str:
        return f"{self.kind} with {self.mark!r}" if self.mark else str(self.kind).replace("words", "text")

    def _count(self, field: str, numbers: set[int]) -> None:
        value = int(field) if field.isascii() and field.isdecimal() and len(field) < 19 else -1
        in_order = value - 1 in numbers or (not numbers and value in (0, 1))
        if value < 0 or value in numbers or not (in_order or self.table.position(self.name) == 0):
            self.numbers = None
        else:
            numbers.add(value)

    def _look_at(self, field: str) -> tuple[str, str | None]:
        """Return the kind and mark of a field that is no number for Python."""
        found = figure(field)
        if found is None:
            return "text", None
        if not self.table.is_plain(field):
            self.marked = self.marked or field
        self._take(field, found)
        return ("numbers" if found.is_certain else "words"), found.mark

    def _take(self, field: str, found: Figure | None) -> None:
        if found is None or not set(found.core) & BOTH:
            return
        if len(found.decimals) == 2:
            self.open = self.open or field
        elif not self.decimals & found.decimals:
            raise ValueError(
                f"column {self.name!r} writes decimals as in {self.decided!r} up to here and now {field!r}; write all "
                f"with the same mark, or treat the column as text {CATEGORICAL}"
            )
        else:
            self.decimals, self.decided = self.decimals & found.decimals, self.decided or field

    def _decimal(self, certain: Collection[str]) -> str:
        known, proved = self.table.known_decimal, self.certain_decimal
        if proved is not None:
            if known not in (None, proved) and (self.marked is not None or self.open is not None):
                raise ValueError(
                    f"{self.table.path}: column {self.name!r}: {self.decided!r} has no decimal {known!r}, as the table "
                    f"has; write both alike, or name the mark {DECIMAL}"
                )
            return proved
        if known is not None or self.open is None:
            return known or "."
        if len(certain) == 1 and (self.marked is not None or "," not in certain):
            return min(certain)
        if self.marked is None and "," not in certain:
            return "."
        if not certain and self.table.delimiter == ",":  # where a comma is the decimal mark, it separates no columns
            return "."
        value = figure(self.open)
        assert value is not None
        raise ValueError(
            f"{self.table.path}: column {self.name!r}: {self.open!r} may be {value.value('.'):.12g} or "
            f"{value.value(','):.12g}; name the decimal mark {DECIMAL}, or treat the column as text {CATEGORICAL}"
        )

    def _say(self, example: str, notation: Notation) -> None:
        options = CATEGORICAL if self.open is None else f"{CATEGORICAL} or name its decimal mark {DECIMAL}"
        value = notation.number(example, self.table.known_decimal)
        self.table.notes.append(
            f"{self.table.path}: column {self.name!r} is read as numbers, {example!r} as {value:.12g}; "
            f"if that is wrong, treat it as text {options}"
        )

    def _spelt(self, field: str) -> str:
        """Return a field of the target as Python spells it."""
        if self.notation is None:
            return self.table.plain(field)
        return repr(self.notation.number(field, self.table.known_decimal))

    def _check_limit(self) -> None:
        if len(self.distinct) > self.limit:
            what = f"{self.table.path}: column {self.name!r} has more than {self.limit} different texts"
            example = f"for example {min(self.distinct)!r}"
            if self.is_target and all(number(self._spelt(field)) is not None for field in self.distinct):
                what = what.replace("texts", "numbers")
                raise ValueError(f"{what}, {example}: too many for classes, so predict it as a number {AS_NUMBER}")
            if self.all_differ:
                raise ValueError(
                    f"{what}, no two alike of the first {len(self.distinct)}, {example}: they may be ids or names, so "
                    + (f"predict another column {TARGET}" if self.is_target else f"leave it out {IGNORE}")
                )
            raise ValueError(f"{what}, {example}; numbers need a decimal point, and texts can be left out {IGNORE}")
