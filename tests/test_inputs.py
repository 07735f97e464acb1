"""X, y and sample_weight: every layout is accepted, nothing is written to, and what is wrong is named."""

import copy
import pickle
import re
import time

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from nncore import Dense, Sequential
from nncore.arrays import inputs
from nncore.arrays import targets as arrays_targets
from nncore.arrays.inputs import all_finite, features, real_array, sample_weights
from nncore.arrays.order import said_of_split
from nncore.arrays.targets import targets

F32, F64 = np.dtype("float32"), np.dtype("float64")
VALUES = np.arange(12).reshape(4, 3) / 4  # exact in float16


def misaligned(array):
    buffer = bytearray(array.nbytes + 1)
    view = np.frombuffer(buffer, dtype=array.dtype, count=array.size, offset=1).reshape(array.shape)
    view[:] = array
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "list": lambda a: a.tolist(),
    "tuple of tuples": lambda a: tuple(map(tuple, a.tolist())),
    "C order": lambda a: a.copy(),
    "Fortran order": np.asfortranarray,
    "transposed view": lambda a: a.T.copy().T,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "negative strides": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "float16": lambda a: a.astype(np.float16),
    "float32": lambda a: a.astype(np.float32),
    "longdouble": lambda a: a.astype(np.longdouble),
    "objects": lambda a: a.astype(object),
    "matrix": lambda a: np.asmatrix(a),
    "unmasked masked array": lambda a: np.ma.masked_array(a, mask=False),
    "pandas frame": pd.DataFrame,
    "pandas nullable frame": lambda a: pd.DataFrame(a).convert_dtypes(),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("dtype", [F32, F64], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_bits(layout, dtype):
    given = LAYOUTS[layout](VALUES)
    before = np.array(given, dtype=np.float64)
    array = features(given, dtype, 3)
    assert type(array) is np.ndarray
    assert array.dtype == dtype and array.dtype.isnative
    assert array.flags.c_contiguous and array.flags.aligned
    assert np.array_equal(array, VALUES.astype(dtype))
    assert np.array_equal(np.array(given, dtype=np.float64), before)


def test_fitting_array_is_not_copied():
    X = VALUES.astype(np.float32)
    assert features(X, F32, 3) is X
    y = np.zeros((4, 1), np.float32)
    assert targets(y, "squared_error", 4, 1, F32) is y
    assert np.shares_memory(targets(y[:, 0], "squared_error", 4, 1, F32), y)


def test_zero_strides_and_memory_maps(tmp_path):
    broadcast = np.broadcast_to(np.float32([1, 2, 3]), (5, 3))
    assert np.array_equal(features(broadcast, F32), [[1, 2, 3]] * 5)
    path = tmp_path / "X.npy"
    np.save(path, VALUES.astype(np.float32))
    mapped = np.load(path, mmap_mode="r")
    assert np.shares_memory(features(mapped, F32), mapped)


@pytest.mark.parametrize("dtype", ["?", "b", "B", "h", "H", "i", "I", "l", "L", ">i2", ">u8"])
def test_integers_and_booleans(dtype):
    X = np.array([[0, 1], [1, 1]], dtype)
    assert np.array_equal(features(X, F32), [[0, 1], [1, 1]])


def test_array_interface_is_asked_once():
    class Wrapped:
        calls = 0

        def __array__(self, dtype=None, copy=None):
            self.calls += 1
            return VALUES

    wrapped = Wrapped()
    features(wrapped, F32)
    assert wrapped.calls == 1


def holed(value, dtype=np.float64):
    X = np.ones((6, 3), dtype)
    X[4, 1] = value
    X[5, 2] = value
    return X


BAD_X = [
    ([1.0, 2.0], ValueError, r"Expected 2D array X .* got shape \(2,\); use X.reshape\(-1, 1\)"),
    (3.0, ValueError, r"Expected 2D array X .* got shape \(\)"),
    (np.ones((2, 2, 2)), ValueError, r"Expected 2D array X .* got shape \(2, 2, 2\)"),
    (np.ones((0, 3)), ValueError, r"X has 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
    (np.ones((2, 0)), ValueError, r"X has 0 features, but the model expects 3"),
    (np.ones((2, 4)), ValueError, "X has 4 features, but the model expects 3"),
    (
        holed(np.nan),
        ValueError,
        r"Input X contains NaN: 2 value\(s\), the first at row 4, column 1; leave rows with missing values out",
    ),
    (holed(np.inf), ValueError, r"infinity or a value too large for dtype\('float32'\): 2 .* row 4, column 1, inf$"),
    (holed(-np.inf), ValueError, r"Input X contains infinity .* row 4, column 1, -inf$"),
    (holed(1e39), ValueError, r"too large for dtype\('float32'\): 2 value\(s\), the first at row 4, column 1, 1e\+39$"),
    (np.ones((2, 3), complex), ValueError, "Complex data not supported: X has dtype complex128"),
    ([["a", "b", "c"]], ValueError, r"could not convert X to numbers: it holds text, \['a'\] to begin with"),
    (np.array([[b"a", b"b", b"c"]]), ValueError, "could not convert X to numbers"),
    (np.array([[1, "x", 2]], object), ValueError, "'x' at row 0, column 1 is of type str"),
    (np.array([[1, None, 2]], object), ValueError, "None at row 0, column 1 is a missing value; leave"),
    (np.array([["2020-01-01"] * 3], "M8[D]"), TypeError, "X must hold real numbers, got dtype datetime64"),
    (np.zeros((2, 3), [("a", "f4")]), TypeError, "X must hold real numbers"),
    (scipy.sparse.csr_matrix(np.eye(3)), TypeError, r"sparse input is not supported; use X.toarray\(\)"),
    (scipy.sparse.coo_array(np.eye(3)), TypeError, "sparse input is not supported"),
    (np.ma.masked_equal([[1, 2, 3]], 2), ValueError, r"X is a masked array with 1 masked value\(s\)"),
    ([[1, 2, 3], [4, 5]], ValueError, "X is ragged: .*inhomogeneous"),
    (iter([[1, 2, 3]]), ValueError, "could not convert X to numbers: .* of type list_iterator"),
    (None, ValueError, "could not convert X to numbers: None"),
    (pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [0, 0]}), ValueError, r"'x' at row 0, column 1 \('b'\) is of"),
    (pd.DataFrame({"a": [1, pd.NA], "b": [1, 2], "c": [0, 0]}), ValueError, r"<NA> at row 1, column 0 \('a'\) is a"),
]


