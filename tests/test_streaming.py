"""Data that do not fit: streamed training equals training in memory, bit for bit; and what may go wrong on the way."""

import gzip
import itertools
import os
import signal
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

from nncore import Adam, BatchNorm, Dense, Dropout, EarlyStopping, Sequential, TrainingDiverged, fit_many
from nncore.base.random import block_permutation
from nncore.data import Batches, Blocks, Rows, files
from nncore.datasets import Standardizer

N, F = 1003, 5
RNG = np.random.default_rng(5)
X = RNG.normal(size=(N, F)).astype("f4")
Y = (X[:, 0] - X[:, 1] > 0).astype(int) + (X[:, 2] > 1)
WEIGHT = RNG.random(N).astype("f4")
BLOCKS = Blocks(buffer_rows=200, block_rows=30)  # of batches of 16 that is windows of 192: six, the last one short


def error_rate(y_true, y_pred):
    """A metric that the engine does not know."""
    return float(np.mean(y_pred.argmax(axis=1) != y_true))


def new_model(seed=3, **options):
    model = Sequential([Dense(12, "tanh"), Dropout(0.2), BatchNorm(), Dense(3, "softmax")], seed=seed, **options)
    model.compile(Adam(0.02), metrics=["accuracy", error_rate])
    return model


def fit(*data, epochs=3, batch_size=16, shuffle=BLOCKS, **options):
    model = new_model()
    history = model.fit(*data, epochs=epochs, batch_size=batch_size, shuffle=shuffle, **options)
    weights = [weight.tobytes() for weight in model.get_weights()]
    columns = {name: np.asarray(history[name]).tolist() for name in history if name != "seconds"}
    return weights, columns, history.inputs, history.targets


def cut(*edges):
    """Return the rows in parts, as a generator gives them."""
    edges = [0, *edges, N]
    return [(X[a:b], Y[a:b], WEIGHT[a:b]) for a, b in itertools.pairwise(edges)]


def saved(folder, edges, write):
    """Write the rows into files and return a pattern for them."""
    for number, (rows, labels, _) in enumerate(cut(*edges)):
        write(folder / f"part-{number}", rows, labels)
    return str(folder / "part-*")


def test_block_shuffle_is_the_documented_order():
    """Epoch by epoch in the order of the oracle, which is a permutation that mixes within windows only."""
    model = new_model()
    for epoch in range(3):
        order = block_permutation(3, epoch, N, 30, 192)
        assert sorted(order.tolist()) == list(range(N))
        model.fit(X[order], Y[order], batch_size=16, shuffle=False)
    assert [weight.tobytes() for weight in model.get_weights()] == fit(X, Y)[0]
    assert fit(X, Y, shuffle="block") == fit(X, Y, shuffle=Blocks(2**16, 1024))
    assert fit(X, Y, shuffle="block")[0] != fit(X, Y, shuffle=True)[0]


def test_every_kind_of_source_gives_the_bits_of_memory(tmp_path):
    expected = fit(X, Y)
    path = tmp_path / "X.npy"
    np.save(path, X)
    for edges in ((), (1,), (400, 401, 997)):
        folder = tmp_path / str(len(edges))
        folder.mkdir()
        rows = np.column_stack([X, Y]).astype("f4")
        pattern = saved(folder, edges, lambda name, X, y: np.save(name, np.column_stack([y, X]).astype("f4")))
        assert fit(files(pattern, target=0)) == expected
        assert fit(Rows([X[:1], X[1:]] if edges else X, Y)) == expected
        assert fit(Batches(lambda edges=edges: ((X, y) for X, y, _ in cut(*edges)), n_rows=N)) == expected
    for mode in ("r", "c", "r+"):
        assert fit(Rows(np.load(path, mmap_mode=mode), Y)) == expected
    mapped = np.memmap(path, "f4", "r", offset=128, shape=(N, F))
    parts = Rows([mapped[:3], mapped[3:500], mapped[500:]], Y)
    assert [type(part).__name__ for part in parts.parts] == ["Stored"] * 3
    assert fit(parts) == expected
    assert fit(Rows([X[:0], X[:9], X[9:9], X[9:]], Y)) == expected  # parts without rows
    for kind, write in {
        "npz": lambda name, X, y: np.savez_compressed(f"{name}.npz", X=X, y=y),
        "csv": lambda name, X, y: np.savetxt(
            f"{name}.csv", np.column_stack([X, y]), "%.9g", ",", header="a,b,c,d,e,k", comments=""
        ),
        "gz": lambda name, X, y: np.savetxt(f"{name}.csv.gz", np.column_stack([X, y]), "%.9g", ","),
    }.items():
        folder = tmp_path / kind
        folder.mkdir()
        pattern = saved(folder, (500,), write)
        assert fit(files(pattern, target={"npz": None, "csv": "k", "gz": -1}[kind])) == expected
    assert rows.shape == (N, F + 1)


