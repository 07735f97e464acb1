"""The command line: results, files, exit codes, and one sentence for every mistake."""

import csv
import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from idx_files import write_mnist

import nncore
from nncore import datasets
from nncore.cli import completion, hints, main
from nncore.cli.parser import build_parser
from nncore.datasets.bundled import BUNDLED
from nncore.datasets.generators import GENERATORS
from nncore.engine import select

QUICK = ["--epochs", "2", "--layers", "8"]
PENGUINS = "island,bill,sex,species\n" + "".join(
    f"{island},{bill + i / 100},{sex},{species}\n"
    for i in range(10)
    for island, bill, sex, species in (("Dream", 39, "male", "Adelie"), ("Biscoe", 48, "female", "Gentoo"))
)


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; return (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NNCORE_DATA", raising=False)

    def run(*argv):
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield run
    nncore.set_num_threads()


@pytest.fixture
def ok(run):
    """Run the command line, which must succeed silently on stderr; return stdout."""

    def ok(*argv):
        code, out, err = run(*argv)
        assert (code, err) == (0, "")
        return out

    return ok


# ---- train


def test_train_digits_reaches_the_promised_accuracy(ok):
    *_, last = ok("train", "digits").splitlines()
    assert last.startswith("test accuracy 0.9") and "(360 rows held out), 45 epochs in " in last
    assert float(last.split()[2]) >= 0.97
    assert last.endswith("not saved (to save: -o model.safetensors)")


@pytest.mark.parametrize("name", [*BUNDLED, *GENERATORS])
def test_train_every_data_set(ok, name):
    out = ok("train", name, *QUICK)
    assert ("test R2 " if name in ("diabetes", "sine", "plane") else "test accuracy ") in out


@pytest.mark.parametrize(("name", "least"), [("iris", 0.9), ("spiral", 0.9), ("sine", 0.9), ("diabetes", 0.3)])
def test_defaults_suit_the_task(ok, name, least):
    scores = json.loads(ok("train", name, "--json"))["test"]
    assert scores.get("accuracy", scores.get("r2")) >= least


def test_json_is_one_object_that_says_everything(ok):
    out = ok("train", "iris", *QUICK, "--val", "0.25", "--lr", "0.01", "--seed", "3", "--dtype", "float64", "--json")
    result = json.loads(out)
    assert out.count("\n") == 1
    assert result["rows"] == {"train": 90, "validation": 30, "test": 30}
    assert (result["layers"], result["parameters"], result["features"]) == ([8], 4 * 8 + 8 + 8 * 3 + 3, 4)
    assert (result["learning_rate"], result["seed"], result["dtype"], result["epochs"]) == (0.01, 3, "float64", 2)
    assert result["classes"] == ["setosa", "versicolor", "virginica"] and result["model"] is None
    assert len(result["history"]["val_loss"]) == 2 and set(result["test"]) == {"accuracy", "loss"}


def test_training_in_mixed_bfloat16_says_where_it_saves_no_time(ok):
    out = ok("train", "iris", *QUICK, "--dtype", "mixed_bfloat16")
    assert "parameters, mixed_bfloat16\n" in out and "note   mixed_bfloat16: float32 trains layers as narrow" in out
    assert "mixed_bfloat16" not in ok("train", "iris", *QUICK)


def test_a_model_of_mixed_bfloat16_is_used_as_any_other(ok):
    ok("train", "iris", "--dtype", "mixed_bfloat16", "--history", "run.json", "-o", "m.safetensors")
    assert json.loads(ok("summary", "m.safetensors", "--json"))["dtype"] == "mixed_bfloat16"
    assert "Sequential (4 features, mixed_bfloat16)" in ok("summary", "m.safetensors")
    assert json.loads(ok("evaluate", "m.safetensors", "iris", "--held-out", "--json"))["accuracy"] > 0.8
    assert len(ok("predict", "m.safetensors", "iris").splitlines()) == 151 and ok("doctor", "run.json")


@pytest.fixture
def threads_used(monkeypatch):
    """The number of threads that the last step of each training used."""
    fit, used = nncore.Sequential.fit, []

    def fit_and_count(self, X, y, **options):
        history = fit(self, X, y, **options)
        used.append(self._state.network._plan.threads_used)
        return history

    monkeypatch.setattr(nncore.Sequential, "fit", fit_and_count)
    return used


def test_same_seed_same_result_for_any_number_of_threads(ok, threads_used):
    options = ["--epochs", "2", "--layers", "256,128", "--batch-size", "256", "--json"]
    results = [json.loads(ok("train", "digits", *options, "--threads", n)) for n in (1, 2)]
    assert threads_used == [1, 2]
    assert results[0]["test"] == results[1]["test"]
    assert results[0]["history"]["loss"] == results[1]["history"]["loss"]
    assert results[0]["test"] != json.loads(ok("train", "digits", *options, "--seed", "1"))["test"]


def test_quiet_says_nothing_and_still_saves(ok):
    assert ok("train", "iris", *QUICK, "--quiet", "-o", "m.safetensors") == ""
    assert Path("m.safetensors").exists()


def test_a_guessed_delimiter_is_said(ok, run):
    Path("t.csv").write_text("".join(f"{i},5;{2 * i},5\n" for i in range(20)))
    note = "t.csv: columns are taken as separated by ';', not by ','"
    result = json.loads(ok("train", "t.csv", *QUICK, "--json", "-o", "m.safetensors"))
    assert result["features"] == 1 and any(line.startswith(note) for line in result["notes"])
    assert note not in ok("data", "show", "t.csv", "--delimiter", ";")
    code, out, err = run("evaluate", "m.safetensors", "t.csv", "--held-out")
    assert code == 0 and "(4 rows)" in out and err.startswith(f"nncore: {note}")


def test_without_held_out_rows_the_verdict_says_so(ok):
    assert "(150 rows it was trained on: none were held out)" in ok("train", "iris", *QUICK, "--test", "0")


def test_no_hidden_layers(ok):
    assert "model  2 > 1, 3 parameters" in ok("train", "plane", "--layers", "none", "--epochs", "2")


def test_the_weights_of_the_best_epoch_are_kept(ok):
    options = ["--epochs", "30", "--layers", "64", "--lr", "0.01", "--val", "0.3", "--test", "0", "--json"]
    result = json.loads(ok("train", "diabetes", *options, "-o", "m.safetensors"))
    losses = result["history"]["val_loss"]
    best = min(range(30), key=losses.__getitem__)
    assert len(losses) == 30 and best < 29, "to show anything, the last epoch must not be the best"
    shorter = [str(best + 1) if option == "30" else option for option in options]
    assert json.loads(ok("train", "diabetes", *shorter))["train"] == result["train"]


def test_class_weight(ok, run):
    options = ["--epochs", "3", "--layers", "8", "--test", "0", "--json"]
    plain, balanced = (
        json.loads(ok("train", "wine", *options, *more)) for more in ([], ["--class-weight", "balanced"])
    )
    assert (plain["class_weight"], balanced["class_weight"]) == (None, "balanced")
    assert plain["train"] != balanced["train"]
    code, _, err = run("train", "diabetes", *QUICK, "--class-weight", "balanced")
    assert code == 2 and "--class-weight needs classes, but the target of diabetes is a number" in err
    code, _, err = run("train", "wine", *QUICK, "--class-weight", "balance")
    assert code == 2 and "unknown --class-weight 'balance'; did you mean 'balanced'?" in err


def test_linear_schedule_lowers_the_learning_rate_evenly(ok):
    options = ["--epochs", "4", "--layers", "8", "--lr", "0.2", "--optimizer", "sgd", "--schedule", "linear"]
    result = json.loads(ok("train", "iris", *options, "--json", "-o", "m.safetensors"))
    assert result["history"]["learning_rate"] == pytest.approx([0.2, 0.15, 0.1, 0.05])
    assert (result["learning_rate"], result["schedule"]) == (0.2, "linear")
    assert nncore.load("m.safetensors").optimizer.learning_rate == pytest.approx(0.05)


# ---- a saved model


@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_evaluate_held_out_repeats_the_test(ok, run, name):
    trained = json.loads(ok("train", name, *QUICK, "-o", "m.safetensors", "--json"))
    assert trained["model"] == "m.safetensors"
    evaluated = json.loads(ok("evaluate", "m.safetensors", name, "--held-out", "--json"))
    assert {key: evaluated[key] for key in trained["test"]} == trained["test"]
    assert evaluated["rows"] == trained["rows"]["test"]
    code, out, err = run("evaluate", "m.safetensors", name)
    assert code == 0 and "holds the rows that the model was trained on" in err
    assert f"({len(BUNDLED[name]())} rows)" in out


def test_the_file_serves_python_too(ok):
    ok("train", "penguins", *QUICK, "-o", "m.safetensors")
    model = nncore.load("m.safetensors")
    preparation = datasets.Preparation.from_json(model.metadata["preparation"])
    penguins = datasets.load_penguins()
    expected = model.predict(preparation.prepare_inputs(penguins.X))
    rows = list(csv.reader(io.StringIO(ok("predict", "m.safetensors", "penguins", "--proba"))))
    assert rows[0] == ["prediction", "Adelie", "Chinstrap", "Gentoo"]
    assert np.allclose([[float(p) for p in row[1:]] for row in rows[1:]], expected, atol=1e-5)
    assert [row[0] for row in rows[1:]] == [penguins.target_names[k] for k in expected.argmax(axis=1)]


@pytest.mark.parametrize("data", ["iris", "penguins", "sine", "t.csv"])
def test_the_file_knows_the_names_of_its_features(ok, data):
    Path("t.csv").write_text("a,b,y\n" + "".join(f"{i},{i * i % 7},{['no', 'yes'][i % 2]}\n" for i in range(40)))
    ok("train", data, *QUICK, "-o", "m.safetensors")
    model = nncore.load("m.safetensors")
    names = datasets.Preparation.from_json(model.metadata["preparation"]).schema.feature_names
    assert model.feature_names == names
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(9, len(names))), columns=names)
    assert model.predict(X[[*names[::-1]]]).tolist() == model.predict(X.to_numpy()).tolist()
    with pytest.raises(ValueError, match=f"X lacks '{re.escape(names[0])}' and has 'other', which the model has not"):
        model.predict(X.rename(columns={names[0]: "other"}))


