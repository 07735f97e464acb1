"""What all dataclasses of the spec language share: checked fields.

A layer, loss, optimizer or initializer is a frozen dataclass of simple fields. Its ``__post_init__`` calls `check` with
one rule per field; a rule takes ``(argument, value)`` and returns the value as a plain Python object, or raises an
error that names the argument, the value and what was expected.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import numpy as np

from nncore.base.names import did_you_mean

COUNT = 2**63 - 1
"""The largest count that fits into 64 bits. No machine gets so far, so messages do not speak of it."""
Rule = Callable[[str, Any], Any]
T = TypeVar("T")


def check(instance: Any, **rules: Rule) -> None:
    """Replace every named field of a frozen dataclass by what its rule makes of it."""
    for argument, rule in rules.items():
        object.__setattr__(instance, argument, rule(argument, getattr(instance, argument)))


def shown(value: object) -> str:
    """Return a value as error messages show it: its ``repr``, cut short; a long integer by its length.

    Examples
    --------
    >>> shown(-7), shown(10**400), shown("long " * 20)
    ('-7', 'an integer of 1329 bits', "'long long long long long long long long long long long l...")
    """
    if isinstance(value, int) and value.bit_length() > 128:
        return f"{'a negative' if value < 0 else 'an'} integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits, and so what holds one
        return "a value too long to print"
    return text if len(text) <= 60 else text[:57] + "..."


def described(value: object) -> str:
    """Return a value as error messages show it, and its type."""
    return f"{shown(value)} of type {type(value).__name__}"


def exact(argument: str, value: T, types: Mapping[str, type]) -> T:
    """Return `value` if its class is one of `types`, and not a subclass of one.

    The engine would compute what the base class says whatever a subclass overrides, and a file could not name it.

    Examples
    --------
    >>> exact("units", True, {"int": int})
    Traceback (most recent call last):
        ...
    TypeError: units must be one of int, got True of type bool
    """
    if type(value) not in types.values():
        names = dict.fromkeys(cls.__name__ for cls in types.values())
        raise TypeError(f"{argument} must be one of {', '.join(names)}, got {described(value)}")
    return value


def integer(low: int, high: int) -> Rule:
    """Return the rule "an integer from `low` to `high`". NumPy integers pass, booleans do not.

    Examples
    --------
    >>> integer(1, 9)("units", 0)
    Traceback (most recent call last):
        ...
    ValueError: units must be an integer from 1 to 9, got 0
    """

    def rule(argument: str, value: Any) -> int:
        expected = f"{argument} must be an integer " + (f">= {low}" if high == COUNT else f"from {low} to {high}")
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{expected}, got {described(value)}")
        number = int(value)
        if not low <= number <= high:
            limit = f" and at most {high}" if high == COUNT < number else ""
            raise ValueError(f"{expected}{limit}, got {shown(number)}")
        return number

    return rule


def real(low: float = -math.inf, high: float = math.inf, *, above: bool = False, below: bool = False) -> Rule:
    """Return the rule "a finite number >= `low` and <= `high`".

    Parameters
    ----------
    low, high : float
        The range; infinite for no bound.
    above, below : bool
        Leave out `low` itself (`above`) or `high` itself (`below`).

    Examples
    --------
    >>> real(0, 1, below=True)("rho", 1)
    Traceback (most recent call last):
        ...
    ValueError: rho must be a finite number >= 0 and < 1, got 1.0
    """
    bounds = [f"{'>' if above else '>='} {low:g}"] if math.isfinite(low) else []
    bounds += [f"{'<' if below else '<='} {high:g}"] if math.isfinite(high) else []
    wanted = " ".join(["a finite number", " and ".join(bounds)]).rstrip()

    def rule(argument: str, value: Any) -> float:
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
            raise TypeError(f"{argument} must be {wanted}, got {described(value)}")
        try:
            number = float(value)
        except OverflowError:  # an int or a fraction past the largest double
            raise ValueError(f"{argument} must be {wanted}, got {shown(math.floor(value))}") from None
        inside = (number > low if above else number >= low) and (number < high if below else number <= high)
        if not (math.isfinite(number) and inside):
            raise ValueError(f"{argument} must be {wanted}, got {number!r}")
        return number

    return rule


EPSILON = real(1e-30)
"""Rule: what keeps a division away from zero. A smaller one could vanish beside float32's smallest numbers, and 0 / 0
would then pass for divergence."""


def flag(argument: str, value: Any) -> bool:
    """Rule: True or False, Python's or NumPy's."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{argument} must be True or False, got {described(value)}")
    return bool(value)


