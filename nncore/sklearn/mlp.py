"""`MLPClassifier` and `MLPRegressor`: scikit-learn's arguments and attributes, trained by nncore."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if

from nncore.base import callers
from nncore.base.typing import Array
from nncore.engine.penalties import penalty
from nncore.errors import TrainingDiverged
from nncore.losses import BinaryCrossentropy, Loss, MeanSquaredError, Poisson
from nncore.model.sequential import Sequential
from nncore.optimizers import Optimizer
from nncore.sklearn import hidden, settings
from nncore.sklearn.estimator import LabelsMixin, NetworkEstimator, NumbersMixin, generator_of, keep, listed
from nncore.sklearn.rows import Rows
from nncore.sklearn.settings import Settings
from nncore.sklearn.stopping import Progress
from nncore.sklearn.targets import Labels

AUTO_BATCH = 200  # scikit-learn's
SCIKITS = {"sigmoid": "logistic", "exponential": "exp"}
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


def _trains_in_batches(estimator: Any) -> bool:
    return settings.is_stochastic(estimator.solver)


class _MLP(NetworkEstimator):
    """What scikit-learn's two estimators have in common."""

    solver: Any
    callbacks: Any

    def _settings(self) -> Settings:
        return settings.checked(self)

    def _train(self, data: Rows, validation: Rows | None, chosen: Settings, incremental: bool) -> None:
        early = chosen.early_stopping and not chosen.full_batch
        if early and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        new, generator = not hasattr(self, "model_"), generator_of(self.random_state)
        n_features = data.X.shape[1]
        start = hidden.first_weights(chosen, n_features, self._targets.width, generator) if new else None
        if early and validation is None:
            data, validation = self._split(data, chosen.validation_fraction, generator)
        batch = len(data.X) if chosen.full_batch else _batch_size(chosen, len(data.X))
        l2 = chosen.alpha / (2 * batch * data.mean_weight)
        layers = hidden.layers(chosen, n_features, self._targets, l2)
        loss = self._targets.loss(chosen.loss)
        if new:
            model = Sequential(layers, seed=self._seed(generator), dtype=chosen.dtype or data.X.dtype)
            model.compile(chosen.optimizer(), loss)
            model.build(n_features)
            self._begin(model, start, chosen)
        else:
            hidden.adapt(self.model_, layers, chosen.dtype)
            if not incremental or self.model_.loss != loss:  # scikit-learn's fit makes a new optimizer in any case
                self.model_.compile(chosen.optimizer(), loss)
        if not chosen.full_batch and (new or not hasattr(self, "loss_curve_")):
            Progress.begin(self, early)
        if chosen.full_batch:
            self._solve(data, validation, chosen, loss)
        else:
            self._iterate(data, validation, chosen, loss, batch, early, incremental)

    def _begin(self, model: Sequential, start: Any, chosen: Settings) -> None:
        self.model_ = model
        if start is not None:
            for part, values in zip([*zip(self.coefs_, self.intercepts_, strict=True)], start, strict=True):
                part[0][:], part[1][:] = values
        self.n_layers_ = len(chosen.hidden_layer_sizes) + 2
        output = self._targets.activation
        self.out_activation_ = SCIKITS.get(output, output)

    def _scales(self, loss: Loss) -> tuple[float, float]:
        """Return what nncore's loss is multiplied by so that its gradient is scikit-learn's, and what then is its loss.

        scikit-learn's gradients are those of half the squared error, and of crossentropies, summed over the outputs,
        where nncore's losses are means over them; it reports the half of the mean of squared errors, though.
        """
        n_outputs = self.n_outputs_
        if isinstance(loss, BinaryCrossentropy):
            return float(n_outputs), 1.0
        if isinstance(self._targets, Labels):
            return 1.0, 1.0
        of_one = 0.5 if isinstance(loss, MeanSquaredError) else 1.0
        return n_outputs * of_one, 1.0 if isinstance(loss, Poisson) else 1 / n_outputs

    @property
    def _validates(self) -> str:
        return "val_* values need early_stopping=True or fit(X_val=..., y_val=...)"

    def _iterate(
        self,
        data: Rows,
        validation: Rows | None,
        chosen: Settings,
        loss: Loss,
        batch_size: int,
        early: bool,
        incremental: bool,
    ) -> None:
        """Train in batches: for one epoch if it is incremental."""
        epochs = 1 if incremental else chosen.max_iter

        def score(model: Any) -> float:
            assert validation is not None
            outputs = model.predict(validation.X)
            finite = np.isfinite(outputs).all()
            return self._targets.score(validation.target, outputs, validation.weight) if finite else np.nan

        scale, factor = self._scales(loss)
        own = self._targets.own_loss(data.target, data.weight)
        progress = Progress(self, chosen, len(data.X), (factor, own), score if early else None)
        options = {"epochs": epochs, "batch_size": batch_size, "shuffle": chosen.shuffle, "verbose": 0}
        callbacks = [progress, *listed(self.callbacks)]
        try:
            self._fit_network(data, validation, scale, callbacks=callbacks, **options)
        except TrainingDiverged as error:
            progress.diverged()
            if not early:
                raise ValueError(f"{NOT_FINITE} {error}") from error
            warnings.warn(f"{error}", ConvergenceWarning, stacklevel=callers.level())
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=callers.level())
        if self.n_iter_ == epochs == chosen.max_iter and not (incremental or progress.stopped):
            self._complain(epochs)

    def _solve(self, data: Rows, validation: Rows | None, chosen: Settings, loss: Loss) -> None:
        """Let a solver minimise the loss over all rows."""
        scale, factor = self._scales(loss)
        options = {"solver": chosen.full_batch_solver, "verbose": 2 if chosen.verbose else 0}
        callbacks = listed(self.callbacks)
        history = self._fit_network(data, validation, scale, epochs=chosen.max_iter, callbacks=callbacks, **options)
        self.n_iter_ = len(history)
        own = self._targets.own_loss(data.target, data.weight)
        self.loss_ = float(history.loss[-1]) * factor + own + penalty(self.model_.program, self.model_.parameters)
        if history.message.startswith("not converged"):
            warnings.warn(
                f"the solver has {history.message}; a larger max_iter or max_fun lets it go on, a larger tol ends it "
                "earlier; it needs fewer steps where the columns of X are scaled",
                ConvergenceWarning,
                stacklevel=callers.level(),
            )

    def _complain(self, max_iter: int) -> None:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=callers.level(),
        )

    # ---- what was learned

    @property
    def coefs_(self) -> list[Array]:
        """The weight (n_in, n_out) of each layer: views, through which the network's own can be changed."""
        flat = self.model_.parameters
        return [flat[row.weight : row.weight + row.n_in * row.n_out].reshape(row.n_in, row.n_out) for row in self._rows]

    @property
    def intercepts_(self) -> list[Array]:
        """The bias (n_out,) of each layer: views, as those of `coefs_`."""
        flat = self.model_.parameters
        return [flat[row.bias : row.bias + row.n_out] for row in self._rows if row.bias >= 0]

    @property
    def _rows(self) -> list[Any]:
        return [row for row in self.model_.program.rows if row.op == "dense"]

    @property
    def _optimizer(self) -> Optimizer:
        """What scikit-learn calls so: it has the present ``learning_rate``."""
        return self.model_.optimizer