def test_the_preparation_learns_nothing_from_held_out_rows(ok):
    rows = [f"{'' if i % 7 == 0 else i * i % 41 + 0.5},{'ab'[i % 2]},{i % 13}.25" for i in range(60)]
    learnt = []
    for _ in range(2):
        Path("t.csv").write_text("\n".join(["size,kind,y", *rows]))
        ok("train", "t.csv", *QUICK, "--val", "0", "-o", "m.safetensors", "--force")
        preparation, split = datasets.notes.read(nncore.load("m.safetensors").metadata)
        learnt.append(preparation.to_json())
        for i in split.rows(np.zeros(60))[1]:
            rows[i] = f"{i}000000.5,a,{i}000000.25"
    assert learnt[0] == learnt[1] and '"fill"' in learnt[0]


def test_a_table_there_and_back(ok):
    Path("birds.csv").write_text(PENGUINS)
    ok("train", "birds.csv", "--epochs", "50", "-o", "m.safetensors")
    Path("new.csv").write_text("extra,sex,island,bill\n,female,Biscoe,48.1\n?,male,Dream,39.2\n")
    predictions = ok("predict", "m.safetensors", "new.csv").splitlines()
    assert [row.split(",")[0] for row in predictions] == ["prediction", "Gentoo", "Adelie"]
    result = json.loads(ok("predict", "m.safetensors", "new.csv", "--json"))
    assert result["predictions"] == ["Gentoo", "Adelie"] and np.shape(result["probabilities"]) == (2, 2)
    assert ok("predict", "m.safetensors", "new.csv", "-o", "out.csv") == ""
    assert Path("out.csv").read_text().splitlines() == predictions
    evaluated = ok("evaluate", "m.safetensors", "birds.csv", "--held-out")
    assert "accuracy 1.0000" in evaluated and "true \\ predicted  Adelie  Gentoo" in evaluated


def test_options_for_tables(ok):
    rows = [f"n{i};{i % 2};{i};{i % 3}\n" for i in range(60)]
    Path("t.csv").write_text("".join(["id;kind;size;y\n", *rows, "x;1;;2\n"]))
    options = ["--ignore", "id", "--categorical", "kind", "--target", "size", "--drop-missing"]
    result = json.loads(ok("train", "t.csv", *options, *QUICK, "--json"))
    assert (result["task"], result["features"], sum(result["rows"].values())) == ("regression", 3, 60)
    result = json.loads(ok("train", "t.csv", "--ignore", "id,size", "--task", "regression", *QUICK, "--json"))
    assert result["task"] == "regression" and "rmse" in result["test"]


NUMBERED = "region,2019,2021\n" + "".join(f"{region},{i},{i % 2}\n" for i in range(20) for region in ("N", "S"))


def test_a_header_that_is_not_found_is_reported(ok):
    Path("t.csv").write_text(NUMBERED)
    note = (
        "t.csv: no header found, so the first row counts as data; if it names the columns, say so "
        "(header=True, on the command line --header yes)"
    )
    assert f"note   {note}\n" in ok("train", "t.csv", *QUICK, "--test", "0")
    assert json.loads(ok("train", "t.csv", *QUICK, "--test", "0", "--json"))["notes"][0] == note
    assert note in ok("data", "show", "t.csv")
    assert json.loads(ok("data", "show", "t.csv", "--json"))["notes"][0] == note
    assert "no header" not in ok("data", "show", "t.csv", "--header", "no")


def test_guesses_about_columns_are_reported(ok):
    rows = (f'd{1 + i % 28},"{i},5",{i % 10}\n' for i in range(60))
    Path("t.csv").write_text("day,size,y\n" + "".join(rows))
    target = "target read as 10 classes (whole numbers); to predict it as a number: --task regression"
    day = "column 'day' is text and became 28 columns; --ignore 'day' to leave it out"
    size = (
        "t.csv: column 'size' is read as numbers, '0,5' as 0.5; if that is wrong, treat it as text "
        "(categorical=, on the command line --categorical)"
    )
    lines = ok("train", "t.csv", *QUICK).splitlines()
    assert [line for line in lines if line.startswith("note")] == [f"note   {note}" for note in (size, target, day)]
    options = ["--categorical", "day,size", "--task", "classification"]
    assert json.loads(ok("data", "show", "t.csv", *options, "--json"))["notes"] == []


