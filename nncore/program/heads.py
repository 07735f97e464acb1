"""What a network ends with: the activation that a loss takes over, and of several losses the columns of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nncore.layers import Activation, Dropout, GaussianNoise, Layer, Parallel
from nncore.losses import Loss, Reading, SeveralLosses
from nncore.program.naming import count_layers, layer_names
from nncore.program.row import Row

SPARSE = "sparse_softmax_crossentropy"
SPOILS = {"dropout": ("Dropout", "drop"), "noise": ("GaussianNoise", "blur")}
"""What a network, or one of several outputs, cannot end with: the layer, and what it would do to predictions."""


@dataclass(frozen=True)
class Head:
    """One of several outputs: some columns of what the last row writes, in a row, with a loss of their own.

    Attributes
    ----------
    name : str
        Of the output.
    first, n_outputs : int
        Its columns of the prediction.
    loss, loss_parameter, link, reading
        As of a `nncore.program.Program`, which has one loss.
    weight : float
        What its loss counts in the sum of all.

    Examples
    --------
    >>> Head("kind", 1, 3, "sparse_softmax_crossentropy", 0.0, "softmax").n_targets
    1
    """

    name: str
    first: int
    n_outputs: int
    loss: str
    loss_parameter: float
    link: str
    reading: Reading | None = None
    weight: float = 1.0

    @property
    def n_targets(self) -> int:
        """Columns of its targets: class indices are one, of whole numbers."""
        if self.loss == SPARSE:
            return 1
        return self.n_outputs if self.reading is None else self.reading.n_targets


def branches_of(layers: Sequence[Layer]) -> tuple[tuple[Layer, ...], ...]:
    """Return the branches whose outputs lie side by side at the end of a network; none where it has one output."""
    return layers[-1].branches if layers and isinstance(layers[-1], Parallel) else ()


def output_names(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Return what the outputs of a network with several are called: as the last layer of each branch.

    `Activation`, `Dropout` and `GaussianNoise` are not counted; a branch without any other layer is called by its
    number.
    """
    branches = branches_of(layers)
    names, at, found = layer_names(layers), count_layers(layers[:-1]) + 1, []
    for k, branch in enumerate(branches):
        name = f"output_{k}"
        for layer in branch:
            if not isinstance(layer, (Activation, Dropout, GaussianNoise)):
                name = names[at]
            at += count_layers([layer])
        found.append(name)
    return tuple(found)


def heads_of(rows: Sequence[Row], layers: Sequence[Layer], loss: SeveralLosses) -> tuple[list[Row], tuple[Head, ...]]:
    """Return the rows, without the activations that the losses take over, and a head for each branch at their end.

    Raises
    ------
    ValueError
        If there are not as many branches as losses, or one does not suit its loss.
    """
    found, heads, first = list(rows), list[Head](), 0
    names, before = output_names(layers), count_layers(layers[:-1])
    loss.check_count(len(names))
    refuse_names(names)
    for name, end, of_it, weight in zip(names, ends(rows), loss.losses, loss.weights, strict=True):
        try:
            found[end], link = _linked(_own_end(rows, end, before, of_it), of_it)
            head = Head(name, first, rows[end].n_out, of_it.kernel, of_it.parameter, link, weight=weight)
            heads.append(replace(head, reading=of_it.reading(head.n_outputs)))
        except ValueError as error:
            raise ValueError(f"output {name!r}: {error}") from None
        first += head.n_outputs
    return found, tuple(heads)


def refuse_names(names: Sequence[str]) -> None:
    """Raise ValueError if the loss of an output would be called as one of the rows to validate on.

    Examples
    --------
    >>> refuse_names(["value", "valve"])
    """
    for name in names:
        if f"{name}_".startswith("val_"):
            raise ValueError(
                f"output {name!r} would have its loss as {name + '_loss'!r}, and val_* are scores of the rows to "
                "validate on; give the last layer of its branch another name: Dense(1, name='value')"
            )