def test_all_that_fit_takes_goes_with_a_source():
    data = {"validation_data": (X[:100], Y[:100]), "class_weight": "balanced", "callbacks": EarlyStopping("loss")}
    weighted = Rows(X, Y, WEIGHT)
    assert fit(weighted, **data) == fit(X, Y, sample_weight=WEIGHT, **data)
    split = {"validation_split": 0.3}
    assert fit(Rows(X, Y), **split) == fit(X, Y, **split)
    validated = {"validation_data": Rows([X[:40], X[40:100]], Y[:100])}
    assert fit(Rows(X, Y), **validated) == fit(X, Y, validation_data=(X[:100], Y[:100]))
    assert fit(Rows(X, Y), shuffle=False) == fit(X, Y, shuffle=False)
    assert fit(Rows(X, Y), shuffle=Blocks(8, 3)) == fit(X, Y, shuffle=Blocks(8, 3))  # a window is a batch at least
    assert fit(Rows(X, Y), batch_size=5000) == fit(X, Y, batch_size=5000)


@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "f2", "f8", ">f4", "?"])
def test_narrow_rows_give_the_bits_of_wide_ones(dtype):
    values = (np.abs(X) * 20).astype(dtype)
    model = new_model()
    expected = fit(values.astype("f4"), Y)
    assert fit(Rows(values, Y)) == expected
    assert fit(Rows(values, Y, transform=lambda X: X * np.float32(0.5))) == fit(values.astype("f4") * 0.5, Y)
    model.build(F)
    assert (model.predict(Rows(values)) == model.predict(values)).all()


def test_narrow_files_reach_the_engine_as_they_are(tmp_path):
    from nncore.data.feeder import Feeder
    from nncore.data.streamed import opened

    values = (np.abs(X) * 20).astype("u1")
    for number, part in enumerate((values[:300], values[300:])):
        np.save(tmp_path / f"{number}.npy", part)
    np.save(tmp_path / "other.npy", values.astype("i2"))
    stored, other = [np.load(tmp_path / f"{k}.npy", mmap_mode="r") for k in (0, 1)], tmp_path / "other.npy"
    assert fit(Rows(stored, Y)) == fit(values.astype("f4"), Y)
    for parts, transform, kept in (
        (stored, None, "u1"),
        ([values], None, "u1"),
        ([values.astype(">i2")], None, "i2"),
        ([stored[0], np.load(other, mmap_mode="r")], None, "f4"),  # of both kinds
        (stored, np.negative, "f4"),
        ([Broken(9**9)], None, "f4"),  # which may give anything
    ):
        rows = opened(Rows(parts, transform=transform), np.dtype("f4"), F, None).X
        assert Feeder(rows, (10, 20), False, 0, block_permutation, 1)(0, 1).dtype == kept


