"""What a model file of the command line knows of its data, in Python: new files and tables become the same inputs."""

import csv
import io
import re
import warnings
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

import nncore
from nncore.cli import main
from nncore.datasets import Preparation, load_iris, load_penguins, read_csv
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.frame_table import FrameTable

QUICK = ["--epochs", "2", "--layers", "8", "--quiet", "--force"]
ROWS = 40
COLOURS, YES = ["red", "blue", "green"], ["yes", "no"]


def texts(head, row, delimiter=","):
    """Return a table as text, a row for each number."""
    return "\n".join([head, *(delimiter.join(row(i)) for i in range(ROWS))]) + "\n"


PLAIN = texts("colour,size,price", lambda i: [COLOURS[i % 3], f"{i % 7}.125", f"{i * 1.5}"])
GAPS = texts(
    "day,size,colour,member,code,kind",
    lambda i: [
        f"2024-01-{i % 28 + 1:02}",
        "" if i % 7 == 0 else f"{i % 5}.5",
        "" if i % 9 == 0 else COLOURS[i % 3],
        "True" if i % 3 else "False",
        f"00{i % 3}",
        YES[i % 2],
    ],
)
EUROPEAN = texts("a;b;paid;y", lambda i: [f"{i},5", f"{i % 4}", f"1.{i:03},25 €", f"{i},75"], ";")
TRAININGS = {"plain": PLAIN, "gaps": GAPS, "european": EUROPEAN}


@pytest.fixture
def trained(tmp_path, monkeypatch, capsys):
    """Train by the command line on a table; return the model and its preparation."""
    monkeypatch.chdir(tmp_path)

    def trained(content, *options):
        (tmp_path / "t.csv").write_text(content, encoding="utf-8")
        assert main(["train", "t.csv", *QUICK, *options, "-o", "m.safetensors"]) == 0
        capsys.readouterr()
        model = nncore.load("m.safetensors")
        return model, Preparation.from_json(model.metadata["preparation"])

    return trained


