"""Which character cuts the rows of a text table into columns, found out from the beginning of the file."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from nncore.datasets.notation import figure
from nncore.datasets.spelling import DECIMAL_COMMA

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|")
_CALLED = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "bar": "|", "blank": " ", "space": " "}
_SINGLE = re.compile(r"(?:^|[,;\t|])[ ]*'(?:[^'\n]|'')*'(?=[,;\t|]|$)")
SAMPLE_CHARACTERS = 1 << 16
SAMPLE_ROWS = 20
OPTION = "(delimiter=, on the command line --delimiter)"


@dataclass(frozen=True)
class Cut:
    """The first rows of a table, cut at one delimiter.

    Attributes
    ----------
    delimiter : str
    rows : list of list of str
        Those of the most frequent width.
    is_whole : bool
        Whether these are all rows, and no quote stands where none may.
    """

    delimiter: str
    rows: list[list[str]]
    is_whole: bool

    @property
    def n_rows(self) -> int:
        """Number of rows that this delimiter cuts alike; 0 if it cuts none."""
        return len(self.rows) if self.rows and len(self.rows[0]) > 1 else 0

    @property
    def share_of_numbers(self) -> float:
        """The share of fields below the first row that are numbers, also with a comma."""
        fields = [field for row in self.rows[1:] or self.rows for field in row]
        return sum(_is_number(field) for field in fields) / len(fields)

    def explains_commas(self) -> bool:
        """Tell whether below the first row commas stand in numbers alone."""
        with_comma = [field for row in self.rows[1:] or self.rows for field in row if "," in field]
        return bool(with_comma) and all(map(_is_number, with_comma))


def check_delimiter(delimiter: str) -> str:
    """Return a delimiter that the caller names, as one character; ``"tab"`` and a backslash with a t are a tab.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> check_delimiter("tab"), check_delimiter(";")
    ('\\t', ';')
    """
    found = _CALLED.get(delimiter, delimiter) if isinstance(delimiter, str) else ""
    if len(found) != 1 or found in '\r\n"':
        raise ValueError(f"delimiter must be one character such as ';', or 'tab', got {delimiter!r}")
    return found


def find_quote(sample: str) -> str:
    """Return what fields stand in: single quotes if all that begin with one end with one, in every line, else double.

    Examples
    --------
    >>> find_quote("a,b\\n'x, z',1\\n'w',2\\n"), find_quote("a,b\\n'tis,1\\n'w',2\\n")
    ("'", '"')
    """
    lines = [line for line in sample.splitlines() if line.strip()][: SAMPLE_ROWS + 1]
    below = lines[1:] or lines
    if '"' in sample or "'" not in (below[0] if below else ""):
        return '"'
    whole = all(len(_SINGLE.findall(line)) == len(re.findall(r"(?:^|[,;\t|])[ ]*'", line)) > 0 for line in below)
    return "'" if whole else '"'


def rows_of(lines: Iterable[str], delimiter: str, quote: str = '"') -> Reader:
    """Return the reader of the fields of each row; blanks before a field, and before its quotes, are none of it.

    Of a table that blanks separate, several count as one.
    """
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True, strict=True)


def find_delimiter(sample: str, decimal: str | None, quote: str = '"') -> tuple[str, str]:
    """Return the delimiter of the table that begins with `sample`, and what to say of it if that is a guess.

    With ``decimal=","`` a comma is none, unless numbers with a comma are quoted. A row is cut alike if it has as many
    fields as most others. Of delimiters that cut the same number of rows alike, a comma gives way if the other leaves
    commas in numbers alone; then the one that leaves nothing but numbers is taken, or the only one that leaves any.

    Raises
    ------
    ValueError
        If two delimiters fit, or a comma alone would and ``decimal=","`` says that it is none.

    Examples
    --------
    >>> find_delimiter("a;b\\n1;2\\n", None)
    (';', '')
    >>> find_delimiter("1,5;2,5\\n1,7;3,1\\n", None)[0]
    ';'
    """
    cuts = [_cut(sample, delimiter, quote) for delimiter in DELIMITERS]
    comma = cuts[0]
    if decimal == "," and not any(DECIMAL_COMMA.fullmatch(field.strip()) for row in comma.rows for field in row):
        cuts = cuts[1:]
        if comma.n_rows and not any(cut.n_rows for cut in cuts):
            raise ValueError(f"decimal=',' leaves nothing that separates the columns; name what does {OPTION}")
    whole = [cut for cut in cuts if cut.is_whole and cut.n_rows]
    most = max(cut.n_rows for cut in cuts)
    fitting = whole or [cut for cut in cuts if cut.n_rows == most]
    best = _likeliest(fitting) if len(fitting) > 1 and most else max(fitting, key=lambda cut: cut.n_rows)
    if best.delimiter == "," and _blanks_cut(sample):
        raise ValueError(
            f"the columns may be separated by commas, or by blanks and have decimal commas; name what does {OPTION}"
        )
    if len(fitting) == 1 or not most:
        return best.delimiter, ""
    others = " or ".join(_named(cut.delimiter) for cut in fitting if cut is not best)
    return best.delimiter, (
        f"columns are taken as separated by {_named(best.delimiter)}, not by {others}; if that is wrong, name what "
        f"separates them {OPTION}"
    )


def _likeliest(cuts: Sequence[Cut]) -> Cut:
    """Return the one of several fitting cuts that makes sense of the others."""
    explained = any(cut.explains_commas() for cut in cuts if cut.delimiter != ",")
    left = [cut for cut in cuts if not (explained and cut.delimiter == ",")]
    for least in (1.0, 0.0):
        if len(left) > 1:
            some = [cut for cut in left if (cut.share_of_numbers == 1 if least else cut.share_of_numbers > 0)]
            left = some if len(some) == 1 else left
    if len(left) > 1:
        names = " or ".join(_named(cut.delimiter) for cut in left)
        raise ValueError(f"the columns may be separated by {names}; name what separates them {OPTION}")
    return left[0]


def _cut(sample: str, delimiter: str, quote: str) -> Cut:
    rows, is_whole = [], True
    try:
        for fields in islice(records(sample, delimiter, quote), SAMPLE_ROWS + 1):
            rows.append(fields)
    except csv.Error as error:
        is_whole = "unexpected end of data" in str(error)  # the sample ends within quotes
    if len(rows) > SAMPLE_ROWS or (len(rows) > 1 and len(sample) >= SAMPLE_CHARACTERS):
        rows.pop()  # the sample may end in the middle of this one
    widths = Counter(map(len, rows))
    width = max(widths, key=lambda one: (one > 1, widths[one], one), default=0)
    alike = [fields for fields in rows if len(fields) == width]
    return Cut(delimiter, alike, is_whole and len(alike) == len(rows))


def records(sample: str, delimiter: str, quote: str) -> Iterator[list[str]]:
    """Yield the fields of each row of a text that is not blank."""
    return (fields for fields in rows_of(io.StringIO(sample, newline=""), delimiter, quote) if any(fields))


def _blanks_cut(sample: str) -> bool:
    """Tell whether blanks cut all lines into the same number of numbers, some of them with a comma."""
    rows = [line.split() for line in islice(filter(str.strip, sample.splitlines()), SAMPLE_ROWS)]
    return (
        len({len(row) for row in rows}) == 1
        and len(rows[0]) > 1
        and all(_is_number(field) for row in rows[1:] or rows for field in row)
        and any(DECIMAL_COMMA.fullmatch(field) for row in rows[1:] or rows for field in row)
    )


def _is_number(field: str) -> bool:
    found = figure(field.strip())
    return found is not None and found.is_certain


def _named(delimiter: str) -> str:
    return "tabs" if delimiter == "\t" else f"{delimiter!r}"
