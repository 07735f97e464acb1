"""Data that are not in memory: what of them is converted, fed to the engine and scored, part by part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nncore import engine
from nncore.arrays import Data
from nncore.base.source import Source
from nncore.base.typing import Array, Floats
from nncore.network import Network
from nncore.program import Program

if TYPE_CHECKING:
    from nncore.data.feeder import Feeder

VALUES = 2**22  # of X that are scored together


def is_streamed(data: Data) -> bool:
    """Tell whether X is one of a source, which looks like an array where rows are asked for, and is none."""
    return not isinstance(data.X, np.ndarray)


def looked_through(
    source: Source,
    y: Any,
    sample_weight: Any,
    dtype: np.dtype,
    n_features: int | None,
    names: tuple[str, ...] | None,
    program_for: Callable[[int], Program],
) -> tuple[Any, Any, Any]:
    """Return X, y and sample_weight of a source; the caller's own must be None.

    `program_for` returns the program that is to run on so many features.

    Raises
    ------
    TypeError
        If they are not, or the source has no y.
    ValueError
        If y is text, which nobody can number any more.
    """
    from nncore.data.rows import Rows  # here, not at the top, to keep `import nncore` quick
    from nncore.data.streamed import opened

    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            given = "weight" if name == "sample_weight" else name
            raise TypeError(f"a {type(source).__name__} has its own {given}: give it there, and leave {name} out")
    found = opened(source, dtype, n_features, names, program_for)
    if found.y is None:
        raise TypeError(f"this {type(source).__name__} has no y to train on or to score: give it one, or a target")
    if isinstance(found.y, np.ndarray) and found.y.dtype.kind in "OU" and not isinstance(source, Rows):
        text, mend = str(found.y.flat[0]), "number the classes where they are read, in the function that Batches calls"
        raise ValueError(f"y of this {type(source).__name__} holds text, {text!r} to begin with: {mend}")
    return found


def feeder(
    fit: Any, windows: tuple[int, int], shuffle: bool, permuted: Callable[[int, int, int, int], NDArray[np.int64]]
) -> Feeder:
    """Return what hands the engine X of a `Fit`, whose bar hears of waits; see `nncore.data.feeder.Feeder`."""
    from nncore.data.feeder import Feeder  # here, not at the top, to keep `import nncore` quick

    def waiting(epoch: int, share: float) -> None:
        fit.progress.wait(epoch - fit.state.epoch + share)

    several = max(1, engine.get_num_threads() // 2)
    return Feeder(fit.data.X, windows, shuffle, fit.state.seed, permuted, fit.last_epoch, several, waiting)


def parts(X: Any, values: int = VALUES) -> Any:
    """Yield slices of a `Streamed`, and its rows there, in an array that is used again, so many values at a time."""
    step = max(1, values // X.shape[1])
    rows = np.empty((min(step, len(X)), X.shape[1]), X.kept)
    for first in range(0, len(X), step):
        n = min(step, len(X) - first)
        X.unchanged()
        X.read(first, rows[:n])
        yield slice(first, first + n), rows[:n]


def predict(network: Network, X: Any) -> Array:
    """Return the predictions (n, n_outputs) for a `Streamed`, in the bits of all rows at once."""
    out = np.empty((len(X), network.program.n_outputs), network.dtype)
    for place, rows in parts(X):
        found = network.predict(rows)
        if found is None:
            raise ValueError(f"rows {place.start} to {place.stop - 1} hold NaN or infinity, and held none at first")
        out[place] = found
    return out


def evaluate(network: Network, data: Data, predictions: Array | None, head_losses: Floats | None = None) -> float:
    """Return what ``network.evaluate(*data, predictions, None, head_losses)`` would, were all rows in memory."""
    losses = np.empty(len(data.X))
    for place, rows in parts(data.X):
        weight = None if data.sample_weight is None else data.sample_weight[place]
        out = None if predictions is None else predictions[place]
        of_heads = None if head_losses is None else np.empty((len(head_losses), len(rows)))
        network.evaluate(rows, data.target[place], weight, out, losses[place], of_heads)
        if head_losses is not None:
            head_losses[:, place] = of_heads
    return float(engine.load(network.dtype.name).mean(losses))
