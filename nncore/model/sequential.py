"""Sequential: a list of layers that learns. A façade: each method calls the function that does it, on one `State`.

What not every program needs is imported by the method that does, to keep ``import nncore`` quick.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nncore.base import checks, elsewhere
from nncore.base.answered import Layers, answer, refuse_setting
from nncore.base.source import Source
from nncore.base.typing import Array
from nncore.engine import own_arithmetic
from nncore.history import History
from nncore.layers import Layer
from nncore.losses import Loss
from nncore.metrics import Metric
from nncore.model import definition, prediction
from nncore.model.own_loops import OwnLoops
from nncore.optimizers import Optimizer
from nncore.program import Program, last_activation
from nncore.training import batches
from nncore.training.loop import Fit
from nncore.training.scoring import Scorers, Scores
from nncore.training.state import built, current_loss, dtype_policy, scorers

if TYPE_CHECKING:
    from typing_extensions import Self

    from nncore.model.stepper import Stepper
    from nncore.model.surgery import SurgeryReport
    from nncore.network import Predictor
    from nncore.solvers import LBFGS, LM
    from nncore.training.explanation import Explanation


class Sequential(OwnLoops):
    """A multi-layer perceptron: layers applied one after another.

    Parameters
    ----------
    layers : iterable of layers, optional
        From input to output; more can be added with `add`.
    seed : int or None
        0 to 2**64 - 1. Decides the initial weights and the order of the rows: same seed, same bits. None draws one,
        which `seed` then tells and files keep, so that the run can be repeated. Left out it is 0: models made in a
        loop, for an ensemble say, are then all the same network; give each its own, or None.
    dtype : {"float32", "float64", "mixed_bfloat16"}
        What is computed in. The last is Keras' name for float32 in which what `Dense` layers multiply, inputs, weights
        and deltas, is rounded to bfloat16, 8 bits of a number: quicker for wide layers where the processor multiplies
        such numbers itself, slower and in the same bits where not. Weights, optimizer, losses and norms stay float32.
        `summary` says where layers are too narrow, and where it is emulated.
    name : str, optional
        Shown by `summary` and kept in files.

    Attributes
    ----------
    stop_training : bool
        Set it to True in a callback to end training after the current epoch.

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
        seed: int | None = 0,
        dtype: Any = "float32",
        name: str | None = None,
    ) -> None:
        self._state = definition.new_state(seed, dtype, name)
        self.stop_training = False
        for layer in definition.iterable(layers):
            self.add(layer)

    # ---- what it is

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, from input to output; `add`, `insert`, `remove`, `move` and `replace` change them."""
        return Layers(self._state.layers)

    @property
    def seed(self) -> int:
        """What the initial weights and the order of the rows are drawn from; drawn itself for ``seed=None``."""
        return self._state.seed

    @property
    def dtype(self) -> np.dtype:
        """Of weights, predictions and all that is no operand of a product: float32 or float64."""
        return self._state.dtype

    @property
    def dtype_policy(self) -> str:
        """What is computed in, as the model was given it: the name of `dtype`, or ``"mixed_bfloat16"``."""
        return dtype_policy(self._state)

    @property
    def name(self) -> str | None:
        """Shown by `summary` and kept in files."""
        return self._state.name

    @name.setter
    def name(self, name: str | None) -> None:
        self._state.name = definition.checked_name(name)

    @property
    def built(self) -> bool:
        """Whether the model has weights."""
        return self._state.network is not None

    @property
    def program(self) -> Program:
        """The rows that are run; printable."""
        return built(self._state).program

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """What the columns are called that the model was trained on; None if it has seen nothing but arrays.

        The first table with named columns, such as a pandas frame, that the model is trained on decides; files, pickles
        and copies keep it. From then on the columns of a table are put in this order by name, and other names are an
        error; arrays go by position. See `fit`.
        """
        return self._state.feature_names

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return self.program.n_parameters

    @property
    def metrics(self) -> tuple[str | Metric, ...]:
        """Names and functions given to `compile`; of several outputs with a loss each, a tuple for each."""
        return self._state.metrics

    @property
    def scorers(self) -> Scorers:
        """The metrics as functions of (target, prediction), by name."""
        return scorers(self._state)

    @property
    def loss(self) -> Loss:
        """The loss that is minimised: the one given to `compile`, else the one that suits the last layer."""
        return current_loss(self._state)

    @property
    def loss_is_inferred(self) -> bool:
        """Whether `loss` follows from the last layer."""
        return self._state.loss is None

    @property
    def last_activation(self) -> str:
        """Name of the activation that the network ends with."""
        return last_activation(self._state.layers)

    @property
    def optimizer(self) -> Optimizer:
        """The update rule. Set it to change, for example, the learning rate: its state goes on.

        ``model.optimizer = dataclasses.replace(model.optimizer, learning_rate=1e-4)``
        """
        return self._state.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Optimizer) -> None:
        definition.set_optimizer(self._state, optimizer)

    @property
    def epoch(self) -> int:
        """Number of epochs trained so far, over all calls of `fit`, or as `train_on_batch` was told."""
        return self._state.epoch

    @property
    def history(self) -> History:
        """All epochs this object has trained; each call of `fit` returns its own part.

        Files do not keep it: after `nncore.load` it is empty, while `epoch` counts on.
        """
        return self._state.history

    @history.setter
    def history(self, history: History) -> None:
        self._state.history = history

    @property
    def metadata(self) -> dict[str, str]:
        """Notes that `save` writes into the file and `nncore.load` brings back."""
        return self._state.metadata

    @metadata.setter
    def metadata(self, metadata: dict[str, str]) -> None:
        self._state.metadata = metadata

    def summary(self) -> str:
        """Return a table of layers, parameters, loss and optimizer.

        A console or notebook shows it; in a script, nothing is shown without ``print(model.summary())``.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> Sequential([Dense(8, "relu"), Dense(1)]).summary()
        Sequential (not built: fit or build(n_features) does it, float32)
        layer    kind   outputs  activation  parameters
        dense_0  Dense        8  relu                 ?
        dense_1  Dense        1  identity             ?
        loss: mean_squared_error (inferred from identity)
        optimizer: Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08)
        """
        from nncore.model.summary import summary

        return summary(self._state)

    def _repr_html_(self) -> str:
        from nncore.model.summary import summary_html

        return summary_html(self._state)

    def get_layer(self, name: str | int | None = None, index: int | None = None) -> Layer:
        """Return one layer, by its name or its place.

        Parameters
        ----------
        name : str
            As `summary` shows it, layers inside of others included.
        index : int
            In `layers`; negative from the end.

        Raises
        ------
        TypeError, ValueError
            If there is no such layer, or both or neither are given.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu", name="hidden"), Dense(3)])
        >>> model.get_layer("hidden").units, model.get_layer(index=-1).units
        (8, 3)
        """
        from nncore.model import single

        return single.get_layer(self._state, name, index)

    def get_config(self) -> dict[str, Any]:
        """Return what the model is, without what it has learned: plain data, for JSON, that `from_config` takes.

        Layers, seed, dtype, optimizer, loss, metrics by name (functions are left out), name, and the number of features
        if it is built.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> config = Sequential([Dense(1)], name="line").get_config()
        >>> config["name"], config["layers"][0]["units"]
        ('line', 1)
        """
        from nncore.model import anew

        return anew.config(self._state)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a new model from what `get_config` returned; keys that are missing have their defaults.

        Raises
        ------
        TypeError, ValueError
            If `config` is no dict, or a key or value is not one of `get_config`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3, "softmax")], seed=3)
        >>> Sequential.from_config(model.get_config())
        Sequential([Dense(8, 'relu'), Dense(3, 'softmax')], seed=3, dtype='float32')
        """
        from nncore.model import anew

        model = cls.__new__(cls)
        model._state, model.stop_training = anew.from_config(config), False
        return model

    def clone(self, seed: int | Literal["same"] | None = "same") -> Self:
        """Return a new model of the same layers and settings that has learned nothing; ``copy.deepcopy`` copies all.

        It is built if this one is, and has then the weights that this one began with (unless layers were changed since:
        weights are drawn by the places that layers have now). History, epoch and optimizer state begin anew, and a
        `Normalization` forgets the rows that it was adapted to.

        Parameters
        ----------
        seed : int, None or "same"
            Another one gives other first weights and another order of the rows; None draws one.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)], seed=1)
        >>> folds = [model.clone() for _ in range(5)]  # all begin alike
        >>> members = [model.clone(seed=k) for k in range(5)]  # for an ensemble
        """
        from nncore.model import anew

        return anew.clone(self, self._state, seed)

    def reset(self, seed: int | Literal["same"] | None = "same") -> None:
        """Forget all that was learned, in place: what `clone` returns, this model becomes.

        A vector taken from `parameters` before no longer belongs to the model.

        Parameters
        ----------
        seed : int, None or "same"
            As in `clone`.

        Raises
        ------
        RuntimeError
            If the model is being trained.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)])
        >>> first = model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=20).loss
        >>> model.reset()
        >>> bool((model.fit([[0.0], [1.0]], [1.0, 3.0], epochs=20).loss == first).all())
        True
        """
        from nncore.model import anew

        anew.reset(self._state, seed)

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"{type(self).__name__}([{layers}], seed={self.seed}, dtype={self.dtype_policy!r})"

    # ---- saying what is trained

    def add(self, layer: Layer) -> None:
        """Append a layer.

        Raises
        ------
        TypeError
            If `layer` is no layer.
        RuntimeError
            If the model is built already: its shapes are fixed then.
        """
        definition.add(self._state, layer)

    @own_arithmetic
    def build(self, n_features: int) -> None:
        """Create the weights for inputs of `n_features` columns. `fit` does it by itself.

        Raises
        ------
        ValueError
            If the layers do not fit together or to the loss, need more memory than there is, or the model is built
            already for another `n_features`.
        """
        definition.build(self._state, n_features)

    def compile(
        self,
        optimizer: str | Optimizer = "adam",
        loss: definition.Losses = None,
        metrics: definition.Metrics = None,
        *,
        keep_state: bool = False,
        loss_weights: definition.Weights = None,
    ) -> None:
        """Choose how to train. Optional: without it Adam and the loss that suits the last layer are used.

        May be called again at any time, the weights stay. The optimizer begins anew, as in Keras and PyTorch; to change
        a rate only, set `optimizer`, or ask for `keep_state`.

        Parameters
        ----------
        optimizer : str or Optimizer
            A name in `nncore.optimizers.OPTIMIZERS`, such as ``"adam"``, or an instance: ``Adam(learning_rate=0.01)``.
        loss : str, Loss, callable, list, dict or None
            None infers it from the last layer: softmax sparse_categorical_crossentropy, sigmoid binary_crossentropy,
            else mean_squared_error. A function of your own, ``(y_true, y_pred) -> (losses, gradient)``, or an object
            that can be called so, is a `CustomLoss`, which says what it gets and returns. If the layers end with a
            `Parallel`, a list has a loss for each of its branches, or a dict by their names: these are then outputs
            with a loss each, and what is minimised is the sum. One loss is of all branches together.
        metrics : list of str and functions, optional
            Names from `nncore.metrics.METRICS`, objects from `nncore.metrics` such as ``F1("macro")``, or functions of
            (y_true, y_pred) that return one number. y_true are the targets in the form the loss reads: class indices
            (n,) for sparse_categorical_crossentropy, else (n, n_outputs); y_pred are the predictions (n, n_outputs).
            Functions of scikit-learn that want classes get them. Of several outputs with a loss each, a list has the
            metrics of each output, or a dict by their names; one metric alone is for all of them.
        keep_state : bool
            Whether moments and number of updates go on, if the optimizer is of the same kind as before.
        loss_weights : list or dict of float, optional
            What the loss of each of several outputs counts in the sum, >= 0; by default 1.

        Raises
        ------
        TypeError, ValueError
            If a name is unknown, or the loss does not suit the last layer so far or a metric the loss. The model is
            then as before.
        RuntimeError
            If called while the model is being trained.

        Examples
        --------
        >>> from nncore import Dense, Parallel, Sequential
        >>> outputs = Parallel([[Dense(1, name="price")], [Dense(3, "softmax", name="kind")]])
        >>> model = Sequential([Dense(8, "relu"), outputs])
        >>> losses = ["mse", "sparse_categorical_crossentropy"]
        >>> model.compile(loss=losses, loss_weights=[1.0, 0.5], metrics=[["mae"], ["accuracy"]])
        >>> X, price, kind = [[0.0, 1.0], [1.0, 0.0]], [2.5, 4.0], [2, 0]
        >>> model.fit(X, [price, kind]).columns[:5]
        ('loss', 'price_loss', 'kind_loss', 'price_mae', 'kind_accuracy')
        >>> price, kind = model.predict(X)
        >>> price.shape, kind.shape
        ((2, 1), (2, 3))
        """
        definition.compile_model(self._state, optimizer, loss, metrics, keep_state, loss_weights)

    # ---- changing the layers

    def insert(self, index: int, layer: Layer) -> SurgeryReport:
        """Put a layer in before layer number `index`; all others keep their weights where these still fit.

        Parameters
        ----------
        index : int
            0 to the number of layers, which appends. Layers inside of others are not counted.
        layer : Dense, Activation, or another one of `nncore.layers`

        Returns
        -------
        SurgeryReport

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong, or the layers do not fit together or to the loss. The model is then as before.
        RuntimeError
            If the model is being trained.

        Notes
        -----
        A layer keeps its weights, its part of the optimizer's state and its running statistics if all its shapes are
        the same; all else begins anew, with values that the seed has given to no layer of this model before. The
        records of the layers in ``model.history`` go on under the names they have now; those of layers that were taken
        out have ended. A vector taken from `parameters` before no longer belongs to the model.

        Examples
        --------
        >>> from nncore import Dense, LayerNorm, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.insert(1, Dense(16, "relu")))
        kept     dense_0
        new      dense_1
        changed  dense_2 (was dense_1): of another shape now, drawn anew
        """
        from nncore.model import surgery

        return surgery.insert(self._state, index, layer)

    def remove(self, index: int) -> SurgeryReport:
        """Take layer number `index` out; all others keep their weights where these still fit.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.remove(1))
        kept     dense_0, dense_1 (was dense_2)
        """
        from nncore.model import surgery

        return surgery.remove(self._state, index)

    def move(self, from_index: int, to_index: int) -> SurgeryReport:
        """Take layer number `from_index` out and put it in again as layer number `to_index`.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, LayerNorm, Sequential
        >>> model = Sequential([Dense(8, "relu"), LayerNorm(), Dense(3)])
        >>> model.build(8)
        >>> print(model.move(1, 0))
        kept     layer_norm_0 (was layer_norm_1), dense_1 (was dense_0), dense_2
        """
        from nncore.model import surgery

        return surgery.move(self._state, from_index, to_index)

    def replace(self, index: int, layer: Layer) -> SurgeryReport:
        """Put another layer in the place of layer number `index`.

        If both are of the same kind and all shapes stay the same, as with another activation or initializer, the layer
        keeps its weights.

        Parameters, errors and what is returned are those of `insert`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3)])
        >>> model.build(4)
        >>> print(model.replace(0, Dense(8, "tanh")))
        kept     dense_0, dense_1
        >>> print(model.replace(1, Dense(5)))
        kept     dense_0
        changed  dense_1: of another shape now, drawn anew
        """
        from nncore.model import surgery

        return surgery.replace(self._state, index, layer)

    def freeze(self, *layers: str | int) -> None:
        """Let training leave these layers as they are, or all if none is named; `unfreeze` undoes it.

        Their weights stay, also from penalties and decay, and so do the optimizer's numbers for them; gradients go
        through them to those before. A frozen `BatchNorm` normalises by its running averages, which stay as well, as in
        Keras. ``Dense(..., trainable=False)`` makes a layer that is frozen from the start. Where all layers before one
        are frozen, nothing is computed on the way back to them, which saves time.

        Parameters
        ----------
        *layers : str or int
            Their names, as `summary` shows them, or places in `layers`. One that holds others is frozen with these.

        Raises
        ------
        TypeError, ValueError
            If there is no such layer, or it has no parameters. The model is then as before.
        RuntimeError
            If the model is being trained.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(1)])
        >>> history = model.fit([[0.0], [1.0]], [0.0, 1.0])
        >>> first, last = model.get_weights(0)[0], model.get_weights(1)[0]
        >>> model.freeze("dense_0")
        >>> history = model.fit([[0.0], [1.0]], [0.0, 1.0], epochs=10)
        >>> bool((model.get_weights(0)[0] == first).all()), bool((model.get_weights(1)[0] == last).all())
        (True, False)
        """
        from nncore.model import freezing

        freezing.set_trainable(self._state, layers, False)

    def unfreeze(self, *layers: str | int) -> None:
        """Let training change these layers again, or all if none is named; see `freeze`.

        A layer inside of one that is frozen needs that to be unfrozen, too.
        """
        from nncore.model import freezing

        freezing.set_trainable(self._state, layers, True)

    # ---- training

    @own_arithmetic
    def fit(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        *,
        epochs: int = 1,
        batch_size: int | None = None,
        validation_data: tuple[ArrayLike, ...] | None = None,
        validation_split: float = 0.0,
        shuffle: batches.Shuffle = None,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        callbacks: Any = None,
        verbose: bool | int | str = "auto",
        solver: str | LBFGS | LM | None = None,
        validation_freq: int | Iterable[int] = 1,
        steps_per_epoch: int | None = None,
    ) -> History:
        """Train for `epochs` more epochs: a model that was trained before goes on from there.

        To begin anew, as for each fold of a cross-validation, fit a copy of the model as it was before:
        ``copy.deepcopy(model).fit(X, y)``. A `Normalization` that was never adapted is adapted first, see `adapt`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a source of `nncore.data`
            Finite numbers. A source, of rows that need not fit into memory, brings its own y and weights. Passed on
            without a copy if C-contiguous and of the model's dtype, or of uint8, int8, int16 or float16; never written
            to. The first table with named columns, such as a pandas frame, decides `feature_names`; later ones are put
            in that order by name, and other names are an error. Arrays go by position, and so do rows.
        y : array-like
            For classes: indices (n_samples,) or one-hot rows (n_samples, n_outputs). For binary_crossentropy values in
            0..1, otherwise any numbers, (n_samples,) or (n_samples, n_outputs). Several columns of a table go by name
            as those of `X` do. Class names have to be numbered: ``names, y = numpy.unique(y, return_inverse=True)``.
            For several outputs with a loss each, a list with such an array for each, or a dict by their names.
        epochs : int
            How many times to go through the data. Epochs are numbered on over all calls of `fit`.
        batch_size : int, optional
            Rows per update, by default 32; the last batch of an epoch may be smaller. With a `BatchNorm` at least 2,
            and no more than whose activations fit into memory at once.
        validation_data : tuple (X, y) or (X, y, sample_weight), or a source of `nncore.data`, optional
            Scored after each epoch, or as `validation_freq` says; not trained on.
        validation_split : float
            Take this share of the rows for validation instead: the last ones, as they stand, before shuffling. If they
            are of other classes than the rest, as where rows are sorted, a `UserWarning` says so.
        shuffle : bool, "block" or `nncore.data.Blocks`, optional
            Visit the rows in a new order each epoch; the default. ``"block"``, the default of sources, lets blocks of
            rows change places, and mixes the rows of a buffer of them at a time; rows that are streamed and rows in
            memory then give the same bits.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row in the loss, >= 0. A batch's loss is divided by its rows, not by its weights.
        class_weight : mapping of int to float, or "balanced", optional
            Weight of each class, 1 where left out; multiplies `sample_weight`. ``"balanced"`` gives all classes the
            same say: n_samples / (number of classes * samples of the class). Validation is not weighted by class.
        callbacks : list of callables and objects, optional
            See `nncore.callbacks`.
        verbose : {"auto", True, False, 0, 1, 2}
            Whether to show a progress bar on stderr; ``"auto"``: only if that is a terminal, or in a notebook, where
            it is a widget if ipywidgets is installed. 1 is True; 2 prints a line for each epoch instead, there as well:
            ``epoch 3/10: loss 0.523``.
        solver : {"lbfgs", "lm"} or what `nncore.solvers` has of them, optional
            Minimise the loss over all rows at once instead of training with the optimizer: L-BFGS, or for squared
            errors Levenberg-Marquardt, not in mixed_bfloat16. An epoch is then an iteration; there are no batches.
            ``LBFGS(tol, max_fun)`` and ``LM(tol)`` say when to end. See `nncore.solvers`.
        validation_freq : int or iterable of int
            Score the rows to validate on after every so many epochs of this call, or after these, counted from 1:
            ``[1, 2, 10]``; the last is none by itself. The history has NaN where an epoch is not scored, logs have no
            ``val_*`` there, and callbacks that watch one wait for the next. As in Keras.
        steps_per_epoch : int, optional
            Let an epoch be so many batches instead of all rows once, and the next go on where it stopped: large data
            are scored, saved and shown more often, small ones less. Once all rows had their turn, they have it in a new
            order. Schedules, callbacks and the history count these epochs.

        Returns
        -------
        History
            Of this call; ``model.history`` holds all.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong. The model is then as before, not even built.
        TrainingDiverged
            If the loss, a weight or the optimizer's state stops being finite. The weights are those at the start of
            that epoch.
        KeyboardInterrupt
            On Ctrl-C. The model is as after the last epoch that was completed, and can go on from there. An
            `EarlyStopping` that restores the best weights does so here, too.
        RuntimeError
            If the model is being trained already, in another thread or by the caller of this callback.
        """
        strategy = definition.strategy(solver, batch_size, shuffle, steps_per_epoch)
        data = definition.given(X, y, sample_weight, solver)
        options: dict[str, Any] = {"class_weight": class_weight, "callbacks": callbacks, "verbose": verbose}
        options |= {"validation_freq": validation_freq}
        with self._state.turn.training():
            fit = Fit(self, self._state, data, validation_data, validation_split, strategy, epochs=epochs, **options)
            return fit.run()

    def adapt(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> None:
        """Work out what the `Normalization` of the model subtracts and divides by; of a new model, build it.

        Mean and standard deviation of each column are summed up in float64, part by part, and kept in the model's
        dtype. ``fit`` does this by itself, with its own X and `sample_weight`, if it has not been done yet; a later
        ``fit`` keeps what there is, so ask for it where data of another kind are to be learned. Weights, optimizer and
        epoch stay. Keras has it as a method of the layer.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), or a source of `nncore.data`
            The rows to be trained on: without those to validate or test on.
        sample_weight : array-like of shape (n_samples,), optional
            >= 0: a row of weight 2 counts as two.

        Raises
        ------
        TypeError, ValueError
            If the model has no `Normalization`, or an argument is wrong; or a column spreads so wide, or so little,
            that the model's dtype cannot hold the square.
        RuntimeError
            If the model is being trained.

        Examples
        --------
        >>> from nncore import Dense, Normalization, Sequential
        >>> model = Sequential([Normalization(), Dense(1)])
        >>> model.adapt([[100.0, 0.5], [300.0, 0.5]])
        >>> [array.tolist() for array in model.get_weights("normalization_0")]
        [[200.0, 0.5], [10000.0, 1.0]]
        """
        from nncore.training import adaptation

        adaptation.adapt(self._state, X, sample_weight)

    def train_on_batch(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None, *, epoch: float | None = None
    ) -> float:
        """Do one update on these rows; return their loss before it.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`: the rows of one batch.
        epoch : float, optional
            The time of this update, in epochs from 0 on: what a schedule gives it a rate by. ``3.5`` is the middle of
            the fourth epoch. The model's `epoch` follows to the whole epochs in it, but never goes back. None is the
            time at which `epoch` stands: only the caller knows how many updates are an epoch, so that without a word
            a schedule stays where it is.

        Examples
        --------
        >>> from nncore import SGD, CosineDecay, Dense, Sequential
        >>> model = Sequential([Dense(1)])
        >>> model.compile(SGD(CosineDecay(0.1, epochs=10)))
        >>> batches = [([[0.0], [1.0]], [1.0, 3.0]), ([[2.0], [3.0]], [5.0, 7.0])]
        >>> for epoch in range(10):
        ...     for i, (X, y) in enumerate(batches):
        ...         loss = model.train_on_batch(X, y, epoch=epoch + i / len(batches))
        >>> model.epoch
        9

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        TrainingDiverged
            If the loss, a weight or the optimizer's state stops being finite; the update is then undone.
        """
        return batches.train_on_batch(self._state, X, y, sample_weight, epoch)

    def stepper(self, batch_size: int | None = None) -> Stepper:
        """Return `train_on_batch` as a function of its own, for loops in which the time of a call counts.

        It takes and does the same, and adds less than a microsecond to a step on C-contiguous arrays of the model's
        dtype. See `nncore.Stepper` for how to call it, and for when a new one is needed.

        Parameters
        ----------
        batch_size : int, optional
            Most rows of a step, more are an error; None sets no bound. Whether a `BatchNorm` can be trained on so many
            at once is then checked here.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        TypeError, ValueError
            If `batch_size` is no whole number >= 1, or does not suit a `BatchNorm`.

        Examples
        --------
        >>> import numpy as np
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "tanh"), Dense(1)])
        >>> model.build(3)
        >>> step = model.stepper()
        >>> X, y = np.zeros((32, 3), np.float32), np.ones((32, 1), np.float32)
        >>> losses = [step(X, y) for _ in range(100)]
        >>> losses[-1] < losses[0]
        True
        """
        from nncore.model.stepper import stepper

        return stepper(self, batch_size)

    @own_arithmetic
    def explain_step(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Explanation:
        """Take apart the training step that these rows, as one batch, would make; the model stays as it is.

        Every number is what `train_on_batch` would compute, at the time at which `epoch` stands, in the same bits.

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
            If the loss, a weight or the optimizer's state would stop being finite.
        """
        from nncore.training.explanation import explain

        return explain(self._state, X, y, sample_weight)

    # ---- using the weights

    def predict(self, X: ArrayLike | Source, *, batch_size: int | None = None, verbose: bool | int | str = 0) -> Array:
        """Return the network's outputs, shape (n_samples, n_outputs); no rows give no rows.

        `X` may be a source of `nncore.data`, too: it is read, and predicted, part by part.

        Of one output, too, they are a column: take ``[:, 0]`` to compare them with a target of shape (n_samples,).
        Of several outputs with a loss each, a list with such an array for each, in the order of the branches.

        `batch_size` and `verbose` are there for programs written for Keras and change nothing: rows need not be cut
        into batches, and no bar is shown.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        ValueError
            If `X` has another number of features or features of other names, or holds NaN, infinity or a value too
            large.
        """
        return prediction.predict(self._state, X)

    @own_arithmetic
    def predictor(self, out: Predictor | None = None) -> Predictor:
        """Return a frozen copy of the network that answers single rows, in well under a microsecond for a small one.

        Several outputs with a loss each stand side by side in its answers, in the order of the branches.

        See `nncore.Predictor` for how to call it: with one row or several, into an array of yours, from any
        number of threads. `Dropout` is left out of it, and `BatchNorm` folded into the weights of a `Dense` beside it
        wherever one can take it; with that, answers agree with those of `predict` to rounding, which in mixed_bfloat16
        is some thousandths.

        Parameters
        ----------
        out : Predictor, optional
            One of this model, or of another of the same widths, that is to answer with this model's weights from now
            on: whoever calls it, from whatever thread, need not be told. Calls that have begun answer with the old
            ones. Names of columns stay those it was made with.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        TypeError, ValueError
            If `out` is no `Predictor`, or has other widths, another dtype, or columns of other names.
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
        >>> model.parameters[:] = [1.0, 1.0, 0.0]
        >>> model.predictor(out=policy) is policy, policy([1.0, 1.0])
        (True, array([2.]))
        """
        return built(self._state).predictor(self._state.feature_names, out)

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
        return prediction.predict_proba(self._state, X, self.predict)

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
        return prediction.predict_classes(self._state, X, self.predict)

    @own_arithmetic
    def evaluate(
        self,
        X: ArrayLike | Source,
        y: ArrayLike | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
        verbose: bool | int | str = 0,
        return_dict: bool = True,
    ) -> Scores:
        """Return ``{"loss": ..., metric: ...}`` on these rows; `sample_weight` weighs loss and ``weighted_`` metrics.

        Of several outputs with a loss each, ``<output>_loss`` and ``<output>_<metric>`` follow the weighted sum.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        batch_size, verbose
            There for programs written for Keras; they change nothing.
        return_dict : bool
            False returns what Keras does by default: a plain list of the values, or the loss alone if there are no
            metrics. (Type checkers are told of `Scores` alone, which unpacks and indexes alike.)

        Returns
        -------
        Scores
            A dict from name to value. It unpacks and indexes like that list as well: iterating gives the values, not
            the names, which are in ``keys()``. ``in``, ``items()``, ``dict(scores)``, ``{**scores}`` and ``==`` are
            those of a dict.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(1)], dtype="float64")
        >>> model.compile(metrics=["mae"])
        >>> model.build(1)
        >>> model.parameters[:] = [2.0, 1.0]  # y = 2 x + 1
        >>> model.evaluate([[1.0], [2.0]], [4.0, 4.0])
        {'loss': 1.0, 'mae': 1.0}
        >>> loss, mae = model.evaluate([[1.0], [2.0]], [4.0, 4.0])
        """
        return cast(Scores, prediction.evaluate(self._state, X, y, sample_weight, return_dict))

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector (n_parameters,): writable, and always the current values.

        Layer by layer, each weight (n_in, n_out) in C order, then its bias (n_out,): what SciPy's optimisers want.
        """
        return built(self._state).parameters

    def get_weights(self, layer: str | int | None = None) -> list[Array]:
        """Return copies of all that `set_weights` takes, layer by layer.

        The weight (n_in, n_out) and the bias (n_out,) of each `Dense`, gamma and beta of each norm; then, for every
        `BatchNorm` the running mean and variance, for every `Normalization` its own; a variance of 0 says that it is
        not adapted.

        Parameters
        ----------
        layer : str or int, optional
            Return those of one layer alone: its name, as `summary` shows it, or its place in `layers`.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu", name="hidden"), Dense(3)])
        >>> model.build(4)
        >>> weight, bias = model.get_weights("hidden")
        >>> weight.shape, bias.shape
        ((4, 8), (8,))
        """
        if layer is None:
            return prediction.get_weights(self._state)
        from nncore.model import single

        return single.get_weights(self._state, layer)

    def set_weights(self, weights: Iterable[ArrayLike], layer: str | int | None = None) -> None:
        """Set all weights, biases and other values, or those of one layer; in the form that `get_weights` returns.

        Raises
        ------
        TypeError, ValueError
            If it is no list, or there are too many or too few arrays, or one has the wrong shape or holds NaN or
            infinity, or a variance is negative, or there is no such layer.
        """
        if layer is None:
            return prediction.set_weights(self._state, weights)
        from nncore.model import single

        return single.set_weights(self._state, weights, layer)

    def activations(self, X: ArrayLike, layer: str | int) -> Array:
        """Return what one layer gives for each row, as in `predict`: what `Dropout` and `BatchNorm` do then.

        An `Activation` right behind a `Dense` is computed with it, and both give the same. So do `Dropout` and the
        layer before it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        layer : str or int
            Its name, as `summary` shows it, layers inside of others included; or its place in `layers`.

        Returns
        -------
        ndarray of shape (n_samples, n_out)

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        TypeError, ValueError
            If there is no such layer, or `X` is not what `predict` takes.

        Examples
        --------
        >>> from nncore import Dense, Sequential
        >>> model = Sequential([Dense(8, "relu"), Dense(3, "softmax")])
        >>> model.build(4)
        >>> model.activations([[1.0, 2.0, 3.0, 4.0]], "dense_0").shape
        (1, 8)
        """
        from nncore.model import single

        return single.activations(self._state, X, layer)

    # ---- files, pickles and copies

    def save(self, path: str | os.PathLike[str] | BinaryIO, metadata: Mapping[str, str] | None = None) -> None:
        """Write the model to a file: layers, weights, optimizer state, seed and epoch, enough to train on exactly.

        Not kept are the history and metrics that are functions of your own: give these to `compile` again after
        loading.

        The file is written beside `path` and put in its place when complete, so that whatever happens, `path` holds
        either the old file or the new one. A process killed meanwhile may leave ``.<name>.<16 digits>.tmp`` behind.

        Parameters
        ----------
        path : str, path-like or binary file
            The format is nncore's own, whatever the name: one that promises another, as ``.h5``, gets a `UserWarning`.
            A file that is open for writing bytes, or an ``io.BytesIO``, gets the same bytes; `to_bytes` returns them.
        metadata : mapping of str to str, optional
            Notes to keep in the file; None keeps ``model.metadata``.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.
        OSError
            If the file cannot be written.
        """
        from nncore.model import checkpoint, storage

        checkpoint.save(path, storage.snapshot(self._state, self.metadata if metadata is None else metadata))

    def to_bytes(self, metadata: Mapping[str, str] | None = None) -> bytes:
        """Return what `save` would write, for a database or a message; ``nncore.load`` takes it.

        Raises
        ------
        NotBuiltError
            If the model has no weights yet.

        Examples
        --------
        >>> import nncore
        >>> model = nncore.Sequential([nncore.Dense(1)])
        >>> model.build(3)
        >>> nncore.load(model.to_bytes()).n_parameters
        4
        """
        from nncore.model import checkpoint, storage

        return checkpoint.encode(storage.snapshot(self._state, self.metadata if metadata is None else metadata))

    def __getstate__(self) -> dict[str, Any]:
        """Return all attributes, those of subclasses and the user's as well; of the network, its numbers."""
        from nncore.model import storage

        return {**self.__dict__, "_state": storage.pickled(self._state)}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        from nncore.model import storage

        kept = attributes if "_state" in attributes else storage.from_old_pickle(attributes)
        self.__dict__.update(kept, _state=storage.unpickled(kept["_state"]))


# `predict`, `train_on_batch` and what the guide names beside them are called too often for that.
ONCE = "build compile fit evaluate save add insert remove move replace summary explain_step get_weights set_weights"
RARE = "adapt stepper freeze unfreeze clone reset get_config get_layer activations to_bytes"
checks.explain_unknown_arguments([Sequential], [*ONCE.split(), *RARE.split()])
answer(Sequential, elsewhere.OF_A_MODEL, elsewhere.SET_ON_A_MODEL)
refuse_setting(Sequential, elsewhere.READ_ONLY)