@pytest.mark.parametrize("ahead", [True, False])
def test_several_readers_give_the_bits_of_one_and_leave_nothing_running(tmp_path, monkeypatch, ahead):
    """Whether they read ahead or when rows are wanted; a file that is cut short ends them as well."""
    from nncore.data import feeder
    from nncore.training import streaming

    monkeypatch.setattr(feeder, "WORTH_A_READER", 1)
    monkeypatch.setattr(feeder.Pace, "ahead", lambda *_: ahead)
    monkeypatch.setattr(streaming.engine, "get_num_threads", lambda: 6)
    path = tmp_path / "X.npy"
    np.save(path, X)
    mapped = np.load(path, mmap_mode="r")
    assert fit(Rows(mapped, Y)) == fit(X, Y)
    assert fit(Rows(mapped, Y), shuffle=False) == fit(X, Y, shuffle=False)
    model = new_model()

    def shorten(model, epoch, logs):
        if epoch == 1:
            os.truncate(path, 2000)

    with pytest.raises(ValueError, match=r"X.npy (was changed while it was being read|ends before row)"):
        model.fit(Rows(mapped, Y), epochs=9, batch_size=16, shuffle=BLOCKS, callbacks=shorten)
    assert model.epoch == 2
    assert not readers()


def test_windows_are_read_in_the_way_that_is_quicker(monkeypatch):
    from nncore.data import feeder

    def ways(seconds, n=100):
        clock, found = [0.0], []
        monkeypatch.setattr(feeder.time, "perf_counter", lambda: clock[0])
        pace = feeder.Pace()
        for k in range(n):
            found.append(pace.ahead(may_wait=True))
            clock[0] += seconds(k, found[-1])
            pace.note()
        return found

    for quicker in (True, False):
        found = ways(lambda _, way, quicker=quicker: 1.0 if way == quicker else 1.2)
        assert found.count(quicker) >= 92, found
    turned = ways(lambda k, way: 1.0 if way == (k < 50) else 1.2)
    assert turned[30:50].count(True) >= 18
    assert turned[80:].count(False) == 20
    assert all(feeder.Pace().ahead(may_wait=False) for _ in range(3))


def test_scores_and_predictions_part_by_part(monkeypatch):
    from nncore.training import streaming

    monkeypatch.setattr(streaming, "VALUES", 97 * F)
    model = new_model()
    model.build(F)
    assert (model.predict(Rows(X)) == model.predict(X)).all()
    assert (model.predict_classes(Batches(lambda: [X[:7], X[7:]])) == model.predict_classes(X)).all()
    assert model.evaluate(Rows(X, Y, WEIGHT)) == model.evaluate(X, Y, sample_weight=WEIGHT)
    found, expected = Standardizer().fit(Rows([X[:500], X[500:]])), Standardizer().fit(X)
    np.testing.assert_allclose(found.mean_, expected.mean_, rtol=1e-13)
    np.testing.assert_allclose(found.scale_, expected.scale_, rtol=1e-13)
    constant = np.column_stack([X, np.full(N, 0.1 + 0.2)])
    assert Standardizer().fit(Rows(constant)).scale_[-1] == 1


def test_names_of_columns_come_along(tmp_path):
    path = tmp_path / "sales.csv"
    np.savetxt(path, np.column_stack([X, Y]), "%.9g", ",", header="a,b,c,d,e,k", comments="")
    model = new_model()
    model.fit(files(path, "k"), batch_size=16)
    assert model.feature_names == ("a", "b", "c", "d", "e")
    turned = tmp_path / "turned.csv"
    np.savetxt(turned, X[:, ::-1], "%.9g", ",", header="e,d,c,b,a", comments="")
    assert (model.predict(files(turned)) == model.predict(files(path, "k"))).all()


