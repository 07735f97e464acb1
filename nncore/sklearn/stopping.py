"""scikit-learn's rule of when to stop, and the attributes that grow with each epoch: a callback of ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from nncore.base.protocols import Model
from nncore.callbacks.hooks import STOP, Stop
from nncore.engine.penalties import penalty
from nncore.sklearn.settings import SMALLEST_RATE, Settings

Score = Callable[[Any], float]


class Progress:
    """Keep an estimator's record of its training, and end it as scikit-learn would.

    An epoch counts as bad where the loss is above ``best - tol``, or the validation score below ``best + tol``; more
    than `n_iter_no_change` of them in a row end training, or with an adaptive rate divide it by 5. The loss is
    scikit-learn's: with the penalty, which is taken at the beginning of the epoch (scikit-learn: of each batch).

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Gets ``loss_curve_``, ``n_iter_`` and all the others.
    settings : Settings
        Its arguments.
    n_samples : int
        Rows of an epoch.
    scale : tuple of float
        What scikit-learn's loss is of the one that the network reports: a factor, and what is added then.
    score : callable or None
        Of the model, on the validation rows; None where training is ended by the loss.

    Attributes
    ----------
    required_logs : tuple of str
        What it looks for in the logs.
    stopped : bool
        Whether it has ended training.
    uncounted : bool
        Whether errors count the user's callbacks without it.
    """

    uncounted = True
    required_logs = ("loss",)  # and the penalty, which is there where anything has one

    def __init__(
        self, estimator: Any, settings: Settings, n_samples: int, scale: tuple[float, float], score: Score | None
    ) -> None:
        self.estimator, self.settings = estimator, settings
        self.n_samples, (self.factor, self.own_loss), self.score = n_samples, scale, score
        self.stopped = False
        estimator.n_iter_ = 0

    @staticmethod
    def begin(estimator: Any, early_stopping: bool) -> None:
        """Set what an estimator that begins anew has seen so far: nothing."""
        estimator.loss_curve_, estimator.t_ = [], 0
        estimator._no_improvement_count = 0
        estimator.best_loss_ = None if early_stopping else np.inf
        estimator.validation_scores_ = [] if early_stopping else None
        estimator.best_validation_score_ = -np.inf if early_stopping else None
        estimator._best_weights = None

    @property
    def hears_scores(self) -> bool:
        """Whether ``fit`` need not pause after each epoch, since this reads no more than the loss."""
        return self.score is None and self.settings.own_schedule == "constant"

    def on_train_begin(self, model: Model) -> None:
        estimator, early = self.estimator, self.score is not None
        if early != (estimator.validation_scores_ is not None):  # another rule than that of the fit before
            curve, t = estimator.loss_curve_, estimator.t_
            self.begin(estimator, early)
            estimator.loss_curve_, estimator.t_ = curve, t
        self._penalty = self._penalty_of(model)

    @staticmethod
    def _penalty_of(model: Any) -> float:
        return penalty(model.program, model.parameters)

    def on_epoch_end(self, model: Model, epoch: int, logs: dict[str, float]) -> Stop | None:
        estimator = self.estimator
        self._count(logs["loss"] * self.factor + self.own_loss + self._penalty)
        self._penalty = logs.get("penalty", 0.0)
        if self.score is None:
            self._compare_loss()
        else:
            self._compare_score(model, self.score(model))
        if self.settings.own_schedule == "invscaling":
            rate = self.settings.learning_rate_init / (estimator.t_ + 1) ** self.settings.power_t
            model.optimizer = replace(model.optimizer, learning_rate=rate)
        return self._stop(model) if estimator._no_improvement_count > self.settings.n_iter_no_change else None

    def _count(self, loss: float) -> None:
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += self.n_samples
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        if self.settings.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")

    def _compare_loss(self) -> None:
        estimator = self.estimator
        bad = estimator.loss_ > estimator.best_loss_ - self.settings.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if bad else 0
        estimator.best_loss_ = min(estimator.best_loss_, estimator.loss_)

    def _compare_score(self, model: Any, score: float) -> None:
        estimator = self.estimator
        estimator.validation_scores_.append(score)
        if self.settings.verbose:
            print(f"Validation score: {score:f}")
        bad = score < estimator.best_validation_score_ + self.settings.tol
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if bad else 0
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            estimator._best_weights = model.get_weights()

    def _stop(self, model: Any) -> Stop | None:
        """End training, or go on with a fifth of the rate."""
        what = "Training loss" if self.score is None else "Validation score"
        tol, patience = self.settings.tol, self.settings.n_iter_no_change
        said = f"{what} did not improve more than tol={tol:f} for {patience:g} consecutive epochs."
        rate = model.optimizer.learning_rate
        if self.settings.own_schedule != "adaptive" or rate <= SMALLEST_RATE:
            self._say(f"{said} Stopping.")
            self.stopped = True
            return STOP
        self._say(f"{said} Setting learning rate to {rate / 5:f}")
        model.optimizer = replace(model.optimizer, learning_rate=rate / 5)
        self.estimator._no_improvement_count = 0
        return None

    def _say(self, text: str) -> None:
        if self.settings.verbose:
            print(text)

    def diverged(self) -> None:
        """Note an epoch that has no loss, and so no score."""
        self._count(np.nan)
        if self.score is not None:
            self.estimator.validation_scores_.append(np.nan)

    def on_train_end(self, model: Any) -> None:
        if self.score is not None and self.estimator._best_weights is not None:
            model.set_weights(self.estimator._best_weights)
