"""What a newcomer tries first on the command line, and in which words it is answered."""

import csv
import gzip
import json
import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nncore
from nncore import load
from nncore.base.balance import Balance
from nncore.cli import builder, main
from nncore.cli.parser import parse
from nncore.cli.scoring import balance_lines
from nncore.datasets import read_csv, read_npz
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.tables import encode_targets

QUICK = ["--epochs", "2", "--layers", "8"]


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run the command line in an empty folder; return (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def ok(run):
    """Run the command line, which must succeed silently on stderr; return stdout."""

    def ok(*argv):
        code, out, err = run(*argv)
        assert (code, err) == (0, "")
        return out

    return ok


@pytest.fixture
def refused(run):
    """Run the command line, which must refuse what it is told; return why."""

    def refused(*argv):
        code, out, err = run(*argv)
        assert (code, out) == (2, "")
        return err

    return refused


def test_classes_keep_their_leading_zeros(ok, refused):
    text = "x,plz\n" + "01,01067\n90,10115\n50,80331\n" * 20
    Path("t.csv").write_text(text)
    result = json.loads(ok("train", "t.csv", "--json", *QUICK, "-o", "m.safetensors"))
    assert result["classes"] == ["01067", "10115", "80331"]
    assert {row[1] for row in csv.reader(ok("predict", "m.safetensors", "t.csv", "--id", "plz").splitlines()[1:])} <= {
        *result["classes"]
    }
    Path("same.csv").write_text(text)
    scores = ok("evaluate", "m.safetensors", "same.csv")
    Path("stripped.csv").write_text(text.replace(",01067", ",1067"))  # as spreadsheets write it
    assert ok("evaluate", "m.safetensors", "stripped.csv") == scores
    told = json.loads(ok("train", "t.csv", "--categorical", "plz", "--json", *QUICK))
    assert told["classes"] == ["01067", "10115", "80331"] and told["notes"] == []
    err = refused("train", "t.csv", "--categorical", "plz", "--task", "regression")
    assert "the target 'plz' is to be text (categorical=, on the command line --categorical); reg" in err


def test_codes_of_a_target_are_classes_that_keep_their_zeros(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("x,code\n" + "".join(f"{i},{i % 30:04}\n" for i in range(90)))
    with pytest.warns(UserWarning, match="target 'code': 30 different whole numbers are taken for classes; for a num"):
        codes = read_csv(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = read_csv(path, task="regression")
    assert codes.target_names == tuple(f"{i:04}" for i in range(30)) and codes.y[:3].tolist() == [0, 1, 2]
    assert values.target_names is None and values.y[29] == 29.0
    old = replace(codes.schema, classes=tuple(map(str, range(30))))  # of a model file that has lost the zeros
    assert np.array_equal(old.read(CsvTable(path))[1], codes.y)
    np.savez(tmp_path / "t.npz", X=codes.X, y=[f"{i % 30:04}" for i in range(90)])
    with pytest.warns(UserWarning, match="30 different whole numbers are taken for classes"):
        assert read_npz(tmp_path / "t.npz").target_names == codes.target_names
    assert encode_targets(np.array(["0003", "3", "29"]), codes.target_names, "t").tolist() == [3, 3, 29]
    with pytest.raises(ValueError, match=r"^t: unknown class '30'; known: 0000, 0001"):
        encode_targets(np.array([30]), codes.target_names, "t")
    with pytest.raises(ValueError, match="unknown class '1'; known: 01, 001"):
        encode_targets(np.array([1]), ("01", "001"), "t")


def test_training_says_which_column_is_the_target(ok):
    Path("t.csv").write_text("kind,a,d\n" + "".join(f"{'ab'[i % 2]},{i / 7:.2f},{i * i / 3:.2f}\n" for i in range(30)))
    assert "features, regression, target 'd'\n" in ok("train", "t.csv", *QUICK)
    assert "features, 2 classes, target 'kind'\n" in ok("train", "t.csv", "--target", "kind", *QUICK)
    assert json.loads(ok("train", "t.csv", "--json", *QUICK))["target"] == "d"
    assert "features, 3 classes, target 'species'\n" in ok("train", "iris", *QUICK)
    assert ", target" not in ok("train", "xor", *QUICK)
    assert json.loads(ok("train", "xor", "--json", *QUICK))["target"] is None


@pytest.mark.parametrize(
    ("given", "mend"),
    {
        "50": "; write 0.5 for 50 %;",
        "20%": "; write 0.2 for 20 %;",
        "12.5": "; write 0.125 for 12.5 %;",
        "1": "; write 0.01 for 1 %;",
        "0.5 %": "; write 0.005 for 0.5 %;",
        "0,2": "; write it as 0.2;",
        "0.2_5": "; write it as 0.25;",
        "100": "; see",
        "-0.5": "; see",
        "nan": "; see",
        "half": "; see",
    }.items(),
)
@pytest.mark.parametrize("option", ["--test", "--val"])
def test_a_share_in_per_cent_is_told_as_a_share(refused, option, given, mend):
    what = f"argument {option}: expected a share of at least 0 and below 1, got {given!r}{mend}"
    assert what in refused("train", "iris", f"{option}={given}")


ALIKE = {
    "case and blanks around": (["yes", '"Yes "', "no", '" NO"'], "has 'NO' and 'no', 'Yes' and 'yes', each of which"),
    "a blank within": (["new  york", "New York", "oslo"], "has 'New York' and 'new  york', which count as two;"),
    "three": (["a", "A", '"a\N{NO-BREAK SPACE}"', "A\N{THIN SPACE}a", "aa"], "has 'A' and 'a', 'A\\u2009a' and 'aa', "),
    "zeros": (["1", "01", "2"], "has '01' and '1', which count as two; if they are one, write them alike"),
}


@pytest.mark.parametrize(("classes", "said"), ALIKE.values(), ids=ALIKE)
def test_classes_that_differ_in_case_or_blanks_alone_are_said(ok, classes, said):
    rows = [f"{i}.5,{classes[i % len(classes)]}\n" for i in range(60)]
    Path("t.csv").write_text("x,y\n" + "".join(rows), encoding="utf-8")
    notes = json.loads(ok("train", "t.csv", "--json", *QUICK))["notes"]
    assert any(f"t.csv: column 'y' {said}" in note for note in notes), notes


def test_classes_of_arrays_that_differ_in_case_or_blanks_alone_are_said(tmp_path):
    np.savez(tmp_path / "t.npz", X=np.eye(4), y=["yes", "Yes ", "no", "maybe"])
    with pytest.warns(UserWarning, match=r"t\.npz: target 'y' has 'Yes ' and 'yes', which count as two"):
        assert len(read_npz(tmp_path / "t.npz").target_names) == 4


@pytest.fixture
def flats(ok):
    """The names of a model of flats, and of its table."""
    rows = [f"{i % 7},{i * 3 % 11},{i % 7 + i / 9:.2f},{'yes' if i % 3 else 'no'}\n" for i in range(60)]
    Path("flats.csv").write_text("rooms,size,age,sold\n" + "".join(rows))
    Path("bare.csv").write_text("".join(rows))
    ok("train", "flats.csv", "-o", "m.safetensors", *QUICK)
    return "m.safetensors", "flats.csv"


def test_columns_of_a_later_table_are_renamed_to_those_of_the_model(refused, ok, flats):
    text, path = Path("flats.csv").read_text(), "new.csv"
    for header, mend in {
        "Rooms;size;AGE;sold": "no column 'rooms', which the model reads; in the header, rename 'Rooms' to 'rooms', "
        "'AGE' to 'age', if that is what it holds",
        "roms;size;age;sold": "no column 'rooms', which the model reads; in the header, rename 'roms' to 'rooms', if",
        "x;size;age;sold": "no column 'rooms', which the model reads; the columns are x, size, age, sold",
    }.items():
        Path(path).write_text(text.replace("rooms,size,age,sold", header).replace(",", ";"))
        assert f"new.csv: there is {mend}" in refused("predict", "m.safetensors", path)
    Path(path).write_text(text.replace("sold", "Sold"))
    assert ok("predict", "m.safetensors", path) == ok("predict", *flats)
    mend = "in the header, rename 'Sold' to 'sold', if that is what it holds"
    assert f"new.csv has no target 'sold' to compare with; {mend}" in refused("evaluate", "m.safetensors", path)
    Path(path).write_text(text.replace("sold", "won"))
    assert "no target 'sold' to compare with; try nncore predict" in refused("evaluate", "m.safetensors", path)


def test_a_table_without_names_is_told_the_target_s_too(refused, run, ok, flats):
    mend = "put these names above their columns, and 'sold' above that of the target, or to predict give the 3 inputs"
    assert f"but the model reads rooms, size, age: {mend} alone" in refused("evaluate", "m.safetensors", "bare.csv")
    Path("named.csv").write_text("rooms,size,age,sold\n" + Path("bare.csv").read_text())
    assert "accuracy" in ok("evaluate", "m.safetensors", "named.csv")
    inputs = "".join(line.rpartition(",")[0] + "\n" for line in Path("bare.csv").read_text().splitlines())
    Path("inputs.csv").write_text(inputs)
    code, _, err = run("evaluate", "m.safetensors", "inputs.csv")
    mend = "put the names of the columns above them, 'sold' above that of the target; or try nncore predict"
    assert code == 2 and f"inputs.csv has no target 'sold' to compare with; {mend}" in err


def test_whole_numbers_with_too_few_rows_each_are_told_to_be_a_number(refused, ok):
    Path("t.csv").write_text("a,age\n" + "".join(f"{i * 7 % 11},{18 + i % 15}\n" for i in range(60)))
    assert "choose other shares with --test and --val, or --task regression if the target is" in refused(
        "train", "t.csv"
    )
    assert "R2" in ok("train", "t.csv", "--task", "regression")
    Path("t.csv").write_text("a,age\n" + "".join(f"{i * 7 % 11},c{i % 15}\n" for i in range(60)))
    assert "regression" not in refused("train", "t.csv")


def test_rows_without_a_target_are_told_where_one_class_is_left(refused):
    rows = [f"{i},{i * 7 % 5},{'' if i % 20 else 'fraud'}\n" for i in range(1000)]
    Path("t.csv").write_text("a,b,label\n" + "".join(rows))
    left = "t.csv: left out for want of 'label': 950 of 1000 rows; every other row is of class 'fraud'; class"
    err = refused("train", "t.csv")
    assert left in err and "; write the class of those without a target, too" in err and "regression" not in err
    assert "t.csv: left out for want of a value: 950 rows; every other row is" in refused(
        "train", "t.csv", "--drop-missing"
    )
    Path("t.csv").write_text("a,b,label\n" + "".join(row for row in rows if "fraud" in row))
    assert "nncore: every row of t.csv is of class 'fraud'; classification needs two classes or more\n" in refused(
        "train", "t.csv"
    )
    Path("t.csv").write_text("a,b,label\n" + "1,2,0.5\n" + "1,2,\n" * 30)
    assert "t.csv: left out for want of 'label': 30 of 31 rows; " in refused("train", "t.csv")


def test_of_weighted_classes_a_low_share_is_no_hint():
    weighted = Balance.of([0] * 95 + [1] * 5, [0] * 80 + [1] * 20, ["ok", "fraud"])
    assert weighted.is_trivial and not any("hint" in line for line in balance_lines(weighted, weighted=True))
    assert "hint   no better than always saying ok" in balance_lines(weighted)
    always = Balance.of([0] * 95 + [1] * 5, [0] * 100, ["ok", "fraud"])
    assert "hint   no better than always saying ok" in balance_lines(always, weighted=True)


def test_data_in_the_place_of_a_model_are_told_so(refused, flats):
    model, table = flats
    np.savez("t.npz", X=np.eye(4), y=[0, 1, 2, 3])
    Path("odd.dat").write_text(Path(table).read_text())
    Path("tiny.csv").write_text("a,b\n1,2\n")
    Path("flats.csv.gz").write_bytes(gzip.compress(Path(table).read_bytes()))
    is_table = "is not an nncore model but a text, as tables are"
    for data, what in {
        **dict.fromkeys((table, "odd.dat", "tiny.csv", "flats.csv.gz"), is_table),
        "t.npz": "is not an nncore model but a file of arrays",
        "iris": "is not an nncore model but a data set",
    }.items():
        for command in ("predict", "evaluate"):
            mend = "the model comes first, then its data"
            assert refused(command, data, model) == f"nncore: {data} {what}; {mend}\n"
        assert f"{data} {what}; what data hold is told by nncore data show {data}\n" in refused("summary", data)
    assert "nncore: nofile.csv: No such file or directory\n" in refused("predict", "nofile.csv", model)
    Path("zeros.safetensors").write_bytes(b"\xff" * 64)
    assert "'zeros.safetensors': not an nncore model, or damaged" in refused("summary", "zeros.safetensors")


def test_the_builder_is_told_how_to_name_data(refused, flats):
    pytest.importorskip("starlette")
    mend = "data are named with --data: nncore builder --data"
    assert f"flats.csv is not an nncore model but a text, as tables are; {mend} flats.csv\n" in refused(
        "builder", "flats.csv"
    )
    assert f"iris is not an nncore model but a data set; {mend} iris\n" in refused("builder", "iris")


def test_no_hint_leads_back_to_class_weights(ok):
    rows = [f"{i % 13},{i * 7 % 11},{'ok' if i % 20 else 'fraud'}\n" for i in range(400)]
    Path("t.csv").write_text("a,b,label\n" + "".join(rows))
    Path("later.csv").write_text("a,b,label\n" + "".join(rows[::-1]))
    train, later = ["train", "t.csv", "--epochs", "20", "-o"], "later.csv"
    plain = ok(*train, "plain.safetensors") + ok("evaluate", "plain.safetensors", later)
    assert plain.count("train --class-weight balanced lets rare classes count as much") == 2
    weighted = ok(*train, "m.safetensors", "--class-weight", "balanced") + ok("evaluate", "m.safetensors", later)
    assert "--class-weight" not in weighted and "always saying" not in weighted and "recall fraud: " in weighted


ADDRESS = "is an address, not a file; download it first, and name the file"


@pytest.mark.parametrize(
    "data", ["https://example.org/a.csv", "http://e.org/a", "s3://b/a.npz", "ftp://e.org/a.csv.gz"]
)
def test_an_address_is_called_one(refused, flats, data):
    for words in (("train", data), ("data", "show", data), ("predict", flats[0], data), ("summary", data)):
        assert refused(*words) == f"nncore: {data!r} {ADDRESS}\n"
    assert f"{data!r} {ADDRESS}" in refused("doctor", data)
    for read in (read_csv, read_npz, load):
        with pytest.raises(ValueError, match="is an address, not a file; download it first"):
            read(data)
    pytest.importorskip("starlette")
    assert refused("builder", "--data", data) == f"nncore: {data!r} {ADDRESS}\n"


def test_a_file_s_address_is_its_path(refused):
    mend = "is an address, not a file; name the file by its path alone, /home/a.csv"
    assert mend in refused("train", "file:///home/a.csv")


def test_a_data_set_that_is_asked_for_as_a_file_is_offered(refused, ok, flats):
    for data, name in {"iris.csv": "iris", "data/Penguins.tsv.gz": "penguins", "moons.npz": "moons"}.items():
        said = f"nncore: {data}: no such file; did you mean {name!r}, which comes with nncore?\n"
        assert refused("train", data) == refused("data", "show", data) == refused("evaluate", flats[0], data) == said
    assert refused("train", "flat.csv") == "nncore: flat.csv: No such file or directory\n"
    Path("iris.csv").write_text(Path("flats.csv").read_text())
    assert "target 'sold'" in ok("train", "iris.csv", *QUICK)
    Path("iris.csv").unlink()
    pytest.importorskip("starlette")
    assert "did you mean 'iris', which comes with nncore?" in refused("builder", "--data", "iris.csv")


@pytest.mark.parametrize(
    ("given", "meant"), {"show": "data show", "list": "data list", "fit": "train", "test": "evaluate"}.items()
)
def test_a_command_by_another_word_is_offered(refused, given, meant):
    assert f"unknown command {given!r}; did you mean {meant!r}? Known: train, " in refused(given, "iris")


def test_the_builder_names_no_option_that_it_lacks():
    sources = pytest.importorskip("nncore.builder.sources")
    package = Path(nncore.__file__).parent
    text = "".join(path.read_text() for path in (package / "datasets").glob("*.py"))
    named = set(re.findall(r"\([a-z_]+=[^()\"]*, on the command line --[^()\"]+\)", text))
    assert len(named) > 10
    for option in named:
        assert "on the command line" not in sources._as_on_the_page(option), option
        flag = re.search(r"--[a-z-]+", sources._in_words_of(sources.IN_THE_FILE, option))
        assert flag is None or flag[0] in parse(["builder"]).known_options, option


def test_notes_of_the_builder_tell_what_its_user_can_do(refused, capsys):
    pytest.importorskip("starlette")
    days = "".join(f"{1 + i % 12:02}/{1 + i % 12:02}/2024,{i}.5\n" for i in range(40))
    Path("t.csv").write_text("day,y\n" + days)
    builder.session_for(parse(["builder", "--data", "t.csv"]))
    assert "--" not in capsys.readouterr().err
    Path("t.csv").write_text("day,y\n" + days + "03/04/2024,1.5\n")
    err = refused("builder", "--data", "t.csv")
    assert "'03/04/2024'" in err and "in a script, or write dates as 2024-01-31 in the file" in err, err


NOTED = "column 'id' holds another whole number in each row"
IDS = {
    "texts": ("id,x,y", 60, lambda i: f"K{i}x,{i % 7},{i % 2}", "column 'id' is text, another in each of the 60 rows"),
    "few texts": ("id,x,y", 20, lambda i: f"K{i}x,{i % 7},{i % 2}", ""),
    "first": ("id,x,y", 60, lambda i: f"{i * 7919 % 6007},{i % 7},{i % 2}", NOTED),
    "in order": ("x,id,y", 60, lambda i: f"{i % 7},{i},{i % 2}", NOTED),
    "elsewhere": ("x,id,y", 60, lambda i: f"{i % 7},{i * 7919 % 6007},{i % 2}", ""),
    "by another name": ("load,x,y", 60, lambda i: f"{i * 7919 % 6007},{i % 7},{i % 2}", ""),
}


@pytest.mark.parametrize(("header", "n", "row", "said"), IDS.values(), ids=IDS)
def test_what_the_guide_says_of_ids(ok, header, n, row, said):
    Path("t.csv").write_text("\n".join([header, *map(row, range(n))]) + "\n")
    notes = json.loads(ok("train", "t.csv", "--json", *QUICK))["notes"]
    ids = [note for note in notes if "as ids do" in note or "as names and ids are" in note]
    assert len(ids) == bool(said) and all(said in note for note in ids), notes


def test_more_than_a_hundred_text_ids_are_refused(refused):
    Path("t.csv").write_text("id,x,y\n" + "".join(f"K{i}x,{i % 7},{i % 2}\n" for i in range(101)))
    assert "column 'id' has more than 100 different texts, no two alike" in refused("train", "t.csv")
