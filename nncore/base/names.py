"""Look a name up in a table; a miss suggests the nearest name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from nncore.base.elsewhere import OF_A_KIND, bare

T = TypeVar("T")

SYNONYMS = {
    "16mixed": "mixed_bfloat16",
    "bce": "binary_crossentropy",
    "cce": "categorical_crossentropy",
    "bceloss": "binary_crossentropy",
    "bcewithlogitsloss": "binary_crossentropy",
    "bf16": "mixed_bfloat16",
    "bf16mixed": "mixed_bfloat16",
    "bfloat16": "mixed_bfloat16",
    "crossentropy": "sparse_categorical_crossentropy",
    "crossentropyloss": "sparse_categorical_crossentropy",
    "double": "float64",
    "float": "float32",
    "float16": "mixed_bfloat16",
    "fp16": "mixed_bfloat16",
    "fp32": "float32",
    "fp64": "float64",
    "exp": "exponential",
    "gaussiannll": "gaussian_negative_log_likelihood",
    "gaussiannllloss": "gaussian_negative_log_likelihood",
    "glorot": "glorot_uniform",
    "gradientdescent": "sgd",
    "half": "mixed_bfloat16",
    "he": "he_uniform",
    "kaiming": "he_uniform",
    "kaiminguniform": "he_uniform",
    "kaimingnormal": "he_normal",
    "kld": "kl_divergence",
    "kldivloss": "kl_divergence",
    "kullbackleiblerdivergence": "kl_divergence",
    "l1": "mean_absolute_error",
    "l1loss": "mean_absolute_error",
    "l2": "mean_squared_error",
    "lecun": "lecun_uniform",
    "levenbergmarquardt": "lm",
    "logistic": "sigmoid",
    "logloss": "binary_crossentropy",
    "lr": "learning_rate",
    "mixed": "mixed_bfloat16",
    "mixedfloat16": "mixed_bfloat16",
    "mixedprecision": "mixed_bfloat16",
    "momentum": "sgd",
    "nllloss": "sparse_categorical_crossentropy",
    "none": "identity",
    "poissonnllloss": "poisson",
    "quantile": "pinball",
    "quantileloss": "pinball",
    "randomnormal": "normal",
    "randomuniform": "uniform",
    "single": "float32",
    "sigmoidfocalloss": "binary_focal_crossentropy",
    "smoothl1": "huber",
    "squarederror": "mean_squared_error",
    "truncatednormal": "normal",
    "xavier": "glorot_uniform",
    "xavieruniform": "glorot_uniform",
    "xaviernormal": "glorot_normal",
}
"""What the names of others mean here; in small letters, without what stands between."""


def lookup(kind: str, name: object, table: Mapping[str, T]) -> T:
    """Return ``table[name]``.

    Parameters
    ----------
    kind : str
        What the table holds, for the message: ``"activation"``, ``"loss"``...
    name : object
        The name that was asked for.
    table : mapping of str
        All known names.

    Raises
    ------
    TypeError
        If `name` is not a string.
    ValueError
        If `name` is not in `table`; the message suggests the nearest name and lists all.

    Examples
    --------
    >>> lookup("colour", "rde", {"red": 1, "blue": 2})
    Traceback (most recent call last):
        ...
    ValueError: unknown colour 'rde'; did you mean 'red'? Known: blue, red
    """
    if not isinstance(name, str):
        what = f"{kind} must be a name (str), got {name!r} of type {type(name).__name__}"
        meant = OF_A_KIND.get(kind, {}).get(bare(type(name).__name__))
        raise TypeError(f"{what}; {meant}" if meant else what + _mend_of(name, table))
    if name in table:
        return table[name]
    meant = OF_A_KIND.get(kind, {}).get(bare(name))
    mend = f"; {meant}." if meant else did_you_mean(name, table) or "."
    raise ValueError(f"unknown {kind} {name[:80]!r}{mend} Known: {', '.join(sorted(table))}")


def _mend_of(what: object, table: Iterable[str]) -> str:
    """Return the end of a message about what is no name, where it has one."""
    own = getattr(what, "__name__", None)
    if not isinstance(own, str):
        return ""
    return f"; write {own}()" if isinstance(what, type) else did_you_mean(own, table)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name; nothing if no known name is like it.

    Examples
    --------
    >>> did_you_mean("rde", ["red", "blue"]), did_you_mean("purple", ["red", "blue"])
    ("; did you mean 'red'?", '')
    >>> did_you_mean("Relu", ["elu", "relu"]), did_you_mean("logistic", ["sigmoid", "relu"])
    ("; did you mean 'relu'?", "; did you mean 'sigmoid'?")
    """
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that an unknown one is most like; None if there is none like it.

    Examples
    --------
    >>> nearest("Sold", ["size", "sold"]), nearest("purple", ["red", "blue"])
    ('sold', None)
    """
    known = list(known)
    if meant := _meant(name, known):
        return meant
    import difflib  # here, not at the top: only misses need it, and `import nncore` should be quick

    near = difflib.get_close_matches(name, known, n=1) or difflib.get_close_matches(name.lower(), known, n=1)
    return near[0] if near else None


def _meant(name: str, known: list[str]) -> str | None:
    """Return the known name that this one is but for capitals and signs between, or that means the same."""
    meant = bare(name)
    return next((one for one in known if meant in (bare(one), bare(one) + "loss") or one == SYNONYMS.get(meant)), None)
