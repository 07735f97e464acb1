"""The engine's windows of X, one ahead: a thread reads the next while the engine trains on the one before."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncore.base.typing import Array
from nncore.data.streamed import Streamed

Permuted = Callable[[int, int, int, int], NDArray[np.int64]]


class Feeder:
    """What ``Plan.train`` calls for rows: see its `feed`. It has memory for two windows.

    Parameters
    ----------
    X : Streamed
    windows : tuple of two int
        Rows of a block, and of a window.
    shuffle : bool
        Whether blocks change places.
    seed : int
    permuted : callable
        The engine's: draws as `nncore.base.random.permuted_part`.
    end : int
        The number of epochs at which training is to end.
    """

    def __init__(
        self, X: Streamed, windows: tuple[int, int], shuffle: bool, seed: int, permuted: Permuted, end: int
    ) -> None:
        self._X, self._shuffle, self._seed, self._permuted, self._end = X, shuffle, seed, permuted, end
        self._block_rows, self._size = windows[0], min(windows[1], len(X))
        self._n_windows = -(-len(X) // self._size)
        self._buffers = [np.empty((self._size, X.shape[1]), X.dtype) for _ in range(2)]
        self._coming: _Reading | None = None
        self._blocks: tuple[int, NDArray[np.int64], NDArray[np.int64]] | None = None

    def __call__(self, epoch: int, window: int) -> Array:
        """Return the rows of a window, and begin to read the one behind it."""
        if self._coming is None or self._coming.of != (epoch, window, os.getpid()):
            self.close()
            self._begin(epoch, window)
        coming = self._coming
        assert coming is not None, "begun"
        coming.wait()  # Python's signal handlers are heard meanwhile
        self._coming = None
        if coming.error is not None:
            raise coming.error
        self._buffers.reverse()  # the engine is done with the one before
        last = window == self._n_windows - 1
        if not last or epoch + 1 < self._end:
            self._begin(*((epoch + 1, 0) if last else (epoch, window + 1)))
        return coming.out

    def close(self) -> None:
        """End the thread, if there is one."""
        coming = self._coming
        if coming is None:
            return
        coming.unwanted = True
        coming.wait(-1 if coming.is_alive() else 1)  # Ctrl-C may have come before it was quite started
        if coming.done:
            coming.join()
        self._coming = None

    def _begin(self, epoch: int, window: int) -> None:
        self._coming = _Reading(self._X, (epoch, window), self._pieces(epoch, window), self._buffers[0])
        self._coming.start()

    def _pieces(self, epoch: int, window: int) -> list[tuple[int, int, int]]:
        """Return what a window is made of: from which row on, how many, and where they go."""
        first = window * self._size
        n = min(self._size, len(self._X) - first)
        if not self._shuffle:
            return [(first, n, 0)]
        blocks, ends = self._order_of_blocks(epoch)
        pieces, done = [], 0
        k = int(np.searchsorted(ends, first, side="right"))
        while done < n:
            begin = int(blocks[k]) * self._block_rows
            size = min(self._block_rows, len(self._X) - begin)
            skipped = first + done - (int(ends[k]) - size)
            take = min(size - skipped, n - done)
            pieces.append((begin + skipped, take, done))
            done, k = done + take, k + 1
        return sorted(pieces)  # as they lie in the files

    def _order_of_blocks(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks in the order of an epoch, and where each of them ends in it."""
        if self._blocks is None or self._blocks[0] != epoch:
            n = len(self._X)
            blocks = self._permuted(-(-n // self._block_rows), self._seed, epoch, 0)
            ends = np.cumsum(np.minimum(self._block_rows, n - blocks * self._block_rows))
            self._blocks = epoch, blocks, ends
        return self._blocks[1:]


class _Reading(threading.Thread):
    """A thread that reads one window.

    Attributes
    ----------
    of : tuple of int
        Epoch, window, and the process: what was begun before a fork, the child has not.
    out : ndarray
    done : bool
        Set at its end.
    error : BaseException or None
        What ended it.
    unwanted : bool
        Set by who does not want it any more.
    """

    def __init__(self, X: Streamed, of: tuple[int, int], pieces: list[tuple[int, int, int]], out: Array) -> None:
        super().__init__(name="nncore-reader", daemon=True)
        self._X, self._pieces = X, pieces
        self.of, self.out, self.unwanted = (*of, os.getpid()), out, False
        self.done, self._running = False, threading.Lock()
        self._running.acquire()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            if not self.unwanted:
                self._X.unchanged()
            for row, n, at in self._pieces:
                if self.unwanted:
                    return
                self._X.read(row, self.out[at : at + n])
        except BaseException as error:
            self.error = error
        finally:
            self.done = True
            self._running.release()

    def wait(self, seconds: float = -1) -> None:
        """Wait for the end; Ctrl-C may interrupt that at any time, unlike `join` and `threading.Event.wait`."""
        if not self.done:
            self._running.acquire(timeout=seconds)
