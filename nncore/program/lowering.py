"""Lower a model's layers to a program: a straight list of rows that the engine, or the NumPy reference, runs.

Shapes are inferred in `nncore.program.rows`; what the network ends with and its size are looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from nncore import losses
from nncore.base import checks, memory
from nncore.layers import (
    LAYERS,
    MAX_UNITS,
    Activation,
    CategoryEncoding,
    Columns,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    Parallel,
    Residual,
    as_activation,
    branches,
    leaves,
)
from nncore.losses import CustomLoss, Loss, Reading, SeveralLosses
from nncore.program.heads import (
    SPOILS,
    Head,
    branches_of,
    heads_of,
    output_names,
    refuse_unsuitable_output,
    take_link,
)
from nncore.program.row import BATCH, ParameterBlock, Row, batch_columns
from nncore.program.rows import Rows, refuse_lone_softmax

MIXED_BFLOAT16 = "mixed_bfloat16"
"""Keras' name for products of operands rounded to bfloat16, in float32 otherwise."""


class Category(NamedTuple):
    """A column of the batch that holds numbers of categories, 0 to n - 1, and the number of the layer that reads it."""

    column: int
    n: int
    layer: int


@dataclass(frozen=True)
class Program:
    """A network, its loss and its parameters' places, ready to run.

    Attributes
    ----------
    n_features, n_outputs, n_parameters, n_statistics : int
        Width of the input, width of the prediction, lengths of the flat vectors of parameters and of statistics.
    rows : tuple of Row
        The forward pass, in order.
    loss : str
        The loss kernel: squared_error, absolute_error, huber, sigmoid_crossentropy, softmax_crossentropy,
        sparse_softmax_crossentropy or another one of `nncore.losses`. It reads what the last row wrote, the raw
        prediction. Or custom, for `own_loss`.
    loss_parameter : float
        What the loss takes beside its arrays, such as Huber's delta; else 0.0.
    link : {"identity", "sigmoid", "softmax", "exponential", "sorted", "mean_and_variance"}
        What turns the raw prediction into the prediction.
    parameters : tuple of ParameterBlock
        All that is learned, in the order of the flat vector.
    statistics : tuple of ParameterBlock
        What is averaged over batches: means and variances of each batchnorm.
    precision : "mixed_bfloat16" or None
        Of the products of dense rows, where it is not that of all else.
    reading : Reading or None
        How the loss comes from the caller's targets to its own, where these are others.
    own_loss : CustomLoss or None
        What the engine asks in Python instead of a kernel.
    heads : tuple of Head
        Where there are several losses: the columns, loss and link of each, in the order of the columns. `loss` and
        `link` are "several" then, and the targets columns of one matrix. Empty where there is one loss, which the
        fields above describe.
    """

    n_features: int
    n_outputs: int
    n_parameters: int
    n_statistics: int
    rows: tuple[Row, ...]
    loss: str
    loss_parameter: float
    link: str
    parameters: tuple[ParameterBlock, ...]
    statistics: tuple[ParameterBlock, ...] = ()
    precision: str | None = None
    reading: Reading | None = None
    own_loss: CustomLoss | None = None
    heads: tuple[Head, ...] = ()

    @property
    def n_targets(self) -> int:
        """Columns of the targets, where these are numbers."""
        if self.heads:
            return sum(head.n_targets for head in self.heads)
        return self.n_outputs if self.reading is None else self.reading.n_targets

    @property
    def categories(self) -> tuple[Category, ...]:
        """The columns of the batch that must hold whole numbers, in the order of the layers that read them."""
        found = []
        for number, row in enumerate(self.rows):
            if row.op in ("one_hot", "embedding"):
                read = batch_columns(self.rows, number) or ()
                found += [Category(column, row.n_tokens, row.layer) for column in read]
        return tuple(found)

    @property
    def head_losses(self) -> tuple[str, ...]:
        """What the losses of the heads are called where they are recorded."""
        return tuple(f"{head.name}_loss" for head in self.heads)

    @property
    def masks(self) -> bool:
        """Whether targets that are NaN were not measured."""
        return any(part.reading is not None and part.reading.missing for part in self.heads or (self,))

    def __str__(self) -> str:
        header = ("row", "op", "reads", "layer", "n_in", "n_out", "activation", "weight", "bias")
        cells = [header, *(_cells(i, row) for i, row in enumerate(self.rows))]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        loss = f"{self.loss}({self.loss_parameter:g})" if self.loss_parameter else self.loss
        ends = [f"{head.name}: columns {head.first}.., link {head.link}, loss {head.loss}" for head in self.heads]
        return "\n".join([*lines, *ends, f"link {self.link}, loss {loss}, {self.n_parameters} parameters"])


