"""What the columns of a CSV table become: dates, gaps, codes, and what stands below the table."""

import json
import re
import warnings
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest

from nncore.datasets import Preparation, levels, read_csv
from nncore.datasets.csv_table import CsvTable
from nncore.datasets.dates import DateStyle, days, moments
from nncore.datasets.schema import Schema
from nncore.datasets.survey import survey


@pytest.fixture
def read(tmp_path):
    """Read a table from its text; return the data set and what was said."""

    def read(content, target=None, **options):
        path = tmp_path / "t.csv"
        path.write_text(content, encoding="utf-8", newline="")
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            dataset = read_csv(path, target, **options)
        return dataset, [str(warning.message).partition(": ")[2] for warning in seen]

    return read


def table(values, more=""):
    return "day,x,y\n" + "".join(f"{value},{i},{i}.5\n" for i, value in enumerate(values)) + more


DAY = float((date(2024, 1, 31) - date(1970, 1, 1)).days)
DATES = {
    "2024-01-31": DAY,
    "2024-1-31": DAY,
    "2024/01/31": DAY,
    "2024.01.31": DAY,
    "20240131": DAY,
    "31/01/2024": DAY,
    "1/31/2024": DAY,
    "31.01.2024": DAY,
    "31-01-2024": DAY,
    "31/1/24": DAY,
    "31.01.24": DAY,
    "31 Jan 2024": DAY,
    "31-Jan-24": DAY,
    "31st January 2024": DAY,
    "Jan 31, 2024": DAY,
    "Wed, 31 Jan 2024": DAY,
    "20240131T060000": DAY + 0.25,
    "20240131T0600Z": DAY + 0.25,
    "20240131060000": DAY + 0.25,
    "202401310600": DAY + 0.25,
    "31/Jan/2024:06:00:00 +0000": DAY + 0.25,
    "Wed Jan 31 06:00:00 2024": DAY + 0.25,
    "Wed Jan 31 06:00:00 UTC 2024": DAY + 0.25,
    "2024-01-31T06:00": DAY + 0.25,
    "2024-01-31 18:00:00.000": DAY + 0.75,
    "2024-01-31T06:00:00Z": DAY + 0.25,
    "2024-01-31T06:00:00+06:00": DAY,
    "1/31/2024 12:00 AM": DAY,
    "1/31/2024 6:00:00 pm": DAY + 0.75,
    "31/01/2024 12:00": DAY + 0.5,
    "2024-02": DAY + 1,
    "February 2024": DAY + 1,
    "2024-Q2": DAY + 61,
    "Q2 2024": DAY + 61,
    "2024-W05": DAY - 2,
    "2024-W05-3": DAY,
}
NO_DATES = [
    "2024-13-01",
    "2024-02-30",
    "31/31/2024",
    "12:30",
    "2023/24",
    "1.2.3",
    "10.0.0.1",
    "May",
    "5 May",
    "2024",
    "",
    "20241331060000",
    "20240131256000",
    "Wed Jan 32 06:00:00 2024",
]


@pytest.mark.parametrize(("field", "day"), DATES.items())
def test_dates_are_days(field, day):
    found = {days(moment) for order, moment in moments(field).items() if order != "ymd"}
    assert found == {day}


@pytest.mark.parametrize("field", NO_DATES)
def test_what_is_no_date(field):
    assert moments(field) == {}


def test_a_column_of_dates_is_one_feature_and_said_and_a_later_day_works(read, tmp_path):
    days_ = [datetime.fromordinal(738886 + i) for i in range(150)]
    dataset, said = read(table(f"{day:%Y-%m-%d}" for day in days_))
    assert dataset.feature_names == ("day", "x")
    assert dataset.X[:, 0].tolist() == [days(day) for day in days_]
    assert len(said) == 1 and "column 'day' is read as dates, '2024-01-01' as 19723 days since 1970-01-01" in said[0]
    assert "--date-parts" in said[0] and "--categorical" in said[0]
    later = tmp_path / "later.csv"
    later.write_text("x,day\n1,2031-01-01\n2,1 Jan 2031\n")
    X, _ = dataset.schema.read(CsvTable(later))
    assert X[:, 0].tolist() == [days(datetime(2031, 1, 1))] * 2


