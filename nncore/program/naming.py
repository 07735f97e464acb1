"""Layers in depth, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nncore.layers import Activation, Layer, branches


def in_depth(layers: Iterable[Layer], depth: int = 0) -> Iterator[tuple[int, Layer]]:
    """Yield each layer, those inside of a `Residual` or `Parallel` behind it, with its depth."""
    for layer in layers:
        yield depth, layer
        for inner in branches(layer):
            yield from in_depth(inner, depth + 1)


_DEFAULT_NAMES = {
    "BatchNorm": "batch_norm",
    "LayerNorm": "layer_norm",
    "CategoryEncoding": "category_encoding",
    "RMSNorm": "rms_norm",
    "GaussianNoise": "gaussian_noise",
}


def layer_name(layer: Layer, number: int) -> str:
    """Return the layer's own name, or the one it gets from its number.

    Examples
    --------
    >>> from nncore.layers import Dense
    >>> layer_name(Dense(3), 2)
    'dense_2'
    """
    given = None if isinstance(layer, Activation) else getattr(layer, "name", None)
    kind = type(layer).__name__
    return given or f"{_DEFAULT_NAMES.get(kind, kind.lower())}_{number}"


def layer_names(layers: Iterable[Layer]) -> list[str]:
    """Return the names of all layers in depth, by their numbers.

    Examples
    --------
    >>> from nncore.layers import Dense, Dropout, Residual
    >>> layer_names([Dense(3), Residual([Dense(3), Dropout(0.5)]), Dense(1, name="answer")])
    ['dense_0', 'residual_1', 'dense_2', 'dropout_3', 'answer']
    """
    return [layer_name(layer, number) for number, (_, layer) in enumerate(in_depth(layers))]


def count_layers(layers: Iterable[Layer]) -> int:
    """Return how many layers there are in depth."""
    return sum(1 for _ in in_depth(layers))
