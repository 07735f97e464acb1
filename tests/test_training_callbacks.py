"""The callbacks that come with nncore: what they do around training, and what is refused before it."""

import csv
import os
import pickle
import signal
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    STOP,
    Adam,
    BatchNorm,
    CosineDecay,
    CSVLogger,
    Dense,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    Sequential,
    TensorBoard,
    TrainingDiverged,
    callbacks,
    load,
)
from nncore.callbacks.monitor import Monitor
from nncore.metrics import METRICS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3))
Y = X[:, :1] + RNG.normal(size=(40, 1))


def new_model(optimizer=None, metrics=None):
    model = Sequential([Dense(30, "tanh"), Dense(1)], seed=1)
    model.compile(optimizer or Adam(0.05), metrics=metrics)
    return model


class Played:
    """A model whose epochs have the values that a test gives; its weight is the number of epochs trained."""

    def __init__(self, callback, optimizer=None):
        self.callback, self.optimizer = callback, optimizer or SGD(1.0)
        self.epoch = self.weight = 0
        self.rates = []

    def fit(self, values, name="val_loss"):
        """Return how many epochs ran."""
        first = self.epoch
        self.call("on_train_begin")
        for value in values:
            self.call("on_epoch_begin", self.epoch)
            self.rates.append(self.optimizer.rate)
            self.epoch += 1
            self.weight = self.epoch
            if self.call("on_epoch_end", self.epoch - 1, {name: value}) is STOP:
                break
        self.call("on_train_end")
        return self.epoch - first

    def call(self, hook, *arguments):
        return getattr(self.callback, hook)(self, *arguments) if hasattr(self.callback, hook) else None

    def get_weights(self):
        return [self.weight]

    def set_weights(self, weights):
        (self.weight,) = weights


# ---- Monitor


ERRORS = "loss mse mae rmse mape mean_squared_error mean_absolute_error root_mean_squared_error log_loss weighted_rmse"


SETTINGS = ["weighted_f1_macro", "recall_of_0", "top_3_accuracy", "weighted_rmse"]


@pytest.mark.parametrize("name", ["loss", *METRICS, *SETTINGS])
def test_mode_auto_knows_the_direction_of_every_metric(name):
    larger = name not in {*ERRORS.split(), "mean_absolute_percentage_error"}
    assert Monitor(name).mode == Monitor(f"val_{name}").mode == ("max" if larger else "min")
    assert Monitor(name, "max").mode == "max"


def test_better():
    low, high = Monitor("loss", min_delta=0.5), Monitor("accuracy", min_delta=0.25)
    assert [low.better(value, 1.0) for value in (0.4, 0.5, 1, 2, np.nan)] == [True, False, False, False, False]
    assert [high.better(value, 0.5) for value in (0.8, 0.75, 0.5, 0, np.nan)] == [True, False, False, False, False]
    assert (low.better(9e9, None), low.better(np.inf, None), low.better(np.nan, None)) == (True, True, False)


WATCHING = [EarlyStopping, ReduceLROnPlateau, lambda *a, **k: ModelCheckpoint("m", *a, save_best_only=True, **k)]


@pytest.mark.parametrize("make", WATCHING)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"monitor": "val_los"}, ValueError, "mode='auto' does not know .* 'val_los' .*; did you mean 'val_loss'?"),
        ({"monitor": "f2"}, ValueError, "mode='auto' does not know .* 'f2' is better: give mode='min' or mode='max'$"),
        ({"monitor": "val_iou"}, ValueError, "'val_iou' is better: give mode='min' or mode='max'$"),
        ({"monitor": "val_foo"}, ValueError, "'val_foo' is better: give mode='min' or mode='max'$"),
        ({"monitor": "Val_Accuracy"}, ValueError, "; did you mean 'val_accuracy'[?]$"),
        ({"monitor": 3}, TypeError, "monitor must be the name of a value, got 3"),
        ({"mode": "maximum"}, ValueError, "unknown mode 'maximum'.* Known: auto, max, min"),
        ({"mode": None}, TypeError, "mode must be a name"),
    ],
)
def test_what_cannot_be_monitored(make, arguments, error, message):
    with pytest.raises(error, match=message):
        make(**arguments)


NEEDS_METRIC = EarlyStopping("val_accuracy")