@pytest.mark.parametrize(("X", "error", "message"), BAD_X, ids=[row[2][:40] for row in BAD_X])
def test_bad_features(X, error, message):
    with pytest.raises(error, match=message):
        features(X, F32, 3)


def test_values_too_large_for_float32_fit_float64():
    assert features(holed(1e39), F64)[4, 1] == 1e39


def test_large_finite_values_pass():
    """Their squares and sums overflow, which the quick test for NaN must not mistake for infinity."""
    for shape in [(4, 3), (5000, 3)]:
        X = np.full(shape, np.finfo(np.float32).max, np.float32)
        assert features(X, F32) is X


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_a_dtype_of_its_own_converts_nothing(name):
    """One that was pickled or deeply copied is equal to NumPy's and another object."""
    for dtype in (np.dtype(name), pickled(np.dtype(name)), copy.deepcopy(np.dtype(name))):
        for array in (VALUES.astype(name), pickled(VALUES.astype(name))):
            assert features(array, dtype) is array
            assert targets(array, REAL, 4, 3, dtype) is array


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_of_a_model_converts_no_array_that_fits(monkeypatch, copied):
    model = Sequential([Dense(3, "tanh"), Dense(1)], seed=0)
    model.build(3)
    X, y = VALUES.astype(np.float32), np.ones((4, 1), np.float32)
    other, expected = copied(model), model.predict(X).tobytes()
    for module in (inputs, arrays_targets):
        monkeypatch.setattr(module, "real_array", None)
    for rows in (X, pickled(X)):
        assert other.predict(rows).tobytes() == expected
        assert other.evaluate(rows, y)["loss"] > 0
    other.fit(pickled(X), pickled(y), verbose=0)
    other.train_on_batch(X, y)


