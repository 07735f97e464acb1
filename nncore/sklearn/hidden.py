"""The network that the arguments of `MLPClassifier` and `MLPRegressor` describe: its layers, and its first weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from nncore.base.typing import Array
from nncore.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm, Residual, branches
from nncore.model.sequential import Sequential
from nncore.sklearn.settings import Settings
from nncore.sklearn.targets import Targets

Start = list[tuple[Array, Array]]


def layers(settings: Settings, n_features: int, targets: Targets, l2: float) -> list[Layer]:
    """Return the layers of a network, from the first hidden one to the output.

    Parameters
    ----------
    settings : Settings
    n_features : int
    targets : Labels or Numbers
        What the output is.
    l2 : float
        Of every weight.
    """
    found: list[Layer] = []
    width = n_features
    hidden = zip(settings.hidden_layer_sizes, settings.activation, settings.dropout, strict=True)
    for size, activation, dropout in hidden:
        block = _block(settings, size, activation, dropout, l2)
        found += [Residual(tuple(block))] if settings.residual and width == size else block
        width = size
    return [*found, _dense(settings, targets.width, Activation(targets.activation), l2)]


def _block(settings: Settings, size: int, activation: Activation, dropout: float, l2: float) -> list[Layer]:
    """Return one hidden layer, with what belongs to it."""
    block: list[Layer]
    if settings.normalization is None:
        block = [_dense(settings, size, activation, l2)]
    else:
        norm = BatchNorm() if settings.normalization == "batch" else LayerNorm()
        block = [_dense(settings, size, Activation(), l2), norm, activation]
    return [*block, Dropout(dropout)] if dropout else block


def _dense(settings: Settings, size: int, activation: Activation, l2: float) -> Dense:
    return Dense(size, activation, weight_initializer=settings.weight_initializer, l2=l2)


def first_weights(settings: Settings, n_features: int, n_outputs: int, generator: Any) -> Start | None:
    """Draw weight (n_in, n_out) and bias (n_out,) of each layer as scikit-learn does: the same, of the same generator.

    They are uniform within Glorot's limit, which scikit-learn chooses by the hidden activation for the output as well.
    Of small tables, networks that begin with He's weights learn less well with scikit-learn's defaults.

    Returns
    -------
    list of tuple, or None
        None where another initializer was asked for.
    """
    if not isinstance(settings.weight_initializer, str) or settings.weight_initializer != "auto":
        return None
    widths = [n_features, *settings.hidden_layer_sizes, n_outputs]
    activations = [*settings.activation, *(settings.activation[-1:] or [Activation()])]
    found = []
    for n_in, n_out, activation in zip(widths[:-1], widths[1:], activations, strict=True):
        limit = np.sqrt((2 if activation.name == "sigmoid" else 6) / (n_in + n_out))
        weight = generator.uniform(-limit, limit, (n_in, n_out))
        found.append((weight, generator.uniform(-limit, limit, n_out)))
    return found


def adapt(model: Sequential, wanted: list[Layer], dtype: str | None) -> None:
    """Give a trained model the layers of the arguments as they are now: penalties, rates and activations may change.

    Parameters
    ----------
    model : Sequential
    wanted : list of layers
    dtype : str or None
        What it is to be computed in; None for what the model is of.

    Raises
    ------
    ValueError
        If it would have other weights.
    """
    if dtype not in (None, model.dtype_policy):
        raise ValueError(
            f"dtype={dtype!r}, but the network that was trained is of {model.dtype_policy}; "
            "to begin anew, call fit with warm_start=False"
        )
    if _kinds(model.layers) != _kinds(wanted):
        raise ValueError(
            "the arguments describe another network than the one that was trained: "
            f"{list(wanted)}, not {list(model.layers)}; to begin anew, call fit with warm_start=False"
        )
    for index, (old, new) in enumerate(zip(model.layers, wanted, strict=True)):
        if old != new:
            model.replace(index, new)


SIZES = ("units", "columns", "num_tokens", "input_dim", "output_dim")


def _kinds(of: Iterable[Layer]) -> list[Any]:
    """Return what the shapes of weights follow from."""
    return [
        (type(layer), [getattr(layer, size, None) for size in SIZES], [_kinds(inner) for inner in branches(layer)])
        for layer in of
    ]
