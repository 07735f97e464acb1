"""What a source of rows is, for the rooms that take one: see `nncore.data`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nncore.base.tables import order_for


class Chunk(NamedTuple):
    """Some rows that follow each other, as a source has them.

    Attributes
    ----------
    X : array-like of shape (n, n_features)
    y, weight : array-like, or None
        Of these rows.
    where : str
        What an error about them begins with: the file, say.
    first : int
        The number there of the first of them.
    transform : callable, or None
        What to make of X before it is used: see `rows`.
    """

    X: Any
    y: Any = None
    weight: Any = None
    where: str = "X"
    first: int = 0
    transform: Callable[[Any], Any] | None = None

    def rows(self, names: tuple[str, ...] | None, whose: str = "the model") -> Any:
        """Return X with its columns in the order of `names`, which `whose` are, and then transformed.

        Raises
        ------
        ValueError
            If its columns have other names.

        Examples
        --------
        >>> import pandas
        >>> Chunk(pandas.DataFrame({"b": [2], "a": [1]}), transform=lambda X: 10 * X).rows(("a", "b")).tolist()
        [[10, 20]]
        """
        order = order_for(names, self.X, whose=whose)
        if order is None and self.transform is None:
            return self.X
        X = np.asarray(self.X)
        X = X if order is None else X[:, order]
        return X if self.transform is None else self.transform(X)


class Source:
    """Rows that need not be in memory at once: what `nncore.data` has of them.

    Attributes
    ----------
    column_names : tuple of str, or None
        What the columns of X are called, once they have been looked at; None of arrays.
    named_y : array-like, list or dict of them, or None
        y, or tables without rows whose columns are called as those of y, once it has been looked at.
    """

    column_names: tuple[str, ...] | None = None
    named_y: Any = None

    def chunks(self) -> Iterator[Chunk]:
        """Yield all rows, from the first to the last."""
        raise NotImplementedError

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} is a source of nncore.data: give it in place of X, and no y beside it, to fit, "
            "adapt, evaluate, predict and Standardizer.fit; all else takes arrays"
        )