def _cells(number: int, row: Row) -> tuple[str, ...]:
    functional = row.op in ("dense", "activation")
    op = row.op if functional or not row.parameter else f"{row.op}({row.parameter:g})"
    activation = f"{row.activation}({row.parameter:g})" if functional and row.parameter else row.activation
    reads = "+".join("X" if place == BATCH else str(place) for place in (row.source, row.skip) if place >= BATCH)
    places = ("-" if place < 0 else str(place) for place in (row.weight, row.bias))
    return (str(number), op, reads, str(row.layer), str(row.n_in), str(row.n_out), activation, *places)


def lower(layers: Sequence[Layer], n_features: int, loss: Loss | str, precision: str | None = None) -> Program:
    """Turn layers into a program.

    Parameters
    ----------
    layers : sequence of layers
        The network, from input to output.
    n_features : int
        Width of the input, 1 to 2**31 - 1.
    loss : Loss or str
        What is minimised. A crossentropy takes over the sigmoid or softmax of the last layer, which becomes the link;
        Poisson's takes over its exponential.
    precision : "mixed_bfloat16" or None
        Of the products of dense rows, where it is not that of all else.

    Returns
    -------
    Program

    Raises
    ------
    TypeError
        If an argument or a layer has the wrong type.
    ValueError
        If there is no layer or nothing to train, if the last layer does not suit the loss, or if the parameters would
        not fit into this machine's memory. Nothing has been allocated by then.

    Examples
    --------
    >>> print(lower([Dense(8, "relu"), Dense(3, "softmax")], 4, "sparse_categorical_crossentropy"))
    row     op  reads  layer  n_in  n_out  activation  weight  bias
      0  dense      X      0     4      8        relu       0    32
      1  dense      0      1     8      3    identity      40    64
    link softmax, loss sparse_softmax_crossentropy, 67 parameters
    """
    n_features = checks.integer(1, MAX_UNITS)("n_features", n_features)
    loss = losses.get(loss)
    layers = _checked(layers)
    if precision not in (None, MIXED_BFLOAT16):
        raise ValueError(f"precision must be None or {MIXED_BFLOAT16!r}, got {precision!r}")
    found = Rows(n_features)
    found.add(layers)
    if spoils := SPOILS.get(found.rows[-1].op):
        raise ValueError(
            f"{spoils[0]} as the last layer would {spoils[1]} predictions; remove it from the end of {list(layers)}"
        )
    n_parameters, n_statistics = _total(found.parameters), _total(found.statistics)
    _refuse_absurd_size(found.rows, n_parameters)
    heads: tuple[Head, ...] = ()
    if isinstance(loss, SeveralLosses):
        rows, heads = heads_of(found.rows, layers, loss)
        link = loss.kernel
    else:
        rows, link = take_link(found.rows, loss)
    return Program(
        n_features,
        rows[-1].n_out,
        n_parameters,
        n_statistics,
        tuple(rows),
        loss.kernel,
        loss.parameter,
        link,
        tuple(found.parameters),
        tuple(found.statistics),
        precision,
        loss.reading(rows[-1].n_out),
        loss if isinstance(loss, CustomLoss) else None,
        heads,
    )


def _total(blocks: Sequence[ParameterBlock]) -> int:
    return blocks[-1].offset + blocks[-1].size if blocks else 0


def last_activation(layers: Sequence[Layer]) -> str:
    """Return the name of the activation that a network ends with.

    Examples
    --------
    >>> last_activation([Dense(3), Activation("softmax"), Activation("identity")])
    'softmax'
    """
    for layer in reversed(layers):
        if isinstance(layer, Dense):
            return as_activation(layer.activation).name
        if not isinstance(layer, (Activation, Dropout, GaussianNoise)):
            return "identity"
        if isinstance(layer, Activation) and layer.name != "identity":
            return layer.name
    return "identity"


def check_output(layers: Sequence[Layer], loss: Loss) -> None:
    """Raise ValueError if what the network ends with does not suit `loss`, whatever its number of features."""
    if isinstance(loss, SeveralLosses):
        loss.check_count(len(branches_of(layers)))
        for name, branch, of_it in zip(output_names(layers), branches_of(layers), loss.losses, strict=True):
            try:
                check_output(branch, of_it)
            except ValueError as error:
                raise ValueError(f"output {name!r}: {error}") from None
        return
    width = output_width(layers)
    if width is not None:
        op = {Residual: "add", Parallel: "concat"}.get(type(layers[-1]), "dense")
        last = Row(op, len(layers) - 1, width, width, last_activation(layers))
        refuse_lone_softmax(last.activation, last.n_out, f"layers[{last.layer}]")
        refuse_unsuitable_output(last, loss)
        loss.reading(last.n_out)


