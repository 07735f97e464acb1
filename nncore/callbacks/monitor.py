"""Watching one of the values that epochs record: is it better than before?"""

from __future__ import annotations

from nncore.base import checks
from nncore.base.names import did_you_mean, lookup
from nncore.metrics import LARGER_IS_BETTER, METRICS


class Monitor:
    """Base class of the callbacks that watch a value.

    Parameters
    ----------
    monitor : str
        Name of the value: ``"loss"``, ``"val_loss"``, a metric, a metric with ``val_`` before it...
    mode : {"auto", "min", "max"}
        Whether smaller or larger is better; ``"auto"`` knows it of the loss and of nncore's metrics.
    min_delta : float
        How much better a value must be to count; finite, >= 0.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or ``mode="auto"`` does not know the monitored name.

    Examples
    --------
    >>> accuracy = Monitor("val_accuracy", min_delta=0.25)
    >>> accuracy.mode, accuracy.better(0.75, than=0.5), accuracy.better(0.8, than=0.5)
    ('max', False, True)
    """

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be the name of a value, got {checks.described(monitor)}")
        self.monitor = monitor
        self.mode: str = lookup("mode", mode, {"auto": _direction, "min": _given, "max": _given})(monitor, mode)
        self.min_delta: float = checks.real(0)("min_delta", min_delta)

    @property
    def required_logs(self) -> tuple[str, ...]:
        return (self.monitor,)

    def better(self, value: float, than: float | None) -> bool:
        """Tell whether `value` is better by more than `min_delta`; any number is better than None, NaN than nothing."""
        if than is None:
            return value == value
        return value + self.min_delta < than if self.mode == "min" else value - self.min_delta > than


def _given(monitor: str, mode: str) -> str:
    return mode


def _direction(monitor: str, mode: str) -> str:
    name = monitor.removeprefix("val_")
    if name in METRICS:
        return "max" if METRICS[name] in LARGER_IS_BETTER else "min"
    if name == "loss":
        return "min"
    known = ["loss", *METRICS]
    near = did_you_mean(monitor, [*known, *(f"val_{name}" for name in known)])
    raise ValueError(
        f"mode='auto' does not know whether a smaller or a larger {monitor!r} is better: give mode='min' or mode='max'"
        f"{near}"
    )
