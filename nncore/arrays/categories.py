"""Whether the columns of X that are to hold categories do: whole numbers, as many as a layer knows, from 0."""

from __future__ import annotations

import numpy as np

from nncore.base.typing import Array
from nncore.categories import MOST_TOKENS
from nncore.program import Program


def check(program: Program, X: Array, names: tuple[str, ...] | None = None) -> None:
    """Raise ValueError if a value of X (n, n_features) is not the category that it should be.

    Parameters
    ----------
    program : Program
    X : ndarray
        Finite numbers.
    names : tuple of str, optional
        Of the columns.

    Examples
    --------
    >>> from nncore.layers import CategoryEncoding, Columns, Dense, Parallel
    >>> from nncore.program import lower
    >>> program = lower([Parallel([[Columns([1]), CategoryEncoding(3)], [Columns([0])]]), Dense(1)], 2, "mse")
    >>> check(program, np.array([[0.5, 2.0]]))
    >>> check(program, np.array([[0.5, 2.0], [0.5, 1.5]]))
    Traceback (most recent call last):
        ...
    ValueError: Input X contains 1.5 at row 1, column 1, which is to be one of 3 categories; expected a whole number \
from 0 to 2: number them, as numpy.unique(X[:, 1], return_inverse=True) does of the rows to be trained on
    """
    for column, n, _ in program.categories:
        values = X[:, column].astype(np.result_type(X, np.float32), copy=False)  # halves would round n
        wrong = ~((values >= 0) & (values < n) & (values == np.floor(values)))
        if wrong.any():
            row = int(wrong.argmax())
            title = "" if names is None or column >= len(names) else f" ({names[column]!r})"
            raise ValueError(f"Input X contains {_said(float(values[row]), row, f'{column}{title}', column, n)}")


def _said(value: float, row: int, place: str, column: int, n: int) -> str:
    mend = f"number them, as numpy.unique(X[:, {column}], return_inverse=True) does of the rows to be trained on"
    if value >= n and value.is_integer():
        mend = "number them without gaps"
        if value < MOST_TOKENS:
            mend += f", or let the layer that reads them know {int(value) + 1:,}"
    what = f"one of {n:,} categories; expected a whole number from 0 to {n - 1:,}"
    said = f"{value:g}" if float(f"{value:g}") == value or not 0 <= value < n else repr(value)
    return f"{said} at row {row}, column {place}, which is to be {what}: {mend}"
