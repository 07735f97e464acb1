"""The table of activation functions: what Python needs to know about each.

The arithmetic has two homes, written independently: the compiled engine and `nncore.reference`. This table holds the
rest: what the backward pass must keep, which initializer suits, and which parameter the function takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from nncore.names import lookup


@dataclass(frozen=True)
class ActivationRow:
    """What is known about one activation function.

    Attributes
    ----------
    name : str
        The one name that programs and files use.
    formula : str
        y as a function of x, in words a reader can check.
    keeps_input : bool
        True if the derivative needs x; otherwise it is computed from y alone.
    rowwise : bool
        True if an output depends on its whole row (softmax), not on one input.
    initializer : str
        The weight initializer that ``"auto"`` stands for in front of it.
    parameter : str or None
        Name of the argument of `nncore.layers.Activation` that sets the function's parameter.
    default : float
        The parameter's default; 0.0 where there is none.
    """

    name: str
    formula: str
    keeps_input: bool = False
    rowwise: bool = False
    initializer: str = "glorot_uniform"
    parameter: str | None = None
    default: float = 0.0


_HE = "he_uniform"

_ROWS = (
    ActivationRow("identity", "x"),
    ActivationRow("sigmoid", "1 / (1 + exp(-x))"),
    ActivationRow("tanh", "tanh(x)"),
    ActivationRow("relu", "max(0, x)", initializer=_HE),
    ActivationRow(
        "leaky_relu", "x if x > 0 else negative_slope * x", initializer=_HE, parameter="negative_slope", default=0.01
    ),
    ActivationRow("elu", "x if x > 0 else alpha * (exp(x) - 1)", initializer=_HE, parameter="alpha", default=1.0),
    ActivationRow("softmax", "exp(x_i) / sum_j exp(x_j)", rowwise=True),
    ActivationRow("softplus", "log(1 + exp(x))", initializer=_HE),
    ActivationRow("gelu", "x / 2 * (1 + erf(x / sqrt(2)))", keeps_input=True, initializer=_HE),
    ActivationRow("silu", "x / (1 + exp(-x))", keeps_input=True, initializer=_HE),
)

ACTIVATIONS: dict[str, ActivationRow] = {row.name: row for row in _ROWS}
"""Rows by name. An alias is a second key of the same row: compare ``row.name`` to tell them apart."""

ACTIVATIONS["linear"] = ACTIVATIONS["identity"]
ACTIVATIONS["swish"] = ACTIVATIONS["silu"]


def get(name: str) -> ActivationRow:
    """Return the row of an activation, by its name or an alias.

    Raises
    ------
    TypeError, ValueError
        If `name` is no string or not a known name.

    Examples
    --------
    >>> get("swish").name
    'silu'
    >>> get("rleu")
    Traceback (most recent call last):
        ...
    ValueError: unknown activation 'rleu'; did you mean 'relu'? Known: elu, gelu, identity, leaky_relu, linear, relu, \
sigmoid, silu, softmax, softplus, swish, tanh
    """
    return lookup("activation", name, ACTIVATIONS)