@pytest.mark.parametrize(
    ("callback", "options", "message"),
    [
        (
            EarlyStopping(patience=5),
            {},
            r"callbacks\[1\], EarlyStopping, needs 'val_loss', which this training does not",
        ),
        (
            EarlyStopping(patience=5),
            {},
            r"val_\* values need fit\(validation_data=...\) or fit\(validation_split=...\); r",
        ),
        (EarlyStopping(), {}, "recorded: loss, mae, seconds, learning_rate$"),
        (
            EarlyStopping("val_acc"),
            {"validation_split": 0.5},
            r"; metric 'acc' counts right classes .* use 'r2_score' or 'mae' .*; recorded: loss, mae, val_loss,",
        ),
        (EarlyStopping("r2"), {}, r"; it would be with compile\(metrics=\['r2'\]\); recorded: loss, mae, sec"),
        (
            ReduceLROnPlateau("val_r2"),
            {},
            r"; it would be with compile\(metrics=\['r2'\]\), and val_\* values need fit\(validation_data=...\) or ",
        ),
        (
            EarlyStopping("val_mean_absolute_error"),
            {"validation_split": 0.5},
            "not record; did you mean 'val_mae'[?] recorded: loss, mae, ",
        ),
        (
            ModelCheckpoint("m-{val_mean_absolute_error}"),
            {},
            r"not record; did you mean 'val_mae'[?] val_\* values need fit\(validation_data=...\) or .*; recorded: ",
        ),
        (ModelCheckpoint("m-{val_los}"), {"validation_split": 0.5}, "not record; did you mean 'val_loss'[?] recorded"),
        (ReduceLROnPlateau("val_foo", mode="min"), {"validation_split": 0.5}, "does not record; recorded: loss, "),
        (
            EarlyStopping("val_r22", mode="max"),
            {"validation_split": 0.5},
            r"record; did you mean 'val_r2'[?] it would be with compile\(metrics=\['r2'\]\); recorded",
        ),
        (
            EarlyStopping("val_medae", mode="min"),
            {"validation_split": 0.5},
            r"record; give a function: def own\(y_true, y_pred\): return .*, and watch 'val_own'; recorded",
        ),
        (EarlyStopping("mea", mode="min"), {}, "; did you mean 'mae'[?] recorded: loss, mae, seconds"),
        (ReduceLROnPlateau(), {}, "ReduceLROnPlateau, needs 'val_loss', which"),
        (ModelCheckpoint("m", save_best_only=True), {}, "ModelCheckpoint, needs 'val_loss', which"),
        (ModelCheckpoint("m-{val_loss}"), {}, "ModelCheckpoint, needs 'val_loss', which"),
        (ModelCheckpoint("m-{lr}"), {}, "ModelCheckpoint, needs 'lr', which .*; did you mean 'learning_rate'[?] "),
    ],
)
def test_what_will_not_be_recorded_is_refused_before_training(callback, options, message):
    model = new_model(metrics=["mae"])
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y, callbacks=[print_nothing, callback], **options)
    assert not model.built


CLASSIFIERS = {
    "indices": (Dense(3, "softmax"), None, np.arange(40) % 3),
    "shares": (Dense(3, "softmax"), "categorical_crossentropy", np.eye(3)[np.arange(40) % 3]),
    "yes or no": (Dense(1, "sigmoid"), None, np.arange(40) % 2),
    "numbers": (Dense(1), None, Y),
}


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", CLASSIFIERS)
def test_a_metric_that_is_advised_can_be_had(kind, metric):
    last, loss, y = CLASSIFIERS[kind]
    model = Sequential([last], seed=1)
    model.compile(loss=loss)
    fit = {"validation_split": 0.5, "callbacks": EarlyStopping(f"val_{metric}")}
    with pytest.raises(ValueError, match=f"needs 'val_{metric}', which this training does not record") as caught:
        model.fit(X, y, **fit)
    advised = f"; it would be with compile(metrics=[{metric!r}]); recorded" in str(caught.value)
    assert advised or f"; metric {metric!r} " in str(caught.value)
    try:
        model.compile(loss=loss, metrics=[metric])
        model.fit(X, y, **fit)
    except ValueError as error:
        assert not advised and str(error).split("; ")[0] in str(caught.value)
    else:
        assert advised and not np.isnan(model.history[f"val_{metric}"]).any()


def test_the_metric_that_is_recorded_goes_by_the_name_it_was_given():
    model = Sequential([Dense(3, "softmax")], seed=1)
    model.compile(metrics=["accuracy"])
    with pytest.raises(ValueError, match=r"not record; did you mean 'val_accuracy'\? recorded: loss, accuracy, val"):
        model.fit(X, np.arange(40) % 3, validation_split=0.5, callbacks=EarlyStopping("val_acc"))


def print_nothing(model, epoch, logs):
    pass


def test_what_is_recorded_is_known_before_training():
    class Greedy:
        required_logs = ("loss", "mae", "val_loss", "val_mae", "seconds", "learning_rate")

        def on_epoch_end(self, model, epoch, logs):
            assert sorted(logs) == sorted(self.required_logs)

    new_model(metrics=["mae"]).fit(X, Y, validation_split=0.5, callbacks=Greedy())