def text(argument: str, value: Any) -> str:
    """Rule: text, such as a file holds it."""
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str, got {described(value)}")
    return value


def items(argument: str, value: Any, length: int | None = None) -> list[Any]:
    """Rule: a list, such as a file holds it; of so many values, if `length` is given."""
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{argument} must be a list, got {described(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{argument} must have {length} value(s), got {len(value)}")
    return list(value)


def name(argument: str, value: Any) -> str | None:
    """Rule: None, or a name that is fit to be part of a file's key."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{argument} must be a str or None, got {described(value)}")
    if not value or not value.isprintable() or len(value) > 200:
        raise ValueError(f"{argument} must have 1 to 200 printable characters, got {value[:60]!r}")
    return str(value)


def optional(rule: Rule) -> Rule:
    """Return the rule "None, or what `rule` says".

    Examples
    --------
    >>> optional(flag)("affine", None)
    """
    return lambda argument, value: None if value is None else rule(argument, value)


ELSEWHERE = {
    "kernel_initializer": "weight_initializer",
    "lr": "learning_rate",
    "p": "rate",
    "eps": "epsilon",
    "clipnorm": "clip_norm",
    "clipvalue": "clip_value",
}
"""What arguments are called in Keras and PyTorch, and here."""
OF_INPUTS = ("input_shape", "input_dim", "in_features")


def explain_unknown_arguments(classes: Collection[type]) -> None:
    """Make dataclasses say, of an argument by a name that they do not know, which one is meant.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> Dense(3, kernel_initializer="zeros")
    Traceback (most recent call last):
        ...
    TypeError: Dense has no argument 'kernel_initializer'; here it is weight_initializer. Known: activation, \
bias_initializer, l1, l2, max_norm, name, units, use_bias, weight_decay, weight_initializer
    """
    for cls in classes:
        cls.__init__ = _explaining(cls, cls.__init__)  # type: ignore[misc]


def _explaining(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    known = sorted(field.name for field in dataclasses.fields(cls) if field.init)

    @functools.wraps(init)
    def explained(self: Any, *values: Any, **named: Any) -> None:
        for name in named:
            if name not in known:
                mend = _meant(name, known)
                raise TypeError(f"{cls.__name__} has no argument {name[:80]!r}{mend}. Known: {', '.join(known)}")
        init(self, *values, **named)

    return explained


def _meant(name: str, known: Collection[str]) -> str:
    if name in OF_INPUTS:
        return "; the first fit tells the number of features, or model.build(n_features)"
    here = ELSEWHERE.get(name)
    return f"; here it is {here}" if here in known else did_you_mean(name, known)


def changed(instance: Any, but: Collection[str] = ()) -> list[str]:
    """Return ``name=value`` for the fields of a dataclass that are not at their defaults, for a short ``repr``.

    Examples
    --------
    >>> from nncore.losses import Huber
    >>> changed(Huber(delta=2)), changed(Huber())
    (['delta=2.0'], [])
    """
    fields = [field for field in dataclasses.fields(instance) if field.name not in but]
    values = [(field, getattr(instance, field.name)) for field in fields]
    return [f"{field.name}={value!r}" for field, value in values if value != field.default]
