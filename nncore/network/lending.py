"""A flat vector that is lent out, and known to be held by somebody or not."""

from __future__ import annotations

import weakref
from collections.abc import Callable

import numpy as np

from nncore.base.typing import Array


class _Lease:
    """What an array of a lent vector has as its base: who keeps it, or a view or buffer of it, keeps this too."""

    def __init__(self, values: Array) -> None:
        self._values = values
        self.__array_interface__ = values.__array_interface__


class Lent:
    """A vector whose memory others may read and write, through the array that `array` returns.

    Attributes
    ----------
    values : ndarray of shape (n,)
        The memory. It is never handed out itself, so that it need not count who holds it.

    Examples
    --------
    >>> lent = Lent(np.zeros(2))
    >>> part = lent.array()[1:]
    >>> part[0] = 5.0
    >>> lent.values, lent.held
    (array([0., 5.]), True)
    >>> del part
    >>> lent.held
    False
    """

    def __init__(self, values: Array) -> None:
        self.values = values
        self._lease: Callable[[], _Lease | None] = lambda: None
        self._array: Callable[[], Array | None] = lambda: None

    @property
    def held(self) -> bool:
        """Whether somebody can still read or write the vector."""
        return self._lease() is not None

    def array(self) -> Array:
        """Return the array to hand out; the same one for as long as somebody holds it."""
        array = self._array()
        if array is None:
            lease = self._lease() or _Lease(self.values)
            array = np.asarray(lease)
            self._lease, self._array = weakref.ref(lease), weakref.ref(array)
        return array
