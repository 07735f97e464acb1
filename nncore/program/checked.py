"""Whether a program that comes from outside is one: the engine believes what its rows say of widths and places."""

from __future__ import annotations

import math
from typing import Any

from nncore.activations import ACTIVATIONS
from nncore.base import memory
from nncore.categories import MOST_TOKENS
from nncore.program.lowering import MIXED_BFLOAT16, Program
from nncore.program.row import BATCH, NOTHING, Row

OPS: tuple[str, ...] = ("dense", "activation", "batchnorm", "layernorm", "dropout", "add", "columns", "concat")
OPS += ("one_hot", "embedding", "prelu", "rmsnorm", "noise")

MANY_COLUMNS = 2**24  # as many fit into any memory


def checked(program: Any) -> Program:
    """Return `program` if every row reads what an earlier one writes, and parameters that there are.

    Raises
    ------
    TypeError, ValueError
        If it is no program, or one that `nncore.program.lower` could not have made. A pickle may hold anything.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> program = lower([Dense(2)], 3, "mse")
    >>> checked(program) is program
    True
    >>> checked(replace(program, rows=(replace(program.rows[0], n_in=4),)))
    Traceback (most recent call last):
        ...
    ValueError: not a program of nncore: row 0 reads 4 columns where there are 3
    """
    if not isinstance(program, Program) or not all(isinstance(row, Row) for row in program.rows):
        raise TypeError(f"expected a Program, got {type(program).__name__}")
    try:
        _check(program)
    except (AttributeError, TypeError) as error:
        raise TypeError(f"not a program of nncore: {error}") from None
    except ValueError as error:
        raise ValueError(f"not a program of nncore: {error}") from None
    return program


def _check(program: Program) -> None:
    if program.precision not in (None, MIXED_BFLOAT16):
        raise ValueError(f"precision is {program.precision!r}")
    widths = {BATCH: _count("n_features", program.n_features)}
    ends = {"parameter": _count("n_parameters", program.n_parameters, 0)}
    ends["statistic"] = _count("n_statistics", program.n_statistics, 0)
    for i, row in enumerate(program.rows):
        if row.op not in OPS or row.activation not in ACTIVATIONS:
            raise ValueError(f"row {i} is {row.op!r} with {row.activation!r}")
        _count(f"n_in of row {i}", row.n_in)
        widths[i] = _count(f"n_out of row {i}", row.n_out)
        _check_reads(row, i, widths)
        _check_places(row, i, ends)
        for value in (row.parameter, row.momentum, row.activity_l1, row.activity_l2):
            if not math.isfinite(value):
                raise ValueError(f"row {i} holds {value}")
    n_columns = sum(widths.values())
    if n_columns > MANY_COLUMNS and 8 * n_columns > memory.available():  # a few rows double themselves again and again
        raise ValueError(f"its rows write {n_columns:,} columns")
    if not program.rows or program.n_outputs != program.rows[-1].n_out:
        raise ValueError(f"n_outputs is {program.n_outputs}")
    _check_ends(program)


def _check_ends(program: Program) -> None:
    """Raise unless the heads share the outputs, and links find as many of them beside each other as they look at."""
    first = 0
    for part in program.heads or (program,):
        n_outputs = _count("n_outputs of a head", part.n_outputs)
        first += n_outputs
        if part.reading is not None and n_outputs % _count("n_targets", part.reading.n_targets):
            raise ValueError(f"{n_outputs} outputs are read as {part.reading.n_targets} targets")
    if first != program.n_outputs:
        raise ValueError(f"the heads have {first} outputs, the network has {program.n_outputs}")


def _check_reads(row: Row, i: int, widths: dict[int, int]) -> None:
    reads = [(row.source, row.n_in)]
    if row.op in ("add", "concat"):
        reads.append((row.skip, row.n_skip))
    elif row.skip != NOTHING:
        raise ValueError(f"row {i} is {row.op!r} and reads row {row.skip!r}, too")
    for source, width in reads:
        if type(source) is not int or not BATCH <= source < i:
            raise ValueError(f"row {i} reads row {source}")
        if widths[source] != width:
            raise ValueError(f"row {i} reads {width} columns where there are {widths[source]}")
    if row.op == "columns":
        _check_columns(row, i)
    elif row.op in ("one_hot", "embedding"):
        if not 1 <= _count(f"n_tokens of row {i}", row.n_tokens) <= MOST_TOKENS:
            raise ValueError(f"row {i} knows {row.n_tokens} whole numbers")
        if (row.n_in * row.n_tokens != row.n_out) if row.op == "one_hot" else (row.n_in != 1):
            raise ValueError(f"row {i} makes {row.n_out} columns of {row.n_in}")
    elif row.op not in ("dense", "concat") and row.n_in != row.n_out:
        raise ValueError(f"row {i} makes {row.n_out} columns of {row.n_in}")


def _check_columns(row: Row, i: int) -> None:
    if type(row.columns) is not tuple or len(row.columns) != row.n_out:
        raise ValueError(f"row {i} makes {row.n_out} columns and names {row.columns!r}")
    for column in row.columns:
        if type(column) is not int or not 0 <= column < row.n_in:
            raise ValueError(f"row {i} reads column {column!r} of {row.n_in}")


def _check_places(row: Row, i: int, ends: dict[str, int]) -> None:
    n_weight = row.n_weight
    norm = row.op in ("batchnorm", "layernorm")
    affine = (norm or row.op == "rmsnorm") and (row.weight, row.bias) != (-1, -1)  # with gamma and beta
    learns = affine or row.op in ("dense", "embedding", "prelu")
    if learns:
        _check_place(f"weight of row {i}", row.weight, n_weight, ends["parameter"])
    elif (row.weight, row.bias) != (-1, -1):
        raise ValueError(f"row {i} is {row.op!r} and has parameters at {row.weight!r}")
    if row.op in ("embedding", "prelu", "rmsnorm") and row.bias != -1:
        raise ValueError(f"row {i}, of {row.op}, has a bias")
    if learns and (norm or row.bias != -1):
        if row.bias != row.weight + n_weight:
            raise ValueError(f"the bias of row {i} does not lie behind its weight")
        _check_place(f"bias of row {i}", row.bias, row.n_out, ends["parameter"])
    if row.op == "batchnorm":
        _check_place(f"statistics of row {i}", row.statistics, 2 * row.n_out, ends["statistic"])


def _check_place(what: str, start: Any, size: int, end: int) -> None:
    if type(start) is not int or start < 0 or start + size > end:
        raise ValueError(f"the {what} lies at {start}, and there are {end} values")


def _count(name: str, value: Any, least: int = 1) -> int:
    if type(value) is not int or not least <= value < 2**40:
        raise ValueError(f"{name} is {value!r}")
    return value
