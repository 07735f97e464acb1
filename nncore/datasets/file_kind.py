"""Files that are no text tables, told by their first bytes: what they are, and how to make a table of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO

START = 4096

UNPACK = "unpack it, and name the table that comes out"
SHEET = "save the sheet as CSV (in the spreadsheet program: Save as, CSV UTF-8), and name that file"
PICTURE = "a table holds one row of numbers and texts for each sample"
BY_PANDAS = "save it as CSV, in Python by pandas.{}({!r}{}).to_csv({!r}, index=False)"

_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"PAR1[^ -~\s]", "a Parquet file", "read_parquet"),
    (rb"(?:ARROW1|FEA1)[^ -~\s]", "an Arrow (Feather) file", "read_feather"),
    (rb"ORC[^ -~\s]", "an ORC file", "read_orc"),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", "read_hdf"),
    (rb"<stata_dta>", "a Stata file", "read_stata"),
    (rb"\$FL[23]@\(#\)", "an SPSS file", "read_spss"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook (.xls)", SHEET),
    (rb"SQLite format 3\0", "an SQLite database", "save the table as CSV, and name that file"),
    (
        rb"RD[AX][2-9]\n|X\n\0\0",
        "an R data file",
        "save the table as CSV, in R by write.csv(x, file, row.names = FALSE)",
    ),
    (rb"MATLAB 5\.0 MAT", "a MATLAB file", "save the table as CSV, in MATLAB by writetable"),
    (rb"\x93NUMPY", "a single NumPy array", "save the arrays X and y by numpy.savez, and name the file .npz"),
    (
        rb"\0\0[\x08-\x0e][\x01-\x08]",
        "an IDX file",
        "read_idx reads it; on the command line name its folder: mnist:FOLDER",
    ),
    (
        rb"\x80[\x02-\x05][\x00-\x7f\x80-\xff]|\((?:dp|lp)[0-9]+\n|c(?:copy_reg|(?:pandas|numpy)[.\w]*)\n",
        "a pickle of Python, which may run any code when it is read",
        "if you trust it, save its table as CSV where it was made: frame.to_csv('table.csv', index=False)",
    ),
    (rb"BZh[1-9]1AY&SY", "compressed by bzip2", UNPACK),
    (rb"\xfd7zXZ\0", "compressed by xz", UNPACK),
    (rb"\x28\xb5\x2f\xfd", "compressed by Zstandard", UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (rb"(?s:.{257})ustar", "a tar archive", UNPACK),
    (rb"%PDF-", "a PDF", "copy the table into a spreadsheet program, and save it as CSV"),
    (rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a", "a picture", PICTURE),
    (rb"(?s:.{8})\{\"", "a model file (safetensors)", "name the data; nncore summary and predict take models"),
    (
        rb"(?i)\s*<(?:!doctype html|html|head|body|table)\b",
        "a web page",
        "the download brought a page instead of the file; get the file itself",
    ),
    (
        rb"(?i)(?:\s*%[^\n]*\n|\s)*@relation\b",
        "a Weka file (ARFF)",
        "take out the lines down to @data, and put a line of column names, with commas between, in their place",
    ),
    (
        rb"[+-]?[0-9.]+(?: +[0-9]+:[-+0-9.eE]+)+\s*(?:#[^\n]*)?\n",
        "a LIBSVM file",
        "load it by sklearn.datasets.load_svmlight_file, and write X.toarray() and y by numpy.savez",
    ),
    (rb"\{\\rtf", "a text document (RTF)", "copy the table into a spreadsheet program, and save it as CSV"),
    (rb"\s*\{[^\n]*\}\s*\n\s*\{", "a file of JSON lines", "read_json_lines"),
    (rb"\s*<\?xml", "an XML file", "read_xml"),
    (rb"\s*(?:\{\s*\"|\[\s*[\[{])", "a JSON file", "read_json"),
)


def check_is_text(path: Path, stream: IO[bytes], encoding: str) -> bytes:
    """Return the first bytes of `stream`, read from `path`; refuse a file that is something else than text.

    Raises
    ------
    ValueError
        The message says what the file is, and what to do.
    """
    start = stream.read(START)
    found = _zipped(stream) if start.startswith((b"PK\x03\x04", b"PK\x05\x06")) else _kind(start)
    if found is None and b"\0" in start and not _has_nulls(start, encoding):
        found = _with_nulls(start)
    if found is None:
        return start
    what, mend = found
    if mend.startswith("read_") and mend.isidentifier():
        own = path.suffix.lower() == ".csv"  # which is not to be written over
        reader, lines = mend.removesuffix("_lines"), ", lines=True" * mend.endswith("_lines")
        mend = BY_PANDAS.format(reader, path.name, lines, path.stem + ("-table" if own else "") + ".csv")
    raise ValueError(f"{path}: this is {what}{'' if 'text' in what else ', not a text table'}; {mend}")


def _kind(start: bytes) -> tuple[str, str] | None:
    return next(((what, mend) for pattern, what, mend in _KINDS if re.match(pattern, start)), None)


def _zipped(stream: IO[bytes]) -> tuple[str, str]:
    from zipfile import BadZipFile, ZipFile  # here, not at the top: it would slow `import nncore`

    try:
        names = ZipFile(stream).namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return "a damaged ZIP archive", UNPACK
    if any(name.startswith("xl/") for name in names):
        return "an Excel workbook (.xlsx)", SHEET
    if "content.xml" in names:
        return "an OpenDocument file (.ods)", SHEET
    if any(name.startswith("word/") for name in names):
        return "a Word document", "copy the table into a spreadsheet program, and save it as CSV"
    if names and all(name.endswith(".npy") for name in names):
        return "an NPZ file of NumPy", "name it .npz, and read it by read_npz"
    files = [name for name in names if not name.endswith("/")]
    return "a ZIP archive" + (f" that holds {', '.join(map(repr, files[:3]))}" if files else ""), UNPACK


def _has_nulls(start: bytes, encoding: str) -> bool:
    """Tell whether null bytes are as they must be: in UTF-16 and UTF-32."""
    return (
        start[:2] in (b"\xff\xfe", b"\xfe\xff")
        or start[:4] == b"\0\0\xfe\xff"
        or encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    )


def _with_nulls(start: bytes) -> tuple[str, str]:
    pairs = len(start) // 2
    for first, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[first::2].count(0) > 0.7 * pairs and start[1 - first :: 2].count(0) < 0.1 * pairs:
            mend = f"name its encoding, {name} (encoding=, on the command line --encoding)"
            return "UTF-16 text without a byte order mark", mend
    return "binary data", "save the table as CSV, and name that file"
