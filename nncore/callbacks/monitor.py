"""Watching one of the values that epochs record: is it better than before?"""

from __future__ import annotations

from collections.abc import Callable, Collection

from nncore.base import checks
from nncore.base.elsewhere import OF_A_KIND, bare
from nncore.base.names import lookup, nearest
from nncore.base.recorded import COLUMNS
from nncore.metrics import METRICS, is_larger_better

Objection = Callable[[str], str | None]
VALIDATES = "val_* values need fit(validation_data=...) or fit(validation_split=...)"
"""What to do where they are missing, by the names of ``Sequential.fit``."""


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
    of_output = monitor.removeprefix("val_")
    for name in (of_output, *(of_output[at + 1 :] for at, sign in enumerate(of_output) if sign == "_")):
        if name in METRICS:  # the longest first: of one of several outputs, its name stands before it
            return "max" if is_larger_better(METRICS[name]) else "min"
        if name == "loss":
            return "min"
    name = of_output
    near = None if bare(name) in OF_A_KIND["metric"] else _meant(monitor, ("loss", "val_loss"))
    mend = f"; did you mean {near!r}?" if near else ""
    raise ValueError(
        f"mode='auto' does not know whether a smaller or a larger {monitor!r} is better: give mode='min' or mode='max'"
        f"{mend}"
    )


def how_to_record(name: str, recorded: Collection[str], objection: Objection, how: str = VALIDATES) -> str:
    """Return the middle of a message about a value that is not recorded: which one was meant, how it would be.

    Parameters
    ----------
    name : str
        Of the value.
    recorded : collection of str
        What is recorded.
    objection : callable
        Why the model cannot have a metric, of which it is given the name; None if it can.
    how : str
        What to do for ``val_*``, by the names of the function that was called.

    Examples
    --------
    >>> columns = ["loss", "accuracy", "seconds"]
    >>> how_to_record("acuracy", columns, lambda metric: None)
    "; did you mean 'accuracy'?"
    >>> how_to_record("val_acc", columns, lambda metric: None)
    "; did you mean 'val_accuracy'? val_* values need fit(validation_data=...) or fit(validation_split=...);"
    >>> how_to_record("mae", columns, lambda metric: None)
    "; it would be with compile(metrics=['mae']);"
    """
    if name == "learning_rate":
        return ", for a solver has none: leave it out;"
    validates, possible = "val_loss" in recorded, list(recorded)
    if not validates:
        possible += [f"val_{one}" for one in recorded if one == "loss" or one not in COLUMNS]
    metric = name.removeprefix("val_")
    if name not in possible and metric not in METRICS and (own := OF_A_KIND["metric"].get(bare(metric))):
        watch = f", and watch {name.replace(metric, 'own')!r}" if "def own" in own else ""
        return f"; {own}{watch};"
    meant = _meant(name, possible)
    said = "" if meant in (None, name) else f" did you mean {meant!r}?"
    if meant in recorded:
        return f";{said}"
    metric, mends = (meant or name).removeprefix("val_"), []
    if meant is not None and meant not in possible:
        if (wrong := objection(metric)) is not None:
            return f";{said} {wrong};"
        mends = [f"it would be with compile(metrics=[{metric!r}])"]
    if metric != (meant or name) and not validates:
        mends.append(how)
    return f";{said} {', and '.join(mends)};" if mends else ";"


def _meant(name: str, possible: Collection[str]) -> str | None:
    """Return the name of a value that is, could be, or would with another metric be recorded; None if none is like it.

    Of a metric with two names, the one that is in use.
    """
    others = [*METRICS, *(f"val_{one}" for one in METRICS)]
    if name in possible:
        return name
    if name in others or name.removeprefix("val_") in METRICS:
        return next((one for one in others if one in possible and _same(one, name)), name)
    prefix = "val_" if name.startswith("val_") else ""  # which would make all those with it look alike
    for known in (possible, others):
        near = nearest(name.removeprefix(prefix), [one.removeprefix(prefix) for one in known if one.startswith(prefix)])
        if near is not None:
            return prefix + near
    return None


def _same(one: str, other: str) -> bool:
    """Whether two names are of the same metric, of the same rows."""
    functions = [METRICS[name.removeprefix("val_")] for name in (one, other)]
    return functions[0] == functions[1] and one.startswith("val_") == other.startswith("val_")
