"""What a search may vary: fields of layers, optimizer and training by their names, and which values each may have."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nncore import losses, optimizers
from nncore.base import checks, portable
from nncore.base.names import did_you_mean
from nncore.base.random import generator
from nncore.many.arguments import blamed
from nncore.many.ensemble import renewed
from nncore.model import Sequential

TRAINING = ("epochs", "batch_size")
"""Names that are told to ``fit``, not to the model."""
MODEL = ("layers", "optimizer", "loss", "dtype", "seed", "hidden")
TRIES = 20  # draws for each that is wanted: in vain where a range of whole numbers has been drawn from end to end
DRAWS = 2**33  # the streams of random numbers from there on, one for each candidate


@dataclass(frozen=True)
class Between:
    """Any number of a range, for a random search; whole numbers if both bounds are.

    Parameters
    ----------
    low, high : int or float
        Both included.
    log : bool
        Whether 0.001 to 0.01 is as likely as 0.01 to 0.1: right for rates and penalties.

    Examples
    --------
    >>> Between(1e-4, 1e-1, log=True)
    Between(low=0.0001, high=0.1, log=True)
    >>> Between(5, 2)
    Traceback (most recent call last):
        ...
    ValueError: high must be a finite number >= 5, got 2.0
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        low = checks.real(0 if self.log else -math.inf, above=self.log is True)("low", self.low)
        checks.real(low)("high", self.high)
        checks.flag("log", self.log)

    def draw(self, u: float) -> float:
        """Return the value at the share `u` of the range, 0 <= u < 1."""
        whole = all(isinstance(bound, (int, np.integer)) for bound in (self.low, self.high))
        if self.log:
            value = self.high * float(portable.power(self.low / self.high, np.array([1 - u]))[0])
        else:
            half = 0.5 if whole else 0.0  # of what is rounded to a bound
            value = self.low - half + u * (self.high - self.low + 2 * half)
        value = min(max(round(value) if whole else value, self.low), self.high)
        return int(value) if whole else value


checks.explain_unknown_arguments([Between])


def checked_space(space: Any) -> dict[str, Any]:
    """Return a space: of each name what it may be, a list of choices or a `Between`."""
    if not isinstance(space, Mapping) or not space:
        found = checks.described(space)
        raise TypeError(f'space must be a dict such as {{"optimizer.learning_rate": [0.01, 0.001]}}, got {found}')
    checked: dict[str, Any] = {}
    for name, values in space.items():
        if isinstance(values, Between):
            checked[str(name)] = values
            continue
        if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
            raise TypeError(f"space[{name!r}] must be a list of choices or a Between, got {checks.described(values)}")
        choices = list(values)
        if not choices:
            raise ValueError(f"space[{name!r}] has no choices: give one at least")
        checked[str(name)] = choices
    return checked


