"""Is the gradient of a user's own loss that of its values? Asked once, on a few rows, before a network trains by it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nncore.arrays import Data
from nncore.arrays.inputs import all_finite
from nncore.base.typing import Array
from nncore.losses import CustomLoss
from nncore.network import Network, own_steps

MOST_ROWS, MOST_OUTPUTS = 4, 8  # evenly spaced ones
STEP = {"float64": 6e-6, "float32": 5e-3}
"""Of finite differences: the third root of the rounding of the values, which balances it with the curvature."""
RELATIVE, ABSOLUTE = 1e-3, 1e-6


def check_own_loss(network: Network, data: Data) -> None:
    """Compare gradient and values of the network's loss, if it is the user's own and this has not been done.

    The function is asked in float64, about the predictions of some rows. A derivative is right if it lies between the
    differences to both sides, or nearly: at a kink it may be any slope between those on its left and right, and where
    values bend, the two differ by as much as a finite step may be wrong.

    Raises
    ------
    ValueError
        If a derivative is another one. It names the row, the output and both numbers.
    """
    loss = network.program.own_loss
    if loss is None or own_steps.is_checked(network):
        return
    if loss.check:
        rows = np.unique(np.linspace(0, len(data.X) - 1, MOST_ROWS).astype(np.int64))
        prediction = network.predict(np.ascontiguousarray(data.X[rows]))
        if prediction is not None and all_finite(prediction):  # else it is not the function's fault
            _compare(loss, data.target[rows].astype(np.float64), prediction.astype(np.float64), rows)
    own_steps.note_check(network)


def _compare(loss: CustomLoss, y_true: Array, y_pred: Array, rows: Array) -> None:
    _, gradient = loss(y_true.copy(), y_pred.copy())
    outputs = np.unique(np.linspace(0, y_pred.shape[1] - 1, MOST_OUTPUTS).astype(np.int64))
    here = _values(loss, y_true, y_pred)
    kind = "float64" if here.dtype == np.float64 or here.dtype.kind != "f" else "float32"
    for i, row in enumerate(rows.tolist()):
        for j in outputs.tolist():
            step = STEP[kind] * max(1.0, abs(y_pred[i, j]))
            left, right = (_slope(loss, y_true, y_pred, here, (i, j), way) for way in (-step, step))
            if not (np.isfinite(left) and np.isfinite(right)):
                continue  # the edge of what the function is defined for
            rounding = 8 * np.finfo(kind).eps * float(np.abs(here.astype(np.float64)).sum()) / step
            room = RELATIVE * max(abs(left), abs(right)) + ABSOLUTE + rounding
            if not min(left, right) - room <= gradient[i, j] <= max(left, right) + room:
                raise ValueError(
                    f"loss {loss.name!r}: its gradient at row {row}, output {j} is {gradient[i, j]:g}, but its values "
                    f"change by {(left + right) / 2:g} per unit of y_pred there; gradient[i, j] must be the derivative "
                    "of losses[i] by y_pred[i, j], not divided by the number of rows. To train by it as it is: "
                    f"compile(loss=CustomLoss({loss.name}, check=False))"
                )


def _slope(loss: CustomLoss, y_true: Array, y_pred: Array, here: Array, place: tuple[int, int], step: float) -> float:
    moved = y_pred.copy()
    moved[place] += step
    there = _values(loss, y_true, moved).astype(np.float64)
    return float((there - here).sum() / (moved[place] - y_pred[place]))


def _values(loss: CustomLoss, y_true: Array, y_pred: Array) -> Array:
    """Return the losses in the dtype in which the function works them out."""
    with np.errstate(all="ignore"):
        answer: Any = loss.function(y_true.copy(), y_pred.copy())
    return np.asarray(answer[0])
