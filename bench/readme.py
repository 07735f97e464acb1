"""Put the tables of stored runs where two markers stand in a document: each kind of processor under its own heading."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import bfloat16, peers, report
from bench.record import Run

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"


def update(document: Path, results: Sequence[Path]) -> None:
    """Replace what stands between the two markers by the training tables of stored runs, in this order.

    Parameters
    ----------
    document : Path
        The README, or any other text that holds the markers.
    results : sequence of Path
        JSON files that ``python -m bench peers`` wrote, on one kind of processor each.

    Raises
    ------
    ValueError
        If the markers are not there, once each and in order, there is no file, or one holds something else.
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
    if not results:
        raise ValueError("there are no stored results; let `python -m bench peers` write some, or name a file of them")
    tables = "\n\n".join(map(_tables, results))
    document.write_text(f"{before}{BEGIN}\n{tables}\n{END}{after}", encoding="utf-8")


def _tables(results: Path) -> str:
    found = peers.stored(results)
    if "training" not in found:
        raise ValueError(f"{results} holds no training; let `python -m bench peers` run that section, or name another")
    run = Run.from_dict(found["training"])
    parts = [f"### {report.kind(run)}", report.short_tables(run)]
    if "bfloat16" in found:  # results of older versions have none
        parts.append(bfloat16.short(found["bfloat16"]))
    return "\n\n".join(parts)