def grid(space: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of the choices, the last name varying fastest.

    Examples
    --------
    >>> grid({"epochs": [5, 10], "batch_size": [32]})
    [{'epochs': 5, 'batch_size': 32}, {'epochs': 10, 'batch_size': 32}]
    """
    for name, values in space.items():
        if isinstance(values, Between):
            raise ValueError(
                f"space[{name!r}] is a range, of which there is no grid: give n=20, say, or a list of choices"
            )
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def drawn(space: Mapping[str, Any], n: int, seed: int) -> list[dict[str, Any]]:
    """Return `n` random combinations, each once; candidate k is the same for every `n` below how many there are.

    Examples
    --------
    >>> drawn({"epochs": [5, 10], "optimizer.learning_rate": Between(0.001, 1.0, log=True)}, 1, seed=0)
    [{'epochs': 10, 'optimizer.learning_rate': 0.0263...}]
    """
    sizes = [1 if isinstance(values, Between) else len(values) for values in space.values()]
    if n >= math.prod(sizes) and not any(isinstance(values, Between) for values in space.values()):
        return grid(space)
    found: dict[str, dict[str, Any]] = {}
    for k in range(TRIES * n):
        random = generator(seed, "split", DRAWS + k)
        shares = {name: float(random.random()) for name in space}
        one = {name: _at(values, shares[name]) for name, values in space.items()}
        found.setdefault(repr([*one.values()]), one)
        if len(found) == n:
            break
    return [*found.values()]


def _at(values: Any, u: float) -> Any:
    return values.draw(u) if isinstance(values, Between) else values[int(u * len(values))]


def applied(model: Sequential, parameters: Mapping[str, Any]) -> Sequential:
    """Return an untrained model such as this one, but for what `parameters` say.

    Names are fields, with dots between: ``"optimizer.learning_rate"``, ``"layers.0.units"`` (the first layer),
    ``"hidden.units"`` (every layer but the last that has such a field), ``"seed"``, ``"layers"`` (all of them).

    Raises
    ------
    TypeError, ValueError
        If there is no such field, or the value does not suit it; the message names it.

    Examples
    --------
    >>> from nncore import Dense, Dropout, Sequential
    >>> model = Sequential([Dense(8, "relu"), Dropout(0.5), Dense(1)])
    >>> applied(model, {"hidden.units": 16, "layers.1.rate": 0.25})
    Sequential([Dense(16, 'relu'), Dropout(rate=0.25), Dense(1)], seed=0, dtype='float32')
    >>> applied(model, {"hidden.unit": 16})
    Traceback (most recent call last):
        ...
    ValueError: space['hidden.unit']: no layer but the last has a field 'unit'; did you mean 'units'?
    """
    state = model._state
    values: dict[str, Any] = {
        "layers": state.layers,
        "optimizer": state.optimizer,
        "loss": model.loss,
        "seed": model.seed,
    }
    changed: dict[str, Any] = {}
    for name in sorted(parameters, key=lambda name: name.count(".")):  # a whole first, then what varies of it
        if name in TRAINING:
            continue
        first, *path = name.split(".")
        with blamed(f"space[{name!r}]"):
            if first not in MODEL or (first == "hidden" and not path):
                raise ValueError(_unknown(name, values))
            if first == "hidden":
                values["layers"] = changed["layers"] = _hidden(values["layers"], path, parameters[name])
            else:
                changed[first] = values[first] = _whole(first, _replaced(values.get(first), path, parameters[name]))
    with blamed(f"space, {', '.join(changed)}" if changed else "model"):
        return renewed(model, changed.pop("seed", model.seed), **changed)


def _whole(name: str, value: Any) -> Any:
    """Return an optimizer, a loss or layers such that there are fields to vary, where they were given by name."""
    if name == "layers":
        return tuple(value) if isinstance(value, (list, tuple)) else value
    get = {"optimizer": optimizers.get, "loss": losses.get}.get(name)
    return value if get is None or value is None else get(value)


def _unknown(name: str, values: Mapping[str, Any]) -> str:
    """Return what to say of a name that begins with nothing that a model has."""
    step = name.replace("__", ".").split(".")[-1]
    if step == "hidden":
        return "say which field of the hidden layers, as in 'hidden.units'; 'layers' are whole lists of them"
    owners = {"optimizer": [values["optimizer"]], "hidden": values["layers"][:-1], "loss": [values["loss"]]}
    for owner, those in owners.items():
        if any(dataclasses.is_dataclass(one) and step in _fields(one) for one in those):
            return f"a model has no {name!r}; did you mean '{owner}.{step}'?"
    known = (*TRAINING, *MODEL)
    return f"a model has no {name!r}{did_you_mean(name, known)}; known: {', '.join(known)}"


def _hidden(layers: Sequence[Any], path: Sequence[str], value: Any) -> tuple[Any, ...]:
    able = [dataclasses.is_dataclass(layer) and path[0] in _fields(layer) for layer in layers[:-1]]
    if not any(able):
        known = {name for layer in layers[:-1] for name in _fields(layer)}
        raise ValueError(f"no layer but the last has a field {path[0]!r}{did_you_mean(path[0], sorted(known))}")
    new = [_replaced(layer, path, value) if one else layer for layer, one in zip(layers[:-1], able, strict=True)]
    return (*new, layers[-1])


def _fields(instance: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(instance) if field.init]


def _replaced(owner: Any, path: Sequence[str], value: Any) -> Any:
    """Return `owner` with what lies at the end of a path of fields, or of places in a tuple, replaced."""
    if not path:
        return value
    step, *rest = path
    if isinstance(owner, tuple):
        if not step.isdigit() or int(step) >= len(owner):
            raise ValueError(f"there is no layer {step!r}: they are 0 to {len(owner) - 1}")
        place = int(step)
        return (*owner[:place], _replaced(owner[place], rest, value), *owner[place + 1 :])
    kind = type(owner).__name__
    if not dataclasses.is_dataclass(owner) or step not in _fields(owner):
        known = _fields(owner) if dataclasses.is_dataclass(owner) else []
        raise ValueError(
            f"{kind} has no field {step!r}{did_you_mean(step, known)}; known: {', '.join(known) or 'none'}"
        )
    return dataclasses.replace(owner, **{step: _replaced(getattr(owner, step), rest, value)})  # type: ignore[type-var]
