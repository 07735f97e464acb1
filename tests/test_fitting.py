"""The loop of ``fit``: what is recorded when something between two epochs fails, and what metrics may touch."""

import copy
import pickle

import numpy as np
import pytest

from nncore import (
    SGD,
    Activation,
    Adam,
    BinaryCrossentropy,
    Constant,
    Dense,
    MeanSquaredError,
    Sequential,
    TrainingDiverged,
    losses,
    metrics,
    optimizers,
)
from nncore.base import control_groups, memory
from nncore.metrics import r2_score

X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
Y = X[:, :1].copy()


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_an_epoch_whose_scores_fail_is_recorded_all_the_same(error):
    calls = []

    def metric(y_true, y_pred):
        calls.append(y_pred)
        if len(calls) > 1:  # the first is the trial
            raise error
        return 0.0

    model, other = Sequential([Dense(1)]), Sequential([Dense(1)])
    model.compile(metrics=[metric])
    with pytest.raises(error):
        model.fit(X, Y, epochs=3)
    assert model.epoch == len(model.history) == 1
    assert model.history.loss[0] == other.fit(X, Y).loss[0]
    model.compile(keep_state=True)
    model.fit(X, Y, epochs=2)
    other.fit(X, Y, epochs=2)
    assert np.array_equal(model.parameters, other.parameters)
    assert model.history.epochs.tolist() == [0, 1, 2]


def test_a_signal_while_recording_loses_nothing(monkeypatch):
    """As Ctrl-C may strike anywhere: here, between the entries of one epoch in the two histories."""
    model = Sequential([Dense(1)])
    model.fit(X, Y)
    original, struck = type(model.history).extend, []

    def extend(history, *arguments):
        if history is model.history and not struck:
            struck.append(history)
            raise KeyboardInterrupt
        original(history, *arguments)

    monkeypatch.setattr(type(model.history), "extend", extend)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=2, callbacks=lambda model, epoch, logs: None)
    assert struck and model.epoch == len(model.history) == 2


def test_metrics_cannot_write_to_the_targets():
    def vandal(y_true, y_pred):
        y_true[:] = 0

    kept = Y.copy()
    model = Sequential([Dense(1)])
    model.compile(metrics=[vandal])
    with pytest.raises(ValueError, match="read-only"):
        model.fit(X, Y)
    model.build(3)
    with pytest.raises(ValueError, match="read-only"):
        model.evaluate(X, Y)
    assert np.array_equal(kept, Y) and Y.flags.writeable


# ---- metrics that cannot work are found before anything is trained


def untouched(model):
    return not model.built and model.epoch == 0 and not len(model.history)


def compiled(loss=None, metrics=(), layer=None):
    model = Sequential([layer or Dense(1)])
    model.compile(loss=loss, metrics=list(metrics))
    return model


WHOLE, SEVERAL = (10 * Y[:, 0]).round(), np.hstack([Y, 1 - Y])
NO_CLASSES = [
    (lambda: compiled(metrics=["accuracy"]), Y, "'accuracy' counts .* 0 or 1 in y, got .* at row 0; .*'r2_score'"),
    (lambda: compiled(metrics=["acc"]), WHOLE, "metric 'acc' counts right classes"),
    (lambda: compiled("mae", ["binary_accuracy"]), Y, "metric 'binary_accuracy' .* mean_absolute_error is for numbers"),
    (lambda: compiled("huber", [metrics.accuracy]), WHOLE, "metric 'accuracy' .* the loss huber is for numbers"),
    (lambda: compiled(metrics=["accuracy"], layer=Dense(2)), SEVERAL, "one-hot rows, or shares .* that sum to 1"),
    (lambda: compiled(metrics=["categorical_accuracy"], layer=Dense(2)), SEVERAL, "'categorical_accuracy' counts"),
    (lambda: compiled(metrics=["categorical_accuracy"]), Y, "scores of several outputs, and there is one; use 'accur"),
    (lambda: compiled(None, ["accuracy"], Dense(1, "sigmoid")), Y / 10 + 0.5, r"at row 0; use 'mae' for soft labels"),
    (lambda: compiled("mse", ["accuracy"], Dense(1, "tanh")), np.sign(Y), "got .1 at row .; make the labels -1 and 1"),
    (lambda: compiled(None, ["categorical_accuracy"], Dense(2, "sigmoid")), np.ones((20, 2)), "where several may be 1"),
]