@pytest.fixture
def told(capsys):
    """Return what ``nncore predict`` says of a table."""

    def told(*words):
        assert main(["predict", "m.safetensors", *words]) == 0
        return [row["prediction"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]

    return told


def said_of(model, preparation, source, **file):
    """Return the same by Python, and the warnings."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        X = preparation.read(source, **file)
    complete, found = ~np.isnan(X).any(axis=1), [""] * len(X)
    if preparation.schema.classes is None:
        answers = map(str, preparation.restore_target(model.predict(X[complete]))[:, 0])
    else:
        answers = (preparation.schema.classes[k] for k in model.predict_classes(X[complete]))
    for row in np.flatnonzero(complete):
        found[row] = next(answers)
    return found, [str(one.message) for one in seen]


NEW = {
    "as it was": ("plain", PLAIN, {}),
    "another order": ("plain", "size,note,colour\n1.125,a,blue\n0.25,b,green\n", {}),
    "a new text": ("plain", "colour,size\nviolet,1.5\nred,2.5\nblue,3.125\n", {}),
    "gaps where training had none": ("plain", "colour,size\nred,\n,1.5\nblue,2\n", {}),
    "gaps": ("gaps", GAPS, {}),
    "gaps that training had not": (
        "gaps",
        "day,size,colour,member,code\n2024-05-01,,red,TRUE,001\n,1.5,,true,1\n2024-06-30 12:00,2,NA,FALSE,002\n",
        {},
    ),
    "european": ("european", EUROPEAN, {"sep": ";", "decimal": ","}),
    "european numbers as texts": ("european", EUROPEAN, {"sep": ";"}),
    "thousands or not": ("european", "a;b;paid\n1,125;1;1.125 €\n2,5;2;7,50 €\n", {"sep": ";", "decimal": ","}),
}


@pytest.mark.parametrize("new", NEW)
def test_a_file_and_a_frame_give_what_the_command_line_says(trained, told, tmp_path, new):
    training, content, how = NEW[new]
    model, preparation = trained(TRAININGS[training])
    (tmp_path / "new.csv").write_text(content, encoding="utf-8")
    expected = told("new.csv")
    assert len(expected) == content.count("\n") - 1
    found, notes = said_of(model, preparation, "new.csv")
    assert found == expected
    frame = pd.read_csv("new.csv", **how)
    of_frame, notes_of_frame = said_of(model, preparation, frame[frame.columns[::-1]])
    assert of_frame == expected
    for text in ("is none of", "an input, the first is row", "missing values are filled"):
        assert any(text in note for note in notes) == any(text in note for note in notes_of_frame)


@pytest.mark.parametrize("package", ["polars", "pyarrow"])
def test_tables_of_other_packages(trained, told, tmp_path, package):
    module = pytest.importorskip(package)
    model, preparation = trained(GAPS)
    frame = pd.read_csv("t.csv", parse_dates=["day"])
    columns = {
        name: [None if value is None or value != value else value for value in frame[name].tolist()] for name in frame
    }
    other = module.DataFrame(columns) if package == "polars" else module.table(columns)
    assert said_of(model, preparation, other)[0] == told("t.csv")


@pytest.mark.filterwarnings("ignore:.*missing values are filled")
def test_what_columns_of_a_frame_hold(trained):
    _, preparation = trained(GAPS)
    frame = pd.read_csv("t.csv")
    expected = preparation.read("t.csv")
    for changed in (
        frame.assign(day=pd.to_datetime(frame["day"])),
        frame.assign(day=pd.to_datetime(frame["day"]).dt.tz_localize("UTC")),
        frame.assign(day=pd.to_datetime(frame["day"]).dt.date),
        frame.assign(size=frame["size"].astype("Float64"), code=frame["code"].astype("Int64")),
        frame.assign(colour=frame["colour"].astype("category")),
        frame.assign(colour=frame["colour"].astype("string"), member=frame["member"].astype("boolean")),
        frame.assign(colour=frame["colour"].astype(object).where(frame["colour"].notna(), None)),
        frame.set_index("kind"),
        frame.rename(columns=lambda name: f" {name} "),
    ):
        assert np.array_equal(preparation.read(changed), expected)


def test_every_row_of_a_frame_counts(trained):
    """In a file a last row of totals is passed over, and an empty one in a file of one column: not in a table."""
    _, preparation = trained(texts("a,b,y", lambda i: [f"{i}", f"x{i % 2}", f"{i}.5"]))
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x0", "x1", "Total"]})
    with pytest.warns(UserWarning, match=r"table: column 'b': 'Total' \(row 2\) is none of x0, x1"):
        assert preparation.read(frame).shape == (3, 3)
    with pytest.warns(UserWarning, match="1 of 3 rows lacks an input, the first is row 1, without 'a'"):
        X = preparation.read(pd.DataFrame({"a": [1, None, 3], "b": ["x0", None, "x1"]}))
    assert np.isnan(X).any(axis=1).tolist() == [False, True, False]
    _, preparation = trained(texts("a,y", lambda i: [f"{i}.5", f"{i}.25"]))
    with pytest.warns(UserWarning, match="the first is row 1, without 'a'"):
        X = preparation.read(pd.DataFrame({"a": [1, None, 3]}))
    assert np.isnan(X[:, 0]).tolist() == [False, True, False]


def test_frames_without_names_for_a_file_without_header(trained, told):
    model, preparation = trained(texts("0.5,red,1.5", lambda i: [f"{i}.5", COLOURS[i % 3], f"{i}.25"]))
    assert preparation.schema.width == 3
    frame = pd.read_csv("t.csv", header=None)
    expected = told("t.csv")
    for one in (frame, frame[[0, 1]]):
        assert said_of(model, preparation, one) == (expected, [])
    with pytest.raises(ValueError, match="the model was trained on a table without column names, and this one has a"):
        preparation.read(frame.set_axis(["a", "b", "c"], axis=1))


def test_how_a_file_is_written_can_be_said(trained, tmp_path):
    _, preparation = trained(PLAIN)
    (tmp_path / "new.csv").write_text("size|colour\n1.5|grün\n2.5|red\n", encoding="latin-1")
    with pytest.warns(UserWarning, match=r"new\.csv: column 'colour': 'grün' \(line 2\) is none of"):
        X = preparation.read(tmp_path / "new.csv", encoding="latin-1", delimiter="|", header=True)
    assert X.shape == (2, 4)
    with pytest.raises(TypeError, match="encoding says how a text file is written, and DataFrame is none"):
        preparation.read(pd.DataFrame({"colour": ["red"], "size": [1.0]}), encoding="latin-1")


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (
            np.zeros((2, 4)),
            TypeError,
            "path of a text file, or a table .* got ndarray; an array of features is for prep",
        ),
        ([["red", 1.5]], TypeError, "got list; an array"),
        (pd.Series([1.0]), TypeError, "got Series"),
        (
            pd.DataFrame({"colour": ["red"]}),
            ValueError,
            "table: there is no column 'size', which the model reads; the columns are colour",
        ),
        (pd.DataFrame({"colour": ["red"], "Size": [1]}), ValueError, "in the header, rename 'Size' to 'size'"),
        (
            pd.DataFrame({"colour": ["red"], "size": ["big"]}),
            ValueError,
            "table:0: column 'size': expected a finite num",
        ),
        (pd.DataFrame({"colour": ["red"], "size": [np.inf]}), ValueError, "expected a finite number, got 'inf'"),
        (pd.DataFrame({"colour": [], "size": []}), ValueError, "table: no complete row"),
        (pd.DataFrame({"colour": ["red"], "size": [None]}), ValueError, "1 of 1 rows .* without 'size'; a prediction"),
        (
            pd.DataFrame([["red", 1, 2]], columns=["colour", "size", "size"]),
            ValueError,
            "the table has two columns called 'size'",
        ),
        ("nothing.csv", FileNotFoundError, "nothing.csv"),
    ],
)
def test_what_cannot_be_read(trained, source, error, said):
    _, preparation = trained(PLAIN)
    with pytest.raises(error, match=said):
        preparation.read(source)


def test_numbers_of_a_frame_are_never_thousands(trained):
    _, preparation = trained(EUROPEAN)
    values = [1.125, 12.125, -123.125, 0.125, 1125.0, 1.5e-7, 1.125e16, np.float32(2.125)]
    frame = pd.DataFrame({"a": pd.Series(values, dtype=object), "b": 1, "paid": "7,50 €"})
    X = preparation.read(frame)
    assert X[:, 0] == pytest.approx(
        (np.array(values, float) - preparation.inputs.mean_[0]) / preparation.inputs.scale_[0]
    )


def test_a_frame_reads_as_the_file_that_it_is_written_to(tmp_path):
    frame = pd.DataFrame({"a": [0.1, 1e22, 1e-5], "b": [1, 2**60, -3], "c": [True, False, True], "d": ["x", " y", ""]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    of_file = [fields for _, fields in CsvTable(tmp_path / "t.csv").rows()]
    for ours, theirs in zip((fields for _, fields in FrameTable(frame).rows()), of_file, strict=True):
        assert [float(field) for field in ours[:2]] == [float(field) for field in theirs[:2]]
        assert ours[2:] == theirs[2:]


IRIS = load_iris()


@pytest.mark.parametrize("standardize", [True, False])
def test_columns_of_features_are_taken_by_name(standardize):
    preparation = Preparation.from_json(Preparation.fit(IRIS, standardize=standardize).to_json())
    frame = pd.DataFrame(IRIS.X, columns=IRIS.feature_names)
    expected = preparation.prepare_inputs(IRIS.X)
    turned = frame[[*IRIS.feature_names[::-1]]]
    for X in (frame, turned, IRIS.X.tolist(), frame.set_axis(range(4), axis=1)):
        assert np.array_equal(preparation.prepare_inputs(X), expected)
    assert np.array_equal(preparation.fill(turned), IRIS.X)
    for X, said in [
        (frame.assign(y=1), r"X has 'y', which the preparation has not seen; .*\]; a table .* is for read\(X\)$"),
        (frame[[*IRIS.feature_names[:3]]], re.escape(f"X lacks {IRIS.feature_names[3]!r}; the columns of the prep")),
        (frame.rename(columns={IRIS.feature_names[0]: "a"}), "X lacks 'sepal length .* and has 'a'"),
        (IRIS.X[:, :3], r"X must have shape \(n_samples, 4\), a column per feature, got \(150, 3\)"),
        (IRIS.X[0], r"got \(4,\)"),
    ]:
        with pytest.raises(ValueError, match=said):
            preparation.prepare_inputs(X)


def test_gaps_of_features_by_name():
    penguins = load_penguins()
    names = penguins.feature_names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        preparation = Preparation.fit(penguins)
    X = penguins.X.copy()
    X[3, 4] = np.nan
    frame = pd.DataFrame(X, columns=names)[[*names[::-1]]]
    assert np.array_equal(preparation.prepare_inputs(frame), preparation.prepare_inputs(X), equal_nan=True)
    raw = pd.DataFrame({"island": ["Dream"], "sex": ["male"]})
    with pytest.raises(ValueError, match=r"X lacks 'island=Biscoe'.*; a table with the columns of the training's file"):
        preparation.prepare_inputs(raw)


def test_texts_among_features_are_refused_by_name():
    preparation = Preparation.fit(IRIS)
    frame = pd.DataFrame(IRIS.X, columns=IRIS.feature_names).astype(object)
    frame.iloc[2, 1] = "wide"
    with pytest.raises(ValueError, match=r"X holds no numbers in column 1 \('sepal width \(cm\)'\): .*'wide'; a table"):
        preparation.prepare_inputs(frame)
    with pytest.raises(ValueError, match="could not convert string to float"):
        preparation.prepare_inputs(np.array([["a", "b", "c", "d"]]))


def test_a_new_file_read_by_read_csv_is_refused_or_the_same(trained, tmp_path):
    """`read_csv` learns anew: with other texts it makes other features, which by name are no longer mistaken."""
    model, preparation = trained(PLAIN)
    (tmp_path / "new.csv").write_text("colour,size,price\nviolet,1.5,1\nred,2.5,2\nblue,3.125,3.5\n")
    new = read_csv("new.csv", task="regression")
    with pytest.raises(ValueError, match="lacks 'colour=green' and has 'colour=violet'"):
        preparation.prepare_inputs(pd.DataFrame(new.X, columns=new.feature_names))
    assert model.feature_names == preparation.schema.feature_names


def test_dates_with_times_and_zones_of_a_frame(trained):
    _, preparation = trained(GAPS)
    row = {"size": [1.5], "colour": ["red"], "member": [True], "code": ["001"]}
    X = [
        preparation.read(pd.DataFrame({"day": [day], **row}))
        for day in (datetime(2024, 3, 1, 18), np.datetime64("2024-03-01T18:00"), "2024-03-01 18:00", "1 Mar 2024 18:00")
    ]
    assert all(np.array_equal(one, X[0]) for one in X)