def _batch_size(chosen: Settings, n: int) -> int:
    if chosen.batch_size is None:
        return min(AUTO_BATCH, n)
    if chosen.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=callers.level(),
        )
    return min(chosen.batch_size, n)


class MLPClassifier(LabelsMixin, _MLP):
    """scikit-learn's ``MLPClassifier``, with more to choose from, trained by nncore.

    Parameters
    ----------
    hidden_layer_sizes : int or list of int
        Units of each hidden layer.
    activation : str, Activation, or list of them
        Of all hidden layers, or of each: scikit-learn's ``"relu"``, ``"tanh"``, ``"logistic"``, ``"identity"``, and any
        other of `nncore.activations`.
    solver : str, Optimizer, LBFGS or LM
        ``"adam"``, ``"sgd"`` and ``"lbfgs"`` are scikit-learn's. There are the other names of `nncore.optimizers`, and
        its objects, which then decide all that an optimizer has to; `nncore.solvers.LBFGS` likewise.
    alpha : float
        Penalty, divided by the rows of a batch: the loss of a batch of n rows has ``alpha / (2 n)`` times the sum of
        the squares of all weights added. In a last, smaller batch n is that of the others.
    batch_size : int or "auto"
        ``"auto"`` is 200, or all rows if these are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or Schedule
        Of ``"sgd"``, as in scikit-learn; or, of any optimizer, one of `nncore.schedules`, which goes before
        `learning_rate_init`.
    learning_rate_init : float
        The rate, or that of the beginning.
    power_t : float
        Exponent of ``"invscaling"``.
    max_iter : int
        Most epochs of a ``fit``; of ``"lbfgs"`` steps.
    shuffle : bool
        Whether the rows come in a new order in each epoch.
    random_state : int, RandomState or None
        An int is the seed of the network. From anything else one is drawn.
    tol : float
        An epoch is of use if the loss, or the validation score, gets better by as much. ``"lbfgs"`` ends where no
        derivative is larger.
    verbose : bool or int
        Print each epoch.
    warm_start : bool
        Whether ``fit`` goes on from the weights that there are.
    momentum : float
        Of ``"sgd"``.
    nesterovs_momentum : bool
        Of ``"sgd"``: look ahead.
    early_stopping : bool
        Stop by the score of validation rows instead of by the loss of training, and take the best weights. The rows are
        those given to ``fit``, or `validation_fraction` of those to train on.
    validation_fraction : float
        How many to set aside.
    beta_1, beta_2, epsilon : float
        Of ``"adam"`` and its kin. nncore adds epsilon to the root of the corrected mean, scikit-learn to that of the
        other: they differ by next to nothing.
    n_iter_no_change : int or infinity
        Training stops after more than so many epochs of no use.
    max_fun : int
        Of ``"lbfgs"``: most evaluations of the loss.
    dropout : float or list of float
        Share of the units that is dropped behind all hidden layers, or behind each.
    normalization : {None, "batch", "layer"}
        Put a `BatchNorm` or `LayerNorm` between each hidden layer's sums and its activation.
    residual : bool
        Add its input to the output of each hidden layer that is as wide as the one before.
    class_weight : dict, "balanced" or None
        Weight of each class, by its label.
    weight_initializer : str or object
        Of `nncore.initializers`. ``"auto"`` begins as scikit-learn does: Glorot's limit for weights and biases.
    clip_norm : float, optional
        Of an optimizer given by name: longer gradients are shortened to this norm.
    callbacks : callable, object, or list of them
        See `nncore.callbacks`.
    dtype : {None, "float32", "float64", "mixed_bfloat16"}
        What is computed in; None for float32 if `X` is of it, else float64. With the last, products are of bfloat16 and
        all else is float32: quicker for wide networks, on processors that have it.

    Attributes
    ----------
    classes_, n_features_in_, feature_names_in_, n_outputs_, n_layers_, out_activation_
        As in scikit-learn.
    coefs_, intercepts_ : list of ndarray
        Views of the network's weights.
    loss_, loss_curve_, best_loss_, n_iter_, t_, validation_scores_, best_validation_score_
        As in scikit-learn; losses with the penalty as it is at the beginning of the epoch.
    model_ : Sequential
        The network.
    history_ : History
        All that its training recorded.

    Notes
    -----
    Same seed, same bits, on any number of threads; but they are not those of scikit-learn, whose generators draw other
    weights and orders. Sample weights are divided by their mean over all rows; scikit-learn divides by the sum of each
    batch.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> classifier = MLPClassifier((16,), dropout=0.2, class_weight="balanced", tol=0.01, random_state=0)
    >>> bool(classifier.fit(scale(X), y).score(scale(X), y) > 0.97)
    True
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: str | None = None,
        residual: bool = False,
        class_weight: Any = None,
        weight_initializer: Any = "auto",
        clip_norm: float | None = None,
        callbacks: Any = None,
        dtype: str | None = None,
    ) -> None:
        keep(self, locals())

    @available_if(_trains_in_batches)  # type: ignore[untyped-decorator, unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train for one epoch on these rows, from the weights and the optimizer's state that there are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), optional
        classes : array-like of shape (n_classes,), optional
            All labels that will ever come; to be given in the first call.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        self._learn_part(X, y, sample_weight, classes)
        return self


class MLPRegressor(NumbersMixin, _MLP):
    """scikit-learn's ``MLPRegressor``, with more to choose from, trained by nncore.

    Parameters
    ----------
    loss : str or Loss
        scikit-learn's ``"squared_error"``, and ``"absolute_error"``, ``"huber"`` and the losses of `nncore.losses`. Of
        squared errors the half is minimised, as in scikit-learn. ``"poisson"`` is half the deviance of a rate; in
        ``history_`` without the part that follows from y alone. Where a loss has several outputs for a target,
        ``predict`` returns its best guess, the middle quantile or the mean, and ``model_.predict`` all of them.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter
        As in `MLPClassifier`; `solver` may be ``"lm"``, too: Levenberg-Marquardt, for squared errors.
    shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction
        As in `MLPClassifier`; the score of validation is the coefficient of determination.
    beta_1, beta_2, epsilon, n_iter_no_change, max_fun
        As in `MLPClassifier`.
    dropout, normalization, residual, weight_initializer, clip_norm, callbacks, dtype
        As in `MLPClassifier`.

    Attributes
    ----------
    n_features_in_, feature_names_in_, n_outputs_, n_layers_, out_activation_, coefs_, intercepts_, loss_, loss_curve_
        As in `MLPClassifier`.
    best_loss_, n_iter_, t_, validation_scores_, best_validation_score_, model_, history_
        As in `MLPClassifier`.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = MLPRegressor("huber", (8,), "tanh", solver="lbfgs", alpha=10.0, max_iter=500, random_state=0)
    >>> bool(regressor.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5)
    True
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: Any = 0.0,
        normalization: str | None = None,
        residual: bool = False,
        weight_initializer: Any = "auto",
        clip_norm: float | None = None,
        callbacks: Any = None,
        dtype: str | None = None,
    ) -> None:
        keep(self, locals())

    @available_if(_trains_in_batches)  # type: ignore[untyped-decorator, unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch on these rows, from the weights and the optimizer's state that there are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        MLPRegressor
            Itself.
        """
        self._learn_part(X, y, sample_weight)
        return self
