"""``nncore search``, and ``nncore train`` with folds and ensembles."""

import csv
import json
import re
from unittest.mock import ANY

import numpy as np
import pytest

import nncore
from nncore import Ensemble, fit_many, load
from nncore.cli import main
from nncore.cli.search import space_of
from nncore.cli.signals import Terminated


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    yield run
    nncore.set_num_threads()


@pytest.fixture
def ok(run):
    def ok(*argv):
        code, out, err = run(*argv)
        assert (code, err) == (0, "")
        return out

    return ok


def test_folds(ok):
    out = ok("train", "penguins", "--folds", "4", "--epochs", "5").splitlines()
    assert out[0].startswith("data   penguins: 333 rows in 4 folds; ")
    assert [line.split()[:2] for line in out[3:7]] == [["fold", str(k)] for k in range(1, 5)]
    found = json.loads(ok("train", "penguins", "--folds", "4", "--epochs", "5", "--json"))
    assert sum(fold["rows"] for fold in found["folds"]) == 333
    assert found["mean"]["accuracy"] == pytest.approx(np.mean([fold["accuracy"] for fold in found["folds"]]))
    assert f"accuracy {found['mean']['accuracy']:.4f}" in out[-1]
    assert ok("train", "penguins", "--folds", "4", "--epochs", "5", "--quiet") == ""


def test_each_fold_is_prepared_by_the_other_rows_alone(ok, monkeypatch):
    from nncore.cli import several

    seen = []
    fit = several.Preparation.fit
    monkeypatch.setattr(
        several.Preparation, "fit", lambda rows, **options: seen.append(len(rows)) or fit(rows, **options)
    )
    ok("train", "diabetes", "--folds", "3", "--epochs", "2", "--val", "0.5")
    assert seen == [147, 147, 147]  # half of 442 - 148 or 147


def test_ensemble_there_and_back(ok):
    out = ok("train", "iris", "--ensemble", "3", "--epochs", "20", "-o", "iris.ensemble")
    assert "seed 0 and on, 3 networks" in out and "saved to iris.ensemble" in out
    alone = json.loads(ok("train", "iris", "--seed", "2", "--epochs", "20", "-o", "one.safetensors", "--json"))
    ensemble = Ensemble.load("iris.ensemble")
    assert [model.seed for model in ensemble.models] == [0, 1, 2] and alone["epochs"] == 20
    told = ok("evaluate", "iris.ensemble", "iris", "--held-out").splitlines()[0]
    assert told.split(",")[0] in out.replace(" (", ",")
    assert len(ok("predict", "iris.ensemble", "iris", "--proba").splitlines()) == 151
    found = json.loads(ok("train", "iris", "--ensemble", "3", "--epochs", "20", "--json"))
    assert len(found["members"]) == 3 and found["test"]["accuracy"] == pytest.approx(
        float(told.split()[1][:-1]), abs=1e-4
    )


def test_products_of_bfloat16(ok):
    """Networks of folds, ensembles and searches have them as one alone, and say where they save no time."""
    mixed = "--dtype", "mixed_bfloat16", "--epochs", "3"
    note = "note   mixed_bfloat16: float32 trains layers as narrow"
    assert note in ok("train", "iris", "--layers", "8", "--folds", "3", *mixed)
    assert note in ok("train", "iris", "--layers", "8", "--ensemble", "2", "-o", "i.ensemble", *mixed)
    assert {model.dtype_policy for model in Ensemble.load("i.ensemble").models} == {"mixed_bfloat16"}
    assert note in ok("search", "iris", "--layers", "8", "--space", "hidden.units=4,8", "-o", "i.safetensors", *mixed)
    assert load("i.safetensors").dtype_policy == "mixed_bfloat16"


def test_a_regression_s_ensemble(ok):
    ok("train", "diabetes", "--ensemble", "2", "--epochs", "9", "-o", "sugar.ensemble", "--quiet")
    assert ok("evaluate", "sugar.ensemble", "diabetes", "--held-out").startswith("R2 0.")


def test_means_and_deviations_have_the_same_names(ok):
    told = ok("train", "diabetes", "--folds", "2", "--epochs", "2").splitlines()[-1]
    assert re.search(r"^mean   R2 .*, RMSE .*; deviation between folds: R2 [^ ]+, RMSE ", told)