@pytest.mark.parametrize(("make", "y", "message"), NO_CLASSES)
def test_metrics_of_classes_refuse_numbers(make, y, message):
    model = make()
    with pytest.raises(ValueError, match=message):
        model.fit(X, y, epochs=3)
    assert untouched(model)
    model.build(3)
    with pytest.raises(ValueError, match=message):
        model.evaluate(X, y)


def test_metrics_of_classes_take_classes_whatever_the_loss():
    yes = (Y > 0).astype(float)
    assert "accuracy" in compiled("mse", ["accuracy", "binary_accuracy"]).fit(X, yes)
    one_hot = np.hstack([yes, 1 - yes])
    names = ["accuracy", "binary_accuracy", "categorical_accuracy"]
    assert set(names) <= set(compiled("mse", names, Dense(2)).fit(X, one_hot))
    assert "accuracy" in compiled("mse", ["accuracy"], Dense(2, "softmax")).fit(X, 0.8 * one_hot + 0.1)


@pytest.mark.parametrize("part", ["train", "validation"])
def test_own_metrics_are_tried_before_training(part):
    def score(y_true, y_pred):
        if (y_true > 99).any():
            raise ValueError("can't handle it")
        return 0.0

    bad = Y + 100
    model = compiled(metrics=["mse", score])
    data, prefix = ((X, bad), "^") if part == "train" else ((X, Y), "^validation: ")
    with pytest.raises(ValueError, match=f"{prefix}metric 'score' failed: can't handle it"):
        model.fit(*data, validation_data=(X, bad), epochs=3)
    assert untouched(model)
    model.fit(X, Y, validation_data=(X, Y))
    with pytest.raises(ValueError, match=r"^metric 'score' failed: can't handle it"):
        model.evaluate(X, bad)


def test_r2_of_one_row_is_refused_before_training():
    X, y = np.arange(6.0)[:, None], np.arange(6.0)
    model = Sequential([Dense(1)])
    for metric in ("r2_score", r2_score):
        model.compile(metrics=[metric])
        with pytest.raises(
            ValueError, match="validation: metric 'r2_score' is not defined for fewer than two rows, got 1"
        ):
            model.fit(X, y, validation_data=(X[:1], y[:1]))
        assert not model.built and not len(model.history)
    model.fit(X, y, validation_data=(X[:2], y[:2]))


def test_a_metric_that_returns_no_number_is_found_before_training():
    model = compiled(metrics=[lambda y_true, y_pred: "high"])
    with pytest.raises(TypeError, match="metric '<lambda>' must return one number, got 'high'"):
        model.fit(X, Y)
    assert untouched(model)


def test_an_error_of_another_kind_stays_what_it_is():
    class Special(Exception):  # noqa: N818
        pass

    def metric(y_true, y_pred):
        raise Special(1, 2)

    with pytest.raises(Special) as caught:
        compiled(metrics=[metric]).fit(X, Y)
    assert caught.value.args == (1, 2)


def test_a_metric_that_needs_what_few_rows_lack_is_tried_on_all():
    many = np.zeros((10_000, 1), np.float32)
    many[777] = 1
    seen = []

    def needs_a_one(y_true, y_pred):
        seen.append(len(y_true))
        if not y_true.any():
            raise ValueError("no row of class 1")
        return 0.0

    compiled(metrics=[needs_a_one]).fit(np.ones((10_000, 2)), many)
    assert seen == [250, 10_000, 10_000]


def test_trying_a_metric_changes_no_bit():
    one, other = compiled(metrics=[lambda y_true, y_pred: 0.0]), compiled()
    one.fit(X, Y, epochs=3)
    other.fit(X, Y, epochs=3, callbacks=lambda model, epoch, logs: None)
    assert np.array_equal(one.parameters, other.parameters)


# ---- what compile refuses


