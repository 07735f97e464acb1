"""Layers that say which columns are read, and how: chosen ones, and those that hold the numbers of categories.

`nncore.layers` exports them beside all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from nncore import initializers
from nncore.base import checks, json_form
from nncore.initializers import Initializer

__all__ = ["CategoryEncoding", "Columns", "Embedding"]

MOST_TOKENS = 2**24  # as many whole numbers float32 can count
MOST_COLUMNS = 2**31 - 1  # the engine counts rows and columns in 32 bits


@dataclass(frozen=True)
class Columns:
    """Some columns of what it reads, in this order: ``y = x[:, columns]``.

    Parameters
    ----------
    columns : iterable of int
        Their numbers, from 0; at least one. A number may be there more than once.

    Raises
    ------
    TypeError, ValueError
        If `columns` holds something else than numbers >= 0, or nothing. A number beyond the last column is an error as
        soon as the number of columns is known.

    Examples
    --------
    >>> import numpy as np
    >>> from nncore import Columns, Dense, Sequential
    >>> model = Sequential([Columns([2, 0]), Dense(1, weight_initializer="ones")])
    >>> model.build(3)
    >>> model.activations([[1.0, 2.0, 3.0]], 0)
    array([[3., 1.]], dtype=float32)
    """

    columns: tuple[int, ...]

    def __post_init__(self) -> None:
        checks.check(self, columns=_columns)

    def __repr__(self) -> str:
        return f"Columns({list(self.columns)})"


def _columns(argument: str, value: Any) -> tuple[int, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{argument} must be a list of numbers of columns, got {checks.described(value)}")
    number = checks.integer(0, MOST_COLUMNS - 1)
    found = tuple(number(f"{argument}[{i}]", one) for i, one in enumerate(value))
    if not found:
        raise ValueError(f"{argument} must hold at least one number of a column, got none")
    return found


@dataclass(frozen=True)
class CategoryEncoding:
    """Each column of categories, numbered 0 to `num_tokens` - 1, as that many columns, one of them 1 and the others 0.

    As Keras' with ``output_mode="one_hot"``, side by side for several columns. It reads columns of the batch itself, so
    that their values can be checked: nothing but `Columns` and `Parallel` may come before it.

    Parameters
    ----------
    num_tokens : int
        How many categories there are, 1 to 2**24.

    Raises
    ------
    TypeError, ValueError
        If `num_tokens` has the wrong type or is out of range.

    Examples
    --------
    >>> from nncore import Dense, Parallel, Sequential
    >>> model = Sequential([Parallel([[Columns([1]), CategoryEncoding(3)], [Columns([0])]]), Dense(1)])
    >>> model.build(2)
    >>> model.activations([[0.5, 2]], 0)
    array([[0. , 0. , 1. , 0.5]], dtype=float32)
    >>> model.predict([[0.5, 3]])
    Traceback (most recent call last):
        ...
    ValueError: Input X contains 3 at row 0, column 1, which is to be one of 3 categories; expected a whole number \
from 0 to 2: number them without gaps, or let the layer that reads them know 4
    """

    num_tokens: int

    def __post_init__(self) -> None:
        checks.check(self, num_tokens=checks.integer(1, MOST_TOKENS))


@dataclass(frozen=True)
class Embedding:
    """A vector of numbers, which are learned, for each category of one column: ``y = weight[x]``.

    In the bits of a `Dense` layer without bias behind a `CategoryEncoding`, in less time the more categories there are.
    It reads one column of the batch itself, so that its values can be checked: nothing but `Columns` and `Parallel` may
    come before.

    Parameters
    ----------
    input_dim : int
        How many categories there are, numbered from 0; 1 to 2**24.
    output_dim : int
        Numbers for each category, 1 to 2**31 - 1.
    name : str, optional
        As in `Dense`; by default ``embedding_`` and its number.
    embeddings_initializer : str, or Constant, RandomNormal, RandomUniform...
        First values; by default uniform from -0.05 to 0.05, as in Keras.
    trainable, learning_rate_multiplier
        As in `Dense`.
    l2 : float
        Penalty on the weight, as in `Dense`: on the vectors of all categories, in every step.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    No derivative goes back to the column: ``input_gradient`` and ``jacobian`` give 0 for it.

    Examples
    --------
    >>> from nncore import Dense, Parallel, Sequential
    >>> model = Sequential([Parallel([[Columns([0]), Embedding(5, 2)], [Columns([1, 2])]]), Dense(1)])
    >>> model.build(3)
    >>> model.activations([[4, 0.5, 1.5]], 0)[0, 2:]
    array([0.5, 1.5], dtype=float32)
    >>> (model.activations([[4, 0.5, 1.5]], "embedding_2")[0] == model.get_weights("embedding_2")[0][4]).all()
    np.True_
    """

    input_dim: int
    output_dim: int
    name: str | None = None
    _: KW_ONLY
    embeddings_initializer: Initializer = "uniform"
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)
    l2: float = field(default=0.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            input_dim=checks.integer(1, MOST_TOKENS),
            output_dim=checks.integer(1, MOST_COLUMNS),
            name=checks.name,
            embeddings_initializer=initializers.weight_initializer,
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
            l2=checks.real(0),
        )

    def __repr__(self) -> str:
        shown = [str(self.input_dim), str(self.output_dim), *checks.changed(self, but=("input_dim", "output_dim"))]
        return f"Embedding({', '.join(shown)})"
