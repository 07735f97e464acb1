"""Lower a model's layers to a program: a straight list of rows that the engine, or the NumPy reference, runs.

All shape inference, and every error about shapes, is here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nncore import losses, memory, spec
from nncore.initializers import Initializer
from nncore.layers import LAYERS, MAX_UNITS, Activation, Dense, Layer, as_activation
from nncore.losses import Crossentropy, Loss


@dataclass(frozen=True)
class Row:
    """One step of a program: row i reads what row i - 1 wrote (row 0 the batch) and writes a block of its own.

    Attributes
    ----------
    op : {"dense", "activation"}
        What is computed: ``activation(x @ weight + bias)``, or ``activation(x)``.
    layer : int
        Number of the layer it came from.
    n_in, n_out : int
        Width of what it reads and of what it writes.
    activation : str
        A name in `nncore.activations.ACTIVATIONS`, ``"identity"`` for none.
    parameter : float
        The activation's parameter; 0.0 where it has none.
    weight, bias : int
        Index in the flat parameter vector of the first value of the weight (n_in, n_out), in C order, and of the bias
        (n_out,), which lies right behind the weight; -1 for none.
    """

    op: str
    layer: int
    n_in: int
    n_out: int
    activation: str = "identity"
    parameter: float = 0.0
    weight: int = -1
    bias: int = -1


@dataclass(frozen=True)
class ParameterBlock:
    """One weight or bias: where it lies in the flat parameter vector and how it begins.

    Attributes
    ----------
    name : str
        ``"<layer>.weight"`` or ``"<layer>.bias"``.
    layer : int
        Number of the layer it belongs to.
    shape : tuple of int
        (n_in, n_out) of a weight, (n_out,) of a bias.
    offset : int
        Index of its first value.
    initializer : str, Constant, RandomNormal or RandomUniform
        Where its first values come from.
    activation : str
        The activation behind it, which decides what the initializer ``"auto"`` means.
    """

    name: str
    layer: int
    shape: tuple[int, ...]
    offset: int
    initializer: Initializer
    activation: str

    @property
    def size(self) -> int:
        """Number of values."""
        return self.shape[0] * (self.shape[1] if len(self.shape) == 2 else 1)


@dataclass(frozen=True)
class Program:
    """A network, its loss and its parameters' places, ready to run.

    Attributes
    ----------
    n_features, n_outputs, n_parameters : int
        Width of the input, width of the prediction, length of the flat parameter vector.
    rows : tuple of Row
        The forward pass, in order.
    loss : str
        The loss kernel: squared_error, absolute_error, huber, sigmoid_crossentropy, softmax_crossentropy or
        sparse_softmax_crossentropy. It reads what the last row wrote, the raw prediction.
    loss_parameter : float
        Huber's delta; 0.0 elsewhere.
    link : {"identity", "sigmoid", "softmax"}
        What turns the raw prediction into the prediction.
    parameters : tuple of ParameterBlock
        All weights and biases, in the order of the flat vector.
    """

    n_features: int
    n_outputs: int
    n_parameters: int
    rows: tuple[Row, ...]
    loss: str
    loss_parameter: float
    link: str
    parameters: tuple[ParameterBlock, ...]

    def __str__(self) -> str:
        header = ("row", "op", "layer", "n_in", "n_out", "activation", "weight", "bias")
        cells = [header, *(_cells(i, row) for i, row in enumerate(self.rows))]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        loss = f"{self.loss}({self.loss_parameter:g})" if self.loss_parameter else self.loss
        return "\n".join([*lines, f"link {self.link}, loss {loss}, {self.n_parameters} parameters"])


def _cells(number: int, row: Row) -> tuple[str, ...]:
    activation = f"{row.activation}({row.parameter:g})" if row.parameter else row.activation
    places = ("-" if place < 0 else str(place) for place in (row.weight, row.bias))
    return (str(number), row.op, str(row.layer), str(row.n_in), str(row.n_out), activation, *places)


def lower(layers: Sequence[Layer], n_features: int, loss: Loss | str) -> Program:
    """Turn layers into a program.

    Parameters
    ----------
    layers : sequence of Dense and Activation
        The network, from input to output.
    n_features : int
        Width of the input, 1 to 2**31 - 1.
    loss : Loss or str
        What is minimised. A crossentropy takes over the sigmoid or softmax of the last layer, which becomes the link.

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
    row     op  layer  n_in  n_out  activation  weight  bias
      0  dense      0     4      8        relu       0    32
      1  dense      1     8      3    identity      40    64
    link softmax, loss sparse_softmax_crossentropy, 67 parameters
    """
    n_features = spec.integer(1, MAX_UNITS)("n_features", n_features)
    loss = losses.get(loss)
    layers = _checked(layers)
    rows = _rows(layers, n_features)
    parameters = _parameter_blocks(layers, rows)
    n_parameters = sum(block.size for block in parameters)
    _refuse_absurd_size(rows, n_parameters)
    rows, link = _take_link(rows, loss)
    return Program(
        n_features, rows[-1].n_out, n_parameters, tuple(rows), loss.kernel, loss.parameter, link, tuple(parameters)
    )


def last_activation(layers: Sequence[Layer]) -> str:
    """Return the name of the activation that a network ends with.

    Examples
    --------
    >>> last_activation([Dense(3), Activation("softmax"), Activation("identity")])
    'softmax'
    """
    for layer in reversed(layers):
        activation = layer if isinstance(layer, Activation) else as_activation(layer.activation)
        if isinstance(layer, Dense) or activation.name != "identity":
            return activation.name
    return "identity"


def check_output(layers: Sequence[Layer], loss: Loss) -> None:
    """Raise ValueError if what the network ends with does not suit `loss`, whatever its number of features."""
    rows = _rows(layers, 2)
    if rows and isinstance(loss, Crossentropy):
        _refuse_unsuitable_output(rows[-1], loss)


def _checked(layers: Sequence[Layer]) -> list[Layer]:
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(f"layers must be a list of layers, got {spec.described(layers)}")
    for i, layer in enumerate(layers):
        spec.exact(f"layers[{i}]", layer, LAYERS)
    if not layers:
        raise ValueError("layers must hold at least one Dense layer, got an empty list")
    if not any(isinstance(layer, Dense) for layer in layers):
        raise ValueError(f"network has no parameters: layers must hold at least one Dense layer, got {list(layers)}")
    return list(layers)


def _rows(layers: Sequence[Layer], n_features: int) -> list[Row]:
    """Shape inference: a row per layer, but none for an activation that the row before it can apply itself."""
    rows: list[Row] = []
    n_in, n_parameters = n_features, 0
    for i, layer in enumerate(layers):
        if isinstance(layer, Dense):
            rows.append(_dense_row(i, layer, n_in, n_parameters))
            n_in, n_parameters = layer.units, n_parameters + (n_in + layer.use_bias) * layer.units
        elif layer.name == "identity":
            continue
        elif rows and rows[-1].op == "dense" and rows[-1].activation == "identity":
            rows[-1] = replace(rows[-1], activation=layer.name, parameter=layer.parameter)
        else:
            rows.append(Row("activation", i, n_in, n_in, layer.name, layer.parameter))
        _refuse_lone_softmax(rows[-1])
    return rows


def _dense_row(number: int, layer: Dense, n_in: int, weight: int) -> Row:
    activation = as_activation(layer.activation)
    bias = weight + n_in * layer.units if layer.use_bias else -1
    return Row("dense", number, n_in, layer.units, activation.name, activation.parameter, weight, bias)


def _refuse_lone_softmax(row: Row) -> None:
    if row.activation == "softmax" and row.n_out == 1:
        raise ValueError(
            f"layers[{row.layer}]: softmax over 1 output is always 1; use sigmoid for two classes in one output, "
            "or one output per class"
        )


def _parameter_blocks(layers: Sequence[Layer], rows: Sequence[Row]) -> list[ParameterBlock]:
    blocks: list[ParameterBlock] = []
    owners: dict[str, int] = {}
    for row in rows:
        layer = layers[row.layer]
        if not isinstance(layer, Dense):
            continue
        name = layer.name if layer.name is not None else f"dense_{row.layer}"
        if name in owners:
            raise ValueError(f"layers {owners[name]} and {row.layer} are both named {name!r}; expected different names")
        owners[name] = row.layer
        weight = (f"{name}.weight", row.layer, (row.n_in, row.n_out), row.weight, layer.weight_initializer)
        blocks.append(ParameterBlock(*weight, row.activation))
        if layer.use_bias:
            bias = (f"{name}.bias", row.layer, (row.n_out,), row.bias, layer.bias_initializer)
            blocks.append(ParameterBlock(*bias, row.activation))
    return blocks


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
            f"the network needs at least {n_bytes} bytes ({n_parameters} parameters), but this process may use {limit} "
            "bytes of memory; expected fewer units or features"
        )


def _take_link(rows: list[Row], loss: Loss) -> tuple[list[Row], str]:
    """Take the sigmoid or softmax that belongs to a crossentropy out of the last row, so that the loss reads logits."""
    if not isinstance(loss, Crossentropy):
        return rows, "identity"
    last = rows[-1]
    _refuse_unsuitable_output(last, loss)
    if loss.from_logits:
        return rows, "identity"
    if last.op == "activation":
        return rows[:-1], loss.activation
    return [*rows[:-1], replace(last, activation="identity", parameter=0.0)], loss.activation


def _refuse_unsuitable_output(last: Row, loss: Crossentropy) -> None:
    call = f"{type(loss).__name__}(from_logits={loss.from_logits})"
    if loss.from_logits and last.activation != "identity":
        raise ValueError(
            f"loss {call} expects the last layer to have no activation, got {last.activation!r}; "
            "remove the activation, or set from_logits=False"
        )
    if not loss.from_logits and last.activation != loss.activation:
        raise ValueError(
            f"loss {call} expects the last layer's activation to be {loss.activation!r}, got {last.activation!r}; set "
            f"activation={loss.activation!r} on the last layer, or no activation there and from_logits=True in the loss"
        )
    if loss.activation == "softmax" and last.n_out == 1:
        raise ValueError(f"loss {call} over 1 output is always 0; use BinaryCrossentropy with sigmoid for two classes")
