"""The model that users hold: `Sequential`, a façade over the rooms below, its files, and Rosenblatt's `Perceptron`."""

from typing import TYPE_CHECKING

from nncore.base.lazy import loader

if TYPE_CHECKING:
    from nncore.model.files import load, restored, snapshot
    from nncore.model.perceptron import Perceptron
    from nncore.model.sequential import Sequential
    from nncore.model.stepper import Stepper
    from nncore.model.surgery import SurgeryReport

HOMES = {
    "files": ("load", "restored", "snapshot"),
    "perceptron": ("Perceptron",),
    "sequential": ("Sequential",),
    "stepper": ("Stepper",),
    "surgery": ("SurgeryReport",),
}
"""Each is imported when first asked for: a `Perceptron` needs no engine."""

__getattr__ = loader(__name__, HOMES)

__all__ = ["Perceptron", "Sequential", "Stepper", "SurgeryReport", "load", "restored", "snapshot"]
