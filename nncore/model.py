"""Sequential: a list of layers that learns. Checks and converts what it is given; the engine does the arithmetic."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore import checkpoint, evaluation, inputs, losses
from nncore.checkpoint import Snapshot
from nncore.definition import Definition
from nncore.errors import TrainingDiverged
from nncore.fitting import Training
from nncore.history import History
from nncore.inputs import Array
from nncore.layers import Layer
from nncore.losses import Loss
from nncore.network import Network
from nncore.optimizers import Optimizer


class Sequential(Definition):
    """A multi-layer perceptron: layers applied one after another.

    Parameters
    ----------
    layers : iterable of Dense and Activation, optional
        From input to output; more can be added with `add`.
    seed : int
        0 to 2**64 - 1. Decides the initial weights and the order of the rows: same seed, same bits.
    dtype : {"float32", "float64"}
        What is computed in.
    name : str, optional
        Shown by `summary` and kept in files.

    Attributes
    ----------
    history : History
        All epochs trained so far; each call of `fit` returns its own part.
    stop_training : bool
        Set it to True in a callback to end training after the current epoch.
    metadata : dict of str to str
        Notes that `save` writes into the file and `nncore.load` brings back.

    Examples
    --------
    >>> from nncore import Dense, Sequential
    >>> model = Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")], seed=1)
    >>> model.compile("adam", metrics=["accuracy"])
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = model.fit(X, y, epochs=2000)
    >>> model.predict_classes(X)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        layers: Iterable[Layer] | None = None,
        *,
        seed: int = 0,
        dtype: Any = "float32",
        name: str | None = None,
    ) -> None:
        super().__init__(layers, seed=seed, dtype=dtype, name=name)
        self._epoch = 0
        self.history = History()
        self.stop_training = False
        self.metadata: dict[str, str] = {}

    @property
    def epoch(self) -> int:
        """Number of epochs trained so far, over all calls of `fit`."""
        return self._epoch

    # ---- training

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 1,
        batch_size: int = 32,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        callbacks: Any = None,
        verbose: bool | str = "auto",
    ) -> History:
        """Train for `epochs` more epochs.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers. Passed on without a copy if C-contiguous and of the model's dtype; never written to.
        y : array-like
            For classes: indices (n_samples,) or one-hot rows (n_samples, n_outputs). For binary_crossentropy values in
            0..1, otherwise any numbers, (n_samples,) or (n_samples, n_outputs).
        epochs : int
            How many times to go through the data. Epochs are numbered on over all calls of `fit`.
        batch_size : int
            Rows per update; the last batch of an epoch may be smaller.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Scored after each epoch, not trained on.
        validation_split : float
            Take this share of the rows for validation instead: the last ones, as they stand, before shuffling.
        shuffle : bool
            Visit the rows in a new order each epoch.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row in the loss, >= 0. A batch's loss is divided by its rows, not by its weights.
        callbacks : list of callables and objects, optional
            See `nncore.callbacks`.
        verbose : {"auto", True, False}
            Whether to show a progress bar on stderr; ``"auto"``: only if that is a terminal.

        Returns
        -------
        History
            Of this call; ``model.history`` holds all.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong. The model is then as before, not even built.
        TrainingDiverged
            If the loss or a weight stops being finite. The weights are those at the start of that epoch.
        KeyboardInterrupt
            On Ctrl-C. The model is usable, the epochs completed are kept.
        RuntimeError
            If the model is being trained already, in another thread or by the caller of this callback.
        """
        training = Training.prepared(
            self,
            (X, y, sample_weight),
            validation_data,
            validation_split,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            callbacks=callbacks,
            verbose=verbose,
        )
        return training.run()

    def train_on_batch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Do one update on these rows; return their loss before it. Does not count as an epoch.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        TrainingDiverged
            If the loss or a weight stops being finite; the update is then undone.
        """
        network = self._network
        if network is not None:
            network.check_not_training()
        data, program = self._data(X, y, sample_weight)
        if network is None:
            network = self._new_network(program)
            self._adopt(network)
        result = network.train(*data, epochs=1, batch_size=len(data.X), shuffle=False)
        if result.diverged:
            rate = self._optimizer.learning_rate
            raise TrainingDiverged(self._epoch, 0, result.last_finite_loss, rate)
        return float(result.losses[0])

    # ---- use

    def predict(self, X: ArrayLike) -> Array:
        """Return the network's outputs, shape (n_samples, n_outputs); no rows give no rows.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        ValueError
            If `X` has another number of features or holds NaN or infinity.
        """
        network = self._built()
        return network.predict(inputs.features(X, self._dtype, network.program.n_features, empty=True))

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities.

        Returns
        -------
        ndarray
            (n_samples, n_outputs); for one sigmoid output (n_samples, 2): the probabilities of class 0 and class 1.

        Raises
        ------
        ValueError
            If the last layer is neither softmax nor sigmoid.
        """
        self._built()
        if self.last_activation not in ("softmax", "sigmoid"):
            raise ValueError(
                f"predict_proba needs a last layer with softmax or sigmoid, this one has {self.last_activation!r}"
            )
        prediction = self.predict(X)
        return np.hstack([1 - prediction, prediction]) if prediction.shape[1] == 1 else prediction

    def predict_classes(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the class of each row.

        Returns
        -------
        ndarray of int64
            (n_samples,): the largest of several scores, or whether one probability is above 0.5. Several sigmoid
            outputs are several yes/no questions, answered by (n_samples, n_outputs) zeros and ones.

        Raises
        ------
        ValueError
            If the model is no classifier: neither its last layer nor its loss speaks of classes.
        """
        network = self._built()
        loss = self.loss
        logits = isinstance(loss, losses.Crossentropy) and loss.from_logits
        kind = loss.activation if isinstance(loss, losses.Crossentropy) else self.last_activation
        if kind not in ("softmax", "sigmoid"):
            raise ValueError(f"predict_classes needs a last layer with softmax or sigmoid, this one has {kind!r}")
        prediction = self.predict(X)
        if kind == "softmax":
            best: NDArray[np.int64] = prediction.argmax(axis=1)
            return best
        classes = (prediction > (0.0 if logits else 0.5)).astype(np.int64)
        return classes[:, 0] if network.program.n_outputs == 1 else classes

    def evaluate(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> dict[str, float]:
        """Return ``{"loss": ..., metric: ...}`` on this data; `sample_weight` weighs the loss only."""
        network = self._built()
        metrics = evaluation.bind_metrics(self._metrics, self.loss) if self._metrics else {}
        return evaluation.evaluate(network, self._data(X, y, sample_weight)[0], metrics)

    def loss_and_gradient(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """Return the loss over all rows and its gradient (n_parameters,) in the order of `parameters`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)], dtype="float64")
        >>> model.build(1)
        >>> model.parameters[:] = [2.0, 1.0]  # y = 2 x + 1
        >>> model.loss_and_gradient([[1.0]], [4.0])
        (1.0, array([-2., -2.]))
        """
        network = self._built()
        return network.loss_and_gradient(*self._data(X, y, sample_weight)[0])

    # ---- weights

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector (n_parameters,): writable, and always the current values.

        Layer by layer, each weight (n_in, n_out) in C order, then its bias (n_out,): what SciPy's optimisers want.
        """
        return self._built().parameters

    def get_weights(self) -> list[Array]:
        """Return copies: the weight (n_in, n_out) and the bias (n_out,) of each layer in turn."""
        network = self._built()
        flat = network.get_parameters()
        blocks = network.program.parameters
        return [flat[block.offset : block.offset + block.size].reshape(block.shape).copy() for block in blocks]

    def set_weights(self, weights: Iterable[ArrayLike]) -> None:
        """Set all weights and biases; in the form that `get_weights` returns.

        Raises
        ------
        ValueError
            If there are too many or too few arrays, or one has the wrong shape or holds NaN or infinity.
        """
        network = self._built()
        blocks = network.program.parameters
        given = list(weights)
        if len(given) != len(blocks):
            raise ValueError(f"weights must be a list of {len(blocks)} arrays, got {len(given)}")
        flat = np.empty(network.program.n_parameters, self._dtype)
        for i, (block, weight) in enumerate(zip(blocks, given, strict=True)):
            array = inputs.real_array(weight, self._dtype, f"weights[{i}]")
            if array.shape != block.shape:
                raise ValueError(f"weights[{i}] ({block.name}) must have shape {block.shape}, got {array.shape}")
            if not inputs.all_finite(array):
                raise inputs.not_finite_error(weight, array, f"weights[{i}] ({block.name})")
            flat[block.offset : block.offset + block.size] = array.ravel()
        network.set_parameters(flat)

    # ---- files and copies

    def save(self, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a file: layers, weights, optimizer state, seed and epoch, enough to train on exactly.

        The file is written beside `path` and put in its place when complete, so that whatever happens, `path` holds
        either the old file or the new one.

        Parameters
        ----------
        path : str or path-like
        metadata : mapping of str to str, optional
            Notes to keep in the file; None keeps ``model.metadata``.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        OSError
            If the file cannot be written.
        """
        checkpoint.save(path, self._snapshot(self.metadata if metadata is None else metadata))

    def _snapshot(self, metadata: Mapping[str, str]) -> Snapshot:
        parameters, slots, iterations = self._built().state()
        named = tuple(metric for metric in self._metrics if isinstance(metric, str))
        return Snapshot(
            layers=self._layers,
            n_features=self.program.n_features,
            loss=self.loss,
            loss_is_inferred=self.loss_is_inferred,
            optimizer=self._optimizer,
            metrics=named,
            seed=self._seed,
            epoch=self._epoch,
            iterations=iterations,
            name=self.name,
            metadata=dict(metadata),
            parameters=parameters,
            slots=slots,
        )

    @classmethod
    def _from_snapshot(cls, snapshot: Snapshot) -> Sequential:
        model = cls(snapshot.layers, seed=snapshot.seed, dtype=snapshot.parameters.dtype, name=snapshot.name)
        inferred = snapshot.loss_is_inferred and snapshot.loss == model.loss  # a later version may infer another one
        model.compile(snapshot.optimizer, None if inferred else snapshot.loss, snapshot.metrics)
        network = Network(model._lower(snapshot.n_features), snapshot.parameters, snapshot.optimizer)
        network.set_optimizer_state(snapshot.slots, snapshot.iterations)
        model._network = network
        model._epoch = snapshot.epoch
        model.metadata = dict(snapshot.metadata)
        return model

    def __reduce__(self) -> tuple[Any, ...]:
        state = {"history": self.history.to_dict(), "metrics": self._metrics, "metadata": self.metadata}
        if self._network is not None:
            return _from_bytes, (checkpoint.encode(self._snapshot(self.metadata)),), state
        return _unbuilt, (self._layers, self._seed, self._dtype.name, self.name, self._optimizer, self._loss), state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.history = History.from_dict(state["history"])
        self._metrics = evaluation.checked_metrics(state["metrics"])
        self.metadata = dict(state["metadata"])


def load(path: str | os.PathLike[str]) -> Sequential:
    """Read a model that `Sequential.save` wrote. Training goes on exactly where it stopped.

    Nothing in the file is executed, and every field is checked; a file that is damaged in any bit is refused.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    Sequential

    Raises
    ------
    ModelFileError
        If the file is not a model, damaged, or of a newer format.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from nncore import Dense, Sequential, load
    >>> model = Sequential([Dense(1)])
    >>> model.build(3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(f"{folder}/line.safetensors")
    ...     load(f"{folder}/line.safetensors").n_parameters
    4
    """
    return Sequential._from_snapshot(checkpoint.load(path))


def _from_bytes(data: bytes) -> Sequential:
    return Sequential._from_snapshot(checkpoint.read(io.BytesIO(data), len(data)))


def _unbuilt(
    layers: tuple[Layer, ...], seed: int, dtype: str, name: str | None, optimizer: Optimizer, loss: Loss | None
) -> Sequential:
    model = Sequential(layers, seed=seed, dtype=dtype, name=name)
    model.compile(optimizer, loss)
    return model
