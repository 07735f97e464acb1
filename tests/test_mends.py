"""What is no number is named, by column and value, with what to do about it; numbers of every package are numbers."""

import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from nncore import Dense, Sequential
from nncore.arrays.inputs import features, real_array, sample_weights
from nncore.arrays.targets import targets
from nncore.datasets import Standardizer, train_test_split

F32, F64 = np.dtype("float32"), np.dtype("float64")
DAYS = pd.to_datetime(["2024-01-01", "2024-01-03"])
SPANS = pd.to_timedelta([1, 2], "D")
ONE_HOT = r"; give each of its values a column of 0 and 1 \(one-hot\)"


def frame(**columns):
    return pd.DataFrame({"size": [1.5, 2.5], **columns})


BAD_COLUMNS = [
    (
        frame(a=["red", "blue"]),
        rf"'red' at row 0, column 1 \('a'\) is of type str{ONE_HOT}: pandas.get_dummies\(X, col",
    ),
    (frame(a=pd.Categorical(["red", "blue"])), rf"'red' at row 0, column 1 \('a'\) is of type str{ONE_HOT}"),
    (frame(a=[1, "blue"]), r"'blue' at row 1, column 1 \('a'\) is of type str; most of its"),
    (frame(a=pd.array(["x", "y"], "string")), rf"column 1 \('a'\) .*{ONE_HOT}"),
    (
        frame(a=["1.5", "2"]),
        r"'1.5' at row 0, column 1 \('a'\) .*; these are numbers stored as text: X\['a'\].astype\(f",
    ),
    (frame(a=["red", "blue"], b=["x", "y"]), r"pandas.get_dummies\(X, columns=\['a', 'b'\], dtype=float\)"),
    (frame(a=["1,5", "12,50"]), r"decimal comma: X\['a'\].str.replace\(',', '.'\).astype\(float\) makes"),
    (frame(a=["1,250", "2,500"]), ONE_HOT),  # thousands, perhaps
    (frame(a=[1, "?"]), r"most of its column are numbers: .* pandas.to_numeric\(X\['a'\], errors='coerce'\)$"),
    (frame(a=["1.5", None]), r"these are numbers stored as text: X\['a'\].astype\(float\)"),
    (frame(a=pd.period_range("2024", periods=2, freq="Y")), r"of type Period; .* years: X\['a'\].dt.year$"),
    (iter([[1.0, 2.0]]), r"is of type list_iterator; give list\(X\)$"),
    (frame(a=DAYS), r"but X\['a'\] has dtype datetime64.*; .* days: \(X\['a'\] - X\['a'\].min\(\)\).dt.days$"),
    (
        frame(a=DAYS)[["a"]],
        r"X\['a'\] has dtype datetime64",
    ),
    (frame(a=SPANS), r"but X\['a'\] has dtype timedelta64.*; .* seconds: X\['a'\].dt.total_seconds\(\)$"),
    (frame(a=SPANS)[["a"]], r"X\['a'\] has dtype timedelta64"),
    (
        frame(a=[datetime.date(2024, 1, 1)] * 2),
        r"column 1 \('a'\) is of type date; make numbers of them, .*\['a'\].min",
    ),
    (frame(a=[1 + 2j, 1]), r"Complex data not supported"),
    (frame(a=[1j, "x"]), r"1j at row 0, column 1 \('a'\) is of type complex"),
    (frame(a=[[1], [2]]), r"\[1\] at row 0, column 1 \('a'\) is of type list; .* of its own: numpy.stack\(X\['a'\]\)$"),
    (
        frame(a=pd.array([1, None], "Int64")),
        r"<NA> at row 1, column 1 \('a'\) is a missing value; leave rows with missing values out, or",
    ),
    (frame(a=pd.array([True, None], "boolean")), r"<NA> at row 1, column 1 \('a'\) is a missing value"),
    (frame(a=[True, None]), r"None at row 1, column 1 \('a'\) is a missing value"),
    (frame(a=[DAYS[0], pd.NaT]), r"X\['a'\] has dtype datetime64"),
    (
        frame(a=[1.0, np.nan]),
        r"NaN: 1 value\(s\), the first at row 1, column 1 \('a'\); leave rows with missing values out, or fill",
    ),
    (frame(a=[1.0, np.inf]), r"infinity .* row 1, column 1 \('a'\), inf$"),
    (np.array([["1", "red"], ["2", "blue"]]), rf"it holds text, \['red'\] at row 0, column 1{ONE_HOT}; nncore"),
    (np.array([["1", "2"]]), r"text, \['1'\] to begin with; these are numbers stored as text: X.astype\(float\) makes"),
    ([["1", "2"]], r"these are numbers stored as text: numpy.asarray\(X, dtype=float\) makes"),
    ([["1,5"]], r"decimal comma: numpy.char.replace\(numpy.asarray\(X, dtype=str\), ',', '.'\).astype\(float\) makes"),
    (np.array([["1,5"]]), r"decimal comma: numpy.char.replace\("),
    (np.array([[b"x"]]), ONE_HOT),
    (np.array([["x"]], np.dtypes.StringDType()), ONE_HOT),
    (np.array([DAYS.to_numpy()]), r"dtype datetime64.*days: \(X - X.min\(\)\) / numpy.timedelta64\(1, 'D'\)$"),
    (np.array([[np.timedelta64(1, "D"), 1.0]], object), "is of type timedelta64; .* X / numpy.timedelta64"),
    (np.zeros(2, [("a", "f4"), ("b", "f4")]), r"numpy.lib.recfunctions.structured_to_unstructured\(X\)$"),
    ({"a": [1, 2]}, r"is of type dict; make a table of it first, for example: pandas.DataFrame\(X\)$"),
    ({"a": 1, "b": 2.5}, r"is of type dict; make a table of it first, for example: pandas.DataFrame\(\[X\]\)$"),
    ([{"a": 1}, {"a": 2}], r"is of type dict; make a table of it first"),
    ([np.ma.array([1.0, 2.0], mask=[0, 1]), np.ma.array([1.0, 2.0])], r"X\[0\] is a masked array with 1 masked value"),
    ((np.array([1.0, 2.0]), np.ma.array([1.0, 2.0], mask=[1, 1])), r"X\[1\] is a masked array with 2 masked value"),
    ([scipy.sparse.csr_array(np.eye(2))] * 2, r"sparse input is not supported; use X\[0\].toarray\(\)"),
]


