"""What a program is made of: its rows, and the places of their parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from nncore.base.normalization import Values
from nncore.initializers import Initializer

BATCH = -1
"""What row 0 reads: the batch."""

NOTHING = -2
"""What a row reads besides `Row.source` that reads nothing else."""


@dataclass(frozen=True)
class Row:
    """One step of a program: it reads what an earlier row wrote and writes a block of its own.

    Attributes
    ----------
    op : {"dense", "activation", "batchnorm", "layernorm", "dropout", "add", "columns", "concat", "one_hot", \
"embedding", "prelu", "rmsnorm", "noise"}
        What is computed: ``activation(x @ weight + bias)``, ``activation(x)``, what the layers `BatchNorm`,
        `LayerNorm`, `Dropout`, `PReLU`, `RMSNorm` and `GaussianNoise` say, the sum of what the rows `source` and `skip`
        wrote, ``x[:, columns]``, what `source` and `skip` wrote side by side, or what `CategoryEncoding` and
        `Embedding` say.
    layer : int
        Number of the layer it came from. Layers are counted in depth: a `Residual`, then the layers in it.
    n_in, n_out : int
        Width of what it reads, of a ``concat`` from `source`, and of what it writes.
    activation : str
        A name in `nncore.activations.ACTIVATIONS`, ``"identity"`` for none.
    parameter : float
        The activation's parameter, dropout's rate, a norm's epsilon or the deviation of noise; 0.0 where there is none.
        By that a batchnorm is known that a `Normalization` made; see `nncore.program.normalization`.
    weight, bias : int
        Index in the flat parameter vector of the first value of the weight (n_in, n_out), in C order, and of the bias
        (n_out,), which lies right behind the weight; of a norm's gamma and beta (n_out,) likewise, and of a prelu's
        alpha; -1 for none. The weight of an ``embedding`` is (n_tokens, n_out).
    source : int
        Number of the row whose output it reads; -1 for the batch.
    skip : int
        Number of the other row that an ``add`` or ``concat`` reads, -1 for the batch; -2 for all other rows.
    statistics : int
        Index in the flat vector of statistics of a batchnorm's running mean (n_out,), behind which its running variance
        lies; -1 for none.
    momentum : float
        Of a batchnorm.
    l1, l2, weight_decay, max_norm
        As in `Dense`; of its weight.
    frozen : bool
        Whether training leaves its parameters and statistics as they are; a frozen batchnorm predicts in training, too.
    rate_factor : float
        Of the learning rate.
    bias_l1, bias_l2
        As in `Dense`.
    activity_l1, activity_l2
        As in `Dense`; of a row with an activation of its own, where a `Dense` has been taken apart, too.
    columns : tuple of int
        Of ``columns``, n_out numbers from 0 to n_in - 1.
    n_tokens : int
        Of ``one_hot`` and ``embedding``, how many whole numbers a column can hold, from 0; else 0.
    """

    op: str
    layer: int
    n_in: int
    n_out: int
    activation: str = "identity"
    parameter: float = 0.0
    weight: int = -1
    bias: int = -1
    source: int = BATCH
    skip: int = NOTHING
    statistics: int = -1
    momentum: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float | None = None
    max_norm: float | None = None
    frozen: bool = False
    rate_factor: float = 1.0
    bias_l1: float = 0.0
    bias_l2: float = 0.0
    columns: tuple[int, ...] = ()
    n_tokens: int = 0
    activity_l1: float = 0.0
    activity_l2: float = 0.0

    @property
    def n_weight(self) -> int:
        """Number of values of its weight, or gamma, if it has one."""
        return (self.n_in if self.op == "dense" else self.n_tokens if self.op == "embedding" else 1) * self.n_out

    @property
    def n_skip(self) -> int:
        """Width of what it reads from `skip`."""
        return self.n_out - self.n_in if self.op == "concat" else self.n_in


@dataclass(frozen=True)
class ParameterBlock:
    """One weight, bias or other vector: where it lies in the flat vector and how it begins.

    Attributes
    ----------
    name : str
        ``"<layer>.weight"``, ``"<layer>.bias"``, ``"<layer>.gamma"``, ``"<layer>.beta"``; of statistics
        ``"<layer>.mean"`` and ``"<layer>.variance"``.
    layer : int
        Number of the layer it belongs to.
    shape : tuple of int
        (n_in, n_out) of a weight, (n_out,) of all others.
    offset : int
        Index of its first value.
    initializer : str, or Constant, RandomNormal, RandomUniform...
        Where its first values come from.
    activation : str
        The activation behind it, which decides what the initializer ``"auto"`` means.
    given : float, tuple of float, or None
        First values of statistics, in the place of the initializer's; these are never adapted.
    """

    name: str
    layer: int
    shape: tuple[int, ...]
    offset: int
    initializer: Initializer
    activation: str
    given: Values | None = None

    @property
    def size(self) -> int:
        """Number of values."""
        return self.shape[0] * (self.shape[1] if len(self.shape) == 2 else 1)

    def of(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Return the view of it in the flat vector."""
        return flat[self.offset : self.offset + self.size].reshape(self.shape)


def batch_columns(rows: Sequence[Row], number: int) -> tuple[int, ...] | None:
    """Return the numbers of the columns of the batch that a row reads; None where it reads anything else.

    Only columns that are chosen or put side by side lie between.

    Examples
    --------
    >>> from nncore.layers import Columns, Dense, Parallel
    >>> from nncore.program import lower
    >>> rows = lower([Parallel([[Columns([3, 1])], []]), Dense(1), Dense(1)], 4, "mse").rows
    >>> [row.op for row in rows], [batch_columns(rows, number) for number in range(4)]
    (['columns', 'concat', 'dense', 'dense'], [(0, 1, 2, 3), (3, 1, 0, 1, 2, 3), (3, 1, 0, 1, 2, 3), None])
    """
    row = rows[number]
    found = written_columns(rows, row.source, row.n_in)
    if row.skip < BATCH:
        return found
    others = written_columns(rows, row.skip, row.n_skip)
    return None if found is None or others is None else found + others


def written_columns(rows: Sequence[Row], place: int, width: int) -> tuple[int, ...] | None:
    """Return the columns of the batch that a row has written, `width` of them; of the batch itself for -1."""
    if place == BATCH:
        return tuple(range(width))
    row = rows[place]
    read = batch_columns(rows, place) if row.op in ("columns", "concat") else None
    if read is None or row.op == "concat":
        return read
    return tuple(read[column] for column in row.columns)
