"""The spec language: what a model is made of, as immutable values.

A layer holds no weights and computes nothing; `nncore.program` lowers a list of layers to the rows that are run.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from nncore import activations, initializers, spec
from nncore.initializers import Constant, Initializer, RandomNormal, RandomUniform

MAX_UNITS = 2**31 - 1  # the engine counts rows and columns in 32 bits

_PARAMETER_RULES = {"negative_slope": spec.real(0, 1), "alpha": spec.real(0, above=True)}


@dataclass(frozen=True)
class Activation:
    """An activation function: a layer of its own, or the value of ``Dense(activation=...)``.

    Parameters
    ----------
    name : str
        One of `nncore.activations.ACTIVATIONS`; an alias is replaced by the name it stands for.
    negative_slope : float, optional
        Slope of leaky_relu below 0, from 0 to 1; 0.01 by default. Only for leaky_relu.
    alpha : float, optional
        Minus the limit of elu at minus infinity; finite, > 0; 1.0 by default. Only for elu.

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
    ValueError: alpha is a parameter of elu, not of relu, got alpha=1.0
    """

    name: str = "identity"
    _: KW_ONLY
    negative_slope: float | None = None
    alpha: float | None = None

    def __post_init__(self) -> None:
        row = activations.get(self.name)
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
        name = activations.get(self.name).parameter
        return 0.0 if name is None else float(getattr(self, name))

    def __repr__(self) -> str:
        name = activations.get(self.name).parameter
        return f"Activation({self.name!r}" + (f", {name}={self.parameter!r})" if name else ")")


def _refuse_foreign_parameter(activation: str, parameter: str, value: object) -> None:
    if value is not None:
        owner = next(row.name for row in activations.ACTIVATIONS.values() if row.parameter == parameter)
        raise ValueError(f"{parameter} is a parameter of {owner}, not of {activation}, got {parameter}={value!r}")


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
        return spec.exact("activation", value, {"Activation": Activation})
    return Activation("identity" if value is None else value)


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: ``y = activation(x @ weight + bias)``.

    Parameters
    ----------
    units : int
        Number of outputs, 1 to 2**31 - 1.
    activation : str, Activation or None
        Applied to every output; kept as an `Activation`. None is identity.
    use_bias : bool
        False leaves the bias out.
    weight_initializer, bias_initializer : str, Constant, RandomNormal or RandomUniform
        First values, see `nncore.initializers`.
    name : str, optional
        Names the layer in summaries and files; without one it is called ``dense_`` and its number.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> Dense(64, "relu").activation
    Activation('relu')
    >>> Dense(0)
    Traceback (most recent call last):
        ...
    ValueError: units must be an integer from 1 to 2147483647, got 0
    """

    units: int
    activation: str | Activation | None = "identity"
    use_bias: bool = True
    weight_initializer: Initializer = "auto"
    bias_initializer: Initializer = "zeros"
    name: str | None = None

    def __post_init__(self) -> None:
        spec.check(
            self,
            units=spec.integer(1, MAX_UNITS),
            activation=lambda argument, value: as_activation(value),
            use_bias=spec.flag,
            weight_initializer=initializers.weight_initializer,
            bias_initializer=initializers.bias_initializer,
            name=_layer_name,
        )


def _layer_name(argument: str, value: Any) -> str | None:
    """Rule: None, or a name that is fit to be part of a file's key."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str or None, got {spec.described(value)}")
    if not value or not value.isprintable() or len(value) > 200:
        raise ValueError(f"{argument} must have 1 to 200 printable characters, got {value[:60]!r}")
    return str(value)


Layer = Dense | Activation

LAYERS: dict[str, type] = {"Dense": Dense, "Activation": Activation}
_PARTS = {cls.__name__: cls for cls in (Activation, Constant, RandomNormal, RandomUniform)}


def to_dict(layer: Layer) -> dict[str, Any]:
    """Return a layer as a JSON-safe dict: the one form in which layers are written to files and sent elsewhere.

    Raises
    ------
    TypeError
        If `layer` is not a layer.

    Examples
    --------
    >>> to_dict(Activation("elu"))
    {'type': 'Activation', 'name': 'elu', 'alpha': 1.0}
    """
    return spec.to_dict(spec.exact("layer", layer, LAYERS))


def from_dict(data: dict[str, Any]) -> Layer:
    """Return the layer that `to_dict` described.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such description; see `nncore.spec.from_dict`.

    Examples
    --------
    >>> from_dict({"type": "Dense", "units": 3, "activation": "tanh"}) == Dense(3, "tanh")
    True
    """
    layer: Layer = spec.from_dict("layer", data, LAYERS, _PARTS)
    return layer