# ---- EarlyStopping


def test_patience():
    stopping = EarlyStopping(patience=3)
    model = Played(stopping)
    assert model.fit([5, 4, 4, 6, 3, 3, np.nan, 3, 0]) == 8
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch, model.weight) == (3, 4, 7, 5)


@pytest.mark.parametrize("patience", [0, 1])
def test_the_least_patience_is_one_epoch(patience):
    assert Played(EarlyStopping(patience=patience)).fit([3, 2, 2, 1]) == 3


def test_every_fit_begins_anew():
    stopping = EarlyStopping(patience=2)
    model = Played(stopping)
    assert model.fit([1, 2, 2]) == 3
    assert model.fit([9, 8, 7]) == 3
    assert (stopping.best, stopping.best_epoch, stopping.stopped_epoch, model.weight) == (7, 5, None, 6)


def test_min_delta_and_the_other_direction():
    assert Played(EarlyStopping("acc", 0.1, 2)).fit([0.5, 0.55, 0.61, 0.7, 0.65, 0.9], "acc") == 5


STOPPED_BY_KERAS = [  # arguments, values, how many epochs ran and which of them was best: Keras 3.15 did so
    ({"patience": 3}, [5, 4, 4, 4, 4, 3], 5, 1),
    ({"patience": 0}, [3, 2, 2, 1], 3, 1),
    ({"patience": 1}, [3, 2, 2, 1], 3, 1),
    ({"patience": 2}, [3, np.nan, 2, np.nan, np.nan, 1], 5, 2),
    ({"patience": 2, "min_delta": 0.5}, [3, 2.5, 2.4, 2.3, 2.3], 5, 2),
    ({"patience": 2, "min_delta": 0.5}, [3, 2.6, 2.4, 2.0, 1.8, 1.4, 1.4, 1.4], 7, 4),
    ({"patience": 2, "mode": "max"}, [1, 2, 2, 3, 3, 3, 4], 6, 3),
    ({"patience": 3, "baseline": 1}, [5, 4, 3, 2, 1.5, 1.2, 1.1], 7, 6),
    ({"patience": 3, "baseline": 1}, [5, 4, 3, 3, 2], 4, 2),
    ({"patience": 3, "baseline": 1}, [5, 4, 3, 2, 2, 0.5], 5, 3),
    ({"patience": 3, "baseline": 1}, [5, 4, 0.5, 0.6, 0.6, 0.6, 0], 6, 2),
    ({"patience": 2, "baseline": 1}, [5, 4, 3, 2, 1, 0.9, 0.9, 0.8, 0.9, 0.9, 0.9], 10, 7),
    ({"patience": 2, "baseline": 1}, [5, 6, 4, 3], 2, 0),
    ({"patience": 0, "baseline": 1}, [5, 4, 3, 3, 2], 4, 2),
    ({"patience": 2, "baseline": 1, "min_delta": 0.5}, [5, 4, 3, 0.9, 0.8, 0.4], 5, 3),
    ({"patience": 2, "baseline": 1, "min_delta": 0.5}, [5, 3, 1.5, 0.4, 0.3, 0.3, 0.2], 6, 3),
    ({"patience": 2, "baseline": 0.5, "mode": "max"}, [0.1, 0.2, 0.3, 0.6, 0.6, 0.7, 0.7, 0.7], 8, 5),
]


@pytest.mark.parametrize(("arguments", "values", "epochs", "best"), STOPPED_BY_KERAS)
def test_training_stops_where_keras_stops(arguments, values, epochs, best):
    stopping = EarlyStopping("v", **{"mode": "min", **arguments})
    model = Played(stopping)
    assert model.fit(values, "v") == epochs
    assert stopping.best_epoch == best and model.weight == best + 1


def test_the_best_weights_come_back_after_the_last_epoch_too():
    model = Played(EarlyStopping(patience=9))
    assert model.fit([3, 1, 2]) == 3
    assert model.weight == 2
    model = Played(EarlyStopping(patience=9, restore_best_weights=False))
    model.fit([3, 1, 2])
    assert model.weight == 3


def test_values_that_are_never_numbers():
    stopping = EarlyStopping(patience=2)
    model = Played(stopping)
    assert model.fit([np.nan] * 5) == model.weight == 2
    assert stopping.best is None and stopping.best_epoch is None


def test_early_stopping_in_training():
    stopping, model = EarlyStopping(patience=15), new_model()
    history = model.fit(X, Y, epochs=2000, validation_split=0.5, callbacks=[stopping])
    assert len(history) == stopping.stopped_epoch + 1 < 2000
    assert stopping.best == history.val_loss.min() and stopping.best_epoch == history.val_loss.argmin()
    assert model.evaluate(X[20:], Y[20:])["loss"] == pytest.approx(stopping.best, rel=1e-6)
    exact = new_model()
    exact.fit(X, Y, epochs=stopping.best_epoch + 1, validation_split=0.5)
    assert np.array_equal(exact.parameters, model.parameters)


