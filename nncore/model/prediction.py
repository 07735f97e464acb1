"""What a model with weights is used for: predictions, scores, gradients, and the weights themselves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.arrays import inputs
from nncore.base import checks
from nncore.base.typing import Array
from nncore.losses import Crossentropy
from nncore.model.definition import Definition
from nncore.network import Predictor
from nncore.program import ParameterBlock
from nncore.training import scoring


class Prediction(Definition):
    """The part of `Sequential` that uses the weights."""

    def predict(self, X: ArrayLike, *, batch_size: int | None = None, verbose: bool | int | str = 0) -> Array:
        """Return the network's outputs, shape (n_samples, n_outputs); no rows give no rows.

        `batch_size` and `verbose` are there for programs written for Keras and change nothing: rows need not be cut
        into batches, and no bar is shown.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        ValueError
            If `X` has another number of features or holds NaN or infinity.
        """
        network = self._built()
        array = inputs.features(X, self._dtype, network.program.n_features, empty=True, check_finite=False)
        predictions = network.predict(array)
        if predictions is None:
            raise inputs.not_finite_error(X, array, "X")
        return predictions

    def predictor(self) -> Predictor:
        """Return a frozen copy of the network that answers single rows, in well under a microsecond for a small one.

        See `nncore.Predictor` for how to call it: with one row or several, into an array of yours, from any
        number of threads. `Dropout` is left out of it, and `BatchNorm` folded into the weights of a `Dense` beside it
        wherever one can take it.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        RuntimeError
            If the model is being trained in another thread.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)], dtype="float64")
        >>> model.build(2)
        >>> model.parameters[:] = [2.0, 3.0, 1.0]  # y = 2 a + 3 b + 1
        >>> policy = model.predictor()
        >>> policy([1.0, 1.0])
        array([6.])
        """
        return self._built().predictor()

    def predict_proba(self, X: ArrayLike) -> Array:
        """Return class probabilities.

        Returns
        -------
        ndarray
            (n_samples, n_outputs); for one sigmoid output (n_samples, 2): the probabilities of class 0 and class 1.

        Raises
        ------
        ValueError
            If the model is no classifier: neither its last layer nor its loss speaks of classes.
        """
        self._built()
        kind, logits = self._classifier("predict_proba")
        prediction = self.predict(X)
        if logits:
            from nncore.kernels import activate  # here, not at the top, to keep `import nncore` quick

            prediction = activate(kind, prediction)
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
        kind, logits = self._classifier("predict_classes")
        prediction = self.predict(X)
        if kind == "softmax":
            best: NDArray[np.int64] = prediction.argmax(axis=1)
            return best
        classes = (prediction > (0.0 if logits else 0.5)).astype(np.int64)
        return classes[:, 0] if self.program.n_outputs == 1 else classes

    def _classifier(self, caller: str) -> tuple[str, bool]:
        """Return what makes class scores of logits, and whether the network's outputs are logits."""
        self._built()
        loss = self.loss
        if isinstance(loss, Crossentropy):
            return loss.activation, loss.from_logits
        if self.last_activation not in ("softmax", "sigmoid"):
            raise ValueError(
                f"{caller} needs a last layer with softmax or sigmoid, this one has {self.last_activation!r}"
            )
        return self.last_activation, False

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: bool | int | str = 0,
        return_dict: bool = True,
    ) -> dict[str, float]:
        """Return ``{"loss": ..., metric: ...}`` on this data; `sample_weight` weighs the loss only.

        `batch_size` and `verbose` are there for programs written for Keras and change nothing. Unlike there, the result
        is always a dict: `return_dict` cannot be False.
        """
        if return_dict is not True:
            raise ValueError(f"return_dict must be True: evaluate returns a dict, not a list; got {return_dict!r}")
        network = self._built()
        return scoring.evaluate(network, self._data(X, y, sample_weight)[0], self.scorers)

    def loss_and_gradient(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """Return the loss over all rows and its gradient (n_parameters,) in the order of `parameters`.

        They are those of the next training step, were all rows one batch: with batch statistics in `BatchNorm`, and
        with what `Dropout` drops. Penalties such as ``Dense(l2=...)`` are not part of either.

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
        return network.loss_and_gradient(*self._data(X, y, sample_weight)[0], seed=self._seed)

    # ---- weights

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector (n_parameters,): writable, and always the current values.

        Layer by layer, each weight (n_in, n_out) in C order, then its bias (n_out,): what SciPy's optimisers want.
        """
        return self._built().parameters

    def get_weights(self) -> list[Array]:
        """Return copies of all that `set_weights` takes, layer by layer.

        The weight (n_in, n_out) and the bias (n_out,) of each `Dense`, gamma and beta of each norm; then, for every
        `BatchNorm`, the running mean and variance.
        """
        network = self._built()
        program, (flat, statistics) = network.program, network.weights()
        weights = [block.of(flat).copy() for block in program.parameters]
        return weights + [block.of(statistics).copy() for block in program.statistics]

    def set_weights(self, weights: Iterable[ArrayLike]) -> None:
        """Set all weights, biases and other values; in the form that `get_weights` returns.

        Raises
        ------
        TypeError, ValueError
            If it is no list, or there are too many or too few arrays, or one has the wrong shape or holds NaN or
            infinity, or a variance is negative.
        """
        network = self._built()
        program = network.program
        blocks = (*program.parameters, *program.statistics)
        if not isinstance(weights, Iterable):
            raise TypeError(f"weights must be a list of {len(blocks)} arrays, got {checks.described(weights)}")
        given = list(weights)
        if len(given) != len(blocks):
            raise ValueError(f"weights must be a list of {len(blocks)} arrays, got {len(given)}")
        arrays = [self._checked_weight(i, *pair) for i, pair in enumerate(zip(blocks, given, strict=True))]
        n, empty = len(program.parameters), np.empty(0, self._dtype)
        network.set_weights(np.concatenate([empty, *arrays[:n]]), np.concatenate([empty, *arrays[n:]]))

    def _checked_weight(self, number: int, block: ParameterBlock, weight: ArrayLike) -> Array:
        """Return a weight as a flat array."""
        name = f"weights[{number}] ({block.name})"
        array = inputs.real_array(weight, self._dtype, f"weights[{number}]")
        if array.shape != block.shape:
            raise ValueError(f"{name} must have shape {block.shape}, got {array.shape}")
        if not inputs.all_finite(array):
            raise inputs.not_finite_error(weight, array, name)
        if block.name.endswith(".variance") and array.min() < 0:
            raise ValueError(f"{name} must not be negative, got {array.min():g}")
        return array.ravel()
