"""What full-batch solvers minimise: the loss over all rows plus the penalties, as a function of one float64 vector."""

from __future__ import annotations

import math

import numpy as np

from nncore.arrays import Data
from nncore.base.typing import Array
from nncore.engine.penalties import penalty
from nncore.network import Network
from nncore.program.penalties import l2_factors


class Objective:
    """``loss(x) + sum(l2 * x**2)``, and its gradient, evaluated by the network's engine in the network's dtype.

    Parameters
    ----------
    network : Network
        Its parameters are overwritten by every evaluation.
    data : Data
        All rows to learn from.

    Attributes
    ----------
    astray : bool
        Whether the network was left at a point that was only tried. `go_to` ends that.

    Examples
    --------
    >>> from nncore import SGD, Dense
    >>> from nncore.program import lower
    >>> program = lower([Dense(1, use_bias=False, l2=0.5)], 1, "mse")
    >>> objective = Objective(Network(program, np.zeros(1), SGD()), Data(np.array([[1.0]]), np.array([[5.0]]), None))
    >>> objective(np.array([2.0]))  # (2 - 5)**2 + 0.5 * 2**2, and 2 * (2 - 5) + 2 * 0.5 * 2
    (11.0, array([-4.]))
    """

    def __init__(self, network: Network, data: Data) -> None:
        self.network = network
        self.data = data
        self.l2 = l2_factors(network.program)
        self.astray = False
        self._worst = 0.0

    def __call__(self, x: Array) -> tuple[float, Array]:
        """Return the value and the gradient (n_parameters,) at `x`.

        Where the loss is not finite, return a large value and no slope: what a line search interpolates between must
        be finite, or its next step is NaN.
        """
        self.astray = True
        self._set(x)
        loss, gradient = self.network.loss_and_gradient(*self.data)
        if not (math.isfinite(loss) and np.isfinite(gradient).all()):
            return 2 * self._worst + 1, np.zeros_like(x)
        value = loss + penalty(self.network.program, x)
        self._worst = max(self._worst, value)
        return value, gradient + 2 * self.l2 * x

    def go_to(self, x: Array) -> None:
        """Leave the network at `x`."""
        self._set(x)
        self.astray = False

    def _set(self, x: Array) -> None:
        with np.errstate(over="ignore"):  # seen in the loss
            self.network.set_parameters(x.astype(self.network.dtype))
