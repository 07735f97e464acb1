"""CSV and NPZ files: what is understood, and what is said about the rest."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import re
import tarfile
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from nncore.data import files
from nncore.datasets import read_csv, read_npz
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.schema import Schema
from nncore.datasets.survey import survey

TABLE = "size,colour,price\n1,red,10.5\n2,blue,20.5\n3,red,30\n"


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


def test_numbers_texts_and_target(write):
    dataset = read_csv(write(TABLE))
    assert dataset.feature_names == ("size", "colour=blue", "colour=red")
    assert dataset.X.tolist() == [[1, 0, 1], [2, 1, 0], [3, 0, 1]]
    assert dataset.y.tolist() == [10.5, 20.5, 30] and dataset.target_names is None and dataset.name == "table"


def test_target_by_name_and_columns_left_out(write):
    dataset = read_csv(write(TABLE), "colour", ignore=["price"])
    assert dataset.feature_names == ("size",)
    assert dataset.target_names == ("blue", "red") and dataset.y.tolist() == [1, 0, 1]


VARIANTS = {
    "crlf": TABLE.replace("\n", "\r\n"),
    "bom": b"\xef\xbb\xbf" + TABLE.encode(),
    "utf-16": TABLE.encode("utf-16"),
    "semicolon": TABLE.replace(",", ";"),
    "tab": TABLE.replace(",", "\t"),
    "bar": TABLE.replace(",", "|"),
    "quoted": 'size,"colour",price\n"1","red",10.5\n2,blue,"20.5"\n3,"red",30\n',
    "blank lines": "\n" + TABLE.replace("\n", "\n\n"),
    "blanks around": TABLE.replace(",", " , "),
    "no last newline": TABLE.rstrip(),
    "gzip": gzip.compress(TABLE.encode()),
}


@pytest.mark.parametrize("content", VARIANTS.values(), ids=VARIANTS)
def test_ways_to_write_the_same_table(write, content):
    dataset = read_csv(write(content))
    assert dataset.feature_names == ("size", "colour=blue", "colour=red")
    assert dataset.X.tolist() == [[1, 0, 1], [2, 1, 0], [3, 0, 1]] and dataset.y.tolist() == [10.5, 20.5, 30]


def test_quoted_field_over_two_lines_keeps_the_line_numbers(write):
    path = write('a,b\n"x\ny",1\nz,oops\n')
    with pytest.raises(ValueError, match=r"table\.csv:4: column 'b' held numbers up to here and now 'oops'"):
        read_csv(path)


def test_delimiter_inside_quotes_and_decimal_commas(write):
    dataset = read_csv(write('a;b;c\n"x;1";2;0\ny;3;1\n'))
    assert dataset.feature_names == ("a=x;1", "a=y", "b")
    with pytest.warns(UserWarning, match="'a' is read as numbers, '0,5' as 0.5"):
        dataset = read_csv(write("a,b\n" + "".join(f'"{i},5",{i % 2}\n' for i in range(102))))
    assert dataset.X[:, 0].tolist() == [i + 0.5 for i in range(102)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_found_out(write, delimiter):
    content = "size;price;kind\n1,5;-20,25;a\n2;,5;b, with a comma\n3,0;1,5e-3;a\n"
    dataset = read_csv(write(content.replace(";", delimiter)), "price", task="regression")
    assert dataset.X[:, 0].tolist() == [1.5, 2, 3]
    assert dataset.y.tolist() == [-20.25, 0.5, 0.0015]
    assert dataset.feature_names[1:] == ("kind=a", "kind=b, with a comma")


@pytest.mark.parametrize(
    ("content", "decimal", "expected"),
    [
        ("a;b\n1,5;2\n2;3.5\n", None, ("a=1,5", "a=2")),  # both marks: nobody knows what is meant
        ("a;b\n1.234,5;2\n2;3\n", None, ("a=1.234,5", "a=2")),
        ("a;b\n1,234;2\n12,500;3\n999;4\n", None, ("a=1,234", "a=12,500", "a=999")),  # may be thousands
        ("a;b\n1,234;2\n12,50;3\n", None, ("a",)),  # cannot be
        ("a;b\n1,5;2\n2;3\n", ".", ("a=1,5", "a=2")),
        ("a;b\n1,5;2\n2;3\n", ",", ("a",)),
        ('a,b\n"1,5",2\n2,3\n', ",", ("a",)),
        ('a,b\n"1,5",2\n2,3\n', None, ("a=1,5", "a=2")),  # may be a thousand and more
    ],
)
def test_what_decimal_commas_are_is_not_guessed_wildly(write, content, decimal, expected):
    table = read_csv(write(content), task="regression", decimal=decimal, categorical=["a"] if len(expected) > 1 else [])
    assert table.feature_names == expected


GUESSED_DELIMITERS = [
    ("1,5;2,5\n1,7;3,1\n", {}, ";", [[1.5], [1.7]], [2.5, 3.1]),
    ("1,5;2,5\n1,7;3,1\n", {"decimal": ","}, ";", [[1.5], [1.7]], [2.5, 3.1]),
    ("1,5;2,5\n", {}, ";", [[1.5]], [2.5]),
    ("1,5\t2,5\t3,5\n1,7\t2,1\t3,9\n", {}, "\t", [[1.5, 2.5], [1.7, 2.1]], [3.5, 3.9]),
    ("1,5|2,5\n1,7|3,1\n", {}, "|", [[1.5], [1.7]], [2.5, 3.1]),
    ("L, m;B, m;EUR, net\n1,5;2,5;3,5\n1,7;2,1;3,9\n", {}, ";", [[1.5, 2.5], [1.7, 2.1]], [3.5, 3.9]),
    ("L, m;EUR\n1,5;3,5\n1,7;3,9\n", {}, ";", [[1.5], [1.7]], [3.5, 3.9]),
    ("red;1,5\nblue;2,5\n", {}, ";", [[0, 1], [1, 0]], [1.5, 2.5]),
    ('"x,y";1,5;2,5\n"y,z";1,7;3,1\n', {}, ";", [[1, 0, 1.5], [0, 1, 1.7]], [2.5, 3.1]),
    ("1,a|b,3.5\n2,b|c,4.5\n", {}, ",", [[1, 1, 0], [2, 0, 1]], [3.5, 4.5]),
    ("a;b\n1,5;2,5\n1,7\n1,9;2,8\n", {}, ";", None, None),  # one ragged row
]


@pytest.mark.parametrize(("content", "arguments", "delimiter", "X", "y"), GUESSED_DELIMITERS)
@pytest.mark.filterwarnings("ignore:.*columns are taken as separated by")
def test_commas_within_numbers_separate_no_columns(write, content, arguments, delimiter, X, y):
    path = write(content)
    assert CsvTable(path, decimal=arguments.get("decimal")).delimiter == delimiter
    if X is not None:
        dataset = read_csv(path, **arguments)
        assert dataset.X.tolist() == X and dataset.y.tolist() == y


def test_a_guessed_delimiter_is_said_and_a_named_or_certain_one_is_not(write):
    path = write("1,5;2,5\n1,7;3,1\n")
    with pytest.warns(UserWarning, match=r"table\.csv: .*separated by ';', not by ','; .*delimiter=.*--delimiter"):
        read_csv(path)
    for told in ({"delimiter": ";"}, {"decimal": ","}):
        assert CsvTable(path, **told).notes == [] and read_csv(path, **told).X.tolist() == [[1.5], [1.7]]
    assert (
        read_csv(path, delimiter=",", header=False, categorical=["column 2"]).n_features == 3
    )  # who says so is believed


@pytest.mark.parametrize(
    ("content", "decimal", "message"),
    [
        (
            "a, b;c\nx, y;z\nu, v;w\n",
            None,
            "separated by ',' or ';'; name what separates them .delimiter=.*--delimiter",
        ),
        ("a;b|c\n1;2|3\n", None, "separated by ';' or '|'"),
        ("1,5 2,5\n1,7 3,1\n", None, "by commas, or by blanks and have decimal commas; name what does"),
        ("1,5\n1,7\n", ",", "decimal=',' leaves nothing that separates the columns; name what does"),
        ("a,b\n1,5\n2,7\n", ",", "decimal=',' leaves nothing"),
    ],
)
def test_a_delimiter_that_nobody_can_know_is_asked_for(write, content, decimal, message):
    with pytest.raises(ValueError, match=rf"table\.csv: .*{message.replace('|', '[|]')}"):
        read_csv(write(content), decimal=decimal)


NUMBERS_WITH_MARKS = {
    "decimal comma": (['"12,5"', '"13,5"', '"-9,25"'], [12.5, 13.5, -9.25]),
    "decimal comma, some whole": (['"1,250"', "3", '"9,25"'], [1.25, 3, 9.25]),
    "thousands": (['"1,250"', "950", '"1,013,500"'], [1250, 950, 1013500]),
    "thousands and decimals": (['"1,250.5"', "2.5", '"9,250"'], [1250.5, 2.5, 9250]),
    "thousands by points": (['"1.250,5"', '"2,5"', "9.250"], [1250.5, 2.5, 9250]),
    "thousands by points alone": (["1.250.000", "9.250", "3"], [1250000, 9250, 3]),
    "lakhs": (['"1,00,000"', '"12,34,567"', '"5,000"'], [100000, 1234567, 5000]),
    "apostrophes": (["1'250", "3'100.5", "2’000"], [1250, 3100.5, 2000]),
    "no-break spaces": (["1\u00a0250", "3\u202f100", "20"], [1250, 3100, 20]),
    "blanks": (["1 250", "3 100 000", "20"], [1250, 3100000, 20]),
    "dollars": (["$12.50", "-$13.50", "$ 9.25"], [12.5, -13.5, 9.25]),
    "euros": (['"12,50 €"', '"1.013,50 €"', "9 €"], [12.5, 1013.5, 9]),
    "per cent": (["12%", "13.5 %", "9%"], [12, 13.5, 9]),
    "kilograms": (["5 kg", "7.5kg", "9 kg"], [5, 7.5, 9]),
    "any word": (["5 rooms", "7 rooms", "9 rooms"], [5, 7, 9]),
    "minus signs": (["−5", "7", "−9.5"], [-5, 7, -9.5]),
}


@pytest.mark.parametrize(("fields", "values"), NUMBERS_WITH_MARKS.values(), ids=NUMBERS_WITH_MARKS)
def test_numbers_with_marks_are_numbers_and_said(write, fields, values):
    rows = [f"{field},{i}.5\n" for i, field in enumerate(fields)]
    path = write("a,y\n" + "".join(rows))
    with pytest.warns(UserWarning, match=r"table\.csv: column 'a' is read as numbers, .* as .*; .*--categorical"):
        dataset = read_csv(path)
    assert dataset.feature_names == ("a",) and dataset.X[:, 0].tolist() == values
    with pytest.warns(UserWarning, match="column 'a' is read as numbers"):
        as_target = read_csv(path, "a", task="regression")
    assert as_target.y.tolist() == values
    assert read_csv(path, categorical=["a"]).n_features == 3  # who says so is believed
    schema = Schema.from_dict(json.loads(json.dumps(dataset.schema.to_dict())))
    assert schema == dataset.schema
    assert schema.read(CsvTable(write("a\n" + fields[0], "later.csv")))[0].tolist() == [values[:1]]
    with pytest.warns(UserWarning, match="read as numbers"):  # without a header, the first row is no row of names
        assert read_csv(write("".join(rows)), header=None).X[:, 0].tolist() == values


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        ("a;b\n1,234;2\n12,500;3\n", {}, "column 'a': '1,234' may be 1234 or 1.234; name the decimal mark .decimal="),
        ("a\tb\n€1.234\t2\n€12.500\t3\n", {}, "'€1.234' may be 1.234 or 1234"),
        ('a,b\n1.250,"2,5"\n2.250,"3,5"\n', {}, "'1.250' may be 1.25 or 1250"),
        (
            'a,b\n1.5,2\n"2,5",3\n',
            {},
            ":3: column 'a' writes decimals as in '1.5' up to here and now '2,5'; .*--categorical",
        ),
        ("a,b\n5 kg,2\n700 g,3\n", {}, ":3: column 'a' held numbers with 'kg' up to here and now '700 g'; correct it"),
        ("a,b\n$5,2\n€7,3\n", {}, ":3: column 'a' held numbers with '[$]' up to here and now '€7'"),
        ("a,b\n0.5,2\n12%,3\n", {}, ":3: column 'a' held numbers up to here and now '12%'"),
        ("a,b\n12%,2\nnone at all,3\n", {}, ":3: column 'a' held numbers with '%' up to here and now 'none at all'"),
        ("a;b\n1,5;2\n2,5;3\n", {"decimal": "."}, "column 'a': '1,5' has no decimal '.', as the table has"),
        ("a;b\n1,5;1,234,567\n2,5;3\n", {"decimal": ","}, "column 'b': '1,234,567' has no decimal ','"),
    ],
)
def test_numbers_that_may_be_others_are_refused(write, content, arguments, message):
    with pytest.raises(ValueError, match=rf"table\.csv.*{message}"):
        read_csv(write(content), task="regression", **arguments)


@pytest.mark.filterwarnings("ignore:.*(is read as numbers|columns are taken as)")
def test_the_decimal_mark_of_the_table_decides_what_is_open(write):
    for decimal, value in ((",", 1.234), (".", 1234)):
        dataset = read_csv(write("a;b\n1,234;2\n12,500;3\n"), task="regression", decimal=decimal)
        assert dataset.X[0, 0] == value
    assert read_csv(write("a;b\n0,123;1,250\n0,456;2,125\n")).X.tolist() == [[0.123], [0.456]]
    assert read_csv(write("a;b\n0,123;1,250\n0,456;2,125\n")).y.tolist() == [1.25, 2.125]
    assert read_csv(write("a;b\n1.250;2,5\n12.500;3,5\n")).X.tolist() == [[1250], [12500]]
    assert read_csv(write("1.250;2,5\n12.500;3,5\n")).X.tolist() == [[1250], [12500]]
    assert read_csv(write("€1,5;2,5\n€1,7;3,5\n"), delimiter=";").X.tolist() == [[1.5], [1.7]]


def test_a_point_that_may_divide_thousands_is_said_where_nothing_tells(write):
    with pytest.warns(
        UserWarning, match=r"column 'a': '1.250' is read as 1.25, .* if it is 1250, name the .*--decimal"
    ):
        assert read_csv(write("a;b\n1.250;7\n12.500;8\n"), task="regression").X[0, 0] == 1.25
    for told in ("a;b\n1.250;7.5\n12.500;8\n", "a,b\n1.250,7\n12.500,8\n", "a\tb\n1.250\t7\n0.125\t8\n"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert read_csv(write(told), task="regression").X[0, 0] == 1.25


@pytest.mark.filterwarnings("ignore:.*is read as numbers")
def test_a_point_that_may_divide_thousands_is_asked_for_after_a_training_with_decimal_commas(write):
    schema = read_csv(write("a;b;y\n1,5;1.250,5 €;0,5\n2,25;3,5 €;1,5\n")).schema
    schema = Schema.from_dict(json.loads(json.dumps(schema.to_dict())))

    def later(content, **options):
        return schema.read(CsvTable(write(content, "later.csv"), **options))[0].tolist()

    with pytest.raises(ValueError, match=r"later.csv:2: column 'a': '1.250' may be 1.25, or 1250 as .* --decimal\)"):
        later("a;b\n1.250;5 €\n")
    assert later("a;b\n1.250;5 €\n", decimal=",") == [[1250, 5]]
    assert later("a;b\n1.250;5 €\n", decimal=".") == [[1.25, 5]]
    assert later("a;b\n1.250;1.250 €\n2.5;1 €\n") == [[1.25, 1.25], [2.5, 1]]  # a point is proved
    assert later("a,b\n1.250,1.250 €\n") == [[1.25, 1.25]]
    assert later("a;b\n1250;5 €\n") == [[1250, 5]]
    assert later("a;b\n1.250;2,5 €\n12.500,75;3 €\n") == [[1250, 2.5], [12500.75, 3]]  # a comma is proved


@pytest.mark.parametrize(
    "texts",
    [("12A", "13C"), ("5 Main", "7 Elm"), ("10-20", "20-30"), ("1.2.3", "1.2.4"), ("A1", "A2")],
)
def test_texts_with_digits_stay_texts(write, texts):
    rows = "".join(f"{text},{i}.5\n" for i, text in enumerate(texts))
    assert read_csv(write("a,y\n" + rows)).feature_names == tuple(f"a={text}" for text in texts)


def test_a_class_may_begin_with_a_number(write):
    assert read_csv(write("x,y\n1,3 stars\n2,4 stars\n")).target_names == ("3 stars", "4 stars")


def test_a_later_table_must_have_the_marks_of_the_first(write):
    with pytest.warns(UserWarning, match="read as numbers"):
        schema = read_csv(write("a,y\n5 kg,1\n7 kg,2\n")).schema
    for field in ("5", "5 lb", "kg"):
        with pytest.raises(ValueError, match=f"'a': expected a finite number written with 'kg', got '{field}'"):
            schema.read(CsvTable(write(f"a\n{field}\n", "later.csv")))


def test_an_unknown_decimal_mark(write):
    with pytest.raises(ValueError, match=r"decimal must be '\.' or ',', got ';'"):
        read_csv(write("a;b\n1;2\n"), decimal=";")


def test_without_header(write):
    with pytest.warns(UserWarning, match=r"no header found.* \(header=True, on the command line --header yes\)"):
        dataset = read_csv(write("1,2,a\n3,4,b\n"))
    assert dataset.feature_names == ("column 1", "column 2") and dataset.target_names == ("a", "b")
    assert read_csv(write("1,2,a\n3,4,b\n"), "column 1", header=False).y.tolist() == [0, 1]
    assert read_csv(write("1.5,2,a\n3,4,b\n")).n_samples == 2  # no column is called 1.5: nothing to say


def test_header_can_be_told(write):
    assert read_csv(write("x,a\ny,b\nx,c\n"), header=False).n_samples == 3
    assert read_csv(write("2019,2020\n1,2\n3,4\n"), header=True).feature_names == ("2019",)


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("region,2019,2020\n1,2,3\n4,5,6\n", True),  # a text above numbers alone
        ("region,2019,2020\n?,2,3\n4,5,6\n", True),
        ("2019,2020,kind\n1,2,a\n3,4,b\n", False),  # could be either
        ("?,5,a\n3,4,b\n", False),  # a missing value is no name
        ("1a,5\n2,6\n3b,7\n", False),
        ("1,2,3\n4,5,6\n", False),
        ("a,2019\n", False),
        ("region,2019,2020\nN,2,3\nS,4,5\nN,1,2\n", True),  # years, beside a name that is none of the regions
        ("2019,2020\n1.5,2\n3,4\n", True),
        ("2019,2021\n1.5,2\n3,4\n", False),
        ("0,1,2\n5.1,3.5,0\n4.9,3.0,1\n", True),  # as pandas names columns
        ("0,1,2\n3,4,5\n6,7,8\n", False),
        ("0,1,2,3,4\n3,4,5,0,1\n6,7,8,9,0\n", True),
        ("0,1,2\nred,a,x\nblue,b,y\n", True),
        ("0,1\n0,0.5\n1,1.5\n", False),
        ("1,2,3\n1.5,2.5,0\n2,3,1\n", False),
        ("00,01,02\n1.5,2.5,0\n2,3,1\n", False),
        ("red,small,yes\nblue,big,no\nred,big,yes\ngreen,small,no\n", False),
        ("x,x,o,positive\nx,o,o,negative\no,x,x,positive\n", False),
        ("a,a,b\nx,y,z\n", False),  # names stand but once
        ("2020-01-01,ann\n2020-01-02,bob\n2020-01-03,eve\n", False),
        ("A12,p\nB13,q\nC14,r\n", True),  # the letters differ, too
        ("colour,size,y\nred,big,no\nblue,big,yes\n", True),
        ("NA,red,yes\n5,blue,no\n6,red,no\n7,blue,yes\n", False),
    ],
)
def test_header_with_a_number(write, content, has_header):
    assert CsvTable(write(content)).has_header == has_header


def test_a_row_of_texts_taken_for_names_is_said_where_it_may_be_data(write):
    said = r"table\.csv: the first row \('a', 'y'\) is taken for the names.*\(header=False, .*--header no\)"
    for content in ("a,y\nu,v\n", "a,y\nu,v\nr,s\nt,v\n"):
        assert re.search(said, " ".join(CsvTable(write(content)).notes)), content
        assert CsvTable(write(content), header=True).notes == CsvTable(write(content), header=False).notes == []
    for content in ("a,y\n" + "u,v\nr,s\n" * 2, "a,y\nu,1\nr,2\n"):
        assert CsvTable(write(content)).notes == []  # certain: each value stands twice, but not the names
    with pytest.warns(UserWarning, match=r"first row \('0', '1', '2'\) is taken for the names"):
        assert read_csv(write("0,1,2\n5.1,3.5,0\n4.9,3.0,1\n6,3,0\n")).feature_names == ("0", "1")
    with pytest.warns(UserWarning, match=r"first row \('150', '4', 'setosa', \.\.\.\) is taken for the names"):
        assert read_csv(write("150,4,setosa,virginica\n5.1,3.5,0,1\n4.9,3.0,1,0\n")).n_samples == 2
    assert CsvTable(write("age,2019,2025,y\n5,3,0,1\n4,3,1,0\n")).notes == []
    with pytest.raises(ValueError, match=r"two columns are named 'a'.*if the row is data.*--header no"):
        CsvTable(write("a,a,b\n1,2,3\n"))


def test_expected_names_make_a_header(write):
    path = write("2020,2019,note\n1,2,x\n3,4,y\n")
    assert CsvTable(path, known=("2019", "2020")).names == ("2020", "2019", "note")
    assert not CsvTable(path, known=("2019", "2021")).has_header
    assert not CsvTable(path, known=("2019",), header=False).has_header


THREE = "a,b,y\n1,2,0\n2,3,1\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("# made by a tool\n" + THREE, "passed over line 1 beginning with #"),
        ("# made by a tool, version 3, today\n" + THREE, "passed over line 1 beginning with #"),
        ("\n# one\n#\n\n# it's three; 1;2;3\n" + THREE, "passed over 3 lines beginning with #"),
        ("# a, b, y\n" + THREE.partition("\n")[2], r":1: taken for the names of the columns, without its #"),
        ("# id: 5\n# a, b, y\n" + THREE.partition("\n")[2], r":2: taken for the names of the columns"),
        ("Sales 2024\n\n" + THREE, "passed over the title 'Sales 2024' above the table"),
        ("Sales 2024\nby hand\n" + THREE, "passed over the title 'Sales 2024'"),
        ("Sales 2024,,\n" + THREE, "passed over the title 'Sales 2024'"),
        ("# a comment\nSales 2024\n" + THREE, "passed over the title 'Sales 2024'"),
        ("sep=;\n" + THREE.replace(",", ";"), None),
        ('"sep=;"\r\n' + THREE.replace(",", ";").replace("\n", "\r\n"), None),
        ("SEP=\t\n" + THREE.replace(",", "\t"), None),
        ("sep=;\n# a comment, too\n" + THREE.replace(",", ";"), "passed over line 2 beginning with #"),
        (THREE.replace("\n", ",\n"), "rows end with ',': an empty column without a name is left out"),
        (THREE.replace("\n", ",,,\n"), "rows end with ','"),
        (THREE.replace("\n", ";\n").replace(",", ";"), "rows end with ';'"),
        (THREE.replace("0\n", "0,\n").replace("1\n", "1,\n"), "rows end with ','"),
        (THREE.replace("y\n", "y,\n"), "rows end with ','"),
        (THREE[:-1] + ",\n", "rows end with ','"),
    ],
)
def test_what_stands_around_a_table_is_passed_over_and_said(write, content, said):
    path = write(content)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        dataset = read_csv(path)
    assert dataset.feature_names == ("a", "b") and dataset.X.tolist() == [[1, 2], [2, 3]]
    assert dataset.y.tolist() == [0, 1]
    assert (said is None and not seen) or any(re.search(rf"table\.csv:? ?.*{said}", str(one.message)) for one in seen)
    bad = write(content.replace("2,3,1", "2,x,1").replace("2;3;1", "2;x;1").replace("2\t3\t1", "2\tx\t1"))
    line = 1 + content[: re.search("2[,;\t]3[,;\t]1", content).start()].count("\n")
    with pytest.raises(ValueError, match=rf"table\.csv:{line}: column 'b' held numbers up to here and now 'x'"):
        read_csv(bad)


def test_what_only_looks_like_something_above_a_table(write):
    assert CsvTable(write("#a,1\n#b,2\n")).names == ("column 1", "column 2")  # all lines begin so: data
    assert CsvTable(write("#,name,y\n1,x,0\n2,y,1\n")).names == ("#", "name", "y")
    assert CsvTable(write("#a,1\n2,3\n"), header=False).names == ("column 1", "column 2")
    assert CsvTable(write("a,b,y\n1,2,0\n#,3,1\n")).names == ("a", "b", "y")
    assert CsvTable(write("a,\n1,2\n3,4\n")).names == ("a", "column 2")  # nameless, but not empty
    for short in ("a,b\n1,2,0\n2,3,1\n", "5\n1,2\n3,4\n"):
        with pytest.raises(ValueError, match=r":1: the first row has \d fields, those below have \d; if it is"):
            CsvTable(write(short))
    table = CsvTable(write("a,b,y,\n1,2,0,\n2,3,1,4\n"))
    assert table.names == ("a", "b", "y", "column 4")


def test_who_left_the_empty_column_out_by_name_still_may(write):
    with pytest.warns(UserWarning, match="rows end with ','"):
        assert read_csv(write("a,y,\n1,0,\n2,1,\n"), "y", ignore=["column 3"]).feature_names == ("a",)


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        (",a,y", range(9)),
        (",a,y", range(1, 10)),
        ('"",a,y', range(9)),
        (",a,y", [5, 3, 8, 0, 21, 7]),  # some rows of a shuffled table
        ("Unnamed: 0,a,y", range(9)),
        ("Unnamed: 0.1,a,y", range(9)),
        ("a,Unnamed: 0,y", range(9)),
        (",a,y", [float(i) for i in range(9)]),  # as pandas writes what stood beside a missing value
    ],
)
def test_a_column_without_a_name_that_numbers_the_rows_is_left_out(write, header, numbers):
    first = not header.startswith("a")
    rows = "".join((f"{i},{i % 3}" if first else f"{i % 3},{i}") + f",{i}.5\n" for i in numbers)
    path = write(f"{header}\n{rows}")
    with pytest.warns(
        UserWarning, match=r"table\.csv: '.*', a column without a name, numbers the rows and is left out"
    ):
        dataset = read_csv(path)
    assert dataset.feature_names == ("a",) and dataset.X[:, 0].tolist() == [i % 3 for i in numbers]
    assert dataset.schema.read(CsvTable(write("a\n2\n", "later.csv")))[0].tolist() == [[2]]
    assert read_csv(path, ignore=[CsvTable(path).names[0 if first else 1]]).feature_names == ("a",)


@pytest.mark.parametrize(
    "content",
    [
        ",a,y\n0,1,0.5\n0,2,1.5\n",  # not the numbers of rows
        ",a,y\n0.5,1,0.5\n1,2,1.5\n",
        "a,,y\n1,5,0.5\n2,7,1.5\n",
        "id,a,y\n0,1,0.5\n1,2,1.5\n",  # named
        "0,1,0.5\n1,2,1.5\n",  # no header
        ",y\n0,0.5\n1,1.5\n",  # nothing else to learn from
    ],
)
def test_other_columns_of_numbers_are_kept(write, content):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        kept = read_csv(write(content), task="regression").feature_names
    assert len(kept) == content.partition("\n")[0].count(",")
    nameless = content.startswith((",a", "a,,"))
    assert [str(one.message).partition("name, is ")[2][:18] for one in said] == ["taken for an input"] * nameless
    target = read_csv(write(",a,y\n0,1,0.5\n1,2,1.5\n"), "column 1", task="regression")
    assert target.feature_names == ("a", "y")
    assert read_csv(write(",a,y\n0,1,0.5\n1,2,1.5\n"), categorical=["column 1"]).n_features == 3


@pytest.mark.parametrize("ends", [",", ",Unnamed: 2", ",Unnamed: 2,"])
def test_a_last_column_that_numbers_the_rows_is_no_target(write, ends):
    rows = "".join(f"{i % 3},{'xz'[i % 2]}{f',{i}' * ends.count(',')}\n" for i in range(9))
    path = write(f"a,y{ends}\n{rows}")
    with pytest.warns(UserWarning) as said:
        dataset = read_csv(path)
    assert dataset.feature_names == ("a",) and dataset.schema.target == "y" and dataset.target_names == ("x", "z")
    assert "the target is 'y', the last column with a name" in str(said[0].message)
    assert sum("numbers the rows and is left out" in str(one.message) for one in said) == ends.count(",")
    assert [facts.becomes for facts in survey(CsvTable(path))][1:3] == [
        "the target, 2 classes",
        "left out: numbers the rows",
    ]
    for content in (f"a,b{ends}\n1,2{',7' * ends.count(',')}\n2,3{',7' * ends.count(',')}\n", "y,\n5,0\n7,1\n"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a nameless column before it is said to be an input
            assert read_csv(write(content)).schema.target == CsvTable(write(content)).names[-1]


def test_ids_and_names_are_named(write):
    ids = "".join(f"n{i},{i},{i % 2}\n" for i in range(1002))
    with pytest.raises(
        ValueError, match=r"'id' has more than 100 .*, no two alike .* 'n0': they may be ids .*--ignore"
    ):
        read_csv(write("id,a,y\n" + ids))
    with pytest.raises(
        ValueError, match=r"'id' has more than 1000 .* may be ids or names, so predict another .*--target"
    ):
        read_csv(write("id,a,y\n" + ids), "id")
    with pytest.raises(ValueError, match=r"'id' has more than 100 different texts, for example 'n0'; numbers need a"):
        read_csv(write("id,a,y\nn0,1,1\n" + ids))
    few = write("id,a,y\n" + "".join(ids.splitlines(keepends=True)[:21]))
    with pytest.warns(UserWarning, match=r"'id' is text, another in each of the 21 rows, .*; leave it out \(ignore=.*"):
        read_csv(few)
    assert read_csv(few, ignore=["id"]).n_features == 1 and read_csv(few, categorical=["id"]).n_features == 22


@pytest.mark.parametrize("argument", ["categorical", "ignore"])
def test_a_text_is_no_collection_of_columns(write, argument):
    with pytest.raises(TypeError, match=rf"{argument} must be .* such as \['ab'\], got 'ab'"):
        read_csv(write("a,b,ab\n1,2,0\n3,4,1\n"), **{argument: "ab"})
    for value in (3, None):
        with pytest.raises(TypeError, match=rf"{argument} must be .* such as \['a'\], got {value}"):
            read_csv(write("a,b,ab\n1,2,0\n3,4,1\n"), **{argument: value})
        with pytest.raises(TypeError, match=rf"date_parts must be .* such as \['weekday'\], got {value}"):
            read_csv(write("a,b,ab\n1,2,0\n3,4,1\n"), date_parts=value)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("a,b,y\n'x, z',2,1\n'w',3,0\n", {}),
        ("'a';'b';'y'\n'x, z';'2,0';'1'\n'w';'3';'0'\n", {}),
        ("'a'\t'b'\t'y'\r\n'x, z'\t2\t1\r\n'w'\t3\t0\r\n", {}),
        ("a, b, y\n 'x, z', 2, 1\n 'w', 3, 0\n", {}),
        ('a, b, y\n"x, z", 2, 1\n "w", 3, 0\n', {}),  # a blank before a quote is none of the field
        ('\ufeff\ufeffa,b,y\n"x, z",2,1\n"w",3,0\n', {}),  # two byte order marks
        ('a   b  y\n"x, z"   2 1\n  w      3 0\n', {"delimiter": " "}),
        ('a\tb\ty\n"x, z"\t2\t1\nw\t3\t0\n', {"delimiter": "tab"}),
        ('a\tb\ty\n"x, z"\t2\t1\nw\t3\t0\n', {"delimiter": "\\t"}),  # as it is typed on a command line
        ('a^b^y\n"x, z"^2^1\nw^3^0\n', {"delimiter": "^"}),
    ],
)
def test_quotes_and_delimiters_of_other_kinds(write, content, options):
    said = [] if '"' in content else ["fields stand in single quotes, which are taken off"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        dataset = read_csv(write(content), **options)
    assert [str(one.message).partition(": ")[2] for one in seen] == said
    assert dataset.feature_names == ("a=w", "a=x, z", "b") and dataset.X.tolist() == [[0, 1, 2], [1, 0, 3]]
    assert dataset.schema.target == "y" and dataset.y.tolist() == [1, 0]


def test_apostrophes_are_no_quotes(write):
    content = "a,b\n'tis,1\n'twas,0\n"
    assert read_csv(write(content)).feature_names == ("a='tis", "a='twas")
    assert read_csv(write("a,b\n'x' ,1\n'y',0\n")).feature_names == ("a='x'", "a='y'")
    assert read_csv(write("a,b\n'x,1\n'y',0\n")).feature_names == ("a='x", "a='y'")
    assert read_csv(write("a,b\n\"'x'\",1\n\"'y'\",0\n")).feature_names == ("a='x'", "a='y'")


def test_latin_1(write):
    path = write("name,kind\na,caf\xe9\nb,tea\na,caf\xe9\nb,tea\n", encoding="latin-1")
    with pytest.raises(ValueError, match=r"table\.csv:2: not UTF-8 text; name its encoding, often cp1252 or latin-1"):
        read_csv(path)
    assert read_csv(path, encoding="latin-1").target_names == ("caf\xe9", "tea")


@pytest.mark.parametrize(
    ("values", "task", "names"),
    [
        ("0 1 0 1", "auto", ("0", "1")),
        ("10 9 10 9", "auto", ("9", "10")),
        ("1.0 2 1 2.0", "auto", ("1", "2")),
        ("yes no yes no", "auto", ("no", "yes")),
        ("0.5 1 2 3", "auto", None),
        ("1 2 3 4", "regression", None),
        ("0.5 1.5 0.5 1.5", "classification", ("0.5", "1.5")),
        ("1 a 1 a", "classification", ("1", "a")),
        (" ".join(map(str, range(20))) * 2, "auto", None),  # 190 stands once
        (" ".join(map(str, [*range(20)] * 2)), "auto", tuple(map(str, range(20)))),
        (" ".join(map(str, [*range(21)] * 2)), "auto", None),
        (" ".join(map(str, range(1, 19))), "auto", None),  # a number of its own for each row
        (" ".join(map(str, range(10))), "auto", tuple(map(str, range(10)))),
        ("100 200 300", "auto", None),
        ("100 200 300 100 200 300", "auto", ("100", "200", "300")),
        ("100 200", "auto", ("100", "200")),
    ],
)
def test_task(write, values, task, names):
    path = write("x,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values.split())))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = read_csv(path, task=task)
    assert dataset.target_names == names
    if names is None:
        assert dataset.y.tolist() == [float(value) for value in values.split()]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (range(100, 118), r"target 'y': 18 different whole numbers are predicted as a number; .*--task classification"),
        ([*range(21)] * 3, "target 'y': 21 different whole numbers are predicted as a number"),
        (range(3, 1300), "target 'y': more than 1000 different whole numbers are predicted as a number"),
        ([3, 4, 5] * 9, r"target 'y': 3 different whole numbers are taken for classes; .*--task regression"),
        ([1, 2, 3] * 9, None),
        ([0.5, 2, 3] * 9, None),
        ([7, 9] * 9, None),
    ],
)
def test_what_whole_numbers_are_taken_for_is_said(write, tmp_path, values, said):
    path = write("x,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(values)))
    np.savez(tmp_path / "t.npz", X=np.arange(len(values))[:, None], y=list(values))
    for read, file in ((read_csv, path), (read_npz, tmp_path / "t.npz")):
        if said is None or (read, len(values)) == (read_npz, 1297):
            read(file, task="auto" if said is None else "regression")
            continue
        with pytest.warns(UserWarning, match=rf"{os.path.basename(file)}: {said}"):
            dataset = read(file)
        assert (dataset.target_names is None) == ("predicted" in said)
        read(file, task="regression")  # who says so is told nothing
    if said is not None and len(values) > 1000:
        with pytest.raises(
            ValueError, match=r"more than 1000 different numbers.* too many for classes.*--task regression"
        ):
            read_csv(path, task="classification")


def test_missing_values(write):
    holes = "a,b\n1,x\n,y\n3,NA\n4,?\n5,x\n6,N/a\n7,null\n8,nan\n9,y\n"
    with pytest.raises(ValueError, match=r"table\.csv:3: column 'a' has no value \(found ''\)"):
        read_csv(write(holes))
    dataset = read_csv(write(holes), missing="drop")
    assert dataset.X[:, 0].tolist() == [1, 5, 9] and dataset.y.tolist() == [0, 0, 1]
    assert read_csv(write("a,b,c\n1,,x\n2,,y\n"), ignore=["b"]).n_samples == 2


@pytest.mark.parametrize(
    "marker",
    [
        "-",
        "—",
        "–",
        ".",
        "..",
        "#N/A",
        "None",
        "<NA>",
        "missing",
        "NIL",
        "n.a.",
        "NA",
        "#DIV/0!",
        "*",
        "?",
        "―",
        "‑",
        "––",
    ],
)
def test_what_no_number_is_counts_as_missing_among_numbers(write, marker):
    for content in (f"a,b,y\n1,2,0\n2,{marker},1\n3,4,0\n", f"a,b,y\n2,{marker},1\n1,2,0\n3,4,0\n"):
        with pytest.raises(
            ValueError, match=rf"column 'b' has no value \(found '{re.escape(marker)}'\); fill it in, or"
        ):
            read_csv(write(content))
        dataset = read_csv(write(content), missing="drop")
        assert dataset.feature_names == ("a", "b") and dataset.X.tolist() == [[1, 2], [3, 4]]
        assert dataset.target_names == ("0",)  # the class of the row left out is none
    goal = write(f"a,y\n1,0\n2,{marker}\n3,1\n4,0\n")
    for task in ("auto", "classification", "regression"):
        assert read_csv(goal, missing="drop", task=task).y.tolist() == [0, 1, 0]
    marked = write(f"a,y\n$5,0\n{marker},1\n$7,0\n")
    with pytest.warns(UserWarning, match="read as numbers"):
        assert read_csv(marked, missing="drop").X.tolist() == [[5], [7]]
    schema = read_csv(write("a,y\n5,0\n7,1\n")).schema
    with pytest.raises(ValueError, match="column 'a' has no value"):
        schema.read(CsvTable(write(f"a\n{marker}\n", "later.csv")))


def test_among_texts_some_markers_are_texts_and_said(write):
    path = write("a,b,y\n1,red,0\n2,None,1\n3,blue,0\n4,-,1\n5,#N/A,1\n6,,0\n")
    with pytest.warns(UserWarning, match=r"'b' has '-' and 'None', read as one more text, not as a missing value"):
        dataset = read_csv(path, missing="drop")
    assert dataset.feature_names == ("a", "b=-", "b=None", "b=blue", "b=red") and dataset.n_samples == 4
    assert read_csv(path, missing="drop", missing_values=["-", "none"]).feature_names == ("a", "b=blue", "b=red")
    assert read_csv(write("a,y\n1,-\n2,+\n")).target_names == ("+", "-")  # they mean each other
    assert read_csv(write("a,y\n1,ND\n2,SD\n")).target_names == ("ND", "SD")  # North Dakota
    with pytest.warns(UserWarning, match="'a' has '-', read as one more text"):
        assert read_csv(write("a,b,y\n-,1,0\n-,2,1\n")).feature_names == ("a=-", "b")
    assert read_csv(write("a,y\n1,0\n-,1\n"), categorical=["a"]).feature_names == ("a=-", "a=1")


def test_numbers_treated_as_text(write):
    dataset = read_csv(write("street,y\n1,0\n2,1\n1a,0\n"), categorical=["street"])
    assert dataset.feature_names == ("street=1", "street=1a", "street=2")


BAD_TABLES = [
    ("", {}, r"table\.csv: the file is empty"),
    ("\n\n", {}, "the file is empty"),
    ("a,b\n", {}, "no complete row of data below the header"),
    ("a,b\n1,2\n3\n", {}, r"table\.csv:3: expected 2 fields as in the first row, got 1"),
    ("a,b\n1,2\n3,4,5\n", {}, r"table\.csv:3: expected 2 fields as in the first row, got 3"),
    ("a\n1\n2\n", {}, "needs a target column and at least one other, found a"),
    ("a b c\n1 2 3\n", {}, "separated by something else than commas, semicolons, tabs or bars"),
    ("a,a,b\n1,2,3\n", {}, r"table\.csv:1: two columns are named 'a'"),
    ("a,b\n1,2\nx,3\n", {}, r"table\.csv:3: column 'a' held numbers up to here and now 'x'"),
    ("a,b,y\n1,2,0\na,b,y\n3,4,1\n", {}, r"table\.csv:3: .* and now 'a'; the names of the columns stand there again"),
    ("a,b\nx,2\n1,3\n", {}, r"table\.csv:3: column 'a' held text up to here and now '1'"),
    ("a,b\n1_000,2\n", {}, None),
    (
        "a,b\n1,2\ninf,3\n",
        {},
        r"table\.csv:3: column 'a': expected a finite number, got 'inf'; write a number that there is, or leave",
    ),
    ("a,b\n1,0\n1e999,1\n", {}, r"table\.csv:3: column 'a': expected a finite number, got '1e999'"),
    (
        'a,b\n1,"2\n3,4\n',
        {},
        r"table\.csv:2: not a CSV row .*: look for a quote there that is not closed",
    ),
    ("a:b\n1:2\n", {}, r"found a:b; if its columns are separated by something else than .*, name it \(delimiter="),
    ("a;b\n1;2\n", {"delimiter": ";;"}, "delimiter must be one character such as ';', or 'tab', got ';;'"),
    ("a;b\n1;2\n", {"delimiter": ""}, "delimiter must be one character"),
    ("a;b\n1;2\n", {"delimiter": '"'}, "delimiter must be one character"),
    ("a,a=x,y\nx,2,0\nz,3,1\n", {}, "columns 'a' and 'a=x' both become 'a=x'; rename one, or leave it out"),
    ("a,a missing,y\n1,2,0\n,3,1\n2,3,1\n", {"missing": "impute"}, "'a' and 'a missing' both become"),
    ('a,b\n1,"2"x\n3,4\n', {}, r"table\.csv:2: not a CSV row"),
    ("a,b\n" + "x" * 200_000 + ",1\n", {}, r"table\.csv:2: not a CSV row .field larger"),
    (TABLE, {"target": "prize"}, "there is no column 'prize'; did you mean 'price'"),
    (TABLE, {"target": "zzz"}, "there is no column 'zzz'; the columns are size, colour, price"),
    (TABLE, {"ignore": ["nope"]}, "there is no column 'nope'"),
    (TABLE, {"categorical": ["nope"]}, "there is no column 'nope'"),
    (TABLE, {"target": "price", "ignore": ["price"]}, "the target 'price' is ignored; predict another"),
    (TABLE, {"ignore": ["price"]}, "the target 'price', the last column, is ignored"),
    (TABLE, {"target": "colour", "task": "regression"}, "the target 'colour' is text; regression needs"),
    (TABLE, {"task": "clustering"}, "task must be one of auto, classification, regression, got 'clustering'"),
    (TABLE, {"missing": "ignore"}, "missing must be 'error', 'drop' or 'impute', got 'ignore'"),
    (TABLE, {"encoding": "utf-99"}, "unknown encoding 'utf-99'"),
    (TABLE, {"encoding": "base64"}, "unknown encoding 'base64'"),
    ("name,y\n" + "".join(f"n{i},{i % 2}\n" for i in range(101)), {}, "'name' has more than 100 different texts"),
    (gzip.compress(TABLE.encode() * 50)[:-20], {}, "damaged gzip file"),
]


@pytest.mark.parametrize(("content", "arguments", "message"), BAD_TABLES)
def test_bad_table(write, content, arguments, message):
    path = write(content)
    if message is None:  # text, not a number: Python's 1_000 must not slip through
        with pytest.warns(UserWarning, match=r"'1_000', which no later row may have; if these are numbers"):
            assert read_csv(path).feature_names == ("a=1_000",)
        return
    with pytest.raises(ValueError, match=message):
        read_csv(path, **arguments)


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "a,y\n1,0\n2,1\n")
    return file.getvalue()


def tarred():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("t.csv"))
    return file.getvalue()


ENCODED = {f"{code}": TABLE.encode(code) for code in ("utf-16-le", "utf-16-be")}
NO_TEXT = {
    "xlsx": (
        zipped("[Content_Types].xml", "xl/workbook.xml"),
        r"an Excel workbook \(.xlsx\), not a text table; save the",
    ),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), r"an Excel workbook \(.xls\), .* Save as, CSV UTF-8"),
    "ods": (zipped("mimetype", "content.xml"), r"an OpenDocument file \(.ods\), .* save the sheet as CSV"),
    "zip": (zipped("t.csv"), "a ZIP archive that holds 't.csv', not a text table; unpack it"),
    "cut zip": (zipped("t.csv")[:40], "a damaged ZIP archive"),
    "npz": (zipped("X.npy", "y.npy"), "an NPZ file of NumPy, .* name it .npz"),
    "parquet": (
        b"PAR1" + bytes(range(256)),
        r"Parquet file, .*pandas.read_parquet\('t.bin'\).to_csv\('t.csv', index=False\)",
    ),
    "feather": (b"ARROW1\0\0", "read_feather"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file, .*read_hdf"),
    "sqlite": (b"SQLite format 3\0" + bytes(80), "an SQLite database"),
    **{
        f"pickle {i}": (pickle.dumps({"a": [1, 2]}, i), "a pickle of Python, which may run any code")
        for i in (0, 2, 4, 5)
    },
    "npy": (b"\x93NUMPY\x01\0", "a single NumPy array, .*numpy.savez"),
    "idx": (b"\0\0\x08\x03\0\0\0\x01", "an IDX file, .*mnist:FOLDER"),
    "bz2": (bz2.compress(TABLE.encode()), "compressed by bzip2, .* unpack it"),
    "xz": (lzma.compress(TABLE.encode()), "compressed by xz, .* unpack it"),
    "tar": (tarred(), "a tar archive, .* unpack it"),
    "tar.gz": (gzip.compress(tarred()), "a tar archive, .* unpack it"),
    "png": (b"\x89PNG\r\n\x1a\n", "a picture"),
    "pdf": (b"%PDF-1.7", "a PDF"),
    "json": (b'{"a": [1, 2], "y": [0, 1]}', r"a JSON file, .*pandas.read_json\('t.bin'\)"),
    "json rows": (b'[\n {"a": 1, "y": 0}]', "a JSON file"),
    "JSON lines": (
        b'{"a": 1}\n{"a": 2}\n',
        r"a file of JSON lines, .*read_json\('t.bin', lines=True\).to_csv\('t.csv', i",
    ),
    "libsvm": (b"1 1:0.5 2:0.3\n-1 1:0.2\n", "a LIBSVM file, .* sklearn.datasets.load_svmlight_file"),
    "arff": (b"% made by hand\n@RELATION x\n@attribute a numeric\n", r"a Weka file \(ARFF\), .* lines down to @data"),
    "rtf": (rb"{\rtf1 a,b}", r"a text document \(RTF\); copy the table"),
    "html table": (b'<table border="1">\n<tr>', "a web page"),
    "html": (b"\n<!DOCTYPE html><html>", "a web page, .* get the file itself"),
    "binary": (b"a,b\n\0\x01\x02", "binary data"),
    **{
        name: (text, f"UTF-16 text without .* name its encoding, {name} .*--encoding") for name, text in ENCODED.items()
    },
}


@pytest.mark.parametrize(("content", "message"), NO_TEXT.values(), ids=NO_TEXT)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_file_that_is_no_text_is_named(write, content, message, encoding):
    with pytest.raises(
        ValueError, match=rf"t\.bin: this is {'.*' if message.startswith('read') else '(a )?'}{message}"
    ):
        read_csv(write(content, "t.bin"), encoding=encoding)


def test_the_way_to_csv_does_not_write_over_the_file(write):
    with pytest.raises(ValueError, match=r"pandas.read_json\('t.csv'\).to_csv\('t-table.csv', index=False\)"):
        read_csv(write('{"a": [1, 2], "y": [0, 1]}', "t.csv"))


def test_wide_encodings_are_read_by_their_name_or_mark(write):
    for code in ("utf-16", "utf-32", "utf-16-le", "utf-16-be", "utf-32-le"):
        told = {"encoding": code} if code[-1] == "e" else {}
        assert read_csv(write(TABLE.encode(code)), **told).y.tolist() == [10.5, 20.5, 30]
    for names in (
        "PK,y",
        "BZh9,y",
        "Rar!,y",
        "x{,y",
        "GIF89,y",
        "[a],y",
        "ORC,y",
        "PAR1,y",
        "ARROW1,y",
        "cnumpy,y",
        "{a},y",
    ):
        assert read_csv(write(f"{names}\n1,0\n2,1\n")).feature_names == (names[:-2],)


def test_no_file_and_no_regular_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_csv(tmp_path / "absent.csv")
    with pytest.raises(IsADirectoryError):
        read_csv(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match="not a regular file"):
        read_csv(tmp_path / "pipe.csv")


def test_a_later_table_is_read_by_the_first_ones_schema(write):
    schema = read_csv(write(TABLE)).schema
    assert Schema.from_dict(schema.to_dict()) == schema
    X, y = schema.read(CsvTable(write("price,extra,colour,size\n7,?,blue,4\n", "later.csv")))
    assert X.tolist() == [[4, 1, 0]] and y.tolist() == [7]
    X, y = schema.read(CsvTable(write("colour,size\nred,5\n", "no_target.csv")))
    assert X.tolist() == [[5, 0, 1]] and y is None
    X, _ = schema.read(CsvTable(write("6,red\n", "no_header.csv")))
    assert X.tolist() == [[6, 0, 1]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("size,price\n1,2\n", "there is no column 'colour'"),
        ("size,colour\nx,red\n", r"later\.csv:2: column 'size': expected a finite number, got 'x'"),
        ("size,colour\n1,\n", r"later\.csv:2: column 'colour' has no value"),
        ("size,colour,price\n1,red,dear\n", r"later\.csv:2: column 'price': expected a finite number, got 'dear'"),
        ("size,colour\n", "no complete row of data"),
        ("size;colour\n5,250;red\n", r"expected a finite number, got '5,250'; name the decimal mark \(decimal=, .*"),
        ("9,1,red\n8,2,blue\n", r"has 3 columns without names.*the model reads size, colour.*put these names"),
        (
            "big,red\nsmall,blue\n",
            r"there is no column 'size'.*if the first row is data.*--header",
        ),
    ],
)
def test_a_later_table_that_does_not_fit(write, content, message):
    schema = read_csv(write(TABLE)).schema
    with pytest.raises(ValueError, match=message):
        schema.read(CsvTable(write(content, "later.csv")))


@pytest.mark.parametrize("goal", ["", "c", "?"])
def test_a_target_that_is_not_wanted_may_hold_anything(write, goal):
    schema = read_csv(write("x,y\n1,a\n2,b\n")).schema
    later = CsvTable(write(f"x,y\n1,{goal}\n2,a\n", "later.csv"))
    X, y = schema.read(later, target=False)
    assert X.tolist() == [[1], [2]] and y is None
    with pytest.raises(ValueError, match=r"'x' has no value \(found ''\); fill it in, or take the row out of the file"):
        schema.read(CsvTable(write("x,y\n,a\n2,b\n", "holes.csv")), target=False)


def test_unknown_texts_count_as_none_and_are_said(write):
    schema = read_csv(write("n,code,ok,y\na,1,True,0\nb,2,False,1\na,3,True,1\n"), categorical=["code"]).schema
    assert schema.feature_names == ("n=a", "n=b", "code=1", "code=2", "code=3", "ok=False", "ok=True")
    table = CsvTable(write("n,code,ok\nc,1.0,TRUE\nA,9,false\nc,2,maybe\na,03,True\n", "later.csv"))
    X, _ = schema.read(table)
    assert X.tolist() == [[0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 1]]
    assert [note.partition("later.csv: ")[2] for note in table.notes] == [
        "column 'n': 'c' (line 2, 2 rows) is none of a, b, and counts as none of them",
        "column 'n': 'A' (line 3) is read as 'a'",
        "column 'code': '9' (line 3) is none of 1, 2, 3, and counts as none of them",
        "column 'ok': 'TRUE' (line 2) is read as 'True'",
        "column 'ok': 'false' (line 3) is read as 'False'",
        "column 'ok': 'maybe' (line 4) is none of False, True, and counts as none of them",
    ]
    with pytest.warns(UserWarning, match="'A' and 'a', which count as two"):
        schema = read_csv(write("n,y\na,0\nA,1\na,1\nA,0\n")).schema  # of two that differ in case, neither is meant
    assert schema.read(CsvTable(write("n\n\u00c4\nA\n", "later.csv")))[0].tolist() == [[0, 0], [1, 0]]
    table = CsvTable(write("n\n" + "".join(f"u{i}\n" for i in range(9)) + "a\n", "later.csv"), known=["n"])
    schema.read(table)
    assert len(table.notes) == 4 and table.notes[-1].endswith("column 'n': 6 more texts are none of those either")


def test_rows_with_gaps_are_marked_on_demand(write):
    schema = read_csv(write("size,colour,y\n1.5,red,0\n2.5,blue,1\n")).schema
    later = CsvTable(write("size,colour,y\n1,red,?\n?,red,1\n,,\n2,,0\n-,blue,0\n", "later.csv"))
    X, y = schema.read(later, missing="mark", target=False)
    nan = np.nan
    expected = [[1, 0, 1], [nan, 0, 1], [nan] * 3, [2, nan, nan], [nan, 1, 0]]
    assert np.array_equal(X, expected, equal_nan=True) and y is None
    with pytest.raises(ValueError, match=r"later.csv:6: column 'size': expected a finite number, got 'x'"):
        schema.read(
            CsvTable(write("size,colour\n\n1,red\n,\n1,red\nx,red\n", "later.csv")), missing="mark", target=False
        )


@pytest.mark.parametrize("target", ["column 1", "column 2", None])
def test_a_table_without_header_has_the_roles_of_the_training(write, target):
    rows = "1.5,0.5,10\n2.5,1.5,30\n3.5,0.5,60\n"
    schema = read_csv(write(rows), target, task="regression").schema
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema
    X, y = schema.read(CsvTable(write(rows, "later.csv")))
    at = {"column 1": 0, "column 2": 1, None: 2}[target]
    everything = np.array([[1.5, 0.5, 10], [2.5, 1.5, 30], [3.5, 0.5, 60]])
    assert X.tolist() == np.delete(everything, at, axis=1).tolist() and y.tolist() == everything[:, at].tolist()
    X, y = schema.read(CsvTable(write("7.5,8.5\n1.5,2.5\n", "later.csv")))
    assert X.tolist() == [[7.5, 8.5], [1.5, 2.5]] and y is None  # the inputs alone: none of them is the target, too
    for other in ("7.5\n", "1.5,2,3,4\n"):
        n = other.count(",") + 1
        with pytest.raises(
            ValueError, match=rf"later.csv: has {n} columns? without names.* trained on 3 .*the 2 inputs"
        ):
            schema.read(CsvTable(write(other, "later.csv")))
    with pytest.raises(ValueError, match="trained on a table without column names, and this one has a, b, c"):
        schema.read(CsvTable(write("a,b,c\n1,2,3\n", "later.csv")))


def test_ids_that_are_left_out_keep_the_roles_without_header(write):
    rows = "n1,1.5,10\nn2,2.5,30\nn3,3.5,60\n"
    schema = read_csv(write(rows), ignore=["column 1"], task="regression").schema
    for later in (rows, "n1,1.5\nn2,2.5\nn3,3.5\n", "1.5\n2.5\n3.5\n"):  # as trained, without the target, inputs
        assert schema.read(CsvTable(write(later, "later.csv")))[0].tolist() == [[1.5], [2.5], [3.5]]
    named = read_csv(write("size,kind,y\n1.5,2,5.5\n2.5,1,3.5\n")).schema
    table = CsvTable(write("1.5,2\n", "later.csv"))
    named.read(table)
    assert "columns without names are taken in the model's order: size, kind" in table.notes[-1]


def test_unknown_class_in_a_later_table(write):
    schema = read_csv(write("x,y\n1,a\n2,b\n")).schema
    with pytest.raises(ValueError, match=r"later\.csv:3: column 'y': unknown class 'c'; known: a, b"):
        schema.read(CsvTable(write("x,y\n1,a\n2,c\n", "later.csv")))


def test_rows_are_not_kept_as_text(write):
    path = write("a,b,c,d\n" + "".join(f"{i}.25,{i}.5,{i}.75,{i % 2}\n" for i in range(20_000)))
    tracemalloc.start()
    dataset = read_csv(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert dataset.X.shape == (20_000, 3)
    assert peak < 4 * dataset.X.nbytes, "a list of 80,000 strings alone would take more"


# ---- NPZ


def test_npz(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, X=np.arange(12, dtype=np.float32).reshape(3, 2, 2), y=np.array([[5], [7], [5]]))
    dataset = read_npz(path)
    assert dataset.X.shape == (3, 4) and dataset.X.dtype == np.float32
    assert dataset.target_names == ("5", "7") and dataset.y.tolist() == [0, 1, 0] and dataset.name == "data"
    assert read_npz(path, task="regression").y.tolist() == [5, 7, 5]


def test_npz_named_arrays_and_text_classes(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, inputs=[[1], [2]], kind=["b", "a"])
    dataset = read_npz(path, X="inputs", y="kind")
    assert dataset.X.dtype == np.float64 and dataset.y.tolist() == [1, 0] and dataset.target_names == ("a", "b")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["X.npy", "X"])
def test_two_arrays_of_one_name_are_refused(tmp_path, second):
    """The later one used to be read, or the one without an ending, and nothing said."""
    np.savez(tmp_path / "data.npz", X=[[1.0], [2.0]], y=[0, 1])
    with zipfile.ZipFile(tmp_path / "data.npz", "a") as file:
        file.writestr(second, file.read("y.npy"))
    with pytest.raises(ValueError, match="two arrays are called 'X'"):
        read_npz(tmp_path / "data.npz")


GOOD = {"X": [[1.0], [2.0]], "y": [0.5, 1.5]}


@pytest.mark.parametrize(
    ("arrays", "arguments", "message"),
    [
        ({"a": [1]}, {}, "there is no array 'X'; it holds a"),
        ({"X": [[1.0]]}, {}, "there is no array 'y'"),
        (GOOD, {"X": "Z"}, "there is no array 'Z'; it holds X, y"),
        (GOOD, {"task": "guess"}, "task must be one of"),
        (GOOD | {"X": [1.0, 2.0]}, {}, r"array 'X' must hold numbers, one row per sample, got shape \(2,\)"),
        (GOOD | {"X": np.zeros((0, 3))}, {}, r"got shape \(0, 3\)"),
        (GOOD | {"X": [["a"], ["b"]]}, {}, "must hold numbers"),
        (GOOD | {"X": [[1.0], [np.nan]]}, {}, "holds nan in row 1, column 0"),
        (GOOD | {"y": [1.0]}, {}, "one value for each of the 2 rows"),
        (GOOD | {"y": [[1, 0], [0, 1]]}, {}, "one value for each of the 2 rows"),
        (GOOD | {"y": [0.5, np.inf]}, {}, "the target must hold finite numbers"),
        (GOOD | {"y": ["a", "b"]}, {"task": "regression"}, "the target must hold finite numbers"),
        (GOOD | {"y": np.array([1j, 2j])}, {}, "must hold numbers or text"),
        (GOOD | {"y": np.array([{}, []], dtype=object)}, {}, "not a readable NPZ file: .*allow_pickle=False"),
    ],
)
def test_bad_arrays(tmp_path, arrays, arguments, message):
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message) as error:
        read_npz(path, **arguments)
    assert str(path) in str(error.value) or "task" in message


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
"""How the headers of a zip archive begin, before each file and in the list of all of them."""


def with_bytes(archive, at, value):
    """Set two bytes in every header, which lie at another place in either kind."""
    content = bytearray(archive)
    for mark, offset in ((LOCAL, at), (CENTRAL, at + 2)):
        for match in re.finditer(re.escape(mark), archive):
            content[match.start() + offset : match.start() + offset + 2] = value.to_bytes(2, "little")
    return bytes(content)


def with_flags(archive, flags):
    return with_bytes(archive, 6, flags)


def with_method(archive, method):
    return with_bytes(archive, 8, method)


FORGED = {
    "deep": "-" * 9000 + "1",  # which Python's parser calls a lack of memory
    "a deep shape": "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "-" * 9000 + "1,)}",
    "long": "1+" * 4000 + "1",
    "open": "(" * 3000,
    "a key that is none": "{{}: 3}",
    "a truth": "{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3)}",
    "a size past 64 bits": "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999999,)}",
}
"""Headers of arrays that NumPy fails to read, with errors of many kinds."""


@pytest.mark.parametrize("header", FORGED.values(), ids=FORGED)
def test_headers_of_arrays_that_are_forged(tmp_path, header):
    """Every reader of such files answers with one kind of error, that names the file."""
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(64)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", array)
    (tmp_path / "a.npy").write_bytes(array)
    for read, name in ((read_npz, "a.npz"), (lambda path: [*files(path).chunks()], "a.npz"), (files, "a.npy")):
        with pytest.raises(ValueError, match=r"a\.np[zy]: not a readable (NPZ|\.npy) file: ."):
            read(tmp_path / name)


def test_too_little_memory_for_an_array_stays_what_it_is(tmp_path):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**15}, 3)}}".encode()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("X.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(MemoryError, match="Unable to allocate"):
        read_npz(tmp_path / "a.npz")


def test_not_npz(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, **GOOD)
    whole = path.read_bytes()
    for content in (b"", b"PK", b"text", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="not a readable NPZ file"):
            read_npz(path)
    for flags in (0x1, 0x20):  # encrypted; "compressed patched data": what zipfile cannot read
        path.write_bytes(with_flags(whole, flags))
        with pytest.raises(ValueError, match="not a readable NPZ file"):
            read_npz(path)
    for method in (1, 99):
        path.write_bytes(with_method(whole, method))
        with pytest.raises(ValueError, match="not a readable NPZ file"):
            read_npz(path)
    for content in (pickle.dumps([1, 2]), b"text", b""):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("X.npy", content)
        with pytest.raises(ValueError, match=r"not a readable NPZ file: 'X' in it is no array"):
            read_npz(path)
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(ValueError, match="a single array"):
        read_npz(tmp_path / "one.npy")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "absent.npz")
