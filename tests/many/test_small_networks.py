"""Small networks of one shape, which `fit_many` trains in the lanes of the vectors: each in the bits of its own fit."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from many_networks import equal

import nncore
from nncore import SGD, Adam, Dense, Dropout, EarlyStopping, ExponentialDecay, LambdaCallback, Sequential, fit_many
from nncore.engine import lanes
from nncore.many import job, pool
from nncore.many.arguments import checked_jobs
from nncore.network import turn

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 4)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
FOREVER = 10**6


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    nncore.set_num_threads(request.param)
    yield request.param
    nncore.set_num_threads()


@pytest.fixture
def always(monkeypatch):
    """Lanes, also for so few and so short trainings that they take longer there; how many have boarded."""
    boarded, together = [], pool.Meeting._train
    monkeypatch.setattr(lanes, "share", lambda *_: 0.0)
    for name, cost in {"PER_LANE": -1.0, "PER_HEARD": 0.0, "SCORED": 0.0}.items():
        monkeypatch.setattr(job, name, cost)

    def count(meeting, group):
        boarded.append(len(group))
        together(meeting, group)

    monkeypatch.setattr(pool.Meeting, "_train", count)
    return boarded


def new(k, width=6):
    model = Sequential([Dense(width, "tanh", l2=0.001 * (k % 2)), Dropout(0.05 * (k % 4)), Dense(2, "softmax")], seed=k)
    rate = ExponentialDecay(0.02, factor=0.9) if k % 5 == 0 else 0.01 + 0.001 * k
    model.compile(Adam(rate, clip_value=0.1 if k % 3 == 0 else None), metrics=["accuracy"] if k % 4 < 3 else [own])
    return model


def own(y_true, y_pred):
    """A metric that the engine does not know."""
    return float(np.abs(y_pred).max())


def check_same(history, other):
    for name, column in other.history.items():
        if name != "seconds":
            assert np.array_equal(column, history.history[name], equal_nan=True), name
    assert np.array_equal(history.epochs, other.epochs) and history.layers.keys() == other.layers.keys()


@pytest.mark.parametrize("validates", [False, True])
def test_each_is_as_after_its_own_fit(validates, threads, always):
    """More networks than lanes, of two shapes, each with rows, rate, penalty, dropout, length of its own."""
    n = 41
    rows = [rng.choice(90, 50 if k % 7 else 40) for k in range(n)]
    weight, epochs = rng.random(90), [1 + k * 5 % 8 for k in range(n)]
    options, made = {}, [None] * n
    if validates:
        made = [EarlyStopping("val_loss", patience=1, restore_best_weights=True) if k % 3 else None for k in range(n)]
        options = {"validation_data": (X[:30], Y[:30])}
    models = [new(k, 6 + k % 2) for k in range(n)]
    each = {"rows": rows, "epochs": epochs, "batch_size": 16, "sample_weight": weight, "callbacks": made}
    histories = fit_many(models, X, Y, **each, **options, verbose=0)
    assert max(always) > 1
    for k, model in enumerate(models):
        other = new(k, 6 + k % 2)
        again = None if made[k] is None else EarlyStopping("val_loss", patience=1, restore_best_weights=True)
        told = other.fit(X[rows[k]], Y[rows[k]], sample_weight=weight[rows[k]], epochs=epochs[k], batch_size=16,
                         callbacks=again, verbose=0, **options)  # fmt: skip
        equal(model, other)
        check_same(histories[k], told)
    assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit() == threads


def test_one_diverges_one_fails_and_the_others_go_on(always):
    def fail(model, epoch, logs):
        if model.seed == 3 and epoch == 2:
            raise LookupError("enough")

    def models():
        made = [Sequential([Dense(5, "relu"), Dense(1)], seed=k) for k in range(8)]
        for k, model in enumerate(made):
            model.compile(SGD(1e20 if k == 2 else 0.01), loss="mse")
        return made

    together, target = models(), X[:, :1] ** 2
    histories = fit_many(together, X, target, epochs=5, callbacks=fail, on_error="keep", verbose=0)
    kinds = [type(history.error).__name__ for history in histories]
    assert kinds == ["NoneType"] * 2 + ["TrainingDiverged", "LookupError"] + ["NoneType"] * 4
    assert max(always) == 8
    for k, (model, other) in enumerate(zip(together, models(), strict=True)):
        if k == 2:
            with pytest.raises(nncore.TrainingDiverged) as error:
                other.fit(X, target, epochs=5)
            assert str(error.value) == str(histories[2].error)
        else:
            other.fit(X, target, epochs=3 if k == 3 else 5)
        equal(model, other)


def test_callbacks_see_their_model_and_may_end_it(always):
    seen = {}

    def look(model, epoch, logs):
        seen.setdefault(model.seed, []).append(model.predict(X[:1]).tobytes())
        model.stop_training = model.seed == 2 and epoch == 3

    models = [new(k) for k in range(5)]
    fit_many(models, X, Y, epochs=6, callbacks=look, verbose=0)
    assert {k: len(of) for k, of in seen.items()} == {0: 6, 1: 6, 2: 4, 3: 6, 4: 6}
    for k, model in enumerate(models):
        other, alone = new(k), []
        other.fit(
            X, Y, epochs=len(seen[k]), callbacks=lambda one, *_, to=alone: to.append(one.predict(X[:1]).tobytes())
        )
        equal(model, other)
        assert seen[k] == alone


def check(models):
    """Whether each is as after its last finished epoch."""
    assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit()
    assert not [thread for thread in threading.enumerate() if thread.name == "nncore.many"]
    for model in models:
        assert model.epoch == len(model.history) < FOREVER and model._state.turn.trainer is None
        if model.epoch:
            other = new(model.seed)
            other.fit(X, Y, epochs=model.epoch, verbose=0)
            equal(model, other)


@pytest.mark.parametrize("n", [10, 41])
@pytest.mark.parametrize("verbose", [0, 1])
def test_ctrl_c(n, verbose, threads, always, capsys):
    models = [new(4 * k) for k in range(n)]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit_many(models, X, Y, epochs=FOREVER, verbose=verbose)
    timer.join()
    assert sum(model.epoch > 0 for model in models) > 1
    check(models)


def test_ctrl_c_at_any_line(threads, always):
    """In the thread that calls, of what is around the trainings."""
    folder = os.path.dirname(sys.modules["nncore.many.pool"].__file__)
    for number in range(1 + threads, 690, 23):
        seen = 0

        def trace(frame, event, argument, number=number):
            nonlocal seen
            if not frame.f_code.co_filename.startswith(folder):
                return None
            if event == "line" and threading.current_thread() is threading.main_thread():
                seen += 1
                if seen == number:
                    raise KeyboardInterrupt
            return trace

        models = [new(k) for k in range(5)]
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            fit_many(models, X, Y, epochs=2, verbose=0)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        check(models)


def test_whoever_exits_ends_all(threads, always):
    def leave(model, epoch, logs):
        if model.seed == 3:
            raise SystemExit(7)

    models = [new(k) for k in range(6)]
    with pytest.raises(SystemExit, match="7"):
        fit_many(models, X, Y, epochs=FOREVER, callbacks=leave, verbose=0)
    assert models[3].epoch == 1
    check(models)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_a_system_without_threads_trains_all(most, always, monkeypatch):
    started, start = [], threading.Thread.start

    def refuse(thread):
        if len(started) >= most:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    models = [new(k) for k in range(20)]
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        fit_many(models, X, Y, epochs=3, verbose=0)
    assert all(model.epoch == 3 for model in models)
    check(models)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("by", ["a callback", "the thread that calls"])
def test_a_child_forked_amid_it_comes_to_an_end(by, always, monkeypatch):
    """It has no other thread: what these have begun, it cannot finish, and does not wait for.

    A fork from outside waits for all to come to the end of an epoch, and they come: who lets it pass is not met then.
    """
    children, models = [], [new(4 * k) for k in range(8)]

    def fork(model, epoch, logs):
        if epoch == 2 and not children:
            children.append(os.fork())
            if not children[0]:
                threading.Timer(20, os._exit, (9,)).start()
        if children and not children[0] and epoch == 4:
            os._exit(0)

    if by == "a callback":
        fit_many(models, X, Y, epochs=6, callbacks=fork, on_error="keep", verbose=0)
    else:
        with ThreadPoolExecutor(1) as helper:
            training = helper.submit(fit_many, models, X, Y, epochs=30_000, verbose=0)
            monkeypatch.setattr(turn, "FORK_WAITS", 30)
            due = time.monotonic() + 15
            for _ in range(20):
                time.sleep(0.02)
                children.append(os.fork())
                if not children[-1]:
                    os._exit(0 if all(model.epoch == len(model.history) for model in models) else 1)
            for model in models:
                model.stop_training = True
            training.result()
        assert time.monotonic() < due
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)
    check(models)


GIVEN = ("rows", "validation_data", "validation_rows", "sample_weight", "callbacks", "solver", "shuffle")


def jobs_for(models, **options):
    return checked_jobs(
        models, X, Y, **{**dict.fromkeys((*GIVEN, "class_weight", "batch_size")), "epochs": 1000, **options}
    )


def units_of(models, n_threads=1, **options):
    return [len(unit) for unit in pool.units(jobs_for(models, **options), n_threads)]


def plain(n):
    return [Sequential([Dense(6, "tanh"), Dense(2, "softmax")], seed=k) for k in range(n)]


def test_lanes_are_for_what_they_make_faster():
    small = plain(64)
    n = jobs_for(small)[0].module.N_LANES
    assert sum(units_of(small)) == 64 and max(units_of(small)) == min(64, 4 * n)
    assert units_of(small, 2) == [32, 32]
    assert units_of(small, epochs=2) == [1] * 64  # what a fit costs beside its steps is no less there
    assert units_of(small[: n // 2]) == [1] * (n // 2)  # too many lanes would be empty
    assert units_of(small, solver="lbfgs") == [1] * 64
    assert units_of(small, callbacks=lambda model, epoch, logs: None) == [1] * 64  # of which each epoch waits for all
    assert units_of(small, validation_rows=[0, 1]) == [1] * 64  # which each network's own engine predicts
    wide = [Sequential([Dense(100, "relu"), Dense(100, "relu"), Dense(2, "softmax")], seed=k) for k in range(64)]
    assert units_of(wide) == [1] * 64
    mixed = [Sequential(small[0].layers, seed=k, dtype="mixed_bfloat16") for k in range(64)]
    assert units_of(mixed) == [1] * 64
    assert sorted(units_of([*small[:32], *wide[:3]])) == [1, 1, 1, 32]


def test_whom_lanes_do_not_tell_how_far_an_epoch_is(monkeypatch):
    monkeypatch.setattr(job, "PER_HEARD", 0.0)
    for hook, n_units in {"on_epoch_end": 1, "on_progress": 20}.items():
        listeners = [LambdaCallback(**{hook: lambda *_: None}) for _ in range(20)]
        assert len(units_of(plain(20), callbacks=listeners)) == n_units


def test_in_other_processes_too():
    models, others = plain(20), plain(20)
    assert units_of(models) == [20]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as workers:
        fit_many(models, X, Y, epochs=1000, executor=workers, verbose=0)
    for one, other in zip(models, others, strict=True):
        other.fit(X, Y, epochs=1000, verbose=0)
        equal(one, other)