def test_search(ok):
    argv = ["search", "iris", "--space", "hidden.units=4,16", "--space", "optimizer.learning_rate=1e-3..1e-1:log"]
    out = ok(*argv, "--trials", "6", "--halving", "2", "--epochs", "8", "-o", "best.safetensors", "--table", "all.csv")
    lines = out.splitlines()
    assert lines[3].split() == ["hidden.units", "optimizer.learning_rate", "trained", "loss", "accuracy"]
    assert lines[-1].startswith("test accuracy ") and "6 tried in" in lines[-1]
    model = load("best.safetensors")
    with open("all.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trained"] for row in rows] == ["8", "4", "2", "1", "1", "1"]
    assert float(rows[0]["optimizer.learning_rate"]) == model.optimizer.rate
    assert str(model.layers[0].units) == rows[0]["hidden.units"]
    assert ok("evaluate", "best.safetensors", "iris", "--held-out").split(",")[0] in lines[-1].replace(" of", ",")
    found = json.loads(ok(*argv, "--trials", "6", "--halving", "2", "--epochs", "8", "--json"))
    assert found["best"]["hidden.units"] == model.layers[0].units and len(found["candidates"]["loss"]) == 6
    assert ok(*argv, "--trials", "2", "--epochs", "2", "--quiet") == ""


def test_search_by_folds_and_accuracy(ok):
    out = ok("search", "wine", "--space", "layers=none/4,3", "--folds", "3", "--score", "accuracy", "--epochs", "3")
    assert "accuracy_std" in out and "[Dense(4, 'relu'), Dense(3, 'relu'), Dense(3, 'softmax')]" in out


def test_values():
    found = space_of(["epochs=1,2", "optimizer.beta_1=0.5", "hidden.activation=relu, tanh", "seed=0..9"], None)
    assert found == {
        "epochs": [1, 2],
        "optimizer.beta_1": [0.5],
        "hidden.activation": ["relu", "tanh"],
        "seed": nncore.Between(0, 9),
    }


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["search", "iris"], "--space"),
        (["search", "iris", "--space", "hidden.units"], "expected NAME=A,B,C or NAME=LOW..HIGH"),
        (["search", "iris", "--space", "hidden.units=4..x"], "expected a number, got 'x'"),
        (["search", "iris", "--space", "hidden.units=9..4"], "high must be a finite number >= 9"),
        (
            ["search", "iris", "--space", "hidden.units=4..9"],
            "is a range: say how many to draw from it",
        ),
        (["search", "iris", "--space", "seed=1", "--space", "seed=2"], "--space seed is given twice"),
        (["search", "iris", "--space", "epochs=1,2", "--halving", "2"], "leave 'epochs' out of --space"),
        (["search", "iris", "--space", "hidden.unit=4"], "did you mean 'units'"),
        (
            ["search", "iris", "--space", "hidden.units=4", "--score", "r2"],
            "r2 is no metric for this target, which is classes",
        ),
        (
            [
                "search",
                "diabetes",
                "--layers",
                "8",
                "--optimizer",
                "sgd",
                "--space",
                "optimizer.learning_rate=1e20,1e21",
            ],
            "no network could be trained: training diverged at epoch ",
        ),
        (["search", "iris", "--space", "layers=a/b"], "expected a number, got 'a'"),
        (["search", "iris", "--space", "seed=1", "--folds", "99"], "of class 'setosa' there are 40 rows; give"),
        (["train", "iris", "--folds", "1"], "--folds 1: 150 rows can be cut into 2 to 150 folds"),
        (["train", "iris", "--folds", "99"], "of class 'setosa' there are 50 rows; give --folds 50 or fewer"),
        (["train", "iris", "--folds", "3", "-o", "x"], "leave -o out"),
        (["train", "iris", "--folds", "3", "--test", "0.5"], "leave --test out"),
        (["train", "iris", "--ensemble", "3", "--folds", "3"], "leave --folds out"),
        (["train", "iris", "--ensemble", "3", "--plot", "a.png"], "leave --plot out"),
        (["train", "iris", "--cv", "3"], "here it is --folds"),
        (["builder", "iris.ensemble", "--no-browser"], "an ensemble, which nncore.Ensemble.load reads"),
    ],
)
def test_a_mistake_gets_one_sentence(run, argv, message):
    small = Ensemble.of(nncore.Sequential([nncore.Dense(1)]), 2)
    small.fit([[1.0]], [1.0])
    small.save("iris.ensemble")
    code, _, err = run(*argv)
    assert code == 2 and message in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "code", "how"),
    [(KeyboardInterrupt(), 130, "interrupted"), (Terminated(15), 143, "terminated by SIGTERM")],
)
def test_an_interrupted_ensemble_is_saved_as_it_is(run, monkeypatch, error, code, how):
    fit = Ensemble.fit

    def interrupted(self, X, y, **options):
        fit(self, X, y, **{**options, "epochs": [3, 1, 0][: len(self)]})
        raise error

    monkeypatch.setattr(Ensemble, "fit", interrupted)
    assert run("train", "iris", "--ensemble", "3", "-o", "e.nn") == (
        code,
        ANY,
        f"nncore: {how}; saved to e.nn: 2 of 3 networks as they were after 1 to 3 epochs\n",
    )
    assert [model.epoch for model in Ensemble.load("e.nn").models] == [3, 1]
    assert run("train", "iris", "--ensemble", "3")[0] == code