@pytest.mark.parametrize(("X", "said"), BAD_COLUMNS, ids=[row[1][:60] for row in BAD_COLUMNS])
def test_a_column_that_holds_no_numbers_is_named_with_what_to_do(X, said):
    with pytest.raises((TypeError, ValueError), match=said):
        features(X, F32)


def test_what_the_errors_advise_works():
    """Each expression that `BAD_COLUMNS` found in an error, run."""
    X = frame(a=["red", "blue"])
    assert features(pd.get_dummies(X, columns=["a"], dtype=float), F64).tolist() == [[1.5, 0, 1], [2.5, 1, 0]]
    assert frame(a=["1.5", "2"])["a"].astype(float).tolist() == [1.5, 2]
    X = frame(a=DAYS)
    assert ((X["a"] - X["a"].min()).dt.days).tolist() == [0, 2]
    assert frame(a=SPANS)["a"].dt.total_seconds().tolist() == [86400, 172800]
    X = DAYS.to_numpy()
    assert ((X - X.min()) / np.timedelta64(1, "D")).tolist() == [0, 2]
    assert frame(a=["1,5", "12,50"])["a"].str.replace(",", ".").astype(float).tolist() == [1.5, 12.5]
    for X in (["1,5"], np.array(["1,5"], object)):
        assert np.char.replace(np.asarray(X, dtype=str), ",", ".").astype(float).tolist() == [1.5]
    assert np.stack(frame(a=[[1, 2], [3, 4]])["a"]).tolist() == [[1, 2], [3, 4]]
    assert np.isnan(pd.to_numeric(frame(a=[1, "?"])["a"], errors="coerce")).tolist() == [False, True]
    assert np.asarray([["1", "2"]], dtype=float).tolist() == [[1, 2]]


