"""Epochs that the engine scores within a call of training: the bits, stops and weights of one epoch at a time."""

import signal
import time
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

import nncore
from nncore import (
    SGD,
    Adam,
    BatchNorm,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    LayerNorm,
    Residual,
    Sequential,
    TrainingDiverged,
    losses,
    metrics,
)
from nncore.callbacks import Callbacks
from nncore.network import Network
from nncore.training import batches, loop, within

N, N_VALIDATION = 150, 61


def rows(kind, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4))
    scores = X[:, :3] + rng.standard_normal((n, 3))
    classes = scores.argmax(axis=1)
    return X, {
        "classes": classes,
        "one-hot": np.eye(3)[classes],
        "shares": np.eye(3)[classes] * 0.8 + 0.2 / 3,
        "binary": (scores[:, 0] > 0).astype(float),
        "binaries": (scores > 0).astype(float),
        "numbers": scores,
        "two": (classes > 0).astype(int),
    }[kind]


HEADS = {
    "classes": ([Dense(3, "softmax")], None, ["accuracy"]),
    "one-hot": ([Dense(3, "softmax")], None, ["acc", "categorical_accuracy"]),
    "shares": ([Dense(3)], losses.CategoricalCrossentropy(from_logits=True), ["accuracy"]),
    "binary": ([Dense(1, "sigmoid")], None, ["accuracy", "binary_accuracy"]),
    "binaries": ([Dense(3)], losses.BinaryCrossentropy(from_logits=True), ["accuracy", metrics.binary_accuracy]),
    "numbers": ([Dense(3)], "mae", ["mse", metrics.r2_score]),
    "numbers alone": ([Dense(3)], "mse", []),
    "two": ([Dense(2, "softmax")], None, [metrics.accuracy]),
    "one-hot numbers": ([Dense(3)], "mse", ["mae", "accuracy", "r2"]),
    "binary number": ([Dense(1)], "huber", ["accuracy", "binary_accuracy"]),
}

BODIES = {
    "dense": [Dense(16, "relu"), Dense(16, "tanh")],
    "batch norm and dropout": [Dense(16), BatchNorm(), Dropout(0.3), Dense(9, "relu"), BatchNorm()],
    "residual": [Dense(7, "silu"), Residual([LayerNorm(), Dense(7, "relu")])],
    "wide": [Dense(200, "relu"), Dense(200, "relu")],
    "penalised": [Dense(16, "relu", l1=1e-3), BatchNorm(), Dense(9, "tanh", l1=1e-3, l2=0.01)],
    "none": [],
}


def outcome(capsys, *, head, body="dense", dtype="float32", patience=None, optimizer=None, **options):
    """Return all that a training leaves behind, as something to compare."""
    kind = head.removesuffix(" numbers").removesuffix(" number").removesuffix(" alone")
    (X, y), (X_validation, y_validation) = rows(kind, N, 0), rows(kind, N_VALIDATION, 1)
    last, loss, scored = HEADS[head]
    model = Sequential([*BODIES[body], *last], seed=3, dtype=dtype)
    model.compile(optimizer or Adam(0.01), loss, scored)
    callbacks = [] if patience is None else [EarlyStopping(**{"patience": 5, **patience})]
    if options.pop("validates", True) and "validation_split" not in options:
        weight = [np.linspace(0, 2, N_VALIDATION)] if options.pop("weighs_validation", False) else []
        options["validation_data"] = (X_validation, y_validation, *weight)
    error = None
    try:
        model.fit(X, y, **{"epochs": 40, "verbose": 2, **options}, callbacks=callbacks)
    except TrainingDiverged as diverged:
        error = str(diverged)
    stopped = [{name: value for name, value in vars(callback).items() if name[0] != "_"} for callback in callbacks]
    *state, iterations = model._state.network.state()
    return {
        "columns": model.history.columns,
        "history": repr({**model.history.to_dict(), "seconds": []}),
        "state": ([array.tobytes() for array in state], iterations, model.epoch),
        "stopped": repr(stopped),
        "error": error,
        "printed": capsys.readouterr().err,
    }


@pytest.fixture
def calls(monkeypatch):
    """Return the list of what the engine has been asked for."""
    seen = []
    for name in ("train", "evaluate"):
        original = getattr(Network, name)

        def counted(*arguments, original=original, name=name, **options):
            seen.append(name)
            return original(*arguments, **options)

        monkeypatch.setattr(Network, name, counted)
    return seen


