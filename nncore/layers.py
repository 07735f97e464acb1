"""The spec language: what a model is made of, as immutable values.

A layer holds no weights and computes nothing; `nncore.program` lowers a list of layers to the rows that are run. All
raise TypeError or ValueError if an argument has the wrong type or is out of range.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from nncore import initializers
from nncore.activations import Activation, as_activation
from nncore.base import checks, elsewhere, json_form, lazy
from nncore.base.normalization import Normalization
from nncore.categories import CategoryEncoding, Columns, Embedding
from nncore.initializers import Initializer
from nncore.rowwise import GaussianNoise, PReLU, RMSNorm

__all__ = [
    "LAYERS",
    "MAX_UNITS",
    "Activation",
    "BatchNorm",
    "CategoryEncoding",
    "Columns",
    "Dense",
    "Dropout",
    "Embedding",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "Normalization",
    "PReLU",
    "Parallel",
    "RMSNorm",
    "Residual",
    "as_activation",
    "branches",
    "from_dict",
    "leaves",
    "to_dict",
]

MAX_UNITS = 2**31 - 1  # the engine counts rows and columns in 32 bits


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: ``y = activation(x @ weight + bias)``.

    Parameters
    ----------
    units : int
        Number of outputs, 1 to 2**31 - 1.
    activation : str, Activation or None
        Applied to every output; kept as an `Activation`. None is identity.
    use_bias : bool
        False leaves the bias out.
    weight_initializer, bias_initializer : str, or Constant, RandomNormal, RandomUniform...
        First values, see `nncore.initializers`.
    name : str, optional
        Names the layer in summaries and files; without one it is called ``dense_`` and its number.
    l1, l2 : float
        Penalties on the weight, finite and >= 0: training minimises loss + l1 * sum(abs(w)) + l2 * sum(w**2). The loss
        that is reported is without them.
    weight_decay : float, optional
        Decoupled decay of the weight, >= 0: ``w -= learning_rate * weight_decay * w`` before each update, where
        ``learning_rate * weight_decay`` is at most 1: more would turn the weight's sign. None takes the optimizer's,
        which is 0 for all but AdamW and Lion; they say whether the bias follows.
    trainable : bool
        False leaves weight and bias as they are when the model is trained; see ``Sequential.freeze``.
    learning_rate_multiplier : float
        Of the optimizer's rate, for this layer; finite, > 0. Decay goes by the product.
    bias_l1, bias_l2 : float
        Penalties on the bias, as `l1` and `l2` on the weight.
    activity_l1, activity_l2 : float
        Penalties on the outputs, behind the activation: training minimises loss + (activity_l1 * sum(abs(y)) +
        activity_l2 * sum(y**2)) / n, with n the rows of the batch, whatever their weights. The loss that is reported is
        without them. Not for a last layer whose activation the loss takes over.
    max_norm : float, optional
        > 0: after each update, the weights into a unit are scaled down to this Euclidean norm if theirs is larger
        (Srebro and Shraibman, 2005). None for no limit.

    Notes
    -----
    l1, l2, decay and limit leave the bias alone.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> Dense(64, "relu", l2=1e-4).activation
    Activation('relu')
    >>> Dense(0)
    Traceback (most recent call last):
        ...
    ValueError: units must be an integer from 1 to 2147483647, got 0
    """

    units: int
    activation: str | Activation | None = "identity"
    use_bias: bool = True
    weight_initializer: Initializer = "auto"
    bias_initializer: Initializer = "zeros"
    name: str | None = None
    _: KW_ONLY
    l1: float = 0.0
    l2: float = 0.0
    weight_decay: float | None = None
    max_norm: float | None = None
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)
    bias_l1: float = field(default=0.0, metadata=json_form.OPTIONAL)
    bias_l2: float = field(default=0.0, metadata=json_form.OPTIONAL)
    activity_l1: float = field(default=0.0, metadata=json_form.OPTIONAL)
    activity_l2: float = field(default=0.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            units=checks.integer(1, MAX_UNITS),
            activation=lambda argument, value: as_activation(value),
            use_bias=checks.flag,
            weight_initializer=initializers.weight_initializer,
            bias_initializer=initializers.bias_initializer,
            name=checks.name,
            l1=checks.real(0),
            l2=checks.real(0),
            weight_decay=checks.optional(checks.real(0)),
            max_norm=checks.optional(checks.real(0, above=True)),
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
            bias_l1=checks.real(0),
            bias_l2=checks.real(0),
            activity_l1=checks.real(0),
            activity_l2=checks.real(0),
        )
        for name in ("bias_l1", "bias_l2"):
            if getattr(self, name) and not self.use_bias:
                raise ValueError(f"{name}={getattr(self, name):g} needs a bias, got use_bias=False")

    def __repr__(self) -> str:
        assert isinstance(self.activation, Activation)
        plain = self.activation == Activation(self.activation.name)
        shown = [] if self.activation == Activation() else [repr(self.activation.name if plain else self.activation)]
        return f"Dense({', '.join([str(self.units), *shown, *checks.changed(self, but=('units', 'activation'))])})"