def test_columns_go_by_name_before_they_are_transformed(tmp_path):
    for name, columns in (("0.csv", "abcde"), ("1.csv", "edcba")):
        rows = X if columns == "abcde" else X[:, ::-1]
        np.savetxt(
            tmp_path / name, np.column_stack([rows, Y]), "%.17g", ",", header=",".join(columns + "k"), comments=""
        )
    scaler = Standardizer().fit(files(tmp_path / "*.csv", "k"))
    np.testing.assert_allclose(scaler.mean_, X.mean(axis=0, dtype=float), rtol=1e-6)
    assert scaler.feature_names_ == tuple("abcde")
    model = new_model()
    model.fit(files(tmp_path / "0.csv", "k", transform=scaler.transform))
    assert model.feature_names == tuple("abcde")
    expected = model.predict(scaler.transform(X.astype(float)))
    assert (
        model.predict(files(tmp_path / "*.csv", "k", transform=scaler.transform)) == np.tile(expected, (2, 1))
    ).all()
    fewer = new_model()
    fewer.fit(files(tmp_path / "*.csv", "k", transform=lambda X: X[:, :2]))
    assert fewer.feature_names is None
    with pytest.raises(ValueError, match=r"0\.csv contains NaN at row 0, column 6"):
        new_model().fit(
            files(tmp_path / "0.csv", "k", transform=lambda X: np.column_stack([X, X[:, 0], np.full(len(X), np.nan)]))
        )


def test_sizes_beyond_all_rows_are_all_rows():
    assert fit(Rows(X, Y), shuffle=Blocks(2**40, 2**40)) == fit(X, Y, shuffle=Blocks(2**40, N))