class MyAdam(Adam):
    pass


class MySquare(MeanSquaredError):  # noqa: N818 - no exception
    pass


class MyDense(Dense):
    pass


class MyActivation(Activation):
    pass


class MyConstant(Constant):
    pass


SUBCLASSES = [
    (
        lambda: Sequential([Dense(1)]).compile(MyAdam()),
        "optimizer must be one of SGD, .* got MyAdam",
    ),
    (lambda: Sequential([Dense(1)]).compile(optimizers.Optimizer()), "Can't instantiate abstract class Optimizer"),
    (lambda: Sequential([Dense(1)]).compile(loss=MySquare()), "loss must be one of MeanSquaredError, .* got MySquare"),
    (lambda: Sequential([Dense(1)]).compile(loss=losses.Loss()), "loss must be one of MeanSquaredError"),
    (lambda: Sequential([MyDense(1)]), r"layers\[0\] must be one of Dense, .*, got Dense\(1\) of type MyDense"),
    (lambda: Dense(1, MyActivation("relu")), "activation must be one of Activation, .* of type MyActivation"),
    (lambda: Dense(1, weight_initializer=MyConstant(1)), "weight_initializer must be one of Constant, RandomNormal"),
]


@pytest.mark.parametrize(("make", "message"), SUBCLASSES)
def test_what_a_file_could_not_name_is_refused_at_once(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_compile_checks_the_loss_before_there_are_weights():
    model = Sequential([Dense(2, "relu"), Dense(1)])
    with pytest.raises(ValueError, match="expects the last layer's activation to be 'sigmoid', got 'identity'"):
        model.compile("sgd", loss="binary_crossentropy")
    assert model.optimizer == Adam() and model.loss == MeanSquaredError()
    model.add(Activation("sigmoid"))
    model.compile("sgd", loss="binary_crossentropy")
    assert model.loss == BinaryCrossentropy()


def test_the_loss_follows_layers_added_after_compile():
    model = Sequential([Dense(2, "relu")])
    model.compile(metrics=["accuracy"])
    model.add(Dense(2, "softmax"))
    assert model.loss == losses.SparseCategoricalCrossentropy()
    assert "accuracy" in model.fit(X, (X[:, 0] > 0).astype(int))


# ---- names and copies


def test_the_name_is_checked_whenever_it_is_set(tmp_path):
    model = Sequential([Dense(1)])
    with pytest.raises(TypeError, match="name must be a str or None, got 5 of type int"):
        model.name = 5
    model.name = "line"
    assert model.name == "line"


class Mine(Sequential):
    def __init__(self, width):
        super().__init__([Dense(width)])
        self.width = width


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("built", [False, True])
def test_copies_keep_class_and_attributes(duplicate, built):
    model = Mine(1)
    if built:
        model.fit(X, Y, epochs=2)
    other = duplicate(model)
    assert type(other) is Mine and other.width == 1 and other.built is built
    model.fit(X, Y)
    if not built:
        model.fit(X, Y, epochs=2)
    other.fit(X, Y, epochs=model.epoch - other.epoch)
    assert np.array_equal(model.parameters, other.parameters)
    assert len(other.history) == model.epoch


class Changed(Sequential):
    """Overrides what other methods are built on, and has attributes named like fields of a model's state."""

    def __init__(self, *layers):
        self.added = []
        super().__init__(layers)
        self._epoch, self._seed = "mine", "mine, too"

    def add(self, layer):
        self.added.append(layer)
        super().add(layer)

    def predict(self, X):
        return super().predict(X)[::-1]


def test_subclasses_may_override_what_other_methods_call():
    model = Changed(Dense(3, "softmax"))
    assert model.added == [Dense(3, "softmax")]
    model.build(3)
    plain = Sequential(model.layers)
    plain.build(3)
    assert np.array_equal(model.predict_proba(X), plain.predict_proba(X)[::-1])
    assert np.array_equal(model.predict_classes(X), plain.predict_classes(X)[::-1])
    other = pickle.loads(pickle.dumps(model))
    assert (other._epoch, other._seed, other.epoch, other.seed) == ("mine", "mine, too", 0, 0)
    assert np.array_equal(other.parameters, model.parameters)


# ---- messages


def test_weights_that_are_broken_already_are_not_blamed_on_the_learning_rate():
    model = Sequential([Dense(1)])
    model.build(3)
    model.parameters[0] = np.nan
    for train in (model.fit, model.train_on_batch):
        with pytest.raises(TrainingDiverged, match="They hold NaN or infinity already: set others with") as caught:
            train(X, Y)
        assert caught.value.broken_before
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    model.set_weights([np.ones((3, 1)), [0]])
    model.compile(SGD(1e30))
    with pytest.raises(TrainingDiverged, match="Try a smaller learning rate") as caught:
        model.fit(X, Y, epochs=5)
    assert not caught.value.broken_before


def test_odd_arguments_are_named():
    model = Sequential([Dense(1, "sigmoid")])
    with pytest.raises(ValueError, match="could not convert X to numbers: None is of type NoneType"):
        model.fit(None, Y)
    with pytest.raises(ValueError, match="encode class names as 0"):
        model.fit(X, ["yes", "no"] * 10)
    model.build(3)
    with pytest.raises(TypeError, match="weights must be a list of 2 arrays, got None of type NoneType"):
        model.set_weights(None)


def test_large_labels_are_shown_in_full():
    model = Sequential([Dense(3, "softmax")])
    with pytest.raises(ValueError, match="y contains the label 1234567 at row 0"):
        model.fit(X, [1234567] * 20)


def test_first_values_too_large_for_the_dtype_are_refused():
    model = Sequential([Dense(1, weight_initializer=Constant(1e300), name="big")])
    with pytest.raises(ValueError, match=r"the first values of big\.weight are too large for float32: Constant"):
        model.build(3)
    assert not model.built
    Sequential(model.layers, dtype="float64").build(3)


def test_summary_of_layers_without_weights():
    assert "relu" in Sequential([Activation("relu")]).summary()
    assert "identity" in Sequential([Activation()]).summary()


def test_probabilities_of_logits():
    model, same = Sequential([Dense(1)]), Sequential([Dense(1, "sigmoid")])
    model.compile(loss=BinaryCrossentropy(from_logits=True))
    for one in (model, same):
        one.fit(X, Y > 0)
    assert np.array_equal(model.predict_proba(X), same.predict_proba(X))


def test_accuracy_refuses_probabilities_in_one_dimension():
    with pytest.raises(ValueError, match=r"y_pred must hold class indices, got 0.1; .* \(n, 1\)"):
        metrics.accuracy([0, 1, 1], [0.1, 0.9, 0.8])
    assert metrics.accuracy([0, 1, 1], [0.0, 1.0, 0.0]) == 2 / 3


# ---- the flat vector


def test_the_flat_vector_is_let_go_when_nobody_holds_it():
    model = Sequential([Dense(1)])
    model.build(3)
    model.parameters[:] = [1, 2, 3, 4]
    assert model.predict([[1, 1, 1]]) == 10
    assert model._state.network._lent is None
    view = model.parameters[3:]
    for value in (5, 6):
        model.predict(X)
        view[:] = value
        assert model.predict([[1, 1, 1]]) == 6 + value
    model.fit(X, Y)
    assert view[0] == model.get_weights()[1][0] != 6
    buffer = memoryview(model.parameters)
    del view
    model.predict(X)
    buffer[3] = 7.0
    assert model.get_weights()[1][0] == 7


@pytest.mark.parametrize(("dtype", "optimizer", "vectors"), [("float32", "adam", 7), ("float64", "sgd", 3)])
def test_what_training_needs_is_counted_before_it_is_allocated(monkeypatch, dtype, optimizer, vectors):
    model = Sequential([Dense(1000)], dtype=dtype)
    model.compile(optimizer)
    needed = vectors * np.dtype(dtype).itemsize * 1001 * 1000 + 8 * 1000
    monkeypatch.setattr(memory, "available", lambda: needed - 1)
    with pytest.raises(ValueError, match=f"needs at least {memory.readable(needed)} "):
        model.build(1000)
    monkeypatch.setattr(memory, "available", lambda: needed)
    model.build(1000)


@pytest.fixture
def groups(monkeypatch, tmp_path):
    """Return the folder of the control groups, and a function that puts this process into one."""
    root, process = tmp_path / "fs", tmp_path / "cgroup"
    limit = control_groups.limit
    monkeypatch.setattr(control_groups, "limit", lambda *arguments: limit(*arguments, root, process))

    def enter(line):
        process.write_text(f"9:name=systemd:/\n5:cpu,cpuacct:/\n{line}\n")
        memory._of_groups.cache_clear()

    yield root, enter
    memory._of_groups.cache_clear()


@pytest.mark.parametrize(
    ("line", "base", "file", "none"),
    [
        ("0::/batch/job", ".", "memory.max", "max"),
        ("4:memory:/batch/job", "memory", "memory.limit_in_bytes", str(2**63 - 4096)),
    ],
    ids=["version 2", "version 1"],
)
def test_the_limits_of_all_control_groups_up_to_the_root_count(groups, line, base, file, none):
    root, enter = groups
    outer, inner = root / base / "batch", root / base / "batch" / "job"
    inner.mkdir(parents=True)
    enter(line)
    assert memory.available() == memory.physical()
    for folder, content, expected in [
        (root / base, none, memory.physical()),
        (outer, "300000000", 300_000_000),
        (inner, none, 300_000_000),
        (inner, "200000000", 200_000_000),
        (root / base, "100000000", 100_000_000),
    ]:
        (folder / file).write_text(content + "\n")
        enter(line)
        assert memory.available() == expected
    enter(line.replace("/batch/job", "/docker/as/seen/from/outside"))
    assert memory.available() == 100_000_000  # the root is what the container sees of its own group


def test_a_network_too_large_for_the_own_control_group_is_refused(groups):
    root, enter = groups
    (root / "job").mkdir(parents=True)
    (root / "job" / "memory.max").write_text("300000000\n")
    enter("0::/job")
    with pytest.raises(ValueError, match="this process may use 300 MB"):
        Sequential([Dense(6000)]).build(6000)


def test_the_limit_is_asked_for_once_a_second_not_for_every_layer(monkeypatch):
    asked = []
    monkeypatch.setattr(control_groups, "limit", lambda *arguments: asked.append(1))
    memory._of_groups.cache_clear()
    monkeypatch.setattr(memory.time, "monotonic", lambda: 5.2)
    memory.available(), memory.available()
    assert len(asked) == 1
    monkeypatch.setattr(memory.time, "monotonic", lambda: 6.3)
    memory.available()
    assert len(asked) == 2
    memory._of_groups.cache_clear()


# ---- what a history says of the latest training


def test_a_divergence_is_forgotten_by_the_next_training():
    model = Sequential([Dense(1)])
    model.compile(SGD(1e30))
    with pytest.raises(TrainingDiverged):
        model.fit(X, Y, epochs=9)
    assert model.history.diverged["learning_rate"] == 1e30
    with pytest.raises(ValueError, match="epochs"):
        model.fit(X, Y, epochs=0)
    assert model.history.diverged, "nothing was trained"
    model.compile(SGD(0.01))
    assert model.fit(X, Y).diverged is None
    assert model.history.diverged is None


def test_a_solvers_message_is_forgotten_by_the_next_training():
    model = Sequential([Dense(1)])
    assert model.fit(X, Y, solver="lm").message == model.history.message != ""
    assert model.fit(X, Y).message == ""
    assert model.history.message == ""


def test_layers_are_symmetric_as_long_as_they_are():
    zeros = {"weight_initializer": "zeros"}
    model = Sequential([Dense(4, "tanh", **zeros), Dense(1, **zeros)])
    assert model.fit(X, Y).symmetric == model.history.symmetric == ("dense_0",)
    assert model.fit(X, Y).symmetric == model.history.symmetric == ("dense_0",)
    model.set_weights([np.random.default_rng(0).normal(size=weight.shape) for weight in model.get_weights()])
    assert model.fit(X, Y).symmetric == model.history.symmetric == ()