def test_running_statistics_come_back_with_the_weights():
    stopping = EarlyStopping(patience=10)
    model = Sequential([Dense(30, "tanh"), BatchNorm(), Dense(1)], seed=1)
    model.compile(Adam(0.05))
    history = model.fit(X * 9 + 5, Y, epochs=2000, validation_split=0.5, callbacks=[stopping])
    assert stopping.best_epoch < len(history) - 1
    assert model.evaluate(X[20:] * 9 + 5, Y[20:])["loss"] == stopping.best


def test_the_best_weights_come_back_after_an_error():
    def fail(model, epoch, logs):
        if epoch == 30:
            raise KeyError

    stopping, model = EarlyStopping("loss", patience=99), new_model(SGD(0.05))
    with pytest.raises(KeyError):
        model.fit(X, Y, epochs=99, callbacks=[stopping, fail])
    exact = new_model(SGD(0.05))
    exact.fit(X, Y, epochs=stopping.best_epoch + 1)
    assert np.array_equal(exact.parameters, model.parameters)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_the_best_weights_come_back_after_an_interrupt_amid_an_epoch():
    kept = []

    def interrupt_the_next(model, epoch, logs):
        kept.append(model.get_weights())
        signal.setitimer(signal.ITIMER_REAL, logs["seconds"] / 2)

    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    model, many = new_model(), np.tile(X, (25_000, 1))
    try:
        with pytest.raises(KeyboardInterrupt):
            callbacks = [EarlyStopping("loss"), interrupt_the_next]
            model.fit(many, many[:, :1], epochs=2, batch_size=1, callbacks=callbacks)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert model.epoch == len(kept) == 1
    assert all(map(np.array_equal, model.get_weights(), kept[0]))


def test_the_best_weights_come_back_after_a_divergence():
    stopping, model = EarlyStopping("loss"), new_model(SGD(1e4))
    with pytest.raises(TrainingDiverged):
        model.fit(X, Y, epochs=99, callbacks=stopping)
    assert np.isfinite(model.parameters).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"patience": -1}, ValueError, "patience must be an integer >= 0"),
        ({"patience": 2.5}, TypeError, "patience must be an integer >= 0, got 2.5"),
        ({"min_delta": -1}, ValueError, "min_delta must be a finite number >= 0, got -1.0"),
        ({"baseline": "1"}, TypeError, "baseline must be a finite number, got '1'"),
        ({"restore_best_weights": 1}, TypeError, "restore_best_weights must be True or False, got 1"),
    ],
)
def test_what_early_stopping_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        EarlyStopping(**arguments)


# ---- ModelCheckpoint


def test_a_file_for_every_epoch(tmp_path):
    model, path = new_model(), tmp_path / "new" / "{epoch:02d}" / "m-{val_loss:.3f}.safetensors"
    checkpoint = ModelCheckpoint(path)
    history = model.fit(X, Y, epochs=3, validation_split=0.5, callbacks=checkpoint)
    paths = [tmp_path / "new" / f"{i:02d}" / f"m-{loss:.3f}.safetensors" for i, loss in enumerate(history.val_loss, 1)]
    assert sorted(tmp_path.rglob("*.safetensors")) == paths
    assert checkpoint.last_path == str(paths[-1])
    again = nncore.load(paths[1])
    assert again.epoch == 2
    again.fit(X, Y, epochs=1, validation_split=0.5)
    assert np.array_equal(again.parameters, model.parameters), "training goes on from a checkpoint exactly"


def test_only_the_best(tmp_path):
    model, path = new_model(), tmp_path / "best.safetensors"
    checkpoint = ModelCheckpoint(path, save_best_only=True)
    history = model.fit(X, Y, epochs=200, validation_split=0.5, callbacks=checkpoint)
    best = history.val_loss.argmin()
    assert best < 199, "to show anything, the last epoch must not be the best"
    assert nncore.load(path).epoch == best + 1
    assert checkpoint.best == history.val_loss.min()
    before = path.read_bytes()
    model.fit(X, Y, epochs=1, validation_split=0.5, callbacks=checkpoint)
    assert path.read_bytes() == before, "what was best in an earlier fit counts"


def test_threshold(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "m", "loss", save_best_only=True, initial_value_threshold=0.0)
    new_model().fit(X, Y, epochs=3, callbacks=checkpoint)
    assert not (tmp_path / "m").exists() and checkpoint.last_path is None