@dataclass(frozen=True)
class BatchNorm:
    """Batch normalisation (Ioffe and Szegedy, 2015): every column to mean 0 and variance 1 over the batch.

    ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``. While training, mean and variance are those of the
    batch; running averages of them, ``r = momentum * r + (1 - momentum) * batch``, are used to predict. The average of
    the variance is that of the unbiased estimate, over n - 1. A batch of one row has no variance: its outputs are beta,
    and it leaves the averages alone; ``fit`` refuses a `batch_size` of 1.

    Parameters
    ----------
    momentum : float
        Share of the running averages that a batch leaves, from 0, below 1.
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30.
    affine : bool
        Learn gamma and beta; False leaves them at 1 and 0.
    name : str, optional
        As in `Dense`; by default ``batch_norm_`` and its number.
    trainable : bool
        False, as in Keras: gamma, beta and the running averages stay as they are, and while training, too, the columns
        are normalised by these averages.
    learning_rate_multiplier : float
        As in `Dense`, for gamma and beta.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Notes
    -----
    The statistics of a few rows are poor, and a last batch of a few rows can undo what the others have learned: choose
    a `batch_size` that leaves no such rest, or leave the rest out.

    Examples
    --------
    >>> BatchNorm(momentum=0.99)
    BatchNorm(momentum=0.99)
    """

    momentum: float = 0.9
    epsilon: float = 1e-5
    affine: bool = True
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            momentum=checks.real(0, 1, below=True),
            epsilon=checks.EPSILON,
            affine=checks.flag,
            name=checks.name,
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(checks.changed(self))})"


@dataclass(frozen=True)
class LayerNorm:
    """Layer normalisation (Ba, Kiros and Hinton, 2016): every row to mean 0 and variance 1 over its columns.

    ``y = gamma * (x - mean) / sqrt(variance + epsilon) + beta``, the same in training and prediction.

    Parameters
    ----------
    epsilon : float
        Keeps the division away from zero; finite, >= 1e-30.
    affine : bool
        Learn gamma and beta; False leaves them at 1 and 0.
    name : str, optional
        As in `Dense`; by default ``layer_norm_`` and its number.
    trainable, learning_rate_multiplier
        As in `Dense`, for gamma and beta.

    Raises
    ------
    TypeError, ValueError
        If an argument has the wrong type or is out of range.

    Examples
    --------
    >>> LayerNorm()
    LayerNorm()
    """

    epsilon: float = 1e-5
    affine: bool = True
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)
    learning_rate_multiplier: float = field(default=1.0, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(
            self,
            epsilon=checks.EPSILON,
            affine=checks.flag,
            name=checks.name,
            trainable=checks.flag,
            learning_rate_multiplier=checks.real(0, above=True),
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(checks.changed(self))})"


