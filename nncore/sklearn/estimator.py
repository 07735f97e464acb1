"""What all estimators that hold a network share: checked rows in, one `Sequential`, answers out."""

from __future__ import annotations

import numbers
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from nncore.base import checks
from nncore.base.typing import Array
from nncore.callbacks.monitor import VALIDATES
from nncore.history import History
from nncore.model.sequential import Sequential
from nncore.sklearn import rows
from nncore.sklearn.company import train
from nncore.sklearn.rows import Rows
from nncore.sklearn.targets import MULTILABEL, Labels, Numbers, Targets, one_dimensional
from nncore.sklearn.tasks import CallbackSupportMixin, Tasks, with_callbacks


class Validation(NamedTuple):
    """What the user gave to validate on: each None if nothing."""

    X: Any = None
    y: Any = None
    weight: Any = None


NO_VALIDATION = Validation()


def keep(estimator: Any, arguments: dict[str, Any]) -> None:
    """Set the arguments of ``__init__``, its ``locals()``, as attributes; nothing else may happen there."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def generator_of(random_state: Any) -> Any:
    """Return the RandomState that somebody means.

    Raises
    ------
    ValueError
        If nothing can be made one of.
    """
    try:
        return check_random_state(random_state)
    except (TypeError, ValueError) as error:
        expected = "an integer from 0 to 2**32 - 1, a numpy.random.RandomState, or None"
        raise ValueError(f"random_state must be {expected}, got {checks.described(random_state)}") from error


def seed_of(random_state: Any, generator: Any) -> int:
    """Return the seed of a new network: `random_state` itself if it is a number, else one drawn from its generator."""
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(generator.randint(np.iinfo(np.int32).max))


def listed(callbacks: Any) -> list[Any]:
    """Return the callbacks that an argument holds: none, one or several."""
    if callbacks is None:
        return []
    return [*callbacks] if isinstance(callbacks, (list, tuple)) else [callbacks]


class NetworkEstimator(CallbackSupportMixin, BaseEstimator):
    """Base class: what `Classifier`, `Regressor`, `MLPClassifier` and `MLPRegressor` share.

    A subclass says what the network is and how it is trained, in `_settings`, `_loss` and `_train`.

    Attributes
    ----------
    model_ : Sequential
        The network: saved with ``model_.save(path)``, taken apart with ``model_.explain_step``.
    history_ : History
        All that its training recorded.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Only if `X` had names that are text.
    """

    model_: Sequential
    _numeric: bool
    _targets: Any
    random_state: Any
    warm_start: bool
    class_weight: Any = None
    _tasks: Tasks | None = None

    # ---- what subclasses say

    def _settings(self) -> Any:
        """Return the checked arguments; what has the fields ``dtype``, ``loss`` and ``max_iter``."""
        raise NotImplementedError

    def _train(self, data: Rows, validation: Rows | None, settings: Any, incremental: bool) -> None:
        """Make ``model_`` where there is none, and train it."""
        raise NotImplementedError

    def _targets_for(self, y: Any, classes: Any, anew: bool, settings: Any) -> Targets:
        raise NotImplementedError

    # ---- training

    @with_callbacks  # type: ignore[untyped-decorator, unused-ignore]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train from new weights, or with ``warm_start=True`` from those there are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A sparse one becomes dense: that must fit into memory.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Labels of any kind, an indicator matrix of several labels per row; or numbers.
        sample_weight : array-like of shape (n_samples,) or number, optional
            Of each row, >= 0. Twice the weight of all changes nothing; but in `MLPClassifier` and `MLPRegressor` it is
            half the penalty `alpha`, as in scikit-learn.
        X_val, y_val, sample_weight_val : array-like, optional
            Rows to validate on after each epoch: ``history_`` has their loss, and where training is stopped early,
            their score decides, instead of that of rows split off.

        Returns
        -------
        object
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong.
        """
        return self._learn(X, y, sample_weight, Validation(X_val, y_val, sample_weight_val))

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: Validation = NO_VALIDATION,
        classes: Any = None,
        incremental: bool = False,
    ) -> Any:
        settings = self._settings()
        anew = not (hasattr(self, "model_") and (incremental or self.warm_start))
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(f"class_weight={self.class_weight!r} needs all rows; give partial_fit a dict of weights")
        given = X, y, sample_weight
        X, y = rows.checked(self, X, y, anew=anew, numeric=self._numeric, dtype=settings.dtype)
        y = one_dimensional(y)
        self._targets = targets = self._targets_for(y, classes, anew, settings)
        self.n_outputs_ = targets.n_outputs
        weight = rows.weights(sample_weight, self.class_weight, y)
        data = Rows(X, targets.encode(y, targets.loss(settings.loss)), weight)
        held = self._validated(validation, settings)
        if anew:
            self.__dict__.pop("model_", None)
        tasks = None if incremental else Tasks.of(self, settings.max_iter, *given)
        if tasks is None:
            self._train(data, held, settings, incremental)
            return self
        self._tasks = tasks
        try:
            self._train(data, held, settings, incremental)
        finally:
            del self._tasks
        tasks.end()
        return self

    def _validated(self, given: Validation, settings: Any) -> Rows | None:
        """Return the rows that the user wants to validate on."""
        if given.X is None and given.y is None:
            if given.weight is not None:
                raise ValueError("sample_weight_val needs X_val and y_val")
            return None
        if given.X is None or given.y is None:
            raise ValueError(f"give both X_val and y_val; {'X_val' if given.X is None else 'y_val'} is missing")
        X, y = rows.checked(self, given.X, given.y, anew=False, numeric=self._numeric, dtype=settings.dtype)
        y = one_dimensional(y)
        target = self._targets.encode(y, self._targets.loss(settings.loss))
        return Rows(X, target, rows.weights(given.weight, None, y))

    def _learn_part(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> None:
        """Train for one epoch: what ``partial_fit`` does."""
        if not self._numeric and classes is None and not hasattr(self, "classes_"):
            raise ValueError("classes must be passed on the first call to partial_fit.")
        self._learn(X, y, sample_weight, classes=classes, incremental=True)

    def _seed(self, generator: Any) -> int:
        return seed_of(self.random_state, generator)

    def _split(self, data: Rows, fraction: float, generator: Any) -> tuple[Rows, Rows]:
        """Set rows aside to validate on, of two classes in equal shares, as scikit-learn does."""
        if not fraction:
            raise ValueError("validation_fraction is 0: there is nothing to validate on; give X_val and y_val to fit")
        two = isinstance(self._targets, Labels) and self._targets.n_outputs == 1
        train, validation = train_test_split(
            np.arange(len(data.X)),
            random_state=generator,
            test_size=fraction,
            stratify=data.target.astype(bool) if two else None,
        )
        if len(validation) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        kept = data.take(train)
        if not kept.mean_weight:
            raise ValueError(
                "sample_weight is zero for every row that is left to train on; give X_val and y_val instead"
            )
        return kept, data.take(validation)

    def _fit_network(self, data: Rows, validation: Rows | None, scale: float, **options: Any) -> History:
        """Call the network's ``fit``: the one place where an estimator trains.

        Parameters
        ----------
        data, validation : Rows
        scale : float
            Mean of the weights.
        **options
            Other arguments of ``Sequential.fit``.
        """
        if validation is not None:
            weight = validation.scaled(scale)
            options["validation_data"] = (*validation[:2], *([] if weight is None else [weight]))
        if self._tasks is not None:
            options["callbacks"] = [*options["callbacks"], self._tasks]
        arguments = data.X, data.target
        try:
            return train(self.model_, self.model_.fit, *arguments, sample_weight=data.scaled(scale), **options)
        except ValueError as error:
            if VALIDATES not in str(error):
                raise
            raise ValueError(str(error).replace(VALIDATES, self._validates)) from None

    @property
    def _validates(self) -> str:
        """What to do where a callback finds no ``val_*`` values."""
        return "val_* values need validation_fraction=... or fit(X_val=..., y_val=...)"

    # ---- answers

    def _outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        parts = [self.model_.predict(block) for block in rows.blocks(self, X)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def predict(self, X: Any) -> Array:
        """Return the answer for each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            A sparse one is made dense in blocks.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Labels of `classes_`; or numbers.
        """
        outputs = self._outputs(X)
        return np.asarray(self._targets.decode(outputs))

    @property
    def history_(self) -> History:
        """All that the network's training recorded, over all calls of ``fit`` since its weights were new."""
        return self.model_.history

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class LabelsMixin(ClassifierMixin):  # type: ignore[misc, unused-ignore]
    """What is special of estimators that answer with classes.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    """

    _numeric = False

    def _targets_for(self: Any, y: Any, classes: Any, anew: bool, settings: Any) -> Labels:
        if anew:
            labels = Labels.of(y)
            if classes is not None and labels.kind != MULTILABEL:
                labels = Labels.of(np.asarray(classes))
        else:
            labels = self._targets
            self._compare_classes(labels, y, classes)
        self.classes_ = labels.classes
        return labels

    def _compare_classes(self: Any, labels: Labels, y: Any, classes: Any) -> None:
        """Raise ValueError if a fit that goes on is given other classes than before."""
        if labels.kind == MULTILABEL:
            return
        if classes is not None and not np.array_equal(unique_labels(classes), labels.classes):
            before = f"was: {self.classes_!r}"
            raise ValueError(f"`classes={classes!r}` is not the same as on last call to partial_fit, {before}")
        found = unique_labels(y)
        if self.warm_start and not np.array_equal(found, labels.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {found}"
            )

    def predict_proba(self: Any, X: Any) -> Array:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
        """
        outputs = self._outputs(X)
        return outputs if outputs.shape[1] > 1 else np.column_stack([1 - outputs[:, 0], outputs[:, 0]])

    def predict_log_proba(self: Any, X: Any) -> Array:
        """Return the logarithm of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Minus infinity where a probability is 0.
        """
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NumbersMixin(RegressorMixin, MultiOutputMixin):  # type: ignore[misc, unused-ignore]
    """What is special of estimators that answer with numbers."""

    _numeric = True

    def _targets_for(self: Any, y: Any, classes: Any, anew: bool, settings: Any) -> Numbers:
        return Numbers.of(y, settings.loss) if anew else replace(self._targets, given=settings.loss)