def test_a_directory_that_cannot_be_made_is_noticed_before_training(tmp_path):
    (tmp_path / "file").touch()
    model = new_model()
    with pytest.raises(OSError, match="file"):
        model.fit(X, Y, callbacks=ModelCheckpoint(tmp_path / "file" / "m", "loss"))
    assert model.epoch == 0


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{}", "filepath='{}' cannot be filled in: a field is {epoch} or the name of a value, not {}"),
        ("{0}", "not {0}"),
        ("{epoch.real}", "not {epoch.real}"),
        ("{loss:d}", "filepath='{loss:d}' cannot be filled in: Unknown format code 'd'"),
        ("{loss", "filepath='{loss' cannot be filled in: expected '}' before end of string"),
    ],
)
def test_paths_that_cannot_be_filled_in(path, message):
    with pytest.raises(ValueError) as caught:
        ModelCheckpoint(path)
    assert message in str(caught.value)


# ---- learning rates


def test_scheduler_sets_the_rate_of_every_epoch():
    rates = [0.1, 0.05, 0.2]
    model = new_model(SGD(1.0, momentum=0.5))
    history = model.fit(X, Y, epochs=3, callbacks=LearningRateScheduler(lambda epoch: rates[epoch]))
    assert history.learning_rate.tolist() == rates
    assert model.optimizer == SGD(0.2, momentum=0.5)
    other = new_model(SGD(1.0, momentum=0.5))
    for rate in rates:
        other.optimizer = SGD(rate, momentum=0.5)
        other.fit(X, Y)
    assert np.array_equal(model.parameters, other.parameters)


def test_scheduler_may_use_the_rate_before():
    history = new_model(SGD(0.8)).fit(X, Y, epochs=3, callbacks=LearningRateScheduler(lambda epoch, lr: lr / 2))
    assert history.learning_rate.tolist() == [0.4, 0.2, 0.1]


def test_scheduler_leaves_arguments_with_defaults_alone():
    def schedule(epoch, base=0.5):
        return base

    assert new_model(SGD(0.1)).fit(X, Y, callbacks=LearningRateScheduler(schedule)).learning_rate.tolist() == [0.5]


def test_scheduler_takes_a_schedule_too():
    schedule = CosineDecay(0.1, 4)
    history = new_model(SGD(0.1)).fit(X, Y, epochs=4, callbacks=LearningRateScheduler(schedule))
    assert history.learning_rate.tolist() == schedule(np.arange(4)).tolist()


@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        (0.1, TypeError, r"schedule must be a function \(epoch\) or \(epoch, rate\), got 0.1"),
        (CosineDecay, TypeError, r"schedule must be a function .*, got <class .*CosineDecay"),
        (lambda: 0.1, TypeError, r"schedule must take \(epoch\) or \(epoch, rate\), but it takes \(\)"),
        (lambda a, b, c: 0.1, TypeError, r"but it takes \(a, b, c\)"),
    ],
)
def test_what_is_no_schedule(schedule, error, message):
    with pytest.raises(error, match=message):
        LearningRateScheduler(schedule)


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (-1, ValueError, r"schedule\(0\) must be a finite number >= 0, got -1.0"),
        (None, TypeError, r"schedule\(0\) must be a finite number >= 0, got None"),
    ],
)
def test_schedules_that_return_no_rate(rate, error, message):
    model = new_model()
    with pytest.raises(error, match=message):
        model.fit(X, Y, callbacks=LearningRateScheduler(lambda epoch: rate))
    assert model.epoch == 0


def test_plateau():
    model = Played(ReduceLROnPlateau(factor=0.5, patience=2, min_lr=0.2))
    model.fit([9, 8, 8, 8, 8, 8, 8, 8, 8, 8])
    assert model.rates == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2, 0.2]


