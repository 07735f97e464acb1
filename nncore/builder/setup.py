"""What a run is made of, all but its weights: data, layers, optimizer and how to train."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from nncore import layers, losses, optimizers
from nncore.arrays import categories, data_for
from nncore.base import checks
from nncore.base.typing import Array
from nncore.builder import data, sources
from nncore.builder.data import Prepared
from nncore.builder.refusal import Refusal, located
from nncore.builder.rules import HIGHEST_ID, MOST_LAYERS, MOST_NESTED, NAME, one_of, record, several
from nncore.builder.sources import Source
from nncore.datasets import Dataset
from nncore.layers import Dense, Dropout, GaussianNoise, Layer, as_activation, branches
from nncore.losses import Loss
from nncore.model.definition import POLICIES, parted
from nncore.optimizers import Adam, Optimizer
from nncore.program import Program, last_activation, lower, refuse_unsuitable_batch
from nncore.program.naming import count_layers
from nncore.training import scoring, trial

MOST_PARAMETERS = 5_000_000


@dataclass(frozen=True)
class Setup:
    """Everything that a run begins with; equal set-ups give equal runs, to the last bit.

    Attributes
    ----------
    source : Source
        The data.
    layers : tuple of Layer
    optimizer : Optimizer
    loss : Loss or None
        None for the one that suits the last layer.
    metrics : tuple of str
        Empty for accuracy or R2, whichever suits the target.
    batch_size : int
    validation_split : float
        Share of the rows that is held out.
    class_weight : {"balanced", None}
    seed : int
        Of the first weights, the order of the rows and dropout.
    split_seed : int
        Of the choice of the rows held out.
    dtype : {"float32", "float64", "mixed_bfloat16"}
        What the network computes in.
    """

    source: Source
    layers: tuple[Layer, ...]
    optimizer: Optimizer = field(default_factory=lambda: Adam(0.01))
    loss: Loss | None = None
    metrics: tuple[str, ...] = ()
    batch_size: int = 32
    validation_split: float = 0.2
    class_weight: str | None = None
    seed: int = 0
    split_seed: int = 0
    dtype: str = "float32"

    def to_dict(self) -> dict[str, Any]:
        """Return the set-up as JSON-safe dict; `from_dict` restores it."""
        return {
            "data": self.source.to_dict(),
            "layers": [layers.to_dict(layer) for layer in self.layers],
            "optimizer": optimizers.to_dict(self.optimizer),
            "training": self.training(),
        }

    def training(self) -> dict[str, Any]:
        """Return how to train as JSON-safe dict."""
        return {
            "batch_size": self.batch_size,
            "loss": None if self.loss is None else losses.to_dict(self.loss),
            "metrics": list(self.metrics),
            "validation_split": self.validation_split,
            "class_weight": self.class_weight,
            "seed": self.seed,
            "split_seed": self.split_seed,
            "dtype": self.dtype,
        }


PARTS = {"data": record, "layers": several(record, MOST_LAYERS), "optimizer": record, "training": record}
TRAINING = {
    "batch_size": checks.integer(1, checks.COUNT),
    "loss": checks.optional(record),
    "metrics": several(NAME, 4),
    "validation_split": checks.real(0, 0.9),
    "class_weight": checks.optional(one_of("balanced")),
    "seed": checks.integer(0, HIGHEST_ID),
    "split_seed": checks.integer(0, HIGHEST_ID),
    "dtype": one_of(*POLICIES),
}


def from_dict(content: Mapping[str, Any]) -> Setup:
    """Return the set-up that `Setup.to_dict` described; every part of it is checked.

    Raises
    ------
    Refusal
        If something is missing, unknown or out of its range.
    """
    parts = checked("", PARTS, content)
    missing = [name for name in PARTS if name not in parts]
    if missing:
        raise Refusal(f"the set-up lacks {', '.join(missing)}")
    chosen = checked("data.", {"name": NAME, "options": record}, parts["data"])
    return Setup(
        sources.source(chosen.get("name", ""), chosen.get("options", {})),
        read_layers(parts["layers"]),
        read_optimizer(parts["optimizer"]),
        **read_training(checked("training.", TRAINING, parts["training"])),
    )


def checked(prefix: str, rules: Mapping[str, checks.Rule], content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an object, each as its rule has it; a mistake is shown at `prefix` and the field."""
    found = {}
    for key, value in content.items():
        if key not in rules:
            raise Refusal(f"unknown key {key[:80]!r}; known: {', '.join(rules)}", f"{prefix}{key[:80]}")
        found[key] = located(f"{prefix}{key}", rules[key], key, value)
    return found