GOOD = [
    frame(a=pd.array([1, 2], "Int64")),
    frame(a=pd.array([1, 2], "Float64")),
    frame(a=pd.array([1, 2], "UInt8")),
    frame(a=[1, 2]).convert_dtypes(),
    frame(a=[decimal.Decimal(1), 2]),
    frame(a=pd.Categorical([1, 2])),
    frame(a=pd.arrays.SparseArray([1.0, 2.0])),
    frame(a=[1, 2]).astype(object),
    frame(a=[1, 2]).set_index(pd.Index([9, 8])),
    frame(a=[1, 2]).to_numpy().astype(">f8"),
    [np.ma.array([1.5, 1.0], mask=[0, 0]), [2.5, 2.0]],
]


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (
            pd.Series([1.0, 2.0]),
            r"\(2,\); use X.to_frame\(\) if it is one feature, X.to_frame\(\).T if it is one sample$",
        ),
        (np.ones((2, 5)), r"X has 5 features, but the model expects 2; .* samples, give X.T, of shape \(5, 2\)$"),
        (np.ones((3, 5)), "X has 5 features, but the model expects 2$"),
    ],
)
def test_features_that_lie_otherwise(X, said):
    with pytest.raises(ValueError, match=said):
        features(X, F32, 2)


@pytest.mark.parametrize("X", GOOD, ids=lambda X: str(getattr(X, "dtypes", type(X))).replace("\n", " "))
def test_numbers_are_numbers_whatever_holds_them(X):
    assert features(X, F32).tolist() == [[1.5, 1], [2.5, 2]]