RATES_OF_KERAS = [  # arguments, values, rates before each of them and after the last: Keras 3.15 had these
    ({"patience": 1}, [3] * 5, [1, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16]),
    ({"patience": 0}, [3] * 4, [1, 1, 1 / 2, 1 / 4, 1 / 8]),
    ({"patience": 2}, [3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1], [1] * 4 + [0.5] * 2 + [0.25] * 4 + [0.125] * 2),
    ({"patience": 1, "cooldown": 1}, [3] * 4, [1, 1, 1 / 2, 1 / 4, 1 / 8]),
    ({"patience": 1, "cooldown": 2}, [3] * 9, [1] * 2 + [0.5] * 2 + [0.25] * 2 + [0.125] * 2 + [0.0625] * 2),
    ({"patience": 2, "cooldown": 3}, [3] * 14, [1] * 3 + [0.5] * 4 + [0.25] * 4 + [0.125] * 4),
    ({"patience": 0, "cooldown": 2}, [3] * 7, [1] * 2 + [0.5] * 2 + [0.25] * 2 + [0.125] * 2),
    (
        {"patience": 2, "cooldown": 2},
        [3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1],
        [1] * 3 + [0.5] * 4 + [0.25] * 5 + [0.125] * 3,
    ),
    ({"patience": 3, "cooldown": 5}, [5] * 5 + [4] * 10, [1] * 4 + [0.5] * 7 + [0.25] * 5),
    ({"patience": 1, "cooldown": 1, "min_lr": 0.2}, [3] * 6, [1, 1, 0.5, 0.25, 0.2, 0.2, 0.2]),
    ({"patience": 2, "min_delta": 0.5}, [3, 2.5, 2.4, 2.0, 1.9, 1.4, 1.3, 0.8], [1] * 5 + [0.5] * 4),
    (
        {"patience": 2, "min_delta": 0.25, "cooldown": 2, "mode": "max"},
        [0, 0.25, 0.5, 0.75, 0.75, 1, 1.25, 1.25, 1, 1],
        [1] * 5 + [0.5] * 3 + [0.25] * 3,
    ),
    ({"patience": 1, "min_delta": 1e-4}, [1, 0.9999, 0.9998, 0.999, 0.999], [1] * 2 + [0.5] * 3 + [0.25]),
    (
        {"patience": 2, "cooldown": 1},
        [3, np.nan, np.nan, np.nan, 2, np.nan, 1, np.nan, np.nan],
        [1] * 3 + [0.5] * 6 + [0.25],
    ),
]


@pytest.mark.parametrize(("arguments", "values", "rates"), RATES_OF_KERAS)
def test_plateau_lowers_the_rate_where_keras_does(arguments, values, rates):
    model = Played(ReduceLROnPlateau("v", factor=0.5, **{"mode": "min", "min_delta": 0, **arguments}))
    model.fit(values, "v")
    assert [*model.rates, model.optimizer.rate] == rates


def test_plateau_counts_small_gains_as_none():
    model = Played(ReduceLROnPlateau(factor=0.5, patience=2))
    model.fit([8, 7.99995, 7.99991, 7.9, 7.9])
    assert model.rates == [1, 1, 1, 0.5, 0.5]


def test_plateau_in_training():
    history = new_model(SGD(1.0)).fit(X, Y * 0, epochs=80, callbacks=ReduceLROnPlateau("loss", patience=3, cooldown=1))
    assert history.learning_rate[0] == 1 and history.learning_rate[-1] < 1e-3
    assert (np.diff(history.learning_rate) <= 0).all()


@pytest.mark.parametrize("callback", [ReduceLROnPlateau("loss"), LearningRateScheduler(lambda epoch: 0.1)])
def test_two_that_set_the_rate_are_one_too_many(callback):
    model = new_model(Adam(CosineDecay(0.1, 10)))
    with pytest.raises(ValueError, match=f"{type(callback).__name__} sets .* has a schedule already, CosineDecay"):
        model.fit(X, Y, callbacks=callback)
    assert model.epoch == 0


@pytest.mark.parametrize("callback", [ReduceLROnPlateau("loss"), LearningRateScheduler(lambda epoch: 0.1)])
@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_a_solver_has_no_rate_to_be_set(callback, solver):
    """It trained as if they were not there."""
    model = Sequential([Dense(1)])
    with pytest.raises(
        ValueError, match=r"needs 'learning_rate', which .* does not record, for a solver has none: leav"
    ):
        model.fit(X, Y, callbacks=callback, solver=solver)
    assert not model.built


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 1}, "factor must be a finite number > 0 and < 1, got 1.0"),
        ({"patience": -1}, "patience must be an integer >= 0"),
        ({"cooldown": -1}, "cooldown must be an integer >= 0"),
        ({"min_lr": -1}, "min_lr must be a finite number >= 0, got -1.0"),
    ],
)
def test_what_plateau_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        ReduceLROnPlateau(**arguments)


# ---- LambdaCallback


def test_functions_for_every_hook():
    seen = []
    callback = LambdaCallback(
        on_train_begin=lambda model: seen.append("begin"),
        on_epoch_begin=lambda model, epoch: seen.append(epoch),
        on_progress=lambda model, epoch, logs: seen.append("too quick for it"),
        on_epoch_end=lambda model, epoch, logs: seen.append(sorted(logs)),
        on_train_end=lambda model: seen.append("end"),
    )
    new_model().fit(X, Y, callbacks=callback)
    assert seen == ["begin", 0, ["learning_rate", "loss", "seconds"], "end"]


