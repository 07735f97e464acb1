"""`Normalization`, a layer that standardises columns of the batch by what the training rows are like."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nncore.base import checks

Values = float | tuple[float, ...]
"""One for all columns, or one for each."""


@dataclass(frozen=True)
class Normalization:
    """Standardised inputs: every column to mean 0 and variance 1, by the statistics of the training rows.

    ``y = (x - mean) / sqrt(variance)``. The first layer of a model, of a `Residual` or `Parallel` with which it begins,
    or behind `Columns`: it reads the rows as they are given. Mean and standard deviation are those of
    `nncore.datasets.Standardizer`, and of scikit-learn's StandardScaler; a constant column becomes 0. They are numbers
    of the model, as weights are, kept in its file, and training leaves them alone. ``model.adapt(X)`` works them out;
    ``fit`` does it by itself where they are not there yet, of the rows that it trains on, not of those it validates on.
    Until then nothing is predicted.

    Parameters
    ----------
    mean, variance : float or sequence of float, optional
        Both, where they are known: of every column, or one for all. They then stay as they are; a variance is > 0.
    name : str, optional
        Names the layer in summaries and files; without one it is called ``normalization_`` and its number.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range, or one is given without the other.

    Notes
    -----
    ``Sequential.predictor`` folds it into the weights of the `Dense` layers that read it.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Normalization(), Dense(1)])
    >>> model.adapt([[0.0, 7.0], [2.0, 7.0]])
    >>> model.activations([[4.0, 8.0]], "normalization_0").tolist()
    [[3.0, 1.0]]
    >>> Normalization(mean=127.5, variance=5400)  # of pixels, say
    Normalization(mean=127.5, variance=5400.0)
    """

    mean: Values | None = None
    variance: Values | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        checks.check(self, mean=_values(-math.inf), variance=_values(0.0, above=True), name=checks.name)
        if (self.mean is None) != (self.variance is None):
            given = "mean" if self.variance is None else "variance"
            raise ValueError(f"Normalization was given {given} alone; give mean and variance, or neither")
        lengths = [len(values) for values in (self.mean, self.variance) if isinstance(values, tuple)]
        if lengths and not (lengths[0] and lengths[-1] == lengths[0]):
            got = " and ".join(map(str, lengths))
            raise ValueError(f"mean and variance must have a value for each column, or one for all, got {got}")

    def __repr__(self) -> str:
        return f"Normalization({', '.join(checks.changed(self))})"


def _values(low: float, above: bool = False) -> checks.Rule:
    """Return the rule "None, a number, or numbers"."""
    one = checks.real(low, above=above)

    def rule(argument: str, value: Any) -> Values | None:
        if value is None:
            return None
        if getattr(value, "ndim", 1) == 0 or isinstance(value, str) or not isinstance(value, Iterable):
            return float(one(argument, value.item() if hasattr(value, "item") else value))
        return tuple(float(one(f"{argument}[{i}]", number)) for i, number in enumerate(value))

    return rule
