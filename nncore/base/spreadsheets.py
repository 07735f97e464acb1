"""Text for CSV files that people open in a spreadsheet, which takes some for formulas and runs them."""

from __future__ import annotations

STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What a formula can begin with (OWASP, "CSV Injection")."""


def inert(text: str) -> str:
    """Return `text` so that a spreadsheet shows it: behind an apostrophe if it looks like a formula; numbers stay.

    Examples
    --------
    >>> inert("setosa"), inert("-1"), inert("=cmd|'/c calc'!A1")
    ('setosa', '-1', "'=cmd|'/c calc'!A1")
    """
    if not text.startswith(STARTS):
        return text
    try:
        float(text)
    except ValueError:
        return f"'{text}"
    return text