def test_what_lambda_callback_refuses():
    with pytest.raises(TypeError, match="LambdaCallback needs a function for one of on_train_begin, on_epoch_begin"):
        LambdaCallback()
    with pytest.raises(TypeError, match=r"on_epoch_end must be a function \(model, epoch, logs\), got 3"):
        LambdaCallback(on_epoch_end=3)
    with pytest.raises(
        TypeError, match=r"callbacks\[0\].on_epoch_end is called as \(model, epoch, logs\), but it takes"
    ):
        new_model().fit(X, Y, callbacks=LambdaCallback(on_epoch_end=lambda epoch, logs: None))


# ---- on_progress

MANY = np.tile(X, (2000, 1)), np.tile(Y, (2000, 1))


def trained_alone(epochs):
    """Return the parameters after so many epochs that nobody has watched."""
    model = new_model()
    model.build(X.shape[1])
    if epochs:
        model.fit(*MANY, epochs=epochs, batch_size=1)
    return model.parameters


class Progress:
    """Keeps what it is told, and stops training the third time."""

    def __init__(self):
        self.seen, self.ended = [], []

    def on_progress(self, model, epoch, logs):
        self.seen.append((epoch, logs, model.get_weights()[0].copy()))
        with pytest.raises(RuntimeError, match="in the middle of an epoch"):
            model.predict(X)
        return STOP if len(self.seen) == 3 else None

    def on_epoch_end(self, model, epoch, logs):
        self.ended.append(epoch)


def test_progress_is_told_while_an_epoch_runs_and_may_stop_it_at_once():
    model, callback = new_model(), Progress()
    history = model.fit(*MANY, epochs=50, batch_size=1, callbacks=callback)
    epochs, logs, weights = zip(*callback.seen, strict=True)
    assert model.epoch == len(history) == len(model.history) == len(callback.ended) == epochs[-1]
    assert 0 < logs[-1]["batch"] < logs[-1]["n_batches"] == len(MANY[0])
    assert logs[-1]["loss"] > 0
    assert not np.array_equal(weights[0], weights[-1])
    assert np.array_equal(model.parameters, trained_alone(model.epoch)), "the epoch that was begun is undone"
    model.fit(*MANY, epochs=1, batch_size=1)
    assert np.array_equal(model.parameters, trained_alone(model.epoch)), "and its state, too"


def test_weights_can_be_read_in_progress_by_those_who_hold_the_vector_too():
    model, seen = new_model(), []
    model.build(X.shape[1])
    held = model.parameters
    before = held.copy()

    def read(model, epoch, logs):
        seen.append((np.concatenate([weight.ravel() for weight in model.get_weights()]), held.copy()))
        return STOP if len(seen) == 2 else None

    model.fit(*MANY, epochs=50, batch_size=1, callbacks=LambdaCallback(on_progress=read))
    assert len(seen) == 2
    assert not np.array_equal(seen[0][0], seen[1][0])
    if not model.epoch:
        assert np.array_equal(held, before), "the vector is filled when fit returns"
    assert np.array_equal(held, trained_alone(model.epoch))


def test_an_error_in_progress_undoes_the_epoch():
    def fail(model, epoch, logs):
        raise OSError("no room")

    model = new_model()
    with pytest.raises(OSError, match="no room"):
        model.fit(*MANY, epochs=50, batch_size=1, callbacks=LambdaCallback(on_progress=fail))
    assert model.epoch == len(model.history) < 50
    assert np.array_equal(model.parameters, trained_alone(model.epoch))


# ---- CSVLogger


def test_a_log_holds_no_formula_and_goes_on(tmp_path):
    def metric(y_true, y_pred):
        return 1.0

    metric.__name__ = "=1+1"
    model = new_model(metrics=[metric])
    for _ in range(2):
        model.fit(X, Y, callbacks=CSVLogger(tmp_path / "log.csv", append=True))
    header, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert "'=1+1" in header.split(",") and len(rows) == 2


def read(path, separator=","):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_the_file_holds_the_history(tmp_path):
    path = tmp_path / "log.csv"
    history = new_model(metrics=["mae"]).fit(X, Y, epochs=3, validation_split=0.5, callbacks=CSVLogger(path))
    header, *rows = read(path)
    assert header == ["epoch", "loss", "mae", "val_loss", "val_mae", "seconds", "learning_rate"]
    columns = dict(zip(header, np.array(rows, dtype=float).T, strict=True))
    assert {name: column.tolist() for name, column in columns.items()} == {"epoch": history.epoch, **history.history}


def test_rows_can_be_read_during_training(tmp_path):
    path, lengths = tmp_path / "log.csv", []
    new_model().fit(X, Y, epochs=2, callbacks=[CSVLogger(path), lambda *arguments: lengths.append(len(read(path)))])
    assert lengths == [2, 3]