def test_a_class_of_one_row_is_trained_on_and_said(ok, run):
    Path("t.csv").write_text("x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(60)) + "61,c\n62,d\n")
    note = "the classes 'c', 'd' have only 1 row: it is trained on, and none is left to test with"
    for options, rows in (([], (50, 0, 12)), (["--val", "0.2"], (40, 10, 12)), (["--test", "0.05"], (59, 0, 3))):
        result = json.loads(ok("train", "t.csv", *QUICK, *options, "--json", "-o", "m.safetensors", "--force"))
        assert tuple(result["rows"].values()) == rows and note in result["notes"]
        again = json.loads(run("evaluate", "m.safetensors", "t.csv", "--held-out", "--json")[1])
        assert again["rows"] == rows[2] and again["accuracy"] == result["test"]["accuracy"]
    assert f"note   {note}\n" in ok("train", "t.csv", *QUICK)
    assert not any(
        "only 1 row" in note for note in json.loads(ok("train", "t.csv", *QUICK, "--test", "0", "--json"))["notes"]
    )
    Path("t.csv").write_text("x,y\n" + "1,yes\n" * 9 + "2,no\n")
    assert "note   class 'no' has only 1 row: it is trained on" in ok("train", "t.csv", *QUICK)


def test_what_accuracy_hides_is_said_by_train_and_evaluate(ok, run):
    rows = [f"{i % 7},{'often' if i % 20 else 'seldom'}\n" for i in range(200)]
    Path("t.csv").write_text("x,y\n" + "".join(rows))
    long = ["--epochs", "40", "--layers", "8"]
    out = ok("train", "t.csv", *long, "-o", "m.safetensors")
    beside = (
        "recall often: 1.00, seldom: 0.00\nshare  most frequent class often: 0.9500 of the rows\n"
        "hint   no better than always saying often\n"
        "hint   few rows of seldom are found: train --class-weight balanced lets rare classes count as much\n"
    )
    assert beside + "test accuracy 0.9500 (40 rows held out)" in out
    assert f" (40 rows)\n{beside}\ntrue" in ok("evaluate", "m.safetensors", "t.csv", "--held-out")
    result = json.loads(ok("evaluate", "m.safetensors", "t.csv", "--held-out", "--json"))
    for found in (result, json.loads(ok("train", "t.csv", *long, "--json"))):
        assert found["recall"] == {"often": 1, "seldom": 0}
        assert found["most_frequent"] == {"class": "often", "share": 0.95}
    assert "--class-weight" not in ok("train", "t.csv", *QUICK, "--class-weight", "balanced")
    Path("new.csv").write_text("x,y\n1,often\n")
    alone = "recall often: 1.00\nhint   all of these rows are of class often: they tell nothing of the others\n"
    assert alone in ok("evaluate", "m.safetensors", "new.csv")
    assert "recall" not in ok("train", "t.csv", "--target", "x", "--task", "regression", *QUICK)


def test_of_many_classes_the_lowest_recalls_are_said(ok):
    Path("t.csv").write_text("x,y\n" + "".join(f"{i % 30},c{i % 30}\n" for i in range(300)))
    out = ok("train", "t.csv", *QUICK)
    assert len(re.search("^lowest 10 recalls (.*)$", out, re.M)[1].split(", ")) == 10
    assert len(json.loads(ok("train", "t.csv", *QUICK, "--json"))["recall"]) == 30


def test_few_rows_held_out_are_said(ok):
    Path("t.csv").write_text("a,b,y\n1,2,0.5\n2,3,1.5\n3,4,2.5\n4,5,3.6\n")
    out = ok("train", "t.csv", *QUICK)
    assert "note   1 row to choose the epoch and 1 row to test: too few to tell much" in out
    assert "test R2 undefined, RMSE " in out
    assert not any("too few" in note for note in json.loads(ok("train", "iris", *QUICK, "--json"))["notes"])


def test_whole_numbers_with_many_values_are_a_number_and_said(ok):
    Path("t.csv").write_text("x,price\n" + "".join(f"{i},{100000 + 1000 * i}\n" for i in range(18)))
    note = "target 'price': 18 different whole numbers are predicted as a number; for classes, say so"
    assert f"note   t.csv: {note} (task='classification', " in ok("train", "t.csv", *QUICK)
    np.savez("t.npz", X=np.arange(60.0)[:, None], y=np.arange(60) % 5 + 3)
    result = json.loads(ok("train", "t.npz", *QUICK, "--json"))
    assert result["task"] == "classification" and len(result["notes"]) == 1
    assert "5 different whole numbers are taken for classes; for a number, say so" in result["notes"][0]


GAPS = "day,size,colour,y\n" + "".join(
    f"2024-{1 + i // 28:02d}-{1 + i % 28:02d},{i % 7 or ''},{('red', 'blue', '')[i % 3]},{i}.5\n" for i in range(60)
)


def test_a_table_with_gaps_is_shown_trained_on_and_predicted(run, ok):
    Path("t.csv").write_text(GAPS + "2024-06-01,1,red,NA\n")
    shown = ok("data", "show", "t.csv")
    assert [line.split(maxsplit=4) for line in shown.split("\n\n")[1].splitlines()] == [
        ["column", "type", "missing", "distinct", "becomes"],
        ["day", "date", "0", "61", "days since 1970-01-01"],
        ["size", "number", "9", "6", "a number, gaps filled, marked"],
        ["colour", "text", "20", "2", "2 columns of 0 and 1, gaps filled"],
        ["y", "number", "1", "60", "the target, a number, rows with gaps left out"],
    ]
    facts = json.loads(ok("data", "show", "t.csv", "--json"))
    assert facts["columns"][1] == {
        "name": "size", "type": "number", "missing": 9, "distinct": 6, "becomes": "a number, gaps filled, marked"
    }  # fmt: skip
    trained = ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    assert "5 features, regression" in trained and "left out for want of 'y': 1 of 61 rows" in trained
    assert "in 'size' (9 of 60 rows, marked by 'size missing'), 'colour' (20 of 60 rows)" in trained
    Path("new.csv").write_text("day,size,colour\n2031-01-01,,\n2031-01-02,3,red\n,,red\n")
    code, out, err = run("predict", "m.safetensors", "new.csv")
    assert code == 0 and [line != '""' for line in out.splitlines()[1:]] == [True, True, False]
    assert "in 'size' (2 of 3 rows, marked by 'size missing'), 'colour' (1 of 3 rows)" in err
    assert "1 of 3 rows has no prediction, for want of inputs (row 3 lacks 'day')" in err
    code, out, err = run("evaluate", "m.safetensors", "t.csv", "--held-out")
    assert code == 0 and "(12 rows)" in out and "left out for want of 'y': 1 of 61 rows" in err
    assert "left out for want of a value: 27 rows" in ok("train", "t.csv", *QUICK, "--drop-missing")


def test_a_table_is_shown_before_it_is_refused(run):
    Path("t.csv").write_text("day,a,y\n03/04/2024,1,0\n05/06/2024,,1\n05/06/2024,2,1\n")
    code, out, err = run("data", "show", "t.csv")
    assert code == 2 and "--day-first" in err and " 2  a number, gaps filled, marked\n" in out
    code, out, err = run("data", "show", "t.csv", "--json")
    found = json.loads(out)
    assert code == 2 and [column["type"] for column in found["columns"]] == ["date", "number", "number"]
    assert found["error"] in err
    assert run("data", "show", "t.csv", "--day-first", "no")[0] == 0


def test_options_of_dates_and_gaps(ok):
    rows = [f"{1 + i % 9}/{1 + i % 8}/24,{i % 7},{i}.5\n" for i in range(60)]
    Path("t.csv").write_text("".join(["day,size,y\n", *rows]))
    options = ["--day-first", "yes", "--date-parts", "month,weekday", "--missing-values", "6,none"]
    names = [feature["name"] for feature in json.loads(ok("data", "show", "t.csv", *options, "--json"))["features"]]
    assert names == ["day", "day month", "day weekday", "size", "size missing"]
    assert json.loads(ok("train", "t.csv", *options, *QUICK, "--json"))["features"] == 5


def test_predicted_numbers_keep_every_digit(ok):
    rng = np.random.default_rng(0)
    np.savez("t.npz", X=rng.normal(size=(50, 2)), y=1e7 + 1e5 * rng.normal(size=50))
    for dtype in ("float32", "float64"):
        ok("train", "t.npz", *QUICK, "--dtype", dtype, "-o", "m.safetensors", "--force")
        printed = ok("predict", "m.safetensors", "t.npz").split()[1:]
        exact = json.loads(ok("predict", "m.safetensors", "t.npz", "--json"))["predictions"]
        assert np.array_equal(np.array(printed, dtype), np.array(exact, dtype))
        assert printed == [str(value) for value in np.array(exact, dtype)]


def test_header_can_be_told(ok):
    Path("t.csv").write_text(NUMBERED)
    facts = json.loads(ok("data", "show", "t.csv", "--header", "yes", "--json"))
    assert [f["name"] for f in facts["features"]] == ["region=N", "region=S", "2019"]
    assert not any("header" in note for note in facts["notes"])
    assert facts["target"] == {"0": 20, "1": 20}
    ok("train", "t.csv", "--header", "yes", *QUICK, "-o", "m.safetensors")
    assert json.loads(ok("predict", "m.safetensors", "t.csv", "--json"))["rows"] == 40  # by the names it knows
    assert "(8 rows)" in ok("evaluate", "m.safetensors", "t.csv", "--header", "yes", "--held-out")


def test_predict_does_not_look_at_the_target(ok, run):
    Path("t.csv").write_text("a,k\n" + "1,x\n2,y\n" * 10)
    ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    Path("new.csv").write_text("a,k\n1,\n2,z\n")
    assert len(ok("predict", "m.safetensors", "new.csv").splitlines()) == 3
    np.savez("new.npz", X=[[1.0], [2.0]], y=[None, "z"][1:])
    assert len(ok("predict", "m.safetensors", "new.npz").splitlines()) == 3
    Path("holes.csv").write_text("a,k\n,x\n")
    code, _, err = run("predict", "m.safetensors", "holes.csv")
    assert code == 2 and "holes.csv: no row is complete (row 1 lacks 'a')" in err and "--drop-missing" not in err


@pytest.fixture
def sent(monkeypatch):
    """Send a text to standard input."""

    def sent(text):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))

    return sent


MIXED = "size,colour,y\n" + "".join(f"{i}.5,{('red', 'blue')[i % 2]},{2 * i}.5\n" for i in range(60))


def test_predict_answers_the_complete_rows_and_marks_the_others(run, ok):
    Path("t.csv").write_text(MIXED)
    ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    Path("new.csv").write_text("name,size,colour\nann,5,red\n=bob,,red\n,,\neve,6,?\n007,7,blue\n")
    code, out, err = run("predict", "m.safetensors", "new.csv", "--id", "name")
    rows = list(csv.reader(io.StringIO(out)))
    assert code == 0 and rows[0] == ["name", "prediction"]
    assert [(name, bool(value)) for name, value in rows[1:]] == [
        ("ann", True), ("'=bob", False), ("", False), ("eve", False), ("007", True)
    ]  # fmt: skip
    assert err == "nncore: new.csv: 3 of 5 rows have no prediction, for want of inputs (row 2 lacks 'size')\n"
    result = json.loads(run("predict", "m.safetensors", "new.csv", "--id", "name", "--json")[1])
    assert result["ids"] == ["ann", "=bob", "", "eve", "007"] and result["incomplete"] == [1, 2, 3]
    assert [value is None for value in result["predictions"]] == [False, True, True, True, False]
    alone = ok("predict", "m.safetensors", Path("one.csv").write_text("size,colour\n5,red\n") and "one.csv")
    assert alone.split()[1] == rows[1][1]  # the gaps of others change nothing
    code, out, err = run("predict", "m.safetensors", "new.csv", "--id", "nam")
    assert code == 2 and "there is no column 'nam'; did you mean 'name'?" in err and out == ""
    np.savez("new.npz", X=np.zeros((2, 3)))
    code, _, err = run("predict", "m.safetensors", "new.npz", "--id", "name")
    assert code == 2 and "--id is for CSV files, and new.npz is none" in err


