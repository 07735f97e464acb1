"""Epochs of so many batches: ``fit(steps_per_epoch=...)``. Each goes on where the one before stopped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nncore import engine
from nncore.arrays import Data
from nncore.base import checks, memory
from nncore.base.typing import Array
from nncore.data import Blocks
from nncore.program import Program
from nncore.training.batches import MiniBatches, Shuffle
from nncore.training.loop import Fit
from nncore.training.state import State

Order = NDArray[np.int64]
Draw = Callable[..., Order]
STEPS = checks.integer(1, checks.COUNT)


class Passes:
    """The order of all rows, again and again: pass number p is that of epoch p where an epoch is all rows once.

    Parameters
    ----------
    n : int
        Rows.
    seed : int
    draw : callable
        The engine's ``permutation``.
    shuffle : bool
    windows : tuple of two int, or None
        Rows of a block and of a window, where blocks change places.

    Examples
    --------
    >>> from nncore.base.random import permutation
    >>> passes = Passes(5, 0, permutation, False, None)
    >>> passes.rows(0, 3), passes.rows(3, 4)
    (array([0, 1, 2]), array([3, 4, 0, 1]))
    """

    def __init__(self, n: int, seed: int, draw: Draw, shuffle: bool, windows: tuple[int, int] | None) -> None:
        self._n, self._seed, self._draw, self._shuffle, self._windows = n, seed, draw, shuffle, windows
        self._kept: dict[str, tuple[Any, Any]] = {}  # the latest of each kind that was drawn, with its number

    def rows(self, first: int, n: int) -> Order:
        """Return the rows at `n` places from number `first` on, counted over all passes."""
        found = [np.empty(0, np.int64)]
        while n:
            number, at = divmod(first, self._n)
            part = self._of_pass(number, at, n)
            found.append(part)
            first, n = first + len(part), n - len(part)
        return np.concatenate(found)

    def _of_pass(self, number: int, at: int, most: int) -> Order:
        """Return at least one and at most so many rows of one pass, from place `at` on."""
        if not self._shuffle:
            return np.arange(at, min(at + most, self._n))
        if self._windows is None:
            order: Order = self._latest("pass", number, self._draw)
            return order[at : at + most]
        which, within = divmod(at, self._windows[1])
        window: Order = self._latest("window", (number, which), self._window)
        return window[within : within + most]

    def _window(self, n: int, seed: int, which: tuple[int, int]) -> Order:
        """Return the rows of a window, as `nncore.base.random.block_permutation` has them."""
        (number, window), (block_rows, size) = which, self._windows or (1, 1)
        blocks, ends = self._latest("blocks", number, self._blocks)
        first, last = window * size, min((window + 1) * size, n)
        k = slice(int(np.searchsorted(ends, first, side="right")), int(np.searchsorted(ends, last)) + 1)
        rows: Order = (blocks[k, None] * block_rows + np.arange(block_rows)).ravel()
        begin = first - (int(ends[k.start]) - min(block_rows, n - int(blocks[k.start]) * block_rows))
        rows = rows[rows < n][begin : begin + last - first]
        return rows[self._draw(len(rows), seed, number, 1 + window)]

    def _blocks(self, n: int, seed: int, number: int) -> tuple[Order, Order]:
        """Return the blocks in the order of a pass, and where each of them ends in it."""
        assert self._windows is not None
        size = self._windows[0]
        blocks = self._draw(-(-n // size), seed, number, 0)
        return blocks, np.cumsum(np.minimum(size, n - blocks * size))

    def _latest(self, kind: str, which: Any, make: Callable[[int, int, Any], Any]) -> Any:
        if kind not in self._kept or self._kept[kind][0] != which:
            self._kept[kind] = which, make(self._n, self._seed, which)
        return self._kept[kind][1]


class InSteps(MiniBatches):
    """Train epochs of so many batches, which a pass over the rows may hold many of, or less than one.

    Python gathers the rows, a window at a time, and the engine takes them as they come: a call of it for each epoch.

    Parameters
    ----------
    batch_size, shuffle, steps
        As in ``Sequential.fit``.
    """

    def __init__(self, batch_size: int | None, shuffle: Shuffle, steps: Any) -> None:
        super().__init__(batch_size, shuffle)
        self._asked = steps

    def check_arguments(self, state: State) -> None:
        super().check_arguments(state)
        self._asked = STEPS("steps_per_epoch", self._asked)

    def check(self, state: State, program: Program, data: Data) -> None:
        super().check(state, program, data)
        self.steps, self.rows = self._asked, self._asked * self.batch_size
        self._refuse_absurd_length(data)
        draw = engine.load(state.dtype.name).permutation
        self._passes = Passes(len(data.X), state.seed, draw, bool(self.shuffle), self._windows)
        self._draws = False
        self._windows = 1, min(Blocks().sizes(program.n_features, self.batch_size)[1], self.rows)
        self._room = np.empty((self._windows[1], program.n_features), data.X.dtype)

    def _refuse_absurd_length(self, data: Data) -> None:
        """Raise ValueError where the order of an epoch's rows, their targets and weights cannot be in memory."""
        assert self.rows is not None
        held = [array.nbytes / len(array) for array in (data.target, data.sample_weight) if array is not None]
        n_bytes, limit = int(self.rows * (2 * np.dtype(np.int64).itemsize + sum(held))), memory.available()
        if n_bytes > limit:
            raise ValueError(
                f"steps_per_epoch={self.steps:,} makes an epoch of {self.rows:,} rows, whose numbers and targets take "
                f"{memory.readable(n_bytes)}, but this process may use {memory.readable(limit)} of memory; expected "
                "fewer steps, and more epochs instead"
            )

    def run(self, fit: Fit) -> None:
        self.prepare(fit)
        fit.loop()

    def train(self, fit: Fit) -> None:
        order = self._order(fit.state, len(fit.data.X))
        self._feeder = lambda epoch, window: self._fed(fit.data.X, order, window)
        weight = fit.data.sample_weight
        target = fit.data.target.take(order, axis=0)
        fit.trained = Data(fit.data.X, target, None if weight is None else weight.take(order))
        super().train(fit)

    def _epochs_per_call(self, fit: Fit) -> int:
        return 1

    def _order(self, state: State, n: int) -> Order:
        assert self.rows is not None, "checked"
        return self._passes.rows(state.epoch * self.rows, self.rows)

    def _fed(self, X: Any, order: Order, window: int) -> Array:
        size = len(self._room)
        rows = order[window * size : (window + 1) * size]
        room = self._room[: len(rows)]
        if isinstance(X, np.ndarray) and X.dtype == room.dtype:
            np.take(X, rows, axis=0, out=room, mode="clip")  # none is outside, and "raise" would copy first
        else:
            room[:] = X[rows]
        return room