def check(capsys, calls, *, max_calls=1, **case):
    """Compare a training with the same one where Python scores every epoch, and with one where it hears of each."""
    calls.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "SECONDS_PER_CALL", 600)  # one call is then one on a slow machine, too
        found = outcome(capsys, **case)
    n_epochs = found["state"][2]
    assert set(calls) == {"train"} and len(calls) <= max_calls
    for way, kinds in ((pause_within, {"train"}), (score_outside, {"train", "evaluate"})):
        calls.clear()
        with pytest.MonkeyPatch.context() as patch:
            way(patch)
            expected = outcome(capsys, **case)
        assert calls.count("train") >= n_epochs > 1 and kinds.issuperset(calls)
        for part, value in expected.items():
            assert found[part] == value, (part, way)
    return found


def pause_within(patch):
    """Let callbacks have their turn after every epoch, which the engine has scored."""
    patch.setattr(Callbacks, "hear_scores", lambda self, names: False)


def score_outside(patch):
    """Let Python do all that is to be done after an epoch."""
    patch.setattr(loop, "scored_within", lambda *arguments: None)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("head", HEADS)
def test_every_count_and_loss(capsys, calls, head, dtype):
    n_metrics = len(HEADS[head][2])
    weights = {"weighs_validation": True, "sample_weight": np.linspace(0, 1, N)}
    for options in ({}, weights, *[{"validates": False}] * (n_metrics > 0)):
        found = check(capsys, calls, head=head, dtype=dtype, **options)
        assert len(found["columns"]) == (1 + n_metrics) * (2 if options.get("validates", True) else 1) + 2


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("body", [*BODIES][:-1])
def test_every_layer(capsys, calls, threads, body, n_threads):
    threads(n_threads)
    schedule = Adam(CosineDecay(0.02, epochs=30))
    for options in (
        {"validation_split": 0.3, "batch_size": 64},
        {"shuffle": False, "patience": {"monitor": "val_accuracy"}, "optimizer": schedule, "batch_size": 150},
        {"optimizer": SGD(0.1, momentum=0.9, clip_norm=0.1), "batch_size": 7, "epochs": 5},
    ):
        check(capsys, calls, head="classes", body=body, **options)


@pytest.mark.parametrize(
    "patience",
    [
        {},
        {"patience": 0},
        {"patience": 1, "restore_best_weights": False},
        {"min_delta": 0.01},
        {"baseline": 0.5, "patience": 9},
        {"monitor": "loss", "min_delta": 0.02},
        {"monitor": "accuracy", "patience": 3},
        {"monitor": "val_accuracy", "mode": "min"},
        {"patience": 1000},
    ],
    ids=repr,
)
def test_every_stop(capsys, calls, patience):
    found = check(capsys, calls, head="classes", patience=patience, epochs=300)
    epoch = found["state"][2]
    assert len(found["printed"].splitlines()) == epoch
    assert ("'stopped_epoch': None" in found["stopped"]) == (epoch == 300)


@pytest.mark.parametrize("head", ["classes", "numbers", "numbers alone"])
@pytest.mark.parametrize("monitor", ["penalty", "loss", None])
def test_penalties_are_those_of_every_epoch(capsys, calls, head, monitor):
    patience = None if monitor is None else {"monitor": monitor, "mode": "min", "patience": 3}
    for validates in (True, False):
        if not (monitor is None and head == "numbers alone" and not validates):  # else nothing waits for an epoch
            found = check(capsys, calls, head=head, body="penalised", patience=patience, validates=validates)
            assert "penalty" in found["columns"] and found["history"].count("nan") == 0


def test_two_that_stop(monkeypatch):
    """Both hear of every epoch, and each has its own weights."""
    ends = []
    for outside in (False, True):
        if outside:
            score_outside(monkeypatch)
        X, y = rows("classes", N, 0)
        model = Sequential([Dense(16, "relu"), Dense(3, "softmax")], seed=3)
        model.compile(Adam(0.05), metrics="accuracy")
        both = [EarlyStopping("val_loss", patience=9), EarlyStopping("val_accuracy", patience=20)]
        model.fit(X, y, epochs=500, validation_split=0.3, callbacks=both)
        stopped = [(stopping.best, stopping.best_epoch, stopping.stopped_epoch) for stopping in both]
        ends.append((model.epoch, stopped, model.get_weights()[0].tobytes()))
    assert ends[0] == ends[1] and ends[0][0] < 500


