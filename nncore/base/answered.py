"""Attributes by the names of other packages: an object does not have them, and says what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn


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


def _listed(self: Any) -> list[str]:
    """Return the names that an object has, which those that it only answers are not."""
    found: dict[str, Any] = {}
    for cls in reversed(type(self).__mro__):
        found |= vars(cls)
    own = self.__dict__
    return [name for name in object.__dir__(self) if name in own or not isinstance(found.get(name), Answered)]
