"""Activation functions: the table of what Python needs to know about each, and the layer that applies one.

The arithmetic has two homes, written independently: the compiled engine and `nncore.reference`. This table holds the
rest: what the backward pass must keep, which initializer suits, and which parameter the function takes.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from nncore.base import checks, elsewhere, lazy
from nncore.base.names import lookup


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
        Name of the argument of `Activation` that sets the function's parameter.
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
    ActivationRow("exponential", "exp(x)"),
    ActivationRow("selu", "1.0507 * (x if x > 0 else 1.67326 * (exp(x) - 1))", initializer="lecun_normal"),
    ActivationRow("mish", "x * tanh(log(1 + exp(x)))", keeps_input=True, initializer=_HE),
    ActivationRow("hard_sigmoid", "min(max(0, x / 6 + 1 / 2), 1)"),
    ActivationRow("hard_tanh", "min(max(-1, x), 1)"),
    ActivationRow("hard_swish", "x * min(max(0, x / 6 + 1 / 2), 1)", keeps_input=True, initializer=_HE),
    ActivationRow("softsign", "x / (1 + abs(x))"),
    ActivationRow("relu6", "min(max(0, x), 6)", initializer=_HE),
    ActivationRow(
        "celu", "x if x > 0 else alpha * (exp(x / alpha) - 1)", initializer=_HE, parameter="alpha", default=1.0
    ),
)

ACTIVATIONS: dict[str, ActivationRow] = {row.name: row for row in _ROWS}
"""Rows by name. An alias is a second key of the same row: compare ``row.name`` to tell them apart."""

ACTIVATIONS["linear"] = ACTIVATIONS["identity"]
ACTIVATIONS["swish"] = ACTIVATIONS["silu"]
ACTIVATIONS["hard_silu"] = ACTIVATIONS["hard_swish"]


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
    ValueError: unknown activation 'rleu'; did you mean 'relu'? Known: celu, elu, exponential, gelu, \
hard_sigmoid, hard_silu, hard_swish, hard_tanh, identity, leaky_relu, linear, mish, relu, relu6, selu, sigmoid, silu, \
softmax, softplus, softsign, swish, tanh
    """
    return lookup("activation", name, ACTIVATIONS)


_PARAMETER_RULES = {"negative_slope": checks.real(0, 1), "alpha": checks.real(0, above=True)}


@dataclass(frozen=True)
class Activation:
    """An activation function: a layer of its own, or the value of ``Dense(activation=...)``.

    Parameters
    ----------
    name : str
        One of `ACTIVATIONS`; an alias is replaced by the name it stands for.
    negative_slope : float, optional
        Slope of leaky_relu below 0, from 0 to 1; 0.01 by default. Only for leaky_relu.
    alpha : float, optional
        Minus the limit of elu or celu at minus infinity; finite, > 0; 1.0 by default. Only for these.

    Raises
    ------
    TypeError, ValueError
        If the name is unknown, or a parameter is out of range or does not belong to this activation.

    Examples
    --------
    >>> Activation("leaky_relu", negative_slope=0.1).parameter
    0.1
    >>> Activation("relu", alpha=1.0)
    Traceback (most recent call last):
        ...
    ValueError: alpha is a parameter of elu and celu, not of relu, got alpha=1.0
    """

    name: str = "identity"
    _: KW_ONLY
    negative_slope: float | None = None
    alpha: float | None = None

    def __post_init__(self) -> None:
        row = get(self.name)
        object.__setattr__(self, "name", row.name)
        for parameter, rule in _PARAMETER_RULES.items():
            value = getattr(self, parameter)
            if parameter != row.parameter:
                _refuse_foreign_parameter(row.name, parameter, value)
            else:
                object.__setattr__(self, parameter, row.default if value is None else rule(parameter, value))

    @property
    def parameter(self) -> float:
        """The function's parameter, whatever its name; 0.0 where there is none."""
        name = get(self.name).parameter
        return 0.0 if name is None else float(getattr(self, name))

    def __repr__(self) -> str:
        name = get(self.name).parameter
        return f"Activation({self.name!r}" + (f", {name}={self.parameter!r})" if name else ")")


def _refuse_foreign_parameter(activation: str, parameter: str, value: object) -> None:
    if value is not None:
        owners = " and ".join(row.name for row in _ROWS if row.parameter == parameter)
        raise ValueError(f"{parameter} is a parameter of {owners}, not of {activation}, got {parameter}={value!r}")


def as_activation(value: str | Activation | None) -> Activation:
    """Return an activation from its name, or itself; None stands for identity.

    Raises
    ------
    TypeError, ValueError
        If `value` is neither a string, an `Activation` nor None, or not a known name.

    Examples
    --------
    >>> as_activation("relu")
    Activation('relu')
    """
    if isinstance(value, Activation):
        return checks.exact("activation", value, {"Activation": Activation})
    return Activation("identity" if value is None else value)


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
