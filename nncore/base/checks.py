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
from typing import Any, TypeVar, cast

import numpy as np

from nncore.base.names import did_you_mean

COUNT = 2**63 - 1
"""The largest count that fits into 64 bits. No machine gets so far, so messages do not speak of it."""
VARIADIC = 0x04
"""Flag of functions that take any number of arguments by place."""
EPOCHS = 2**53
"""The most epochs or updates, of which two add up to a count. No machine gets so far either; a file may claim it."""
Rule = Callable[[str, Any], Any]
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


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
        if type(value) is int and low <= value <= high:  # nearly always; estimators check some thirty values per fit
            return value
        endless = high in (COUNT, EPOCHS)
        expected = f"{argument} must be an integer " + (f">= {low}" if endless else f"from {low} to {high}")
        if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
            raise TypeError(f"{expected}, got {described(value)}")
        number = int(value)
        if not low <= number <= high:
            limit = f" and at most {high}" if endless and number > high else ""
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
        if type(value) is not float and (isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real)):
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


def one_of(argument: str, value: Any, known: Collection[str]) -> str:
    """Return `value` if it is one of some words.

    Examples
    --------
    >>> one_of("on_error", "rise", ("raise", "keep"))
    Traceback (most recent call last):
        ...
    ValueError: on_error must be 'raise' or 'keep', got 'rise'; did you mean 'raise'?
    """
    if isinstance(value, str) and value in known:
        return value
    near = did_you_mean(value, known) if isinstance(value, str) else ""
    raise ValueError(f"{argument} must be {' or '.join(map(repr, known))}, got {shown(value)}{near}")


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


def explain_unknown_arguments(classes: Collection[type], methods: Collection[str] = ()) -> None:
    """Make dataclasses, and other classes, say, of an argument by a name that they do not know, which one is meant.

    So do these `methods` of theirs. It costs a call a quarter of a microsecond.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> Dense(3, kernel_initializer="zeros")
    Traceback (most recent call last):
        ...
    TypeError: Dense has no argument 'kernel_initializer'; here it is weight_initializer. Known: activation, \
activity_l1, activity_l2, bias_initializer, bias_l1, bias_l2, l1, l2, learning_rate_multiplier, max_norm, \
name, trainable, units, use_bias, weight_decay, weight_initializer
    """
    for cls in classes:
        cls.__init__ = _explaining(cls, cls.__init__)  # type: ignore[misc]
        for method in methods:
            setattr(cls, method, explaining(f"{cls.__name__}.{method}", getattr(cls, method)))


def _explaining(cls: type, init: Callable[..., None]) -> Callable[..., None]:
    if dataclasses.is_dataclass(cls):
        return explaining(cls.__name__, init, sorted(field.name for field in dataclasses.fields(cls) if field.init))
    return explaining(cls.__name__, init)


def explaining(who: str, function: F, known: Collection[str] | None = None) -> F:
    """Return `function` so that it says, of an argument by a name that it does not know, which one is meant.

    It also says which arguments it takes by place, if there are too many.

    Parameters
    ----------
    who : str
        What messages call it.
    function : callable
    known : collection of str, optional
        Its arguments; by default as its code names them.

    Examples
    --------
    >>> def split(*arrays, seed=0): ...
    >>> explaining("split", split)([1, 2], random_state=0)
    Traceback (most recent call last):
        ...
    TypeError: split has no argument 'random_state'; here it is seed. Known: seed
    """
    bare: Any = function
    while hasattr(bare, "__wrapped__"):  # what a decorator takes says nothing
        bare = bare.__wrapped__
    code = bare.__code__  # `inspect` would be slow at import
    if known is None:
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        known = [name for name in names if name != "self"]
    most = math.inf if code.co_flags & VARIADIC else code.co_argcount

    @functools.wraps(function)
    def explained(*values: Any, **named: Any) -> Any:
        if len(values) > most:
            by_place = [name for name in code.co_varnames[: code.co_argcount] if name != "self"]
            more = ", ".join(" ".join(shown(value).split()) for value in values[code.co_argcount :])
            what = f"{who} takes {', '.join(by_place) or 'nothing'} by place"
            mend = _too_many(who) or f"give {more} by name"
            raise TypeError(f"{what}; {mend}. Known: {', '.join(known)}")
        for name in named:
            if name not in known:
                mend = _meant(name, known, who)
                end = "" if mend.endswith("?") else "."
                raise TypeError(f"{who} has no argument {name[:80]!r}{mend}{end} Known: {', '.join(known)}")
        return function(*values, **named)

    return cast(F, explained)


def explain_frozen(classes: Collection[type], mend: str) -> None:
    """Make frozen dataclasses say how to have another value, where somebody assigns to a field.

    Examples
    --------
    >>> from nncore import Adam
    >>> Adam().learning_rate = 0.1
    Traceback (most recent call last):
        ...
    dataclasses.FrozenInstanceError: cannot assign to field 'learning_rate' of Adam, which never changes; for another \
one: model.optimizer = dataclasses.replace(model.optimizer, learning_rate=0.1)
    """

    def refuse(self: Any, name: str, value: Any) -> None:
        known = [field.name for field in dataclasses.fields(self) if field.init]
        what = f"cannot assign to field {name!r} of {type(self).__name__}, which never changes"
        how = f"for another one: {mend.format(name=name, value=shown(value))}"
        if name not in known:
            how = f"nor has it that field{_meant(name, known, type(self).__name__)}"
        raise dataclasses.FrozenInstanceError(f"{what}; {how}")

    for cls in classes:
        cls.__setattr__ = refuse  # type: ignore[assignment, method-assign]


def explain_missing(classes: Collection[type], words: Mapping[str, str]) -> None:
    """Make classes say, of an attribute that they do not have, what to write here instead. They still do not have it.

    Examples
    --------
    >>> from nncore import Adam
    >>> hasattr(Adam(), "lr")
    False
    >>> Adam().lr
    Traceback (most recent call last):
        ...
    AttributeError: 'Adam' object has no attribute 'lr'; optimizer.learning_rate is it
    """

    def missing(self: Any, name: str) -> Any:
        if name in words and name not in dir(type(self)):  # else a property of a subclass failed
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}; {words[name]}")
        return object.__getattribute__(self, name)  # which raises what it did

    for cls in classes:
        cls.__getattr__ = missing  # type: ignore[attr-defined]


def _too_many(who: str) -> str | None:
    from nncore.base import arguments  # here, not at the top: only misses need it

    return arguments.TOO_MANY.get(who)


def _meant(name: str, known: Collection[str], who: str) -> str:
    from nncore.base import arguments  # here, not at the top: only misses need it

    if mend := arguments.OF_CALL.get(who, {}).get(name):
        return f"; {mend}"
    here = arguments.ARGUMENTS.get(name)
    if here in known:
        return f"; here it is {here}"
    return f"; {arguments.ADVICE[name]}" if name in arguments.ADVICE else did_you_mean(name, known)


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
