"""Rules about single layers: their gradients, their activations, their first weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nncore.base.protocols import LayerRecord, Record
from nncore.doctor.findings import Finding
from nncore.doctor.series import column, current_layers, end, finite, hidden_layers, percent, short

VANISHED = 1e-3
"""Share of the last layer's gradient. Healthy networks stay within a factor of 100 or so between layers (the units and
parameters of layers differ); Glorot and Bengio (2010, section 4) show what lies beyond."""
VANISHED_WHOLLY = 1e-6  # in float32, steps in such a layer are lost in rounding beside those of the last
EXPLODED = 1e3  # times the last layer's gradient: the mirror image of VANISHED
GROWN = 100.0
"""Times the first recorded gradient, while the loss is no better than it was. Norms within a factor of ten are usual
(Pascanu, Mikolov and Bengio, 2013, section 3.2, clip at half to ten times the average)."""

MANY_DEAD = 0.4  # share of units: what Karpathy's notes (CS231n, Neural Networks 1) call dead by too high a rate
NEARLY_ALL_DEAD = 0.8  # what is left can hardly represent anything
DEAD_RECORDS = 10
"""A unit that is silent in one batch may speak in the next; what is taken is the least share of so many records, or of
the second half where there are few: at the beginning, before the harm was done, units are alive."""

MANY_SATURATED = 0.5  # share of outputs: most of the layer passes no gradient on (Glorot and Bengio, 2010, section 3)
NEARLY_ALL_SATURATED = 0.9
LEARNT = 0.1  # share of the first loss: who came so far may well have saturated units, they are sure of the answer

STEEP_ENDS = ("sigmoid", "tanh")  # the activations that are flat on both sides


def vanishing_gradients(history: Record) -> Iterator[Finding]:
    """Report layers whose gradient is far below that of the last one."""
    ratios = _gradient_ratios(history)
    # Behind a layer that gives nothing but 0 the gradient is exactly 0: it has not vanished step by step.
    blocked = any(
        end(layer["activation_mean"]) == end(layer["activation_std"]) == 0 for layer in current_layers(history)
    )
    small = {name: ratio for name, ratio in ratios.items() if ratio < VANISHED and (ratio > 0 or not blocked)}
    if small:
        worst = min(small, key=lambda name: small[name])
        last = list(ratios)[-1]
        yield Finding(
            "vanishing_gradients",
            "severe" if small[worst] < VANISHED_WHOLLY else "warning",
            worst,
            f"its gradient is {short(small[worst])} times that of {last}{_also(small, worst)}",
            "Each layer on the way back multiplies the gradient by slopes and weights. Where these are small, the "
            "early layers hardly learn, whatever the later ones do.",
            'Dense(..., "relu", weight_initializer="he_normal") instead of sigmoid or tanh, BatchNorm() between the '
            "layers, Residual([...]) around them, or fewer layers.",
        )


def exploding_gradients(history: Record) -> Iterator[Finding]:
    """Report gradients that grow on the way back, or from epoch to epoch, or are infinite."""
    layers = _with_gradients(history)
    infinite = [layer.name for layer in layers if np.isinf(layer["gradient_norm"]).any()]
    large = {name: ratio for name, ratio in _gradient_ratios(history).items() if ratio > EXPLODED}
    growth, loss = _gradient_growth(layers), column(history, "loss")
    worst: str | None
    if infinite:
        worst, seen = infinite[0], f"its gradient became too large for a number{_also(infinite, infinite[0])}"
    elif large:
        worst = max(large, key=lambda name: large[name])
        seen = f"its gradient is {short(large[worst])} times that of {layers[-1].name}{_also(large, worst)}"
    elif growth > GROWN and len(loss) and end(loss) >= loss[0]:
        worst = None
        seen = f"the gradient grew to {short(growth)} times its first value, and the loss is no lower than at first"
    else:
        return
    yield Finding(
        "exploding_gradients",
        "severe",
        worst,
        seen,
        "One step with such a gradient throws the weights far off, and what was learnt is lost.",
        "Clip it, for example compile(Adam(clip_norm=1.0)); smaller first weights, such as "
        'weight_initializer="glorot_uniform"; BatchNorm() between the layers; a smaller learning_rate.',
    )


def _with_gradients(history: Record) -> list[LayerRecord]:
    layers = current_layers(history)
    return [layer for layer in layers if not np.isnan(layer["gradient_norm"]).all()]


def _gradient_ratios(history: Record) -> dict[str, float]:
    """Return the gradient of each layer divided by that of the last layer that has one: 1 for this last one."""
    layers = _with_gradients(history)
    if not layers:
        return {}
    return {layer.name: _end_of_ratio(layer, layers[-1]) for layer in layers}


def _end_of_ratio(layer: LayerRecord, last: LayerRecord) -> float:
    _, own, others = np.intersect1d(layer.epochs, last.epochs, assume_unique=True, return_indices=True)
    norm, reference = layer["gradient_norm"][own], last["gradient_norm"][others]
    known = reference > 0
    return end(norm[known] / reference[known])


def _gradient_growth(layers: Sequence[LayerRecord]) -> float:
    """Return by what factor the largest gradient of a layer has grown since the first record; NaN if unknown."""
    if not layers:
        return float("nan")
    shared = min(map(len, layers))
    norms = np.fmax.reduce([layer["gradient_norm"][-shared:] for layer in layers])
    positive = finite(norms[norms > 0])
    return end(positive) / positive[0] if len(positive) else float("nan")


def dead_relus(history: Record) -> Iterator[Finding]:
    """Report ReLU layers many of whose units are 0 for every row, record after record."""
    dead = {}
    for layer in current_layers(history):
        known = finite(layer["dead"])
        shares = known[-min(DEAD_RECORDS, (len(known) + 1) // 2) :]
        if layer.activation == "relu" and len(shares) and shares.min() >= MANY_DEAD:
            dead[layer.name] = float(shares.min())
    if dead:
        worst = max(dead, key=lambda name: dead[name])
        yield Finding(
            "dead_relus",
            "severe" if dead[worst] >= NEARLY_ALL_DEAD else "warning",
            worst,
            f"{percent(dead[worst])} of its units gave 0 for every row that was looked at{_also(dead, worst)}",
            "Where a ReLU gives 0 its slope is 0 too: a unit that is 0 for all rows gets no gradient and never "
            "recovers. The layer is as good as that much narrower.",
            'a smaller learning_rate; Dense(..., "leaky_relu") or "elu"; weight_initializer="he_normal"; BatchNorm(); '
            "inputs that are standardised.",
        )


def saturation(history: Record) -> Iterator[Finding]:
    """Report hidden sigmoid and tanh layers that work at their flat ends while the loss is still high."""
    loss = column(history, "loss")
    if len(loss) and end(loss) <= LEARNT * loss[0]:
        return
    hidden = [layer for layer in hidden_layers(history) if layer.activation in STEEP_ENDS]  # an output may be sure
    shares = {layer.name: end(layer["saturated"]) for layer in hidden}
    flat = {name: share for name, share in shares.items() if share >= MANY_SATURATED}
    if flat:
        worst = max(flat, key=lambda name: flat[name])
        yield Finding(
            "saturation",
            "severe" if flat[worst] >= NEARLY_ALL_SATURATED else "warning",
            worst,
            f"{percent(flat[worst])} of its outputs lie where the activation is nearly flat{_also(flat, worst)}",
            "There the slope is below 5 % of its largest, so that next to no gradient comes through, to this layer or "
            "to those before it.",
            'smaller first weights, such as weight_initializer="glorot_uniform"; standardised inputs; BatchNorm() '
            'before the activation; Dense(..., "relu").',
        )


def symmetric_start(history: Record) -> Iterator[Finding]:
    """Report hidden layers whose units all began alike, or with nothing but zeros."""
    hidden = hidden_layers(history)
    zero = [layer.name for layer in hidden if (layer["weight_std"][0], layer["weight_mean"][0]) == (0, 0)]
    names = list(dict.fromkeys([*history.symmetric, *zero]))
    if names:
        what = "all its weights were 0" if names[0] in zero else "all its units began with the same weights"
        yield Finding(
            "symmetric_start",
            "severe",
            names[0],
            f"{what}{_also(names, names[0])}",
            "Units that begin alike get equal gradients and stay alike: the layer can do no more than a single unit, "
            "and between zeros no gradient flows at all.",
            "leave weight_initializer out, which draws weights at random to suit the activation, or name one: "
            '"glorot_uniform" for sigmoid and tanh, "he_normal" for relu.',
        )


def _also(names: Sequence[str] | dict[str, float], worst: str) -> str:
    others = [name for name in names if name != worst]
    if not others:
        return ""
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"; also {', '.join(others[:3])}{more}"
