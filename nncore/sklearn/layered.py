"""`Classifier` and `Regressor`: any layers of nncore as an estimator."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sklearn.utils.metaestimators import available_if

from nncore import losses
from nncore.base import checks
from nncore.layers import Dense, Layer
from nncore.losses import Loss, MeanSquaredError
from nncore.model.sequential import Sequential
from nncore.optimizers import Optimizer
from nncore.sklearn import hidden, settings
from nncore.sklearn.estimator import LabelsMixin, NetworkEstimator, NumbersMixin, generator_of, keep, listed
from nncore.sklearn.rows import Rows
from nncore.solvers import LBFGS, LM

HIDDEN = (Dense(100, "relu"),)


@dataclass(frozen=True)
class Choice:
    """The arguments of an estimator, checked; the fields have their names and meaning."""

    layers: tuple[Layer, ...]
    output_layer: Dense | None
    optimizer: str | Optimizer | LBFGS | LM
    loss: Loss | None
    epochs: int
    batch_size: int
    shuffle: bool
    validation_fraction: float
    warm_start: bool
    dtype: str | None

    @property
    def max_iter(self) -> int:
        """The epochs, as `MLPClassifier` calls them."""
        return self.epochs

    @property
    def solver(self) -> Any:
        """What minimises the loss over all rows; None if an optimizer goes through batches."""
        return None if settings.is_stochastic(self.optimizer) else self.optimizer


def _hidden(value: Any) -> tuple[Layer, ...]:
    """Return the layers that somebody gave, checked: a list of them, or a model."""
    given = value.layers if isinstance(value, Sequential) else value
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"layers must be a list of layers, got {checks.described(given)}")
    layers = tuple(Sequential(given).layers)
    if layers and Sequential(layers).last_activation == "softmax":
        raise ValueError(
            f"layers ends with {layers[-1]}, which is an output, and the output is added by itself: it follows from y. "
            f"Leave it out, or give it as output_layer={layers[-1]}"
        )
    return layers


def _output(argument: str, value: Any) -> Dense:
    output: Dense = checks.exact(argument, value, {"Dense": Dense})
    return output


def _trains_in_batches(estimator: Any) -> bool:
    return settings.is_stochastic(estimator.optimizer)


class _Layered(NetworkEstimator):
    """What both have in common."""

    layers: Any
    output_layer: Any
    optimizer: Any
    loss: Any
    epochs: Any
    batch_size: Any
    shuffle: Any
    validation_fraction: Any
    metrics: Any
    callbacks: Any
    verbose: Any
    dtype: Any
    _default_loss: Loss | None = None

    def _settings(self) -> Choice:
        return Choice(
            layers=_hidden(self.layers),
            output_layer=checks.optional(_output)("output_layer", self.output_layer),
            optimizer=settings.solver("optimizer", self.optimizer),
            loss=self._default_loss if self.loss is None else _one_loss(self.loss),
            epochs=checks.integer(1, checks.EPOCHS)("epochs", self.epochs),
            batch_size=checks.integer(1, checks.COUNT)("batch_size", self.batch_size),
            shuffle=checks.flag("shuffle", self.shuffle),
            validation_fraction=checks.real(0, 1, below=True)("validation_fraction", self.validation_fraction),
            warm_start=checks.flag("warm_start", self.warm_start),
            dtype=settings.dtype("dtype", self.dtype),
        )

    def _train(self, data: Rows, validation: Rows | None, chosen: Choice, incremental: bool) -> None:
        new = not hasattr(self, "model_")
        generator = generator_of(self.random_state)
        if chosen.validation_fraction and validation is None and not incremental:
            data, validation = self._split(data, chosen.validation_fraction, generator)
        layers = [*chosen.layers, self._last(chosen)]
        loss = self._targets.loss(chosen.loss)
        optimizer: Any = "adam" if chosen.solver else chosen.optimizer  # which then rests
        if new:
            model = Sequential(layers, seed=self._seed(generator), dtype=chosen.dtype or data.X.dtype)
            model.compile(optimizer, loss, self.metrics)
            model.build(data.X.shape[1])
            self.model_ = model
        else:
            hidden.adapt(self.model_, layers, chosen.dtype)
            if not incremental:
                self.model_.compile(optimizer, loss, self.metrics)
        batches: dict[str, Any] = {} if chosen.solver else {"batch_size": chosen.batch_size, "shuffle": chosen.shuffle}
        history = self._fit_network(
            data,
            validation,
            1.0,
            epochs=1 if incremental else chosen.epochs,
            solver=chosen.solver,
            callbacks=listed(self.callbacks),
            verbose=self.verbose,
            **batches,
        )
        self.n_iter_ = len(history)

    def _last(self, chosen: Choice) -> Dense:
        """Return the output that suits y, or the one asked for, if it does."""
        n_outputs, activation = self._targets.width, self._targets.activation
        given = chosen.output_layer
        if given is None:
            return Dense(n_outputs, activation)
        name = getattr(given.activation, "name", None)
        if given.units != n_outputs or (not self._numeric and name != activation):
            raise ValueError(f"output_layer is {given}, but for this y it must be Dense({n_outputs}, {activation!r})")
        return given


class Classifier(LabelsMixin, _Layered):
    """A classifier with any layers.

    Parameters
    ----------
    layers : list of layers, or Sequential
        The hidden ones. The output follows from y: a sigmoid for two classes, a softmax for more, a sigmoid for each of
        several labels.
    output_layer : Dense, optional
        The output, where it is to be something special: with a penalty, say. Its units and its activation must be those
        that y needs.
    optimizer : str, Optimizer, LBFGS or LM
        A name, or an object, of `nncore.optimizers` or `nncore.solvers`.
    loss : str or Loss, optional
        None for the crossentropy that suits y.
    epochs, batch_size, shuffle
        As in `Sequential.fit`.
    validation_fraction : float
        Share of the rows to set aside and validate on after each epoch, for callbacks such as
        ``EarlyStopping("val_loss")``; rows given to ``fit`` go before it.
    metrics : list of str
        What ``history_`` shows beside the loss.
    class_weight : dict, "balanced" or None
        Weight of each class, by its label.
    warm_start : bool
        Whether ``fit`` goes on from the weights that there are.
    callbacks : callable, object, or list of them
        See `nncore.callbacks`.
    random_state : int, RandomState or None
        An int is the seed of the network. From anything else one is drawn.
    verbose : bool or int
        As in `Sequential.fit`.
    dtype : {None, "float32", "float64", "mixed_bfloat16"}
        What is computed in; None for float32 if `X` is of it, else float64. With the last, products are of bfloat16 and
        all else is float32: quicker for wide networks, on processors that have it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    model_ : Sequential
        The network.
    history_ : History
        All that its training recorded.
    n_iter_ : int
        Epochs of the last ``fit``.
    n_features_in_, feature_names_in_, n_outputs_
        As in scikit-learn.

    Examples
    --------
    >>> from nncore import BatchNorm, Dense, Dropout
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> narrow, wide = [Dense(8, "tanh")], [Dense(32), BatchNorm(), Dropout(0.1)]
    >>> search = GridSearchCV(Classifier(optimizer="nadam", random_state=0), {"layers": [narrow, wide]})
    >>> bool(search.fit(*load_iris(return_X_y=True)).best_score_ > 0.9)
    True
    """

    def __init__(
        self,
        layers: Any = HIDDEN,
        *,
        output_layer: Any = None,
        optimizer: Any = "adam",
        loss: Any = None,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        metrics: Any = (),
        class_weight: Any = None,
        warm_start: bool = False,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: bool | int = 0,
        dtype: str | None = None,
    ) -> None:
        keep(self, locals())

    @available_if(_trains_in_batches)  # type: ignore[untyped-decorator, unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Classifier:
        """Train for one epoch on these rows; as `MLPClassifier.partial_fit`."""
        self._learn_part(X, y, sample_weight, classes)
        return self


class Regressor(NumbersMixin, _Layered):
    """A regressor with any layers.

    Parameters
    ----------
    layers, output_layer, optimizer, epochs, batch_size, shuffle, validation_fraction, metrics, warm_start, callbacks
        As in `Classifier`; the output has an activation only where `output_layer` has one.
    random_state, verbose, dtype
        As in `Classifier`.
    loss : str or Loss, optional
        None for the mean squared error.

    Attributes
    ----------
    model_, history_, n_iter_, n_features_in_, feature_names_in_, n_outputs_
        As in `Classifier`.

    Examples
    --------
    >>> from nncore import Dense
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.preprocessing import scale
    >>> X, y = load_diabetes(return_X_y=True)
    >>> regressor = Regressor([Dense(8, "tanh", l2=1e-3)], optimizer="lbfgs", random_state=0)
    >>> bool(regressor.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.5)
    True
    """

    _default_loss = MeanSquaredError()

    def __init__(
        self,
        layers: Any = HIDDEN,
        *,
        output_layer: Any = None,
        optimizer: Any = "adam",
        loss: Any = None,
        epochs: int = 100,
        batch_size: int = 32,
        shuffle: bool = True,
        validation_fraction: float = 0.0,
        metrics: Any = (),
        warm_start: bool = False,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: bool | int = 0,
        dtype: str | None = None,
    ) -> None:
        keep(self, locals())

    @available_if(_trains_in_batches)  # type: ignore[untyped-decorator, unused-ignore]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Regressor:
        """Train for one epoch on these rows; as `MLPRegressor.partial_fit`."""
        self._learn_part(X, y, sample_weight)
        return self


def _one_loss(given: Any) -> Loss:
    """Return a loss; of several an estimator, whose y is one array, has no use."""
    if isinstance(given, (list, tuple, dict, losses.SeveralLosses)):
        raise ValueError(f"loss must be one loss, got {given!r}: for several outputs with a loss each take Sequential")
    return losses.get(given)