@pytest.mark.parametrize(
    "form", ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m/%d/%y", "%d/%m/%Y %H:%M", "%Y%m%d"]
)
def test_the_order_of_day_and_month_is_found_in_the_column(read, form):
    moment = [datetime(2024, 1 + i // 28, 1 + i % 28) for i in range(84)]
    dataset, said = read(table(f"{day:{form}}" for day in moment))
    assert dataset.X[:, 0].tolist() == [days(day) for day in moment] and "is read as dates" in said[0]
    assert Schema.from_dict(json.loads(json.dumps(dataset.schema.to_dict()))) == dataset.schema


def test_dates_that_may_be_others_are_asked_for(read):
    either = table(["03/04/2024", "05/06/2024"])
    with pytest.raises(ValueError, match=r"column 'day': '03/04/2024' may be 2024-04-03 or 2024-03-04; .*--day-first"):
        read(either)
    assert read(either, day_first=True)[0].X[0, 0] == days(datetime(2024, 4, 3))
    assert read(either, day_first=False)[0].X[0, 0] == days(datetime(2024, 3, 4))
    assert read(either, categorical=["day"])[0].n_features == 3
    dots, said = read(table(["03.04.2024", "05.06.2024"]))
    assert dots.X[0, 0] == days(datetime(2024, 4, 3)) and "--day-first" in said[0]
    with pytest.raises(ValueError, match=r"t.csv:3: .* dates as in '31/01/2024' up to here and now '01/31/2024'"):
        read(table(["31/01/2024", "01/31/2024"]))
    with pytest.raises(ValueError, match=r"t.csv:3: .* held dates up to here and now 'TBD'; correct it, say if it .*"):
        read(table(["2024-01-01", "TBD"]))
    assert read(table(["2024-01-01", "TBD"]), missing_values=["tbd"], missing="drop")[0].n_samples == 1


@pytest.mark.parametrize("mark", "-/.")
def test_years_of_two_digits_that_may_stand_first_are_asked_for(read, mark):
    year_first = table(date(2024, 1 + i // 28, 1 + i % 28).strftime(f"%y{mark}%m{mark}%d") for i in range(84))
    with pytest.raises(ValueError, match=r"column 'day': '24.01.\d\d' may begin with its year .*--day-first"):
        read(year_first)
    assert read(year_first, day_first=True)[0].X[5, 0] == days(datetime(2006, 1, 24))
    day_first = table(date(2024, 1 + i // 28, 1 + i % 28).strftime(f"%d{mark}%m{mark}%y") for i in range(84))
    assert read(day_first)[0].X[5, 0] == days(datetime(2024, 1, 6))


def test_later_dates_that_need_an_order_are_refused_where_training_had_none(read, tmp_path):
    schema = read(table(["2024-01-31", "2024-02-01"]))[0].schema
    later = tmp_path / "later.csv"
    for field in ("03/04/2024", "24-01-31", "03.04.2024"):
        later.write_text(f"day,x\n{field},1\n")
        with pytest.raises(ValueError, match=f"expected a date such as 2024-01-31, got '{field}'"):
            schema.read(CsvTable(later))
    later.write_text("day,x\n31/01/2024,1\n5 Feb 2024,1\n")
    X, _ = Schema.from_dict(schema.to_dict()).read(CsvTable(later))
    assert X[:, 0].tolist() == [DAY, DAY + 5]
    with pytest.raises(ValueError, match=r"'03/04/2024' may be 2024-04-03 or 2024-03-04"):
        read(table(["03.04.2024", "03/04/2024"]))


def test_parts_of_dates_on_request(read):
    dataset, _ = read(table(["2024-01-01 13:30", "2024-12-31 00:00"]), date_parts=["hour", "weekday", "day_of_year"])
    assert dataset.feature_names == ("day", "day weekday", "day day_of_year", "day hour", "x")
    assert dataset.X[:, 1:4].tolist() == [[0, 1, 13], [1, 366, 0]]
    assert Schema.from_dict(dataset.schema.to_dict()) == dataset.schema
    with pytest.raises(ValueError, match="unknown date_parts 'weak'; known: year, month"):
        read(table(["2024-01-01"]), date_parts=["weak"])
    with pytest.raises(TypeError, match=r"date_parts must be a collection of names such as \['hour'\]"):
        read(table(["2024-01-01"]), date_parts="hour")


@pytest.mark.parametrize(
    "texts", ["2010-11 2011-12 2012-13", "2012-13 2011-12", "1.2.3 10.11.12", "10.11.12 1.2.3 1.2.4"]
)
def test_short_dates_among_their_like_are_texts(read, texts):
    assert read(table(texts.split()))[0].feature_names[0].startswith("day=")


@pytest.mark.parametrize(
    "texts",
    [
        ("Jan-24", "Feb-24"),
        ("1. Mai 2024", "3. Mai 2024"),
        ("01.02.", "3.2."),
        ("3.4.24", "31.12.24"),
        ("KW 5 2024", "KW 6 2024"),
        ("2024-031", "2024-032"),
        ("2024年1月31日", "2024年2月1日"),
        ("2024-01-31 12:00 CET", "2024-02-01 12:00 CET"),
        ("٢٠٢٤-٠١-٣١", "٢٠٢٤-٠٢-٠١"),
    ],
)
def test_texts_that_may_be_dates_are_said(read, texts):
    _, said = read(table(texts))
    assert len(said) == 1 and "column 'day' is read as text" in said[0] and "write them as 2024-01-31" in said[0]
    assert read(table(texts), categorical=["day"])[1] == [] and read(table(["A 12", "B 13"]))[1] == []


def test_a_target_of_dates_is_a_quantity(read, tmp_path):
    dataset, said = read("x,y\n1,2024-01-01\n2,2024-01-02\n")
    assert dataset.y.tolist() == [19723, 19724] and dataset.target_names is None and "'y' is read as dates" in said[0]
    assert Schema.from_dict(dataset.schema.to_dict()) == dataset.schema
    assert read("x,y\n1,2024-01-01\n2,2024-01-02\n", task="classification")[0].target_names is not None


@pytest.mark.parametrize("numbers", [["20240131", "12345678"], ["2024", "2023"], ["19990101.5", "20240131"]])
def test_numbers_that_are_no_dates_stay_numbers(read, numbers):
    dataset, said = read(table(numbers))
    assert dataset.X[:, 0].tolist() == [float(number) for number in numbers] and said == []


GAPS = "a,c,d,y\n1,red,2024-01-01,0\n,red,2024-01-03,1\n3,,NA,0\n8,blue,2024-01-05,1\n-,red,2024-01-02,0\n"


def test_gaps_are_kept_for_the_preparation_which_learns_from_the_training_rows(read, tmp_path):
    dataset, said = read(GAPS, missing="impute")
    assert dataset.feature_names == ("a", "a missing", "c=blue", "c=red", "d", "d missing")
    assert np.isnan(dataset.X[:, 0]).tolist() == [False, True, False, False, True]
    assert dataset.X[:, 1].tolist() == [0, 1, 0, 0, 1] and np.isnan(dataset.X[2]).tolist() == [0, 0, 1, 1, 1, 0]
    assert "'a' (2 of 5 rows, marked by 'a missing'), 'c' (1 of 5 rows), 'd' (1 of 5 rows, marked" in said[-1]
    train = dataset.rows(np.array([0, 1, 2]))  # 8 and blue are not among them
    preparation = Preparation.from_json(Preparation.fit(train, standardize=False).to_json())
    assert preparation.prepare_inputs(dataset.X[1:2]).tolist() == [[2, 1, 0, 1, 19725, 0]]
    assert preparation.prepare_inputs(dataset.X[2:3]).tolist() == [[3, 0, 0, 1, 19724, 1]]
    scaled = Preparation.fit(train).prepare_inputs(train.X)
    assert np.isfinite(scaled).all() and np.abs(scaled.mean(axis=0)).max() < 1e-12


def test_later_gaps_are_filled_where_training_had_some_and_said(read, tmp_path):
    dataset, _ = read("a,b,c,y\n1,1,red,0\n2,2,,1\n,3,red,1\n6,4,blue,0\n", missing="impute")
    preparation = Preparation.fit(dataset, standardize=False)
    later = tmp_path / "later.csv"
    later.write_text("a,b,c\n,5,-\n4,,blue\n")
    table = CsvTable(later)
    X, _ = preparation.schema.read(table, missing="mark", target=False)
    filled = preparation.prepare_inputs(X)
    assert filled[0].tolist() == [2, 1, 5, 0, 1] and np.isnan(filled[1]).tolist() == [0, 0, 1, 0, 0]
    assert "in 'a' (1 of 2 rows, marked by 'a missing'), 'c' (1 of 2 rows)" in table.notes[0]
    with pytest.raises(ValueError, match=r"later.csv:3: column 'b' has no value .found ''.; fill it in"):
        preparation.schema.read(CsvTable(later), missing="impute")


def test_rows_without_a_target_are_left_out_and_counted(read):
    dataset, said = read("a,y\n1,0\n2,\n3,NA\n,1\n", missing="impute")
    assert dataset.y.tolist() == [0, 1] and "left out for want of 'y': 2 of 4 rows" in said
    assert read("a,c,y\n1,u,0\n2,v,\n3,u,1\n4,w,0\n", missing="impute")[0].feature_names == ("a", "c=u", "c=w")


def test_a_table_whose_inputs_are_all_empty_is_refused(read):
    for empty in ("a,y\n,1.5\nNA,2.5\n", "a,b,y\n?,,1.5\n,,2.5\n"):
        with pytest.raises(ValueError, match=r"t\.csv: no input has a value, '[ab]' neither"):
            read(empty, missing="impute")


def test_an_empty_column_is_left_out_and_said(read):
    dataset, said = read("a,b,y\n1,,0\n2,NA,1\n", missing="impute")
    assert dataset.feature_names == ("a",) and "column 'b' has no value in any row and is left out" in said
    with pytest.raises(ValueError, match=r"column 'y' is empty; predict another .target="):
        read("a,y\n1,\n2,NA\n", missing="impute")
    with pytest.raises(ValueError, match=r"no complete row of data: column 'b' is empty; leave it out .ignore="):
        read("a,b,y\n1,,0\n2,NA,1\n", missing="drop")


@pytest.mark.parametrize("told", [["unknown", -999], ["UNKNOWN", "-999.0"]])
def test_marks_that_the_caller_tells(read, tmp_path, told):
    dataset, _ = read(
        "a,c,y\n1,red,0\n-999,unknown,1\n3,red,0\n", missing="impute", missing_values=told, task="classification"
    )
    assert dataset.feature_names == ("a", "a missing", "c=red") and np.isnan(dataset.X[1, [0, 2]]).all()
    schema = Schema.from_dict(json.loads(json.dumps(dataset.schema.to_dict())))
    later = tmp_path / "later.csv"
    later.write_text("a,c\n-999,red\n")
    assert np.isnan(schema.read(CsvTable(later), missing="impute")[0][0, 0])
    for one, example in (("unknown", "'unknown'"), (-999, "-999"), (None, "'unknown'")):
        with pytest.raises(TypeError, match=rf"missing_values must be a collection such as \[{example}\], got"):
            read("a,y\n1,0\n", missing_values=one)


@pytest.mark.parametrize(
    ("content", "filled"),
    [
        ("a;b;y\n1,5;1;0\n2,5;-999,0;1\n", "-999 with decimals behind a comma"),
        ("a;b;y\n1,5;1;0\n2,5;-999,00;1\n", "the same"),
        ("a,b,y\n1,$1,0\n2,-$999,1\n", "with a currency"),
        ("a,b,y\n1,1 kg,0\n2,-999 kg,1\n", "with a unit"),
        ("a,b,y\n1,1,0\n2,\N{MINUS SIGN}999,1\n", "with another minus sign"),
        ("a,b,y\n1,1.5%,0\n2,-999.0 %,1\n", "with a per cent sign"),
    ],
)
def test_a_number_that_stands_for_a_gap_is_known_however_it_is_written(read, content, filled):
    dataset, _ = read(content, missing="impute", missing_values=[-999])
    assert dataset.feature_names == ("a", "b", "b missing") and np.isnan(dataset.X[1, 1]), filled
    assert read(content.replace("999", "998"), missing="impute", missing_values=[-999])[0].X[1, 1] == -998


def test_a_text_before_numbers_may_be_said_to_stand_for_a_gap(read):
    with pytest.raises(ValueError, match=r"held text up to .* '3'; correct it, say if 'unknown' stands for a missing"):
        read("a,b,y\n1,unknown,1\n2,3,0\n3,4,1\n")
    with pytest.raises(ValueError, match=r"held text up to here and now '3'; correct it, or treat"):
        read("a,b,y\n1,red,1\n2,blue,0\n3,3,1\n")


def test_a_number_that_may_stand_for_a_gap_is_said(read):
    _, said = read("a,y\n1,0\n-999,1\n-999,0\n")
    assert "column 'a' holds '-999' 2 times and nothing else below 0; if it is a missing value, say so" in said[0]
    assert read("a,y\n-5,0\n-99,1\n")[1] == [] and read("a,y\n1,0\n-999,1\n", missing_values=[-999], missing="drop")


def test_namibia(read):
    content = 'country,y\n"NA",1\nUS,0\nDE,1\n'
    for missing in ("error", "drop", "impute"):
        dataset, said = read(content, missing=missing)
        assert dataset.feature_names == ("country=DE", "country=NA", "country=US")
        assert "has 'NA', read as one of its codes of two letters" in said[0] and "--missing-values" in said[0]
    assert Schema.from_dict(dataset.schema.to_dict()).columns[0].is_gap("NA", dataset.schema.marks) is False
    told, said = read(content, missing="impute", missing_values=["NA"])
    assert told.feature_names == ("country=DE", "country=US")
    for texts in ("NA,red,blue", "NA,US", "NA,USA,DE", "NA,de,us", "na,DE,US"):  # no codes beside it
        content = "c,y\n" + "".join(f"{text},{i % 2}\n" for i, text in enumerate(texts.split(",")))
        with pytest.raises(ValueError, match="column 'c' has no value"):
            read(content)


def test_chosen_features_keep_how_their_columns_are_read(read):
    """Most frequent is a text that is no feature: then the gap is none of those that are."""
    content = 'n,c,m,y\n1,x,"1,5",0\n2,x,"2,5",1\n,z,"3,5",0\n4,,"4,5",1\n9,x,"5,5",0\n5,z,"6,5",0\n6,w,"7,5",1\n'
    whole, _ = read(content, missing="impute")
    names = ("c=z", "m", "n", "c=w")
    schema = Schema.from_dict(json.loads(json.dumps(whole.schema.choose(names).to_dict())))
    assert schema == whole.schema.choose(names) and schema.feature_names == names
    at = [whole.feature_names.index(name) for name in names]
    X = whole.X[:, at]
    chosen = Preparation.fit(replace(whole, X=X, feature_names=names, schema=schema), standardize=False)
    assert chosen.fill(X)[2:4].tolist() == [[1, 3.5, 4.5, 0], [0, 4.5, 4, 0]]
    state = {**schema.to_dict(), "chosen": [0, 99]}
    with pytest.raises(ValueError, match="among the numbers 0 to 5, got"):
        Schema.from_dict(state)


def test_a_preparation_of_an_older_file_has_no_values_for_gaps(read):
    assert Preparation.fit(read("a,y\n1,0\n2,1\n")[0]).imputer is None
    preparation = Preparation.fit(read("a,b,y\n1,1,0\n,3,0\n2,2,1\n", missing="impute")[0])
    state = json.loads(preparation.to_json())
    assert state.pop("fill") == [1.5, None, None]
    assert Preparation.from_json(json.dumps(state)).imputer is None
    for fill in ([1.0, 2.0], ["x", 1, 2], [[1.0]] * 3, None, [1e999, 1, 2], [1, 2, 3, 4]):
        with pytest.raises(ValueError, match="not a preparation"):
            Preparation.from_json(json.dumps({**state, "fill": fill}))


@pytest.mark.parametrize("codes", [["007", "012", "123"], ["01234", "98765", "10115"], ["0001", "0002", "10"]])
def test_codes_with_leading_zeros_are_texts_and_said(read, codes):
    dataset, said = read("zip,a,y\n" + "".join(f"{code},{i},{i % 2}\n" for i, code in enumerate(codes)))
    assert dataset.feature_names == (*(f"zip={code}" for code in sorted(codes)), "a")
    assert "column 'zip' is read as text" in said[0] and "begins with 0" in said[0]
    many = "zip,a,y\n" + "".join(f"{i % 150:04d},{i},{i % 2}\n" for i in range(300))
    with pytest.raises(
        ValueError,
        match=r"column 'zip' has more than 100 different texts, for '0000' begins with 0 as codes do; .*ignore=",
    ):
        read(many)


@pytest.mark.parametrize("numbers", [["0", "1", "0"], ["0.5", "0.25", "1"], ["01", "02", "10"], ["007", "1.5", "2"]])
def test_other_numbers_with_zeros_stay_numbers(read, numbers):
    content = "a,y\n" + "".join(f"{number},{i % 2}\n" for i, number in enumerate(numbers))
    assert read(content)[0].X[:, 0].tolist() == [float(number) for number in numbers]


def test_ids_of_numbers_are_said(read):
    def rows(name):
        return f"{name},a,y\n" + "".join(f"{1000 + i},{i % 7},{i % 2}\n" for i in range(30))

    for name in ("id", "customer_id", "ID", "row", "Index", "order no", "PassengerId", "userID", "Nr.", "Kundennummer"):
        dataset, said = read(rows(name))
        assert dataset.n_features == 2 and "holds another whole number in each row, as ids do" in said[0]
    for name in ("paid", "year", "price", "grid", "MADRID"):
        assert read(rows(name))[1] == []


BELOW = {
    "totals": "Total,9,1\n",
    "totals and a source": "Grand total,9,1\n\nSource: a census\n",
    "a note cut short": "as of May 2024\n",
    "a note filled up": '"Source: a census, 2024",,\n',
    "an average": "Average,4.5,0.5\n",
    "Summe": "Summe:,9,1\n",
    "a totals row without numbers": "Total,,\n",
}


@pytest.mark.parametrize("below", BELOW.values(), ids=BELOW)
@pytest.mark.parametrize("first", ["1 2 3", "north south west"])
def test_what_stands_below_a_table_is_passed_over_and_said(read, below, first):
    content = "a,b,y\n" + "".join(f"{name},{i},{i % 2}\n" for i, name in enumerate(first.split()))
    plain, _ = read(content)
    for missing in ("error", "impute"):
        dataset, said = read(content + below, missing=missing)
        assert dataset.X.tolist() == plain.X.tolist() and dataset.feature_names == plain.feature_names
        assert len(said) == 1 and re.search("^below the table line 5.* is passed over: ", said[0])


def test_what_only_looks_like_something_below_a_table(read):
    brands = "brand,b,y\nTotal,1,0\nShell,2,1\nTotal,3,0\n"
    assert read(brands)[0].n_samples == 3 and read(brands)[1] == []
    assert read("a,y\nTotal,1\n", task="regression")[0].n_samples == 1
    with pytest.raises(ValueError, match=r"t.csv:4: expected 2 fields as in the first row, got 1"):
        read("a,y\n1,0\n2,1\n3")
    with pytest.raises(ValueError, match=r"t.csv:3: expected 2 fields as in the first row, got 1"):
        read("a,y\n1,0\nSource: none\n2,1\n")


def test_numbers_of_a_style():
    assert DateStyle("dmy").numbers("no date") is None


MIXED = (
    ",id,day,size,zip,colour,empty,const,x,y\n"
    + "".join(
        f"{i},n{i},2024-01-{1 + i % 28:02d},{f'{i} kg' if i % 15 else '-'},"
        f"{i % 3:03d},{('red', '', 'blue')[i % 3]},,1,{i},{i}.5\n"
        for i in range(1, 30)
    )
    + "0,n0,2024-01-01,3 kg,000,red,,1,TBD,\n"
)


def test_a_survey_says_of_every_column_what_it_holds_and_what_it_becomes(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(MIXED)
    table = CsvTable(path)
    found = {it.name: (it.type, it.missing, it.distinct, it.becomes) for it in survey(table, missing="impute")}
    assert found == {
        "column 1": ("number", 0, 30, "left out: numbers the rows"),
        "id": ("text", 0, 30, "30 columns of 0 and 1; another in each row, as ids are"),
        "day": ("date", 0, 28, "days since 1970-01-01"),
        "size": ("number", 1, 28, "a number, gaps filled, marked"),
        "zip": ("text", 0, 3, "3 columns of 0 and 1"),
        "colour": ("text", 10, 2, "2 columns of 0 and 1, gaps filled"),
        "empty": ("empty", 30, 0, "left out: no value"),
        "const": ("number", 0, 1, "a number; tells nothing: the same in every row"),
        "x": ("mixed", 0, None, "refused: line 31 holds 'TBD' among numbers"),
        "y": ("number", 1, 29, "the target, a number, rows with gaps left out"),
    }
    assert table.notes == []
    refused = {it.name: it.becomes for it in survey(table, missing="error", ignore=["id"], missing_values=["tbd"])}
    assert refused["colour"] == "2 columns of 0 and 1, refused for its gaps" and refused["id"] == "left out: ignored"
    assert refused["x"] == "a number, refused for its gaps" and refused["empty"] == "refused: no value"
    dropped = {it.name: it.becomes for it in survey(table, "id", missing="drop", date_parts=["weekday"])}
    assert dropped["id"] == "the target, 30 classes" and dropped["day"] == "days since 1970-01-01 and 1 parts"
    assert dropped["size"] == "a number, rows with gaps left out"


def test_a_survey_names_what_will_be_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("day,n,y\n" + "".join(f"03/04/2024,n{i},{i}.5\n" for i in range(120)))
    found = {it.name: it.becomes for it in survey(CsvTable(path))}
    assert found["day"] == "refused: column 'day': '03/04/2024' may be 2024-04-03 or 2024-03-04"
    assert found["n"].startswith("refused: column 'n' has more than 100 different texts, no two alike")
    assert found["y"] == "the target, a number"


def test_numbers_with_an_unknown_mark_are_texts_and_said(read):
    _, said = read(table(["1.5M", "2M", "3M"]))
    assert len(said) == 1 and "such as '1.5M', which no later row may have; if these are numbers, write them" in said[0]
    assert read(table(["12A", "13C"]))[1] == read(table(["7A", "7A"]))[1] == read(table(["A", "B"]))[1] == []


def test_an_empty_column_at_the_end_that_pandas_has_named_is_left_out(read):
    dataset, said = read("a,b,y,Unnamed: 3\n1,2,0,\n2,3,1,\n")
    assert dataset.feature_names == ("a", "b") and "an empty column without a name is left out" in said[0]
    assert read("a,y,Unnamed: 2\n1,0,\n2,1,\n", ignore=["Unnamed: 2"])[0].feature_names == ("a",)


def test_an_unknown_text_is_not_compared_with_every_level(monkeypatch):
    seen = []
    monkeypatch.setattr(levels, "as_value", lambda text: seen.append(text) or text)
    column = levels.Levels("c", [f"L{i}" for i in range(100)])
    for line in range(200):
        column.one_hot(f"U{line}", line)
    assert column.one_hot("l7", 200)[7] == 1 and len(seen) < 1000


def test_marks_that_are_numbers_do_not_go_through_all_classes_in_every_row(read, tmp_path, monkeypatch):
    path = tmp_path / "c.csv"
    path.write_text("x,y\n" + "".join(f"{i}.5,{i % 100}\n" for i in range(300)))
    read_as = read_csv(path, task="classification", missing_values=[-999]).schema
    seen = []
    monkeypatch.setattr("nncore.datasets.schema.number", lambda text: seen.append(text) or float(text))
    read_as.read(CsvTable(path))
    assert len(seen) < 1500


def test_whole_numbers_that_no_float_holds_are_said_and_stay_apart_as_classes(read):
    large = [9007199254740993, 9007199254740992]
    dataset, _ = read("x,y\n" + "".join(f"{i},{large[i % 2]}\n" for i in range(8)), task="classification")
    assert dataset.target_names == tuple(map(str, sorted(large))) and dataset.y.tolist() == [1, 0] * 4
    _, said = read(table(["5", str(2**53 + 1), "6"]))
    assert len(said) == 1 and "column 'day' holds whole numbers past 2**53, such as '9007199254740993'" in said[0]
    assert "--ignore" in said[0] and read(table([str(2**53), "1e300", "-1.5"]))[1] == []


@pytest.mark.parametrize(
    "texts",
    [
        "(12.50) (3.25) (4.00)",
        "1.5M 2.3K 4.0M",
        "1_000 2_000",
        "0x10 0xff",
        "1/2 3/4",
        "1.5D3 2.0D-2",
        "52°30'N 48°10'N",
        "١٫٥ ٢٫٥",
        "<0.5 <0.7",
        "12.- 3.-",
        "1.5±0.1 2.0±0.2",
        "1st 2nd",
        "'1 '2",
    ],
)
def test_texts_that_may_be_numbers_are_said(read, texts):
    dataset, said = read(table(texts.split()))
    assert dataset.feature_names[0].startswith("day=") and len(said) == 1 and "if these are numbers" in said[0]
    assert read(table(texts.split()), categorical=["day"])[1] == []
    alike = len({re.sub(r"\d[\d.]*", "0", text) for text in texts.split()}) == 1 and re.search(r"^[^\w]|\W$", texts)
    assert len(read(table(texts.split() * 3))[1]) == bool(alike)  # few others are hardly more than categories


@pytest.mark.parametrize(
    ("texts", "marks"),
    [
        (("5 sq ft", "1 250 sq ft"), "'sq ft'"),
        (("$5K", "$6.5K"), "'$' and 'K'"),
        (("5 years old", "6 years old"), "'years old'"),
        (("5 (kg)", "6 (kg)"), "'(kg)'"),
        (("1.250 -", "13 -"), "'-'"),
        (("#5", "#6"), "'#'"),
        (('"5"""', '"6.5"""'), "'\"'"),  # inches
        (("5bps", "6bps"), "'bps'"),
    ],
)
def test_marks_that_all_numbers_have_are_said(read, texts, marks):
    for n in (1, 6):
        _, said = read(table(texts * n))
        assert len(said) == 1 and f"if these are numbers, write them without {marks}" in said[0]
    target = "a,y\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts * 6))
    assert "if these are numbers, write them without" in read(target)[1][0]
    assert read(table(["Room 5", "Room 6"]))[1] == read("a,y\n1,3 stars\n2,4 stars\n")[1] == []


def test_of_many_texts_that_may_be_numbers_it_does_not_matter_that_they_repeat(read):
    assert "if these are numbers" in read(table([f"({i}.50)" for i in range(11)] * 3))[1][0]


@pytest.mark.parametrize(
    "texts",
    [("12:30", "13:45"), ("1:02:30", "0:13:45"), ("1:05 PM", "11:05 am"), ("1h 30m", "45m"), ("PT1H30M", "PT45M")],
)
def test_texts_that_may_be_times_are_said(read, texts):
    for said in (read(table(texts))[1], read(table(texts * 3))[1]):
        assert len(said) == 1 and "if these are times or durations, write them as numbers" in said[0]
    assert read(table(texts), categorical=["day"])[1] == []


def test_numbers_with_several_words_are_said(read):
    for texts, words in (
        (("52.5 N", "33.9 S", "12.25 N") * 3, "'N' and 'S'"),
        (("1 day", "3 days", "5 days"), "'day' and"),
    ):
        _, said = read(table(texts))
        assert len(said) == 1 and f"if these are numbers, write them without {words}" in said[0]
    assert read(table(["5 Main", "7 Elm", "9 Oak"]))[1] == []


def test_columns_that_are_the_same_in_every_row_are_said(read):
    for value in ("5", "red", "$5", "2024-01-31"):
        _, said = read("c,a,y\n" + "".join(f"{value},{i % 7},{i % 2}\n" for i in range(30)))
        assert f"column 'c' is '{value}' in all of the 30 rows: what another value means, no row tells" in said[-1]
    gaps = "c,a,y\n" + "".join(f"{'' if i else 5},{i % 7},1.5\n" for i in range(30))
    assert "missing values are filled" in read(gaps, missing="impute")[1][-1]
    assert read("c,a,y\n" + "".join(f"5,{i},{i}.5\n" for i in range(3)))[1] == []


def test_a_date_far_away_is_said(read):
    _, said = read(table(["2024-01-31", "9999-12-31"]))
    assert "holds '9999-12-31', a date far away; if it is a missing value, say so (missing_values=" in said[1]
    assert np.isnan(
        read(table(["2024-01-31", "9999-12-31"]), missing="impute", missing_values=["9999-12-31"])[0].X[1, 0]
    )


def test_names_are_said_that_are_nearly_another_in_each_row_also_as_the_target(read):
    rows = "".join(f"n{max(i, 1)},{i % 7},m{i}\n" for i in range(30))
    _, said = read("name,a,y\n" + rows)
    assert "'name' is text, another in nearly each of the 30 rows" in said[0] and "leave it out (ignore=" in said[0]
    assert "'y' is text, another in each of the 30 rows" in said[1] and "predict another column (target=" in said[1]
    assert read("name,a,y\n" + "".join(f"n{i // 2},{i % 7},{i % 2}\n" for i in range(30)))[1] == []


@pytest.mark.parametrize(
    "pair", [("yes", "'yes'"), ("caf\u00e9", "cafe\u0301"), ("yes", "yes\u200b"), (">50K", ">50K.")]
)
def test_texts_that_differ_in_marks_alone_are_said(read, pair):
    _, said = read("a,y\n" + "".join(f"{i},{text}\n" for i, text in enumerate((*pair, "no"))))
    assert len(said) == 1 and "which count as two; if they are one, write them alike" in said[0]
    assert read("a,y\n1,A+\n2,A\n3,-1st\n4,1st\n")[1] == []


def test_texts_that_differ_in_small_and_large_letters_are_said(read):
    assert read(table(["True", "no", "true"]))[1] == [
        "column 'day' has 'True' and 'true', which count as two; if they are one, write them alike"
    ]