def test_polars():
    pl = pytest.importorskip("polars")
    X = pl.DataFrame({"size": [1.5, 2.5], "a": [1, 2]})
    assert features(X, F32).tolist() == [[1.5, 1], [2.5, 2]]
    days = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 3)]
    for name, column, said in (
        ("text", ["red", "blue"], ONE_HOT + r": X.to_dummies\(\['b'\]\)"),
        ("missing", [1, None], r"NaN: 1 value\(s\), the first at row 1, column 2 \('b'\)"),
        ("missing", [True, None], r"NaN: 1 value\(s\), the first at row 1, column 2 \('b'\)"),
        ("dates", days, r"X\['b'\] has dtype Date; .*: \(X\['b'\] - X\['b'\].min\(\)\).dt.total_days\(\)$"),
        ("times", [datetime.datetime(2024, 1, 1)] * 2, r"X\['b'\] has dtype Datetime"),
        ("spans", [datetime.timedelta(1)] * 2, r"X\['b'\] has dtype Duration.*: X\['b'\].dt.total_seconds\(\)$"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            features(X.with_columns(pl.Series("b", column)), F32)
            pytest.fail(name)
    with pytest.raises(TypeError, match=r"X\['b'\] has dtype Date; make numbers of them"):
        features(pl.DataFrame({"b": days}), F32)
    turned = pl.DataFrame({"b": days}).select((pl.col("b") - pl.col("b").min()).dt.total_days())
    assert turned["b"].to_list() == [0, 2]
    assert targets(pl.Series([1, 0]), "sparse_softmax_crossentropy", 2, 2, F32).tolist() == [1, 0]


def test_pyarrow():
    pa = pytest.importorskip("pyarrow")
    assert features(pa.table({"a": [1.5, 2.5], "b": [1, 2]}), F32).tolist() == [[1.5, 1], [2.5, 2]]
    assert features(frame(a=pd.array([1, 2], "int64[pyarrow]")), F32).tolist() == [[1.5, 1], [2.5, 2]]
    for column, said in (
        (["x", "y"], r"'x' at row 0, column 1 \('b'\) is of type str; give"),
        ([1, None], r"NaN: 1 .* row 1, column 1 \('b'\)"),
        ([datetime.date(2024, 1, 1)] * 2, r"X\['b'\] has dtype date32.*, for example days$"),
        ([datetime.timedelta(1)] * 2, r"X\['b'\] has dtype duration.*, for example seconds$"),
    ):
        with pytest.raises((TypeError, ValueError), match=said):
            features(pa.table({"a": [1.5, 2.5], "b": column}), F32)
    with pytest.raises(ValueError, match=r"<NA> at row 1, column 1 \('a'\) is a missing value"):
        features(frame(a=pd.array([1, None], "int64[pyarrow]")), F32)


PAST = 2**53 + 1
ROUNDED = [
    (
        [[1, PAST]],
        r"^X holds 1 whole number\(s\) past 2\*\*53, the first at row 0, column 1: .* if they are ids, leave",
    ),
    (np.array([[1, 2], [1, 2**64 - 1]], np.uint64), "the first at row 1, column 1: as floats"),
    (np.array([[-PAST]]), "1 whole number"),
    ([[1, 2**64 - 1], [0.5, 2**63]], "holds 2 whole number"),
    (np.array([[1.5, PAST]], object), "row 0, column 1"),
    (pd.DataFrame({"f": [0.5, 1e300], "id": [1, PAST]}), r"1 whole number.* row 1, column 1 \('id'\)"),
    (pd.DataFrame({"f": [0.5, 1.0], "id": pd.array([1, PAST], "Int64")}), r"row 1, column 1 \('id'\)"),
    (pd.DataFrame({"f": [0.5, 1e20], "id": np.array([PAST, 2**80], object)}), r"2 whole .* row 0, column 1 \('id'\)"),
    (np.full((10_000, 1), PAST), r"holds 10000 whole number"),
]


@pytest.mark.parametrize(("X", "said"), ROUNDED, ids=[row[1][:40] for row in ROUNDED])
def test_whole_numbers_that_no_float_holds_are_said(X, said):
    with pytest.warns(UserWarning, match=said) as caught:
        real_array(X, F64, "X")
    assert [warning.filename for warning in caught] == [__file__]


def test_the_warning_points_at_who_called_nncore():
    with pytest.warns(UserWarning, match="past 2") as caught:
        Sequential([Dense(1)], dtype="float64").fit([[PAST], [0]], [0, 1], epochs=1)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    "X",
    [
        [[2**53]],
        [[1e300]],
        [[0.5, 1e20]],
        [[0.5, 2**53]],
        frame(a=np.array([1e20, 2.0], object)),
        pd.DataFrame({"f": [1e20], "i": [3]}),
        np.zeros((0, 2), int),
    ],
)
def test_nothing_is_said_of_other_numbers(X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features(X, F64, empty=True)


# ---- y and weights

SPARSE, REAL, BINARY = "sparse_softmax_crossentropy", "squared_error", "sigmoid_crossentropy"
BAD_TARGETS = [
    (SPARSE, ["no", "yes", "no"], 2, "encode class names as 0..k-1, for example: names, y = numpy.unique"),
    (BINARY, pd.Series(["no", "yes", "no"], dtype="category"), 1, "encode class names as 0..k-1"),
    (REAL, ["low", "high", "low"], 1, "encode class names as 0..k-1"),
    (REAL, pd.Series(["1.5", "2", "3"]), 1, r"these are numbers stored as text: y.astype\(float\) makes"),
    (
        SPARSE,
        pd.array([1, None, 0], "Int64"),
        2,
        r"y contains NaN: 1 value\(s\), the first at row 1; leave rows with missing values out$",
    ),
    (SPARSE, [1, pd.NA, 0], 2, "<NA> at row 1 is a missing value; leave"),
    (BINARY, pd.array([True, None, False], "boolean"), 1, "row 1"),
    (REAL, pd.Series([DAYS[0]] * 3), 1, "make numbers of them, for example days"),
    (REAL, np.zeros((1, 3)), 1, r"samples: 3 and 1; of its shape \(1, 3\) y.ravel\(\) has an entry per sample$"),
    (REAL, np.zeros((2, 3)), 2, r"samples: 3 and 2; of its shape \(2, 3\) y.T has an entry per sample$"),
    (SPARSE, np.zeros((1, 3)), 3, r"y.ravel\(\) has an entry per sample$"),
    (SPARSE, np.eye(3), 2, r"\(3, 2\) one-hot; for one-hot rows of 3 classes end with Dense\(3, \"softmax\"\)$"),
    (SPARSE, [0, 2, 9], 2, "labels must be 0..1$"),
    (BINARY, [0, 255, 0], 1, "if the classes are 0 and 255, number them: names, y = numpy.unique"),
    (BINARY, np.eye(3), 1, r"end with Dense\(3, \"softmax\"\), or make numbers of them: y.argmax\(axis=1\)$"),
    (REAL, [1j, 0, 0], 1, "Complex data not supported"),
]


@pytest.mark.parametrize(("kernel", "y", "n_outputs", "said"), BAD_TARGETS, ids=[row[3][:50] for row in BAD_TARGETS])
def test_targets_that_do_not_fit_say_what_would(kernel, y, n_outputs, said):
    with pytest.raises((TypeError, ValueError), match=said):
        targets(y, kernel, 3, n_outputs, F32)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (
            "balanced",
            "sample_weight must have a number per row, got 'balanced' .*; weights of classes are class_weight",
        ),
        ({0: 1, 1: 2}, "weights of classes are class_weight"),
        (np.ones((3, 2)), r"must have shape \(3,\), got \(3, 2\); each row has one weight, for all its outputs"),
        (np.ones((1, 3)), r"got \(1, 3\); of its shape \(1, 3\) sample_weight.ravel\(\) has an entry per sample"),
        (pd.Series([1, None, 2], dtype="Int64"), "sample_weight contains NaN"),
    ],
)
def test_weights_that_do_not_fit_say_what_would(weights, said):
    with pytest.raises((TypeError, ValueError), match=said):
        sample_weights(weights, 3, F32)


