"""Sequential.stepper: the same bits and errors as train_on_batch, whatever happens to the model between the steps."""

import copy
import dataclasses
import inspect
import os
import pickle
import pydoc
import re
import signal
import threading
import weakref
from time import sleep

import numpy as np
import pandas as pd
import pytest
from engine_networks import LAYERED, RULES, inputs
from test_model import ignore_fork_warning, in_child, needs_fork
from test_predictor import misaligned

import nncore
from nncore import (
    SGD,
    Adam,
    AdamW,
    BatchNorm,
    CosineDecay,
    Dense,
    Dropout,
    ExponentialDecay,
    NotBuiltError,
    Sequential,
    Stepper,
    TrainingDiverged,
)
from nncore.losses import TARGETS_OF_KERNEL
from nncore.network import turn

DTYPES = ["float32", "float64"]
CLASSES = "sparse_categorical_crossentropy"
HEADS = {CLASSES: "softmax", "categorical_crossentropy": "softmax", "binary_crossentropy": "sigmoid"}
HEADS |= {"categorical_focal_crossentropy": "softmax", "poisson": "exponential"}
LOSSES = [*HEADS, "mse", "mae", "huber", "hinge"]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 5)).astype(np.float32)
LABELS = RNG.integers(3, size=40)
VALUES = RNG.standard_normal((40, 3)).astype(np.float32)


def new_model(loss=CLASSES, optimizer="adam", dtype="float32", n_outputs=3):
    model = Sequential([Dense(7, "tanh"), Dense(n_outputs, HEADS.get(loss))], seed=2, dtype=dtype)
    model.compile(optimizer, loss)
    model.build(5)
    return model


def state(model):
    """Everything of a model that a step changes, as bytes."""
    flat, statistics, slots, iterations = model._state.network.state()
    return flat.tobytes(), statistics.tobytes(), slots.tobytes(), iterations, model.epoch


def batch_for(model, n, seed=1):
    """X and y as the engine reads them."""
    rng = np.random.default_rng(seed)
    program, dtype = model.program, model.dtype
    X = inputs(program, rng.standard_normal((n, program.n_features))).astype(dtype)
    if program.loss == "sparse_softmax_crossentropy":
        return X, rng.integers(program.n_outputs, size=n)
    y = rng.random((n, program.n_outputs))
    if TARGETS_OF_KERNEL[program.loss] == "softmax_crossentropy":
        y /= y.sum(axis=1, keepdims=True)
    return X, (y.round() if program.loss == "hinge" else y).astype(dtype)


def done_at_once(model):
    """Whether all training was done by steps on the caller's own arrays: `Plan.train` leaves a result behind."""
    return model._state.network.result is None


def assert_same_steps(make, sizes=(2, 33, 7, 33, 40), weights=True):
    """Steps, calls of train_on_batch, and such on lists, which go another way, change equal models equally."""
    one, other, slow = (make() for _ in range(3))
    step = one.stepper()
    for seed, n in enumerate(sizes):
        X, y = batch_for(one, n, seed)
        weight = np.random.default_rng(seed).random(n).astype(one.dtype) if weights and seed % 2 else None
        listed = None if weight is None else weight.tolist()
        losses = {
            step(X, y, weight),
            other.train_on_batch(X, y, weight),
            slow.train_on_batch(X.tolist(), y.tolist(), listed),
        }
        assert len(losses) == 1 and type(losses.pop()) is float
        assert state(one) == state(other) == state(slow)
    assert not done_at_once(slow)
    if not one.program.statistics:  # which is asked of memory first
        assert done_at_once(one) and done_at_once(other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("loss", "n_outputs"), [(loss, n) for loss in LOSSES for n in (1, 3) if n > 1 or HEADS.get(loss) != "softmax"]
)
def test_same_bits_for_every_loss(loss, n_outputs, dtype):
    assert_same_steps(lambda: new_model(loss, dtype=dtype, n_outputs=n_outputs))


@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_same_bits_for_every_optimizer(optimizer):
    assert_same_steps(lambda: new_model(optimizer=optimizer))


@pytest.mark.parametrize("clip", [{"clip_value": 0.01}, {"clip_norm": 0.05}], ids=str)
def test_same_bits_with_clipping(clip):
    assert_same_steps(lambda: new_model(optimizer=Adam(0.01, **clip)))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERED)
