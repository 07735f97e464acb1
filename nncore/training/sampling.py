"""Which epochs' layers training records, and what a record of the program's rows says about the layers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from nncore.history.layers import WIDTH, Description
from nncore.layers import Layer
from nncore.program import Program
from nncore.program.naming import in_depth, layer_name

MOST_ROWS = 512
MOST_BINNED = 4096  # as in the engine's monitor.pxi
LARGEST_SHARE = 0.02  # of the time of training that records may take
ALL_UNTIL = 1024  # epochs, as many as are recorded where they are not too short
RECORDS_PER_CALL = 256  # of the engine: some hundred bytes for each layer and record

# What an epoch and a record cost, in cycles of a processor with vectors of 8 floats: measured, and rather too careful.
_PER_MULTIPLY_ADD, _PER_OUTPUT, _PER_STEP = 0.06, 2.0, 2000.0
_PER_PAUSE = 3e5  # of Python between two epochs
_PER_WEIGHT, _PER_BINNED, _PER_RECORDED_OUTPUT, _PER_ROW = 6.0, 8.0, 4.0, 2000.0


def of_a_long_past(epoch: int) -> int:
    """Return how many epochs lie from one record to the next, at least, in a model that was trained for so many before.

    Each time that they have doubled, twice as many: ten thousand short trainings would keep ten thousand records.

    Examples
    --------
    >>> [of_a_long_past(epoch) for epoch in (0, 1023, 1024, 2048, 10_000)]
    [1, 1, 2, 4, 16]
    """
    return 1 << max(0, (epoch // ALL_UNTIL).bit_length())


def period(program: Program, n: int, batch_size: int, pauses: bool = False, penalised: bool = False) -> int:
    """Return how many epochs lie from one record to the next: 1, unless epochs are so short that it would cost time.

    It depends on the arguments alone, so that every machine records the same epochs.

    Parameters
    ----------
    program : Program
    n, batch_size : int
        Rows of the training set and of a batch.
    pauses : bool
        Whether there is something to do in Python after every epoch: metrics, validation, callbacks.
    penalised : bool
        Whether Python works out a penalty for every record, for which it has to pause as well.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> wide, narrow = (lower([Dense(units, "relu"), Dense(1)], 2, "mse") for units in (256, 2))
    >>> period(wide, 10_000, 32), period(narrow, 4, 4) > 10
    (1, True)
    """
    n_outputs = sum(row.n_out for row in program.rows)
    multiplied = sum(row.n_weight for row in program.rows if row.op == "dense")
    weights = [row.n_weight for row in program.rows if row.op in ("dense", "embedding")]
    per_row = 3 * _PER_MULTIPLY_ADD * multiplied + _PER_OUTPUT * n_outputs
    epoch = n * per_row + _PER_STEP * -(-n // batch_size) + _PER_PAUSE * pauses
    record = _PER_WEIGHT * sum(weights) + _PER_BINNED * sum(min(size, MOST_BINNED) for size in weights)
    record += _PER_RECORDED_OUTPUT * min(batch_size, MOST_ROWS) * n_outputs + _PER_ROW * len(program.rows)
    record += _PER_PAUSE * (penalised and not pauses)
    return max(1, int(np.ceil(record / (LARGEST_SHARE * epoch))))


def epochs_to_record(every: int, first: int, n: int, last: int) -> NDArray[np.int64]:
    """Return which of the `n` epochs from number `first` on are recorded, counted from the first of them.

    Parameters
    ----------
    every : int
        The `period`.
    first, n : int
        Number of the first epoch, and how many.
    last : int
        Number of the training's last epoch, which is recorded in any case.

    Examples
    --------
    >>> epochs_to_record(4, 6, 10, 15).tolist()
    [2, 6, 9]
    """
    recorded = np.arange(-first % every, n, every, dtype=np.int64)
    ends = last - first < n and last % every != 0
    return np.append(recorded, last - first) if ends else recorded


def until_record(every: int, first: int) -> int:
    """Return how many epochs from number `first` on end with one that is recorded.

    Examples
    --------
    >>> until_record(4, 6), until_record(4, 8)
    (3, 1)
    """
    return -first % every + 1


def described(program: Program, layers: Iterable[Layer]) -> list[Description]:
    """Return name, kind and activation of every layer that has a row in the program, in their order.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> from nncore.program import lower
    >>> layers = [Dense(3, "tanh"), Dense(1)]
    >>> described(lower(layers, 2, "mse"), layers)
    [('dense_0', 'Dense', 'tanh'), ('dense_1', 'Dense', 'identity')]
    """
    present = {row.layer for row in program.rows}
    numbered = [(number, layer) for number, (_, layer) in enumerate(in_depth(layers)) if number in present]
    activation = {row.layer: row.activation for row in program.rows}
    return [(layer_name(layer, number), type(layer).__name__, activation[number]) for number, layer in numbered]


def of_layers(program: Program, records: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return records of layers, shape (m, n_layers, 42), from those of the program's rows, (m, n_rows, 42).

    Of a residual's two rows, the projection and the sum, each has what the other lacks; the sum's outputs count.
    """
    numbers = sorted({row.layer for row in program.rows})
    result = np.full((len(records), len(numbers), WIDTH), np.nan)
    for row, record in zip(program.rows, np.moveaxis(records, 1, 0), strict=True):
        layer = result[:, numbers.index(row.layer)]
        layer[...] = np.where(np.isnan(record), layer, record)
    return result