def ends(rows: Sequence[Row]) -> list[int]:
    """Return the last row of each branch of the last layer: what its rows `concat` put side by side.

    Examples
    --------
    >>> rows = Row("dense", 1, 4, 3), Row("dense", 2, 4, 1), Row("concat", 0, 3, 4, source=0, skip=1)
    >>> ends(rows)
    [0, 1]
    """
    last, found, open_ones = rows[-1], list[int](), [len(rows) - 1]
    while open_ones:
        end = open_ones[-1]
        if end >= 0 and rows[end].op == "concat" and rows[end].layer == last.layer:  # -1 is the batch
            open_ones[-1:] = [rows[end].skip, rows[end].source]
        else:
            found.append(open_ones.pop())
    return found


def _own_end(rows: Sequence[Row], end: int, before: int, loss: Loss) -> Row:
    """Return the last row of a branch; `before`: layers before the last one, whose rows other branches read, too."""
    takes = loss.activation is not None and not loss.raw
    if end < 0 or (takes and rows[end].layer <= before):
        raise ValueError(f"a branch without layers cannot end with what the loss {loss.name} needs; give it a Dense")
    if spoils := SPOILS.get(rows[end].op):
        raise ValueError(f"{spoils[0]} at the end would {spoils[1]} predictions; remove it")
    return rows[end]


def take_link(rows: list[Row], loss: Loss) -> tuple[list[Row], str]:
    """Take the activation that belongs to a loss out of the last row, so that the loss reads what comes before it."""
    last, link = _linked(rows[-1], loss)
    if last is not rows[-1] and last.op == "activation":
        return rows[:-1], link
    return [*rows[:-1], last], link


def _linked(last: Row, loss: Loss) -> tuple[Row, str]:
    """Return a row without what the loss takes over from it, and the link."""
    refuse_unsuitable_output(last, loss)
    if loss.activation is None or loss.raw:
        return last, loss.link or "identity"
    if last.op != "activation" and (last.activity_l1 or last.activity_l2):
        raise ValueError(
            f"activity_l1 and activity_l2 of the last layer cannot be of its {loss.activation}, which the loss takes "
            f"over; for penalties of what goes into it, put Activation({loss.activation!r}) behind the Dense"
        )
    return replace(last, activation="identity", parameter=0.0), loss.activation


_LAST = {
    "add": "a Residual, which adds its input to what its last layer gives",
    "concat": "a Parallel, which puts what its branches give side by side",
    "columns": "Columns, which chooses some of what the layer before it gives",
    "one_hot": "a CategoryEncoding, which learns nothing",
    "embedding": "an Embedding, which looks up what it has learned",
}


def refuse_unsuitable_output(last: Row, loss: Loss) -> None:
    """Raise ValueError if what a row makes of its sums is not what the loss wants of the last one."""
    name, given = type(loss).__name__, last.activation
    if loss.last is not None and given not in loss.last:
        known = " or ".join("none" if one == "identity" else repr(one) for one in loss.last)
        raise ValueError(
            f"loss {name}() expects the last layer's activation to be {known}, got {given!r}; leave it out: "
            f"Dense({last.n_out})"
        )
    if loss.activation is None:
        return
    call = f"{name}({loss.raw_argument}={loss.raw})"
    if loss.raw and given != "identity":
        raise ValueError(
            f"loss {call} expects the last layer to have no activation, got {given!r}; "
            f"remove the activation, or set {loss.raw_argument}=False"
        )
    if last.op in _LAST and not loss.raw:
        raise ValueError(
            f"loss {call} expects {loss.activation!r} at the very end, but the last layer is {_LAST[last.op]}; put "
            f"Activation({loss.activation!r}) or another Dense behind it"
        )
    if not loss.raw and given != loss.activation:
        raw = "logarithms" if loss.activation == "exponential" else "logits"
        raise ValueError(
            f"loss {call} expects the last layer's activation to be {loss.activation!r}, got {given!r}; set "
            f"activation={loss.activation!r} on the last layer, or no activation there and "
            f"loss={name}({loss.raw_argument}=True), with which predict gives {raw}"
        )
    if loss.activation == "softmax" and last.n_out == 1:
        raise ValueError(f"loss {call} over 1 output is always 0; use BinaryCrossentropy with sigmoid for two classes")
