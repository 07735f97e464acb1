"""The engine's windows of X: threads read the next while the engine trains on the one before, or when it is wanted."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nncore.base.typing import Array
from nncore.data.streamed import Streamed

Permuted = Callable[[int, int, int, int], NDArray[np.int64]]
Pieces = deque[tuple[int, int, int]]
"""What a window is made of: from which row on, how many, and where they go."""

WORTH_A_READER = 2**22  # bytes of a window: for fewer, a thread more takes longer to start than it saves
FIRST_TRIAL = 8  # windows
PATIENCE = 0.5  # seconds that the engine waits for rows before somebody is told


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
    n_readers : int
        The most threads that read at a time, where several may.
    waiting : callable, optional
        Called with the epoch and the share of it that is done where the engine waits for rows, some times a second.
    """

    def __init__(
        self,
        X: Streamed,
        windows: tuple[int, int],
        shuffle: bool,
        seed: int,
        permuted: Permuted,
        end: int,
        n_readers: int = 1,
        waiting: Callable[[int, float], None] = lambda *_: None,
    ) -> None:
        self._X, self._shuffle, self._seed, self._permuted, self._end = X, shuffle, seed, permuted, end
        self._block_rows, self._size = windows[0], min(windows[1], len(X))
        self._n_windows = -(-len(X) // self._size)
        self._buffers = [np.empty((self._size, X.shape[1]), X.kept) for _ in range(2)]
        self._n_readers = max(1, min(n_readers, self._buffers[0].nbytes // WORTH_A_READER)) if X.is_plain else 1
        self._pace, self._waiting = Pace(), waiting
        self._coming: _Coming | None = None
        self._blocks: tuple[int, NDArray[np.int64], NDArray[np.int64]] | None = None

    def __call__(self, epoch: int, window: int) -> Array:
        """Return the rows of a window, and begin to read the one behind it."""
        if self._coming is None or self._coming.of != (epoch, window, os.getpid()):
            self.close()
            self._begin(epoch, window)
        coming = self._coming
        assert coming is not None, "begun"
        while not coming.wait():
            self._waiting(epoch, window * self._size / len(self._X))
        self._coming = None
        self._buffers.reverse()  # the engine is done with the one before
        if 0 < window < self._n_windows - 1:  # between two of all rows, without what follows an epoch
            self._pace.note()
        last = window == self._n_windows - 1
        following = (epoch + 1, 0) if last else (epoch, window + 1)
        if self._pace.ahead(self._X.is_plain) and following[0] < self._end:
            self._begin(*following)
        return coming.out

    def close(self) -> None:
        """End the threads, if there are any."""
        if self._coming is not None:
            self._coming.close()
        self._coming = None

    def _begin(self, epoch: int, window: int) -> None:
        pieces, out = self._pieces(epoch, window), self._buffers[0]
        self._coming = _Coming(self._X, (epoch, window, os.getpid()), pieces, out, self._n_readers)
        self._coming.start()

    def _pieces(self, epoch: int, window: int) -> Pieces:
        first = window * self._size
        n = min(self._size, len(self._X) - first)
        if not self._shuffle:
            step = self._block_rows
            return deque((first + at, min(step, n - at), at) for at in range(0, n, step))
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
        return deque(sorted(pieces))  # as they lie in the files

    def _order_of_blocks(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the blocks in the order of an epoch, and where each of them ends in it."""
        if self._blocks is None or self._blocks[0] != epoch:
            n = len(self._X)
            blocks = self._permuted(-(-n // self._block_rows), self._seed, epoch, 0)
            ends = np.cumsum(np.minimum(self._block_rows, n - blocks * self._block_rows))
            self._blocks = epoch, blocks, ends
        return self._blocks[1:]


class Pace:
    """Whether a window is read ahead, or when it is wanted: the way in which the engine gets on quicker.

    A reader beside costs nothing where a processor is free, and much where the engine has them all: the thread that
    loses its own is one for which the others wait. Then it is quicker to stop, and to read with all of them.

    Examples
    --------
    >>> pace = Pace()
    >>> pace.ahead(may_wait=False)
    True
    """

    def __init__(self) -> None:
        self._seconds: dict[bool, deque[float]] = {way: deque(maxlen=2) for way in (True, False)}
        self._way, self._began = True, time.perf_counter()
        self._n, self._trial = 0, FIRST_TRIAL

    def note(self) -> None:
        """Hear that a window has come, and that the one before has been trained on since `ahead` was asked."""
        self._seconds[self._way].append(time.perf_counter() - self._began)
        self._n += 1

    def ahead(self, may_wait: bool) -> bool:
        """Return how the next window is to be read."""
        self._began = time.perf_counter()
        few = [way for way, seconds in self._seconds.items() if len(seconds) < 2]
        if not may_wait:
            self._way = True
        elif few:
            self._way = few[0]
        elif self._n >= self._trial:  # the more it has cost, the later comes the next
            self._trial, self._way = 2 * self._n, not self._best()
            self._seconds[self._way] = deque([max(self._seconds[self._way])], maxlen=2)
        else:
            self._way = self._best()
        return self._way

    def _best(self) -> bool:
        return min(self._seconds[True]) <= min(self._seconds[False])


class _Coming:
    """A window that is being read.

    Attributes
    ----------
    of : tuple of int
        Epoch, window, and the process: what was begun before a fork, the child has not.
    out : ndarray
    """

    def __init__(self, X: Streamed, of: tuple[int, int, int], pieces: Pieces, out: Array, n_readers: int) -> None:
        self.of, self.out = of, out
        self._pieces, self._may_help = pieces, X.is_plain
        self._readers = [_Reader(X, pieces, out, looks=k == 0) for k in range(min(n_readers, len(pieces)))]

    def start(self) -> None:
        for reader in self._readers:
            reader.start()

    def wait(self) -> bool:
        """Wait a while for the end, and read, too, where several may; return whether all is there.

        An error of a reader is raised. Python's signal handlers are heard.
        """
        if self._may_help:
            self._readers[0].read()
        for reader in self._readers:
            reader.wait(PATIENCE)
            if not reader.done:
                return False
        for reader in self._readers:
            if reader.error is not None:
                raise reader.error
        return True

    def close(self) -> None:
        """End the readers; what they have not begun to read, nobody wants any more."""
        self._pieces.clear()
        for reader in self._readers if self.of[2] == os.getpid() else ():
            reader.wait(-1 if reader.is_alive() else 1)  # Ctrl-C may have come before it was quite started
            if reader.done:
                reader.join()


class _Reader(threading.Thread):
    """A thread that reads pieces of a window, until there are no more.

    One of several `looks` first if a file has been written to: the window is not handed out before all have ended.

    Attributes
    ----------
    done : bool
        Set at its end.
    error : BaseException or None
        What ended it.
    """

    def __init__(self, X: Streamed, pieces: Pieces, out: Array, looks: bool) -> None:
        super().__init__(name="nncore-reader", daemon=True)
        self._X, self._pieces, self._out, self._looks = X, pieces, out, looks
        self.done, self._running = False, threading.Lock()
        self._running.acquire()
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            if self._looks:
                self._X.unchanged()
            self.read()
        except BaseException as error:
            self.error = error
            self._pieces.clear()
        finally:
            self.done = True
            self._running.release()

    def read(self) -> None:
        """Read what nobody else does."""
        while self._pieces:
            try:
                row, n, at = self._pieces.popleft()
            except IndexError:  # another thread was quicker
                return
            self._X.read(row, self._out[at : at + n])

    def wait(self, seconds: float = -1) -> None:
        """Wait for the end; Ctrl-C may interrupt that at any time, unlike `join` and `threading.Event.wait`."""
        if not self.done:
            self._running.acquire(timeout=seconds)
