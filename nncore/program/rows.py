"""Shape inference: from layers to the rows of a program and the places of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nncore.initializers import Initializer
from nncore.layers import (
    MAX_UNITS,
    Activation,
    BatchNorm,
    CategoryEncoding,
    Columns,
    Dense,
    Dropout,
    Embedding,
    GaussianNoise,
    Layer,
    LayerNorm,
    Normalization,
    Parallel,
    PReLU,
    Residual,
    RMSNorm,
    as_activation,
)
from nncore.program.naming import layer_name
from nncore.program.row import BATCH, ParameterBlock, Row, written_columns


@dataclass
class Rows:
    """The rows of some layers, as far as they have been added, and the blocks of their parameters.

    Attributes
    ----------
    width : int
        Of what the last row writes; at first the number of features.
    rows : list of Row
    end : int
        Number of the row that the next one reads; -1 for the batch.
    parameters, statistics : list of ParameterBlock
        In the order of their flat vectors.
    n_layers : int
        How many layers have been counted.

    Examples
    --------
    >>> rows = Rows(3)
    >>> rows.add([Dense(4, "relu"), Residual([Dense(4)])])
    >>> [(row.op, row.source, row.skip) for row in rows.rows]
    [('dense', -1, -2), ('dense', 0, -2), ('add', 1, 0)]
    """

    width: int
    rows: list[Row] = field(default_factory=list)
    end: int = BATCH
    parameters: list[ParameterBlock] = field(default_factory=list)
    statistics: list[ParameterBlock] = field(default_factory=list)
    n_layers: int = 0
    _owners: dict[str, int] = field(default_factory=dict)
    _frozen: bool = False  # whether a Residual or Parallel around is
    _branch: int = 0  # the first row of the innermost list of layers: what an activation may become part of

    def add(self, layers: Sequence[Layer], where: str = "layers") -> None:
        """Append the rows of layers.

        Raises
        ------
        ValueError
            If a softmax has one output, two layers have the same name, a `Residual` without a projection would have to
            add different widths, `Columns` names one that there is not, or what reads categories reads anything else
            than columns of the batch.
        """
        for i, layer in enumerate(layers):
            _ADD[type(layer)](self, layer, self._next_number(), f"{where}[{i}]")

    def _next_number(self) -> int:
        self.n_layers += 1
        return self.n_layers - 1

    def _append(self, row: Row) -> None:
        self.rows.append(row)
        self.width, self.end = row.n_out, len(self.rows) - 1

    def _block(
        self,
        blocks: list[ParameterBlock],
        layer: int,
        name: str,
        shape: tuple[int, ...],
        initializer: Initializer,
        activation: str,
    ) -> int:
        """Give a parameter its place behind the others and return it."""
        offset = blocks[-1].offset + blocks[-1].size if blocks else 0
        blocks.append(ParameterBlock(name, layer, shape, offset, initializer, activation))
        return offset

    def _name(self, layer: Layer, number: int) -> str:
        name = layer_name(layer, number)
        if name in self._owners:
            owner = self._owners[name]
            raise ValueError(f"layers {owner} and {number} are both named {name!r}; expected different names")
        self._owners[name] = number
        return name

    def _dense(self, layer: Dense, number: int, where: str) -> None:
        name, activation = self._name(layer, number), as_activation(layer.activation)
        refuse_lone_softmax(activation.name, layer.units, where)
        shape, how = (self.width, layer.units), activation.name
        weight = self._block(self.parameters, number, f"{name}.weight", shape, layer.weight_initializer, how)
        bias = -1
        if layer.use_bias:
            bias = self._block(self.parameters, number, f"{name}.bias", shape[1:], layer.bias_initializer, how)
        row = Row("dense", number, *shape, activation.name, activation.parameter, weight, bias, self.end)
        decay, limit = layer.weight_decay, layer.max_norm
        row = replace(row, l1=layer.l1, l2=layer.l2, weight_decay=decay, max_norm=limit)
        row = replace(row, bias_l1=layer.bias_l1, bias_l2=layer.bias_l2)
        row = replace(row, activity_l1=layer.activity_l1, activity_l2=layer.activity_l2)
        self._append(self._with_rate(row, layer))

    def _with_rate(self, row: Row, layer: Dense | BatchNorm | LayerNorm | Embedding | RMSNorm | PReLU) -> Row:
        frozen = self._frozen or not layer.trainable
        return replace(row, frozen=frozen, rate_factor=layer.learning_rate_multiplier)

    def _activation(self, layer: Activation, number: int, where: str) -> None:
        """Append a row, unless the row before can apply the function itself and nobody else reads it."""
        refuse_lone_softmax(layer.name, self.width, where)
        last = self.end
        if layer.name == "identity":
            return
        if self._begins_before(layer.name) and not (self.rows[last].activity_l1 or self.rows[last].activity_l2):
            self.rows[last] = replace(self.rows[last], activation=layer.name, parameter=layer.parameter)
        else:
            self._append(Row("activation", number, *self._square, layer.name, layer.parameter, source=last))

    def _begins_before(self, activation: str) -> bool:
        """Let the parameters of a dense row right before begin as before an activation; return whether there is one."""
        last = self.end
        if last < self._branch or self.rows[last].op != "dense" or self.rows[last].activation != "identity":
            return False
        for i, block in enumerate(self.parameters):
            if block.layer == self.rows[self.end].layer:
                self.parameters[i] = replace(block, activation=activation)
        return True

    @property
    def _square(self) -> tuple[int, int]:
        return self.width, self.width

    def _norm(self, op: str, layer: BatchNorm | LayerNorm | RMSNorm, number: int, name: str) -> Row:
        gamma, beta, shape = -1, -1, (self.width,)
        if layer.affine:
            gamma = self._block(self.parameters, number, f"{name}.gamma", shape, "ones", "identity")
            if op != "rmsnorm":
                beta = self._block(self.parameters, number, f"{name}.beta", shape, "zeros", "identity")
        row = Row(op, number, *self._square, "identity", layer.epsilon, gamma, beta, self.end)
        return self._with_rate(row, layer)

    def _batch_norm(self, layer: BatchNorm, number: int, where: str) -> None:
        name, shape = self._name(layer, number), (self.width,)
        row = self._norm("batchnorm", layer, number, name)
        mean = self._block(self.statistics, number, f"{name}.mean", shape, "zeros", "identity")
        self._block(self.statistics, number, f"{name}.variance", shape, "ones", "identity")
        self._append(replace(row, statistics=mean, momentum=layer.momentum))

    def _normalization(self, layer: Normalization, number: int, where: str) -> None:
        """Append a batchnorm that is frozen and has no epsilon: its statistics are not those of a batch."""
        name, blocks = self._name(layer, number), self.statistics
        if written_columns(self.rows, self.end, self.width) is None:
            raise ValueError(
                f"{where}: Normalization reads the rows as they are given, and there are layers before it other than "
                "Columns; put it first, or use BatchNorm or LayerNorm here"
            )
        first = self._block(blocks, number, f"{name}.mean", (self.width,), "zeros", "identity")
        self._block(blocks, number, f"{name}.variance", (self.width,), "zeros", "identity")
        for at, values in zip((-2, -1), (layer.mean, layer.variance), strict=True):
            if isinstance(values, tuple) and len(values) != self.width:
                what = blocks[at].name.rpartition(".")[2]
                raise ValueError(f"{where}: {what} has {len(values)} values, but there are {self.width} columns")
            blocks[at] = replace(blocks[at], given=values)
        self._append(Row("batchnorm", number, *self._square, source=self.end, statistics=first, frozen=True))

    def _layer_norm(self, layer: LayerNorm, number: int, where: str) -> None:
        self._append(self._norm("layernorm", layer, number, self._name(layer, number)))

    def _dropout(self, layer: Dropout, number: int, where: str) -> None:
        rate = round(layer.rate * 2**16) / 2**16
        if rate:
            rate = min(rate, 1 - 2**-16)
            self._append(Row("dropout", number, *self._square, parameter=rate, source=self.end))

    def _rms_norm(self, layer: RMSNorm, number: int, where: str) -> None:
        self._append(self._norm("rmsnorm", layer, number, self._name(layer, number)))

    def _prelu(self, layer: PReLU, number: int, where: str) -> None:
        last, shape = self.end, (self.width,)
        self._begins_before("relu")
        name = f"{self._name(layer, number)}.alpha"
        alpha = self._block(self.parameters, number, name, shape, layer.alpha_initializer, "identity")
        self._append(self._with_rate(Row("prelu", number, *self._square, weight=alpha, source=last), layer))

    def _noise(self, layer: GaussianNoise, number: int, where: str) -> None:
        if layer.stddev:
            self._append(Row("noise", number, *self._square, parameter=layer.stddev, source=self.end))

    def _residual(self, layer: Residual, number: int, where: str) -> None:
        name, width, start = self._name(layer, number), self.width, self.end
        outer, self._branch = self._branch, len(self.rows)
        frozen, self._frozen = self._frozen, self._frozen or not layer.trainable
        self.add(layer.layers, f"{where}.layers")
        end, skip = self.end, start
        if self.width != width:
            skip = self._projection(layer, number, name, width, start, where)
        self._append(Row("add", number, *self._square, source=end, skip=skip))
        self._branch, self._frozen = outer, frozen

    def _projection(self, layer: Residual, number: int, name: str, width: int, start: int, where: str) -> int:
        if not layer.projection:
            raise ValueError(
                f"{where}: Residual(projection=False) cannot add its {width} inputs to the {self.width} outputs of its "
                f"layers; give its last Dense layer {width} units, or set projection=True"
            )
        shape = (width, self.width)
        weight = self._block(self.parameters, number, f"{name}.projection.weight", shape, "auto", "identity")
        self._append(Row("dense", number, *shape, weight=weight, source=start, frozen=self._frozen))
        return self.end

    def _columns(self, layer: Columns, number: int, where: str) -> None:
        for i, column in enumerate(layer.columns):
            if column >= self.width:
                raise ValueError(
                    f"{where}: columns[{i}] is {column}, but Columns reads {self.width} columns; expected 0 to "
                    f"{self.width - 1}"
                )
        n = len(layer.columns)
        self._append(Row("columns", number, self.width, n, source=self.end, columns=layer.columns))

    def _category_encoding(self, layer: CategoryEncoding, number: int, where: str) -> None:
        self._refuse_computed("CategoryEncoding", where)
        n = self.width * layer.num_tokens
        if n > MAX_UNITS:
            raise ValueError(f"{where}: {layer.num_tokens:,} columns for each of {self.width:,} are too many")
        self._append(Row("one_hot", number, self.width, n, source=self.end, n_tokens=layer.num_tokens))

    def _embedding(self, layer: Embedding, number: int, where: str) -> None:
        name, shape = self._name(layer, number), (layer.input_dim, layer.output_dim)
        if self.width != 1:
            raise ValueError(
                f"{where}: Embedding reads one column, and there are {self.width}; choose it, and let the others go "
                f"beside it: Parallel([[Columns([0]), {layer!r}], [Columns([1, ...])]])"
            )
        self._refuse_computed("Embedding", where)
        weight = self._block(self.parameters, number, f"{name}.weight", shape, layer.embeddings_initializer, "identity")
        row = Row("embedding", number, 1, shape[1], weight=weight, source=self.end, n_tokens=shape[0], l2=layer.l2)
        self._append(self._with_rate(row, layer))

    def _refuse_computed(self, kind: str, where: str) -> None:
        if written_columns(self.rows, self.end, self.width) is None:
            raise ValueError(
                f"{where}: {kind} reads categories, which are columns of the data themselves, not what other layers "
                f"have computed; put it first, as in Parallel([[Columns([0]), {kind}(...)], [...]])"
            )

    def _parallel(self, layer: Parallel, number: int, where: str) -> None:
        self._name(layer, number)
        width, start, outer = self.width, self.end, self._branch
        frozen, self._frozen = self._frozen, self._frozen or not layer.trainable
        ends = []
        for i, branch in enumerate(layer.branches):
            self.width, self.end, self._branch = width, start, len(self.rows)
            self.add(branch, f"{where}.branches[{i}]")
            ends.append((self.end, self.width))
        while len(ends) > 1:  # two by two: so everything is copied only as often as the tree is deep
            ends = [self._concat(number, *ends[i : i + 2]) for i in range(0, len(ends), 2)]
        self._branch, self._frozen = outer, frozen

    def _concat(self, number: int, x: tuple[int, int], skip: tuple[int, int] | None = None) -> tuple[int, int]:
        """Append the row that puts what two rows wrote side by side; return its number and width."""
        if skip is None:
            return x
        self._append(Row("concat", number, x[1], x[1] + skip[1], source=x[0], skip=skip[0]))
        return self.end, self.width


_ADD: dict[type, Callable[[Rows, Any, int, str], None]] = {
    Dense: Rows._dense,
    Activation: Rows._activation,
    BatchNorm: Rows._batch_norm,
    LayerNorm: Rows._layer_norm,
    Normalization: Rows._normalization,
    Dropout: Rows._dropout,
    Residual: Rows._residual,
    Columns: Rows._columns,
    Parallel: Rows._parallel,
    CategoryEncoding: Rows._category_encoding,
    Embedding: Rows._embedding,
    PReLU: Rows._prelu,
    RMSNorm: Rows._rms_norm,
    GaussianNoise: Rows._noise,
}


def refuse_lone_softmax(activation: str, n_out: int, where: str) -> None:
    """Raise ValueError for the softmax of a single output."""
    if activation == "softmax" and n_out == 1:
        raise ValueError(
            f"{where}: softmax over 1 output is always 1; use sigmoid for two classes in one output, "
            "or one output per class"
        )