@dataclass(frozen=True)
class Dropout:
    """Inverted dropout (Srivastava et al., 2014): while training, zero a random share of the values.

    Those that stay are divided by the share that stays, so that nothing has to be done to predict. Which ones go
    depends on the model's seed, the number of the update, the row's place in the batch and the layer.

    Parameters
    ----------
    rate : float
        Share that is dropped, from 0, below 1; rounded to a multiple of 2**-16.

    Raises
    ------
    TypeError, ValueError
        If `rate` has the wrong type or is out of range.

    Examples
    --------
    >>> Dropout(1)
    Traceback (most recent call last):
        ...
    ValueError: rate must be a finite number >= 0 and < 1, got 1.0
    """

    rate: float

    def __post_init__(self) -> None:
        checks.check(self, rate=checks.real(0, 1, below=True))


@dataclass(frozen=True)
class Residual:
    """Layers with a skip connection around them (He et al., 2016): ``y = layers(x) + x``.

    Parameters
    ----------
    layers : iterable of layers
        At least one of them with parameters.
    projection : bool
        Where the layers change the width, add ``x @ weight`` instead of x, with a weight of its own. False makes that
        an error.
    name : str, optional
        As in `Dense`; by default ``residual_`` and its number. The projection is called ``<name>.projection``.
    trainable : bool
        False leaves the projection and all layers inside as they are.

    Raises
    ------
    TypeError, ValueError
        If `layers` holds something else, or nothing that learns, or blocks nested more than 32 deep.

    Examples
    --------
    >>> Residual([Dense(64, "relu"), Dense(64)])
    Residual([Dense(64, 'relu'), Dense(64)])
    """

    layers: tuple[Layer, ...]
    projection: bool = True
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(self, layers=_inner_layers, projection=checks.flag, name=checks.name, trainable=checks.flag)

    def __repr__(self) -> str:
        return f"Residual({', '.join([repr(list(self.layers)), *checks.changed(self, but=('layers',))])})"


@dataclass(frozen=True)
class Parallel:
    """Branches that all read the same, and whose outputs stand side by side, in their order.

    What Keras' ``Concatenate`` does with its inputs. Of a wide and deep network (Cheng et al., 2016), for one, one
    branch is deep and the other passes on what it reads: ``Parallel([[Dense(64, "relu"), Dense(32, "relu")], []])``.

    Parameters
    ----------
    branches : iterable of iterables of layers
        At least two. One without layers passes its input on.
    name : str, optional
        As in `Dense`; by default ``parallel_`` and its number.
    trainable : bool
        False leaves all layers inside as they are.

    Raises
    ------
    TypeError, ValueError
        If `branches` holds something else, fewer than two of them, or layers nested more than 32 deep.

    Examples
    --------
    >>> Parallel([[Columns([0, 1]), Dense(8, "relu")], [Columns([2])]])
    Parallel([[Columns([0, 1]), Dense(8, 'relu')], [Columns([2])]])
    """

    branches: tuple[tuple[Layer, ...], ...]
    name: str | None = None
    _: KW_ONLY
    trainable: bool = field(default=True, metadata=json_form.OPTIONAL)

    def __post_init__(self) -> None:
        checks.check(self, branches=_branches, name=checks.name, trainable=checks.flag)

    def __repr__(self) -> str:
        shown = repr([list(branch) for branch in self.branches])
        return f"Parallel({', '.join([shown, *checks.changed(self, but=('branches',))])})"


DEEPEST = 32
"""How deep a `Residual` or `Parallel` may lie in others: what reads, writes and draws layers goes down into them."""


def branches(layer: Layer) -> tuple[tuple[Layer, ...], ...]:
    """Return the lists of layers that lie in a layer: one in a `Residual`, several in a `Parallel`, else none.

    Examples
    --------
    >>> branches(Residual([Dense(3)])), branches(Parallel([[Dense(3)], []])), branches(Dense(3))
    (((Dense(3),),), ((Dense(3),), ()), ())
    """
    if isinstance(layer, Parallel):
        return layer.branches
    return (layer.layers,) if isinstance(layer, Residual) else ()


