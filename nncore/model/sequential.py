"""Sequential: a list of layers that learns. Checks and converts what it is given; the engine does the arithmetic."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.arrays import Data, inputs
from nncore.base.typing import Array
from nncore.errors import TrainingDiverged
from nncore.history import History
from nncore.layers import Layer
from nncore.model.storage import Storage
from nncore.network import Network
from nncore.program import refuse_unsuitable_batch
from nncore.training.loop import Training

if TYPE_CHECKING:
    from nncore.model.checkpoint import Snapshot
    from nncore.training.explanation import Explanation


class Sequential(Storage):
    """A multi-layer perceptron: layers applied one after another.

    Parameters
    ----------
    layers : iterable of layers, optional
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
        All epochs this object has trained; each call of `fit` returns its own part. Files do not keep it: after
        `nncore.load` it is empty, while `epoch` counts on.
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
        batch_size: int | None = None,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_split: float = 0.0,
        shuffle: bool | None = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        callbacks: Any = None,
        verbose: bool | int | str = "auto",
        solver: str | None = None,
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
        batch_size : int, optional
            Rows per update, by default 32; the last batch of an epoch may be smaller. With a `BatchNorm` at least 2,
            and no more than whose activations fit into memory at once.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Scored after each epoch, not trained on.
        validation_split : float
            Take this share of the rows for validation instead: the last ones, as they stand, before shuffling.
        shuffle : bool, optional
            Visit the rows in a new order each epoch; the default.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row in the loss, >= 0. A batch's loss is divided by its rows, not by its weights.
        class_weight : mapping of int to float, or "balanced", optional
            Weight of each class, 1 where left out; multiplies `sample_weight`. ``"balanced"`` gives all classes the
            same say: n_samples / (number of classes * samples of the class). Validation is not weighted by class.
        callbacks : list of callables and objects, optional
            See `nncore.callbacks`.
        verbose : {"auto", True, False, 0, 1, 2}
            Whether to show a progress bar on stderr; ``"auto"``: only if that is a terminal. 1 and 2 are True.
        solver : {"lbfgs", "lm"}, optional
            Minimise the loss over all rows at once instead of training with the optimizer: L-BFGS, or for squared
            errors Levenberg-Marquardt. An epoch is then an iteration; there are no batches. See `nncore.solvers`.

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
            On Ctrl-C. The model is as after the last epoch that was completed, and can go on from there.
        RuntimeError
            If the model is being trained already, in another thread or by the caller of this callback.
        """
        kind: Callable[..., Training] = Training
        if solver is not None:
            from nncore.solvers import strategy  # here, not at the top, to keep `import nncore` quick

            kind = strategy.get(solver)
        training = kind(
            self,
            (X, y, sample_weight),
            validation_data,
            validation_split,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            class_weight=class_weight,
            callbacks=callbacks,
            verbose=verbose,
        )
        return training.run()

    def train_on_batch(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Do one update on these rows; return their loss before it. Does not count as an epoch: a
        schedule gives all its rate at `epoch`.

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
        refuse_unsuitable_batch(program, len(data.X), self._dtype.itemsize)
        if network is None:
            network = self._new_network(program)
            self._adopt(network)
        rate = np.array([self._optimizer.rate_at(self._epoch)])
        n = len(data.X)
        result = network.train(*data, batch_size=n, shuffle=False, seed=self._seed, learning_rates=rate)
        if result.diverged:
            raise self._diverged(network, data, np.arange(n), n, rate)
        return float(result.losses[0])

    def explain_step(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Explanation:
        """Take apart the training step that these rows, as one batch, would make; the model stays as it is.

        Every number is what `train_on_batch` would compute, in the same bits.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`: the rows of one batch. All that is computed for them is held in memory.

        Returns
        -------
        Explanation
            Loss, prediction, and of each layer what it read, its weighted sums, activations, deltas, gradients and new
            weights. Printing it gives a table.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        TrainingDiverged
            If the loss or a weight would stop being finite.
        """
        from nncore.training.explanation import explain  # here, not at the top, to keep `import nncore` quick

        network = self._built()
        data, program = self._data(X, y, sample_weight)
        refuse_unsuitable_batch(program, len(data.X), self._dtype.itemsize)
        rate = self._optimizer.rate_at(self._epoch)
        explanation, twin = explain(network, self._layers, data, self._seed, rate)
        if twin.result.diverged:
            raise self._diverged(twin, data, np.arange(len(data.X)), len(data.X), np.array([rate]))
        return explanation

    def _diverged(
        self, network: Network, data: Data, order: NDArray[np.int64], batch_size: int, rates: Array
    ) -> TrainingDiverged:
        """Return the error; rates (steps of the epoch,)."""
        from nncore.training.divergence import locate  # here, not at the top, to keep `import nncore` quick

        result = network.result
        batch, loss, rate = result.batch, result.last_finite_loss, float(rates[result.batch])
        if not inputs.all_finite(network.get_parameters()):
            return TrainingDiverged(self._epoch, batch, loss, rate, broken_before=True)
        place = locate(network, self._layers, data, order, batch_size, batch, self._seed, rates)
        where = place.layer, place.tensor, tuple(sorted(place.rows.tolist()))
        return TrainingDiverged(self._epoch, batch, loss, rate, False, *where)


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
    from nncore.model import checkpoint

    return Sequential._from_snapshot(checkpoint.load(path))


def snapshot(model: Sequential, metadata: Mapping[str, str] | None = None) -> Snapshot:
    """Return everything that a file holds of a model, with these notes."""
    return model._snapshot({} if metadata is None else metadata)


def restored(snapshot: Snapshot) -> Sequential:
    """Return the model that a snapshot is of."""
    return Sequential._from_snapshot(snapshot)
