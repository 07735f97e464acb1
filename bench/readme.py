"""Put the tables of a stored run where two markers stand in a document."""

from __future__ import annotations

from pathlib import Path

from bench import peers, report
from bench.record import Run

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def update(document: Path, results: Path) -> None:
    """Replace what stands between the two markers by the training tables of a stored run.

    Parameters
    ----------
    document : Path
        The README, or any other text that holds the markers.
    results : Path
        JSON file that ``python -m bench peers`` wrote.

    Raises
    ------
    ValueError
        If the markers are not there, once each and in order, or the file holds something else.
    OSError
        If the document cannot be written.
    """
    try:
        text = document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ValueError(f"cannot read {document} ({reason}); name another document with --readme") from None
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{document} must hold the lines {BEGIN} and {END}, once each and in this order")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    found = peers.stored(results)
    if "training" not in found:
        raise ValueError(f"{results} holds no training; let `python -m bench peers` run that section, or name another")
    tables = report.short_tables(Run.from_dict(found["training"]))
    document.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")
