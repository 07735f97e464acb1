"""What the fields of one column have in common, found out while they go by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

from nncore.datasets.csv_table import CsvTable
from nncore.datasets.date_scan import CATEGORICAL, DateScan, is_short
from nncore.datasets.dates import ORDERS, DateStyle, moments
from nncore.datasets.gaps import OPTION, USUAL, Marks
from nncore.datasets.labels import AS_NUMBER, are_classes, label, on_alike, on_whole_numbers, sorted_labels
from nncore.datasets.notation import BOTH, Figure, Notation, figure
from nncore.datasets.number_look import NumberLook
from nncore.datasets.numbering import RowNumbers, is_id
from nncore.datasets.schema import Column
from nncore.datasets.spelling import number

MAX_LEVELS = 100
MAX_CLASSES = 1000
FEW = 20  # so many different texts may stand in a small table by chance
IGNORE = "(ignore=, on the command line --ignore)"
TARGET = "(target=, on the command line --target)"
DECIMAL = "(decimal=, on the command line --decimal)"
CODE = re.compile(r"[A-Z]{2}")


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
    marks : Marks, optional
        What stands for a missing value.
    orders : set of {"dmy", "mdy"}
        How dates such as 03/04/2024 may be meant.

    Attributes
    ----------
    kind : {"numbers", "words", "text", "dates"} or None
        Words are texts that look like numbers with a unit; None as long as there is no value.
    n, n_missing : int
        How many values there are, and are not.
    notation : Notation or None
        How the numbers are written, if not as Python writes them; set by `settle`.
    dates : DateStyle or None
        How the dates are written; set by `settle`.
    """

    def __init__(
        self,
        table: CsvTable,
        name: str,
        *,
        as_text: bool = False,
        target_of: str | None = None,
        unnamed: bool = False,
        marks: Marks | None = None,
        orders: frozenset[str] = ORDERS,
    ) -> None:
        self.table, self.name, self.as_text = table, name, as_text
        self.marks, self.dating = marks or USUAL, DateScan(table, name, orders)
        self.suspects = self.marks.suspects
        self.is_target, self.is_class = target_of is not None, target_of == "classification"
        self.keep_words = self.is_target and target_of != "regression"
        self.limit = MAX_CLASSES if self.is_target else MAX_LEVELS
        self.unnamed = unnamed
        may_count = unnamed or (not self.is_target and is_id(name))  # None once it is clear that they count no rows
        self.numbers = RowNumbers(any_order=table.position(name) == 0) if may_count else None
        self.n, self.all_differ = 0, True  # so far; the latter as long as there are not too many texts
        self.n_missing = 0
        self.gaps: Counter[str] = Counter()  # what is missing if this is a column of numbers
        self.has_text = as_text
        self.kind: str | None = None
        self.mark: str | None = None
        self.distinct: set[str] = set()
        self.decimals = BOTH
        self.marked: str | None = None  # a field that is no number for Python
        self.open: str | None = None  # one that is another number with another decimal mark
        self.decided: str | None = None  # the first whose decimal mark is certain
        self.notation: Notation | None = None
        self.dates: DateStyle | None = None
        self.look = NumberLook(is_number=self.is_target)

    def add(self, field: str) -> None:
        """Take one more field.

        Raises
        ------
        ValueError
            If it does not go with those before.
        """
        if field.lower() in self.suspects and self._is_gap(field):
            return
        if self.numbers is not None and not self.numbers.take(field):
            self.numbers = None
        if self.is_class or self.as_text:
            self.has_text = self.has_text or number(field) is None
            kind, mark = "text", None
            field = self.table.plain(field)
        elif (value := number(field)) is not None:
            kind, mark = "numbers", ""
            self._look_at_number(field, value)
        elif found := moments(field):
            kind, mark = "dates", None
            self.dating.add(field, found)
        else:
            kind, mark = self._look_at(field)
        if self.kind is None:
            self.kind, self.mark = kind, mark
        elif (kind, mark) != (self.kind, self.mark):
            if {"numbers", "dates"} & {kind, self.kind} and not self._may_be_no_dates(field, kind):
                it = "it" if kind == "text" else repr(min(self.distinct)) if self._is_one_text else ""
                gap = f", say if {it} stands for a missing value {OPTION}," if it else ","
                mend = f"correct it{gap} or treat the column as text {CATEGORICAL}"
                if field == self.name:
                    mend = "the names of the columns stand there again: take that row out of the file"
                raise ValueError(f"column {self.name!r} held {self._so_far} up to here and now {field!r}; {mend}")
            self.kind, self.mark = "text", None
        self.n += 1
        if len(self.distinct) <= self.limit:
            self.distinct.add(field)
            self.all_differ = len(self.distinct) == self.n

    def _is_gap(self, field: str) -> bool:
        """Count a field that is missing, or may turn out to be."""
        if self.marks.anywhere(field) and (field != "NA" or self.as_text or self.marks.is_told(field)):
            self.n_missing += 1
        elif not self.as_text and self.marks.in_numbers(field):
            self.numbers = None
            self.gaps[field] += 1
        else:
            return False
        return True

    def _may_be_no_dates(self, field: str, kind: str) -> bool:
        """Tell whether what looked like short dates are texts after all, such as 2011-12 beside 2012-13."""
        return {kind, self.kind} == {"dates", "text"} and self.dating.short and is_short(field)

    @property
    def _is_one_text(self) -> bool:
        return self.kind == "text" and len(self.distinct) == 1 and not any(map(str.isdecimal, *self.distinct))

    @property
    def counts_rows(self) -> bool:
        """Whether the column has a different whole number in each row: in the first column in any order."""
        return self.numbers is not None and len(self.numbers) > 1

    @property
    def has_gaps(self) -> bool:
        """Whether a value is missing, going by marks that are texts elsewhere."""
        self._end()
        return self.n_missing > 0

    def is_gap(self, field: str) -> bool:
        """Tell whether `field` is a missing value, now that all fields are known."""
        self._end()
        is_known = field in self.distinct and self.kind == "text"
        if self.is_target and self.kind == "text" and self.has_text:
            return self.marks.anywhere(field) and not is_known
        return self.marks.in_numbers(field) and not is_known

    def _end(self) -> None:
        """Take what might be a gap for a text, once it is clear that this is no column of numbers."""
        if self.kind == "words" and self.keep_words:
            self.kind = "text"
        numeric = self.kind in ("numbers", "dates", "words") or (
            self.is_class and not self.has_text and self.kind is not None
        )
        for field, n in self.gaps.items():
            if numeric or (field == "NA" and not self.is_of_codes):
                self.n_missing += n
            else:
                self.kind, self.has_text, self.n = "text", True, self.n + n
                self.distinct.add(field)
        self.gaps.clear()
        if self.kind == "numbers" and self.n > 1:
            self.kind = self.look.kind()

    @property
    def is_of_codes(self) -> bool:
        """Whether all texts are codes of two letters."""
        return len(self.distinct) > 1 and all(CODE.fullmatch(text) for text in self.distinct)

    def settle(self, certain: Collection[str]) -> None:
        """Decide how the numbers are written; `certain` are the decimal marks that are certain anywhere in the table.

        Raises
        ------
        ValueError
            If it remains open, or is not what the table is said or known to have.
        """
        self._end()
        if self.kind == "dates":
            self.dates = DateStyle(self.dating.order())
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

    def column(self, parts: tuple[str, ...] = (), *, gaps: bool = False) -> Column:
        """Return the input column, with `parts` of dates, and with `gaps` a feature that tells of missing values.

        Raises
        ------
        ValueError
            If it is of too many texts.
        """
        gaps = gaps and self.n_missing > 0
        if self.dates is not None:
            return Column(self.name, dates=DateStyle(self.dates.order, parts), gaps=gaps)
        if self.kind in ("numbers", "words"):
            return Column(self.name, notation=self.notation, gaps=gaps)
        self._check_limit()
        return Column(self.name, tuple(sorted(self.distinct)), gaps=gaps)

    def classes(self, task: str) -> tuple[str, ...] | None:
        """Return the classes of the target, or None if it is a quantity; raises ValueError if that is not `task`."""
        if self.dates is not None:
            return None
        if self.kind == "text" and task == "regression":
            why = "is to be text (categorical=, on the command line --categorical)" if self.as_text else "is text"
            raise ValueError(f"{self.table.path}: the target {self.name!r} {why}; regression needs a column of numbers")
        labels = {label(self._spelt(field)) for field in self.distinct}
        guessed = task == "auto" and (self.as_text or are_classes(labels, self.n))
        note = on_whole_numbers(self.name, labels, classes=guessed) if task == "auto" and not self.as_text else ""
        self.table.notes += [f"{self.table.path}: {note}"] if note else []
        if task != "classification" and not guessed:
            return None
        self._check_limit()
        if (self.kind != "text" or self.as_text) and (alike := on_alike(labels)):  # of other texts, their notes speak
            self.table.say(f"column {self.name!r} {alike}")
        return sorted_labels(labels)

    @property
    def _so_far(self) -> str:
        return f"{self.kind} with {self.mark!r}" if self.mark else str(self.kind).replace("words", "text")

    def _look_at(self, field: str) -> tuple[str, str | None]:
        """Return the kind and mark of a field that is no number for Python."""
        self.look.compact = self.look.all_digits = False
        found = figure(field)
        if found is None:
            return "text", None
        if not self.table.is_plain(field):
            self.marked = self.marked or field
        self._take(field, found)
        return ("numbers" if found.is_certain else "words"), found.mark

    def _look_at_number(self, field: str, value: float) -> None:
        """Note what a number may be besides."""
        if "." in field and self.decimals != {"."}:
            self._take(field, figure(field))
            if self.table.known_decimal == ",":
                self.marked = self.marked or self.open  # 1.250 is more than a thousand there
        self.look.add(field, value)

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
            if not certain and self.table.delimiter != ",":
                self._say_thousands(self.open)
            return "."
        if not certain and self.table.delimiter == ",":  # where a comma is the decimal mark, it separates no columns
            return "."
        value = figure(self.open)
        assert value is not None
        raise ValueError(
            f"{self.table.path}: column {self.name!r}: {self.open!r} may be {value.value('.'):.12g} or "
            f"{value.value(','):.12g}; name the decimal mark {DECIMAL}, or treat the column as text {CATEGORICAL}"
        )

    def _say_thousands(self, example: str) -> None:
        found = figure(example)
        if found is not None:
            self.table.say(
                f"column {self.name!r}: {example!r} is read as {found.value('.'):.12g}, for want of a sign; if it "
                f"is {found.value(','):.12g}, name the decimal mark {DECIMAL}"
            )

    def _say(self, example: str, notation: Notation) -> None:
        options = CATEGORICAL if self.open is None else f"{CATEGORICAL} or name its decimal mark {DECIMAL}"
        value = notation.number(example, self.table.known_decimal)
        self.table.say(
            f"column {self.name!r} is read as numbers, {example!r} as {value:.12g}; "
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
            if self.look.zeros and not self.as_text:
                raise ValueError(
                    f"{what}, for {self.look.zeros!r} begins with 0 as codes do; leave it out {IGNORE}, or write "
                    "numbers without"
                )
            if self.all_differ:
                raise ValueError(
                    f"{what}, no two alike of the first {len(self.distinct)}, {example}: they may be ids or names, so "
                    + (f"predict another column {TARGET}" if self.is_target else f"leave it out {IGNORE}")
                )
            raise ValueError(f"{what}, {example}; numbers need a decimal point, and texts can be left out {IGNORE}")