def output_width(layers: Sequence[Layer], width: int | None = None) -> int | None:
    """Return the number of outputs of some layers with `width` inputs; None where that is not known and decides.

    Examples
    --------
    >>> output_width([Parallel([[Dense(3), Dropout(0.5)], [Dense(2)]])]), output_width([Dropout(0.5)])
    (5, None)
    """
    for layer in layers:
        if isinstance(layer, Dense):
            width = layer.units
        elif isinstance(layer, Columns):
            width = len(layer.columns)
        elif isinstance(layer, Embedding):
            width = layer.output_dim
        elif isinstance(layer, CategoryEncoding):
            width = None if width is None else width * layer.num_tokens
        elif inner := branches(layer):
            widths = [output_width(branch, width) for branch in inner]
            width = None if None in widths else sum(one for one in widths if one is not None)
    return width


def output_widths(layers: Sequence[Layer], width: int | None = None) -> Iterator[int | None]:
    """Yield `output_width` of each layer in depth, those inside of another behind it.

    Examples
    --------
    >>> list(output_widths([Dense(3), Parallel([[Dense(2)], [Dropout(0.5)]]), Dropout(0.5)]))
    [3, 5, 2, 3, 5]
    """
    for layer in layers:
        yield output_width([layer], width)
        for inner in branches(layer):
            yield from output_widths(inner, width)
        width = output_width([layer], width)


def _checked(layers: Sequence[Layer]) -> list[Layer]:
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(f"layers must be a list of layers, got {checks.described(layers)}")
    for i, layer in enumerate(layers):
        checks.exact(f"layers[{i}]", layer, LAYERS)
    if not layers:
        raise ValueError("layers must hold at least one Dense layer, got an empty list")
    if not any(isinstance(layer, Dense) for layer in leaves(layers)):
        raise ValueError(f"layers must hold at least one Dense layer, got {list(layers)}")
    return list(layers)


def refuse_absurd_size(program: Program, itemsize: int, n_slots: int) -> None:
    """Raise ValueError if the engine's parallel vectors would not fit into memory.

    Those are the weights and slots, their copies from the start of the epoch, and the transposed weights.
    """
    _refuse_absurd_size(program.rows, program.n_parameters, itemsize * (3 + 2 * n_slots))


def _refuse_absurd_size(rows: Sequence[Row], n_parameters: int, bytes_each: int = 8) -> None:
    """Raise if parameters and one row's outputs cannot exist; by default for the least there is, predicting float32."""
    n_bytes = bytes_each * n_parameters + 8 * sum(row.n_out for row in rows)
    limit = memory.available()
    if n_bytes > limit:
        raise ValueError(
            f"the network needs at least {memory.readable(n_bytes)} ({n_parameters:,} parameters), but this process "
            f"may use {memory.readable(limit)} of memory; expected fewer units or features"
        )


def refuse_unsuitable_batch(program: Program, batch_size: int, itemsize: int) -> None:
    """Raise ValueError if a program with a batchnorm cannot be trained on batches of so many rows.

    One row has no variance; and as every column is normalised over the whole batch, all activations of the batch and
    their derivatives are in memory at once.

    Examples
    --------
    >>> from nncore.layers import BatchNorm
    >>> refuse_unsuitable_batch(lower([Dense(2), BatchNorm(name="norm")], 3, "mse"), batch_size=1, itemsize=4)
    Traceback (most recent call last):
        ...
    ValueError: layer 'norm' normalises over a batch, and batch_size is 1 row, which has no variance; expected at \
least 2 rows in X and in a batch, or LayerNorm, which normalises each row
    """
    live = {row.layer for row in program.rows if row.op == "batchnorm" and not row.frozen}
    if not live:
        return
    name = next(block.name for block in program.statistics if block.layer in live).removesuffix(".mean")
    if batch_size == 1:
        raise ValueError(
            f"layer {name!r} normalises over a batch, and batch_size is 1 row, which has no variance; expected at "
            "least 2 rows in X and in a batch, or LayerNorm, which normalises each row"
        )
    bytes_each, limit = 2 * itemsize * (program.n_features + sum(row.n_out for row in program.rows)), memory.available()
    if program.precision is not None:  # what is multiplied lies there once more, rounded, by rows and by columns
        bytes_each += itemsize * sum(row.n_in + row.n_out for row in program.rows if row.op == "dense")
    if batch_size * bytes_each > limit:
        needed = memory.readable(batch_size * bytes_each)
        raise ValueError(
            f"layer {name!r} normalises over a batch, and batch_size={batch_size} needs at least {needed} at once, but "
            f"this process may use {memory.readable(limit)} of memory; expected a batch_size of at most "
            f"{limit // bytes_each}, fewer units, or LayerNorm, which normalises each row"
        )


def refuse_frozen(program: Program) -> None:
    """Raise ValueError if no layer of a program learns.

    Examples
    --------
    >>> refuse_frozen(lower([Dense(2, trainable=False), Dense(1)], 3, "mse"))
    """
    learning = ("dense", "batchnorm", "layernorm", "embedding", "prelu", "rmsnorm")
    if all(row.frozen for row in program.rows if row.op in learning):
        raise ValueError("every layer is frozen, so there is nothing to train; model.unfreeze(layer) lets one learn")