def test_fits_that_go_on(monkeypatch):
    """Numbers of epochs count from the first fit, in shuffles, schedules and what callbacks get."""
    X, y = rows("classes", N, 0)
    ends = []
    for outside in (False, True):
        if outside:
            score_outside(monkeypatch)
        model, stopping = Sequential([Dense(16, "relu"), Dense(3, "softmax")], seed=3), EarlyStopping("loss", 0.01, 3)
        model.compile(Adam(CosineDecay(0.02, epochs=30)), metrics="accuracy")
        for _ in range(3):
            model.fit(X, y, epochs=8, callbacks=stopping)
        ends.append((model.epoch, stopping.best_epoch, repr(model.history.loss), model.get_weights()[0].tobytes()))
    assert ends[0] == ends[1] and ends[0][1] >= 16


def own_metric(y_true, y_pred):
    return float(np.abs(y_true - y_pred).max())


OTHERS = [
    {"metrics": [own_metric]},
    {"metrics": [partial(metrics.binary_accuracy, threshold=0.3)], "kind": "binaries"},
    {"hooks": True},
    {"subclass": True},
    {"monitor": "learning_rate"},
    {"wrapped": True},
]


class Forwarding:
    """Says what the callback in it would say to all that it is asked but ``on_epoch_end``."""

    def __init__(self, callback):
        self.callback = callback

    def __getattr__(self, name):
        return getattr(self.callback, name)

    def on_epoch_end(self, model, epoch, logs):
        assert model.epoch == epoch + 1
        return self.callback.on_epoch_end(model, epoch, logs)


@pytest.mark.parametrize("options", OTHERS, ids=repr)
def test_who_waits_for_the_end_of_an_epoch_gets_it(calls, options):
    """A metric that is not nncore's, what looks at the model, and what is not known to only listen."""

    class Own(EarlyStopping):
        def on_epoch_end(self, model, epoch, logs):
            assert model.epoch == epoch + 1 and len(model.predict(X)) == N

    X, y = rows(options.get("kind", "numbers"), N, 0)
    stopping = (
        Own() if "subclass" in options else EarlyStopping(options.get("monitor", "loss"), patience=99, mode="min")
    )
    if "hooks" in options:
        stopping.on_epoch_begin = lambda model, epoch: model.evaluate(X, y)
    model = Sequential([Dense(3)], seed=1)
    model.compile(metrics=options.get("metrics"))
    if "wrapped" in options:
        stopping = Forwarding(stopping)
    history = model.fit(X, y, epochs=4, validation_split=0.3, callbacks=stopping)
    assert calls.count("train") == 4
    assert not any(np.isnan(history[name]).any() for name in history)


def test_a_divergence_amid_a_call(capsys, calls):
    case = {"head": "one-hot numbers", "body": "none", "optimizer": SGD(5.0), "patience": {"patience": 99}}
    found = check(capsys, calls, max_calls=2, **case)  # the other one finds out where
    assert "diverged" in found["error"]


@pytest.mark.parametrize(
    "options",
    [{}, {"validation_split": 0.3}, {"callbacks": EarlyStopping("loss", restore_best_weights=False)}, "pauses"],
    ids=repr,
)
def test_the_last_finite_loss_is_of_the_last_batch_that_had_one(options):
    """The one that diverged, if its loss still was finite; else that of an epoch before, which another call trained."""
    X = np.random.default_rng(0).standard_normal((40, 4))
    model, losses = Sequential([Dense(8, "tanh"), Dense(1)], seed=1), []
    if options == "pauses":
        options = {"callbacks": lambda model, epoch, logs: losses.append(logs["loss"])}
    model.compile(SGD(30.0))
    with pytest.raises(TrainingDiverged) as caught:
        model.fit(X, X[:, :1], epochs=400, batch_size=40, **options)
    rows = slice(0, 28 if "validation_split" in options else 40)
    with np.errstate(over="ignore"):
        loss = model.evaluate(X[rows], X[rows, :1])["loss"]  # the weights are those at the start of that epoch
    expected = loss if np.isfinite(loss) else model.history.loss[-1]
    assert caught.value.epoch > 0 and caught.value.last_finite_loss == pytest.approx(expected, rel=1e-6)


def test_a_validation_that_overflows_is_recorded(monkeypatch):
    """Training goes on: its own loss is finite."""
    ends = []
    for outside in (False, True):
        if outside:
            score_outside(monkeypatch)
        X = np.linspace(-1, 1, 20)[:, None]
        model, stopping = Sequential([Dense(3, "relu"), Dense(1)], seed=1), EarlyStopping(patience=7)
        model.compile(SGD(0.1))
        history = model.fit(X, 9 * X, epochs=50, validation_data=(X * 3e38, X), callbacks=stopping)
        ends.append((repr(history.history["val_loss"]), repr(history.loss), stopping.stopped_epoch))
    assert ends[0] == ends[1] and ("inf" in ends[0][0] or "nan" in ends[0][0])


