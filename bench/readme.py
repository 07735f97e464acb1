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
        If a file cannot be read or written.
    """
    text = document.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"{document} must hold the lines {BEGIN} and {END}, once each and in this order")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    tables = report.short_tables(Run.from_dict(peers.stored(results)["training"]))
    document.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")
