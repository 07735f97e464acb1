"""What a model is: layers, seed, dtype, loss, optimizer and metrics, and how they become a network with weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nncore import evaluation, inputs, losses, optimizers, spec
from nncore.errors import NotBuiltError
from nncore.evaluation import Data, Scorers, data_for
from nncore.first_values import initial_parameters
from nncore.layers import LAYERS, Layer
from nncore.losses import Loss
from nncore.metrics import Metric
from nncore.network import Network
from nncore.optimizers import Optimizer
from nncore.program import Program, check_output, last_activation, lower, refuse_absurd_size
from nncore.summary import summary

DTYPES = (np.dtype("float32"), np.dtype("float64"))


class Definition:
    """The part of `Sequential` that says what is trained; `Sequential` adds training and use.

    Parameters
    ----------
    layers : iterable of layers, optional
    seed : int
    dtype : {"float32", "float64"}
    name : str, optional
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        seed: int = 0,
        dtype: Any = "float32",
        name: str | None = None,
    ) -> None:
        self._layers: tuple[Layer, ...] = ()
        self._seed: int = spec.integer(0, 2**64 - 1)("seed", seed)
        self._dtype = _checked_dtype(dtype)
        self.name = name
        self._loss: Loss | None = None
        self._optimizer: Optimizer = optimizers.get("adam")
        self._metrics: tuple[str | Metric, ...] = ()
        self._scorers: Scorers | None = None
        self._network: Network | None = None
        for layer in _iterable(layers):
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Append a layer.

        Raises
        ------
        TypeError
            If `layer` is no layer.
        RuntimeError
            If the model is built already: its shapes are fixed then.
        """
        spec.exact(f"layers[{len(self._layers)}]", layer, LAYERS)
        if self._network is not None:
            raise RuntimeError(
                f"cannot add {layer}: the model is built already; use insert, which keeps what still fits"
            )
        self._layers, self._scorers = (*self._layers, layer), None

    def build(self, n_features: int) -> None:
        """Create the weights for inputs of `n_features` columns. `fit` does it by itself.

        Raises
        ------
        ValueError
            If the layers do not fit together or to the loss, need more memory than there is, or the model is built
            already for another `n_features`.
        """
        if self._network is not None:
            if n_features != self.program.n_features:
                raise ValueError(f"n_features is {n_features}, but the model is built for {self.program.n_features}")
            return
        self._network = self._new_network(self._lower(n_features))

    def _data(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None) -> tuple[Data, Program]:
        """Check and convert what is to be trained on; also return the program, for the model may not be built yet."""
        network = self._network
        array = inputs.features(X, self._dtype, None if network is None else network.program.n_features)
        program = self._lower(array.shape[1]) if network is None else network.program
        return data_for(program, self._dtype, array, y, sample_weight), program

    def _lower(self, n_features: int) -> Program:
        return lower(self._layers, n_features, self.loss)

    def _new_network(self, program: Program) -> Network:
        refuse_absurd_size(program, self._dtype.itemsize, self._optimizer.n_slots)
        return Network(program, initial_parameters(program, self._seed, self._dtype), self._optimizer)

    def compile(
        self,
        optimizer: str | Optimizer = "adam",
        loss: str | Loss | None = None,
        metrics: str | Metric | Iterable[str | Metric] | None = None,
    ) -> None:
        """Choose how to train. Optional: without it Adam and the loss that suits the last layer are used.

        May be called again at any time, the weights stay. The optimizer's state goes on if it is of the same kind as
        before, else it starts anew.

        Parameters
        ----------
        optimizer : str or Optimizer
            A name in `nncore.optimizers.OPTIMIZERS`, such as ``"adam"``, or an instance: ``Adam(learning_rate=0.01)``.
        loss : str, Loss or None
            None infers it from the last layer: softmax sparse_categorical_crossentropy, sigmoid binary_crossentropy,
            else mean_squared_error.
        metrics : list of str and functions, optional
            Names from `nncore.metrics.METRICS`, or functions of (y_true, y_pred) that return one number. y_true are the
            targets in the form the loss reads: class indices (n,) for sparse_categorical_crossentropy, else
            (n, n_outputs); y_pred are the predictions (n, n_outputs).

        Raises
        ------
        TypeError, ValueError
            If a name is unknown, or the loss does not suit the last layer so far or a metric the loss. The model is
            then as before.
        RuntimeError
            If called while the model is being trained.
        """
        new_optimizer = optimizers.get(optimizer)
        new_loss = None if loss is None else losses.get(loss)
        new_metrics = evaluation.checked_metrics(metrics)
        if self._network is not None:
            self._network.check_not_training()
        if self._layers or new_loss:
            self._check_loss(new_loss or self._inferred_loss(), new_metrics)
        if self._network is not None:
            self._network = self._recompiled(self._network, new_loss or self._inferred_loss(), new_optimizer)
        self._optimizer, self._loss, self._metrics = new_optimizer, new_loss, new_metrics
        self._scorers = None

    def _check_loss(self, loss: Loss, metrics: tuple[str | Metric, ...]) -> None:
        check_output(self._layers, loss)
        evaluation.bind_metrics(metrics, loss)

    def _recompiled(self, network: Network, loss: Loss, optimizer: Optimizer) -> Network:
        program = lower(self._layers, network.program.n_features, loss)
        if program != network.program:
            return network.with_program(program, optimizer)
        network.optimizer = optimizer
        return network

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from input to output."""
        return self._layers

    @property
    def seed(self) -> int:
        """What the initial weights and the order of the rows are drawn from."""
        return self._seed

    @property
    def dtype(self) -> np.dtype:
        """What is computed in: float32 or float64."""
        return self._dtype

    @property
    def name(self) -> str | None:
        """Shown by `summary` and kept in files."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"name must be a str or None, got {spec.described(name)}")
        self._name = name

    @property
    def built(self) -> bool:
        """Whether the model has weights."""
        return self._network is not None

    @property
    def program(self) -> Program:
        """The rows that are run; printable."""
        return self._built().program

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return self.program.n_parameters

    @property
    def metrics(self) -> tuple[str | Metric, ...]:
        """Names and functions given to `compile`."""
        return self._metrics

    @property
    def scorers(self) -> Scorers:
        """The metrics as functions of (target, prediction), by name."""
        if self._scorers is None:
            self._scorers = evaluation.bind_metrics(self._metrics, self.loss)
        return self._scorers

    @property
    def loss(self) -> Loss:
        """The loss that is minimised: the one given to `compile`, else the one that suits the last layer."""
        return self._inferred_loss() if self._loss is None else self._loss

    @property
    def loss_is_inferred(self) -> bool:
        """Whether `loss` follows from the last layer."""
        return self._loss is None

    @property
    def last_activation(self) -> str:
        """Name of the activation that the network ends with."""
        return last_activation(self._layers)

    def _inferred_loss(self) -> Loss:
        return losses.infer_loss(self.last_activation)

    @property
    def optimizer(self) -> Optimizer:
        """The update rule. Set it to change, for example, the learning rate: its state goes on.

        ``model.optimizer = dataclasses.replace(model.optimizer, learning_rate=1e-4)``
        """
        return self._optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Optimizer) -> None:
        new = optimizers.get(optimizer)
        if self._network is not None:
            self._network.optimizer = new
        self._optimizer = new

    def summary(self) -> str:
        """Return a table of layers, parameters, loss and optimizer; print it."""
        return summary(self)

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self._layers))
        return f"{type(self).__name__}([{layers}], seed={self._seed}, dtype={self._dtype.name!r})"

    def _adopt(self, network: Network) -> None:
        """Take over a network made for this model, unless another thread was faster."""
        if self._network is not None and self._network is not network:
            raise RuntimeError("model is being trained in another thread")
        self._network = network

    def _built(self) -> Network:
        if self._network is None:
            raise NotBuiltError("the model has no weights yet: call fit(X, y) or build(n_features) first")
        return self._network


def _checked_dtype(dtype: Any) -> np.dtype:
    if dtype is not None:  # which NumPy takes for float64
        for known in DTYPES:
            try:
                if np.dtype(dtype) == known:
                    return known
            except TypeError:
                break
    raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")


def _iterable(layers: Any) -> Iterable[Any]:
    if layers is None:
        return ()
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be a list of layers, got {spec.described(layers)}")
    return layers