LONG = np.random.default_rng(0).standard_normal((400_000, 4)), np.arange(400_000) % 3


@contextmanager
def interrupted_between(share):
    """Let Ctrl-C strike when `share` of the time from one epoch's scores to the next one's has passed."""
    original, heard = EarlyStopping.on_epoch_end, []

    def hears(self, model, epoch, logs):
        heard.append(time.perf_counter())
        if len(heard) > 1:
            signal.setitimer(signal.ITIMER_REAL, share * (heard[-1] - heard[-2]))
        return original(self, model, epoch, logs)

    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(EarlyStopping, "on_epoch_end", hears)
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_ctrl_c_in_the_validation_leaves_the_epoch_trained(threads, n_threads):
    """It is counted, unscored, as where each is scored by a call of its own; the callbacks have not heard of it."""
    threads(n_threads)
    X, y = rows("classes", N, 0)
    for share in np.linspace(0.1, 0.8, 9):  # it may be noticed as the validation ends: then that is scored
        model, twin = (Sequential([Dense(128, "tanh"), Dense(128, "tanh"), Dense(3, "softmax")], seed=1) for _ in "ab")
        model.compile(metrics="accuracy")
        stopping = EarlyStopping(patience=10_000, restore_best_weights=False)
        with interrupted_between(share):
            model.fit(X, y, epochs=10_000, validation_data=LONG, callbacks=stopping)
        n = model.epoch
        assert n == len(model.history) >= 2
        scored = [*np.flatnonzero(~np.isnan(model.history["val_loss"]))]
        assert scored == list(range(n - 1)) or scored == list(range(n))
        assert stopping.best_epoch in scored
        twin.fit(X, y, epochs=n)
        assert repr(twin.history.loss) == repr(model.history.loss)
        states = [network.state() for network in (model._state.network, twin._state.network)]
        assert all(map(np.array_equal, *states))
        if len(scored) < n:
            return
    raise AssertionError("never in the midst of a validation")


@pytest.mark.parametrize("number", range(2, 8))  # after the trials
def test_an_interrupt_while_an_epoch_is_measured(monkeypatch, number):
    """It is recorded without its scores, as where Python scores all of it."""
    X, y = rows("numbers", N, 0)
    ends = []
    for outside in (False, True):
        if outside:
            score_outside(monkeypatch)
        model, done = Sequential([Dense(8, "tanh"), Dense(3)], seed=1), []

        def strikes(*arguments, original=metrics.mean_absolute_error, done=done):
            done.append(None)
            if len(done) == 1 + number:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(within, "MEASURING", (strikes,))
        model.compile(metrics=[strikes])
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y, epochs=9, validation_split=0.2, callbacks=EarlyStopping())
        ends.append(
            (repr(model.history.history | {"seconds": []}), model.epoch, [w.tobytes() for w in model.get_weights()])
        )
    assert ends[0] == ends[1]


def test_an_error_of_a_callback_amid_a_call(monkeypatch):
    """It reaches the caller, and the epoch of which it was told is recorded with its scores."""
    original = EarlyStopping.on_epoch_end

    def fails(self, model, epoch, logs):
        if epoch == 12:
            raise LookupError("at 12")
        return original(self, model, epoch, logs)

    monkeypatch.setattr(EarlyStopping, "on_epoch_end", fails)
    X, y = rows("classes", N, 0)
    model, twin = (Sequential([Dense(8, "tanh"), Dense(3, "softmax")], seed=1) for _ in "ab")
    with pytest.raises(LookupError, match="at 12"):
        model.fit(X, y, epochs=50, validation_split=0.2, callbacks=EarlyStopping(restore_best_weights=False))
    assert model.epoch == 13 and not np.isnan(model.history.val_loss).any()
    twin.fit(X, y, epochs=13, validation_split=0.2)
    assert repr(twin.history.val_loss) == repr(model.history.val_loss)
    assert all(map(np.array_equal, model.get_weights(), twin.get_weights()))


def test_long_validations_take_threads_of_their_own(threads):
    """A step is too small for a second thread, the validation is not: as many as `evaluate` takes; in the same bits."""
    threads(2)
    X, y = rows("classes", N, 0)
    model = Sequential([Dense(16, "relu"), Dense(3, "softmax")], seed=1)
    history = model.fit(X, y, epochs=2, validation_data=LONG)
    assert model._state.network._plan.threads_used == 1
    assert model.evaluate(*LONG)["loss"] == history.val_loss[-1]
    assert model._state.network._plan.threads_used == min(2, nncore.show_config()["cpus_available"])