def _depth(layer: Layer) -> int:
    lists = branches(layer)
    return 1 + max((_depth(one) for inner in lists for one in inner), default=0) if lists else 0


def _list_of_layers(argument: str, value: Any, owner: str) -> tuple[Layer, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{argument} must be a list of layers, got {checks.described(value)}")
    inner = tuple(checks.exact(f"{argument}[{i}]", layer, LAYERS) for i, layer in enumerate(value))
    if (depth := 1 + max(map(_depth, inner), default=0)) > DEEPEST:
        raise ValueError(f"{argument} of {owner} are nested {depth} deep, expected at most {DEEPEST}")
    return inner


def _inner_layers(argument: str, value: Any) -> tuple[Layer, ...]:
    inner = _list_of_layers(argument, value, "Residual")
    if not any(isinstance(layer, Dense) for layer in leaves(inner)):
        raise ValueError(f"{argument} of Residual must hold at least one Dense layer, got {list(inner)}")
    return inner


def _branches(argument: str, value: Any) -> tuple[tuple[Layer, ...], ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{argument} must be a list of lists of layers, got {checks.described(value)}")
    found = tuple(_list_of_layers(f"{argument}[{i}]", branch, "Parallel") for i, branch in enumerate(value))
    if len(found) < 2:
        raise ValueError(
            f"{argument} of Parallel must be at least 2 lists of layers, got {len(found)}; the layers of "
            "a single one stand in the network itself"
        )
    return found


Layer = (
    Dense
    | Activation
    | BatchNorm
    | LayerNorm
    | Dropout
    | Residual
    | Normalization
    | Columns
    | Parallel
    | CategoryEncoding
    | Embedding
    | PReLU
    | RMSNorm
    | GaussianNoise
)

LAYERS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        *(Dense, Activation, BatchNorm, LayerNorm, Dropout, Residual, Normalization),
        *(Columns, Parallel, CategoryEncoding, Embedding, PReLU, RMSNorm, GaussianNoise),
    )
}
checks.explain_unknown_arguments(LAYERS.values())
checks.explain_missing(LAYERS.values(), elsewhere.OF_A_LAYER)
checks.explain_frozen(LAYERS.values(), "model.replace(index, dataclasses.replace(model.layers[index], {name}={value}))")
_PARTS = LAYERS | initializers.KINDS


def leaves(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield the layers that compute something, those inside of `Residual` and `Parallel` included.

    Examples
    --------
    >>> [layer.units for layer in leaves([Dense(3), Residual([Dense(2), Dense(3)])])]
    [3, 2, 3]
    """
    for layer in layers:
        for inner in branches(layer):
            yield from leaves(inner)
        if not isinstance(layer, (Residual, Parallel)):
            yield layer


def to_dict(layer: Layer) -> dict[str, Any]:
    """Return a layer as a JSON-safe dict: the one form in which layers are written to files and sent elsewhere.

    Raises
    ------
    TypeError
        If `layer` is not a layer.

    Examples
    --------
    >>> to_dict(Activation("elu"))
    {'type': 'Activation', 'name': 'elu', 'alpha': 1.0}
    """
    return json_form.to_dict(checks.exact("layer", layer, LAYERS))


def from_dict(data: dict[str, Any]) -> Layer:
    """Return the layer that `to_dict` described.

    Raises
    ------
    TypeError, ValueError
        If `data` is no such description; see `nncore.base.json_form.from_dict`.

    Examples
    --------
    >>> from_dict({"type": "Dense", "units": 3, "activation": "tanh"}) == Dense(3, "tanh")
    True
    """
    try:
        layer: Layer = json_form.from_dict("layer", data, LAYERS, _PARTS)
    except RecursionError:  # before there is any layer whose depth could be told
        raise ValueError(f"layers are nested too deep, expected at most {DEEPEST} deep") from None
    return layer


if not TYPE_CHECKING:  # which would take every name for one of this module
    __getattr__ = lazy.explaining(__name__, elsewhere.OF_THE_PACKAGE)