@pytest.mark.parametrize("n", [1, 15, 16, 17, 8191, 8192, 8193, 100_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_all_finite_finds_one_bad_value_anywhere(n, bad):
    array = np.ones(n, np.float32)
    assert all_finite(array)
    for position in {0, n // 2, n - 1}:
        array[position] = bad
        assert not all_finite(array)
        array[position] = 1


def test_infinities_of_both_signs_do_not_cancel():
    assert not all_finite(np.array([np.inf, -np.inf] * 5000))


def test_no_rows_pass_where_allowed():
    assert features(np.ones((0, 3)), F32, 3, empty=True).shape == (0, 3)


# ---- y

SPARSE, SHARES, BINARY, REAL = (
    "sparse_softmax_crossentropy",
    "softmax_crossentropy",
    "sigmoid_crossentropy",
    "squared_error",
)
LABELS = [2, 0, 1, 1]
ONE_HOT = np.eye(3)[LABELS]

LABEL_FORMS = {
    "list": LABELS,
    "column": np.reshape(LABELS, (4, 1)),
    "int8": np.array(LABELS, np.int8),
    "uint64": np.array(LABELS, np.uint64),
    "big-endian": np.array(LABELS, ">i4"),
    "strided": np.repeat(LABELS, 2)[::2],
    "float": np.array(LABELS, np.float32),
    "series": pd.Series(LABELS, index=[5, 4, 3, 2]),
    "one-hot": ONE_HOT,
    "one-hot list": ONE_HOT.tolist(),
    "one-hot bool": ONE_HOT.astype(bool),
    "one-hot Fortran": np.asfortranarray(ONE_HOT),
}


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_class_labels_in_every_form(form):
    indices = targets(LABEL_FORMS[form], SPARSE, 4, 3, F32)
    assert indices.dtype == np.int32 and indices.flags.c_contiguous
    assert indices.tolist() == LABELS
    shares = targets(LABEL_FORMS[form], SHARES, 4, 3, F64)
    assert shares.dtype == F64 and np.array_equal(shares, ONE_HOT)


def test_two_classes_as_booleans():
    assert targets([True, False], SPARSE, 2, 2, F32).tolist() == [1, 0]
    assert targets([True, False], BINARY, 2, 1, F32).tolist() == [[1], [0]]


def test_soft_labels():
    soft = np.array([[0.2, 0.3, 0.5], [1, 0, 0]], np.float16)
    assert np.array_equal(targets(soft, SHARES, 2, 3, F32), soft.astype(np.float32))


@pytest.mark.parametrize("kernel", [BINARY, REAL])
def test_columns(kernel):
    assert targets([0, 1], kernel, 2, 1, F32).shape == (2, 1)
    assert targets([[0], [1]], kernel, 2, 1, F32).shape == (2, 1)
    assert targets([[0, 1, 0], [1, 1, 0]], kernel, 2, 3, F32).shape == (2, 3)


BAD_Y = [
    (SPARSE, [0, 1, 3, 0], "y contains the label 3 at row 2, but the network has 3 outputs: labels must be 0..2"),
    (SPARSE, [0, -1, 1, 0], "y contains the label -1 at row 1, .* labels must be 0..2"),
    (SPARSE, np.array([0, 2**63, 1, 0], np.uint64), "label 9223372036854775808 at row 1"),
    (SPARSE, [0, 0.5, 1, 0], "class labels must be whole numbers 0..2, got 0.5 at row 1; .*mean_squared_error"),
    (SPARSE, [0, np.nan, 1, 0], r"Input y contains NaN: 1 value\(s\), the first at row 1; leave"),
    (SPARSE, [0, np.inf, 1, 0], "label inf at row 1"),
    (SPARSE, ["a", "b", "a", "c"], r"text, \['a'\] to begin with; encode class names as 0..k-1, .*numpy.unique"),
    (SPARSE, pd.Series(["a", "b", "a", "c"]), "encode class names as 0..k-1"),
    (SPARSE, [0, 1, 2], "X and y have inconsistent numbers of samples: 4 and 3"),
    (SPARSE, np.eye(3), "X and y have inconsistent numbers of samples: 4 and 3"),
    (SPARSE, np.zeros((4, 2)), r"y has shape \(4, 2\), expected \(4,\) class indices or \(4, 3\) one-hot"),
    (SPARSE, np.full((4, 3), 1 / 3), "row 0 of y is not one-hot: .* loss='categorical_crossentropy'"),
    (SPARSE, np.zeros((4, 3), int), "row 0 of y is not one-hot"),
    (SPARSE, np.zeros((4, 1, 1)), r"y must be 1-D .* got shape \(4, 1, 1\)"),
    (SPARSE, 2, r"y must be 1-D .* got shape \(\)"),
    (SHARES, [0, 1, 3, 0], "y contains the label 3 at row 2"),
    (SHARES, np.full((4, 3), 0.5), "each row of y must sum to 1 for categorical_crossentropy; row 0 sums to 1.5"),
    (SHARES, [[2, -1, 0]] * 4, "categorical_crossentropy needs targets in 0..1, got 2 at row 0"),
    (SHARES, np.zeros((4, 2)), r"y has shape \(4, 2\)"),
    (BINARY, [0, 1, -1, 0], "binary_crossentropy needs targets in 0..1, got -1 at row 2"),
    (BINARY, [0, 1, 2, 0], "binary_crossentropy needs targets in 0..1, got 2 at row 2"),
    (BINARY, [0, 1, 2, 0], r'got 2 at row 2; for the classes 0..2 end with Dense\(3, "softmax"\) instead$'),
    (BINARY, [1, -1, 1, 1], r"got -1 at row 1; make the labels -1 and 1 into 0 and 1: y = \(y > 0\).astype\(int\)$"),
    (BINARY, [0, 0.5, 1.5, 0], "got 1.5 at row 2$"),
    (BINARY, [0, np.nan, 1, 0], r"Input y contains NaN: 1 value\(s\), the first at row 1"),
    (REAL, [0, 1, np.inf, 0], "Input y contains infinity .* row 2"),
    (REAL, [0, 1, 1e39, 0], "too large for dtype\\('float32'\\): 1 .* row 2"),
    (REAL, [0, 1, 2], "inconsistent numbers of samples: 4 and 3"),
    (REAL, np.zeros((4, 2)), r"y has shape \(4, 2\), expected \(4,\) or \(4, 1\): the network has 1 output\(s\)"),
    (REAL, 1.0, "y must have one entry per sample, got the single value 1.0"),
    (REAL, ["a"] * 4, "could not convert y to numbers"),
    (REAL, [[1], [2, 3], [4], [5]], "y is ragged"),
]


@pytest.mark.parametrize(("kernel", "y", "message"), BAD_Y, ids=[f"{row[0]}-{row[2][:30]}" for row in BAD_Y])
def test_bad_targets(kernel, y, message):
    with pytest.raises(ValueError, match=message):
        targets(y, kernel, 4, 3 if "softmax" in kernel else 1, F32)


def test_several_outputs_need_several_columns():
    with pytest.raises(ValueError, match=re.escape("y has shape (4,), expected (4, 2)")):
        targets([1, 2, 3, 4], REAL, 4, 2, F32)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        (REAL, r"the loss mean_squared_error \(what .*\) compares .* end with Dense\(3, \"softmax\"\) .* one-hot"),
        ("huber", r"the loss huber compares each with a number; for class labels end with Dense\(3, \"softmax\"\)"),
        (BINARY, r"output\(s\); for one class of several per row, end with softmax instead of sigmoid"),
    ],
)
def test_class_labels_for_a_loss_of_columns(kernel, said):
    with pytest.raises(ValueError, match=said):
        targets([0, 1, 2, 1], kernel, 4, 3, F32)


def test_one_hot_y_of_one_output_names_row_and_column():
    with pytest.raises(ValueError, match="the first at row 0, column 1"):
        targets([[0, np.nan], [1, 2]], REAL, 2, 2, F32)


# ---- sample_weight


def test_sample_weights():
    assert sample_weights(None, 3, F32) is None
    assert sample_weights([1, 0, 2], 3, F64).tolist() == [1, 0, 2]
    assert sample_weights(pd.Series([1, 0, 2]), 3, F32).dtype == F32


BAD_WEIGHTS = [
    ([1, 2], "X and sample_weight have inconsistent numbers of samples: 3 and 2"),
    ([1, -1, 1], "sample_weight must be >= 0, got -1 at row 1"),
    ([1, np.nan, 1], r"Input sample_weight contains NaN: 1 value\(s\), the first at row 1$"),
    ([1, np.inf, 1], "Input sample_weight contains infinity"),
    ([0, 0, 0], "sample_weight is zero for every sample: the sum of weights is zero"),
    ([[1, 1]] * 3, r"sample_weight must have shape \(3,\), got \(3, 2\)"),
    (1.0, r"sample_weight must have shape \(3,\), got \(\)"),
    (["a", "b", "c"], "could not convert sample_weight to numbers"),
]


@pytest.mark.parametrize(("weights", "message"), BAD_WEIGHTS, ids=[row[1][:40] for row in BAD_WEIGHTS])
def test_bad_sample_weights(weights, message):
    with pytest.raises(ValueError, match=message):
        sample_weights(weights, 3, F32)


def test_real_array_never_returns_a_view_that_could_be_misaligned():
    assert real_array(misaligned(VALUES.astype(np.float32)), F32, "X").flags.aligned


def test_sample_weights_may_be_a_column():
    assert sample_weights([[1], [0], [2]], 3, F32).tolist() == [1, 0, 2]


def test_frames_of_mixed_numbers_are_converted_at_once():
    n = 20_000
    frame = pd.DataFrame({f"c{i}": np.arange(n) % 2 == 0 if i % 2 else np.arange(n) / n for i in range(20)})
    seconds = []
    for _ in range(3):  # the quickest: other programs take their share of the others
        start = time.perf_counter()
        array = features(frame, F32)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.15  # one by one they take 0.3 s and more
    assert array.dtype == F32 and array[1].tolist() == [np.float32(1 / n), 0] * 10


@pytest.mark.parametrize(("exponent", "bits"), [(400, 1329), (5000, 16610)])
def test_an_integer_too_large_for_a_float_is_named(exponent, bits):
    """Of thousands of digits: Python refuses to print them."""
    said = f"X to numbers: an integer of {bits} bits at row 1, column 0 is past the largest float$"
    with pytest.raises(ValueError, match=said):
        features([[1], [10**exponent]], F32)


@pytest.mark.parametrize("size", [1e37, 9e37, 3e38, 1e39, -1e39])
def test_values_too_large_for_float32_are_refused_whatever_way_they_are_converted(size):
    X = np.zeros((3, 2))
    X[1, 1] = size
    if abs(size) < 3.4e38:
        assert features(X, F32)[1, 1] == np.float32(size)
    else:
        with pytest.raises(ValueError, match="infinity or a value too large"):
            features(X, F32)


# ---- rows that are sorted by what is to be learnt

EYE = np.eye(3, dtype=np.float32)
SORTED = np.repeat([0, 1, 2], 50).astype(np.int32)


@pytest.mark.parametrize(
    ("target", "loss", "cut", "said"),
    [
        (
            SORTED,
            "sparse_softmax_crossentropy",
            100,
            "the last 50 rows hold class 2, of which the rows to train on have",
        ),
        (SORTED, "sparse_softmax_crossentropy", 40, "the last 110 rows hold classes 1, 2, of which the rows to train"),
        (
            SORTED,
            "sparse_softmax_crossentropy",
            135,
            "the rows are sorted by class, and the last 15 rows hold class 2 alone",
        ),
        (SORTED, "sparse_softmax_crossentropy", 149, "rows are sorted by class, and the last row holds class 2 alone"),
        (EYE[SORTED], "softmax_crossentropy", 120, "the last 30 rows hold none of classes 0, 1"),
        (EYE[SORTED[::-1], :1], "sigmoid_crossentropy", 110, "the last 40 rows hold none of class 0, which"),
        (np.arange(50.0)[:, None], "squared_error", 40, "the last 10 rows hold targets that are all above those"),
        (-np.arange(50.0)[:, None], "absolute_error", 45, "the last 5 rows hold targets that are all below those"),
        (np.array([0, 1, 0, 1, 2], np.int32), "sparse_softmax_crossentropy", 4, "the last row holds class 2, of which"),
        (SORTED[:, None] + 1.0, "squared_error", 120, "all above those of the rows to .*, or equal to the largest"),
        (np.repeat(range(5), 10)[::-1, None] / 2, "huber", 43, "all below .* train on, or equal to the smallest"),
    ],
)
def test_a_split_of_sorted_rows_is_said(target, loss, cut, said):
    assert re.search(said, said_of_split(target[:cut], target[cut:], loss))


@pytest.mark.parametrize(
    ("target", "loss", "cut"),
    [
        (np.zeros(50, np.int32), "sparse_softmax_crossentropy", 40),
        (np.array([0, 0, 1, 1], np.int32), "sparse_softmax_crossentropy", 3),  # by chance, perhaps
        (np.arange(4.0)[:, None], "squared_error", 3),
        (np.tile([0, 1, 2], 50).astype(np.int32), "sparse_softmax_crossentropy", 149),
        (np.ones((50, 1)), "squared_error", 40),
        (np.r_[5.0, 9.0, np.zeros(48)][:, None], "squared_error", 40),  # most are equal
        (np.arange(100.0).reshape(50, 2), "squared_error", 40),
        (np.eye(2)[SORTED % 2], "sigmoid_crossentropy", 120),  # several questions
    ],
)
def test_nothing_is_said_of_other_splits(target, loss, cut):
    assert said_of_split(target[:cut], target[cut:], loss) == ""
