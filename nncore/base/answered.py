"""Attributes by the names of other packages: an object does not have them, and says what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from nncore.base.elsewhere import OF_LAYERS

NO_LIST = "the layers of a model are no list"
T = TypeVar("T")


class Answered:
    """Stands in a class for a name that its objects do not have; ``hasattr`` is false, for the object and the class.

    Not a ``__getattr__`` of the class, which would slow every attribute that is there.

    Parameters
    ----------
    owner : type
    name : str
    answer : str
        What to write instead.
    refused : str or None
        The same for who sets it, where objects of this class, but of none of its subclasses, cannot be given such an
        attribute, because it would have no effect.
    """

    def __init__(self, owner: type, name: str, answer: str, refused: str | None) -> None:
        self.owner, self.name, self.answer, self.refused = owner, name, answer, refused

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is not None and self.name in instance.__dict__:
            return instance.__dict__[self.name]
        self._refuse("" if instance is None else type(instance).__name__, self.answer)

    def __set__(self, instance: Any, value: Any) -> None:
        if self.refused is not None and type(instance) is self.owner:
            self._refuse(self.owner.__name__, self.refused, " to be set")
        instance.__dict__[self.name] = value

    def __delete__(self, instance: Any) -> None:
        if self.name not in instance.__dict__:
            self._refuse(type(instance).__name__, self.answer)
        del instance.__dict__[self.name]

    def _refuse(self, kind: str, answer: str, what: str = "") -> NoReturn:
        whose = f"{kind!r} object" if kind else f"type object {self.owner.__name__!r}"
        raise AttributeError(f"{whose} has no attribute {self.name!r}{what}; {answer}")


def answer(cls: type, words: Mapping[str, str], refused: Mapping[str, str]) -> None:
    """Let a class answer names of other packages.

    Parameters
    ----------
    cls : type
    words : mapping of str to str
        What to write instead of each name that is looked up.
    refused : mapping of str to str
        The same of each name that is not to be set either.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(1)])
    >>> hasattr(model, "count_params")
    False
    >>> model.count_params()
    Traceback (most recent call last):
        ...
    AttributeError: 'Sequential' object has no attribute 'count_params'; model.n_parameters is their number
    """
    for name in {**words, **refused}:
        if not hasattr(cls, name):
            setattr(cls, name, Answered(cls, name, words.get(name, refused.get(name, "")), refused.get(name)))
    cls.__dir__ = _listed  # type: ignore[assignment]


def refuse_setting(cls: type, words: Mapping[str, str]) -> None:
    """Let read-only properties of a class say what sets them, where somebody assigns to one.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> Sequential([Dense(1)]).loss = "mse"
    Traceback (most recent call last):
        ...
    AttributeError: 'loss' of 'Sequential' object is not to be set; model.compile('adam', loss='mse', \
metrics=['mae']) sets it
    """

    def refusing(name: str) -> Callable[[Any, Any], None]:
        def refuse(self: Any, value: Any) -> None:
            raise AttributeError(f"{name!r} of {type(self).__name__!r} object is not to be set; {words[name]}")

        return refuse

    for name in words:
        setattr(cls, name, getattr(cls, name).setter(refusing(name)))


class Layers(tuple[T, ...]):
    """A tuple that says, of methods that lists have, what to write instead; it still does not have them.

    Pickles and copies of it are plain tuples.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> Sequential([Dense(1)]).layers.append(Dense(2))
    Traceback (most recent call last):
        ...
    AttributeError: the layers of a model are no list; model.add(layer) appends one, model.insert(index, layer) puts \
one in
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in OF_LAYERS:
            raise AttributeError(f"{NO_LIST}; {OF_LAYERS[name]}")
        return object.__getattribute__(self, name)  # which raises what it did

    def __setitem__(self, index: Any, layer: Any) -> NoReturn:
        raise TypeError(f"{NO_LIST}; {OF_LAYERS['__setitem__']}")

    def __delitem__(self, index: Any) -> NoReturn:
        raise TypeError(f"{NO_LIST}; {OF_LAYERS['__delitem__']}")

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (list(self),)


def _listed(self: Any) -> list[str]:
    """Return the names that an object has, which those that it only answers are not."""
    found: dict[str, Any] = {}
    for cls in reversed(type(self).__mro__):
        found |= vars(cls)
    own = self.__dict__
    return [name for name in object.__dir__(self) if name in own or not isinstance(found.get(name), Answered)]