def test_more_classes_than_outputs():
    with pytest.raises(
        ValueError, match=r"labels must be 0..1; for the classes 0..2 end with Dense\(3, \"softmax\"\)$"
    ):
        targets([0, 1, 2] * 4, SPARSE, 12, 2, F32)


def test_splitting_and_standardising_refuse_them_too():
    masked, sparse = np.ma.masked_equal([[1.0, 2.0], [3.0, 4.0]], 4), scipy.sparse.csr_array(np.eye(2))
    for X, said in ((masked, "X is a masked array with 1 masked"), (sparse, r"use X.toarray\(\)")):
        for use in (Standardizer().fit, Standardizer().fit([[0, 1]]).transform, lambda X: train_test_split(X, [0, 1])):
            with pytest.raises((TypeError, ValueError), match=said):
                use(X)
    with pytest.raises(TypeError, match=r"use stratify.toarray\(\)"):
        train_test_split([1, 2], stratify=sparse)
    with pytest.raises(ValueError, match=r"X holds no numbers in column 1 \('a'\): .*'red'"):
        Standardizer().fit(frame(a=["red", "blue"]))


def test_class_weight_takes_the_keys_that_numpy_finds_in_float_labels():
    X, y = np.arange(12.0).reshape(6, 2), np.array([0.0, 1, 1, 0, 1, 1])
    losses = [
        Sequential([Dense(2, "softmax")]).fit(X, y, class_weight=weights).loss.tolist()
        for weights in (dict(zip(np.unique(y), [3, 1], strict=True)), {0: 3})
    ]
    assert losses[0] == losses[1]