def test_a_file_put_in_the_place_of_a_memory_maps_is_not_read(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    np.save(tmp_path / "other.npy", 3 * X)
    os.replace(tmp_path / "other.npy", tmp_path / "X.npy")
    assert fit(Rows(mapped, Y)) == fit(X, Y)


def test_other_arithmetic_and_many_networks():
    for dtype in ("float64", "mixed_bfloat16"):
        models = [new_model(dtype=dtype) for _ in range(2)]
        models[0].fit(X, Y, shuffle=BLOCKS, batch_size=16)
        models[1].fit(Rows(X, Y), shuffle=BLOCKS, batch_size=16)
        assert models[0].parameters.tobytes() == models[1].parameters.tobytes()
    models, alone = [[Sequential([Dense(4, "tanh"), Dense(3, "softmax")], seed=k) for k in range(20)] for _ in range(2)]
    fit_many(models, X, Y, epochs=2, shuffle=BLOCKS)
    for one, other in zip(models, alone, strict=True):
        other.fit(X, Y, epochs=2, shuffle=BLOCKS)
        assert one.parameters.tobytes() == other.parameters.tobytes()
    with pytest.raises(TypeError, match="Rows is a source"):
        fit_many(models, Rows(X), Y)


def arrow_table(pyarrow):
    return pyarrow.table({**{name: X[:, k] for k, name in enumerate("abcde")}, "k": Y})


def test_parquet_and_streams_of_arrow(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    expected, table = fit(X, Y), arrow_table(pyarrow)
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=300)
    assert fit(files(tmp_path / "*.parquet", "k")) == expected
    assert fit(Batches(table, target="k")) == expected
    assert fit(Batches(lambda: table.to_batches(100), target="k")) == expected
    holes = pyarrow.table({"a": [1.0, None], "k": [0, 1]})
    with pytest.raises(ValueError, match=r"batch 0: column 'a' has 1 missing value\(s\)"):
        fit(Batches(holes, target="k"))


def test_groups_of_parquet_are_let_go(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({str(k): RNG.normal(size=2**18) for k in range(4)})
    parquet.write_table(table, tmp_path / "rows.parquet", row_group_size=2**13)
    size, before = table.nbytes, pyarrow.total_allocated_bytes()
    held = [pyarrow.total_allocated_bytes() - before for _ in files(tmp_path / "rows.parquet").chunks()]
    assert len(held) == 32
    assert max(held) < size / 3


def test_the_index_of_pandas_is_no_feature(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame(X, columns=list("abcde")).assign(k=Y).sample(frac=1, random_state=0)
    frame.to_parquet(tmp_path / "rows.parquet")
    for source in (Batches(frame, target="k"), files(tmp_path / "rows.parquet", "k")):
        model = new_model()
        model.fit(source)
        assert model.feature_names == tuple("abcde")


def test_a_generator_may_use_its_arrays_again():
    def make():
        rows, labels = np.empty((100, F), "f4"), np.empty(100, int)
        for first in range(0, N, 100):
            n = min(100, N - first)
            rows[:n], labels[:n] = X[first : first + n], Y[first : first + n]
            yield rows[:n], labels[:n]

    assert fit(Batches(make)) == fit(X, Y)


def test_targets_do_not_keep_their_tables(tmp_path, monkeypatch):
    """Of 64 columns one is y: at no time is half of the table held."""
    from nncore.data.streamed import opened

    monkeypatch.setattr(sys.modules["nncore.data.of_files"], "ROWS", 2**12)
    monkeypatch.setattr(sys.modules["nncore.data.rows"], "CHUNK_VALUES", 2**18)
    table, path = np.zeros((2**15, 64), "f4"), tmp_path / "table.npy"
    np.save(path, table)
    for make in (
        lambda: Batches(lambda: ((rows[:, 1:], rows[:, 0]) for rows in (table[k::8].copy() for k in range(8)))),
        lambda: files(path, target=0),
    ):
        tracemalloc.start()
        try:
            found = opened(make(), np.dtype("f4"), None, None)
            assert tracemalloc.get_traced_memory()[1] < table.nbytes / 2
        finally:
            tracemalloc.stop()
        assert len(found.y) == len(table)


class Broken:
    """An array whose rows cannot be read once the first look at it is over."""

    shape = (N, F)
    error = OSError("the disk is gone")

    def __init__(self, after):
        self.left = after

    def __getitem__(self, rows):
        self.left -= 1
        if self.left < 0:
            raise self.error
        return X[rows]


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "nncore-reader"]


@pytest.mark.skipif(sys.platform != "linux", reason="bounds how large files may become")
def test_a_disk_that_is_full_is_told():
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, before[1]))
    try:
        with pytest.raises(OSError, match=r"rows of a source go to .*; set TMPDIR to a folder with more room"):
            new_model().fit(Batches(lambda: cut(600)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_program_may_change_its_folder_meanwhile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("X.npy", np.column_stack([Y, X]).astype("f4"))
    assert fit(files("X.npy", target=0), callbacks=lambda *_: os.chdir("/")) == fit(X, Y)


def test_what_ends_reading_leaves_the_last_finished_epoch(tmp_path):
    whole = new_model()
    whole.fit(X, Y, epochs=1, batch_size=16, shuffle=BLOCKS)
    model, broken = new_model(), Broken(60)  # of 1 to look, 3 of facts, then some 39 pieces an epoch
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(Rows(broken, Y), epochs=3, batch_size=16, shuffle=BLOCKS)
    assert model.epoch == len(model.history) == 1
    assert [w.tobytes() for w in model.get_weights()] == [w.tobytes() for w in whole.get_weights()]
    broken.error, broken.left = KeyboardInterrupt(), 60
    with pytest.raises(KeyboardInterrupt):
        model.fit(Rows(broken, Y), epochs=3, batch_size=16, shuffle=BLOCKS)
    assert model.epoch == 2
    path = tmp_path / "X.npy"
    np.save(path, np.column_stack([Y, X]).astype("f4"))

    def shorten(model, epoch, logs):
        if epoch == 2:
            path.write_bytes(path.read_bytes()[:2000])

    with pytest.raises(ValueError, match=r"X.npy (was changed while it was being read: it had|ends before row)"):
        model.fit(files(path, target=0), epochs=9, batch_size=16, shuffle=BLOCKS, callbacks=shorten)
    assert model.epoch == 3
    assert not readers()


def test_the_bar_says_that_training_waits_for_data(capsys, monkeypatch):
    from nncore.data import feeder

    monkeypatch.setattr(feeder, "PATIENCE", 0.005)
    new_model().fit(Rows(Slow(), Y), epochs=1, batch_size=64, shuffle=Blocks(512, 100), verbose=True)
    said = capsys.readouterr().err
    assert "waiting for data" in said
    assert "0.51/1 epochs" in said  # behind the first of two windows
    assert "samples/s" in said.rsplit("epochs", 1)[1]


def test_a_callback_that_stops_and_one_that_interrupts():
    def stop(model, epoch, logs):
        model.stop_training = epoch == 1

    def interrupt(model, epoch, logs):
        if epoch == 2:
            raise KeyboardInterrupt

    model = new_model()
    model.fit(Rows(X, Y), epochs=9, batch_size=16, callbacks=stop)
    assert model.epoch == 2
    with pytest.raises(KeyboardInterrupt):
        model.fit(Rows(X, Y), epochs=9, batch_size=16, callbacks=interrupt)
    assert model.epoch == 3
    assert not readers()


def test_divergence_is_found_in_a_source_as_in_memory():
    errors = []
    for data in ((X, Y), (Rows(X, Y),)):
        model = Sequential([Dense(4), Dense(3)], seed=1)
        model.compile("sgd", loss="mse")
        model.optimizer = "sgd"
        targets = np.eye(3)[Y] * 1e18
        data = (X, targets) if len(data) == 2 else (Rows(X, targets),)
        with pytest.raises(TrainingDiverged) as caught:
            model.fit(*data, epochs=5, batch_size=16, shuffle=BLOCKS)
        errors.append((str(caught.value), caught.value.rows, model.epoch))
    assert errors[0] == errors[1]


HOLE = X.copy()
HOLE[700, 3] = np.nan
WRONG = [
    (lambda: Rows(HOLE, Y), ValueError, "X contains NaN at row 700, column 3"),
    (lambda: Rows([X[:5], HOLE[5:]], Y), ValueError, "X contains NaN at row 695, column 3"),
    (lambda: Rows(X, Y[:-1]), ValueError, "inconsistent numbers of samples: 1003 and 1002"),
    (lambda: Rows(X), TypeError, "this Rows has no y to train on"),
    (lambda: Rows([X, X[:, :2]], Y), ValueError, "X, rows from 0 on: X has 2 features, but the model expects 5"),
    (lambda: Rows(X[:0], Y[:0]), ValueError, "has no row"),
    (lambda: Batches(lambda: iter(())), ValueError, r"make\(\) gave no rows"),
    (lambda: Batches(lambda: iter([(X, Y)]), n_rows=5), ValueError, "gave 1,003 rows, n_rows=5 promised"),
    (lambda: Batches(lambda: [(X, Y), X]), ValueError, "batch 1: either all batches have y, or none"),
    (lambda: Batches(lambda: [(X, Y), (X[:, :3], Y)]), ValueError, "batch 1.*: X has 3 features"),
    (lambda: Batches(lambda: [(X, Y[:3])]), ValueError, "batch 0: 1003 rows of X and 3 of y"),
    (
        lambda: Batches(lambda: [(X, Y), (X, np.eye(3)[Y])]),
        ValueError,
        r"batch 1: y has shape \(1003, 3\), and \(1003,\)",
    ),
    (lambda: Batches(lambda: [(X, Y), (None, None)]), ValueError, "batch 1, rows from 0 on: could not convert X"),
    (lambda: Batches(lambda: [[X, Y]]), ValueError, r"a batch must be X, \(X, y\) or \(X, y, weight\), got a list"),
    (lambda: Batches(lambda: 5), TypeError, r"make\(\) must return an iterator of batches, got 5"),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG, ids=[message for _, _, message in WRONG])
def test_bad_sources_are_named_and_change_nothing(make, kind, message):
    model = new_model()
    with pytest.raises(kind, match=message):
        model.fit(make())
    assert model.network is None if hasattr(model, "network") else model.epoch == 0


def test_rows_that_change_between_two_looks(tmp_path):
    path = tmp_path / "X.npy"
    np.save(path, np.column_stack([np.zeros(N), X]).astype("f4"))
    source = files(path, target=0)
    np.save(path, np.column_stack([Y, X]).astype("f4"))
    assert fit(source) == fit(X, Y)
    looks = itertools.count()
    model = new_model()
    model.build(F)
    with pytest.raises(ValueError, match="rows 0 to 1002 hold NaN or infinity, and held none at first"):
        model.predict(Rows(X, transform=lambda X: X if next(looks) == 0 else X * np.nan))
    huge = Sequential([Dense(1)], seed=0, dtype="mixed_bfloat16")
    huge.compile("sgd", loss="mse")
    huge.build(F)
    assert huge.evaluate(Rows(X, X[:, :1] * 1e38)) == huge.evaluate(X, X[:, :1] * 1e38)


def test_bad_files_are_named_with_their_place(tmp_path):
    def wrong(text, message, target="k", name="rows.csv"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        with pytest.raises(ValueError, match=message):
            new_model().fit(files(path, target))

    wrong("a,k\n1,0\n2,red\n", r"rows.csv, line 3, column 'k': 'red' is no number; only numbers can be streamed")
    wrong("a,k\n1,0\n,1\n", r"line 3, column 'a': there is no value")
    wrong("a,k\n1,0\n1\n", r"line 3: 1 fields, expected 2")
    wrong("a,k\n1,0\nnan,0\n", r"rows.csv contains NaN at row 1, column 'a'")
    wrong("a,k\n1,0\n", r"there is no column 'kk' for a target; did you mean 'k'", "kk")
    wrong("a,k\n1,x\n", r"rows.csv.gz, line 2, column 'k': 'x'", name="rows.csv.gz")
    wrong("a;k\n1,5;0\n", r"rows.csv: there are ';' between the fields of line 1: only commas are read")
    wrong("1,0\n", r"target=2 is no column of 2", 2)
    np.savez(tmp_path / "a.npz", Z=X)
    with pytest.raises(ValueError, match=r"a\.npz: .*there is no array 'X', only Z"):
        new_model().fit(files(tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", X=X, y=Y)
    (tmp_path / "b.npz").rename(tmp_path / "b.npy")
    for name, data in (("l.csv", "\xe4,k\n1,2\n".encode("latin-1")), ("g.csv.gz", b"a,k\n1,2\n"), ("e.npz", b"")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=f"{name}: .*(codec can't decode|[Nn]ot a)"):
            new_model().fit(files(tmp_path / name))
        (tmp_path / name).unlink()
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(b"1,2\n" * 9999)[:-20])
    with pytest.raises(ValueError, match=r"rows\.csv\.gz: Compressed file ended"):
        new_model().fit(files(tmp_path / "rows.csv.gz"))
    (tmp_path / "empty.npy").touch()
    np.save(tmp_path / "cube.npy", np.zeros((2, 2, 2)))
    (tmp_path / "c.npz").write_bytes((tmp_path / "cube.npy").read_bytes())
    with pytest.raises(ValueError, match=r"c\.npz: .*a single array \(\.npy\); name it \.npy"):
        new_model().fit(files(tmp_path / "c.npz"))
    for arguments, kind, message in (
        ((tmp_path / "none-*.csv",), FileNotFoundError, "there is no file .*none-"),
        ((tmp_path / "cube.npy",), ValueError, "expected a table"),
        ((tmp_path / "b.npy",), ValueError, "an archive of arrays; name it .npz"),
        ((tmp_path / "empty.npy",), ValueError, r"empty\.npy: not a readable .npy file"),
        ((tmp_path,), ValueError, r"is a folder: name its files, as in files\('.*\*.csv'\)"),
        ((tmp_path / "*",), ValueError, "files must be of one kind, got .csv, .npy, .npz"),
    ):
        with pytest.raises(kind, match=message):
            files(*arguments)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".csv.gz", ".parquet"])
def test_pipes_are_refused(tmp_path, suffix):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    with pytest.raises(ValueError, match="is not a regular file but a named pipe"):
        files(tmp_path / "pipe*")


def test_wrong_uses_say_what_to_do():
    model, source = new_model(), Rows(X, Y)
    for call, kind, message in (
        (lambda: model.fit(source, Y), TypeError, "a Rows has its own y: give it there, and leave y out"),
        (lambda: model.fit(source, sample_weight=WEIGHT), TypeError, "a Rows has its own weight"),
        (lambda: model.fit(source, shuffle=True), ValueError, 'use shuffle="block"'),
        (lambda: model.fit(source, solver="lbfgs"), ValueError, "solver='lbfgs' needs all rows at once"),
        (lambda: model.fit(X), TypeError, r"fit\(\) missing 1 required positional argument: 'y'"),
        (lambda: model.fit(X, Y, shuffle="blocks"), ValueError, 'shuffle must be True or False, "block" or'),
        (lambda: model.fit(X, Y, shuffle=1), TypeError, 'shuffle must be True or False, "block" or'),
        (lambda: Blocks(0), ValueError, "buffer_rows"),
        (lambda: model.train_on_batch(source, Y), TypeError, "Rows is a source of nncore.data"),
        (lambda: Rows(X[0], Y), ValueError, r"got shape \(5,\)"),
        (lambda: Rows(5), TypeError, "Rows takes arrays"),
        (lambda: Batches(5), TypeError, "Batches takes a function"),
    ):
        with pytest.raises(kind, match=message):
            call()


LIMITED = """
import resource, sys
import numpy as np
from nncore import Dense, Sequential
from nncore.data import Blocks, Rows

X = np.memmap(sys.argv[1], np.uint8, "r", shape=(int(sys.argv[2]), 512))
y = (np.arange(len(X)) % 7).astype("i4")
model = Sequential([Dense(8, "relu"), Dense(7, "softmax")], seed=0)
model.build(512)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
history = model.fit(Rows(X, y), batch_size=256, shuffle=Blocks(2048, 128), epochs=1)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(after - before, history["loss"][0], float(np.abs(model.get_weights()[0]).sum()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory used, and for sparse files")
def test_a_file_is_not_held_in_memory(tmp_path):
    """Of a file of 64 MB, which is 256 MB as float32, some 20 are ever in memory."""
    path, n = tmp_path / "sparse", 2**17
    with open(path, "wb") as file:
        file.truncate(n * 512)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(n)], capture_output=True, text=True, check=True, timeout=100
    )
    kilobytes = int(done.stdout.split()[0])
    assert kilobytes < 48 * 1024, done.stdout


class Slow:
    """An array that a thread reads with a pause before each block; `reading` holds what it is at."""

    shape = (N, F)

    def __init__(self):
        self.reading, self.never = [], threading.Event()

    def __getitem__(self, rows):
        if threading.current_thread() is not threading.main_thread():
            self.reading.append(rows)
            self.never.wait(0.02)
            self.reading.pop()
        return X[rows]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="interrupts after a time")
def test_ctrl_c_waits_for_the_reader_whenever_it_comes():
    slow, before = Slow(), signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(10):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(KeyboardInterrupt):
                new_model().fit(Rows(slow, Y), epochs=99, batch_size=16, shuffle=BLOCKS)
            assert not slow.reading
            assert not readers()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_child_process_reads_what_its_parents_thread_was_at():
    children = []

    def fork(model, epoch, logs):
        if epoch == 0:
            children.append(os.fork())

    expected = new_model()
    expected.fit(X, Y, epochs=2, batch_size=64, shuffle=Blocks(512, 100))
    model = new_model()
    try:
        model.fit(Rows(Slow(), Y), epochs=2, batch_size=64, shuffle=Blocks(512, 100), callbacks=fork)
    finally:
        if children == [0]:
            os._exit(model.parameters.tobytes() != expected.parameters.tobytes())
    assert os.waitpid(children[0], 0)[1] == 0
    assert model.parameters.tobytes() == expected.parameters.tobytes()


def test_texts_as_targets_are_to_be_numbered_where_they_are_read():
    names = np.where(np.arange(40) % 3 == 0, "yes", "no")
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = Sequential([Dense(2, "softmax")])
    with pytest.raises(ValueError, match="y of this Batches holds text, 'yes' to begin with: number the classes where"):
        model.fit(Batches(lambda: [(X[:20], names[:20]), (X[20:], names[20:])]))
    with pytest.raises(ValueError, match=r"encode class names as 0..k-1, for example: names, y = numpy.unique"):
        model.fit(Rows(X, names))
    assert not model.built