def test_an_ensemble_that_diverges_is_saved_as_it_was(run):
    """As a single network is: what was learnt up to the last good epoch."""
    np.savez("line.npz", X=np.linspace(-1, 1, 20)[:, None] * [[1.0, 0.5]], y=np.linspace(-1, 1, 20))
    command = "train", "line.npz", "--ensemble", "2", "--optimizer", "sgd", "--lr", "0.9", "--layers", "none"
    code, _, err = run(*command, "--epochs", "300", "--batch-size", "20", "--test", "0", "--val", "0", "-o", "e.nn")
    said, failed = err.splitlines()
    assert code == 1 and failed.startswith("nncore: training diverged at epoch ") and "are saved to e.nn" in said
    for model in Ensemble.load("e.nn").models:
        assert model.epoch > 0 and np.isfinite(model.parameters).all()


@pytest.mark.parametrize("given", [(), ("--json",)])
def test_interrupted_folds_show_how_far_they_came(run, monkeypatch, given):
    def interrupted(models, *rest, **options):
        fit_many(models, *rest, **{**options, "epochs": 3})
        models[1].reset()  # has not had its turn
        raise KeyboardInterrupt

    monkeypatch.setattr("nncore.cli.several.fit_many", interrupted)
    code, out, err = run("train", "iris", "--folds", "3", *given)
    assert code == 130 and err == "nncore: interrupted; 2 of 3 folds scored as they were then\n"
    if given:
        found = json.loads(out)
        assert [(one["fold"], one["rows"], one["epochs"]) for one in found["folds"]] == [(1, 50, 3), (3, 50, 3)]
        assert found["interrupted"] == "interrupted" and "mean" not in found
    else:
        assert re.findall(r"^fold (\d) accuracy .* rows\) after (.*)$", out, re.M) == [
            ("1", "3 epochs"),
            ("3", "3 epochs"),
        ]
        assert "mean" not in out


def test_summary_of_an_ensemble(ok):
    ok("train", "iris", "--ensemble", "3", "--epochs", "4", "-o", "e.nn")
    out = ok("summary", "e.nn")
    assert "ensemble of 3 networks, each such as this one\ntrained on: iris, 150 rows, 4 epochs" in out
    found = json.loads(ok("summary", "e.nn", "--json"))
    assert [one["seed"] for one in found["members"]] == [0, 1, 2] and found["target"] == "species"


@pytest.mark.parametrize("halving", [(), ("--halving", "3")])
def test_an_interrupted_search_shows_what_was_finished(run, monkeypatch, halving):
    calls = []

    def interrupted(models, *rest, **options):
        calls.append(len(models))
        histories = fit_many(models, *rest, **options)
        if len(calls) == 2:  # of the last rung, or of the training on all rows
            raise KeyboardInterrupt
        return histories

    monkeypatch.setattr("nncore.many.searching.fit_many", interrupted)
    code, out, err = run(
        "search", "iris", "--space", "hidden.units=4,8,16", "--epochs", "6", *halving, "--table", "t.csv", "-o", "m.st"
    )
    assert code == 130 and "3 of 3 networks scored as they were then; the table is in t.csv; none" in err
    with open("t.csv") as file:
        assert len(list(csv.DictReader(file))) == 3
    assert "hidden.units" in out and "test accuracy" not in out