def test_predicted_classes_of_incomplete_rows_are_empty(run, ok):
    Path("t.csv").write_text(PENGUINS)
    ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    Path("new.csv").write_text("island,bill,sex\nDream,NA,male\nBiscoe,48,female\n")
    for options, width in (([], 2), (["--proba"], 3)):
        _, out, _ = run("predict", "m.safetensors", "new.csv", *options)
        header, gap, full = csv.reader(io.StringIO(out))
        assert len(header) == len(gap) == len(full) == width and not any(gap) and all(full)
    result = json.loads(run("predict", "m.safetensors", "new.csv", "--json")[1])
    assert result["predictions"][0] is None and result["probabilities"][0] == [None, None]


def test_unknown_texts_are_said_by_predict_and_evaluate(run, ok):
    Path("t.csv").write_text(MIXED)
    ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    Path("new.csv").write_text("size,colour,y\n5,violet,1.5\n6,Red,2.5\n")
    said = "nncore: new.csv: column 'colour': 'violet' (line 2) is none of blue, red, and counts as none of them\n"
    for command in ("predict", "evaluate"):
        code, _, err = run(command, "m.safetensors", "new.csv")
        assert code == 0 and err == said + "nncore: new.csv: column 'colour': 'Red' (line 3) is read as 'red'\n"


def test_data_from_standard_input(run, ok, sent, monkeypatch):
    Path("t.csv").write_text(MIXED)
    ok("train", "t.csv", *QUICK, "-o", "m.safetensors")
    sent(MIXED)
    predicted = ok("predict", "m.safetensors", "-", "--id", "size")
    assert predicted == ok("predict", "m.safetensors", "t.csv", "--id", "size") and predicted.count("\n") == 61
    sent(MIXED)
    assert ok("evaluate", "m.safetensors", "-") == run("evaluate", "m.safetensors", "t.csv")[1]
    sent("size,colour\n1,red\n,violet\n")
    code, _, err = run("predict", "m.safetensors", "-")
    assert code == 0 and "nncore: stdin: column 'colour': 'violet' (line 3) is none" in err and "/" not in err
    assert "nncore: stdin: 1 of 2 rows has no prediction" in err
    for bad, message in (("size\n1\n", "nncore: stdin: there is no column"), ("", "nncore: stdin: the file is empty")):
        sent(bad)
        code, _, err = run("predict", "m.safetensors", "-")
        assert code == 2 and message in err and "/" not in err
    monkeypatch.setattr(sys, "stdin", None)
    code, _, err = run("predict", "m.safetensors", "-")
    assert code == 2 and "nothing is sent there; for example: nncore predict M - < t.csv" in err


def test_a_table_without_header_is_evaluated_by_the_roles_of_the_training(run, ok):
    rows = "".join(f"{i}.5,{i % 3},{2 * i}.5\n" for i in range(40))
    Path("t.csv").write_text(rows)
    ok("train", "t.csv", "--target", "column 1", *QUICK, "-o", "m.safetensors")
    assert "R2" in ok("evaluate", "m.safetensors", "t.csv", "--held-out")
    Path("two.csv").write_text("1,2.5\n2,3.5\n")
    code, _, err = run("evaluate", "m.safetensors", "two.csv")
    assert code == 2 and "two.csv has no target 'column 1' to compare with" in err
    assert ok("predict", "m.safetensors", "two.csv").count("\n") == 3
    Path("four.csv").write_text("1,2.5,3,4\n2,3.5,3,4\n")
    for command in ("evaluate", "predict"):
        code, _, err = run(command, "m.safetensors", "four.csv")
        assert code == 2 and "four.csv: has 4 columns without names, but the model was trained on 3" in err


def test_predict_on_data_of_other_classes(ok, run):
    ok("train", "spiral", *QUICK, "-o", "m.safetensors")
    assert len(ok("predict", "m.safetensors", "xor").splitlines()) == 201
    code, _, err = run("evaluate", "m.safetensors", "xor")
    assert code == 2 and "it has the classes 0, 1, the model expects 0, 1, 2" in err


def test_options_of_npz_files(ok, run):
    np.savez("t.npz", X=np.arange(40.0)[:, None], y=np.arange(40) % 2)
    assert json.loads(ok("train", "t.npz", "--task", "regression", *QUICK, "--json"))["task"] == "regression"
    code, _, err = run("train", "t.npz", "--encoding", "utf-8")
    assert code == 2 and "--encoding is for CSV files, and t.npz is none" in err


def test_regression_predicts_in_the_target_s_units(ok):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    np.savez("plane.npz", X=X, y=1e6 + 1e5 * X[:, 0])
    result = json.loads(ok("train", "plane.npz", "--layers", "none", "--lr", "0.01", "-o", "m.safetensors", "--json"))
    assert result["test"]["r2"] > 0.99 and result["test"]["rmse"] < 1e4
    predictions = json.loads(ok("predict", "m.safetensors", "plane.npz", "--json"))["predictions"]
    assert np.allclose(predictions, 1e6 + 1e5 * X[:, 0], atol=5e4)
    assert ok("predict", "m.safetensors", "plane.npz").startswith("prediction\n")


def test_npz_classes(ok):
    rng = np.random.default_rng(0)
    y = np.array(["no", "yes"] * 50)
    np.savez("a.npz", X=rng.normal(size=(100, 3)) + (y == "yes")[:, None] * 5, y=y)
    ok("train", "a.npz", "-o", "m.safetensors")
    assert json.loads(ok("evaluate", "m.safetensors", "a.npz", "--held-out", "--json"))["accuracy"] == 1
    assert json.loads(ok("predict", "m.safetensors", "a.npz", "--json"))["predictions"] == y.tolist()


def test_mnist_has_its_own_test_set(ok, run, monkeypatch):
    Path("digits").mkdir()
    write_mnist(Path("digits"), n_train=40, n_test=10)
    result = json.loads(ok("train", "mnist:digits", "--epochs", "1", "-o", "m.safetensors", "--json"))
    assert result["rows"] == {"train": 40, "validation": 0, "test": 10}
    assert (result["layers"], result["batch_size"]) == ([256, 128], 128)
    assert json.loads(ok("evaluate", "m.safetensors", "mnist:digits", "--json"))["rows"] == 10
    assert "inputs as they are" in ok("summary", "m.safetensors")
    monkeypatch.setenv("NNCORE_DATA", "digits")
    assert "mnist: 40 rows to train on" in ok("train", "mnist", "--epochs", "1")
    code, _, err = run("evaluate", "m.safetensors", "mnist", "--held-out")
    assert code == 2 and "without holding out rows" in err
    code, _, err = run("train", "mnist", "--test", "0.1")
    assert code == 2 and "mnist has a test set of its own; leave out --test" in err


