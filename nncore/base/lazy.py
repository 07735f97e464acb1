"""Names of a package that are imported where they live when they are first asked for, so that importing it is quick."""

import importlib
import sys
from collections.abc import Callable, Mapping
from types import FrameType, MappingProxyType
from typing import Any


def loader(
    package: str,
    homes: Mapping[str, tuple[str, ...]],
    modules: tuple[str, ...] = (),
    words: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : dict
        Which of its modules hold which names.
    modules : tuple of str
        Modules that are names themselves.
    words : dict of str to str
        What to write instead of names that it does not have.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def found(name: str) -> Any:
        if name in home_of:
            value = getattr(importlib.import_module(f"{package}.{home_of[name]}"), name)
        elif name in modules:
            value = importlib.import_module(f"{package}.{name}")
        elif sys._getframe(1).f_code.co_name == "_handle_fromlist":  # an import, which then looks for a module: no miss
            raise AttributeError(name)
        else:
            raise _miss(package, name, [*home_of, *modules], words, sys._getframe(1))
        setattr(sys.modules[package], name, value)  # so that this is asked once
        return value

    return found


def explaining(
    module: str, words: Mapping[str, str], more: Mapping[str, Any] = MappingProxyType({})
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module that says of names that it does not have what to write instead.

    What is in `more` it has.

    Examples
    --------
    >>> from nncore import layers
    >>> layers.BatchNormalization()
    Traceback (most recent call last):
        ...
    AttributeError: module 'nncore.layers' has no attribute 'BatchNormalization'; use BatchNorm
    """

    def refuse(name: str) -> Any:
        if name in more:
            return more[name]
        if sys._getframe(1).f_code.co_name == "_handle_fromlist":  # an import, which then looks for a module: no miss
            raise AttributeError(name)
        known = [one for one in vars(sys.modules[module]) if not one.startswith("_")]
        raise _miss(module, name, known, words, sys._getframe(1))

    return refuse


def _miss(module: str, name: str, known: list[str], words: Mapping[str, str], frame: FrameType) -> Exception:
    """Return the error for a name that a module does not have, for who asks from `frame`."""
    said = _missing(module, name, known, words)
    if "; " in said and _imports(frame):  # of an AttributeError Python would make an error without this text
        return ImportError(f"cannot import name {name!r} from {module!r}: {said}", name=module)
    return AttributeError(said)


def _imports(frame: FrameType) -> bool:
    """Tell whether a frame is at ``from module import name``, which asks the module for the name."""
    from opcode import opmap  # here, not at the top: only misses need it

    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _missing(package: str, name: str, known: list[str], words: Mapping[str, str]) -> str:
    what = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_"):
        return what
    from nncore.base import elsewhere, names  # here, not at the top: only misses need them

    mend = elsewhere.word(words, name) or elsewhere.of_any_kind(name)
    return f"{what}; {mend}" if mend else what + names.did_you_mean(name, known)
