"""A CSV file as rows of text: encoding, delimiter, header and line numbers, but no meaning yet."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import IO

from nncore.base.names import did_you_mean
from nncore.datasets.dialect import (
    SAMPLE_CHARACTERS,
    SAMPLE_ROWS,
    check_delimiter,
    find_delimiter,
    find_quote,
    rows_of,
)
from nncore.datasets.file_kind import check_is_text
from nncore.datasets.footer import Row, without_footer
from nncore.datasets.header import IS_DATA, guess_header
from nncore.datasets.notation import figure
from nncore.datasets.preface import Preface, filled_width, is_header, n_titles, preface
from nncore.datasets.spelling import DECIMAL_COMMA
from nncore.datasets.stream import open_binary

UNNAMED = re.compile(r"|Unnamed: \d+(\.\d+)*|\.\.\.1")


class CsvTable:
    """The rows of a CSV file, read again from the disk each time they are asked for.

    Parameters
    ----------
    path : str or path-like
        A text file, plain or gzipped. Rows may end in LF or CRLF; fields may be quoted; empty lines are skipped. So
        are, above the table, lines that begin with ``#`` and a title, and below it rows of totals and notes; a line
        ``sep=;`` names the delimiter. Columns without a name and a value at the end are left out.
    header : bool, optional
        Whether the first row holds the column names. By default it does if one of its fields is a text above nothing
        but numbers, if its numbers count the columns or are years, or if it is of texts that do not stand below.
        Where that is a guess, it is among the `notes`.
    delimiter : str, optional
        One character, or ``"tab"``; of blanks, several count as one. By default the one of comma, semicolon, tab and
        bar that cuts the first rows into even columns. If several do, that which makes sense of the others, such as
        the semicolon in ``1,5;2,5``; it is then among the `notes`. With ``decimal=","`` a comma is none unless
        numbers are quoted.
    encoding : str, default "utf-8"
        A byte order mark overrules it.
    decimal : {".", ","}, optional
        What stands before the decimals of numbers. By default a comma if the file is not separated by commas, its first
        64 Ki characters hold such a number that cannot be one with thousands separators, and none with a point.
    known : collection of str, optional
        Column names to expect: a first row that holds them all is a header, too.

    Attributes
    ----------
    names : tuple of str
        Column names: the header, or ``"column 1"``, ``"column 2"``...
    has_header : bool
    header_is_guessed : bool
        Whether neither `header` nor `known` has told it.
    decimal : {".", ","}
    known_decimal : {".", ","} or None
        None if it is a point for want of a sign to the contrary.
    decimals : set of {".", ","}
        The decimal marks that are told or proved: a point where commas separate the columns.
    in_doubt : bool
        Whether 1.250 may be more than a thousand: no mark is proved, and `Schema.read` has learnt from decimal commas.
    unnamed : set of int
        Positions of columns of which the header says no name, or that of pandas for such a column, ``Unnamed: 0``.
    left_out : collection of str
        Names that empty columns at the end would have.
    n_left_out : int
        How many rows `Schema.read` has left out, as it was told, because they lack a value.
    notes : list of str
        What was guessed of the file and may be wrong, so that the caller can say it.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If the file is empty, not text in `encoding`, or has two columns of one name, or if several delimiters fit. The
        message names file and line.
    """

    unit = "line"  # what numbers stand for in messages

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        header: bool | None = None,
        delimiter: str | None = None,
        encoding: str = "utf-8",
        decimal: str | None = None,
        known: Collection[str] = (),
    ) -> None:
        self.path = Path(path)
        self.encoding = _encoding(self.path, encoding)
        if decimal not in (None, ".", ","):
            raise ValueError(f"decimal must be '.' or ',', got {decimal!r}")
        self.notes: list[str] = []
        self.left_out: Collection[str] = ()
        self.n_left_out = 0
        above = preface(self._sample())
        self._n_above = above.n_lines
        self._quote = self._quotes(above.table)
        if delimiter is None:
            delimiter = above.delimiter or self._delimiter(above.table, decimal)
        self.delimiter = check_delimiter(delimiter)
        self.decimals = self._decimals(above.table) if decimal is None else {decimal}
        self.decimal = "," if self.decimals == {","} else "."
        self.known_decimal = "," if self.decimal == "," else decimal
        self.in_doubt = False
        self._first_line, first, below = self._begin(above, header)
        self.header_is_guessed = header is None and not (known and set(known) <= set(first))
        self.has_header = self._guessed(first, below) if self.header_is_guessed else header is not False
        self.names = tuple(
            field if field and self.has_header else f"column {i}" for i, field in enumerate(first, start=1)
        )
        self.unnamed = {i for i, field in enumerate(first) if self.has_header and UNNAMED.fullmatch(field)}
        self._positions: dict[str, int] = {}
        for i, name in enumerate(self.names):
            if self._positions.setdefault(name, i) != i:
                what = f"{self.path}:{self._first_line}: two columns are named {name!r}; rename one"
                raise ValueError(f"{what}, or if the row is data, say so {IS_DATA}" if self.header_is_guessed else what)

    def _begin(self, above: Preface, header: bool | None) -> tuple[int, list[str], list[list[str]]]:
        """Pass over what stands above the table; return the line and fields of its first row, and some rows below."""
        with closing(self._records()) as records:
            rows = list(islice(records, SAMPLE_ROWS + 1))
        if rows:
            rows[0][1][0] = rows[0][1][0].lstrip("\ufeff")  # a second byte order mark
        else:
            raise ValueError(f"{self.path}: the file is empty; a table needs a header and at least one row")
        if above.comments:
            line, comment = above.comments[-1]
            names = [field.strip() for field in next(rows_of([comment], self.delimiter, self._quote))]
            alone = all(other.count(self.delimiter) != len(names) - 1 for _, other in above.comments[:-1])
            if header is not False and alone and is_header(names, [fields for _, fields in rows]):
                names[0] = names[0].lstrip("# ") or names[0]
                self.notes.append(f"{self.path}:{line}: taken for the names of the columns, without its #")
                return line, names, [fields for _, fields in rows]
            self.notes.append(f"{self.path}: passed over {_lines(above.comments)} beginning with #")
        titles = n_titles([fields for _, fields in rows])
        if titles:
            self.notes.append(f"{self.path}: passed over the title {rows[0][1][0]!r} above the table")
            rows = rows[titles:]
            self._n_above = rows[0][0] - 1
        return self._checked(rows)

    def _checked(self, rows: list[tuple[int, list[str]]]) -> tuple[int, list[str], list[list[str]]]:
        """Leave nameless, empty columns at the end out of the first row, and refuse it if it is too short."""
        (line, first), below = rows[0], [fields for _, fields in rows[1:]]
        named = ["" if UNNAMED.fullmatch(field) else field for field in first]
        width = max(filled_width([named, *(fields for fields in below if len(fields) >= len(first))]), 1)
        if width < len(first):
            self._say_empty()
            self.left_out = {first[i - 1] or f"column {i}" for i in range(width + 1, len(first) + 1)}
        first = first[:width]
        widths = {filled_width([fields]) for fields in below}
        if len(widths) == 1 and min(widths) > len(first):
            raise ValueError(
                f"{self.path}:{line}: the first row has {len(first)} fields, those below have {min(widths)}; if it is "
                "a title, take it out of the file, and if it names the columns, name every one"
            )
        return line, first, below

    def _guessed(self, first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
        has_header, note = guess_header(first, below)
        self.notes += [f"{self.path}: {note}"] if note else []
        return has_header

    def _say_empty(self) -> None:
        self.say(f"rows end with {self.delimiter!r}: an empty column without a name is left out")

    def rows(self, *, empty: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, fields) of each data row; fields are stripped of surrounding blanks.

        Parameters
        ----------
        empty : bool
            Also yield rows of nothing but delimiters.

        Raises
        ------
        ValueError
            If a row has more or fewer fields than there are columns, or cannot be parsed.
        """
        footer: list[Row] = []
        body = (row for row in self._records(empty=empty) if not (self.has_header and row[0] == self._first_line))
        for line, fields in without_footer(body, len(self.names), footer):
            if len(fields) > len(self.names) and not any(fields[len(self.names) :]):
                fields = fields[: len(self.names)]
                self._say_empty()
            if len(fields) != len(self.names):
                raise ValueError(
                    f"{self.path}:{line}: expected {len(self.names)} fields as in the first row, got {len(fields)}; "
                    "complete the row, or take it out of the file"
                )
            yield line, fields
        if footer:
            where = f"line {footer[0][0]}" + (f" to {footer[-1][0]}" if len(footer) > 1 else "")
            self.say(f"below the table {where} is passed over: {next(filter(None, footer[0][1]))!r}")

    def say(self, note: str) -> None:
        """Add a note on the file, unless it is there already: a table is read more than once."""
        if f"{self.path}: {note}" not in self.notes:
            self.notes.append(f"{self.path}: {note}")

    def position(self, name: str) -> int:
        """Return the position of column `name`, from 0.

        Raises
        ------
        ValueError
            If there is no such column; the message suggests the nearest name.
        """
        if name in self._positions:
            return self._positions[name]
        hint = did_you_mean(name, self.names) or "; the columns are " + ", ".join(self.names[:12])
        raise ValueError(f"{self.path}: there is no column {name!r}{hint}")

    def plain(self, field: str) -> str:
        """Return a field as Python spells it if it is a number with this table's decimal mark, else as it is."""
        return field.replace(",", ".") if self.is_plain(field) else field

    def is_plain(self, field: str) -> bool:
        """Tell whether the decimal comma that this table is known to have makes a number of `field`."""
        return self.decimal == "," and DECIMAL_COMMA.fullmatch(field) is not None

    def _records(self, *, empty: bool = False) -> Generator[tuple[int, list[str]], None, None]:
        """Yield (number of its first line, stripped fields) of every row that is not blank, header included."""
        with open_binary(self.path) as stream, self._text(stream) as text:
            for _ in range(self._n_above):
                text.readline()
            reader = rows_of(text, self.delimiter, self._quote)
            start = 1 + self._n_above
            try:
                for fields in reader:
                    if any(fields) or (empty and len(fields) > 1):
                        yield start, [field.strip() for field in fields]
                    start = reader.line_num + 1 + self._n_above
            except csv.Error as error:
                raise ValueError(
                    f"{self.path}:{start}: not a CSV row ({error}): look for a quote there that is not closed; inside "
                    "quotes, a quote is written twice"
                ) from None
            except UnicodeDecodeError:
                raise self._not_decodable() from None

    def _quotes(self, sample: str) -> str:
        quote = find_quote(sample)
        self.notes += [f"{self.path}: fields stand in single quotes, which are taken off"] if quote == "'" else []
        return quote

    def _delimiter(self, sample: str, decimal: str | None) -> str:
        try:
            delimiter, note = find_delimiter(sample, decimal, self._quote)
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None
        self.notes += [f"{self.path}: {note}"] if note else []
        return delimiter

    def _decimals(self, sample: str) -> set[str]:
        """Return what stands before the decimals, as far as the sample tells."""
        if self.delimiter == ",":
            return {"."}
        rows = rows_of(io.StringIO(sample, newline=""), self.delimiter, self._quote)
        found = map(figure, {field.strip() for fields in rows for field in fields})
        return {min(one.decimals) for one in found if one is not None and one.is_certain and len(one.decimals) == 1}

    def _text(self, stream: IO[bytes]) -> io.TextIOWrapper:
        return io.TextIOWrapper(stream, encoding=self.encoding, newline="")

    def _sample(self) -> str:
        """Return the beginning of the file, from which delimiter and decimal mark are found out."""
        with open_binary(self.path) as stream, self._text(stream) as text:
            try:
                return text.read(SAMPLE_CHARACTERS)
            except UnicodeDecodeError:
                raise self._not_decodable() from None

    def _not_decodable(self) -> ValueError:
        """Find the first line that cannot be decoded: text is decoded in blocks, which hides where it stopped."""
        decoder = codecs.getincrementaldecoder(self.encoding)()
        line = 0
        with open_binary(self.path) as stream:
            for line, content in enumerate(stream, start=1):  # noqa: B007
                try:
                    decoder.decode(content)
                except UnicodeDecodeError:
                    break
        return ValueError(
            f"{self.path}:{line}: not {self.encoding.removesuffix('-sig').upper()} text; name its encoding, "
            "often cp1252 or latin-1 (encoding=, on the command line --encoding)"
        )


def _encoding(path: Path, encoding: str) -> str:
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)  # refuses codecs between bytes and bytes, such as base64
    except LookupError:
        raise ValueError(f"unknown encoding {encoding!r}; expected for example 'utf-8' or 'latin-1'") from None
    with open_binary(path) as stream:
        start = check_is_text(path, stream, encoding)
    if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else encoding


def _lines(comments: Sequence[tuple[int, str]]) -> str:
    return f"line {comments[0][0]}" if len(comments) == 1 else f"{len(comments)} lines"