def test_append(tmp_path):
    path, model = tmp_path / "log.csv", new_model()
    for _ in range(2):
        model.fit(X, Y, epochs=2, callbacks=CSVLogger(path, separator=";", append=True))
    header, *rows = read(path, ";")
    assert header == ["epoch", "loss", "seconds", "learning_rate"]
    assert [row[0] for row in rows] == ["0", "1", "2", "3"]
    with pytest.raises(
        ValueError, match=r"its columns are epoch, loss, .*records epoch, loss, val_loss, .*append=False"
    ):
        model.fit(X, Y, validation_split=0.5, callbacks=CSVLogger(path, separator=";", append=True))
    model.fit(X, Y, callbacks=CSVLogger(path))
    assert len(read(path)) == 2, "replaced"


def test_what_csv_logger_refuses(tmp_path):
    model = new_model()
    for separator in ("", ",,", '"', "\n", None):
        with pytest.raises(ValueError, match="separator must be one character"):
            CSVLogger("log.csv", separator)
    with pytest.raises(OSError, match="nowhere"):
        model.fit(X, Y, callbacks=CSVLogger(tmp_path / "nowhere" / "log.csv"))
    assert model.epoch == 0


# ---- TensorBoard


def test_tensorboard_writes_scalars(monkeypatch):
    calls = []

    class SummaryWriter:
        def __init__(self, log_dir):
            calls.append(log_dir)

        def add_scalar(self, name, value, epoch):
            calls.append((name, value, epoch))

        def flush(self):
            calls.append("flush")

        def close(self):
            calls.append("close")

    module = types.ModuleType("tensorboardX")
    module.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "tensorboardX", module)
    history = new_model().fit(X, Y, epochs=1, callbacks=TensorBoard("runs/one"))
    written = [(name, values[0], 0) for name, values in history.history.items()]
    assert calls == ["runs/one", *written, "flush", "close"]


def test_tensorboard_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="tensorboardX; install it with: pip install tensorboardX"):
        TensorBoard()


# ---- all


def test_all_are_exported_and_can_be_pickled(tmp_path):
    made = [
        EarlyStopping(),
        ModelCheckpoint("m"),
        CSVLogger("log.csv"),
        callbacks.JSONLogger("log.jsonl"),
        ReduceLROnPlateau(),
        LearningRateScheduler(abs),
        LambdaCallback(on_train_begin=abs),
        callbacks.ExponentialMovingAverage(),
        callbacks.StochasticWeightAveraging(0),
    ]
    assert {type(each).__name__ for each in made} | {"TensorBoard", "Callbacks", "STOP"} == set(callbacks.__all__)
    assert set(callbacks.__all__) - {"Callbacks"} <= set(nncore.__all__)
    assert [type(pickle.loads(pickle.dumps(each))) for each in made] == list(map(type, made))


# ---- paths


@pytest.mark.parametrize("as_path", [str, Path, os.fsencode], ids=["str", "Path", "bytes"])
def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch, as_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    (work := tmp_path / "work").mkdir()
    monkeypatch.chdir(work)
    checkpoint = ModelCheckpoint(as_path("~/deep/m-{epoch}"), "loss")
    log = CSVLogger(as_path("~/log.csv"))
    model = new_model()
    model.fit(X, Y, epochs=2, callbacks=[checkpoint, log])
    assert checkpoint.last_path == str(tmp_path / "deep" / "m-2") and log.filename == tmp_path / "log.csv"
    assert load(as_path("~/deep/m-2")).epoch == 2
    model.save(as_path("~/again"))
    model.history.save(as_path("~/history.json"))
    assert History.load(as_path("~/history.json")).epochs.tolist() == [0, 1]
    names = ["again", "deep", "history.json", "log.csv", "work"]
    assert sorted(found.name for found in tmp_path.iterdir()) == names and not list(work.iterdir())
    (tmp_path / "t.csv").write_text("a,b\n1,2.5\n3,5\n4,4\n")
    assert nncore.datasets.read_csv("~/t.csv").X.shape == (3, 1)


def test_a_best_file_of_an_earlier_run_is_not_replaced_without_a_word(tmp_path):
    def best(**options):
        return ModelCheckpoint(tmp_path / "best.safetensors", "loss", save_best_only=True, **options)

    first = best()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = new_model()
        model.fit(X, Y, epochs=3, callbacks=first)
        model.fit(X, Y, callbacks=first)  # which knows
        model.fit(X, Y, callbacks=best(initial_value_threshold=first.best))
        model.fit(X, Y, callbacks=ModelCheckpoint(tmp_path / "best.safetensors"))  # which takes every epoch
    with pytest.warns(UserWarning, match="is there already, .*replaces it; .* give initial_value_threshold") as said:
        model.fit(X, Y, callbacks=best())
    assert said[0].filename == __file__