def test_same_bits_for_every_kind_of_layer(name, dtype):
    def make():
        layers, n_features, loss = LAYERED[name]
        model = Sequential(layers, seed=5, dtype=dtype)
        model.compile(AdamW(0.01, weight_decay=0.1, clip_norm=1.0), loss)
        model.build(n_features)
        return model

    assert_same_steps(make)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_same_bits_for_steps_that_release_the_gil(threads, n_threads):
    def make():
        model = Sequential([Dense(200, "relu"), Dropout(0.1), Dense(3, "softmax")], seed=4)
        model.build(60)
        return model

    threads(n_threads)
    assert_same_steps(make, sizes=(300, 1300, 300))


def test_threads_may_change_between_steps(threads):
    one, other = (Sequential([Dense(200, "relu"), Dense(3, "softmax")], seed=4) for _ in range(2))
    one.build(60), other.build(60)
    step = one.stepper(600)
    for n_threads in (1, 3, 2, 1):
        threads(n_threads)
        batch = batch_for(one, 600)
        step(*batch)
        other.train_on_batch(*batch)
    assert state(one) == state(other)


# ------------------------------------------------------------------------------------------------ what it is given


LAYOUTS = {
    "list": lambda a: a.tolist(),
    "Fortran order": np.asfortranarray,
    "negative strides": lambda a: a[::-1].copy()[::-1],
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "float64": lambda a: a.astype(np.float64),
    "integers": lambda a: a.astype(np.int16),
    "subclass": lambda a: a.view(type("Sub", (np.ndarray,), {})),
    "pandas": lambda a: pd.DataFrame(a) if a.ndim == 2 else pd.Series(a),
}


