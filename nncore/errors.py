"""The exceptions that nncore adds to Python's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NNCoreError(Exception):
    """Base class of every exception defined by nncore.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> try:
    ...     Sequential([Dense(1)]).predict([[1.0]])
    ... except NNCoreError as error:
    ...     print(error)
    the model has no weights yet: call fit(X, y) or build(n_features) first
    """


class EnvironmentVariableError(NNCoreError, RuntimeError):
    """`NNCORE_ISA` or `NNCORE_NUM_THREADS` holds what nncore or this machine cannot do.

    Examples
    --------
    >>> from nncore.engine import choose_isa
    >>> import os, unittest.mock
    >>> with unittest.mock.patch.dict(os.environ, NNCORE_ISA="avx1024"):
    ...     choose_isa()
    Traceback (most recent call last):
        ...
    nncore.errors.EnvironmentVariableError: NNCORE_ISA='avx1024' is unknown; expected one of base, avx2, avx512vl, \
avx512, avx512bf16, amx, or leave it unset
    """


class NotBuiltError(NNCoreError, RuntimeError):
    """The model has no parameters yet: call ``build`` or ``fit`` first; or its `Normalization` has no statistics yet.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> Sequential([Dense(1)]).get_weights()
    Traceback (most recent call last):
        ...
    nncore.errors.NotBuiltError: the model has no weights yet: call fit(X, y) or build(n_features) first
    """


class ModelFileError(NNCoreError, ValueError):
    """A model file is damaged, incomplete, or not a model file.

    Examples
    --------
    >>> import nncore, tempfile
    >>> with tempfile.NamedTemporaryFile() as empty:
    ...     nncore.load(empty.name)
    Traceback (most recent call last):
        ...
    nncore.errors.ModelFileError: ...
    """


class TrainingDiverged(NNCoreError, ArithmeticError):  # noqa: N818 - an event, like KeyboardInterrupt
    """The training loss, a weight, or what the optimizer keeps for one, stopped being a finite number.

    A gradient whose square overflows would leave RMSprop, Adagrad, Adam and Nadam an infinite divisor, under which its
    weight stands still for good.

    The model keeps the last weights that were known to be good: those at the start of `epoch`.

    Attributes
    ----------
    epoch, batch : int
        Where the first non-finite value appeared, both counted from 0.
    last_finite_loss : float
        Loss of the last batch that had one; NaN if there was none.
    learning_rate : float
        The optimizer's learning rate at that moment.
    broken_before : bool
        Whether weights or optimizer held NaN or infinity before this training already.
    layer : str or None
        The layer in which it appeared, as `Sequential.summary` shows it; None for the loss, or where it was not found.
    tensor : str or None
        What was not finite: ``"output"``, ``"loss"``, ``"delta"``, ``"gradient"``, ``"squared gradient"`` or
        ``"weight"``; None where it was not found.
    rows : tuple of int
        Numbers of the rows of X in that batch for which it was not finite; for gradients and weights, all of the batch.

    Examples
    --------
    >>> from nncore import SGD, Dense, Sequential
    >>> model = Sequential([Dense(1)])
    >>> model.compile(SGD(learning_rate=100.0))
    >>> try:
    ...     model.fit([[1.0], [2.0]], [1.0, 2.0], epochs=50)
    ... except TrainingDiverged as error:
    ...     print(error.epoch, error.batch, error.tensor, error.rows)
    14 0 output (0, 1)
    """

    def __init__(
        self,
        epoch: int,
        batch: int,
        last_finite_loss: float,
        learning_rate: float,
        broken_before: bool = False,
        layer: str | None = None,
        tensor: str | None = None,
        rows: tuple[int, ...] = (),
    ) -> None:
        self.epoch = epoch
        self.batch = batch
        self.last_finite_loss = last_finite_loss
        self.learning_rate = learning_rate
        self.broken_before = broken_before
        self.layer = layer
        self.tensor = tensor
        self.rows = rows
        super().__init__(self._message())

    def renumber(self, numbers: Sequence[int]) -> None:
        """Let `rows` be those of the caller's X, where the training was on some of them: `numbers[row]` for each."""
        self.rows = tuple(sorted({int(numbers[row]) for row in self.rows}))
        self.args = (self._message(),)

    def _message(self) -> str:
        advice = "Try a smaller learning rate, standardised inputs, or clipping, as in Adam(clip_norm=1.0)"
        if self.broken_before:
            advice = (
                "They hold NaN or infinity already: set others with set_weights, compile anew, or build a new model"
            )
        return (
            f"training diverged at epoch {self.epoch}, batch {self.batch}: {self._what()} no longer finite "
            f"(last finite loss {self.last_finite_loss:g}, learning rate {self.learning_rate:g}); the weights from the "
            f"start of that epoch were kept. {advice}"
        )

    def _what(self) -> str:
        if self.tensor is None:
            return "the loss or a weight is"
        what = (
            ("a " if self.tensor == "weight" else "the ")
            + self.tensor
            + (f" of layer {self.layer!r}" if self.layer else "")
        )
        if not self.rows or self.tensor in ("gradient", "squared gradient", "weight"):
            return f"{what} is"
        shown = ", ".join(map(str, self.rows[:3])) + (f" and {len(self.rows) - 3} more" if len(self.rows) > 3 else "")
        return f"{what} (row{'s' if len(self.rows) > 1 else ''} {shown} of X) is"

    def __reduce__(self) -> tuple[Any, ...]:
        # The default would call __init__ with the message alone.
        numbers = (self.epoch, self.batch, self.last_finite_loss, self.learning_rate, self.broken_before)
        return type(self), (*numbers, self.layer, self.tensor, self.rows)