@pytest.mark.skipif("NNCORE_DATA" not in os.environ, reason="needs the real MNIST: set NNCORE_DATA to its folder")
def test_the_real_mnist(capsys):
    assert main(["train", "mnist", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["epochs"] <= 10 and result["test"]["accuracy"] >= 0.98


def save_for_birds(path, layers, n_features=4):
    """Save a model from Python with the preparation of a table of 4 features and 2 classes."""
    Path("birds.csv").write_text(PENGUINS)
    dataset = datasets.read_csv("birds.csv")
    preparation = datasets.Preparation.fit(dataset, standardize=False)
    model = nncore.Sequential(layers)
    model.compile()
    model.build(n_features)
    split = {"data": "birds.csv", "n_samples": 20, "test": 0.2, "seed": 0, "stratify": True}
    model.save(path, {"preparation": preparation.to_json(), "split": json.dumps(split)})
    return model, dataset


def test_a_single_sigmoid_serves_two_classes(ok):
    model, dataset = save_for_birds("m.safetensors", [nncore.Dense(1, "sigmoid")], n_features=5)
    result = json.loads(ok("predict", "m.safetensors", "birds.csv", "--json"))
    assert np.allclose(result["probabilities"], model.predict_proba(dataset.X))
    classes = [dataset.target_names.index(name) for name in result["predictions"]]
    assert classes == model.predict_classes(dataset.X).tolist()


@pytest.mark.parametrize(
    ("layers", "n_features", "message"),
    [
        ([nncore.Dense(5, "softmax")], 5, "m.safetensors holds a model of 5 outputs, but a preparation for 2 classes"),
        ([nncore.Dense(2, "softmax")], 6, "m.safetensors holds a model of 6 features, but a preparation of 5"),
        ([nncore.Dense(2)], 5, "predict_proba needs a last layer with softmax or sigmoid"),
    ],
)
def test_a_preparation_for_another_network(run, layers, n_features, message):
    save_for_birds("m.safetensors", layers, n_features)
    code, out, err = run("predict", "m.safetensors", "birds.csv")
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_a_model_file_with_the_name_of_another_format(run, ok):
    code, _, err = run("train", "iris", "--epochs", "2", "-o", "m.h5")
    assert code == 0 and err.startswith("nncore: 'm.h5' is not written as HDF5, but in nncore's own format")
    assert err.endswith("call it 'm.safetensors'\n") and err.count("\n") == 1
    assert "features" in ok("summary", "m.h5")


def test_summary(ok):
    ok("train", "wine", "--layers", "16", "--epochs", "3", "-o", "m.safetensors")
    text = ok("summary", "m.safetensors")
    assert "trained on: wine, 178 rows, 3 epochs, inputs standardised" in text
    assert "predicts: cultivar, class_0, class_1, class_2" in text
    facts = json.loads(ok("summary", "m.safetensors", "--json"))
    assert [layer["units"] for layer in facts["layers"]] == [16, 3] and facts["data"] == "wine"


def test_summary_of_a_model_saved_from_python(run, ok):
    model = nncore.Sequential([nncore.Dense(1)])
    model.build(3)
    model.save("python.safetensors")
    assert "trained on" not in ok("summary", "python.safetensors")
    assert json.loads(ok("summary", "python.safetensors", "--json"))["features"] == 3
    code, _, err = run("predict", "python.safetensors", "iris")
    assert code == 2 and "was not saved by 'nncore train'" in err


# ---- data and info


def test_data_list(ok):
    lines = ok("data", "list").splitlines()
    assert [line.split()[0] for line in lines[1:14]] == [*BUNDLED, *GENERATORS]
    assert len(json.loads(ok("data", "list", "--json"))["datasets"]) == 13


def test_data_show(ok):
    text = ok("data", "show", "digits")
    assert "1797 rows, 64 features, 10 classes" in text and "... and 44 more" in text and "target: 0 178, 1 182" in text
    facts = json.loads(ok("data", "show", "diabetes", "--json"))
    assert facts["features"][0] == {"name": "age", "min": 19, "mean": pytest.approx(48.518, abs=1e-3), "max": 79}
    assert facts["target"]["max"] == 346


def test_info(ok):
    config = nncore.show_config()
    facts = json.loads(ok("info", "--json"))
    assert {name: facts[name] for name in config} == config
    assert [*facts][len(config) :] == ["cpu_vendor", "cpu_numbers", "extensions", "amx", "caches", "peak_gflops"]
    assert [*facts["peak_gflops"]] == ["float32", "float64"] and config["isa"] in facts["peak_gflops"]["float32"]
    lines = ok("info").splitlines()
    assert [line.split()[0] for line in lines] == [*facts] and lines[-1].endswith(", measured now")


@pytest.mark.parametrize(
    ("isa", "emulated"), [("avx2", "yes: mixed_bfloat16 is slower than float32 here"), ("avx512bf16", "no")]
)
def test_info_says_whether_bfloat16_is_emulated(ok, isa, emulated, monkeypatch):
    monkeypatch.setattr(select, "mixed_isa", lambda: isa)
    facts = json.loads(ok("info", "--json"))
    assert (facts["isa_bfloat16"], facts["bfloat16_emulated"]) == (isa, emulated != "no")
    shown = dict(line.split(maxsplit=1) for line in ok("info").splitlines())
    assert (shown["isa_bfloat16"], shown["bfloat16_emulated"]) == (isa, emulated)


# ---- mistakes


MISTAKES = [
    ([], "arguments are required: COMMAND"),
    (["trian"], "unknown command 'trian'; did you mean 'train'?"),
    (["--verion"], "unknown option '--verion'; did you mean '--version'? see nncore --help"),
    (["--frobnicate=3", "info"], "unknown option '--frobnicate'; see nncore --help"),
    (["train"], "arguments are required: DATA"),
    (["train", "digts"], "unknown data set 'digts'; did you mean 'digits'?"),
    (["train", "./digits"], "no such data set or file: ./digits"),
    (["train", "absent.csv"], "absent.csv: No such file or directory"),
    (["train", "absent.npz"], "absent.npz: No such file or directory"),
    (["train", "."], ". has files of several kinds, .csv, .npz: choose one, as in"),
    (["train", "mnist"], "set NNCORE_DATA"),
    (["train", "mnist:absent"], "absent: neither train-images-idx3-ubyte nor"),
    (["train", "digits", "extra"], "unexpected argument 'extra'"),
    (["train", "digits", "--epoch", "3"], "unknown option '--epoch'; did you mean '--epochs'?"),
    (["train", "digits", "--epochs"], "--epochs: expected one argument"),
    (["train", "digits", "--epochs", "0"], "--epochs: expected a whole number from 1 to"),
    (["train", "digits", "--epochs", "\u22121"], "--epochs: expected a whole number"),
    (["train", "digits", "--batch-size", "-5"], "--batch-size: expected a whole number"),
    (["train", "digits", "--threads", "0"], "--threads: expected a whole number"),
    (["train", "digits", "--seed", "-1"], "--seed: expected a whole number from 0 to 18446744073709551615, got '-1'"),
    (["train", "digits", "--seed", "1.5"], "--seed: expected a whole number"),
    (["train", "digits", "--lr", "nan"], "--lr: learning_rate must be a finite number >= 0, got nan"),
    (["train", "digits", "--lr=-1"], "--lr: learning_rate must be a finite number >= 0, got -1.0"),
    (["train", "digits", "--lr", "fast"], "--lr: expected a number, got 'fast'; see"),
    (["train", "digits", "--val", "1"], "--val: expected a share of at least 0 and below 1, got '1'"),
    (["train", "digits", "--test", "x"], "--test: expected a share"),
    (["train", "digits", "--test", "nan"], "--test: expected a share"),
    (["train", "digits", "--test", "0.999"], "choose other shares with --test and --val"),
    (["train", "digits", "--layers", "64;32"], "--layers: expected whole numbers such as 64,32, or none, got '64;32'"),
    (["train", "digits", "--layers", "0"], "--layers: expected whole numbers"),
    (["train", "digits", "--layers", "1_0"], "--layers: expected whole numbers"),
    (
        ["train", "digits", "--epochs", "1_000"],
        "a whole number from 1 to 2147483647, got '1_000'; write it as 1000; see",
    ),
    (["train", "digits", "--epochs", "\u0663\u0660"], "got '\u0663\u0660'; write it as 30; see"),
    (["train", "digits", "--batch-size", "\uff13\uff12"], "got '\uff13\uff12'; write it as 32; see"),
    (["train", "digits", "--threads", "1 0"], "got '1 0'; write it as 10"),
    (["train", "digits", "--epochs", "ten"], "got 'ten'; see"),
    (["train", "digits", "--seed", "1_0"], "--seed: expected a whole number from 0 to 18446744073709551615, got '1_0'"),
    (["train", "digits", "--lr", "1_0.5"], "--lr: expected a number, got '1_0.5'; write it as 10.5"),
    (["train", "digits", "--lr", "\u0660.\u0661"], "--lr: expected a number, got '\u0660.\u0661'; write it as 0.1"),
    (
        ["train", "digits", "--test", "0.2_5"],
        "a share of at least 0 and below 1, got '0.2_5'; write it as 0.25",
    ),
    (["train", "digits", "--val", "\u0660.\u0662"], "write it as 0.2"),
    (["builder", "--port", "8_416"], "got '8_416'; write it as 8416"),
    (
        ["train", "digits", "--learning-rate", "0.1"],
        "'--learning-rate'; here it is --lr; see nncore train --help",
    ),
    (["train", "digits", "--learning_rate=0.1"], "unknown option '--learning_rate'; here it is --lr; see"),
    (["train", "digits", "--batch_size", "8"], "unknown option '--batch_size'; here it is --batch-size; see"),
    (["train", "digits", "--hidden", "8"], "unknown option '--hidden'; here it is --layers; see"),
    (["predict", "m.safetensors", "iris", "--hidden", "8"], "unknown option '--hidden'"),
    (
        ["train", "digits", "--dropout", "0.1"],
        "has none, Python has: Dropout(0.2) among the layers; see",
    ),
    (["train", "digits", "--l2", "0.1"], """Python has: Dense(64, "relu", l2=1e-4); see"""),
    (
        ["train", "digits", "--patience", "5"],
        "Python has: fit(callbacks=EarlyStopping(patience=20)); --val keeps",
    ),
    (
        ["train", "digits", "--schedule", "cosine"],
        "constant, linear; in Python there are others: Adam(CosineDecay(",
    ),
    (["help", "trian"], "unknown command 'trian'; did you mean 'train'?"),
    (["--completion", "fish"], "unknown --completion 'fish'. Known: bash, zsh"),
    (["train", "digits", "--layers", "100000000,100000000"], "GB of memory"),
    (["train", "digits", "--activation", "rleu"], "unknown activation 'rleu'; did you mean 'relu'?"),
    (["train", "digits", "--optimizer", "adm"], "--optimizer: unknown optimizer 'adm'; did you mean 'adam'?"),
    (["train", "digits", "--loss", "hubr"], "--loss: unknown loss 'hubr'; did you mean 'huber'?"),
    (
        ["train", "digits", "--loss", "huber"],
        "--loss: 'huber' does not suit a target that is classes; known: cat",
    ),
    (["train", "diabetes", "--loss", "poisson"], "--loss: 'poisson' does not suit a target that is a number; known: g"),
    (["train", "digits", "--optimizer", "L-BFGS"], "--optimizer: 'L-BFGS' is a solver, which only Python has: fit("),
    (["train", "digits", "--solver", "lbfgs"], 'has: fit(X, y, solver="lbfgs"), or "lm"; optimizers are --optimizer'),
    (["train", "digits", "--dtype", "float16"], "unknown --dtype 'float16'; did you mean 'mixed_bfloat16'?"),
    (["train", "digits", "--dtype", "bfloat16"], "unknown --dtype 'bfloat16'; did you mean 'mixed_bfloat16'?"),
    (["train", "digits", "--target", "x"], "--target is for CSV files, and digits is none"),
    (["train", "digits", "--task", "regression"], "--task is for CSV and NPZ files, and digits is none"),
    (["train", "iris", "--encoding", "latin-1"], "--encoding is for CSV files, and iris is none"),
    (["predict", "m.safetensors", "iris", "--header", "no"], "--header is for CSV files, and iris is none"),
    (["train", "t.csv", "--header", "maybe"], "unknown --header 'maybe'. Known: yes, no"),
    (["train", "t.csv", "--encoding", "base64"], "unknown encoding 'base64'"),
    (["train", "digits", "-o", "no/such/folder"], "the folder no/such of the output does not exist"),
    (["train", "digits", "-o", "."], "the output . is a folder"),
    (["train", "t.csv", "-o", "t.csv"], "the output t.csv is also the input"),
    (["train", "t.csv", "-o", "t.csv", "--force"], "the output t.csv is also the input"),
    (["train", "digits", "-o", "t.csv"], "t.csv exists already; name another file with -o, or overwrite"),
    (["train", "digits", "--history", "t.csv"], "t.csv exists already; name another file with --history, or overwrite"),
    (["train", "digits", "--history", "."], "the output . is a folder; name a file in it with --history"),
    (["train", "digits", "-o", "x", "--history", "x"], "-o and --history both name x; give each a file of its own"),
    (["doctor", "absent.json"], "absent.json: No such file or directory"),
    (["doctor", "t.csv"], "'t.csv' cannot be read as a history: it is not JSON, or was cut off"),
    (["doctor", "m.safetensors"], "'m.safetensors' cannot be read as a history: it is not"),
    (["doctor", "."], "."),
    (["doctor"], "the following arguments are required: RUN; see nncore doctor --help"),
    (["train", "t.csv", "--target", "specis"], "t.csv: there is no column 'specis'; did you mean 'species'?"),
    (["train", "t.csv", "--ignore", "wings"], "t.csv: there is no column 'wings'"),
    (["train", "t.csv", "--encoding", "klingon"], "unknown encoding 'klingon'"),
    (["train", "one.csv"], "every row of one.csv is of class 'a'; classification needs two classes or more"),
    (["train", "alone.csv"], "alone.csv: each of the 3 rows is of a class of its own, so no row can test"),
    (
        ["train", "many.csv"],
        "row of each of the 12 classes in both parts, got 19 training and 5 test rows; choose other",
    ),
    (["train", "t.csv", "--ignore", "species"], "t.csv: the target 'species', the last column, is ignored"),
    (["train", "ragged.csv"], "ragged.csv:3: expected 2 fields"),
    (["train", "huge.csv"], "huge.csv: X spreads too wide in column 0"),
    (["predict", "t.csv", "digits"], "not an nncore model"),
    (["predict", "absent", "digits"], "absent: No such file or directory"),
    (["predict", "m.safetensors", "digits"], "digits has 64 features, but the model expects 4"),
    (["predict", "m.safetensors", "t.csv"], "t.csv: there is no column 'sepal length (cm)'"),
    (["predict", "m.safetensors", "iris", "-o", "m.safetensors", "--force"], "m.safetensors is also the input"),
    (["predict", "m.safetensors", "iris", "-o", "t.csv"], "t.csv exists already"),
    (["evaluate", "m.safetensors", "new.csv"], "new.csv has no target 'species' to compare with"),
    (["evaluate", "m.safetensors", "few.csv", "--held-out"], "another number of rows (1) than iris had in training"),
    (["evaluate", "m.safetensors", "xor4.npz"], "xor4.npz: unknown class '7'; known: setosa"),
    (["predict", "line.safetensors", "sine", "--proba"], "--proba needs classes"),
    (["predict", "line.safetensors", "wide.npz"], "wide.npz has 4 features, but the model expects 1"),
    (["predict", "cut.safetensors", "iris"], "cut.safetensors"),
    (["summary", "t.csv"], "not an nncore model"),
    (["data"], "arguments are required: ACTION"),
    (["data", "shw"], "unknown action 'shw'; did you mean 'show'?"),
    (["data", "show", "irs"], "unknown data set 'irs'; did you mean 'iris'?"),
    (["info", "--jsn"], "unknown option '--jsn'; did you mean '--json'?"),
]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A folder with the files that `MISTAKES` name."""
    folder = tmp_path_factory.mktemp("workshop")
    model, line = folder / "m.safetensors", folder / "line.safetensors"
    assert main(["train", "iris", *QUICK, "--quiet", "-o", str(model)]) == 0
    assert main(["train", "sine", *QUICK, "--quiet", "-o", str(line)]) == 0
    names = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"
    tables = {
        "t.csv": PENGUINS,
        "one.csv": "x,y\n1,a\n2,a\n",
        "alone.csv": "x,y\n1,a\n2,b\n3,c\n",
        "many.csv": "x,y\n" + "".join(f"{i},c{i % 12}\n" for i in range(24)),
        "ragged.csv": "x,y\n1,2\n1,2,3\n",
        "huge.csv": "x,y\n" + "1e300,0\n-1e300,1\n" * 20,
        "new.csv": f"{names}\n1,2,3,4\n",
        "few.csv": f"{names},species\n1,2,3,4,setosa\n",
    }
    for name, text in tables.items():
        (folder / name).write_text(text)
    np.savez(folder / "xor4.npz", X=np.zeros((2, 4)), y=[7, 8])
    np.savez(folder / "wide.npz", X=np.zeros((2, 4)))
    (folder / "cut.safetensors").write_bytes(model.read_bytes()[:-10])
    return folder


@pytest.mark.parametrize(
    ("argv", "message"), MISTAKES, ids=lambda value: value if isinstance(value, str) else " ".join(value)
)
def test_a_mistake_gets_one_sentence(run, workshop, monkeypatch, argv, message):
    monkeypatch.chdir(workshop)
    before = {path.name: path.stat().st_mtime_ns for path in workshop.iterdir()}
    code, out, err = run(*argv)
    assert (code, out) == (2, ""), err
    assert message in err and err.startswith("nncore: ") and err.count("\n") == 1
    assert {path.name: path.stat().st_mtime_ns for path in workshop.iterdir()} == before


def test_force_overwrites(ok):
    Path("m.safetensors").write_text("precious")
    ok("train", "iris", *QUICK, "-o", "m.safetensors", "--force")
    nncore.load("m.safetensors")


def test_divergence_fails_with_advice(run):
    code, _, err = run("train", "sine", "--lr", "1e30", "--optimizer", "sgd", "-o", "m.safetensors")
    assert code == 1 and "training diverged at epoch 0" in err and "smaller learning rate" in err
    assert not Path("m.safetensors").exists()


def test_a_training_that_diverges_later_leaves_the_model_of_the_last_good_epoch(run):
    options = ["--lr", "0.9", "--optimizer", "sgd", "--schedule", "constant", "--epochs", "300"]
    np.savez("line.npz", X=np.linspace(-1, 1, 20)[:, None] * [[1.0, 0.5]], y=np.linspace(-1, 1, 20))
    options += ["--layers", "none", "--batch-size", "20", "--test", "0", "--val", "0"]
    code, _, err = run("train", "line.npz", *options, "-o", "m.safetensors", "--history", "run.json")
    said, failed = err.splitlines()
    assert code == 1 and failed.startswith("nncore: training diverged at epoch ")
    model, history = nncore.load("m.safetensors"), nncore.History.load("run.json")
    assert said == f"nncore: the model as it was after {model.epoch} epochs is saved to m.safetensors"
    assert model.epoch == history.diverged["epoch"] > 0 and np.isfinite(model.parameters).all()


@pytest.mark.parametrize(
    "argv",
    [["--help"], ["train", "--help"], ["data", "show", "--help"], ["--version"], ["help"], ["help", "data", "show"]],
)
def test_help_and_version(run, argv):
    code, out, err = run(*argv)
    assert (code, err) == (0, "") and (nncore.__version__ in out or "usage: nncore" in out)


# ---- histories and the doctor


def test_help_is_a_command_too(ok):
    assert ok("help") == ok("--help") and ok("help", "train") == ok("train", "--help") != ok("help")


@pytest.mark.parametrize("loss", ["huber", "gaussian_negative_log_likelihood"])
def test_a_loss_by_name(run, loss):
    code, out, _ = run("train", "diabetes", "--loss", loss, "--epochs", "20", "--json", "-o", "m.safetensors")
    assert code == 0 and json.loads(out)["test"]["r2"] > 0.2
    assert nncore.load("m.safetensors").loss.name == loss
    code, out, _ = run("evaluate", "m.safetensors", "diabetes", "--json")
    assert code == 0 and json.loads(out)["r2"] > 0.2


def test_hints_name_what_there_is():
    options = {option for _, words in completion._words(build_parser()) for option in words}
    assert set(hints.OTHER_NAMES) <= options
    words = [word for words in [*hints.OTHER_NAMES.values(), *hints.IN_PYTHON] for word in words.split()]
    assert len(set(words)) == len(words) and not options & {f"--{word}" for word in words}
    names = {name for how in hints.IN_PYTHON.values() for name in re.findall(r"\b[A-Z][A-Za-z]+(?=\()", how)}
    assert {"Dropout", "Dense", "EarlyStopping"} < names and all(hasattr(nncore, name) for name in names)
    nncore.Adam(nncore.CosineDecay(0.001, 1000)), nncore.Dense(64, "relu", l2=1e-4), nncore.SGD(0.01, momentum=0.9)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("nncore tr", {"train"}),
        ("nncore train iris --epo", {"--epochs"}),
        ("nncore predict m d --p", {"--proba"}),
        ("nncore data s", {"show"}),
        ("nncore data show iris --he", {"--help", "--header"}),
        ("nncore data list --he", {"--help"}),
        ("nncore --v", {"--version"}),
        ("nncore train i", set()),
    ],
)
def test_tab_completion(ok, line, found):
    Path("completion.sh").write_text(ok("--completion", "bash"))
    words = line.split(" ")
    state = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}"
    test = f". ./completion.sh; {state}; _nncore; echo ${{COMPREPLY[@]}}"
    shown = subprocess.run(["bash", "-c", test], capture_output=True, text=True, check=True)
    assert set(shown.stdout.split()) == found and shown.stderr == ""


def test_train_writes_its_history(ok):
    result = json.loads(ok("train", "iris", *QUICK, "--val", "0.2", "--history", "run.json", "--json"))
    history = nncore.History.load("run.json")
    assert history.epoch == [0, 1] and history.loss.tolist() == result["history"]["loss"]
    assert history.val_loss.tolist() == result["history"]["val_loss"]


def test_a_file_of_mnist_is_told_from_a_table(run, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(b"\x1f\x8b")
    code, _, err = run("train", "data/train-images-idx3-ubyte.gz")
    assert code == 2 and err.endswith("is one of the IDX files of MNIST; name their folder: mnist:data\n")


def test_train_says_what_is_severe(ok):
    command = ("train", "wine", "--lr", "1e9")
    assert ok(*command, "--quiet") == ""
    *_, verdict, doctor = ok(*command, "--history", "run.json").splitlines()
    assert verdict.startswith("test accuracy")
    assert doctor.startswith("doctor severe: ") and "learning rate too high" in doctor
    assert doctor.endswith("; what it means, and what to try: nncore doctor run.json")
    assert ok(*command).endswith("to try: --history run.json, then nncore doctor run.json\n")
    assert "doctor" not in ok("train", "wine", *QUICK)


def test_doctor_prints_findings_and_succeeds(ok):
    history = nncore.History()
    history.extend(0, {"loss": [1.0, 1.5, 4.0], "learning_rate": [0.5] * 3})
    history.save("run.json")
    lines = ok("doctor", "run.json").splitlines()
    assert lines[0] == "1 finding in 3 epochs" and lines[2] == "severe: divergence"
    result = json.loads(ok("doctor", "run.json", "--json"))
    assert result["epochs"] == 3 and result["not_recorded"] == ["validation loss", "layers", "inputs", "targets"]
    (finding,) = result["findings"]
    assert finding["seen"] == "the loss rose from 1 to 4" and set(finding) == {
        *("rule", "severity", "layer", "seen", "why", "remedy")
    }


def test_doctor_names_the_classes(ok, run):
    Path("t.csv").write_text("x,y\n" + "".join(f"{i % 7},{'often' if i % 50 else 'seldom'}\n" for i in range(500)))
    ok("train", "t.csv", *QUICK, "--history", "run.json", "-o", "m.safetensors")
    assert "class often has 49 times the rows of class seldom" in ok("doctor", "run.json")
    assert nncore.History.load("run.json").targets["names"] == ["often", "seldom"]
    Path("run.json").write_text(Path("run.json").read_text().replace('"often", "seldom"', '"often", 3'))
    code, _, err = run("doctor", "run.json")
    assert code == 2 and "targets.names[1] must be a string, got 3" in err


def test_doctor_has_nothing_to_say(ok):
    nncore.History().save("run.json")
    assert ok("doctor", "run.json").startswith("nothing found in 0 epochs")


def test_a_failed_training_leaves_its_history(run, monkeypatch):
    fit = nncore.Sequential.fit

    def fit_and_fail(self, X, y, **options):
        fit(self, X, y, **{**options, "epochs": 2})
        raise nncore.TrainingDiverged(2, 0, 1e30, 10.0)

    monkeypatch.setattr(nncore.Sequential, "fit", fit_and_fail)
    code, _, err = run("train", "iris", "--history", "run.json")
    assert code == 1 and "training diverged at epoch 2" in err
    assert nncore.History.load("run.json").epoch == [0, 1]


# ---- interruption and broken outputs


@pytest.fixture
def interrupted_fit(monkeypatch):
    """Ctrl-C after the second epoch."""
    fit = nncore.Sequential.fit

    def interrupted(self, X, y, **options):
        fit(self, X, y, **{**options, "epochs": 2})
        raise KeyboardInterrupt

    monkeypatch.setattr(nncore.Sequential, "fit", interrupted)


def test_predictions_hold_no_formula_for_a_spreadsheet(ok):
    rows = [f"{x},{name}" for x in range(20) for name in ("=cmd|'/c calc'!A1", "@home", "-1", "+x", "plain")]
    Path("t.csv").write_text("x,kind\n" + "\n".join(rows) + "\n")
    ok("train", "t.csv", *QUICK, "--task", "classification", "-o", "m.safetensors")
    ok("predict", "m.safetensors", "t.csv", "--proba", "-o", "out.csv")
    header, *predicted = csv.reader(Path("out.csv").read_text().splitlines())
    assert sorted(header[1:]) == ["'+x", "'=cmd|'/c calc'!A1", "'@home", "-1", "plain"]
    assert {row[0] for row in predicted} <= set(header[1:])
    assert header == next(csv.reader(io.StringIO(ok("predict", "m.safetensors", "t.csv", "--proba"))))
    said = json.loads(ok("predict", "m.safetensors", "t.csv", "--json"))
    assert "=cmd|'/c calc'!A1" in said["classes"]


@pytest.mark.usefixtures("interrupted_fit")
def test_ctrl_c_keeps_what_was_learnt(run):
    code, out, err = run("train", "iris", "-o", "m.safetensors")
    assert code == 130 and err == "nncore: interrupted after 2 epochs; saved as it is to m.safetensors\n"
    assert nncore.load("m.safetensors").epoch == 2 and "test accuracy" not in out


@pytest.mark.usefixtures("interrupted_fit")
def test_ctrl_c_without_output(run):
    code, _, err = run("train", "iris")
    assert code == 130 and err == "nncore: interrupted\n"


def command(*argv, encoding="utf-8", **options):
    """Start ``python -m nncore`` on the package under test, whatever folder it lies in."""
    environment = os.environ | {"PYTHONPATH": str(Path(nncore.__file__).parent.parent), "PYTHONIOENCODING": encoding}
    return subprocess.Popen(
        [sys.executable, "-m", "nncore", *argv], env=environment, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize(
    ("name", "code", "how"),
    [
        ("SIGINT", 130, "interrupted"),
        ("SIGTERM", 143, "terminated by SIGTERM"),
        ("SIGHUP", 129, "terminated by SIGHUP"),
    ],
)
def test_signals_in_a_process(tmp_path, name, code, how):
    number = getattr(signal, name)
    listen = partial(signal.signal, number, signal.SIG_DFL)  # a test run in the background ignores some
    options = ["--epochs", "1000000", "--layers", "8", "-o", "m.safetensors"]
    process = command("train", "iris", *options, stdout=subprocess.PIPE, cwd=tmp_path, preexec_fn=listen)
    while not process.stdout.readline().startswith("run "):
        assert process.poll() is None
    time.sleep(0.5)  # thousands of epochs
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    found = re.search(rf"^nncore: {how} after (\d+) epochs; saved as it is to m.safetensors$", err, re.MULTILINE)
    assert nncore.load(tmp_path / "m.safetensors").epoch == int(found[1]) > 0 and "Traceback" not in err


def test_a_signal_that_is_ignored_stays_ignored_and_the_others_come_back(run, monkeypatch):
    fit = nncore.Sequential.fit
    seen = []

    def watched(self, X, y, **options):
        seen.extend(signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP))
        return fit(self, X, y, **options)

    monkeypatch.setattr(nncore.Sequential, "fit", watched)
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert run("train", "iris", *QUICK)[0] == 0
        assert callable(seen[0]) and seen[1] == signal.SIG_IGN
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == (signal.SIG_DFL, signal.SIG_IGN)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_second_signal_does_not_stop_the_saving(run, monkeypatch):
    def twice(*arguments, **options):
        os.kill(os.getpid(), signal.SIGTERM)

    def saved(*arguments):
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGTERM)
        save(*arguments)

    save = nncore.cli.model_file.save
    fit = nncore.Sequential.fit
    monkeypatch.setattr("nncore.cli.model_file.save", saved)
    monkeypatch.setattr(
        nncore.Sequential, "fit", lambda self, X, y, **options: fit(self, X, y, epochs=2, callbacks=twice)
    )
    before = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        code, _, err = run("train", "iris", "-o", "m.safetensors")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert (code, err) == (143, "nncore: terminated by SIGTERM after 1 epoch; saved as it is to m.safetensors\n")
    assert nncore.load("m.safetensors").epoch == 1


def test_predictions_replace_a_file_as_a_whole(ok, run, monkeypatch):
    ok("train", "iris", *QUICK, "-o", "m.safetensors")
    Path("out.csv").write_text("precious")

    def interrupted(*_):
        yield ("prediction",)
        raise KeyboardInterrupt

    monkeypatch.setattr("nncore.cli.predict._csv_rows", interrupted)
    code, _, _ = run("predict", "m.safetensors", "iris", "-o", "out.csv", "--force")
    assert code == 130 and Path("out.csv").read_text() == "precious" and len(os.listdir()) == 2


def test_as_a_process(tmp_path):
    process = command("train", "iris", *QUICK, stdout=subprocess.PIPE, cwd=tmp_path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0 and "test accuracy" in out and err == ""


def test_a_reader_that_leaves_early():
    process = command("data", "show", "digits", "--json", stdout=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == "" and process.wait(timeout=60) == 1
    process.stderr.close()


def test_a_closed_stdout(tmp_path):
    process = command("train", "iris", *QUICK, "-o", "m.safetensors", cwd=tmp_path, preexec_fn=lambda: os.close(1))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err == "nncore: cannot write to stdout: it is closed\n"


def test_a_narrow_stdout(tmp_path):
    (tmp_path / "t.csv").write_text("größe,y\n1,a\n2,b\n3,a\n", encoding="utf-8")
    process = command("data", "show", "t.csv", stdout=subprocess.PIPE, cwd=tmp_path, encoding="ascii")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err.startswith(
        "nncore: cannot write '\\xf6\\xdf' in the encoding ascii of stdout; "
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("argv", [["info", "--json"], ["data", "list"]], ids=" ".join)
def test_a_full_disk(argv):
    with open("/dev/full", "w") as full:
        process = command(*argv, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1 and err == "nncore: cannot write to stdout: No space left on device\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_predictions_to_a_full_disk(run):
    run("train", "iris", *QUICK, "-o", "m.safetensors")
    code, _, err = run("predict", "m.safetensors", "iris", "-o", "/dev/full", "--force")
    assert code == 1 and err == "nncore: cannot write /dev/full: No space left on device\n"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("NNCORE_ISA", "avx1024", "NNCORE_ISA='avx1024' is unknown"),
        ("NNCORE_NUM_THREADS", "0", "NNCORE_NUM_THREADS='0' must be an integer of at least 1"),
    ],
)
def test_bad_environment_variables_are_one_sentence(variable, value, message):
    environment = os.environ | {variable: value}
    command = [sys.executable, "-m", "nncore", "info"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert result.returncode == 2
    assert result.stderr.startswith(f"nncore: {message}") and result.stderr.count("\n") == 1


def test_outputs_that_could_not_be_written_are_refused_before_the_training(run, monkeypatch):
    monkeypatch.setattr(nncore.Sequential, "fit", lambda *_, **__: pytest.fail("trained"))
    monkeypatch.setattr("nncore.many.together.fit_many", lambda *_, **__: pytest.fail("trained"))
    os.symlink("loop", "loop")
    os.symlink("nowhere/m.png", "dangling.png")
    search = "search", "iris", "--space", "hidden.units=4,8"
    for path, said in (
        ("/dev/null", "is a device or a pipe"),
        ("loop", "leads back"),
        ("dangling.png", "does not exist"),
    ):
        for command in (("train", "iris", "-o"), ("train", "iris", "--history"), (*search, "-o"), (*search, "--table")):
            code, _, err = run(*command, path, "--force")
            assert code == 2 and said in err, err
    monkeypatch.setattr(os, "access", lambda *_: False)
    code, _, err = run("train", "iris", "-o", "m.st")
    assert code == 2 and err.endswith("m.st cannot be written: permission denied; name another file with -o\n")


def test_a_history_that_cannot_be_written_does_not_lose_the_model(run, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(nncore.History, "save", full)
    code, _, err = run("train", "iris", "--epochs", "3", "-o", "m.st", "--history", "h.json")
    assert code == 1 and err.endswith("nncore: cannot write h.json: No space left on device\n")
    assert nncore.load("m.st").epoch == 3


# ---- metrics


def test_metrics_beside_the_usual_ones(run, ok):
    out = json.loads(ok("train", "iris", "--metrics", "f1,auc,top_2_accuracy", "--json", "-o", "m.safetensors", *QUICK))
    assert list(out["test"]) == ["accuracy", "loss", "f1", "auc", "top_2_accuracy"]
    assert {"f1", "auc"} <= set(out["history"])
    saved = json.loads(ok("evaluate", "m.safetensors", "iris", "--held-out", "--json"))
    assert {name: saved[name] for name in out["test"]} == out["test"]
    other = ok("evaluate", "m.safetensors", "iris", "--held-out", "--metrics", "recall_of_1,log_loss")
    assert re.match(r"accuracy [\d.]+, loss [\d.]+, recall_of_1 [\d.]+, log_loss [\d.]+ \(30 rows\)", other)
    numbers = json.loads(ok("train", "diabetes", "--metrics", "mape,mae,rmse", "--json", "-o", "n.safetensors", *QUICK))
    assert list(numbers["test"]) == ["r2", "rmse", "mape", "mae"] and numbers["test"]["mae"] > 10, "in its units"
    saved = json.loads(ok("evaluate", "n.safetensors", "diabetes", "--held-out", "--metrics", "mae", "--json"))
    assert saved["mae"] == numbers["test"]["mae"]
    assert "f1 0" in ok("train", "iris", "--folds", "3", "--metrics", "f1", *QUICK)
    assert "f1 0" in ok("train", "iris", "--ensemble", "2", "--metrics", "f1", *QUICK)
    for data, score in (("iris", "f1_macro"), ("diabetes", "r2")):
        assert score in ok("search", data, "--space", "hidden.units=4,8", "--score", score, "--epochs", "2")
    for command, message in (
        (("train", "iris", "--metrics", "f11"), "--metrics: unknown metric 'f11'; did you mean 'f1'?"),
        (("train", "iris", "--metrics", "f1,rmse"), "--metrics: rmse is no metric for this target, which is classes"),
        (("train", "diabetes", "--metrics", "f1"), "--metrics: f1 is no metric for this target, which is a number"),
        (
            ("evaluate", "m.safetensors", "iris", "--metrics", "mae"),
            "mae is no metric for this target, which is classes",
        ),
        (("search", "diabetes", "--space", "hidden.units=4", "--score", "auc"), "--score: auc is no metric for this"),
        (("search", "iris", "--space", "hidden.units=4", "--monitor", "f1"), "'--monitor'; here it is --score"),
    ):
        code, out, err = run(*command)
        assert code == 2 and message in err and out == ""