@pytest.mark.parametrize("loss", [CLASSES, "mse"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_is_read_and_none_is_written(layout, loss):
    one, other = new_model(loss), new_model(loss)
    step, change = one.stepper(), LAYOUTS[layout]
    whole = np.round(4 * X), (LABELS if loss == CLASSES else np.round(4 * VALUES))
    weight = np.arange(40, dtype=np.float32)
    for place in (*range(3), slice(None)):  # one argument at a time, then all
        given = [*whole, weight]
        given[place] = change(given[place]) if isinstance(place, int) else [*map(change, given)]
        before = copy.deepcopy(given)
        assert step(*given) == other.train_on_batch(*(part.tolist() for part in (*whole, weight)))
        assert all(np.array_equal(a, b) for a, b in zip(given, before, strict=True))
    assert state(one) == state(other)


AT_ONCE = {
    "int32 labels": (CLASSES, 3, LABELS.astype(np.int32)),
    "int64 labels": (CLASSES, 3, LABELS),
    "long long labels": (CLASSES, 3, LABELS.astype(np.longlong)),
    "read-only labels": (CLASSES, 3, np.frombuffer(LABELS.tobytes(), np.int64)),
    "a column": ("mse", 1, VALUES[:, :1].copy()),
    "numbers": ("mse", 1, VALUES[:, 0].copy()),
    "two kinds": ("binary_crossentropy", 1, (LABELS > 1).astype(np.float32)),
    "probabilities": ("binary_crossentropy", 3, np.abs(np.tanh(VALUES))),
}


@pytest.mark.parametrize("case", AT_ONCE)
def test_what_the_engine_reads_itself(case):
    loss, n_outputs, y = AT_ONCE[case]
    one, other = new_model(loss, n_outputs=n_outputs), new_model(loss, n_outputs=n_outputs)
    step = one.stepper()
    for _ in range(3):
        assert step(X, y) == other.train_on_batch(X.tolist(), y.tolist())
    assert state(one) == state(other) and done_at_once(one)


FORMS = {
    "one-hot for indices": (CLASSES, np.eye(3, dtype=np.float32)[LABELS]),
    "a column of indices": (CLASSES, LABELS[:, None]),
    "small integers": (CLASSES, LABELS.astype(np.uint8)),
    "floats as indices": (CLASSES, LABELS.astype(np.float32)),
    "indices for shares": ("categorical_crossentropy", LABELS),
    "shares at the tolerance": ("categorical_crossentropy", np.eye(3, dtype=np.float32)[LABELS] * np.float32(0.9905)),
}


@pytest.mark.parametrize("form", FORMS)
def test_other_forms_of_targets(form):
    loss, y = FORMS[form]
    one, other = new_model(loss), new_model(loss)
    step = one.stepper()
    for _ in range(2):
        assert step(X, y) == other.train_on_batch(X.tolist(), y.tolist())
    assert state(one) == state(other)


def with_value(array, value, place=(3, 1)):
    array = array.copy()
    array[place[: array.ndim]] = value
    return array


ONES = np.ones(40, np.float32)
BAD = {
    "NaN in X": (CLASSES, (with_value(X, np.nan), LABELS), "Input X contains NaN: 1 value(s), the first at row 3"),
    "infinity in X": (CLASSES, (with_value(X, np.inf), LABELS), "Input X contains infinity"),
    "too large for float32": (CLASSES, (with_value(X.astype(float), 1e300), LABELS), "Input X contains infinity"),
    "too few features": (CLASSES, (X[:, :4].copy(), LABELS), "X has 4 features, but the model expects 5"),
    "one row": (CLASSES, (X[0], LABELS[:1]), "Expected 2D array X"),
    "no rows": (CLASSES, (X[:0], LABELS[:0]), "X has 0 sample(s)"),
    "no array": (CLASSES, (None, LABELS), "could not convert X to numbers"),
    "masked": (CLASSES, (np.ma.masked_array(X, X > 2), LABELS), "masked"),
    "too few labels": (CLASSES, (X, LABELS[:-1].copy()), "inconsistent numbers of samples: 40 and 39"),
    "a label too large": (CLASSES, (X, with_value(LABELS, 3)), "y contains the label 3 at row 3"),
    "a label of 2**32": (CLASSES, (X, with_value(LABELS, 2**32)), "y contains the label 4294967296 at row 3"),
    "a negative label": (CLASSES, (X, with_value(LABELS, -1).astype(np.int32)), "y contains the label -1"),
    "shares too small": ("categorical_crossentropy", (X, np.full((40, 3), 0.3, np.float32)), "must sum to 1"),
    "a share too large": ("categorical_crossentropy", (X, with_value(np.full((40, 3), 1 / 3, "f"), 1.5)), "in 0..1"),
    "no probability": ("binary_crossentropy", (X, VALUES), "binary_crossentropy needs targets in 0..1"),
    "NaN in y": ("mse", (X, with_value(VALUES, np.nan)), "Input y contains NaN: 1 value(s), the first at row 3"),
    "infinity in y": ("mse", (X, with_value(VALUES, -np.inf)), "Input y contains infinity"),
    "too few columns": ("mse", (X, VALUES[:, :2].copy()), "y has shape (40, 2), expected (40, 3)"),
    "one column of three": ("mse", (X, VALUES[:, 0].copy()), "y has shape (40,), expected (40, 3)"),
    "too few weights": (CLASSES, (X, LABELS, ONES[1:].copy()), "inconsistent numbers of samples: 40 and 39"),
    "a negative weight": (CLASSES, (X, LABELS, with_value(ONES, -1)), "sample_weight must be >= 0, got -1 at row 3"),
    "a tiny negative weight": (CLASSES, (X, LABELS, with_value(ONES, -1e-40)), "sample_weight must be >= 0"),
    "NaN for a weight": (CLASSES, (X, LABELS, with_value(ONES, np.nan)), "Input sample_weight contains NaN"),
    "an infinite weight": (CLASSES, (X, LABELS, with_value(ONES, np.inf)), "Input sample_weight contains infinity"),
    "no weight": (CLASSES, (X, LABELS, 0 * ONES), "sample_weight is zero for every sample"),
    "weights of outputs": (CLASSES, (X, LABELS, np.ones((40, 3), "f")), "sample_weight must have shape (40,)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_the_same_words(case):
    loss, given, words = BAD[case]
    model, twin = new_model(loss), new_model(loss)
    step = model.stepper()
    good = batch_for(model, 40)
    step(*good), twin.train_on_batch(*good)
    with pytest.raises((TypeError, ValueError), match=re.escape(words)) as expected:
        twin.train_on_batch(*given)
    with pytest.raises(expected.type) as found:
        step(*given)
    assert str(found.value) == str(expected.value)
    assert state(model) == state(twin)
    assert step(*good) == twin.train_on_batch(*good)


def test_weights_of_which_one_is_tiny():
    one, other = new_model(), new_model()
    weight = with_value(0 * ONES, 1e-40)
    assert one.stepper()(X, LABELS, weight) == other.train_on_batch(X.tolist(), LABELS.tolist(), weight.tolist())
    assert state(one) == state(other)


def test_columns_go_by_name():
    frame = pd.DataFrame(X, columns=list("abcde"))
    one, other = new_model(), new_model()
    step = one.stepper()
    for given in (frame, frame[list("ecabd")], X):
        assert step(given, LABELS) == other.train_on_batch(given, LABELS)
    assert one.feature_names == tuple("abcde") and state(one) == state(other)
    with pytest.raises(ValueError, match="z"):
        step(frame.rename(columns={"a": "z"}), LABELS)


def test_arguments_by_name():
    one, other = new_model(), new_model()
    assert one.stepper()(y=LABELS, X=X, sample_weight=ONES, epoch=None) == other.train_on_batch(X, LABELS, ONES)
    with pytest.raises(TypeError):
        one.stepper()(X)
    with pytest.raises(TypeError):
        one.stepper()(X, LABELS, None, 3.0)


# ---------------------------------------------------------------------------------------------------- batch_size


def test_a_batch_size_is_the_most_rows():
    model, twin = new_model(), new_model()
    step = model.stepper(batch_size=32)
    assert step.batch_size == 32
    for n in (32, 1, 31):
        assert step(X[:n], LABELS[:n]) == twin.train_on_batch(X[:n], LABELS[:n])
    for given in ((X[:33], LABELS[:33]), (X[:33].tolist(), LABELS[:33])):
        with pytest.raises(ValueError, match="X has 33 rows, but batch_size=32 is the most that this stepper was made"):
            step(*given)
    assert state(model) == state(twin)


@pytest.mark.parametrize(("value", "error"), [(0, ValueError), (-1, ValueError), (1.5, TypeError), ("32", TypeError)])
def test_a_bad_batch_size(value, error):
    with pytest.raises(error, match="batch_size must be"):
        new_model().stepper(value)


def test_what_a_batchnorm_cannot_be_trained_on():
    model = Sequential([Dense(4), BatchNorm(), Dense(3, "softmax")])
    model.build(5)
    with pytest.raises(ValueError, match="batch_size is 1 row, which has no variance"):
        model.stepper(1)
    with pytest.raises(ValueError, match="needs at least"):
        model.stepper(2**50)
    step = model.stepper()
    step(X, LABELS)
    with pytest.raises(ValueError, match="batch_size is 1 row, which has no variance"):
        step(X[:1], LABELS[:1])


# ------------------------------------------------------------------------------------------------------- the model


def test_it_says_what_it_is():
    model = new_model()
    step = model.stepper(8)
    assert isinstance(step, Stepper) and repr(step) == "Stepper(n_features=5, n_outputs=3, dtype=float32, batch_size=8)"
    assert step.model is model and model.stepper().batch_size is None
    call = type(step).__call__
    assert str(inspect.signature(call)) == "(self, /, X, y, sample_weight=None, *, epoch=None)"
    shown = pydoc.plain(pydoc.render_doc(step))
    assert "`nncore.Stepper` documents it" in shown and "__call__(self, /, X, y, sample_weight=None, *" in shown


def test_a_model_without_weights():
    with pytest.raises(NotBuiltError, match="no weights yet"):
        Sequential([Dense(1)]).stepper()


def test_the_model_sees_every_step():
    model, twin = new_model(), new_model()
    step, handed_out = model.stepper(), model.parameters
    for _ in range(3):
        step(X, LABELS), twin.train_on_batch(X, LABELS)
        assert handed_out is model.parameters and np.array_equal(handed_out, twin.parameters)
        assert np.array_equal(model.predict(X), twin.predict(X))


def test_steps_see_what_is_written_to_the_parameters():
    model, twin = new_model(), new_model()
    step, handed_out = model.stepper(), model.parameters
    for factor in (1.0, 0.5, 2.0):
        handed_out *= factor
        twin.set_weights([factor * weight for weight in twin.get_weights()])
        assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
    handed_out[:] = 0.25
    del handed_out  # what was written last still counts
    twin.parameters[:] = 0.25
    for _ in range(2):
        assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
    assert model._state.network._lent is None  # and nobody is waited for
    model.set_weights(new_model().get_weights())
    twin.set_weights(new_model().get_weights())
    assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
    assert state(model) == state(twin)


def test_steps_between_all_else():
    model, twin = new_model(), new_model()
    step, options = model.stepper(), {"epochs": 2, "batch_size": 8}
    for _ in range(2):
        step(X, LABELS), twin.train_on_batch(X, LABELS)
        assert np.array_equal(model.fit(X, LABELS, **options).loss, twin.fit(X, LABELS, **options).loss)
        assert model.evaluate(X, LABELS) == twin.evaluate(X, LABELS)
        assert model.train_on_batch(X, LABELS) == twin.train_on_batch(X, LABELS)
    assert state(model) == state(twin) and model.epoch == 4


def test_another_optimizer_is_taken_as_it_comes():
    model, twin = new_model(), new_model()
    step = model.stepper()
    changes = (
        lambda m: setattr(m, "optimizer", dataclasses.replace(m.optimizer, learning_rate=0.5)),
        lambda m: m.compile(SGD(0.1, momentum=0.9), CLASSES),
        lambda m: m.compile(Adam(0.01), CLASSES),
        lambda m: m.compile(Adam(0.02), CLASSES, keep_state=True),
    )
    for change in changes:
        for _ in range(2):
            assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
        change(model), change(twin)
    assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
    assert state(model) == state(twin)


def test_a_rate_that_turns_signs_is_refused():
    model, twin = new_model(optimizer=AdamW(0.5, weight_decay=1.0)), new_model(optimizer=AdamW(0.5, weight_decay=1.0))
    step = model.stepper()
    for change in (1.0, 3.0, 1.0, 4.0):
        optimizer = dataclasses.replace(model.optimizer, weight_decay=change)
        model.optimizer = twin.optimizer = optimizer
        for _ in range(2):
            if change > 2:
                for call in (step, twin.train_on_batch):
                    with pytest.raises(ValueError, match=r"learning_rate \* weight_decay must be at most 1"):
                        call(X, LABELS)
            else:
                assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
    assert state(model) == state(twin)


NEW_NETWORKS = {
    "compile": lambda model: model.compile("adam", "mse"),
    "insert": lambda model: model.insert(1, Dense(4)),
    "remove": lambda model: model.remove(0),
    "move": lambda model: (model.insert(1, Dropout(0.1)), model.move(1, 0)),
    "replace": lambda model: model.replace(0, Dense(7, "relu")),
}


@pytest.mark.parametrize("change", NEW_NETWORKS)
@pytest.mark.parametrize("batch_size", [None, 40])
def test_a_network_that_is_no_more(change, batch_size):
    model = new_model()
    step = model.stepper(batch_size)
    step(X, LABELS)
    NEW_NETWORKS[change](model)
    before = state(model)
    again = f"make a new one: step = model.stepper({'' if batch_size is None else 40})"
    for _ in range(2):
        with pytest.raises(RuntimeError, match=re.escape(again)):
            step(X, LABELS)
    assert state(model) == before
    X_new, y_new = batch_for(model, 40)
    assert np.isfinite(model.stepper(batch_size)(X_new, y_new))


def test_what_changes_no_network():
    model = new_model()
    step = model.stepper()
    model.build(5)
    model.compile("sgd")
    model.name = "name"
    with pytest.raises(RuntimeError, match="built already"):
        model.add(Dense(2))
    assert np.isfinite(step(X, LABELS))


# --------------------------------------------------------------------------------------------------- schedules


def test_a_schedule_with_the_time_of_each_step():
    optimizer = Adam(CosineDecay(0.1, epochs=3, warmup_epochs=1))
    model, twin = new_model(optimizer=optimizer), new_model(optimizer=optimizer)
    step = model.stepper()
    for time in (0, 0.5, np.float64(1.25), 2, 2.75, 1):
        assert step(X, LABELS, epoch=time) == twin.train_on_batch(X.tolist(), LABELS, epoch=time)
        assert state(model) == state(twin)
    assert model.epoch == 2
    for wrong, error in ((-1, ValueError), (np.nan, ValueError), ("1", TypeError)):
        with pytest.raises(error, match="epoch must be a finite number"):
            step(X, LABELS, epoch=wrong)
    assert state(model) == state(twin)


def test_a_schedule_stands_where_the_models_epoch_does():
    optimizer = SGD(ExponentialDecay(0.5, factor=0.5, every=1))
    model, twin = new_model(optimizer=optimizer), new_model(optimizer=optimizer)
    step = model.stepper()
    for round_ in range(3):
        for _ in range(3):
            assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
        model.fit(X, LABELS, epochs=300), twin.fit(X, LABELS, epochs=300)  # past the integers that Python keeps
        assert step(X, LABELS, epoch=301 + 400 * round_) == twin.train_on_batch(X, LABELS, epoch=301 + 400 * round_)
    assert state(model) == state(twin)


def test_the_time_of_a_step_moves_the_epoch_of_a_constant_rate_too():
    model, twin = new_model(), new_model()
    step = model.stepper()
    for time in (None, 2.5, None, 1):
        assert step(X, LABELS, epoch=time) == twin.train_on_batch(X.tolist(), LABELS, epoch=time)
    assert state(model) == state(twin) and model.epoch == 2


# --------------------------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("n", [40, 4000])  # with the GIL, and without
def test_a_step_that_diverges_is_undone(n, held):
    model, twin = (new_model("mse", SGD(0.1, momentum=0.9)) for _ in range(2))
    step = model.stepper()
    handed_out = model.parameters if held else None
    X, y = batch_for(model, n)
    for _ in range(2):
        assert step(X, y) == twin.train_on_batch(X, y)
        before, large = state(model), np.full_like(y, 3e38)  # twice the error is infinite
        with pytest.raises(TrainingDiverged) as expected:
            twin.train_on_batch(X, large)
        with pytest.raises(TrainingDiverged) as found:
            step(X, large)
        assert str(found.value) == str(expected.value)
        assert state(model) == before == state(twin)
        assert not held or handed_out.tobytes() == before[0]


# ------------------------------------------------------------------------------------- threads, callbacks, forks


def test_a_callback_must_not_step():
    model, heard = new_model(), []
    step = model.stepper()
    step(X, LABELS)

    def callback(model, epoch, logs):
        with pytest.raises(RuntimeError, match="a callback cannot train or change the model that called it") as found:
            step(X, LABELS)
        heard.append(found)

    model.fit(X, LABELS, epochs=2, callbacks=[callback])
    assert len(heard) == 2 and np.isfinite(step(X, LABELS))


def test_nobody_steps_while_another_thread_trains():
    model, reached, go = new_model(), threading.Event(), threading.Event()
    step = model.stepper()
    step(X, LABELS)

    def callback(model, epoch, logs):
        reached.set()
        assert go.wait(20)

    thread = threading.Thread(target=lambda: model.fit(X, LABELS, callbacks=[callback]))
    thread.start()
    assert reached.wait(20)
    try:
        with pytest.raises(RuntimeError, match="model is being trained in another thread; wait until it is trained"):
            step(X, LABELS)
    finally:
        go.set()
        thread.join(20)
    assert np.isfinite(step(X, LABELS))


@pytest.mark.parametrize("n", [40, 2000])  # with the GIL, and without
def test_threads_take_turns(n):
    model, twin, n_steps = new_model(), new_model(), 200 if n == 40 else 30
    step, batch = model.stepper(), batch_for(model, n)

    def work():
        for _ in range(n_steps):
            step(*batch)
            model.predict(batch[0][:2])

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    for _ in range(3 * n_steps):
        twin.train_on_batch(*batch)
    assert state(model) == state(twin)


def test_it_waits_for_who_uses_the_model():
    model, losses = new_model(), []
    step = model.stepper()
    step(X, LABELS)
    with model._state.turn.using():
        thread = threading.Thread(target=lambda: losses.append(step(X, LABELS)))
        thread.start()
        thread.join(0.05)
        assert losses == []
    thread.join(20)
    assert len(losses) == 1


@needs_fork
@ignore_fork_warning
def test_parent_and_child_step_on():
    model, twin = new_model(), new_model()
    step = model.stepper()
    step(X, LABELS), twin.train_on_batch(X, LABELS)

    def child():
        for _ in range(3):
            assert step(X, LABELS) == twin.train_on_batch(X.tolist(), LABELS)
        assert state(model) == state(twin)

    in_child(child)
    child()


@needs_fork
@ignore_fork_warning
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("call", ["stepper", "train_on_batch"])
def test_a_child_steps_on_though_a_thread_was_stepping(monkeypatch, call, fitted):
    """The thread is no more, and would hold lock and plan for ever. What it had begun is undone, and not counted."""
    monkeypatch.setattr(turn, "FORK_WAITS", 0.0)
    model, twin = (Sequential([Dense(400, "relu"), Dense(3, "softmax")], seed=4) for _ in "ab")
    for each in (model, twin):
        each.build(300)
        if fitted:
            each.fit(*batch_for(each, 10))
    step, started = model.stepper() if call == "stepper" else model.train_on_batch, threading.Event()
    batch = batch_for(model, 3000)
    states = [state(twin)]
    for _ in range(40):
        twin.train_on_batch(*batch)
        states.append(state(twin))

    def work():
        for _ in range(40):
            step(*batch)
            started.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(20)

    def child():
        assert state(model) in states
        twin = copy.deepcopy(model)
        for _ in range(2):
            assert step(*batch) == twin.train_on_batch(*batch)
        assert state(model) == state(twin)

    codes = []
    while thread.is_alive() and len(codes) < 8:
        codes.append(in_child(child))
    thread.join(60)
    assert codes and set(codes) == {0}


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="needs POSIX signals")
@pytest.mark.parametrize("held", [False, True])
def test_an_interrupt_leaves_the_model_before_the_step(held):
    model = Sequential([Dense(500, "relu"), Dense(500, "relu"), Dense(3, "softmax")], seed=4)
    model.build(500)
    batch, small = batch_for(model, 40_000), batch_for(model, 10)
    step = model.stepper()
    step(*small)
    handed_out = model.parameters if held else None
    before, turn = state(model), model._state.turn

    def strike(number, frame):
        raise KeyboardInterrupt

    def send():
        while not turn.computing:  # until the step has given the GIL away
            sleep(0.001)
        os.kill(os.getpid(), signal.SIGUSR1)

    previous = signal.signal(signal.SIGUSR1, strike)
    sender = threading.Thread(target=send, daemon=True)
    try:
        with pytest.raises(KeyboardInterrupt):
            sender.start()
            step(*batch)
    finally:
        sender.join(60)
        signal.signal(signal.SIGUSR1, previous)
    assert state(model) == before and (not held or handed_out.tobytes() == before[0])
    twin = copy.deepcopy(model)
    assert step(*small) == twin.train_on_batch(*small)
    assert state(model) == state(twin)


# ------------------------------------------------------------------------------------------------ copies, pickles


COPIES = {"deepcopy": copy.deepcopy, "pickle": lambda value: pickle.loads(pickle.dumps(value))}


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_trains_a_copy_of_the_model(way):
    model = new_model()
    step = model.stepper(40)
    step(X, LABELS)
    before = state(model)
    other = COPIES[way](step)
    assert isinstance(other, Stepper) and other.model is not model and other.batch_size == 40
    loss = other(X, LABELS)
    assert state(model) == before != state(other.model)
    assert step(X, LABELS) == loss and state(model) == state(other.model)


@pytest.mark.parametrize("way", COPIES)
def test_what_is_copied_together_stays_together(way):
    model = new_model()
    other_model, other = COPIES[way]([model, model.stepper()])
    assert other.model is other_model


def test_a_shallow_copy_trains_the_same_model():
    model = new_model()
    step = copy.copy(model.stepper(40))
    assert step.model is model and step.batch_size == 40


@pytest.mark.parametrize("way", COPIES)
def test_a_copy_of_the_model_is_no_business_of_the_stepper(way):
    model = new_model()
    step = model.stepper()
    step(X, LABELS)
    other = COPIES[way](model)
    step(X, LABELS), other.train_on_batch(X, LABELS)
    assert state(model) == state(other)


def test_model_and_stepper_leave_without_the_garbage_collector():
    model = new_model()
    step = model.stepper()
    step(X, LABELS)
    network = weakref.ref(model._state.network)
    del model
    assert network() is not None
    step(X, LABELS)
    del step
    assert network() is None


def test_unknown_arguments_are_explained():
    with pytest.raises(TypeError, match="batch_size"):
        new_model().stepper(batchsize=3)


def test_a_step_draws_dropout_as_fit_does():
    one, other = (Sequential([Dense(40, "tanh"), Dropout(0.5), Dense(3, "softmax")], seed=5) for _ in range(2))
    one.build(5)
    step = one.stepper()
    losses = [step(X, LABELS) for _ in range(4)]
    assert losses == other.fit(X, LABELS, epochs=4, batch_size=40, shuffle=False).loss.tolist()
    assert np.array_equal(one.parameters, other.parameters)


def test_all_of_it_is_exported():
    assert nncore.Stepper is Stepper and "Stepper" in nncore.__all__
