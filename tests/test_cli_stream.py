"""The command line on data that are read while the network trains: folders, patterns, large files."""

import csv
import io
import json

import numpy as np
import pytest

import nncore
from nncore.cli import main
from nncore.datasets import Preparation

RNG = np.random.default_rng(0)
X = RNG.normal(3, 2, size=(300, 4))
CLASS = (X[:, 0] + X[:, 1] > 6).astype(int) + (X[:, 2] > 4)
PRICE = 100 * X[:, 0] - 20 * X[:, 3] + RNG.normal(size=300)
QUICK = ["--epochs", "3", "--layers", "8", "--quiet"]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def write(folder, y, kind, parts=3, texts=None):
    """Write rows and targets as files; return the names of the columns."""
    folder.mkdir(exist_ok=True)
    names = ["a", "b", "c", "d", "y"]
    for k, rows in enumerate(np.array_split(np.arange(len(y)), parts)):
        values = np.column_stack([X[rows], y[rows]])
        path = folder / f"part-{k}.{kind}"
        if kind == "npy":
            np.save(path, values)
        elif kind == "npz":
            np.savez(path, X=X[rows], y=y[rows] if texts is None else texts[rows])
        elif kind == "csv":
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([names, *values.tolist()])
        else:
            pa = pytest.importorskip("pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            columns = dict(zip(names, values.T, strict=True))
            if texts is not None:
                columns["y"] = pa.array(texts[rows].tolist()).dictionary_encode()
            parquet.write_table(pa.table(columns), path)


def by_hand(path, y, seed=0):
    """Return the model that the file's is to be, trained on arrays in memory, and what the file prepares them by."""
    saved = nncore.load(path)
    preparation = Preparation.from_json(saved.metadata["preparation"])
    model = nncore.Sequential(saved.layers, seed=seed)
    model.compile("adam", metrics=[] if preparation.schema.classes is None else ["accuracy"])
    inputs, target = preparation.prepare_inputs(X[:240]), preparation.prepare_target(y[:240])
    model.fit(inputs, target, epochs=3, shuffle="block")
    return saved, model, preparation


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
@pytest.mark.parametrize("y", [CLASS, PRICE], ids=["classes", "number"])
def test_the_model_is_the_one_of_arrays_in_memory(run, tmp_path, kind, y):
    write(tmp_path / "shards", y, kind)
    code, out, err = run("train", "shards", *QUICK, "-o", "m.safetensors")
    assert (code, out, err) == (0, "", "")
    saved, model, preparation = by_hand("m.safetensors", y)
    assert np.array_equal(saved.parameters, model.parameters)
    np.testing.assert_allclose(preparation.inputs.mean_, X[:240].mean(axis=0), rtol=1e-12)
    assert preparation.schema.classes == (("0", "1", "2") if y is CLASS else None)

    code, out, err = run("evaluate", "m.safetensors", "shards", "--held-out", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    predicted = model.predict(preparation.prepare_inputs(X[240:]))
    assert found["rows"] == 60
    if y is CLASS:
        assert found["accuracy"] == (predicted.argmax(axis=1) == y[240:]).mean()
        assert np.sum(found["confusion_matrix"]) == 60
    else:
        error = preparation.restore_target(predicted[:, 0]) - y[240:]
        np.testing.assert_allclose(found["rmse"], np.sqrt((error**2).mean()), rtol=1e-5)

    code, out, err = run("predict", "m.safetensors", f"shards/*.{kind}")
    assert (code, err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 300
    everything = model.predict(preparation.prepare_inputs(X))
    if y is CLASS:
        assert [int(row["prediction"]) for row in rows] == everything.argmax(axis=1).tolist()
    else:
        np.testing.assert_allclose(
            [float(row["prediction"]) for row in rows], preparation.restore_target(everything[:, 0]), rtol=1e-6
        )


def test_a_single_text_file_is_streamed_where_it_is_asked_for(run, tmp_path):
    write(tmp_path / "one", PRICE, "csv", parts=1)
    path = "one/part-0.csv"
    assert run("train", path, "--stream", *QUICK, "-o", "m.safetensors")[0] == 0
    saved, model, _ = by_hand("m.safetensors", PRICE)
    assert np.array_equal(saved.parameters, model.parameters)
    streamed = run("evaluate", "m.safetensors", path, "--stream", "--held-out")
    assert streamed[0] == 0 and streamed[1] == run("evaluate", "m.safetensors", path, "--held-out")[1]
    assert run("predict", "m.safetensors", path, "--stream") == run("predict", "m.safetensors", path)
    run("train", path, *QUICK, "--val", "0", "-o", "memory.safetensors")
    code, _, err = run("evaluate", "memory.safetensors", path, "--stream", "--held-out")
    assert code == 2 and "leave out --stream, or --held-out" in err


def test_what_it_says_and_what_it_writes(run, tmp_path):
    write(tmp_path / "shards", CLASS, "npy")
    code, out, _ = run("train", "shards", "--epochs", "2", "--layers", "8", "--history", "run.json")
    assert code == 0
    assert "shards: 240 rows to train on, 60 to test; 4 features, 3 classes, target '4'" in out
    assert "rows are read while it trains" in out
    assert "(60 rows held out)" in out
    assert len(nncore.History.load("run.json")) == 2
    code, out, _ = run("train", "shards/part-*.npy", "--target", "0", "--epochs", "2", "--test", "0", "--json")
    found = json.loads(out)
    assert (found["target"], found["task"], found["rows"]) == (
        "0", "regression", {"train": 300, "validation": 0, "test": 0},
    )  # fmt: skip
    order = np.argsort(CLASS, kind="stable")
    np.save("sorted.npy", np.column_stack([X, CLASS])[order])
    share = (CLASS == 2).sum() / 300
    _, out, _ = run("train", "sorted.npy", "--epochs", "1", "--test", share)
    assert "class 2 is in no other: shuffle the rows" in out


@pytest.mark.parametrize("kind", ["npz", "parquet"])
def test_names_of_classes_are_targets(run, tmp_path, kind):
    names = np.array(["red", "green", "blue"])[CLASS]
    write(tmp_path / "shards", CLASS, kind, texts=names)
    assert run("train", "shards", *QUICK, "-o", "m.safetensors")[::2] == (0, "")
    code, out, err = run("predict", "m.safetensors", "shards", "--proba")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "prediction,blue,green,red"
    assert json.loads(run("evaluate", "m.safetensors", "shards", "--json")[1])["classes"] == ["blue", "green", "red"]


def test_a_file_without_its_target_is_predicted_and_not_evaluated(run, tmp_path):
    write(tmp_path / "shards", PRICE, "csv")
    run("train", "shards", *QUICK, "-o", "m.safetensors")
    with open("new.csv", "w", newline="") as file:
        csv.writer(file).writerows([["d", "c", "b", "a"], *X[:50, ::-1].tolist()])
    np.save("new.npy", X[:50])
    whole = run("predict", "m.safetensors", "shards")[1].splitlines()
    for data in (["new.csv", "--stream"], ["new.npy"]):
        assert run("predict", "m.safetensors", *data)[1].splitlines() == whole[:51]
        code, _, err = run("evaluate", "m.safetensors", *data)
        assert code == 2 and "has no target 'y' to compare with; try nncore predict" in err


def mistakes(folder):
    yield ["train", "nowhere", "--stream"], "no such file to stream: nowhere"
    yield ["train", "empty"], "empty has no file that can be streamed: .npy, .npz, .csv, .parquet"
    yield ["train", "several"], "several has files of several kinds, .csv, .npy: choose one, as in 'several/*.csv'"
    yield ["train", "csv", "--target", "z"], "csv has no column 'z' for --target"
    yield ["train", "npy", "--target", "y"], "npy has no names of columns: give --target the number of one, from 0 on"
    yield ["train", "npy", "--target", "9"], "target=9 is no column of 5"
    yield ["train", "widths"], "part-1.npy"
    yield ["train", "names"], "part-1.csv"
    yield ["train", "text", "--stream"], "line 3, column 'b': 'much' is no number; only numbers can be streamed"
    yield ["train", "none.npy"], "none.npy"
    yield ["train", "npy", "--val", "0.2"], "--val needs all rows in memory, and npy is streamed; leave it out"
    yield ["train", "npy", "--folds", "3"], "--folds needs all rows in memory"
    yield ["train", "npy", "--test", "0.999"], "a share of 0.999 of 300 row(s) leaves an empty part; choose --test"
    yield ["train", "weighted"], "weighted has weights of rows, which only Python takes"
    yield ["predict", "m.safetensors", "narrow.npy"], "narrow.npy has 2 columns, but the model expects 4 features"
    yield ["predict", "m.safetensors", "names", "--stream"], "names has no column 'b'"
    yield ["train", "nan.npy"], "nan.npy: the target must hold finite numbers, got nan in row 3"
    yield ["train", "-", "--stream"], "standard input is read as a whole: leave --stream out"
    yield ["search", "npy", "--space", "hidden.units=1,2"], "npy: folders, patterns, .npy and .parquet files are for"
    yield ["data", "show", "*.npy"], "*.npy: folders, patterns, .npy and .parquet files are for train, predict"
    yield ["predict", "m.safetensors", "none.npy"], "none.npy has no rows"
    yield ["evaluate", "m.safetensors", "none.npy"], "none.npy has no rows"
    yield ["predict", "m.safetensors", "npy"], "npy has 5 columns without names, and which of them is 'a' is not known"
    yield ["predict", "m.safetensors", "csv", "--id", "b"], "--id needs all rows in memory, and csv is streamed"


def test_mistakes_are_named(run, tmp_path):
    for kind in ("npy", "csv"):
        write(tmp_path / kind, PRICE, kind)
        write(tmp_path / "several", PRICE, kind)
    for folder in ("empty", "widths", "names", "weighted"):
        (tmp_path / folder).mkdir()
    np.save("widths/part-0.npy", X)
    np.save("widths/part-1.npy", X[:, :3])
    np.save("none.npy", X[:0])
    np.save("narrow.npy", X[:, :2])
    np.savez("weighted/part.npz", X=X, y=PRICE, weight=np.ones(300))
    (tmp_path / "names" / "part-0.csv").write_text("a,c,y\n1,2,3\n")
    (tmp_path / "names" / "part-1.csv").write_text("a,e,y\n1,2,3\n")
    (tmp_path / "text").write_text("a,b,y\n1,2,3\n1,much,3\n")
    (tmp_path / "text").rename(tmp_path / "text.csv")
    np.save("nan.npy", np.column_stack([X, np.where(np.arange(300) == 3, np.nan, PRICE)]))
    run("train", "csv", *QUICK, "--target", "a", "-o", "m.safetensors")
    for argv, message in mistakes(tmp_path):
        argv = ["text.csv" if argument == "text" else argument for argument in argv]
        code, out, err = run(*argv, *(QUICK if argv[0] == "train" else []))
        assert (code, out) == (2, ""), (argv, err)
        assert message in err, (argv, err)
        assert err.count("\n") == 1


def test_the_target_is_found_as_in_training(run, tmp_path):
    texts = np.array(["no", "yes"])[CLASS.clip(0, 1)]
    np.savez("named.npz", X=X, sold=texts, y=np.arange(300.0))
    np.savetxt("bare.csv", np.column_stack([PRICE, X]), delimiter=",")
    np.save("bare.npy", np.column_stack([PRICE, X]))
    run("train", "named.npz", "--stream", "--target", "sold", *QUICK, "-o", "named.safetensors")
    bare = ["--target", "column 1", "--header", "no", "--task", "regression", "-o", "bare.safetensors"]
    run("train", "bare.csv", *bare, *QUICK)
    streamed = run("evaluate", "named.safetensors", "named.npz", "--stream")
    assert streamed[0] == 0
    assert streamed == run("evaluate", "named.safetensors", "named.npz")
    first = run("evaluate", "bare.safetensors", "bare.csv", "--header", "no")[:2]
    assert first[0] == 0
    assert first == run("evaluate", "bare.safetensors", "bare.csv", "--stream")[:2]
    assert first == run("evaluate", "bare.safetensors", "bare.npy")[:2]