def read_training(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of `Setup` from those of a message."""
    found = dict(given)
    if found.get("loss") is not None:
        found["loss"] = located("training.loss", losses.from_dict, given["loss"])
    if "metrics" in found:
        found["metrics"] = tuple(given["metrics"])
        located("training.metrics", scoring.checked_metrics, found["metrics"])
    return found


def read_optimizer(content: Mapping[str, Any]) -> Optimizer:
    """Return the optimizer of a message."""
    try:
        return optimizers.from_dict(dict(content))
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), _field("optimizer", content, str(error))) from None


def read_layers(content: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """Return the layers of a message."""
    return tuple(read_layer(layer, f"layers[{i}]") for i, layer in enumerate(content))


def read_layer(content: Mapping[str, Any], where: str) -> Layer:
    """Return one layer of a message; a mistake is shown at `where` or one of its fields."""
    try:
        return layers.from_dict(dict(content))
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), _field(where, content, str(error))) from None


def _field(where: str, content: Mapping[str, Any], message: str) -> str:
    """Return the path of the field that an error of the core speaks of: "units must be...", "unknown activation..."."""
    words = re.findall(r"\w+", message)[:4]
    return next((f"{where}.{word}" for word in words if word in content and word != "type"), where)


# ---- its data


def prepared_for(
    setup: Setup, csv: str | None, path: str | None, notes: Mapping[str, str] | None = None
) -> data.Prepared:
    """Return the data of a set-up.

    Parameters
    ----------
    setup : Setup
    csv, path : str, optional
        As `nncore.builder.sources.load` takes them.
    notes : dict of str to str, optional
        Those of a model file, which may say how its data are prepared.
    """
    offered = sources.load(setup.source, csv, path)
    features, chosen = (setup.source.options.get(key) for key in ("features", "standardize"))
    dataset = offered if features is None else sources.selected(offered, features)
    return data.prepare(
        dataset,
        setup.validation_split,
        standardize=setup.source.name != sources.MNIST if chosen is None else chosen,
        seed=setup.split_seed,
        dtype=parted(setup.dtype)[0],
        preparation=data.noted_preparation(notes or {}, dataset),
        offered=offered,
    )


# ---- does it all fit together


def with_head(given: Sequence[Layer], dataset: Dataset) -> tuple[Layer, ...]:
    """Return the layers with an end that suits the target: softmax over the classes, or one number.

    Examples
    --------
    >>> from nncore.datasets.bundled import BUNDLED
    >>> with_head([Dense(8, "relu"), Dense(1)], BUNDLED["iris"]())
    (Dense(8, 'relu'), Dense(3, 'softmax'))
    """
    n_classes = 0 if dataset.target_names is None else len(dataset.target_names)
    head = Dense(n_classes, "softmax") if n_classes else Dense(1)
    if not given or not isinstance(given[-1], Dense):
        return (*given, head)
    last = given[-1]
    ends = (last.units, as_activation(last.activation).name)
    suits = ends in ((n_classes, "softmax"), (1, "sigmoid") if n_classes == 2 else None)
    if not n_classes:
        suits = last.units == 1 and ends[1] not in ("softmax", "sigmoid")
    return tuple(given) if suits else (*given[:-1], replace(last, units=head.units, activation=head.activation))


def metrics_for(setup: Setup, dataset: Dataset) -> tuple[str, ...]:
    """Return the metrics, by default accuracy for classes and R2 for numbers."""
    return setup.metrics or (("r2",) if dataset.target_names is None else ("accuracy",))


def check(setup: Setup, prepared: Prepared) -> None:
    """Refuse a set-up that cannot be trained.

    Raises
    ------
    Refusal
        If layers, loss, metrics, batch size and data do not fit together, or the network is too large for a page.
    """
    _check_layers(setup.layers)
    if isinstance(setup.loss, losses.SeveralLosses):
        raise Refusal("the builder trains networks with one loss; several are for a script", "training.loss")
    program, loss = _lowered(setup, prepared.X.shape[1])
    metrics = metrics_for(setup, prepared.dataset)
    located("training.metrics", scoring.bind_metrics, metrics, loss)
    _check_categories(program, prepared)
    target = _check_target(setup.layers, program, prepared)
    located("training.metrics", trial.check_targets, metrics, loss, target)
    if setup.class_weight and prepared.dataset.target_names is None:
        raise Refusal("class weights need classes, and the target is a number", "training.class_weight")
    n = min(setup.batch_size, len(prepared.train))
    located("training.batch_size", refuse_unsuitable_batch, program, n, prepared.X.itemsize)


def _check_layers(given: Sequence[Layer]) -> None:
    if count_layers(given) > MOST_LAYERS:
        raise Refusal(f"the builder shows networks of at most {MOST_LAYERS} layers", "layers")
    if nested(given) > MOST_NESTED:
        message = f"the builder shows Residual groups up to {MOST_NESTED} deep within each other; these are"
        raise Refusal(f"{message} {nested(given)} deep, which is for a script", "layers")
    if given and isinstance(given[-1], (Dropout, GaussianNoise)):
        name, does = type(given[-1]).__name__, "drop" if isinstance(given[-1], Dropout) else "change"
        raise Refusal(
            f"{name} cannot be the last layer: it would {does} outputs at random; put it before the last one",
            f"layers[{len(given) - 1}]",
        )


def nested(given: Sequence[Layer]) -> int:
    """Return how deep residual groups lie within each other.

    Examples
    --------
    >>> from nncore import Residual
    >>> nested([Dense(2)]), nested([Residual([Dense(2), Residual([Dense(2)])])])
    (0, 2)
    """
    depth, level = 0, list(given)
    while level := [inner for layer in level for branch in branches(layer) for inner in branch]:
        depth += 1
    return depth


def _lowered(setup: Setup, n_features: int) -> tuple[Program, Loss]:
    """Return the program and the loss of a network that is not too large for a page."""
    try:
        loss = setup.loss or losses.infer_loss(last_activation(setup.layers))
        program = lower(setup.layers, n_features, loss, parted(setup.dtype)[1])
    except (TypeError, ValueError) as error:
        raise Refusal(str(error), _layer_in(str(error), len(setup.layers))) from None
    widest = max(row.n_out for row in program.rows)
    if program.n_parameters > MOST_PARAMETERS or widest > MOST_PARAMETERS:
        raise Refusal(
            f"the network would have {program.n_parameters:,} parameters; the builder takes up to "
            f"{MOST_PARAMETERS:,}, a script as many as fit into memory",
            "layers",
        )
    return program, loss


def _check_categories(program: Program, prepared: Prepared) -> None:
    """Refuse what reads columns as categories that are none, as standardised ones are."""
    try:
        categories.check(program, prepared.X, prepared.dataset.feature_names)
    except ValueError as error:
        scaled = prepared.preparation.inputs is not None
        mend = "; inputs are standardised: say No to that in the settings of the data" if scaled else ""
        raise Refusal(f"{error}{mend}", "layers") from None


def _check_target(given: Sequence[Layer], program: Program, prepared: Prepared) -> Array:
    """Return the targets as they are trained on; refuse what the network cannot learn, above all its last layer."""
    try:
        return data_for(program, prepared.X.dtype, prepared.X, prepared.y, None).target
    except (TypeError, ValueError) as error:
        head = with_head((), prepared.dataset)[0]
        message = f"the network must end with {head} for this target, and ends with {given[-1]}"
        if isinstance(given[-1], Dense):
            message += f": {error}"
        raise Refusal(message, f"layers[{len(given) - 1}]") from None


def _layer_in(message: str, n_layers: int) -> str:
    """Return the path of the layer that an error of the core speaks of."""
    found = re.search(r"layers\[\d+\]", message)
    if found:
        return found[0]
    if message.startswith("loss "):
        return "training.loss"
    return f"layers[{n_layers - 1}]" if "the last layer" in message else "layers"
