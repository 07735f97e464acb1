"""Ctrl-C amid many trainings: every model is as after its last finished epoch, and goes on from there."""

import os
import signal
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import active_children, get_context

import numpy as np
import pytest
from many_networks import equal

import nncore
from nncore import Dense, EarlyStopping, Sequential, fit_many

X = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
Y = X[:, :1] ** 2
FOREVER = 10**6


def new(seed):
    return Sequential([Dense(32, "tanh"), Dense(32, "tanh"), Dense(1)], seed=seed)


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    nncore.set_num_threads(request.param)
    yield request.param
    nncore.set_num_threads()


def press(seconds):
    """Press Ctrl-C after a while."""
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    return timer


def check(models):
    assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit()
    for model in models:
        assert model.epoch == len(model.history) < FOREVER
        other = new(model.seed)
        if model.epoch:
            other.fit(X, Y, epochs=model.epoch)
            equal(model, other)
            assert np.array_equal(model.history.loss, other.history.loss)


@pytest.mark.parametrize("verbose", [False, True])
def test_ctrl_c(threads, verbose, capsys):
    models = [new(k) for k in range(4)]
    timer = press(0.2)
    with pytest.raises(KeyboardInterrupt):
        fit_many(models, X, Y, epochs=FOREVER, verbose=verbose)
    timer.join()
    assert sum(model.epoch > 0 for model in models) == min(threads, 4)
    check(models)


def test_workers_that_nncore_made_are_not_waited_for():
    made = []

    def make():
        made.append(ProcessPoolExecutor(2, mp_context=get_context("spawn")))
        return made[-1]

    models, timer = [new(k) for k in range(3)], press(3.0)
    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        fit_many(models, X, Y, epochs=FOREVER, executor=make)
    assert time.perf_counter() - started < 30  # their trainings take hours
    timer.join()
    assert [model.epoch for model in models] == [0, 0, 0]
    deadline = time.monotonic() + 30
    while active_children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not active_children() and len(made) == 1


def test_threads_of_an_executor_that_nncore_made_are_not_waited_for():
    over, begun = threading.Event(), threading.Event()

    def hold(model, epoch, logs):
        begun.set()
        over.wait(60)

    timer = threading.Thread(target=lambda: begun.wait() and press(0.0).join())
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            fit_many([new(0)], X[:64], Y[:64], epochs=2, callbacks=hold, executor=lambda: ThreadPoolExecutor(1))
        assert not over.is_set()
    finally:
        over.set()
        timer.join()


@pytest.mark.parametrize("executor", [None, lambda: ThreadPoolExecutor(1)])
def test_all_go_on_to_the_same_total(executor):
    models, total = [new(k) for k in range(3)], 3
    fit_many(models[:2], X[:64], Y[:64], epochs=[1, total])
    histories = fit_many(
        models, X[:64], Y[:64], epochs=[total - model.epoch for model in models], executor=executor, verbose=2
    )
    assert [len(history) for history in histories] == [2, 0, 3]
    for model in models:
        other = new(model.seed)
        other.fit(X[:64], Y[:64], epochs=total)
        equal(model, other)
    untrained = new(3)
    assert [len(history) for history in fit_many([untrained], X, Y, epochs=[0], executor=executor)] == [0]
    assert not untrained.built
    with pytest.raises(ValueError, match="epochs must be an integer >= 1"):
        fit_many(models, X, Y, epochs=0)


def test_ctrl_c_between_two_networks(threads):
    """In the thread that calls, at any line of what is around the trainings."""
    folder = os.path.dirname(sys.modules["nncore.many.pool"].__file__)
    for number in range(1, 220, 2 + threads % 2):
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

        models = [new(k) for k in range(3)]
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            fit_many(models, X[:64], Y[:64], epochs=2)
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit() == threads, number
        assert not [thread for thread in threading.enumerate() if thread.name == "nncore.many"], number
        for model in models:
            assert model.epoch == len(model.history), number
            assert model._state.turn.trainer is None, number


def test_whoever_exits_ends_all(threads):
    def leave(model, epoch, logs):
        if model.seed == 3:
            raise SystemExit(7)

    models = [new(k) for k in range(4)]
    with pytest.raises(SystemExit, match="7"):
        fit_many(models, X, Y, epochs=[FOREVER, FOREVER, FOREVER, FOREVER + 1][::1], callbacks=leave)
    assert models[3].epoch == 1
    check(models)


def test_best_weights_come_back(threads):
    models = [new(k) for k in range(2)]
    stopping = [EarlyStopping("loss", patience=FOREVER) for _ in models]
    timer = press(0.3)
    with pytest.raises(KeyboardInterrupt):
        fit_many(models, X, Y, epochs=FOREVER, callbacks=stopping)
    timer.join()
    assert any(model.epoch > 2 for model in models)
    for model, callback in zip(models, stopping, strict=True):
        if model.epoch > 2:
            heard = callback.best_epoch + 1  # as alone: the signal may have come before it heard of the last epoch
            assert model.history.loss[:heard].argmin() == callback.best_epoch
            best = new(model.seed)
            best.fit(X, Y, epochs=heard)
            assert np.array_equal(best.parameters, model.parameters)


def test_from_another_thread_signals_go_to_the_main_thread(threads):
    models = [new(k) for k in range(3)]
    found = []
    thread = threading.Thread(target=lambda: found.append(fit_many(models, X, Y, epochs=60)))
    thread.start()
    timer = press(0.02)
    with pytest.raises(KeyboardInterrupt):
        while thread.is_alive():
            time.sleep(0.01)
        pytest.fail("it was quicker than the signal")
    timer.join()
    thread.join()
    assert len(found[0]) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork.*:DeprecationWarning")
def test_a_child_forked_amid_it_knows_which_are_not_its_own():
    nncore.set_num_threads(2)
    read, write = os.pipe()
    child = []

    def fork(model, epoch, logs):
        if threading.current_thread() is threading.main_thread() and epoch == 2 and not child:
            child.append(os.fork())

    models = [new(k) for k in range(3)]
    try:
        histories = fit_many(models, X, Y, epochs=[60, 50, 5], callbacks=fork, on_error="keep")
        if child and child[0] == 0:
            told = [str(history.error) for history in histories]
            os.write(write, repr(told).encode())
    finally:
        if child and child[0] == 0:
            os._exit(0)
        nncore.set_num_threads()
    os.close(write)
    os.waitpid(child[0], 0)
    told = eval(os.read(read, 10_000))
    assert [history.error for history in histories] == [None, None, None]
    assert told.count("None") >= 1 and any("was forked" in text for text in told)
    check(models)
