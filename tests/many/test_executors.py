"""Networks that are trained in other processes end in the bits of their own fit, whatever becomes of the workers."""

import tempfile
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from many_networks import KilledOnce, Mix, alone, equal

import nncore
from nncore import Dense, EarlyStopping, Sequential, fit_many
from nncore.many import parcels, remote
from nncore.many.arguments import checked_jobs
from nncore.many.travelling import Chunk

X = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
Y = X[:, :1] ** 2


def new(seed):
    return Sequential([Dense(6, "tanh"), Dense(1)], seed=seed)


def spawned(n=2):
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"))


@pytest.fixture(scope="module")
def processes():
    with spawned() as executor:
        yield executor


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(remote, "SECONDS", 1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_a_mix_in_processes(seed, processes, small_chunks):
    mix = Mix(seed, 4)
    models, options = mix.models(), mix.options()
    for model in models:
        model.compile(model.optimizer, metrics=[name for name in model.metrics if isinstance(name, str)])
    histories = fit_many(models, mix.X, mix.y, executor=processes, **options)
    for k, model in enumerate(models):
        other, history = alone(mix, k)
        equal(model, other)
        assert np.array_equal(model.history.loss, other.history.loss)
        assert np.array_equal(histories[k].loss, history.loss)
        model.fit(mix.X, mix.y, epochs=2)  # it goes on here
        other.fit(mix.X, mix.y, epochs=2)
        equal(model, other)


def test_what_callbacks_have_seen_and_lent_vectors_come_back(processes):
    model, stopping = new(3), EarlyStopping("loss", patience=2)
    model.build(4)
    lent = model.parameters
    fit_many([model], X, Y, epochs=5, callbacks=[stopping], executor=processes)
    assert stopping.best_epoch == 4
    other = new(3)
    other.fit(X, Y, epochs=5)
    assert np.array_equal(lent, other.parameters)


def test_a_model_that_was_new_brings_its_history_once_and_one_that_goes_on_both(processes):
    models = [new(0), new(1)]
    models[1].fit(X, Y, epochs=2)
    histories = fit_many(models, X, Y, epochs=3, executor=processes)
    assert [len(history) for history in histories] == [3, 3]
    assert [len(model.history) for model in models] == [3, 5]
    records = [history.layers["dense_0"] for history in (histories[0], models[0].history)]
    assert np.array_equal(records[0]["weight_std"], records[1]["weight_std"]) and len(records[0])
    assert histories[0].inputs == models[0].history.inputs
    models[0].fit(X, Y, epochs=1)
    assert len(histories[0]) == 3 and len(histories[0].layers["dense_0"]) == len(records[0])


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers(solver, processes):
    models = [new(k) for k in range(2)]
    fit_many(models, X, Y, epochs=5, solver=solver, executor=processes)
    other = new(1)
    other.fit(X, Y, epochs=5, solver=solver)
    equal(models[1], other)


def test_errors_come_back(processes):
    models = [new(0), new(1)]
    models[1].compile(nncore.SGD(1e6))
    histories = fit_many(models, X, Y, epochs=9, executor=processes, on_error="keep")
    assert histories[0].error is None and models[0].epoch == 9
    assert isinstance(histories[1].error, nncore.TrainingDiverged) and histories[1].diverged


def test_large_data_are_written_once(processes, small_chunks, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    large = np.random.default_rng(1).normal(size=(100_000, 4)).astype(np.float32)
    written = []
    packed = parcels.packed
    monkeypatch.setattr(parcels, "packed", lambda data: written.append(packed(data)) or written[-1])
    models = [new(k) for k in range(3)]
    fit_many(models, large, large[:, 0], rows=[np.arange(50) + 100 * k for k in range(3)], executor=processes)
    assert len(written) == 1 and len(written[0].content) < 10_000 and written[0].places[0][1] == large.nbytes
    assert list(tmp_path.iterdir()) == []
    other = new(2)
    other.fit(large[200:250], large[200:250, 0])
    equal(models[2], other)


def test_a_memory_map_travels_as_its_path(processes, tmp_path):
    np.save(tmp_path / "X.npy", np.repeat(X, 500, axis=0))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    parcel = parcels.packed({"X": mapped})
    assert parcel.path == "" and len(parcel.content) < 1000
    found = parcels.opened(parcel)["X"]
    assert isinstance(found, np.memmap) and np.array_equal(found, mapped)
    part = parcels.opened(parcels.packed({"X": mapped[5:9]}))["X"]
    assert np.array_equal(part, mapped[5:9])
    models = [new(0), new(1)]
    fit_many(models, mapped, np.repeat(Y, 500, axis=0), rows=np.arange(300), executor=processes)
    other = new(1)
    other.fit(mapped[:300], np.repeat(Y, 500, axis=0)[:300])
    equal(models[1], other)


def test_a_machine_that_does_not_see_the_file_gets_the_data(processes, monkeypatch, small_chunks):
    large = np.repeat(X, 2000, axis=0)
    monkeypatch.setattr(parcels, "packed", lambda data, packed=parcels.packed: lose(packed(data)))
    models = [new(0), new(1)]
    fit_many(models, large, large[:, 0], rows=np.arange(300), executor=processes)
    other = new(1)
    other.fit(large[:300], large[:300, 0])
    equal(models[1], other)


def lose(parcel):
    assert parcel.path
    parcels.thrown_away(parcel)
    return parcel


def test_tables(processes):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=list("abcd"))
    models = [new(0), new(1)]
    fit_many(models, table, pandas.Series(Y[:, 0]), executor=processes)
    assert models[1].feature_names == tuple("abcd")
    other = new(1)
    other.fit(table, Y[:, 0])
    equal(models[1], other)


def test_threads_as_an_executor():
    with ThreadPoolExecutor(3) as executor:
        models = [new(k) for k in range(5)]
        fit_many(models, X, Y, epochs=3, executor=executor)
    for k, model in enumerate(models):
        other = new(k)
        other.fit(X, Y, epochs=3)
        equal(model, other)
    assert nncore.get_num_threads() == nncore._engine.runtime.get_thread_limit()


def test_a_worker_that_is_killed_takes_its_executor_along(tmp_path, small_chunks):
    models = [new(k) for k in range(4)]
    killed = KilledOnce(tmp_path / "killed")
    with (
        spawned(1) as executor,
        pytest.raises(BrokenExecutor, match=r"came back trained; models\[\d\].* as before") as found,
    ):
        fit_many(models, X, Y, epochs=[4, 5, 6, 50], callbacks=[None, killed, None, None], executor=executor)
    assert "lambda: ProcessPoolExecutor" in str(found.value)
    assert models[3].epoch == 50 and models[1].epoch == 0  # the longest comes first
    for model in models:
        assert model.epoch in (0, 6, 50) and model._state.turn.trainer is None


def test_another_executor_goes_on_in_its_place(tmp_path, small_chunks):
    models = [new(k) for k in range(4)]
    killed = KilledOnce(tmp_path / "killed")
    fit_many(models, X, Y, epochs=5, callbacks=[None, killed, None, None], executor=spawned)
    assert Path(killed.path).exists()
    for k, model in enumerate(models):
        other = new(k)
        other.fit(X, Y, epochs=5)
        equal(model, other)


def test_loky_sends_more_and_is_made_anew(tmp_path, small_chunks):
    loky = pytest.importorskip("joblib.externals.loky")

    def made():
        return loky.get_reusable_executor(1)

    models = [new(k) for k in range(3)]
    for model in models:
        model.compile(metrics=[lambda y_true, y_pred: float(y_pred.max())])
    killed = KilledOnce(tmp_path / "killed")
    fit_many(models, X, Y, epochs=5, callbacks=[None, killed, None], executor=made)
    assert Path(killed.path).exists()
    other = new(1)
    other.fit(X, Y, epochs=5)
    equal(models[1], other)


class Forgetful(Executor):
    """Loses every task the first time, as one does whose worker has gone."""

    def __init__(self):
        self.seen = 0

    def submit(self, function, /, *arguments, **named):
        future, self.seen = Future(), self.seen + 1
        if self.seen % 2:
            future.set_exception(OSError("worker lost"))
        else:
            future.set_result(function(*arguments, **named))
        return future


def test_a_chunk_that_was_lost_is_done_again(small_chunks):
    models = [new(k) for k in range(3)]
    executor = Forgetful()
    fit_many(models, X, Y, epochs=2, executor=executor)
    assert executor.seen == 6
    other = new(2)
    other.fit(X, Y, epochs=2)
    equal(models[2], other)


def test_errands_have_names_of_their_own():
    """By which Dask knows them: it would give back the failure of the first for the second."""
    chunk = Chunk([], {})
    assert chunk.__dask_tokenize__() != chunk.__dask_tokenize__()


def test_what_cannot_be_sent(processes):
    with pytest.raises(TypeError, match=r"models\[0\].*cannot be sent to another process.*a module that workers can"):
        fit_many([new(0)], X, Y, executor=processes, callbacks=[lambda model, epoch, logs: None])


def test_chunks_are_of_a_second_or_more_and_smaller_ones_last():
    def jobs(epochs):
        models = [new(k) for k in range(2000)]
        return checked_jobs(models, np.zeros((2000, 4), np.float32), np.zeros(2000), **dict.fromkeys(
            ["rows", "batch_size", "validation_data", "validation_rows", "sample_weight", "callbacks", "shuffle",
             "class_weight", "solver"]), epochs=[epochs + k % 7 for k in range(2000)])  # fmt: skip

    for epochs in (100, 5):
        found = remote.chunks(jobs(epochs))
        assert sorted(job.index for chunk in found for job in chunk) == list(range(2000))
        seconds = [sum(job.work for job in chunk) / remote.OPERATIONS for chunk in found]
        assert max(seconds) < 1.1 and min(seconds[:-1]) >= remote.LEAST
        left = np.cumsum(seconds[::-1])[::-1]
        assert all(one >= min(1, rest / 8) for one, rest in zip(seconds[:-1], left, strict=False))
        assert len(found) < sum(seconds) + 24
    assert max(seconds) < sum(seconds) / 7  # so that two workers, or four, end at about the same time


class Client:
    """What Dask's client and its executor have, in this process."""

    def __init__(self):
        self.scattered = []

    def get_executor(self):
        executor = Here()
        executor._client = self
        return executor

    def scatter(self, data, broadcast, hash):
        self.scattered.append(data)
        return data


class Here(Executor):
    """Does what it is told, at once."""

    def submit(self, function, /, *arguments, **named):
        future = Future()
        future.set_result(function(*arguments, **named))
        return future


def test_data_that_workers_do_not_see_are_brought_to_each_once(small_chunks, tmp_path, monkeypatch):
    """A memory map of a file that another machine lacks, from which a client of Dask's kind scatters it."""
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    (tmp_path / "X.npy").unlink()
    client, models = Client(), [new(k) for k in range(3)]
    fit_many(models, mapped, Y, epochs=2, executor=client)
    assert len(client.scattered) == 1 and client.scattered[0].path == ""
    fit_many(others := [new(k) for k in range(3)], mapped, Y, epochs=2, executor=Here())
    for k in range(3):
        other = new(k)
        other.fit(X, Y, epochs=2)
        equal(models[k], other)
        equal(others[k], other)


def test_a_class_makes_executors_too():
    fit_many([new(0)], X, Y, executor=Here)
    for wrong, what in ((4, "got 4"), (lambda: None, "the function returned None")):
        with pytest.raises(TypeError, match=f"executor must be an executor such as .*{what}"):
            fit_many([new(0)], X, Y, executor=wrong)


class Dying(Executor):
    """Does one chunk, and breaks."""

    made = 0

    def __init__(self):
        type(self).made += 1
        self.did = 0

    def submit(self, function, /, *arguments, **named):
        future, self.did = Future(), self.did + 1
        if self.did == 1:
            future.set_result(function(*arguments, **named))
        else:
            future.set_exception(BrokenExecutor("died"))
        return future


def test_executors_are_made_as_long_as_each_brings_something_back(small_chunks):
    Dying.made, models = 0, [new(k) for k in range(6)]
    fit_many(models, X, Y, epochs=2, executor=Dying)
    assert Dying.made == 6
    other = new(5)
    other.fit(X, Y, epochs=2)
    equal(models[5], other)


def test_executors_that_bring_nothing_back_are_given_up():
    made = []

    class Dead(Here):
        def submit(self, *arguments, **named):
            future = Future()
            future.set_exception(BrokenExecutor("died"))
            return future

    with pytest.raises(BrokenExecutor, match="0 of 1 networks came back"):
        fit_many([new(0)], X, Y, executor=lambda: made.append(Dead()) or made[-1])
    assert len(made) == 3
